/*
 * record.h - how often did which time occur? A histogram of nanoseconds.
 *
 * Log-linear, as HdrHistogram (Gil Tene): RECORD_STEPS equal steps in every power of two, so that a
 * value is reported at most 1/128 too high, whatever its size.
 *
 * Threads:     owner only; records of several threads are merged at the end.
 * Memory:      inline, no allocation.
 * Limits:      values above RECORD_NS_MAX (73 minutes) count as RECORD_NS_MAX.
 */
#ifndef RINGHUB_LOADGEN_RECORD_H
#define RINGHUB_LOADGEN_RECORD_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RECORD_STEP_BITS = 7, RECORD_STEPS = 1 << RECORD_STEP_BITS, RECORD_VALUE_BITS = 42 };
enum { RECORD_CELLS = (RECORD_VALUE_BITS - RECORD_STEP_BITS + 1) * RECORD_STEPS };
#define RECORD_NS_MAX (((uint64_t)1 << RECORD_VALUE_BITS) - 1)

struct record {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t max_ns;
    uint64_t cells[RECORD_CELLS];
};

/* Which cell a value falls into. */
static inline uint32_t record_cell(uint64_t ns)
{
    if (ns < RECORD_STEPS) {
        return (uint32_t)ns;
    }
    uint32_t power = 63u - (uint32_t)__builtin_clzll(ns);
    uint32_t step = (uint32_t)(ns >> (power - RECORD_STEP_BITS)) & (RECORD_STEPS - 1);
    return (power - RECORD_STEP_BITS + 1) * RECORD_STEPS + step;
}

/* Counts ns times times. */
static inline void record_add(struct record *record, uint64_t ns, uint64_t times)
{
    if (UNLIKELY(ns > RECORD_NS_MAX)) {
        ns = RECORD_NS_MAX;
    }
    record->cells[record_cell(ns)] += times;
    record->count += times;
    record->sum_ns += ns * times;
    if (ns > record->max_ns) {
        record->max_ns = ns;
    }
}

/* The smallest and the greatest value that falls into cell. */
uint64_t record_cell_begin(uint32_t cell);
uint64_t record_cell_end(uint32_t cell);

void record_merge(struct record *into, const struct record *from);

/* into - from: what was added since from was a copy of into. The maximum is the end of a cell, but
 * for the greatest of all. */
void record_subtract(struct record *into, const struct record *from);

/* The smallest value that at least fraction (0 to 1) of all values do not exceed, rounded up to the
 * end of its cell, never above the greatest value seen. 0 when nothing was recorded. */
uint64_t record_percentile(const struct record *record, double fraction);

/* 0 when nothing was recorded. */
double record_mean(const struct record *record);

#ifdef __cplusplus
}
#endif
#endif
