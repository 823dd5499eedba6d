/*
 * Goal:    with jemalloc, dense memory that went home leaves no place for anybody else: jemalloc would
 *          take the neighbour for a piece of the same region and join the two, whoever owns it.
 * Method:  takes dense memory, gives most of it back and has it unmapped; then other memory, of the heap
 *          and of the kernel, must lie outside; then threads use both and look after their bytes.
 */
#include "io/large_pages.h"

#include <jemalloc/jemalloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum {
    BLOCK = 64 << 10,
    BLOCKS = 1024, /* 64 MiB */
    ROUNDS = 60,
    HELD = 200,
};

/* Everything that no one uses goes back to the kernel now. */
static bool purge(void)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "arena.%d.purge", MALLCTL_ARENAS_ALL);
    return mallctl(name, NULL, NULL, NULL, 0) == 0;
}

static void test_nobody_takes_its_place(void **state)
{
    (void)state;
    assert_int_equal(large_pages_start(), 0);
    assert_int_equal(large_pages_start(), 0);
    static uint8_t *blocks[BLOCKS];
    uintptr_t low = UINTPTR_MAX;
    uintptr_t high = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = memory_dense_alloc(BLOCK);
        memset(blocks[i], 1, BLOCK);
        low = MIN_OF(low, (uintptr_t)blocks[i]);
        high = MAX_OF(high, (uintptr_t)blocks[i] + BLOCK);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        if (i % 32 != 0) {
            memory_dense_free(blocks[i]);
        }
    }
    assert_true(purge());
    for (size_t i = 0; i < (size_t)512; i++) {
        uintptr_t heap = (uintptr_t)memory_alloc(BLOCK);
        assert_true(heap + BLOCK <= low || heap >= high);
        uintptr_t kernel =
            (uintptr_t)mmap(NULL, BLOCK, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(kernel + BLOCK <= low || kernel >= high);
    }
}

static void *use_both(void *argument)
{
    uint8_t mark = *(uint8_t *)argument;
    static _Thread_local uint8_t *dense[HELD];
    static _Thread_local uint8_t *heap[HELD];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < HELD; i++) {
            size_t size = (size_t)BLOCK * (1 + (i * 7 + round) % 6);
            dense[i] = memory_dense_alloc(size);
            heap[i] = memory_alloc(size);
            dense[i][0] = dense[i][size - 1] = mark;
            heap[i][0] = heap[i][size - 1] = mark;
        }
        for (uint32_t i = 0; i < HELD; i++) {
            uint32_t at = (i * 77) % HELD;
            size_t size = (size_t)BLOCK * (1 + (at * 7 + round) % 6);
            if (dense[at][0] != mark || dense[at][size - 1] != mark || heap[at][0] != mark ||
                heap[at][size - 1] != mark) {
                return "somebody else wrote";
            }
            memory_dense_free(dense[at]);
            memory_free(heap[at]);
        }
        if (!purge()) { /* asserted where the test's own thread sees it */
            return "not purged";
        }
    }
    return NULL;
}

static void test_both_heaps_under_threads(void **state)
{
    (void)state;
    assert_int_equal(large_pages_start(), 0);
    pthread_t threads[2];
    uint8_t marks[2] = {0x55, 0xAA};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_both, &marks[i]), 0);
    }
    void *problems[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], &problems[i]), 0);
    }
    assert_null(problems[0]);
    assert_null(problems[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_takes_its_place),
        cmocka_unit_test(test_both_heaps_under_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
