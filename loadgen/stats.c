/* stats.c - ranks are doubled throughout, so that the mean rank of a tie is a whole number. */
#include "loadgen/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double middle(const double *sorted, size_t count)
{
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

double stats_median(const double *values, size_t count)
{
    ASSERT(count > 0);
    double *sorted = (double *)memory_alloc(count * sizeof *sorted);
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, ascending);
    double median = middle(sorted, count);
    memory_free(sorted);
    return median;
}

/* ---- ranks ---- */

struct ranked {
    double value;
    bool first; /* of sample a */
};

static int by_value(const void *left, const void *right)
{
    return ascending(&((const struct ranked *)left)->value, &((const struct ranked *)right)->value);
}

struct ranks {
    uint32_t *doubled; /* of all values, ascending; owned */
    size_t count;
    uint64_t first_sum; /* doubled, of sample a */
    double ties;        /* sum of t^3 - t over groups of t equal values */
};

static struct ranks ranks_of(struct stats_sample a, struct stats_sample b)
{
    struct ranks ranks = {NULL, a.count + b.count, 0, 0};
    struct ranked *all = (struct ranked *)memory_alloc(ranks.count * sizeof *all);
    for (size_t i = 0; i < ranks.count; i++) {
        all[i].first = i < a.count;
        all[i].value = i < a.count ? a.values[i] : b.values[i - a.count];
    }
    qsort(all, ranks.count, sizeof *all, by_value);
    ranks.doubled = (uint32_t *)memory_alloc(ranks.count * sizeof *ranks.doubled);
    for (size_t from = 0, to; from < ranks.count; from = to) {
        for (to = from + 1; to < ranks.count && all[to].value == all[from].value;) {
            to++;
        }
        double tied = (double)(to - from);
        ranks.ties += tied * tied * tied - tied;
        for (size_t i = from; i < to; i++) {
            ranks.doubled[i] = (uint32_t)(from + to + 1); /* twice the mean of from+1 … to */
            ranks.first_sum += all[i].first ? ranks.doubled[i] : 0;
        }
    }
    memory_free(all);
    return ranks;
}

/* ---- the distribution of a sample's rank sum ---- */

/* chances[u]: of all ways to choose chosen of the ranks (ascending), the share whose doubled sum is
 * u above the smallest. Counted rank by rank; size is 1 + the greatest u. To be freed. */
static double *chances_of(const uint32_t *doubled, size_t count, size_t chosen, size_t *size)
{
    /* The chosen rank number k is at least that of the k-th of all: counting from there keeps the
     * table as narrow as the sums can spread. */
    size_t width = 1;
    for (size_t i = 0; i < chosen; i++) {
        width += doubled[count - chosen + i] - doubled[i];
    }
    double *ways = (double *)memory_alloc((chosen + 1) * width * sizeof *ways);
    ways[0] = 1;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = MIN_OF(i + 1, chosen); k > 0; k--) {
            double *to = ways + k * width;
            const double *from = ways + (k - 1) * width;
            size_t above = doubled[i] - doubled[k - 1];
            for (size_t u = above; u < width; u++) {
                to[u] += from[u - above];
            }
        }
    }
    double all = 0;
    double *chances = (double *)memory_alloc(width * sizeof *chances);
    for (size_t u = 0; u < width; u++) {
        all += ways[chosen * width + u];
    }
    for (size_t u = 0; u < width; u++) {
        chances[u] = ways[chosen * width + u] / all;
    }
    memory_free(ways);
    *size = width;
    return chances;
}

static double exact_p(const struct ranks *ranks, size_t chosen)
{
    size_t size;
    double *chances = chances_of(ranks->doubled, ranks->count, chosen, &size);
    int64_t mean = (int64_t)(chosen * (ranks->count + 1));
    int64_t distance = llabs((int64_t)ranks->first_sum - mean);
    int64_t smallest = 0;
    for (size_t i = 0; i < chosen; i++) {
        smallest += ranks->doubled[i];
    }
    double p = 0;
    for (size_t u = 0; u < size; u++) {
        p += llabs(smallest + (int64_t)u - mean) >= distance ? chances[u] : 0;
    }
    memory_free(chances);
    return MIN_OF(p, 1.0);
}

static double normal_p(const struct ranks *ranks, double a, double b)
{
    double n = a + b;
    double variance = a * b / 12 * (n + 1 - ranks->ties / (n * (n - 1)));
    if (variance <= 0) {
        return 1; /* all values are equal */
    }
    double distance = fabs((double)ranks->first_sum / 2 - a * (n + 1) / 2) - 0.5;
    return distance <= 0 ? 1 : erfc(distance / sqrt(variance) / M_SQRT2);
}

double stats_p(struct stats_sample a, struct stats_sample b)
{
    if (a.count == 0 || b.count == 0) {
        return 1;
    }
    struct ranks ranks = ranks_of(a, b);
    bool exact = a.count <= STATS_EXACT_MAX && b.count <= STATS_EXACT_MAX;
    double p =
        exact ? exact_p(&ranks, a.count) : normal_p(&ranks, (double)a.count, (double)b.count);
    memory_free(ranks.doubled);
    return p;
}

double stats_p_least(size_t a_count, size_t b_count)
{
    if (a_count == 0 || b_count == 0) {
        return 1;
    }
    /* One of all ways to choose, and its mirror image. */
    double ways = lgamma((double)(a_count + b_count) + 1) - lgamma((double)a_count + 1) -
                  lgamma((double)b_count + 1);
    return MIN_OF(2 * exp(-ways), 1.0);
}

size_t stats_runs_least(double limit)
{
    ASSERT(limit > 0);
    size_t runs = 1;
    while (stats_p_least(runs, runs) >= limit) {
        runs++;
    }
    return runs;
}

/* ---- the change ---- */

/* How many of the sorted pairs lie outside the interval at each end; 0: the interval would have to
 * be wider than all pairs. */
static size_t pairs_outside(size_t a, size_t b, double confidence)
{
    double tail = (1 - confidence) / 2;
    size_t outside = 0;
    if (a > STATS_EXACT_MAX || b > STATS_EXACT_MAX) {
        double pairs = (double)a * (double)b;
        double low = 0;
        double high = 10;
        for (int i = 0; i < 60; i++) { /* the normal quantile of tail, by halving */
            double z = (low + high) / 2;
            *(erfc(z / M_SQRT2) / 2 > tail ? &low : &high) = z;
        }
        double edge = pairs / 2 - low * sqrt(pairs * (double)(a + b + 1) / 12);
        return edge > 0 ? (size_t)edge : 0;
    }
    uint32_t doubled[2 * STATS_EXACT_MAX];
    for (size_t i = 0; i < a + b; i++) {
        doubled[i] = (uint32_t)(2 * (i + 1));
    }
    size_t size;
    double *chances = chances_of(doubled, a + b, a, &size);
    double below = 0;
    for (size_t u = 0; u < size; u += 2) {
        below += chances[u];
        if (below > tail) {
            break;
        }
        outside++;
    }
    memory_free(chances);
    return outside;
}

struct stats_change stats_change_of(struct stats_sample a, struct stats_sample b, double confidence)
{
    ASSERT(a.count > 0);
    ASSERT(b.count > 0);
    size_t pairs = a.count * b.count;
    double *ratios = (double *)memory_alloc(pairs * sizeof *ratios);
    double *logs = (double *)memory_alloc(b.count * sizeof *logs);
    for (size_t j = 0; j < b.count; j++) {
        ASSERT(b.values[j] > 0);
        logs[j] = log(b.values[j]);
    }
    for (size_t i = 0; i < a.count; i++) {
        ASSERT(a.values[i] > 0);
        double from = log(a.values[i]);
        for (size_t j = 0; j < b.count; j++) {
            ratios[i * b.count + j] = logs[j] - from;
        }
    }
    memory_free(logs);
    qsort(ratios, pairs, sizeof *ratios, ascending);
    size_t outside = pairs_outside(a.count, b.count, confidence);
    struct stats_change change = {expm1(middle(ratios, pairs)), 0, 0, outside != 0};
    if (change.bounded) {
        change.low = expm1(ratios[outside - 1]);
        change.high = expm1(ratios[pairs - outside]);
    }
    memory_free(ratios);
    return change;
}
