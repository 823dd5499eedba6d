/* test_trail.c - one copy for all who stall, whole and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/trail.h"

enum { SUBJECTS = 3, PIECES = 4000, TEXT_MAX = 600 };

struct source {
    struct chunk_pool pool;
    struct chunk *chunk;
    struct trail trail;
};

static void source_open(struct source *s)
{
    *s = (struct source){0};
    chunk_pool_init(&s->pool);
    s->chunk = chunk_take(&s->pool, 2, 0);
}

static void source_close(struct source *s)
{
    trail_rest(&s->trail, &s->pool);
    chunk_unref(&s->pool, s->chunk);
    assert_int_equal(s->pool.chunks_count, 0);
    chunk_pool_free(&s->pool);
}

/* A run of one turn; the turn before is forgotten. */
static struct run *run_of(struct source *s, const char *subject, uint32_t first, uint32_t count,
                          size_t pad)
{
    s->chunk->used = 0;
    struct run *run = run_start(s->chunk, bytes_text(subject));
    run->subject_hash = (uint64_t)(unsigned char)subject[0];
    for (uint32_t i = 0; i < count; i++) {
        char text[TEXT_MAX];
        char size_text[16];
        int size = snprintf(text, sizeof(text), "%u%0*d", first + i, (int)pad + 1, 0);
        snprintf(size_text, sizeof(size_text), "%d", size);
        struct message_in in = {.subject = bytes_text(subject),
                                .reply = bytes_text(i % 3 == 0 ? "r" : ""),
                                .size_text = bytes_text(size_text),
                                .payload = bytes_of(text, (size_t)size)};
        run_append(run, &in);
    }
    return run;
}

static void expect_messages(struct run_span piece, uint32_t first)
{
    const struct message *message = piece.first;
    for (uint32_t i = 0; i < piece.count; i++) {
        char digits[16];
        int size = snprintf(digits, sizeof(digits), "%u", first + i);
        assert_memory_equal(message_payload(message).ptr, digits, (size_t)size);
        assert_int_equal(message_reply(message).size, i % 3 == 0);
        message = message_next(message);
    }
}

/*
 * Goal:    pieces of one subject lie one behind the other in a run, over any number of chunks, as they
 *          were; the counts of the run are those of its messages.
 * Method:  random pieces of three subjects; each is looked at when it is made, and again at the end
 *          where somebody held its chunk.
 */
static void test_pieces_go_on(void **state)
{
    (void)state;
    static const char *const subjects[SUBJECTS] = {"a.b", "b", "cc"};
    struct source s;
    source_open(&s);
    struct run_span *held = calloc(PIECES, sizeof(*held));
    uint32_t *numbers = calloc(PIECES, sizeof(*numbers));
    assert_non_null(held);
    assert_non_null(numbers);
    uint32_t next = 0;
    uint32_t gone_on = 0;
    srand(5);
    for (uint32_t i = 0; i < PIECES; i++) {
        const char *subject = subjects[i < PIECES / 2 ? 0 : (uint32_t)rand() % SUBJECTS];
        uint32_t count = 1 + (uint32_t)rand() % 4;
        struct run *run = run_of(&s, subject, next, count, (size_t)rand() % 500);
        struct run *before = s.trail.run;
        uint32_t messages = before != NULL ? before->messages_count : 0;
        struct run_span piece = trail_add(&s.trail, &s.pool, run_whole(run), i + 1);
        trail_check(&s.trail);
        ASSERT(piece.run != NULL);
        if (piece.run == before) {
            assert_int_equal(s.trail.index, messages);
            gone_on++;
        } else {
            assert_int_equal(s.trail.index, 0);
        }
        assert_int_equal(piece.count, count);
        assert_true(bytes_equal(run_subject(piece.run), bytes_text(subject)));
        expect_messages(piece, next);
        chunk_ref(piece.run->chunk);
        held[i] = piece;
        numbers[i] = next;
        next += count;
    }
    assert_true(gone_on > PIECES / 2);
    assert_true(s.pool.chunks_count > 4);
    assert_true(s.pool.used_bytes < (uint64_t)next * 420 + (2 << 18));
    for (uint32_t i = 0; i < PIECES; i++) {
        struct run_span piece = held[i];
        expect_messages(piece, numbers[i]);
        uint32_t tails = 0;
        uint32_t replies = 0;
        const struct message *message = run_first(piece.run);
        for (uint32_t k = 0; k < piece.run->messages_count; k++) {
            tails += message->tail_size;
            replies += message->reply_size > 0;
            message = message_next(message);
        }
        assert_int_equal(tails, piece.run->tails_size);
        assert_int_equal(replies, piece.run->replies_count);
    }
    for (uint32_t i = 0; i < PIECES; i++) {
        chunk_unref(&s.pool, held[i].run->chunk);
    }
    free(held);
    free(numbers);
    source_close(&s);
}

/*
 * Goal:    whoever asks for the piece of the same delivery gets the same; for that of another, though
 *          it lies where the first did, another.
 * Method:  three askers each.
 */
static void test_one_copy_of_a_delivery(void **state)
{
    (void)state;
    struct source s;
    source_open(&s);
    struct run_span one = {0};
    for (int i = 0; i < 3; i++) {
        struct run_span piece =
            trail_add(&s.trail, &s.pool, run_whole(run_of(&s, "a", 7, 2, 10)), 1);
        assert_true(i == 0 || (piece.first == one.first && piece.run == one.run));
        one = piece;
    }
    assert_int_equal(one.run->messages_count, 2);
    struct run_span other = trail_add(&s.trail, &s.pool, run_whole(run_of(&s, "a", 9, 2, 10)), 2);
    assert_ptr_equal(other.run, one.run);
    assert_ptr_not_equal(other.first, one.first);
    expect_messages(other, 9);
    assert_int_equal(one.run->messages_count, 4);
    /* A part of a run, from its middle. */
    struct run_span part = run_whole(run_of(&s, "a", 20, 4, 10));
    part.first = message_next(message_next(message_next(part.first)));
    part.count = 1;
    struct run_span copy = trail_add(&s.trail, &s.pool, part, 3);
    expect_messages(copy, 23);
    source_close(&s);
}

/*
 * Goal:    a trail that nobody follows says so, and gives its chunk back.
 * Method:  one holder, who goes.
 */
static void test_a_forsaken_trail(void **state)
{
    (void)state;
    struct source s;
    source_open(&s);
    assert_false(trail_is_forsaken(&s.trail));
    struct run_span piece = trail_add(&s.trail, &s.pool, run_whole(run_of(&s, "a", 1, 1, 10)), 1);
    chunk_ref(piece.run->chunk);
    assert_false(trail_is_forsaken(&s.trail));
    chunk_unref(&s.pool, piece.run->chunk);
    assert_true(trail_is_forsaken(&s.trail));
    trail_rest(&s.trail, &s.pool);
    assert_int_equal(s.pool.chunks_count, 1);
    trail_check(&s.trail);
    source_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_go_on),
        cmocka_unit_test(test_one_copy_of_a_delivery),
        cmocka_unit_test(test_a_forsaken_trail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
