/* test_frame.c - how one message looks to one layout. */
#include "core/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct kind {
    const char *reply;
    const char *header_text;
    uint32_t header_size;
    const char *size_text;
    const char *payload;
    const char *with;    /* headers */
    const char *without; /* headers */
};

static const struct kind kinds[] = {
    {"", "", 0, "2", "hi", "MSG a.b sid 2\r\nhi\r\n", "MSG a.b sid 2\r\nhi\r\n"},
    {"", "", 0, "0002", "hi", "MSG a.b sid 0002\r\nhi\r\n", "MSG a.b sid 0002\r\nhi\r\n"},
    {"", "", 0, "0", "", "MSG a.b sid 0\r\n\r\n", "MSG a.b sid 0\r\n\r\n"},
    {"re.*", "", 0, "2", "hi", "MSG a.b sid re.* 2\r\nhi\r\n", "MSG a.b sid re.* 2\r\nhi\r\n"},
    {"", "12", 12, "014", "NATS/1.0\r\n\r\nhi", "HMSG a.b sid 12 014\r\nNATS/1.0\r\n\r\nhi\r\n",
     "MSG a.b sid 2\r\nhi\r\n"},
    {"r", "12", 12, "12", "NATS/1.0\r\n\r\n", "HMSG a.b sid r 12 12\r\nNATS/1.0\r\n\r\n\r\n",
     "MSG a.b sid r 0\r\n\r\n"},
    {"r", "3", 3, "13", "xyz0123456789", "HMSG a.b sid r 3 13\r\nxyz0123456789\r\n",
     "MSG a.b sid r 10\r\n0123456789\r\n"},
};

static struct run *run_of_kinds(struct chunk *chunk, const size_t *which, size_t count)
{
    struct run *run = run_start(chunk, bytes_text("a.b"));
    for (size_t i = 0; i < count; i++) {
        const struct kind *kind = &kinds[which[i]];
        struct message_in in = {.reply = bytes_text(kind->reply),
                                .header_text = bytes_text(kind->header_text),
                                .size_text = bytes_text(kind->size_text),
                                .payload = bytes_text(kind->payload),
                                .header_size = kind->header_size};
        run_append(run, &in);
    }
    return run;
}

static void check(const struct frames *frames, const struct message *m, const char *expected)
{
    uint8_t frame[256];
    uint8_t *end = frame_render(frames, m, frame);
    assert_int_equal(end - frame, strlen(expected));
    assert_memory_equal(frame, expected, strlen(expected));
    assert_int_equal(frame_size(frames, m), strlen(expected));
    uint8_t head[256];
    size_t head_size = frame_head(frames, m, head);
    struct bytes rest = frame_rest(frames, m);
    assert_int_equal(head_size + rest.size, strlen(expected));
    assert_memory_equal(head, expected, head_size);
    assert_memory_equal(rest.ptr, expected + head_size, rest.size);
    assert_true(rest.ptr > (const uint8_t *)m && rest.ptr < (const uint8_t *)message_next(m));
}

/*
 * Goal:    MSG, HMSG and stripped frames to the byte; size, head and rest agree with the whole.
 * Method:  every sequence of two kinds in one run, for both layouts.
 */
static void test_frames_to_the_byte(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    for (size_t i = 0; i < COUNT_OF(kinds) * COUNT_OF(kinds); i++) {
        size_t which[] = {i % COUNT_OF(kinds), i / COUNT_OF(kinds)};
        struct chunk *chunk = chunk_take(&pool, 0, 0);
        struct run *run = run_of_kinds(chunk, which, 2);
        for (int headers = 0; headers <= 1; headers++) {
            struct layout layout = {.sid = bytes_text("sid"), .headers = headers};
            struct frames frames = frames_of(run, layout);
            const struct message *m = run_first(run);
            size_t sizes = 0;
            for (int k = 0; k < 2; k++) {
                const struct kind *kind = &kinds[which[k]];
                check(&frames, m, headers ? kind->with : kind->without);
                sizes += frame_size(&frames, m);
                assert_int_equal(frames_size(&frames, run_first(run), (uint32_t)k + 1), sizes);
                m = message_next(m);
            }
        }
        chunk_unref(&pool, chunk);
    }
    chunk_pool_free(&pool);
}

/*
 * Goal:    decimal digits of any value.
 * Method:  around every power of ten.
 */
static void test_digits(void **state)
{
    (void)state;
    uint64_t power = 1;
    for (int i = 0; i < 20; i++, power *= 10) {
        for (int delta = -1; delta <= 1; delta++) {
            uint64_t value = power + (uint64_t)(int64_t)delta;
            char expected[32];
            uint8_t digits[20];
            int size = snprintf(expected, sizeof(expected), "%lu", (unsigned long)value);
            assert_int_equal(frame_digits(digits, value), size);
            assert_memory_equal(digits, expected, (size_t)size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_to_the_byte),
        cmocka_unit_test(test_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
