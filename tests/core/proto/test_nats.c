/*
 * test_nats.c - what a client is told: every answer of the front-end, to the byte, however its bytes
 * are cut.
 */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MALFORMED "-ERR 'Unknown Protocol Operation'\r\n"
#define QUIET     "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\n"

static struct world *world_checked(void)
{
    struct world_options options = {.checks = true};
    return world_new(&options);
}

static uint64_t closed(struct world *world, enum close_reason reason)
{
    return world_metrics(world, 0)->sessions_closed[reason];
}

/* ---- one line, one answer -------------------------------------------------------------------- */

struct answer {
    const char *says;
    const char *hears;
    int reason; /* STAYS, or the close_reason */
};

enum { STAYS = -1 };

static void check_answer(const struct answer *a, const char *connect)
{
    struct world *world = world_checked();
    struct client *client = client_open(world, 0, connect);
    client_says(client, "%s", a->says);
    world_run(world);
    if (strcmp(client_heard(client), a->hears) != 0 || client->is_open != (a->reason == STAYS)) {
        fail_msg("to\n%sit should hear\n%sand heard\n%s(%s)", a->says, a->hears,
                 client_heard(client), client->is_open ? "and stayed" : "and was closed");
    }
    if (a->reason != STAYS) {
        assert_true(client->got_fin);
        assert_int_equal(closed(world, (enum close_reason)a->reason), 1);
    }
    world_end(world);
}

/*
 * Goal:    each malformed input gets the words, or the silence, that nats-server gives it.
 * Method:  a table of first lines of a client that is not verbose.
 */
static void test_what_malformed_input_is_told(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        {"\r\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {" PING\r\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"PUBS a 1\r\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"SUBx\r\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"UNSUB_\r\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"-ERR\r\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"MSG a 1 1\r\nx\r\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"RS+ a\r\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"GET / HTTP/1.1\r\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"SUB\r\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"PUB a 2\r\nhiXX", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"PUB a 2\r\nhi\n", MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"SUB \r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"SUB a\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"SUB a b c d\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"UNSUB \r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"UNSUB 1 2 3\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"PUB a\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"PUB a b c 1\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"PUB a -1\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"PUB a x\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"PUB a 0000000001\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"HPUB a 1\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"HPUB a b c 1 2\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"HPUB a 3 2\r\nhi\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"CONNECT\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"CONNECT {\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"CONNECT 3\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"CONNECT {} x\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"CONNECT {\"verbose\":1}\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"CONNECT {\"protocol\":1.5}\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"INFO {bad\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"-ERR 'x'\r\n", "", CLOSE_PARSE_ERROR},
        {"PUB a 1048577\r\n", "-ERR 'Maximum Payload Violation'\r\n", CLOSE_MAX_PAYLOAD},
        {"HPUB a 1 1048577\r\n", "-ERR 'Maximum Payload Violation'\r\n", CLOSE_MAX_PAYLOAD},
        {"CONNECT {\"protocol\":2}\r\n", "-ERR 'invalid client protocol'\r\n",
         CLOSE_BAD_CLIENT_PROTOCOL},
        {"CONNECT {\"headers\":false,\"no_responders\":true}\r\n",
         "-ERR 'no responders requires headers support'\r\n", CLOSE_NO_RESPONDERS_NEEDS_HEADERS},
        {"CONNECT {\"account\":\"A\"}\r\n", "-ERR 'Authorization Violation'\r\n",
         CLOSE_AUTHENTICATION_FAILURE},
        {"CONNECT {\"new_account\":true}\r\n", "-ERR 'Authorization Violation'\r\n",
         CLOSE_AUTHENTICATION_FAILURE},
        {"CONNECT {\"headers\":false}\r\nHPUB a 2 2\r\nhi\r\n", "", CLOSE_PROTOCOL_VIOLATION},
        {"CONNECT {\"pedantic\":true}\r\nPUB a..b 2\r\nhiXX",
         "-ERR 'Invalid Publish Subject'\r\n" MALFORMED, CLOSE_PROTOCOL_VIOLATION},
        {"CONNECT {\"pedantic\":true}\r\nPUB a.* 2000000\r\n",
         "-ERR 'Maximum Payload Violation'\r\n", CLOSE_MAX_PAYLOAD},
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        check_answer(&answers[i], "{\"verbose\":false,\"pedantic\":false,\"headers\":true}");
    }
}

/*
 * Goal:    what is wrong but not fatal is told, and the connection goes on.
 * Method:  a table; each input ends in PING, so that the answer ends in PONG, or in a message that is
 *          not all there.
 */
static void test_what_is_wrong_and_not_fatal(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        {"PING\r\n", "PONG\r\n", STAYS},
        {"pInG anything\r\n", "PONG\r\n", STAYS},
        {"PONG\r\n+OK\r\nINFO {\"x\":1}\r\nPING\r\n", "PONG\r\n", STAYS},
        {"CONNECT null\r\nPING\r\n", "PONG\r\n", STAYS},
        {"SUB a..b 1\r\nPUB a 0\r\n\r\nPING\r\n", "-ERR 'Invalid Subject'\r\nPONG\r\n", STAYS},
        {"SUB a.>.b 1\r\nPING\r\n", "-ERR 'Invalid Subject'\r\nPONG\r\n", STAYS},
        {"SUB .a 1\r\nPING\r\n", "-ERR 'Invalid Subject'\r\nPONG\r\n", STAYS},
        {"UNSUB nosuch\r\nUNSUB nosuch xyz\r\nPING\r\n", "PONG\r\n", STAYS},
        {"PUB a..b 1\r\nx\r\nPING\r\n", "PONG\r\n", STAYS},
        {"SUB a 1\r\nSUB b 1\r\nPUB b 1\r\nx\r\nPUB a 1\r\ny\r\nPING\r\n",
         "MSG a 1 1\r\ny\r\nPONG\r\n", STAYS},
        {"SUB a 1\r\nUNSUB 1 -5\r\nPUB a 1\r\ny\r\nPING\r\n", "PONG\r\n", STAYS},
        {"SUB a _sys_ 1\r\nPING\r\n",
         "-ERR 'Permissions Violation for Subscription to \"a\" using queue \"_sys_\"'\r\nPONG\r\n",
         STAYS},
        {"PUB _GR_.x 1\r\nx\r\nPING\r\n",
         "-ERR 'Permissions Violation for Publish to \"_GR_.x\"'\r\nPONG\r\n", STAYS},
        {"PUB $NRG.x 1\r\nx\r\nPING\r\n",
         "-ERR 'Permissions Violation for Publish to \"$NRG.x\"'\r\nPONG\r\n", STAYS},
        {"PUB a _R_.abc 1\r\nx\r\nPING\r\n",
         "-ERR 'Permissions Violation for Publish with Reply of \"_R_.abc\"'\r\nPONG\r\n", STAYS},
        {"PUB a $JS.ACK.q\"q 1\r\nx\r\nPING\r\n",
         "-ERR 'Permissions Violation for Publish with Reply of \"$JS.ACK.q\\\"q\"'\r\nPONG\r\n",
         STAYS},
        {"CONNECT {\"pedantic\":true}\r\nSUB a.* 1\r\nPUB a.* 1\r\nx\r\nPING\r\n",
         "-ERR 'Invalid Publish Subject'\r\nMSG a.* 1 1\r\nx\r\nPONG\r\n", STAYS},
        {"CONNECT {\"pedantic\":true}\r\nPUB .a 1\r\nx\r\nPUB a. 3\r\nx",
         "-ERR 'Invalid Publish Subject'\r\n-ERR 'Invalid Publish Subject'\r\n", STAYS},
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        check_answer(&answers[i], "{\"verbose\":false,\"pedantic\":false,\"headers\":true}");
    }
}

/*
 * Goal:    before any CONNECT, and after an empty one, a client is verbose and pedantic; +OK comes
 *          where nats-server says it, before what a message brings back to its own publisher.
 * Method:  a table of clients without CONNECT.
 */
static void test_what_a_verbose_client_is_told(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        {"CONNECT {}\r\nPING\r\n", "+OK\r\nPONG\r\n", STAYS},
        {"SUB a 1\r\nPUB a 2\r\nhi\r\nPUB a 2\r\nho\r\nUNSUB 1\r\nPING\r\n",
         "+OK\r\n+OK\r\nMSG a 1 2\r\nhi\r\n+OK\r\nMSG a 1 2\r\nho\r\n+OK\r\nPONG\r\n", STAYS},
        {"UNSUB nosuch\r\nSUB a 1\r\nSUB a 1\r\nPONG\r\n", "+OK\r\n+OK\r\n+OK\r\n", STAYS},
        {"SUB a..b 1\r\n", "-ERR 'Invalid Subject'\r\n", STAYS},
        {"SUB a..b 1\r\nSUB c 1\r\nSUB d..e 1\r\n", "-ERR 'Invalid Subject'\r\n+OK\r\n+OK\r\n",
         STAYS},
        {"PUB a..b 1\r\nx\r\n", "-ERR 'Invalid Publish Subject'\r\n+OK\r\n", STAYS},
        {"PUB _GR_.x 1\r\nx\r\n", "-ERR 'Permissions Violation for Publish to \"_GR_.x\"'\r\n",
         STAYS},
        {"PUB a 1\r\nx\r\nBAD\r\n", "+OK\r\n" MALFORMED, CLOSE_PROTOCOL_VIOLATION},
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        check_answer(&answers[i], NULL);
    }
}

/*
 * Goal:    the limits of a control line and of subscriptions and tokens hold to the byte.
 * Method:  one below, at, above.
 */
static void test_limits_hold_to_the_byte(void **state)
{
    (void)state;
    for (int over = 0; over <= 1; over++) {
        struct world *world = world_checked();
        struct client *client = client_plain(world, 0);
        /* "1", a space and the subject: 4,096 bytes. */
        client_says(client, "SUB %0*d 1\r\nPING\r\n", 4094 + over, 0);
        world_run(world);
        CLIENT_EXPECT(client, over ? "-ERR 'maximum control line exceeded'\r\n" : "PONG\r\n");
        assert_int_equal(closed(world, CLOSE_MAX_CONTROL_LINE), over);
        world_end(world);
    }
    struct world_options options = {.checks = true,
                                    .hub = {.max_subscriptions = 2},
                                    .nats = {.max_sub_tokens = 3, .max_payload = 5}};
    struct world *world = world_new(&options);
    struct client *client = client_plain(world, 0);
    client_says(client, "SUB a.b.c 1\r\nSUB a.b.c.d 2\r\nSUB b 2\r\nSUB c 3\r\nSUB a 1\r\n"
                        "UNSUB 2\r\nSUB c 3\r\nPUB c 5\r\n12345\r\nPUB c 6\r\n123456\r\n");
    world_run(world);
    CLIENT_EXPECT(
        client, "-ERR 'Permissions Violation for Subscription to \"a.b.c.d\", too many tokens'\r\n"
                "-ERR 'maximum subscriptions exceeded'\r\n"
                "-ERR 'maximum subscriptions exceeded'\r\n"
                "MSG c 3 5\r\n12345\r\n-ERR 'Maximum Payload Violation'\r\n");
    world_end(world);
}

/* ---- greeting -------------------------------------------------------------------------------- */

/*
 * Goal:    a client is greeted by one INFO line and by nothing else before its first PONG; a client
 *          of protocol 1 hears a second INFO behind it, one of protocol 0 does not.
 * Method:  open, CONNECT and PING in one read, for both.
 */
static void test_greeting(void **state)
{
    (void)state;
    for (int protocol = 0; protocol <= 1; protocol++) {
        struct world *world = world_checked();
        struct client *client = client_open(world, 0, NULL);
        assert_int_equal(client->taken > 0, 1);
        client_says(client, "CONNECT {\"verbose\":false,\"protocol\":%d}\r\nPING\r\nPING\r\n",
                    protocol);
        world_run(world);
        const char *heard = client_heard(client);
        assert_memory_equal(heard, "PONG\r\n", 6);
        assert_int_equal(strncmp(heard + 6, "INFO {", 6) == 0, protocol == 1);
        assert_int_equal(strstr(heard, "\"connect_info\":true") != NULL, protocol == 1);
        assert_string_equal(heard + client->got_size - 6, "PONG\r\n");
        world_end(world);
    }
}

/*
 * Goal:    a client over max_connections is greeted, told, and closed.
 * Method:  nats_refuse on a session of its own.
 */
static void test_a_refused_client_is_told(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *client = client_open(world, 0, NULL);
    struct session *session = client_session(client);
    struct nats nats = {.options = {.max_control_line = 4096,
                                    .max_payload = 1000,
                                    .ping_interval_ns = WORLD_SECOND_NS,
                                    .ping_max = 2}};
    struct nats_info_server server = {.server_id = "N",
                                      .server_name = "n",
                                      .version = "2.12.0",
                                      .go = "c",
                                      .host = "h",
                                      .port = 1,
                                      .max_payload = 1000,
                                      .remote_account = "$G"};
    assert_true(nats_info_init(&nats.info, &server));
    nats_refuse(&nats, world_hub(world, 0), session, "127.0.0.1", 1, CLOSE_MAX_CONNECTIONS);
    world_run(world);
    assert_memory_equal(client_heard(client), "INFO {", 6);
    assert_non_null(strstr(client_heard(client), "\r\n-ERR 'maximum connections exceeded'\r\n"));
    assert_false(client->is_open);
    assert_int_equal(closed(world, CLOSE_MAX_CONNECTIONS), 1);
    world_end(world);
}

/* ---- messages -------------------------------------------------------------------------------- */

/*
 * Goal:    a delivery repeats the publisher's size text and reply; a receiver without headers gets
 *          the body and a size of its own.
 * Method:  one publisher, a receiver of each kind.
 */
static void test_frames_of_both_kinds_of_receivers(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *publisher = client_plain(world, 0);
    struct client *modern = client_plain(world, 0);
    struct client *old = client_open(world, 0, "{\"verbose\":false}");
    client_says(modern, "SUB a 1\r\n");
    client_says(old, "SUB a 1\r\n");
    world_run(world);
    client_says(publisher, "PUB a 000000002\r\nhi\r\nPUB  \t a r*..  0\r\n\r\n"
                           "HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"
                           "HPUB a rep 012 00012\r\nNATS/1.0\r\n\r\n\r\n"
                           "HPUB a 3 5\r\nxyzhi\r\nHPUB a 0 2\r\nhi\r\n");
    world_run(world);

    CLIENT_EXPECT(modern, "MSG a 1 000000002\r\nhi\r\nMSG a 1 r*.. 0\r\n\r\n"
                          "HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"
                          "HMSG a 1 rep 012 00012\r\nNATS/1.0\r\n\r\n\r\n"
                          "HMSG a 1 3 5\r\nxyzhi\r\nMSG a 1 2\r\nhi\r\n");
    CLIENT_EXPECT(old, "MSG a 1 000000002\r\nhi\r\nMSG a 1 r*.. 0\r\n\r\n"
                       "MSG a 1 2\r\nhi\r\nMSG a 1 rep 0\r\n\r\n"
                       "MSG a 1 2\r\nhi\r\nMSG a 1 2\r\nhi\r\n");
    world_end(world);
}

/*
 * Goal:    503 goes to who asked for it, on its own plain subscription that hears the reply, and
 *          does not count for UNSUB's maximum.
 * Method:  with and without the option, a reply, a subscription; a maximum of 1.
 */
static void test_no_responders(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *client =
        client_open(world, 0, "{\"verbose\":false,\"headers\":true,\"no_responders\":true}");
    client_says(client, "PUB none 1\r\nx\r\nPUB none in.1 1\r\nx\r\nSUB in.* g 8\r\n"
                        "PUB none in.1 1\r\nx\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "");

    client_says(
        client,
        "UNSUB 8\r\nSUB in.* 9\r\nUNSUB 9 1\r\nPUB none in.1 1\r\nx\r\nPUB none in.2 1\r\nx\r\n"
        "PUB in.3 1\r\n!\r\nPUB none in.4 1\r\nx\r\nPING\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "HMSG in.1 9 36 36\r\nNATS/1.0 503\r\nNats-Subject: none\r\n\r\n\r\n"
                          "HMSG in.2 9 36 36\r\nNATS/1.0 503\r\nNats-Subject: none\r\n\r\n\r\n"
                          "MSG in.3 9 1\r\n!\r\nPONG\r\n");
    assert_int_equal(world_metrics(world, 0)->no_responders, 2);

    struct client *plain = client_plain(world, 0);
    client_says(plain, "SUB in.* 9\r\nPUB none in.1 1\r\nx\r\nPING\r\n");
    world_run(world);
    CLIENT_EXPECT(plain, "PONG\r\n");
    world_end(world);
}

/*
 * Goal:    a verbose asker hears +OK, then the 503.
 * Method:  one request to nobody.
 */
static void test_ok_comes_before_503(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *client =
        client_open(world, 0, "{\"headers\":true,\"no_responders\":true,\"pedantic\":false}");
    client_says(client, "SUB in 9\r\nPUB s in 1\r\nx\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "+OK\r\n+OK\r\n"
                          "HMSG in 9 33 33\r\nNATS/1.0 503\r\nNats-Subject: s\r\n\r\n\r\n");
    world_end(world);
}

/*
 * Goal:    a second CONNECT overlays the first and drops the subscriptions.
 * Method:  verbose stays off, headers go on, the old sid is free.
 */
static void test_a_second_connect(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *client = client_open(world, 0, "{\"verbose\":false,\"pedantic\":false}");
    client_says(client, "SUB a 1\r\nPUB a 1\r\n1\r\nCONNECT {\"headers\":true}\r\n"
                        "PUB a 1\r\n2\r\nSUB a 1\r\nHPUB a 1 2\r\nhx\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "MSG a 1 1\r\n1\r\nHMSG a 1 1 2\r\nhx\r\n");
    world_end(world);
}

/* ---- time ------------------------------------------------------------------------------------ */

/*
 * Goal:    PING at its interval to who is silent, Stale Connection at the third; any PONG starts
 *          anew; the first PING comes some 2 seconds after CONNECT.
 * Method:  steps of a tenth of a second.
 */
static void test_pings(void **state)
{
    (void)state;
    struct world_options options = {.checks = true,
                                    .nats = {.ping_interval_ns = 5 * WORLD_SECOND_NS}};
    struct world *world = world_new(&options);
    struct client *silent = client_open(world, 0, NULL);
    struct client *client = client_plain(world, 0);
    int silent_pings[3] = {0};
    int pings = 0;
    int first_ping = 0;
    for (int tenth = 1; tenth <= 160; tenth++) {
        world_pass(world, WORLD_SECOND_NS / 10);
        world_run(world);
        if (strcmp(client_heard(silent), "PING\r\n") == 0) {
            silent_pings[pings++] = tenth;
            client_forget(silent);
        } else if (silent->got_size > 0) {
            silent_pings[2] = tenth;
            CLIENT_EXPECT(silent, "-ERR 'Stale Connection'\r\n");
        }
        if (strcmp(client_heard(client), "PING\r\n") == 0) {
            first_ping = first_ping == 0 ? tenth : first_ping;
            client_says(client, "PONG\r\n");
            client_forget(client);
        }
    }
    assert_in_range(silent_pings[0], 50, 51);
    assert_in_range(silent_pings[1], 100, 102);
    assert_in_range(silent_pings[2], 150, 153);
    assert_false(silent->is_open);
    assert_int_equal(closed(world, CLOSE_STALE), 1);
    assert_in_range(first_ping, 20, 25);
    assert_true(client->is_open);
    world_end(world);
}

/* ---- cuts ------------------------------------------------------------------------------------ */

/* A long mixed script of one client; another hears what it publishes. */
static const char script[] =
    QUIET "SUB a 1\r\nSUB a.* 2\r\nSUB > 3\r\nPING\r\n"
          "PUB a 5\r\nhello\r\nPUB a 5\r\nhello\r\nPUB a.b re.ply 0003\r\n\r\n!\r\n"
          "HPUB a.c 12 14\r\nNATS/1.0\r\n\r\nhi\r\nhpub a.c r 12 12\r\nNATS/1.0\r\n\r\n\r\n"
          "PUB a 0\r\n\r\nUNSUB 2 4\r\nPUB a.x 1\r\n1\r\nPUB a.x 1\r\n2\r\nPUB a.x 1\r\n3\r\n"
          "PUB a.x 1\r\n4\r\nPING \t extra\r\nSUB a.x g 2\r\nPUB a.x 4\r\nPING\r\n"
          "SUB in..valid 5\r\nPUB _GR_.x 2\r\nno\r\nUNSUB 3\r\n+OK\r\nPONG\r\n"
          "pub\ta  \t 3 \r\nabc\r\nCONNECT {\"headers\":true,\"verbose\":true}\r\n"
          "SUB a 1\r\nPUB a 2\r\nok\r\nPUB a 2\nok\r\nINFO {\"a\":[1,{\"b\":2}]}\r\nPING\r\n"
          "CONNECT {\"echo\":false,\"no_responders\":true}\r\nSUB in 1\r\nPUB none in 1\r\nx\r\n"
          "PUB a 3\r\nxyz\r\nUNSUB 1\r\nBAD\r\nPUB a 4\r\nnono\r\n";

struct outcome {
    char *own;
    char *other;
};

/* The script in pieces that end at each of the cuts, a turn after each or none. */
static struct outcome play(const size_t *cuts, size_t cuts_count, bool turns)
{
    struct world *world = world_checked();
    struct client *other = client_plain(world, 0);
    client_says(other, "SUB > 7\r\nSUB a 8\r\n");
    struct client *client = client_open(world, 0, NULL);
    size_t at = 0;
    for (size_t i = 0; i <= cuts_count; i++) {
        size_t end = i < cuts_count ? cuts[i] : sizeof(script) - 1;
        client_says_bytes(client, script + at, end - at);
        at = end;
        if (turns) {
            world_turn(world);
        }
    }
    world_run(world);
    assert_false(client->is_open);
    struct outcome outcome = {strdup(client_heard(client)), strdup(client_heard(other))};
    world_end(world);
    return outcome;
}

static void outcome_free(struct outcome outcome)
{
    free(outcome.own);
    free(outcome.other);
}

static void expect_same(struct outcome expected, struct outcome outcome, size_t cut)
{
    if (strcmp(expected.own, outcome.own) != 0 || strcmp(expected.other, outcome.other) != 0) {
        print_error("cut at %zu, in front of %.20s\nwhole: %s\ncut:   %s\n", cut, script + cut,
                    expected.own, outcome.own);
        fail();
    }
    outcome_free(outcome);
}

/*
 * Goal:    what any client hears does not depend on how the input is cut.
 * Method:  the script whole, cut at every byte with and without a turn in between, byte by byte,
 *          and in random pieces.
 */
static void test_cuts_change_nothing(void **state)
{
    (void)state;
    static size_t cuts[sizeof(script)];
    struct outcome whole = play(NULL, 0, true);
    assert_non_null(strstr(whole.own, MALFORMED));
    assert_null(strstr(whole.other, "nono"));
    for (size_t cut = 1; cut < sizeof(script) - 1; cut++) {
        expect_same(whole, play(&cut, 1, true), cut);
        expect_same(whole, play(&cut, 1, false), cut);
    }
    size_t count = 0;
    for (size_t cut = 1; cut < sizeof(script) - 1; cut++) {
        cuts[count++] = cut;
    }
    expect_same(whole, play(cuts, count, true), 0);
    expect_same(whole, play(cuts, count, false), 0);
    for (unsigned seed = 1; seed <= 50; seed++) {
        unsigned random = seed;
        count = 0;
        for (size_t cut = 1; cut < sizeof(script) - 1; cut++) {
            if (rand_r(&random) % (int)seed == 0) {
                cuts[count++] = cut;
            }
        }
        expect_same(whole, play(cuts, count, seed % 2 == 0), seed);
    }
    outcome_free(whole);
}

/*
 * Goal:    everything complete in front of FIN takes effect, and is answered.
 * Method:  publish and PING, half a verb, FIN; all at once and in two turns.
 */
static void test_half_close(void **state)
{
    (void)state;
    for (int turns = 0; turns <= 1; turns++) {
        struct world *world = world_checked();
        struct client *client = client_plain(world, 0);
        struct client *other = client_plain(world, 0);
        client_says(other, "SUB a 1\r\n");
        world_run(world);
        client_says(client, "PUB a 2\r\nhi\r\nPING\r\nPUB a 5\r\nhel");
        if (turns) {
            world_turn(world);
        }
        client_ends(client);
        world_run(world);
        CLIENT_EXPECT(other, "MSG a 1 2\r\nhi\r\n");
        CLIENT_EXPECT(client, "PONG\r\n");
        assert_false(client->is_open);
        world_end(world);
    }
}

/*
 * Goal:    every PING has its PONG, in order.
 * Method:  20,000 in one read.
 */
static void test_every_ping_has_its_pong(void **state)
{
    (void)state;
    enum { PINGS = 20000 };
    struct world *world = world_checked();
    struct client *client = client_plain(world, 0);
    char *pings = malloc(6 * PINGS);
    assert_non_null(pings);
    for (int i = 0; i < PINGS; i++) {
        memcpy(pings + (size_t)i * 6, "PING\r\n", 6);
    }
    client_says_bytes(client, pings, 6 * PINGS);
    free(pings);
    world_run(world);
    assert_int_equal(client->got_size, 6 * PINGS);
    for (int i = 0; i < PINGS; i++) {
        assert_memory_equal(client_heard(client) + (size_t)i * 6, "PONG\r\n", 6);
    }
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_malformed_input_is_told),
        cmocka_unit_test(test_what_is_wrong_and_not_fatal),
        cmocka_unit_test(test_what_a_verbose_client_is_told),
        cmocka_unit_test(test_limits_hold_to_the_byte),
        cmocka_unit_test(test_greeting),
        cmocka_unit_test(test_a_refused_client_is_told),
        cmocka_unit_test(test_frames_of_both_kinds_of_receivers),
        cmocka_unit_test(test_no_responders),
        cmocka_unit_test(test_ok_comes_before_503),
        cmocka_unit_test(test_a_second_connect),
        cmocka_unit_test(test_pings),
        cmocka_unit_test(test_cuts_change_nothing),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_every_ping_has_its_pong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
