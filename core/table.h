/*
 * table.h - a small set of pointers found by hash: a session's subscriptions by sid.
 *
 * Open addressing with linear probing and backward-shift deletion (no tombstones). A slot is the
 * pointer and 20 bits of its hash (probe.h): a probe rarely touches a foreign item, and growing
 * touches none. One item lives in the struct itself: most sessions subscribe once.
 *
 * Threads:     owner worker only.
 * Memory:      owns the slots, not the items.
 * Limits:      items are aligned to 16 and in user space of a 64-bit machine. From a million on
 *              lookups take longer, as 20 bits do not tell so many homes apart.
 */
#ifndef RINGHUB_CORE_TABLE_H
#define RINGHUB_CORE_TABLE_H

#include "core/base.h"
#include "core/probe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Is this the item that the name means? */
typedef bool (*table_same)(const void *item, const void *name);

struct table {
    union {
        uint64_t one;    /* capacity 0: the single item, or 0 */
        uint64_t *slots; /* capacity slots; 0: free */
    };
    uint32_t count;
    uint32_t capacity; /* 0: no slots */
};

void table_add(struct table *table, void *item, uint64_t hash);
/* The item is in, with this hash. */
void table_remove(struct table *table, const void *item, uint64_t hash);
/* NULL: not there. */
void *table_find(const struct table *table, uint64_t hash, table_same same, const void *name);
/* Items one by one: *cursor starts at 0; NULL at the end. Nothing may be added or removed. */
void *table_next(const struct table *table, uint32_t *cursor);
/* Any item; NULL: empty. */
void *table_any(const struct table *table);
void table_free(struct table *table);
/* Bytes of the slots. */
size_t table_bytes(const struct table *table);

#ifdef __cplusplus
}
#endif
#endif
