/* test_plate.c - frames that are laid out once and sent under many sids. */
#include "core/plate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TEXT_MAX = 300 * 1024 };

struct bench {
    struct chunk_pool pool;
    struct plates *plates;
    struct chunk *chunk;
};

static void begin(struct bench *b)
{
    chunk_pool_init(&b->pool);
    b->plates = plates_new();
    b->chunk = chunk_take(&b->pool, CHUNK_CLASSES - 1, 1024 * 1024);
}

static void end(struct bench *b)
{
    plates_free(b->plates);
    chunk_unref(&b->pool, b->chunk);
    chunk_pool_free(&b->pool);
}

/* Messages of all kinds in turns, the first without headers or with. */
static struct run *run_of(struct bench *b, const char *subject, uint32_t count, size_t payload_size,
                          uint32_t kind)
{
    static char payload[65536] = "NATS/1.0\r\n\r\n";
    char size_text[32];
    assert_in_range(payload_size, 12, sizeof(payload));
    memset(payload + 12, 'p', payload_size - 12);
    int size = snprintf(size_text, sizeof(size_text), "%zu", payload_size);
    struct run *run = run_start(b->chunk, bytes_text(subject));
    for (uint32_t i = 0; i < count; i++, kind++) {
        bool headers = kind % 2 == 1;
        struct message_in in = {.reply = bytes_text(kind / 2 % 2 == 1 ? "re" : ""),
                                .header_text = bytes_text(headers ? "12" : ""),
                                .size_text = bytes_of(size_text, (size_t)size),
                                .payload = bytes_of(payload, payload_size),
                                .header_size = headers ? 12 : 0};
        run_append(run, &in);
    }
    return run;
}

static enum plates_answer take(struct bench *b, struct run *run, const char *sid, bool headers,
                               const uint8_t **text)
{
    struct layout layout = {.sid = bytes_text(sid), .headers = headers};
    struct frames frames = frames_of(run, layout);
    size_t size = frames_size(&frames, run_first(run), run->messages_count);
    return plates_take(b->plates, &frames, run_first(run), run->messages_count, (uint32_t)size,
                       true, text);
}

/* Takes one, which must be there, and compares it with what frame_render says. */
static const uint8_t *expect(struct bench *b, struct run *run, const char *sid, bool headers)
{
    static uint8_t expected[TEXT_MAX];
    const uint8_t *text = NULL;
    assert_int_equal(take(b, run, sid, headers, &text), PLATES_TAKEN);
    struct layout layout = {.sid = bytes_text(sid), .headers = headers};
    struct frames frames = frames_of(run, layout);
    const struct message *message = run_first(run);
    uint8_t *to = expected;
    for (uint32_t i = 0; i < run->messages_count; i++) {
        to = frame_render(&frames, message, to);
        message = message_next(message);
    }
    assert_memory_equal(text, expected, to - expected);
    return text;
}

static void first_time(struct bench *b, struct run *run)
{
    const uint8_t *text;
    assert_int_equal(take(b, run, "1", true, &text), PLATES_NONE);
}

/*
 * Goal:    every session gets the frames that it would be rendered, under its own sid.
 * Method:  sids of one letter to twelve one after the other, each size again with other letters when
 *          its plate is there; for subjects of one letter and more, messages without headers, with
 *          headers and with replies in turns, receivers that understand headers or not.
 */
static void test_sids_to_the_byte(void **state)
{
    (void)state;
    static const char *const subjects[] = {"a", "ab", "abc.def",
                                           "a.rather.long.subject.as.they.go"};
    for (size_t k = 0; k < COUNT_OF(subjects) * 8; k++) {
        struct bench b;
        begin(&b);
        bool headers = k % 2 == 1;
        struct run *run = run_of(&b, subjects[k / 8], 5, 12 + k, (uint32_t)k / 2);
        first_time(&b, run);
        for (int letter = '1'; letter <= '3'; letter++) {
            for (size_t size = 1; size <= 12; size++) {
                char sid[16] = {0};
                memset(sid, letter, size);
                sid[size - 1] = '0';
                expect(&b, run, sid, headers);
                plates_return(b.plates);
            }
        }
        assert_int_equal(b.plates->count, 12);
        end(&b);
    }
}

/*
 * Goal:    what nobody else hears is not laid out; no two sends of a batch share a plate; what is
 *          returned is used again; what is forgotten is not.
 * Method:  one run: first, second and third taker, another batch, another turn.
 */
static void test_a_plate_is_in_one_send_at_a_time(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    struct run *run = run_of(&b, "subject", 8, 128, 0);
    first_time(&b, run);
    assert_int_equal(b.plates->count, 0);
    const uint8_t *one = expect(&b, run, "22", true);
    const uint8_t *two = expect(&b, run, "33", true);
    assert_ptr_not_equal(one, two);
    assert_non_null(strstr((const char *)one, " 22 "));
    plates_return(b.plates);
    assert_ptr_equal(expect(&b, run, "44", true), one);
    assert_ptr_equal(expect(&b, run, "55", true), two);
    plates_return(b.plates);
    plates_forget(b.plates);
    first_time(&b, run);
    end(&b);
}

/*
 * Goal:    layouts and parts of a run are told apart.
 * Method:  one run for receivers with and without headers, and its first messages only.
 */
static void test_a_plate_is_of_one_layout(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    struct run *run = run_of(&b, "s", 8, 128, 1);
    first_time(&b, run);
    expect(&b, run, "7", true);
    plates_return(b.plates);
    expect(&b, run, "8", false);
    plates_return(b.plates);
    struct layout layout = {.sid = bytes_text("9"), .headers = true};
    struct frames frames = frames_of(run, layout);
    size_t size = frames_size(&frames, run_first(run), 3);
    const uint8_t *text = NULL;
    assert_int_equal(plates_take(b.plates, &frames, run_first(run), 3, (uint32_t)size, true, &text),
                     PLATES_TAKEN);
    struct message const *third = message_next(message_next(run_first(run)));
    uint8_t frame[512];
    size_t frame_bytes = (size_t)(frame_render(&frames, third, frame) - frame);
    assert_memory_equal(text + size - frame_bytes, frame, frame_bytes);
    expect(&b, run, "9", true);
    assert_int_equal(b.plates->count, 3);
    end(&b);
}

/*
 * Goal:    memory is bounded: a batch that needs more plates than there is room for ends, and a run
 *          that fits none is rendered.
 * Method:  a run of a third of the room: the third taker is told to wait, and is served afterwards;
 *          another size of sid, and another run, take the place of what was there. One too large.
 *          Small ones up to PLATES_MAX.
 */
static void test_the_room_is_bounded(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    const uint8_t *text;
    struct run *run = run_of(&b, "s", 4, PLATES_BYTES / 4 / 3 + 20, 0);
    first_time(&b, run);
    expect(&b, run, "1", true);
    expect(&b, run, "2", true);
    assert_int_equal(take(&b, run, "3", true, &text), PLATES_BUSY);
    assert_int_equal(take(&b, run, "44", true, &text), PLATES_BUSY);
    plates_return(b.plates);
    expect(&b, run, "3", true);
    plates_return(b.plates);
    expect(&b, run, "44", true);
    assert_int_equal(b.plates->count, 1);
    plates_return(b.plates);

    struct run *large = run_of(&b, "s", 10, PLATES_BYTES / 10, 0);
    first_time(&b, large);
    assert_int_equal(take(&b, large, "2", true, &text), PLATES_NONE);

    struct run *small = run_of(&b, "s", 1, 12, 0);
    first_time(&b, small);
    for (uint32_t i = b.plates->count; i < PLATES_MAX; i++) {
        expect(&b, small, "5", true);
    }
    assert_int_equal(take(&b, small, "6", true, &text), PLATES_BUSY);
    end(&b);
}

/*
 * Goal:    runs that may go before the turn is over are not laid out, but find what is.
 * Method:  may_make false, before and after somebody else had one made.
 */
static void test_a_run_that_may_go_is_not_laid_out(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    struct run *run = run_of(&b, "s", 4, 128, 0);
    struct layout layout = {.sid = bytes_text("9"), .headers = true};
    struct frames frames = frames_of(run, layout);
    uint32_t size = (uint32_t)frames_size(&frames, run_first(run), 4);
    const uint8_t *text;
    first_time(&b, run);
    assert_int_equal(plates_take(b.plates, &frames, run_first(run), 4, size, false, &text),
                     PLATES_NONE);
    expect(&b, run, "1", true);
    assert_int_equal(plates_take(b.plates, &frames, run_first(run), 4, size, false, &text),
                     PLATES_NONE);
    plates_return(b.plates);
    assert_int_equal(plates_take(b.plates, &frames, run_first(run), 4, size, false, &text),
                     PLATES_TAKEN);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sids_to_the_byte),
        cmocka_unit_test(test_a_plate_is_in_one_send_at_a_time),
        cmocka_unit_test(test_a_plate_is_of_one_layout),
        cmocka_unit_test(test_the_room_is_bounded),
        cmocka_unit_test(test_a_run_that_may_go_is_not_laid_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
