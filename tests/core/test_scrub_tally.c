/* test_scrub_tally.c - the counters of several workers, by name of rule. */
#include "core/scrub_tally.h"
#include "tests/support/scrub_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct scrub *scrub_of(const char *text)
{
    struct scrub_rules *rules = scrub_text_rules(text);
    struct scrub *scrub = scrub_new(rules, NULL, 1);
    scrub_rules_unref(rules);
    return scrub;
}

static void apply(struct scrub *scrub, const char *body)
{
    struct scrub_in in = {.subject = bytes_text("s"), .body = bytes_text(body), .limit = 1000};
    struct scrub_out out;
    enum scrub_verdict verdict = scrub_apply(scrub, &in, &out);
    MAYBE(verdict == SCRUB_PASS);
    scrub_count(scrub);
}

static const struct scrub_counters *row(const struct scrub_tally *tally, const char *name)
{
    for (uint32_t i = 0; i < tally->count; i++) {
        if (bytes_equal(tally->rows[i].rule->options.name, bytes_text(name))) {
            return &tally->rows[i].counters;
        }
    }
    fail_msg("no rule %s", name);
    return NULL;
}

/*
 * Goal:    rows of one name are summed, whatever their place; rows of one set only stay; what a
 *          tally shares outlives the workers.
 * Method:  two workers in the middle of a reload; both scrubs are freed before the sum is read.
 */
static void test_sum(void **state)
{
    (void)state;
    struct scrub *one = scrub_of("{name: a, subject: s, mask: email}, "
                                 "{name: b, subject: s, max_size: 9}");
    struct scrub *two = scrub_of("{name: b, subject: s, max_size: 9}, "
                                 "{name: c, subject: s, must_not_match: x}");
    apply(one, "m@x.org");
    apply(one, "nothing");
    apply(one, "0123456789");
    apply(two, "0123456789");
    apply(two, "xx");
    struct scrub_tally sum = {0};
    struct scrub_tally each[2];
    scrub_tally_of(&each[0], one);
    scrub_tally_of(&each[1], two);
    scrub_free(one);
    scrub_free(two);
    for (int i = 0; i < 2; i++) {
        scrub_tally_add(&sum, &each[i]);
        scrub_tally_free(&each[i]);
    }
    assert_int_equal(sum.count, 3);
    assert_int_equal(row(&sum, "a")->cleaned, 1);
    assert_int_equal(row(&sum, "a")->passed, 2);
    assert_int_equal(row(&sum, "b")->passed, 3);
    assert_int_equal(row(&sum, "b")->refused[SCRUB_REASON_SIZE], 2);
    assert_int_equal(row(&sum, "c")->refused[SCRUB_REASON_MUST_NOT], 1);
    scrub_tally_free(&sum);
    assert_int_equal(sum.count, 0);
}

static void test_without_rules(void **state)
{
    (void)state;
    struct scrub_tally sum = {0};
    struct scrub_tally none;
    scrub_tally_of(&none, NULL);
    scrub_tally_add(&sum, &none);
    assert_int_equal(sum.count, 0);
    scrub_tally_free(&none);
    scrub_tally_free(&sum);
}

/*
 * Goal:    three full sets of different names: the rows end where the limit says, and none is lost
 *          twice.
 * Method:  192 names.
 */
static void test_limit(void **state)
{
    (void)state;
    struct scrub_tally sum = {0};
    for (int set = 0; set < 3; set++) {
        char text[SCRUB_RULES_MAX * 64] = "";
        size_t size = 0;
        for (int i = 0; i < SCRUB_RULES_MAX; i++) {
            size += (size_t)snprintf(text + size, sizeof(text) - size,
                                     "%s{name: n%d_%d, subject: s, max_size: 9}", i > 0 ? ", " : "",
                                     set, i);
        }
        struct scrub *scrub = scrub_of(text);
        apply(scrub, "x");
        struct scrub_tally one;
        scrub_tally_of(&one, scrub);
        scrub_tally_add(&sum, &one);
        scrub_tally_add(&sum, &one);
        scrub_tally_free(&one);
        scrub_free(scrub);
    }
    assert_int_equal(sum.count, SCRUB_TALLY_ROWS);
    for (uint32_t i = 0; i < sum.count; i++) {
        assert_int_equal(sum.rows[i].counters.passed, 2);
    }
    scrub_tally_free(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_without_rules),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
