/* test_hub.c - one hub: who hears what, in which bytes, however sessions come, go and change. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct world *world_checked(void)
{
    struct world_options options = {.checks = true};
    return world_new(&options);
}

/*
 * Goal:    a message reaches every plain subscription that matches, once, its own included.
 * Method:  literal and wildcard subscriptions of two sessions, one publish.
 */
static void test_one_copy_per_subscription(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *a = client_plain(world, 0);
    struct client *b = client_plain(world, 0);
    client_says(a, "SUB foo.bar 1\r\nSUB foo.* 2\r\n");
    client_says(b, "SUB > x\r\nSUB other y\r\n");
    world_run(world);

    client_says(b, "PUB foo.bar 2\r\nhi\r\n");
    world_run(world);

    CLIENT_EXPECT(b, "MSG foo.bar x 2\r\nhi\r\n");
    CLIENT_EXPECT(a, "MSG foo.bar 1 2\r\nhi\r\nMSG foo.bar 2 2\r\nhi\r\n");
    world_end(world);
}

/*
 * Goal:    sessions that share pattern and sid but not headers hear frames of their own kind, and go
 *          on doing so when one changes its mind.
 * Method:  one sid for all; a second kind; CONNECT in between, with the subscription made anew.
 */
static void test_layouts_do_not_mix(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *modern = client_plain(world, 0);
    struct client *old = client_open(world, 0, "{\"verbose\":false}");
    struct client *fickle = client_plain(world, 0);
    struct client *publisher = client_plain(world, 0);
    client_says(modern, "SUB a 1\r\n");
    client_says(old, "SUB a 1\r\n");
    client_says(fickle, "SUB a 1\r\n");
    client_says(publisher, "HPUB a 2 3\r\nhhb\r\n");
    client_says(fickle, "CONNECT {\"headers\":false}\r\nSUB a 1\r\n");
    client_says(publisher, "HPUB a 2 3\r\nhhc\r\n");
    world_run(world);

    CLIENT_EXPECT(modern, "HMSG a 1 2 3\r\nhhb\r\nHMSG a 1 2 3\r\nhhc\r\n");
    CLIENT_EXPECT(old, "MSG a 1 1\r\nb\r\nMSG a 1 1\r\nc\r\n");
    CLIENT_EXPECT(fickle, "HMSG a 1 2 3\r\nhhb\r\nMSG a 1 1\r\nc\r\n");
    world_end(world);
}

/*
 * Goal:    headers that change in the first CONNECT move the subscriptions made before it, counts
 *          and maxima included.
 * Method:  SUB, UNSUB 3 and a message before CONNECT, in one read.
 */
static void test_subscriptions_move_with_headers(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *publisher = client_plain(world, 0);
    struct client *client = client_open(world, 0, NULL);
    client_says(client, "SUB a 1\r\nSUB b 2\r\nSUB a g 3\r\nUNSUB 1 3\r\n");
    client_says(publisher, "HPUB a 1 2\r\nhx\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "+OK\r\n+OK\r\n+OK\r\n+OK\r\nMSG a 1 1\r\nx\r\nMSG a 3 1\r\nx\r\n");

    client_says(client, "CONNECT {\"headers\":true,\"verbose\":false}\r\n");
    for (int i = 0; i < 3; i++) {
        client_says(publisher, "HPUB a 1 2\r\nh%d\r\n", i);
    }
    client_says(publisher, "PUB b 0\r\n\r\n");
    world_run(world);

    CLIENT_EXPECT(client, "HMSG a 1 1 2\r\nh0\r\nHMSG a 3 1 2\r\nh0\r\n"
                          "HMSG a 1 1 2\r\nh1\r\nHMSG a 3 1 2\r\nh1\r\n"
                          "HMSG a 3 1 2\r\nh2\r\nMSG b 2 0\r\n\r\n");
    world_end(world);
}

/*
 * Goal:    what was published before a subscription is not heard by it, what comes after is, in one
 *          turn; the same for the end of one.
 * Method:  SUB and UNSUB of a second member before, between and after messages that would all be in
 *          one run.
 */
static void test_a_change_cuts_the_run(void **state)
{
    (void)state;
    for (int join = 0; join <= 4; join++) {
        for (int leave = join; leave <= 4; leave++) {
            struct world *world = world_checked();
            struct client *always = client_plain(world, 0);
            struct client *changing = client_plain(world, 0);
            struct client *publisher = client_plain(world, 0);
            client_says(always, "SUB a 1\r\n");
            world_run(world);
            char expected[256] = "";
            size_t size = 0;
            for (int i = 0; i <= 4; i++) {
                if (i == join) {
                    client_says(changing, "SUB a 1\r\n");
                }
                if (i == leave) {
                    client_says(changing, "UNSUB 1\r\n");
                }
                if (i < 4) {
                    client_says(publisher, "PUB a 1\r\n%d\r\n", i);
                    if (i >= join && i < leave) {
                        size += (size_t)snprintf(expected + size, sizeof(expected) - size,
                                                 "MSG a 1 1\r\n%d\r\n", i);
                    }
                }
            }
            world_run(world);

            CLIENT_EXPECT(changing, expected);
            assert_int_equal(always->got_size, 4 * strlen("MSG a 1 1\r\n0\r\n"));
            world_end(world);
        }
    }
}

/*
 * Goal:    a session may subscribe twice to one subject, and each of them is counted alone.
 * Method:  two sids, one with a maximum.
 */
static void test_two_subscriptions_of_one_subject(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *client = client_plain(world, 0);
    client_says(client, "SUB a 1\r\nSUB a 2\r\nUNSUB 2 1\r\n");
    client_says(client, "PUB a 1\r\nx\r\nPUB a 1\r\ny\r\n");
    world_run(world);
    assert_int_equal(client->got_size, 3 * strlen("MSG a 1 1\r\nx\r\n"));
    assert_non_null(strstr(client_heard(client), "MSG a 2 1\r\nx\r\n"));
    assert_null(strstr(client_heard(client), "MSG a 2 1\r\ny\r\n"));
    assert_string_equal(client_heard(client) + client->got_size - 14, "MSG a 1 1\r\ny\r\n");
    world_end(world);
}

/*
 * Goal:    the hub has room for sessions_max and then says so; a slot's next life is another.
 * Method:  open all, one more, close one, open again.
 */
static void test_sessions_have_a_limit(void **state)
{
    (void)state;
    struct world_options options = {.checks = true, .hub = {.sessions_max = 3}};
    struct world *world = world_new(&options);
    struct client *clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = client_plain(world, 0);
    }
    assert_null(hub_session_open(world_hub(world, 0), 99));
    client_ends(clients[1]);
    world_run(world);
    assert_false(clients[1]->is_open);
    struct client *next = client_plain(world, 0);
    assert_int_equal(next->slot, clients[1]->slot);
    assert_null(client_session(clients[1]));
    assert_non_null(client_session(next));
    world_end(world);
}

/*
 * Goal:    what nobody hears leaves nothing behind and is counted.
 * Method:  messages to no subscriber, with large payloads; the chunks in use.
 */
static void test_what_nobody_hears_costs_nothing(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *client = client_plain(world, 0);
    client_publishes(client, "none", "", 100000);
    world_run(world);
    struct hub_gauges before;
    hub_gauges(world_hub(world, 0), &before);
    for (int i = 0; i < 50; i++) {
        client_publishes(client, "none", "", 100000);
    }
    world_run(world);
    struct hub_gauges gauges;
    hub_gauges(world_hub(world, 0), &gauges);
    assert_int_equal(gauges.chunk_bytes, before.chunk_bytes);
    assert_int_equal(world_metrics(world, 0)->publishes_unheard, 51);
    assert_int_equal(world_metrics(world, 0)->messages_out, 0);
    world_end(world);
}

/*
 * Goal:    the hub can be thrown away in any state.
 * Method:  sessions blocked in every class, half a message held, a turn begun; freed as it is, leaks are
 *          the sanitizer's to find.
 */
static void test_a_hub_is_freed_as_it_is(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = client_plain(world, 0);
        clients[i]->room = (size_t)i;
        client_says(clients[i], i < 2 ? "SUB a 1\r\n" : "SUB a x%d\r\nSUB > 2\r\nSUB a g 3\r\n", i);
    }
    client_says(clients[0], "PUB a 2\r\nhi\r\nPUB a 100\r\nhalf");
    world_run(world);
    client_says(clients[1], "PUB a 2\r\nho\r\n");
    world_turn_begin_of(world, 0);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_copy_per_subscription),
        cmocka_unit_test(test_layouts_do_not_mix),
        cmocka_unit_test(test_subscriptions_move_with_headers),
        cmocka_unit_test(test_a_change_cuts_the_run),
        cmocka_unit_test(test_two_subscriptions_of_one_subject),
        cmocka_unit_test(test_sessions_have_a_limit),
        cmocka_unit_test(test_what_nobody_hears_costs_nothing),
        cmocka_unit_test(test_a_hub_is_freed_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
