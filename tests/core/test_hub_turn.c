/* test_hub_turn.c - what one turn hears of its publishers, and who is heard first in the next. */
#include "core/hub_state.h"
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CROWD = 400, PAYLOAD = 1000 };

static const char HEAD_HEARD[] = "MSG a 1 1000\r\n";
enum {
    HEARD = sizeof(HEAD_HEARD) - 1 + PAYLOAD + 2,
    /* Known a run at a time. */
    TURN_MOST = TURN_HANDED_MAX / CROWD + RUN_BYTES_MAX + 2 * HEARD,
};

/* Subscribers that take everything and keep no copy. */
static struct client *crowd(struct world *world, uint32_t count)
{
    struct client *first = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct client *client = client_plain(world, 0);
        client->is_deaf = true;
        client_says(client, "SUB a 1\r\n");
        first = first == NULL ? client : first;
    }
    world_run(world);
    return first;
}

/* In reads of sixteen. */
static void publishes(struct client *client, uint32_t count)
{
    static const char head[] = "PUB a 1000\r\n";
    enum { EACH = sizeof(head) - 1 + PAYLOAD + 2, A_READ = 16 };
    static char text[A_READ * EACH];
    for (uint32_t i = 0; i < A_READ; i++) {
        char *at = text + (size_t)i * EACH;
        memcpy(at, head, sizeof(head) - 1);
        memset(at + sizeof(head) - 1, 'x', PAYLOAD);
        memcpy(at + EACH - 2, "\r\n", 2);
    }
    for (uint32_t said = 0; said < count; said += A_READ) {
        client_says_bytes(client, text, (size_t)MIN_OF(count - said, (uint32_t)A_READ) * EACH);
    }
}

/*
 * Goal:    a turn hands the kernel what a cache holds and not more, though not less than 64 KiB a
 *          subscriber; nothing is lost by it.
 * Method:  a thousand messages of 1,000 bytes, for 400 and for 4 subscribers.
 */
static void test_a_turn_hands_over_what_a_cache_holds(void **state)
{
    (void)state;
    for (int many = 0; many < 2; many++) {
        struct world_options options = {.checks = true};
        struct world *world = world_new(&options);
        struct client *subscriber = crowd(world, many ? CROWD : 4);
        struct client *publisher = client_plain(world, 0);
        world_run(world);
        uint64_t before = subscriber->taken;

        publishes(publisher, 1000);
        world_turn(world);

        uint64_t taken = subscriber->taken - before;
        if (many) {
            assert_in_range(taken, TURN_HANDED_BYTES / 2, TURN_MOST);
        } else {
            assert_int_equal(taken, 1000 * HEARD);
        }
        world_run(world);
        assert_int_equal(subscriber->taken - before, 1000 * HEARD);
        assert_int_equal(world_metrics(world, 0)->inputs_deferred > 0, many);
        assert_int_equal(world_metrics(world, 0)->sessions_paused, 0); /* nobody was slow */
        world_end(world);
    }
}

/*
 * Goal:    who comes first does not spend every turn's budget: publishers are heard alike.
 * Method:  three of them have half a megabyte to say to 400 subscribers; where each is, turn by turn.
 */
static void test_publishers_share_the_turns(void **state)
{
    (void)state;
    struct world_options options = {.checks = true};
    struct world *world = world_new(&options);
    struct client *subscriber = crowd(world, CROWD);
    struct client *publishers[3];
    for (int i = 0; i < 3; i++) {
        publishers[i] = client_plain(world, 0);
    }
    world_run(world);
    uint64_t before = subscriber->taken;
    for (int i = 0; i < 3; i++) {
        publishes(publishers[i], 500);
    }

    int turns = 0;
    uint64_t least = 0;
    do {
        world_turn(world);
        uint64_t most = 0;
        least = UINT64_MAX;
        for (int i = 0; i < 3; i++) {
            uint64_t said = client_session(publishers[i])->messages_in;
            most = MAX_OF(most, said);
            least = MIN_OF(least, said);
        }
        assert_in_range(most - least, 0, TURN_MOST / HEARD + 3);
        turns++;
    } while (least < 500 && turns < 100);

    assert_in_range(turns, 12, 30);
    world_run(world);
    assert_int_equal(subscriber->taken - before, 3 * 500 * HEARD);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_turn_hands_over_what_a_cache_holds),
        cmocka_unit_test(test_publishers_share_the_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
