/* test_hub_rooms.c - the room that sessions have for what is pending, from turn to turn. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/hub_state.h"

enum { LISTENERS = 20, TURN_MESSAGES = 40, TURNS = 3 };

struct listening {
    struct world *world;
    struct client *clients[LISTENERS];
    struct client *publisher;
    char expected[8192];
    size_t expected_size;
    uint32_t published;
};

/* The next message, to one of two subjects that take turns, so that each is an entry for each of them. */
static void publish(struct listening *l)
{
    char text[64];
    uint32_t which = l->published % 2;
    snprintf(text, sizeof(text), "PUB a.%u 4\r\n%04u\r\n", which, l->published);
    client_says(l->publisher, "%s", text);
    l->expected_size +=
        (size_t)snprintf(l->expected + l->expected_size, sizeof(l->expected) - l->expected_size,
                         "MSG a.%u %u 4\r\n%04u\r\n", which, which + 1, l->published);
    assert_true(l->expected_size < sizeof(l->expected));
    l->published++;
}

/* Forgets the smallest rings that nobody has. */
static void drop_smallest(struct pending_pool *pool)
{
    for (void *ring; (ring = pool->spare[0]) != NULL; pool->spare_count[0]--) {
        memcpy(&pool->spare[0], ring, sizeof(void *));
        memory_dense_free(ring);
    }
}

/*
 * Goal:    who heard much in a turn begins the next with a large ring, and keeps none of it for little.
 * Method:  turns of 40 messages, which are read; none of the smallest rings is spare after the first, so
 *          that one there later was made by who outgrew it. Then one message that nobody reads.
 */
static void test_who_heard_much_keeps_little_of_it(void **state)
{
    (void)state;
    struct world_options options = {.checks = true, .hub = {.log_bytes_max = 16 << 20}};
    struct listening l = {.world = world_new(&options)};
    for (int i = 0; i < LISTENERS; i++) {
        l.clients[i] = client_plain(l.world, 0);
        client_says(l.clients[i], "SUB a.0 1\r\nSUB a.1 2\r\n");
    }
    l.publisher = client_plain(l.world, 0);
    world_run(l.world);

    struct hub *hub = world_hub(l.world, 0);
    for (int turn = 0; turn < TURNS; turn++) {
        drop_smallest(&hub->pendings);
        for (int i = 0; i < TURN_MESSAGES; i++) {
            publish(&l);
        }
        world_run(l.world);
        assert_int_equal(hub->pendings.spare_count[0], turn == 0 ? LISTENERS : 0);
        assert_int_equal(hub->pendings.entries_bytes, 0);
    }
    for (int i = 0; i < LISTENERS; i++) {
        const struct session *session = pool_at(&hub->sessions, l.clients[i]->slot);
        assert_int_equal(session->room, 4);
        l.clients[i]->room = 0;
    }
    publish(&l);
    world_run(l.world);
    assert_int_equal(hub->pendings.entries_bytes, LISTENERS * pending_ring_bytes(PENDING_FIRST));
    for (int i = 0; i < LISTENERS; i++) {
        l.clients[i]->room = SIZE_MAX;
        world_run(l.world);
        assert_int_equal(l.clients[i]->got_size, l.expected_size);
        assert_memory_equal(l.clients[i]->got, l.expected, l.expected_size);
    }
    world_end(l.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_heard_much_keeps_little_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
