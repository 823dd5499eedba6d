/* test_report_json.c - what a result says is what was measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/hdr.h"
#include "loadgen/metric.h"
#include "loadgen/report.h"
#include "loadgen/stored.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

struct measured {
    char path[128];
    char prefix[64];
    struct scenario scenario;
    struct result *results[2];
    struct stored stored;
};

static struct result *result_make(uint64_t ns)
{
    struct result *r = test_calloc(1, sizeof *r);
    r->begin_s = 1700000000.5;
    r->measured_s = 2;
    r->sent = 30;
    r->expected = 300;
    r->counts.delivered = 300;
    r->sent_measured = 20;
    r->delivered = 200;
    r->reads = 50;
    r->bytes = 1000;
    r->generator_s = 0.001;
    r->server.known = true;
    r->server.user_s = 0.002;
    r->server.system_s = 0.004;
    r->server.rss_bytes = 123456;
    for (uint64_t i = 0; i < 200; i++) {
        record_add(&r->latency, ns + i * 1000, 1);
    }
    record_add(&r->completion, 77000, 20);
    struct series_step *totals = test_calloc(1, sizeof *totals);
    totals->delivered = r->delivered;
    totals->latency = r->latency;
    series_begin(&r->series, 1000000000, 3000000000);
    series_close(&r->series, 3000000000, totals);
    test_free(totals);
    return r;
}

static int measure(void **state)
{
    struct measured *m = test_calloc(1, sizeof *m);
    static char *argv[] = {(char *)(uintptr_t) "fanout",
                           (char *)(uintptr_t) "--url",
                           (char *)(uintptr_t) "nats://me:word@127.0.0.1:4222",
                           (char *)(uintptr_t) "--subscribers",
                           (char *)(uintptr_t) "10",
                           (char *)(uintptr_t) "--rate",
                           (char *)(uintptr_t) "10"};
    char error[256];
    snprintf(m->prefix, sizeof m->prefix, "/tmp/test_report_json.XXXXXX");
    assert_non_null(mkdtemp(m->prefix));
    snprintf(m->path, sizeof m->path, "%s/r.json", m->prefix);
    enum scenario_verdict verdict =
        scenario_parse(&m->scenario, COUNT_OF(argv), argv, error, sizeof error);
    assert_int_equal(verdict, SCENARIO_RUN);
    m->scenario.json_path = m->path;
    m->scenario.label = "the \"hub\"";
    m->results[0] = result_make(10000);
    m->results[1] = result_make(500000);
    *state = m;
    return 0;
}

static int forget(void **state)
{
    struct measured *m = *state;
    for (int i = 0; i < 2; i++) {
        series_free(&m->results[i]->series);
        test_free(m->results[i]);
    }
    if (m->stored.root != NULL) {
        stored_free(&m->stored);
    }
    unlink(m->path);
    int result = rmdir(m->prefix);
    test_free(m);
    return result;
}

static void write_and_load(struct measured *m, const char *failure)
{
    struct report report = {
        .scenario = &m->scenario,
        .results = m->results,
        .runs = 2,
        .failure = failure,
        .greeting = "{\"version\":\"3.2.1\"}",
        .rss_empty_bytes = 1000,
        .rss_connected_bytes = 1000 + 11 * 512,
    };
    char error[256];
    assert_true(report_json(&report));
    if (!stored_load(&m->stored, m->path, error, sizeof error)) {
        fail_msg("%s", error);
    }
}

static double value_of(const struct measured *m, const char *name, size_t run)
{
    const struct metric *metric = metric_find(name, strlen(name));
    assert_non_null(metric);
    return stored_value(&m->stored, metric, run);
}

static void expect_near(double found, double expected)
{
    if (!(fabs(found - expected) <= fabs(expected) * 1e-6)) {
        fail_msg("%.9g is not %.9g", found, expected);
    }
}

/* Goal:   every metric that is compared is found where it was written.
 * Method: a result whose figures are known, through a file. */
static void test_json_metrics(void **state)
{
    struct measured *m = *state;
    write_and_load(m, NULL);
    assert_int_equal(stored_runs_count(&m->stored), 2);
    expect_near(value_of(m, "deliveries", 0), 100);
    expect_near(value_of(m, "server-cpu", 0), 0.006 * 1e9 / 200);
    expect_near(value_of(m, "generator-cpu", 1), 0.001 * 1e9 / 200);
    expect_near(value_of(m, "coalescing", 0), 4);
    expect_near(value_of(m, "latency-p50", 1),
                (double)record_percentile(&m->results[1]->latency, 0.5));
    expect_near(value_of(m, "latency-p99.9", 0),
                (double)record_percentile(&m->results[0]->latency, 0.999));
    expect_near(value_of(m, "completion-p99", 0), 77000);
    expect_near(value_of(m, "memory", 0), 512);
    assert_true(isnan(value_of(m, "connects", 0))); /* of a storm only */
    assert_null(stored_fault(&m->stored));
    assert_int_equal(stored_bound_count(&m->stored), 0);
    assert_true(stored_is_open_loop(&m->stored));
    expect_near(stored_run_begin_s(&m->stored, 1), 1700000000.5);
    assert_int_equal(stored_unlike_scenario(&m->stored, &m->stored, NULL), 0);
    assert_int_equal(stored_unlike_machine(&m->stored, &m->stored, NULL), 0);
}

/* Goal:   the whole distribution is kept.
 * Method: each run's histogram, read back, cell by cell. */
static void test_json_histograms(void **state)
{
    struct measured *m = *state;
    write_and_load(m, NULL);
    struct record *back = test_calloc(1, sizeof *back);
    for (size_t i = 0; i < 2; i++) {
        const json_t *latency = json_object_get(stored_run(&m->stored, i), "latency");
        assert_true(hdr_decode(json_string_value(json_object_get(latency, "hdr")), back));
        assert_memory_equal(back->cells, m->results[i]->latency.cells, sizeof back->cells);
        const json_t *seconds = json_object_get(stored_run(&m->stored, i), "seconds");
        assert_int_equal(json_array_size(seconds), 2);
    }
    test_free(back);
}

/* Goal:   who was measured is told, a password is not.
 * Method: label, version of the greeting, and the URL in the command line. */
static void test_json_names_and_secrets(void **state)
{
    struct measured *m = *state;
    char text[128];
    write_and_load(m, NULL);
    stored_server(&m->stored, text, sizeof text);
    assert_string_equal(text, "the \"hub\" 3.2.1");
    char *all = json_dumps(m->stored.root, 0);
    assert_null(strstr(all, "me:word"));
    assert_non_null(strstr(all, "nats://(hidden)@127.0.0.1:4222"));
    free(all);
}

/* Goal:   what went wrong is in the result.
 * Method: a failure; a loss; an interrupt; a busy generator, and nobody watched. */
static void test_json_faults(void **state)
{
    struct measured *m = *state;
    write_and_load(m, "the server left");
    assert_string_equal(stored_fault(&m->stored), "the server left");
    stored_free(&m->stored);
    m->results[1]->counts.lost = 1;
    write_and_load(m, NULL);
    assert_non_null(strstr(stored_fault(&m->stored), "not everything was delivered"));
    stored_free(&m->stored);
    m->results[1]->counts.lost = 0;
    m->results[1]->interrupted = true;
    write_and_load(m, NULL);
    assert_non_null(strstr(stored_fault(&m->stored), "cut short"));
    stored_free(&m->stored);
    m->results[1]->interrupted = false;
    m->results[1]->generator_busiest = 1;
    m->results[1]->server.known = false;
    write_and_load(m, NULL);
    assert_null(stored_fault(&m->stored));
    assert_int_equal(stored_bound_count(&m->stored), 1);
}

/* Goal:   a file that cannot be written is an error.
 * Method: a folder that is not there; a full device. */
static void test_json_that_cannot_be_written(void **state)
{
    struct measured *m = *state;
    struct report report = {
        .scenario = &m->scenario, .results = m->results, .runs = 2, .greeting = ""};
    m->scenario.json_path = "/no/such/folder/r.json";
    assert_false(report_json(&report));
    assert_int_equal(errno, ENOENT);
    m->scenario.json_path = "/dev/full";
    assert_false(report_json(&report));
    m->scenario.hlog_prefix = "/no/such/folder/r";
    assert_false(report_hlog(&report));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_json_metrics, measure, forget),
        cmocka_unit_test_setup_teardown(test_json_histograms, measure, forget),
        cmocka_unit_test_setup_teardown(test_json_names_and_secrets, measure, forget),
        cmocka_unit_test_setup_teardown(test_json_faults, measure, forget),
        cmocka_unit_test_setup_teardown(test_json_that_cannot_be_written, measure, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
