/* test_skim.c - frames counted by their bytes are the frames that were there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/skim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "MSG a 1 48\r\n";

enum {
    PAYLOAD_BYTES = 48,
    STREAM_BYTES = 64 * 1024,
    PREFIX_BYTES = sizeof prefix - 1,
    FRAME_BYTES = PREFIX_BYTES + PAYLOAD_BYTES + 2,
};

/* What a server sends, and how far it was read. */
struct stream {
    uint8_t bytes[STREAM_BYTES];
    uint32_t end;
    uint32_t at;
    struct message_form form;
};

struct tally {
    uint64_t frames;
    uint32_t looked;
    uint32_t pings;
    uint32_t foreign;
    uint32_t damaged;
    uint32_t astray;
};

static struct stream *stream_new(void)
{
    struct stream *stream = memory_alloc(sizeof *stream);
    message_form_init(&stream->form, 7, 9, false);
    return stream;
}

static void stream_free(struct stream *stream)
{
    message_form_free(&stream->form);
    memory_free(stream);
}

static void say(struct stream *stream, const char *text)
{
    memcpy(stream->bytes + stream->end, text, strlen(text));
    stream->end += (uint32_t)strlen(text);
}

static uint8_t *frame(struct stream *stream, uint32_t sequence)
{
    struct message_header header = {1000 + sequence, sequence, 0};
    say(stream, prefix);
    uint8_t *payload = stream->bytes + stream->end;
    message_prepare(&stream->form, payload, PAYLOAD_BYTES, sequence);
    message_stamp(&stream->form, payload, header);
    stream->end += PAYLOAD_BYTES;
    say(stream, "\r\n");
    return payload;
}

static void skim_start(struct skim *skim, struct stream *stream)
{
    struct skim_frame form = {bytes_of((const uint8_t *)prefix, PREFIX_BYTES), FRAME_BYTES,
                              bytes_of((const uint8_t *)"PING\r\n", 6), &stream->form};
    skim_begin(skim, &form, 0);
}

static uint32_t part(struct stream *stream, uint32_t wish, uint32_t *left, uint8_t *room)
{
    uint32_t got = MIN_OF(wish, *left);
    if (room != NULL) {
        memcpy(room, stream->bytes + stream->at, got);
    }
    stream->at += got;
    *left -= got;
    return got;
}

/* One read of what the socket holds: at most most bytes. */
static struct skim_found read_once(struct skim *skim, struct stream *stream, bool look,
                                   uint32_t most, uint64_t next)
{
    uint32_t left = MIN_OF(most, stream->end - stream->at);
    struct skim_wish wish = skim_wish(skim, look);
    struct skim_got got = {0, 0, 0};
    got.skip = part(stream, wish.skip, &left, NULL);
    got.keep = part(stream, wish.keep, &left, skim_room(skim));
    got.rest = part(stream, wish.rest, &left, NULL);
    return skim_take(skim, got, (uint32_t)next);
}

/* Reads all, most bytes at a time, looking at every look-th read; frames were read before. */
static struct tally read_all(struct skim *skim, struct stream *stream, uint32_t most, uint32_t look,
                             uint64_t frames)
{
    struct tally tally;
    memset(&tally, 0, sizeof tally);
    tally.frames = frames;
    for (uint32_t i = 0; stream->at < stream->end; i++) {
        struct skim_found found = read_once(skim, stream, i % look == 0, most, tally.frames);
        tally.frames += (uint64_t)(found.before + (int64_t)found.after);
        tally.pings += found.pings;
        tally.looked += found.looked;
        tally.foreign += found.trouble == SKIM_FOREIGN;
        tally.damaged += found.trouble == SKIM_DAMAGED;
        tally.astray += found.trouble == SKIM_ASTRAY;
    }
    return tally;
}

/* Goal:   cuts and looks do not change the count.
 * Method: 100 frames, at every size of read from a byte to more than two frames, looked at in each
 *         read, in some, or in none. */
static void test_skim_counts_at_every_cut(void **state)
{
    (void)state;
    static const uint32_t looks[] = {1, 3, 1000000};
    for (size_t l = 0; l < COUNT_OF(looks); l++) {
        for (uint32_t most = 1; most < 2 * FRAME_BYTES + 5; most++) {
            struct stream *stream = stream_new();
            for (uint32_t i = 0; i < 100; i++) {
                MAYBE(frame(stream, i) != NULL);
            }
            struct skim skim;
            skim_start(&skim, stream);
            struct tally tally = read_all(&skim, stream, most, looks[l], 0);
            assert_int_equal(tally.frames, 100);
            assert_int_equal(tally.pings + tally.foreign + tally.damaged + tally.astray, 0);
            skim_end(&skim);
            stream_free(stream);
        }
    }
}

/* Goal:   a head says which message it is, and a frame in the works before the skim began is one.
 * Method: the first 20 bytes were read before. */
static void test_skim_sees_sequences(void **state)
{
    (void)state;
    struct stream *stream = stream_new();
    struct skim skim;
    for (uint32_t i = 0; i < 5; i++) {
        MAYBE(frame(stream, i) != NULL);
    }
    skim_start(&skim, stream);
    skim.bytes = 20;
    stream->at = 20;
    struct skim_found found = read_once(&skim, stream, true, UINT32_MAX, 1);
    assert_true(found.looked);
    assert_int_equal(found.before, 1);
    assert_int_equal(found.header.sequence, 1);
    assert_int_equal(found.header.sent_ns, 1001);
    assert_int_equal(found.after, 4);
    skim_end(&skim);
    stream_free(stream);
}

/* Goal:   a ping among frames is found by the shift it makes, wherever it lies, and counts no frame.
 * Method: a ping before each of the frames in turn, in reads of several sizes. */
static void test_skim_finds_pings(void **state)
{
    (void)state;
    for (uint32_t place = 0; place < 40; place++) {
        for (uint32_t most = 30; most < 6 * FRAME_BYTES; most += 37) {
            struct stream *stream = stream_new();
            struct skim skim;
            for (uint32_t i = 0; i < 60; i++) {
                if (i == place) {
                    say(stream, "PING\r\n");
                }
                MAYBE(frame(stream, i) != NULL);
            }
            skim_start(&skim, stream);
            struct tally tally = read_all(&skim, stream, most, 1, 0);
            assert_int_equal(tally.frames, 60);
            assert_int_equal(tally.pings, 1);
            assert_int_equal(tally.foreign + tally.damaged + tally.astray, 0);
            skim_end(&skim);
            stream_free(stream);
        }
    }
}

/* Goal:   more pings than a frame is long are found by the sequence behind them.
 * Method: 50 between two looks. */
static void test_skim_finds_many_pings(void **state)
{
    (void)state;
    struct stream *stream = stream_new();
    struct skim skim;
    MAYBE(frame(stream, 0) != NULL);
    for (uint32_t i = 1; i <= 50; i++) {
        MAYBE(frame(stream, i) != NULL);
        say(stream, "PING\r\n");
    }
    uint32_t pinged = stream->end;
    for (uint32_t i = 51; i < 60; i++) {
        MAYBE(frame(stream, i) != NULL);
    }
    skim_start(&skim, stream);
    struct skim_found found = read_once(&skim, stream, true, pinged, 0);
    int64_t frames = found.before + (int64_t)found.after;
    struct tally tally = read_all(&skim, stream, FRAME_BYTES, 1, (uint64_t)frames);
    assert_int_equal(tally.frames, 60);
    assert_int_equal(tally.pings, 50);
    assert_int_equal(tally.foreign + tally.damaged + tally.astray, 0);
    skim_end(&skim);
    stream_free(stream);
}

/* Goal:   a ping while nothing else comes is known at once. */
static void test_skim_hears_a_ping_alone(void **state)
{
    (void)state;
    struct stream *stream = stream_new();
    struct skim skim;
    MAYBE(frame(stream, 0) != NULL);
    skim_start(&skim, stream);
    assert_int_equal(read_once(&skim, stream, true, UINT32_MAX, 0).after, 1);
    say(stream, "PING\r\nPING\r\n");
    struct skim_found found = read_once(&skim, stream, true, UINT32_MAX, 1);
    assert_int_equal(found.pings, 2);
    assert_int_equal(found.after, 0);
    MAYBE(frame(stream, 1) != NULL);
    found = read_once(&skim, stream, true, UINT32_MAX, 1);
    assert_true(found.looked);
    assert_int_equal(found.header.sequence, 1);
    skim_end(&skim);
    stream_free(stream);
}

/* Goal:   other things are told apart: a frame of another length, a damaged header, no frames.
 * Method: each among good frames. */
static void test_skim_names_trouble(void **state)
{
    (void)state;
    struct stream *stream = stream_new();
    struct skim skim;
    MAYBE(frame(stream, 0) != NULL);
    say(stream, "MSG a 999 2\r\nhi\r\n");
    for (uint32_t i = 1; i < 20; i++) {
        MAYBE(frame(stream, i) != NULL);
    }
    skim_start(&skim, stream);
    struct tally tally = read_all(&skim, stream, 3 * FRAME_BYTES, 1, 0);
    assert_int_equal(tally.foreign, 1);
    assert_int_equal(tally.frames, 20);
    skim_end(&skim);

    stream->at = 0;
    stream->end = 0;
    MAYBE(frame(stream, 0) != NULL);
    frame(stream, 1)[3] ^= 1;
    MAYBE(frame(stream, 2) != NULL);
    skim_start(&skim, stream);
    tally = read_all(&skim, stream, FRAME_BYTES, 1, 0);
    assert_int_equal(tally.damaged, 1);
    assert_int_equal(tally.frames, 3);
    assert_int_equal(tally.looked, 2);
    skim_end(&skim);

    stream->at = 0;
    stream->end = 4096;
    memset(stream->bytes, 'x', stream->end);
    skim_start(&skim, stream);
    assert_int_equal(read_once(&skim, stream, true, 2 * FRAME_BYTES, 0).trouble, SKIM_FINE);
    assert_int_equal(read_once(&skim, stream, true, UINT32_MAX, 1).trouble, SKIM_ASTRAY);
    skim_end(&skim);
    stream_free(stream);
}

/* Goal:   pings behind the last frame are no frames, once it is known how many there were.
 * Method: 1 and 40 of them, then another frame. */
static void test_skim_closes(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 40};
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        struct stream *stream = stream_new();
        struct skim skim;
        for (uint32_t i = 0; i < 10; i++) {
            MAYBE(frame(stream, i) != NULL);
        }
        for (uint32_t i = 0; i < counts[c]; i++) {
            say(stream, "PING\r\n");
        }
        skim_start(&skim, stream);
        uint64_t frames = read_once(&skim, stream, true, UINT32_MAX, 0).after;
        assert_int_equal(skim_close(&skim, frames - 10), counts[c]);
        MAYBE(frame(stream, 10) != NULL);
        struct skim_found found = read_once(&skim, stream, true, UINT32_MAX, 10);
        assert_true(found.looked);
        assert_int_equal(found.header.sequence, 10);
        assert_int_equal(found.after, 1);
        skim_end(&skim);
        stream_free(stream);
    }
}

/* Goal:   a ping just before the end is none of the frames, and costs none of them, whatever was being
 *         looked for when the stream ended.
 * Method: 10 frames with a ping in front of each of the last and behind them, at every size of read,
 *         looked at in each read and in some. */
static void test_skim_closes_within_a_search(void **state)
{
    (void)state;
    for (uint32_t at = 6; at <= 10; at++) {
        for (uint32_t most = 1; most < 3 * FRAME_BYTES; most++) {
            for (uint32_t look = 1; look <= 5; look += 2) {
                struct stream *stream = stream_new();
                for (uint32_t i = 0; i <= 10; i++) {
                    if (i == at) {
                        say(stream, "PING\r\n");
                    }
                    if (i < 10) {
                        MAYBE(frame(stream, i) != NULL);
                    }
                }
                struct skim skim;
                skim_start(&skim, stream);
                struct tally tally = read_all(&skim, stream, most, look, 0);
                assert_true(tally.frames >= 10);
                assert_int_equal(tally.pings + skim_close(&skim, tally.frames - 10), 1);
                assert_int_equal(tally.foreign + tally.damaged + tally.astray, 0);
                skim_end(&skim);
                stream_free(stream);
            }
        }
    }
}

/* Goal:   a frame that is not to count does not, whether all of it is there or not. */
static void test_skim_disowns(void **state)
{
    (void)state;
    for (uint32_t first = PREFIX_BYTES + MESSAGE_BYTES_MIN; first <= 2 * FRAME_BYTES; first++) {
        struct stream *stream = stream_new();
        struct skim skim;
        for (uint32_t i = 0; i < 3; i++) {
            MAYBE(frame(stream, i) != NULL);
        }
        skim_start(&skim, stream);
        struct skim_found found = read_once(&skim, stream, true, first, 0);
        skim_disown(&skim, &found);
        uint64_t frames = found.after + read_once(&skim, stream, false, UINT32_MAX, 1).after;
        assert_int_equal(frames, 2);
        skim_end(&skim);
        stream_free(stream);
    }
}

/* Goal:   a large window is read in portions of just below its half, a small one as it comes, and no
 *         portion is more than a socket may hold. */
static void test_skim_portions(void **state)
{
    (void)state;
    struct stream *stream = stream_new();
    struct skim skim;
    skim_start(&skim, stream);
    uint64_t least = (uint64_t)SKIM_PORTION_MIN * 16 / 7 / FRAME_BYTES;
    assert_int_equal(skim_portion(&skim, 1), 1);
    assert_int_equal(skim_portion(&skim, least - 16), 1);
    uint32_t portion = skim_portion(&skim, least + 16);
    assert_in_range(portion, SKIM_PORTION_MIN, (least + 16) * FRAME_BYTES / 2 - 1);
    assert_int_equal(skim_portion(&skim, UINT32_MAX), SKIM_PORTION_MAX);
    skim_end(&skim);
    stream_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skim_portions),
        cmocka_unit_test(test_skim_counts_at_every_cut),
        cmocka_unit_test(test_skim_sees_sequences),
        cmocka_unit_test(test_skim_finds_pings),
        cmocka_unit_test(test_skim_finds_many_pings),
        cmocka_unit_test(test_skim_hears_a_ping_alone),
        cmocka_unit_test(test_skim_names_trouble),
        cmocka_unit_test(test_skim_disowns),
        cmocka_unit_test(test_skim_closes),
        cmocka_unit_test(test_skim_closes_within_a_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
