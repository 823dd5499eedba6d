/*
 * governor.h - established clients first: new connections are let in a few a turn, at a pace.
 *
 *   backlog ──loop──▶ governor_hold ──▶ waiting ──governor_next──▶ accepted (a few a turn, as the
 *      ▲                                   │                         rate allows)
 *      └── accepting rests while some wait ┘
 *
 * What waits here is what the kernel handed over before accepting could be told to rest; all others
 * wait in the listen backlog, where they cost the hub nothing.
 *
 * Threads:     the acceptor's.
 * Memory:      owns the descriptors that wait.
 * Limits:      ACCEPTS_PER_TURN; the backlog bounds what waits.
 */
#ifndef RINGHUB_IO_GOVERNOR_H
#define RINGHUB_IO_GOVERNOR_H

#include "core/bucket.h"
#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A turn that accepts this many takes about a quarter of a millisecond more; a larger number lets in
 * no more a second (bench/storm.py). */
enum { ACCEPTS_PER_TURN = 16 };

/* Who wants in: a descriptor, and the sockaddr it comes from (empty: not known). */
struct newcomer {
    int fd;
    uint32_t address_size;
    uint8_t address[28]; /* of either family */
};

struct governor {
    struct bucket bucket;
    struct newcomer *waiting; /* a ring, first in first out */
    uint32_t first;
    uint32_t count;
    uint32_t capacity;
    uint32_t turn_count; /* let in this turn */
    uint64_t next_ns;    /* when the next may come in; UINT64_MAX: nobody waits */
    bool rests;          /* the loop does not accept */
};

void governor_init(struct governor *governor);
void governor_free(struct governor *governor);

void governor_hold(struct governor *governor, int fd, struct bytes address);
void governor_turn_begin(struct governor *governor);
/* The next that may come in now; NULL: none. Borrowed until the next call. */
MUST_USE const struct newcomer *governor_next(struct governor *governor, struct bucket_rate rate,
                                              uint64_t now_ns);
/* Any that waits, for whoever stops; NULL: none. Borrowed until the next call. */
MUST_USE const struct newcomer *governor_take(struct governor *governor);
/* Should the loop accept? */
bool governor_wants(const struct governor *governor);

#ifdef __cplusplus
}
#endif
#endif
