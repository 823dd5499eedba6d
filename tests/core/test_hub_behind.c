/* test_hub_behind.c - clients that hear what they publish, and do not read it. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PENDING_MAX = 100000, BODY = 1000, MANY = 8 * PENDING_MAX / BODY };

static struct world *world_slow(void)
{
    struct world_options options = {.checks = true};
    options.hub.max_pending = PENDING_MAX;
    return world_new(&options);
}

static uint64_t closed(struct world *world, enum close_reason reason)
{
    return world_metrics(world, 0)->sessions_closed[reason];
}

/* One a turn, each with its number, until the hub reads no more of it or `most` were said. */
static int publish_to_itself(struct world *world, struct client *client, int from, int most)
{
    int said = from;
    while (said < most && client->is_armed) {
        client_says(client, "PUB a %d\r\n%06d%0*d\r\n", BODY, said, BODY - 6, 0);
        said++;
        world_run(world);
    }
    return said;
}

/* The numbers from 0 on, each `copies` times. */
static int whole_messages(const struct client *client, int copies)
{
    int count = 0;
    const char *at = client_heard(client);
    while ((at = strstr(at, " 1000\r\n")) != NULL) {
        at += strlen(" 1000\r\n");
        char number[8];
        snprintf(number, sizeof(number), "%06d", count / copies);
        assert_memory_equal(at, number, 6);
        count++;
    }
    return count;
}

static struct client *stalled_on_itself(struct world *world, const char *subs)
{
    struct client *client = client_plain(world, 0);
    client_says(client, "%s", subs);
    world_run(world);
    client->room = 0;
    int said = publish_to_itself(world, client, 0, 1000);
    assert_in_range(said, 30, 999);
    assert_int_equal(client_session(client)->pauses, PAUSE_BEHIND);
    assert_in_range(client_pending(client), PENDING_MAX / 4 * 3, PENDING_MAX / 4 * 3 + 3 * 1100);
    assert_int_equal(world_metrics(world, 0)->sessions_behind, 1);
    return client;
}

/*
 * Goal:    who publishes to itself faster than it reads is held back and loses nothing, whatever
 *          its subscriptions; it goes on when it has read down to half of what may wait for it.
 * Method:  with a companion in step, alone, with two subscriptions: it says eight times max_pending
 *          and reads a little at a time.
 */
static void test_who_hears_itself_is_held_until_it_reads(void **state)
{
    (void)state;
    static const char *const subs[] = {"SUB a 1\r\n", "SUB a own\r\n", "SUB a 1\r\nSUB > 2\r\n"};
    for (int kind = 0; kind < 3; kind++) {
        int copies = kind == 2 ? 2 : 1;
        struct world *world = world_slow();
        struct client *companion = client_plain(world, 0);
        companion->is_deaf = true;
        client_says(companion, "SUB a 1\r\n");
        struct client *client = stalled_on_itself(world, subs[kind]);
        struct session *session = client_session(client);

        client->room = client_pending(client) - PENDING_MAX / 2 - 1;
        world_run(world);
        assert_int_equal(session->pauses, PAUSE_BEHIND);
        client->room = 1;
        world_run(world);
        assert_int_equal(session->pauses, 0);
        assert_true(client->is_armed);

        /* The one that was held is among those that came. */
        int said = (int)session->messages_in;
        while (said < MANY) {
            said = publish_to_itself(world, client, said, MANY);
            client->room = 20000;
            world_run(world);
            assert_true(client->is_open);
            assert_true(client_pending(client) <= PENDING_MAX);
        }
        client->room = SIZE_MAX;
        world_run(world);
        assert_int_equal(session->messages_in, said);
        assert_int_equal(whole_messages(client, copies), said * copies);
        assert_true(world_metrics(world, 0)->sessions_behind > 4);
        assert_int_equal(session->pauses, 0);
        world_end(world);
    }
}

/*
 * Goal:    who is held back is nobody else's business: others are answered, and what they publish
 *          reaches it and counts until it is over max_pending.
 */
static void test_who_is_held_hears_others_up_to_its_limit(void **state)
{
    (void)state;
    struct world *world = world_slow();
    struct client *client = stalled_on_itself(world, "SUB a 1\r\n");
    struct client *other = client_plain(world, 0);
    uint64_t before = client_pending(client);

    int count = 0;
    while (client->is_open && count < 100) {
        client_publishes(other, "a", "", 1000);
        client_says(other, "PING\r\n");
        world_run(world);
        CLIENT_EXPECT(other, "PONG\r\n");
        count++;
    }

    assert_in_range(count, (PENDING_MAX - before) / 1100, 99);
    assert_int_equal(closed(world, CLOSE_SLOW_PENDING), 1);
    world_end(world);
}

/*
 * Goal:    who is held back and reads nothing is closed by the write deadline, not by unanswered
 *          pings; who reads is asked for no sign of life meanwhile and has its deadline moved.
 */
static void test_who_is_held_and_never_reads_is_closed(void **state)
{
    (void)state;
    for (int reads = 0; reads < 2; reads++) {
        struct world_options options = {.checks = true};
        options.hub.max_pending = 4 << 20;
        options.nats.ping_interval_ns = WORLD_SECOND_NS;
        struct world *world = world_new(&options);
        struct client *client = client_plain(world, 0);
        client_says(client, "SUB a 1\r\n");
        world_run(world);
        client->room = 0;
        for (int i = 0; i < 100 && client->is_armed; i++) {
            client_publishes(client, "a", "", 100000);
            world_run(world);
        }
        assert_int_equal(client_session(client)->pauses, PAUSE_BEHIND);
        uint64_t pending = client_pending(client);

        for (int i = 0; i < 3; i++) {
            world_pass(world, 4 * WORLD_SECOND_NS);
            client->room = reads ? 300000 : 0;
            world_run(world);
        }

        assert_int_equal(client->is_open, reads);
        assert_int_equal(closed(world, CLOSE_SLOW_DEADLINE), !reads);
        if (reads) {
            assert_int_equal(client_session(client)->pauses, PAUSE_BEHIND);
            assert_int_equal(client_pending(client), pending - 900000);
        }
        world_end(world);
    }
}

/*
 * Goal:    a subscriber whose policy spares it the write deadline, and who is held back and reads
 *          nothing, is closed by unanswered pings.
 */
static void test_who_is_held_without_a_deadline_must_answer(void **state)
{
    (void)state;
    struct policies *policies = policies_new();
    struct policy_rule rule = {.kind = POLICY_DROP_OLDEST};
    assert_int_equal(policies_add(policies, bytes_text("t.>"), &rule), POLICIES_ADDED);
    struct world_options options = {.checks = true};
    options.hub.max_pending = PENDING_MAX;
    options.hub.policies = policies;
    options.nats.ping_interval_ns = 8 * WORLD_SECOND_NS;
    struct world *world = world_new(&options);
    struct client *client = stalled_on_itself(world, "SUB a 1\r\nSUB t.x 2\r\n");

    int seconds = 0;
    while (client->is_open && seconds < 60) {
        world_pass(world, WORLD_SECOND_NS);
        world_run(world);
        seconds++;
    }

    /* Two pings, and the write deadline for the last words. */
    assert_in_range(seconds, 26, 36);
    assert_int_equal(closed(world, CLOSE_STALE), 1);
    world_end(world);
    policies_free(policies);
}

/*
 * Goal:    a session that is held back ends as any other: with what was queued, at once, with its
 *          socket; and a limit that is raised lets it go on.
 */
static void test_who_is_held_can_end(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct world *world = world_slow();
        struct client *client = stalled_on_itself(world, "SUB a 1\r\n");
        struct session *session = client_session(client);
        struct hub *hub = world_hub(world, 0);
        uint64_t pending = client_pending(client);
        client_says(client, "PING\r\n");
        switch (kind) {
        case 0:
            hub_close(hub, session, CLOSE_SHUTDOWN, HUB_CLOSE_FLUSH);
            client->room = SIZE_MAX;
            break;
        case 1:
            hub_close(hub, session, CLOSE_SHUTDOWN, HUB_CLOSE_AT_ONCE);
            break;
        case 2:
            client->is_dead = true;
            client->room = 1;
            break;
        default: {
            static const struct settings settings = {.max_pending = 2 * PENDING_MAX,
                                                     .write_deadline_ns = WORLD_SECOND_NS};
            hub_settings_set(hub, &settings);
            break;
        }
        }
        world_run(world);

        assert_int_equal(client->is_open, kind == 3);
        assert_int_equal(client->got_size, kind == 0 ? pending : 0);
        if (kind == 3) {
            assert_int_equal(session->pauses, 0);
            assert_true(client->is_armed);
            client->room = SIZE_MAX;
            client_ends(client);
            world_run(world);
            assert_false(client->is_open);
            assert_true(strstr(client_heard(client), "\r\nPONG\r\n") != NULL);
        }
        world_end(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_hears_itself_is_held_until_it_reads),
        cmocka_unit_test(test_who_is_held_hears_others_up_to_its_limit),
        cmocka_unit_test(test_who_is_held_and_never_reads_is_closed),
        cmocka_unit_test(test_who_is_held_without_a_deadline_must_answer),
        cmocka_unit_test(test_who_is_held_can_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
