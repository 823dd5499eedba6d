/* test_codec_mqtt.c - the generator's MQTT codec: same events at every cut; broken input is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec_mqtt.h"
#include "tests/loadgen/codec_transcript.h"

static const char stream[] = "\x20\x02\x01\0"
                             "\x90\x03\0\x01\0"
                             "\xd0\0"
                             "\x30\x0a\0\x03"
                             "a/bhello"
                             "\x31\x05\0\x03"
                             "a/b"
                             "\x38\x86\x80\x80\0\0\x03"
                             "a/b!"
                             "\xb0\x02\0\x01"
                             "\x90\x03\0\x02\x80"
                             "\x20\x02\0\x03"
                             "\x20\x02\0\x04"
                             "\x20\x02\0\x05"
                             "\xd0\x80\0";

/* Goal:   every packet comes out with its parts: also retained and repeated deliveries, and lengths
 *         written longer than needed.
 * Method: the stream in one piece, compared with what is written here by hand. */
static void test_codec_mqtt_understands_each_packet(void **state)
{
    (void)state;
    struct transcript t;
    transcript_whole(&codec_mqtt, &t, stream, sizeof stream - 1);
    assert_string_equal(t.text, "0[||0|]4[||0|]3[||0|]"
                                "1[|a/b|0|hello]1[|a/b|0|]1[|a/b|0|!]"
                                "5[||0|]6[SUBSCRIBE refused||0|]"
                                "6[CONNECT refused: server unavailable||0|]"
                                "8[CONNECT refused: bad user name or password||0|]"
                                "8[CONNECT refused: not authorized||0|]3[||0|]");
}

/* Goal:   what comes out does not depend on how the input is cut (codec.h, invariant 1).
 * Method: every way into three pieces; then byte by byte. */
static void test_codec_mqtt_same_at_every_cut(void **state)
{
    (void)state;
    transcript_check_cuts(&codec_mqtt, stream, sizeof stream - 1);
}

/* Goal:   a length says what it should at the edges of its one to four bytes.
 * Method: deliveries of payloads around each edge, in our own rendering, whole. */
static void test_codec_mqtt_lengths(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 122, 123, 16378, 16379, 2097146, 2097147};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint8_t *packet = test_calloc(1, sizes[i] + 64);
        struct codec codec = {0};
        struct codec_event event;
        size_t prefix = codec_mqtt.render_delivery(packet, 64, "a.b", 0, sizes[i]);
        assert_int_equal(prefix, 7 + i / 2 + i % 2 - (i == 0 ? 0 : i % 2));
        struct bytes in = bytes_of(packet, prefix + sizes[i]);
        assert_true(codec_mqtt.next(&codec, &in, &event));
        assert_int_equal(event.kind, CODEC_MESSAGE);
        assert_int_equal(event.payload.size, sizes[i]);
        assert_int_equal(in.size, 0);
        codec_free(&codec);
        test_free(packet);
    }
}

/* Goal:   input that is not MQTT as a server speaks it to us is named, once (invariant 2).
 * Method: a table; each whole and byte by byte, each with a good packet behind it. */
static void test_codec_mqtt_names_what_is_broken(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } table[] = {
        {"HTTP", 4},
        {"\x10\0", 2},
        {"\x40\x02\0\1", 4},                   /* PUBACK */
        {"\x21\x02\0\0", 4},                   /* CONNACK with a flag */
        {"\x20\x03\0\0\0", 5},                 /* CONNACK too long */
        {"\x20\x02\0\x06", 4},                 /* unknown reason */
        {"\x90\x02\0\x01", 4},                 /* SUBACK without a code */
        {"\x90\x03\0\x01\x01", 5},             /* QoS 1 granted, 0 asked for */
        {"\xd0\x01\0", 3},                     /* PINGRESP with a rest */
        {"\x32\x05\0\1a\0\1", 7},              /* QoS 1 */
        {"\x30\0", 2},                         /* no topic */
        {"\x30\1\0", 3},                       /* half a topic length */
        {"\x30\2\0\0", 4},                     /* empty topic */
        {"\x30\3\0\2a", 5},                    /* topic beyond the packet */
        {"\x30\x85\x80\x80\x80\0\0\3a/b", 11}, /* five bytes of length */
        {"\x30\xff\xff\xff\x7f", 5},           /* 256 MiB */
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        transcript_check_broken(&codec_mqtt, table[i].bytes, table[i].size, "\xd0\0\xd0\0", 4);
    }
}

static void check_rendered(size_t size, const uint8_t *to, const char *expected, size_t bytes)
{
    assert_int_equal(size, bytes);
    assert_memory_equal(to, expected, bytes);
}

/* Goal:   renderers write what the protocol says, and never beyond their room.
 * Method: exact bytes; then every room that is too small. */
static void test_codec_mqtt_renders(void **state)
{
    (void)state;
    uint8_t to[1024];
    size_t size = codec_mqtt.render_subscribe(to, sizeof to, "a.*.>", 0);
    check_rendered(size, to, "\x82\x0a\0\1\0\5a/+/#\0", 12);
    size = codec_mqtt.render_subscribe(to, sizeof to, "a", 65535);
    check_rendered(size, to, "\x82\x06\0\1\0\1a\0", 8);
    size = codec_mqtt.render_unsubscribe(to, sizeof to, "a.*", 1);
    check_rendered(size, to, "\xa2\x07\0\2\0\3a/+", 9);
    size = codec_mqtt.render_ping(to, sizeof to);
    check_rendered(size, to, "\xc0\0", 2);
    size = codec_mqtt.render_topic(to, sizeof to, "a.b");
    check_rendered(size, to, "a/b", 3);
    size = codec_mqtt.render_publish(to, sizeof to, "a.b", 200);
    check_rendered(size, to, "\x30\xcd\1\0\3a/b", 8);
    for (size_t room = 0; room < size; room++) {
        assert_int_equal(codec_mqtt.render_publish(to, room, "a.b", 200), 0);
    }
    assert_int_equal(codec_mqtt.render_publish(to, sizeof to, "a.b", (size_t)1 << 28), 0);
}

/* Goal:   CONNECT carries what a login has, and ids of two connections and two processes differ.
 * Method: exact bytes around the id. */
static void test_codec_mqtt_connects(void **state)
{
    (void)state;
    uint8_t to[256];
    struct codec_login nobody = {"", "", 0x1234, 0xabc, NULL};
    struct codec_login somebody = {"me", "pass", 0x1234, 0xabd, NULL};
    size_t size = codec_mqtt.render_connect(to, sizeof to, &nobody);
    check_rendered(size, to,
                   "\x10\x23\0\4MQTT\4\2\0\0\0\x17"
                   "h0000000000123400000abc",
                   37);
    size = codec_mqtt.render_connect(to, sizeof to, &somebody);
    check_rendered(size, to,
                   "\x10\x2d\0\4MQTT\4\xc2\0\0\0\x17"
                   "h0000000000123400000abd\0\2me\0\4pass",
                   47);
    for (size_t room = 0; room < size; room++) {
        assert_int_equal(codec_mqtt.render_connect(to, room, &somebody), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_mqtt_understands_each_packet),
        cmocka_unit_test(test_codec_mqtt_same_at_every_cut),
        cmocka_unit_test(test_codec_mqtt_lengths),
        cmocka_unit_test(test_codec_mqtt_names_what_is_broken),
        cmocka_unit_test(test_codec_mqtt_renders),
        cmocka_unit_test(test_codec_mqtt_connects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
