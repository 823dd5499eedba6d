/*
 * backlog.h - what sessions that hear the same still have to be sent: one list for all of them.
 *
 *   backlog ──▶ block: [ piece piece … ] ──▶ block: [ piece … ▸ grows ]
 *                              ▲                            ▲
 *                              └ a pending entry each: so many bytes from here on
 *
 * A session that hears several audiences needs its pieces in the order in which they came, one each
 * time what it hears changes from one audience to another. Sessions that hear the same audiences need
 * the same pieces in the same order: these lie in one list, and each session says "so many bytes more"
 * where it would need an entry for each piece. So what a stalled one costs does not grow with its
 * backlog, and a turn that brings many pieces does not write each of them for each session.
 *
 * Threads:     owner worker only.
 * Memory:      a backlog has members: sessions that add to their own by adding to it. Without any it
 *              is idle and has no block; some idle ones are kept, as the same sessions come again.
 *              A piece holds a reference to its chunk while an entry holds the piece, so that what is
 *              kept is exactly what is pending. A block is freed when nobody holds a piece of it and
 *              nothing more is put into it.
 * Invariants:  (1) a piece with holders holds a reference to its chunk, others hold nothing. (2) refs
 *              of a block: its pieces with holders, and one while it is its backlog's newest. (3) who
 *              holds pieces of two blocks holds all between them, so `next` leads to live ones.
 *              (4) a piece begins and ends between frames.
 */
#ifndef RINGHUB_CORE_BACKLOG_H
#define RINGHUB_CORE_BACKLOG_H

#include "core/chunk.h"
#include "core/list.h"
#include "core/table.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BACKLOG_CLASSES = 3 }; /* of blocks: each but the last is for who did not miss much */

/* A part of a chunk. It grows while it is the newest. */
struct backlog_piece {
    struct chunk *chunk;
    uint32_t offset;
    uint32_t size;
    uint32_t messages;
    uint32_t holders; /* entries of which it is a part, whole or not */
};

struct backlog_block {
    struct list link; /* all->blocks; free: its class's spare ones */
    struct backlog_block *next;
    uint32_t refs;
    uint16_t count;
    uint16_t class_index;
    struct backlog_piece pieces[];
};

/* A place between two frames of a backlog. */
struct backlog_place {
    struct backlog_block *block;
    uint32_t index;  /* of a piece */
    uint32_t offset; /* in it */
};

struct backlog {
    struct list link;             /* idle: all->idle */
    struct backlog_block *newest; /* NULL: nothing yet */
    uint64_t end;                 /* bytes since it was made */
    uint64_t round;               /* when the newest span was added, and where it begins */
    uint64_t span_begin;
    struct backlog_place span;
    uint32_t members;
    uint32_t hears; /* which audiences: a sum of their marks */
};

static_assert(sizeof(struct backlog_piece) == 24, "less than an entry of a session's own");

/* A worker's. */
struct backlogs {
    struct chunk_pool *chunks;
    struct table lists; /* by `hears`, idle ones too */
    struct list idle;   /* the longest first */
    uint32_t idle_count;
    struct list blocks;
    struct list spare[BACKLOG_CLASSES];
    uint32_t spare_count[BACKLOG_CLASSES];
    uint64_t round; /* counts spans */
    uint64_t bytes; /* of blocks, and of backlogs with members */
};

/* What is kept at most for members and pieces to come; `bytes` does not count it. */
size_t backlogs_spare_bytes_max(void);

void backlogs_init(struct backlogs *all, struct chunk_pool *chunks);
/* Nothing is pending any more. */
void backlogs_free(struct backlogs *all);

/* The backlog of those who hear this; one member more. */
struct backlog *backlog_join(struct backlogs *all, uint32_t hears);
void backlog_leave(struct backlogs *all, struct backlog *backlog);

/* Where in the backlog the span of this round begins. */
static inline uint64_t backlog_span_begin(const struct backlogs *all, const struct backlog *backlog)
{
    return backlog->round == all->round ? backlog->span_begin : backlog->end;
}

/* A span that is not in it yet, piece by piece: the entry of who adds it holds them. goes_on: it holds
 * what is in front of the span too. */
void backlog_begin(struct backlogs *all, struct backlog *backlog);
void backlog_add(struct backlogs *all, struct backlog *backlog, struct backlog_piece added,
                 bool goes_on);

/* Another entry has this round's span. */
void backlog_hold(struct backlog *backlog, bool goes_on);

/* An entry had this piece. */
void backlog_release(struct backlogs *all, struct backlog_block *block, uint32_t index);

/* ---- walking ----------------------------------------------------------------------------------- */

static inline struct backlog_piece *backlog_piece_at(struct backlog_place place)
{
    return &place.block->pieces[place.index];
}

/* How much of left bytes is of the piece there. */
static inline uint32_t backlog_here(struct backlog_place place, uint32_t left)
{
    return MIN_OF(backlog_piece_at(place)->size - place.offset, left);
}

/* The piece behind, which there is. */
static inline struct backlog_place backlog_next(struct backlog_place place)
{
    place.offset = 0;
    place.index++;
    if (place.index == place.block->count) {
        place.block = place.block->next;
        place.index = 0;
    }
    return place;
}

void backlogs_check(const struct backlogs *all);

#ifdef __cplusplus
}
#endif
#endif
