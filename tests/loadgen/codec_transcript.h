/*
 * codec_transcript.h - what comes out of a codec, as text, so that two outcomes can be compared.
 *
 *   kind[text|subject|sid|payload]kind[...
 *
 * Include cmocka first.
 */
#ifndef RINGHUB_TESTS_LOADGEN_CODEC_TRANSCRIPT_H
#define RINGHUB_TESTS_LOADGEN_CODEC_TRANSCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TRANSCRIPT_BYTES = 8192 };

struct transcript {
    char text[TRANSCRIPT_BYTES];
    size_t size;
};

static inline void transcript_note(struct transcript *t, const struct codec_event *e)
{
    int written =
        snprintf(t->text + t->size, sizeof t->text - t->size, "%d[%.*s|%.*s|%llu|%.*s]",
                 (int)e->kind, (int)e->text.size, (const char *)e->text.ptr, (int)e->subject.size,
                 (const char *)e->subject.ptr, (unsigned long long)e->sid, (int)e->payload.size,
                 (const char *)e->payload.ptr);
    assert_true(written > 0 && (size_t)written < sizeof t->text - t->size);
    t->size += (size_t)written;
}

/* Each piece is a copy of its own size, so that a read beyond it is found. */
static inline void transcript_feed(const struct codec_protocol *protocol, struct codec *codec,
                                   struct transcript *t, const char *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    uint8_t *copy = (uint8_t *)test_malloc(size);
    memcpy(copy, bytes, size);
    struct bytes in = bytes_of(copy, size);
    struct codec_event event;
    while (protocol->next(codec, &in, &event)) {
        transcript_note(t, &event);
    }
    assert_int_equal(in.size, 0);
    test_free(copy);
}

static inline void transcript_whole(const struct codec_protocol *protocol, struct transcript *t,
                                    const char *bytes, size_t size)
{
    struct codec codec;
    memset(&codec, 0, sizeof codec);
    memset(t, 0, sizeof *t);
    transcript_feed(protocol, &codec, t, bytes, size);
    codec_free(&codec);
}

static inline void transcript_bytewise(const struct codec_protocol *protocol, struct transcript *t,
                                       const char *bytes, size_t size)
{
    struct codec codec;
    memset(&codec, 0, sizeof codec);
    memset(t, 0, sizeof *t);
    for (size_t i = 0; i < size; i++) {
        transcript_feed(protocol, &codec, t, bytes + i, 1);
    }
    codec_free(&codec);
}

/* Fails unless every way into three pieces, and single bytes, give the same events. */
static inline void transcript_check_cuts(const struct codec_protocol *protocol, const char *bytes,
                                         size_t size)
{
    struct transcript expected;
    struct transcript t;
    transcript_whole(protocol, &expected, bytes, size);
    for (size_t first = 0; first <= size; first++) {
        for (size_t second = first; second <= size; second++) {
            struct codec codec;
            memset(&codec, 0, sizeof codec);
            t.size = 0;
            transcript_feed(protocol, &codec, &t, bytes, first);
            transcript_feed(protocol, &codec, &t, bytes + first, second - first);
            transcript_feed(protocol, &codec, &t, bytes + second, size - second);
            codec_free(&codec);
            assert_int_equal(t.size, expected.size);
            assert_memory_equal(t.text, expected.text, t.size);
        }
    }
    transcript_bytewise(protocol, &t, bytes, size);
    assert_string_equal(t.text, expected.text);
}

/* Fails unless bad gives one CODEC_BROKEN and nothing after it, whole and byte by byte, with good
 * operations behind it. */
static inline void transcript_check_broken(const struct codec_protocol *protocol, const char *bad,
                                           size_t bad_bytes, const char *good, size_t good_bytes)
{
    char text[512];
    struct transcript t;
    struct transcript bytewise;
    assert_true(bad_bytes + good_bytes <= sizeof text);
    memcpy(text, bad, bad_bytes);
    memcpy(text + bad_bytes, good, good_bytes);
    transcript_whole(protocol, &t, text, bad_bytes + good_bytes);
    assert_int_equal(t.text[0], '0' + CODEC_BROKEN);
    assert_ptr_equal(strchr(t.text, ']'), t.text + t.size - 1);
    transcript_bytewise(protocol, &bytewise, text, bad_bytes + good_bytes);
    assert_string_equal(bytewise.text, t.text);
}

#ifdef __cplusplus
}
#endif
#endif
