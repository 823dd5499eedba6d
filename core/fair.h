/*
 * fair.h - whose turn is it, where one source may have a thousand waiting and another one?
 *
 *   sources, in turns:   a ─▶ b ─▶ c ─▶ (a)      fair_next takes the first of a's, and a goes to the end
 *                        │    │    │
 *   waiting, in order:   1 4  2    3 5 6
 *
 * Whoever comes waits for at most one turn of each other source, and for those of its own.
 *
 * Threads:     owner worker only.
 * Memory:      owns the sources, which come and go with what waits; not the items.
 * Limits:      FAIR_WAITING_MAX items of one source. Sources that share a hash share their turns.
 * Invariants:  (1) A source has items. (2) count is the sum of theirs.
 */
#ifndef RINGHUB_CORE_FAIR_H
#define RINGHUB_CORE_FAIR_H

#include "core/list.h"
#include "core/queue.h"
#include "core/table.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FAIR_WAITING_MAX = 1024,
    FAIR_BYTES_EACH = 256, /* of one that waits, where it is the only one of its source */
};

struct fair_source;

struct fair {
    struct table sources; /* by hash */
    struct list turns;    /* the first is next */
    size_t place_offset;
    uint32_t count;
};

/* place_offset: as of queue_init. */
void fair_init(struct fair *fair, size_t place_offset);
/* Items are forgotten. */
void fair_free(struct fair *fair);

/* Where it waits now, for fair_leave; NULL: too many of this source do. */
MUST_USE struct fair_source *fair_enter(struct fair *fair, uint64_t hash, void *item);
void fair_leave(struct fair *fair, struct fair_source *source, void *item);
/* The next, whose source has had its turn with that; it stays until it leaves. NULL: nobody waits. */
MUST_USE void *fair_next(struct fair *fair);

void fair_check(const struct fair *fair);

#ifdef __cplusplus
}
#endif
#endif
