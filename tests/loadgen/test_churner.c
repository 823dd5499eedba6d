/* test_churner.c - subscriptions come and go by the clock, and are counted once they are confirmed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/churner.h"
#include "loadgen/codec_mqtt.h"
#include "loadgen/codec_nats.h"
#include "loadgen/codec_resp.h"
#include "tests/loadgen/peer_stage.h"

struct churn_stage {
    struct stage peer;
    struct churner churner;
    struct churner_figures figures;
};

/* Churner index of two at 2,000 a second together: one is due every millisecond. */
static void churn_open(struct churn_stage *st, const struct codec_protocol *protocol,
                       uint32_t index)
{
    stage_scenario(&st->peer, protocol);
    st->peer.scenario.churn = 2000;
    st->peer.scenario.churners = 2;
    st->peer.scenario.churn_on = SCENARIO_CHURN_OTHER;
    stage_course(&st->peer);
    stage_client(&st->peer, CLIENT_CHURNER, 2 + index, index);
    st->peer.client.state = CLIENT_READY;
    memset(&st->figures, 0, sizeof st->figures);
    churner_init(&st->churner, &st->peer.course, &st->peer.client, &st->figures);
    churner_start(&st->churner);
}

static void churn_close(struct churn_stage *st)
{
    stage_close(&st->peer);
}

static uint64_t at_us(uint64_t us)
{
    return STAGE_START_NS + us * 1000;
}

static enum client_news take(struct churn_stage *st, const char *text, uint64_t now_ns,
                             struct codec_event *event)
{
    return churner_take(&st->churner, bytes_text(text), now_ns, event);
}

static void hear(struct churn_stage *st, const char *text, uint64_t now_ns)
{
    struct codec_event event;
    assert_int_equal(take(st, text, now_ns, &event), CLIENT_NOTHING);
}

/* Goal:   one comes, the one before goes, at due times of the rate alone; a PING asks when it is
 *         done, and no second one before its PONG.
 * Method: churner 1 of 2, asked at its due times; the server answers late. */
static void test_churner_comes_and_goes(void **state)
{
    static struct churn_stage st;
    (void)state;
    churn_open(&st, &codec_nats, 1);
    assert_int_equal(churner_turn(&st.churner, at_us(0)), at_us(500)); /* its place: 1 of 2 */
    assert_string_equal(stage_said(&st.peer), "");
    assert_int_equal(churner_turn(&st.churner, at_us(500)), at_us(1500));
    assert_string_equal(stage_said(&st.peer), "SUB s.t.churn.1.0 1\r\nPING\r\n");
    assert_int_equal(churner_turn(&st.churner, at_us(1600)), at_us(2500)); /* late, without drift */
    assert_string_equal(stage_said(&st.peer), "SUB s.t.churn.1.1 2\r\nUNSUB 1\r\n");
    hear(&st, "PONG\r\n", at_us(1700));
    assert_string_equal(stage_said(&st.peer), "PING\r\n"); /* about the second */
    assert_int_equal(st.figures.done, 1);
    hear(&st, "PONG\r\n", at_us(1800));
    assert_int_equal(st.figures.done, 2);
    assert_int_equal(st.figures.confirmed.count, 2);
    assert_int_equal(st.figures.confirmed.max_ns, 1200000); /* due at 500 us, known at 1,700 */
    hear(&st, "PONG\r\n", at_us(1900));                     /* nobody asked */
    assert_int_equal(st.figures.done, 2);
    churn_close(&st);
}

/* Goal:   after a standstill all that was due is done, in bounded steps, and timed from its due.
 * Method: the first call comes 600 ms late: 600 subscriptions, 256 a turn. */
static void test_churner_catches_up(void **state)
{
    static struct churn_stage st;
    (void)state;
    churn_open(&st, &codec_nats, 0);
    uint64_t now_ns = at_us(599500);
    int turns = 0;
    while (churner_turn(&st.churner, now_ns) <= now_ns) {
        turns++;
    }
    assert_int_equal(turns, 2); /* and a third that was not due again */
    hear(&st, "PONG\r\n", now_ns);
    hear(&st, "PONG\r\n", now_ns);
    assert_int_equal(st.figures.done, 600);
    assert_int_equal(st.figures.confirmed.max_ns, 599500000);
    churn_close(&st);
}

/* Goal:   a server that answers nothing is waited for; what it does not confirm is not counted.
 * Method: 2 million a second for a second without a PONG; then one. */
static void test_churner_waits_for_the_server(void **state)
{
    static struct churn_stage st;
    (void)state;
    churn_open(&st, &codec_nats, 0);
    st.peer.scenario.churn = 2000000;
    churner_start(&st.churner);
    uint64_t subs = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t next_ns = churner_turn(&st.churner, at_us(900000));
        for (const char *at = stage_said(&st.peer); (at = strstr(at, "\nSUB ")) != NULL; at++) {
            subs++;
        }
        if (next_ns == UINT64_MAX) {
            break;
        }
    }
    assert_int_equal(st.churner.covered + st.churner.unasked, CHURNER_BEHIND_MAX);
    assert_in_range(subs, CHURNER_BEHIND_MAX - 100, CHURNER_BEHIND_MAX);
    assert_int_equal(churner_turn(&st.churner, at_us(900001)), UINT64_MAX);
    assert_string_equal(stage_said(&st.peer), "");
    uint64_t covered = st.churner.covered;
    hear(&st, "PONG\r\n", at_us(900002));
    assert_int_equal(st.figures.done, covered);
    MAYBE(stage_said(&st.peer) != NULL);
    uint64_t number = st.churner.number;
    MAYBE(churner_turn(&st.churner, at_us(900003)) != 0);
    assert_int_equal(st.churner.number,
                     number + covered); /* so many more, and again so far behind */
    assert_non_null(strstr(stage_said(&st.peer), "SUB "));
    churn_close(&st);
}

/* Goal:   after the end nothing comes any more, and only what was due while measuring counts.
 * Method: the last call is long after the end; another run measures from its middle on. */
static void test_churner_counts_what_is_measured(void **state)
{
    static struct churn_stage st;
    (void)state;
    churn_open(&st, &codec_nats, 0);
    st.peer.course.measure_ns = at_us(999000);
    while (churner_turn(&st.churner, at_us(2000000)) != UINT64_MAX) {
    }
    assert_int_equal(st.churner.number, 1000); /* half of 2,000 in one second */
    hear(&st, "PONG\r\nMSG s.t.churn.0.1 2 1\r\nx\r\n", at_us(2000000));
    assert_int_equal(st.figures.done, 0); /* the first batch began before measuring */
    assert_int_equal(st.figures.heard, 0);
    churn_close(&st);

    churn_open(&st, &codec_nats, 0);
    MAYBE(churner_turn(&st.churner, at_us(0)) != 0);
    hear(&st, "MSG s.t.churn.0.0 1 1\r\nx\r\nPONG\r\nMSG s.t.churn.0.0 1 1\r\ny\r\n", at_us(10));
    assert_int_equal(st.figures.heard, 2);
    assert_int_equal(st.figures.done, 1);
    churn_close(&st);
}

/* Goal:   where the protocol has no sids the old subscription goes before the new one comes, as the
 *         same name again would be the same subscription.
 * Method: Redis and MQTT on the subject that is published to; the order in what was said. */
static void test_churner_without_sids(void **state)
{
    static struct churn_stage st;
    static const struct codec_protocol *const protocols[] = {&codec_resp, &codec_mqtt};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        uint8_t wanted[512];
        churn_open(&st, protocols[i], 0);
        st.peer.scenario.churn_on = SCENARIO_CHURN_SAME;
        assert_int_equal(churner_turn(&st.churner, at_us(0)), at_us(1000));
        MAYBE(stage_said(&st.peer) != NULL);
        assert_int_equal(churner_turn(&st.churner, at_us(1000)), at_us(2000));
        size_t size = protocols[i]->render_unsubscribe(wanted, sizeof wanted, "s.t", 1);
        size += protocols[i]->render_subscribe(wanted + size, sizeof wanted - size, "s.t", 2);
        MAYBE(stage_said(&st.peer) != NULL);
        assert_int_equal(st.peer.said_bytes, size);
        assert_memory_equal(st.peer.said, wanted, size);
        churn_close(&st);
    }
}

/* Goal:   nothing is said before the connection is ready, or while its last words wait for room.
 * Method: each; then it goes on. */
static void test_churner_waits_for_its_connection(void **state)
{
    static struct churn_stage st;
    (void)state;
    churn_open(&st, &codec_nats, 0);
    st.peer.client.state = CLIENT_CONFIRMING;
    assert_int_equal(churner_turn(&st.churner, at_us(5000)), UINT64_MAX);
    st.peer.client.state = CLIENT_READY;
    memcpy(client_room(&st.peer.client, 6), "PING\r\n", 6);
    client_said(&st.peer.client, 6);
    assert_int_equal(churner_turn(&st.churner, at_us(5000)), UINT64_MAX);
    assert_true(client_flush(&st.peer.client));
    assert_string_equal(stage_said(&st.peer), "PING\r\n");
    assert_int_equal(churner_turn(&st.churner, at_us(5000)), at_us(6000));
    assert_int_equal(st.churner.number, 6);
    churn_close(&st);
}

/* Goal:   on a new connection nothing of the old one is unsubscribed or awaited; sids go on.
 * Method: one subscription on the old; then a turn on the new. */
static void test_churner_again(void **state)
{
    static struct churn_stage st;
    (void)state;
    churn_open(&st, &codec_nats, 0);
    assert_int_equal(churner_turn(&st.churner, at_us(0)), at_us(1000));
    MAYBE(stage_said(&st.peer) != NULL);
    churner_again(&st.churner);
    churner_start(&st.churner);
    assert_int_equal(churner_turn(&st.churner, at_us(0)), at_us(1000));
    assert_string_equal(stage_said(&st.peer), "SUB s.t.churn.0.1 2\r\nPING\r\n");
    hear(&st, "PONG\r\n", at_us(10));
    assert_int_equal(st.figures.done, 1);
    churn_close(&st);
}

/* Goal:   a complaint is the caller's to tell, with its words, and nothing behind it is heard.
 * Method: a message, -ERR, a message. */
static void test_churner_is_refused(void **state)
{
    static struct churn_stage st;
    struct codec_event event;
    (void)state;
    churn_open(&st, &codec_nats, 0);
    assert_int_equal(
        take(&st, "MSG s.t 1 1\r\nx\r\n-ERR 'Permissions Violation'\r\nMSG s.t 1 1\r\nx\r\n",
             at_us(10), &event),
        CLIENT_REFUSED);
    assert_true(bytes_equal(event.text, bytes_text("'Permissions Violation'")));
    assert_int_equal(st.figures.heard, 1);
    churn_close(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_churner_comes_and_goes),
        cmocka_unit_test(test_churner_catches_up),
        cmocka_unit_test(test_churner_waits_for_the_server),
        cmocka_unit_test(test_churner_counts_what_is_measured),
        cmocka_unit_test(test_churner_without_sids),
        cmocka_unit_test(test_churner_waits_for_its_connection),
        cmocka_unit_test(test_churner_again),
        cmocka_unit_test(test_churner_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
