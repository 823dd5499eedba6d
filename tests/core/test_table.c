/* test_table.c - a small set of pointers, against an array that knows. */
#include "core/table.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct item {
    alignas(16) uint64_t hash;
    uint32_t name;
    bool is_in;
};

static uint64_t hash_of(const struct item *item, uint64_t key)
{
    return item->hash ^ key;
}

static bool is_it(const void *item, const void *name)
{
    return ((const struct item *)item)->name == *(const uint32_t *)name;
}

enum { ITEMS = 200 };

static void check(const struct table *table, const struct item *items, uint64_t key)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
        const void *found = table_find(table, items[i].hash ^ key, is_it, &items[i].name);
        assert_ptr_equal(found, items[i].is_in ? &items[i] : NULL);
        count += items[i].is_in;
    }
    assert_int_equal(table->count, count);
    uint32_t cursor = 0;
    const struct item *item;
    while ((item = table_next(table, &cursor)) != NULL) {
        assert_true(item->is_in);
        count--;
    }
    assert_int_equal(count, 0);
    assert_int_equal(table_any(table) != NULL, table->count > 0);
}

/*
 * Goal:    what is in is found, and nothing else, through growth, shrinking and long runs of
 *          neighbours; an empty table holds no memory.
 * Method:  random adds and removes with hashes of few values, so that nearly all collide; a check of
 *          all after each; three densities.
 */
static void test_it_equals_an_array(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 12; seed++) {
        unsigned random = seed;
        struct item items[ITEMS];
        uint64_t spread = seed % 3 == 0 ? UINT64_MAX : seed % 3 == 1 ? 3 : 100;
        for (uint32_t i = 0; i < ITEMS; i++) {
            uint64_t hash = (uint64_t)rand_r(&random) << 33 ^ (uint64_t)rand_r(&random);
            items[i] = (struct item){.hash = hash % spread * 0x9E3779B97F4A7C15u, .name = i};
        }
        struct table table = {0};
        uint64_t key = seed;
        for (int i = 0; i < 2000; i++) {
            struct item *item = &items[rand_r(&random) % ITEMS];
            bool wants_more = i / 500 % 2 == 0;
            if (!item->is_in && (wants_more || rand_r(&random) % 4 == 0)) {
                table_add(&table, item, hash_of(item, key));
                item->is_in = true;
            } else if (item->is_in && (!wants_more || rand_r(&random) % 4 == 0)) {
                table_remove(&table, item, hash_of(item, key));
                item->is_in = false;
            }
            if (i % 7 == 0) {
                check(&table, items, key);
            }
        }
        struct item *item;
        while ((item = table_any(&table)) != NULL) {
            table_remove(&table, item, hash_of(item, key));
            item->is_in = false;
        }
        check(&table, items, key);
        assert_int_equal(table_bytes(&table), 0);
    }
}

/*
 * Goal:    many are found, also where their homes are more than a tag can tell
 * apart, and memory follows their number up and down. Method:  two hundred
 * thousand in and out.
 */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    struct item *items = memory_alloc_aligned(16, MANY * sizeof(*items));
    struct table table = {0};
    for (uint32_t i = 0; i < MANY; i++) {
        items[i] = (struct item){.hash = (i + 1) * 0x9E3779B97F4A7C15u, .name = i};
        table_add(&table, &items[i], items[i].hash);
    }
    assert_in_range(table_bytes(&table), 8 * MANY * 4 / 3, 8 * MANY * 5 / 3);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_ptr_equal(table_find(&table, items[i].hash, is_it, &items[i].name), &items[i]);
    }
    for (uint32_t i = 0; i < MANY - 10; i++) {
        table_remove(&table, &items[i], items[i].hash);
    }
    assert_true(table_bytes(&table) <= 8 * 64);
    for (uint32_t i = MANY - 10; i < MANY; i++) {
        assert_ptr_equal(table_find(&table, items[i].hash, is_it, &items[i].name), &items[i]);
    }
    table_free(&table);
    memory_free(items);
}

/*
 * Goal:    a single item costs no memory.
 * Method:  one in, found, out.
 */
static void test_one_item_is_free(void **state)
{
    (void)state;
    struct item item = {.hash = 0x1234567890ABCDEF, .name = 7};
    struct table table = {0};
    uint64_t before = memory_allocations();
    table_add(&table, &item, item.hash);
    assert_ptr_equal(table_find(&table, item.hash, is_it, &item.name), &item);
    assert_null(table_find(&table, item.hash + ((uint64_t)1 << 60), is_it, &item.name));
    table_remove(&table, &item, item.hash);
    assert_null(table_any(&table));
    assert_int_equal(memory_allocations(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_equals_an_array),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_one_item_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
