/* test_stored.c - what a file must be to count as a result, and when two of them are alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/metric.h"
#include "loadgen/stored.h"
#include "tests/loadgen/made_result.h"

#include <math.h>
#include <string.h>

static json_t *runs_of(double first, double second)
{
    json_t *runs = json_array();
    json_array_append_new(runs, made_run(first));
    if (second > 0) {
        json_array_append_new(runs, made_run(second));
    }
    return runs;
}

static struct stored load(struct made_folder *folder, json_t *root)
{
    struct stored stored;
    char error[256];
    if (!stored_load(&stored, made_write(folder, root), error, sizeof error)) {
        fail_msg("%s", error);
    }
    return stored;
}

static void expect_refused(struct made_folder *folder, const char *text, const char *said)
{
    struct stored stored;
    char error[256] = "";
    const char *name = made_name(folder);
    FILE *file = fopen(name, "w");
    fputs(text, file);
    fclose(file);
    if (stored_load(&stored, name, error, sizeof error)) {
        fail_msg("taken: %s", text);
    }
    if (strstr(error, said) == NULL || strncmp(error, name, strlen(name)) != 0) {
        fail_msg("\"%s\" does not say \"%s\", or not of which file", error, said);
    }
}

/* Goal:   a file that is no result is refused in a sentence that names it and says why.
 * Method: no file; no JSON; other JSON; another version; each part missing or of another kind. */
static void test_stored_refuses_what_is_no_result(void **state)
{
    struct made_folder *f = *state;
    struct stored stored;
    char error[256];
    assert_false(stored_load(&stored, "/no/such/file.json", error, sizeof error));
    assert_non_null(strstr(error, "/no/such/file.json"));
    expect_refused(f, "", "");
    expect_refused(f, "{\n\"format\": nothing}", "(line 2)");
    expect_refused(f, "[]", "not a result of hubload");
    expect_refused(f, "{\"format\": \"other\"}", "not a result of hubload");
    expect_refused(f, "{\"format\": \"hubload-result\", \"version\": 2}", "version 2");
    expect_refused(f, "{\"format\": \"hubload-result\"}", "version 0");
    expect_refused(
        f,
        "{\"format\": \"hubload-result\", \"version\": 1, \"scenario\": {}, \"machine\": "
        "{}, \"server\": {}, \"tool\": {}}",
        "runs is missing");
    expect_refused(
        f,
        "{\"format\": \"hubload-result\", \"version\": 1, \"scenario\": [], \"machine\": "
        "{}, \"server\": {}, \"tool\": {}, \"runs\": []}",
        "scenario is missing");
    expect_refused(
        f,
        "{\"format\": \"hubload-result\", \"version\": 1, \"scenario\": {}, \"machine\": "
        "{}, \"server\": 3, \"tool\": {}, \"runs\": []}",
        "server is missing");
}

/* Goal:   each run has its value of a metric, a file those that belong to it as a whole; what was
 *         not measured is not a number.
 * Method: two runs; deliveries, memory, latency. */
static void test_stored_values(void **state)
{
    struct stored s = load(*state, made_result("hub", 10, runs_of(1e6, 2e6)));
    const struct metric *deliveries = metric_find("deliveries", 10);
    const struct metric *memory = metric_find("memory", 6);
    const struct metric *latency = metric_find("latency-p50", 11);
    assert_int_equal(stored_runs_count(&s), 2);
    assert_null(stored_run(&s, 2));
    assert_int_equal(stored_values_count(&s, deliveries), 2);
    assert_true(fabs(stored_value(&s, deliveries, 1) - 2e6) < 1);
    assert_int_equal(stored_values_count(&s, memory), 1);
    assert_true(fabs(stored_value(&s, memory, 0) - 2048) < 1e-9);
    assert_int_equal(stored_values_count(&s, latency), 2);
    assert_true(isnan(stored_value(&s, latency, 0)));
    assert_true(isnan(stored_value(&s, metric_find("connects", 8), 0))); /* of a storm only */
    stored_free(&s);
}

/* Goal:   a run says when it began, to the millisecond where it was written so; anything else is no
 *         time.
 * Method: by hand: 2026-01-02 03:04:05 UTC is second 1767323045. */
static void test_stored_begin(void **state)
{
    static const struct {
        const char *text;
        double begin_s;
    } begins[] = {{"2026-01-02T03:04:05Z", 1767323045},
                  {"2026-01-02T03:04:05.250Z", 1767323045.25},
                  {"1970-01-01T00:00:00.001Z", 0.001},
                  {"2026-01-02T03:04:05", NAN},
                  {"2026-01-02T03:04:05.250 CET", NAN},
                  {"2026-01-02", NAN},
                  {"yesterday", NAN},
                  {"", NAN}};
    struct stored s = load(*state, made_result("hub", 10, runs_of(1e6, 2e6)));
    json_t *second = json_array_get(json_object_get(s.root, "runs"), 1);
    assert_true(isnan(stored_run_begin_s(&s, 1)));
    assert_true(isnan(stored_run_begin_s(&s, 2)));
    for (size_t i = 0; i < COUNT_OF(begins); i++) {
        json_object_set_new(second, "begin", json_string(begins[i].text));
        double begin_s = stored_run_begin_s(&s, 1);
        if (isnan(begins[i].begin_s) ? !isnan(begin_s)
                                     : !(fabs(begin_s - begins[i].begin_s) < 1e-6)) {
            fail_msg("%s began at %f", begins[i].text, begin_s);
        }
    }
    json_object_set_new(second, "begin", json_integer(5));
    assert_true(isnan(stored_run_begin_s(&s, 1)));
    stored_free(&s);
}

/* Goal:   what is no result is told as one sentence; runs that hubload limited are counted.
 * Method: a failure, a loss in the second run, an interrupt, no run, verdicts. */
static void test_stored_faults(void **state)
{
    struct stored s = load(*state, made_result("hub", 10, runs_of(1e6, 2e6)));
    json_t *second = json_array_get(json_object_get(s.root, "runs"), 1);
    assert_null(stored_fault(&s));
    assert_int_equal(stored_bound_count(&s), 0);
    json_object_set_new(second, "verdict", json_string("unproven"));
    assert_int_equal(stored_bound_count(&s), 1);
    json_object_del(second, "verdict");
    assert_int_equal(stored_bound_count(&s), 1);
    assert_null(stored_fault(&s));
    json_object_set_new(second, "interrupted", json_true());
    assert_non_null(strstr(stored_fault(&s), "cut short"));
    json_object_set_new(second, "complete", json_false());
    assert_non_null(strstr(stored_fault(&s), "not everything was delivered"));
    json_object_del(second, "complete");
    assert_non_null(strstr(stored_fault(&s), "not everything was delivered"));
    json_object_set_new(s.root, "failure", json_string("it broke"));
    assert_string_equal(stored_fault(&s), "it broke");
    json_object_set_new(s.root, "failure", json_null());
    json_object_set_new(s.root, "runs", json_array());
    assert_string_equal(stored_fault(&s), "it holds no run");
    stored_free(&s);
}

/* Goal:   a result is told in a line: server, scenario, family.
 * Method: a plain one; one with everything; one that says nothing of itself. */
static void test_stored_in_words(void **state)
{
    char text[512];
    struct stored s = load(*state, made_result("hub", 1000, runs_of(1e6, 0)));
    stored_server(&s, text, sizeof text);
    assert_string_equal(text, "hub 1.0");
    stored_scenario(&s, text, sizeof text);
    assert_string_equal(text, "fanout: 1 publisher, 1,000 subscribers, 128 bytes, closed loop, "
                              "window 100,000 messages");
    stored_family(&s, text, sizeof text);
    assert_string_equal(text,
                        "fanout by number of subscribers: 1 publisher, 128 bytes, closed loop");
    assert_false(stored_is_open_loop(&s));

    json_t *scenario = json_object_get(s.root, "scenario");
    json_object_set_new(scenario, "rate", json_real(250));
    json_object_set_new(scenario, "poisson", json_true());
    json_object_set_new(scenario, "publishers", json_integer(2));
    json_object_set_new(scenario, "subjects", json_integer(7));
    json_object_set_new(scenario, "stalled", json_integer(3));
    json_object_set_new(scenario, "distinct_sids", json_true());
    json_object_set_new(scenario, "json_payload", json_true());
    assert_true(stored_is_open_loop(&s));
    stored_scenario(&s, text, sizeof text);
    assert_string_equal(text, "fanout: 2 publishers, 1,000 subscribers, 128 bytes, 7 subjects, 3 "
                              "stalled, distinct sids, JSON payloads, open loop 250/s (Poisson)");
    char small[16];
    stored_scenario(&s, small, sizeof small); /* cut, not overrun */
    assert_string_equal(small, "fanout: 2 publi");

    json_object_set_new(s.root, "scenario", json_object());
    json_object_set_new(s.root, "server", json_object());
    stored_server(&s, text, sizeof text);
    assert_string_equal(text, "server");
    stored_scenario(&s, text, sizeof text);
    assert_non_null(strstr(text, "scenario: "));
    stored_free(&s);
}

static size_t unlike(const struct stored *a, const struct stored *b, bool machine, char **said)
{
    size_t size = 0;
    FILE *out = open_memstream(said, &size);
    size_t count = machine ? stored_unlike_machine(a, b, out) : stored_unlike_scenario(a, b, out);
    fclose(out);
    assert_int_equal(count, machine ? stored_unlike_machine(a, b, NULL)
                                    : stored_unlike_scenario(a, b, NULL));
    return count;
}

/* Goal:   the same scenario may run against other servers; everything else makes it another one,
 *         and is named with both values.
 * Method: protocol, host, port, seed; then a changed, a new and a missing key. */
static void test_stored_scenarios_alike(void **state)
{
    char *said = NULL;
    struct stored a = load(*state, made_result("hub", 10, runs_of(1e6, 0)));
    struct stored b = load(*state, made_result("other", 10, runs_of(2e6, 0)));
    json_t *scenario = json_object_get(b.root, "scenario");
    json_object_set_new(scenario, "protocol", json_string("mqtt"));
    json_object_set_new(scenario, "host", json_string("elsewhere"));
    json_object_set_new(scenario, "port", json_string("1883"));
    json_object_set_new(scenario, "seed", json_integer(99));
    assert_int_equal(unlike(&a, &b, false, &said), 0);
    assert_string_equal(said, "");
    free(said);
    json_object_set_new(scenario, "size", json_integer(256));
    json_object_set_new(scenario, "order", json_string("random"));
    json_object_del(scenario, "publishers");
    assert_int_equal(unlike(&a, &b, false, &said), 3);
    assert_non_null(strstr(said, "  size: 128 here, 256 there\n"));
    assert_non_null(strstr(said, "  order: nothing here, \"random\" there\n"));
    assert_non_null(strstr(said, "  publishers: 1 here, nothing there\n"));
    free(said);
    stored_free(&a);
    stored_free(&b);
}

/* Goal:   a family differs in subscribers, and the window that follows them, only.
 * Method: another number; another size as well. */
static void test_stored_families(void **state)
{
    struct stored a = load(*state, made_result("hub", 10, runs_of(1e6, 0)));
    struct stored b = load(*state, made_result("hub", 1000, runs_of(1e6, 0)));
    assert_true(stored_is_family(&a, &b));
    assert_int_equal(stored_unlike_scenario(&a, &b, NULL), 2);
    json_object_set_new(json_object_get(b.root, "scenario"), "size", json_integer(1));
    assert_false(stored_is_family(&a, &b));
    stored_free(&a);
    stored_free(&b);
}

/* Goal:   machines differ by kernel, CPU, memory and mitigations; not by a load or a hundredth of
 *         memory.
 * Method: each changed in turn. */
static void test_stored_machines_alike(void **state)
{
    char *said = NULL;
    struct stored a = load(*state, made_result("hub", 10, runs_of(1e6, 0)));
    struct stored b = load(*state, made_result("hub", 10, runs_of(1e6, 0)));
    json_t *machine = json_object_get(b.root, "machine");
    json_object_set_new(machine, "memory_bytes", json_integer(1010000000));
    json_object_set_new(machine, "load_average", json_real(3));
    assert_int_equal(unlike(&a, &b, true, &said), 0);
    free(said);
    json_object_set_new(machine, "memory_bytes", json_integer(1030000000));
    json_object_set_new(machine, "kernel", json_string("6.12"));
    json_object_set_new(machine, "mitigations", json_pack("{s:s}", "meltdown", "Mitigation: PTI"));
    assert_int_equal(unlike(&a, &b, true, &said), 3);
    assert_non_null(strstr(said, "kernel: \"6.1\" here, \"6.12\" there"));
    assert_non_null(strstr(said, "memory_bytes: 1000000000 here, 1030000000 there"));
    assert_non_null(strstr(said, "meltdown: \"Not affected\" here, \"Mitigation: PTI\" there"));
    free(said);
    assert_int_equal(stored_unlike_machine(&b, &a, NULL), 3); /* either way round */
    json_object_set_new(machine, "tcp_congestion_control", json_string("bbr"));
    assert_int_equal(stored_unlike_machine(&a, &b, NULL), 3); /* an older file does not tell */
    json_object_set_new(json_object_get(a.root, "machine"), "tcp_congestion_control",
                        json_string("cubic"));
    assert_int_equal(stored_unlike_machine(&a, &b, NULL), 4);
    stored_free(&a);
    stored_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stored_refuses_what_is_no_result, made_folder_open,
                                        made_folder_close),
        cmocka_unit_test_setup_teardown(test_stored_values, made_folder_open, made_folder_close),
        cmocka_unit_test_setup_teardown(test_stored_begin, made_folder_open, made_folder_close),
        cmocka_unit_test_setup_teardown(test_stored_faults, made_folder_open, made_folder_close),
        cmocka_unit_test_setup_teardown(test_stored_in_words, made_folder_open, made_folder_close),
        cmocka_unit_test_setup_teardown(test_stored_scenarios_alike, made_folder_open,
                                        made_folder_close),
        cmocka_unit_test_setup_teardown(test_stored_families, made_folder_open, made_folder_close),
        cmocka_unit_test_setup_teardown(test_stored_machines_alike, made_folder_open,
                                        made_folder_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
