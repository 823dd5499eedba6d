/*
 * pending.h - what a session still has to be sent, in order.
 *
 *   head ▶ RANGE (rendered bytes or control bytes) ▶ RUN (rendered when sent) ▶ SHARED ▶ … ▶ OPEN (last)
 *
 *   GONE   what a policy took out of the middle
 *   RANGE  a piece of one chunk
 *   RUN    messages of a run for an audience of one: the payload is shared, the head made at flush
 *   SHARED pieces like RANGEs in a list that others have too (backlog.h)
 *   OPEN   everything from a cursor to the end of the audience's stream, now and later
 *
 * Threads:     owner worker only.
 * Memory:      a list without entries has no ring: most sessions have none most of the time. Rings
 *              come from a pool of the worker's, as large as the session's last one needed to be
 *              (pending_room). Within a turn entries hold no references: the worker holds the turn's
 *              chunks. A session that is left with bytes at the end of its sends is pinned
 *              (pending_pin): from then on its entries hold one each. Its ring shrinks to them.
 *              An OPEN entry is always counted in its stream; a RUN entry always holds its audience,
 *              a SHARED entry its pieces.
 * Invariants:  (1) OPEN is the last entry, and there is at most one. (2) bytes is the sum of the
 *              unsent bytes of RANGE, RUN and SHARED entries. (3) head_sent is what was sent of the
 *              head entry: less than its first frame if it is a RUN, less than its first piece if it
 *              is SHARED, less than all if it is a RANGE, 0 if it is OPEN. (4) a RANGE with messages,
 *              and a SHARED, begins and ends between frames. (5) the head is not GONE. (6) lane is 0
 *              but for RUN entries. (7) where the last entry is SHARED, backlog_end is its end.
 */
#ifndef RINGHUB_CORE_PENDING_H
#define RINGHUB_CORE_PENDING_H

#include "core/audience.h"
#include "core/backlog.h"
#include "core/chunk.h"
#include "core/limits.h"
#include "core/plate.h"
#include "core/run.h"
#include "core/terms.h"
#include "core/trail.h"

#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum pending_kind { PENDING_RANGE, PENDING_RUN, PENDING_SHARED, PENDING_OPEN, PENDING_GONE };

struct pending_entry {
    union {
        struct chunk *chunk; /* RANGE; OPEN: where the cursor stands */
        struct run *run;
        struct backlog_block *block; /* SHARED: of its first piece */
    };
    union {
        struct audience *audience; /* RUN, OPEN */
        uint32_t index;            /* SHARED: of its first piece in the block */
    };
    /* RANGE, OPEN: in the chunk's data. RUN: message, from the run. SHARED: in its first piece. */
    uint32_t offset;
    uint32_t size;     /* RANGE, RUN, SHARED: bytes */
    uint32_t messages; /* whole messages it holds; 0: control bytes */
    uint16_t kind;
    uint16_t lane; /* RUN: of the session's terms; 0: no policy */
};

static_assert(sizeof(struct pending_entry) == 32, "two to a cache line");

/* What there is of a list while it has entries, or had some in this turn. */
struct pending_ring {
    uint32_t head; /* how many went; where the first is, less whole rings */
    uint32_t count;
    uint32_t capacity; /* a power of two */
    uint32_t head_sent;
    uint64_t bytes;
    uint64_t blocked_ns; /* the session's: when the write in progress began, if it is blocked */
    uint32_t goal_left;  /* bytes until that write is done */
    bool pinned;
    uint16_t trail_index;    /* behind the newest message of a last entry that is of a trail */
    struct backlog *backlog; /* that it is a member of, if any */
    uint64_t backlog_end;
    struct pending_entry entries[];
};

struct pending {
    struct pending_ring *ring; /* NULL: empty */
    struct terms *terms;       /* the session's; NULL for most */
};

/* Where pending lists get their memory from. */
struct pending_pool {
    struct chunk_pool *chunks;
    struct index *index; /* that audiences of entries lie in */
    void *spare[16];     /* rings of 4 << k entries, linked through their first word */
    uint32_t spare_count[16];
    uint64_t entries_bytes;   /* in use, rings' heads included */
    uint64_t audiences_freed; /* whose last reference was a pending entry's */
    uint64_t audience_bytes_freed;
    struct backlogs backlogs;
};

/* Bytes of all lists. */
static inline uint64_t pending_pool_bytes(const struct pending_pool *pool)
{
    return pool->entries_bytes + pool->backlogs.bytes;
}

/* What a pool keeps at most for lists to come; pending_pool_bytes does not count it. */
size_t pending_spare_bytes_max(void);

/* Both are borrowed. */
void pending_pool_init(struct pending_pool *pool, struct chunk_pool *chunks, struct index *index);
void pending_pool_free(struct pending_pool *pool);

/* Entries. */
static inline uint32_t pending_count(const struct pending *p)
{
    return p->ring != NULL ? p->ring->count : 0;
}

static inline bool pending_is_empty(const struct pending *p)
{
    return pending_count(p) == 0;
}

static inline bool pending_is_pinned(const struct pending *p)
{
    return p->ring != NULL && p->ring->pinned;
}

/* What was sent of the first entry. */
static inline uint32_t pending_head_sent(const struct pending *p)
{
    return p->ring != NULL ? p->ring->head_sent : 0;
}

/* The entry, which there is. */
static inline struct pending_entry *pending_at(const struct pending *p, uint32_t i)
{
    struct pending_ring *ring = p->ring;
    return &ring->entries[(ring->head + i) & (ring->capacity - 1)];
}

/* Bytes of a ring. */
static inline size_t pending_ring_bytes(uint32_t capacity)
{
    return sizeof(struct pending_ring) + capacity * sizeof(struct pending_entry);
}

/* The OPEN entry, or NULL. */
static inline struct pending_entry *pending_last_open(const struct pending *p)
{
    if (pending_is_empty(p)) {
        return NULL;
    }
    struct pending_entry *last = pending_at(p, p->ring->count - 1);
    return last->kind == PENDING_OPEN ? last : NULL;
}

/* Unsent bytes, those behind an open cursor included. */
uint64_t pending_bytes(const struct pending *p);

/* About when the oldest of them came (core/chunk.h); 0: there are none. */
uint64_t pending_oldest_ns(const struct pending *p);

/* Whole messages in the first size bytes. */
uint64_t pending_messages(const struct pending *p, uint64_t size);

/* The list may not end in OPEN. */
void pending_add_range(struct pending *p, struct pending_pool *pool, struct chunk *chunk,
                       uint32_t offset, uint32_t size, uint32_t messages);
/* count messages of run from first on. */
void pending_add_run(struct pending *p, struct pending_pool *pool, struct run *run,
                     struct audience *audience, const struct message *first, uint32_t count);
void pending_add_open(struct pending *p, struct pending_pool *pool, struct audience *audience,
                      struct cursor cursor);
/* size bytes of the stream from cursor on, as ranges; messages: how many that is. The span begins
 * and ends between frames. */
void pending_add_span(struct pending *p, struct pending_pool *pool, const struct stream *stream,
                      struct cursor cursor, uint64_t size, uint32_t messages);
/* The newest piece of a trail, which for this audience is so many bytes; of a pinned list. Where the
 * last entry ends in front of it, that grows. */
void pending_add_trail(struct pending *p, struct pending_pool *pool, const struct trail *trail,
                       struct audience *audience, size_t size);
/* So many entries are a session's own before it shares spans: who hears little is not put into a list
 * for it. More than a few would be dearer than the list, where others have it too, and a session that
 * stalls keeps them: with one for what it shares, and some answers, these fit a ring of 64. */
enum {
#ifdef RINGHUB_PLANTED
    PENDING_OWN = 2, /* the simulation's lists are short */
    PENDING_OWN_PINNED = 1,
#else
    PENDING_OWN = 60,       /* in one turn, of one that keeps up */
    PENDING_OWN_PINNED = 4, /* a ring has room for as many */
#endif
};

/* Is the next span one that it shares? */
static inline bool pending_shares(const struct pending *p)
{
    const struct pending_ring *ring = p->ring;
    if (ring == NULL || (ring->count < PENDING_OWN_PINNED && ring->backlog == NULL)) {
        return false;
    }
    return ring->count >= PENDING_OWN || ring->pinned || ring->backlog != NULL;
}

/* A span as above, once for all who hear the same audiences: `hears` says which. Another round of the
 * backlogs begins with each span. */
void pending_add_shared(struct pending *p, struct pending_pool *pool, uint32_t hears,
                        const struct stream *stream, struct cursor cursor, uint64_t size,
                        uint32_t messages);
/* The last entry, a RUN, belongs to a lane. */
void pending_lane_last(struct pending *p, uint32_t lane);
/* Turns a last OPEN into ranges up to the stream's end now. */
void pending_close_open(struct pending *p, struct pending_pool *pool);

/* From now on every entry holds its reference. Idempotent; of an empty list it means nothing. */
void pending_pin(struct pending *p);

/* What one send takes: vectors point into chunks or scratch. */
struct gather {
    struct iovec *vectors;
    uint32_t count;
    uint32_t max;
    size_t size;
    size_t limit;
    uint8_t *scratch; /* free scratch from here … */
    uint8_t *scratch_end;
    struct plates *plates; /* NULL: everything is rendered into scratch */
};

/* Appends as much as fits. Nothing is consumed. */
void pending_gather(const struct pending *p, struct gather *gather);

/* size bytes were sent. */
void pending_consume(struct pending *p, struct pending_pool *pool, size_t size);

/* Policies: each takes whole messages of a lane out that were not begun, and returns how many. At
 * least one message is left, the newest where there is a choice. */
uint64_t pending_drop_oldest(struct pending *p, struct pending_pool *pool, uint32_t lane,
                             uint64_t bytes_max);
uint64_t pending_drop_newest(struct pending *p, struct pending_pool *pool, uint32_t lane,
                             uint64_t bytes_max);
/* All but the newest of each subject of each subscription. */
uint64_t pending_keep_latest(struct pending *p, struct pending_pool *pool, uint32_t lane);

/* Drops everything; returns how many messages were not (wholly) sent. Leaves the list empty,
 * unpinned, its ring given back. */
uint64_t pending_clear(struct pending *p, struct pending_pool *pool);

/* The last entry, whose cursor is closed, goes. */
void pending_drop_last(struct pending *p);

/* A SHARED entry's beginning. */
static inline struct backlog_place pending_place(const struct pending_entry *e)
{
    struct backlog_place place;
    place.block = e->block;
    place.index = e->index;
    place.offset = e->offset;
    return place;
}

/* How many of the messages of a SHARED entry are in its first piece, of which it has so many bytes. */
uint32_t pending_place_messages(const struct pending_entry *e, uint32_t size);

/* The room of a list: it begins with a ring of PENDING_FIRST << room entries. A session that needed many
 * as a rule needs them again, and to get there by doubling is to copy most of them. So it remembers how
 * large its ring was, and half of that where it did not fill half. */
enum {
    PENDING_FIRST = 4, /* entries of the smallest ring */
    PENDING_ROOM_BITS = 3,
    PENDING_ROOM_MAX = (1 << PENDING_ROOM_BITS) - 1,
};

/* A ring for a list that has none. */
void pending_begin(struct pending *p, struct pending_pool *pool, uint32_t room);

/* Has it a ring of more than the smallest size? */
static inline bool pending_is_roomy(const struct pending *p)
{
    return p->ring != NULL && p->ring->capacity > PENDING_FIRST;
}

/* With how much to begin the next time, of one that is roomy; others begin with the smallest. */
uint32_t pending_room(const struct pending *p);

/* Gives back what it does not need of a ring, as nobody knows how long it will have it. */
void pending_shrink(struct pending *p, struct pending_pool *pool);

/* Gives the ring of an empty list back. */
void pending_rest(struct pending *p, struct pending_pool *pool);

/* Messages in an audience's stream from a cursor on, one cut by the cursor included. */
uint64_t stream_messages_from(const struct stream *stream, struct cursor cursor);

void pending_check(const struct pending *p);

#ifdef __cplusplus
}
#endif
#endif
