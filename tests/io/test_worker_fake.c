/*
 * test_worker_fake.c - the turn, its order, and what workers owe each other, over the fake loop.
 *
 * One thread turns all workers in whatever order a case needs; nothing happens in between unless
 * the case says so.
 */
#include "io/answer.h"
#include "io/loop_ops.h"
#include "tests/support/fake_hubs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CONNECTIONS_MAX = 1100 };

/* ---- connections ------------------------------------------------------------------------------ */

/*
 * Goal:    two clients of two workers sit on two workers.
 * Method:  both wait in the same accept queue.
 */
static void test_two_clients_sit_apart(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(2, CONNECTIONS_MAX);
    (void)fake_connect(hubs->loops[0]);
    (void)fake_connect(hubs->loops[0]);
    hubs_run(hubs);
    assert_int_equal(hubs_sessions(hubs, 0), 1);
    assert_int_equal(hubs_sessions(hubs, 1), 1);
    hubs_free(hubs);
}

static void expect_even(struct hubs *hubs, uint32_t connections)
{
    uint32_t even = connections / hubs->workers;
    for (uint32_t i = 0; i < hubs->workers; i++) {
        uint32_t here = hubs_sessions(hubs, i);
        assert_in_range(here, even - even / 10, even + even / 10);
    }
}

/*
 * Goal:    connections are spread within a tenth of even, also after a part of them moved.
 * Method:  1,000 connect; the 500 that left include all of two workers'; 500 others come.
 */
static void test_connections_spread_evenly(void **state)
{
    (void)state;
    enum { CLIENTS = 1000 };
    struct hubs *hubs = hubs_new(4, CONNECTIONS_MAX);
    struct fake_client *clients[CLIENTS];
    for (uint32_t i = 0; i < CLIENTS; i++) {
        clients[i] = fake_connect(hubs->loops[0]);
    }
    hubs_run(hubs);
    expect_even(hubs, CLIENTS);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        if (i % 4 < 2) {
            fake_client_close(clients[i]);
        }
    }
    hubs_run(hubs);
    for (uint32_t i = 0; i < CLIENTS / 2; i++) {
        (void)fake_connect(hubs->loops[0]);
    }
    hubs_run(hubs);
    expect_even(hubs, CLIENTS);
    hubs_free(hubs);
}

static bool is_refused(struct hubs *hubs, struct fake_client *client)
{
    const char *text = hubs_hear(hubs, client);
    assert_memory_equal(text, "INFO ", 5);
    const char *end_of_info = strstr(text, "\r\n");
    assert_non_null(end_of_info);
    if (end_of_info[2] == '\0') {
        assert_int_equal(fake_client_state(client), FAKE_CLIENT_OPEN);
        return false;
    }
    assert_string_equal(end_of_info + 2, "-ERR 'maximum connections exceeded'\r\n");
    assert_int_equal(fake_client_state(client), FAKE_CLIENT_EOF);
    return true;
}

/*
 * Goal:    max_connections holds for all workers together: who comes too late is told and closed.
 * Method:  eight come at once where five may.
 */
static void test_max_connections(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(3, 5);
    struct fake_client *clients[8];
    for (uint32_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = fake_connect(hubs->loops[0]);
    }
    hubs_run(hubs);
    for (uint32_t i = 0; i < COUNT_OF(clients); i++) {
        assert_int_equal(is_refused(hubs, clients[i]), i >= 5);
    }
    hubs_free(hubs);
}

/*
 * Goal:    who was refused and is not gone yet takes nobody's place.
 * Method:  of two clients where two may be, one leaves while refused ones still linger.
 */
static void test_the_refused_take_no_place(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(2, 2);
    struct fake_client *first = hubs_join(hubs);
    (void)hubs_join(hubs);
    for (uint32_t i = 0; i < 6; i++) {
        struct fake_client *refused = fake_connect(hubs->loops[0]);
        hubs_run(hubs);
        assert_true(is_refused(hubs, refused));
    }
    fake_client_close(first);
    hubs_run(hubs);
    struct fake_client *next = fake_connect(hubs->loops[0]);
    hubs_run(hubs);
    assert_false(is_refused(hubs, next));
    hubs_free(hubs);
}

/*
 * Goal:    an accept that fails is logged, costs the connected nothing, and is tried again.
 * Method:  every accept fails for a while.
 */
static void test_accept_failure(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(2, CONNECTIONS_MAX);
    struct fake_client *old = hubs_join(hubs);
    struct fake_client *late = fake_connect(hubs->loops[0]);
    fake_world_fault(hubs->world, FAKE_ACCEPT_FAILED, 1000);
    hubs_say(old, "PING\r\n");
    for (uint32_t i = 0; i < 10; i++) {
        hubs_turn(hubs, 0);
        hubs_turn(hubs, 1);
    }
    assert_string_equal(hubs_hear(hubs, old), "PONG\r\n");
    assert_int_equal(fake_client_state(late), FAKE_CLIENT_WAITING);
    struct log_line line;
    assert_true(log_read(hubs->log, &line));
    assert_non_null(strstr(line.text, "accept"));
    fake_world_fault(hubs->world, FAKE_ACCEPT_FAILED, 0);
    hubs_run(hubs);
    assert_false(is_refused(hubs, late));
    hubs_free(hubs);
}

/* ---- the order of a turn ----------------------------------------------------------------------- */

/* Stands between a worker and its loop's sends. */
static struct {
    struct hubs *hubs;
    struct loop_ops ops;
    const struct loop_ops *real;
    void (*after_send)(struct hubs *hubs);
    uint32_t sends;
    uint32_t sends_with_empty_inbox; /* nothing had been pushed to worker 1 */
} spy;

static void spy_send(struct loop *loop, struct loop_send *sends, size_t count)
{
    spy.sends++;
    spy.sends_with_empty_inbox += mpsc_is_empty(&spy.hubs->ports[1].inbox);
    spy.real->send(loop, sends, count);
    if (spy.after_send != NULL) {
        spy.after_send(spy.hubs);
    }
}

static void spy_begin(struct hubs *hubs, void (*after_send)(struct hubs *hubs))
{
    struct loop *loop = hubs->loops[0];
    memset(&spy, 0, sizeof(spy));
    spy.hubs = hubs;
    spy.real = loop->ops;
    spy.ops = *loop->ops;
    spy.ops.send = spy_send;
    spy.after_send = after_send;
    loop->ops = &spy.ops;
}

static void spy_end(struct hubs *hubs)
{
    hubs->loops[0]->ops = spy.real;
}

static void pushes_before_it_speaks(const char *text)
{
    struct hubs *hubs = hubs_new(2, CONNECTIONS_MAX);
    struct fake_client *here = hubs_join(hubs);
    (void)hubs_join_saying(hubs, "SUB there 1\r\n");
    spy_begin(hubs, NULL);
    hubs_say(here, text);
    hubs_turn(hubs, 0);
    spy_end(hubs);
    assert_string_equal(hubs_hear(hubs, here), "PONG\r\n");
    assert_true(spy.sends > 0);
    assert_int_equal(spy.sends_with_empty_inbox, 0);
    hubs_free(hubs);
}

/*
 * Goal:    law 7: interest is on the inbox of others before a byte of the turn is sent.
 * Method:  a spy between worker and loop looks at the other inbox at every send.
 */
static void test_interest_is_pushed_before_pong(void **state)
{
    (void)state;
    pushes_before_it_speaks("SUB literal 1\r\nPING\r\n");
    pushes_before_it_speaks("SUB wild.* 1\r\nPING\r\n");
    pushes_before_it_speaks("SUB grouped g 1\r\nPING\r\n");
}

/*
 * Goal:    law 7: messages are on the inbox of others before a byte of the turn is sent.
 * Method:  the same spy.
 */
static void test_messages_are_pushed_before_pong(void **state)
{
    (void)state;
    pushes_before_it_speaks("PUB there 1\r\nx\r\nPING\r\n");
}

static struct fake_client *told; /* by the client whose PONG was just sent */

static void tell_the_other(struct hubs *hubs)
{
    if (told != NULL) {
        hubs_say(told, "PUB news 1\r\nx\r\n");
        told = NULL;
        hubs_turn(hubs, 1);
    }
}

/*
 * Goal:    law 7 from outside: a PONG for SUB, seen while its worker still flushes, is enough.
 * Method:  the moment the PONG is in the pipe, another client publishes on the other worker.
 */
static void test_pong_for_sub_is_a_promise(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(2, CONNECTIONS_MAX);
    struct fake_client *here = hubs_join(hubs);
    told = hubs_join(hubs);
    spy_begin(hubs, tell_the_other);
    hubs_say(here, "SUB news 1\r\nPING\r\n");
    hubs_turn(hubs, 0);
    spy_end(hubs);
    hubs_run(hubs);
    assert_string_equal(hubs_hear(hubs, here), "PONG\r\nMSG news 1 1\r\nx\r\n");
    hubs_free(hubs);
}

/* What happens while worker 0 waits, after it looked at its inbox. */
static struct {
    struct hubs *hubs;
    struct fake_client *subscriber; /* on worker 1 */
    struct fake_client *publisher;  /* on worker 0 */
} meanwhile;

static void subscribe_then_publish(void *context, struct loop *loop, uint64_t timeout_ns)
{
    struct hubs *hubs = context;
    (void)timeout_ns;
    if (loop != hubs->loops[0] || meanwhile.subscriber == NULL) {
        return;
    }
    struct fake_client *subscriber = meanwhile.subscriber;
    meanwhile.subscriber = NULL;
    hubs_say(subscriber, "SUB news 1\r\nPING\r\n");
    hubs_turn(hubs, 1);
    assert_string_equal(hubs_hear(hubs, subscriber), "PONG\r\n");
    hubs_say(meanwhile.publisher, "PUB news 1\r\nx\r\n");
}

/*
 * Goal:    law 7: what was pushed before bytes were received is known when they are parsed.
 * Method:  both the PONG and the publish happen inside the other worker's wait.
 */
static void test_drains_before_it_listens(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(2, CONNECTIONS_MAX);
    meanwhile.publisher = hubs_join(hubs);
    struct fake_client *subscriber = hubs_join(hubs);
    meanwhile.subscriber = subscriber;
    fake_world_on_wait(hubs->world, subscribe_then_publish, hubs);
    hubs_turn(hubs, 0);
    fake_world_on_wait(hubs->world, NULL, NULL);
    assert_null(meanwhile.subscriber);
    hubs_run(hubs);
    assert_string_equal(hubs_hear(hubs, subscriber), "MSG news 1 1\r\nx\r\n");
    hubs_free(hubs);
}

/* ---- half a push --------------------------------------------------------------------------- */

/* The first half of giving an order: whoever drains stops in front of it. */
struct half {
    struct order_envelope *order;
    struct mpsc_node *previous;
    struct answer *answer;
};

static void half_begin(struct hubs *hubs, uint32_t number, struct half *half)
{
    half->answer = answer_new(NULL);
    half->order = memory_alloc(sizeof(*half->order));
    half->order->envelope.kind = ENVELOPE_ORDER;
    half->order->order = ORDER_ANSWER;
    half->order->argument = half->answer;
    half->previous = mpsc_push_begin(&hubs->ports[number].inbox, &half->order->envelope.node);
    hubs_wait(hubs, number);
    assert_int_equal(worker_turn(hubs->all[number], hubs->now_ns), WORKER_HALF_LINKED);
}

static void half_end(struct hubs *hubs, uint32_t number, struct half *half)
{
    mpsc_push_finish(half->previous, &half->order->envelope.node);
    assert_int_equal(worker_turn(hubs->all[number], hubs->now_ns), WORKER_TURNED);
    assert_true(answer_is_ready(half->answer));
    answer_unref(half->answer);
}

/*
 * Goal:    while a push is cut in two nothing is parsed and nothing is lost.
 * Method:  the turn is called again and again in that state, with bytes, an end and an accept
 *          among its events.
 */
static void test_half_linked_keeps_events(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(2, CONNECTIONS_MAX);
    struct fake_client *speaker = hubs_join_saying(hubs, "SUB own 1\r\n");
    (void)hubs_join(hubs);
    struct fake_client *leaver = hubs_join(hubs);
    struct fake_client *newcomer = fake_connect(hubs->loops[0]);
    hubs_say(speaker, "PUB own 1\r\na\r\nPUB own 1\r\nb\r\nPING\r\n");
    hubs_say(leaver, "PUB own 1\r\nc\r\n");
    fake_client_shutdown(leaver);
    struct half half;
    half_begin(hubs, 0, &half);
    for (uint32_t i = 0; i < 5; i++) {
        hubs->now_ns += HUBS_SECOND_NS / 1000;
        assert_int_equal(worker_turn(hubs->all[0], hubs->now_ns), WORKER_HALF_LINKED);
    }
    assert_int_equal(fake_client_readable(speaker), 0);
    assert_int_equal(hubs_sessions(hubs, 0), 2);
    half_end(hubs, 0, &half);
    hubs_run(hubs);
    const char *heard = hubs_hear(hubs, speaker);
    const char *pong = strstr(heard, "PONG\r\n");
    assert_non_null(pong);
    assert_non_null(strstr(heard, "MSG own 1 1\r\na\r\nMSG own 1 1\r\nb\r\n"));
    assert_non_null(strstr(heard, "MSG own 1 1\r\nc\r\n"));
    assert_int_equal(strlen(heard), 3 * strlen("MSG own 1 1\r\na\r\n") + strlen("PONG\r\n"));
    assert_true(fake_client_is_left_by_hub(leaver) || fake_client_state(leaver) == FAKE_CLIENT_EOF);
    assert_false(is_refused(hubs, newcomer));
    hubs_free(hubs);
}

/* ---- memory of what is under way ---------------------------------------------------------------- */

/*
 * Goal:    messages on their way to a worker that is late cost about their own size.
 * Method:  one small message a turn, many turns, while the other worker does not turn at all.
 */
static void test_envelopes_under_way_pin_little(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(2, CONNECTIONS_MAX);
    struct fake_client *publisher = hubs_join(hubs);
    struct fake_client *subscriber = hubs_join_saying(hubs, "SUB news 1\r\n");
    for (uint32_t i = 0; i < 1000; i++) {
        hubs_say(publisher, "PUB news 1\r\nx\r\n");
        hubs_turn(hubs, 0);
    }
    assert_in_range(hubs_gauges(hubs, 0).chunk_bytes, 1, 1024 * 1024);
    hubs_run(hubs);
    assert_int_equal(strlen(hubs_hear(hubs, subscriber)), 1000 * strlen("MSG news 1 1\r\nx\r\n"));
    hubs_free(hubs);
}

/* ---- orders ------------------------------------------------------------------------------------ */

/*
 * Goal:    any number of orders may wait for a worker that is late.
 * Method:  forty between two of its turns.
 */
static void test_many_orders(void **state)
{
    (void)state;
    enum { ORDERS = 40 };
    struct hubs *hubs = hubs_new(1, CONNECTIONS_MAX);
    struct answer *answers[ORDERS];
    (void)hubs_join(hubs);
    for (uint32_t i = 0; i < ORDERS; i++) {
        answers[i] = answer_new(NULL);
        hubs_order(hubs, 0, ORDER_ANSWER, answers[i]);
    }
    hubs_turn(hubs, 0);
    for (uint32_t i = 0; i < ORDERS; i++) {
        assert_true(answer_is_ready(answers[i]));
        assert_int_equal(answers[i]->gauges.sessions, 1);
        answer_unref(answers[i]);
    }
    hubs_free(hubs);
}

/*
 * Goal:    in lame duck clients are told at once and leave one after the other, all in time.
 * Method:  ten clients; the clock goes on in steps of a second.
 */
static void test_lame_duck(void **state)
{
    (void)state;
    enum { CLIENTS = 10 };
    struct hubs *hubs = hubs_new(1, CONNECTIONS_MAX);
    struct fake_client *clients[CLIENTS];
    for (uint32_t i = 0; i < CLIENTS; i++) {
        clients[i] = hubs_join_saying(hubs, "CONNECT {\"protocol\":1}\r\nPING\r\n");
        (void)hubs_hear(hubs, clients[i]);
    }
    hubs_order(hubs, 0, ORDER_LAME_DUCK, NULL);
    hubs_run(hubs);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        assert_non_null(strstr(hubs_hear(hubs, clients[i]), "\"ldm\":true"));
    }
    uint32_t before = CLIENTS;
    for (uint32_t second = 0; second < 62; second++) {
        hubs->now_ns += HUBS_SECOND_NS;
        hubs_turn(hubs, 0);
        for (uint32_t i = 0; i < CLIENTS; i++) {
            if (fake_client_state(clients[i]) == FAKE_CLIENT_EOF) {
                fake_client_close(clients[i]);
            }
        }
        hubs_run(hubs);
        uint32_t now = hubs_sessions(hubs, 0);
        assert_true(second >= 9 || now == CLIENTS); /* the grace period */
        assert_true(now == before || now + 1 == before);
        before = now;
    }
    assert_int_equal(before, 0);
    hubs_free(hubs);
}

/*
 * Goal:    a client that was on its way when lame duck began is closed like the others.
 * Method:  a worker without clients is told; its first client arrives long after the grace period,
 *          and stays as long as it may.
 */
static void test_lame_duck_of_a_worker_without_clients(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(2, CONNECTIONS_MAX);
    hubs_order(hubs, 1, ORDER_LAME_DUCK, NULL);
    hubs_run(hubs);
    hubs->now_ns += 600 * HUBS_SECOND_NS;
    hubs_run(hubs);
    (void)fake_connect(hubs->loops[0]);
    struct fake_client *late = fake_connect(hubs->loops[0]);
    for (uint32_t i = 0; i < 5; i++) {
        hubs->now_ns += HUBS_SECOND_NS / 2;
        hubs_run(hubs);
    }
    assert_int_equal(hubs_sessions(hubs, 1), 0);
    assert_true(fake_client_is_left_by_hub(late));
    hubs_free(hubs);
}

/* ---- the end ------------------------------------------------------------------------------------ */

/*
 * Goal:    workers end when every envelope is home, whoever stops first.
 * Method:  1 to 5 workers with messages and interest under way; orders and turns in 200 orders.
 */
static void test_stop_in_any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct hubs *hubs = hubs_new(1 + (uint32_t)(seed % HUBS_MAX), CONNECTIONS_MAX);
        struct fake_client *clients[2 * HUBS_MAX];
        for (uint32_t i = 0; i < 2 * hubs->workers; i++) {
            clients[i] = hubs_join_saying(hubs, "SUB all 1\r\nSUB some g 2\r\n");
        }
        for (uint32_t i = 0; i < 2 * hubs->workers; i++) {
            hubs_say(clients[i], "PUB all 1\r\nx\r\nPUB some 1\r\ny\r\nSUB late.* 3\r\n");
            if ((seed >> i & 1) == 0) {
                fake_client_close(clients[i]);
            }
        }
        for (uint32_t i = 0; i < hubs->workers; i++) {
            if ((seed * 0x9E3779B9u >> (16 + i) & 1) == 0) {
                hubs_turn(hubs, i);
            }
            hubs_order(hubs, (i + (uint32_t)seed) % hubs->workers,
                       seed % 2 == 0 ? ORDER_STOP : ORDER_STOP_NOW, NULL);
        }
        hubs_end(hubs, seed);
        for (uint32_t i = 0; i < hubs->workers; i++) {
            assert_int_equal(hubs_gauges(hubs, i).envelopes_under_way, 0);
        }
        hubs_free(hubs);
    }
}

/*
 * Goal:    a message that is picked again while workers stop finds a worker that still drains.
 * Method:  worker 1's member leaves while messages are on their way to it. Worker 0 learns of that
 *          in the same drain as of the end of worker 2's member, and is preempted in that drain.
 */
static void test_stop_with_a_second_pick(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(3, CONNECTIONS_MAX);
    struct half half;
    struct fake_client *publisher = hubs_join(hubs);
    struct fake_client *leaving = hubs_join_saying(hubs, "SUB work g 1\r\n");
    (void)hubs_join_saying(hubs, "SUB work g 1\r\n");
    fake_client_close(leaving);
    half_begin(hubs, 1, &half);
    for (uint32_t i = 0; i < 16; i++) {
        hubs_say(publisher, "PUB work 1\r\nx\r\n");
    }
    hubs_turn(hubs, 0); /* its envelope falls behind the end of worker 1's drain */
    half_end(hubs, 1, &half);
    for (uint32_t i = 0; i < hubs->workers; i++) {
        hubs_order(hubs, i, ORDER_STOP_NOW, NULL);
    }
    hubs_turn(hubs, 0);
    hubs_turn(hubs, 0);
    assert_int_equal(hubs_sessions(hubs, 0), 0);
    for (uint32_t i = 0; i < 10; i++) {
        hubs_turn(hubs, 1);
    }
    for (uint32_t i = 0; i < 10; i++) {
        hubs_turn(hubs, 2);
    }
    half_begin(hubs, 0, &half);
    for (uint32_t i = 0; i < 10; i++) {
        hubs_turn(hubs, 1);
        hubs_turn(hubs, 2);
    }
    half_end(hubs, 0, &half);
    assert_true(hub_metrics(worker_hub(hubs->all[0]))->group_repicks > 0);
    hubs_end(hubs, 3);
    hubs_free(hubs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_clients_sit_apart),
        cmocka_unit_test(test_connections_spread_evenly),
        cmocka_unit_test(test_max_connections),
        cmocka_unit_test(test_the_refused_take_no_place),
        cmocka_unit_test(test_accept_failure),
        cmocka_unit_test(test_interest_is_pushed_before_pong),
        cmocka_unit_test(test_messages_are_pushed_before_pong),
        cmocka_unit_test(test_pong_for_sub_is_a_promise),
        cmocka_unit_test(test_drains_before_it_listens),
        cmocka_unit_test(test_half_linked_keeps_events),
        cmocka_unit_test(test_envelopes_under_way_pin_little),
        cmocka_unit_test(test_many_orders),
        cmocka_unit_test(test_lame_duck),
        cmocka_unit_test(test_lame_duck_of_a_worker_without_clients),
        cmocka_unit_test(test_stop_in_any_order),
        cmocka_unit_test(test_stop_with_a_second_pick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
