/* test_responder.c - one answer per request, to who asked, as it came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec_nats.h"
#include "loadgen/codec_resp.h"
#include "loadgen/responder.h"
#include "tests/loadgen/peer_stage.h"

#include <stdio.h>

static void responder_stage(struct stage *st, const struct codec_protocol *protocol)
{
    stage_scenario(st, protocol);
    st->scenario.kind = SCENARIO_REQUEST;
    st->scenario.publishers = 3;
    stage_course(st);
    stage_client(st, CLIENT_RESPONDER, 0, 0);
    st->client.state = CLIENT_READY;
}

static enum client_news take(struct stage *st, const char *bytes, size_t size,
                             struct codec_event *event)
{
    return responder_take(&st->client, &st->course, bytes_of(bytes, size), event);
}

static enum client_news take_text(struct stage *st, const char *text)
{
    struct codec_event event;
    return take(st, text, strlen(text), &event);
}

/* Goal:   each request goes back to its reply subject with the payload it had, wherever the bytes
 *         are cut.
 * Method: two requests, one of them empty, cut at every byte. */
static void test_responder_answers_wherever_cut(void **state)
{
    static struct stage st;
    static const char in[] = "MSG s.t 1 back.1 5\r\nhello\r\nMSG s.t 1 back.22 0\r\n\r\n";
    (void)state;
    responder_stage(&st, &codec_nats);
    for (size_t cut = 0; cut < sizeof in; cut++) {
        struct codec_event event;
        assert_int_equal(take(&st, in, cut, &event), CLIENT_NOTHING);
        assert_int_equal(take(&st, in + cut, sizeof in - 1 - cut, &event), CLIENT_NOTHING);
        assert_string_equal(stage_said(&st), "PUB back.1 5\r\nhello\r\nPUB back.22 0\r\n\r\n");
    }
    stage_close(&st);
}

/* Goal:   where the protocol has no reply subject, our header says whose request it is.
 * Method: Redis: a request of requester 2, an alien message, and one too short. */
static void test_responder_answers_by_header(void **state)
{
    static struct stage st;
    uint8_t payload[STAGE_SIZE];
    char in[512];
    char wanted[512];
    (void)state;
    responder_stage(&st, &codec_resp);
    struct message_header header = {STAGE_START_NS, 0, 2};
    message_prepare(&st.course.form, payload, STAGE_SIZE, 0);
    message_stamp(&st.course.form, payload, header);
    static const char before[] = "*3\r\n$7\r\nmessage\r\n$3\r\ns.t\r\n$64\r\n";
    memcpy(in, before, sizeof before - 1);
    memcpy(in + sizeof before - 1, payload, STAGE_SIZE);
    memcpy(in + sizeof before - 1 + STAGE_SIZE, "\r\n", 2);
    size_t size = sizeof before - 1 + STAGE_SIZE + 2;
    struct codec_event event;
    assert_int_equal(take(&st, in, size, &event), CLIENT_NOTHING);
    size_t prefix =
        codec_resp.render_publish((uint8_t *)wanted, sizeof wanted, "s.t.reply.abc.2", STAGE_SIZE);
    memcpy(wanted + prefix, payload, STAGE_SIZE);
    memcpy(wanted + prefix + STAGE_SIZE, "\r\n", 2);
    MAYBE(stage_said(&st) != NULL);
    assert_int_equal(st.said_bytes, prefix + STAGE_SIZE + 2);
    assert_memory_equal(st.said, wanted, st.said_bytes);

    in[sizeof before - 1] ^= 1; /* damaged: nobody knows who asked */
    assert_int_equal(take(&st, in, size, &event), CLIENT_NOTHING);
    assert_int_equal(take_text(&st, "*3\r\n$7\r\nmessage\r\n$3\r\ns.t\r\n$5\r\nshort\r\n"),
                     CLIENT_NOTHING);
    MAYBE(stage_said(&st) != NULL);
    assert_int_equal(st.said_bytes, 0);
    stage_close(&st);
}

/* Goal:   what is no request is heard all the same: a ping gets its pong, a complaint ends it.
 * Method: PING between two requests; -ERR, whose words are told. */
static void test_responder_hears_the_server(void **state)
{
    static struct stage st;
    (void)state;
    responder_stage(&st, &codec_nats);
    assert_int_equal(take_text(&st, "MSG s.t 1 r 1\r\na\r\nPING\r\nMSG s.t 1 r 1\r\nb\r\n"),
                     CLIENT_NOTHING);
    assert_string_equal(stage_said(&st), "PUB r 1\r\na\r\nPONG\r\nPUB r 1\r\nb\r\n");
    struct codec_event event;
    static const char no[] = "-ERR 'Slow Consumer'\r\nMSG s.t 1 r 1\r\nc\r\n";
    assert_int_equal(take(&st, no, sizeof no - 1, &event), CLIENT_REFUSED);
    assert_int_equal(event.kind, CODEC_REFUSED);
    assert_true(bytes_equal(event.text, bytes_text("'Slow Consumer'")));
    assert_string_equal(stage_said(&st), ""); /* nothing behind it was answered */
    stage_close(&st);
}

/* Goal:   a requester that does not read holds nothing up and loses nothing.
 * Method: more answers than the socket takes; then the peer reads. */
static void test_responder_keeps_what_does_not_fit(void **state)
{
    static struct stage st;
    static char in[65536];
    enum { ROUNDS = 20 };
    size_t heard = 0;
    (void)state;
    responder_stage(&st, &codec_nats);
    int head = snprintf(in, sizeof in, "MSG s.t 1 r 60000\r\n");
    memset(in + head, 'x', 60000);
    memcpy(in + head + 60000, "\r\n", 2);
    for (int i = 0; i < ROUNDS; i++) {
        struct codec_event event;
        assert_int_equal(take(&st, in, (size_t)head + 60002, &event), CLIENT_NOTHING);
    }
    assert_false(client_is_quiet(&st.client));
    while (!client_is_quiet(&st.client)) {
        MAYBE(stage_said(&st) != NULL);
        heard += st.said_bytes;
        assert_true(client_flush(&st.client));
    }
    MAYBE(stage_said(&st) != NULL);
    assert_int_equal(heard + st.said_bytes, ROUNDS * (strlen("PUB r 60000\r\n") + 60002));
    stage_close(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_responder_answers_wherever_cut),
        cmocka_unit_test(test_responder_answers_by_header),
        cmocka_unit_test(test_responder_hears_the_server),
        cmocka_unit_test(test_responder_keeps_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
