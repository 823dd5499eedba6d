/*
 * fuzz_scrub_headers.c - any bytes as the headers of a message through rules that require, remove and
 * add some: what is left can be read, holds what it should and nothing else, and stays so.
 *
 * The first byte chooses the rule, the rest is the block. A block is also read here, line by line, by
 * code of its own.
 */
#include "core/header.h"
#include "tests/support/scrub_text.h"

#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What each rule requires, removes and adds; "" is none. A rule that requires allows "a" and "b c". */
static const struct {
    const char *rule;
    const char *required;
    const char *removed;
    const char *added;
    const char *allowed; /* with what is required, all there may be */
} rules[] = {
    {"{subject: '>', headers { remove: Kind }}", "", "Kind", "", ""},
    {"{subject: '>', headers { add { By: hub } }}", "", "", "By", ""},
    {"{subject: '>', headers { remove: [kIND], add { By: 'h u b' } }}", "", "Kind", "By", ""},
    {"{subject: '>', headers { add { Kind: '' } }}", "", "", "Kind", ""},
    {"{subject: '>', headers { require { Kind: [a, 'b c'] } }}", "Kind", "", "", ""},
    {"{subject: '>', headers { require { Kind: [a, 'b c'] }, remove: Kind, add { By: hub } }}",
     "Kind", "Kind", "By", ""},
    {"{subject: '>', headers { allow: By, require { Kind: [a, 'b c'] } }}", "Kind", "", "", "By"},
    {"{subject: '>', headers { allow: By }}", "", "", "", "By"},
};

static struct scrub *scrub_of(size_t which)
{
    static struct scrub *scrubs[COUNT_OF(rules)];
    if (scrubs[which] == NULL) {
        struct scrub_rules *set = scrub_text_rules(rules[which].rule);
        scrubs[which] = scrub_new(set, NULL, 1);
        scrub_rules_unref(set);
    }
    return scrubs[which];
}

/* A line with its end; size 0: none. */
static struct bytes take_line(struct bytes *rest)
{
    for (size_t i = 1; i < rest->size; i++) {
        if (rest->ptr[i] == '\n') {
            struct bytes line = bytes_of(rest->ptr, i + 1);
            *rest = bytes_skip(*rest, i + 1);
            return line.ptr[i - 1] == '\r' ? line : (struct bytes){0};
        }
    }
    return (struct bytes){0};
}

static size_t name_size(struct bytes line)
{
    size_t size = 0;
    while (size < line.size && line.ptr[size] > ' ' && line.ptr[size] < 0x7F &&
           line.ptr[size] != ':') {
        size++;
    }
    return size < line.size && line.ptr[size] == ':' ? size : 0;
}

static bool is_named(struct bytes line, const char *name)
{
    return name[0] != 0 && name_size(line) == strlen(name) &&
           strncasecmp((const char *)line.ptr, name, strlen(name)) == 0;
}

static bool is_well_formed(struct bytes block)
{
    struct bytes line = take_line(&block);
    if (line.size < 10 || memcmp(line.ptr, "NATS/1.0", 8) != 0) {
        return false;
    }
    do {
        line = take_line(&block);
    } while (line.size > 2 && name_size(line) > 0);
    return line.size == 2 && block.size == 0;
}

static bool is_allowed(struct bytes line)
{
    struct bytes value = bytes_of(line.ptr, line.size - 2);
    value = bytes_skip(value, name_size(line) + 1);
    while (value.size > 0 && (value.ptr[0] == ' ' || value.ptr[0] == '\t')) {
        value = bytes_skip(value, 1);
    }
    while (value.size > 0 && strchr(" \t", value.ptr[value.size - 1]) != NULL &&
           value.ptr[value.size - 1] != 0) {
        value.size--;
    }
    return bytes_equal(value, bytes_text("a")) || bytes_equal(value, bytes_text("b c"));
}

static enum scrub_reason reason_of(size_t which, struct bytes block)
{
    if (block.size > 0 && !is_well_formed(block)) {
        return SCRUB_REASON_HEADERS;
    }
    bool is_there = rules[which].required[0] == 0;
    bool is_fine = true;
    bool has_others = false;
    (void)take_line(&block);
    for (struct bytes line = take_line(&block); line.size > 2; line = take_line(&block)) {
        if (is_named(line, rules[which].required)) {
            is_there = true;
            is_fine = is_fine && is_allowed(line);
        } else if (!is_named(line, rules[which].allowed)) {
            has_others = rules[which].allowed[0] != 0;
        }
    }
    return !is_fine     ? SCRUB_REASON_HEADER_VALUE
           : !is_there  ? SCRUB_REASON_HEADER_MISSING
           : has_others ? SCRUB_REASON_HEADER_OTHER
                        : SCRUB_REASON_NONE;
}

/* The lines that stay, in their order, then the one that is added. */
static void check_lines(size_t which, struct bytes before, struct bytes after)
{
    struct bytes first = take_line(&before);
    struct bytes left = take_line(&after);
    ASSERT(first.size > 0 ? bytes_equal(first, left)
                          : bytes_equal(left, bytes_text("NATS/1.0\r\n")));
    for (struct bytes line = take_line(&before); line.size > 2; line = take_line(&before)) {
        if (!is_named(line, rules[which].removed) && !is_named(line, rules[which].added)) {
            ASSERT(bytes_equal(line, take_line(&after)));
        }
    }
    if (rules[which].added[0] != 0) {
        ASSERT(is_named(take_line(&after), rules[which].added));
    }
    ASSERT(bytes_equal(after, bytes_text("\r\n")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t which = data[0] % COUNT_OF(rules);
    struct bytes block = bytes_of(data + 1, size - 1);
    struct scrub_in in = {
        .subject = bytes_text("s"), .header = block, .body = bytes_text("body"), .limit = 1 << 20};
    struct scrub_out out = {.header = block};
    ASSERT(header_valid(block) == is_well_formed(block));
    enum scrub_verdict verdict = scrub_apply(scrub_of(which), &in, &out);
    enum scrub_reason reason = reason_of(which, block);
    ASSERT((verdict == SCRUB_REFUSE) == (reason != SCRUB_REASON_NONE));
    if (verdict == SCRUB_REFUSE) {
        ASSERT(out.outcome.reason == reason);
        return 0;
    }
    struct bytes left = verdict == SCRUB_REPLACE ? out.header : block;
    if (left.size == 0) {
        ASSERT(block.size == 0 && rules[which].added[0] == 0);
        return 0;
    }
    check_lines(which, block, left);
    uint8_t *copy = memory_alloc(left.size);
    memcpy(copy, left.ptr, left.size);
    in.header = bytes_of(copy, left.size);
    /* Where what was required is also removed, it is missed the second time. */
    verdict = scrub_apply(scrub_of(which), &in, &out);
    ASSERT(verdict == SCRUB_PASS ||
           (verdict == SCRUB_REFUSE && out.outcome.reason == SCRUB_REASON_HEADER_MISSING));
    memory_free(copy);
    return 0;
}
