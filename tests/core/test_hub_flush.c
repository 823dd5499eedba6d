/* test_hub_flush.c - sockets that take little or nothing, and sessions that end. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PENDING_MAX = 100000 };

static struct world *world_slow(uint32_t workers)
{
    struct world_options options = {.checks = true, .workers = workers};
    options.hub.max_pending = PENDING_MAX;
    return world_new(&options);
}

static uint64_t dropped(struct world *world, uint32_t worker, enum drop_reason reason)
{
    return world_metrics(world, worker)->deliveries_dropped[reason];
}

static uint64_t closed(struct world *world, uint32_t worker, enum close_reason reason)
{
    return world_metrics(world, worker)->sessions_closed[reason];
}

/* Whole messages of no more than a digit's payload. */
static uint64_t heard_messages(const struct client *client)
{
    uint64_t count = 0;
    for (const char *at = client_heard(client); (at = strstr(at, "MSG ")) != NULL; at++) {
        count++;
    }
    return count;
}

/*
 * Goal:    a session that stalls and resumes hears every byte once, and nobody else waits for it.
 * Method:  of two members of an audience one takes a byte at a time, at every position.
 */
static void test_a_stalled_member_resumes_with_the_next_byte(void **state)
{
    (void)state;
    struct world *world = world_slow(1);
    struct client *healthy = client_plain(world, 0);
    struct client *stalled = client_plain(world, 0);
    struct client *publisher = client_plain(world, 0);
    client_says(healthy, "SUB a 1\r\n");
    client_says(stalled, "SUB a 1\r\n");
    world_run(world);

    stalled->room = 0;
    client_says(publisher, "PUB a 2\r\nhi\r\nPUB a 3\r\nyou\r\n");
    world_run(world);
    static const char all[] = "MSG a 1 2\r\nhi\r\nMSG a 1 3\r\nyou\r\n";
    CLIENT_EXPECT(healthy, all);
    for (size_t i = 0; i < sizeof(all) - 1; i++) {
        assert_int_equal(stalled->got_size, i);
        stalled->room = 1;
        world_run(world);
    }

    CLIENT_EXPECT(stalled, all);
    client_says(publisher, "PUB a 1\r\n!\r\n");
    stalled->room = SIZE_MAX;
    world_run(world);
    CLIENT_EXPECT(stalled, "MSG a 1 1\r\n!\r\n");
    world_end(world);
}

/* One stalled subscriber beside a healthy one; many messages of `size` bytes. */
static void stall_until_closed(const char *sid_healthy, uint32_t worker, size_t size)
{
    struct world *world = world_slow(2);
    struct client *healthy = client_plain(world, worker);
    struct client *stalled = client_plain(world, worker);
    struct client *publisher = client_plain(world, 0);
    client_says(healthy, "SUB a %s\r\n", sid_healthy);
    client_says(stalled, "SUB a 1\r\n");
    world_run(world);

    stalled->room = 0;
    uint64_t most = 2 * PENDING_MAX / (14 + size);
    uint64_t sent = 0;
    while (stalled->is_open && sent < most) {
        assert_true(client_pending(stalled) <= PENDING_MAX / 4 * 5);
        client_publishes(publisher, "a", "", size);
        sent++;
        world_run(world);
    }

    assert_false(stalled->is_open);
    assert_true(sent * (14 + size) > PENDING_MAX);
    assert_int_equal(closed(world, worker, CLOSE_SLOW_PENDING), 1);
    assert_int_equal(world_metrics(world, worker)->slow_consumers, 1);
    assert_int_equal(dropped(world, worker, DROP_PENDING_LIMIT), sent);
    assert_int_equal(heard_messages(healthy), sent);
    world_end(world);
}

/*
 * Goal:    a session that has more than max_pending to come is closed, in whatever form it waits.
 * Method:  an audience of two; a session alone; the same from another worker; without payloads,
 *          where all that waits is heads.
 */
static void test_a_session_over_max_pending_is_closed(void **state)
{
    (void)state;
    stall_until_closed("1", 0, 1000);
    stall_until_closed("1", 0, 0);
    stall_until_closed("1", 1, 1000);
}

static void test_a_session_alone_over_max_pending_is_closed(void **state)
{
    (void)state;
    stall_until_closed("2", 0, 1000);
    stall_until_closed("2", 0, 0);
    stall_until_closed("2", 1, 1000);
    stall_until_closed("2", 1, 0);
}

/*
 * Goal:    write_deadline closes who takes nothing for so long, and nobody who makes progress.
 * Method:  two stalled members; one takes all that waited when it stalled, within the time.
 */
static void test_a_write_without_progress_has_a_deadline(void **state)
{
    (void)state;
    struct world_options options = {.checks = true};
    struct world *world = world_new(&options);
    struct client *dead = client_plain(world, 0);
    struct client *slow = client_plain(world, 0);
    struct client *publisher = client_plain(world, 0);
    client_says(dead, "SUB a 1\r\n");
    client_says(slow, "SUB a 1\r\n");
    world_run(world);
    dead->room = 0;
    slow->room = 0;
    client_says(publisher, "PUB a 2\r\nhi\r\n");
    world_run(world);

    client_says(publisher, "PUB a 2\r\nho\r\n");
    world_pass(world, 6 * WORLD_SECOND_NS);
    slow->room = strlen("MSG a 1 2\r\nhi\r\n");
    world_run(world);
    world_pass(world, 6 * WORLD_SECOND_NS);
    world_run(world);

    assert_false(dead->is_open);
    assert_true(slow->is_open);
    assert_int_equal(closed(world, 0, CLOSE_SLOW_DEADLINE), 1);
    assert_int_equal(dropped(world, 0, DROP_SESSION_CLOSED), 2);
    world_pass(world, 5 * WORLD_SECOND_NS);
    world_run(world);
    assert_false(slow->is_open);
    CLIENT_EXPECT(slow, "MSG a 1 2\r\nhi\r\n");
    assert_int_equal(dropped(world, 0, DROP_SESSION_CLOSED), 3);
    assert_int_equal(world_metrics(world, 0)->slow_consumers, 2);
    world_end(world);
}

/*
 * Goal:    a trickle is no progress: the deadline is for the write that began, not for a byte of it.
 * Method:  a stalled session takes a byte a second of what waits for it.
 */
static void test_a_trickle_does_not_move_the_deadline(void **state)
{
    (void)state;
    struct world_options options = {.checks = true};
    struct world *world = world_new(&options);
    struct client *trickle = client_plain(world, 0);
    struct client *publisher = client_plain(world, 0);
    trickle->room = 0;
    client_says(trickle, "SUB a 1\r\n");
    client_publishes(publisher, "a", "", 1000);
    world_run(world);

    int seconds = 0;
    while (trickle->is_open && seconds < 30) {
        world_pass(world, WORLD_SECOND_NS);
        trickle->room = 1;
        world_run(world);
        seconds++;
    }

    assert_in_range(seconds, 10, 11);
    assert_int_equal(closed(world, 0, CLOSE_SLOW_DEADLINE), 1);
    assert_int_equal(dropped(world, 0, DROP_SESSION_CLOSED), 1);
    world_end(world);
}

/* A session with two subscriptions, whose socket takes everything, hears 4 MB a turn from each
 * worker. Returns the most that was pending. */
static uint64_t overload(struct world *world, struct client *busy, uint32_t workers)
{
    struct client *peer = client_plain(world, 0);
    struct client *publishers[WORLD_WORKERS_MAX];
    client_says(busy, "SUB a 1\r\nSUB b 1b\r\n");
    client_says(peer, "SUB a 1\r\n");
    busy->is_deaf = true;
    peer->is_deaf = true;
    for (uint32_t w = 0; w < workers; w++) {
        publishers[w] = client_plain(world, w);
    }
    world_run(world);
    uint64_t most = 0;
    for (int turn = 0; turn < 12; turn++) {
        for (uint32_t w = 0; w < workers; w++) {
            for (int i = 0; i < 4; i++) {
                client_publishes(publishers[w], "a", "", 1000000);
            }
        }
        world_turn(world);
        most = MAX_OF(most, busy->is_open ? client_pending(busy) : 0);
    }
    return most;
}

/*
 * Goal:    who takes all that is offered is offered all that one worker can publish in a turn.
 * Method:  a session with two subscriptions, a publisher that spends the turn's budget.
 */
static void test_a_session_that_takes_all_keeps_up(void **state)
{
    (void)state;
    struct world_options options = {.checks = true};
    options.hub.max_pending = 8 << 20;
    struct world *world = world_new(&options);
    struct client *busy = client_plain(world, 0);
    uint64_t taken = busy->taken;

    uint64_t most = overload(world, busy, 1);
    world_run(world);

    assert_int_equal(most, 0);
    assert_int_equal(busy->taken - taken, 12 * 4 * (strlen("MSG a 1 1000000\r\n\r\n") + 1000000));
    world_end(world);
}

/*
 * Goal:    max_pending holds for a session whose socket is never full, too.
 * Method:  four workers publish more in a turn than one session is sent in one.
 */
static void test_a_session_that_is_never_full_has_a_limit_too(void **state)
{
    (void)state;
    struct world_options options = {.workers = 4, .checks = true};
    options.hub.max_pending = 8 << 20;
    struct world *world = world_new(&options);
    struct client *busy = client_plain(world, 0);

    uint64_t most = overload(world, busy, 4);

    assert_in_range(most, 1, 24 << 20);
    assert_false(busy->is_open);
    assert_int_equal(closed(world, 0, CLOSE_SLOW_PENDING), 1);
    world_end(world);
}

/*
 * Goal:    a close with words sends all that was queued, the words, then FIN, and waits for the
 *          peer's FIN before it closes.
 * Method:  a subscriber with a backlog errs; its socket opens up a little later; the peer answers
 *          FIN late.
 */
static void test_last_words_follow_the_backlog(void **state)
{
    (void)state;
    struct world *world = world_slow(1);
    struct client *client = client_plain(world, 0);
    struct client *publisher = client_plain(world, 0);
    client->ends_late = true;
    client->room = 0;
    client_says(client, "SUB a 1\r\n");
    client_says(publisher, "PUB a 2\r\nhi\r\n");
    client_says(client, "BAD\r\nPUB a 2\r\nno\r\n");
    world_run(world);
    assert_false(client->got_fin);
    client_says(publisher, "PUB a 2\r\nno\r\n");
    world_run(world);

    client->room = SIZE_MAX;
    world_run(world);

    CLIENT_EXPECT(client, "MSG a 1 2\r\nhi\r\n-ERR 'Unknown Protocol Operation'\r\n");
    assert_true(client->got_fin);
    assert_true(client->is_open);
    client_says(client, "PING\r\n");
    world_run(world);
    assert_true(client->is_open);
    client_ends(client);
    world_run(world);
    assert_false(client->is_open);
    assert_int_equal(client->got_size, 0);
    assert_int_equal(closed(world, 0, CLOSE_PROTOCOL_VIOLATION), 1);
    world_end(world);
}

/*
 * Goal:    a peer that never answers FIN is closed after a second, one that never takes the last
 *          words after write_deadline.
 */
static void test_patience_with_a_closing_peer_ends(void **state)
{
    (void)state;
    struct world *world = world_slow(1);
    struct client *silent = client_plain(world, 0);
    struct client *full = client_plain(world, 0);
    silent->ends_late = true;
    full->room = 0;
    client_says(silent, "BAD\r\n");
    client_says(full, "BAD\r\n");
    world_run(world);

    world_pass(world, WORLD_SECOND_NS + WORLD_SECOND_NS / 10);
    world_run(world);
    assert_false(silent->is_open);
    assert_true(full->is_open);
    world_pass(world, 10 * WORLD_SECOND_NS);
    world_run(world);

    assert_false(full->is_open);
    assert_int_equal(full->got_size, 0);
    world_end(world);
}

/*
 * Goal:    a dead socket closes its session once, whatever it was hearing.
 * Method:  solo, mixed and alone sessions die in the same turn.
 */
static void test_dead_sockets_are_closed(void **state)
{
    (void)state;
    struct world *world = world_slow(1);
    struct client *clients[4];
    static const char *const subs[] = {"SUB a 1\r\n", "SUB a 1\r\n", "SUB a 1\r\nSUB > 2\r\n",
                                       "SUB a 9\r\n"};
    for (int i = 0; i < 4; i++) {
        clients[i] = client_plain(world, 0);
        client_says(clients[i], "%s", subs[i]);
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);
    for (int i = 1; i < 4; i++) {
        clients[i]->is_dead = true;
    }

    client_says(publisher, "PUB a 2\r\nhi\r\n");
    world_run(world);

    CLIENT_EXPECT(clients[0], "MSG a 1 2\r\nhi\r\n");
    assert_int_equal(closed(world, 0, CLOSE_WRITE_ERROR), 3);
    assert_int_equal(dropped(world, 0, DROP_SESSION_CLOSED), 4);
    world_end(world);
}

/*
 * Goal:    a close at once sends nothing more, counts what was pending under its reason, and is the
 *          end of a session that was still flushing its last words, too.
 * Method:  a shutdown of a stalled session, of one that errs and is stalled, by FIN and by reset.
 */
static void test_a_close_at_once_drops_what_is_pending(void **state)
{
    (void)state;
    struct world *world = world_slow(1);
    struct client *clients[3];
    struct client *publisher = client_plain(world, 0);
    for (int i = 0; i < 3; i++) {
        clients[i] = client_plain(world, 0);
        clients[i]->room = 3;
        client_says(clients[i], i < 2 ? "SUB a 1\r\n" : "SUB a own\r\nSUB > 2\r\n");
    }
    client_says(publisher, "PUB a 2\r\nhi\r\nPUB a 2\r\nho\r\n");
    client_says(clients[1], "BAD\r\n");
    world_run(world);
    assert_true(clients[1]->is_open);

    for (int i = 0; i < 3; i++) {
        clients[i]->room = SIZE_MAX;
        hub_close(world_hub(world, 0), client_session(clients[i]), CLOSE_SHUTDOWN,
                  i == 2 ? HUB_CLOSE_RESET : HUB_CLOSE_AT_ONCE);
    }
    world_run(world);

    for (int i = 0; i < 3; i++) {
        CLIENT_EXPECT(clients[i], "MSG");
        assert_false(clients[i]->is_open);
        assert_int_equal(clients[i]->got_reset, i == 2);
    }
    assert_int_equal(closed(world, 0, CLOSE_SHUTDOWN), 2);
    assert_int_equal(closed(world, 0, CLOSE_PROTOCOL_VIOLATION), 1);
    assert_int_equal(dropped(world, 0, DROP_SHUTDOWN), 2 + 2 + 4);
    world_end(world);
}

/*
 * Goal:    a client that does not read its answers is not read either, and goes on where it was.
 * Method:  PINGs until it is disarmed; then its socket opens.
 */
static void test_unread_answers_stop_the_input(void **state)
{
    (void)state;
    struct world_options options = {.checks = true};
    struct world *world = world_new(&options);
    struct client *client = client_plain(world, 0);
    client->room = 0;
    char pings[6 * 1000 + 1];
    for (int i = 0; i < 1000; i++) {
        memcpy(pings + 6 * i, "PING\r\n", 7);
    }
    int said = 0;
    while (client->is_armed && said < 1000) {
        client_says(client, "%s", pings);
        said++;
        world_run(world);
    }
    assert_in_range(said, 1, 999);

    client->room = SIZE_MAX;
    world_run(world);

    assert_true(client->is_armed);
    assert_int_equal(client->got_size, (size_t)said * sizeof(pings) - (size_t)said);
    world_end(world);
}

/*
 * Goal:    a session that is paused for two reasons goes on when both are gone.
 * Method:  a client whose answers are unread spends the turn's budget with the verb that also
 *          passes the limit of answers.
 */
static void test_two_pauses_end_both(void **state)
{
    (void)state;
    struct world_options options = {.checks = true};
    options.nats.max_payload = 64 << 20;
    struct world *world = world_new(&options);
    struct client *client = client_plain(world, 0);
    client->room = 0;
    client->is_deaf = true;
    client_says(client, "PING\r\n");
    world_run(world);
    struct session *session = client_session(client);
    assert_true(session->blocked);

    static char answer[2 << 20];
    memset(answer, '+', sizeof(answer));
    hub_control(world_hub(world, 0), session, bytes_of(answer, sizeof(answer)));
    client_publishes(client, "a", "", 10 << 20);
    client_says(client, "PING\r\n");
    world_run(world);
    assert_false(client->is_armed);

    client->room = SIZE_MAX;
    client->is_deaf = false;
    world_run(world);

    assert_int_equal(client_session(client)->pauses, 0);
    assert_true(client->is_armed);
    assert_true(strstr(client_heard(client), "+PONG\r\n") != NULL);
    world_end(world);
}

/*
 * Goal:    who goes on reading while its session ends gets all of it, however long it takes; who does
 *          not is cut off at the write deadline.
 */
static void test_the_end_waits_for_who_reads_on(void **state)
{
    (void)state;
    for (int reads = 0; reads < 2; reads++) {
        struct world_options options = {.checks = true};
        struct world *world = world_new(&options);
        struct client *slow = client_plain(world, 0);
        struct client *publisher = client_plain(world, 0);
        client_says(slow, "SUB a 1\r\n");
        world_run(world);
        slow->room = 0;
        for (int i = 0; i < 20; i++) {
            client_publishes(publisher, "a", "", 100000);
        }
        world_run(world);
        client_ends(slow);
        world_run(world);
        for (int i = 0; i < 8 && slow->is_open; i++) {
            world_pass(world, 8 * WORLD_SECOND_NS);
            slow->room = reads ? 300000 : 0;
            world_run(world);
        }
        assert_false(slow->is_open);
        size_t all = 20 * (strlen("MSG a 1 100000\r\n") + 100000 + 2);
        assert_int_equal(slow->got_size, reads ? all : 0);
        assert_int_equal(dropped(world, 0, DROP_SESSION_CLOSED), reads ? 0 : 20);
        world_end(world);
    }
}

/* Answers count towards max_pending as messages do. */
static void test_answers_count_as_pending(void **state)
{
    (void)state;
    struct world *world = world_slow(1);
    struct client *deaf = client_plain(world, 0);
    world_run(world);
    deaf->room = 0;
    for (int i = 0; i < 200 && deaf->is_open; i++) {
        for (int k = 0; k < 100; k++) {
            client_says(deaf, "PING\r\n");
        }
        world_run(world);
    }
    assert_false(deaf->is_open);
    assert_int_equal(closed(world, 0, CLOSE_SLOW_PENDING), 1);
    world_end(world);
}

/* What a client hears of the messages below: frame by frame, under its sid. */
static char *expected_frames(const char *sid, bool headers, int turn, int messages)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    for (int i = 0; i < messages; i++) {
        if (i % 5 == 4 && headers) {
            fprintf(out, "HMSG a.b %s re 12 22\r\nNATS/1.0\r\n\r\n%04d,%04d.\r\n", sid, turn, i);
        } else if (i % 5 == 4) {
            fprintf(out, "MSG a.b %s re 10\r\n%04d,%04d.\r\n", sid, turn, i);
        } else {
            fprintf(out, "MSG a.b %s 10\r\n%04d,%04d.\r\n", sid, turn, i);
        }
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

static void publish_frames(struct client *publisher, int turn, int messages)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    for (int i = 0; i < messages; i++) {
        fprintf(out, i % 5 == 4 ? "HPUB a.b re 12 22\r\nNATS/1.0\r\n\r\n" : "PUB a.b 10\r\n");
        fprintf(out, "%04d,%04d.\r\n", turn, i);
    }
    assert_int_equal(fclose(out), 0);
    client_says_bytes(publisher, text, size);
    free(text);
}

/*
 * Goal:    sessions that hear the same under sids of their own hear it to the byte, though it is laid
 *          out once for all of them; also those that take a part of it or nothing.
 * Method:  90 sessions on two workers, sids of one letter to nine, some that understand no headers;
 *          batches long enough for plates, in turns in which some sockets take a piece only, so that
 *          they go on in the middle of a frame.
 */
static void test_many_sids_of_one_run(void **state)
{
    (void)state;
    enum { CLIENTS = 90, TURNS = 12, MESSAGES = 100 };
    struct world_options options = {.checks = true, .workers = 2};
    struct world *world = world_new(&options);
    struct client *clients[CLIENTS];
    char sids[CLIENTS][16];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = i % 7 == 3 ? client_open(world, (uint32_t)i % 2, "{\"verbose\":false}")
                                : client_plain(world, (uint32_t)i % 2);
        int size = i % 9 + 1;
        snprintf(sids[i], sizeof(sids[i]), "%0*d", size, size == 1 ? i / 9 : i);
        client_says(clients[i], "SUB a.b %s\r\n", sids[i]);
    }
    struct client *publisher = client_plain(world, 0);
    world_run(world);
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < CLIENTS; i++) {
            clients[i]->room = (i + turn) % 5 == 0 ? (size_t)(i * 37 + turn) : SIZE_MAX;
        }
        publish_frames(publisher, turn, MESSAGES);
        world_run(world);
        publish_frames(publisher, turn, MESSAGES);
        world_run(world);
        for (int i = 0; i < CLIENTS; i++) {
            clients[i]->room = SIZE_MAX;
        }
        world_run(world);
        for (int i = 0; i < CLIENTS; i++) {
            char *once = expected_frames(sids[i], i % 7 != 3, turn, MESSAGES);
            char *twice = NULL;
            assert_true(asprintf(&twice, "%s%s", once, once) > 0);
            CLIENT_EXPECT(clients[i], twice);
            free(once);
            free(twice);
        }
    }
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stalled_member_resumes_with_the_next_byte),
        cmocka_unit_test(test_a_session_over_max_pending_is_closed),
        cmocka_unit_test(test_a_session_alone_over_max_pending_is_closed),
        cmocka_unit_test(test_a_write_without_progress_has_a_deadline),
        cmocka_unit_test(test_a_trickle_does_not_move_the_deadline),
        cmocka_unit_test(test_a_session_that_takes_all_keeps_up),
        cmocka_unit_test(test_a_session_that_is_never_full_has_a_limit_too),
        cmocka_unit_test(test_last_words_follow_the_backlog),
        cmocka_unit_test(test_patience_with_a_closing_peer_ends),
        cmocka_unit_test(test_dead_sockets_are_closed),
        cmocka_unit_test(test_a_close_at_once_drops_what_is_pending),
        cmocka_unit_test(test_unread_answers_stop_the_input),
        cmocka_unit_test(test_two_pauses_end_both),
        cmocka_unit_test(test_the_end_waits_for_who_reads_on),
        cmocka_unit_test(test_answers_count_as_pending),
        cmocka_unit_test(test_many_sids_of_one_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
