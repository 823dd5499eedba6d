/* test_chunk.c - where message bytes live: classes, spares, and what is counted. */
#include "core/chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * Goal:    a chunk has the room that was asked for, in the class that was asked for or the next that
 *          fits, and exactly what is needed beyond the classes.
 * Method:  sizes around every edge.
 */
static void test_classes(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    const size_t head = sizeof(struct chunk);
    const struct {
        uint32_t class_index;
        size_t size;
        uint32_t expected_class;
        size_t expected_bytes;
    } cases[] = {
        {0, 0, 0, 4096},
        {0, 4096 - head, 0, 4096},
        {0, 4097 - head, 1, 16384},
        {0, 16385 - head, 2, 65536},
        {2, 10, 2, 65536},
        {0, 65537 - head, 3, 262144},
        {3, 262144 - head, 3, 262144},
        {0, 262145 - head, CHUNK_CLASS_LARGE, 262145},
        {3, 1000000, CHUNK_CLASS_LARGE, 1000000 + head},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct chunk *chunk = chunk_take(&pool, cases[i].class_index, cases[i].size);
        assert_int_equal(chunk->class_index, cases[i].expected_class);
        assert_int_equal(chunk->size + head, cases[i].expected_bytes);
        assert_true(chunk_room(chunk) >= cases[i].size);
        assert_int_equal(pool.used_bytes, cases[i].expected_bytes);
        memset(chunk->data, 0xAA, chunk->size);
        chunk_unref(&pool, chunk);
        assert_int_equal(pool.used_bytes, 0);
    }
    chunk_pool_free(&pool);
}

/*
 * Goal:    the last reference gives a chunk back, clean, to whoever takes the next; the spare ones
 *          are bounded, so that a burst's memory goes home.
 * Method:  references up and down; then twice as many chunks as may be spare.
 */
static void test_spare_chunks_are_used_again_and_bounded(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    struct chunk *chunk = chunk_take(&pool, 1, 0);
    chunk_ref(chunk);
    chunk->used = 7;
    chunk->messages = 3;
    chunk->base = 9;
    chunk_unref(&pool, chunk);
    assert_int_equal(pool.chunks_count, 1);
    chunk_unref(&pool, chunk);
    assert_int_equal(pool.chunks_count, 0);
    uint64_t before = memory_allocations();
    struct chunk *again = chunk_take(&pool, 1, 100);
    assert_int_equal(memory_allocations(), before);
    assert_ptr_equal(again, chunk);
    assert_int_equal(again->used | again->messages | again->base | again->cursors, 0);
    chunk_unref(&pool, again);

    enum { MANY = 2 * CHUNK_POOL_SPARE_BYTES / CHUNK_BIGGEST_BYTES };
    struct chunk *many[MANY];
    for (int i = 0; i < MANY; i++) {
        many[i] = chunk_take(&pool, CHUNK_CLASSES - 1, 0);
    }
    assert_int_equal(pool.used_bytes, (uint64_t)MANY * CHUNK_BIGGEST_BYTES);
    for (int i = 0; i < MANY; i++) {
        chunk_unref(&pool, many[i]);
    }
    assert_int_equal(pool.used_bytes, 0);
    assert_int_equal(pool.used_bytes_peak, (uint64_t)MANY * CHUNK_BIGGEST_BYTES);
    assert_in_range(pool.spare_bytes, CHUNK_POOL_SPARE_BYTES / 2, CHUNK_POOL_SPARE_BYTES);
    chunk_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_spare_chunks_are_used_again_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
