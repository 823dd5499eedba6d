/* test_monitor_pages.c - what the pages say, field by field, of workers whose answers are known. */
#include "tests/support/monitor_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static json_t *page_of(struct monitor_fake *fake, const struct monitor_request *request)
{
    struct body body = {0};
    assert_int_equal(monitor_fake_write(fake, request, &body), 200);
    json_error_t error;
    json_t *page = json_loadb(body.text, body.size, 0, &error);
    if (page == NULL) {
        fail_msg("%s at %d: %.*s", error.text, error.position, (int)body.size, body.text);
    }
    body_free(&body);
    return page;
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    if (value == NULL) {
        fail_msg("%s is no string", name);
    }
    return value;
}

static json_int_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value)) {
        fail_msg("%s is no integer", name);
    }
    return json_integer_value(value);
}

static void test_varz(void **state)
{
    (void)state;
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    fake.requests_count[PAGE_CONNZ] = 5;
    struct monitor_request request = {.page = PAGE_VARZ};
    json_t *page = page_of(&fake, &request);
    assert_string_equal(text(page, "server_id"), "NID");
    assert_string_equal(text(page, "start"), "2023-11-14T22:13:20Z");
    assert_string_equal(text(page, "now"), "2023-11-14T22:15:00.123456Z");
    assert_string_equal(text(page, "uptime"), "1m40s");
    assert_int_equal(number(page, "in_msgs"), 21);
    assert_int_equal(number(page, "out_msgs"), 2001);
    assert_int_equal(number(page, "connections"), 10);
    assert_int_equal(number(page, "total_connections"), 100);
    assert_int_equal(number(page, "slow_consumers"), 4);
    assert_int_equal(number(page, "ping_interval"), 120000000000);
    assert_int_equal(number(page, "write_deadline"), 10000000000);
    assert_true(number(page, "mem") > 0);
    assert_true(json_real_value(json_object_get(page, "cpu")) > 12);
    assert_int_equal(number(json_object_get(page, "http_req_stats"), "/connz"), 5);
    assert_int_equal(number(json_object_get(page, "slow_consumer_stats"), "clients"), 4);
    assert_true(json_is_object(json_object_get(page, "cluster")));
    json_decref(page);
}

static void test_connz(void **state)
{
    (void)state;
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    struct monitor_request request = {.page = PAGE_CONNZ, .offset = 3, .limit = 4};
    json_t *page = page_of(&fake, &request);
    assert_int_equal(number(page, "num_connections"), 4);
    assert_int_equal(number(page, "total"), 10);
    assert_int_equal(number(page, "offset"), 3);
    assert_int_equal(number(page, "limit"), 4);
    json_t *list = json_object_get(page, "connections");
    assert_int_equal(json_array_size(list), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(number(json_array_get(list, i), "cid"), 4 + (json_int_t)i);
    }
    const json_t *first = json_array_get(list, 0);
    assert_string_equal(text(first, "kind"), "Client");
    assert_string_equal(text(first, "ip"), "10.0.0.1");
    assert_string_equal(text(first, "rtt"), "504µs");
    assert_string_equal(text(first, "uptime"), "1m35s");
    assert_string_equal(text(first, "idle"), "1m34s");
    assert_string_equal(text(first, "start"), "2023-11-14T22:13:25.123456Z");
    assert_int_equal(number(first, "pending_bytes"), 400);
    assert_string_equal(text(first, "lang"), "c");
    assert_null(json_object_get(first, "authorized_user"));
    assert_null(json_object_get(first, "subscriptions_list"));
    assert_null(json_object_get(first, "reason"));
    json_decref(page);

    request = (struct monitor_request){.page = PAGE_CONNZ,
                                       .limit = 1,
                                       .auth = true,
                                       .subs = true,
                                       .subs_detail = true,
                                       .sort = SNAPSHOT_BY_PENDING};
    page = page_of(&fake, &request);
    first = json_array_get(json_object_get(page, "connections"), 0);
    assert_int_equal(number(first, "cid"), 10);
    assert_string_equal(text(first, "authorized_user"), "alice");
    const json_t *sub = json_array_get(json_object_get(first, "subscriptions_list_detail"), 1);
    assert_string_equal(text(sub, "subject"), "news.*");
    assert_string_equal(text(sub, "qgroup"), "q");
    assert_string_equal(text(sub, "sid"), "7");
    assert_int_equal(number(sub, "max"), 1);
    assert_int_equal(number(sub, "cid"), 10);
    json_decref(page);
}

static void test_connz_of_closed_and_any(void **state)
{
    (void)state;
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    struct monitor_request request = {.page = PAGE_CONNZ, .limit = 100, .state = STATE_CLOSED};
    json_t *page = page_of(&fake, &request);
    const json_t *first = json_array_get(json_object_get(page, "connections"), 0);
    assert_string_equal(text(first, "reason"), "Slow Consumer (Pending Bytes)");
    assert_string_equal(text(first, "stop"), "2023-11-14T22:14:50.123456Z");
    json_decref(page);
    request.state = STATE_ANY;
    page = page_of(&fake, &request);
    assert_int_equal(number(page, "total"), 20);
    json_decref(page);
    request = (struct monitor_request){.page = PAGE_CONNZ, .limit = 100, .is_nobody = true};
    page = page_of(&fake, &request);
    assert_int_equal(number(page, "num_connections"), 0);
    json_decref(page);
    request = (struct monitor_request){.page = PAGE_CONNZ, .limit = 100, .cid = 4};
    page = page_of(&fake, &request);
    assert_int_equal(number(page, "num_connections"), 1);
    json_decref(page);
}

/*
 * Goal:    whatever a client calls itself or subscribes to, the page is JSON and hides nothing.
 */
static void test_hostile_names(void **state)
{
    (void)state;
    static const char *const names[] = {"\"},{\"x\":\"", "</script><script>", "\xff\xfe",
                                        "\xc3\xa9",      "\\u0000",           "a\nb"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct monitor_fake fake;
        monitor_fake_init(&fake);
        fake.name = names[i];
        fake.subject = names[i];
        struct monitor_request request = {.page = PAGE_CONNZ, .limit = 3, .subs = true};
        json_t *page = page_of(&fake, &request);
        const json_t *first = json_array_get(json_object_get(page, "connections"), 0);
        const char *expected = i == 2 ? "\xef\xbf\xbd\xef\xbf\xbd" : names[i];
        assert_string_equal(text(first, "name"), expected);
        const json_t *subject = json_array_get(json_object_get(first, "subscriptions_list"), 0);
        assert_string_equal(json_string_value(subject), expected);
        json_decref(page);
    }
}

static void test_subsz(void **state)
{
    (void)state;
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    struct monitor_request request = {.page = PAGE_SUBSZ, .limit = 1024};
    json_t *page = page_of(&fake, &request);
    assert_int_equal(number(page, "num_subscriptions"), 20);
    assert_null(json_object_get(page, "subscriptions_list"));
    json_decref(page);
    request = (struct monitor_request){.page = PAGE_SUBSZ, .limit = 4, .offset = 3, .subs = true};
    page = page_of(&fake, &request);
    assert_int_equal(number(page, "total"), 10);
    const json_t *list = json_object_get(page, "subscriptions_list");
    assert_int_equal(json_array_size(list), 4);
    assert_int_equal(number(json_array_get(list, 0), "cid"), 3);
    assert_int_equal(number(json_array_get(list, 3), "cid"), 1);
    assert_string_equal(text(json_array_get(list, 0), "account"), "$G");
    json_decref(page);
}

static void test_healthz(void **state)
{
    (void)state;
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    struct monitor_request request = {.page = PAGE_HEALTHZ};
    struct body body = {0};
    assert_int_equal(monitor_fake_write(&fake, &request, &body), 200);
    assert_int_equal(body.size, strlen("{\"status\":\"ok\"}"));
    assert_memory_equal(body.text, "{\"status\":\"ok\"}", body.size);
    body_free(&body);
    fake.silent = 1;
    assert_int_equal(monitor_fake_write(&fake, &request, &body), 503);
    static const char bad[] =
        "{\"status\":\"unavailable\",\"error\":\"1 of 2 workers did not answer\"}";
    assert_int_equal(body.size, sizeof(bad) - 1);
    assert_memory_equal(body.text, bad, body.size);
    body_free(&body);
}

static void test_slowz_and_hubz(void **state)
{
    (void)state;
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    struct monitor_request request = {.page = PAGE_SLOWZ, .limit = 3};
    json_t *page = page_of(&fake, &request);
    const json_t *by_age = json_object_get(page, "by_age");
    assert_int_equal(json_array_size(by_age), 3);
    assert_int_equal(number(json_array_get(by_age, 0), "cid"), 1);
    assert_int_equal(number(json_array_get(by_age, 0), "oldest_pending_ns"), 49999999999);
    const json_t *by_pending = json_object_get(page, "by_pending");
    assert_int_equal(number(json_array_get(by_pending, 0), "cid"), 10);
    json_decref(page);

    request = (struct monitor_request){.page = PAGE_HUBZ};
    page = page_of(&fake, &request);
    assert_int_equal(json_array_size(json_object_get(page, "workers")), 2);
    const json_t *turn = json_object_get(json_object_get(page, "histograms"), "turn_ns");
    assert_int_equal(number(turn, "count"), 1998);
    json_int_t sum = 0;
    for (size_t i = 0; i < json_array_size(json_object_get(turn, "buckets")); i++) {
        const json_t *pair = json_array_get(json_object_get(turn, "buckets"), i);
        sum += json_integer_value(json_array_get(pair, 1));
    }
    assert_int_equal(sum, 1998);
    const json_t *dropped = json_object_get(json_object_get(page, "reasons"), "deliveries_dropped");
    assert_int_equal(json_object_size(dropped), DROP_REASONS_COUNT);
    const json_t *rules = json_object_get(page, "scrub");
    assert_int_equal(json_array_size(rules), 3);
    const json_t *both = json_array_get(rules, 1);
    assert_string_equal(text(both, "rule"), "both");
    assert_true(json_is_true(json_object_get(both, "observes")));
    static const char *const modes[] = {"drop", "observe", "quarantine"};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        const json_t *rule = json_array_get(rules, i);
        assert_string_equal(text(rule, "mode"), modes[i]);
        const json_t *subjects = json_object_get(rule, "subjects");
        assert_int_equal(json_array_size(subjects), 1);
        assert_string_equal(json_string_value(json_array_get(subjects, 0)), ">");
    }
    assert_null(json_object_get(both, "quarantine"));
    assert_string_equal(text(json_array_get(rules, 2), "quarantine"), "jail");
    assert_int_equal(number(both, "passed"), 22);
    assert_int_equal(number(both, "cleaned"), 41);
    assert_int_equal(number(both, "timed_ns"), 2000000000);
    const json_t *refused = json_object_get(both, "refused");
    assert_int_equal(json_object_size(refused), SCRUB_REASONS - 1);
    assert_int_equal(number(refused, "json"), 6);
    assert_true(json_is_false(json_object_get(json_array_get(rules, 2), "observes")));
    json_decref(page);
    fake.silent = 2;
    page = page_of(&fake, &request);
    json_decref(page);
}

/* Each page that nats-server has and this hub has nothing to say on. */
static void test_short_pages(void **state)
{
    (void)state;
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    static const struct {
        enum monitor_page page;
        const char *field;
    } rows[] = {
        {PAGE_ROUTEZ, "routes"},     {PAGE_GATEWAYZ, "outbound_gateways"}, {PAGE_LEAFZ, "leafs"},
        {PAGE_ACCOUNTZ, "accounts"}, {PAGE_ACCSTATZ, "account_statz"},     {PAGE_JSZ, "api"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct monitor_request request = {.page = rows[i].page};
        json_t *page = page_of(&fake, &request);
        assert_non_null(json_object_get(page, rows[i].field));
        assert_string_equal(text(page, "server_id"), "NID");
        json_decref(page);
    }
}

/* Goal:   one account can be asked for. */
static void test_account(void **state)
{
    (void)state;
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    struct monitor_request request = {.page = PAGE_ACCOUNTZ, .has_account = true};
    json_t *page = page_of(&fake, &request);
    assert_null(json_object_get(page, "accounts"));
    const json_t *detail = json_object_get(page, "account_detail");
    assert_string_equal(text(detail, "account_name"), "$G");
    assert_true(json_is_true(json_object_get(detail, "complete")));
    struct monitor_request all = {.page = PAGE_ACCSTATZ};
    json_t *sums = page_of(&fake, &all);
    const json_t *sum = json_array_get(json_object_get(sums, "account_statz"), 0);
    assert_int_equal(number(detail, "client_connections"), number(sum, "conns"));
    assert_int_equal(number(detail, "subscriptions"), number(sum, "num_subscriptions"));
    struct monitor_request index = {.page = PAGE_SUBSZ};
    json_t *subs = page_of(&fake, &index);
    const json_t *stats = json_object_get(detail, "sublist_stats");
    assert_int_equal(json_object_size(stats), 8);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)stats, key, value)
    {
        assert_true(json_equal(value, json_object_get(subs, key)));
    }
    json_decref(subs);
    json_decref(sums);
    json_decref(page);
}

/* Goal:   with a callback every JSON page is the same, as the argument of a call; /metrics is not. */
static void test_callback(void **state)
{
    (void)state;
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    for (int i = PAGE_VARZ; i < PAGES_COUNT; i++) {
        struct monitor_request request = {.page = (enum monitor_page)i, .limit = 10};
        struct body plain = {0};
        struct body called = {0};
        assert_int_equal(monitor_fake_write(&fake, &request, &plain), 200);
        memcpy(request.callback, "a.b", 4);
        assert_int_equal(monitor_fake_write(&fake, &request, &called), 200);
        if (i == PAGE_METRICS) {
            assert_memory_not_equal(called.text, "a.b(", 4);
        } else {
            assert_int_equal(called.size, plain.size + 5);
            assert_memory_equal(called.text, "a.b(", 4);
            assert_memory_equal(called.text + called.size - 1, ")", 1);
            json_t *page = json_loadb(called.text + 4, called.size - 5, 0, NULL);
            assert_non_null(page);
            json_decref(page);
        }
        body_free(&plain);
        body_free(&called);
    }
}

static uint64_t metric(const char *all, const char *line)
{
    const char *found = strstr(all, line);
    unsigned long long value = 0;
    if (found == NULL || sscanf(found + strlen(line), "%llu", &value) != 1) {
        fail_msg("no %s", line);
    }
    return value;
}

/*
 * Goal:    every counter, reason and histogram is in /metrics, and buckets only grow.
 */
static void test_metrics(void **state)
{
    (void)state;
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    struct monitor_request request = {.page = PAGE_METRICS};
    struct body body = {0};
    assert_int_equal(monitor_fake_write(&fake, &request, &body), 200);
    body_append(&body, "", 1);
    char line[128];
    for (size_t i = 0; i < metrics_counters_count(); i++) {
        snprintf(line, sizeof(line), "\nringhub_%s_total ", metrics_counter_name(i));
        MAYBE(metric(body.text, line) > 0);
    }
    for (int i = 0; i < DROP_REASONS_COUNT; i++) {
        snprintf(line, sizeof(line), "\nringhub_deliveries_dropped_total{reason=\"%s\"} ",
                 drop_reason_text((enum drop_reason)i));
        assert_int_equal(metric(body.text, line), i == DROP_PENDING_LIMIT ? 14 : 0);
    }
    assert_int_equal(
        metric(body.text,
               "\nringhub_connections_closed_total{reason=\"slow_consumer_pending_bytes\"} "),
        4);
    static const char policy[] =
        "\nringhub_policy_drops_total{pattern=\"ticks.\\\"\\\\.>\",reason=\"oldest\"} ";
    assert_int_equal(metric(body.text, policy), 10);
    assert_int_equal(metric(body.text, "\nringhub_scrub_passed_total{rule=\"both\"} "), 22);
    assert_int_equal(metric(body.text, "\nringhub_scrub_cleaned_total{rule=\"new\"} "), 21);
    assert_int_equal(metric(body.text, "\nringhub_scrub_observes{rule=\"both\"} "), 1);
    assert_int_equal(metric(body.text, "\nringhub_scrub_observes{rule=\"old\"} "), 0);
    assert_int_equal(metric(body.text, "\nringhub_scrub_seconds_sum{rule=\"both\"} "), 2);
    assert_int_equal(metric(body.text, "\nringhub_scrub_seconds_count{rule=\"both\"} "), 8);
    for (int i = SCRUB_REASON_NONE + 1; i < SCRUB_REASONS; i++) {
        snprintf(line, sizeof(line), "\nringhub_scrub_refused_total{rule=\"both\",reason=\"%s\"} ",
                 scrub_reason_name((enum scrub_reason)i));
        assert_int_equal(metric(body.text, line), i == SCRUB_REASON_JSON ? 6 : 0);
    }
    size_t histograms = 0;
    for (const char *at = body.text; (at = strstr(at, " histogram\n")) != NULL; at++) {
        histograms++;
    }
    assert_int_equal(histograms, metrics_histograms_count());
    uint64_t last = 0;
    for (const char *at = body.text; (at = strstr(at, "ringhub_turn_seconds_bucket{")) != NULL;) {
        unsigned long long value = 0;
        at = strchr(at, '}');
        assert_int_equal(sscanf(at + 1, " %llu", &value), 1);
        assert_true(value >= last);
        last = value;
    }
    assert_int_equal(last, 1998);
    assert_int_equal(metric(body.text, "\nringhub_turn_seconds_count "), 1998);
    assert_int_equal(metric(body.text, "\nringhub_log_lines_lost_total "), 10);
    assert_int_equal(metric(body.text, "\nringhub_lag_pending_bytes "), 4096);
    assert_int_equal(metric(body.text, "\nringhub_lag_seconds "), 3);
    assert_int_equal(metric(body.text, "\ngnatsd_varz_in_msgs{server_id=\"NID\"} "), 21);
    body_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varz),
        cmocka_unit_test(test_connz),
        cmocka_unit_test(test_connz_of_closed_and_any),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_subsz),
        cmocka_unit_test(test_healthz),
        cmocka_unit_test(test_slowz_and_hubz),
        cmocka_unit_test(test_short_pages),
        cmocka_unit_test(test_account),
        cmocka_unit_test(test_callback),
        cmocka_unit_test(test_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
