/* test_result.c - what may be concluded from a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/result.h"

#include <string.h>
#include <unistd.h>

static struct result *made(void)
{
    struct result *r = test_calloc(1, sizeof *r);
    r->measured_s = 10;
    r->expected = 100;
    r->counts.delivered = 100;
    return r;
}

/* Goal:   a run is complete only when nothing at all is wrong.
 * Method: a right one; then each fault alone. */
static void test_result_every_fault_makes_it_incomplete(void **state)
{
    (void)state;
    struct result *r = made();
    uint64_t *faults[] = {&r->counts.lost,      &r->counts.duplicated, &r->counts.reordered,
                          &r->counts.corrupted, &r->counts.foreign,    &r->expected};
    assert_true(result_is_complete(r));
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        ++*faults[i];
        assert_false(result_is_complete(r));
        --*faults[i];
    }
    r->counts.reordered = 1;
    r->unordered = true;
    assert_true(result_is_complete(r)); /* several responders */
    test_free(r);
}

/* Goal:   hubload says when it, and not the server, was the limit.
 * Method: a busy generator and a late one, beside a server that is busy, idle, or not watched. */
static void test_result_says_who_was_the_limit(void **state)
{
    (void)state;
    struct result *r = made();
    assert_int_equal(result_verdict_of(r), RESULT_VALID);
    for (int late = 0; late < 2; late++) {
        memset(&r->late, 0, sizeof r->late);
        r->generator_busiest = late ? 0.1 : RESULT_BUSY + 0.05;
        if (late) {
            record_add(&r->late, 2 * RESULT_LATE_NS, 100);
        }
        r->server.known = false;
        assert_int_equal(result_verdict_of(r), RESULT_UNPROVEN);
        r->server.known = true;
        r->server.cpus = 1;
        r->server.cores = 0.3;
        r->server.busiest_thread = 0.3;
        assert_int_equal(result_verdict_of(r), RESULT_GENERATOR_BOUND);
        r->server.busiest_thread = 0.97;
        assert_int_equal(result_verdict_of(r), RESULT_VALID);
    }
    test_free(r);
}

/* Goal:   a server that may run everywhere is not blamed for the CPU that hubload took.
 * Method: it used half of all CPUs, and so did hubload: nothing was left. */
static void test_result_a_server_shares_the_machine(void **state)
{
    (void)state;
    struct result *r = made();
    double cpus = (double)sysconf(_SC_NPROCESSORS_ONLN);
    r->server.known = true;
    r->server.cpus = (uint32_t)cpus;
    r->server.cores = cpus / 2;
    r->generator_s = cpus / 2 * r->measured_s;
    assert_true(result_server_busy(r) > 0.99);
    r->generator_s = 0;
    assert_true(result_server_busy(r) < 0.51);
    r->server.known = false;
    assert_true(result_server_busy(r) <= 0);
    test_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_result_every_fault_makes_it_incomplete),
        cmocka_unit_test(test_result_says_who_was_the_limit),
        cmocka_unit_test(test_result_a_server_shares_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
