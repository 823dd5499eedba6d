/* test_codec.c - what the codecs share: bytes that wait for more of them, and printing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec.h"

#include <string.h>

/* A protocol of a test: a digit, so many bytes; x is none of it. */
static struct codec_look look_at(struct bytes in, struct codec_event *event)
{
    struct codec_look look = {0, 0};
    if (in.ptr[0] < '0' || in.ptr[0] > '9') {
        return codec_broken(event, in, "no digit");
    }
    look.need = 1 + (size_t)(in.ptr[0] - '0');
    if (in.size >= look.need) {
        event->kind = CODEC_OK;
        event->text = bytes_of(in.ptr + 1, look.need - 1);
        look.used = look.need;
    }
    return look;
}

static bool next(struct codec *codec, const char *text, size_t *used, struct codec_event *event)
{
    struct bytes in = bytes_text(text);
    bool found = codec_next(codec, &in, event, look_at);
    *used = strlen(text) - in.size;
    return found;
}

/* Goal:   what is incomplete is held, topped up by exactly what is missing, and given back once.
 * Method: an operation in three pieces, the last with another one behind it. */
static void test_codec_holds_what_is_incomplete(void **state)
{
    (void)state;
    struct codec codec = {0};
    struct codec_event event;
    size_t used;
    assert_false(next(&codec, "5a", &used, &event));
    assert_int_equal(used, 2);
    assert_true(codec_is_waiting(&codec));
    assert_false(next(&codec, "bc", &used, &event));
    assert_true(next(&codec, "de1f", &used, &event));
    assert_int_equal(used, 2);
    assert_true(bytes_equal(event.text, bytes_text("abcde")));
    assert_false(codec_is_waiting(&codec)); /* lent, not waiting */
    assert_true(next(&codec, "1f", &used, &event));
    assert_true(bytes_equal(event.text, bytes_text("f")));
    assert_int_equal(codec.held_bytes, 0);
    codec_free(&codec);
}

/* Goal:   after what is broken nothing comes out (invariant 2).
 * Method: broken at once, and behind a piece that was held. */
static void test_codec_stays_broken(void **state)
{
    (void)state;
    struct codec codec = {0};
    struct codec_event event;
    size_t used;
    assert_true(next(&codec, "x1a", &used, &event));
    assert_int_equal(event.kind, CODEC_BROKEN);
    assert_false(next(&codec, "1a1b", &used, &event));
    assert_int_equal(used, 4);
    codec_free(&codec);
}

/* Goal:   printing never goes beyond its room, and says so with 0.
 * Method: every room up to one too many. */
static void test_codec_prints_within_its_room(void **state)
{
    (void)state;
    uint8_t to[8];
    for (size_t room = 0; room < sizeof to; room++) {
        memset(to, 'z', sizeof to);
        assert_int_equal(codec_print(to, room, "a%s", "bcd"), room > 4 ? 4 : 0);
        assert_int_equal(to[room], 'z');
    }
    assert_int_equal(codec_topic_plain(to, sizeof to, "a.b"), 3);
    assert_memory_equal(to, "a.b", 3);
}

/* Goal:   beginnings are found in whatever case, and not beyond the text.
 * Method: by hand. */
static void test_codec_begins(void **state)
{
    (void)state;
    assert_true(codec_begins(bytes_text("Authorization Violation"), "auth"));
    assert_true(codec_begins(bytes_text("auth"), "AUTH"));
    assert_false(codec_begins(bytes_text("aut"), "auth"));
    assert_false(codec_begins(bytes_of(NULL, 0), "a"));
    assert_false(codec_begins(bytes_text("no auth"), "auth"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_holds_what_is_incomplete),
        cmocka_unit_test(test_codec_stays_broken),
        cmocka_unit_test(test_codec_prints_within_its_room),
        cmocka_unit_test(test_codec_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
