/*
 * index_table.h - which item has this hash? Open addressing that grows and shrinks a little at a
 * time, so that no insertion pays for moving a million slots.
 *
 *   current   [h][ ][h][h][ ][h]…     where new items go
 *   old       [ ][ ][ ][h][h][ ]…     while resizing: emptied from the left, a few slots a call
 *
 * Threads:     owner only.
 * Memory:      owns its slots, not the items. 8 bytes a slot; between 1/4 and 3/4 are in use, 6/10
 *              and more while a large one grows, and the old slots come on top while a resize is
 *              under way.
 * Limits:      2^31 items, aligned to 16, in user space of a 64-bit machine.
 * Invariants:  (1) An item is in exactly one of the two arrays, on an unbroken run of used slots
 *                  from its home slot (linear probing, no tombstones).
 *              (2) Slots of old below moved_to are empty.
 *              (3) A resize ends before the next one begins: each insertion and removal empties
 *                  128 slots of old, so that one call for each 128 of its capacity empties it, and
 *                  more than one for each 10 pass until current is too full or too empty.
 */
#ifndef RINGHUB_CORE_INDEX_TABLE_H
#define RINGHUB_CORE_INDEX_TABLE_H

#include "core/bytes.h"
#include "core/probe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The hash an item was added with: a slot has a part of it only. */
typedef uint64_t (*index_hash_of)(const void *item, const void *context);

struct index_slots {
    uint64_t *slot; /* see probe.h; 0: free. NULL: no array */
    uint32_t capacity;
    uint32_t count;
};

struct index_table {
    struct index_slots current;
    struct index_slots old; /* slot NULL: no resize under way */
    uint32_t moved_to;
    index_hash_of hash_of;
    const void *context;
};

/* hash_of is called with context. */
void index_table_init(struct index_table *table, index_hash_of hash_of, const void *context);
void index_table_free(struct index_table *table);

/* Visits the items whose hash is equal, as far as a slot can tell; the caller compares what they
 * stand for:
 *
 *     struct index_probe probe = index_probe_first(table, hash);
 *     while ((item = index_probe_next(&probe)) != NULL) ... */
struct index_probe {
    const struct index_slots *slots;
    const struct index_slots *next_slots; /* NULL: none left */
    uint64_t hash;
    uint64_t tag;
    uint32_t at;
};

static inline struct index_probe index_probe_first(const struct index_table *table, uint64_t hash)
{
    struct index_probe probe;
    probe.slots = &table->current;
    probe.next_slots = table->old.slot != NULL ? &table->old : NULL;
    probe.hash = hash;
    probe.tag = probe_tag(hash);
    probe.at = probe_home(hash, table->current.capacity);
    return probe;
}

/* The same, of items whose hashes agree in these bits of a tag and may differ in others. All of a
 * hash's low half has to be the same: it is where the walk begins. */
static inline void *index_probe_next_alike(struct index_probe *probe, uint64_t tag_bits)
{
    for (;;) {
        const struct index_slots *slots = probe->slots;
        for (;;) {
            uint64_t slot = slots->slot[probe->at];
            if (slot == 0) {
                break;
            }
            probe->at = probe_next(probe->at, slots->capacity);
            if (((slot ^ probe->tag) & tag_bits) == 0) {
                return probe_item(slot);
            }
        }
        if (probe->next_slots == NULL) {
            return NULL;
        }
        probe->slots = probe->next_slots;
        probe->next_slots = NULL;
        probe->at = probe_home(probe->hash, probe->slots->capacity);
    }
}

static inline void *index_probe_next(struct index_probe *probe)
{
    return index_probe_next_alike(probe, PROBE_TAG_MASK);
}

/* The item must not be in the table yet. */
void index_table_add(struct index_table *table, uint64_t hash, void *item);

/* The item must be in the table, under this hash. */
void index_table_remove(struct index_table *table, uint64_t hash, const void *item);

/* Goes on with a resize, if one is under way: for calls that only look. */
void index_table_step(struct index_table *table);

/* Start with *cursor 0; NULL ends. No item may be added or removed in between. */
void *index_table_next(const struct index_table *table, uint64_t *cursor);

static inline uint64_t index_table_count(const struct index_table *table)
{
    return (uint64_t)table->current.count + table->old.count;
}

uint64_t index_table_bytes(const struct index_table *table);
void index_table_check(const struct index_table *table);

#ifdef __cplusplus
}
#endif
#endif
