/* pending.c - the list of extents; rendering of RUN entries happens here, at gather. */
#include "core/pending.h"

#include "core/planted.h"

enum {
    ENTRIES_FIRST = 4,
    SPARE_CLASSES = 16,
    SPARE_ARRAYS_MAX = 4096, /* per class of up to 16 entries; a larger class keeps fewer */
    /* From this size on a payload is sent from where it lies: one more iovec costs about as much
     * as copying this many bytes. */
    REFERENCE_BYTES_MIN = 4096,
};

void pending_pool_init(struct pending_pool *pool, struct chunk_pool *chunks)
{
    *pool = (struct pending_pool){.chunks = chunks};
}

void pending_pool_free(struct pending_pool *pool)
{
    ASSERT(pool->entries_bytes == 0);
    for (size_t i = 0; i < SPARE_CLASSES; i++) {
        while (pool->spare[i] != NULL) {
            void *array = pool->spare[i];
            memcpy(&pool->spare[i], array, sizeof(void *));
            memory_free(array);
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
        ring = memory_resize(NULL, bytes);
    }
    ring->head = 0;
    ring->count = 0;
    ring->capacity = capacity;
    ring->head_sent = 0;
    ring->bytes = 0;
    ring->pinned = false;
    return ring;
}

static void ring_give(struct pending_pool *pool, struct pending_ring *ring)
{
    uint32_t class_index = class_of(ring->capacity);
    pool->entries_bytes -= pending_ring_bytes(ring->capacity);
    uint32_t keep = class_index <= 2 ? SPARE_ARRAYS_MAX : (uint32_t)SPARE_ARRAYS_MAX >> class_index;
    if (class_index >= SPARE_CLASSES || pool->spare_count[class_index] >= keep) {
        memory_free(ring);
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

/* Not inlined: most lists never come to that. */
static __attribute__((noinline)) struct pending_ring *grow(struct pending *p,
                                                           struct pending_pool *pool)
{
    if (p->terms != NULL && compact(p)) {
        return p->ring;
    }
    struct pending_ring *old = p->ring;
    struct pending_ring *ring = ring_take(pool, old->capacity * 2);
    ring->count = old->count;
    ring->head_sent = old->head_sent;
    ring->bytes = old->bytes;
    ring->blocked_ns = old->blocked_ns;
    ring->goal_left = old->goal_left;
    ring->pinned = old->pinned;
    for (uint32_t i = 0; i < old->count; i++) {
        ring->entries[i] = *pending_at(p, i);
    }
    p->ring = ring;
    ring_give(pool, old);
    return ring;
}

/* A ring with room for one more entry. */
static struct pending_ring *roomy(struct pending *p, struct pending_pool *pool)
{
    struct pending_ring *ring = p->ring;
    if (ring == NULL) {
        ring = ring_take(pool, ENTRIES_FIRST);
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
        ring_give(pool, p->ring);
        p->ring = NULL;
    }
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
    struct pending_ring *ring = roomy(p, pool);
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
    struct pending_ring *ring = roomy(p, pool);
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

void pending_add_open(struct pending *p, struct pending_pool *pool, struct audience *audience,
                      struct cursor cursor)
{
    ASSERT_SLOW(pending_last_open(p) == NULL);
    stream_cursor_open(audience_stream(audience), cursor);
    (void)roomy(p, pool);
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

/* Frames that lie whole between two places; a frame starts at the first. *last: where the frame
 * behind them starts. */
static uint32_t frames_between(const struct chunk *chunk, uint32_t from, uint32_t to,
                               uint32_t *last)
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

void pending_add_span(struct pending *p, struct pending_pool *pool, const struct stream *stream,
                      struct cursor cursor, uint64_t size, uint32_t messages)
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
            pending_add_range(p, pool, chunk, offset, here, count);
            messages -= count;
            size -= here;
        }
        chunk = stream_next(stream, chunk);
        offset = 0;
    }
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

static bool gather_is_full(const struct gather *g)
{
    return g->size >= g->limit || g->count == g->max;
}

/* Refers to bytes where they lie. */
static void gather_refer(struct gather *g, const uint8_t *ptr, size_t size)
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

static bool gather_run(struct gather *g, const struct pending_entry *e, size_t skip)
{
    struct frames frames = frames_of(e->run, audience_layout(e->audience));
    const struct message *message =
        (const struct message *)(const void *)((const uint8_t *)e->run + e->offset);
    for (uint32_t i = 0; i < e->messages; i++) {
        if (gather_is_full(g) || !gather_frame(g, &frames, message, skip)) {
            return false;
        }
        skip = 0;
        message = message_next(message);
    }
    return true;
}

void pending_gather(const struct pending *p, struct gather *g)
{
    for (uint32_t i = 0; i < pending_count(p) && !gather_is_full(g); i++) {
        const struct pending_entry *e = pending_at(p, i);
        if (e->kind == PENDING_RANGE) {
            uint32_t sent = i == 0 ? p->ring->head_sent : 0;
            gather_refer(g, e->chunk->data + e->offset + sent, e->size - sent);
        } else if (e->kind == PENDING_RUN) {
            if (!gather_run(g, e, i == 0 ? p->ring->head_sent : 0)) {
                return;
            }
        } else if (e->kind == PENDING_OPEN) {
            struct cursor cursor = {e->chunk, e->offset};
            size_t size;
            g->count += stream_gather(audience_stream(e->audience), cursor, &g->vectors[g->count],
                                      g->max - g->count, g->limit - g->size, &size);
            g->size += size;
        }
    }
}

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

static void skip_head(struct pending *p)
{
    p->ring->head = (p->ring->head + 1) & (p->ring->capacity - 1);
    p->ring->count--;
}

/* size bytes of messages left a lane. */
static void lane_leave(struct pending *p, const struct pending_entry *e, uint64_t size,
                       uint32_t messages)
{
    struct lane *lane = &p->terms->lanes[e->lane - 1];
    ASSERT_SLOW(lane->bytes >= size);
    lane->bytes -= size;
    lane->messages -= messages;
    lane->looked_at = MIN_OF(lane->looked_at, lane->messages);
    p->terms->lanes_bytes -= size;
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
        } else {
            run_advance(p, e, size);
        }
        return;
    }
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
        if (e->kind == PENDING_RANGE && e->messages > 0 && p->ring->head_sent > 0) {
            uint32_t last;
            messages -= frames_between(e->chunk, e->offset, e->offset + p->ring->head_sent, &last);
        }
        head_pop(p, pool);
    }
    pending_rest(p, pool);
    return messages;
}

/* ---- policies -------------------------------------------------------------------------------- */

static const struct message *first_message(const struct pending_entry *e)
{
    return (const struct message *)(const void *)((const uint8_t *)e->run + e->offset);
}

/* Neither end of the list is a gap. */
static void trim_gaps(struct pending *p)
{
    while (!pending_is_empty(p) && pending_at(p, 0)->kind == PENDING_GONE) {
        skip_head(p);
    }
    while (!pending_is_empty(p) && pending_at(p, p->ring->count - 1)->kind == PENDING_GONE) {
        p->ring->count--;
    }
}

static bool is_begun(const struct pending *p, uint32_t lane)
{
    return pending_head_sent(p) > 0 && pending_at(p, 0)->lane == lane;
}

/* The begun message becomes an entry of its own, so that those behind it can go. */
static void split_head(struct pending *p, struct pending_pool *pool)
{
    if (pending_at(p, 0)->messages == 1) {
        return;
    }
    (void)roomy(p, pool);
    p->ring->head = (p->ring->head - 1) & (p->ring->capacity - 1);
    p->ring->count++;
    struct pending_entry *first = pending_at(p, 0);
    struct pending_entry *rest = pending_at(p, 1);
    *first = *rest;
    struct frames frames = frames_of(rest->run, audience_layout(rest->audience));
    const struct message *message = first_message(rest);
    first->size = (uint32_t)frame_size(&frames, message);
    first->messages = 1;
    rest->size -= first->size;
    rest->messages--;
    rest->offset = (uint32_t)((const uint8_t *)message_next(message) - (const uint8_t *)rest->run);
    rest->audience->refs++;
    if (p->ring->pinned) {
        chunk_ref(rest->run->chunk);
    }
}

static void drop_all(struct pending *p, struct pending_pool *pool, struct pending_entry *e)
{
    p->ring->bytes -= e->size;
    lane_leave(p, e, e->size, e->messages);
    entry_release(p, pool, e);
    *e = (struct pending_entry){.kind = PENDING_GONE};
}

/* The first `count` messages of an entry that was not begun. */
static void drop_first(struct pending *p, struct pending_pool *pool, struct pending_entry *e,
                       uint32_t count)
{
    if (count == e->messages) {
        drop_all(p, pool, e);
        return;
    }
    struct frames frames = frames_of(e->run, audience_layout(e->audience));
    const struct message *message = first_message(e);
    uint32_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        size += (uint32_t)frame_size(&frames, message);
        message = message_next(message);
    }
    e->offset = (uint32_t)((const uint8_t *)message - (const uint8_t *)e->run);
    e->size -= size;
    e->messages -= count;
    p->ring->bytes -= size;
    lane_leave(p, e, size, count);
}

/* How many of its first messages must go so that at least `excess` bytes do; all, if need be. */
static uint32_t count_first(const struct pending_entry *e, uint64_t excess, uint64_t most)
{
    struct frames frames = frames_of(e->run, audience_layout(e->audience));
    const struct message *message = first_message(e);
    uint64_t size = 0;
    uint32_t count = 0;
    while (count < e->messages && count < most && size < excess) {
        size += frame_size(&frames, message);
        count++;
        message = message_next(message);
    }
    return count;
}

uint64_t pending_drop_oldest(struct pending *p, struct pending_pool *pool, uint32_t lane_number,
                             uint64_t bytes_max)
{
    const struct lane *lane = &p->terms->lanes[lane_number - 1];
    uint64_t dropped = 0;
    uint32_t begun = is_begun(p, lane_number);
    if (begun > 0 && lane->bytes > bytes_max && !PLANTED(PLANTED_DROP_BEGUN)) {
        split_head(p, pool);
    } else {
        begun = 0;
    }
    for (uint32_t i = begun; i < pending_count(p) && lane->bytes > bytes_max; i++) {
        struct pending_entry *e = pending_at(p, i);
        uint64_t most = lane->messages - MIN_OF(lane->messages, 1u + begun);
        if (e->lane == lane_number && most > 0) {
            uint32_t count = count_first(e, lane->bytes - bytes_max, most);
            drop_first(p, pool, e, count);
            dropped += count;
        }
    }
    trim_gaps(p);
    return dropped;
}

/* The last messages of an entry, all but the first `kept`, whose bytes are `size`. */
static void drop_last(struct pending *p, struct pending_pool *pool, struct pending_entry *e,
                      uint32_t kept, uint32_t size)
{
    if (kept == 0) {
        drop_all(p, pool, e);
        return;
    }
    p->ring->bytes -= e->size - size;
    lane_leave(p, e, e->size - size, e->messages - kept);
    e->size = size;
    e->messages = kept;
}

uint64_t pending_drop_newest(struct pending *p, struct pending_pool *pool, uint32_t lane_number,
                             uint64_t bytes_max)
{
    const struct lane *lane = &p->terms->lanes[lane_number - 1];
    uint64_t dropped = 0;
    for (uint32_t i = pending_count(p); i > 0 && lane->bytes > bytes_max && lane->messages > 1;
         i--) {
        struct pending_entry *e = pending_at(p, i - 1);
        if (e->lane != lane_number) {
            continue;
        }
        uint64_t excess = lane->bytes - bytes_max;
        uint64_t most = lane->messages - 1;
        uint32_t least = e->messages > most ? e->messages - (uint32_t)most : 0;
        least = MAX_OF(least, (uint32_t)(i == 1 && p->ring->head_sent > 0));
        struct frames frames = frames_of(e->run, audience_layout(e->audience));
        const struct message *message = first_message(e);
        uint32_t kept = 0;
        uint32_t size = 0;
        while (kept < e->messages) {
            uint32_t next = (uint32_t)frame_size(&frames, message);
            if (kept >= least && e->size - size - next < excess) {
                break;
            }
            size += next;
            kept++;
            message = message_next(message);
        }
        uint32_t count = e->messages - kept;
        if (count > 0) {
            drop_last(p, pool, e, kept, size);
            dropped += count;
        }
    }
    trim_gaps(p);
    return dropped;
}

/* Adds the entry's subject and subscription to the set; false: it is there. The set holds places in
 * the list, plus one. */
static bool seen_add(const struct pending *p, uint32_t *seen, uint32_t mask, uint32_t at)
{
    const struct pending_entry *e = pending_at(p, at);
    uint64_t hash = e->run->subject_hash ^ ((uintptr_t)e->audience >> 4) * 0x9E3779B97F4A7C15u;
    uint32_t slot = (uint32_t)(hash >> 32) & mask;
    for (; seen[slot] != 0; slot = (slot + 1) & mask) {
        const struct pending_entry *other = pending_at(p, seen[slot] - 1);
        if (other->audience == e->audience && other->run->subject_hash == e->run->subject_hash &&
            bytes_equal(run_subject(other->run), run_subject(e->run))) {
            return false;
        }
    }
    seen[slot] = at + 1;
    return true;
}

uint64_t pending_keep_latest(struct pending *p, struct pending_pool *pool, uint32_t lane_number)
{
    struct lane *lane = &p->terms->lanes[lane_number - 1];
    uint64_t dropped = 0;
    uint32_t begun = is_begun(p, lane_number);
    if (begun > 0) {
        split_head(p, pool);
    }
    uint32_t slots = 16;
    while (slots < 2 * pending_count(p)) {
        slots *= 2;
    }
    uint32_t *seen = memory_alloc(slots * sizeof(*seen));
    for (uint32_t i = pending_count(p); i > begun; i--) {
        uint32_t at = PLANTED(PLANTED_LATEST_OLDEST) ? begun + p->ring->count - i : i - 1;
        struct pending_entry *e = pending_at(p, at);
        if (e->lane != lane_number) {
            continue;
        }
        bool is_newest = seen_add(p, seen, slots - 1, at);
        uint32_t count = e->messages - is_newest;
        if (count > 0) {
            drop_first(p, pool, e, count);
            dropped += count;
        }
    }
    memory_free(seen);
    trim_gaps(p);
    lane->looked_at = lane->messages;
    return dropped;
}

void pending_lane_last(struct pending *p, uint32_t lane_number)
{
    struct pending_entry *e = pending_at(p, p->ring->count - 1);
    ASSERT(e->kind == PENDING_RUN);
    struct lane *lane = &p->terms->lanes[lane_number - 1];
    e->lane = (uint16_t)lane_number;
    lane->bytes += e->size;
    lane->messages += e->messages;
    p->terms->lanes_bytes += e->size;
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
