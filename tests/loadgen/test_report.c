/* test_report.c - what a person reads: figures with their units, faults in plain words, a verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct told {
    struct scenario scenario;
    struct result *result;
    char *text;
    size_t size;
};

/* A closed loop of 1 to 1,000 that delivered 2,000,000 in two seconds. */
static int tell_begin(void **state)
{
    struct told *t = test_calloc(1, sizeof *t);
    t->scenario.kind = SCENARIO_FANOUT;
    assert_null(url_parse(&t->scenario.url, "nats://me:sesame@127.0.0.1:4222"));
    t->scenario.publishers = 1;
    t->scenario.subscribers = 1000;
    t->scenario.subjects = 1;
    t->scenario.subjects_each = 1;
    t->scenario.copies = 1;
    t->scenario.sizes.count = 1;
    t->scenario.size = 128;
    t->scenario.runs = 1;
    t->scenario.window_messages = 1500;
    t->result = test_calloc(1, sizeof *t->result);
    struct result *r = t->result;
    r->measured_s = 2;
    r->sent = 2500;
    r->expected = 2500000;
    r->counts.delivered = 2500000;
    r->reached = 1000;
    r->hearing = 1000;
    r->verified = 39063;
    r->sent_measured = 2000;
    r->delivered = 2000000;
    r->reads = 20000;
    r->bytes = 250000000;
    r->generator_s = 0.02;
    record_add(&r->latency, 1500000, 1000);
    record_add(&r->completion, 2500000, 20);
    *state = t;
    return 0;
}

static int tell_end(void **state)
{
    struct told *t = *state;
    free(t->text);
    test_free(t->result);
    test_free(t);
    return 0;
}

static const char *run_text(struct told *t)
{
    free(t->text);
    t->text = NULL;
    FILE *out = open_memstream(&t->text, &t->size);
    report_run(out, &t->scenario, t->result, 0);
    fclose(out);
    return t->text;
}

static void expect(struct told *t, const char *said)
{
    if (strstr(run_text(t), said) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", said, t->text);
    }
}

static void expect_not(struct told *t, const char *said)
{
    if (strstr(run_text(t), said) != NULL) {
        fail_msg("\"%s\" is in:\n%s", said, t->text);
    }
}

/* Goal:   a complete run reads as what was measured, with units, and without colours in a file.
 * Method: known figures. */
static void test_report_of_a_complete_run(void **state)
{
    struct told *t = *state;
    expect(t,
           "nats://127.0.0.1:4222: 1 publisher, 1,000 subscribers, 128 bytes, closed loop, window "
           "1,500 messages; run 1 of 1, 2.0 s\n");
    expect(t, "1,000,000 deliveries/s, 1,000 published/s, 1.00 Gbit/s received");
    expect(t, "2,500,000 of 2,500,000, each once; 1,000 of 1,000 subscribers received, 39,063 "
              "payloads compared");
    expect(t, "p50 1.50 ms");
    expect(t, "max 1.50 ms");
    expect(t, "max 2.50 ms");
    expect(t, "10.0 ns CPU per delivery"); /* the generator's */
    expect(t, "100.0 messages a read");
    expect(t, "not watched (--server-pid)");
    expect(t, "verdict       valid\n");
    expect_not(t, "\033");
    expect_not(t, "NOT COMPLETE");
    expect_not(t, "stalled");
}

/* Goal:   each fault has its own count, and nobody reads such a run as complete.
 * Method: five different numbers. */
static void test_report_of_faults(void **state)
{
    struct told *t = *state;
    t->result->counts.lost = 1234;
    t->result->counts.duplicated = 2;
    t->result->counts.reordered = 3;
    t->result->counts.corrupted = 4;
    t->result->counts.foreign = 5;
    t->result->reached = 999;
    expect(t, "NOT COMPLETE: lost 1,234, duplicated 2, reordered 3, corrupted 4, foreign 5; 999 of "
              "1,000 subscribers received");
    expect_not(t, "each once");
    t->result->interrupted = true;
    expect(t, ", cut short");
}

/* Goal:   a run that the generator limited is invalid, or unproven where nobody saw the server.
 * Method: a busy generator with a busy server, an idle one, and none watched. */
static void test_report_verdicts(void **state)
{
    struct told *t = *state;
    struct server_use *u = &t->result->server;
    t->result->generator_busiest = 0.99;
    expect(t, "unproven: the generator was busy; --server-pid tells");
    u->known = true;
    u->cpus = 1;
    u->cores = 0.5;
    u->busiest_thread = 0.5;
    u->user_s = 0.01;
    u->system_s = 0.03;
    u->rss_bytes = 12300000;
    u->rss_peak_bytes = 45600000;
    u->switches_voluntary = 1500;
    u->switches_involuntary = 7;
    expect(t, "INVALID: the generator was the bottleneck");
    expect(t, "20.0 ns CPU per delivery (user 5.0, system 15.0), 0.50 cores");
    expect(t, "RSS 12.3 MB (peak 45.6), context switches 1,500 voluntary, 7 forced");
    u->cores = 1;
    u->busiest_thread = 1;
    expect(t, "verdict       valid\n");
    t->result->generator_busiest = 0.1;
    u->cores = 0.1;
    u->busiest_thread = 0.1;
    expect(t, "valid; neither side was busy all the time");
    t->result->generator_queued = 0.5;
    expect(t, "waited for a CPU 50 % of the time");
}

/* Goal:   an open loop says how late its sends were, and that fewer were sent than were due.
 * Method: 900 of 1,000 a second, evenly; then all. */
static void test_report_of_an_open_loop(void **state)
{
    struct told *t = *state;
    t->scenario.rate = 1000;
    record_add(&t->result->late, 3000, 100);
    t->result->blocked_ns = 1500000000;
    expect(t, "open loop 1000/s; run 1 of 1");
    expect(t, "late p50 3.00 us, p99 3.00 us, max 3.00 us; socket full for 1.50 s");
    expect_not(t, "messages due were sent");
    t->result->sent_measured = 1800;
    expect(t, "only 1,800 of 2,000 messages due were sent: latency is worse than shown");
    t->scenario.poisson = true;
    expect(t, "open loop 1000/s (Poisson)");
    expect_not(t, "messages due were sent"); /* chance sends fewer, too */
}

/* Goal:   what else went on has its line: shape, stalled, churn, connecting, fairness; and requests
 *         are told as requests.
 * Method: a scenario with each. */
static void test_report_of_everything_else(void **state)
{
    struct told *t = *state;
    struct scenario *s = &t->scenario;
    struct result *r = t->result;
    s->subjects = 10;
    s->subjects_each = 2;
    s->copies = 3;
    s->wildcards = 4;
    s->groups = 5;
    s->sizes.count = 2;
    s->stalled = 6;
    r->stalled_cut = 1;
    s->churners = 2;
    s->churn = 500;
    r->churn_done = 800;
    r->churn_heard = 90;
    s->storm = true;
    record_add(&r->connects, 2000000, 1001);
    r->connect_s = 0.5;
    r->connect_server = (struct server_use){.known = true, .user_s = 0.01001, .system_s = 0.02002};
    r->delivered_each = (struct spread){10, 90, 100, 110, 0.9876};
    r->latency_each_ns = (struct spread){10, 1000, 2000, 3000, 1};
    expect(t,
           "10 subjects (2 each), every subscription 3 times, 4 with a wildcard, 5 queue groups, "
           "mean 128 bytes");
    expect(t, "6 subscribers do not read; the server ended 1 of them");
    expect(t, "400 subscriptions a second came and went of 500 asked, 90 received");
    expect(t, "1,001 connections in 500 ms: 2,002 a second until subscribed");
    expect(t, "30.0 us server CPU per connection (user 10.0, system 20.0)");
    expect(t, "shares        deliveries 90 to 110 (median 100, Jain 0.9876); mean latency 1.00 us "
              "to 3.00 us");
    s->groups = 0;
    expect(t, "fairness      deliveries 90 to 110");
    s->kind = SCENARIO_REQUEST;
    s->in_flight = 7;
    s->publishers = 2;
    expect(t, "2 requesters, 1,000 responders");
    expect(t, "closed loop, 7 in flight each");
    expect_not(t, "completion");
}

/* Goal:   nothing measured is said, and does not divide by zero.
 * Method: an empty result. */
static void test_report_of_nothing(void **state)
{
    struct told *t = *state;
    memset(t->result, 0, sizeof *t->result);
    expect(t, "0 deliveries/s, 0 published/s");
    expect(t, "latency       nothing measured");
    expect(t, "0 of 0, each once");
    expect_not(t, "nan");
    expect_not(t, "inf");
}

/* Goal:   several runs end in slowest, median and fastest; a single one does not.
 * Method: three, out of order. */
static void test_report_of_several_runs(void **state)
{
    struct told *t = *state;
    struct result *results[3];
    static const uint64_t delivered[] = {4000, 2000, 6000};
    for (int i = 0; i < 3; i++) {
        results[i] = test_calloc(1, sizeof *results[i]);
        results[i]->delivered = delivered[i];
        results[i]->measured_s = 2;
        results[i]->server.user_s = 0.001;
        record_add(&results[i]->latency, 1000000 * (uint64_t)(i + 1), 1);
    }
    FILE *out = open_memstream(&t->text, &t->size);
    report_runs(out, &t->scenario, results, 1);
    fflush(out);
    assert_int_equal(t->size, 0);
    report_runs(out, &t->scenario, results, 3);
    fclose(out);
    assert_string_equal(t->text,
                        "3 runs of nats://127.0.0.1:4222\n"
                        "  slowest       1,000 deliveries/s, server 500.0 ns a delivery, latency "
                        "p99 2.00 ms\n"
                        "  median        2,000 deliveries/s, server 250.0 ns a delivery, latency "
                        "p99 1.00 ms\n"
                        "  fastest       3,000 deliveries/s, server 166.7 ns a delivery, latency "
                        "p99 3.00 ms\n");
    for (int i = 0; i < 3; i++) {
        test_free(results[i]);
    }
}

/* Goal:   a search for the capacity says of each rate whether it was kept, and why not; and what
 *         came of all.
 * Method: a good probe, a bad one; a capacity, and none. */
static void test_report_of_a_capacity(void **state)
{
    struct told *t = *state;
    t->scenario.capacity = 0.99;
    t->scenario.capacity_ns = 5000000;
    struct capacity_probe good = {200, true, 1200000, ""};
    struct capacity_probe bad = {400, false, 7000000, "too late"};
    FILE *out = open_memstream(&t->text, &t->size);
    report_probe(out, &t->scenario, &good);
    report_probe(out, &t->scenario, &bad);
    struct capacity capacity;
    capacity_init(&capacity, 100);
    report_capacity(out, &t->scenario, &capacity);
    capacity.best = 200;
    capacity.worst = 400;
    capacity.probes_count = 3;
    report_capacity(out, &t->scenario, &capacity);
    fclose(out);
    assert_string_equal(t->text,
                        "           200/s   p99 1.20 ms    good\n"
                        "           400/s   p99 7.00 ms    bad: too late\n"
                        "capacity: no rate kept p99 within 5.00 ms\n"
                        "capacity: 200 messages a second keep p99 within 5.00 ms and lose nothing; "
                        "400 do not (3 probes)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_report_of_a_complete_run, tell_begin, tell_end),
        cmocka_unit_test_setup_teardown(test_report_of_faults, tell_begin, tell_end),
        cmocka_unit_test_setup_teardown(test_report_verdicts, tell_begin, tell_end),
        cmocka_unit_test_setup_teardown(test_report_of_an_open_loop, tell_begin, tell_end),
        cmocka_unit_test_setup_teardown(test_report_of_everything_else, tell_begin, tell_end),
        cmocka_unit_test_setup_teardown(test_report_of_nothing, tell_begin, tell_end),
        cmocka_unit_test_setup_teardown(test_report_of_several_runs, tell_begin, tell_end),
        cmocka_unit_test_setup_teardown(test_report_of_a_capacity, tell_begin, tell_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
