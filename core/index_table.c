/*
 * index_table.c - Knuth's linear probing with deletion by moving back (Algorithm R of The Art of
 * Computer Programming 6.4), over two arrays while a resize is under way.
 */
#include "core/index_table.h"

enum {
    CAPACITY_MIN = 16,
    STEP_SLOTS = 16, /* slots of the old array looked at by one call */
};

static uint64_t capacity_of(const struct index_slots *slots)
{
    return slots->mask + 1;
}

static struct index_slots slots_new(uint64_t capacity)
{
    return (struct index_slots){.slot = memory_alloc(capacity * sizeof(struct index_slot)),
                                .mask = capacity - 1};
}

static void slots_add(struct index_slots *slots, uint64_t hash, void *item)
{
    uint64_t at = hash & slots->mask;
    while (slots->slot[at].item != NULL) {
        at = (at + 1) & slots->mask;
    }
    slots->slot[at] = (struct index_slot){.hash = hash, .item = item};
    slots->count++;
    ASSERT(slots->count <= slots->mask);
}

/* Empties slot hole and moves back what would no longer be found. */
static void slots_remove_at(struct index_slots *slots, uint64_t hole)
{
    uint64_t at = hole;
    for (;;) {
        at = (at + 1) & slots->mask;
        if (slots->slot[at].item == NULL) {
            break;
        }
        uint64_t home = slots->slot[at].hash & slots->mask;
        /* Distances from home run forwards: the item may move back to the hole only if the hole is
         * not in front of its home. */
        if (((at - home) & slots->mask) >= ((at - hole) & slots->mask)) {
            slots->slot[hole] = slots->slot[at];
            hole = at;
        }
    }
    slots->slot[hole].item = NULL;
    slots->count--;
}

static bool slots_remove(struct index_slots *slots, uint64_t hash, const void *item)
{
    uint64_t at = hash & slots->mask;
    while (slots->slot[at].item != NULL) {
        if (slots->slot[at].item == item) {
            slots_remove_at(slots, at);
            return true;
        }
        at = (at + 1) & slots->mask;
    }
    return false;
}

void index_table_init(struct index_table *table)
{
    *table = (struct index_table){.current = slots_new(CAPACITY_MIN)};
}

void index_table_free(struct index_table *table)
{
    memory_free(table->current.slot);
    memory_free(table->old.slot);
    *table = (struct index_table){.moved_to = 0};
}

void index_table_step(struct index_table *table)
{
    struct index_slots *old = &table->old;
    if (LIKELY(old->slot == NULL)) {
        return;
    }
    for (uint32_t step = 0; step < STEP_SLOTS && old->count > 0; step++) {
        struct index_slot *slot = &old->slot[table->moved_to];
        /* Removing moves the next of the run into this slot: look at it again. */
        while (slot->item != NULL) {
            slots_add(&table->current, slot->hash, slot->item);
            slots_remove_at(old, table->moved_to);
        }
        table->moved_to++;
    }
    if (old->count == 0) {
        memory_free(old->slot);
        *old = (struct index_slots){.slot = NULL};
    }
}

static void resize(struct index_table *table, uint64_t capacity)
{
    ASSERT(table->old.slot == NULL);
    table->old = table->current;
    table->moved_to = 0;
    table->current = slots_new(capacity);
    index_table_step(table);
}

void index_table_add(struct index_table *table, uint64_t hash, void *item)
{
    ASSERT(item != NULL);
    index_table_step(table);
    uint64_t capacity = capacity_of(&table->current);
    if (index_table_count(table) + 1 > capacity - capacity / 4) {
        resize(table, 2 * capacity);
    }
    slots_add(&table->current, hash, item);
}

void index_table_remove(struct index_table *table, uint64_t hash, const void *item)
{
    bool removed = slots_remove(&table->current, hash, item) ||
                   (table->old.slot != NULL && slots_remove(&table->old, hash, item));
    ASSERT(removed);
    index_table_step(table);
    uint64_t capacity = capacity_of(&table->current);
    if (table->old.slot == NULL && capacity > CAPACITY_MIN &&
        index_table_count(table) < capacity / 8) {
        resize(table, capacity / 2);
    }
}

void *index_table_next(const struct index_table *table, uint64_t *cursor, uint64_t *hash)
{
    uint64_t current = capacity_of(&table->current);
    uint64_t all = current + (table->old.slot != NULL ? capacity_of(&table->old) : 0);
    while (*cursor < all) {
        uint64_t at = (*cursor)++;
        const struct index_slot *slot =
            at < current ? &table->current.slot[at] : &table->old.slot[at - current];
        if (slot->item != NULL) {
            *hash = slot->hash;
            return slot->item;
        }
    }
    return NULL;
}

uint64_t index_table_bytes(const struct index_table *table)
{
    uint64_t slots = capacity_of(&table->current);
    slots += table->old.slot != NULL ? capacity_of(&table->old) : 0;
    return slots * sizeof(struct index_slot);
}

static void slots_check(const struct index_slots *slots, uint64_t empty_below)
{
    uint64_t count = 0;
    ASSERT((capacity_of(slots) & slots->mask) == 0);
    for (uint64_t at = 0; at <= slots->mask; at++) {
        if (slots->slot[at].item == NULL) {
            continue;
        }
        count++;
        ASSERT(at >= empty_below); /* (2) */
        for (uint64_t i = slots->slot[at].hash & slots->mask; i != at; i = (i + 1) & slots->mask) {
            ASSERT(slots->slot[i].item != NULL); /* (1) */
        }
    }
    ASSERT(count == slots->count);
    ASSERT(count <= slots->mask);
}

void index_table_check(const struct index_table *table)
{
    slots_check(&table->current, 0);
    if (table->old.slot != NULL) {
        slots_check(&table->old, table->moved_to);
    }
}
