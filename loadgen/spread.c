/* spread.c - sorting and two sums. */
#include "loadgen/spread.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;
    return (*left > *right) - (*left < *right);
}

struct spread spread_of(double *values, uint32_t count)
{
    struct spread spread;
    double sum = 0;
    double squares = 0;
    memset(&spread, 0, sizeof spread);
    if (count == 0) {
        return spread;
    }
    qsort(values, count, sizeof *values, compare);
    for (uint32_t i = 0; i < count; i++) {
        sum += values[i];
        squares += values[i] * values[i];
    }
    spread.count = count;
    spread.least = values[0];
    spread.median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    spread.most = values[count - 1];
    spread.fairness = squares > 0 ? sum * sum / (squares * count) : 1;
    return spread;
}
