/* test_volley.c - frames in a row: what ends a volley, and what it says of those before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/volley.h"

#include <string.h>

enum { FRAMES = 200, PAYLOAD_BYTES = 48, STREAMS = 3 };

static const char prefix_text[] = "MSG hubload.fanout 1 48\r\n";

struct world {
    struct message_form form;
    struct volley_frame frame;
    size_t step;
    uint8_t *bytes; /* exactly FRAMES frames, so that a look beyond is found */
    uint32_t next[STREAMS];
};

static uint8_t *payload_of(struct world *w, uint32_t index)
{
    return w->bytes + index * w->step + w->frame.prefix.size;
}

/* Stream i mod streams, each from 0 on. */
static void stamp(struct world *w, uint32_t index, uint32_t streams)
{
    struct message_header header = {1000 + index, index / streams,
                                    w->frame.first_stream + index % streams};
    message_stamp(&w->form, payload_of(w, index), header);
}

static struct world made(const char *trailer, uint32_t streams)
{
    struct world w;
    memset(&w, 0, sizeof w);
    message_form_init(&w.form, 1, 2, false);
    w.frame.prefix = bytes_of(prefix_text, sizeof prefix_text - 1);
    w.frame.payload_bytes = PAYLOAD_BYTES;
    w.frame.trailer = bytes_text(trailer);
    w.frame.first_stream = 7;
    w.frame.streams = streams;
    w.frame.mark_mask = 63;
    w.step = volley_frame_bytes(&w.frame);
    w.bytes = test_malloc(FRAMES * w.step);
    for (uint32_t i = 0; i < FRAMES; i++) {
        w.frame.form = &w.form;
        memcpy(w.bytes + i * w.step, prefix_text, w.frame.prefix.size);
        message_prepare(&w.form, payload_of(&w, i), PAYLOAD_BYTES, i);
        stamp(&w, i, streams);
        memcpy(payload_of(&w, i) + PAYLOAD_BYTES, trailer, strlen(trailer));
    }
    return w;
}

static void gone(struct world *w)
{
    test_free(w->bytes);
    message_form_free(&w->form);
}

static struct volley taken(struct world *w, size_t size)
{
    struct volley volley;
    w->frame.form = &w->form;
    volley_take(&volley, &w->frame, bytes_of(w->bytes, size), w->next);
    return volley;
}

/* Goal:   what is right is taken whole, cut frames are left, and marks are where they belong.
 * Method: every number of bytes up to three frames; then all of one and of several streams, with
 *         and without a trailer. */
static void test_volley_takes_what_is_complete(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t streams = i % 2 == 0 ? 1 : STREAMS;
        struct world w = made(i < 2 ? "\r\n" : "", streams);
        for (size_t size = 0; size <= 3 * w.step; size++) {
            memset(w.next, 0, sizeof w.next);
            assert_int_equal(taken(&w, size).count, size / w.step);
        }
        memset(w.next, 0, sizeof w.next);
        struct volley volley = taken(&w, FRAMES * w.step);
        assert_int_equal(volley.count, FRAMES);
        uint32_t marks = 0;
        for (uint32_t at = 0; at < FRAMES; at++) {
            if (at / streams % 64 == 0) {
                assert_int_equal(volley.marks[marks++], at);
            }
        }
        assert_int_equal(volley.marks_count, marks);
        assert_int_equal(w.next[0], (FRAMES + streams - 1) / streams);
        gone(&w);
    }
}

/* Goal:   a frame that is not as it should be ends the volley, whatever is wrong with it, and is not
 *         counted.
 * Method: every byte of one frame but its fill damaged, in turn; then sequences and streams that are
 *         not due. */
static void test_volley_ends_before_what_is_wrong(void **state)
{
    (void)state;
    enum { AT = 5 };
    struct world w = made("\r\n", 1);
    for (size_t i = 0; i < w.step; i++) {
        bool fill =
            i >= w.frame.prefix.size + MESSAGE_BYTES_MIN && i < w.frame.prefix.size + PAYLOAD_BYTES;
        memset(w.next, 0, sizeof w.next);
        w.bytes[AT * w.step + i] ^= 1;
        assert_int_equal(taken(&w, FRAMES * w.step).count, fill ? FRAMES : AT);
        assert_int_equal(w.next[0], fill ? FRAMES : AT);
        w.bytes[AT * w.step + i] ^= 1;
    }
    static const struct message_header wrong[] = {
        {1, AT - 1, 7}, {1, AT + 1, 7}, {1, AT, 6}, {1, AT, 8}, {1, 0, 7}, {1, UINT32_MAX, 7}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        memset(w.next, 0, sizeof w.next);
        message_stamp(&w.form, payload_of(&w, AT), wrong[i]);
        assert_int_equal(taken(&w, FRAMES * w.step).count, AT);
        assert_int_equal(w.next[0], AT);
    }
    gone(&w);
}

/* Goal:   marks are never more than there is room for, and none is passed over.
 * Method: every frame is marked; volleys until all are taken. */
static void test_volley_ends_when_marks_are_full(void **state)
{
    (void)state;
    struct world w = made("\r\n", 1);
    w.frame.mark_mask = 0;
    size_t at = 0;
    for (uint32_t left = FRAMES; left != 0;) {
        struct volley volley;
        w.frame.form = &w.form;
        volley_take(&volley, &w.frame, bytes_of(w.bytes + at, FRAMES * w.step - at), w.next);
        assert_int_equal(volley.count, MIN_OF(left, (uint32_t)VOLLEY_MARKS_MAX));
        assert_int_equal(volley.marks_count, volley.count);
        left -= volley.count;
        at += volley.count * w.step;
    }
    assert_int_equal(w.next[0], FRAMES);
    gone(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_volley_takes_what_is_complete),
        cmocka_unit_test(test_volley_ends_before_what_is_wrong),
        cmocka_unit_test(test_volley_ends_when_marks_are_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
