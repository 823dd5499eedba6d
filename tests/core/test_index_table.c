/* Tests of core/index_table: colliding hashes, resizing in steps, shrinking. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/index_table.h"

enum { ITEMS = 5000 };

static uint64_t random_next(uint64_t *state)
{
    /* splitmix64, Steele, Lea and Flood 2014. */
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

struct item {
    alignas(16) uint64_t hash;
    bool in;
};

static uint64_t hash_of(const void *item, const void *context)
{
    return ((const struct item *)item)->hash ^ *(const uint64_t *)context;
}

static const uint64_t nothing;

static size_t probe_count(const struct index_table *table, uint64_t hash, const void *item)
{
    struct index_probe probe = index_probe_first(table, hash);
    size_t count = 0;
    const void *found;
    while ((found = index_probe_next(&probe)) != NULL) {
        count += found == item;
    }
    return count;
}

/*
 * Goal:    an item is found exactly while it is in, whatever its hash shares with others.
 * Method:  random additions and removals against an array of flags, with hashes from 2^bits values,
 *          many of them at the end of the table so that runs wrap.
 */
static void run_against_model(uint64_t seed, uint32_t bits)
{
    static struct item items[ITEMS];
    memset(items, 0, sizeof items);
    uint64_t random = seed;
    struct index_table table;
    index_table_init(&table, hash_of, &nothing);
    uint64_t count = 0;
    for (uint32_t step = 0; step < 60000; step++) {
        /* Grows for a while, shrinks for a while. */
        bool growing = step / 15000 % 2 == 0;
        size_t i = random_next(&random) % ITEMS;
        if (items[i].in && random_next(&random) % 8 >= (growing ? 6u : 1u)) {
            index_table_remove(&table, items[i].hash, &items[i]);
            items[i].in = false;
            count--;
        } else if (!items[i].in && random_next(&random) % 8 < (growing ? 7u : 1u)) {
            /* Homes at both ends of the array, tags of few values. */
            uint64_t few = random_next(&random) & ((1u << bits) - 1);
            items[i].hash = ((few << 12) - (1ull << (bits + 11))) ^ few << 50;
            index_table_add(&table, items[i].hash, &items[i]);
            items[i].in = true;
            count++;
        }
        i = random_next(&random) % ITEMS;
        assert_int_equal(probe_count(&table, items[i].hash, &items[i]), items[i].in);
        assert_int_equal(index_table_count(&table), count);
        if (step % 500 == 0) {
            index_table_check(&table);
        }
    }
    for (size_t i = 0; i < ITEMS; i++) {
        assert_int_equal(probe_count(&table, items[i].hash, &items[i]), items[i].in);
        if (items[i].in) {
            index_table_remove(&table, items[i].hash, &items[i]);
        }
    }
    index_table_check(&table);
    assert_int_equal(index_table_count(&table), 0);
    index_table_free(&table);
}

static void test_table_against_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        for (uint32_t bits = 6; bits <= 30; bits += 12) {
            print_message("seed %llu, %u bits\n", (unsigned long long)seed, bits);
            run_against_model(seed, bits);
        }
    }
}

/*
 * Goal:    memory follows the number of items down as well as up.
 * Method:  a hundred thousand in and out; the slots' bytes at both ends.
 */
static void test_table_shrinks(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    static struct item items[MANY];
    struct index_table table;
    index_table_init(&table, hash_of, &nothing);
    uint64_t empty = index_table_bytes(&table);
    uint64_t random = 7;
    for (size_t i = 0; i < MANY; i++) {
        items[i].hash = random_next(&random);
        index_table_add(&table, items[i].hash, &items[i]);
    }
    /* A table that grows has two arrays, until the old one is empty. */
    while (table.old.slot != NULL) {
        index_table_step(&table);
    }
    assert_true(index_table_bytes(&table) <= 8 * 5 * (uint64_t)MANY / 3);
    index_table_check(&table);
    for (size_t i = 0; i < MANY; i++) {
        index_table_remove(&table, items[i].hash, &items[i]);
    }
    index_table_check(&table);
    assert_true(index_table_bytes(&table) <= 4 * empty);
    index_table_free(&table);
}

/*
 * Goal:    the cursor visits each item once, also in the middle of a resize.
 * Method:  add one by one and walk each time.
 */
static void test_table_walk(void **state)
{
    (void)state;
    enum { SOME = 200 };
    static struct item items[SOME];
    struct index_table table;
    index_table_init(&table, hash_of, &nothing);
    uint64_t random = 3;
    for (size_t i = 0; i < SOME; i++) {
        items[i].hash = random_next(&random);
        index_table_add(&table, items[i].hash, &items[i]);
        bool seen[SOME] = {false};
        uint64_t cursor = 0;
        const struct item *item;
        size_t visited = 0;
        while ((item = index_table_next(&table, &cursor)) != NULL) {
            assert_false(seen[item - items]);
            seen[item - items] = true;
            visited++;
        }
        assert_int_equal(visited, i + 1);
    }
    index_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_against_model),
        cmocka_unit_test(test_table_shrinks),
        cmocka_unit_test(test_table_walk),
    };
    return cmocka_run_group_tests_name("index_table", tests, NULL, NULL);
}
