/* table.c - linear probing; see table.h. */
#include "core/table.h"

enum { CAPACITY_FIRST = 8, CAPACITY_DOUBLES = 1024 };

static void place(struct table *table, uint64_t slot)
{
    uint32_t at = probe_tag_home(slot, table->capacity);
    while (table->slots[at] != 0) {
        at = probe_next(at, table->capacity);
    }
    table->slots[at] = slot;
}

/* No item is looked at: of a hundred thousand that would take milliseconds. */
static void resize(struct table *table, uint32_t capacity)
{
    struct table old = *table;
    table->slots = memory_alloc(capacity * sizeof(uint64_t));
    table->capacity = capacity;
    if (old.capacity == 0) {
        place(table, old.one);
        return;
    }
    for (uint32_t at = 0; at < old.capacity; at++) {
        if (old.slots[at] != 0) {
            place(table, old.slots[at]);
        }
    }
    memory_free(old.slots);
}

static uint32_t grown(uint32_t capacity)
{
    if (capacity < CAPACITY_DOUBLES) {
        return MAX_OF((uint32_t)CAPACITY_FIRST, capacity * 2);
    }
    return (uint32_t)(probe_grown(capacity * sizeof(uint64_t)) / sizeof(uint64_t));
}

void table_add(struct table *table, void *item, uint64_t hash)
{
    if (table->count == 0 && table->capacity == 0) {
        table->one = probe_slot(item, hash);
        table->count = 1;
        return;
    }
    if (table->capacity == 0 || probe_is_full((uint64_t)table->count + 1, table->capacity)) {
        resize(table, grown(table->capacity));
    }
    place(table, probe_slot(item, hash));
    table->count++;
}

/* Moves what follows a hole back into it, as far as that brings it nearer to its home. */
static void close_hole(struct table *table, uint32_t hole)
{
    uint32_t capacity = table->capacity;
    uint32_t at = hole;
    for (;;) {
        at = probe_next(at, capacity);
        if (table->slots[at] == 0) {
            break;
        }
        uint32_t home = probe_tag_home(table->slots[at], capacity);
        if (probe_distance(home, at, capacity) >= probe_distance(hole, at, capacity)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = 0;
}

void table_remove(struct table *table, const void *item, uint64_t hash)
{
    ASSERT(table->count > 0);
    uint64_t slot = probe_slot(item, hash);
    if (table->capacity == 0) {
        ASSERT(table->one == slot);
        table->one = 0;
        table->count = 0;
        return;
    }
    uint32_t at = probe_tag_home(slot, table->capacity);
    while (table->slots[at] != slot) {
        ASSERT(table->slots[at] != 0);
        at = probe_next(at, table->capacity);
    }
    close_hole(table, at);
    table->count--;
    if (table->count == 0) {
        table_free(table);
    } else if (table->capacity > CAPACITY_FIRST && table->count < table->capacity / 4) {
        resize(table, MAX_OF((uint32_t)CAPACITY_FIRST, table->capacity / 2));
    }
}

void *table_find(const struct table *table, uint64_t hash, table_same same, const void *name)
{
    uint64_t tag = probe_tag(hash);
    if (table->capacity == 0) {
        bool is_it = table->count == 1 && (table->one & PROBE_TAG_MASK) == tag &&
                     same(probe_item(table->one), name);
        return is_it ? probe_item(table->one) : NULL;
    }
    uint32_t at = probe_tag_home(tag, table->capacity);
    for (; table->slots[at] != 0; at = probe_next(at, table->capacity)) {
        uint64_t slot = table->slots[at];
        if ((slot & PROBE_TAG_MASK) == tag && same(probe_item(slot), name)) {
            return probe_item(slot);
        }
    }
    return NULL;
}

void *table_next(const struct table *table, uint32_t *cursor)
{
    if (table->capacity == 0) {
        return (*cursor)++ == 0 && table->count == 1 ? probe_item(table->one) : NULL;
    }
    while (*cursor < table->capacity) {
        uint64_t slot = table->slots[(*cursor)++];
        if (slot != 0) {
            return probe_item(slot);
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
