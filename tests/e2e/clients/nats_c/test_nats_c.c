/*
 * Goal:    a program written against nats.c works with the hub as with nats-server.
 * Method:  each test opens its own connections to the hub of clients.py (E2E_URL), which stops,
 *          starts and signals that hub when it is told so over the socket E2E_CONTROL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nats/nats.h>

#include "tests/e2e/clients/nats_c/driver.h"

enum { WAIT_MS = 10000, NOTHING_MS = 150, CONNECTIONS_MAX = 16 };

/* Connections of the running test, closed by its teardown even if it fails. */
struct fixture {
    natsConnection *connections[CONNECTIONS_MAX];
    size_t count;
    atomic_int lame_ducks;
    atomic_int disconnects;
    atomic_int reconnects;
    atomic_int errors;
    char error_text[256];
    pthread_mutex_t lock;
};

static const char *hub_url(void)
{
    const char *url = getenv("E2E_URL");
    assert_non_null(url);
    return url;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
    *state = f;
    return f == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->count; i++) {
        natsConnection_Destroy(f->connections[i]);
    }
    /* Callbacks may still run in the library's threads: f is leaked on purpose, a test each. */
    return 0;
}

static void on_lame_duck(natsConnection *conn, void *closure)
{
    (void)conn;
    atomic_fetch_add(&((struct fixture *)closure)->lame_ducks, 1);
}

static void on_disconnected(natsConnection *conn, void *closure)
{
    (void)conn;
    atomic_fetch_add(&((struct fixture *)closure)->disconnects, 1);
}

static void on_reconnected(natsConnection *conn, void *closure)
{
    (void)conn;
    atomic_fetch_add(&((struct fixture *)closure)->reconnects, 1);
}

static void on_error(natsConnection *conn, natsSubscription *sub, natsStatus status, void *closure)
{
    struct fixture *f = closure;
    const char *text = NULL;
    (void)sub;
    (void)status;
    (void)natsConnection_GetLastError(conn, &text);
    pthread_mutex_lock(&f->lock);
    snprintf(f->error_text, sizeof(f->error_text), "%s", text != NULL ? text : "");
    pthread_mutex_unlock(&f->lock);
    atomic_fetch_add(&f->errors, 1);
}

static natsConnection *connect_with(struct fixture *f, bool no_echo)
{
    natsOptions *options = NULL;
    natsConnection *conn = NULL;
    assert_true(f->count < CONNECTIONS_MAX);
    MUST(natsOptions_Create(&options));
    MUST(natsOptions_SetURL(options, hub_url()));
    MUST(natsOptions_SetNoEcho(options, no_echo));
    MUST(natsOptions_SetMaxReconnect(options, 500));
    MUST(natsOptions_SetReconnectWait(options, 20));
    MUST(natsOptions_SetReconnectJitter(options, 10, 10));
    MUST(natsOptions_SetLameDuckModeCB(options, on_lame_duck, f));
    MUST(natsOptions_SetDisconnectedCB(options, on_disconnected, f));
    MUST(natsOptions_SetReconnectedCB(options, on_reconnected, f));
    MUST(natsOptions_SetErrorHandler(options, on_error, f));
    MUST(natsConnection_Connect(&conn, options));
    natsOptions_Destroy(options);
    f->connections[f->count++] = conn;
    return conn;
}

static natsConnection *connect_hub(struct fixture *f)
{
    return connect_with(f, false);
}

/* Waits until *counter has reached count. */
static void await_count(atomic_int *counter, int count)
{
    for (int ms = 0; ms < WAIT_MS && atomic_load(counter) < count; ms += 5) {
        usleep(5000);
    }
    assert_true(atomic_load(counter) >= count);
}

static natsSubscription *subscribe(natsConnection *conn, const char *subject)
{
    natsSubscription *sub = NULL;
    MUST(natsConnection_SubscribeSync(&sub, conn, subject));
    MUST(natsConnection_Flush(conn));
    return sub;
}

static void expect_text(natsSubscription *sub, const char *subject, const char *text)
{
    natsMsg *msg = NULL;
    MUST(natsSubscription_NextMsg(&msg, sub, WAIT_MS));
    assert_string_equal(natsMsg_GetSubject(msg), subject);
    assert_int_equal(natsMsg_GetDataLength(msg), strlen(text));
    assert_memory_equal(natsMsg_GetData(msg), text, strlen(text));
    natsMsg_Destroy(msg);
}

/* What was published before and flushed has arrived by the time of this connection's next PONG. */
static void expect_nothing(natsSubscription *sub)
{
    natsMsg *msg = NULL;
    natsStatus status = natsSubscription_NextMsg(&msg, sub, NOTHING_MS);
    assert_null(msg);
    assert_int_equal(status, NATS_TIMEOUT);
}

static void test_publish_and_subscribe(void **state)
{
    struct fixture *f = *state;
    natsConnection *receiver = connect_hub(f);
    natsConnection *sender = connect_hub(f);
    natsSubscription *sub = subscribe(receiver, "numbers");
    char text[32];
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof(text), "%d", i);
        MUST(natsConnection_PublishString(sender, "numbers", text));
    }
    MUST(natsConnection_Flush(sender));
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof(text), "%d", i);
        expect_text(sub, "numbers", text);
    }
    expect_nothing(sub);
    natsSubscription_Destroy(sub);
}

static void on_counted(natsConnection *conn, natsSubscription *sub, natsMsg *msg, void *closure)
{
    (void)conn;
    (void)sub;
    atomic_fetch_add((atomic_int *)closure, 1);
    natsMsg_Destroy(msg);
}

static void test_asynchronous_subscribers(void **state)
{
    struct fixture *f = *state;
    static atomic_int counts[8];
    natsSubscription *subs[8] = {NULL};
    for (size_t i = 0; i < 8; i++) {
        natsConnection *conn = connect_hub(f);
        MUST(natsConnection_Subscribe(&subs[i], conn, "news", on_counted, &counts[i]));
        MUST(natsConnection_Flush(conn));
    }
    natsConnection *sender = connect_hub(f);
    for (int i = 0; i < 500; i++) {
        MUST(natsConnection_Publish(sender, "news", "x", 1));
    }
    MUST(natsConnection_Flush(sender));
    for (size_t i = 0; i < 8; i++) {
        await_count(&counts[i], 500);
    }
    usleep(NOTHING_MS * 1000);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(atomic_load(&counts[i]), 500);
        natsSubscription_Destroy(subs[i]);
    }
}

static void test_wildcards(void **state)
{
    struct fixture *f = *state;
    natsConnection *receiver = connect_hub(f);
    natsConnection *sender = connect_hub(f);
    natsSubscription *star = subscribe(receiver, "a.*.c");
    natsSubscription *rest = subscribe(receiver, "a.>");
    natsSubscription *exact = subscribe(receiver, "a.b.c");
    MUST(natsConnection_PublishString(sender, "a.b.c", "1"));
    MUST(natsConnection_PublishString(sender, "a.x.c", "2"));
    MUST(natsConnection_PublishString(sender, "a.b", "3"));
    MUST(natsConnection_PublishString(sender, "a", "4"));
    MUST(natsConnection_PublishString(sender, "a.b.c.d", "5"));
    MUST(natsConnection_Flush(sender));
    expect_text(star, "a.b.c", "1");
    expect_text(star, "a.x.c", "2");
    expect_text(rest, "a.b.c", "1");
    expect_text(rest, "a.x.c", "2");
    expect_text(rest, "a.b", "3");
    expect_text(rest, "a.b.c.d", "5");
    expect_text(exact, "a.b.c", "1");
    expect_nothing(star);
    expect_nothing(rest);
    expect_nothing(exact);
    natsSubscription_Destroy(star);
    natsSubscription_Destroy(rest);
    natsSubscription_Destroy(exact);
}

static void test_queue_groups(void **state)
{
    struct fixture *f = *state;
    static atomic_int members[4];
    static atomic_int others[2];
    natsSubscription *subs[6] = {NULL};
    for (size_t i = 0; i < 6; i++) {
        natsConnection *conn = connect_hub(f);
        atomic_int *counter = i < 4 ? &members[i] : &others[i - 4];
        MUST(natsConnection_QueueSubscribe(&subs[i], conn, "jobs", i < 4 ? "workers" : "audit",
                                           on_counted, counter));
        MUST(natsConnection_Flush(conn));
    }
    natsConnection *sender = connect_hub(f);
    for (int i = 0; i < 1000; i++) {
        MUST(natsConnection_Publish(sender, "jobs", "x", 1));
    }
    MUST(natsConnection_Flush(sender));
    int sum = 0;
    int audits = 0;
    for (int ms = 0; ms < WAIT_MS && (sum < 1000 || audits < 1000); ms += 10) {
        usleep(10000);
        sum = members[0] + members[1] + members[2] + members[3];
        audits = others[0] + others[1];
    }
    usleep(NOTHING_MS * 1000);
    assert_int_equal(members[0] + members[1] + members[2] + members[3], 1000);
    assert_int_equal(others[0] + others[1], 1000);
    for (size_t i = 0; i < 4; i++) {
        assert_in_range(members[i], 150, 350); /* 250, six standard deviations of 13.7 and more */
    }
    for (size_t i = 0; i < 6; i++) {
        natsSubscription_Destroy(subs[i]);
    }
}

static void on_request(natsConnection *conn, natsSubscription *sub, natsMsg *msg, void *closure)
{
    (void)sub;
    (void)closure;
    char text[64];
    snprintf(text, sizeof(text), "re:%.*s", natsMsg_GetDataLength(msg), natsMsg_GetData(msg));
    (void)natsConnection_PublishString(conn, natsMsg_GetReply(msg), text);
    natsMsg_Destroy(msg);
}

struct requester {
    natsConnection *conn;
    int number;
    int answered;
};

static void *request_many(void *argument)
{
    struct requester *r = argument;
    for (int i = 0; i < 200; i++) {
        char text[32];
        char want[40];
        natsMsg *reply = NULL;
        snprintf(text, sizeof(text), "%d/%d", r->number, i);
        snprintf(want, sizeof(want), "re:%s", text);
        if (natsConnection_RequestString(&reply, r->conn, "echo", text, WAIT_MS) == NATS_OK &&
            natsMsg_GetDataLength(reply) == (int)strlen(want) &&
            memcmp(natsMsg_GetData(reply), want, strlen(want)) == 0) {
            r->answered++;
        }
        natsMsg_Destroy(reply);
    }
    return NULL;
}

static void test_request_and_reply(void **state)
{
    struct fixture *f = *state;
    natsSubscription *subs[2] = {NULL};
    struct requester requesters[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 2; i++) {
        natsConnection *conn = connect_hub(f);
        MUST(natsConnection_QueueSubscribe(&subs[i], conn, "echo", "q", on_request, NULL));
        MUST(natsConnection_Flush(conn));
    }
    for (int i = 0; i < 4; i++) {
        requesters[i] = (struct requester){.conn = connect_hub(f), .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, request_many, &requesters[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(requesters[i].answered, 200);
    }
    natsSubscription_Destroy(subs[0]);
    natsSubscription_Destroy(subs[1]);
}

static void test_no_responders(void **state)
{
    struct fixture *f = *state;
    natsConnection *conn = connect_hub(f);
    for (int i = 0; i < 50; i++) {
        natsMsg *reply = NULL;
        natsStatus status = natsConnection_RequestString(&reply, conn, "nobody.home", "?", WAIT_MS);
        assert_int_equal(status, NATS_NO_RESPONDERS);
        assert_null(reply);
    }
    /* A listener that does not answer is a timeout, not a 503. */
    natsSubscription *sub = subscribe(connect_hub(f), "nobody.home");
    natsMsg *reply = NULL;
    assert_int_equal(natsConnection_RequestString(&reply, conn, "nobody.home", "?", NOTHING_MS),
                     NATS_TIMEOUT);
    natsSubscription_Destroy(sub);
}

static void test_headers(void **state)
{
    struct fixture *f = *state;
    natsSubscription *sub = subscribe(connect_hub(f), "with.headers");
    natsConnection *sender = connect_hub(f);
    natsMsg *msg = NULL;
    MUST(natsMsg_Create(&msg, "with.headers", "reply.to", "body", 4));
    MUST(natsMsgHeader_Set(msg, "Key-One", "one"));
    MUST(natsMsgHeader_Add(msg, "key-two", "a"));
    MUST(natsMsgHeader_Add(msg, "key-two", "b: c"));
    MUST(natsConnection_PublishMsg(sender, msg));
    natsMsg_Destroy(msg);

    MUST(natsSubscription_NextMsg(&msg, sub, WAIT_MS));
    const char *value = NULL;
    const char **values = NULL;
    int count = 0;
    MUST(natsMsgHeader_Get(msg, "Key-One", &value));
    assert_string_equal(value, "one");
    MUST(natsMsgHeader_Values(msg, "key-two", &values, &count));
    assert_int_equal(count, 2);
    assert_string_equal(values[0], "a");
    assert_string_equal(values[1], "b: c");
    free((void *)values);
    assert_string_equal(natsMsg_GetReply(msg), "reply.to");
    assert_int_equal(natsMsg_GetDataLength(msg), 4);
    assert_memory_equal(natsMsg_GetData(msg), "body", 4);
    natsMsg_Destroy(msg);
    natsSubscription_Destroy(sub);
}

static void on_slow(natsConnection *conn, natsSubscription *sub, natsMsg *msg, void *closure)
{
    usleep(1000);
    on_counted(conn, sub, msg, closure);
}

static void test_drain_subscription(void **state)
{
    struct fixture *f = *state;
    static atomic_int counter;
    natsConnection *receiver = connect_hub(f);
    natsConnection *sender = connect_hub(f);
    natsSubscription *sub = NULL;
    MUST(natsConnection_Subscribe(&sub, receiver, "drain.me", on_slow, &counter));
    MUST(natsConnection_Flush(receiver));
    for (int i = 0; i < 300; i++) {
        MUST(natsConnection_Publish(sender, "drain.me", "x", 1));
    }
    MUST(natsConnection_Flush(sender));
    MUST(natsSubscription_Drain(sub));
    MUST(natsConnection_Flush(receiver)); /* the UNSUB is behind us */
    for (int i = 0; i < 100; i++) {
        MUST(natsConnection_Publish(sender, "drain.me", "x", 1));
    }
    MUST(natsConnection_Flush(sender));
    MUST(natsSubscription_WaitForDrainCompletion(sub, WAIT_MS));
    assert_int_equal(atomic_load(&counter), 300);
    natsSubscription_Destroy(sub);
}

static void test_drain_connection(void **state)
{
    struct fixture *f = *state;
    static atomic_int counter;
    natsConnection *receiver = connect_hub(f);
    natsConnection *sender = connect_hub(f);
    natsSubscription *sub = NULL;
    MUST(natsConnection_Subscribe(&sub, receiver, "drain.all", on_slow, &counter));
    MUST(natsConnection_Flush(receiver));
    for (int i = 0; i < 300; i++) {
        MUST(natsConnection_Publish(sender, "drain.all", "x", 1));
    }
    MUST(natsConnection_Flush(sender));
    MUST(natsConnection_Drain(receiver));
    for (int ms = 0; ms < WAIT_MS && !natsConnection_IsClosed(receiver); ms += 10) {
        usleep(10000);
    }
    assert_true(natsConnection_IsClosed(receiver));
    assert_int_equal(atomic_load(&counter), 300);
    natsSubscription_Destroy(sub);
}

static void test_auto_unsubscribe(void **state)
{
    struct fixture *f = *state;
    natsConnection *receiver = connect_hub(f);
    natsConnection *sender = connect_hub(f);
    natsSubscription *sub = subscribe(receiver, "some");
    MUST(natsSubscription_AutoUnsubscribe(sub, 10));
    MUST(natsConnection_Flush(receiver));
    for (int i = 0; i < 30; i++) {
        MUST(natsConnection_Publish(sender, "some", "x", 1));
    }
    MUST(natsConnection_Flush(sender));
    for (int i = 0; i < 10; i++) {
        expect_text(sub, "some", "x");
    }
    natsMsg *msg = NULL;
    assert_int_equal(natsSubscription_NextMsg(&msg, sub, NOTHING_MS), NATS_MAX_DELIVERED_MSGS);
    /* The library drops what comes too much, so ask what came to the connection. */
    natsStatistics *stats = NULL;
    uint64_t in = 0;
    MUST(natsConnection_Flush(receiver));
    MUST(natsStatistics_Create(&stats));
    MUST(natsConnection_GetStats(receiver, stats));
    MUST(natsStatistics_GetCounts(stats, &in, NULL, NULL, NULL, NULL));
    assert_int_equal(in, 10);
    natsStatistics_Destroy(stats);
    natsSubscription_Destroy(sub);
}

static void test_unsubscribe(void **state)
{
    struct fixture *f = *state;
    natsConnection *receiver = connect_hub(f);
    natsConnection *sender = connect_hub(f);
    natsSubscription *sub = subscribe(receiver, "some");
    natsSubscription *stays = subscribe(receiver, "some");
    MUST(natsConnection_PublishString(sender, "some", "1"));
    MUST(natsConnection_Flush(sender));
    expect_text(sub, "some", "1");
    MUST(natsSubscription_Unsubscribe(sub));
    MUST(natsConnection_Flush(receiver));
    MUST(natsConnection_PublishString(sender, "some", "2"));
    expect_text(stays, "some", "1");
    expect_text(stays, "some", "2");
    natsStatistics *stats = NULL;
    uint64_t in = 0;
    MUST(natsStatistics_Create(&stats));
    MUST(natsConnection_GetStats(receiver, stats));
    MUST(natsStatistics_GetCounts(stats, &in, NULL, NULL, NULL, NULL));
    assert_int_equal(in, 3);
    natsStatistics_Destroy(stats);
    natsSubscription_Destroy(sub);
    natsSubscription_Destroy(stays);
}

static void test_no_echo(void **state)
{
    struct fixture *f = *state;
    natsConnection *mute = connect_with(f, true);
    natsConnection *other = connect_hub(f);
    natsSubscription *own = subscribe(mute, "echo.test");
    natsSubscription *theirs = subscribe(other, "echo.test");
    MUST(natsConnection_PublishString(mute, "echo.test", "1"));
    MUST(natsConnection_Flush(mute));
    expect_text(theirs, "echo.test", "1");
    expect_nothing(own);
    MUST(natsConnection_PublishString(other, "echo.test", "2"));
    expect_text(own, "echo.test", "2");
    natsSubscription_Destroy(own);
    natsSubscription_Destroy(theirs);
}

static void test_largest_payload(void **state)
{
    struct fixture *f = *state;
    natsSubscription *sub = subscribe(connect_hub(f), "large");
    natsConnection *sender = connect_hub(f);
    int64_t most = natsConnection_GetMaxPayload(sender);
    assert_int_equal(most, 1048576);
    char *data = malloc((size_t)most + 1);
    assert_non_null(data);
    for (int64_t i = 0; i <= most; i++) {
        data[i] = (char)(i * 7 + i / 251);
    }
    assert_int_equal(natsConnection_Publish(sender, "large", data, (int)most + 1),
                     NATS_MAX_PAYLOAD);
    for (int i = 0; i < 10; i++) {
        natsMsg *msg = NULL;
        MUST(natsConnection_Publish(sender, "large", data, (int)most));
        MUST(natsSubscription_NextMsg(&msg, sub, WAIT_MS));
        assert_int_equal(natsMsg_GetDataLength(msg), most);
        assert_memory_equal(natsMsg_GetData(msg), data, (size_t)most);
        natsMsg_Destroy(msg);
    }
    free(data);
    natsSubscription_Destroy(sub);
}

static void test_many_subscriptions(void **state)
{
    enum { SUBJECTS = 3000 };
    struct fixture *f = *state;
    natsConnection *receiver = connect_hub(f);
    natsConnection *sender = connect_hub(f);
    static natsSubscription *subs[SUBJECTS];
    char subject[32];
    for (int i = 0; i < SUBJECTS; i++) {
        snprintf(subject, sizeof(subject), "many.%d.x", i);
        MUST(natsConnection_SubscribeSync(&subs[i], receiver, subject));
    }
    MUST(natsConnection_Flush(receiver));
    for (int i = SUBJECTS - 1; i >= 0; i--) {
        snprintf(subject, sizeof(subject), "many.%d.x", i);
        MUST(natsConnection_PublishString(sender, subject, subject));
    }
    MUST(natsConnection_Flush(sender));
    for (int i = 0; i < SUBJECTS; i++) {
        snprintf(subject, sizeof(subject), "many.%d.x", i);
        expect_text(subs[i], subject, subject);
        natsSubscription_Destroy(subs[i]);
    }
}

static void test_what_info_tells(void **state)
{
    struct fixture *f = *state;
    natsConnection *one = connect_hub(f);
    natsConnection *two = connect_hub(f);
    uint64_t id_one = 0;
    uint64_t id_two = 0;
    char *address = NULL;
    char server_one[128] = "";
    char server_two[128] = "";
    int64_t rtt_ns = 0;
    MUST(natsConnection_GetClientID(one, &id_one));
    MUST(natsConnection_GetClientID(two, &id_two));
    assert_true(id_one != 0 && id_two != 0 && id_one != id_two);
    MUST(natsConnection_GetClientIP(one, &address));
    assert_string_equal(address, "127.0.0.1");
    free(address);
    MUST(natsConnection_GetConnectedServerId(one, server_one, sizeof(server_one)));
    MUST(natsConnection_GetConnectedServerId(two, server_two, sizeof(server_two)));
    assert_int_equal(strlen(server_one), 56);
    assert_string_equal(server_one, server_two);
    assert_int_equal(natsConnection_HasHeaderSupport(one), NATS_OK);
    MUST(natsConnection_GetRTT(one, &rtt_ns));
    assert_true(rtt_ns > 0);
}

static void test_violation_is_reported_and_survived(void **state)
{
    struct fixture *f = *state;
    natsConnection *conn = connect_hub(f);
    natsSubscription *sub = subscribe(conn, "fine");
    MUST(natsConnection_PublishString(conn, "_GR_.x", "1"));
    MUST(natsConnection_Flush(conn));
    await_count(&f->errors, 1);
    pthread_mutex_lock(&f->lock);
    assert_non_null(strstr(f->error_text, "Permissions Violation for Publish to \"_GR_.x\""));
    pthread_mutex_unlock(&f->lock);
    MUST(natsConnection_PublishString(conn, "fine", "2"));
    expect_text(sub, "fine", "2");
    assert_int_equal(atomic_load(&f->disconnects), 0);
    natsSubscription_Destroy(sub);
}

static void test_reconnect_after_restart(void **state)
{
    struct fixture *f = *state;
    static atomic_int queued;
    natsConnection *receiver = connect_hub(f);
    natsConnection *sender = connect_hub(f);
    natsSubscription *sub = subscribe(receiver, "after.*");
    natsSubscription *limited = subscribe(receiver, "limited");
    natsSubscription *queue = NULL;
    MUST(natsConnection_QueueSubscribe(&queue, receiver, "jobs", "q", on_counted, &queued));
    MUST(natsSubscription_AutoUnsubscribe(limited, 3));
    MUST(natsConnection_PublishString(sender, "limited", "1"));
    expect_text(limited, "limited", "1");

    control("restart");
    await_count(&f->reconnects, 2);
    assert_int_equal(atomic_load(&f->disconnects), 2);
    MUST(natsConnection_FlushTimeout(receiver, WAIT_MS));
    MUST(natsConnection_FlushTimeout(sender, WAIT_MS));

    MUST(natsConnection_PublishString(sender, "after.x", "2"));
    expect_text(sub, "after.x", "2");
    MUST(natsConnection_PublishString(sender, "jobs", "3"));
    await_count(&queued, 1);
    for (int i = 0; i < 5; i++) {
        MUST(natsConnection_PublishString(sender, "limited", "4"));
    }
    expect_text(limited, "limited", "4");
    expect_text(limited, "limited", "4");
    natsMsg *msg = NULL;
    assert_int_equal(natsSubscription_NextMsg(&msg, limited, NOTHING_MS), NATS_MAX_DELIVERED_MSGS);
    natsSubscription_Destroy(sub);
    natsSubscription_Destroy(limited);
    natsSubscription_Destroy(queue);
}

static void test_publishing_while_the_hub_is_away(void **state)
{
    struct fixture *f = *state;
    natsConnection *receiver = connect_hub(f);
    natsConnection *sender = connect_hub(f);
    natsSubscription *sub = subscribe(receiver, "kept");
    control("stop");
    await_count(&f->disconnects, 2);
    control("start");
    await_count(&f->reconnects, 2);
    MUST(natsConnection_FlushTimeout(receiver, WAIT_MS));
    MUST(natsConnection_PublishString(sender, "kept", "x"));
    MUST(natsConnection_FlushTimeout(sender, WAIT_MS));
    expect_text(sub, "kept", "x");
    natsSubscription_Destroy(sub);
}

static void test_lame_duck(void **state)
{
    struct fixture *f = *state;
    natsConnection *conn = connect_hub(f);
    MUST(natsConnection_Flush(conn));
    control("ldm"); /* the driver starts a new hub when the old one has gone */
    await_count(&f->lame_ducks, 1);
    await_count(&f->reconnects, 1);
    MUST(natsConnection_FlushTimeout(conn, WAIT_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_publish_and_subscribe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asynchronous_subscribers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wildcards, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_and_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_responders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain_subscription, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_auto_unsubscribe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unsubscribe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_echo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest_payload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_subscriptions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_info_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(test_violation_is_reported_and_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reconnect_after_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_publishing_while_the_hub_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lame_duck, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
