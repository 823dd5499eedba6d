/* test_hub_snapshot.c - rows of a live hub, however few a turn, and who is behind. */
#include "core/hub_snapshot.h"

#include "core/proto/nats_describe.h"
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CLIENTS = 30 };

static struct world *world_checked(void)
{
    struct world_options options = {.checks = true};
    return world_new(&options);
}

/* Walks to the end, budget units a turn; returns the turns. */
static uint32_t walk(struct world *world, struct snapshot *snapshot, uint32_t budget)
{
    uint32_t turns = 1;
    snapshot->now_ns = world_now(world);
    while (!hub_snapshot_step(world_hub(world, 0), snapshot, nats_describe, budget)) {
        world_turn(world);
        turns++;
        assert_in_range(turns, 1, 10000);
    }
    snapshot_sort(snapshot);
    return turns;
}

/* CLIENTS clients, each with one subscription more than the one before; a publisher at the end. */
static struct client *fill(struct world *world, struct client *clients[CLIENTS])
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        char connect[128];
        snprintf(connect, sizeof(connect), "{\"verbose\":false,\"name\":\"n%u\",\"lang\":\"c\"}",
                 i);
        clients[i] = client_open(world, 0, connect);
        for (uint32_t k = 0; k <= i; k++) {
            client_says(clients[i], "SUB s.%u %sq%u\r\n", k, k == 1 ? "group " : "", k);
        }
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);
    client_publishes(publisher, "s.0", "x", 10);
    client_publishes(publisher, "s.2", "x", 7);
    world_run(world);
    return publisher;
}

/*
 * Goal:    every connection is seen once with its own numbers, whatever the budget of a turn.
 * Method:  budgets from one unit, which stops inside sessions, to all at once.
 */
static void test_connections_are_complete_at_any_pace(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *clients[CLIENTS];
    (void)fill(world, clients);
    static const uint32_t budgets[] = {1, 2, 5, 64, 100000};
    for (size_t b = 0; b < COUNT_OF(budgets); b++) {
        struct snapshot_query query = {.list = SNAPSHOT_CONNECTIONS, .rows_max = 1000};
        struct snapshot snapshot;
        snapshot_init(&snapshot, &query);
        uint32_t turns = walk(world, &snapshot, budgets[b]);
        assert_true(budgets[b] < 1000 || turns == 1);
        assert_int_equal(snapshot.total, CLIENTS + 1);
        assert_int_equal(snapshot.rows_count, CLIENTS + 1);
        for (uint32_t i = 0; i < CLIENTS; i++) {
            const struct snapshot_row *row = &snapshot.rows[i];
            char name[16];
            snprintf(name, sizeof(name), "n%u", i);
            assert_true(bytes_equal(snapshot_text(row, TEXT_NAME), bytes_text(name)));
            assert_int_equal(row->subs_count, i + 1);
            assert_int_equal(row->messages_out, i >= 2 ? 2 : 1);
            assert_int_equal(row->bytes_out, i >= 2 ? 17 : 10);
            assert_int_equal(row->messages_in, 0);
        }
        assert_int_equal(snapshot.rows[CLIENTS].messages_in, 2);
        assert_int_equal(snapshot.rows[CLIENTS].bytes_in, 17);
        snapshot_free(&snapshot);
    }
    world_end(world);
}

/*
 * Goal:    the subscriptions of a connection come with it; a page has those of its rows.
 * Method:  the five with the most, three units a turn.
 */
static void test_subscriptions_come_with_their_connection(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *clients[CLIENTS];
    (void)fill(world, clients);
    struct snapshot_query query = {
        .list = SNAPSHOT_CONNECTIONS, .sort = SNAPSHOT_BY_SUBS, .rows_max = 5, .wants_subs = true};
    struct snapshot snapshot;
    snapshot_init(&snapshot, &query);
    assert_in_range(walk(world, &snapshot, 3), 100, 1000);
    assert_int_equal(snapshot.rows_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        const struct snapshot_row *row = &snapshot.rows[i];
        assert_int_equal(row->subs_count, CLIENTS - i);
        assert_int_equal(row->subs_listed, CLIENTS - i);
        uint32_t groups = 0;
        for (uint32_t k = 0; k < row->subs_listed; k++) {
            const struct snapshot_sub *sub = &snapshot.subs[row->subs_first + k];
            assert_int_equal(sub->cid, row->cid);
            assert_memory_equal(sub->text, "s.", 2);
            groups += sub->queue_size == 5;
        }
        assert_int_equal(groups, 1);
    }
    snapshot_free(&snapshot);
    world_end(world);
}

/*
 * Goal:    /subsz' list is cut to its page, counts all, and can be asked who hears a subject.
 */
static void test_subscriptions_of_all(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *clients[CLIENTS];
    struct client *publisher = fill(world, clients);
    client_says(publisher, "SUB s.* wild\r\nSUB other 1\r\n");
    world_run(world);
    struct snapshot_query query = {.list = SNAPSHOT_SUBSCRIPTIONS, .rows_max = 7};
    struct snapshot snapshot;
    snapshot_init(&snapshot, &query);
    MAYBE(walk(world, &snapshot, 10) > 1);
    assert_int_equal(snapshot.total, CLIENTS * (CLIENTS + 1) / 2 + 2);
    assert_int_equal(snapshot.subs_count, 7);
    snapshot_free(&snapshot);

    snprintf(query.subject, sizeof(query.subject), "s.27");
    query.rows_max = 100;
    snapshot_init(&snapshot, &query);
    MAYBE(walk(world, &snapshot, 10) > 1);
    assert_int_equal(snapshot.total, 4);
    assert_int_equal(snapshot.subs_count, 4);
    snapshot_free(&snapshot);
    world_end(world);
}

/*
 * Goal:    clients that come and go during a walk do no harm, and who stays is seen once.
 * Method:  one leaves and one comes before each turn of the walk.
 */
static void test_walk_among_comings_and_goings(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *clients[CLIENTS];
    (void)fill(world, clients);
    struct snapshot_query query = {
        .list = SNAPSHOT_CONNECTIONS, .rows_max = 1000, .wants_subs = true};
    struct snapshot snapshot;
    snapshot_init(&snapshot, &query);
    uint32_t turns = 0;
    while (!hub_snapshot_step(world_hub(world, 0), &snapshot, nats_describe, 8)) {
        if (turns < CLIENTS / 2) {
            client_ends(clients[2 * turns]);
            (void)client_open(world, 0, NULL);
        } else {
            client_says(clients[1], "SUB more.%u %u\r\n", turns, 1000 + turns);
        }
        world_run(world);
        turns++;
    }
    uint32_t stayed = 0;
    for (uint32_t i = 0; i < snapshot.rows_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            assert_int_not_equal(snapshot.rows[i].cid, snapshot.rows[k].cid);
        }
        for (uint32_t c = 1; c < CLIENTS; c += 2) {
            stayed += snapshot.rows[i].cid == client_session(clients[c])->client_id;
        }
    }
    assert_int_equal(stayed, CLIENTS / 2);
    snapshot_free(&snapshot);
    world_end(world);
}

static const struct snapshot_row *slowest(struct world *world, struct snapshot *snapshot,
                                          enum snapshot_sort sort)
{
    struct snapshot_query query = {
        .list = SNAPSHOT_CONNECTIONS, .sort = sort, .rows_max = 10, .is_pending = true};
    snapshot_init(snapshot, &query);
    MAYBE(walk(world, snapshot, 1000) > 1);
    return snapshot->rows;
}

/*
 * Goal:    who is behind is named, with the age of what waits longest and how much waits.
 * Method:  three that stall ten seconds apart: alone, as a member of an audience, and one that hears
 *          two audiences. The first catches up in part.
 */
static void test_who_is_slow(void **state)
{
    (void)state;
    struct world_options options = {.checks = true};
    options.hub.write_deadline_ns = 1000 * WORLD_SECOND_NS;
    struct world *world = world_new(&options);
    struct client *alone = client_plain(world, 0);
    struct client *member = client_plain(world, 0);
    struct client *mixed = client_plain(world, 0);
    struct client *healthy = client_plain(world, 0);
    struct client *publisher = client_plain(world, 0);
    client_says(alone, "SUB alone 1\r\n");
    client_says(member, "SUB news 1\r\n");
    client_says(mixed, "SUB news 1\r\nSUB more 2\r\n");
    client_says(healthy, "SUB news 1\r\nSUB more 2\r\n");
    world_run(world);
    struct client *stalling[] = {alone, member, mixed};
    for (uint32_t i = 0; i < 60; i++) {
        if (i % 10 == 0 && i < 30) {
            stalling[i / 10]->room = 0;
        }
        client_publishes(publisher, "news", "n", 100);
        client_publishes(publisher, "alone", "a", 100);
        client_publishes(publisher, "more", "m", 100);
        world_run(world);
        world_pass(world, WORLD_SECOND_NS);
    }
    world_run(world);
    struct snapshot snapshot;
    const struct snapshot_row *rows = slowest(world, &snapshot, SNAPSHOT_BY_AGE);
    assert_int_equal(snapshot.rows_count, 3);
    static const uint64_t ages[] = {60, 50, 40};
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(rows[i].cid, client_session(stalling[i])->client_id);
        uint64_t age_ns = world_now(world) - rows[i].oldest_ns;
        assert_in_range(age_ns, ages[i] * WORLD_SECOND_NS - WORLD_SECOND_NS,
                        ages[i] * WORLD_SECOND_NS + WORLD_SECOND_NS);
        assert_int_equal(rows[i].pending_bytes, client_pending(stalling[i]));
        assert_true(rows[i].is_blocked);
    }
    snapshot_free(&snapshot);
    rows = slowest(world, &snapshot, SNAPSHOT_BY_PENDING);
    assert_int_equal(rows[0].cid, client_session(mixed)->client_id);
    snapshot_free(&snapshot);
    struct hub_lag lag;
    hub_lag(world_hub(world, 0), &lag);
    assert_in_range(lag.oldest_age_ns, 59 * WORLD_SECOND_NS, 61 * WORLD_SECOND_NS);
    assert_int_equal(lag.pending_bytes_max, client_pending(mixed));

    /* A shared stream's age is known to its chunk and guessed in between. */
    member->room = 119 * 30;
    world_run(world);
    rows = slowest(world, &snapshot, SNAPSHOT_BY_AGE);
    for (uint32_t i = 0; i < 3; i++) {
        if (rows[i].cid == client_session(member)->client_id) {
            uint64_t age_ns = world_now(world) - rows[i].oldest_ns;
            assert_in_range(age_ns, 14 * WORLD_SECOND_NS, 26 * WORLD_SECOND_NS);
        }
    }
    snapshot_free(&snapshot);
    for (size_t i = 0; i < 3; i++) {
        stalling[i]->room = SIZE_MAX;
    }
    world_run(world);
    slowest(world, &snapshot, SNAPSHOT_BY_AGE);
    assert_int_equal(snapshot.rows_count, 0);
    snapshot_free(&snapshot);
    hub_lag(world_hub(world, 0), &lag);
    assert_int_equal(lag.oldest_age_ns, 0);
    world_end(world);
}

/*
 * Goal:    bytes out are exact for who was there from the start, and survive UNSUB.
 */
static void test_bytes_out_survive_the_subscription(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *subscriber = client_plain(world, 0);
    struct client *publisher = client_plain(world, 0);
    client_says(subscriber, "SUB a 1\r\nSUB b g 2\r\n");
    world_run(world);
    client_publishes(publisher, "a", "x", 1000);
    client_publishes(publisher, "b", "x", 1);
    world_run(world);
    client_says(subscriber, "UNSUB 1\r\nUNSUB 2\r\n");
    world_run(world);
    const struct session *session = client_session(subscriber);
    assert_int_equal(session->messages_out, 2);
    assert_true(session->bytes_out == 1001.0F);
    struct snapshot_row row;
    hub_snapshot_closed(world_hub(world, 0), session, nats_describe, &row);
    assert_int_equal(row.bytes_out, 1001);
    assert_int_equal(row.subs_count, 0);
    memory_free(row.text);
    world_end(world);
}

/*
 * Goal:    of a connection that ended it is known how many subscriptions it had then.
 * Method:  three, of which one is given up; the front-end closes it.
 */
static void test_subscriptions_of_the_closed_are_counted(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *client = client_plain(world, 0);
    client_says(client, "SUB a 1\r\nSUB b g 2\r\nSUB c.* 3\r\nUNSUB 1\r\n");
    world_run(world);
    struct session *session = client_session(client);
    hub_close(world_hub(world, 0), session, CLOSE_PROTOCOL_VIOLATION, HUB_CLOSE_FLUSH);
    assert_int_equal(session->subs.count, 0);
    struct snapshot_row row;
    hub_snapshot_closed(world_hub(world, 0), session, nats_describe, &row);
    assert_int_equal(row.subs_count, 2);
    memory_free(row.text);
    hub_close(world_hub(world, 0), session, CLOSE_CLIENT, HUB_CLOSE_AT_ONCE);
    hub_snapshot_closed(world_hub(world, 0), session, nats_describe, &row);
    assert_int_equal(row.subs_count, 2);
    memory_free(row.text);
    world_run(world);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_are_complete_at_any_pace),
        cmocka_unit_test(test_subscriptions_come_with_their_connection),
        cmocka_unit_test(test_subscriptions_of_all),
        cmocka_unit_test(test_walk_among_comings_and_goings),
        cmocka_unit_test(test_who_is_slow),
        cmocka_unit_test(test_bytes_out_survive_the_subscription),
        cmocka_unit_test(test_subscriptions_of_the_closed_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
