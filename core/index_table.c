/*
 * index_table.c - Knuth's linear probing with deletion by moving back (Algorithm R of The Art of
 * Computer Programming 6.4), over two arrays while a resize is under way.
 */
#include "core/index_table.h"

enum {
    CAPACITY_MIN = 16,
    CAPACITY_DOUBLES = 8192, /* below this an array doubles: it is small, and gaps shorten misses */
    /* Slots of the old array looked at by one call: some microseconds. With 16 of them two arrays were
     * there for a third of the time in which a table grows. */
    STEP_SLOTS = 128,
};

static struct index_slots slots_new(uint32_t capacity)
{
    return (struct index_slots){.slot = memory_alloc(capacity * sizeof(uint64_t)),
                                .capacity = capacity};
}

static void slots_add(struct index_slots *slots, uint64_t hash, const void *item)
{
    uint32_t at = probe_home(hash, slots->capacity);
    while (slots->slot[at] != 0) {
        at = probe_next(at, slots->capacity);
    }
    slots->slot[at] = probe_slot(item, hash);
    slots->count++;
    ASSERT(slots->count < slots->capacity);
}

static uint64_t hash_at(const struct index_table *table, uint64_t slot)
{
    return table->hash_of(probe_item(slot), table->context);
}

/* Empties slot hole and moves back what would no longer be found. */
static void slots_remove_at(const struct index_table *table, struct index_slots *slots,
                            uint32_t hole)
{
    uint32_t capacity = slots->capacity;
    uint32_t at = hole;
    for (;;) {
        at = probe_next(at, capacity);
        if (slots->slot[at] == 0) {
            break;
        }
        uint32_t home = probe_home(hash_at(table, slots->slot[at]), capacity);
        /* Distances from home run forwards: the item may move back to the hole only if the hole is
         * not in front of its home. */
        if (probe_distance(home, at, capacity) >= probe_distance(hole, at, capacity)) {
            slots->slot[hole] = slots->slot[at];
            hole = at;
        }
    }
    slots->slot[hole] = 0;
    slots->count--;
}

static bool slots_remove(const struct index_table *table, struct index_slots *slots, uint64_t hash,
                         const void *item)
{
    uint64_t wanted = probe_slot(item, hash);
    uint32_t at = probe_home(hash, slots->capacity);
    while (slots->slot[at] != 0) {
        if (slots->slot[at] == wanted) {
            slots_remove_at(table, slots, at);
            return true;
        }
        at = probe_next(at, slots->capacity);
    }
    return false;
}

void index_table_init(struct index_table *table, index_hash_of hash_of, const void *context)
{
    *table = (struct index_table){
        .current = slots_new(CAPACITY_MIN), .hash_of = hash_of, .context = context};
}

void index_table_free(struct index_table *table)
{
    memory_free(table->current.slot);
    memory_free(table->old.slot);
    *table = (struct index_table){.moved_to = 0};
}

/* Not inlined: a match calls it each time, and there is seldom anything to do. */
static __attribute__((noinline)) void step(struct index_table *table)
{
    struct index_slots *old = &table->old;
    uint32_t end = MIN_OF(table->moved_to + STEP_SLOTS, old->capacity);
    /* Their hashes are in the items: those of one step are fetched together. */
    for (uint32_t at = table->moved_to; at < end; at++) {
        __builtin_prefetch(probe_item(old->slot[at]));
    }
    /* A run goes as a whole: what is behind a gap is not found. */
    uint32_t at = table->moved_to;
    for (; at < end || (at < old->capacity && old->slot[at] != 0); at++) {
        uint64_t slot = old->slot[at];
        if (slot != 0) {
            slots_add(&table->current, hash_at(table, slot), probe_item(slot));
            old->slot[at] = 0;
            old->count--;
        }
    }
    table->moved_to = at;
    if (old->count == 0) {
        memory_free(old->slot);
        *old = (struct index_slots){.slot = NULL};
    }
}

void index_table_step(struct index_table *table)
{
    if (UNLIKELY(table->old.slot != NULL)) {
        step(table);
    }
}

static void resize(struct index_table *table, uint32_t capacity)
{
    ASSERT(table->old.slot == NULL);
    table->old = table->current;
    table->moved_to = 0;
    table->current = slots_new(capacity);
    step(table);
}

static uint32_t grown(uint32_t capacity)
{
    return capacity < CAPACITY_DOUBLES
               ? capacity * 2
               : (uint32_t)(probe_grown(capacity * sizeof(uint64_t)) / sizeof(uint64_t));
}

void index_table_add(struct index_table *table, uint64_t hash, void *item)
{
    ASSERT(item != NULL);
    index_table_step(table);
    uint32_t capacity = table->current.capacity;
    if (probe_is_full(index_table_count(table) + 1, capacity)) {
        resize(table, grown(capacity));
    }
    slots_add(&table->current, hash, item);
}

void index_table_remove(struct index_table *table, uint64_t hash, const void *item)
{
    bool removed = slots_remove(table, &table->current, hash, item) ||
                   (table->old.slot != NULL && slots_remove(table, &table->old, hash, item));
    ASSERT(removed);
    index_table_step(table);
    uint32_t capacity = table->current.capacity;
    if (table->old.slot == NULL && capacity > CAPACITY_MIN &&
        index_table_count(table) < capacity / 4) {
        resize(table, MAX_OF(capacity / 2, (uint32_t)CAPACITY_MIN));
    }
}

void *index_table_next(const struct index_table *table, uint64_t *cursor)
{
    uint64_t current = table->current.capacity;
    uint64_t all = current + table->old.capacity;
    while (*cursor < all) {
        uint64_t at = (*cursor)++;
        uint64_t slot = at < current ? table->current.slot[at] : table->old.slot[at - current];
        if (slot != 0) {
            return probe_item(slot);
        }
    }
    return NULL;
}

uint64_t index_table_bytes(const struct index_table *table)
{
    return ((uint64_t)table->current.capacity + table->old.capacity) * sizeof(uint64_t);
}

static void slots_check(const struct index_table *table, const struct index_slots *slots,
                        uint32_t empty_below)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < slots->capacity; at++) {
        uint64_t slot = slots->slot[at];
        if (slot == 0) {
            continue;
        }
        count++;
        ASSERT(at >= empty_below); /* (2) */
        uint64_t hash = hash_at(table, slot);
        ASSERT(slot == probe_slot(probe_item(slot), hash));
        for (uint32_t i = probe_home(hash, slots->capacity); i != at;
             i = probe_next(i, slots->capacity)) {
            ASSERT(slots->slot[i] != 0); /* (1) */
        }
    }
    ASSERT(count == slots->count);
    ASSERT(count < slots->capacity);
}

void index_table_check(const struct index_table *table)
{
    slots_check(table, &table->current, 0);
    if (table->old.slot != NULL) {
        slots_check(table, &table->old, table->moved_to);
    }
}
