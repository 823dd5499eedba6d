/*
 * witness.h - did every subscriber get every message, once, in order, undamaged?
 *
 *   next[first[row] + column]   the sequence that comes next if nothing is wrong
 *                               (the fast path: one comparison, one increment)
 *   gaps[row]                   what was skipped; made only when something is
 *
 * A row is a subscriber, a column one of the streams that it hears (topology.h).
 *
 * A skipped sequence counts as lost until it turns up; then it counts as reordered. One that was
 * there already counts as duplicated.
 *
 * Threads:     one witness belongs to one driver and knows that driver's subscribers.
 * Memory:      owns its tables: 4 bytes per row and column, 24 per row.
 * Limits:      WITNESS_GAPS_MAX gaps are remembered per subscriber; what is skipped beyond them
 *              stays lost, and counts as duplicated if it comes after all.
 * Invariants:  (1) passed[row] is the sum of the row's next.
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
    uint32_t rows;
    size_t *first; /* rows + 1: where each row's columns begin */
    uint32_t *next;
    uint64_t *passed; /* messages delivered or given up, per row: its progress */
    struct witness_gaps **gaps;
    struct witness_counts counts;
};

/* columns: how many each row has. */
void witness_init(struct witness *witness, uint32_t rows, const uint32_t *columns);
void witness_free(struct witness *witness);

/* A message whose header was right. The caller has checked that the row has this column. Returns
 * false for a duplicate. */
MUST_USE bool witness_unexpected(struct witness *witness, uint32_t row, uint32_t column,
                                 uint32_t sequence);

MUST_USE static inline bool witness_take(struct witness *witness, uint32_t row, uint32_t column,
                                         uint32_t sequence)
{
    uint32_t *next = &witness->next[witness->first[row] + column];
    if (UNLIKELY(*next != sequence)) {
        return witness_unexpected(witness, row, column, sequence);
    }
    ++*next;
    witness->passed[row]++;
    witness->counts.delivered++;
    return true;
}

/* count messages came in order; whoever saw them moved next on. */
static inline void witness_took(struct witness *witness, uint32_t row, uint64_t count)
{
    witness->passed[row] += count;
    witness->counts.delivered += count;
}

/* count messages came in order, unseen. */
static inline void witness_advance(struct witness *witness, uint32_t row, uint32_t column,
                                   uint64_t count)
{
    witness->next[witness->first[row] + column] += (uint32_t)count;
    witness_took(witness, row, count);
}

/* Of those that passed unseen, the last count were no messages. */
void witness_unpass(struct witness *witness, uint32_t row, uint32_t column, uint64_t count);

/* Of those that passed unseen, the last count were not the next ones: as many as are missing were
 * late, the others came twice. */
void witness_retract(struct witness *witness, uint32_t row, uint32_t column, uint64_t count);

/* Those before sequence, which is still to be taken, did not come so far. */
void witness_miss(struct witness *witness, uint32_t row, uint32_t column, uint32_t sequence);

/* The row's next, by columns. */
static inline uint32_t *witness_row(struct witness *witness, uint32_t row)
{
    return &witness->next[witness->first[row]];
}

/* What comes next in this column. */
static inline uint32_t witness_next(const struct witness *witness, uint32_t row, uint32_t column)
{
    return witness->next[witness->first[row] + column];
}

/* The progress of the slowest row; UINT64_MAX when there is none. */
uint64_t witness_slowest(const struct witness *witness);

/* Nothing more will come to this row: counts as lost what was sent in each column and did not pass.
 * Afterwards the row expects sent[column] next. */
void witness_close(struct witness *witness, uint32_t row, const uint32_t *sent);

/* Rows that got at least one message. */
uint32_t witness_reached(const struct witness *witness);

/* Asserts the invariants. */
void witness_check(const struct witness *witness);

#ifdef __cplusplus
}
#endif
#endif
