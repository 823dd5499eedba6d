/* pending_shared.c - entries of sessions that hear the same: one list of pieces for all. */
#include "core/pending_inside.h"
#include "core/planted.h"

static const uint64_t position_none = UINT64_MAX;

/* The backlog of those that hear what it hears now. */
static struct backlog *backlog_of(struct pending *p, struct pending_pool *pool, uint32_t hears)
{
    struct pending_ring *ring = p->ring;
    if (LIKELY(ring->backlog != NULL && ring->backlog->hears == hears)) {
        return ring->backlog;
    }
    if (ring->backlog != NULL) {
        backlog_leave(&pool->backlogs, ring->backlog);
    }
    ring->backlog = backlog_join(&pool->backlogs, hears);
    ring->backlog_end = position_none;
    return ring->backlog;
}

struct sharing {
    struct backlogs *all;
    struct backlog *backlog;
    bool goes_on;
};

static void share_part(void *context, struct backlog_piece part)
{
    const struct sharing *to = context;
    backlog_add(to->all, to->backlog, part, to->goes_on);
}

void pending_add_shared(struct pending *p, struct pending_pool *pool, uint32_t hears,
                        const struct stream *stream, struct cursor cursor, uint64_t size,
                        uint32_t messages)
{
    ASSERT_SLOW(pending_last_open(p) == NULL);
    struct pending_ring *ring = p->ring;
    struct pending_entry *last = ring->count > 0 ? pending_at(p, ring->count - 1) : NULL;
    bool is_shared = last != NULL && last->kind == PENDING_SHARED;
    ASSERT(size < UINT32_MAX);
    struct backlogs *all = &pool->backlogs;
    struct backlog *backlog = backlog_of(p, pool, hears);
    bool goes_on =
        is_shared && size < UINT32_MAX - last->size &&
        (ring->backlog_end == backlog_span_begin(all, backlog) || PLANTED(PLANTED_BACKLOG_GAP));
    if (backlog->round != all->round) {
        backlog_begin(all, backlog);
        struct sharing to = {all, backlog, goes_on};
        span_each(stream, cursor, size, messages, share_part, &to);
    } else {
        backlog_hold(backlog, goes_on);
    }
    if (goes_on) {
        last->size += (uint32_t)size;
        last->messages += messages;
    } else {
        ring = pending_roomy(p, pool);
        ring->count++;
        *pending_at(p, ring->count - 1) = (struct pending_entry){.block = backlog->span.block,
                                                                 .index = backlog->span.index,
                                                                 .offset = backlog->span.offset,
                                                                 .size = (uint32_t)size,
                                                                 .messages = messages,
                                                                 .kind = PENDING_SHARED};
    }
    ring->bytes += size;
    ring->backlog_end = backlog->end;
}

void shared_gather(struct gather *g, const struct pending_entry *e, uint32_t sent)
{
    struct backlog_place at = pending_place(e);
    for (uint32_t left = e->size; !gather_is_full(g);) {
        const struct backlog_piece *piece = backlog_piece_at(at);
        uint32_t here = backlog_here(at, left);
        gather_piece(g, piece->chunk->data + piece->offset + at.offset + sent, here - sent,
                     here < e->size);
        left -= here;
        if (left == 0) {
            return;
        }
        sent = 0;
        at = backlog_next(at);
    }
}

uint32_t pending_place_messages(const struct pending_entry *e, uint32_t size)
{
    const struct backlog_piece *piece = backlog_piece_at(pending_place(e));
    if (size == piece->size) {
        return piece->messages;
    }
    uint32_t from = piece->offset + e->offset;
    uint32_t last;
    return frames_between(piece->chunk, from, from + size, &last);
}

uint32_t shared_advance(struct pending_pool *pool, struct pending_entry *e, uint32_t size)
{
    uint32_t here;
    while (size >= (here = backlog_here(pending_place(e), e->size))) {
        struct backlog_place next = backlog_next(pending_place(e));
        e->messages -= pending_place_messages(e, here);
        e->size -= here;
        size -= here;
        backlog_release(&pool->backlogs, e->block, e->index);
        e->block = next.block;
        e->index = next.index;
        e->offset = 0;
    }
    return size;
}

void shared_release(struct pending_pool *pool, const struct pending_entry *e)
{
    struct backlog_place at = pending_place(e);
    for (uint32_t left = e->size;;) {
        uint32_t here = backlog_here(at, left);
        left -= here;
        struct backlog_place next = at;
        if (left > 0) {
            next = backlog_next(at);
        }
        backlog_release(&pool->backlogs, at.block, at.index);
        if (left == 0) {
            return;
        }
        at = next;
    }
}
