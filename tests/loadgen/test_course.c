/* test_course.c - what drivers share: the window, orders, the first failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec_nats.h"
#include "loadgen/course.h"

#include <string.h>

static struct scenario scenario;

static struct course *made(uint32_t drivers, uint64_t window, double rate)
{
    struct course *course = test_calloc(1, sizeof *course);
    memset(&scenario, 0, sizeof scenario);
    scenario.protocol = &codec_nats;
    scenario.subject = "s";
    scenario.subjects = 1;
    scenario.subjects_each = 1;
    scenario.copies = 1;
    scenario.subscribers = 2;
    scenario.publishers = 2;
    scenario.size = 64;
    scenario.window_messages = window;
    scenario.rate = rate;
    course_init(course, &scenario, drivers);
    return course;
}

static void gone(struct course *course)
{
    course_free(course);
    test_free(course);
}

/* Goal:   nobody is further ahead of the slowest subscriber of all than the window.
 * Method: two drivers' subscribers at different places; claims of several sizes. */
static void test_course_claims_stay_in_the_window(void **state)
{
    (void)state;
    struct course *course = made(2, 10, 0);
    course->cells[0].slowest = 100;
    course->cells[1].slowest = UINT64_MAX; /* has none */
    course->claimed = 100;
    assert_int_equal(course_claim(course, 4), 4);
    assert_int_equal(course_claim(course, 50), 6);
    assert_int_equal(course_claim(course, 1), 0);
    course->cells[1].slowest = 95;
    course->cells[0].slowest = 110;
    assert_int_equal(course_claim(course, 1), 0); /* the slower one counts */
    course->cells[1].slowest = 103;
    assert_int_equal(course_claim(course, 50), 3);
    assert_int_equal(course->claimed, 113);
    gone(course);
}

/* Goal:   an order is obeyed when all drivers have acknowledged that very order.
 * Method: two drivers, one after the other, two orders. */
static void test_course_an_order_is_obeyed_by_all(void **state)
{
    (void)state;
    struct course *course = made(2, 10, 0);
    for (uint64_t number = 1; number <= 2; number++) {
        course_order(course, COURSE_PREPARE);
        assert_false(course_is_obeyed(course));
        course->cells[0].acknowledged = number;
        assert_false(course_is_obeyed(course));
        course->cells[1].acknowledged = number;
        assert_true(course_is_obeyed(course));
    }
    assert_int_equal(course->order & 255, COURSE_PREPARE);
    gone(course);
}

/* Goal:   what went wrong first is what is told.
 * Method: two failures, the second longer. */
static void test_course_the_first_failure_stays(void **state)
{
    (void)state;
    struct course *course = made(1, 10, 0);
    assert_false(course->failed);
    course_fail(course, "first %d", 1);
    course_fail(course, "a second one %s", "that came later");
    assert_true(course->failed);
    assert_string_equal(course->failure, "first 1");
    gone(course);
}

/* Goal:   every message's completion is followed where that is cheap.
 * Method: slow and fast open loops, and a closed one. */
static void test_course_follows_what_it_can(void **state)
{
    (void)state;
    static const double rates[] = {100, 10000, 10001, 0};
    static const uint32_t every[] = {1, 1, 64, 64};
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        struct course *course = made(1, 10, rates[i]);
        assert_int_equal(course->completion.every, every[i]);
        gone(course);
    }
}

/* Goal:   two runs' messages are told apart.
 * Method: two courses of the same scenario. */
static void test_course_runs_have_tokens_of_their_own(void **state)
{
    (void)state;
    struct course *one = made(1, 10, 0);
    uint64_t token = one->form.run;
    gone(one);
    one = made(1, 10, 0);
    assert_int_not_equal(one->form.run, token);
    gone(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_course_claims_stay_in_the_window),
        cmocka_unit_test(test_course_an_order_is_obeyed_by_all),
        cmocka_unit_test(test_course_the_first_failure_stays),
        cmocka_unit_test(test_course_follows_what_it_can),
        cmocka_unit_test(test_course_runs_have_tokens_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
