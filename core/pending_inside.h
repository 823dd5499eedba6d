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

/* Frames that lie whole between two places; a frame starts at the first. *last: where the frame
 * behind them starts. */
uint32_t frames_between(const struct chunk *chunk, uint32_t from, uint32_t to, uint32_t *last);

/* What a span consists of, chunk by chunk. */
typedef void (*span_part)(void *context, struct backlog_piece part);
static inline __attribute__((always_inline)) void span_each(const struct stream *stream,
                                                            struct cursor cursor, uint64_t size,
                                                            uint32_t messages, span_part part,
                                                            void *context)
{
    struct chunk *chunk = cursor.chunk;
    uint32_t offset = cursor.offset;
    while (size > 0) {
        ASSERT(chunk != NULL);
        uint32_t here = (uint32_t)MIN_OF((uint64_t)(chunk->used - offset), size);
        if (here > 0) {
            uint32_t count = messages;
            if (here < size) {
                uint32_t end;
                count = offset == 0 ? chunk->messages
                                    : frames_between(chunk, offset, chunk->used, &end);
            }
            struct backlog_piece piece = {chunk, offset, here, count, 0};
            part(context, piece);
            messages -= count;
            size -= here;
        }
        chunk = stream_next(stream, chunk);
        offset = 0;
    }
}

/* Refers to bytes where they lie. */
void gather_refer(struct gather *g, const uint8_t *ptr, size_t size);

enum {
    /* A piece of a list of several that is copied into the scratch, and so becomes part of one
     * vector. To the kernel each vector is a fetch of its own from wherever the piece lies, and a
     * send takes SEND_VECTORS_MAX of them: with 1,000 sessions of 100 pieces of 150 bytes each a
     * delivery costs 187 ns, and 238 with as many vectors. Above 1 KiB neither way is faster. */
    COPY_BYTES_MAX = 1024,
};

/* Copies what is small, if it is one of several. */
static inline __attribute__((always_inline)) void gather_piece(struct gather *g, const uint8_t *ptr,
                                                               size_t size, bool is_of_several)
{
    bool is_small = is_of_several && size <= COPY_BYTES_MAX;
    if (is_small && (size_t)(g->scratch_end - g->scratch) >= size) {
        memcpy(g->scratch, ptr, size);
        ptr = g->scratch;
        g->scratch += size;
    }
    gather_refer(g, ptr, size);
}

static inline bool gather_is_full(const struct gather *g)
{
    return g->size >= g->limit || g->count == g->max;
}

/* Of SHARED entries. sent: of the first piece. */
void shared_gather(struct gather *g, const struct pending_entry *e, uint32_t sent);
/* Its first size bytes, not all of it, were sent; returns how many of them are of the piece that is
 * the first now. */
uint32_t shared_advance(struct pending_pool *pool, struct pending_entry *e, uint32_t size);
void shared_release(struct pending_pool *pool, const struct pending_entry *e);

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
        size_t freed = audience_release(e->audience, pool->chunks, pool->index);
        pool->audiences_freed += freed > 0;
        pool->audience_bytes_freed += freed;
    } else if (e->kind == PENDING_SHARED) {
        shared_release(pool, e);
    } else if (e->kind == PENDING_OPEN) {
        struct cursor cursor = {e->chunk, e->offset};
        stream_cursor_close(audience_stream(e->audience), cursor);
        stream_trim(audience_stream(e->audience), pool->chunks);
    }
}

static inline void skip_head(struct pending *p)
{
    p->ring->head++;
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
