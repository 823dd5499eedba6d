/* test_policy.c - which rule governs a subscription. */
#include "core/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_covers(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *subscription;
        bool covers;
    } rows[] = {
        {"a", "a", true},          {"a", "b", false},        {"a", "a.b", false},
        {"a.b", "a", false},       {"*", "a", true},         {"*", "*", true},
        {"*", "a.b", false},       {"a", "*", false},        {">", "a", true},
        {">", "a.b", true},        {">", ">", true},         {">", "*.*", true},
        {"*", ">", false},         {"a.>", "a.b.c", true},   {"a.>", "a.>", true},
        {"a.>", "a.*", true},      {"a.>", "a", false},      {"a.>", ">", false},
        {"a.*", "a.>", false},     {"a.*.c", "a.b.c", true}, {"a.*.c", "a.*.c", true},
        {"a.*.c", "*.b.c", false}, {"*.>", "a.b", true},     {"a.*", "a.*.b", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (policy_covers(bytes_text(rows[i].pattern), bytes_text(rows[i].subscription)) !=
            rows[i].covers) {
            fail_msg("%s, %s", rows[i].pattern, rows[i].subscription);
        }
    }
}

static void add(struct policies *policies, const char *pattern, enum policy_kind kind)
{
    struct policy_rule rule = {.kind = kind};
    assert_int_equal(policies_add(policies, bytes_text(pattern), &rule), POLICIES_ADDED);
}

static const char *found(const struct policies *policies, const char *subscription)
{
    return policies_find(policies, bytes_text(subscription))->pattern;
}

static void test_the_most_specific_rule_counts(void **state)
{
    (void)state;
    struct policies *policies = policies_new();
    assert_int_equal(policies_find(policies, bytes_text("x"))->kind, POLICY_DISCONNECT);
    add(policies, "*.b.>", POLICY_DROP_OLDEST);
    add(policies, "a.>", POLICY_LATEST);
    add(policies, "a.*.c", POLICY_WAIT);
    add(policies, "a.b.c", POLICY_DROP_NEWEST);
    assert_string_equal(found(policies, "a.b.c"), "a.b.c");
    assert_string_equal(found(policies, "a.x.c"), "a.*.c");
    assert_string_equal(found(policies, "a.*.c"), "a.*.c");
    /* Both cover it: the first token decides. */
    assert_string_equal(found(policies, "a.b.d"), "a.>");
    assert_string_equal(found(policies, "x.b.d"), "*.b.>");
    /* Wider than a rule: the default. */
    assert_string_equal(found(policies, "*.x"), ">");
    assert_string_equal(found(policies, ">"), ">");
    policies_free(policies);
}

static void test_what_cannot_be_added(void **state)
{
    (void)state;
    struct policies *policies = policies_new();
    struct policy_rule rule = {.kind = POLICY_LATEST};
    assert_int_equal(policies_add(policies, bytes_text("a..b"), &rule), POLICIES_INVALID);
    assert_int_equal(policies_add(policies, bytes_text("a"), &rule), POLICIES_ADDED);
    assert_int_equal(policies_add(policies, bytes_text("a"), &rule), POLICIES_TWICE);
    for (uint32_t i = 2; i < POLICY_RULES_MAX; i++) {
        char pattern[16] = {'b', '.', (char)('a' + i / 26), (char)('a' + i % 26)};
        add(policies, pattern, POLICY_LATEST);
    }
    assert_int_equal(policies_add(policies, bytes_text("z"), &rule), POLICIES_FULL);
    policies_free(policies);
}

/* Counters of a pattern go on after a reload, wherever its rule stands now. */
static void test_rows_stay_with_their_patterns(void **state)
{
    (void)state;
    struct policies *old = policies_new();
    add(old, "a", POLICY_LATEST);
    add(old, "b", POLICY_LATEST);
    struct policies *new = policies_new();
    add(new, "c", POLICY_LATEST);
    add(new, "b", POLICY_WAIT);
    policies_keep_rows(new, old);
    assert_int_equal(policies_find(new, bytes_text("b"))->row, 2);
    assert_int_equal(policies_find(new, bytes_text("c"))->row, 3);
    assert_string_equal(new->rows[1], "a");
    assert_string_equal(new->rows[3], "c");
    policies_free(old);
    policies_free(new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_the_most_specific_rule_counts),
        cmocka_unit_test(test_what_cannot_be_added),
        cmocka_unit_test(test_rows_stay_with_their_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
