/*
 * series.h - what happened in each second of a run.
 *
 *   begin ─▶ due … due (running totals, as each step ends) ─▶ close (each step its own) ─▶ merge
 *
 * The hot loop pays nothing: a step is the difference of two copies of totals that exist anyway.
 *
 * Threads:     one series belongs to one thread until it is closed.
 * Memory:      owns its steps, 37 KB each.
 * Limits:      SERIES_STEPS_MAX steps; what takes longer than so many seconds has longer steps.
 * Beware:      a thread that was late marks late: what it did meanwhile counts for the step before.
 */
#ifndef RINGHUB_LOADGEN_SERIES_H
#define RINGHUB_LOADGEN_SERIES_H

#include "loadgen/record.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SERIES_STEPS_MAX = 120 };

struct series_step {
    uint64_t delivered;
    uint64_t sent;
    uint64_t server_cpu_ns;
    uint64_t server_rss_bytes; /* at its end; not a total */
    struct record latency;
};

struct series {
    uint64_t from_ns; /* CLOCK_MONOTONIC */
    uint64_t to_ns;
    uint64_t step_ns;
    uint32_t steps_count; /* the last may be shorter */
    uint32_t marked;
    struct series_step *steps;
};

/* Forgets what was, and divides [from, to) into steps. */
void series_begin(struct series *series, uint64_t from_ns, uint64_t to_ns);
void series_free(struct series *series);

/* When the next step ends; UINT64_MAX when all have. */
uint64_t series_next_ns(const struct series *series);

/* A step that has ended, to be filled with the totals of now; NULL when there is none. */
struct series_step *series_due(struct series *series, uint64_t now_ns);

/* The run ended at end_ns (before to_ns when it was cut short) with these totals; what came later
 * than the last mark belongs to the last step. */
void series_close(struct series *series, uint64_t end_ns, const struct series_step *totals);

/* Adds another thread's steps; both are closed and of one run. */
void series_merge(struct series *into, const struct series *from);

#ifdef __cplusplus
}
#endif
#endif
