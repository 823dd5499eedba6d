/* test_hub_peers.c - several workers: interest, envelopes, credit, second picks, nobody anywhere. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/hub_state.h"

static struct world *world_of(uint32_t workers)
{
    struct world_options options = {.workers = workers, .checks = true};
    return world_new(&options);
}

static struct hub_gauges gauges_of(struct world *world, uint32_t worker)
{
    struct hub_gauges gauges;
    hub_gauges(world_hub(world, worker), &gauges);
    return gauges;
}

#define ASKS "{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}"

/*
 * Goal:    a message reaches each worker's subscribers once, whatever mixture of patterns they have,
 *          and every envelope comes home.
 * Method:  2 to 4 workers with literal, wildcard and several subscriptions; one message.
 */
static void test_a_message_reaches_every_worker_once(void **state)
{
    (void)state;
    for (uint32_t workers = 2; workers <= WORLD_WORKERS_USUAL; workers++) {
        struct world *world = world_of(workers);
        struct client *clients[WORLD_WORKERS_MAX];
        for (uint32_t w = 0; w < workers; w++) {
            clients[w] = client_plain(world, w);
            client_says(clients[w], "SUB a.b 1\r\n");
            if (w % 2 == 1) {
                client_says(clients[w], "SUB a.* 2\r\nSUB x 3\r\n");
            }
        }
        world_run(world);

        client_says(clients[0], "PUB a.b r 2\r\nhi\r\n");
        world_run(world);

        for (uint32_t w = 0; w < workers; w++) {
            CLIENT_EXPECT(clients[w], w % 2 == 1 ? "MSG a.b 1 r 2\r\nhi\r\nMSG a.b 2 r 2\r\nhi\r\n"
                                                 : "MSG a.b 1 r 2\r\nhi\r\n");
            assert_int_equal(gauges_of(world, w).envelopes_under_way, 0);
        }
        assert_int_equal(world_metrics(world, 0)->envelopes_sent, workers - 1);
        assert_int_equal(world_metrics(world, 0)->envelopes_returned, workers - 1);
        world_end(world);
    }
}

static uint64_t sum_of(struct world *world, uint32_t workers, size_t counter)
{
    uint64_t sum = 0;
    for (uint32_t w = 0; w < workers; w++) {
        sum +=
            *(const uint64_t *)(const void *)((const uint8_t *)world_metrics(world, w) + counter);
    }
    return sum;
}

#define SUM_OF(world, workers, counter) sum_of(world, workers, offsetof(struct metrics, counter))

/*
 * Goal:    what workers say to one another follows a formula: with interest on k of n workers, a change
 *          of interest is one record, heard by the n - 1 others, and what a turn publishes to a subject
 *          is k envelopes that come home, k doorbells out and one back (here all answer before the
 *          first is heard; at most k), however many messages it is.
 * Method:  2, 8 and 32 workers, k from none to all others, 1 and 50 messages at once, counted.
 */
static void test_traffic_between_workers_follows_its_formula(void **state)
{
    (void)state;
    static const uint32_t counts[] = {2, 8, 32};
    static const uint32_t messages[] = {1, 50};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        uint32_t n = counts[i];
        struct world *world = world_of(n);
        struct client *publisher = client_plain(world, 0);
        for (uint32_t k = 0; k < n; k++) {
            if (k > 0) {
                uint64_t records = SUM_OF(world, n, interest_records);
                uint64_t heard = SUM_OF(world, n, interest_received);
                client_says(client_plain(world, k), "SUB a.b 1\r\n");
                world_run(world);
                assert_int_equal(SUM_OF(world, n, interest_records) - records, 1);
                assert_int_equal(SUM_OF(world, n, interest_received) - heard, n - 1);
            }
            assert_int_equal(gauges_of(world, 0).interest_literals, k > 0 ? 1 : 0);
            for (size_t m = 0; m < COUNT_OF(messages); m++) {
                uint64_t envelopes = SUM_OF(world, n, envelopes_sent);
                uint64_t returned = SUM_OF(world, n, envelopes_returned);
                uint64_t doorbells = SUM_OF(world, n, doorbells_rung);
                char text[1024] = "";
                for (uint32_t j = 0; j < messages[m]; j++) {
                    strcat(text, "PUB a.b 2\r\nhi\r\n");
                }
                client_says(publisher, "%s", text);
                world_run(world);
                assert_int_equal(SUM_OF(world, n, envelopes_sent) - envelopes, k);
                assert_int_equal(SUM_OF(world, n, envelopes_returned) - returned, k);
                assert_int_equal(SUM_OF(world, n, doorbells_rung) - doorbells, k > 0 ? k + 1 : 0);
            }
        }
        world_end(world);
    }
}

enum { LITERALS = 3000, LITERALS_A_TURN = 50 };

/* What a turn's changes of interest take on their way, from the formula in docs/memory.md. */
static uint64_t bytes_on_the_way(uint32_t workers, uint64_t records_bytes)
{
    return 16 + 24 * (uint64_t)(workers - 1) + records_bytes;
}

/* Of one of the 256 tables of literals: the least number of lines that count fills to 4/5 at most. */
static uint64_t lines_for(uint64_t count, uint64_t slots)
{
    uint64_t lines = 0;
    while (count * 5 > lines * slots * 4) {
        uint64_t power = lines < 4 ? 4 : (uint64_t)1 << (63 - __builtin_clzll(lines));
        lines += power / 4;
    }
    return lines;
}

static uint64_t tables_of(struct world *world, uint32_t worker)
{
    return interest_bytes(&world_hub(world, worker)->interest);
}

static void literals_follow_their_formula(struct world *world, uint32_t n, uint64_t line_slots)
{
    uint64_t empty = tables_of(world, 0);
    uint64_t key = world_hub(world, 1)->options.hash_key;
    uint64_t in_part[INTEREST_PARTS] = {0};
    struct client *client = client_plain(world, 1);
    for (uint32_t i = 0; i < LITERALS;) {
        uint64_t bytes = SUM_OF(world, n, interest_bytes);
        char text[LITERALS_A_TURN * 32] = "";
        for (uint32_t end = i + LITERALS_A_TURN; i < end; i++) {
            char subject[16];
            snprintf(subject, sizeof(subject), "lit.%u", i);
            snprintf(text + strlen(text), 32, "SUB %s %u\r\n", subject, i);
            in_part[index_hash(key, 0, bytes_text(subject)) >> 56]++;
        }
        client_says(client, "%s", text);
        world_run(world);
        assert_int_equal(SUM_OF(world, n, interest_bytes) - bytes,
                         bytes_on_the_way(n, LITERALS_A_TURN * 24));
        uint64_t expected = 0;
        for (size_t part = 0; part < INTEREST_PARTS; part++) {
            expected += lines_for(in_part[part], line_slots) * 64;
        }
        for (uint32_t w = 0; w < n; w++) {
            assert_int_equal(tables_of(world, w) - empty, w == 1 ? 0 : expected);
        }
    }
    /* What is published moves none. */
    uint64_t bytes = SUM_OF(world, n, interest_bytes);
    client_says(client_plain(world, 0), "PUB lit.7 2\r\nhi\r\nPUB none 2\r\nhi\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "MSG lit.7 7 2\r\nhi\r\n");
    assert_int_equal(SUM_OF(world, n, interest_bytes), bytes);
}

/* One change; its pattern and queue name take these bytes in the record, and it these in tables. */
static void pattern_follows_its_formula(struct world *world, uint32_t n, struct client *client,
                                        const char *says, uint64_t text, uint64_t in_tables)
{
    uint64_t bytes = SUM_OF(world, n, interest_bytes);
    uint64_t own = tables_of(world, 0);
    uint64_t before[WORLD_WORKERS_MAX];
    for (uint32_t w = 1; w < n; w++) {
        before[w] = tables_of(world, w);
    }
    client_says(client, "%s", says);
    world_run(world);
    assert_int_equal(SUM_OF(world, n, interest_bytes) - bytes,
                     bytes_on_the_way(n, 24 + (text + 7) / 8 * 8));
    assert_int_equal(tables_of(world, 0), own);
    for (uint32_t w = 1; w < n; w++) {
        assert_int_equal(tables_of(world, w) - before[w], in_tables);
    }
}

/*
 * Goal:    the bytes that workers send one another about interest, and those of the tables they lead
 *          to, follow the formulas of docs/memory.md; and no message moves any.
 * Method:  2, 8 and 32 workers; 3,000 literals of one worker, 50 a turn, each worker's tables looked at
 *          after each; then a wildcard, and queue groups of it and of a literal.
 */
static void test_interest_bytes_follow_their_formula(void **state)
{
    (void)state;
    static const struct {
        uint32_t workers;
        uint32_t line_slots;
    } rows[] = {{2, 12}, {8, 12}, {32, 8}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t n = rows[i].workers;
        struct world_options options = {.workers = n};
        struct world *world = world_new(&options);
        literals_follow_their_formula(world, n, rows[i].line_slots);
        struct client *client = client_plain(world, 0);
        /* An entry, and nodes for the account, "a", "*" and "c". */
        pattern_follows_its_formula(world, n, client, "SUB a.*.c 1\r\n", 5,
                                    24 + 5 + 48 + 4 + 48 + 1 + 48 + 48 + 1);
        pattern_follows_its_formula(world, n, client, "SUB a.*.c group 2\r\n", 5 + 5,
                                    32 + 4 * (uint64_t)n);
        pattern_follows_its_formula(world, n, client, "SUB b.c group 3\r\n", 3 + 5,
                                    24 + 3 + 32 + 4 * (uint64_t)n);
        world_end(world);
    }
}

/*
 * Goal:    interest goes with the last subscription of its pattern, not before, and then no
 *          envelope is sent.
 * Method:  two subscribers of one worker leave one after the other; literal and wildcard.
 */
static void test_interest_lives_as_long_as_a_subscription(void **state)
{
    (void)state;
    static const char *const patterns[] = {"a.b", "a.*", "a.>"};
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        struct world *world = world_of(2);
        struct client *one = client_plain(world, 1);
        struct client *two = client_plain(world, 1);
        struct client *publisher = client_plain(world, 0);
        client_says(one, "SUB %s 1\r\n", patterns[i]);
        client_says(two, "SUB %s 2\r\nSUB %s 3\r\n", patterns[i], patterns[i]);
        world_run(world);

        client_says(one, "UNSUB 1\r\n");
        client_says(two, "UNSUB 3\r\n");
        world_run(world);
        client_says(publisher, "PUB a.b 1\r\n1\r\n");
        world_run(world);
        CLIENT_EXPECT(two, "MSG a.b 2 1\r\n1\r\n");

        client_says(two, "UNSUB 2\r\n");
        world_run(world);
        uint64_t sent = world_metrics(world, 0)->envelopes_sent;
        client_says(publisher, "PUB a.b 1\r\n2\r\n");
        world_run(world);
        assert_int_equal(world_metrics(world, 0)->envelopes_sent, sent);
        assert_int_equal(gauges_of(world, 0).interest_literals, 0);
        assert_int_equal(gauges_of(world, 0).interest_patterns, 0);
        assert_int_equal(two->got_size, 0);
        world_end(world);
    }
}

/*
 * Goal:    a queue message whose member left while it was on its way goes to another member, on
 *          another worker, and its envelope's verdicts are all honoured.
 * Method:  members on workers 1 and 2. Worker 0 looks into its inbox, then the members of one or
 *          both leave, then worker 0 publishes.
 */
static void repick(bool both_leave)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct world_options options = {.workers = 3, .checks = true, .hub = {.seed = seed}};
        struct world *world = world_new(&options);
        struct client *members[3] = {NULL, client_plain(world, 1), client_plain(world, 2)};
        struct client *asker = client_open(world, 0, ASKS);
        client_says(members[1], "SUB q g 1\r\n");
        client_says(members[2], "SUB q g 1\r\n");
        client_says(asker, "SUB reply 7\r\n");
        world_run(world);

        client_says(asker, "PUB q reply 1\r\n1\r\nPUB q reply 1\r\n2\r\nPUB q reply 1\r\n3\r\n");
        world_turn_begin_of(world, 0);
        client_says(members[1], "UNSUB 1\r\n");
        world_turn_of(world, 1);
        if (both_leave) {
            client_says(members[2], "UNSUB 1\r\n");
            world_turn_of(world, 2);
        }
        world_turn_end_of(world, 0);
        world_run(world);

        static const char *const lines[] = {"MSG q 1 reply 1\r\n1\r\n", "MSG q 1 reply 1\r\n2\r\n",
                                            "MSG q 1 reply 1\r\n3\r\n"};
        assert_int_equal(members[1]->got_size, 0);
        for (size_t i = 0; i < COUNT_OF(lines); i++) {
            bool is_there = strstr(client_heard(members[2]), lines[i]) != NULL;
            assert_int_equal(is_there, !both_leave);
        }
        size_t answer = strlen("HMSG reply 7 33 33\r\n") + 33 + 2;
        assert_int_equal(asker->got_size, both_leave ? 3 * answer : 0);
        assert_int_equal(members[2]->got_size, both_leave ? 0 : 3 * strlen(lines[0]));
        assert_int_equal(world_metrics(world, 0)->deliveries_dropped[DROP_GROUP_EMPTY],
                         both_leave ? 3 : 0);
        world_end(world);
    }
}

static void test_a_queue_message_finds_a_second_member(void **state)
{
    (void)state;
    repick(false);
}

static void test_a_queue_message_that_finds_none_is_counted_and_answered(void **state)
{
    (void)state;
    repick(true);
}

/*
 * Goal:    503 when nobody on any worker got the message, and only then.
 * Method:  interest that has gone meanwhile on the other worker; then interest that is real.
 */
static void test_no_responders_across_workers(void **state)
{
    (void)state;
    struct world *world = world_of(2);
    struct client *asker = client_open(world, 0, ASKS);
    struct client *service = client_plain(world, 1);
    client_says(asker, "SUB inbox.* 9\r\n");
    client_says(service, "SUB s 1\r\n");
    world_run(world);

    client_says(asker, "PUB s inbox.1 2\r\nhi\r\n");
    world_run(world);
    CLIENT_EXPECT(service, "MSG s 1 inbox.1 2\r\nhi\r\n");
    CLIENT_EXPECT(asker, "");

    client_says(asker, "PUB s inbox.2 2\r\nhi\r\n");
    world_turn_begin_of(world, 0);
    client_says(service, "UNSUB 1\r\n");
    world_turn_of(world, 1);
    world_turn_end_of(world, 0);
    world_run(world);

    CLIENT_EXPECT(asker, "HMSG inbox.2 9 33 33\r\nNATS/1.0 503\r\nNats-Subject: s\r\n\r\n\r\n");
    CLIENT_EXPECT(service, "");
    assert_int_equal(world_metrics(world, 0)->publishes_unheard, 1);
    world_end(world);
}

/*
 * Goal:    who has the PONG for his SUB hears whatever anyone publishes afterwards.
 * Method:  a subscriber on one worker; as soon as its PONG is out the other worker publishes, its
 *          turn begun after that.
 */
static void test_a_pong_means_that_all_workers_know(void **state)
{
    (void)state;
    struct world *world = world_of(2);
    struct client *subscriber = client_plain(world, 1);
    struct client *publisher = client_plain(world, 0);

    client_says(subscriber, "SUB news 1\r\nPING\r\n");
    world_turn_of(world, 1);
    CLIENT_EXPECT(subscriber, "PONG\r\n");
    client_says(publisher, "PUB news 1\r\n1\r\n");
    world_turn_of(world, 0);
    world_turn_of(world, 1);

    CLIENT_EXPECT(subscriber, "MSG news 1 1\r\n1\r\n");
    world_end(world);
}

static struct world *world_with_little_credit(void)
{
    struct world_options options = {.workers = 2, .checks = true, .hub = {.credit_bytes = 10000}};
    return world_new(&options);
}

/*
 * Goal:    a publisher whose messages go to a worker that does not drain is paused, loses nothing,
 *          and goes on when the envelopes come home. Others of its worker are not paused.
 * Method:  10 times the credit is published; then the other worker turns again.
 */
static void test_a_publisher_waits_for_credit(void **state)
{
    (void)state;
    struct world *world = world_with_little_credit();
    struct client *subscriber = client_plain(world, 1);
    struct client *publisher = client_plain(world, 0);
    struct client *other = client_plain(world, 0);
    client_says(subscriber, "SUB a 1\r\n");
    client_says(other, "SUB b 1\r\n");
    world_run(world);

    for (int i = 0; i < 100; i++) {
        client_says(publisher, "PUB a 1000\r\n%04d%996s\r\nPUB b 1\r\n!\r\n", i, "");
    }
    client_says(other, "PING\r\n");
    for (int i = 0; i < 20; i++) {
        world_turn_of(world, 0);
    }
    assert_false(publisher->is_armed);
    assert_true(other->is_armed);
    assert_non_null(strstr(client_heard(other), "PONG"));
    assert_int_equal(world_metrics(world, 0)->sessions_paused, 1);
    world_run(world);

    assert_true(publisher->is_armed);
    size_t each = strlen("MSG a 1 1000\r\n") + 1000 + 2;
    assert_int_equal(subscriber->got_size, 100 * each);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(atoi(client_heard(subscriber) + (size_t)i * each + 14), i);
    }
    assert_int_equal(other->got_size, strlen("PONG\r\n") + 100 * strlen("MSG b 1 1\r\n!\r\n"));
    world_end(world);
}

/*
 * Goal:    what a paused publisher had said takes effect even if it has gone meanwhile.
 * Method:  it publishes ten times its credit and sends FIN; FIN arrives in any turn of the pause.
 */
static void test_a_paused_publisher_may_leave(void **state)
{
    (void)state;
    for (int turns = 0; turns < 12; turns++) {
        struct world *world = world_with_little_credit();
        struct client *subscriber = client_plain(world, 1);
        struct client *publisher = client_plain(world, 0);
        client_says(subscriber, "SUB a 1\r\nSUB b 2\r\n");
        world_run(world);
        char text[100 * 128];
        size_t size = 0;
        for (int i = 0; i < 100; i++) {
            size += (size_t)sprintf(text + size, "PUB %c 100\r\n%0100d\r\n", "ab"[i % 2], i);
        }
        for (int i = 0; i < 4; i++) {
            client_says(publisher, "%s", text);
        }
        world_turn_of(world, 0);
        assert_false(publisher->is_armed);
        publisher->is_armed = true; /* FIN is reported to who is disarmed, too */
        for (int i = 0; i < turns; i++) {
            world_turn_of(world, (uint32_t)(i + 1) % 2);
            publisher->is_armed = true;
        }
        client_ends(publisher);
        for (int i = 0; i < 200 && publisher->is_open; i++) {
            publisher->is_armed = true;
            world_turn(world);
        }
        world_run(world);

        assert_false(publisher->is_open);
        assert_int_equal(subscriber->got_size, 400 * (strlen("MSG a 1 100\r\n") + 102));
        world_end(world);
    }
}

/*
 * Goal:    messages of one publisher reach a subscriber of another worker in their order, through
 *          all its subscriptions.
 * Method:  more runs than an envelope holds, over three subjects.
 */
static void test_order_holds_across_workers(void **state)
{
    (void)state;
    struct world *world = world_of(2);
    struct client *subscriber = client_plain(world, 1);
    struct client *publisher = client_plain(world, 0);
    client_says(subscriber, "SUB a 1\r\nSUB b 1b\r\nSUB c 1c\r\n");
    client_says(client_plain(world, 1), "SUB a 1\r\n");
    world_run(world);

    for (int i = 0; i < 300; i++) {
        client_says(publisher, "PUB %c 4\r\n%04d\r\n", 'a' + i % 7 % 3, i);
    }
    world_run(world);

    const char *at = client_heard(subscriber);
    for (int i = 0; i < 300; i++) {
        at = strchr(at, '\n');
        assert_non_null(at);
        assert_int_equal(atoi(at + 1), i);
        at = strchr(at + 1, '\n') + 1;
    }
    world_end(world);
}

/*
 * Goal:    a session of another worker that stalls keeps its messages though the envelope went home,
 *          one copy for all sessions that do.
 * Method:  three sessions with sids of their own stall; the maker's chunks come free; they resume.
 */
static void test_a_stalled_session_outlives_the_envelope(void **state)
{
    (void)state;
    struct world *world = world_of(2);
    struct client *stalled[3];
    for (int i = 0; i < 3; i++) {
        stalled[i] = client_plain(world, 1);
        client_says(stalled[i], "SUB a sid%d\r\n", i);
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);
    for (int i = 0; i < 3; i++) {
        stalled[i]->room = (size_t)i;
    }
    uint64_t before = gauges_of(world, 1).chunk_bytes;

    client_publishes(publisher, "a", "first", 200000);
    client_publishes(publisher, "a", "second", 200000);
    world_run(world);
    assert_int_equal(gauges_of(world, 0).envelopes_under_way, 0);
    assert_in_range(gauges_of(world, 1).chunk_bytes - before, 400000, 800000);
    client_publishes(publisher, "other", "over it", 200000);
    world_run(world);
    for (int i = 0; i < 3; i++) {
        stalled[i]->room = SIZE_MAX;
    }
    world_run(world);

    for (int i = 0; i < 3; i++) {
        char head[64];
        int size = snprintf(head, sizeof(head), "MSG a sid%d 200000\r\nfirstxxx", i);
        assert_memory_equal(client_heard(stalled[i]), head, (size_t)size);
        size = snprintf(head, sizeof(head), "MSG a sid%d 200000\r\nsecondxxx", i);
        assert_memory_equal(client_heard(stalled[i]) + stalled[i]->got_size / 2, head,
                            (size_t)size);
    }
    world_end(world);
}

/*
 * Goal:    a client that changes its subscriptions faster than other workers take note is not read
 *          from until they have; nothing is lost, and others on its worker go on.
 * Method:  the other worker does not turn.
 */
static void test_changes_of_interest_have_a_bound(void **state)
{
    (void)state;
    struct world_options options = {.checks = true, .workers = 2};
    options.hub.credit_bytes = 4000;
    struct world *world = world_new(&options);
    struct client *churner = client_plain(world, 0);
    struct client *other = client_plain(world, 0);
    world_run(world);
    for (int i = 0; i < 1000; i++) {
        client_says(churner, "SUB churn.%d %d\r\nUNSUB %d\r\n", i, i, i);
    }
    client_says(churner, "SUB churn.last 5000\r\nPING\r\n");
    for (int i = 0; i < 10; i++) {
        world_turn_of(world, 0);
    }
    struct hub *hub = world_hub(world, 0);
    assert_in_range(hub->interest_under_way + hub->interest_out_size, 4000, 4100);
    assert_int_equal(client_session(churner)->pauses, PAUSE_PEER);
    client_says(other, "PING\r\n");
    world_turn_of(world, 0);
    CLIENT_EXPECT(other, "PONG\r\n");

    world_run(world);
    CLIENT_EXPECT(churner, "PONG\r\n");
    assert_int_equal(client_session(churner)->subs.count, 1);
    assert_int_equal(hub->interest_under_way, 0);
    struct client *far = client_plain(world, 1);
    client_says(far, "PUB churn.last 2\r\nhi\r\n");
    world_run(world);
    CLIENT_EXPECT(churner, "MSG churn.last 5000 2\r\nhi\r\n");
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_reaches_every_worker_once),
        cmocka_unit_test(test_traffic_between_workers_follows_its_formula),
        cmocka_unit_test(test_interest_bytes_follow_their_formula),
        cmocka_unit_test(test_interest_lives_as_long_as_a_subscription),
        cmocka_unit_test(test_a_queue_message_finds_a_second_member),
        cmocka_unit_test(test_a_queue_message_that_finds_none_is_counted_and_answered),
        cmocka_unit_test(test_no_responders_across_workers),
        cmocka_unit_test(test_a_pong_means_that_all_workers_know),
        cmocka_unit_test(test_a_publisher_waits_for_credit),
        cmocka_unit_test(test_a_paused_publisher_may_leave),
        cmocka_unit_test(test_order_holds_across_workers),
        cmocka_unit_test(test_a_stalled_session_outlives_the_envelope),
        cmocka_unit_test(test_changes_of_interest_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
