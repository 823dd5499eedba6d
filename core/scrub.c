/* scrub.c - rules in order; each sees what the one before left. */
#include "core/scrub.h"

#include "core/subject.h"

#include <string.h>

void scrub_init(struct scrub *scrub, const struct scrub_rule *rules, size_t rules_count)
{
    *scrub = (struct scrub){.rules = rules, .rules_count = rules_count};
}

void scrub_free(struct scrub *scrub)
{
    memory_free(scrub->text);
    *scrub = (struct scrub){0};
}

static const uint8_t *find(struct bytes in, struct bytes what)
{
    return in.size == 0 ? NULL : memmem(in.ptr, in.size, what.ptr, what.size);
}

static size_t replaced_size(struct bytes body, const struct scrub_rule *rule)
{
    size_t size = body.size;
    for (const uint8_t *at; (at = find(body, rule->find)) != NULL;) {
        size = size - rule->find.size + rule->put.size;
        body = bytes_skip(body, (size_t)(at - body.ptr) + rule->find.size);
    }
    return size;
}

static void replace(uint8_t *to, struct bytes body, const struct scrub_rule *rule)
{
    for (const uint8_t *at; (at = find(body, rule->find)) != NULL;) {
        size_t before = (size_t)(at - body.ptr);
        memcpy(to, body.ptr, before);
        if (rule->put.size > 0) {
            memcpy(to + before, rule->put.ptr, rule->put.size);
        }
        to += before + rule->put.size;
        body = bytes_skip(body, before + rule->find.size);
    }
    if (body.size > 0) {
        memcpy(to, body.ptr, body.size);
    }
}

enum scrub_verdict scrub_apply(struct scrub *scrub, struct bytes subject, struct bytes body,
                               size_t limit, struct bytes *replacement)
{
    enum scrub_verdict verdict = SCRUB_PASS;
    for (size_t i = 0; i < scrub->rules_count; i++) {
        const struct scrub_rule *rule = &scrub->rules[i];
        if (!subject_matches(rule->subject, subject) || find(body, rule->find) == NULL) {
            continue;
        }
        size_t size = replaced_size(body, rule);
        if (rule->action == SCRUB_ACTION_REFUSE || size > limit) {
            return SCRUB_REFUSE;
        }
        /* The text of the rule before is read while this one's is written: two halves. */
        if (scrub->text_capacity < 2 * (size + body.size)) {
            uint8_t *text = memory_alloc(2 * (size + body.size) + 64);
            if (verdict == SCRUB_REPLACE) {
                memcpy(text, body.ptr, body.size);
                body.ptr = text;
            }
            memory_free(scrub->text);
            scrub->text = text;
            scrub->text_capacity = 2 * (size + body.size) + 64;
        }
        size_t half = scrub->text_capacity / 2;
        uint8_t *to = body.ptr == scrub->text ? scrub->text + half : scrub->text;
        replace(to, body, rule);
        body = bytes_of(to, size);
        verdict = SCRUB_REPLACE;
    }
    *replacement = body;
    return verdict;
}
