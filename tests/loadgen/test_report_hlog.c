/* test_report_hlog.c - the logs hold every run's seconds, at their times, and nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/hdr.h"
#include "loadgen/report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUNS = 2, LINE_MAX = 1 << 16 };
#define BEGIN_S 1700000000.25

struct logged {
    char folder[64];
    char prefix[96];
    struct scenario scenario;
    struct result *results[RUNS];
    struct record *record;
    char *line;
};

/* A run of 2.5 s: per second 10, 20 and 30 deliveries, all of about (second + 1) ms. */
static struct result *result_make(double begin_s)
{
    struct result *r = test_calloc(1, sizeof *r);
    struct series_step *totals = test_calloc(1, sizeof *totals);
    r->begin_s = begin_s;
    r->measured_s = 2.5;
    series_begin(&r->series, 1000000000, 3500000000);
    for (uint64_t i = 0; i < 3; i++) {
        record_add(&totals->latency, 1000000 * (i + 1), 10 * (i + 1));
        struct series_step *step = series_due(&r->series, 2000000000 + 1000000000 * i);
        if (step != NULL) {
            *step = *totals;
        }
    }
    series_close(&r->series, 3500000000, totals);
    record_add(&r->completion, 5000000, 7);
    r->latency = totals->latency;
    test_free(totals);
    return r;
}

static int log_begin(void **state)
{
    struct logged *l = test_calloc(1, sizeof *l);
    snprintf(l->folder, sizeof l->folder, "/tmp/test_report_hlog.XXXXXX");
    assert_non_null(mkdtemp(l->folder));
    snprintf(l->prefix, sizeof l->prefix, "%s/r", l->folder);
    l->scenario.hlog_prefix = l->prefix;
    for (int i = 0; i < RUNS; i++) {
        l->results[i] = result_make(BEGIN_S + 10 * i);
    }
    l->record = test_calloc(1, sizeof *l->record);
    l->line = test_malloc(LINE_MAX);
    *state = l;
    return 0;
}

static int log_end(void **state)
{
    struct logged *l = *state;
    static const char *const names[] = {"latency", "completion"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s.%s.hlog", l->prefix, names[i]);
        unlink(path);
    }
    for (int i = 0; i < RUNS; i++) {
        series_free(&l->results[i]->series);
        test_free(l->results[i]);
    }
    int result = rmdir(l->folder);
    test_free(l->record);
    test_free(l->line);
    test_free(l);
    return result;
}

static struct report report_of(struct logged *l, uint32_t runs)
{
    return (struct report){
        .scenario = &l->scenario, .results = l->results, .runs = runs, .greeting = ""};
}

static FILE *log_open(const struct logged *l, const char *what)
{
    char path[128];
    snprintf(path, sizeof path, "%s.%s.hlog", l->prefix, what);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    return in;
}

/* The next interval, its histogram in l->record. False at the end. */
static bool interval_next(struct logged *l, FILE *in, double *begin_s, double *length_s)
{
    while (fgets(l->line, LINE_MAX, in) != NULL) {
        if (l->line[0] != '#' && l->line[0] != '"') {
            int at = 0;
            double max_ms;
            assert_int_equal(sscanf(l->line, "%lf,%lf,%lf,%n", begin_s, length_s, &max_ms, &at), 3);
            l->line[strcspn(l->line, "\n")] = 0;
            assert_true(hdr_decode(l->line + at, l->record));
            return true;
        }
    }
    return false;
}

static void expect_near(double found, double expected)
{
    if (!(fabs(found - expected) < 0.0011)) {
        fail_msg("%.6f is not %.6f", found, expected);
    }
}

/* Goal:   an interval for each second of each run, the last as short as it was, each with its own
 *         deliveries.
 * Method: two runs of two and a half seconds, read back. */
static void test_hlog_latency(void **state)
{
    struct logged *l = *state;
    struct report report = report_of(l, RUNS);
    double begin_s;
    double length_s;
    assert_true(report_hlog(&report));
    FILE *in = log_open(l, "latency");
    for (int i = 0; i < RUNS * 3; i++) {
        int second = i % 3;
        int run = i / 3;
        assert_true(interval_next(l, in, &begin_s, &length_s));
        expect_near(begin_s, BEGIN_S + 10 * run + second);
        expect_near(length_s, second == 2 ? 0.5 : 1);
        assert_int_equal(l->record->count, 10 * (second + 1));
        assert_int_equal(l->record->cells[record_cell(1000000 * (uint64_t)(second + 1))],
                         10 * (second + 1));
    }
    assert_false(interval_next(l, in, &begin_s, &length_s));
    fclose(in);
}

/* Goal:   completion has one interval a run, as long as the run.
 * Method: the same runs. */
static void test_hlog_completion(void **state)
{
    struct logged *l = *state;
    struct report report = report_of(l, RUNS);
    double begin_s;
    double length_s;
    assert_true(report_hlog(&report));
    FILE *in = log_open(l, "completion");
    for (int i = 0; i < RUNS; i++) {
        assert_true(interval_next(l, in, &begin_s, &length_s));
        expect_near(begin_s, BEGIN_S + 10 * i);
        expect_near(length_s, 2.5);
        assert_int_equal(l->record->count, 7);
    }
    assert_false(interval_next(l, in, &begin_s, &length_s));
    fclose(in);
}

/* Goal:   a measurement that ended before its first run leaves logs without intervals.
 * Method: no runs. */
static void test_hlog_of_no_run(void **state)
{
    struct logged *l = *state;
    struct report report = report_of(l, 0);
    double begin_s;
    double length_s;
    assert_true(report_hlog(&report));
    FILE *in = log_open(l, "latency");
    assert_non_null(fgets(l->line, LINE_MAX, in));
    assert_non_null(strstr(l->line, "latency"));
    assert_false(interval_next(l, in, &begin_s, &length_s));
    fclose(in);
}

/* Goal:   a log that cannot be written is an error.
 * Method: a folder that is not there; a full device behind each of the names. */
static void test_hlog_that_cannot_be_written(void **state)
{
    struct logged *l = *state;
    struct report report = report_of(l, RUNS);
    static const char *const names[] = {"latency", "completion"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s.%s.hlog", l->prefix, names[i]);
        assert_int_equal(symlink("/dev/full", path), 0);
        assert_false(report_hlog(&report));
        assert_int_equal(unlink(path), 0);
    }
    l->scenario.hlog_prefix = "/no/such/folder/r";
    assert_false(report_hlog(&report));
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hlog_latency, log_begin, log_end),
        cmocka_unit_test_setup_teardown(test_hlog_completion, log_begin, log_end),
        cmocka_unit_test_setup_teardown(test_hlog_of_no_run, log_begin, log_end),
        cmocka_unit_test_setup_teardown(test_hlog_that_cannot_be_written, log_begin, log_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
