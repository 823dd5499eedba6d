/*
 * pending_inside.h - what the files that change pending lists share. Nobody else includes it.
 *
 * Threads:     owner worker only.
 */
#ifndef RINGHUB_CORE_PENDING_INSIDE_H
#define RINGHUB_CORE_PENDING_INSIDE_H

#include "core/pending.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A ring with room for one more entry. */
struct pending_ring *pending_roomy(struct pending *p, struct pending_pool *pool);

/* What the entry holds on to. */
static inline __attribute__((always_inline)) void
entry_release(struct pending *p, struct pending_pool *pool, struct pending_entry *e)
{
    if (e->kind == PENDING_RANGE) {
        if (p->ring->pinned) {
            chunk_unref(pool->chunks, e->chunk);
        }
    } else if (e->kind == PENDING_RUN) {
        if (p->ring->pinned) {
            chunk_unref(pool->chunks, e->run->chunk);
        }
        ASSERT(e->audience->refs > 0);
        e->audience->refs--;
        size_t freed = audience_release(e->audience, pool->chunks);
        pool->audiences_freed += freed > 0;
        pool->audience_bytes_freed += freed;
    } else if (e->kind == PENDING_OPEN) {
        struct cursor cursor = {e->chunk, e->offset};
        stream_cursor_close(audience_stream(e->audience), cursor);
        stream_trim(audience_stream(e->audience), pool->chunks);
    }
}

static inline void skip_head(struct pending *p)
{
    p->ring->head = (p->ring->head + 1) & (p->ring->capacity - 1);
    p->ring->count--;
}

/* size bytes of messages left a lane. */
static inline void lane_leave(struct pending *p, const struct pending_entry *e, uint64_t size,
                              uint32_t messages)
{
    struct lane *lane = &p->terms->lanes[e->lane - 1];
    ASSERT_SLOW(lane->bytes >= size);
    lane->bytes -= size;
    lane->messages -= messages;
    lane->looked_at = MIN_OF(lane->looked_at, lane->messages);
    p->terms->lanes_bytes -= size;
}

#ifdef __cplusplus
}
#endif
#endif
