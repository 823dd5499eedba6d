/*
 * test_receiver.c - what is judged of a read, whichever way through the receiver it takes.
 *
 * Frames in a row have a short way of their own (volley.h). With --latency all everything takes the long
 * way: so both can be asked about the same bytes, and must agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec_mqtt.h"
#include "loadgen/codec_nats.h"
#include "loadgen/codec_resp.h"
#include "loadgen/receiver.h"
#include "tests/loadgen/plain_scenario.h"

#include <stdio.h>
#include <string.h>

enum { START_NS = 1000000000, SECOND_NS = 1000000000, MESSAGES = 400, SIZE = 48, READ_MAX = 5000 };

/* One subscriber and what it hears. */
struct side {
    struct scenario scenario;
    struct course course;
    struct client client;
    struct receiver receiver;
    enum client_news news;
};

struct text {
    uint8_t bytes[MESSAGES * 4 * 128];
    size_t size;
};

static void side_open(struct side *s, const struct codec_protocol *protocol, uint32_t publishers,
                      uint32_t subjects, bool long_way)
{
    memset(s, 0, sizeof *s);
    plain_scenario(&s->scenario, protocol, SIZE);
    s->scenario.subjects = subjects;
    s->scenario.subscribers = subjects;
    s->scenario.publishers = publishers;
    s->scenario.latency_all = long_way;
    course_init(&s->course, &s->scenario, 1);
    s->course.form.run = 77; /* both sides read the same messages */
    s->course.measure_ns = START_NS;
    s->course.end_ns = START_NS + SECOND_NS;
    client_init(&s->client, &s->course, CLIENT_SUBSCRIBER, 0, 0);
    s->client.state = CLIENT_READY;
    receiver_init(&s->receiver, &s->course, &s->client, 1);
}

static void side_close(struct side *s)
{
    receiver_free(&s->receiver);
    client_free(&s->client);
    course_free(&s->course);
}

static uint32_t chance(uint64_t *random, uint32_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 33) % below;
}

/* Message number n of all that the subscriber hears: as a server would deliver it. */
static size_t frame_write(struct side *s, uint8_t *to, uint32_t n)
{
    const struct codec_protocol *protocol = s->scenario.protocol;
    uint32_t streams = s->scenario.subjects == 1 ? s->course.topology.streams : 1;
    struct message_header header = {START_NS + n, n / streams, n % streams};
    struct name name = name_subject(&s->scenario, 0);
    size_t size = protocol->render_delivery(to, 64, name.text, s->client.sid, SIZE);
    if (completion_follows(&s->course.completion, header.sequence)) {
        completion_begin(&s->course.completion, header.stream, header.sequence, 1, header.sent_ns);
    }
    message_prepare(&s->course.form, to + size, SIZE, n);
    message_stamp(&s->course.form, to + size, header);
    memcpy(to + size + SIZE, protocol->trailer, strlen(protocol->trailer));
    return size + SIZE + strlen(protocol->trailer);
}

/* All messages, with faults one in so many; 0: none. */
static void text_write(struct side *s, struct text *text, uint64_t *random, uint32_t one_in)
{
    uint8_t held[128];
    size_t held_bytes = 0;
    text->size = 0;
    for (uint32_t n = 0; n < MESSAGES; n++) {
        uint8_t *frame = text->bytes + text->size;
        size_t size = frame_write(s, frame, n);
        uint32_t fault = one_in == 0 || chance(random, one_in) != 0 ? 0 : 1 + chance(random, 5);
        switch (fault) {
        case 1: /* lost */
            size = 0;
            break;
        case 2: /* twice */
            memcpy(frame + size, frame, size);
            size *= 2;
            break;
        case 3: /* behind a later one */
            if (held_bytes == 0) {
                memcpy(held, frame, size);
                held_bytes = size;
                size = 0;
            }
            break;
        case 4: /* damaged: header or fill */
            frame[size - 3 - chance(random, SIZE)] ^= 4;
            break;
        case 5: /* something in between */
            memcpy(frame + size, s->scenario.protocol->ping, strlen(s->scenario.protocol->ping));
            size += strlen(s->scenario.protocol->ping);
            break;
        default:
            break;
        }
        text->size += size;
        if (held_bytes != 0 && chance(random, 3) == 0) {
            memcpy(text->bytes + text->size, held, held_bytes);
            text->size += held_bytes;
            held_bytes = 0;
        }
    }
}

static void hear(struct side *s, struct bytes bytes, uint64_t now_ns)
{
    struct codec_event event;
    /* A copy of its own size, so that a look beyond it is found. */
    uint8_t *copy = test_malloc(bytes.size);
    memcpy(copy, bytes.ptr, bytes.size);
    s->news = receiver_take(&s->receiver, &s->client, bytes_of(copy, bytes.size), now_ns, &event);
    test_free(copy);
}

static void hear_in_pieces(struct side *a, struct side *b, const struct text *text,
                           uint64_t *random)
{
    uint64_t now_ns = START_NS + 1000000;
    for (size_t at = 0; at < text->size;) {
        size_t size = MIN_OF(1 + (size_t)chance(random, READ_MAX), text->size - at);
        hear(a, bytes_of(text->bytes + at, size), now_ns);
        hear(b, bytes_of(text->bytes + at, size), now_ns);
        assert_int_equal(a->news, b->news);
        at += size;
        now_ns += 1000;
    }
}

static void close_books(struct side *s)
{
    uint32_t sent[8];
    for (uint32_t i = 0; i < s->course.topology.streams; i++) {
        sent[i] = MESSAGES / (s->scenario.subjects == 1 ? s->course.topology.streams : 1);
    }
    receiver_close(&s->receiver, &s->client, 1, sent);
    witness_check(&s->receiver.witness);
}

static void assert_alike(const struct side *a, const struct side *b)
{
    struct witness_counts x = receiver_counts(&a->receiver);
    struct witness_counts y = receiver_counts(&b->receiver);
    assert_int_equal(x.delivered, y.delivered);
    assert_int_equal(x.lost, y.lost);
    assert_int_equal(x.duplicated, y.duplicated);
    assert_int_equal(x.reordered, y.reordered);
    assert_int_equal(x.corrupted, y.corrupted);
    assert_int_equal(x.foreign, y.foreign);
    assert_int_equal(a->receiver.verified, b->receiver.verified);
    assert_int_equal(a->receiver.delivered, b->receiver.delivered);
    assert_int_equal(a->receiver.latency.count, b->receiver.latency.count);
    assert_int_equal(a->receiver.completion.count, b->receiver.completion.count);
    assert_int_equal(a->receiver.completion.sum_ns, b->receiver.completion.sum_ns);
    assert_int_equal(a->client.pongs_owed, b->client.pongs_owed);
}

static const struct codec_protocol *const protocols[] = {&codec_nats, &codec_resp, &codec_mqtt};
static const uint32_t shapes[][2] = {{1, 1}, {4, 1}, {4, 4}}; /* publishers, subjects */

/* Goal:   what a right server delivers is complete by both ways, wherever reads end.
 * Method: every protocol and shape; all messages, in pieces. */
static void test_receiver_all_is_there(void **state)
{
    (void)state;
    struct side *a = test_malloc(sizeof *a);
    struct side *b = test_malloc(sizeof *b);
    struct text *text = test_malloc(sizeof *text);
    uint64_t random = 3;
    for (size_t i = 0; i < COUNT_OF(protocols) * COUNT_OF(shapes); i++) {
        const uint32_t *shape = shapes[i / COUNT_OF(protocols)];
        side_open(a, protocols[i % COUNT_OF(protocols)], shape[0], shape[1], false);
        side_open(b, protocols[i % COUNT_OF(protocols)], shape[0], shape[1], true);
        text_write(b, text, &random, 0);
        text_write(a, text, &random, 0);
        hear_in_pieces(a, b, text, &random);
        close_books(a);
        close_books(b);
        assert_alike(a, b);
        assert_int_equal(a->receiver.witness.counts.delivered, MESSAGES);
        assert_int_equal(a->receiver.latency.count, MESSAGES);
        assert_int_equal(a->receiver.witness.counts.lost, 0);
        side_close(a);
        side_close(b);
    }
    test_free(a);
    test_free(b);
    test_free(text);
}

/* Goal:   the short way counts every fault as the long way does.
 * Method: 300 texts with faults of all kinds at random, of every protocol and shape; seeds are
 *         0 to 299. */
static void test_receiver_both_ways_agree(void **state)
{
    (void)state;
    struct side *a = test_malloc(sizeof *a);
    struct side *b = test_malloc(sizeof *b);
    struct text *text = test_malloc(sizeof *text);
    struct witness_counts all = {0, 0, 0, 0, 0, 0};
    for (uint64_t seed = 0; seed < 300; seed++) {
        const uint32_t *shape = shapes[seed / COUNT_OF(protocols) % COUNT_OF(shapes)];
        uint64_t random = seed * 0x9e3779b97f4a7c15u + 1;
        side_open(a, protocols[seed % COUNT_OF(protocols)], shape[0], shape[1], false);
        side_open(b, protocols[seed % COUNT_OF(protocols)], shape[0], shape[1], true);
        uint64_t again = random;
        uint32_t one_in = 5 + (uint32_t)(seed % 60);
        text_write(b, text, &again, one_in);
        text_write(a, text, &random, one_in);
        hear_in_pieces(a, b, text, &random);
        close_books(a);
        close_books(b);
        assert_alike(a, b);
        struct witness_counts counts = receiver_counts(&a->receiver);
        all.lost += counts.lost;
        all.duplicated += counts.duplicated;
        all.reordered += counts.reordered;
        all.corrupted += counts.corrupted;
        side_close(a);
        side_close(b);
    }
    assert_true(all.lost > 100 && all.duplicated > 100);
    assert_true(all.reordered > 100 && all.corrupted > 100);
    test_free(a);
    test_free(b);
    test_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receiver_all_is_there),
        cmocka_unit_test(test_receiver_both_ways_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
