/* test_pool.c - slots, generations and slabs that come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "core/pool.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

enum { ITEM_BYTES = 72, PER_SLAB = 4, ITEMS = 10 };

static uint64_t random_state;

static uint32_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1DULL) >> 32);
}

/*
 * Goal:    the pool gives items_max items and then says so; one given is one to take.
 * Method:  items_max that is no whole number of slabs.
 */
static void test_pool_is_full_at_its_maximum(void **state)
{
    (void)state;
    struct pool pool;
    uint32_t slots[ITEMS];

    pool_init(&pool, ITEM_BYTES, ITEMS, PER_SLAB);
    for (int i = 0; i < ITEMS; i++) {
        slots[i] = pool_take(&pool);
        assert_int_not_equal(slots[i], POOL_FULL);
        for (int k = 0; k < i; k++) {
            assert_int_not_equal(slots[i], slots[k]);
        }
        pool_check(&pool);
    }
    assert_int_equal(pool_take(&pool), POOL_FULL);
    assert_int_equal(pool_count(&pool), ITEMS);
    pool_give(&pool, slots[3]);
    assert_int_equal(pool_take(&pool), slots[3]);
    assert_int_equal(pool_take(&pool), POOL_FULL);
    assert_true(pool_bytes(&pool) <= pool_bytes_max(ITEM_BYTES, ITEMS, PER_SLAB));
    pool_check(&pool);
    pool_free_all(&pool);
}

/*
 * Goal:    slot to item, without overlap, aligned to 16.
 * Method:  fill every item with its slot's byte, then read all.
 */
static void test_pool_items_do_not_overlap(void **state)
{
    (void)state;
    struct pool pool;

    for (size_t size = 1; size < 100; size += 7) {
        pool_init(&pool, size, ITEMS, PER_SLAB);
        for (int i = 0; i < ITEMS; i++) {
            uint32_t slot = pool_take(&pool);
            void *item = pool_at(&pool, slot);
            assert_int_equal((uintptr_t)item % 16, 0);
            memset(item, (int)slot + 1, size);
        }
        POOL_FOR_EACH(slot, &pool)
        {
            const uint8_t *item = pool_at(&pool, slot);
            for (size_t i = 0; i < size; i++) {
                assert_int_equal(item[i], slot + 1);
            }
        }
        pool_check(&pool);
        pool_free_all(&pool);
    }
}

/*
 * Goal:    an item is zero when taken, also when somebody used its memory before.
 * Method:  take, fill, give, take the same slot.
 */
static void test_pool_items_are_zero(void **state)
{
    (void)state;
    struct pool pool;
    static const uint8_t zeros[ITEM_BYTES];

    pool_init(&pool, ITEM_BYTES, ITEMS, PER_SLAB);
    uint32_t first = pool_take(&pool);
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(pool_at(&pool, first), zeros, ITEM_BYTES);
        memset(pool_at(&pool, first), 0xee, ITEM_BYTES);
        pool_give(&pool, first);
        assert_int_equal(pool_take(&pool), first);
    }
    pool_free_all(&pool);
}

/*
 * Goal:    the slot given last is taken first, whichever slab it is in.
 * Method:  give slots of several slabs alternately; the next take gives the last back.
 */
static void test_pool_reuses_the_last_given(void **state)
{
    (void)state;
    struct pool pool;

    pool_init(&pool, ITEM_BYTES, 4 * PER_SLAB, PER_SLAB);
    for (int i = 0; i < 4 * PER_SLAB; i++) {
        assert_int_not_equal(pool_take(&pool), POOL_FULL);
    }
    static const uint32_t given[] = {1, 9, 2, 14, 10};
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        pool_give(&pool, given[i]);
        assert_int_equal(pool_take(&pool), given[i]);
        pool_give(&pool, given[i]);
        pool_check(&pool);
    }
    pool_free_all(&pool);
}

/*
 * Goal:    a handle is good for one life.
 * Method:  get with the generation before, now and after, on a taken and a free slot.
 */
static void test_pool_stale_handles_find_nothing(void **state)
{
    (void)state;
    struct pool pool;

    pool_init(&pool, ITEM_BYTES, ITEMS, PER_SLAB);
    uint32_t slot = pool_take(&pool);
    uint32_t generation = pool_generation(&pool, slot);
    assert_int_equal(generation, 1);
    assert_ptr_equal(pool_get(&pool, slot, generation), pool_at(&pool, slot));
    assert_null(pool_get(&pool, slot, 0));
    assert_null(pool_get(&pool, slot, generation + 1));
    assert_null(pool_get(&pool, slot + 1, 1));
    assert_null(pool_get(&pool, ITEMS + 100, 1));
    assert_null(pool_get(&pool, POOL_FULL, 1));

    pool_give(&pool, slot);
    assert_null(pool_get(&pool, slot, generation));
    assert_null(pool_get(&pool, slot, generation + 1));
    assert_int_equal(pool_take(&pool), slot);
    assert_int_equal(pool_generation(&pool, slot), generation + 1);
    assert_null(pool_get(&pool, slot, generation));
    assert_non_null(pool_get(&pool, slot, generation + 1));
    pool_free_all(&pool);
}

/*
 * Goal:    the generation outlives the slab.
 * Method:  give back two slabs so that one is freed; its slots come again with new generations.
 */
static void test_pool_generations_outlive_slabs(void **state)
{
    (void)state;
    struct pool pool;
    enum { ALL = 2 * PER_SLAB };

    pool_init(&pool, ITEM_BYTES, ALL, PER_SLAB);
    for (uint32_t life = 1; life < 5; life++) {
        for (int i = 0; i < ALL; i++) {
            uint32_t slot = pool_take(&pool);
            assert_int_equal(pool_generation(&pool, slot), life);
        }
        for (uint32_t slot = 0; slot < ALL; slot++) {
            pool_give(&pool, slot);
            pool_check(&pool);
        }
    }
    pool_free_all(&pool);
}

/*
 * Goal:    the generation is never 0, and wraps from 2^24 - 1 to 1.
 * Method:  all lives of one slot.
 */
static void test_pool_generation_wraps_past_zero(void **state)
{
    (void)state;
    struct pool pool;
    uint32_t slot = 0;

    pool_init(&pool, 8, 2, 2);
    for (uint32_t life = 1; life < (uint32_t)1 << POOL_GENERATION_BITS; life++) {
        slot = pool_take(&pool);
        if (pool_generation(&pool, slot) != life) {
            assert_int_equal(pool_generation(&pool, slot), life);
        }
        pool_give(&pool, slot);
    }
    assert_int_equal(pool_generation(&pool, slot), 1);
    pool_free_all(&pool);
}

/*
 * Goal:    after a storm the memory is given back but for one slab, and take and give at the edge
 *          of a slab allocate nothing.
 * Method:  take all, give all in a mixed order, look at the bytes; then alternate at the edge.
 */
static void test_pool_gives_slabs_back(void **state)
{
    (void)state;
    struct pool pool;
    enum { SLABS = 16, ALL = SLABS * PER_SLAB };

    pool_init(&pool, ITEM_BYTES, ALL, PER_SLAB);
    size_t tables = pool_bytes(&pool);
    assert_int_equal(pool_take(&pool), 0);
    size_t slab = pool_bytes(&pool) - tables;
    for (int i = 1; i < ALL; i++) {
        assert_int_not_equal(pool_take(&pool), POOL_FULL);
    }
    assert_int_equal(pool_bytes(&pool), tables + SLABS * slab);
    assert_int_equal(pool_bytes(&pool), pool_bytes_max(ITEM_BYTES, ALL, PER_SLAB));
    for (uint32_t i = 0; i < ALL; i++) {
        pool_give(&pool, i * 7 % ALL);
        pool_check(&pool);
    }
    assert_int_equal(pool_count(&pool), 0);
    assert_int_equal(pool_bytes(&pool), tables + slab);

    for (int i = 0; i < PER_SLAB; i++) {
        assert_int_not_equal(pool_take(&pool), POOL_FULL);
    }
    uint32_t over = pool_take(&pool); /* the first of a second slab */
    uint64_t allocations = memory_allocations();
    for (int i = 0; i < 100; i++) {
        pool_give(&pool, over);
        over = pool_take(&pool);
    }
    assert_int_equal(memory_allocations(), allocations);
    pool_check(&pool);
    pool_free_all(&pool);
}

static size_t resident_bytes(void)
{
    long pages = 0;
    long total = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &total, &pages), 2);
    assert_int_equal(fclose(file), 0);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/*
 * Goal:    memory is touched when items are taken, and returns to the system after a storm.
 * Method:  resident bytes around one big slab's first take, and around a storm of 64 MiB.
 */
static void test_pool_resident_memory_comes_and_goes(void **state)
{
    (void)state;
    struct pool pool;
    enum { KIB = 1024, STORM = 16 * KIB, MARGIN = 8 * KIB * KIB };

#ifdef HAS_ASAN
    print_message("SKIP: ASan keeps freed memory in quarantine\n");
    skip();
#endif
    pool_init(&pool, 4 * KIB, STORM, 256);
    size_t before = resident_bytes();
    assert_int_equal(pool_take(&pool), 0);
    assert_true(resident_bytes() < before + 256 * KIB); /* a slab is 1 MiB */
    for (int i = 1; i < STORM; i++) {
        memset(pool_at(&pool, pool_take(&pool)), 1, 4 * KIB);
    }
    assert_true(resident_bytes() > before + 56 * KIB * KIB);
    for (uint32_t slot = 0; slot < STORM; slot++) {
        pool_give(&pool, slot);
    }
    assert_true(resident_bytes() < before + MARGIN);
    pool_free_all(&pool);
}

/*
 * Goal:    iteration sees each taken slot once, in order, and bears giving the slot it stands on.
 * Method:  holes, an emptied slab, then a loop that gives every second slot.
 */
static void test_pool_iterates_taken_slots(void **state)
{
    (void)state;
    struct pool pool;
    enum { ALL = 5 * PER_SLAB };
    uint32_t expected[] = {0, 2, 3, 12, 15, 16};
    size_t seen = 0;

    pool_init(&pool, ITEM_BYTES, ALL, PER_SLAB);
    assert_int_equal(pool_next(&pool, 0), POOL_END);
    for (int i = 0; i < ALL - 3; i++) {
        assert_int_not_equal(pool_take(&pool), POOL_FULL);
    }
    for (uint32_t slot = 0; slot < ALL - 3; slot++) {
        bool kept = false;
        for (size_t i = 0; i < COUNT_OF(expected); i++) {
            kept = kept || expected[i] == slot;
        }
        if (!kept) {
            pool_give(&pool, slot);
        }
    }
    POOL_FOR_EACH(slot, &pool)
    {
        assert_true(seen < COUNT_OF(expected));
        assert_int_equal(slot, expected[seen++]);
    }
    assert_int_equal(seen, COUNT_OF(expected));
    POOL_FOR_EACH(slot, &pool)
    {
        if (slot % 2 == 0) {
            pool_give(&pool, slot);
        }
    }
    assert_int_equal(pool_count(&pool), 2);
    assert_int_equal(pool_next(&pool, 0), 3);
    assert_int_equal(pool_next(&pool, 4), 15);
    assert_int_equal(pool_next(&pool, 16), POOL_END);
    pool_free_all(&pool);
}

static jmp_buf escaped;

static void escape(const char *condition, const char *file, int line)
{
    (void)condition;
    (void)file;
    (void)line;
    longjmp(escaped, 1);
}

/*
 * Goal:    giving a slot twice, or looking at a free one, stops the process.
 * Method:  the assert hook.
 */
static void test_pool_asserts_misuse(void **state)
{
    (void)state;
    static struct pool pool;
    volatile int caught = 0;

    pool_init(&pool, ITEM_BYTES, ITEMS, PER_SLAB);
    uint32_t slot = pool_take(&pool);
    pool_give(&pool, slot);
    assert_hook_set(escape);
    if (setjmp(escaped) == 0) {
        pool_give(&pool, slot);
    } else {
        caught++;
    }
    if (setjmp(escaped) == 0) {
        assert_null(pool_at(&pool, slot));
    } else {
        caught++;
    }
    assert_hook_set(NULL);
    assert_int_equal(caught, 2);
    pool_free_all(&pool);
}

enum { MODEL_ITEMS = 500 };

struct life {
    uint32_t slot;
    uint32_t generation;
    uint64_t stamp;
};

static void model_take(struct pool *pool, struct life *lives, uint32_t *count, uint64_t stamp)
{
    uint32_t slot = pool_take(pool);
    if (*count == MODEL_ITEMS) {
        assert_int_equal(slot, POOL_FULL);
        return;
    }
    assert_int_not_equal(slot, POOL_FULL);
    uint64_t *item = pool_at(pool, slot);
    assert_int_equal(item[0], 0);
    item[0] = stamp;
    lives[(*count)++] = (struct life){slot, pool_generation(pool, slot), stamp};
}

static void model_give(struct pool *pool, struct life *lives, uint32_t *count)
{
    if (*count == 0) {
        return;
    }
    uint32_t i = random_next() % *count;
    pool_give(pool, lives[i].slot);
    assert_null(pool_get(pool, lives[i].slot, lives[i].generation));
    lives[i] = lives[--*count];
}

/*
 * Goal:    any sequence of take and give keeps every live item where and what it was.
 * Method:  random growth and shrinking beside an array of handles; 10 seeds.
 */
static void test_pool_agrees_with_an_array(void **state)
{
    (void)state;
    struct life lives[MODEL_ITEMS];

    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct pool pool;
        uint32_t count = 0;
        print_message("seed %llu\n", (unsigned long long)seed);
        random_state = seed * 0x9E3779B97F4A7C15ULL;
        pool_init(&pool, 40, MODEL_ITEMS, (uint32_t)1 << seed % 7);
        for (uint32_t step = 0; step < 4000; step++) {
            bool grows = step / 700 % 2 == 0;
            if (random_next() % 8 < (grows ? 6u : 2u)) {
                model_take(&pool, lives, &count, step + 1);
            } else {
                model_give(&pool, lives, &count);
            }
            assert_int_equal(pool_count(&pool), count);
            if (step % 50 == 0) {
                pool_check(&pool);
                for (uint32_t i = 0; i < count; i++) {
                    const uint64_t *item = pool_get(&pool, lives[i].slot, lives[i].generation);
                    assert_non_null(item);
                    assert_int_equal(item[0], lives[i].stamp);
                }
            }
        }
        pool_free_all(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_is_full_at_its_maximum),
        cmocka_unit_test(test_pool_items_do_not_overlap),
        cmocka_unit_test(test_pool_items_are_zero),
        cmocka_unit_test(test_pool_reuses_the_last_given),
        cmocka_unit_test(test_pool_stale_handles_find_nothing),
        cmocka_unit_test(test_pool_generations_outlive_slabs),
        cmocka_unit_test(test_pool_generation_wraps_past_zero),
        cmocka_unit_test(test_pool_gives_slabs_back),
        cmocka_unit_test(test_pool_resident_memory_comes_and_goes),
        cmocka_unit_test(test_pool_iterates_taken_slots),
        cmocka_unit_test(test_pool_asserts_misuse),
        cmocka_unit_test(test_pool_agrees_with_an_array),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
