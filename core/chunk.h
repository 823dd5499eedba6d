/*
 * chunk.h - where a worker's message bytes live: counted blocks in five size classes.
 *
 *   take ──▶ [ header | data …used…│…free… ] ── refs reach 0 ──▶ free list (bounded) ──▶ allocator
 *
 * Threads:     owner worker only, the data of a chunk excepted: a peer reads runs in it while an
 *              envelope holds a reference for him.
 * Memory:      whoever took a chunk or called chunk_ref holds one reference. The pool keeps free chunks:
 *              CHUNK_POOL_SPARE_BYTES, or what it takes to reach the peak of the last one to two
 *              seconds again, so that the steady path allocates nothing and a burst's memory goes
 *              home.
 * Limits:      the pool counts bytes and enforces nothing; the hub compares `used_bytes` with its
 *              budget and chooses victims.
 * Invariants:  (1) used <= size. (2) used_bytes is the sum over chunks not on a free list. (3) a chunk
 *              with a keeper has two references at least.
 */
#ifndef RINGHUB_CORE_CHUNK_H
#define RINGHUB_CORE_CHUNK_H

#include "core/base.h"
#include "core/list.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CHUNK_CLASSES = 4, /* 4 KiB, 16 KiB, 64 KiB, 256 KiB; larger: exact size */
    CHUNK_CLASS_LARGE = CHUNK_CLASSES,
    CHUNK_SMALLEST_BYTES = 4 * 1024, /* allocation, header included */
    CHUNK_BIGGEST_BYTES = 256 * 1024,
    CHUNK_POOL_SPARE_BYTES = 4 * 1024 * 1024,
};

#define CHUNK_SECOND_NS 1000000000ull

struct chunk {
    struct list link; /* free list, or a stream's chain */
    uint64_t base;    /* stream position of data[0]; 0 in other chunks */
    /* When its first and its newest byte came, for the age of what waits in it (chunk_time). */
    uint64_t first_ns;
    uint64_t last_ns;
    uint32_t refs;
    uint32_t cursors; /* open cursors that stand in it */
    uint32_t size;    /* of data, in bytes */
    uint32_t used;
    uint32_t class_index;
    uint32_t messages; /* whole frames rendered into it; streams only */
    uint32_t mark;     /* evacuation's own */
    /* Where the holder of one reference points to it who wants it only as long as somebody else has
     * one too; NULL: nobody. */
    struct chunk **keeper;
    uint8_t data[];
};

struct chunk_pool {
    struct list spare[CHUNK_CLASSES];
    uint64_t spare_bytes;
    uint64_t used_bytes;
    uint64_t used_bytes_peak;
    uint64_t chunks_count; /* in use */
    /* Of used_bytes: in this second, and in the one before. */
    uint64_t peak_bytes;
    uint64_t peak_before_bytes;
    uint64_t second_ends_ns;
    uint64_t now_ns; /* stamps chunks */
};

void chunk_pool_init(struct chunk_pool *pool);
/* Every chunk must have come home. */
void chunk_pool_free(struct chunk_pool *pool);

/* Of the spare chunks those go home that were not needed in the last second. */
void chunk_pool_tidy(struct chunk_pool *pool);
/* When it wants to be told the time at the latest, where it has more than CHUNK_POOL_SPARE_BYTES. */
uint64_t chunk_pool_tidy_at(const struct chunk_pool *pool);

/* It is now_ns. Every turn calls this and the next: both say in a look that there is nothing to do. */
static inline void chunk_pool_clock(struct chunk_pool *pool, uint64_t now_ns)
{
    pool->now_ns = now_ns;
    if (UNLIKELY(now_ns >= pool->second_ends_ns || pool->spare_bytes > CHUNK_POOL_SPARE_BYTES)) {
        chunk_pool_tidy(pool);
    }
}

/* When it wants to be told the time at the latest; UINT64_MAX: it does not. */
static inline uint64_t chunk_pool_deadline(const struct chunk_pool *pool)
{
    return LIKELY(pool->spare_bytes <= CHUNK_POOL_SPARE_BYTES) ? UINT64_MAX
                                                               : chunk_pool_tidy_at(pool);
}

/* A chunk with room for at least size bytes, of class at least class_index; one reference, the
 * caller's. size up to UINT32_MAX / 2. */
struct chunk *chunk_take(struct chunk_pool *pool, uint32_t class_index, size_t size);

static inline void chunk_ref(struct chunk *chunk)
{
    ASSERT_SLOW(chunk->refs > 0);
    chunk->refs++;
}

void chunk_give(struct chunk_pool *pool, struct chunk *chunk);

/* The last reference but the keeper's went. */
void chunk_forsake(struct chunk_pool *pool, struct chunk *chunk);

static inline void chunk_unref(struct chunk_pool *pool, struct chunk *chunk)
{
    ASSERT(chunk->refs > 0);
    chunk->refs--;
    if (chunk->refs == 0) {
        chunk_give(pool, chunk);
    } else if (UNLIKELY(chunk->refs == 1 && chunk->keeper != NULL)) {
        chunk_forsake(pool, chunk);
    }
}

/* One of several references becomes that of a keeper: *keeper is the chunk until the others are gone
 * or chunk_unkeep is called. */
void chunk_keep(struct chunk *chunk, struct chunk **keeper);
/* The keeper's reference is an ordinary one again. */
void chunk_unkeep(struct chunk *chunk);

/* About when the byte at offset came: between the first and the newest byte, in proportion. */
uint64_t chunk_time(const struct chunk *chunk, uint32_t offset);

static inline size_t chunk_room(const struct chunk *chunk)
{
    return chunk->size - chunk->used;
}

#ifdef __cplusplus
}
#endif
#endif
