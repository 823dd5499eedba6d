/*
 * index_table.h - which item has this hash? Open addressing that grows and shrinks a little at a
 * time, so that no insertion pays for moving a million slots.
 *
 *   current   [h][ ][h][h][ ][h]…     where new items go
 *   old       [ ][ ][ ][h][h][ ]…     while resizing: emptied from the left, a few slots a call
 *
 * Threads:     owner only.
 * Memory:      owns its slots, not the items. 16 bytes a slot; between 1/8 and 3/4 are in use, and
 *              the old slots come on top while a resize is under way.
 * Limits:      2^31 items.
 * Invariants:  (1) An item is in exactly one of the two arrays, on an unbroken run of used slots
 *                  from its home slot (linear probing, no tombstones).
 *              (2) Slots of old below moved_to are empty.
 *              (3) A resize ends before the next one begins: each insertion and removal empties 16
 *                  slots of old, so that a sixteenth of its capacity in calls empties it, and at
 *                  least three times as many pass until current is too full or too empty.
 */
#ifndef RINGHUB_CORE_INDEX_TABLE_H
#define RINGHUB_CORE_INDEX_TABLE_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

struct index_slot {
    uint64_t hash;
    void *item; /* NULL: free */
};

struct index_slots {
    struct index_slot *slot; /* NULL: no array */
    uint64_t mask;           /* capacity - 1 */
    uint64_t count;
};

struct index_table {
    struct index_slots current;
    struct index_slots old; /* slot NULL: no resize under way */
    uint64_t moved_to;
};

void index_table_init(struct index_table *table);
void index_table_free(struct index_table *table);

/* Visits the items whose hash is equal; the caller compares what they stand for:
 *
 *     struct index_probe probe = index_probe_first(table, hash);
 *     while ((item = index_probe_next(&probe)) != NULL) ... */
struct index_probe {
    const struct index_slots *slots;
    const struct index_slots *next_slots; /* NULL: none left */
    uint64_t hash;
    uint64_t at;
};

static inline struct index_probe index_probe_first(const struct index_table *table, uint64_t hash)
{
    struct index_probe probe;
    probe.slots = &table->current;
    probe.next_slots = table->old.slot != NULL ? &table->old : NULL;
    probe.hash = hash;
    probe.at = hash & table->current.mask;
    return probe;
}

static inline void *index_probe_next(struct index_probe *probe)
{
    for (;;) {
        const struct index_slots *slots = probe->slots;
        for (;;) {
            const struct index_slot *slot = &slots->slot[probe->at];
            if (slot->item == NULL) {
                break;
            }
            probe->at = (probe->at + 1) & slots->mask;
            if (slot->hash == probe->hash) {
                return slot->item;
            }
        }
        if (probe->next_slots == NULL) {
            return NULL;
        }
        probe->slots = probe->next_slots;
        probe->next_slots = NULL;
        probe->at = probe->hash & probe->slots->mask;
    }
}

/* The item must not be in the table yet. */
void index_table_add(struct index_table *table, uint64_t hash, void *item);

/* The item must be in the table, under this hash. */
void index_table_remove(struct index_table *table, uint64_t hash, const void *item);

/* Goes on with a resize, if one is under way: for calls that only look. */
void index_table_step(struct index_table *table);

/* Start with *cursor 0; NULL ends. No item may be added or removed in between. */
void *index_table_next(const struct index_table *table, uint64_t *cursor, uint64_t *hash);

static inline uint64_t index_table_count(const struct index_table *table)
{
    return table->current.count + table->old.count;
}

uint64_t index_table_bytes(const struct index_table *table);
void index_table_check(const struct index_table *table);

#ifdef __cplusplus
}
#endif
#endif
