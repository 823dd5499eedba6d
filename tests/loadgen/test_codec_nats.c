/* test_codec_nats.c - the generator's NATS codec: same events at every cut; broken input is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loadgen/codec_nats.h"
#include "tests/loadgen/codec_transcript.h"

#include <jansson.h>

static const char stream[] = "INFO {\"server_id\":\"X\",\"max_payload\":1048576} \r\n"
                             "+OK\r\nPING\r\nPONG\r\n"
                             "MSG a.b 7 5\r\nhello\r\n"
                             "MSG a.b 7 reply.to 0\r\n\r\n"
                             "msg\ta.b  12\t4\r\n\r\n\r\n\r\n"
                             "HMSG h 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"
                             "HMSG h 2 r 12 12\r\nNATS/1.0\r\n\r\n\r\n"
                             "-ERR 'Slow Consumer'\r\n"
                             "-ERR 'Authorization Violation'\r\n"
                             "-ERR 'authentication timeout'\r\n"
                             "-ERR 'User Authentication Revoked'\r\n"
                             "-ERR 'Permissions Violation for Subscription to \"auth\"'\r\n"
                             "-ERR\r\n"
                             "PONG\n";

/* Goal:   every operation comes out with its parts.
 * Method: the stream in one piece, compared with what is written here by hand. */
static void test_codec_nats_understands_each_operation(void **state)
{
    (void)state;
    struct transcript t;
    transcript_whole(&codec_nats, &t, stream, sizeof stream - 1);
    assert_string_equal(t.text, "0[{\"server_id\":\"X\",\"max_payload\":1048576} ||0|]"
                                "5[||0|]2[||0|]3[||0|]"
                                "1[a.b 7 5|a.b|7|hello]"
                                "1[a.b 7 reply.to 0|a.b|7|]"
                                "1[a.b  12\t4|a.b|12|\r\n\r\n]"
                                "1[h 1 12 14|h|1|hi]"
                                "1[h 2 r 12 12|h|2|]"
                                "6['Slow Consumer'||0|]"
                                "8['Authorization Violation'||0|]8['authentication timeout'||0|]"
                                "8['User Authentication Revoked'||0|]"
                                "6['Permissions Violation for Subscription to \"auth\"'||0|]"
                                "6[||0|]3[||0|]");
}

/* Goal:   what comes out does not depend on how the input is cut (invariant 1).
 * Method: every pair of cuts, that is every way into three pieces; then byte by byte. */
static void test_codec_nats_same_at_every_cut(void **state)
{
    (void)state;
    transcript_check_cuts(&codec_nats, stream, sizeof stream - 1);
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
        transcript_check_broken(&codec_nats, table[i], strlen(table[i]), "PING\r\nPING\r\n", 12);
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
        transcript_feed(&codec_nats, &codec, &t, "x", 1);
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
    struct codec_login nobody = {"", "", 0, 0, NULL};
    struct codec_login somebody = {"u", "p", 0, 0, NULL};
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

/* Goal:   user and password reach the server as they are, whatever JSON makes of their characters.
 * Method: exact text; then what a JSON parser reads back, up to the longest there may be. */
static void test_codec_nats_quotes_the_login(void **state)
{
    (void)state;
    uint8_t to[CODEC_CONNECT_BYTES_MAX];
    struct codec_login login = {"a\"b", "c\\d\n\x7f/\xc3\xa9", 0, 0, NULL};
    static const char expected[] =
        "CONNECT {\"user\":\"a\\\"b\",\"pass\":\"c\\\\d\\u000a\x7f/\xc3\xa9\",";
    assert_true(codec_nats.render_connect(to, sizeof to, &login) > sizeof expected);
    assert_memory_equal(to, expected, sizeof expected - 1);

    char longest[2][CODEC_LOGIN_TEXT_MAX] = {"", ""};
    for (int i = 0; i < CODEC_LOGIN_TEXT_MAX - 1; i++) {
        longest[0][i] = (char)(1 + i % 127);
        longest[1][i] = '\x01'; /* takes most room */
    }
    struct codec_login large = {longest[0], longest[1], 0, 0, "hubload-churner"};
    size_t size = codec_nats.render_connect(to, sizeof to, &large);
    assert_memory_equal(to + size - 3, "}\r\n", 3);
    json_t *object = json_loadb((const char *)to + 8, size - 10, 0, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "user")), longest[0]);
    assert_string_equal(json_string_value(json_object_get(object, "pass")), longest[1]);
    json_decref(object);
    assert_int_equal(codec_nats.render_connect(to, size, &large), 0);
}

/* Goal:   the guess at a delivery is what the codec will say of it, and others are not guessed at. */
static void test_codec_nats_glances(void **state)
{
    (void)state;
    static const char *const deliveries[] = {"MSG a.b 7 5\r\nhello\r\nPING\r\n", "MSG a 1 r 12\r\n",
                                             "MSG a.b 12345 0\r\n\r\n"};
    static const char *const others[] = {"",
                                         "MSG ",
                                         "MSG \n",
                                         "MSG \r\n",
                                         "PING\r\n",
                                         "MSG a 5\n",
                                         "MSG a 1x5\r\n",
                                         "MSG a 1 5 \r\n",
                                         "HMSG a 1 2 2\r\n",
                                         "MSG a 1 99999999999999999999999\r\n"};
    struct bytes payload;
    size_t bytes;
    for (size_t i = 0; i < COUNT_OF(deliveries); i++) {
        struct bytes in = bytes_text(deliveries[i]);
        assert_true(codec_nats.glance(in, &payload, &bytes));
        const char *line_end = strchr(deliveries[i], '\n');
        size_t size = strtoul(strrchr(deliveries[i], ' ') + 1, NULL, 10);
        assert_ptr_equal(payload.ptr, line_end + 1);
        assert_int_equal(payload.size, size);
        assert_int_equal(bytes, (size_t)(line_end + 1 - deliveries[i]) + size + 2);
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (codec_nats.glance(bytes_text(others[i]), &payload, &bytes)) {
            fail_msg("guessed at: %s", others[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_nats_understands_each_operation),
        cmocka_unit_test(test_codec_nats_same_at_every_cut),
        cmocka_unit_test(test_codec_nats_names_what_is_broken),
        cmocka_unit_test(test_codec_nats_bounds_a_line),
        cmocka_unit_test(test_codec_nats_renders),
        cmocka_unit_test(test_codec_nats_quotes_the_login),
        cmocka_unit_test(test_codec_nats_glances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
