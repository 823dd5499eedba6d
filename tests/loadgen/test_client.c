/* test_client.c - from socket to confirmed subscriptions, and what is said on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec_mqtt.h"
#include "loadgen/codec_nats.h"
#include "loadgen/codec_resp.h"
#include "tests/loadgen/peer_stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static enum client_news hear(struct stage *st, enum codec_event_kind kind)
{
    struct codec_event event;
    memset(&event, 0, sizeof event);
    event.kind = kind;
    return client_hear(&st->client, &st->course, &event);
}

/* Goal:   NATS waits for the greeting, logs in, subscribes, pings, and is ready with the PONG.
 * Method: a subscriber with a password; each step heard and looked at. */
static void test_client_handshake_of_nats(void **state)
{
    static struct stage st;
    (void)state;
    stage_scenario(&st, &codec_nats);
    strcpy(st.scenario.url.user, "me");
    strcpy(st.scenario.url.password, "word");
    stage_course(&st);
    stage_client(&st, CLIENT_SUBSCRIBER, 3, 0);
    assert_true(client_connected(&st.client, &st.course));
    assert_int_equal(st.client.state, CLIENT_GREETING);
    assert_string_equal(stage_said(&st), "");
    assert_int_equal(hear(&st, CODEC_HELLO), CLIENT_NOTHING);
    assert_int_equal(st.client.state, CLIENT_CONFIRMING);
    const char *said = stage_said(&st);
    assert_non_null(strstr(said, "CONNECT {"));
    assert_non_null(strstr(said, "\"user\":\"me\",\"pass\":\"word\""));
    const char *sub = strstr(said, "SUB s.t 1\r\n");
    assert_non_null(sub);
    assert_string_equal(sub, "SUB s.t 1\r\nPING\r\n"); /* the ping is behind the subscription */
    assert_int_equal(hear(&st, CODEC_OK), CLIENT_NOTHING);
    assert_int_equal(hear(&st, CODEC_PONG), CLIENT_IS_READY);
    assert_int_equal(st.client.state, CLIENT_READY);
    assert_int_equal(hear(&st, CODEC_PONG), CLIENT_PONG);
    assert_int_equal(hear(&st, CODEC_MESSAGE), CLIENT_MESSAGE);
    assert_int_equal(hear(&st, CODEC_HELLO), CLIENT_NOTHING); /* later INFOs are no greeting */
    assert_string_equal(stage_said(&st), "");
    stage_close(&st);
}

/* Goal:   where subscriptions are confirmed one by one, ready takes all of them and the pong, in
 *         whatever order; and who speaks first does so at once.
 * Method: redis and mqtt, two subjects; confirmations around the pong. */
static void test_client_counts_confirmations(void **state)
{
    static struct stage st;
    static const struct codec_protocol *const protocols[] = {&codec_resp, &codec_mqtt};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        stage_scenario(&st, protocols[i]);
        assert_true(protocols[i]->client_first && protocols[i]->confirms);
        st.scenario.subjects = 2;
        st.scenario.subjects_each = 2;
        stage_course(&st);
        stage_client(&st, CLIENT_SUBSCRIBER, 0, 0);
        assert_int_equal(st.client.sid, 0);
        assert_true(client_connected(&st.client, &st.course));
        assert_int_equal(st.client.state, CLIENT_CONFIRMING);
        MAYBE(stage_said(&st) != NULL);
        assert_true(st.said_bytes > 0);
        assert_int_equal(hear(&st, CODEC_SUBSCRIBED), CLIENT_NOTHING);
        assert_int_equal(hear(&st, CODEC_PONG), CLIENT_NOTHING);
        assert_int_equal(hear(&st, CODEC_SUBSCRIBED), CLIENT_IS_READY);
        assert_int_equal(hear(&st, CODEC_SUBSCRIBED), CLIENT_NOTHING); /* one too many */
        stage_close(&st);
    }
}

/* Everything that a client of this role and place says until it waits for its confirmation. */
static const char *greeting_of(struct stage *st, enum client_role role, uint32_t number,
                               uint32_t index)
{
    stage_course(st);
    stage_client(st, role, number, index);
    assert_true(client_connected(&st->client, &st->course));
    assert_int_equal(hear(st, CODEC_HELLO), CLIENT_NOTHING);
    return stage_said(st);
}

/* Goal:   each role subscribes to what it must hear and to nothing else.
 * Method: every role, by its SUB lines. */
static void test_client_subscribes_by_role(void **state)
{
    static struct stage st;
    (void)state;
    static const struct {
        enum client_role role;
        const char *said;
    } quiet[] = {{CLIENT_PUBLISHER, "\"name\":\"hubload\""},
                 {CLIENT_CHURNER, "\"name\":\"hubload-churner\""},
                 {CLIENT_IDLE, "\"name\":\"hubload-idle\""}};
    for (size_t i = 0; i < COUNT_OF(quiet); i++) {
        stage_scenario(&st, &codec_nats);
        const char *said = greeting_of(&st, quiet[i].role, 1, 0);
        assert_non_null(strstr(said, quiet[i].said));
        assert_null(strstr(said, "SUB "));
        stage_close(&st);
    }
    stage_scenario(&st, &codec_nats);
    st.scenario.subscribers = 2;
    st.scenario.stalled = 1;
    assert_non_null(strstr(greeting_of(&st, CLIENT_STALLED, 1, 0), "\nSUB s.t 1\r\n"));
    stage_close(&st);
    stage_scenario(&st, &codec_nats);
    st.scenario.kind = SCENARIO_REQUEST;
    st.scenario.publishers = 3;
    assert_non_null(strstr(greeting_of(&st, CLIENT_RESPONDER, 0, 0), "\nSUB s.t group-0 1\r\n"));
    stage_close(&st);
    stage_scenario(&st, &codec_nats);
    st.scenario.kind = SCENARIO_REQUEST;
    st.scenario.publishers = 3;
    assert_non_null(
        strstr(greeting_of(&st, CLIENT_REQUESTER, 3, 2), "\nSUB s.t.reply.abc.2 1\r\n"));
    stage_close(&st);
}

/* Goal:   subjects, copies, groups, patterns and sids are those of the scenario, and client_sid_of
 *         names the sid that was said.
 * Method: one subscriber in each of them. */
static void test_client_subscribes_by_scenario(void **state)
{
    static struct stage st;
    (void)state;
    stage_scenario(&st, &codec_nats);
    st.scenario.subjects = 5;
    st.scenario.subjects_each = 2;
    st.scenario.copies = 2;
    st.scenario.subscribers = 5;
    st.scenario.distinct_sids = true;
    /* Subscriber 2 hears subjects 4 and, around the end, 0. */
    const char *said = greeting_of(&st, CLIENT_SUBSCRIBER, 7, 2);
    assert_non_null(
        strstr(said, "SUB s.t.4 29\r\nSUB s.t.4 30\r\nSUB s.t.0 31\r\nSUB s.t.0 32\r\n"));
    assert_int_equal(client_sid_of(&st.client, &st.course, 4), 29);
    assert_int_equal(client_sid_of(&st.client, &st.course, 0), 31);
    assert_int_equal(st.client.prefixes_count, 4);
    stage_close(&st);

    stage_scenario(&st, &codec_nats);
    st.scenario.groups = 2;
    st.scenario.subscribers = 4;
    assert_non_null(strstr(greeting_of(&st, CLIENT_SUBSCRIBER, 3, 3), "\nSUB s.t group-1 1\r\n"));
    stage_close(&st);

    static const char *const patterns[] = {"\nSUB s.t.* 1\r\n", "\nSUB s.t.> 1\r\n"};
    for (uint32_t i = 0; i < 2; i++) {
        stage_scenario(&st, &codec_nats);
        st.scenario.subjects = 3;
        st.scenario.subscribers = 3;
        st.scenario.wildcards = 2;
        st.scenario.patterns = SCENARIO_PATTERNS_BOTH;
        assert_non_null(strstr(greeting_of(&st, CLIENT_SUBSCRIBER, i, i), patterns[i]));
        assert_int_equal(client_sid_of(&st.client, &st.course, 2), 1); /* one for all */
        stage_close(&st);
    }
}

/* Goal:   what is expected before a delivery is what the server would write, one for each subject
 *         and size; where these are too many there are none.
 * Method: two sizes; 129 subjects. */
static void test_client_prefixes(void **state)
{
    static struct stage st;
    (void)state;
    stage_scenario(&st, &codec_nats);
    st.scenario.sizes.count = 2;
    st.scenario.sizes.bytes[1] = 1000;
    st.scenario.sizes.weights[1] = 1;
    stage_course(&st);
    stage_client(&st, CLIENT_SUBSCRIBER, 0, 0);
    assert_int_equal(st.client.prefixes_count, 2);
    ASSERT(st.client.prefixes != NULL);
    const struct client_prefix *last = &st.client.prefixes[1];
    assert_int_equal(last->payload_bytes, 1000);
    assert_int_equal(last->bytes, strlen("MSG s.t 1 1000\r\n"));
    assert_memory_equal(st.client.prefix_text + last->at, "MSG s.t 1 1000\r\n", last->bytes);
    stage_close(&st);

    stage_scenario(&st, &codec_nats);
    st.scenario.subjects = CLIENT_PREFIXES_MAX + 1;
    st.scenario.subjects_each = CLIENT_PREFIXES_MAX + 1;
    stage_course(&st);
    stage_client(&st, CLIENT_SUBSCRIBER, 0, 0);
    assert_int_equal(st.client.prefixes_count, 0);
    stage_close(&st);
}

/* Goal:   pings are answered, each once; a publisher, who may be within a message, owes them until
 *         it is asked to say them.
 * Method: two pings for a subscriber; two for a publisher, then client_pong. */
static void test_client_answers_pings(void **state)
{
    static struct stage st;
    (void)state;
    for (int publishes = 0; publishes < 2; publishes++) {
        stage_scenario(&st, &codec_nats);
        stage_course(&st);
        stage_client(&st, publishes != 0 ? CLIENT_PUBLISHER : CLIENT_SUBSCRIBER, 0, 0);
        st.client.state = CLIENT_READY;
        assert_int_equal(hear(&st, CODEC_PING), CLIENT_NOTHING);
        assert_int_equal(hear(&st, CODEC_PING), CLIENT_NOTHING);
        assert_string_equal(stage_said(&st), publishes != 0 ? "" : "PONG\r\nPONG\r\n");
        client_pong(&st.client, &st.scenario);
        assert_string_equal(stage_said(&st), publishes != 0 ? "PONG\r\nPONG\r\n" : "");
        client_pong(&st.client, &st.scenario);
        assert_string_equal(stage_said(&st), "");
        stage_close(&st);
    }
}

/* Goal:   a server that says no, or is no such server, is a refusal; so is one that leaves while
 *         we greet it.
 * Method: the three events; a peer that closed before the greeting went out. */
static void test_client_is_refused(void **state)
{
    static struct stage st;
    static const enum codec_event_kind kinds[] = {CODEC_REFUSED, CODEC_DENIED, CODEC_BROKEN};
    (void)state;
    stage_scenario(&st, &codec_nats);
    stage_course(&st);
    stage_client(&st, CLIENT_SUBSCRIBER, 0, 0);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        assert_int_equal(hear(&st, kinds[i]), CLIENT_REFUSED);
    }
    assert_true(client_connected(&st.client, &st.course));
    close(st.server);
    st.server = -1;
    assert_int_equal(hear(&st, CODEC_HELLO), CLIENT_REFUSED);
    stage_close(&st);
}

/* Goal:   the outbox loses and repeats nothing when the kernel takes only a part, and keeps room.
 * Method: more than the socket holds, said piece by piece with a peer that reads in between. */
static void test_client_outbox(void **state)
{
    static struct stage st;
    enum { PIECES = 300, PIECE = 4096 };
    (void)state;
    stage_scenario(&st, &codec_nats);
    stage_course(&st);
    stage_client(&st, CLIENT_PUBLISHER, 0, 0);
    size_t heard = 0;
    bool was_full = false;
    for (size_t i = 0; i < PIECES || !client_is_quiet(&st.client); i++) {
        if (i < PIECES) {
            memset(client_room(&st.client, PIECE), (int)('a' + i % 26), PIECE);
            client_said(&st.client, PIECE);
        }
        assert_true(client_flush(&st.client));
        was_full |= !client_is_quiet(&st.client);
        if (i % 100 == 99 || i >= PIECES) {
            const char *said = stage_said(&st);
            for (size_t k = 0; k < st.said_bytes; k++, heard++) {
                assert_int_equal(said[k], 'a' + (int)(heard / PIECE % 26));
            }
        }
        assert_true(i < 100000);
    }
    MAYBE(stage_said(&st) != NULL);
    assert_true(was_full);
    assert_int_equal(heard + st.said_bytes, (size_t)PIECES * PIECE);
    assert_int_equal(st.client.outbox.at, 0);
    assert_int_equal(st.client.outbox.end, 0);
    stage_close(&st);
}

/* Goal:   a broken connection is told from a full one; a direct client's words wait for its driver.
 * Method: a peer that closed; a client without descriptor. */
static void test_client_flush_of_a_broken_connection(void **state)
{
    static struct stage st;
    (void)state;
    stage_scenario(&st, &codec_nats);
    stage_course(&st);
    stage_client(&st, CLIENT_PUBLISHER, 0, 0);
    close(st.server);
    st.server = -1;
    memcpy(client_room(&st.client, 4), "word", 4);
    client_said(&st.client, 4);
    assert_false(client_flush(&st.client));
    assert_false(client_is_quiet(&st.client));
    client_close(&st.client);
    assert_int_equal(st.client.state, CLIENT_CLOSED);
    st.client.direct = true;
    assert_true(client_flush(&st.client));
    assert_false(client_is_quiet(&st.client));
    stage_close(&st);
}

/* Goal:   a client that connects once more has forgotten the connection before it, and keeps what
 *         it is.
 * Method: half an operation held, half a word unsaid, pongs owed; then the handshake again. */
static void test_client_again(void **state)
{
    static struct stage st;
    (void)state;
    stage_scenario(&st, &codec_nats);
    stage_course(&st);
    stage_client(&st, CLIENT_SUBSCRIBER, 9, 0);
    struct codec_event event;
    struct bytes half = bytes_text("MSG s.t 1 64\r\nhal");
    assert_false(codec_nats.next(&st.client.codec, &half, &event));
    memcpy(client_room(&st.client, 4), "word", 4);
    client_said(&st.client, 4);
    st.client.pongs_owed = 3;
    st.client.waiting = true;
    close(st.server);
    client_close(&st.client);
    client_close(&st.client); /* twice is once */
    client_again(&st.client);
    assert_int_equal(st.client.state, CLIENT_NEW);
    assert_int_equal(st.client.number, 9);
    assert_int_equal(st.client.prefixes_count, 1);
    assert_true(client_is_quiet(&st.client));
    assert_false(st.client.waiting);
    assert_int_equal(st.client.pongs_owed, 0);
    struct bytes info = bytes_text("INFO {}\r\n");
    assert_true(codec_nats.next(&st.client.codec, &info, &event)); /* not the end of the half */
    assert_int_equal(event.kind, CODEC_HELLO);
    st.server = -1;
    stage_close(&st);
}

/* A listener on 127.0.0.1 whose address is the scenario's. */
static int listener_open(struct scenario *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    memcpy(&s->address, &at, sizeof at);
    s->address_bytes = sizeof at;
    return fd;
}

/* Goal:   on loopback, connection number n comes from an address of its own for every 2,000, so that
 *         local ports do not run out; and sockets do not wait to fill a packet.
 * Method: connections 0, 1,999, 2,000 and 100,000 to a listener that looks who came. */
static void test_client_source_addresses(void **state)
{
    static struct stage st;
    static const uint32_t numbers[] = {0, 1999, 2000, 100000};
    (void)state;
    stage_scenario(&st, &codec_nats);
    int listener = listener_open(&st.scenario);
    stage_course(&st);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct client *c = &st.client;
        client_init(c, &st.course, CLIENT_SUBSCRIBER, numbers[i], 0);
        assert_int_equal(client_open(c, &st.scenario), 0);
        assert_int_equal(c->state, CLIENT_CONNECTING);
        int result =
            connect(c->fd, (struct sockaddr *)&st.scenario.address, st.scenario.address_bytes);
        assert_true(result == 0 || errno == EINPROGRESS);
        struct sockaddr_in from;
        memset(&from, 0, sizeof from);
        socklen_t size = sizeof from;
        int peer = accept(listener, (struct sockaddr *)&from, &size);
        assert_true(peer >= 0);
        assert_int_equal(ntohl(from.sin_addr.s_addr), INADDR_LOOPBACK + numbers[i] / 2000);
        int yes = 0;
        socklen_t yes_size = sizeof yes;
        assert_int_equal(getsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, &yes_size), 0);
        assert_true(yes != 0);
        close(peer);
        client_free(c);
    }
    close(listener);
    course_free(&st.course);
}

/* Goal:   a receive buffer is small where it should be.
 * Method: a stalled subscriber, one with --receive-buffer, and one without. */
static void test_client_receive_buffers(void **state)
{
    static struct stage st;
    int bytes[3] = {0};
    (void)state;
    stage_scenario(&st, &codec_nats);
    close(listener_open(&st.scenario));
    st.scenario.subscribers = 2;
    st.scenario.stalled = 1;
    stage_course(&st);
    for (int i = 0; i < 3; i++) {
        socklen_t size = sizeof bytes[i];
        st.scenario.receive_buffer = i == 1 ? 16384 : 0;
        client_init(&st.client, &st.course, i == 0 ? CLIENT_STALLED : CLIENT_SUBSCRIBER, 0, 0);
        assert_int_equal(client_open(&st.client, &st.scenario), 0);
        assert_int_equal(getsockopt(st.client.fd, SOL_SOCKET, SO_RCVBUF, &bytes[i], &size), 0);
        client_free(&st.client);
    }
    assert_int_equal(bytes[0], 2 * 4096); /* Linux doubles what is asked for */
    assert_int_equal(bytes[1], 2 * 16384);
    assert_true(bytes[2] > bytes[1]);
    course_free(&st.course);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_handshake_of_nats),
        cmocka_unit_test(test_client_counts_confirmations),
        cmocka_unit_test(test_client_subscribes_by_role),
        cmocka_unit_test(test_client_subscribes_by_scenario),
        cmocka_unit_test(test_client_prefixes),
        cmocka_unit_test(test_client_answers_pings),
        cmocka_unit_test(test_client_is_refused),
        cmocka_unit_test(test_client_outbox),
        cmocka_unit_test(test_client_flush_of_a_broken_connection),
        cmocka_unit_test(test_client_again),
        cmocka_unit_test(test_client_source_addresses),
        cmocka_unit_test(test_client_receive_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
