/* test_pairs.c - signed ranks against a published example, counting by hand, and their own promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/pairs.h"

#include <math.h>
#include <stdlib.h>

enum { COUNT_MAX = 150 };

static void expect_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("%.9g is not %.9g +- %g", found, expected, tolerance);
    }
}

static void seeded(unsigned seed)
{
    print_message("seed %u\n", seed);
    srand(seed);
}

static double uniform(void)
{
    return ((double)rand() + 1) / ((double)RAND_MAX + 2);
}

static double gauss(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

/* Pairs whose log ratios are these; equal sizes stay equal. */
static struct pairs pairs_from(const double *logs, size_t count, double *b)
{
    static double a[COUNT_MAX];
    for (size_t i = 0; i < count; i++) {
        a[i] = logs[i] < 0 ? exp(-logs[i]) : 1;
        b[i] = logs[i] < 0 ? 1 : exp(logs[i]);
    }
    return (struct pairs){a, b, count};
}

/* Goal:   p agrees with a published example, whichever side is named first.
 * Method: Darwin's maize as in SciPy's manual, wilcoxon: heights differ by 6, 8, 14, 16, 23, 24, 28,
 *         29, 41, -48, 49, 56, 60, -67, 75; exact p = 0.0412597656. The differences stand for logs: only
 *         their signs and order matter. */
static void test_pairs_p_agrees_with_a_published_example(void **state)
{
    static const double differences[] = {6,  8,   14, 16, 23, 24,  28, 29,
                                         41, -48, 49, 56, 60, -67, 75};
    double logs[COUNT_OF(differences)];
    double b[COUNT_OF(differences)];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(differences); i++) {
        logs[i] = differences[i] / 100;
    }
    struct pairs pairs = pairs_from(logs, COUNT_OF(logs), b);
    expect_near(pairs_p(pairs), 0.041259765625, 1e-12);
    struct pairs turned = {pairs.b, pairs.a, pairs.count};
    expect_near(pairs_p(turned), 0.041259765625, 1e-12);
}

/* Gives the ranks all signs there are: how many sums are at least as far from the middle? */
static double p_by_counting(const int *values, size_t count)
{
    int doubled[12] = {0};
    int first = 0;
    int sum = 0;
    int far = 0;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        int rank = 1;
        for (size_t j = 0; j < count && values[i] != 0; j++) {
            rank += values[j] == 0                    ? 0
                    : abs(values[j]) < abs(values[i]) ? 2
                                                      : abs(values[j]) == abs(values[i]);
        }
        if (values[i] != 0) {
            doubled[used++] = rank;
            sum += rank;
            first += values[i] > 0 ? rank : 0;
        }
    }
    for (unsigned signs = 0; signs < 1u << used; signs++) {
        int up = 0;
        for (size_t i = 0; i < used; i++) {
            up += (signs >> i & 1) != 0 ? doubled[i] : 0;
        }
        far += abs(2 * up - sum) >= abs(2 * first - sum);
    }
    return (double)far / (1u << used);
}

/* Goal:   p is exact, with ties and equal pairs or without.
 * Method: random small pairs with many of both, against counting all signs. */
static void test_pairs_p_is_exact_with_ties(void **state)
{
    (void)state;
    seeded(21);
    for (int round = 0; round < 300; round++) {
        size_t count = 1 + (size_t)(rand() % 10);
        int range = 2 + round % 20;
        int values[10];
        double logs[10];
        double b[10];
        for (size_t i = 0; i < count; i++) {
            values[i] = rand() % (2 * range + 1) - range;
            logs[i] = values[i];
        }
        expect_near(pairs_p(pairs_from(logs, count, b)), p_by_counting(values, count), 1e-12);
    }
}

/* Goal:   beyond what is counted out, p hardly changes.
 * Method: 100 pairs, exactly, and the same with a hundred and first that is equal and one that is not. */
static void test_pairs_p_of_many(void **state)
{
    double logs[COUNT_MAX];
    double b[COUNT_MAX];
    (void)state;
    for (int i = 0; i < PAIRS_EXACT_MAX; i++) {
        logs[i] = (i % 8 < 5 ? 1 : -1) * (1 + i * 37 % PAIRS_EXACT_MAX) * 0.01;
    }
    double exact = pairs_p(pairs_from(logs, PAIRS_EXACT_MAX, b));
    assert_in_range((int)(exact * 10000), 10, 2000);
    logs[PAIRS_EXACT_MAX] = 0;
    expect_near(pairs_p(pairs_from(logs, PAIRS_EXACT_MAX + 1, b)), exact, 1e-12);
    logs[PAIRS_EXACT_MAX] = 0.0001; /* the least rank, and one more for each of the others */
    expect_near(pairs_p(pairs_from(logs, PAIRS_EXACT_MAX + 1, b)), exact, exact * 0.1);
}

/* Goal:   nothing, or nothing but equal pairs, proves nothing; and it is known how few cannot.
 * Method: by hand: 2 / 2^8 is below 0.01, 2 / 2^7 is not; what is promised is reached. */
static void test_pairs_least(void **state)
{
    static const double equal[] = {3, 4, 5};
    double logs[8];
    double b[8];
    (void)state;
    expect_near(pairs_p((struct pairs){NULL, NULL, 0}), 1, 0);
    expect_near(pairs_p((struct pairs){equal, equal, 3}), 1, 0);
    expect_near(pairs_p_least(0), 1, 0);
    expect_near(pairs_p_least(1), 1, 0);
    expect_near(pairs_p_least(8), 2.0 / 256, 1e-15);
    assert_int_equal(pairs_least(0.01), 8);
    for (int i = 0; i < 8; i++) {
        logs[i] = 0.01 * (i + 1);
    }
    expect_near(pairs_p(pairs_from(logs, 8, b)), 2.0 / 256, 1e-15);
}

/* Goal:   a factor within pairs is found however far the pairs are apart, with its sign.
 * Method: b is 1.1 a in each of 8 pairs that span three decades; 7 pairs bound nothing at 99 %. */
static void test_pairs_change_is_a_ratio(void **state)
{
    double a[8];
    double b[8];
    (void)state;
    for (int i = 0; i < 8; i++) {
        a[i] = pow(10, i * 3 / 7.0);
        b[i] = 1.1 * a[i];
    }
    struct stats_change up = pairs_change_of((struct pairs){a, b, 8}, 0.99);
    struct stats_change down = pairs_change_of((struct pairs){b, a, 8}, 0.99);
    expect_near(up.estimate, 0.1, 1e-9);
    expect_near(down.estimate, 1 / 1.1 - 1, 1e-9);
    assert_true(up.bounded);
    expect_near(up.low, 0.1, 1e-9);
    expect_near(up.high, 0.1, 1e-9);
    assert_false(pairs_change_of((struct pairs){a, b, 7}, 0.99).bounded);
    struct stats_change single = pairs_change_of((struct pairs){a, b, 1}, 0.99);
    expect_near(single.estimate, 0.1, 1e-9);
}

/* Goal:   the interval holds the true change as often as it says, at every size, whatever the pairs have
 *         in common, and says the same as p.
 * Method: 400 sets of log-normal pairs a size that share a drift of 20 %, of which b is 8 % more; 99 %
 *         may miss 4 % at most. */
static void test_pairs_interval_holds_the_truth(void **state)
{
    static const size_t sizes[] = {8, 12, 20, 101};
    (void)state;
    seeded(22);
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        int held = 0;
        for (int round = 0; round < 400; round++) {
            double a[COUNT_MAX];
            double b[COUNT_MAX];
            for (size_t i = 0; i < sizes[k]; i++) {
                double common = 50 * exp(0.2 * gauss());
                a[i] = common * exp(0.04 * gauss());
                b[i] = common * exp(0.04 * gauss()) * 1.08;
            }
            struct pairs pairs = {a, b, sizes[k]};
            struct stats_change change = pairs_change_of(pairs, 0.99);
            assert_true(change.bounded);
            held += change.low <= 0.08 && 0.08 <= change.high;
            if (sizes[k] <= PAIRS_EXACT_MAX) {
                bool parted = change.low > 0 || change.high < 0;
                assert_int_equal(parted, pairs_p(pairs) < 0.01);
            }
        }
        print_message("%zu pairs: held %d of 400\n", sizes[k], held);
        assert_true(held >= 384);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_p_agrees_with_a_published_example),
        cmocka_unit_test(test_pairs_p_is_exact_with_ties),
        cmocka_unit_test(test_pairs_p_of_many),
        cmocka_unit_test(test_pairs_least),
        cmocka_unit_test(test_pairs_change_is_a_ratio),
        cmocka_unit_test(test_pairs_interval_holds_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
