/*
 * witness.h - did every subscriber get every message, once, in order, undamaged?
 *
 *   next[subscriber][publisher]   the sequence that comes next if nothing is wrong
 *                                 (the fast path: one comparison, one increment)
 *   gaps[subscriber]              what was skipped; made only when something is
 *
 * A skipped sequence counts as lost until it turns up; then it counts as reordered. One that was
 * there already counts as duplicated.
 *
 * Threads:     one witness belongs to one driver and knows that driver's subscribers.
 * Memory:      owns its tables: 4 bytes per subscriber and publisher, 16 per subscriber.
 * Limits:      WITNESS_GAPS_MAX gaps are remembered per subscriber; what is skipped beyond them
 *              stays lost, and counts as duplicated if it comes after all.
 * Invariants:  (1) passed[s] is the sum of next[s][*].
 *              (2) delivered + lost is the sum of all passed.
 */
#ifndef RINGHUB_LOADGEN_WITNESS_H
#define RINGHUB_LOADGEN_WITNESS_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WITNESS_GAPS_MAX = 4096 };

struct witness_counts {
    uint64_t delivered; /* different messages, each counted once per subscriber */
    uint64_t lost;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t corrupted; /* damaged header or payload */
    uint64_t foreign;   /* well formed, but nothing we sent to this subscriber */
};

struct witness_gaps;

struct witness {
    uint32_t subscribers;
    uint32_t publishers;
    uint32_t *next;
    uint64_t *passed; /* messages delivered or given up, per subscriber: its progress */
    struct witness_gaps **gaps;
    struct witness_counts counts;
};

void witness_init(struct witness *witness, uint32_t subscribers, uint32_t publishers);
void witness_free(struct witness *witness);

/* A message whose header was right. The caller has checked that publisher is one of ours. */
void witness_unexpected(struct witness *witness, uint32_t subscriber, uint32_t publisher,
                        uint32_t sequence);

static inline void witness_take(struct witness *witness, uint32_t subscriber, uint32_t publisher,
                                uint32_t sequence)
{
    uint32_t *next = &witness->next[(size_t)subscriber * witness->publishers + publisher];
    if (LIKELY(*next == sequence)) {
        ++*next;
        witness->passed[subscriber]++;
        witness->counts.delivered++;
    } else {
        witness_unexpected(witness, subscriber, publisher, sequence);
    }
}

/* The progress of the slowest subscriber; UINT64_MAX when there is none. */
uint64_t witness_slowest(const struct witness *witness);

/* Nothing more will come: counts as lost what each publisher sent and a subscriber did not pass.
 * Afterwards all subscribers expect sent[publisher] next. */
void witness_close(struct witness *witness, const uint32_t *sent);

/* Subscribers that got at least one message. */
uint32_t witness_reached(const struct witness *witness);

/* Asserts the invariants. */
void witness_check(const struct witness *witness);

#ifdef __cplusplus
}
#endif
#endif
