/*
 * answer.h - what one worker says of itself when it is asked.
 *
 *   asker: answer_new ──ORDER_ANSWER──▶ worker: counters at once, rows a few a turn, answer_finish
 *   asker: answer_is_ready? … read … answer_unref        (or answer_unref before: abandoned)
 *
 * Threads:     the worker's until it is ready, then the asker's; the two words are shared.
 * Memory:      counted: one reference each. Who waited too long lets go of his, and the worker frees
 *              the answer when it comes to it.
 */
#ifndef RINGHUB_IO_ANSWER_H
#define RINGHUB_IO_ANSWER_H

#include "core/hub.h"
#include "core/scrub_tally.h"
#include "core/snapshot.h"
#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A policy's pattern; a longer one is cut. */
enum { ANSWER_PATTERN_MAX = 128 };

struct answer {
    ATOMIC(uint32_t) refs;
    ATOMIC(uint32_t) is_ready;
    struct list link; /* the worker's: answers that want rows */
    struct metrics metrics;
    struct hub_gauges gauges;
    struct loop_stats loop;
    struct hub_lag lag;
    uint64_t log_lines_lost;
    char policies[METRICS_POLICIES_MAX]
                 [ANSWER_PATTERN_MAX]; /* whose rows are in metrics; or empty */
    struct scrub_tally scrub;
    struct snapshot list; /* query.list SNAPSHOT_NOTHING: counters only */
};

/* Two references: the asker's and the worker's. query NULL: counters only. */
struct answer *answer_new(const struct snapshot_query *query);
void answer_unref(struct answer *answer);

/* Worker: nobody waits for it any more. */
MUST_USE bool answer_is_abandoned(const struct answer *answer);
/* Worker: all is filled in; lets go of its reference. */
void answer_finish(struct answer *answer);

/* Asker. */
MUST_USE bool answer_is_ready(const struct answer *answer);

#ifdef __cplusplus
}
#endif
#endif
