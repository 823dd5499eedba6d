/*
 * regex.c - Vectorscan reports every match by its end, from left to right; the edits are a stack
 * whose top a new match may swallow.
 *
 * Texts are scanned as vectors of one part. To scan them as blocks would be a little faster for
 * short ones, but Vectorscan 5.4.6 to 5.4.12, Debian 12's among them, then writes the text into 255
 * bytes of its stack wherever a pattern's end is a pair of letters (pull request 392 there).
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
        memory_free(scratch);
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

static void scan(const struct regex *regex, struct regex_scratch *scratch, struct bytes text,
                 match_event_handler handler, void *context)
{
    static const char nothing[1];
    const char *at = text.size > 0 ? (const char *)text.ptr : nothing;
    unsigned size = (unsigned)text.size;
    hs_error_t result =
        hs_scan_vector(regex->database, &at, &size, 1, 0, scratch->hs, handler, context);
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

static int swallow(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                   void *context)
{
    (void)flags;
    struct replacing *r = context;
    struct draft *draft = r->draft;
    struct bytes put = r->puts[id];
    size_t end = to;
    while (draft->edits_count > 0 && draft->edits[draft->edits_count - 1].to > from) {
        const struct edit *top = &draft->edits[--draft->edits_count];
        from = MIN_OF(from, (unsigned long long)top->from);
        end = MAX_OF(end, (size_t)top->to);
        /* puts are in the order of the patterns. */
        const struct bytes *of = r->puts;
        while (of < r->puts + id && of->ptr != top->put.ptr) {
            of++;
        }
        put = of->ptr == top->put.ptr ? top->put : put;
    }
    draft_edit(draft, from, end, put);
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
static void widen(struct draft *draft)
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
            draft->edits[kept - 1].to = MAX_OF(draft->edits[kept - 1].to, edit.to);
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
    widen(draft);
}
