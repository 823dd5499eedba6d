/* test_completion.c - who is the last to have a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/completion.h"

/* Goal:   the last of the subscribers, and nobody else, completes a message.
 * Method: three streams' messages under way at once, counted in turns. */
static void test_completion_the_last_one_counts(void **state)
{
    (void)state;
    enum { SUBSCRIBERS = 5, MESSAGES = 50 };
    struct completion c;
    completion_init(&c, 3, 1);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        for (uint32_t stream = 0; stream < 3; stream++) {
            completion_begin(&c, stream, i, SUBSCRIBERS, 1000 * i + stream);
        }
    }
    for (uint32_t subscriber = 1; subscriber <= SUBSCRIBERS; subscriber++) {
        for (uint32_t i = 0; i < MESSAGES; i++) {
            for (uint32_t stream = 0; stream < 3; stream++) {
                assert_int_equal(completion_due_ns(&c, stream, i), 1000 * i + stream);
                assert_int_equal(completion_count(&c, stream, i), subscriber == SUBSCRIBERS);
            }
        }
    }
    assert_false(completion_count(&c, 0, 0)); /* one too many */
    completion_free(&c);
}

/* Goal:   only every so many-th message is followed, and those do not meet in one cell.
 * Method: every 64th of more messages than there are cells for all of them. */
static void test_completion_follows_some(void **state)
{
    (void)state;
    struct completion c;
    uint32_t followed = 0;
    completion_init(&c, 1, 64);
    for (uint32_t i = 0; i < 64 * COMPLETION_CELLS_MAX; i++) {
        if (completion_follows(&c, i)) {
            completion_begin(&c, 0, i, 1, i);
            followed++;
        }
    }
    assert_int_equal(followed, COMPLETION_CELLS_MAX);
    for (uint32_t i = 0; i < 64 * COMPLETION_CELLS_MAX; i += 64) {
        assert_true(completion_count(&c, 0, i));
    }
    completion_free(&c);
}

/* Goal:   a message whose cell a later one took is not completed, and does not disturb the later.
 * Method: one more message than there are cells. */
static void test_completion_a_cell_that_was_taken_over(void **state)
{
    (void)state;
    struct completion c;
    completion_init(&c, 1, 1);
    completion_begin(&c, 0, 0, 2, 1);
    completion_begin(&c, 0, COMPLETION_CELLS_MAX, 2, 2);
    assert_false(completion_count(&c, 0, 0));
    assert_false(completion_count(&c, 0, 0));
    assert_false(completion_count(&c, 0, COMPLETION_CELLS_MAX));
    assert_true(completion_count(&c, 0, COMPLETION_CELLS_MAX));
    completion_free(&c);
}

/* Goal:   many streams share what cells there may be.
 * Method: as many streams as a topology may have. */
static void test_completion_cells_are_bounded(void **state)
{
    (void)state;
    struct completion c;
    completion_init(&c, 65536, 1);
    assert_true((uint64_t)c.cells_each * 65536 <= COMPLETION_CELLS_ALL);
    assert_true(c.cells_each >= 1);
    completion_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_completion_the_last_one_counts),
        cmocka_unit_test(test_completion_follows_some),
        cmocka_unit_test(test_completion_a_cell_that_was_taken_over),
        cmocka_unit_test(test_completion_cells_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
