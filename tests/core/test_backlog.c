/* test_backlog.c - lists of pieces that several hold, against a naive list of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/backlog.h"

enum { HOLDERS = 6, SETS = 2, CHUNKS = 4, BYTES_MAX = 100000, STEPS = 3000 };

/* One that holds pieces, as an entry of a pending list does, and the bytes that they should be. */
struct holder {
    struct backlog *backlog;
    uint64_t end;
    struct backlog_place place;
    uint32_t size; /* 0: holds nothing */
    uint8_t naive[BYTES_MAX];
};

struct bench {
    struct chunk_pool chunks;
    struct backlogs all;
    struct chunk *chunk[CHUNKS]; /* what spans are of */
    struct holder holders[HOLDERS];
    uint64_t random;
};

static uint64_t draw(struct bench *b, uint64_t below)
{
    b->random = b->random * 6364136223846793005u + 1442695040888963407u;
    return (b->random >> 33) % below;
}

static struct bench *begin(uint64_t seed)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->random = seed;
    chunk_pool_init(&b->chunks);
    backlogs_init(&b->all, &b->chunks);
    for (int i = 0; i < CHUNKS; i++) {
        b->chunk[i] = chunk_take(&b->chunks, 0, 0);
    }
    return b;
}

/* Every chunk goes home, every byte is accounted for. */
static void end(struct bench *b)
{
    for (int i = 0; i < CHUNKS; i++) {
        assert_int_equal(b->chunk[i]->refs, 1);
        chunk_unref(&b->chunks, b->chunk[i]);
    }
    assert_int_equal(b->all.bytes, 0);
    backlogs_free(&b->all);
    assert_int_equal(b->chunks.used_bytes, 0);
    chunk_pool_free(&b->chunks);
    free(b);
}

/* A span: bytes behind what a chunk has, of one chunk or, when it is full, of two. */
struct span {
    struct backlog_piece parts[2];
    uint32_t count;
    uint32_t size;
    struct chunk *full; /* held until it was heard, as a stream does */
};

static void part_add(struct bench *b, struct span *span, struct chunk *chunk, uint32_t size)
{
    struct backlog_piece *part = &span->parts[span->count++];
    *part =
        (struct backlog_piece){.chunk = chunk, .offset = chunk->used, .size = size, .messages = 1};
    for (uint32_t i = 0; i < size; i++) {
        chunk->data[chunk->used++] = (uint8_t)draw(b, 256);
    }
    span->size += size;
}

static struct span span_make(struct bench *b)
{
    struct span span = {.count = 0};
    struct chunk **chunk = &b->chunk[draw(b, CHUNKS)];
    uint32_t size = 1 + (uint32_t)draw(b, 60);
    uint32_t first = (uint32_t)MIN_OF(size, chunk_room(*chunk));
    if (first > 0) {
        part_add(b, &span, *chunk, first);
    }
    if (first < size) {
        span.full = *chunk;
        *chunk = chunk_take(&b->chunks, 0, 0);
        part_add(b, &span, *chunk, size - first);
    }
    return span;
}

static void release_all(struct bench *b, struct holder *h)
{
    while (h->size > 0) {
        struct backlog_place at = h->place;
        h->size -= backlog_here(at, h->size);
        if (h->size > 0) {
            h->place = backlog_next(at);
        }
        backlog_release(&b->all, at.block, at.index);
    }
}

/* It hears a span: goes on where it stands at the end, and else begins anew. */
static void hear(struct bench *b, struct holder *h, const struct span *span)
{
    bool goes_on = h->size > 0 && h->end == backlog_span_begin(&b->all, h->backlog);
    if (!goes_on) {
        release_all(b, h);
    }
    if (h->backlog->round != b->all.round) {
        backlog_begin(&b->all, h->backlog);
        for (uint32_t i = 0; i < span->count; i++) {
            backlog_add(&b->all, h->backlog, span->parts[i], goes_on);
        }
    } else {
        backlog_hold(h->backlog, goes_on);
    }
    if (!goes_on) {
        h->place = h->backlog->span;
    }
    assert_true(h->size + span->size <= BYTES_MAX);
    for (uint32_t i = 0; i < span->count; i++) {
        const struct backlog_piece *part = &span->parts[i];
        memcpy(h->naive + h->size, part->chunk->data + part->offset, part->size);
        h->size += part->size;
    }
    h->end = h->backlog->end;
}

static void compare(const struct holder *h)
{
    struct backlog_place at = h->place;
    for (uint32_t left = h->size, done = 0; left > 0;) {
        const struct backlog_piece *piece = backlog_piece_at(at);
        uint32_t here = backlog_here(at, left);
        assert_memory_equal(piece->chunk->data + piece->offset + at.offset, h->naive + done, here);
        done += here;
        left -= here;
        if (left > 0) {
            at = backlog_next(at);
        }
    }
}

/* The first piece, or what it has of it, goes. */
static void pass(struct bench *b, struct holder *h)
{
    struct backlog_place at = h->place;
    uint32_t here = backlog_here(at, h->size);
    memmove(h->naive, h->naive + here, h->size - here);
    h->size -= here;
    if (h->size > 0) {
        h->place = backlog_next(at);
    }
    backlog_release(&b->all, at.block, at.index);
}

static void step(struct bench *b)
{
    struct holder *h = &b->holders[draw(b, HOLDERS)];
    if (h->backlog == NULL) {
        h->backlog = backlog_join(&b->all, (uint32_t)draw(b, SETS));
        h->end = UINT64_MAX;
        return;
    }
    switch (draw(b, 12)) {
    case 0:
        release_all(b, h);
        backlog_leave(&b->all, h->backlog);
        h->backlog = NULL;
        break;
    case 1:
    case 2:
    case 3:
        for (uint64_t i = draw(b, 40); i > 0 && h->size > 0; i--) {
            pass(b, h);
        }
        break;
    default: {
        struct span span = span_make(b);
        b->all.round++;
        for (size_t i = 0; i < HOLDERS; i++) {
            struct holder *each = &b->holders[i];
            /* Who is in the set hears it, but for a few that miss some. */
            if (each->backlog == h->backlog && draw(b, 30) > 0) {
                hear(b, each, &span);
            }
        }
        if (span.full != NULL) {
            chunk_unref(&b->chunks, span.full);
        }
    }
    }
}

/*
 * Goal:    each holder has the bytes it heard, in order, from where it is on; chunks and blocks are kept
 *          as long as somebody needs them and no longer.
 * Method:  holders of two sets hear spans, miss some, pass pieces, leave and come back, by chance;
 *          after each step the invariants and, now and then, all bytes. ASan watches what is freed.
 */
static void test_it_equals_the_naive_lists(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct bench *b = begin(seed);
        for (int i = 0; i < STEPS; i++) {
            step(b);
            backlogs_check(&b->all);
            for (size_t k = 0; i % 16 == 0 && k < HOLDERS; k++) {
                compare(&b->holders[k]);
            }
        }
        for (size_t i = 0; i < HOLDERS; i++) {
            struct holder *h = &b->holders[i];
            if (h->backlog != NULL) {
                compare(h);
                release_all(b, h);
                backlog_leave(&b->all, h->backlog);
            }
        }
        backlogs_check(&b->all);
        end(b);
    }
}

/*
 * Goal:    who hears the same is in one backlog, others are in others; and the same come back to theirs
 *          without an allocation.
 * Method:  three join, two of them with one set; then many rounds of joining, hearing and leaving.
 */
static void test_a_backlog_for_each_set(void **state)
{
    (void)state;
    struct bench *b = begin(1);
    struct backlog *one = backlog_join(&b->all, 7);
    assert_ptr_equal(one, backlog_join(&b->all, 7));
    struct backlog *other = backlog_join(&b->all, 8);
    assert_ptr_not_equal(one, other);
    assert_int_equal(one->members, 2);
    backlog_leave(&b->all, one);
    backlog_leave(&b->all, one);
    backlog_leave(&b->all, other);
    backlogs_check(&b->all);
    assert_int_equal(b->all.bytes, 0);

    uint64_t before = 0;
    for (int round = 0; round < 10; round++) {
        before = round == 2 ? memory_allocations() : before;
        struct holder *h = &b->holders[0];
        h->backlog = backlog_join(&b->all, 7);
        h->end = UINT64_MAX;
        for (int i = 0; i < 10; i++) {
            struct span span = {.count = 0};
            b->chunk[i % 2]->used = (uint32_t)(round * 100 + i * 10);
            part_add(b, &span, b->chunk[i % 2], 5);
            b->all.round++;
            hear(b, h, &span);
        }
        compare(h);
        release_all(b, h);
        backlog_leave(&b->all, h->backlog);
        h->backlog = NULL;
    }
    assert_int_equal(memory_allocations() - before, 0);
    end(b);
}

/*
 * Goal:    what lies behind the newest piece makes it longer, for those who hear it; who did not hear it
 *          keeps what it had.
 * Method:  two hear a span, one of them the next one of the same chunk; a third begins with that one.
 */
static void test_neighbours_are_one_piece(void **state)
{
    (void)state;
    struct bench *b = begin(1);
    for (int i = 0; i < 3; i++) {
        b->holders[i].backlog = backlog_join(&b->all, 7);
    }
    for (int i = 0; i < 2; i++) {
        struct span span = {.count = 0};
        part_add(b, &span, b->chunk[0], 10);
        b->all.round++;
        hear(b, &b->holders[0], &span);
        hear(b, &b->holders[i == 0 ? 1 : 2], &span);
    }
    struct backlog_block *block = b->holders[0].place.block;
    assert_int_equal(block->count, 1);
    assert_int_equal(block->pieces[0].size, 20);
    assert_int_equal(block->pieces[0].messages, 2);
    assert_int_equal(block->pieces[0].holders, 3);
    assert_int_equal(b->holders[0].size, 20);
    assert_int_equal(b->holders[1].size, 10);
    assert_int_equal(b->holders[2].place.offset, 10);
    for (int i = 0; i < 3; i++) {
        compare(&b->holders[i]);
        release_all(b, &b->holders[i]);
        backlog_leave(&b->all, b->holders[i].backlog);
    }
    end(b);
}

/*
 * Goal:    lists that nobody is a member of are kept up to a number, and cost nothing that is counted.
 * Method:  more sets of audiences than that come and go.
 */
static void test_idle_lists_are_bounded(void **state)
{
    (void)state;
    enum { COMERS = 6000 };
    struct bench *b = begin(1);
    for (uint32_t hears = 1; hears <= COMERS; hears++) {
        backlog_leave(&b->all, backlog_join(&b->all, hears));
    }
    assert_in_range(b->all.idle_count, 1, COMERS - 1);
    assert_in_range(b->all.idle_count * sizeof(struct backlog), 1, backlogs_spare_bytes_max());
    assert_int_equal(b->all.bytes, 0);
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_equals_the_naive_lists),
        cmocka_unit_test(test_a_backlog_for_each_set),
        cmocka_unit_test(test_neighbours_are_one_piece),
        cmocka_unit_test(test_idle_lists_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
