/* stream.c - the chain grows at the tail while rendering and shrinks at the head when trimmed. */
#include "core/stream.h"
#include "core/planted.h"

/* A tail with less room than this is full: a small message or two. */
enum { KEPT_ROOM_MIN = 256 };

void stream_init(struct stream *stream)
{
    *stream = (struct stream){0};
    list_init(&stream->chain);
}

static void chunk_leave(struct stream *stream, struct chunk_pool *pool, struct chunk *chunk)
{
    ASSERT(chunk->cursors == 0);
    if (stream->step_chunk == chunk) {
        stream->step_chunk = NULL;
        stream->step_offset = 0;
    }
    list_remove(&chunk->link);
    chunk_unref(pool, chunk);
}

/* Kept, and not wanted any more. */
static void kept_drop(struct stream *stream, struct chunk_pool *pool)
{
    struct chunk *chunk = stream->kept;
    chunk_unkeep(chunk);
    chunk_unref(pool, chunk);
}

void stream_free(struct stream *stream, struct chunk_pool *pool)
{
    ASSERT(stream->cursors_count == 0);
    if (stream->kept != NULL) {
        kept_drop(stream, pool);
    }
    while (!list_is_empty(&stream->chain)) {
        chunk_leave(stream, pool, CONTAINER_OF(stream->chain.next, struct chunk, link));
    }
}

static struct chunk *chunk_add(struct stream *stream, struct chunk_pool *pool, size_t size)
{
    if (!list_is_empty(&stream->chain)) {
        CONTAINER_OF(stream->chain.prev, struct chunk, link)->last_ns = pool->now_ns;
    }
    struct chunk *chunk = chunk_take(pool, stream->class_index, size);
    chunk->base = stream->end;
    list_push(&stream->chain, &chunk->link);
    if (stream->class_index < CHUNK_CLASSES - 1) {
        stream->class_index++;
    }
    return chunk;
}

/* The kept tail is the chain again, if there is one with room for size bytes. */
static struct chunk *kept_resume(struct stream *stream, struct chunk_pool *pool, size_t size)
{
    struct chunk *chunk = stream->kept;
    if (chunk == NULL) {
        return NULL;
    }
    if (chunk_room(chunk) < size) {
        kept_drop(stream, pool);
        return NULL;
    }
    chunk_unkeep(chunk);
    list_push(&stream->chain, &chunk->link);
    stream->step_chunk = chunk;
    stream->step_offset = PLANTED(PLANTED_KEPT_AGAIN) ? 0 : chunk->used;
    return chunk;
}

/* Room for one frame in the tail chunk. */
static struct chunk *reserve(struct stream *stream, struct chunk_pool *pool, size_t size)
{
    struct chunk *tail = stream_tail(stream);
    if (LIKELY(tail != NULL && chunk_room(tail) >= size)) {
        return tail;
    }
    if (tail == NULL && (tail = kept_resume(stream, pool, size)) != NULL) {
        return tail;
    }
    return chunk_add(stream, pool, size);
}

size_t stream_render(struct stream *stream, struct chunk_pool *pool, struct run_span span,
                     struct layout layout)
{
    uint64_t before = stream->end;
    struct frames frames = frames_of(span.run, layout);
    const struct message *message = span.first;
    for (uint32_t i = 0; i < span.count; i++) {
        size_t size = frame_size(&frames, message);
        struct chunk *chunk = reserve(stream, pool, size);
        uint8_t *to = chunk->data + chunk->used;
        uint8_t *end = frame_render(&frames, message, to);
        ASSERT_SLOW(end == to + size);
        MAYBE(end == to);
        chunk->used += (uint32_t)size;
        chunk->messages++;
        stream->end += size;
        message = message_next(message);
    }
    stream_tail(stream)->last_ns = pool->now_ns;
    stream->turn_messages += span.count;
    return stream->end - before;
}

struct cursor stream_locate(const struct stream *stream, uint64_t position)
{
    struct chunk *chunk = stream_tail(stream);
    while (chunk->base > position) {
        ASSERT(chunk->link.prev != &stream->chain);
        chunk = CONTAINER_OF(chunk->link.prev, struct chunk, link);
    }
    return (struct cursor){.chunk = chunk, .offset = (uint32_t)(position - chunk->base)};
}

void stream_cursor_open(struct stream *stream, struct cursor cursor)
{
    ASSERT(cursor.chunk != NULL);
    cursor.chunk->cursors++;
    stream->cursors_count++;
}

void stream_cursor_close(struct stream *stream, struct cursor cursor)
{
    ASSERT(cursor.chunk->cursors > 0);
    ASSERT(stream->cursors_count > 0);
    cursor.chunk->cursors--;
    stream->cursors_count--;
}

struct cursor stream_cursor_advance(struct stream *stream, struct cursor cursor, size_t size)
{
    struct chunk *from = cursor.chunk;
    while (size > 0) {
        size_t here = cursor.chunk->used - cursor.offset;
        if (size <= here) {
            cursor.offset += (uint32_t)size;
            break;
        }
        size -= here;
        cursor.chunk = stream_next(stream, cursor.chunk);
        cursor.offset = 0;
        ASSERT(cursor.chunk != NULL);
    }
    if (cursor.chunk != from) {
        from->cursors--;
        cursor.chunk->cursors++;
    }
    return cursor;
}

struct cursor stream_end(struct stream *stream, struct chunk_pool *pool)
{
    struct chunk *tail = reserve(stream, pool, 1);
    return (struct cursor){.chunk = tail, .offset = tail->used};
}

uint32_t stream_gather(const struct stream *stream, struct cursor cursor, struct iovec *vectors,
                       uint32_t max, size_t limit, size_t *size)
{
    uint32_t count = 0;
    *size = 0;
    struct chunk *chunk = cursor.chunk;
    uint32_t offset = cursor.offset;
    while (chunk != NULL && count < max && *size < limit) {
        size_t here = MIN_OF((size_t)(chunk->used - offset), limit - *size);
        if (here > 0) {
            vectors[count].iov_base = chunk->data + offset;
            vectors[count].iov_len = here;
            count++;
            *size += here;
        }
        chunk = stream_next(stream, chunk);
        offset = 0;
    }
    return count;
}

/* Its last bytes are somebody's still, and there is room behind them. */
static bool is_worth_keeping(const struct stream *stream, const struct chunk *chunk)
{
    return chunk->refs > 1 && chunk == stream_tail(stream) && chunk_room(chunk) >= KEPT_ROOM_MIN;
}

void stream_trim(struct stream *stream, struct chunk_pool *pool)
{
    while (!list_is_empty(&stream->chain)) {
        struct chunk *chunk = CONTAINER_OF(stream->chain.next, struct chunk, link);
        uint64_t chunk_end = chunk->base + chunk->used;
        bool is_needed = chunk->cursors > 0 || chunk_end > stream->step;
        if (is_needed) {
            return;
        }
        if (is_worth_keeping(stream, chunk)) {
            chunk_ref(chunk);
            chunk_leave(stream, pool, chunk);
            chunk_keep(chunk, &stream->kept);
            return;
        }
        chunk_leave(stream, pool, chunk);
    }
}

void stream_turn_end(struct stream *stream, struct chunk_pool *pool)
{
    if (stream->end - stream->step < CHUNK_SMALLEST_BYTES && stream->class_index > 0) {
        stream->class_index--;
    }
    stream->step = stream->end;
    stream->turn_messages = 0;
    struct chunk *tail = stream_tail(stream);
    stream->step_chunk = tail;
    stream->step_offset = tail != NULL ? tail->used : 0;
    stream_trim(stream, pool);
}

void stream_check(const struct stream *stream)
{
    uint64_t cursors = 0;
    uint64_t position = UINT64_MAX;
    LIST_FOR_EACH (node, &stream->chain) {
        const struct chunk *chunk = CONTAINER_OF(node, struct chunk, link);
        ASSERT(position == UINT64_MAX || chunk->base == position);
        position = chunk->base + chunk->used;
        cursors += chunk->cursors;
        ASSERT(chunk->refs > 0);
    }
    ASSERT(cursors == stream->cursors_count);
    ASSERT(position == UINT64_MAX || position == stream->end);
    if (stream->kept != NULL) {
        ASSERT(list_is_empty(&stream->chain) && stream->kept->keeper == &stream->kept);
        ASSERT(stream->kept->refs > 1 && stream->kept->cursors == 0);
        ASSERT(stream->kept->base + stream->kept->used == stream->end);
    }
    ASSERT(stream->step <= stream->end);
}
