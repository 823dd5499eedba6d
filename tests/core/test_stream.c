/* test_stream.c - rendered bytes, cursors into them, and when they may go. */
#include "core/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CURSORS = 6, RANGES = 8, NAIVE_MAX = 16 * 1024 * 1024 };

/* What somebody holds who has no cursor. */
struct range {
    struct chunk *chunk; /* NULL: nothing */
    uint32_t offset;
    uint32_t size;
    uint64_t position;
};

struct bench {
    struct chunk_pool pool;
    struct stream stream;
    struct chunk *ingress;
    uint8_t *naive; /* every byte of the stream, by position */
    uint64_t random;
    struct cursor cursors[CURSORS];
    uint64_t positions[CURSORS];
    bool is_open[CURSORS];
    struct range ranges[RANGES];
};

static uint64_t draw(struct bench *b, uint64_t below)
{
    b->random = b->random * 6364136223846793005u + 1442695040888963407u;
    return (b->random >> 33) % below;
}

static void begin(struct bench *b, uint64_t seed)
{
    memset(b, 0, sizeof(*b));
    b->random = seed;
    chunk_pool_init(&b->pool);
    stream_init(&b->stream);
    b->naive = malloc(NAIVE_MAX);
    assert_non_null(b->naive);
}

static void end(struct bench *b)
{
    stream_free(&b->stream, &b->pool);
    assert_int_equal(b->pool.used_bytes, 0);
    chunk_pool_free(&b->pool);
    free(b->naive);
}

/* A run of count messages of up to size bytes, rendered; the run is let go at once. */
static void render(struct bench *b, uint64_t count, uint64_t size)
{
    static uint8_t payload[300000];
    struct layout layout = {.sid = bytes_text("7"), .headers = true};
    struct chunk *chunk = chunk_take(&b->pool, 0, count * (size + 64) + 256);
    struct run *run = run_start(chunk, bytes_text("a"));
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bytes = draw(b, size + 1);
        memset(payload, 'a' + (int)draw(b, 26), bytes);
        char text[16];
        int text_size = snprintf(text, sizeof(text), "%lu", (unsigned long)bytes);
        struct message_in in = {.size_text = bytes_of(text, (size_t)text_size),
                                .payload = bytes_of(payload, bytes)};
        run_append(run, &in);
    }
    struct frames frames = frames_of(run, layout);
    uint64_t at = b->stream.end;
    const struct message *m = run_first(run);
    uint8_t *to = b->naive + at;
    assert_true(at + run->size + 64 * count < NAIVE_MAX);
    for (uint64_t i = 0; i < count; i++) {
        to = frame_render(&frames, m, to);
        m = message_next(m);
    }
    size_t added = stream_render(&b->stream, &b->pool, run_whole(run), layout);
    assert_int_equal(added, to - b->naive - (ptrdiff_t)at);
    chunk_unref(&b->pool, chunk);
}

/* All from a cursor to the end, in pieces of these limits. */
static void check_from(const struct bench *b, struct cursor cursor, uint64_t position, uint32_t max,
                       size_t limit)
{
    struct iovec vectors[8];
    size_t size;
    uint32_t count = stream_gather(&b->stream, cursor, vectors, max, limit, &size);
    assert_in_range(size, 0, limit);
    assert_in_range(count, 0, max);
    assert_true(size > 0 || position == b->stream.end);
    size_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_memory_equal(vectors[i].iov_base, b->naive + position + sum, vectors[i].iov_len);
        sum += vectors[i].iov_len;
    }
    assert_int_equal(sum, size);
    if (count < max && size < limit) {
        assert_int_equal(position + size, b->stream.end);
    }
}

static void check(struct bench *b)
{
    stream_check(&b->stream);
    for (int i = 0; i < CURSORS; i++) {
        if (b->is_open[i]) {
            assert_int_equal(cursor_position(b->cursors[i]), b->positions[i]);
            check_from(b, b->cursors[i], b->positions[i], 1 + (uint32_t)draw(b, 8),
                       1 + draw(b, 100000));
        }
    }
    for (int i = 0; i < RANGES; i++) {
        const struct range *range = &b->ranges[i];
        if (range->chunk != NULL) {
            assert_memory_equal(range->chunk->data + range->offset, b->naive + range->position,
                                range->size);
        }
    }
    if (b->stream.end > b->stream.step) {
        check_from(b, stream_step(&b->stream), b->stream.step, 8, 1 << 20);
        uint64_t position = b->stream.step + draw(b, b->stream.end - b->stream.step);
        struct cursor cursor = stream_locate(&b->stream, position);
        assert_int_equal(cursor_position(cursor), position);
        assert_int_equal(cursor.chunk->data[cursor.offset], b->naive[position]);
    }
}

static void move_cursor(struct bench *b, int i)
{
    if (!b->is_open[i]) {
        b->cursors[i] = stream_end(&b->stream, &b->pool);
        b->positions[i] = b->stream.end;
        stream_cursor_open(&b->stream, b->cursors[i]);
        b->is_open[i] = true;
    } else if (draw(b, 5) == 0) {
        stream_cursor_close(&b->stream, b->cursors[i]);
        b->is_open[i] = false;
        stream_trim(&b->stream, &b->pool);
    } else {
        uint64_t size = draw(b, b->stream.end - b->positions[i] + 1);
        b->cursors[i] = stream_cursor_advance(&b->stream, b->cursors[i], size);
        b->positions[i] += size;
        stream_trim(&b->stream, &b->pool);
    }
}

/* Holds what this turn brought to the newest chunk, or lets go. */
static void move_range(struct bench *b, int i)
{
    struct range *range = &b->ranges[i];
    struct chunk *tail = stream_tail(&b->stream);
    if (range->chunk != NULL) {
        chunk_unref(&b->pool, range->chunk);
        range->chunk = NULL;
    } else if (b->stream.end > b->stream.step) {
        uint64_t position = MAX_OF(tail->base, b->stream.step);
        *range = (struct range){.chunk = tail,
                                .offset = (uint32_t)(position - tail->base),
                                .size = (uint32_t)(b->stream.end - position),
                                .position = position};
        chunk_ref(tail);
    }
}

static void release_ranges(struct bench *b)
{
    for (int i = 0; i < RANGES; i++) {
        if (b->ranges[i].chunk != NULL) {
            chunk_unref(&b->pool, b->ranges[i].chunk);
            b->ranges[i].chunk = NULL;
        }
    }
}

/*
 * Goal:    whoever stands at step or at a cursor, or holds a range, sees every byte of his, whatever is
 *          trimmed; and nothing that nobody needs is kept.
 * Method:  random renders, cursors that open at the end, advance and close, ranges held and let go,
 *          ends of turns; the bytes are compared with a naive copy, ASan watches what is freed; at the
 *          end no chunk is left.
 */
static void test_cursors_see_every_byte(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct bench b;
        begin(&b, seed);
        for (int i = 0; i < 300; i++) {
            switch (draw(&b, 6)) {
            case 0:
                render(&b, 1 + draw(&b, 5), draw(&b, 8) == 0 ? 9000 : 100);
                break;
            case 1:
                stream_turn_end(&b.stream, &b.pool);
                break;
            case 2:
            case 3:
                move_range(&b, (int)draw(&b, RANGES));
                break;
            default:
                move_cursor(&b, (int)draw(&b, CURSORS));
                break;
            }
            check(&b);
        }
        for (int i = 0; i < CURSORS; i++) {
            if (b.is_open[i]) {
                stream_cursor_close(&b.stream, b.cursors[i]);
            }
        }
        stream_turn_end(&b.stream, &b.pool);
        bool is_last = seed % 2 == 0; /* the stream, or who holds ranges of it */
        if (is_last) {
            release_ranges(&b);
            assert_int_equal(b.pool.used_bytes, 0);
        }
        stream_free(&b.stream, &b.pool);
        release_ranges(&b);
        end(&b);
    }
}

/*
 * Goal:    whoever does not read and has no cursor costs what the bytes cost that he holds: what a turn
 *          brings lies behind what he holds of the turn before. A tail that nobody holds goes home, be
 *          it the stream's or not.
 * Method:  a thousand turns of one small message, all held in ranges, the chunks that they take; then
 *          they are let go, the newest first, and one more turn.
 */
static void test_a_tail_is_filled_while_it_is_held(void **state)
{
    (void)state;
    enum { TURNS = 1000 };
    struct bench b;
    begin(&b, 11);
    static struct chunk *held[TURNS];
    for (int i = 0; i < TURNS; i++) {
        render(&b, 1, 100);
        held[i] = stream_tail(&b.stream);
        chunk_ref(held[i]);
        stream_turn_end(&b.stream, &b.pool);
        stream_check(&b.stream);
        assert_null(stream_tail(&b.stream));
    }
    assert_in_range(b.pool.used_bytes, b.stream.end, b.stream.end + b.stream.end / 8);
    for (int i = TURNS - 1; i >= 0; i--) {
        chunk_unref(&b.pool, held[i]);
    }
    assert_int_equal(b.pool.used_bytes, 0);
    assert_null(b.stream.kept);
    render(&b, 1, 100);
    check_from(&b, stream_step(&b.stream), b.stream.step, 8, 4096);
    stream_turn_end(&b.stream, &b.pool);
    assert_int_equal(b.pool.used_bytes, 0);
    end(&b);
}

/*
 * Goal:    a kept tail without room for what comes is let go, and not filled past its end.
 * Method:  a small frame, held; one larger than the rest of the chunk.
 */
static void test_a_tail_without_room_is_let_go(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 12);
    render(&b, 1, 100);
    struct chunk *held = stream_tail(&b.stream);
    chunk_ref(held);
    stream_turn_end(&b.stream, &b.pool);
    assert_ptr_equal(b.stream.kept, held);
    render(&b, 40, 9000);
    assert_null(b.stream.kept);
    assert_int_equal(held->refs, 1);
    stream_check(&b.stream);
    check_from(&b, stream_step(&b.stream), b.stream.step, 8, 4 << 20);
    chunk_unref(&b.pool, held);
    stream_turn_end(&b.stream, &b.pool);
    assert_int_equal(b.pool.used_bytes, 0);
    end(&b);
}

/*
 * Goal:    a stream that nobody lags behind in holds no memory between turns, and takes none from
 *          the allocator once it is warm.
 * Method:  turns of some kilobytes.
 */
static void test_memory_returns_every_turn(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1);
    struct chunk *last = NULL;
    for (int turn = 0; turn < 50; turn++) {
        uint64_t before = memory_allocations();
        render(&b, 20, 500);
        assert_true(turn < 20 || memory_allocations() == before);
        stream_turn_end(&b.stream, &b.pool);
        assert_int_equal(b.pool.used_bytes, 0);
        last = stream_tail(&b.stream);
        assert_null(last);
    }
    end(&b);
}

/*
 * Goal:    a frame larger than any chunk class is one piece, and its memory goes home.
 * Method:  one of 300 kB between small ones.
 */
static void test_a_large_frame_is_whole(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 3);
    render(&b, 1, 10);
    b.random = 0;
    for (int i = 0; i < 4; i++) {
        render(&b, 1, 299999);
    }
    render(&b, 1, 10);
    check_from(&b, stream_step(&b.stream), 0, 8, 4 << 20);
    struct list *node;
    for (node = b.stream.chain.next; node != &b.stream.chain; node = node->next) {
        const struct chunk *chunk = CONTAINER_OF(node, struct chunk, link);
        assert_memory_equal(chunk->data, "MSG a 7 ", 8);
    }
    stream_turn_end(&b.stream, &b.pool);
    assert_int_equal(b.pool.used_bytes, 0);
    end(&b);
}

/*
 * Goal:    a cursor pins its chunk and what comes after it, and nothing before it.
 * Method:  chunks in use while a cursor stands still, moves, closes.
 */
static void test_a_cursor_pins_what_follows(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 5);
    render(&b, 300, 1000);
    struct cursor cursor = stream_step(&b.stream);
    stream_cursor_open(&b.stream, cursor);
    stream_turn_end(&b.stream, &b.pool);
    uint64_t all = b.pool.chunks_count;
    assert_in_range(all, 3, 20);
    cursor = stream_cursor_advance(&b.stream, cursor, b.stream.end / 2);
    stream_trim(&b.stream, &b.pool);
    assert_in_range(b.pool.chunks_count, 1, all - 1);
    assert_int_equal(cursor_position(cursor), b.stream.end / 2);
    stream_check(&b.stream);
    stream_cursor_close(&b.stream, cursor);
    stream_trim(&b.stream, &b.pool);
    assert_int_equal(b.pool.chunks_count, 0);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursors_see_every_byte),
        cmocka_unit_test(test_memory_returns_every_turn),
        cmocka_unit_test(test_a_tail_is_filled_while_it_is_held),
        cmocka_unit_test(test_a_tail_without_room_is_let_go),
        cmocka_unit_test(test_a_large_frame_is_whole),
        cmocka_unit_test(test_a_cursor_pins_what_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
