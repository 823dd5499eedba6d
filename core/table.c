/* table.c - linear probing; see table.h. */
#include "core/table.h"

enum { POINTER_BITS = 48, CAPACITY_FIRST = 8 };

#define POINTER_MASK (((uint64_t)1 << POINTER_BITS) - 1)

static void *item_of(uint64_t slot)
{
    return (void *)(uintptr_t)(slot & POINTER_MASK);
}

static uint64_t slot_of(const void *item, uint64_t hash)
{
    ASSERT_SLOW(((uint64_t)(uintptr_t)item & ~POINTER_MASK) == 0);
    return (uint64_t)(uintptr_t)item | (hash & ~POINTER_MASK);
}

static void place(struct table *table, uint64_t slot, uint64_t hash)
{
    uint32_t mask = table->capacity - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (table->slots[at] != 0) {
        at = (at + 1) & mask;
    }
    table->slots[at] = slot;
}

static void resize(struct table *table, uint32_t capacity, table_hash hash_of, uint64_t key)
{
    struct table old = *table;
    table->slots = memory_alloc(capacity * sizeof(uint64_t));
    table->capacity = capacity;
    uint32_t cursor = 0;
    void *item;
    while ((item = table_next(&old, &cursor)) != NULL) {
        uint64_t hash = hash_of(item, key);
        place(table, slot_of(item, hash), hash);
    }
    if (old.capacity > 0) {
        memory_free(old.slots);
    }
}

void table_add(struct table *table, void *item, table_hash hash_of, uint64_t key)
{
    uint64_t hash = hash_of(item, key);
    if (table->count == 0 && table->capacity == 0) {
        table->one = slot_of(item, hash);
        table->count = 1;
        return;
    }
    /* At most three quarters full. */
    if (table->capacity == 0) {
        resize(table, CAPACITY_FIRST, hash_of, key);
    } else if ((uint64_t)(table->count + 1) * 4 > (uint64_t)table->capacity * 3) {
        resize(table, table->capacity * 2, hash_of, key);
    }
    place(table, slot_of(item, hash), hash);
    table->count++;
}

/* Moves what follows a hole back into it, as far as that brings it nearer to its home. */
static void close_hole(struct table *table, uint32_t hole, table_hash hash_of, uint64_t key)
{
    uint32_t mask = table->capacity - 1;
    uint32_t at = hole;
    for (;;) {
        at = (at + 1) & mask;
        if (table->slots[at] == 0) {
            break;
        }
        uint32_t home = (uint32_t)hash_of(item_of(table->slots[at]), key) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = 0;
}

void table_remove(struct table *table, void *item, table_hash hash_of, uint64_t key)
{
    ASSERT(table->count > 0);
    if (table->capacity == 0) {
        ASSERT(item_of(table->one) == item);
        table->one = 0;
        table->count = 0;
        return;
    }
    uint32_t mask = table->capacity - 1;
    uint32_t at = (uint32_t)hash_of(item, key) & mask;
    while (item_of(table->slots[at]) != item) {
        ASSERT(table->slots[at] != 0);
        at = (at + 1) & mask;
    }
    close_hole(table, at, hash_of, key);
    table->count--;
    if (table->count == 0) {
        table_free(table);
    } else if (table->capacity > CAPACITY_FIRST && table->count < table->capacity / 8) {
        resize(table, table->capacity / 4, hash_of, key);
    }
}

void *table_find(const struct table *table, uint64_t hash, table_same same, const void *name)
{
    if (table->capacity == 0) {
        bool is_it = table->count == 1 && (table->one & ~POINTER_MASK) == (hash & ~POINTER_MASK) &&
                     same(item_of(table->one), name);
        return is_it ? item_of(table->one) : NULL;
    }
    uint32_t mask = table->capacity - 1;
    for (uint32_t at = (uint32_t)hash & mask; table->slots[at] != 0; at = (at + 1) & mask) {
        uint64_t slot = table->slots[at];
        if ((slot & ~POINTER_MASK) == (hash & ~POINTER_MASK) && same(item_of(slot), name)) {
            return item_of(slot);
        }
    }
    return NULL;
}

void *table_next(const struct table *table, uint32_t *cursor)
{
    if (table->capacity == 0) {
        return (*cursor)++ == 0 && table->count == 1 ? item_of(table->one) : NULL;
    }
    while (*cursor < table->capacity) {
        uint64_t slot = table->slots[(*cursor)++];
        if (slot != 0) {
            return item_of(slot);
        }
    }
    return NULL;
}

void *table_any(const struct table *table)
{
    uint32_t cursor = 0;
    return table_next(table, &cursor);
}

void table_free(struct table *table)
{
    if (table->capacity > 0) {
        memory_free(table->slots);
    }
    *table = (struct table){0};
}

size_t table_bytes(const struct table *table)
{
    return table->capacity * sizeof(uint64_t);
}
