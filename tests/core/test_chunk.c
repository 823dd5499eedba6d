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
 * Goal:    the last reference gives a chunk back, clean, to whoever takes the next.
 * Method:  references up and down.
 */
static void test_spare_chunks_are_used_again(void **state)
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

    chunk_pool_free(&pool);
}

enum { MANY = 4 * CHUNK_POOL_SPARE_BYTES / CHUNK_BIGGEST_BYTES };

/* A burst: many at once. */
static void burst(struct chunk_pool *pool, uint32_t class_index, int count)
{
    struct chunk *all[MANY];
    for (int i = 0; i < count; i++) {
        all[i] = chunk_take(pool, class_index, 0);
    }
    for (int i = 0; i < count; i++) {
        chunk_unref(pool, all[i]);
    }
}

/* As the hub: tells the time when it is asked for, until nothing is asked any more. Returns when. */
static uint64_t run_out(struct chunk_pool *pool)
{
    uint64_t deadline;
    while ((deadline = chunk_pool_deadline(pool)) != UINT64_MAX) {
        assert_in_range(deadline, pool->now_ns, pool->now_ns + CHUNK_SECOND_NS);
        chunk_pool_clock(pool, MAX_OF(deadline, pool->now_ns + 1000));
    }
    return pool->now_ns;
}

/*
 * Goal:    bursts that come again within a second allocate nothing; the memory of the last one goes home
 *          one to two seconds later, without anything else having to happen.
 * Method:  ten bursts half a second apart; then only the clock.
 */
static void test_what_was_needed_lately_is_kept(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    chunk_pool_clock(&pool, 7 * CHUNK_SECOND_NS);
    burst(&pool, CHUNK_CLASSES - 1, MANY);
    uint64_t before = memory_allocations();
    for (int i = 0; i < 10; i++) {
        chunk_pool_clock(&pool, pool.now_ns + CHUNK_SECOND_NS / 2);
        burst(&pool, CHUNK_CLASSES - 1, MANY);
    }
    assert_int_equal(memory_allocations(), before);
    assert_int_equal(pool.spare_bytes, (uint64_t)MANY * CHUNK_BIGGEST_BYTES);

    uint64_t last_ns = pool.now_ns;
    uint64_t out_ns = run_out(&pool);
    assert_in_range(out_ns - last_ns, CHUNK_SECOND_NS, 2 * CHUNK_SECOND_NS + 1000000);
    assert_in_range(pool.spare_bytes, CHUNK_POOL_SPARE_BYTES / 2, CHUNK_POOL_SPARE_BYTES);

    /* A pause longer than both seconds: it is known at the next turn that nothing of it is needed. */
    burst(&pool, CHUNK_CLASSES - 1, MANY);
    chunk_pool_clock(&pool, pool.now_ns + 10 * CHUNK_SECOND_NS);
    assert_in_range(pool.spare_bytes, CHUNK_POOL_SPARE_BYTES / 2, CHUNK_POOL_SPARE_BYTES);
    chunk_pool_free(&pool);
}

/*
 * Goal:    what is held in all, used or spare, stays below the latest peak of what was used, or what is
 *          used and CHUNK_POOL_SPARE_BYTES, whatever classes were needed.
 * Method:  a burst of each class in turn, looked at as it grows.
 */
static void test_spares_of_one_class_make_room_for_another(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    chunk_pool_clock(&pool, CHUNK_SECOND_NS);
    burst(&pool, CHUNK_CLASSES - 1, MANY);
    uint64_t peak = pool.used_bytes_peak;
    for (uint32_t class_index = 0; class_index < CHUNK_CLASSES - 1; class_index++) {
        struct chunk *all[MANY];
        for (int i = 0; i < MANY; i++) {
            all[i] = chunk_take(&pool, class_index, 0);
            uint64_t most = MAX_OF(peak, pool.used_bytes + CHUNK_POOL_SPARE_BYTES);
            assert_in_range(pool.used_bytes + pool.spare_bytes, pool.used_bytes, most);
        }
        for (int i = 0; i < MANY; i++) {
            chunk_unref(&pool, all[i]);
            uint64_t most = MAX_OF(peak, pool.used_bytes + CHUNK_POOL_SPARE_BYTES);
            assert_in_range(pool.used_bytes + pool.spare_bytes, pool.used_bytes, most);
        }
    }
    assert_int_equal(pool.used_bytes_peak, peak);
    chunk_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_spare_chunks_are_used_again),
        cmocka_unit_test(test_what_was_needed_lately_is_kept),
        cmocka_unit_test(test_spares_of_one_class_make_room_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
