/*
 * compare.h - is B faster than A, slower, or the same? hubload compare.
 *
 *   files of A, files of B ─▶ may they be compared? ─▶ per scenario and metric: a word
 *
 * Slower (or faster) takes both: p below COMPARE_P and a change of more than COMPARE_EFFECT. The
 * first alone would find meaningless differences in enough runs, the second alone finds noise. Same
 * takes an interval that leaves no room for a change of COMPARE_ROOM; otherwise there were too few
 * runs to say anything, and that is said.
 *
 * Runs that were made in turns may be judged pair by pair (--paired, pairs.h): what a slow minute of the
 * machine does to both of a pair is then not in the spread.
 *
 * Threads:     main thread.
 */
#ifndef RINGHUB_LOADGEN_COMPARE_H
#define RINGHUB_LOADGEN_COMPARE_H

#include "loadgen/pairs.h"
#include "loadgen/stats.h"

#ifdef __cplusplus
extern "C" {
#endif

#define COMPARE_P          0.01
#define COMPARE_CONFIDENCE 0.99
#define COMPARE_EFFECT     0.03
#define COMPARE_ROOM       0.20

enum compare_word {
    COMPARE_UP,   /* b is higher */
    COMPARE_DOWN, /* b is lower */
    COMPARE_SAME,
    COMPARE_TOO_FEW,
};

struct comparison {
    enum compare_word word;
    double a_median;
    double b_median;
    double p;
    struct stats_change change;
    size_t runs_wanted; /* COMPARE_TOO_FEW: about so many a side; COMPARE_SAME: so many for an
                           interval that leaves no room for COMPARE_EFFECT */
};

/* Values above zero; neither sample empty. */
struct comparison compare_samples(struct stats_sample a, struct stats_sample b);
/* Likewise of pairs, at least one. */
struct comparison compare_pairs(struct pairs pairs);

/* The subcommand. argv[0] is its name. Returns the exit status: 0 compared, 1 a --fail-if holds,
 * 2 wrong options or files, 3 not comparable or, with --fail-if, not decided. */
MUST_USE int compare_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
