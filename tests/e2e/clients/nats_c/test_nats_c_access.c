/*
 * Goal:    authorization of a configuration file is to nats.c what nats-server's is: logins of all
 *          kinds, violations that are reported and survived, and a reload that takes something away.
 * Method:  users of access.conf; the driver reloads access_changed.conf when told so over the socket
 *          E2E_CONTROL.
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

enum { WAIT_MS = 10000, NOTHING_MS = 150, CONNECTIONS_MAX = 8 };

#define KEY  "UCY6GSHJJMESDPTSDL3JYCV2WSR5P654MJZV77YLXI4T36JWMQSCDW3P"
#define SEED "SUADMC5HFT7LUT5QFNCIRIHVCSFH4GK2Y3ABYIIEFTMYPP25ZBTSZ2HBXY"

/* A connection and what it was told; of the running test, closed by its teardown even if it fails. */
struct client {
    natsConnection *conn;
    atomic_int errors;
    atomic_int closed;
    pthread_mutex_t lock;
    char text[256]; /* of the last error */
};

struct fixture {
    struct client clients[CONNECTIONS_MAX];
    size_t count;
};

struct login {
    const char *user, *pass, *token, *seed;
};

static const struct login ALICE = {.user = "alice", .pass = "a"};
static const struct login CAROL = {.user = "carol", .pass = "c"};
static const struct login DAVE = {.user = "dave", .pass = "d"};
static const struct login NOBODY = {0};

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->count; i++) {
        natsConnection_Destroy(f->clients[i].conn);
    }
    /* Callbacks may still run in the library's threads: f is leaked on purpose, a test each. */
    return 0;
}

static void on_error(natsConnection *conn, natsSubscription *sub, natsStatus status, void *closure)
{
    struct client *client = closure;
    const char *text = NULL;
    (void)sub;
    (void)status;
    (void)natsConnection_GetLastError(conn, &text);
    pthread_mutex_lock(&client->lock);
    snprintf(client->text, sizeof(client->text), "%s", text != NULL ? text : "");
    pthread_mutex_unlock(&client->lock);
    atomic_fetch_add(&client->errors, 1);
}

static void on_closed(natsConnection *conn, void *closure)
{
    (void)conn;
    atomic_fetch_add(&((struct client *)closure)->closed, 1);
}

static natsStatus on_sign(char **why, unsigned char **signature, int *size, const char *nonce,
                          void *closure)
{
    (void)why;
    return nats_Sign(closure, nonce, signature, size);
}

static natsStatus try_login(struct fixture *f, const struct login *login, struct client **result)
{
    struct client *client = &f->clients[f->count];
    natsOptions *options = NULL;
    assert_true(f->count < CONNECTIONS_MAX);
    pthread_mutex_init(&client->lock, NULL);
    MUST(natsOptions_Create(&options));
    MUST(natsOptions_SetURL(options, getenv("E2E_URL")));
    MUST(natsOptions_SetReconnectWait(options, 20));
    MUST(natsOptions_SetErrorHandler(options, on_error, client));
    MUST(natsOptions_SetClosedCB(options, on_closed, client));
    if (login->user != NULL) {
        MUST(natsOptions_SetUserInfo(options, login->user, login->pass));
    }
    if (login->token != NULL) {
        MUST(natsOptions_SetToken(options, login->token));
    }
    if (login->seed != NULL) {
        MUST(natsOptions_SetNKey(options, KEY, on_sign, (void *)(uintptr_t)login->seed));
    }
    natsStatus status = natsConnection_Connect(&client->conn, options);
    natsOptions_Destroy(options);
    f->count += status == NATS_OK;
    *result = client;
    return status;
}

static struct client *login(struct fixture *f, const struct login *as)
{
    struct client *client = NULL;
    MUST(try_login(f, as, &client));
    return client;
}

/* Waits until *counter has reached count. */
static void await_count(atomic_int *counter, int count)
{
    for (int ms = 0; ms < WAIT_MS && atomic_load(counter) < count; ms += 5) {
        usleep(5000);
    }
    assert_true(atomic_load(counter) >= count);
}

static void expect_error(struct client *client, int count, const char *text)
{
    await_count(&client->errors, count);
    pthread_mutex_lock(&client->lock);
    bool is_there = strstr(client->text, text) != NULL;
    if (!is_there) {
        print_message("\"%s\" is not in \"%s\"\n", text, client->text);
    }
    pthread_mutex_unlock(&client->lock);
    assert_true(is_there);
}

static natsSubscription *subscribe(struct client *client, const char *subject, const char *queue)
{
    natsSubscription *sub = NULL;
    if (queue != NULL) {
        MUST(natsConnection_QueueSubscribeSync(&sub, client->conn, subject, queue));
    } else {
        MUST(natsConnection_SubscribeSync(&sub, client->conn, subject));
    }
    MUST(natsConnection_Flush(client->conn));
    return sub;
}

static void publish(struct client *client, const char *subject, const char *text)
{
    MUST(natsConnection_PublishString(client->conn, subject, text));
    MUST(natsConnection_Flush(client->conn));
}

static void expect_text(natsSubscription *sub, const char *text)
{
    natsMsg *msg = NULL;
    MUST(natsSubscription_NextMsg(&msg, sub, WAIT_MS));
    assert_int_equal(natsMsg_GetDataLength(msg), strlen(text));
    assert_memory_equal(natsMsg_GetData(msg), text, strlen(text));
    natsMsg_Destroy(msg);
}

static void expect_nothing(natsSubscription *sub)
{
    natsMsg *msg = NULL;
    assert_int_not_equal(natsSubscription_NextMsg(&msg, sub, NOTHING_MS), NATS_OK);
    assert_null(msg);
}

static void test_right_credentials_let_in(void **state)
{
    struct fixture *f = *state;
    const struct login all[] = {ALICE, {.user = "bob", .pass = "s3cr3t"}, {.seed = SEED}, NOBODY};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct client *client = login(f, &all[i]);
        natsSubscription *sub = subscribe(client, "open.a", NULL);
        publish(client, "open.a", "x");
        expect_text(sub, "x");
        natsSubscription_Destroy(sub);
    }
}

static void test_wrong_ones_do_not(void **state)
{
    const struct login all[] = {{.user = "alice", .pass = "b"},
                                {.user = "bob", .pass = "s3cr3T"},
                                {.user = "nobody", .pass = "a"},
                                {.token = "a"}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct client *client = NULL;
        assert_int_equal(try_login(*state, &all[i], &client), NATS_CONNECTION_AUTH_FAILED);
    }
}

static void test_violations(void **state)
{
    struct fixture *f = *state;
    struct client *alice = login(f, &ALICE);
    struct client *carol = login(f, &CAROL);
    natsSubscription *heard = subscribe(alice, "c.>", NULL);
    publish(carol, "c.secret", "1");
    expect_error(carol, 1, "Permissions Violation for Publish to \"c.secret\"");
    natsSubscription *refused = subscribe(carol, "jobs", "other");
    expect_error(carol, 2, "Permissions Violation for Subscription to \"jobs\" using queue");
    natsSubscription *crew = subscribe(carol, "jobs", "crew");
    natsSubscription *most = subscribe(carol, "c.*", NULL);
    publish(carol, "c.fine", "2");
    expect_text(heard, "2");
    expect_text(most, "2");
    publish(alice, "jobs", "3");
    expect_text(crew, "3");
    publish(alice, "c.hidden", "4");
    publish(alice, "c.x", "5");
    expect_text(most, "5");
    expect_nothing(refused);
    assert_int_equal(atomic_load(&carol->errors), 2);
    natsSubscription *all[] = {heard, refused, crew, most};
    for (size_t i = 0; i < 4; i++) {
        natsSubscription_Destroy(all[i]);
    }
}

static void on_ask(natsConnection *conn, natsSubscription *sub, natsMsg *msg, void *closure)
{
    (void)sub;
    (void)closure;
    (void)natsConnection_PublishString(conn, natsMsg_GetReply(msg), "one");
    (void)natsConnection_PublishString(conn, natsMsg_GetReply(msg), "two");
    natsMsg_Destroy(msg);
}

static void test_responses(void **state)
{
    struct fixture *f = *state;
    struct client *alice = login(f, &ALICE);
    struct client *dave = login(f, &DAVE);
    natsSubscription *sub = NULL;
    MUST(natsConnection_Subscribe(&sub, dave->conn, "ask", on_ask, NULL));
    MUST(natsConnection_Flush(dave->conn));
    for (int i = 1; i <= 3; i++) {
        natsMsg *answer = NULL;
        MUST(natsConnection_RequestString(&answer, alice->conn, "ask", "?", WAIT_MS));
        assert_memory_equal(natsMsg_GetData(answer), "one", 3);
        natsMsg_Destroy(answer);
        expect_error(dave, i, "Permissions Violation for Publish to \"_INBOX.");
    }
    natsSubscription_Destroy(sub);
}

static void test_reload(void **state)
{
    struct fixture *f = *state;
    struct client *alice = login(f, &ALICE);
    struct client *carol = login(f, &CAROL);
    struct client *dave = login(f, &DAVE);
    struct client *guest = login(f, &NOBODY);
    natsSubscription *gone = subscribe(carol, "c.a", NULL);
    natsSubscription *stays = subscribe(carol, "c.b", NULL);
    control("use access_changed");
    expect_error(carol, 1, "Permissions Violation for Subscription to \"c.a\"");
    publish(alice, "c.a", "1");
    publish(alice, "c.b", "2");
    expect_text(stays, "2");
    expect_nothing(gone);
    await_count(&dave->closed, 1);
    MUST(natsConnection_Flush(guest->conn));
    assert_int_equal(atomic_load(&guest->errors), 0);
    control("use access");
    natsSubscription_Destroy(gone);
    natsSubscription_Destroy(stays);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_right_credentials_let_in, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_ones_do_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_violations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_responses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
