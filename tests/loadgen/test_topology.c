/* test_topology.c - who hears what, against counting by hand and by brute force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/topology.h"

#include <stdlib.h>
#include <string.h>

static struct topology made(struct topology_plan plan)
{
    struct topology topology;
    assert_null(topology_contradiction(&plan));
    topology_init(&topology, &plan);
    return topology;
}

/* Goal:   the shapes people name have the deliveries they should.
 * Method: each publisher's streams send one message; expected deliveries by hand. */
static void test_topology_known_shapes(void **state)
{
    (void)state;
    static const struct {
        struct topology_plan plan;
        uint32_t streams;
        uint64_t expected;
    } table[] = {
        {{.publishers = 1, .subjects = 1, .subscribers = 100, .each = 1, .copies = 1}, 1, 100},
        {{.publishers = 5, .subjects = 1, .subscribers = 1000, .each = 1, .copies = 1}, 5, 5000},
        {{.publishers = 7, .subjects = 7, .subscribers = 7, .each = 1, .copies = 1}, 7, 7},
        {{.publishers = 2, .subjects = 6, .subscribers = 12, .each = 1, .copies = 1}, 6, 12},
        {{.publishers = 2, .subjects = 6, .subscribers = 2, .each = 3, .copies = 1}, 6, 6},
        {{.publishers = 1, .subjects = 4, .subscribers = 3, .each = 1, .copies = 1, .wildcards = 3},
         4,
         12},
        {{.publishers = 1, .subjects = 2, .subscribers = 4, .each = 1, .copies = 5}, 2, 20},
        {{.publishers = 3, .subjects = 1, .subscribers = 8, .each = 1, .copies = 1, .groups = 2},
         3,
         6},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct topology topology = made(table[i].plan);
        uint32_t sent[8] = {1, 1, 1, 1, 1, 1, 1, 1};
        assert_int_equal(topology.streams, table[i].streams);
        assert_int_equal(topology_expected(&topology, sent), table[i].expected);
        topology_free(&topology);
    }
}

static bool heard_contains(const struct topology *t, struct topology_heard heard, uint32_t subject)
{
    for (uint32_t j = 0; j < heard.count; j++) {
        if ((heard.first + j) % t->plan.subjects == subject) {
            return true;
        }
    }
    return false;
}

/* Goal:   columns name the streams a subscriber hears, each one its own; streams are shared out.
 * Method: random plans; all streams and subscribers, one by one. */
static void test_topology_columns_are_exact(void **state)
{
    (void)state;
    unsigned seed = 7;
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 300; round++) {
        struct topology_plan plan;
        memset(&plan, 0, sizeof plan);
        plan.publishers = 1 + (uint32_t)rand() % 9;
        plan.subjects = 1 + (uint32_t)rand() % 9;
        plan.subscribers = 1 + (uint32_t)rand() % 9;
        plan.copies = 1 + (uint32_t)rand() % 3;
        plan.each = 1 + (uint32_t)rand() % plan.subjects;
        plan.wildcards = (uint32_t)rand() % (plan.subscribers + 1);
        struct topology t = made(plan);
        uint32_t owned = 0;
        for (uint32_t p = 0; p < plan.publishers; p++) {
            owned += topology_streams_of(&t, p);
        }
        assert_int_equal(owned, t.streams);
        uint32_t listeners[9] = {0};
        for (uint32_t s = 0; s < plan.subscribers; s++) {
            struct topology_heard heard = topology_heard(&t, s);
            bool used[128] = {false};
            for (uint32_t stream = 0; stream < t.streams; stream++) {
                uint32_t subject = topology_subject(&t, stream);
                uint32_t column = topology_column(&t, heard, stream);
                assert_int_equal(column != TOPOLOGY_NONE, heard_contains(&t, heard, subject));
                assert_int_equal(heard_contains(&t, heard, subject),
                                 heard_contains(&t, heard, subject / t.block * t.block));
                if (column != TOPOLOGY_NONE) {
                    assert_true(column < topology_columns(&t, heard) / plan.copies);
                    assert_false(used[column]);
                    used[column] = true;
                }
            }
            for (uint32_t k = 0; k < plan.subjects; k++) {
                listeners[k] += heard_contains(&t, heard, k) ? plan.copies : 0;
            }
        }
        assert_memory_equal(listeners, t.listeners, plan.subjects * sizeof *listeners);
        topology_free(&t);
    }
}

/* Goal:   what cannot be is refused with a reason.
 * Method: one plan for each reason. */
static void test_topology_contradictions(void **state)
{
    (void)state;
    static const struct topology_plan wrong[] = {
        {.publishers = 1, .subjects = 2, .subscribers = 4, .each = 3, .copies = 1},
        {.publishers = 1, .subjects = 1, .subscribers = 4, .each = 1, .copies = 1, .wildcards = 5},
        {.publishers = 1, .subjects = 1, .subscribers = 4, .each = 1, .copies = 1, .groups = 5},
        {.publishers = 1, .subjects = 2, .subscribers = 4, .each = 1, .copies = 1, .groups = 2},
        {.publishers = TOPOLOGY_STREAMS_MAX + 1,
         .subjects = 1,
         .subscribers = 4,
         .each = 1,
         .copies = 1},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_non_null(topology_contradiction(&wrong[i]));
    }
}

/* Goal:   in an order drawn, every stream has its turn once a round, not by number, and knows it.
 * Method: three publishers; the share of streams that stand at their own number. */
static void test_topology_shuffled(void **state)
{
    (void)state;
    struct topology t = made((struct topology_plan){
        .publishers = 3, .subjects = 5000, .subscribers = 1, .each = 1, .copies = 1});
    topology_shuffle(&t, 9);
    uint32_t stay = 0;
    for (uint32_t p = 0; p < 3; p++) {
        for (uint32_t turn = 0; turn < topology_streams_of(&t, p); turn++) {
            uint32_t stream = topology_stream(&t, p, turn);
            assert_true(stream < t.streams);
            assert_int_equal(stream % 3, p);
            assert_int_equal(topology_turn(&t, stream), turn);
            stay += stream == p + turn * 3;
        }
    }
    assert_true(stay < 30);
    topology_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topology_shuffled),
        cmocka_unit_test(test_topology_known_shapes),
        cmocka_unit_test(test_topology_columns_are_exact),
        cmocka_unit_test(test_topology_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
