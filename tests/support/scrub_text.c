/* scrub_text.c - a configuration whose only file is a text. */
#include "tests/support/scrub_text.h"

#include <stdio.h>
#include <stdlib.h>

static char *file_of(void *argument, const char *path, size_t *size, char *why, size_t why_size)
{
    (void)path;
    (void)why;
    (void)why_size;
    const char *text = argument;
    *size = strlen(text);
    char *copy = memory_alloc(*size + 1);
    memcpy(copy, text, *size);
    return copy;
}

static const char *variable_of(void *argument, const char *name)
{
    (void)argument;
    (void)name;
    return NULL;
}

struct scrub_rules *scrub_text_file(const char *text, struct conf_error *error)
{
    char *copy = memory_alloc(strlen(text) + 1);
    memcpy(copy, text, strlen(text));
    struct conf_source source = {.argument = copy, .file = file_of, .variable = variable_of};
    struct conf *conf = conf_parse("test.conf", &source, error);
    struct scrub_rules *rules = NULL;
    const struct conf_value *block = conf != NULL ? conf_get(conf_root(conf), "scrub") : NULL;
    if (block != NULL && !scrub_from_conf(block, &rules, error)) {
        ASSERT(rules == NULL);
    }
    conf_free(conf);
    memory_free(copy);
    return rules;
}

struct scrub_rules *scrub_text_rules(const char *text)
{
    struct conf_error error = {""};
    size_t size = strlen(text) + 64;
    char *whole = memory_alloc(size);
    snprintf(whole, size, "scrub { rules [ %s ] }", text);
    struct scrub_rules *rules = scrub_text_file(whole, &error);
    if (rules == NULL) {
        fprintf(stderr, "%s\n%s\n", whole, error.text);
    }
    ASSERT(rules != NULL);
    memory_free(whole);
    return rules;
}

struct bytes scrub_text_apply(const char *rules, struct bytes payload, enum scrub_reason *reason)
{
    static uint8_t *left;
    struct scrub_rules *set = scrub_text_rules(rules);
    struct scrub *scrub = scrub_new(set, NULL, 1);
    scrub_rules_unref(set);
    struct scrub_in in = {.subject = bytes_text("a.b"), .body = payload, .limit = 64 * 1024 * 1024};
    struct scrub_out out = {.body = payload};
    enum scrub_verdict verdict = scrub_apply(scrub, &in, &out);
    *reason = verdict == SCRUB_REFUSE ? out.outcome.reason : SCRUB_REASON_NONE;
    struct bytes body = verdict == SCRUB_REPLACE ? out.body : payload;
    left = memory_resize(left, body.size + 1);
    if (body.size > 0) {
        memcpy(left, body.ptr, body.size);
    }
    scrub_free(scrub);
    return bytes_of(left, body.size);
}
