/*
 * capacity.h - which rate is the highest that keeps a bound? The order of the probes.
 *
 *   good: twice as fast … until one is bad, then halfway between the best good and the worst bad,
 *   until those are within CAPACITY_CLOSE of each other. A first probe that is bad: half as fast ….
 *
 * A noisy machine makes a good rate look bad now and then, so a bad probe is tried once more before
 * it counts.
 *
 * Threads:     owner only.
 * Limits:      CAPACITY_PROBES_MAX probes.
 * Invariants:  (1) best < worst once both are known.
 */
#ifndef RINGHUB_LOADGEN_CAPACITY_H
#define RINGHUB_LOADGEN_CAPACITY_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CAPACITY_CLOSE 1.05
enum { CAPACITY_PROBES_MAX = 64 };

struct capacity_probe {
    double rate;
    bool good;
    uint64_t latency_ns; /* at the percentile asked for */
    const char *why;     /* not good: why; static text */
};

struct capacity {
    double rate;  /* to probe next */
    double best;  /* highest that was good; 0: none */
    double worst; /* lowest that was bad twice; 0: none */
    bool again;   /* the last probe was bad for the first time */
    uint32_t probes_count;
    struct capacity_probe probes[CAPACITY_PROBES_MAX];
};

void capacity_init(struct capacity *capacity, double rate);

/* What came of a probe at capacity->rate. Returns true when another one is wanted, at the rate that
 * it then has. */
MUST_USE bool capacity_take(struct capacity *capacity, struct capacity_probe probe);

#ifdef __cplusplus
}
#endif
#endif
