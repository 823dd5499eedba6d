/*
 * scrub_tally.h - what rules did: a copy of one worker's counters, or the sum of several.
 *
 *   worker: scrub_tally_of(scrub) ──▶ asker: scrub_tally_add(sum, each) ──▶ rows, by name of rule
 *
 * While a reload is under way, workers may have other rules than one another: what has one name is
 * one row.
 *
 * Threads:     one at a time.
 * Memory:      rows share the rules, whose names they are read by, until scrub_tally_free.
 * Limits:      SCRUB_TALLY_ROWS; rules beyond them are left out, which takes three different sets of
 *              rules at work at once.
 */
#ifndef RINGHUB_CORE_SCRUB_TALLY_H
#define RINGHUB_CORE_SCRUB_TALLY_H

#include "core/scrub.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SCRUB_TALLY_ROWS = 2 * SCRUB_RULES_MAX };

struct scrub_tally_row {
    const struct scrub_rule *rule;
    struct scrub_rules *set; /* the rule's; a reference */
    struct scrub_counters counters;
};

struct scrub_tally {
    uint32_t count;
    uint32_t capacity;
    struct scrub_tally_row *rows; /* in the order of the rules */
};

/* A tally that is zero is empty. scrub NULL: no rules, an empty one. */
void scrub_tally_of(struct scrub_tally *tally, const struct scrub *scrub);
void scrub_tally_add(struct scrub_tally *sum, const struct scrub_tally *one);
void scrub_tally_free(struct scrub_tally *tally);

#ifdef __cplusplus
}
#endif
#endif
