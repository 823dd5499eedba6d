/* pending_check.c - the invariants of a list of extents. */
#include "core/pending.h"

/* Its pieces are there, held, and as many as its messages say. */
static void shared_check(const struct pending_entry *e)
{
    struct backlog_place at = pending_place(e);
    uint32_t messages = 0;
    for (uint32_t left = e->size;;) {
        const struct backlog_piece *piece = backlog_piece_at(at);
        uint32_t here = backlog_here(at, left);
        ASSERT(at.index < at.block->count);
        ASSERT(at.offset < piece->size);
        ASSERT(piece->holders > 0);
        ASSERT(piece->chunk->refs > 0);
        messages += here == piece->size ? piece->messages : 0;
        left -= here;
        if (left == 0) {
            break;
        }
        ASSERT(at.offset + here == piece->size);
        at = backlog_next(at);
        ASSERT(at.block != NULL);
    }
    ASSERT(messages <= e->messages);
}

void pending_check(const struct pending *p)
{
    uint64_t bytes = 0;
    uint64_t laned = 0;
    for (uint32_t i = 0; i < pending_count(p); i++) {
        const struct pending_entry *e = pending_at(p, i);
        ASSERT(e->kind != PENDING_GONE || i > 0);
        ASSERT(e->lane == 0 || e->kind == PENDING_RUN);
        if (e->kind == PENDING_OPEN) {
            ASSERT(i == p->ring->count - 1);
            ASSERT(e->chunk->cursors > 0);
        } else {
            if (e->kind == PENDING_SHARED) {
                shared_check(e);
            }
            bytes += e->size;
            laned += e->lane != 0 ? e->size : 0;
        }
    }
    ASSERT(laned == (p->terms != NULL ? p->terms->lanes_bytes : 0));
    if (p->ring != NULL) {
        ASSERT(p->ring->head_sent == 0 || pending_at(p, 0)->kind < PENDING_OPEN);
        ASSERT(p->ring->head_sent == 0 || p->ring->head_sent < pending_at(p, 0)->size);
        if (p->ring->head_sent > 0 && pending_at(p, 0)->kind == PENDING_SHARED) {
            const struct pending_entry *head = pending_at(p, 0);
            ASSERT(p->ring->head_sent < backlog_here(pending_place(head), head->size));
        }
        ASSERT(bytes == p->ring->bytes + p->ring->head_sent);
    }
}
