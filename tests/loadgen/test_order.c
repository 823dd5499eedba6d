/* test_order.c - one publisher's order across subjects: who is judged, and what is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/order.h"

#include <string.h>

static struct topology made(uint32_t publishers, uint32_t subjects, uint32_t each, uint32_t copies)
{
    struct topology topology;
    struct topology_plan plan = {.publishers = publishers,
                                 .subjects = subjects,
                                 .subscribers = 1,
                                 .each = each,
                                 .copies = copies};
    assert_null(topology_contradiction(&plan));
    topology_init(&topology, &plan);
    return topology;
}

/* Goal:   what is in order passes, and one message behind its successor is found, whatever the
 *         numbers of publishers and subjects and wherever a subscriber's subjects begin.
 * Method: all small shapes; every publisher's messages in turn, then its last three once more: only
 *         the very last is not behind a later one. */
static void test_order_finds_what_was_overtaken(void **state)
{
    (void)state;
    enum { MESSAGES = 40 };
    for (uint32_t shape = 0; shape < 4 * 7 * 7 * 7; shape++) {
        uint32_t publishers = shape % 4 + 1;
        uint32_t subjects = shape / 4 % 7 + 2;
        uint32_t each = shape / 28 % 7 + 2;
        struct topology_heard heard = {shape / 196 % subjects, each, false};
        if (each > subjects || subjects <= publishers) {
            continue;
        }
        struct topology t = made(publishers, subjects, each, 1);
        struct order order;
        order_init(&order, &t, &heard, 1);
        assert_true(order_judges(&order));
        struct message {
            uint32_t stream;
            uint32_t sequence;
        } heard_of[4][MESSAGES];
        uint32_t counts[4] = {0, 0, 0, 0};
        for (uint32_t n = 0; n < MESSAGES; n++) {
            for (uint32_t p = 0; p < publishers; p++) {
                uint32_t streams = topology_streams_of(&t, p);
                struct message m = {p + n % streams * publishers, n / streams};
                if (topology_column(&t, heard, m.stream) != TOPOLOGY_NONE) {
                    heard_of[p][counts[p]++] = m;
                    assert_true(order_take(&order, 0, heard, 0, m.stream, m.sequence));
                }
            }
        }
        for (uint32_t p = 0; p < publishers; p++) {
            for (uint32_t back = 1; back <= MIN_OF(counts[p], 3u); back++) {
                struct message m = heard_of[p][counts[p] - back];
                assert_int_equal(order_take(&order, 0, heard, 0, m.stream, m.sequence), back == 1);
            }
        }
        order_free(&order);
        topology_free(&t);
    }
}

/* Goal:   the copies of a subscription are judged each on its own, and rows too.
 * Method: two copies of two subjects on two rows, the second copy one message behind. */
static void test_order_copies_and_rows_are_apart(void **state)
{
    (void)state;
    struct topology t = made(1, 2, 2, 2);
    struct topology_heard heard[2] = {{0, 2, true}, {0, 2, true}};
    struct order order;
    order_init(&order, &t, heard, 2);
    assert_true(order_take(&order, 0, heard[0], 0, 0, 0));
    assert_true(order_take(&order, 0, heard[0], 0, 1, 0));
    assert_true(order_take(&order, 0, heard[0], 1, 0, 0));
    assert_true(order_take(&order, 1, heard[1], 0, 0, 0));
    assert_false(order_take(&order, 0, heard[0], 0, 0, 0));
    order_free(&order);
    topology_free(&t);
}

/* Goal:   where nothing can be overtaken nothing is spent.
 * Method: one subject for each publisher; one subject for each subscriber. */
static void test_order_needs_several_subjects_of_one(void **state)
{
    (void)state;
    struct topology_heard all = {0, 4, true};
    struct topology_heard one = {2, 1, false};
    struct order order;
    struct topology t = made(4, 4, 4, 1);
    order_init(&order, &t, &all, 1);
    assert_false(order_judges(&order));
    order_free(&order);
    topology_free(&t);
    t = made(1, 4, 1, 1);
    order_init(&order, &t, &one, 1);
    assert_false(order_judges(&order));
    order_free(&order);
    topology_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_finds_what_was_overtaken),
        cmocka_unit_test(test_order_copies_and_rows_are_apart),
        cmocka_unit_test(test_order_needs_several_subjects_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
