/* test_bucket.c - a burst at once, then the rate; nothing waits for ever. */
#include "core/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND_NS 1000000000ull

static const struct bucket_rate rate = {.per_second = 1000, .burst = 10};

/* Takes as many single units as fit until `until_ns`, going on as soon as one does. */
static uint32_t drive(struct bucket *bucket, uint64_t from_ns, uint64_t until_ns)
{
    uint32_t taken = 0;
    for (uint64_t now_ns = from_ns; now_ns < until_ns; taken++) {
        uint64_t wait_ns = bucket_wait(bucket, rate, 1, now_ns);
        now_ns += wait_ns;
        if (now_ns >= until_ns) {
            break;
        }
        assert_int_equal(bucket_wait(bucket, rate, 1, now_ns), 0);
        bucket_take(bucket, rate, 1, now_ns);
    }
    return taken;
}

static void test_a_burst_then_the_rate(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(bucket_wait(&bucket, rate, 1, 5 * SECOND_NS), 0);
        bucket_take(&bucket, rate, 1, 5 * SECOND_NS);
    }
    assert_int_equal(bucket_wait(&bucket, rate, 1, 5 * SECOND_NS), SECOND_NS / 1000);

    /* Ten at once, then a thousand a second. */
    bucket = (struct bucket){0};
    assert_in_range(drive(&bucket, SECOND_NS, 2 * SECOND_NS), 1009, 1010);
}

static void test_rest_fills_it_to_the_burst_and_no_further(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    (void)drive(&bucket, SECOND_NS, 2 * SECOND_NS);
    uint32_t after_rest = drive(&bucket, 100 * SECOND_NS, 100 * SECOND_NS + 1);
    assert_int_equal(after_rest, 10);
}

/* A message larger than the burst passes when the bucket is full; the next ones pay for it. */
static void test_more_than_the_burst_passes_once_it_is_full(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    assert_int_equal(bucket_wait(&bucket, rate, 500, SECOND_NS), 0);
    bucket_take(&bucket, rate, 500, SECOND_NS);
    uint64_t wait_ns = bucket_wait(&bucket, rate, 1, SECOND_NS);
    assert_in_range(wait_ns, SECOND_NS / 1000 * 490, SECOND_NS / 1000 * 491);
    wait_ns = bucket_wait(&bucket, rate, 500, SECOND_NS);
    assert_int_equal(bucket_wait(&bucket, rate, 500, SECOND_NS + wait_ns), 0);
    assert_int_equal(wait_ns, SECOND_NS / 2);
}

static void test_no_rate_is_no_limit(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    struct bucket_rate none = {0};
    bucket_take(&bucket, none, BUCKET_UNITS_MAX, SECOND_NS);
    assert_int_equal(bucket.full_ns, 0);
    assert_int_equal(bucket_wait(&bucket, none, BUCKET_UNITS_MAX, SECOND_NS), 0);
}

static void test_extremes_do_not_overflow(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    struct bucket_rate slow = {.per_second = 1, .burst = 1};
    bucket_take(&bucket, slow, BUCKET_UNITS_MAX * 4, 0);
    assert_true(bucket_wait(&bucket, slow, 1, 0) > 0);
    struct bucket_rate fast = {.per_second = BUCKET_UNITS_MAX, .burst = BUCKET_UNITS_MAX};
    bucket = (struct bucket){0};
    bucket_take(&bucket, fast, 1 << 30, SECOND_NS);
    assert_int_equal(bucket_wait(&bucket, fast, 1 << 30, SECOND_NS), 0);
}

static void test_a_shared_one_counts_the_same(void **state)
{
    (void)state;
    struct bucket own = {0};
    struct bucket_shared shared = {0};
    for (uint64_t now_ns = SECOND_NS; now_ns < SECOND_NS + 100000; now_ns += 1000) {
        uint64_t wait_ns = bucket_wait(&own, rate, 3, now_ns);
        assert_int_equal(bucket_shared_wait(&shared, rate, 3, now_ns), wait_ns);
        if (wait_ns == 0) {
            bucket_take(&own, rate, 3, now_ns);
            bucket_shared_take(&shared, rate, 3, now_ns);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_then_the_rate),
        cmocka_unit_test(test_rest_fills_it_to_the_burst_and_no_further),
        cmocka_unit_test(test_more_than_the_burst_passes_once_it_is_full),
        cmocka_unit_test(test_no_rate_is_no_limit),
        cmocka_unit_test(test_extremes_do_not_overflow),
        cmocka_unit_test(test_a_shared_one_counts_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
