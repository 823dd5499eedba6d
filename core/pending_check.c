/* pending_check.c - the invariants of a list of extents. */
#include "core/pending.h"

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
            bytes += e->size;
            laned += e->lane != 0 ? e->size : 0;
        }
    }
    ASSERT(laned == (p->terms != NULL ? p->terms->lanes_bytes : 0));
    if (p->ring != NULL) {
        ASSERT(p->ring->head_sent == 0 || pending_at(p, 0)->kind < PENDING_OPEN);
        ASSERT(p->ring->head_sent == 0 || p->ring->head_sent < pending_at(p, 0)->size);
        ASSERT(bytes == p->ring->bytes + p->ring->head_sent);
    }
}
