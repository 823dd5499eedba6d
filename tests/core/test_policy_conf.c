/* test_policy_conf.c - rules and limits from text, and what is said of wrong ones. */
#include "core/policy_conf.h"

#include "tests/support/conf_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_rules(void **state)
{
    (void)state;
    struct conf_error error;
    struct conf *conf =
        conf_text_parse("slow_subscribers {\n"
                        "  default: {policy: drop_oldest, max_pending: 1MB}\n"
                        "  rules: [\n"
                        "    {subject: \"ticks.>\", policy: latest}\n"
                        "    {subject: \"orders.*\", policy: WAIT, max_wait: \"3s\"\n"
                        "     max_pending: 64kb, then: drop_newest}\n"
                        "    {subject: jobs, policy: wait}\n"
                        "  ]\n"
                        "}\n",
                        &error);
    assert_non_null(conf);
    struct policies *policies = policies_new();
    const struct conf_value *block = conf_get(conf_root(conf), "slow_subscribers");
    assert_true(policies_from_conf(block, policies, &error));
    assert_int_equal(policies->rules_count, 4);
    assert_int_equal(policies->rules[0].kind, POLICY_DROP_OLDEST);
    assert_int_equal(policies->rules[0].max_pending, 1 << 20);
    const struct policy_rule *rule = policies_find(policies, bytes_text("orders.eu"));
    assert_int_equal(rule->kind, POLICY_WAIT);
    assert_int_equal(rule->then, POLICY_DROP_NEWEST);
    assert_int_equal(rule->max_pending, 65536);
    assert_int_equal(rule->max_wait_ns, 3000000000);
    rule = policies_find(policies, bytes_text("jobs"));
    assert_int_equal(rule->then, POLICY_DISCONNECT);
    assert_int_equal(rule->max_wait_ns, 2000000000);
    assert_int_equal(policies_find(policies, bytes_text("ticks.>"))->kind, POLICY_LATEST);
    policies_free(policies);
    conf_free(conf);
}

static void test_limits(void **state)
{
    (void)state;
    struct conf_error error;
    struct conf *conf =
        conf_text_parse("limits {connections_per_address: 10, connections_per_user: 20\n"
                        "accept_rate: 5k\n"
                        "publish {messages: 1000, messages_burst: 50, bytes: 10MB, action: error}\n"
                        "publish_per_user {messages: 3000}}",
                        &error);
    assert_non_null(conf);
    struct quotas quotas = {0};
    assert_true(quotas_from_conf(conf_get(conf_root(conf), "limits"), &quotas, &error));
    assert_int_equal(quotas.connections_per_address, 10);
    assert_int_equal(quotas.connections_per_user, 20);
    assert_int_equal(quotas.accept.per_second, 5000);
    assert_int_equal(quotas.accept.burst, 500);
    assert_int_equal(quotas.client.messages.burst, 50);
    assert_int_equal(quotas.client.bytes.per_second, 10 << 20);
    assert_int_equal(quotas.client.bytes.burst, 10 << 20);
    assert_int_equal(quotas.client.action, QUOTA_ERROR);
    assert_int_equal(quotas.user.messages.per_second, 3000);
    assert_int_equal(quotas.user.action, QUOTA_DELAY);
    conf_free(conf);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says; /* part of the sentence */
    } rows[] = {
        {"slow_subscribers: 1", "block"},
        {"slow_subscribers {defualt: latest}", "default"},
        {"slow_subscribers {default: newest}", "drop_newest"},
        {"slow_subscribers {rules: {}}", "array"},
        {"slow_subscribers {rules: [{policy: latest}]}", "subject"},
        {"slow_subscribers {rules: [{subject: a}]}", "policy"},
        {"slow_subscribers {rules: [{subject: \"a..b\", policy: latest}]}", "no subject"},
        {"slow_subscribers {rules: [{subject: a, policy: latest}, {subject: a, policy: wait}]}",
         "already"},
        {"slow_subscribers {rules: [{subject: a, policy: latest, max_wait: \"1s\"}]}", "wait"},
        {"slow_subscribers {rules: [{subject: a, policy: latest, then: drop_newest}]}", "wait"},
        {"slow_subscribers {rules: [{subject: a, policy: wait, then: latest}]}", "drop_newest"},
        {"slow_subscribers {rules: [{subject: a, policy: wait, max_wait: \"2h\"}]}", "max_wait"},
        {"slow_subscribers {rules: [{subject: a, policy: latest, max_pending: 0}]}", "max_pending"},
        {"limits {conections_per_user: 1}", "connections_per_user"},
        {"limits {publish {messages_burst: 5}}", "limits nothing"},
        {"limits {publish {messages: 5, action: cry}}", "delay"},
        {"limits {accept_rate: -5}", "accept_rate"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct conf_error error = {{0}};
        struct conf *conf = conf_text_parse(rows[i].text, &error);
        assert_non_null(conf);
        struct policies *policies = policies_new();
        struct quotas quotas = {0};
        const struct conf_value *slow = conf_get(conf_root(conf), "slow_subscribers");
        const struct conf_value *limits = conf_get(conf_root(conf), "limits");
        bool ok = slow != NULL ? policies_from_conf(slow, policies, &error)
                               : quotas_from_conf(limits, &quotas, &error);
        if (ok || strstr(error.text, rows[i].says) == NULL || strstr(error.text, ":1:") == NULL) {
            fail_msg("%s\n%s", rows[i].text, error.text);
        }
        policies_free(policies);
        conf_free(conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
