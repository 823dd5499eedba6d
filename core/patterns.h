/*
 * patterns.h - a fixed set of subject patterns: does one of them match, cover or overlap?
 *
 *   "orders.*"  "orders.new workers"       a tree of tokens; an end knows whether a pattern without
 *        └──────────┴──▶ orders ─▶ *       queue ends there, and the queue patterns that do
 *                           └────▶ new
 *
 * Threads:     built by one; from then on read by any.
 * Memory:      owns copies of the patterns.
 * Limits:      PATTERNS_BYTES_MAX a pattern. A match visits each node at most once, as deep as the
 *              longest pattern has tokens; covers and overlap look at every pattern.
 */
#ifndef RINGHUB_CORE_PATTERNS_H
#define RINGHUB_CORE_PATTERNS_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PATTERNS_BYTES_MAX = 1024 };

struct patterns;

struct patterns *patterns_new(void);
/* NULL is fine. */
void patterns_free(struct patterns *patterns);

/* "subject" or "subject queue": both may hold wildcards. False: the subject is not a valid pattern,
 * or something is too long or stands behind the queue. */
MUST_USE bool patterns_add(struct patterns *patterns, struct bytes text);
uint32_t patterns_count(const struct patterns *patterns);
/* The text as added, by number; borrowed. */
struct bytes patterns_at(const struct patterns *patterns, uint32_t number);

/* Does a pattern without queue match the subject? A token "*" or ">" of the subject is taken as it
 * stands; a subject with an empty token is matched by nothing. */
bool patterns_match(const struct patterns *patterns, struct bytes subject);

struct patterns_hit {
    bool plain; /* a pattern without queue */
    bool queue; /* one with a queue pattern, whatever it is */
    bool named; /* of these, one whose queue pattern matches the queue */
};
struct patterns_hit patterns_look(const struct patterns *patterns, struct bytes subject,
                                  struct bytes queue);

/* The same for patterns with and without queue. */
bool patterns_match_any(const struct patterns *patterns, struct bytes subject);

/* Is there a pattern, with or without queue, that matches all that this pattern matches? */
bool patterns_cover_any(const struct patterns *patterns, struct bytes pattern);
/* Is there a subject that this pattern and one of ours without queue match both? */
bool patterns_overlap(const struct patterns *patterns, struct bytes pattern);

#ifdef __cplusplus
}
#endif
#endif
