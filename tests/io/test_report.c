/* test_report.c - what the operator reads. */
#include "io/report.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Goal:    the probe's explanation becomes a line per sentence, none empty.
 * Method:  text with an empty line and without a last line end.
 */
static void test_probe_lines(void **state)
{
    (void)state;
    struct report *report = memory_alloc(sizeof(*report));
    struct loop_probe probe = {.explanation = "one\n\n  two\nthree"};
    report_probe(report, &probe);
    assert_int_equal(report->count, 3);
    assert_string_equal(report->lines[0], "one");
    assert_string_equal(report->lines[1], "  two");
    assert_string_equal(report->lines[2], "three");
    memory_free(report);
}

/*
 * Goal:    the memory bound's sum comes first, then every term.
 * Method:  two terms.
 */
static void test_memory_lines(void **state)
{
    (void)state;
    struct report *report = memory_alloc(sizeof(*report));
    struct memory_bound bound;
    memset(&bound, 0, sizeof(bound));
    memory_bound_add(&bound, "apples", 3, 1024);
    memory_bound_add(&bound, "pears", 1, 1024);
    report_memory(report, &bound);
    assert_true(report->count >= 3);
    assert_non_null(strstr(report->lines[0], "at most 4.0 KiB"));
    assert_non_null(strstr(report->lines[1], "apples: 3 x 1.0 KiB = 3.0 KiB"));
    assert_non_null(strstr(report->lines[2], "pears: 1.0 KiB"));
    memory_free(report);
}

/*
 * Goal:    more lines than a report holds, and longer ones, are cut and not written past its end.
 * Method:  overfill it under the sanitizers.
 */
static void test_report_is_bounded(void **state)
{
    (void)state;
    struct report *report = memory_alloc(sizeof(*report));
    for (int i = 0; i < 2 * REPORT_LINES_MAX; i++) {
        report_add(report, "%*d", 2 * REPORT_LINE_MAX, i);
    }
    assert_int_equal(report->count, REPORT_LINES_MAX);
    assert_int_equal(strlen(report->lines[REPORT_LINES_MAX - 1]), REPORT_LINE_MAX - 1);
    memory_free(report);
}

/*
 * Goal:    the hub keeps descriptors for itself, more with more workers, and never counts below 0.
 * Method:  few, enough, and unlimited descriptors.
 */
static void test_connections_possible(void **state)
{
    (void)state;
    assert_int_equal(report_connections_possible(10, 1), 0);
    uint32_t one = report_connections_possible(1024, 1);
    uint32_t eight = report_connections_possible(1024, 8);
    assert_true(one < 1024);
    assert_true(eight < one);
    assert_true(eight > 0);
    assert_int_equal(report_connections_possible(UINT64_MAX, 64), UINT32_MAX);
}

/*
 * Goal:    with sockets in the workers' tables the limit counts for each worker, a part of each
 *          table is spare, and a limit too low for the hub itself gives no connection.
 * Method:  few, enough, and unlimited descriptors.
 */
static void test_connections_direct(void **state)
{
    (void)state;
    assert_int_equal(report_connections_direct(64, 1), 0);
    uint32_t one = report_connections_direct(600, 1);
    assert_in_range(one, 500, 599);
    assert_int_equal(report_connections_direct(600, 2), 2 * one);
    assert_true(report_connections_direct(20000, 6) > 100000);
    assert_int_equal(report_table_max(600), 600);
    assert_int_equal(report_table_max(UINT64_MAX), 1 << 20);
    assert_true(report_connections_direct(UINT64_MAX, 64) > 60u << 20);
}

/*
 * Goal:    the operator reads where sockets live and how many connections that allows.
 * Method:  both ways.
 */
static void test_descriptors_line(void **state)
{
    (void)state;
    struct report *report = memory_alloc(sizeof(*report));
    report_descriptors(report, 1024, 2, false);
    report_descriptors(report, 1024, 2, true);
    char number[32];
    snprintf(number, sizeof(number), " %u ", report_connections_possible(1024, 2));
    assert_non_null(strstr(report->lines[0], number));
    snprintf(number, sizeof(number), " %u ", report_connections_direct(1024, 2));
    assert_non_null(strstr(report->lines[1], number));
    assert_non_null(strstr(report->lines[1], "tables"));
    memory_free(report);
}

/*
 * Goal:    the counters' line holds what is there now and every reason that occurred, and fits even
 *          when all numbers are as long as they can be.
 * Method:  a few values, then all bits set.
 */
static void test_counters(void **state)
{
    (void)state;
    char text[REPORT_COUNTERS_MAX];
    struct metrics *metrics = memory_alloc(sizeof(*metrics));
    metrics_init(metrics);
    struct hub_gauges gauges = {.sessions = 3};
    metrics->sessions_closed[CLOSE_SLOW_PENDING] = 2;
    metrics->messages_in = 77;
    report_counters(metrics, &gauges, text);
    assert_non_null(strstr(text, "counters: connections=3 "));
    assert_non_null(strstr(text, " messages_in=77 "));
    assert_non_null(strstr(text, " closed:Slow_Consumer_(Pending_Bytes)=2"));
    assert_null(strstr(text, "dropped:"));

    memset(metrics, 0xff, sizeof(*metrics));
    memset(&gauges, 0xff, sizeof(gauges));
    report_counters(metrics, &gauges, text);
    const char *last = drop_reason_text((enum drop_reason)(DROP_REASONS_COUNT - 1));
    assert_non_null(strstr(text, last));
    assert_int_equal(text[strlen(text) - 1], '5'); /* 2^64 - 1 ends in 5: nothing was cut */
    memory_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe_lines),        cmocka_unit_test(test_memory_lines),
        cmocka_unit_test(test_report_is_bounded),  cmocka_unit_test(test_connections_possible),
        cmocka_unit_test(test_connections_direct), cmocka_unit_test(test_descriptors_line),
        cmocka_unit_test(test_counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
