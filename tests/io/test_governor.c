/* test_governor.c - a few a turn, at a pace, in their order, each with its address. */
#include "io/governor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND_NS 1000000000ull

static void test_a_few_a_turn(void **state)
{
    (void)state;
    struct governor governor;
    governor_init(&governor);
    for (int fd = 0; fd < 1000; fd++) {
        governor_hold(&governor, fd, bytes_of((const uint8_t *)&fd, fd % 2 == 0 ? sizeof(fd) : 0));
    }
    int expected = 0;
    uint32_t turns = 0;
    while (!governor_wants(&governor)) {
        governor_turn_begin(&governor);
        turns++;
        const struct newcomer *newcomer;
        while ((newcomer = governor_next(&governor, (struct bucket_rate){0}, SECOND_NS)) != NULL) {
            assert_int_equal(newcomer->fd, expected);
            assert_int_equal(newcomer->address_size, expected % 2 == 0 ? sizeof(expected) : 0);
            assert_memory_equal(newcomer->address, &expected, newcomer->address_size);
            expected++;
        }
        /* The next turn is due at once as long as somebody waits. */
        assert_int_equal(governor.next_ns, governor.count > 0 ? SECOND_NS : UINT64_MAX);
    }
    assert_int_equal(expected, 1000);
    assert_int_equal(turns, (1000 + ACCEPTS_PER_TURN - 1) / ACCEPTS_PER_TURN);
    governor_free(&governor);
}

static void test_at_a_pace(void **state)
{
    (void)state;
    struct governor governor;
    governor_init(&governor);
    struct bucket_rate rate = {.per_second = 1000, .burst = 10};
    for (int fd = 0; fd < 510; fd++) {
        governor_hold(&governor, fd, bytes_of(NULL, 0));
    }
    uint64_t now_ns = SECOND_NS;
    while (!governor_wants(&governor)) {
        governor_turn_begin(&governor);
        while (governor_next(&governor, rate, now_ns) != NULL) {
        }
        if (governor.count > 0) {
            assert_true(governor.next_ns > now_ns);
            now_ns = governor.next_ns;
        }
    }
    assert_in_range(now_ns - SECOND_NS, SECOND_NS / 2 - SECOND_NS / 100, SECOND_NS / 2);
    assert_null(governor_take(&governor));
    governor_free(&governor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_few_a_turn),
        cmocka_unit_test(test_at_a_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
