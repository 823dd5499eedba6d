/* test_codec_resp.c - the generator's Redis codec: same events at every cut; broken input is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec_resp.h"
#include "tests/loadgen/codec_transcript.h"

static const char stream[] = "+OK\r\n+PONG\r\n:12\r\n:-1\r\n"
                             "*3\r\n$9\r\nsubscribe\r\n$3\r\na.b\r\n:1\r\n"
                             "*3\r\n$10\r\npsubscribe\r\n$3\r\na.*\r\n:2\r\n"
                             "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
                             "*3\r\n$7\r\nmessage\r\n$3\r\na.b\r\n$5\r\nhello\r\n"
                             "*3\r\n$7\r\nmessage\r\n$3\r\na.b\r\n$0\r\n\r\n"
                             "*4\r\n$8\r\npmessage\r\n$3\r\na.*\r\n$3\r\na.c\r\n$4\r\n\r\n\r\n\r\n"
                             "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"
                             "-NOAUTH Authentication required.\r\n"
                             "-WRONGPASS invalid username-password pair\r\n"
                             "-ERR invalid password\r\n"
                             "-ERR unknown command\r\n"
                             "+PONG\r\n";

/* Goal:   every reply and push comes out with its parts.
 * Method: the stream in one piece, compared with what is written here by hand. */
static void test_codec_resp_understands_each_reply(void **state)
{
    (void)state;
    struct transcript t;
    transcript_whole(&codec_resp, &t, stream, sizeof stream - 1);
    assert_string_equal(t.text, "5[OK||0|]3[PONG||0|]5[12||0|]5[-1||0|]"
                                "4[||0|]4[||0|]3[||0|]"
                                "1[|a.b|0|hello]1[|a.b|0|]1[|a.c|0|\r\n\r\n]"
                                "5[||0|]"
                                "8[NOAUTH Authentication required.||0|]"
                                "8[WRONGPASS invalid username-password pair||0|]"
                                "8[ERR invalid password||0|]6[ERR unknown command||0|]"
                                "3[PONG||0|]");
}

/* Goal:   what comes out does not depend on how the input is cut (codec.h, invariant 1).
 * Method: every way into three pieces; then byte by byte. */
static void test_codec_resp_same_at_every_cut(void **state)
{
    (void)state;
    transcript_check_cuts(&codec_resp, stream, sizeof stream - 1);
}

/* Goal:   input that is not RESP2 publish/subscribe is named, once (codec.h, invariant 2).
 * Method: a table; each whole and byte by byte, each with a good reply behind it. */
static void test_codec_resp_names_what_is_broken(void **state)
{
    (void)state;
    static const char *const table[] = {
        "HTTP/1.1 400\r\n",
        "$2\r\nab\r\n",
        "+OK\n",
        "\r\n",
        ":x\r\n",
        ":1234567890123456789\r\n",
        "*1\r\n$4\r\npong\r\n",
        "*5\r\n",
        "*-1\r\n",
        "*x\r\n",
        "*3\r\n+message\r\n",
        "*3\r\n$x\r\n",
        "*3\r\n$-2\r\n",
        "*3\r\n$99999\r\n",
        "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$67108865\r\n",
        "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nabc\r\n",
        "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n:1\r\n",
        "*4\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
        "*3\r\n$7\r\nmassage\r\n$1\r\na\r\n$1\r\nb\r\n",
        "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n$1\r\n1\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        transcript_check_broken(&codec_resp, table[i], strlen(table[i]), "+PONG\r\n+PONG\r\n", 14);
    }
}

/* Goal:   a line without an end does not grow for ever.
 * Method: letters until the codec complains; it must do so at its limit. */
static void test_codec_resp_bounds_a_line(void **state)
{
    (void)state;
    struct codec codec = {0};
    struct transcript t = {{0}, 0};
    for (size_t i = 0; i < CODEC_RESP_LINE_MAX; i++) {
        assert_int_equal(t.size, 0);
        transcript_feed(&codec_resp, &codec, &t, "-", 1);
    }
    assert_int_equal(t.text[0], '0' + CODEC_BROKEN);
    codec_free(&codec);
}

static void check_rendered(size_t size, const uint8_t *to, const char *expected)
{
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(to, expected, size);
}

/* Goal:   renderers write what the protocol says, and never beyond their room.
 * Method: exact text; then every room that is too small. */
static void test_codec_resp_renders(void **state)
{
    (void)state;
    uint8_t to[1024];
    size_t size = codec_resp.render_publish(to, sizeof to, "a.b", 12);
    check_rendered(size, to, "*3\r\n$7\r\nPUBLISH\r\n$3\r\na.b\r\n$12\r\n");
    size = codec_resp.render_subscribe(to, sizeof to, "a.b", 0);
    check_rendered(size, to, "*2\r\n$9\r\nSUBSCRIBE\r\n$3\r\na.b\r\n");
    size = codec_resp.render_subscribe(to, sizeof to, "a?.*.>", 0);
    check_rendered(size, to, "*2\r\n$10\r\nPSUBSCRIBE\r\n$7\r\na\\?.*.*\r\n");
    size = codec_resp.render_unsubscribe(to, sizeof to, "a.b", 7);
    check_rendered(size, to, "*2\r\n$11\r\nUNSUBSCRIBE\r\n$3\r\na.b\r\n");
    size = codec_resp.render_unsubscribe(to, sizeof to, "a.>", 7);
    check_rendered(size, to, "*2\r\n$12\r\nPUNSUBSCRIBE\r\n$3\r\na.*\r\n");
    size = codec_resp.render_ping(to, sizeof to);
    check_rendered(size, to, "*1\r\n$4\r\nPING\r\n");
    size = codec_resp.render_delivery(to, sizeof to, "a.b", 0, 12);
    check_rendered(size, to, "*3\r\n$7\r\nmessage\r\n$3\r\na.b\r\n$12\r\n");
    for (size_t room = 0; room <= size; room++) {
        assert_int_equal(codec_resp.render_delivery(to, room, "a.b", 0, 12), 0);
    }
}

/* Goal:   a login is said in the form its parts ask for.
 * Method: none, a password alone, both. */
static void test_codec_resp_logs_in(void **state)
{
    (void)state;
    uint8_t to[256];
    struct codec_login nobody = {"", "", 0, 0, NULL};
    struct codec_login password = {"", "secret", 0, 0, NULL};
    struct codec_login both = {"me", "secret", 0, 0, NULL};
    assert_int_equal(codec_resp.render_connect(to, sizeof to, &nobody), 0);
    check_rendered(codec_resp.render_connect(to, sizeof to, &password), to,
                   "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n");
    check_rendered(codec_resp.render_connect(to, sizeof to, &both), to,
                   "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_resp_understands_each_reply),
        cmocka_unit_test(test_codec_resp_same_at_every_cut),
        cmocka_unit_test(test_codec_resp_names_what_is_broken),
        cmocka_unit_test(test_codec_resp_bounds_a_line),
        cmocka_unit_test(test_codec_resp_renders),
        cmocka_unit_test(test_codec_resp_logs_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
