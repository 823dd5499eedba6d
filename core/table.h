/*
 * table.h - a small set of pointers found by hash: a session's subscriptions by sid.
 *
 * Open addressing with linear probing and backward-shift deletion (no tombstones). A slot is the
 * pointer with 16 bits of its hash in the unused top, so a probe rarely touches a foreign item.
 * One item lives in the struct itself: most sessions subscribe once.
 *
 * Threads:     owner worker only.
 * Memory:      owns the slots, not the items.
 * Limits:      pointers of user space on 64-bit machines (48 bits).
 */
#ifndef RINGHUB_CORE_TABLE_H
#define RINGHUB_CORE_TABLE_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The hash an item was added with. */
typedef uint64_t (*table_hash)(const void *item, uint64_t key);
/* Is this the item that the name means? */
typedef bool (*table_same)(const void *item, const void *name);

struct table {
    union {
        uint64_t one;    /* capacity 0: the single item, or 0 */
        uint64_t *slots; /* capacity slots; 0: free */
    };
    uint32_t count;
    uint32_t capacity; /* 0, or a power of two */
};

/* key goes to hash_of, which must not change for an item that is in. */
void table_add(struct table *table, void *item, table_hash hash_of, uint64_t key);
/* The item is in. */
void table_remove(struct table *table, void *item, table_hash hash_of, uint64_t key);
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
