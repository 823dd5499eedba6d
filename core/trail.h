/*
 * trail.h - what sessions that do not read, each with a sid of its own, still have to hear: one copy
 * for all of them.
 *
 *   run of a turn ──trail_add──▶ chunk: [ run: m1 m2 m3 … │ run: m1 … ▸ grows ]
 *                                           ▲  ▲
 *                       a pending entry each: so many messages from here on
 *
 * A session whose frames nobody else has keeps messages and renders them when they are sent. While it
 * is stalled these lie in runs that grow: what comes next lies behind what came before, so that its
 * entry says "two messages more" where it would need a second entry. What a stalled session costs is
 * then the same whatever its backlog, as that of a member of a shared audience is.
 *
 * Threads:     owner worker only.
 * Memory:      a trail holds one reference to the chunk that it fills, entries hold their own. A chunk
 *              is filled before the next one is taken, so subjects that take turns waste none.
 * Invariants:  (1) run is NULL or the newest of its chunk, which nobody else adds to.
 */
#ifndef RINGHUB_CORE_TRAIL_H
#define RINGHUB_CORE_TRAIL_H

#include "core/run.h"

#ifdef __cplusplus
extern "C" {
#endif

struct trail {
    struct run *run;      /* NULL: nothing yet */
    uint32_t class_index; /* of the next chunk */
    /* The newest piece, and what it is a copy of: it is asked for once for each stalled session. */
    uint32_t index; /* of its first message in the run */
    struct run_span piece;
    const struct message *source;
    uint64_t round;
};

static_assert(CHUNK_BIGGEST_BYTES / sizeof(struct message) < UINT16_MAX,
              "a place in a run is told in 16 bits");

/* The messages of the span in the trail. round: another for each span that is delivered. */
struct run_span trail_add(struct trail *trail, struct chunk_pool *pool, struct run_span span,
                          uint64_t round);

/* Lets go of the chunk. */
void trail_rest(struct trail *trail, struct chunk_pool *pool);

/* Nobody but the trail holds what it copied last. */
static inline bool trail_is_forsaken(const struct trail *trail)
{
    return trail->run != NULL && trail->run->chunk->refs == 1;
}

void trail_check(const struct trail *trail);

#ifdef __cplusplus
}
#endif
#endif
