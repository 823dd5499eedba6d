/* test_hub_policy.c - subscribers that are behind, under each policy; and publishers over their rate. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/hub_state.h"

/* "MSG t.x 1 100\r\n" + 100 + CRLF. */
enum { BODY = 100, FRAME = 15 + BODY + 2, LIMIT = 10 * FRAME };

static struct world *world_under(struct policies *policies, uint32_t workers)
{
    struct world_options options = {.checks = true, .workers = workers};
    options.hub.policies = policies;
    options.hub.max_pending = 1 << 20;
    return world_new(&options);
}

static void world_end_under(struct world *world, struct policies *policies)
{
    world_end(world);
    policies_free(policies);
}

static struct policies *rule_for_t(enum policy_kind kind, enum policy_kind then)
{
    struct policies *policies = policies_new();
    struct policy_rule rule = {
        .kind = kind, .then = then, .max_pending = LIMIT, .max_wait_ns = 2 * WORLD_SECOND_NS};
    assert_int_equal(policies_add(policies, bytes_text("t.>"), &rule), POLICIES_ADDED);
    return policies;
}

/* A hundred letters that begin with a number. */
static void publish(struct client *publisher, const char *subject, int number)
{
    char text[16];
    snprintf(text, sizeof(text), "%03d.", number);
    client_publishes(publisher, subject, text, BODY);
}

/* To t.x, one a turn. */
static void publish_turns(struct world *world, struct client *publisher, int first, int end)
{
    for (int i = first; i < end; i++) {
        publish(publisher, "t.x", i);
        world_run(world);
    }
}

/* Forty in one turn, twenty one by one. */
static void publish_sixty(struct world *world, struct client *publisher)
{
    for (int i = 0; i < 40; i++) {
        publish(publisher, "t.x", i);
    }
    world_run(world);
    publish_turns(world, publisher, 40, 60);
}

static uint64_t dropped(struct world *world, enum drop_reason reason)
{
    return world_metrics(world, 0)->deliveries_dropped[reason];
}

static const struct policy_drops *row(struct world *world)
{
    return &world_metrics(world, 0)->policy_drops[1];
}

/* The numbers heard, one after the other; every message is whole. */
static uint32_t numbers(const struct client *client, int *to, uint32_t max)
{
    uint32_t count = 0;
    const char *at = client_heard(client);
    const char *end = at + client->got_size;
    while (at < end) {
        assert_true(count < max);
        assert_memory_equal(at, "MSG t.", 6);
        const char *body = strstr(at, "\r\n");
        assert_non_null(body);
        to[count++] = (int)strtol(body + 2, NULL, 10);
        at = body + 2 + BODY;
        assert_memory_equal(at, "\r\n", 2);
        at += 2;
    }
    return count;
}

static void expect_numbers(const struct client *client, const int *expected, uint32_t count)
{
    int heard[256] = {0};
    assert_int_equal(numbers(client, heard, COUNT_OF(heard)), count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(heard[i], expected[i]);
    }
}

struct pair {
    struct client *stalled;
    struct client *healthy;
    struct client *publisher;
};

/* room: what the stalled one's socket takes before it is full. */
static struct pair pair_of(struct world *world, size_t room)
{
    struct pair pair = {client_plain(world, 0), client_plain(world, 0), client_plain(world, 0)};
    client_says(pair.stalled, "SUB t.* 1\r\n");
    client_says(pair.healthy, "SUB t.* 1\r\n");
    world_run(world);
    pair.stalled->room = room;
    return pair;
}

static void resume(struct world *world, struct client *client)
{
    client->room = SIZE_MAX;
    world_run(world);
}

/*
 * Goal:    who keeps up loses nothing, however much one turn brings; who is behind loses what its
 *          policy says, whole messages only, counted under the reason and the rule.
 * Method:  of two subscribers one has a socket that is full in the middle of the first message.
 */
static void test_drop_newest(void **state)
{
    (void)state;
    struct policies *policies = rule_for_t(POLICY_DROP_NEWEST, POLICY_DISCONNECT);
    struct world *world = world_under(policies, 1);
    struct pair p = pair_of(world, 50);
    publish_sixty(world, p.publisher);
    int all[60];
    for (int i = 0; i < 60; i++) {
        all[i] = i;
    }
    expect_numbers(p.healthy, all, 60);
    resume(world, p.stalled);
    expect_numbers(p.stalled, all, 10);
    assert_int_equal(dropped(world, DROP_POLICY_NEWEST), 50);
    assert_int_equal(row(world)->newest, 50);
    assert_int_equal(row(world)->oldest + row(world)->replaced, 0);
    assert_true(p.stalled->is_open);
    world_end_under(world, policies);
}

static void test_drop_oldest(void **state)
{
    (void)state;
    struct policies *policies = rule_for_t(POLICY_DROP_OLDEST, POLICY_DISCONNECT);
    struct world *world = world_under(policies, 1);
    struct pair p = pair_of(world, 50);
    publish_sixty(world, p.publisher);
    resume(world, p.stalled);
    /* The first was begun, and is completed. */
    static const int left[] = {0, 51, 52, 53, 54, 55, 56, 57, 58, 59};
    expect_numbers(p.stalled, left, COUNT_OF(left));
    assert_int_equal(dropped(world, DROP_POLICY_OLDEST), 50);
    assert_int_equal(row(world)->oldest, 50);
    world_end_under(world, policies);
}

static void test_latest(void **state)
{
    (void)state;
    struct policies *policies = rule_for_t(POLICY_LATEST, POLICY_DISCONNECT);
    struct world *world = world_under(policies, 1);
    struct pair p = pair_of(world, 50);
    static const char *const subjects[] = {"t.x", "t.y", "t.z"};
    for (int i = 0; i < 90; i++) {
        publish(p.publisher, subjects[i / 3 % 3], i);
        if (i % 7 == 0) {
            world_run(world);
        }
    }
    world_run(world);
    assert_in_range(client_pending(p.stalled), 0, LIMIT);
    resume(world, p.stalled);
    static const int left[] = {0, 83, 86, 89};
    expect_numbers(p.stalled, left, COUNT_OF(left));
    assert_int_equal(dropped(world, DROP_POLICY_REPLACED), 86);
    assert_int_equal(row(world)->replaced, 86);
    world_end_under(world, policies);
}

/* LATEST has a limit too: subjects that do not fit go, the one that waited longest first. */
static void test_latest_of_too_many_subjects(void **state)
{
    (void)state;
    struct policies *policies = rule_for_t(POLICY_LATEST, POLICY_DISCONNECT);
    struct world *world = world_under(policies, 1);
    struct pair p = pair_of(world, 0);
    for (int i = 0; i < 26; i++) {
        char subject[4] = {'t', '.', (char)('a' + i)};
        publish(p.publisher, subject, i);
    }
    world_run(world);
    resume(world, p.stalled);
    static const int left[] = {16, 17, 18, 19, 20, 21, 22, 23, 24, 25};
    expect_numbers(p.stalled, left, COUNT_OF(left));
    assert_int_equal(row(world)->oldest, 16);
    world_end_under(world, policies);
}

/* A rule of DISCONNECT with a limit of its own. */
static void test_disconnect_with_a_limit_of_its_own(void **state)
{
    (void)state;
    struct policies *policies = rule_for_t(POLICY_DISCONNECT, POLICY_DISCONNECT);
    struct world *world = world_under(policies, 1);
    struct pair p = pair_of(world, 0);
    for (int i = 0; i < 11; i++) {
        assert_true(p.stalled->is_open);
        publish(p.publisher, "t.x", i);
        world_run(world);
    }
    assert_false(p.stalled->is_open);
    assert_true(p.healthy->is_open);
    assert_int_equal(world_metrics(world, 0)->sessions_closed[CLOSE_SLOW_PENDING], 1);
    assert_int_equal(dropped(world, DROP_PENDING_LIMIT), 11);
    world_end_under(world, policies);
}

/* What is under a rule does not count towards max_pending, and a stalled subscriber under a rule that
 * drops has no write deadline. */
static void test_a_rule_replaces_the_ordinary_limits(void **state)
{
    (void)state;
    struct policies *policies = rule_for_t(POLICY_DROP_OLDEST, POLICY_DISCONNECT);
    policies->rules[1].max_pending = 8 << 20;
    struct world *world = world_under(policies, 1);
    struct pair p = pair_of(world, 0);
    for (int i = 0; i < 40; i++) {
        client_publishes(p.publisher, "t.x", "", 100000);
        world_run(world);
    }
    world_pass(world, 60 * WORLD_SECOND_NS);
    world_run(world);
    assert_true(p.stalled->is_open);
    client_says(p.stalled, "SUB u 2\r\n");
    world_run(world);
    for (int i = 0; i < 12; i++) {
        client_publishes(p.publisher, "u", "", 100000);
        world_run(world);
    }
    assert_false(p.stalled->is_open);
    world_end_under(world, policies);
}

/*
 * Goal:    WAIT loses nothing: publishers on every worker stand still while a subscriber is behind,
 *          others do not, and all go on when it has caught up.
 */
static void test_wait_holds_publishers_back(void **state)
{
    (void)state;
    struct policies *policies = rule_for_t(POLICY_WAIT, POLICY_DISCONNECT);
    struct world *world = world_under(policies, 2);
    struct pair p = pair_of(world, 50);
    struct client *far = client_plain(world, 1);
    struct client *other = client_plain(world, 1);
    client_says(other, "SUB u 1\r\n");
    world_run(world);
    publish_turns(world, far, 0, 40);
    publish(p.publisher, "t.y", 40);
    world_run(world);
    assert_int_equal(client_session(far)->pauses, PAUSE_GATE);
    assert_int_equal(client_session(p.publisher)->pauses, PAUSE_GATE);
    assert_in_range(client_pending(p.stalled), LIMIT - FRAME, LIMIT + 2 * FRAME);
    /* Who publishes elsewhere goes on. */
    client_says(other, "PUB u 2\r\nhi\r\n");
    world_run(world);
    CLIENT_EXPECT(other, "MSG u 1 2\r\nhi\r\n");

    resume(world, p.stalled);
    int heard[64];
    assert_int_equal(numbers(p.stalled, heard, COUNT_OF(heard)), 41);
    assert_int_equal(client_session(far)->pauses, 0);
    assert_int_equal(client_session(p.publisher)->pauses, 0);
    assert_int_equal(p.healthy->got_size, p.stalled->got_size);
    assert_true(world_metrics(world, 1)->sessions_held > 0);
    world_end_under(world, policies);
}

/* Patience ends: what `then` says. A gate that closed is open again everywhere. */
static void test_wait_is_bounded_in_time(void **state)
{
    (void)state;
    static const enum policy_kind thens[] = {POLICY_DISCONNECT, POLICY_DROP_NEWEST,
                                             POLICY_DROP_OLDEST};
    for (size_t k = 0; k < COUNT_OF(thens); k++) {
        struct policies *policies = rule_for_t(POLICY_WAIT, thens[k]);
        struct world *world = world_under(policies, 2);
        struct pair p = pair_of(world, 50);
        struct client *far = client_plain(world, 1);
        publish_turns(world, far, 0, 40);
        world_pass(world, 2 * WORLD_SECOND_NS - 2000000);
        world_run(world);
        assert_int_equal(client_session(far)->pauses, PAUSE_GATE);
        assert_true(p.stalled->is_open);
        world_pass(world, 5000000);
        world_run(world);
        assert_int_equal(client_session(far)->pauses, 0);
        assert_int_equal(p.stalled->is_open, thens[k] != POLICY_DISCONNECT);
        assert_int_equal(p.healthy->got_size, 40 * FRAME);
        if (thens[k] == POLICY_DISCONNECT) {
            assert_int_equal(world_metrics(world, 0)->sessions_closed[CLOSE_SLOW_PENDING], 1);
        } else {
            resume(world, p.stalled);
            static const int oldest[] = {0, 31, 32, 33, 34, 35, 36, 37, 38, 39};
            static const int newest[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
            expect_numbers(p.stalled, thens[k] == POLICY_DROP_OLDEST ? oldest : newest, 10);
        }
        world_end_under(world, policies);
    }
}

/* The one who is waited for leaves. */
static void test_a_gate_opens_with_its_subscription(void **state)
{
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        struct policies *policies = rule_for_t(POLICY_WAIT, POLICY_DISCONNECT);
        struct world *world = world_under(policies, 2);
        struct pair p = pair_of(world, 0);
        struct client *far = client_plain(world, 1);
        publish_turns(world, far, 0, 40);
        assert_int_equal(client_session(far)->pauses, PAUSE_GATE);
        if (closes) {
            client_ends(p.stalled);
            p.stalled->is_dead = true;
        } else {
            client_says(p.stalled, "UNSUB 1\r\n");
        }
        world_run(world);
        assert_int_equal(client_session(far)->pauses, 0);
        assert_int_equal(p.healthy->got_size, 40 * FRAME);
        world_end_under(world, policies);
    }
}

/* Policies shed before anybody is closed. */
static void test_memory_takes_from_policies_first(void **state)
{
    (void)state;
    struct policies *policies = rule_for_t(POLICY_DROP_OLDEST, POLICY_DISCONNECT);
    policies->rules[1].max_pending = 64 << 20;
    struct world_options options = {.checks = true};
    options.hub.policies = policies;
    options.hub.log_bytes_max = 8 << 20;
    struct world *world = world_new(&options);
    struct pair p = pair_of(world, 0);
    struct client *ordinary = client_plain(world, 0);
    client_says(ordinary, "SUB u 1\r\n");
    world_run(world);
    ordinary->room = 0;
    client_publishes(p.publisher, "u", "", 1000);
    world_run(world);
    for (int i = 0; i < 100; i++) {
        client_publishes(p.publisher, "t.x", "", 500000);
        world_run(world);
    }
    assert_true(p.stalled->is_open);
    assert_true(ordinary->is_open);
    assert_int_equal(world_metrics(world, 0)->sessions_closed[CLOSE_MEMORY_LIMIT], 0);
    assert_in_range(dropped(world, DROP_MEMORY_LIMIT), 80, 99);
    assert_int_equal(dropped(world, DROP_POLICY_OLDEST), 0);
    world_end_under(world, policies);
}

/* Other rules: subscriptions that are there take them on, both ways. */
static void test_rules_change_under_way(void **state)
{
    (void)state;
    struct policies *policies = rule_for_t(POLICY_DROP_OLDEST, POLICY_DISCONNECT);
    struct world *world = world_under(NULL, 1);
    struct pair p = pair_of(world, 50);
    struct hub *hub = world_hub(world, 0);
    for (int i = 0; i < 30; i++) {
        publish(p.publisher, "t.x", i);
        world_run(world);
        if (i == 9) {
            hub_set_policies(hub, policies);
        }
    }
    /* What was pending before is not the rule's. */
    assert_int_equal(row(world)->oldest, 10);
    hub_set_policies(hub, NULL);
    publish_turns(world, p.publisher, 30, 40);
    resume(world, p.stalled);
    int heard[64];
    assert_int_equal(numbers(p.stalled, heard, COUNT_OF(heard)), 30);
    assert_int_equal(p.healthy->got_size, 40 * FRAME);
    world_end_under(world, policies);
}

/* ---- quotas ---------------------------------------------------------------------------------- */

static struct policies *quota_of(enum quota_action action)
{
    struct policies *policies = policies_new();
    policies->quotas.client =
        (struct quota){.messages = {.per_second = 100, .burst = 10}, .action = action};
    return policies;
}

static void test_a_publisher_over_its_rate(void **state)
{
    (void)state;
    for (int action = QUOTA_DELAY; action <= QUOTA_ERROR; action++) {
        struct policies *policies = quota_of((enum quota_action)action);
        struct world *world = world_under(policies, 1);
        struct pair p = pair_of(world, SIZE_MAX);
        for (int i = 0; i < 30; i++) {
            publish(p.publisher, "t.x", i);
        }
        world_run(world);
        assert_int_equal(p.healthy->got_size, 10 * FRAME);
        world_pass(world, WORLD_SECOND_NS / 10 + 2000000);
        world_run(world);
        if (action == QUOTA_DELAY) {
            /* One at a time, as the rate has it. */
            for (int i = 0; i < 40; i++) {
                world_pass(world, WORLD_SECOND_NS / 100 + 2000000);
                world_run(world);
            }
            assert_int_equal(p.healthy->got_size, 30 * FRAME);
            assert_int_equal(dropped(world, DROP_RATE_LIMIT), 0);
            assert_true(world_metrics(world, 0)->sessions_slowed > 0);
        } else {
            assert_int_equal(p.healthy->got_size, 10 * FRAME);
            assert_int_equal(dropped(world, DROP_RATE_LIMIT), 20);
        }
        static const char violation[] =
            "-ERR 'Permissions Violation for Publish to \"t.x\", publish rate exceeded'\r\n";
        assert_int_equal(p.publisher->got_size, action == QUOTA_ERROR ? 20 * strlen(violation) : 0);
        if (action == QUOTA_ERROR) {
            assert_memory_equal(client_heard(p.publisher), violation, strlen(violation));
        }
        assert_true(p.publisher->is_open);
        world_end_under(world, policies);
    }
}

/* All clients of one user have one rate together, on all workers; and so many connections. */
static void test_users_share_their_rate(void **state)
{
    (void)state;
    struct policies *policies = policies_new();
    policies->quotas.user =
        (struct quota){.messages = {.per_second = 100, .burst = 10}, .action = QUOTA_DROP};
    policies->quotas.connections_per_user = 2;
    struct world *world = world_under(policies, 2);
    struct access *access = access_new();
    const struct access_user *user = access_add_user(access, bytes_text("u"), bytes_text("p"));
    struct usage *usage = user->usage;
    struct client *subscriber = client_plain(world, 0);
    client_says(subscriber, "SUB t.x 1\r\n");
    world_run(world);
    struct client *clients[3] = {client_plain(world, 0), client_plain(world, 1),
                                 client_plain(world, 1)};
    for (uint32_t i = 0; i < 3; i++) {
        struct hub *hub = world_hub(world, clients[i]->worker);
        struct session *session = client_session(clients[i]);
        hub_grant(hub, session);
        assert_int_equal(hub_join_user(hub, session, user), i < 2);
        hub_bind(hub, session, user);
    }
    for (int i = 0; i < 20; i++) {
        publish(clients[i % 2], "t.x", i);
    }
    world_run(world);
    assert_int_equal(subscriber->got_size, 10 * FRAME);
    client_ends(clients[0]);
    world_run(world);
    assert_int_equal(atomic_load(&usage->connections), 1);
    assert_true(hub_join_user(world_hub(world, 1), client_session(clients[2]), user));
    world_end(world);
    assert_int_equal(atomic_load(&usage->connections), 0);
    assert_int_equal(atomic_load(&usage->refs), 1);
    access_unref(access);
    policies_free(policies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drop_newest),
        cmocka_unit_test(test_drop_oldest),
        cmocka_unit_test(test_latest),
        cmocka_unit_test(test_latest_of_too_many_subjects),
        cmocka_unit_test(test_disconnect_with_a_limit_of_its_own),
        cmocka_unit_test(test_a_rule_replaces_the_ordinary_limits),
        cmocka_unit_test(test_wait_holds_publishers_back),
        cmocka_unit_test(test_wait_is_bounded_in_time),
        cmocka_unit_test(test_a_gate_opens_with_its_subscription),
        cmocka_unit_test(test_memory_takes_from_policies_first),
        cmocka_unit_test(test_rules_change_under_way),
        cmocka_unit_test(test_a_publisher_over_its_rate),
        cmocka_unit_test(test_users_share_their_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
