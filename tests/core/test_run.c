/* test_run.c - the one copy of what was published. */
#include "core/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct message_in message(const char *reply, const char *header_text, uint32_t header_size,
                                 const char *size_text, const char *payload)
{
    struct message_in in = {.subject = bytes_text("a.b"),
                            .reply = bytes_text(reply),
                            .header_text = bytes_text(header_text),
                            .size_text = bytes_text(size_text),
                            .payload = bytes_text(payload),
                            .header_size = header_size};
    return in;
}

static void expect_message(const struct message *m, const char *tail, const char *payload,
                           const char *reply)
{
    assert_int_equal(m->tail_size, strlen(tail));
    assert_memory_equal(message_tail(m), tail, strlen(tail));
    assert_true(bytes_equal(message_payload(m), bytes_text(payload)));
    assert_true(bytes_equal(message_reply(m), bytes_text(reply)));
}

/*
 * Goal:    a run keeps each message as the publisher wrote it, takes as much room as was announced,
 *          and counts what is in it; a copy is the same but for its verdict.
 * Method:  four kinds of messages; the chunk is filled to an odd place before.
 */
static void test_messages_are_kept_as_written(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    struct chunk *chunk = chunk_take(&pool, 0, 0);
    chunk->used = 3;
    struct message_in in[] = {message("", "", 0, "0002", "hi"), message("re", "", 0, "0", ""),
                              message("", "12", 12, "14", "NATS/1.0\r\n\r\nhi"),
                              message("r", "03", 3, "3", "xyz")};
    size_t most = chunk->used + run_size_first(&in[0]);
    struct run *run = run_start(chunk, in[0].subject);
    for (size_t i = 0; i < COUNT_OF(in); i++) {
        most += i > 0 ? run_size_more(&in[i]) : 0;
        run_append(run, &in[i]);
        assert_true(chunk->used <= most);
    }
    run->wants_responder = 1;
    run->delivered = 1;
    struct chunk *other = chunk_take(&pool, 0, 0);
    other->used = 5;
    struct run *runs[] = {run, run_copy(other, run, 9)};
    for (size_t i = 0; i < 2; i++) {
        const struct message *m = run_first(runs[i]);
        expect_message(m, "0002\r\nhi\r\n", "hi", "");
        m = message_next(m);
        expect_message(m, "re 0\r\n\r\n", "", "re");
        m = message_next(m);
        expect_message(m, "12 14\r\nNATS/1.0\r\n\r\nhi\r\n", "NATS/1.0\r\n\r\nhi", "");
        m = message_next(m);
        expect_message(m, "r 03 3\r\nxyz\r\n", "xyz", "r");
        assert_true(bytes_equal(run_subject(runs[i]), bytes_text("a.b")));
        assert_int_equal(runs[i]->messages_count, 4);
        assert_int_equal(runs[i]->headers_count, 2);
        assert_int_equal(runs[i]->replies_count, 2);
        assert_int_equal(runs[i]->tails_size, 10 + 8 + 23 + 13);
        assert_int_equal((uintptr_t)runs[i] % 8, 0);
    }
    assert_ptr_equal(runs[1]->chunk, other);
    assert_int_equal(runs[1]->maker, 9);
    assert_int_equal(runs[1]->delivered | runs[1]->wants_responder, 0);
    chunk_unref(&pool, chunk);
    chunk_unref(&pool, other);
    chunk_pool_free(&pool);
}

/*
 * Goal:    a dropped run gives its bytes back.
 * Method:  what the chunk has used before the next run, round after round.
 */
static void test_a_dropped_run_leaves_nothing(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    struct chunk *chunk = chunk_take(&pool, 0, 0);
    struct message_in in = message("", "", 0, "3", "abc");
    uint32_t most = 0;
    for (int i = 0; i < 1000; i++) {
        struct run *run = run_start(chunk, in.subject);
        run_append(run, &in);
        run_append(run, &in);
        most = MAX_OF(most, chunk->used);
        run_drop(run);
        assert_in_range(chunk->used, 0, 7);
    }
    assert_in_range(most, 1, 300);
    chunk_unref(&pool, chunk);
    chunk_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_kept_as_written),
        cmocka_unit_test(test_a_dropped_run_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
