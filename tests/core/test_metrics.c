/* test_metrics.c - names, sums and the histogram. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/metrics.h"

/*
 * Goal:    every reason has a text of its own, and those clients look for are NATS' words.
 * Method:  all pairs; a few spelled out.
 */
static void test_metrics_reasons_have_texts(void **state)
{
    (void)state;
    for (int i = 0; i < CLOSE_REASONS_COUNT; i++) {
        const char *text = close_reason_text((enum close_reason)i);
        assert_non_null(text);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(text, close_reason_text((enum close_reason)k));
        }
    }
    for (int i = 0; i < DROP_REASONS_COUNT; i++) {
        const char *text = drop_reason_text((enum drop_reason)i);
        assert_non_null(text);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(text, drop_reason_text((enum drop_reason)k));
        }
    }
    assert_string_equal(close_reason_text(CLOSE_CLIENT), "Client Closed");
    assert_string_equal(close_reason_text(CLOSE_SLOW_PENDING), "Slow Consumer (Pending Bytes)");
    assert_string_equal(close_reason_text(CLOSE_SLOW_DEADLINE), "Slow Consumer (Write Deadline)");
    assert_string_equal(close_reason_text(CLOSE_NO_RESPONDERS_NEEDS_HEADERS),
                        "No Responders Requires Headers");
}

/*
 * Goal:    a counter's name and its field are the same one.
 * Method:  set two fields, find them by name.
 */
static void test_metrics_names_match_fields(void **state)
{
    (void)state;
    struct metrics metrics;
    int found = 0;

    metrics_init(&metrics);
    metrics.messages_in = 11;
    metrics.doorbells_heard = 22;
    for (size_t i = 0; i < metrics_counters_count(); i++) {
        uint64_t value = metrics_counter(&metrics, i);
        if (strcmp(metrics_counter_name(i), "messages_in") == 0) {
            assert_int_equal(value, 11);
            found++;
        } else if (strcmp(metrics_counter_name(i), "doorbells_heard") == 0) {
            assert_int_equal(value, 22);
            found++;
        } else {
            assert_int_equal(value, 0);
        }
    }
    assert_int_equal(found, 2);
}

/*
 * Goal:    a sum of workers misses no word, and a maximum is not added.
 * Method:  every word of one set to 3, added twice; histograms by recording.
 */
static void test_metrics_add_sums_every_word(void **state)
{
    (void)state;
    static struct metrics one;
    static struct metrics sum;
    size_t words = offsetof(struct metrics, turn_ns) / sizeof(uint64_t);
    uint64_t three = 3;

    metrics_init(&one);
    metrics_init(&sum);
    for (size_t i = 0; i < words; i++) {
        memcpy((char *)&one + i * sizeof(three), &three, sizeof(three));
    }
    histogram_record(&one.turn_ns, 100);
    histogram_record(&one.completion_ns, 200);
    histogram_record(&one.send_bytes, 300);
    metrics_add(&sum, &one);
    metrics_add(&sum, &one);

    for (size_t i = 0; i < metrics_counters_count(); i++) {
        assert_int_equal(metrics_counter(&sum, i), 6);
    }
    assert_int_equal(metrics_sessions_closed(&sum), 6 * CLOSE_REASONS_COUNT);
    assert_int_equal(metrics_deliveries_dropped(&sum), 6 * DROP_REASONS_COUNT);
    assert_int_equal(sum.turn_ns.count, 2);
    assert_int_equal(sum.turn_ns.max, 100);
    assert_int_equal(sum.completion_ns.sum, 400);
    assert_int_equal(sum.send_bytes.buckets[histogram_bucket(300)], 2);
    assert_ptr_equal(metrics_histogram(&sum, 0), &sum.turn_ns);
    size_t last = metrics_histograms_count() - 1;
    assert_string_equal(metrics_histogram_name(last), "inbox_depth");
    assert_ptr_equal(metrics_histogram(&sum, last), &sum.inbox_depth);
}

/*
 * Goal:    buckets cover all values, without gap, each at most an eighth wide.
 * Method:  every bucket's borders fall into it, and its neighbours begin beside them.
 */
static void test_histogram_buckets_tile_all_values(void **state)
{
    (void)state;
    assert_int_equal(histogram_bucket_min(0), 0);
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t min = histogram_bucket_min(i);
        uint64_t max = histogram_bucket_max(i);
        assert_int_equal(histogram_bucket(min), i);
        assert_int_equal(histogram_bucket(max), i);
        assert_true(max - min <= min / 8);
        if (i > 0) {
            assert_true(min == histogram_bucket_max(i - 1) + 1);
        }
    }
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

/*
 * Goal:    quantiles bound the values from above, within an eighth.
 * Method:  1 to 10,000 once each; the empty and the single-valued histogram.
 */
static void test_histogram_quantiles(void **state)
{
    (void)state;
    static struct histogram h;
    static const uint32_t permilles[] = {0, 1, 10, 500, 900, 990, 999, 1000};

    memset(&h, 0, sizeof(h));
    assert_int_equal(histogram_quantile(&h, 500), 0);
    for (uint64_t v = 1; v <= 10000; v++) {
        histogram_record(&h, v);
    }
    for (size_t i = 0; i < COUNT_OF(permilles); i++) {
        uint64_t exact = MAX_OF((uint64_t)permilles[i] * 10, (uint64_t)1);
        uint64_t got = histogram_quantile(&h, permilles[i]);
        assert_true(got >= exact);
        assert_true(got <= exact + exact / 8);
    }
    assert_int_equal(histogram_quantile(&h, 1000), 10000);
    assert_int_equal(h.sum, 10000 * 10001 / 2);

    memset(&h, 0, sizeof(h));
    histogram_record(&h, 1000);
    assert_int_equal(histogram_quantile(&h, 1), 1000);
    assert_int_equal(histogram_quantile(&h, 1000), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_reasons_have_texts),
        cmocka_unit_test(test_metrics_names_match_fields),
        cmocka_unit_test(test_metrics_add_sums_every_word),
        cmocka_unit_test(test_histogram_buckets_tile_all_values),
        cmocka_unit_test(test_histogram_quantiles),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
