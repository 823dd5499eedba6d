/*
 * pairs.h - do two servers differ, measured two by two?
 *
 *   a1 b1 | b2 a2 | a3 b3 …  ──log(b/a) of each pair──▶ signed ranks ──▶ p
 *                                               └──means of any two──▶ the median and an interval
 *
 * What one pair has in common (a slow hour of the machine) cancels out in its ratio; two samples side by
 * side (stats.h) have it in their spread. Rests on one thing: without a difference between the servers a
 * pair's log(b/a) is as likely to be negative as positive of the same size. So pairs are made in turns,
 * either side first as often as the other.
 *
 * Threads:     any; no state.
 * Limits:      up to PAIRS_EXACT_MAX pairs the distribution of the signed ranks is counted out, ties
 *              included; beyond, it is the normal one with corrections for ties and continuity.
 */
#ifndef RINGHUB_LOADGEN_PAIRS_H
#define RINGHUB_LOADGEN_PAIRS_H

#include "loadgen/stats.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PAIRS_EXACT_MAX = 100 };

struct pairs {
    const double *a; /* borrowed, as b; values above zero */
    const double *b;
    size_t count;
};

/* The probability, when neither side is better, of signed ranks at least as one-sided as these
 * (two-sided). 1 without pairs, or when all are equal. Wilcoxon 1945; equal pairs are left out, ties
 * have their mean rank, and the distribution is that of these ranks. */
double pairs_p(struct pairs pairs);

/* The smallest p that so many pairs can give: when all point the same way. */
double pairs_p_least(size_t count);

/* How many pairs are needed at least for a p below limit. */
size_t pairs_least(double limit);

/* b relative to a: the median of the means of any two log ratios (Hodges and Lehmann 1963), and
 * Tukey's interval, which leaves out "no change" exactly when p is below one minus its confidence (but
 * for ties). count > 0. */
struct stats_change pairs_change_of(struct pairs pairs, double confidence);

#ifdef __cplusplus
}
#endif
#endif
