/*
 * regex.h - many patterns at once, in time that grows with the text and nothing else.
 *
 * Vectorscan's automata: no backtracking, so no pattern and no text can stall a worker. Syntax is
 * PCRE's without what needs backtracking (back references, look-around, atomic groups); a pattern
 * that cannot be compiled is refused by name.
 *
 * Threads:     a compiled set is immutable and shared; a scratch is one worker's.
 * Memory:      a scratch grows to three quarters of the longest text it met;
 *              beyond that matching allocates nothing.
 * Limits:      REGEX_PATTERNS_MAX patterns a set.
 */
#ifndef RINGHUB_CORE_REGEX_H
#define RINGHUB_CORE_REGEX_H

#include "core/draft.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    REGEX_PATTERNS_MAX = 64,
    REGEX_ERROR_MAX = 200,
};

struct regex;
struct regex_scratch;

enum regex_use {
    REGEX_TEST,      /* does it match? */
    REGEX_TEST_UTF8, /* the same; a character is a character, and all texts are valid UTF-8 */
    REGEX_REPLACE,   /* where? A pattern that can match nothing at all is refused. */
};

struct regex_error {
    size_t pattern; /* index */
    char text[REGEX_ERROR_MAX];
};

/* NULL: *error says which and why. */
struct regex *regex_new(const struct bytes *patterns, size_t count, enum regex_use use,
                        struct regex_error *error);
void regex_free(struct regex *regex);

/* A worker's scratch for all sets it will be used with; scratch NULL: a new one. */
struct regex_scratch *regex_scratch_grow(struct regex_scratch *scratch, const struct regex *regex);
void regex_scratch_free(struct regex_scratch *scratch);

/* Which patterns match somewhere, as bits. */
uint64_t regex_test(const struct regex *regex, struct regex_scratch *scratch, struct bytes text);

/* Notes an edit for everything any match covers. Matches that overlap are one, and the first of
 * their patterns says by which of puts it is replaced. Whole UTF-8 characters are taken. */
void regex_edit(const struct regex *regex, struct regex_scratch *scratch, struct draft *draft,
                const struct bytes *puts);

#ifdef __cplusplus
}
#endif
#endif
