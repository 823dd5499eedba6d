/*
 * stream.h - an audience's rendered bytes: rendered once, sent to all.
 *
 *            chunk ──▶ chunk ──▶ chunk (tail)
 *   position  ^cursor    ^step            ^end
 *
 * Members in step stand at `step` and own nothing; a session that fell behind holds an open cursor,
 * which pins its chunk and, since the chain is kept in order, every chunk after it. So ten thousand
 * stalled members of one audience are ten thousand cursors and one copy of the bytes.
 *
 * Members that hear other audiences too hold ranges of chunks instead. While they do, the tail is kept
 * although the chain needs it no more, and what comes next lies behind it: otherwise each turn that
 * brings little would leave them a chunk that is nearly empty.
 *
 * Threads:     owner worker only.
 * Memory:      the stream holds one reference to each chunk of its chain. A closed range (pending.h)
 *              holds references of its own. The kept tail goes with the last of them.
 * Invariants:  (1) start of chain <= every cursor <= end; step <= end.
 *              (2) the chain's first chunk has a cursor, or holds step, or the chain is empty.
 *              (3) a frame never crosses a chunk. (4) kept is NULL or the chain is empty; its bytes are
 *              the last that were rendered.
 */
#ifndef RINGHUB_CORE_STREAM_H
#define RINGHUB_CORE_STREAM_H

#include "core/chunk.h"
#include "core/frame.h"

#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stream {
    struct list chain;
    struct chunk *kept;
    struct chunk *step_chunk; /* where members in step stand; NULL: the chain was empty */
    uint32_t step_offset;
    uint32_t turn_messages; /* rendered since step */
    uint32_t class_index;   /* of the next chunk: grows with a turn's bytes, shrinks with quiet */
    uint64_t step;          /* positions, in bytes since the stream was made */
    uint64_t end;
    uint64_t cursors_count;
};

/* A place in a stream. */
struct cursor {
    struct chunk *chunk;
    uint32_t offset;
};

void stream_init(struct stream *stream);
/* No cursor may be left. */
void stream_free(struct stream *stream, struct chunk_pool *pool);

/* Renders messages of a run for one layout; returns the bytes added. */
size_t stream_render(struct stream *stream, struct chunk_pool *pool, struct run_span span,
                     struct layout layout);

static inline struct chunk *stream_tail(const struct stream *stream)
{
    return list_is_empty(&stream->chain) ? NULL
                                         : CONTAINER_OF(stream->chain.prev, struct chunk, link);
}

/* The chunk behind this one in the chain; NULL at the tail. */
static inline struct chunk *stream_next(const struct stream *stream, const struct chunk *chunk)
{
    return chunk->link.next == &stream->chain ? NULL
                                              : CONTAINER_OF(chunk->link.next, struct chunk, link);
}

/* Where members in step stand; chunk NULL when nothing was rendered since. */
static inline struct cursor stream_step(const struct stream *stream)
{
    struct cursor c;
    c.chunk = stream->step_chunk;
    c.offset = stream->step_offset;
    if (c.chunk == NULL && !list_is_empty(&stream->chain)) {
        c.chunk = CONTAINER_OF(stream->chain.next, struct chunk, link);
        c.offset = 0;
    }
    return c;
}

static inline uint64_t cursor_position(struct cursor cursor)
{
    return cursor.chunk->base + cursor.offset;
}

/* The place of a position that was rendered and not let go of yet. Cheap near the end. */
struct cursor stream_locate(const struct stream *stream, uint64_t position);

/* Opens a cursor at a place of the chain; the chain is not empty. */
void stream_cursor_open(struct stream *stream, struct cursor cursor);
void stream_cursor_close(struct stream *stream, struct cursor cursor);
/* Moves an open cursor on by size bytes. */
struct cursor stream_cursor_advance(struct stream *stream, struct cursor cursor, size_t size);

/* The newest place, made real (a chunk is taken when the chain is empty). */
struct cursor stream_end(struct stream *stream, struct chunk_pool *pool);

/* Fills vectors with the bytes from cursor to the end, at most max vectors and limit bytes.
 * Returns how many vectors; *size gets their sum. */
uint32_t stream_gather(const struct stream *stream, struct cursor cursor, struct iovec *vectors,
                       uint32_t max, size_t limit, size_t *size);

/* After a flush: members in step stand at the end; chunks nobody needs go home. */
void stream_turn_end(struct stream *stream, struct chunk_pool *pool);

/* Lets go of chunks before the first that is needed. Cheap when there are none. */
void stream_trim(struct stream *stream, struct chunk_pool *pool);

void stream_check(const struct stream *stream);

#ifdef __cplusplus
}
#endif
#endif
