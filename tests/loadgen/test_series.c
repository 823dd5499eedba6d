/* test_series.c - totals become steps, and no step loses or invents anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/series.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_NS ((uint64_t)1000000000)

static struct series_step *fresh(void)
{
    return test_calloc(1, sizeof(struct series_step));
}

/* Goal:   each step holds what happened in it, the last also what came after the end.
 * Method: 2.5 s; one delivery of its own latency in each second and one late one. */
static void test_series_steps_are_differences(void **state)
{
    (void)state;
    struct series series = {0};
    struct series_step *totals = fresh();
    series_begin(&series, 7 * SECOND_NS, 7 * SECOND_NS + 2500000000);
    assert_int_equal(series.steps_count, 3);
    assert_null(series_due(&series, 7 * SECOND_NS + 999999999));
    for (uint64_t second = 1; second <= 3; second++) {
        totals->delivered += second;
        totals->server_cpu_ns += 10 * second;
        totals->server_rss_bytes = 1000 - second;
        record_add(&totals->latency, second, 1);
        uint64_t end_ns = MIN_OF((7 + second) * SECOND_NS, 7 * SECOND_NS + 2500000000);
        assert_true(series_next_ns(&series) == end_ns);
        *series_due(&series, end_ns) = *totals;
    }
    assert_true(series_next_ns(&series) == UINT64_MAX);
    assert_null(series_due(&series, UINT64_MAX - 1));
    totals->delivered += 1;
    series_close(&series, series.to_ns, totals);
    static const uint64_t delivered[] = {1, 2, 4};
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(series.steps[i].delivered, delivered[i]);
        assert_int_equal(series.steps[i].server_cpu_ns, 10 * (i + 1));
        assert_int_equal(series.steps[i].server_rss_bytes, 999 - i);
        assert_int_equal(series.steps[i].latency.count, 1);
        assert_int_equal(record_percentile(&series.steps[i].latency, 1), i + 1);
    }
    series_free(&series);
    test_free(totals);
}

/* Goal:   a long run has few, long steps; a short one has one; one cut short has fewer.
 * Method: their number and length. */
static void test_series_lengths(void **state)
{
    (void)state;
    struct series series = {0};
    struct series_step *totals = fresh();
    series_begin(&series, 0, 3600 * SECOND_NS);
    assert_int_equal(series.steps_count, 120);
    assert_true(series.step_ns == 30 * SECOND_NS);
    series_begin(&series, 0, 121 * SECOND_NS);
    assert_int_equal(series.steps_count, 61);
    series_begin(&series, 5, 10);
    assert_int_equal(series.steps_count, 1);
    series_begin(&series, 0, 10 * SECOND_NS);
    totals->delivered = 9;
    series_close(&series, 3 * SECOND_NS + 1, totals);
    assert_int_equal(series.steps_count, 4);
    assert_int_equal(series.steps[0].delivered, 9);
    assert_int_equal(series.steps[3].delivered, 0);
    series_begin(&series, 10, 20);
    series_close(&series, 5, totals); /* interrupted before it began */
    assert_int_equal(series.steps_count, 0);
    series_free(&series);
    test_free(totals);
}

/* Goal:   merged threads add up, whoever was late.
 * Method: random progress of three threads, marked at random moments, against the sum. */
static void test_series_merge_keeps_the_sum(void **state)
{
    (void)state;
    unsigned seed = 9;
    print_message("seed %u\n", seed);
    srand(seed);
    struct series all = {0};
    struct series_step *empty = fresh();
    uint64_t sum = 0;
    series_begin(&all, 0, 8 * SECOND_NS);
    series_close(&all, 8 * SECOND_NS, empty);
    for (int thread = 0; thread < 3; thread++) {
        struct series one = {0};
        struct series_step *totals = fresh();
        series_begin(&one, 0, 8 * SECOND_NS);
        for (uint64_t now_ns = 0; now_ns < 9 * SECOND_NS; now_ns += (uint64_t)rand() % SECOND_NS) {
            totals->delivered += (uint64_t)rand() % 100;
            record_add(&totals->latency, (uint64_t)rand() % 1000, 1);
            for (struct series_step *step; (step = series_due(&one, now_ns)) != NULL;) {
                *step = *totals;
            }
        }
        sum += totals->delivered;
        series_close(&one, 8 * SECOND_NS, totals);
        series_merge(&all, &one);
        series_free(&one);
        test_free(totals);
    }
    uint64_t found = 0;
    for (uint32_t i = 0; i < all.steps_count; i++) {
        found += all.steps[i].delivered;
        assert_true(all.steps[i].delivered < UINT32_MAX);
    }
    assert_true(found == sum);
    series_free(&all);
    test_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_steps_are_differences),
        cmocka_unit_test(test_series_lengths),
        cmocka_unit_test(test_series_merge_keeps_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
