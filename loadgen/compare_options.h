/*
 * compare_options.h - what hubload compare was asked for.
 *
 * Threads:     main thread.
 * Memory:      borrows from argv, whose words it puts in order: options first.
 */
#ifndef RINGHUB_LOADGEN_COMPARE_OPTIONS_H
#define RINGHUB_LOADGEN_COMPARE_OPTIONS_H

#include "loadgen/metric.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { COMPARE_METRICS_MAX = 32 };

struct compare_options {
    char **a;
    size_t a_count;
    char **b;
    size_t b_count;
    bool force_machine;
    bool paired;
    bool fail_if;
    double fail_if_above;                              /* 0.05: slower by more than a twentieth */
    const struct metric *metrics[COMPARE_METRICS_MAX]; /* none: all */
    size_t metrics_count;
};

enum compare_options_verdict { COMPARE_OPTIONS_RUN, COMPARE_OPTIONS_HELP, COMPARE_OPTIONS_WRONG };

MUST_USE enum compare_options_verdict compare_options_parse(struct compare_options *options,
                                                            int argc, char **argv, char *error,
                                                            size_t error_bytes);

extern const char compare_help[];

#ifdef __cplusplus
}
#endif
#endif
