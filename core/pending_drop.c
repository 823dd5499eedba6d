/* pending_drop.c - what policies take out of a list. */
#include "core/pending_inside.h"
#include "core/planted.h"

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
    (void)pending_roomy(p, pool);
    p->ring->head--;
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
