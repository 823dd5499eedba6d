/*
 * pool.h - fixed-size items under a slot number and a generation, in slabs that come and go.
 *
 *   slot = slab · items_per_slab + index
 *
 *   slabs:  [0]──▶ | item | item | item | …   taken, free and untouched items
 *           [1]     (given back: no memory)
 *           [2]──▶ | item | …
 *
 *   pool_take ──▶ taken ──pool_give──▶ free ──pool_take──▶ taken (next generation)
 *
 * Threads:     owner worker only.
 * Memory:      owns the slabs; an item is the caller's from pool_take to pool_give. Slabs are
 *              allocated when needed and not touched until an item is taken; when a slab's last
 *              item is given it is freed, but for one empty slab that is kept, so that take and
 *              give at the edge allocate nothing. Items are zero when taken, aligned to 16, and
 *              poisoned under ASan while free.
 * Limits:      items_max taken at once, however they lie in slabs.
 * Invariants:  (1) A slot's generation grows by one at each pool_give and skips 0, so a handle of
 *                  slot and generation is good for at most one life (until 2^24 - 1 lives later).
 *                  It survives the slab.
 *              (2) The slot given last is taken first, while a taken slot keeps its address.
 *              (3) A slab has room exactly when it is in the list of slabs with room.
 *              (4) At most one slab is empty.
 * Beware:      pool_free_all forgets the generations too.
 */
#ifndef RINGHUB_CORE_POOL_H
#define RINGHUB_CORE_POOL_H

#include "core/base.h"
#include "core/list.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { POOL_GENERATION_BITS = 24 };

#define POOL_FULL UINT32_MAX /* pool_take: items_max items are taken */
#define POOL_END  UINT32_MAX /* pool_next: no live slot from here on */

struct pool_slab;
struct pool_slot;

struct pool {
    size_t stride;      /* bytes from one item to the next */
    size_t item_size;   /* bytes */
    uint32_t per_slab;  /* a power of two */
    uint32_t slab_bits; /* its logarithm */
    uint32_t items_max;
    uint32_t slabs_max;
    uint32_t slabs_used;    /* slab numbers ever used are below this */
    uint32_t slabs_count;   /* slabs that have memory */
    uint32_t slab_returned; /* the given-back slab numbers, linked; SLAB_NONE ends */
    uint32_t slab_spare;    /* the empty slab kept, or SLAB_NONE */
    uint32_t count;         /* items taken */
    struct list roomy;      /* slabs with room, the last given to first */
    struct pool_slab *slabs;
    struct pool_slot *slots;
};

/* items_per_slab is a power of two; items_max plus one slab is below POOL_FULL. */
void pool_init(struct pool *pool, size_t item_size, uint32_t items_max, uint32_t items_per_slab);

/* Frees all memory, whatever is taken. The pool needs pool_init again. */
void pool_free_all(struct pool *pool);

/* A slot whose item is zero, or POOL_FULL. */
MUST_USE uint32_t pool_take(struct pool *pool);

/* The slot must be taken. Its generation goes up; pointers to it are dead. */
void pool_give(struct pool *pool, uint32_t slot);

/* The item of a taken slot. O(1). */
MUST_USE void *pool_at(const struct pool *pool, uint32_t slot);

/* The item, or NULL when the slot is free, lives another life, or does not exist. O(1). */
MUST_USE void *pool_get(const struct pool *pool, uint32_t slot, uint32_t generation);

/* Of a slot taken or free: 1 to 2^24 - 1; when free, that of its next life. */
MUST_USE uint32_t pool_generation(const struct pool *pool, uint32_t slot);

MUST_USE bool pool_is_taken(const struct pool *pool, uint32_t slot);

/* The first taken slot at or after from, or POOL_END. Slabs without memory are skipped whole. */
MUST_USE uint32_t pool_next(const struct pool *pool, uint32_t from);

/* Taken slots in ascending order. The body may give the slot it stands on, and take others. */
#define POOL_FOR_EACH(slot, pool)                                                                  \
    for (uint32_t slot = pool_next((pool), 0); slot != POOL_END; slot = pool_next((pool), slot + 1))

/* Items taken. */
MUST_USE uint32_t pool_count(const struct pool *pool);

/* Bytes held now: tables and slabs (touched or not). */
MUST_USE size_t pool_bytes(const struct pool *pool);

/* Bytes a pool of this shape can ever hold. */
MUST_USE size_t pool_bytes_max(size_t item_size, uint32_t items_max, uint32_t items_per_slab);

/* Asserts invariants 3 and 4, and that every slot is either taken, free once, or untouched. */
void pool_check(const struct pool *pool);

#ifdef __cplusplus
}
#endif
#endif
