/* pending.c - the list of extents; rendering of RUN entries happens here, at gather. */
#include "core/pending_inside.h"

#include "core/planted.h"

enum {
    SPARE_CLASSES = 16,
    /* From this size on a payload is sent from where it lies: one more iovec costs about as much
     * as copying this many bytes. */
    REFERENCE_BYTES_MIN = 4096,
};

/* How many spare rings of a class are kept: 2 MB of those of 64 entries, with which sessions that share
 * spans do (PENDING_OWN), and of those on the way there; 512 KB of the others. */
static const uint16_t spare_max[SPARE_CLASSES] = {4096, 4096, 4096, 2048, 1024, 128, 64, 32,
                                                  16,   8,    4,    2,    1,    0,   0,  0};

void pending_pool_init(struct pending_pool *pool, struct chunk_pool *chunks, struct index *index)
{
    *pool = (struct pending_pool){.chunks = chunks, .index = index};
    backlogs_init(&pool->backlogs, chunks);
}

void pending_pool_free(struct pending_pool *pool)
{
    ASSERT(pool->entries_bytes == 0);
    backlogs_free(&pool->backlogs);
    for (size_t i = 0; i < SPARE_CLASSES; i++) {
        while (pool->spare[i] != NULL) {
            void *array = pool->spare[i];
            memcpy(&pool->spare[i], array, sizeof(void *));
            memory_dense_free(array);
        }
    }
}

static uint32_t class_of(uint32_t capacity)
{
    return (uint32_t)__builtin_ctz(capacity) - 2;
}

static inline struct pending_ring *ring_take(struct pending_pool *pool, uint32_t capacity)
{
    uint32_t class_index = class_of(capacity);
    size_t bytes = pending_ring_bytes(capacity);
    struct pending_ring *ring;
    pool->entries_bytes += bytes;
    if (class_index < SPARE_CLASSES && pool->spare[class_index] != NULL) {
        ring = pool->spare[class_index];
        memcpy(&pool->spare[class_index], ring, sizeof(void *));
        pool->spare_count[class_index]--;
    } else {
        ring = memory_dense_alloc(bytes);
    }
    ring->head = 0;
    ring->count = 0;
    ring->capacity = capacity;
    ring->head_sent = 0;
    ring->bytes = 0;
    ring->pinned = false;
    ring->backlog = NULL;
    return ring;
}

size_t pending_spare_bytes_max(void)
{
    size_t bytes = backlogs_spare_bytes_max();
    for (uint32_t i = 0; i < SPARE_CLASSES; i++) {
        bytes += spare_max[i] * pending_ring_bytes(PENDING_FIRST << i);
    }
    return bytes;
}

static inline __attribute__((always_inline)) void ring_give(struct pending_pool *pool,
                                                            struct pending_ring *ring)
{
    uint32_t class_index = class_of(ring->capacity);
    pool->entries_bytes -= pending_ring_bytes(ring->capacity);
    if (class_index >= SPARE_CLASSES || pool->spare_count[class_index] >= spare_max[class_index]) {
        memory_dense_free(ring);
        return;
    }
    memcpy(ring, &pool->spare[class_index], sizeof(void *));
    pool->spare[class_index] = ring;
    pool->spare_count[class_index]++;
}

/* Closes the gaps that policies left; true: that made room enough. */
static bool __attribute__((noinline)) compact(struct pending *p)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->ring->count; i++) {
        struct pending_entry *e = pending_at(p, i);
        if (e->kind != PENDING_GONE) {
            *pending_at(p, kept++) = *e;
        }
    }
    p->ring->count = kept;
    return kept < p->ring->capacity / 4 * 3;
}

/* All that there is goes on in a ring of another size. */
static struct pending_ring *move(struct pending *p, struct pending_pool *pool, uint32_t capacity)
{
    struct pending_ring *old = p->ring;
    struct pending_ring *ring = ring_take(pool, capacity);
    ring->count = old->count;
    ring->head_sent = old->head_sent;
    ring->bytes = old->bytes;
    ring->blocked_ns = old->blocked_ns;
    ring->goal_left = old->goal_left;
    ring->pinned = old->pinned;
    ring->trail_index = old->trail_index;
    ring->backlog = old->backlog;
    ring->backlog_end = old->backlog_end;
    for (uint32_t i = 0; i < old->count; i++) {
        ring->entries[i] = *pending_at(p, i);
    }
    p->ring = ring;
    ring_give(pool, old);
    return ring;
}

/* Not inlined: most lists never come to that. */
static __attribute__((noinline)) struct pending_ring *grow(struct pending *p,
                                                           struct pending_pool *pool)
{
    if (p->terms != NULL && compact(p)) {
        return p->ring;
    }
    return move(p, pool, p->ring->capacity * 2);
}

void pending_begin(struct pending *p, struct pending_pool *pool, uint32_t room)
{
    ASSERT(p->ring == NULL);
    ASSERT(room <= PENDING_ROOM_MAX);
    p->ring = ring_take(pool, (uint32_t)PENDING_FIRST << room);
}

void pending_shrink(struct pending *p, struct pending_pool *pool)
{
    if (p->ring == NULL) {
        return;
    }
    uint32_t capacity = p->ring->capacity;
    while (capacity > PENDING_FIRST && p->ring->count <= capacity / 4) {
        capacity /= 2;
    }
    if (capacity < p->ring->capacity) {
        (void)move(p, pool, capacity);
    }
}

struct pending_ring *pending_roomy(struct pending *p, struct pending_pool *pool)
{
    struct pending_ring *ring = p->ring;
    if (ring == NULL) {
        ring = ring_take(pool, PENDING_FIRST);
        p->ring = ring;
    } else if (UNLIKELY(ring->count == ring->capacity)) {
        ring = grow(p, pool);
    }
    return ring;
}

static struct pending_entry *append(struct pending *p)
{
    p->ring->count++;
    return pending_at(p, p->ring->count - 1);
}

void pending_rest(struct pending *p, struct pending_pool *pool)
{
    if (p->ring != NULL) {
        ASSERT(p->ring->count == 0);
        if (UNLIKELY(p->ring->backlog != NULL)) {
            backlog_leave(&pool->backlogs, p->ring->backlog);
        }
        ring_give(pool, p->ring);
        p->ring = NULL;
    }
}

uint32_t pending_room(const struct pending *p)
{
    ASSERT(pending_is_roomy(p));
    uint32_t room = class_of(p->ring->capacity);
    bool has_too_much = p->ring->head + p->ring->count <= p->ring->capacity / 2;
    room -= has_too_much;
    return MIN_OF(room, (uint32_t)PENDING_ROOM_MAX);
}

void pending_drop_last(struct pending *p)
{
    ASSERT(!pending_is_empty(p));
    p->ring->count--;
}

uint64_t pending_bytes(const struct pending *p)
{
    const struct pending_entry *open = pending_last_open(p);
    if (open == NULL) {
        return p->ring != NULL ? p->ring->bytes : 0;
    }
    struct cursor cursor = {open->chunk, open->offset};
    return p->ring->bytes + audience_stream(open->audience)->end - cursor_position(cursor);
}

void pending_add_range(struct pending *p, struct pending_pool *pool, struct chunk *chunk,
                       uint32_t offset, uint32_t size, uint32_t messages)
{
    ASSERT_SLOW(pending_last_open(p) == NULL);
    if (!pending_is_empty(p)) {
        struct pending_entry *last = pending_at(p, p->ring->count - 1);
        if (last->kind == PENDING_RANGE && last->chunk == chunk &&
            last->offset + last->size == offset) {
            p->ring->bytes += size;
            last->size += size;
            last->messages += messages;
            return;
        }
    }
    struct pending_ring *ring = pending_roomy(p, pool);
    ring->bytes += size;
    if (ring->pinned) {
        chunk_ref(chunk);
    }
    *append(p) = (struct pending_entry){.chunk = chunk,
                                        .offset = offset,
                                        .size = size,
                                        .messages = messages,
                                        .kind = PENDING_RANGE};
}

void pending_add_run(struct pending *p, struct pending_pool *pool, struct run *run,
                     struct audience *audience, const struct message *first, uint32_t count)
{
    ASSERT_SLOW(pending_last_open(p) == NULL);
    struct frames frames = frames_of(run, audience_layout(audience));
    size_t size = frames_size(&frames, first, count);
    ASSERT(size < UINT32_MAX);
    struct pending_ring *ring = pending_roomy(p, pool);
    ring->bytes += size;
    audience->refs++;
    if (ring->pinned) {
        chunk_ref(run->chunk);
    }
    *append(p) =
        (struct pending_entry){.run = run,
                               .audience = audience,
                               .offset = (uint32_t)((const uint8_t *)first - (const uint8_t *)run),
                               .size = (uint32_t)size,
                               .messages = count,
                               .kind = PENDING_RUN};
}

void pending_add_trail(struct pending *p, struct pending_pool *pool, const struct trail *trail,
                       struct audience *audience, size_t size)
{
    ASSERT_SLOW(pending_is_pinned(p));
    struct run_span piece = trail->piece;
    struct pending_entry *last = pending_is_empty(p) ? NULL : pending_at(p, p->ring->count - 1);
    bool goes_on = last != NULL && last->kind == PENDING_RUN && last->run == piece.run &&
                   last->audience == audience &&
                   (p->ring->trail_index == trail->index || PLANTED(PLANTED_TRAIL_GAP)) &&
                   size < UINT32_MAX - last->size;
    if (goes_on) {
        p->ring->bytes += size;
        last->size += (uint32_t)size;
        last->messages += piece.count;
    } else {
        pending_add_run(p, pool, piece.run, audience, piece.first, piece.count);
    }
    p->ring->trail_index = (uint16_t)(trail->index + piece.count);
}

void pending_add_open(struct pending *p, struct pending_pool *pool, struct audience *audience,
                      struct cursor cursor)
{
    ASSERT_SLOW(pending_last_open(p) == NULL);
    stream_cursor_open(audience_stream(audience), cursor);
    (void)pending_roomy(p, pool);
    *append(p) = (struct pending_entry){
        .chunk = cursor.chunk, .audience = audience, .offset = cursor.offset, .kind = PENDING_OPEN};
}

/* Where the frame that starts at `at` ends. */
static uint32_t frame_end(const struct chunk *chunk, uint32_t at)
{
    const uint8_t *line_end = memchr(chunk->data + at, '\n', chunk->used - at);
    ASSERT(line_end != NULL);
    const uint8_t *digit = line_end - 1;
    while (digit[-1] != ' ') {
        digit--;
    }
    uint32_t size = 0;
    for (; digit < line_end - 1; digit++) {
        size = size * 10 + (uint32_t)(*digit - '0');
    }
    return (uint32_t)(line_end - chunk->data) + 1 + size + 2;
}

uint32_t frames_between(const struct chunk *chunk, uint32_t from, uint32_t to, uint32_t *last)
{
    uint32_t count = 0;
    uint32_t next;
    while (from < to && (next = frame_end(chunk, from)) <= to) {
        from = next;
        count++;
    }
    *last = from;
    return count;
}

struct adding {
    struct pending *p;
    struct pending_pool *pool;
};

static inline __attribute__((always_inline)) void add_part(void *context, struct backlog_piece part)
{
    const struct adding *to = context;
    pending_add_range(to->p, to->pool, part.chunk, part.offset, part.size, part.messages);
}

void pending_add_span(struct pending *p, struct pending_pool *pool, const struct stream *stream,
                      struct cursor cursor, uint64_t size, uint32_t messages)
{
    struct adding to = {p, pool};
    span_each(stream, cursor, size, messages, add_part, &to);
}

void pending_close_open(struct pending *p, struct pending_pool *pool)
{
    struct pending_entry *open = pending_last_open(p);
    if (open == NULL) {
        return;
    }
    struct stream *stream = audience_stream(open->audience);
    struct cursor cursor = {open->chunk, open->offset};
    uint32_t messages = (uint32_t)stream_messages_from(stream, cursor);
    uint64_t size = stream->end - cursor_position(cursor);
    p->ring->count--;
    /* A cursor may stand in the middle of a frame, a range begins where one does. */
    struct cursor start = {cursor.chunk, 0};
    if (size > 0) {
        (void)frames_between(cursor.chunk, 0, cursor.offset, &start.offset);
    }
    uint32_t sent = size > 0 ? cursor.offset - start.offset : 0;
    pending_add_span(p, pool, stream, size > 0 ? start : cursor, size + sent, messages);
    if (sent > 0) {
        ASSERT(p->ring->head_sent == 0);
        p->ring->bytes -= sent;
        p->ring->head_sent = sent;
    }
    stream_cursor_close(stream, cursor);
    stream_trim(stream, pool->chunks);
}

void pending_pin(struct pending *p)
{
    if (p->ring == NULL || p->ring->pinned) {
        return;
    }
    p->ring->pinned = true;
    for (uint32_t i = 0; i < p->ring->count; i++) {
        struct pending_entry *e = pending_at(p, i);
        if (e->kind == PENDING_RANGE) {
            chunk_ref(e->chunk);
        } else if (e->kind == PENDING_RUN) {
            chunk_ref(e->run->chunk);
        }
    }
}

void gather_refer(struct gather *g, const uint8_t *ptr, size_t size)
{
    size = MIN_OF(size, g->limit - g->size);
    if (size == 0) {
        return;
    }
    if (g->count > 0) {
        struct iovec *last = &g->vectors[g->count - 1];
        if ((const uint8_t *)last->iov_base + last->iov_len == ptr) {
            last->iov_len += size;
            g->size += size;
            return;
        }
    }
    if (g->count == g->max) {
        return;
    }
    union {
        const uint8_t *in;
        void *out;
    } unqualified = {.in = ptr};
    g->vectors[g->count++] = (struct iovec){.iov_base = unqualified.out, .iov_len = size};
    g->size += size;
}

/* One frame, less skip bytes at its start; false: it did not fit whole. */
static bool gather_frame(struct gather *g, const struct frames *frames,
                         const struct message *message, size_t skip)
{
    struct bytes rest = frame_rest(frames, message);
    size_t head_size = frame_size(frames, message) - rest.size;
    bool copies = rest.size < REFERENCE_BYTES_MIN;
    size_t scratch_need = head_size + (copies ? rest.size : 0);
    size_t room = g->limit - g->size;
    if ((size_t)(g->scratch_end - g->scratch) < scratch_need || g->count + 2 > g->max) {
        return false;
    }
    uint8_t *start = g->scratch;
    size_t head = frame_head(frames, message, start);
    ASSERT_SLOW(head == head_size);
    MAYBE(head == head_size);
    if (copies) {
        memcpy(start + head_size, rest.ptr, rest.size);
    }
    g->scratch += scratch_need;
    if (skip < scratch_need) {
        gather_refer(g, start + skip, scratch_need - skip);
        skip = 0;
    } else {
        skip -= scratch_need;
    }
    if (!copies) {
        gather_refer(g, rest.ptr + skip, rest.size - skip);
        skip = 0;
    }
    return frame_size(frames, message) - skip <= room;
}

/* Where others hear the same under other sids. */
static __attribute__((noinline)) enum plates_answer
gather_plate(struct gather *g, const struct pending_entry *e, const struct frames *frames,
             const struct message *first, bool may_make)
{
    const uint8_t *text = NULL;
    enum plates_answer answer =
        plates_take(g->plates, frames, first, e->messages, e->size, may_make, &text);
    if (answer == PLATES_TAKEN) {
        gather_refer(g, text, e->size);
    }
    return answer;
}

/* skip: what was sent of its first frame; false: it did not fit whole. */
static bool gather_run(struct gather *g, const struct pending *p, const struct pending_entry *e,
                       size_t skip)
{
    struct frames frames = frames_of(e->run, audience_layout(e->audience));
    const struct message *message =
        (const struct message *)(const void *)((const uint8_t *)e->run + e->offset);
    if (e->size >= PLATE_BYTES_MIN && g->plates != NULL && skip == 0 &&
        e->size / REFERENCE_BYTES_MIN < e->messages) {
        size_t room = g->limit - g->size;
        enum plates_answer answer = gather_plate(g, e, &frames, message, !pending_is_pinned(p));
        if (answer != PLATES_NONE) {
            return answer == PLATES_TAKEN && e->size <= room;
        }
    }
    for (uint32_t i = 0; i < e->messages; i++) {
        if (gather_is_full(g) || !gather_frame(g, &frames, message, skip)) {
            return false;
        }
        skip = 0;
        message = message_next(message);
    }
    return true;
}

static void gather_range(const struct pending *p, uint32_t i, struct gather *g)
{
    const struct pending_entry *e = pending_at(p, i);
    uint32_t sent = i == 0 ? p->ring->head_sent : 0;
    gather_piece(g, e->chunk->data + e->offset + sent, e->size - sent, p->ring->count > 1);
}

void pending_gather(const struct pending *p, struct gather *g)
{
    for (uint32_t i = 0; i < pending_count(p) && !gather_is_full(g); i++) {
        const struct pending_entry *e = pending_at(p, i);
        if (e->kind == PENDING_RANGE) {
            gather_range(p, i, g);
        } else if (e->kind == PENDING_RUN) {
            if (!gather_run(g, p, e, i == 0 ? p->ring->head_sent : 0)) {
                return;
            }
        } else if (e->kind == PENDING_SHARED) {
            shared_gather(g, e, i == 0 ? p->ring->head_sent : 0);
        } else if (e->kind == PENDING_OPEN) {
            struct cursor cursor = {e->chunk, e->offset};
            size_t size;
            g->count += stream_gather(audience_stream(e->audience), cursor, &g->vectors[g->count],
                                      g->max - g->count, g->limit - g->size, &size);
            g->size += size;
        }
    }
}

/* Of a list that policies take messages out of. */
static void __attribute__((noinline))
head_pop_under_terms(struct pending *p, struct pending_pool *pool)
{
    struct pending_entry *e = pending_at(p, 0);
    if (e->lane != 0) {
        lane_leave(p, e, e->size, e->messages);
    }
    entry_release(p, pool, e);
    p->ring->head_sent = 0;
    skip_head(p);
    while (p->ring->count > 0 && pending_at(p, 0)->kind == PENDING_GONE) {
        skip_head(p);
    }
}

static void head_pop(struct pending *p, struct pending_pool *pool)
{
    if (UNLIKELY(p->terms != NULL)) {
        head_pop_under_terms(p, pool);
        return;
    }
    entry_release(p, pool, pending_at(p, 0));
    p->ring->head_sent = 0;
    skip_head(p);
}

/* Part of a RUN head was sent: walks to the first frame that was not, whole. */
static void run_advance(struct pending *p, struct pending_entry *e, size_t size)
{
    struct frames frames = frames_of(e->run, audience_layout(e->audience));
    size_t sent = p->ring->head_sent + size;
    const struct message *message =
        (const struct message *)(const void *)((const uint8_t *)e->run + e->offset);
    for (size_t next; sent >= (next = frame_size(&frames, message));) {
        sent -= next;
        e->size -= (uint32_t)next;
        e->messages--;
        if (UNLIKELY(e->lane != 0)) {
            lane_leave(p, e, next, 1);
        }
        message = message_next(message);
    }
    e->offset = (uint32_t)((const uint8_t *)message - (const uint8_t *)e->run);
    p->ring->head_sent = (uint32_t)sent;
}

void pending_consume(struct pending *p, struct pending_pool *pool, size_t size)
{
    while (size > 0) {
        ASSERT(p->ring->count > 0);
        struct pending_entry *e = pending_at(p, 0);
        if (e->kind == PENDING_OPEN) {
            struct cursor cursor = {e->chunk, e->offset};
            cursor = stream_cursor_advance(audience_stream(e->audience), cursor, size);
            if (cursor.chunk != e->chunk) {
                stream_trim(audience_stream(e->audience), pool->chunks);
            }
            e->chunk = cursor.chunk;
            e->offset = cursor.offset;
            return;
        }
        size_t left = e->size - p->ring->head_sent;
        if (size >= left) {
            size -= left;
            p->ring->bytes -= left;
            head_pop(p, pool);
            continue;
        }
        p->ring->bytes -= size;
        if (e->kind == PENDING_RANGE) {
            p->ring->head_sent += (uint32_t)size;
        } else if (e->kind == PENDING_SHARED) {
            p->ring->head_sent = shared_advance(pool, e, p->ring->head_sent + (uint32_t)size);
        } else {
            run_advance(p, e, size);
        }
        return;
    }
}

/* Of the first entry, of which so much was sent. */
static uint32_t frames_sent(const struct pending_entry *e, uint32_t sent)
{
    if (e->kind == PENDING_SHARED) {
        return pending_place_messages(e, sent);
    }
    uint32_t last;
    bool is_messages = e->kind == PENDING_RANGE && e->messages > 0;
    return is_messages ? frames_between(e->chunk, e->offset, e->offset + sent, &last) : 0;
}

uint64_t pending_clear(struct pending *p, struct pending_pool *pool)
{
    uint64_t messages = 0;
    while (!pending_is_empty(p)) {
        struct pending_entry *e = pending_at(p, 0);
        if (e->kind == PENDING_OPEN) {
            struct cursor cursor = {e->chunk, e->offset};
            messages += stream_messages_from(audience_stream(e->audience), cursor);
        } else {
            messages += e->messages;
        }
        if (p->ring->head_sent > 0) {
            messages -= frames_sent(e, p->ring->head_sent);
        }
        head_pop(p, pool);
    }
    pending_rest(p, pool);
    return messages;
}

/* ---- looking inside -------------------------------------------------------------------------- */

uint64_t stream_messages_from(const struct stream *stream, struct cursor cursor)
{
    uint64_t count = 0;
    const struct chunk *chunk = cursor.chunk;
    uint32_t offset = cursor.offset;
    while (chunk != NULL) {
        if (offset == 0) {
            count += chunk->messages;
        } else if (offset < chunk->used) {
            uint32_t last;
            count += chunk->messages - frames_between(chunk, 0, offset, &last);
        }
        chunk = stream_next(stream, chunk);
        offset = 0;
    }
    return count;
}
