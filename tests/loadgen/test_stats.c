/* test_stats.c - the ranks' arithmetic against examples, counting by hand, and its own promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/stats.h"

#include <math.h>
#include <stdlib.h>

#define SAMPLE(...)                                                                                \
    ((struct stats_sample){(const double[]){__VA_ARGS__},                                          \
                           sizeof((const double[]){__VA_ARGS__}) / sizeof(double)})

static void expect_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("%.9g is not %.9g +- %g", found, expected, tolerance);
    }
}

/* Goal:   the median of odd and even counts, in any order.
 * Method: by hand. */
static void test_stats_median(void **state)
{
    (void)state;
    expect_near(stats_median((const double[]){3}, 1), 3, 0);
    expect_near(stats_median((const double[]){9, 1, 4}, 3), 4, 0);
    expect_near(stats_median((const double[]){9, 1, 4, 5}, 4), 4.5, 0);
}

/* Goal:   p agrees with a published example, and does not depend on which sample is named first.
 * Method: SciPy's manual, mannwhitneyu: ages of diagnosis, U = 17, exact p = 1/9. */
static void test_stats_p_agrees_with_a_published_example(void **state)
{
    (void)state;
    struct stats_sample males = SAMPLE(19, 22, 16, 29, 24);
    struct stats_sample females = SAMPLE(20, 11, 17, 12);
    expect_near(stats_p(males, females), 0.1111111111, 1e-9);
    expect_near(stats_p(females, males), 0.1111111111, 1e-9);
}

/* Counts all ways to choose the first sample's places: 2 x its rank sum, at least so far off. */
static double p_by_counting(const double *values, int count, int chosen)
{
    int ways = 0;
    int far = 0;
    int doubled[16] = {0};
    for (int i = 0; i < count; i++) {
        doubled[i] = 1;
        for (int j = 0; j < count; j++) {
            doubled[i] += values[j] < values[i] ? 2 : values[j] == values[i] ? 1 : 0;
        }
    }
    int first = 0;
    for (int i = 0; i < chosen; i++) {
        first += doubled[i];
    }
    for (unsigned set = 0; set < 1u << count; set++) {
        if (__builtin_popcount(set) == chosen) {
            int sum = 0;
            for (int i = 0; i < count; i++) {
                sum += (set >> i & 1) != 0 ? doubled[i] : 0;
            }
            ways++;
            far += abs(sum - chosen * (count + 1)) >= abs(first - chosen * (count + 1));
        }
    }
    return (double)far / ways;
}

/* Goal:   p is exact, ties or not.
 * Method: random small samples with many ties, against counting all ways to mix them. */
static void test_stats_p_is_exact_with_ties(void **state)
{
    (void)state;
    unsigned seed = 11;
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 200; round++) {
        int chosen = 1 + rand() % 5;
        int count = chosen + 1 + rand() % 6;
        double values[16];
        for (int i = 0; i < count; i++) {
            values[i] = rand() % (2 + round % 20);
        }
        struct stats_sample a = {values, (size_t)chosen};
        struct stats_sample b = {values + chosen, (size_t)(count - chosen)};
        expect_near(stats_p(a, b), p_by_counting(values, count, chosen), 1e-12);
    }
}

/* The share of random mixes of all values in which U is at least as far off. */
static double p_by_shuffling(double *all, int a_count, int count, int rounds)
{
    int far = 0;
    double first = 0;
    for (int round = 0; round <= rounds; round++) {
        double wins = -0.5 * a_count * (count - a_count);
        for (int i = 0; i < a_count; i++) {
            for (int j = a_count; j < count; j++) {
                wins += all[i] > all[j] ? 1 : all[i] == all[j] ? 0.5 : 0;
            }
        }
        first = round == 0 ? wins : first;
        far += round != 0 && fabs(wins) >= fabs(first);
        for (int i = count - 1; i > 0; i--) {
            int j = rand() % (i + 1);
            double kept = all[i];
            all[i] = all[j];
            all[j] = kept;
        }
    }
    return (double)far / rounds;
}

/* Goal:   beyond what is counted out, p is still right, ties or not.
 * Method: 40 against 35 values, whole numbers (many ties) and not, against random mixing. */
static void test_stats_p_of_many_runs(void **state)
{
    (void)state;
    unsigned seed = 3;
    print_message("seed %u\n", seed);
    srand(seed);
    for (int ties = 0; ties < 2; ties++) {
        double all[75];
        for (int i = 0; i < 75; i++) {
            double value = i * 7 % 40 + (i < 40 ? 0 : 4.2);
            all[i] = ties != 0 ? floor(value / 5) : value;
        }
        double p = stats_p((struct stats_sample){all, 40}, (struct stats_sample){all + 40, 35});
        expect_near(p, p_by_shuffling(all, 40, 75, 10000), 0.012);
        assert_in_range((int)(p * 1000), 20, 300);
    }
    double equal[40] = {0};
    expect_near(stats_p((struct stats_sample){equal, 40}, (struct stats_sample){equal, 40}), 1, 0);
}

/* Goal:   it is known how few runs cannot prove anything.
 * Method: 2 / C(10, 5) is below 0.01, 2 / C(8, 4) is not; what is promised is reached. */
static void test_stats_runs_least(void **state)
{
    (void)state;
    expect_near(stats_p_least(5, 5), 2.0 / 252, 1e-12);
    expect_near(stats_p_least(1, 1), 1, 1e-12);
    expect_near(stats_p_least(0, 9), 1, 0);
    assert_int_equal(stats_runs_least(0.01), 5);
    expect_near(stats_p(SAMPLE(1, 2, 3, 4, 5), SAMPLE(6, 7, 8, 9, 10)), 2.0 / 252, 1e-12);
}

/* Goal:   a factor between two samples is found, with its sign.
 * Method: the second sample is the first times 1.1, and the other way round. */
static void test_stats_change_is_a_ratio(void **state)
{
    (void)state;
    struct stats_sample a = SAMPLE(100, 101, 102, 103, 104);
    struct stats_sample b = SAMPLE(110, 111.1, 112.2, 113.3, 114.4);
    struct stats_change up = stats_change_of(a, b, 0.99);
    struct stats_change down = stats_change_of(b, a, 0.99);
    expect_near(up.estimate, 0.1, 1e-9);
    expect_near(down.estimate, 1 / 1.1 - 1, 1e-9);
    assert_true(up.bounded);
    expect_near(up.low, 110.0 / 104 - 1, 1e-9); /* 5 against 5: all pairs */
    expect_near(up.high, 114.4 / 100 - 1, 1e-9);
    assert_false(stats_change_of(a, SAMPLE(1, 2, 3), 0.99).bounded);
}

static double uniform(void)
{
    return ((double)rand() + 1) / ((double)RAND_MAX + 2);
}

static double gauss(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static void fill(double *values, size_t count, double level, double spread)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = level * exp(spread * gauss());
    }
}

/* Goal:   the interval holds the true change as often as it says, at every size, and without ties
 *         says the same as p.
 * Method: 400 pairs of log-normal samples a size with a known factor; 99 % may miss 4 % at most. */
static void test_stats_interval_holds_the_truth(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{5, 5}, {8, 12}, {10, 10}, {31, 31}};
    unsigned seed = 5;
    print_message("seed %u\n", seed);
    srand(seed);
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        int held = 0;
        for (int round = 0; round < 400; round++) {
            double a[31];
            double b[31];
            fill(a, sizes[k][0], 50, 0.04);
            fill(b, sizes[k][1], 54, 0.04);
            struct stats_sample left = {a, sizes[k][0]};
            struct stats_sample right = {b, sizes[k][1]};
            struct stats_change change = stats_change_of(left, right, 0.99);
            held += change.low <= 0.08 && 0.08 <= change.high;
            if (sizes[k][0] <= STATS_EXACT_MAX) {
                bool parted = change.low > 0 || change.high < 0;
                assert_int_equal(parted, stats_p(left, right) < 0.01);
            }
        }
        print_message("%zu against %zu: held %d of 400\n", sizes[k][0], sizes[k][1], held);
        assert_true(held >= 384);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats_median),
        cmocka_unit_test(test_stats_p_agrees_with_a_published_example),
        cmocka_unit_test(test_stats_p_is_exact_with_ties),
        cmocka_unit_test(test_stats_p_of_many_runs),
        cmocka_unit_test(test_stats_runs_least),
        cmocka_unit_test(test_stats_change_is_a_ratio),
        cmocka_unit_test(test_stats_interval_holds_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
