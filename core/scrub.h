/*
 * scrub.h - what happens to one message before anybody sees it: pass, replace or refuse.
 *
 * Applied once a message on the publisher's worker, before it becomes part of a run.
 *
 *   scrub_apply ─▶ verdict, notes ─▶ (the hub publishes, or is told to try again) ─▶ scrub_count
 *
 * Threads:     a scrub belongs to one worker; its rules are shared and immutable.
 * Memory:      a replacement is borrowed until the next call. Grows to the largest payload seen.
 * Limits:      a replacement never exceeds the limit the caller names.
 * Invariants:  (1) a message is counted once, however often it is tried: by scrub_count.
 *              (2) a subject without rules costs one look at the subject before it, or one into a
 *                  cache; most cost less, see scrub_rules_may_apply.
 */
#ifndef RINGHUB_CORE_SCRUB_H
#define RINGHUB_CORE_SCRUB_H

#include "core/scrub_work.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a worker may hold for each byte of the largest message: two drafts with two buffers each (5)
 * and, where every byte is changed, their edits (96); the JSON parser's structures (16) and a string; the
 * parts that patterns are looked for in (3/4). */
enum { SCRUB_BYTES_PER_BYTE = 120 };

enum {
    SCRUB_TIMED_EVERY = 16, /* one message in so many is timed: a clock costs as much as a rule */
};

enum scrub_verdict { SCRUB_PASS, SCRUB_REPLACE, SCRUB_REFUSE };

/* What a rule did, or, observing, would have done. */
struct scrub_counters {
    uint64_t passed; /* neither cleaned nor refused */
    uint64_t cleaned;
    uint64_t refused[SCRUB_REASONS];
    uint64_t timed; /* messages whose time is in timed_ns */
    uint64_t timed_ns;
};

/* Of the message before: one a rule that was applied. */
struct scrub_note {
    uint32_t rule; /* index */
    struct scrub_outcome outcome;
    uint64_t time_ns; /* 0: not timed */
};

struct scrub_in {
    struct bytes subject;
    struct bytes header; /* block; empty: none */
    struct bytes body;
    size_t limit; /* bytes header and body may grow to */
};

struct scrub_out {
    struct bytes header;
    struct bytes body;
    const struct scrub_rule *rule; /* that refuses */
    struct scrub_outcome outcome;  /* its */
};

/* Nanoseconds of some clock; only differences count. */
typedef uint64_t (*scrub_clock)(void);

struct scrub;

/* Takes a reference of its own. clock: NULL: nothing is timed. key: of hashes. */
struct scrub *scrub_new(struct scrub_rules *rules, scrub_clock clock, uint64_t key);
/* NULL is fine. */
void scrub_free(struct scrub *scrub);
/* Counters of rules that have the same name in both. */
void scrub_inherit(struct scrub *scrub, const struct scrub *from);

/* Fills out for REPLACE and REFUSE. */
MUST_USE enum scrub_verdict scrub_apply(struct scrub *scrub, const struct scrub_in *in,
                                        struct scrub_out *out);

/* The message before was dealt with: its notes are counted. */
void scrub_count(struct scrub *scrub);

/* Notes of the message before. */
const struct scrub_note *scrub_notes(const struct scrub *scrub, size_t *count);
const struct scrub_rules *scrub_rules(const struct scrub *scrub);
/* The same, with a reference that is the caller's. */
struct scrub_rules *scrub_rules_share(const struct scrub *scrub);
const struct scrub_counters *scrub_counters(const struct scrub *scrub, uint32_t rule);

/* "not valid UTF-8": for people. */
const char *scrub_reason_text(enum scrub_reason reason);
/* "utf8": for labels and headers. */
const char *scrub_reason_name(enum scrub_reason reason);

#ifdef __cplusplus
}
#endif
#endif
