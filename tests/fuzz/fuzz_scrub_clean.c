/*
 * fuzz_scrub_clean.c - any payload through each cleaning step, and all of them: what is left is
 * clean, and stays so; valid UTF-8 and JSON stay valid; both judges of JSON agree, and its
 * depth is that of a walk byte by byte; the sieve keeps nothing back.
 *
 * The first byte chooses the rule.
 */
#include "core/control.h"
#include "core/json.h"
#include "core/json_cursor.h"
#include "core/sieve.h"
#include "core/utf8.h"
#include "tests/support/scrub_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const rules[] = {
    "{subject: '>', utf8: replace}",
    "{subject: '>', control: strip}",
    "{subject: '>', trim: true}",
    "{subject: '>', json { minify: true }}",
    "{subject: '>', json { drop: ['$..a', '$.b[*].c'], mask: ['$..d', '$[1]'] }}",
    "{subject: '>', mask: email}",
    "{subject: '>', mask: card}",
    "{subject: '>', mask: ip}",
    "{subject: '>', mask: bearer}",
    "{subject: '>', mask: phone}",
    "{subject: '>', mask: [{pattern: 'a.c', with: 'b'}, {pattern: '[0-9]+', with: 'n'}]}",
    "{subject: '>', utf8: replace, control: strip, trim: true, mask: all}",
    ("{subject: '>', json { schema { type: [object, array, string], maxLength: 9, pattern: '^a', "
     "items { maximum: 3, enum: [1, a] }, properties { a { const: 1 } }, required: [b] } }}"),
};

/* Depth byte by byte: as deep as that, and no deeper. */
static bool is_depth_right(struct bytes text)
{
    uint32_t depth = 0;
    uint32_t most = 0;
    bool is_inside = false;
    for (size_t at = 0; at < text.size; at++) {
        uint8_t byte = text.ptr[at];
        if (is_inside && byte == '\\') {
            at++;
            continue;
        }
        is_inside ^= byte == '"';
        depth += !is_inside && (byte == '[' || byte == '{');
        most = MAX_OF(most, depth);
        depth -= !is_inside && (byte == ']' || byte == '}');
    }
    return !json_is_deeper(text, most) && (most == 0 || json_is_deeper(text, most - 1));
}

static bool is_json(struct bytes text)
{
    static struct json *json;
    json = json != NULL ? json : json_new();
    uint8_t *padded = memory_alloc(text.size + JSON_PADDING);
    if (text.size > 0) {
        memcpy(padded, text.ptr, text.size);
    }
    enum json_verdict fast = json_check(json, bytes_of(padded, text.size));
    ASSERT((fast == JSON_VALID) == (json_grammar_check(text) == JSON_VALID));
    memory_free(padded);
    ASSERT(fast != JSON_VALID || is_depth_right(text));
    return fast == JSON_VALID;
}

static void look_into_sieve(struct bytes text)
{
    uint32_t kinds = sieve_kinds(text, (1u << FINDER_KINDS) - 1);
    for (uint32_t kind = 0; kind < FINDER_KINDS; kind++) {
        struct found found;
        ASSERT((kinds >> kind & 1) != 0 || !finder_next((enum finder_kind)kind, text, 0, &found));
    }
}

static struct scrub *scrub_of(size_t which)
{
    static struct scrub *scrubs[COUNT_OF(rules)];
    if (scrubs[which] == NULL) {
        struct scrub_rules *set = scrub_text_rules(rules[which]);
        scrubs[which] = scrub_new(set, NULL, 1);
        scrub_rules_unref(set);
    }
    return scrubs[which];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t which = data[0] % COUNT_OF(rules);
    struct scrub *scrub = scrub_of(which);
    struct scrub_in in = {
        .subject = bytes_text("s"), .body = bytes_of(data + 1, size - 1), .limit = 1 << 20};
    struct scrub_out out;
    look_into_sieve(in.body);
    bool was_json = is_json(in.body);
    bool was_utf8 = utf8_valid(in.body);
    if (scrub_apply(scrub, &in, &out) != SCRUB_REPLACE) {
        return 0;
    }
    uint8_t *copy = memory_alloc(out.body.size + 1);
    memcpy(copy, out.body.ptr, out.body.size);
    struct bytes left = bytes_of(copy, out.body.size);
    ASSERT(!was_utf8 || utf8_valid(left));
    bool own_patterns = which == 10;
    ASSERT(!was_json || own_patterns || is_json(left));
    in.body = left;
    ASSERT(scrub_apply(scrub, &in, &out) == SCRUB_PASS);
    memory_free(copy);
    return 0;
}
