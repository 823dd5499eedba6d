/* pairs.c - ranks are doubled throughout, so that the mean rank of a tie is a whole number. */
#include "loadgen/pairs.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static int by_size(const void *left, const void *right)
{
    double a = fabs(*(const double *)left);
    double b = fabs(*(const double *)right);
    return (a > b) - (a < b);
}

/* log(b/a) of each pair. To be freed. */
static double *logs_of(struct pairs pairs)
{
    double *logs = (double *)memory_alloc(MAX_OF(pairs.count, (size_t)1) * sizeof *logs);
    for (size_t i = 0; i < pairs.count; i++) {
        ASSERT(pairs.a[i] > 0);
        ASSERT(pairs.b[i] > 0);
        /* Not the log of the quotient: equal pairs are exactly 0, and b/a exactly minus a/b. */
        logs[i] = log(pairs.b[i]) - log(pairs.a[i]);
    }
    return logs;
}

/* ---- signed ranks ---- */

struct signed_ranks {
    uint32_t *doubled; /* of the pairs that differ, ascending; owned */
    size_t count;
    uint64_t up_sum; /* doubled, of the pairs in which b is higher */
    uint64_t sum;
};

static struct signed_ranks ranks_of(struct pairs pairs)
{
    struct signed_ranks ranks = {NULL, 0, 0, 0};
    double *logs = logs_of(pairs);
    qsort(logs, pairs.count, sizeof *logs, by_size);
    size_t equal = 0;
    while (equal < pairs.count && logs[equal] == 0) {
        equal++;
    }
    const double *differing = logs + equal;
    ranks.count = pairs.count - equal;
    ranks.doubled =
        (uint32_t *)memory_alloc(MAX_OF(ranks.count, (size_t)1) * sizeof *ranks.doubled);
    for (size_t from = 0, to; from < ranks.count; from = to) {
        to = from + 1;
        while (to < ranks.count && fabs(differing[to]) == fabs(differing[from])) {
            to++;
        }
        for (size_t i = from; i < to; i++) {
            ranks.doubled[i] = (uint32_t)(from + to + 1); /* twice the mean of from+1 … to */
            ranks.up_sum += differing[i] > 0 ? ranks.doubled[i] : 0;
            ranks.sum += ranks.doubled[i];
        }
    }
    memory_free(logs);
    return ranks;
}

/* chances[s]: of all ways to give these ranks signs, the share whose positive ones add up to s. Has
 * sum + 1 entries; to be freed. */
static double *chances_of(const uint32_t *doubled, size_t count, uint64_t sum)
{
    double *chances = (double *)memory_alloc((sum + 1) * sizeof *chances);
    uint64_t reach = 0;
    chances[0] = 1;
    for (size_t i = 0; i < count; i++) {
        reach += doubled[i];
        for (uint64_t s = reach + 1; s-- > 0;) {
            double with = s >= doubled[i] ? chances[s - doubled[i]] : 0;
            chances[s] = (chances[s] + with) / 2;
        }
    }
    return chances;
}

static uint64_t from_middle(uint64_t part, uint64_t sum)
{
    return 2 * part > sum ? 2 * part - sum : sum - 2 * part;
}

static double exact_p(const struct signed_ranks *ranks)
{
    double *chances = chances_of(ranks->doubled, ranks->count, ranks->sum);
    uint64_t distance = from_middle(ranks->up_sum, ranks->sum);
    double p = 0;
    for (uint64_t s = 0; s <= ranks->sum; s++) {
        p += from_middle(s, ranks->sum) >= distance ? chances[s] : 0;
    }
    memory_free(chances);
    return MIN_OF(p, 1.0);
}

static double normal_p(const struct signed_ranks *ranks)
{
    double variance = 0; /* of the sum of the undoubled */
    for (size_t i = 0; i < ranks->count; i++) {
        double rank = ranks->doubled[i] / 2.0;
        variance += rank * rank / 4;
    }
    double distance = (double)from_middle(ranks->up_sum, ranks->sum) / 4 - 0.5;
    return distance <= 0 ? 1 : erfc(distance / sqrt(variance) / M_SQRT2);
}

double pairs_p(struct pairs pairs)
{
    struct signed_ranks ranks = ranks_of(pairs);
    double p = 1;
    if (ranks.count != 0) {
        p = ranks.count <= PAIRS_EXACT_MAX ? exact_p(&ranks) : normal_p(&ranks);
    }
    memory_free(ranks.doubled);
    return p;
}

double pairs_p_least(size_t count)
{
    return count == 0 ? 1 : exp2(1 - (double)count); /* one of all ways, and its mirror image */
}

size_t pairs_least(double limit)
{
    ASSERT(limit > 0);
    size_t count = 1;
    while (pairs_p_least(count) >= limit) {
        count++;
    }
    return count;
}

/* ---- the change ---- */

/* How many of the sorted means lie outside the interval at each end; 0: the interval would have to be
 * wider than all of them. */
static size_t means_outside(size_t count, double confidence)
{
    double tail = (1 - confidence) / 2;
    double n = (double)count;
    if (count > PAIRS_EXACT_MAX) {
        double low = 0;
        double high = 10;
        for (int i = 0; i < 60; i++) { /* the normal quantile of tail, by halving */
            double z = (low + high) / 2;
            *(erfc(z / M_SQRT2) / 2 > tail ? &low : &high) = z;
        }
        double edge = n * (n + 1) / 4 - low * sqrt(n * (n + 1) * (2 * n + 1) / 24);
        return edge > 0 ? (size_t)edge : 0;
    }
    uint32_t doubled[PAIRS_EXACT_MAX];
    for (size_t i = 0; i < count; i++) {
        doubled[i] = (uint32_t)(2 * (i + 1));
    }
    uint64_t sum = (uint64_t)count * (count + 1);
    double *chances = chances_of(doubled, count, sum);
    double below = 0;
    size_t outside = 0;
    for (uint64_t s = 0; s <= sum; s += 2) {
        below += chances[s];
        if (below > tail) {
            break;
        }
        outside++;
    }
    memory_free(chances);
    return outside;
}

struct stats_change pairs_change_of(struct pairs pairs, double confidence)
{
    ASSERT(pairs.count > 0);
    size_t count = pairs.count * (pairs.count + 1) / 2;
    double *logs = logs_of(pairs);
    double *means = (double *)memory_alloc(count * sizeof *means);
    size_t at = 0;
    for (size_t i = 0; i < pairs.count; i++) {
        for (size_t j = i; j < pairs.count; j++) {
            means[at++] = (logs[i] + logs[j]) / 2;
        }
    }
    memory_free(logs);
    qsort(means, count, sizeof *means, ascending);
    size_t outside = means_outside(pairs.count, confidence);
    struct stats_change change = {expm1((means[(count - 1) / 2] + means[count / 2]) / 2), 0, 0,
                                  outside != 0};
    if (change.bounded) {
        change.low = expm1(means[outside - 1]);
        change.high = expm1(means[count - outside]);
    }
    memory_free(means);
    return change;
}
