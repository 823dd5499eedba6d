/* test_codec_nats.c - the generator's NATS codec: same events at every cut; broken input is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec_nats.h"

#include <stdio.h>

enum { TEXT_BYTES = 8192 };

/* Writes what came out of a codec as text, so that two outcomes can be compared. */
struct transcript {
    char text[TEXT_BYTES];
    size_t size;
};

static void note(struct transcript *t, const struct codec_event *e)
{
    int written =
        snprintf(t->text + t->size, sizeof t->text - t->size, "%d[%.*s|%.*s|%llu|%.*s]",
                 (int)e->kind, (int)e->text.size, (const char *)e->text.ptr, (int)e->subject.size,
                 (const char *)e->subject.ptr, (unsigned long long)e->sid, (int)e->payload.size,
                 (const char *)e->payload.ptr);
    assert_true(written > 0 && (size_t)written < sizeof t->text - t->size);
    t->size += (size_t)written;
}

/* Each piece is a copy of its own, so that a read beyond it is found. */
static void feed(struct codec *codec, struct transcript *t, const char *bytes, size_t size)
{
    uint8_t *copy = test_malloc(size + 1);
    memcpy(copy, bytes, size);
    struct bytes in = bytes_of(copy, size);
    struct codec_event event;
    while (codec_nats.next(codec, &in, &event)) {
        note(t, &event);
    }
    assert_int_equal(in.size, 0);
    test_free(copy);
}

static void whole(struct transcript *t, const char *bytes, size_t size)
{
    struct codec codec = {0};
    memset(t, 0, sizeof *t);
    feed(&codec, t, bytes, size);
    codec_free(&codec);
}

static const char stream[] = "INFO {\"server_id\":\"X\",\"max_payload\":1048576} \r\n"
                             "+OK\r\nPING\r\nPONG\r\n"
                             "MSG a.b 7 5\r\nhello\r\n"
                             "MSG a.b 7 reply.to 0\r\n\r\n"
                             "msg\ta.b  12\t4\r\n\r\n\r\n\r\n"
                             "HMSG h 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"
                             "HMSG h 2 r 12 12\r\nNATS/1.0\r\n\r\n\r\n"
                             "-ERR 'Slow Consumer'\r\n"
                             "PONG\n";

/* Goal:   every operation comes out with its parts.
 * Method: the stream in one piece, compared with what is written here by hand. */
static void test_codec_nats_understands_each_operation(void **state)
{
    (void)state;
    struct transcript t;
    whole(&t, stream, sizeof stream - 1);
    assert_string_equal(t.text, "0[{\"server_id\":\"X\",\"max_payload\":1048576} ||0|]"
                                "4[||0|]2[||0|]3[||0|]"
                                "1[a.b 7 5|a.b|7|hello]"
                                "1[a.b 7 reply.to 0|a.b|7|]"
                                "1[a.b  12\t4|a.b|12|\r\n\r\n]"
                                "1[h 1 12 14|h|1|hi]"
                                "1[h 2 r 12 12|h|2|]"
                                "5['Slow Consumer'||0|]3[||0|]");
}

/* Goal:   what comes out does not depend on how the input is cut (invariant 1).
 * Method: every pair of cuts, that is every way into three pieces; then byte by byte. */
static void test_codec_nats_same_at_every_cut(void **state)
{
    (void)state;
    struct transcript expected;
    size_t size = sizeof stream - 1;
    whole(&expected, stream, size);
    for (size_t first = 0; first <= size; first++) {
        for (size_t second = first; second <= size; second++) {
            struct codec codec = {0};
            struct transcript t = {{0}, 0};
            feed(&codec, &t, stream, first);
            feed(&codec, &t, stream + first, second - first);
            feed(&codec, &t, stream + second, size - second);
            codec_free(&codec);
            assert_string_equal(t.text, expected.text);
        }
    }
    struct codec codec = {0};
    struct transcript t = {{0}, 0};
    for (size_t i = 0; i < size; i++) {
        feed(&codec, &t, stream + i, 1);
    }
    codec_free(&codec);
    assert_string_equal(t.text, expected.text);
}

/* Goal:   input that is not NATS is named, once, and nothing comes after it (invariant 2).
 * Method: a table; each whole and byte by byte, each with a good operation behind it. */
static void test_codec_nats_names_what_is_broken(void **state)
{
    (void)state;
    static const char *const table[] = {
        "HTTP/1.1 400\r\n",
        "MSG\r\n",
        "MSG a 1\r\n",
        "MSG a x 1\r\n",
        "MSG a 1 -1\r\n",
        "MSG a 1 b c 1\r\n",
        "MSG a 1 2\r\nabcd\r\n",
        "HMSG a 1 5 4\r\n",
        "MSG a 1 9999999999\r\n",
        "\r\n",
        "MSG a 1 1234567890123456789012\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char text[256];
        int size = snprintf(text, sizeof text, "%sPING\r\nPING\r\n", table[i]);
        struct transcript t;
        whole(&t, text, (size_t)size);
        assert_int_equal(t.text[0], '0' + CODEC_BROKEN);
        struct codec codec = {0};
        struct transcript bytewise = {{0}, 0};
        for (int at = 0; at < size; at++) {
            feed(&codec, &bytewise, text + at, 1);
        }
        codec_free(&codec);
        assert_string_equal(bytewise.text, t.text);
        assert_null(strchr(t.text + 1, ']')[1] != 0 ? t.text : NULL);
    }
}

/* Goal:   a line without an end does not grow for ever.
 * Method: letters until the codec complains; it must do so at its limit. */
static void test_codec_nats_bounds_a_line(void **state)
{
    (void)state;
    struct codec codec = {0};
    struct transcript t = {{0}, 0};
    for (size_t i = 0; i < CODEC_NATS_LINE_MAX; i++) {
        assert_int_equal(t.size, 0);
        feed(&codec, &t, "x", 1);
    }
    assert_int_equal(t.text[0], '0' + CODEC_BROKEN);
    codec_free(&codec);
}

/* Goal:   renderers write what the protocol says, and never beyond their room.
 * Method: exact text; then every room that is too small. */
static void test_codec_nats_renders(void **state)
{
    (void)state;
    uint8_t to[1024];
    struct codec_login nobody = {"", ""};
    struct codec_login somebody = {"u", "p"};
    size_t size = codec_nats.render_publish(to, sizeof to, "a.b", 12);
    assert_int_equal(size, 12);
    assert_memory_equal(to, "PUB a.b 12\r\n", size);
    size = codec_nats.render_subscribe(to, sizeof to, "a.b", 3);
    assert_memory_equal(to, "SUB a.b 3\r\n", size);
    size = codec_nats.render_delivery(to, sizeof to, "a.b", 3, 12);
    assert_memory_equal(to, "MSG a.b 3 12\r\n", size);
    for (size_t room = 0; room <= size; room++) {
        assert_int_equal(codec_nats.render_delivery(to, room, "a.b", 3, 12), 0);
    }
    size = codec_nats.render_connect(to, sizeof to, &somebody);
    assert_memory_equal(to, "CONNECT {\"user\":\"u\",\"pass\":\"p\",", 31);
    assert_memory_equal(to + size - 3, "}\r\n", 3);
    assert_true(codec_nats.render_connect(to, sizeof to, &nobody) < size);
    assert_int_equal(codec_nats.render_connect(to, 20, &nobody), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_nats_understands_each_operation),
        cmocka_unit_test(test_codec_nats_same_at_every_cut),
        cmocka_unit_test(test_codec_nats_names_what_is_broken),
        cmocka_unit_test(test_codec_nats_bounds_a_line),
        cmocka_unit_test(test_codec_nats_renders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
