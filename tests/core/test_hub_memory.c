/* test_hub_memory.c - budgets, victims, evacuation, what a steady path allocates, sizes. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/hub_state.h"

#define MEBIBYTE (1024ull * 1024)

static struct hub_gauges gauges_of(struct world *world, uint32_t worker)
{
    struct hub_gauges gauges;
    hub_gauges(world_hub(world, worker), &gauges);
    return gauges;
}

static uint64_t dropped(struct world *world, enum drop_reason reason)
{
    return world_metrics(world, 0)->deliveries_dropped[reason];
}

static uint64_t closed(struct world *world, enum close_reason reason)
{
    return world_metrics(world, 0)->sessions_closed[reason];
}

static struct world *world_of_bytes(uint64_t log_bytes_max)
{
    struct world_options options = {.checks = true, .hub = {.log_bytes_max = log_bytes_max}};
    return world_new(&options);
}

/* ---- the log's budget ------------------------------------------------------------------------ */

/*
 * Goal:    past three quarters of the budget the session that blocked first goes first, its
 *          messages counted; the others, and who is healthy, notice nothing.
 * Method:  three sessions with subjects of their own block one after the other.
 */
static void test_the_oldest_pending_is_the_first_victim(void **state)
{
    (void)state;
    struct world *world = world_of_bytes(8 * MEBIBYTE);
    struct client *stalled[3];
    struct client *publisher = client_plain(world, 0);
    for (int i = 0; i < 3; i++) {
        stalled[i] = client_plain(world, 0);
        stalled[i]->room = 0;
        client_says(stalled[i], "SUB s%d 1\r\n", i);
    }
    for (int i = 0; i < 3; i++) {
        int at = (i + 1) % 3;
        for (int k = 0; k < 3; k++) {
            client_says(publisher, "PUB s%d 5\r\nfirst\r\n", at);
        }
        world_run(world);
    }

    int count = 0;
    while (stalled[1]->is_open && count < 20) {
        client_publishes(publisher, "s2", "", MEBIBYTE);
        count++;
        world_run(world);
    }

    assert_in_range(count, 4, 8);
    assert_false(stalled[1]->is_open);
    /* Three small messages did not help: the next oldest went too, and so on. */
    assert_int_equal(closed(world, CLOSE_MEMORY_LIMIT) + hub_sessions_count(world_hub(world, 0)),
                     4);
    assert_true(publisher->is_open);
    assert_int_equal(dropped(world, DROP_MEMORY_LIMIT),
                     3 + (stalled[2]->is_open ? 0 : 3 + count) + (stalled[0]->is_open ? 0 : 3));
    assert_true(stalled[0]->is_open || !stalled[2]->is_open);
    world_end(world);
}

/*
 * Goal:    who is healthy loses nothing where memory is short: those that are behind give way, and
 *          the publisher waits for the end of the turn.
 * Method:  two healthy members and a stalled one of an audience hear far more in one read than the
 *          budget holds.
 */
static void test_the_healthy_lose_nothing(void **state)
{
    (void)state;
    struct world *world = world_of_bytes(4 * MEBIBYTE);
    struct client *clients[3];
    struct client *publisher = client_plain(world, 0);
    for (int i = 0; i < 3; i++) {
        clients[i] = client_plain(world, 0);
        client_says(clients[i], "SUB a 1\r\n");
    }
    clients[2]->room = 0;
    world_run(world);

    for (int i = 0; i < 100; i++) {
        client_publishes(publisher, "a", "", 100000);
    }
    world_run(world);

    size_t each = strlen("MSG a 1 100000\r\n") + 100000 + 2;
    assert_int_equal(clients[0]->got_size, 100 * each);
    assert_int_equal(clients[1]->got_size, 100 * each);
    assert_false(clients[2]->is_open);
    assert_int_equal(closed(world, CLOSE_MEMORY_LIMIT), 1);
    assert_in_range(dropped(world, DROP_MEMORY_LIMIT), 10, 100);
    assert_in_range(gauges_of(world, 0).log_bytes_peak, 3 * MEBIBYTE, 4 * MEBIBYTE);
    world_end(world);
}

/*
 * Goal:    at the budget itself deliveries are dropped under a name, none is half delivered, and the
 *          budget is not passed by more than what was under way.
 * Method:  healthy sessions hear from another worker, in one turn, far more than the budget holds.
 */
static void test_at_the_budget_deliveries_are_dropped_by_name(void **state)
{
    (void)state;
    struct world_options options = {
        .checks = true, .workers = 2, .hub = {.log_bytes_max = 2 * MEBIBYTE}};
    struct world *world = world_new(&options);
    struct client *clients[2] = {client_plain(world, 0), client_plain(world, 0)};
    struct client *publisher = client_plain(world, 1);
    client_says(clients[0], "SUB a 1\r\n");
    client_says(clients[1], "SUB a 1\r\n");
    world_run(world);
    /* The publisher's own worker holds its runs until they come home. */
    world_hub(world, 1)->options.log_bytes_max = 64 * MEBIBYTE;

    for (int i = 0; i < 40; i++) {
        client_publishes(publisher, i % 2 == 0 ? "a" : "b", "", 100000);
    }
    client_says(publisher, "PING\r\n");
    world_run(world);
    client_publishes(publisher, "a", "last", 10);
    world_run(world);

    size_t each = strlen("MSG a 1 100000\r\n") + 100000 + 2;
    size_t last = strlen("MSG a 1 10\r\n") + 10 + 2;
    for (int i = 0; i < 2; i++) {
        assert_int_equal((clients[i]->got_size - last) % each, 0);
        uint64_t heard = (clients[i]->got_size - last) / each;
        assert_in_range(heard, 1, 19);
        assert_int_equal(2 * (20 - heard), dropped(world, DROP_MEMORY_LIMIT));
    }
    assert_in_range(gauges_of(world, 0).log_bytes_peak, 2 * MEBIBYTE, 5 * MEBIBYTE);
    world_end(world);
}

/* ---- evacuation ------------------------------------------------------------------------------ */

/* Three kinds: in an audience of two, alone in a queue group (others of its kind would be in a trail),
 * in that audience and with another subscription. */
static void rare_sid(char sid[16], int number)
{
    snprintf(sid, 16, number / 7 == 1 ? "alone%d" : "%d", number % 7);
}

static void check_rare(const struct client *client, int number, int count)
{
    char sid[16];
    rare_sid(sid, number);
    const char *at = client_heard(client);
    for (int i = 0; i < count; i++) {
        char expected[300];
        snprintf(expected, sizeof(expected), "MSG rare %s 200\r\n%03d%0197d\r\n", sid, i, 0);
        assert_memory_equal(at, expected, strlen(expected));
        at += strlen(expected);
    }
    assert_int_equal(at - client_heard(client), client->got_size);
}

/*
 * Goal:    chunks that are held by few bytes are emptied: memory comes back, bytes stay right.
 * Method:  sessions that hear a rare message among many others stall, alone, shared and with two
 *          subscriptions, some in the middle of a frame; 60 MB go past them; then they resume.
 */
static void test_sparse_chunks_are_evacuated(void **state)
{
    (void)state;
    enum { STALLED = 21, ROUNDS = 120 };
    struct world *world = world_of_bytes(64 * MEBIBYTE);
    struct client *stalled[STALLED];
    for (int i = 0; i < STALLED; i++) {
        stalled[i] = client_plain(world, 0);
        stalled[i]->room = (size_t)(i % 3) * 100;
        char sid[16];
        rare_sid(sid, i);
        char group[16] = "";
        if (i / 7 == 1) {
            snprintf(group, sizeof(group), "g%d ", i);
        }
        client_says(stalled[i], "SUB rare %s%s\r\n%s", group, sid, i < 14 ? "" : "SUB other x\r\n");
    }
    struct client *busy[3];
    for (int i = 0; i < 3; i++) {
        busy[i] = client_plain(world, 0);
        busy[i]->is_deaf = true;
        client_says(busy[i], i < 2 ? "SUB > 0\r\n" : "SUB > alone\r\n");
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);

    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < 5; k++) {
            client_publishes(publisher, "common", "", 100000);
        }
        client_says(publisher, "PUB rare 200\r\n%03d%0197d\r\n", i, 0);
        world_run(world);
    }

    assert_true(world_metrics(world, 0)->evacuations > 0);
    assert_in_range(gauges_of(world, 0).chunk_bytes, 0, 12 * MEBIBYTE);
    assert_int_equal(closed(world, CLOSE_MEMORY_LIMIT), 0);
    for (int i = 0; i < STALLED; i++) {
        stalled[i]->room = SIZE_MAX;
        world_run(world);
        check_rare(stalled[i], i, ROUNDS);
    }
    world_run(world);
    assert_in_range(gauges_of(world, 0).chunks, 0, 2);
    world_end(world);
}

/*
 * Goal:    ten thousand cursors are not ten thousand copies.
 * Method:  200 stalled members of one audience, 2 MB behind; the chunks in use.
 */
static void test_stalled_members_share_one_copy(void **state)
{
    (void)state;
    enum { STALLED = 200 };
    struct world *world = world_of_bytes(64 * MEBIBYTE);
    struct client *stalled[STALLED];
    for (int i = 0; i < STALLED; i++) {
        stalled[i] = client_plain(world, 0);
        stalled[i]->room = (size_t)i;
        client_says(stalled[i], "SUB a 1\r\n");
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);
    for (int i = 0; i < 200; i++) {
        client_publishes(publisher, "a", "", 10000);
        world_run(world);
    }
    assert_int_equal(gauges_of(world, 0).blocked, STALLED);
    assert_in_range(gauges_of(world, 0).chunk_bytes, 2 * MEBIBYTE, 4 * MEBIBYTE);
    world_end(world);
}

/*
 * Goal:    sessions with sids of their own that stall share one payload.
 * Method:  200 of them, 2 MB behind.
 */
static void test_stalled_sids_share_one_payload(void **state)
{
    (void)state;
    enum { STALLED = 200 };
    struct world *world = world_of_bytes(64 * MEBIBYTE);
    struct client *stalled[STALLED];
    for (int i = 0; i < STALLED; i++) {
        stalled[i] = client_plain(world, 0);
        stalled[i]->room = (size_t)i;
        client_says(stalled[i], "SUB a %d\r\n", i);
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);
    for (int i = 0; i < 200; i++) {
        client_publishes(publisher, "a", "", 10000);
        world_run(world);
    }
    assert_int_equal(gauges_of(world, 0).blocked, STALLED);
    assert_in_range(gauges_of(world, 0).chunk_bytes, 2 * MEBIBYTE, 4 * MEBIBYTE);
    /* One entry for each chunk. */
    assert_in_range(gauges_of(world, 0).pending_entries_bytes, 1, STALLED * pending_ring_bytes(16));
    world_end(world);
}

/* Bytes that the log of a worker takes when so many members have not read so many messages. */
static uint64_t stalled_bytes(bool own_sids, uint32_t stalled, uint32_t messages, size_t size)
{
    struct world *world = world_of_bytes(256 * MEBIBYTE);
    for (uint32_t i = 0; i < stalled; i++) {
        struct client *client = client_plain(world, 0);
        client->room = 0;
        client_says(client, "SUB a %u\r\n", own_sids ? i + 1000 : 1000);
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);
    for (uint32_t i = 0; i < messages; i++) {
        client_publishes(publisher, "a", "", size);
        world_run(world);
    }
    assert_int_equal(gauges_of(world, 0).blocked, stalled);
    struct hub_gauges gauges = gauges_of(world, 0);
    world_end(world);
    return gauges.chunk_bytes + gauges.pending_entries_bytes;
}

/*
 * Goal:    sessions with sids of their own that stall take at most twice what they would take if they
 *          shared one, however many they are.
 * Method:  small and large messages, one a turn; few and many sessions; the log's bytes.
 */
static void test_stalled_sids_take_twice_at_most(void **state)
{
    (void)state;
    static const struct {
        uint32_t messages;
        size_t size;
    } table[] = {{4000, 128}, {200, 16384}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        uint64_t shared = stalled_bytes(false, 100, table[i].messages, table[i].size);
        uint64_t own = stalled_bytes(true, 100, table[i].messages, table[i].size);
        print_message("100 stalled, %zu bytes: %llu shared, %llu own\n", table[i].size,
                      (unsigned long long)shared, (unsigned long long)own);
        assert_true(own <= 2 * shared);
        uint64_t more = stalled_bytes(true, 200, table[i].messages, table[i].size);
        assert_true(more - own < 100 * pending_ring_bytes(16) + 2 * 256 * 1024);
    }
}

/* ---- stalled sessions that hear several audiences ---------------------------------------------- */

/* Which of two or many subjects each message has, and what a session subscribes to. */
struct interleaved {
    const char *subscribe;
    uint32_t subjects;
    const char *subject; /* printf: which */
    uint32_t copies;     /* that each session hears of each message */
};

static const struct interleaved two_audiences = {"SUB a.0 1\r\nSUB a.1 2\r\n", 2, "a.%u", 1};
static const struct interleaved hundred_subjects = {"SUB a.> 1\r\nSUB a.*.c 2\r\n", 100, "a.%u.c",
                                                    2};

enum {
    BODY_BYTES = 120,
    /* "MSG a.00.c 1 120\r\n", the body and its end, a backlog_piece of 24, and an eighth more for
     * heads and ends of chunks and blocks. */
    FRAME_AND_PIECE_BYTES_MAX = (18 + BODY_BYTES + 2 + 24) * 9 / 8,
};

static void interleaved_publish(struct client *publisher, const struct interleaved *what,
                                uint32_t at)
{
    char subject[32];
    snprintf(subject, sizeof(subject), what->subject, at % what->subjects);
    client_says(publisher, "PUB %s %d\r\n%0*u\r\n", subject, BODY_BYTES, BODY_BYTES, at);
}

/* What a session hears of messages [from, to) is exactly that, in order. */
static void check_interleaved(const struct client *client, const struct interleaved *what,
                              uint32_t from, uint32_t to)
{
    const char *at = client_heard(client);
    for (uint32_t i = from; i < to; i++) {
        char subject[32];
        uint32_t which = i % what->subjects;
        snprintf(subject, sizeof(subject), what->subject, which);
        /* The order of two copies is the index's; each is there once. */
        uint32_t seen = 0;
        for (uint32_t k = 0; k < what->copies; k++) {
            uint32_t sid = what->copies == 2
                               ? (at[strlen("MSG ") + strlen(subject) + 1] == '1' ? 1 : 2)
                               : 1 + which;
            char expected[300];
            int size = snprintf(expected, sizeof(expected), "MSG %s %u %d\r\n%0*u\r\n", subject,
                                sid, BODY_BYTES, BODY_BYTES, i);
            assert_memory_equal(at, expected, (size_t)size);
            assert_int_equal(seen & 1u << sid, 0);
            seen |= 1u << sid;
            at += size;
        }
    }
    assert_int_equal(at - client_heard(client), client->got_size);
}

/* So many stalled sessions and two healthy ones hear so many messages, per_turn in each turn; then all
 * read. Returns the bytes of the log while they were stalled. */
static uint64_t interleaved_bytes(const struct interleaved *what, uint32_t stalled,
                                  uint32_t messages, uint32_t per_turn)
{
    struct world *world = world_of_bytes(256 * MEBIBYTE);
    struct client **clients = calloc(stalled + 2, sizeof(*clients));
    assert_non_null(clients);
    for (uint32_t i = 0; i < stalled + 2; i++) {
        clients[i] = client_plain(world, 0);
        /* Some begin in the middle of a frame, some in a later turn. */
        clients[i]->room = i < stalled ? i % 7 * 100 : SIZE_MAX;
        client_says(clients[i], "%s", what->subscribe);
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);
    for (uint32_t i = 0; i < messages; i++) {
        interleaved_publish(publisher, what, i);
        if ((i + 1) % per_turn == 0) {
            world_run(world);
        }
    }
    world_run(world);
    assert_int_equal(gauges_of(world, 0).blocked, stalled);
    struct hub_gauges gauges = gauges_of(world, 0);
    for (uint32_t i = 0; i < stalled + 2; i++) {
        clients[i]->room = SIZE_MAX;
        world_run(world);
        check_interleaved(clients[i], what, 0, messages);
    }
    assert_int_equal(gauges_of(world, 0).pending_entries_bytes, 0);
    world_end(world);
    free(clients);
    return gauges.chunk_bytes + gauges.pending_entries_bytes;
}

/*
 * Goal:    what the stalled cost grows with what was published and not with how many they are, also
 *          where audiences and subjects take turns, and by little more than the frames; what they get
 *          when they read is all of it.
 * Method:  ten and a hundred, two subjects that alternate and a hundred under two patterns, one message
 *          a turn and several; the log's bytes, also after twice as many messages.
 */
static void test_interleaved_audiences_are_kept_once(void **state)
{
    (void)state;
    static const struct {
        const struct interleaved *what;
        const char *name;
    } table[] = {{&two_audiences, "two subjects"},
                 {&hundred_subjects, "a.> and a.*.c, 100 subjects"}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        for (uint32_t per_turn = 1; per_turn <= 16; per_turn += 15) {
            uint64_t few = interleaved_bytes(table[i].what, 10, 2000, per_turn);
            uint64_t many = interleaved_bytes(table[i].what, 100, 2000, per_turn);
            uint64_t twice = interleaved_bytes(table[i].what, 10, 4000, per_turn);
            uint64_t copy = (twice - few) / ((uint64_t)2000 * table[i].what->copies);
            print_message("%s, 2000 messages, %u a turn: 10 stalled %llu, 100 stalled %llu; a "
                          "frame more %llu\n",
                          table[i].name, per_turn, (unsigned long long)few,
                          (unsigned long long)many, (unsigned long long)copy);
            assert_true(many <= few + few / 4);
            assert_in_range(copy, BODY_BYTES, FRAME_AND_PIECE_BYTES_MAX);
        }
    }
}

/*
 * Goal:    what a session has of its own for what it did not read is bounded, however much the turn brought
 *          in which it stalled.
 * Method:  a thousand messages to subjects that take turns, in one turn; ten stalled and a hundred.
 */
static void test_who_stalls_in_a_large_turn_keeps_little(void **state)
{
    (void)state;
    enum { MESSAGES = 1000, EACH_MAX = 2500 };
    uint64_t few = interleaved_bytes(&two_audiences, 10, MESSAGES, MESSAGES);
    uint64_t many = interleaved_bytes(&two_audiences, 100, MESSAGES, MESSAGES);
    print_message("%d messages in a turn: each stalled session %llu bytes\n", MESSAGES,
                  (unsigned long long)(many - few) / 90);
    assert_in_range((many - few) / 90, 1, EACH_MAX);
}

enum { CROWD = 12, ROUNDS = 1200, HEARD_MAX = 256 * 1024 };

/* Who may hear the same, and what it must have heard. */
struct listener {
    struct client *client;
    bool hears_c;
    size_t size;
    char naive[HEARD_MAX];
};

static void must_hear(struct listener *listener, const char *format, uint32_t a, uint32_t b)
{
    listener->size += (size_t)snprintf(listener->naive + listener->size, HEARD_MAX - listener->size,
                                       format, a, b);
    assert_true(listener->size < HEARD_MAX);
}

static uint32_t chance(uint64_t *random, uint32_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*random >> 33) % below);
}

static void crowd_publish(struct client *publisher, struct listener *crowd, uint32_t at,
                          uint64_t *random)
{
    uint32_t one = chance(random, CROWD);
    switch (chance(random, 10)) {
    case 0:
        client_says(publisher, "PUB in.%u 4\r\n%04u\r\n", one, at);
        must_hear(&crowd[one], "MSG in.%u 9 4\r\n%04u\r\n", one, at);
        return;
    case 1:
        client_says(publisher, "PUB c 4\r\n%04u\r\n", at);
        for (uint32_t i = 0; i < CROWD; i++) {
            if (crowd[i].hears_c) {
                must_hear(&crowd[i], "MSG c %u 4\r\n%04u\r\n", 3, at);
            }
        }
        return;
    default:
        client_says(publisher, "PUB ab.%u 4\r\n%04u\r\n", at % 2, at);
        for (uint32_t i = 0; i < CROWD; i++) {
            must_hear(&crowd[i],
                      at % 2 == 0 ? "MSG ab.0 1 %u\r\n%04u\r\n" : "MSG ab.1 2 %u\r\n%04u\r\n", 4,
                      at);
        }
    }
}

/*
 * Goal:    each gets what is his, whoever else stalls, wakes, stays behind, is answered in between, hears
 *          something of his own or more subjects than before.
 * Method:  twelve hear two subjects and an inbox each; by chance they ask for a PONG, read a little or
 *          all, hear a third subject or hear it no longer; what each heard against the naive string.
 */
static void test_those_who_share_a_backlog_get_their_own(void **state)
{
    (void)state;
    struct world *world = world_of_bytes(64 * MEBIBYTE);
    struct client *publisher = client_plain(world, 0);
    struct listener *crowd = calloc(CROWD, sizeof(*crowd));
    assert_non_null(crowd);
    uint64_t random = 1;
    for (uint32_t i = 0; i < CROWD; i++) {
        crowd[i].client = client_plain(world, 0);
        crowd[i].client->room = i == 0 ? SIZE_MAX : 0;
        client_says(crowd[i].client, "SUB ab.0 1\r\nSUB ab.1 2\r\nSUB in.%u 9\r\n", i);
    }
    world_run(world);
    uint64_t shared_most = 0;
    for (uint32_t at = 0; at < ROUNDS; at++) {
        crowd_publish(publisher, crowd, at, &random);
        if (chance(&random, 3) > 0) {
            continue;
        }
        world_run(world);
        shared_most = MAX_OF(shared_most, world_hub(world, 0)->pendings.backlogs.bytes);
        struct listener *one = &crowd[1 + chance(&random, CROWD - 1)];
        switch (chance(&random, 6)) {
        case 0:
            client_says(one->client, "PING\r\n");
            must_hear(one, "PONG\r\n", 0, 0);
            break;
        case 1:
            client_says(one->client, one->hears_c ? "UNSUB 3\r\n" : "SUB c 3\r\n");
            one->hears_c = !one->hears_c;
            break;
        default:
            one->client->room = chance(&random, 12) == 0 ? 100000 : chance(&random, 1000);
        }
        world_run(world);
    }
    assert_true(shared_most > 0);
    for (uint32_t i = 0; i < CROWD; i++) {
        crowd[i].client->room = SIZE_MAX;
        world_run(world);
        assert_int_equal(crowd[i].client->got_size, crowd[i].size);
        assert_memory_equal(client_heard(crowd[i].client), crowd[i].naive, crowd[i].size);
    }
    assert_int_equal(gauges_of(world, 0).pending_entries_bytes, 0);
    world_end(world);
    free(crowd);
}

/* ---- other budgets --------------------------------------------------------------------------- */

/*
 * Goal:    half-received messages have a budget; whoever made no progress longest is closed, by
 *          name, and no other.
 * Method:  four clients hold 40 kB each of a promised 60 kB with a budget of 150 kB, one of them
 *          the oldest but with new bytes.
 */
static void test_the_longest_without_progress_is_closed(void **state)
{
    (void)state;
    struct world_options options = {.checks = true, .hub = {.input_bytes_max = 150000}};
    struct world *world = world_new(&options);
    struct client *clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = client_plain(world, 0);
    }
    client_says(clients[0], "PUB a 60000\r\n%040000d", 0);
    client_says(clients[1], "PUB a 60000\r\n%040000d", 0);
    world_run(world);
    client_says(clients[0], "%01000d", 0);
    client_says(clients[2], "PUB a 60000\r\n%040000d", 0);
    world_run(world);
    assert_int_equal(hub_sessions_count(world_hub(world, 0)), 4);

    client_says(clients[3], "PUB a 60000\r\n%040000d", 0);
    world_run(world);

    assert_false(clients[1]->is_open);
    assert_int_equal(closed(world, CLOSE_INPUT_STALLED), 1);
    assert_int_equal(hub_sessions_count(world_hub(world, 0)), 3);
    client_says(clients[0], "%019000d\r\nPING\r\n", 0);
    world_run(world);
    CLIENT_EXPECT(clients[0], "PONG\r\n");
    world_end(world);
}

/*
 * Goal:    one client alone that needs more than the budget is closed itself.
 * Method:  a message larger than the budget in two reads.
 */
static void test_one_input_over_the_budget_is_closed(void **state)
{
    (void)state;
    struct world_options options = {.checks = true, .hub = {.input_bytes_max = 10000}};
    struct world *world = world_new(&options);
    struct client *client = client_plain(world, 0);
    struct client *other = client_plain(world, 0);
    client_says(client, "PUB a 60000\r\n%020000d", 0);
    world_run(world);

    assert_false(client->is_open);
    assert_true(other->is_open);
    assert_int_equal(closed(world, CLOSE_INPUT_STALLED), 1);
    assert_int_equal(gauges_of(world, 0).input_bytes, 0);
    world_end(world);
}

/*
 * Goal:    subscriptions have a budget; past it SUB is refused with words and nothing breaks, and
 *          room comes back with UNSUB.
 * Method:  a budget of 1 MiB, long subjects, until the first refusal.
 */
static void test_subscriptions_have_a_budget(void **state)
{
    (void)state;
    struct world_options options = {.checks = false, .hub = {.index_bytes_max = MEBIBYTE}};
    struct world *world = world_new(&options);
    struct client *client = client_plain(world, 0);
    int count = 0;
    while (client->got_size == 0 && count < 100000) {
        client_says(client, "SUB %0200d.%d %d\r\n", 0, count, count);
        count++;
        world_run(world);
    }
    assert_in_range(count, 100, 10000);
    CLIENT_EXPECT(client, "-ERR 'maximum subscriptions exceeded'\r\n");
    assert_in_range(gauges_of(world, 0).index_bytes, MEBIBYTE / 2, MEBIBYTE + MEBIBYTE / 4);
    for (int i = 0; i < count / 2; i++) {
        client_says(client, "UNSUB %d\r\n", i);
    }
    client_says(client, "SUB a a\r\nPUB a 0\r\n\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "MSG a a 0\r\n\r\n");
    world_end(world);
}

/* ---- the steady path ------------------------------------------------------------------------- */

/* Rounds of messages; returns what the last 20 of them allocated. */
static uint64_t allocations_of(struct world *world, struct client *publisher, int warm_up)
{
    uint64_t before = 0;
    for (int round = 0; round < warm_up + 20; round++) {
        if (round == warm_up) {
            before = memory_allocations();
        }
        for (int i = 0; i < 10; i++) {
            client_publishes(publisher, "a", "", 128);
        }
        client_publishes(publisher, "b.c", "", 5000);
        world_run(world);
    }
    return memory_allocations() - before;
}

static void expect_no_allocation(uint32_t workers, uint32_t sessions, const char *subs[])
{
    struct world_options options = {.workers = workers};
    struct world *world = world_new(&options);
    for (uint32_t i = 0; i < sessions; i++) {
        struct client *client = client_plain(world, i % workers);
        client->is_deaf = true;
        for (int k = 0; subs[k] != NULL; k++) {
            client_says(client, subs[k], i);
        }
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);

    uint64_t allocations = allocations_of(world, publisher, 40);

    assert_int_equal(allocations, 0);
    assert_true(world_metrics(world, 0)->messages_out >= (uint64_t)sessions / workers * 60 * 10);
    world_end(world);
}

/*
 * Goal:    publish to deliver allocates nothing on the steady path.
 * Method:  after 40 rounds of warm-up, 20 more make no call of memory_alloc or memory_resize: for
 *          one audience of 1,000; 100 sids; sessions with several subscriptions; two workers.
 */
static void test_a_shared_audience_allocates_nothing(void **state)
{
    (void)state;
    const char *subs[] = {"SUB a 1\r\n", NULL};
    expect_no_allocation(1, 1000, subs);
}

static void test_distinct_sids_allocate_nothing(void **state)
{
    (void)state;
    const char *subs[] = {"SUB a %u\r\n", NULL};
    expect_no_allocation(1, 100, subs);
}

static void test_mixed_sessions_allocate_nothing(void **state)
{
    (void)state;
    const char *subs[] = {"SUB a 1\r\n", "SUB > 2\r\n", "SUB b.* own%u\r\n", NULL};
    expect_no_allocation(1, 50, subs);
}

static void test_two_workers_allocate_nothing(void **state)
{
    (void)state;
    const char *subs[] = {"SUB a 1\r\n", "SUB b.c own%u\r\n", NULL};
    expect_no_allocation(2, 50, subs);
    const char *queues[] = {"SUB a g %u\r\n", NULL};
    struct world_options options = {.workers = 2};
    struct world *world = world_new(&options);
    for (uint32_t i = 0; i < 10; i++) {
        struct client *client = client_plain(world, i % 2);
        client->is_deaf = true;
        client_says(client, queues[0], i);
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);
    /* How many a member gets in a turn is chance: it takes longer until the most was seen. */
    assert_int_equal(allocations_of(world, publisher, 400), 0);
    world_end(world);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_oldest_pending_is_the_first_victim),
        cmocka_unit_test(test_the_healthy_lose_nothing),
        cmocka_unit_test(test_at_the_budget_deliveries_are_dropped_by_name),
        cmocka_unit_test(test_sparse_chunks_are_evacuated),
        cmocka_unit_test(test_stalled_members_share_one_copy),
        cmocka_unit_test(test_stalled_sids_share_one_payload),
        cmocka_unit_test(test_stalled_sids_take_twice_at_most),
        cmocka_unit_test(test_interleaved_audiences_are_kept_once),
        cmocka_unit_test(test_who_stalls_in_a_large_turn_keeps_little),
        cmocka_unit_test(test_those_who_share_a_backlog_get_their_own),
        cmocka_unit_test(test_the_longest_without_progress_is_closed),
        cmocka_unit_test(test_one_input_over_the_budget_is_closed),
        cmocka_unit_test(test_subscriptions_have_a_budget),
        cmocka_unit_test(test_a_shared_audience_allocates_nothing),
        cmocka_unit_test(test_distinct_sids_allocate_nothing),
        cmocka_unit_test(test_mixed_sessions_allocate_nothing),
        cmocka_unit_test(test_two_workers_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
