/* test_hub_queue.c - queue groups, maxima and echo: who of several hears a message. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct world *world_of(uint32_t workers, uint64_t seed)
{
    struct world_options options = {.workers = workers, .checks = true, .hub = {.seed = seed}};
    return world_new(&options);
}

static uint64_t messages(const struct client *client)
{
    return client->got_size / strlen("MSG q.x 1 1\r\n!\r\n");
}

/*
 * Goal:    a group's messages spread evenly over its members, wherever they are.
 * Method:  8 members on 1 to 4 workers, 4,000 messages, chi-square with 7 degrees of freedom below
 *          its 99.99th percentile (29.9), three fixed seeds.
 */
static void test_a_group_is_served_evenly(void **state)
{
    (void)state;
    enum { MEMBERS = 8, MESSAGES = 4000 };
    for (uint64_t seed = 1; seed <= 3; seed++) {
        for (uint32_t workers = 1; workers <= WORLD_WORKERS_USUAL; workers++) {
            struct world *world = world_of(workers, seed);
            struct client *members[MEMBERS];
            for (uint32_t i = 0; i < MEMBERS; i++) {
                members[i] = client_plain(world, i * i % workers);
                client_says(members[i], "SUB q.x g 1\r\n");
            }
            struct client *publisher = client_plain(world, 0);
            world_run(world);
            for (int i = 0; i < MESSAGES / 50; i++) {
                for (int k = 0; k < 50; k++) {
                    client_says(publisher, "PUB q.x 1\r\n!\r\n");
                }
                world_run(world);
            }

            double chi_square = 0;
            uint64_t sum = 0;
            for (uint32_t i = 0; i < MEMBERS; i++) {
                double difference = (double)messages(members[i]) - (double)MESSAGES / MEMBERS;
                chi_square += difference * difference / ((double)MESSAGES / MEMBERS);
                sum += messages(members[i]);
            }
            assert_int_equal(sum, MESSAGES);
            if (chi_square > 29.9) {
                fail_msg("%u workers, seed %lu: chi-square %.1f", workers, (unsigned long)seed,
                         chi_square);
            }
            world_end(world);
        }
    }
}

/*
 * Goal:    groups are one by name, whatever their subjects; other names and plain subscriptions get
 *          copies of their own.
 * Method:  members of g on three patterns, one of h, one plain; on one worker and on two.
 */
static void test_groups_are_one_by_name(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 2; workers++) {
        struct world *world = world_of(workers, 5);
        static const char *const patterns[] = {"q.x", "q.*", ">"};
        struct client *members[3];
        for (uint32_t i = 0; i < 3; i++) {
            members[i] = client_plain(world, i % workers);
            client_says(members[i], "SUB %s g 1\r\n", patterns[i]);
        }
        struct client *other = client_plain(world, 0);
        struct client *plain = client_plain(world, workers - 1);
        struct client *publisher = client_plain(world, 0);
        client_says(other, "SUB q.x h 1\r\n");
        client_says(plain, "SUB q.x 1\r\n");
        world_run(world);

        for (int i = 0; i < 300; i++) {
            client_says(publisher, "PUB q.x 1\r\n!\r\n");
        }
        world_run(world);

        assert_int_equal(messages(other), 300);
        assert_int_equal(messages(plain), 300);
        assert_int_equal(messages(members[0]) + messages(members[1]) + messages(members[2]), 300);
        for (int i = 0; i < 3; i++) {
            assert_in_range(messages(members[i]), 60, 140);
        }
        world_end(world);
    }
}

/*
 * Goal:    a member that may not take a message is passed over for one that may.
 * Method:  members on the publisher's own no-echo session, one that reaches its maximum, one that
 *          takes all.
 */
static void test_members_that_cannot_are_passed_over(void **state)
{
    (void)state;
    struct world *world = world_of(1, 3);
    struct client *publisher =
        client_open(world, 0, "{\"verbose\":false,\"echo\":false,\"pedantic\":false}");
    struct client *few = client_plain(world, 0);
    struct client *all = client_plain(world, 0);
    client_says(publisher, "SUB q.x g 1\r\n");
    client_says(few, "SUB q.x g 1\r\nUNSUB 1 3\r\n");
    client_says(all, "SUB q.x g 1\r\n");
    world_run(world);

    for (int i = 0; i < 60; i++) {
        client_says(publisher, "PUB q.x 1\r\n!\r\n");
    }
    world_run(world);

    assert_int_equal(publisher->got_size, 0);
    assert_int_equal(messages(few), 3);
    assert_int_equal(messages(all), 57);
    world_end(world);
}

/*
 * Goal:    if the only member is the publisher's own no-echo one, nobody hears it, here or with
 *          members on no other worker: 503.
 * Method:  one session that asks itself.
 */
static void test_a_group_of_none_that_can_is_nobody(void **state)
{
    (void)state;
    struct world *world = world_of(2, 3);
    struct client *asker = client_open(
        world, 0, "{\"verbose\":false,\"echo\":false,\"headers\":true,\"no_responders\":true}");
    client_says(asker, "SUB q.x g 1\r\nSUB r 2\r\n");
    world_run(world);

    client_says(asker, "PUB q.x r 1\r\n!\r\n");
    world_run(world);

    CLIENT_EXPECT(asker, "HMSG r 2 35 35\r\nNATS/1.0 503\r\nNats-Subject: q.x\r\n\r\n\r\n");
    world_end(world);
}

/*
 * Goal:    a local member that cannot gives way to one on another worker.
 * Method:  the publisher is itself a member, without echo; the other member is remote.
 */
static void test_a_remote_member_takes_what_a_local_one_cannot(void **state)
{
    (void)state;
    struct world *world = world_of(2, 3);
    struct client *publisher =
        client_open(world, 0, "{\"verbose\":false,\"echo\":false,\"pedantic\":false}");
    struct client *remote = client_plain(world, 1);
    client_says(publisher, "SUB q.x g 1\r\n");
    client_says(remote, "SUB q.x g 1\r\n");
    world_run(world);

    for (int i = 0; i < 40; i++) {
        client_says(publisher, "PUB q.x 1\r\n!\r\n");
    }
    world_run(world);

    assert_int_equal(messages(remote), 40);
    assert_int_equal(publisher->got_size, 0);
    world_end(world);
}

/*
 * Goal:    UNSUB's maximum counts from SUB on, whatever is in one turn; the sid is free afterwards.
 * Method:  in one turn: messages before UNSUB, more than enough after it, SUB again with a new
 *          maximum, more; each combination of the first maximum and what came before.
 */
static void test_a_maximum_counts_since_the_subscription(void **state)
{
    (void)state;
    for (int before = 0; before <= 4; before++) {
        for (int max = 1; max <= 4; max++) {
            struct world *world = world_of(1, 1);
            struct client *client = client_plain(world, 0);
            client_says(client, "SUB q.x 1\r\n");
            for (int i = 0; i < before; i++) {
                client_says(client, "PUB q.x 1\r\n!\r\n");
            }
            client_says(client, "UNSUB 1 %d\r\n", max);
            for (int i = 0; i < 6; i++) {
                client_says(client, "PUB q.x 1\r\n!\r\n");
            }
            client_says(client, "SUB q.x 1\r\nUNSUB 1 2\r\n");
            for (int i = 0; i < 3; i++) {
                client_says(client, "PUB q.x 1\r\n!\r\n");
            }
            world_run(world);

            assert_int_equal(messages(client), MAX_OF(before, max) + 2);
            world_end(world);
        }
    }
}

/*
 * Goal:    a maximum that is reached while its messages still wait in an open run ends the
 *          subscription before anything else is looked at.
 * Method:  after the last message, in the same read: UNSUB, a new maximum, SUB of the same sid.
 */
static void test_a_maximum_reached_in_the_same_read(void **state)
{
    (void)state;
    static const char *const thens[] = {"UNSUB 1\r\n", "UNSUB 1 9\r\n", "SUB other 1\r\n",
                                        "SUB q.x 1\r\n", "CONNECT {\"echo\":false}\r\n"};
    for (size_t i = 0; i < COUNT_OF(thens); i++) {
        struct world *world = world_of(1, 1);
        struct client *client = client_plain(world, 0);
        client_says(client,
                    "SUB q.x 1\r\nUNSUB 1 2\r\nPUB q.x 1\r\n!\r\nPUB q.x 1\r\n!\r\n%s"
                    "PUB q.x 1\r\n!\r\n",
                    thens[i]);
        world_run(world);
        assert_int_equal(messages(client), i == 3 ? 3 : 2);
        world_end(world);
    }
}

/*
 * Goal:    echo off hides a session's own messages from it and from nobody else, from then on.
 * Method:  off before CONNECT's second time and on again, publishes in between, one read.
 */
static void test_echo_changes_between_messages(void **state)
{
    (void)state;
    struct world *world = world_of(1, 1);
    struct client *client = client_open(world, 0, NULL);
    struct client *other = client_plain(world, 0);
    client_says(other, "SUB q.x 1\r\n");
    client_says(client, "SUB q.x 1\r\nPUB q.x 1\r\n1\r\n"
                        "CONNECT {\"verbose\":false,\"echo\":false}\r\nPUB q.x 1\r\n2\r\n"
                        "CONNECT {\"echo\":true}\r\nSUB q.x 1\r\nPUB q.x 1\r\n3\r\n");
    world_run(world);

    CLIENT_EXPECT(client, "+OK\r\n+OK\r\nMSG q.x 1 1\r\n1\r\nMSG q.x 1 1\r\n3\r\n");
    CLIENT_EXPECT(other, "MSG q.x 1 1\r\n1\r\nMSG q.x 1 1\r\n2\r\nMSG q.x 1 1\r\n3\r\n");
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_group_is_served_evenly),
        cmocka_unit_test(test_groups_are_one_by_name),
        cmocka_unit_test(test_members_that_cannot_are_passed_over),
        cmocka_unit_test(test_a_group_of_none_that_can_is_nobody),
        cmocka_unit_test(test_a_remote_member_takes_what_a_local_one_cannot),
        cmocka_unit_test(test_a_maximum_counts_since_the_subscription),
        cmocka_unit_test(test_a_maximum_reached_in_the_same_read),
        cmocka_unit_test(test_echo_changes_between_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
