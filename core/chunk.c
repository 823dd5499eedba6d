/* chunk.c - size classes are powers of four, so that a stream that grows doubles in few steps. */
#include "core/chunk.h"

enum { DROPS_MAX = 64 }; /* a call: a turn pays for it */

static size_t class_bytes(uint32_t class_index)
{
    return (size_t)CHUNK_SMALLEST_BYTES << (2 * class_index);
}

static_assert((CHUNK_SMALLEST_BYTES << (2 * (CHUNK_CLASSES - 1))) == CHUNK_BIGGEST_BYTES,
              "the classes end at the biggest chunk");

void chunk_pool_init(struct chunk_pool *pool)
{
    *pool = (struct chunk_pool){0};
    for (size_t i = 0; i < CHUNK_CLASSES; i++) {
        list_init(&pool->spare[i]);
    }
}

/* What was in use at once lately may be so again soon: memory that goes home comes back as page faults. */
static uint64_t spare_bytes_may_be(const struct chunk_pool *pool)
{
    uint64_t lately = MAX_OF(pool->peak_bytes, pool->peak_before_bytes);
    return MAX_OF(lately - MIN_OF(lately, pool->used_bytes), (uint64_t)CHUNK_POOL_SPARE_BYTES);
}

/* Frees at most count that are too many, of the biggest the longest unused first. */
static void spare_trim(struct chunk_pool *pool, uint32_t count)
{
    uint32_t class_index = CHUNK_CLASSES - 1;
    while (count > 0 && pool->spare_bytes > spare_bytes_may_be(pool)) {
        struct list *head = &pool->spare[class_index];
        if (list_is_empty(head)) {
            class_index--;
            continue;
        }
        struct list *oldest = head->prev;
        list_remove(oldest);
        pool->spare_bytes -= class_bytes(class_index);
        memory_dense_free(CONTAINER_OF(oldest, struct chunk, link));
        count--;
    }
}

void chunk_pool_tidy(struct chunk_pool *pool)
{
    uint64_t now_ns = pool->now_ns;
    if (now_ns >= pool->second_ends_ns) {
        bool is_stale = now_ns - pool->second_ends_ns >= CHUNK_SECOND_NS;
        pool->peak_before_bytes = is_stale ? pool->used_bytes : pool->peak_bytes;
        pool->peak_bytes = pool->used_bytes;
        pool->second_ends_ns = now_ns + CHUNK_SECOND_NS;
    }
    spare_trim(pool, DROPS_MAX);
}

uint64_t chunk_pool_tidy_at(const struct chunk_pool *pool)
{
    return pool->spare_bytes > spare_bytes_may_be(pool) ? pool->now_ns : pool->second_ends_ns;
}

void chunk_pool_free(struct chunk_pool *pool)
{
    ASSERT(pool->chunks_count == 0);
    for (size_t i = 0; i < CHUNK_CLASSES; i++) {
        struct list *node;
        while ((node = list_pop(&pool->spare[i])) != NULL) {
            memory_dense_free(CONTAINER_OF(node, struct chunk, link));
        }
    }
    pool->spare_bytes = 0;
}

static struct chunk *chunk_make(uint32_t class_index, size_t bytes)
{
    /* Not zeroed: a page of a chunk that is never filled is never touched. */
    struct chunk *chunk = memory_dense_alloc(bytes);
    *chunk = (struct chunk){.class_index = class_index,
                            .size = (uint32_t)(bytes - sizeof(struct chunk))};
    list_init(&chunk->link);
    return chunk;
}

struct chunk *chunk_take(struct chunk_pool *pool, uint32_t class_index, size_t size)
{
    size_t need = size + sizeof(struct chunk);
    ASSERT(need < UINT32_MAX / 2);
    while (class_index < CHUNK_CLASSES && class_bytes(class_index) < need) {
        class_index++;
    }
    struct chunk *chunk;
    if (class_index >= CHUNK_CLASSES) {
        chunk = chunk_make(CHUNK_CLASS_LARGE, need);
    } else {
        struct list *node = list_first(&pool->spare[class_index]);
        if (node != NULL) {
            list_remove(node);
            chunk = CONTAINER_OF(node, struct chunk, link);
            pool->spare_bytes -= class_bytes(class_index);
        } else {
            chunk = chunk_make(class_index, class_bytes(class_index));
        }
    }
    chunk->refs = 1;
    chunk->cursors = 0;
    chunk->used = 0;
    chunk->base = 0;
    chunk->first_ns = pool->now_ns;
    chunk->last_ns = pool->now_ns;
    chunk->mark = 0;
    chunk->messages = 0;
    chunk->keeper = NULL;
    pool->chunks_count++;
    pool->used_bytes += chunk->size + sizeof(struct chunk);
    pool->peak_bytes = MAX_OF(pool->peak_bytes, pool->used_bytes);
    pool->used_bytes_peak = MAX_OF(pool->used_bytes_peak, pool->used_bytes);
    if (UNLIKELY(pool->spare_bytes > CHUNK_POOL_SPARE_BYTES)) {
        spare_trim(pool, 1); /* of other classes, so that what is held in all does not grow by it */
    }
    return chunk;
}

void chunk_give(struct chunk_pool *pool, struct chunk *chunk)
{
    ASSERT(chunk->refs == 0);
    ASSERT(chunk->cursors == 0);
    ASSERT(chunk->keeper == NULL);
    ASSERT(!list_is_linked(&chunk->link));
    size_t bytes = chunk->size + sizeof(struct chunk);
    pool->chunks_count--;
    pool->used_bytes -= bytes;
    if (chunk->class_index >= CHUNK_CLASSES ||
        pool->spare_bytes + bytes > spare_bytes_may_be(pool)) {
        memory_dense_free(chunk);
        return;
    }
    /* Newest first: its lines are still in the cache. */
    struct list *head = &pool->spare[chunk->class_index];
    list_push(head->next, &chunk->link);
    pool->spare_bytes += bytes;
}

void chunk_keep(struct chunk *chunk, struct chunk **keeper)
{
    ASSERT(chunk->refs > 1);
    ASSERT(chunk->keeper == NULL);
    chunk->keeper = keeper;
    *keeper = chunk;
}

void chunk_unkeep(struct chunk *chunk)
{
    ASSERT(*chunk->keeper == chunk);
    *chunk->keeper = NULL;
    chunk->keeper = NULL;
}

void chunk_forsake(struct chunk_pool *pool, struct chunk *chunk)
{
    chunk_unkeep(chunk);
    chunk_unref(pool, chunk);
}

uint64_t chunk_time(const struct chunk *chunk, uint32_t offset)
{
    if (chunk->last_ns <= chunk->first_ns || chunk->used == 0) {
        return chunk->first_ns;
    }
    double part = (double)MIN_OF(offset, chunk->used) / chunk->used;
    return chunk->first_ns + (uint64_t)((double)(chunk->last_ns - chunk->first_ns) * part);
}
