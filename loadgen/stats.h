/*
 * stats.h - do two sets of runs differ, and by how much?
 *
 *   a, b ──ranks──▶ Mann-Whitney U ──▶ p: how often would chance alone part them so far?
 *        ──ratios─▶ b/a of every pair, sorted ──▶ the median (Hodges-Lehmann) and an interval
 *
 * Both rest on the ranks alone: no normal distribution is assumed, and a run that went astray weighs
 * as one run, however far astray. The interval is the test turned over: it leaves out "no change"
 * exactly when p is below one minus its confidence (but for ties).
 *
 * Threads:     any; no state.
 * Limits:      up to STATS_EXACT_MAX runs a side the distribution of U is counted out, ties
 *              included; beyond, it is the normal one with corrections for ties and continuity.
 */
#ifndef RINGHUB_LOADGEN_STATS_H
#define RINGHUB_LOADGEN_STATS_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { STATS_EXACT_MAX = 30 };

/* The middle value, or the mean of the two in the middle. count > 0. */
double stats_median(const double *values, size_t count);

struct stats_sample {
    const double *values; /* borrowed */
    size_t count;
};

/* The probability, for two samples of one distribution, of ranks at least as far apart as these
 * (two-sided). 1 when a sample is empty. Mann and Whitney 1947; conditional on the ties. */
double stats_p(struct stats_sample a, struct stats_sample b);

/* The smallest p that so many runs can give: when they do not overlap at all. */
double stats_p_least(size_t a_count, size_t b_count);

/* How many runs a side are needed at least for a p below limit. */
size_t stats_runs_least(double limit);

/* b relative to a: 0.1 is a tenth more. */
struct stats_change {
    double estimate;
    double low; /* of the interval */
    double high;
    bool bounded; /* false: too few runs for this confidence, low and high mean nothing */
};

/* All values must be above zero, and neither sample empty. Hodges and Lehmann 1963, on logarithms;
 * interval after Moses. confidence: 0 to 1. */
struct stats_change stats_change_of(struct stats_sample a, struct stats_sample b,
                                    double confidence);

#ifdef __cplusplus
}
#endif
#endif
