/*
 * regex.c - Vectorscan reports every match, nearly from left to right by its end; the edits are a
 * stack of which a new match may swallow what it overlaps.
 *
 * Texts are scanned as vectors of parts, not as blocks: as a block Vectorscan 5.4.6 to 5.4.12,
 * Debian 12's among them, writes the text into 255 bytes of its stack wherever a pattern's end is a
 * pair of letters (pull request 392 there).
 */
#include "core/regex.h"

#include "core/utf8.h"

#include <hs/hs.h>
#include <stdio.h>

struct regex {
    hs_database_t *database;
    uint32_t count;
};

struct regex_scratch {
    hs_scratch_t *hs;
    const char **parts; /* of the text at hand */
    unsigned *sizes;
    uint32_t capacity; /* of both */
};

static unsigned flags_of(enum regex_use use)
{
    if (use == REGEX_REPLACE) {
        return HS_FLAG_SOM_LEFTMOST;
    }
    return HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | (use == REGEX_TEST_UTF8 ? HS_FLAG_UTF8 : 0);
}

static char *text_of(struct bytes pattern)
{
    char *text = memory_alloc(pattern.size + 1);
    memcpy(text, pattern.ptr, pattern.size);
    return text;
}

struct regex *regex_new(const struct bytes *patterns, size_t count, enum regex_use use,
                        struct regex_error *error)
{
    ASSERT(count > 0 && count <= REGEX_PATTERNS_MAX);
    if (hs_valid_platform() != HS_SUCCESS) {
        snprintf(error->text, sizeof(error->text),
                 "this processor lacks what Vectorscan needs (SSE4.2 on x86)");
        error->pattern = 0;
        return NULL;
    }
    char *texts[REGEX_PATTERNS_MAX];
    unsigned flags[REGEX_PATTERNS_MAX];
    unsigned ids[REGEX_PATTERNS_MAX];
    for (size_t i = 0; i < count; i++) {
        texts[i] = text_of(patterns[i]);
        flags[i] = flags_of(use);
        ids[i] = (unsigned)i;
    }
    struct regex *regex = memory_alloc(sizeof(*regex));
    regex->count = (uint32_t)count;
    hs_compile_error_t *wrong = NULL;
    hs_error_t result = hs_compile_multi((const char *const *)texts, flags, ids, (unsigned)count,
                                         HS_MODE_VECTORED, NULL, &regex->database, &wrong);
    if (result != HS_SUCCESS) {
        error->pattern = wrong->expression >= 0 ? (size_t)wrong->expression : 0;
        snprintf(error->text, sizeof(error->text), "%s", wrong->message);
        hs_free_compile_error(wrong);
        memory_free(regex);
        regex = NULL;
    }
    for (size_t i = 0; i < count; i++) {
        memory_free(texts[i]);
    }
    return regex;
}

void regex_free(struct regex *regex)
{
    if (regex != NULL) {
        hs_free_database(regex->database);
        memory_free(regex);
    }
}

struct regex_scratch *regex_scratch_grow(struct regex_scratch *scratch, const struct regex *regex)
{
    if (scratch == NULL) {
        scratch = memory_alloc(sizeof(*scratch));
    }
    hs_error_t result = hs_alloc_scratch(regex->database, &scratch->hs);
    ASSERT(result == HS_SUCCESS);
    return scratch;
}

void regex_scratch_free(struct regex_scratch *scratch)
{
    if (scratch != NULL) {
        hs_free_scratch(scratch->hs);
        memory_free(scratch->parts);
        memory_free(scratch->sizes);
        memory_free(scratch);
    }
}

static void parts_reserve(struct regex_scratch *scratch, uint32_t count)
{
    if (count > scratch->capacity) {
        scratch->parts = memory_resize(scratch->parts, count * sizeof(*scratch->parts));
        scratch->sizes = memory_resize(scratch->sizes, count * sizeof(*scratch->sizes));
        scratch->capacity = count;
    }
}

/* ---- test ------------------------------------------------------------------------------------ */

static int mark(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                void *context)
{
    (void)from;
    (void)to;
    (void)flags;
    uint64_t *found = context;
    *found |= 1ull << id;
    return 0;
}

/* Vectorscan 5.4.9, Debian 12's, overlooks matches of some patterns, and begins others where they do
 * not, on AVX-512 at least; in parts of at most 16 bytes a search of 1.7 million random pairs of pattern
 * and text found nothing of that, in parts of 31 and more it did. It costs speed: some 200 MB/s instead
 * of several GB/s. tests/core/test_regex.c has such patterns. */
enum { PART_BYTES = 16 };

static void scan(const struct regex *regex, struct regex_scratch *scratch, struct bytes text,
                 match_event_handler handler, void *context)
{
    static const char nothing[1];
    const char *at = text.size > 0 ? (const char *)text.ptr : nothing;
    uint32_t count = (uint32_t)MAX_OF((text.size + PART_BYTES - 1) / PART_BYTES, (size_t)1);
    parts_reserve(scratch, count);
    for (uint32_t i = 0; i < count; i++) {
        size_t from = (size_t)i * PART_BYTES;
        scratch->parts[i] = at + from;
        scratch->sizes[i] = (unsigned)MIN_OF(text.size - from, (size_t)PART_BYTES);
    }
    hs_error_t result = hs_scan_vector(regex->database, scratch->parts, scratch->sizes, count, 0,
                                       scratch->hs, handler, context);
    ASSERT(result == HS_SUCCESS);
}

uint64_t regex_test(const struct regex *regex, struct regex_scratch *scratch, struct bytes text)
{
    uint64_t found = 0;
    scan(regex, scratch, text, mark, &found);
    return found;
}

/* ---- replace --------------------------------------------------------------------------------- */

struct replacing {
    struct draft *draft;
    const struct bytes *puts;
};

/* Of two that overlap, what the first pattern puts; puts are in the order of the patterns. */
static struct bytes earlier(const struct bytes *puts, struct bytes one, struct bytes other)
{
    while (puts->ptr != one.ptr && puts->ptr != other.ptr) {
        puts++;
    }
    return *puts;
}

/* edits [first, behind) become one, or, if these are none, one comes between. */
static void put_between(struct draft *draft, size_t first, size_t behind, struct edit edit)
{
    size_t count = draft->edits_count;
    if (first == behind) {
        size_t end = count > first ? draft->edits[count - 1].to : edit.to;
        draft_edit(draft, count > first ? end : edit.from, end, edit.put);
        behind = first;
    } else {
        draft->edits_count -= behind - first - 1;
    }
    memmove(&draft->edits[first + 1], &draft->edits[behind], (count - behind) * sizeof(edit));
    draft->edits[first] = edit;
}

/* A match of one pattern may be told after one of another that lies behind it. */
static int swallow(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                   void *context)
{
    (void)flags;
    struct replacing *r = context;
    struct draft *draft = r->draft;
    struct edit edit = {.from = (uint32_t)from, .to = (uint32_t)to, .put = r->puts[id]};
    size_t behind = draft->edits_count;
    while (behind > 0 && draft->edits[behind - 1].from >= edit.to) {
        behind--;
    }
    size_t first = behind;
    while (first > 0 && draft->edits[first - 1].to > edit.from) {
        const struct edit *other = &draft->edits[--first];
        edit.from = MIN_OF(edit.from, other->from);
        edit.to = MAX_OF(edit.to, other->to);
        edit.put = earlier(r->puts, edit.put, other->put);
    }
    put_between(draft, first, behind, edit);
    return 0;
}

static bool is_inside_character(struct bytes text, size_t at)
{
    if (at == 0 || at >= text.size || (text.ptr[at] & 0xC0) != 0x80) {
        return false;
    }
    size_t start = at - 1;
    while (start > 0 && at - start < 3 && (text.ptr[start] & 0xC0) == 0x80) {
        start--;
    }
    size_t broken;
    return start + utf8_character(bytes_skip(text, start), &broken) > at;
}

/* A match may begin or end in the middle of a character; then the whole of it goes. */
static void widen(struct draft *draft, const struct bytes *puts)
{
    size_t kept = 0;
    for (size_t i = 0; i < draft->edits_count; i++) {
        struct edit edit = draft->edits[i];
        while (is_inside_character(draft->text, edit.from)) {
            edit.from--;
        }
        while (is_inside_character(draft->text, edit.to)) {
            edit.to++;
        }
        if (kept > 0 && draft->edits[kept - 1].to > edit.from) {
            struct edit *before = &draft->edits[kept - 1];
            before->to = MAX_OF(before->to, edit.to);
            before->put = earlier(puts, before->put, edit.put);
        } else {
            draft->edits[kept++] = edit;
        }
    }
    draft->edits_count = kept;
}

void regex_edit(const struct regex *regex, struct regex_scratch *scratch, struct draft *draft,
                const struct bytes *puts)
{
    struct replacing replacing = {.draft = draft, .puts = puts};
    ASSERT(draft->edits_count == 0);
    scan(regex, scratch, draft->text, swallow, &replacing);
    widen(draft, puts);
}
