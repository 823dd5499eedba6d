/*
 * scrub_pipe.c - sets of rules and messages from standard input through core, what is left to standard
 * output. The references beside this file compare it.
 *
 *   in:   'R' text                      rules: what stands in "rules [ … ]"
 *         'M' header body limit(text)   a message for the rules before it; passed over if they
 *                                       cannot be used
 *   out:  'R' error                     empty: they can
 *         'M' reason detail header body reason: "" unless refused; detail: the schema's keyword
 *
 * Each text is a size of four bytes, little end first, and that many bytes.
 */
#include "tests/support/scrub_text.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 16 * 1024 * 1024 };

/* The buffer is the caller's and grows. False: the input has ended. */
static bool take(uint8_t **buffer, struct bytes *text)
{
    uint8_t head[4];
    if (fread(head, 1, sizeof(head), stdin) != sizeof(head)) {
        return false;
    }
    size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    ASSERT(size <= TEXT_MAX);
    *buffer = memory_resize(*buffer, size + 1);
    (*buffer)[size] = 0;
    *text = bytes_of(*buffer, size);
    return fread(*buffer, 1, size, stdin) == size;
}

static void give(struct bytes text)
{
    uint8_t head[4] = {(uint8_t)text.size, (uint8_t)(text.size >> 8), (uint8_t)(text.size >> 16),
                       (uint8_t)(text.size >> 24)};
    (void)fwrite(head, 1, sizeof(head), stdout);
    if (text.size > 0) {
        (void)fwrite(text.ptr, 1, text.size, stdout);
    }
}

static struct scrub *use_rules(struct scrub *old, struct bytes text)
{
    size_t size = text.size + 64;
    char *whole = memory_alloc(size);
    snprintf(whole, size, "scrub { rules [ %s ] }", (const char *)text.ptr);
    struct conf_error error = {""};
    struct scrub_rules *rules = scrub_text_file(whole, &error);
    memory_free(whole);
    scrub_free(old);
    struct scrub *scrub = rules != NULL ? scrub_new(rules, NULL, 1) : NULL;
    scrub_rules_unref(rules);
    (void)putchar('R');
    give(bytes_text(rules != NULL ? "" : error.text));
    return scrub;
}

static void use_message(struct scrub *scrub, struct bytes header, struct bytes body, size_t limit)
{
    struct scrub_in in = {
        .subject = bytes_text("s"), .header = header, .body = body, .limit = limit};
    struct scrub_out out = {.header = header, .body = body};
    enum scrub_verdict verdict = scrub_apply(scrub, &in, &out);
    bool refuses = verdict == SCRUB_REFUSE;
    const char *detail = refuses ? out.outcome.detail : NULL;
    if (verdict != SCRUB_REPLACE) {
        out.header = header;
        out.body = body;
    }
    (void)putchar('M');
    give(bytes_text(refuses ? scrub_reason_name(out.outcome.reason) : ""));
    give(bytes_text(detail != NULL ? detail : ""));
    give(out.header);
    give(out.body);
    scrub_count(scrub);
}

/* A copy with nothing readable behind it, so that the sanitizer sees who looks there. */
static struct bytes exact_copy(struct bytes text)
{
    uint8_t *copy = malloc(MAX_OF(text.size, (size_t)1));
    ASSERT(copy != NULL);
    if (text.size > 0) {
        memcpy(copy, text.ptr, text.size);
    }
    return bytes_of(copy, text.size);
}

static void exact_free(struct bytes copy)
{
    free((void *)(uintptr_t)copy.ptr);
}

int main(void)
{
    uint8_t *buffers[3] = {NULL, NULL, NULL};
    struct bytes texts[3];
    struct scrub *scrub = NULL;
    bool goes_on = true;
    for (int kind; goes_on && (kind = getchar()) != EOF;) {
        size_t count = kind == 'R' ? 1 : COUNT_OF(buffers);
        for (size_t i = 0; i < count && goes_on; i++) {
            goes_on = take(&buffers[i], &texts[i]);
        }
        if (goes_on && kind == 'R') {
            scrub = use_rules(scrub, texts[0]);
        } else if (goes_on && scrub != NULL) {
            struct bytes header = exact_copy(texts[0]);
            struct bytes body = exact_copy(texts[1]);
            use_message(scrub, header, body, strtoul((const char *)texts[2].ptr, NULL, 10));
            exact_free(header);
            exact_free(body);
        }
    }
    for (size_t i = 0; i < COUNT_OF(buffers); i++) {
        memory_free(buffers[i]);
    }
    scrub_free(scrub);
    return goes_on ? 0 : 1;
}
