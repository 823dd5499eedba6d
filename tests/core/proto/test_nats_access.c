/*
 * test_nats_access.c - what a client is told about who it is and what it may not do, to the byte.
 */
#include "core/proto/nats_access.h"

#include "core/fair.h"
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HASH                "$2a$04$Hicl86i6vYvPyrzQwtMau.M7GI1GizSQyw3oM5I28QgpWB3uX3zge"
#define KEY                 "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
/* Timers are not exact to the nanosecond. */
#define TICK_NS             (WORLD_SECOND_NS / 50)
#define REFUSED             "-ERR 'Authorization Violation'\r\n"
#define TIMEOUT             "-ERR 'Authentication Timeout'\r\n"
#define QUIET               "\"verbose\":false,\"pedantic\":false"
#define AS(name)            "{" QUIET ",\"user\":\"" name "\",\"pass\":\"p\"}"
#define NO_PUBLISH(subject) "-ERR 'Permissions Violation for Publish to \"" subject "\"'\r\n"
#define NO_SUBSCRIBE(what)  "-ERR 'Permissions Violation for Subscription to " what "'\r\n"

static struct bytes text_of(const char *text)
{
    return bytes_text(text);
}

static struct access_user *user_of(struct access *access, const char *name, const char *secret)
{
    struct access_user *user = access_add_user(access, text_of(name), text_of(secret));
    assert_non_null(user);
    return user;
}

/* alice may do everything; bob may publish b.> but b.secret.*, subscribe b.* and "work w", and hears
 * nothing of b.hidden; carol only answers. */
static struct access *people(void)
{
    struct access *access = access_new();
    user_of(access, "alice", "p");
    struct access_user *bob = user_of(access, "bob", "p");
    struct permit *permit = permit_new();
    assert_true(permit_publish_allow(permit, text_of("b.>")));
    assert_true(permit_publish_deny(permit, text_of("b.secret.*")));
    assert_true(permit_subscribe_allow(permit, text_of("b.*")));
    assert_true(permit_subscribe_allow(permit, text_of("work w")));
    assert_true(permit_subscribe_deny(permit, text_of("b.hidden")));
    access_set_permit(access, bob, permit);
    struct access_user *carol = user_of(access, "carol", "p");
    struct permit *answers = permit_new();
    permit_respond(answers, 1, WORLD_SECOND_NS);
    access_set_permit(access, carol, answers);
    return access;
}

static struct world *world_of(struct access *access, uint32_t workers)
{
    struct world_options options = {.checks = true, .workers = workers, .hub = {.access = access}};
    struct world *world = world_new(&options);
    access_unref(access);
    return world;
}

static void set_access(struct world *world, struct access *access, uint32_t workers)
{
    for (uint32_t i = 0; i < workers; i++) {
        nats_set_access(world_hub(world, i), access);
    }
    access_unref(access);
    world_run(world);
}

static uint64_t closed(struct world *world, enum close_reason reason)
{
    return world_metrics(world, 0)->sessions_closed[reason];
}

static void says(struct world *world, struct client *client, const char *text)
{
    client_says(client, "%s", text);
    world_run(world);
}

/* ---- logins ---------------------------------------------------------------------------------- */

/*
 * Goal:    before a login only CONNECT is understood; whatever else comes ends the connection.
 * Method:  a table of first words.
 */
static void test_before_the_login(void **state)
{
    (void)state;
    static const char *const firsts[] = {"PING\r\n", "SUB a 1\r\n",    "PUB a 1\r\nx\r\n",
                                         "\r\n",     "INFO {}\r\n",    "+OK\r\n",
                                         "PONG\r\n", " CONNECT {}\r\n"};
    struct world *world = world_of(people(), 1);
    for (size_t i = 0; i < COUNT_OF(firsts); i++) {
        struct client *client = client_open(world, 0, NULL);
        says(world, client, firsts[i]);
        CLIENT_EXPECT(client, REFUSED);
        assert_false(client->is_open);
    }
    assert_int_equal(closed(world, CLOSE_AUTHENTICATION_FAILURE), COUNT_OF(firsts));
    world_end(world);
}

/*
 * Goal:    right credentials let in, wrong ones and none end the connection.
 * Method:  a table of CONNECTs, each followed by PING.
 */
static void test_logins(void **state)
{
    (void)state;
    static const struct {
        const char *connect, *hears;
    } rows[] = {
        {"{" QUIET ",\"user\":\"alice\",\"pass\":\"p\"}", "PONG\r\n"},
        {"{\"pedantic\":false,\"user\":\"alice\",\"pass\":\"p\"}", "+OK\r\nPONG\r\n"},
        {"{" QUIET ",\"user\":\"alice\",\"pass\":\"P\"}", REFUSED},
        {"{" QUIET ",\"user\":\"alice\"}", REFUSED},
        {"{" QUIET ",\"auth_token\":\"p\"}", REFUSED},
        {"{" QUIET ",\"user\":\"nobody\",\"pass\":\"p\"}", REFUSED},
        {"{}", REFUSED},
        {"null", REFUSED},
        {"{" QUIET ",\"user\":\"alice\",\"pass\":\"p\",\"account\":\"A\"}", REFUSED},
        {"{" QUIET ",\"user\":\"x\",\"protocol\":7}", REFUSED},
        {"{" QUIET ",\"user\":1}", ""},
    };
    struct world *world = world_of(people(), 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client *client = client_open(world, 0, NULL);
        client_says(client, "CONNECT %s\r\nPING\r\n", rows[i].connect);
        world_run(world);
        CLIENT_EXPECT(client, rows[i].hears);
    }
    world_end(world);
}

/*
 * Goal:    whoever does not log in in time is closed, half a CONNECT or not; who did is not.
 * Method:  three clients, and the clock.
 */
static void test_the_login_times_out(void **state)
{
    (void)state;
    struct world *world = world_of(people(), 1);
    struct client *silent = client_open(world, 0, NULL);
    struct client *half = client_open(world, 0, NULL);
    client_says(half, "CONNECT {\"user\":");
    struct client *alice = client_open(world, 0, AS("alice"));
    world_pass(world, ACCESS_TIMEOUT_DEFAULT_NS - TICK_NS);
    world_run(world);
    CLIENT_EXPECT(silent, "");
    world_pass(world, 2 * TICK_NS);
    world_run(world);
    CLIENT_EXPECT(silent, TIMEOUT);
    CLIENT_EXPECT(half, TIMEOUT);
    assert_true(alice->is_open && !silent->is_open && !half->is_open);
    assert_int_equal(closed(world, CLOSE_AUTHENTICATION_TIMEOUT), 2);
    world_end(world);
}

/*
 * Goal:    no_auth_user needs no CONNECT, has its permit, and wrong credentials stay wrong.
 * Method:  bob as no_auth_user.
 */
static void test_no_auth_user(void **state)
{
    (void)state;
    struct access *access = people();
    assert_true(access_set_no_auth_user(access, text_of("bob")));
    struct world *world = world_of(access, 1);
    struct client *client = client_open(world, 0, NULL);
    says(world, client, "PUB a 0\r\n\r\nPUB b.a 0\r\n\r\n");
    CLIENT_EXPECT(client, NO_PUBLISH("a") "+OK\r\n");
    struct client *wrong = client_open(world, 0, NULL);
    says(world, wrong, "CONNECT {\"auth_token\":\"x\"}\r\n");
    CLIENT_EXPECT(wrong, REFUSED);
    /* Another login: another user. */
    client_says(client, "CONNECT " AS("alice") "\r\nPUB a 0\r\n\r\nPING\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "PONG\r\n");
    world_end(world);
}

/*
 * Goal:    a second CONNECT logs in again.
 * Method:  as another user, then with a wrong password.
 */
static void test_second_logins(void **state)
{
    (void)state;
    struct world *world = world_of(people(), 1);
    struct client *client = client_open(world, 0, AS("alice"));
    says(world, client,
         "SUB > 1\r\nCONNECT " AS("bob") "\r\nPUB a 0\r\n\r\nPUB b.x 0\r\n\r\nPING\r\n");
    CLIENT_EXPECT(client, NO_PUBLISH("a") "PONG\r\n");
    says(world, client, "CONNECT {\"user\":\"bob\",\"pass\":\"x\"}\r\n");
    CLIENT_EXPECT(client, REFUSED);
    world_end(world);
}

/* ---- proofs ---------------------------------------------------------------------------------- */

static struct access *hashed(void)
{
    struct access *access = access_new();
    user_of(access, "ivan", HASH);
    assert_non_null(access_add_nkey(access, text_of(KEY)));
    user_of(access, "alice", "p");
    return access;
}

/*
 * Goal:    while a helper looks, the client's input waits, whole and in order; others go on.
 * Method:  CONNECT, SUB, PUB and PING in one read; the verdict turns later.
 */
static void test_input_waits_for_the_proof(void **state)
{
    (void)state;
    struct world *world = world_of(hashed(), 1);
    struct client *ivan = client_open(world, 0, NULL);
    struct client *alice = client_open(world, 0, AS("alice"));
    client_says(ivan, "CONNECT {" QUIET
                      ",\"user\":\"ivan\",\"pass\":\"x\"}\r\nSUB a 1\r\nPUB a 1\r\nx\r\nPI");
    world_run(world);
    client_says(ivan, "NG\r\n");
    says(world, alice, "PUB a 1\r\ny\r\nPING\r\n");
    CLIENT_EXPECT(ivan, "");
    CLIENT_EXPECT(alice, "PONG\r\n");
    assert_true(world_prove(world, 0, true));
    assert_false(world_prove(world, 0, true));
    world_run(world);
    CLIENT_EXPECT(ivan, "MSG a 1 1\r\nx\r\nPONG\r\n");
    world_end(world);
}

/*
 * Goal:    a verdict of no ends the connection; a session that is gone wants none.
 * Method:  one that fails, one that leaves meanwhile, one that runs out of time.
 */
static void test_proofs_that_fail(void **state)
{
    (void)state;
    static const char login[] = "CONNECT {\"user\":\"ivan\",\"pass\":\"x\"}\r\n";
    struct world *world = world_of(hashed(), 1);
    struct client *ivan = client_open(world, 0, NULL);
    says(world, ivan, login);
    assert_true(world_prove(world, 0, false));
    world_run(world);
    CLIENT_EXPECT(ivan, REFUSED);

    struct client *late = client_open(world, 0, NULL);
    says(world, late, login);
    world_pass(world, ACCESS_TIMEOUT_DEFAULT_NS + TICK_NS);
    world_run(world);
    CLIENT_EXPECT(late, TIMEOUT);
    assert_true(world_prove(world, 0, true));
    world_run(world);

    struct client *dead = client_open(world, 0, NULL);
    says(world, dead, login);
    dead->is_dead = true;
    client_ends(dead);
    world_run(world);
    assert_true(world_prove(world, 0, true));
    world_run(world);
    world_end(world);
}

/*
 * Goal:    PROOFS_MAX are looked at, the others wait in order, and none is forgotten.
 * Method:  three times as many clients; one of those that wait leaves, one whose turn it is too.
 */
static void test_proofs_wait_their_turn(void **state)
{
    (void)state;
    enum { CLIENTS = 3 * PROOFS_MAX };
    struct world *world = world_of(hashed(), 1);
    struct client *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_open(world, 0, NULL);
        client_says(clients[i], "CONNECT {" QUIET ",\"user\":\"ivan\",\"pass\":\"x\"}\r\nPING\r\n");
        world_run(world);
    }
    client_ends(clients[CLIENTS - 1]);
    nats_set_access(world_hub(world, 0), NULL);
    world_run(world);
    for (int i = 0; i < CLIENTS; i++) {
        CLIENT_EXPECT(clients[i], "PONG\r\n"); /* no authorization, no question */
    }
    while (world_prove(world, 0, false)) {
        world_run(world);
    }
    set_access(world, hashed(), 1);
    for (int i = 0; i < CLIENTS - 1; i++) {
        CLIENT_EXPECT(clients[i], REFUSED); /* who they are was never asked */
        clients[i] = client_open(world, 0, NULL);
        client_says(clients[i], "CONNECT {" QUIET ",\"user\":\"ivan\",\"pass\":\"x\"}\r\nPING\r\n");
        world_run(world);
    }
    hub_close(world_hub(world, 0), client_session(clients[PROOFS_MAX + 1]), CLOSE_SHUTDOWN,
              HUB_CLOSE_AT_ONCE);
    for (int round = 0; round < CLIENTS - 2; round++) {
        assert_true(world_prove(world, 0, true));
        world_run(world);
    }
    assert_false(world_prove(world, 0, true));
    for (int i = 0; i < CLIENTS - 1; i++) {
        CLIENT_EXPECT(clients[i], i == PROOFS_MAX + 1 ? "" : "PONG\r\n");
    }
    world_end(world);
}

static bool heard(const struct client *client, const char *text)
{
    return strstr(client_heard(client), text) != NULL;
}

/*
 * Goal:    who floods the helper from one address delays another's login by the proofs that are under
 *          way and no more; of the flood nobody but those over the bound is closed for it.
 * Method:  more than may wait from one address, then one from another; proofs are made one by one.
 */
static void test_a_flood_of_logins(void **state)
{
    (void)state;
    static struct client *flood[FAIR_WAITING_MAX + PROOFS_MAX + 3];
    struct world *world = world_of(hashed(), 1);
    world_address(world, "10.0.0.1");
    for (size_t i = 0; i < COUNT_OF(flood); i++) {
        flood[i] = client_open(world, 0, NULL);
        client_says(flood[i], "CONNECT {" QUIET ",\"user\":\"ivan\",\"pass\":\"x\"}\r\n");
        world_turn_of(world, 0);
    }
    world_run(world);
    for (size_t i = 0; i < COUNT_OF(flood); i++) {
        bool is_over = i >= FAIR_WAITING_MAX + PROOFS_MAX;
        CLIENT_EXPECT(flood[i], is_over ? TIMEOUT : "");
    }
    assert_int_equal(closed(world, CLOSE_AUTHENTICATION_TIMEOUT), 3);
    world_address(world, "10.0.0.2");
    struct client *other = client_open(world, 0, NULL);
    says(world, other, "CONNECT {" QUIET ",\"user\":\"ivan\",\"pass\":\"right\"}\r\nPING\r\n");
    int proofs = 0;
    while (!heard(other, "PONG\r\n") && proofs < 100) {
        assert_true(world_prove(world, 0, proofs == PROOFS_MAX + 1));
        world_run(world);
        proofs++;
    }
    assert_int_equal(proofs, PROOFS_MAX + 2);
    world_end(world);
}

/*
 * Goal:    an nkey is proved by a signature; what is none is refused at once.
 * Method:  the nonce in the proof is the session's; a bad signature asks nobody.
 */
static void test_nkeys(void **state)
{
    (void)state;
    struct world *world = world_of(hashed(), 1);
    struct client *client = client_open(world, 0, NULL);
    client_says(client, "CONNECT {\"nkey\":\"" KEY "\",\"sig\":\"nonsense\"}\r\n");
    world_run(world);
    CLIENT_EXPECT(client, REFUSED);
    char sig[87];
    memset(sig, 'A', 86);
    sig[86] = '\0';
    client = client_open(world, 0, NULL);
    struct client *other = client_open(world, 0, NULL);
    assert_memory_not_equal(client_session(client)->grant->nonce,
                            client_session(other)->grant->nonce, NKEY_NONCE_SIZE);
    client_says(client, "CONNECT {" QUIET ",\"nkey\":\"" KEY "\",\"sig\":\"%s\"}\r\nPING\r\n", sig);
    world_run(world);
    CLIENT_EXPECT(client, "");
    assert_true(world_prove(world, 0, true));
    world_run(world);
    CLIENT_EXPECT(client, "PONG\r\n");
    world_end(world);
}

/* ---- connections of a user ------------------------------------------------------------------- */

#define TOO_MANY "-ERR 'maximum account active connections exceeded'\r\n"

static struct world *world_with(struct access *access, struct policies *policies)
{
    struct world_options options = {
        .checks = true, .workers = 2, .hub = {.access = access, .policies = policies}};
    struct world *world = world_new(&options);
    return world;
}

/*
 * Goal:    a user has so many connections, wherever they are; the next is told so and closed, its
 *          place is free again when one of them ends, and other users notice nothing.
 * Method:  two of bob's are enough; a CONNECT as somebody else takes another's place.
 */
static void test_connections_of_a_user(void **state)
{
    (void)state;
    struct policies *policies = policies_new();
    policies->quotas.connections_per_user = 2;
    struct access *access = people();
    struct usage *bobs = access_find(access, ACCESS_USER, text_of("bob"))->usage;
    struct world *world = world_with(access, policies);
    struct client *one = client_open(world, 0, AS("bob"));
    struct client *two = client_open(world, 1, AS("bob"));
    struct client *three = client_open(world, 0, NULL);
    says(world, three, "CONNECT " AS("bob") "\r\nPING\r\n");
    CLIENT_EXPECT(three, TOO_MANY);
    assert_false(three->is_open);
    assert_int_equal(closed(world, CLOSE_MAX_USER), 1);
    struct client *alice = client_open(world, 0, AS("alice"));
    says(world, alice, "PING\r\n");
    CLIENT_EXPECT(alice, "PONG\r\n");
    says(world, two, "CONNECT " AS("bob") "\r\nPING\r\n"); /* it has its place already */
    CLIENT_EXPECT(two, "PONG\r\n");
    says(world, one, "CONNECT " AS("alice") "\r\nPING\r\n");
    CLIENT_EXPECT(one, "PONG\r\n");
    assert_int_equal(atomic_load(&bobs->connections), 1);
    three = client_open(world, 1, AS("bob"));
    assert_int_equal(atomic_load(&bobs->connections), 2);
    client_ends(two);
    client_ends(three);
    world_run(world);
    assert_int_equal(atomic_load(&bobs->connections), 0);
    access_unref(access);
    world_end(world);
    policies_free(policies);
}

/*
 * Goal:    who shows nothing takes a place of no_auth_user's with the first thing it does, so that
 *          those who come to log in are not kept out by it.
 * Method:  one place; silent clients come before and after it is taken.
 */
static void test_connections_of_no_auth_user(void **state)
{
    (void)state;
    struct policies *policies = policies_new();
    policies->quotas.connections_per_user = 1;
    struct access *access = people();
    assert_true(access_set_no_auth_user(access, text_of("alice")));
    struct world *world = world_with(access, policies);
    access_unref(access);
    struct client *clients[4];
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = client_open(world, 0, NULL);
    }
    says(world, clients[0], "SUB a 1\r\nPING\r\n");
    CLIENT_EXPECT(clients[0], "+OK\r\nPONG\r\n");
    says(world, clients[1], "PUB a 1\r\nx\r\nPING\r\n");
    CLIENT_EXPECT(clients[1], TOO_MANY);
    says(world, clients[2], "CONNECT {" QUIET "}\r\nPING\r\n");
    CLIENT_EXPECT(clients[2], TOO_MANY);
    says(world, clients[3], "CONNECT " AS("bob") "\r\nPING\r\n");
    CLIENT_EXPECT(clients[3], "PONG\r\n");
    says(world, clients[0], "CONNECT {" QUIET "}\r\nPING\r\n");
    CLIENT_EXPECT(clients[0], "PONG\r\n");
    assert_int_equal(closed(world, CLOSE_MAX_USER), 2);
    world_end(world);
    policies_free(policies);
}

/*
 * Goal:    a reload counts on from who is there, whatever changed of the user, and closes nobody for
 *          a limit that came with it; only who comes later is refused.
 * Method:  three of bob's under no limit; then he has another permit and one connection.
 */
static void test_connections_of_a_user_after_a_reload(void **state)
{
    (void)state;
    struct policies *policies = policies_new();
    policies->quotas.connections_per_user = 1;
    struct access *access = people();
    struct world *world = world_with(access, NULL);
    struct client *clients[3];
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = client_open(world, i % 2, AS("bob"));
    }
    struct access *next = access_new();
    const struct access_user *bob = user_of(next, "bob", "p");
    access_keep_usage(next, access);
    access_unref(access);
    for (uint32_t i = 0; i < 2; i++) {
        hub_set_policies(world_hub(world, i), policies);
    }
    set_access(world, next, 2);
    assert_int_equal(atomic_load(&bob->usage->connections), 3);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        says(world, clients[i], "PING\r\n");
        CLIENT_EXPECT(clients[i], "PONG\r\n");
    }
    struct client *late = client_open(world, 0, NULL);
    says(world, late, "CONNECT " AS("bob") "\r\n");
    CLIENT_EXPECT(late, TOO_MANY);
    world_end(world);
    policies_free(policies);
}

/* ---- permissions ----------------------------------------------------------------------------- */

/*
 * Goal:    what may not be published or subscribed to is told so, once each, and nothing happens.
 * Method:  bob, verbose, says all of it; alice hears what passed.
 */
static void test_violations(void **state)
{
    (void)state;
    struct world *world = world_of(people(), 1);
    struct client *alice = client_open(world, 0, AS("alice"));
    says(world, alice, "SUB > 9\r\n");
    struct client *bob =
        client_open(world, 0, "{\"pedantic\":false,\"user\":\"bob\",\"pass\":\"p\"}");
    client_forget(bob);
    static const struct {
        const char *says, *hears;
    } rows[] = {
        {"PUB a 1\r\nx\r\n", NO_PUBLISH("a")},
        {"PUB b.secret.x 1\r\nx\r\n", NO_PUBLISH("b.secret.x")},
        {"PUB b..x 1\r\nx\r\n", NO_PUBLISH("b..x")},
        {"PUB b.x 1\r\nx\r\n", "+OK\r\n"},
        {"PUB b.x _R_.1 1\r\nx\r\n",
         "-ERR 'Permissions Violation for Publish with Reply of \"_R_.1\"'\r\n"},
        {"SUB a 1\r\n", NO_SUBSCRIBE("\"a\"")},
        {"SUB > 1\r\n", NO_SUBSCRIBE("\">\"")},
        {"SUB b..x 1\r\n", NO_SUBSCRIBE("\"b..x\"")},
        {"SUB b.hidden q 1\r\n", NO_SUBSCRIBE("\"b.hidden\" using queue \"q\"")},
        {"SUB work 1\r\n", NO_SUBSCRIBE("\"work\"")},
        {"SUB work v 1\r\n", NO_SUBSCRIBE("\"work\" using queue \"v\"")},
        {"SUB work w 1\r\n", "+OK\r\n"},
        {"SUB b.x\"\\\x01\xff q 2\r\n", "+OK\r\n"},
        {"SUB c\"\\\x01\xff q 3\r\n", NO_SUBSCRIBE("\"c\\\"\\\\\\x01\\xff\" using queue \"q\"")},
        {"SUB b.* _sys_ 4\r\n", NO_SUBSCRIBE("\"b.*\" using queue \"_sys_\"")},
        {"PING\r\n", "PONG\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        says(world, bob, rows[i].says);
        CLIENT_EXPECT(bob, rows[i].hears);
    }
    CLIENT_EXPECT(alice, "MSG b.x 9 1\r\nx\r\n");
    assert_int_equal(world_metrics(world, 0)->deliveries_dropped[DROP_NOT_PERMITTED], 3);
    assert_int_equal(world_metrics(world, 0)->deliveries_dropped[DROP_RESERVED_SUBJECT], 1);
    world_end(world);
}

/*
 * Goal:    a subscription wider than what may be heard hears only that, from here and from other
 *          workers, grouped or not; what it does not hear is counted, and a request to nobody else
 *          gets its 503.
 * Method:  bob listens to b.* and b.>; alice publishes from the other worker.
 */
static void test_denied_messages_are_not_heard(void **state)
{
    (void)state;
    struct world *world = world_of(people(), 2);
    struct client *bob = client_open(world, 0, AS("bob"));
    struct client *wide = client_open(world, 0, AS("bob"));
    says(world, bob, "SUB b.* 1\r\n");
    says(world, wide, "SUB b.> 2\r\n");
    struct client *alice = client_open(world, 1,
                                       "{" QUIET ",\"user\":\"alice\",\"pass\":\"p\",\"headers\":"
                                       "true,\"no_responders\":true}");
    says(world, alice,
         "SUB _INBOX.* 7\r\nPUB b.hidden 1\r\n1\r\nPUB b.a.b 1\r\n2\r\nPUB b.c 1\r\n3\r\n"
         "PUB b.c 1\r\n4\r\n");
    CLIENT_EXPECT(bob, "MSG b.c 1 1\r\n3\r\nMSG b.c 1 1\r\n4\r\n");
    CLIENT_EXPECT(wide, "MSG b.c 2 1\r\n3\r\nMSG b.c 2 1\r\n4\r\n");
    assert_int_equal(world_metrics(world, 0)->deliveries_dropped[DROP_NOT_PERMITTED], 3);
    says(world, alice, "PUB b.hidden _INBOX.1 1\r\nx\r\n");
    CLIENT_EXPECT(alice,
                  "HMSG _INBOX.1 7 40 40\r\nNATS/1.0 503\r\nNats-Subject: b.hidden\r\n\r\n\r\n");

    struct client *member = client_open(world, 0, AS("bob"));
    says(world, member, "SUB b.* g 5\r\n");
    struct client *other = client_open(world, 0, AS("alice"));
    says(world, other, "SUB b.hidden g 6\r\n");
    for (int i = 0; i < 16; i++) {
        says(world, alice, "PUB b.hidden 1\r\nx\r\n");
        CLIENT_EXPECT(other, "MSG b.hidden 6 1\r\nx\r\n");
    }
    CLIENT_EXPECT(member, "");
    world_end(world);
}

/*
 * Goal:    whoever may only answer may answer what it heard, once, in time; also across workers.
 * Method:  carol on the other worker; requests by alice; the clock.
 */
static void test_responses(void **state)
{
    (void)state;
    struct world *world = world_of(people(), 2);
    struct client *carol = client_open(world, 0, AS("carol"));
    struct client *alice = client_open(world, 1, AS("alice"));
    says(world, carol, "SUB ask 1\r\nSUB other q 2\r\n");
    says(world, alice,
         "SUB in.> 9\r\nPUB ask in.1 1\r\na\r\nPUB ask in.2 1\r\nb\r\nPUB other in.3 1\r\nc\r\n");
    CLIENT_EXPECT(carol,
                  "MSG ask 1 in.1 1\r\na\r\nMSG ask 1 in.2 1\r\nb\r\nMSG other 2 in.3 1\r\nc\r\n");
    says(world, carol,
         "PUB in.2 1\r\n2\r\nPUB in.2 1\r\n3\r\nPUB in.4 1\r\n4\r\nPUB in.3 1\r\n5\r\n");
    CLIENT_EXPECT(carol, NO_PUBLISH("in.2") NO_PUBLISH("in.4"));
    CLIENT_EXPECT(alice, "MSG in.2 9 1\r\n2\r\nMSG in.3 9 1\r\n5\r\n");
    world_pass(world, WORLD_SECOND_NS + 1);
    says(world, carol, "PUB in.1 1\r\n6\r\n");
    CLIENT_EXPECT(carol, NO_PUBLISH("in.1"));
    world_end(world);
}

/* ---- another access -------------------------------------------------------------------------- */

/*
 * Goal:    a reload closes who is no user any more, takes subscriptions that are no longer allowed,
 *          filters those that are now too wide, and leaves all others alone.
 * Method:  alice's password changes; bob may no longer work, and hears of b.new no more; carol stays.
 */
static void test_reload(void **state)
{
    (void)state;
    struct world *world = world_of(people(), 1);
    struct client *alice = client_open(world, 0, AS("alice"));
    struct client *bob = client_open(world, 0, AS("bob"));
    struct client *carol = client_open(world, 0, AS("carol"));
    struct client *waits = client_open(world, 0, NULL);
    says(world, alice, "SUB > 1\r\n");
    says(world, bob, "SUB b.* 1\r\nSUB work w 2\r\nSUB b.x q 3\r\n");
    says(world, carol, "SUB b.new 1\r\n");

    struct access *access = access_new();
    user_of(access, "alice", "changed");
    user_of(access, "carol", "p");
    struct permit *permit = permit_new();
    assert_true(permit_subscribe_allow(permit, text_of("b.*")));
    assert_true(permit_subscribe_deny(permit, text_of("b.new")));
    access_set_permit(access, user_of(access, "bob", "p"), permit);
    set_access(world, access, 1);
    CLIENT_EXPECT(alice, REFUSED);
    CLIENT_EXPECT(bob, NO_SUBSCRIBE("\"work\" using queue \"w\" (sid \"2\")"));
    assert_true(bob->is_open && carol->is_open && waits->is_open && !alice->is_open);
    says(world, carol, "PUB b.new 1\r\nx\r\nPUB b.y 1\r\nx\r\nPUB work 1\r\nx\r\nPING\r\n");
    CLIENT_EXPECT(carol, "MSG b.new 1 1\r\nx\r\nPONG\r\n");
    CLIENT_EXPECT(bob, "MSG b.y 1 1\r\nx\r\n");
    says(world, waits, "CONNECT " AS("alice") "\r\n");
    CLIENT_EXPECT(waits, REFUSED);

    set_access(world, NULL, 1);
    says(world, bob, "SUB b.new 8\r\n");
    says(world, carol, "PUB b.new 1\r\nx\r\n");
    CLIENT_EXPECT(carol, "MSG b.new 1 1\r\nx\r\n");
    assert_int_equal(strlen(client_heard(bob)), 2 * strlen("MSG b.new 1 1\r\nx\r\n"));
    assert_null(client_session(bob)->grant);
    world_end(world);
}

/*
 * Goal:    authorization that begins: who is connected is no_auth_user, or nobody; who has said
 *          nothing may still log in.
 * Method:  from none to people without and with no_auth_user.
 */
static void test_authorization_begins(void **state)
{
    (void)state;
    struct world *world = world_of(NULL, 1);
    struct client *connected = client_open(world, 0, "{" QUIET "}");
    struct client *subscribed = client_open(world, 0, NULL);
    struct client *silent = client_open(world, 0, NULL);
    says(world, subscribed, "SUB a 1\r\n");
    CLIENT_EXPECT(subscribed, "+OK\r\n");
    set_access(world, people(), 1);
    CLIENT_EXPECT(connected, REFUSED);
    CLIENT_EXPECT(subscribed, REFUSED);
    says(world, silent, "CONNECT " AS("alice") "\r\nPING\r\n");
    CLIENT_EXPECT(silent, "PONG\r\n");
    set_access(world, NULL, 1);
    says(world, silent, "SUB a 1\r\nSUB b.x 2\r\n");
    struct access *access = people();
    assert_true(access_set_no_auth_user(access, text_of("bob")));
    set_access(world, access, 1);
    CLIENT_EXPECT(silent, NO_SUBSCRIBE("\"a\" (sid \"1\")"));
    assert_true(silent->is_open);
    world_end(world);
}

/*
 * Goal:    a verdict of an access that is gone counts for nothing: the question is asked again.
 * Method:  the hash changes while a helper looks.
 */
static void test_reload_while_a_helper_looks(void **state)
{
    (void)state;
    struct world *world = world_of(hashed(), 1);
    struct client *ivan = client_open(world, 0, NULL);
    says(world, ivan, "CONNECT {" QUIET ",\"user\":\"ivan\",\"pass\":\"x\"}\r\nPING\r\n");
    struct access *access = access_new();
    user_of(access, "ivan", "$2b$05$Hicl86i6vYvPyrzQwtMau.M7GI1GizSQyw3oM5I28QgpWB3uX3zge");
    set_access(world, access, 1);
    assert_true(world_prove(world, 0, true));
    world_run(world);
    CLIENT_EXPECT(ivan, "");
    assert_true(world_prove(world, 0, false));
    world_run(world);
    CLIENT_EXPECT(ivan, REFUSED);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_the_login),
        cmocka_unit_test(test_logins),
        cmocka_unit_test(test_the_login_times_out),
        cmocka_unit_test(test_no_auth_user),
        cmocka_unit_test(test_second_logins),
        cmocka_unit_test(test_input_waits_for_the_proof),
        cmocka_unit_test(test_proofs_that_fail),
        cmocka_unit_test(test_proofs_wait_their_turn),
        cmocka_unit_test(test_a_flood_of_logins),
        cmocka_unit_test(test_nkeys),
        cmocka_unit_test(test_connections_of_a_user),
        cmocka_unit_test(test_connections_of_no_auth_user),
        cmocka_unit_test(test_connections_of_a_user_after_a_reload),
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_denied_messages_are_not_heard),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_authorization_begins),
        cmocka_unit_test(test_reload_while_a_helper_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
