/*
 * spread.h - how alike are many numbers? Fairness between subscribers.
 *
 * Threads:     no state.
 */
#ifndef RINGHUB_LOADGEN_SPREAD_H
#define RINGHUB_LOADGEN_SPREAD_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct spread {
    uint32_t count;
    double least;
    double median;
    double most;
    /* Jain's index: 1 when all are equal, 1/count when one has everything. Jain, Chiu, Hawe 1984. */
    double fairness;
};

/* Sorts values. count may be 0: all is 0 then. */
struct spread spread_of(double *values, uint32_t count);

#ifdef __cplusplus
}
#endif
#endif
