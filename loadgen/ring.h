/*
 * ring.h - one driver's io_uring: connect, read, wait for room. The only file that sees liburing.
 *
 * Threads:     one driver; made and used in its thread (SINGLE_ISSUER).
 * Memory:      owns its receive buffers, and the sockets moved into its table. A RING_BYTES event borrows one until the next ring_wait.
 *              Other descriptors are the caller's and stay open while an operation may be under
 *              way. fd -1 stands for the socket in the table, at the connection's slot.
 * Limits:      RING_EVENTS_MAX events a wait; RING_BUFFERS receive buffers, which is less than many
 *              readable sockets may want at once: a read that finds none is armed again.
 */
#ifndef RINGHUB_LOADGEN_RING_H
#define RINGHUB_LOADGEN_RING_H

#include "core/base.h"
#include "core/bytes.h"

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RING_EVENTS_MAX = 256,
    /* Few enough to stay in cache between the kernel's copy and our look. */
    RING_BUFFERS = 128,
    RING_BUFFER_BYTES = 32 * 1024,
};

enum ring_event_kind {
    RING_CONNECTED, /* result: 0 or a negative errno */
    RING_BYTES,     /* bytes */
    RING_ENDED,     /* result: 0 end of stream, or a negative errno; nothing follows */
    RING_READABLE,
    RING_SKIMMED, /* result of one part of a ring_skim: bytes, or a negative errno */
    RING_WRITABLE,
    RING_SENT, /* result: bytes, or a negative errno */
};

struct ring_event {
    enum ring_event_kind kind;
    uint32_t slot;
    int result;
    struct bytes bytes;
};

struct ring_skim {
    uint32_t skip;
    uint32_t keep;
    uint32_t rest;
    uint8_t *room;
};

struct ring;

/* slots: connections it will serve; table: of those the first so many may be moved into the ring's
 * own table of files. Returns 0 or a negative errno: -EMFILE when the table is larger than the hard
 * RLIMIT_NOFILE; the soft one is raised. */
MUST_USE int ring_open(struct ring **ring, uint32_t slots, uint32_t table);
void ring_free(struct ring *ring);

/* Moves a socket into the table: afterwards fd may be closed. Returns 0 or a negative errno. */
MUST_USE int ring_install(struct ring *ring, uint32_t slot, int fd);

/* The address is borrowed until RING_CONNECTED. */
void ring_connect(struct ring *ring, uint32_t slot, int fd, const struct sockaddr *address,
                  socklen_t address_bytes);
/* Reads until RING_ENDED. */
void ring_read(struct ring *ring, uint32_t slot, int fd);
/* RING_READABLE whenever there is something new to read, until RING_ENDED. Not while ring_read goes
 * on. */
void ring_watch(struct ring *ring, uint32_t slot, int fd);
/* Reads at once what is there: throws skip bytes away, reads keep bytes to room, throws rest bytes
 * away; a RING_SKIMMED for each that is not 0, in this order. room is lent until then. */
void ring_skim(struct ring *ring, uint32_t slot, int fd, struct ring_skim parts);
/* Asks reading, or watching, to end: RING_ENDED with -ECANCELED, or what came before. */
void ring_read_stop(struct ring *ring, uint32_t slot);
/* One RING_SENT, when all is sent or the connection broke. bytes are lent until then. */
void ring_send(struct ring *ring, uint32_t slot, const uint8_t *bytes, size_t size);
/* One RING_WRITABLE. */
void ring_wait_writable(struct ring *ring, uint32_t slot, int fd);

/* Submits what was asked for, sleeps until there is an event or timeout_ns passed (0: only looks).
 * Fills at most RING_EVENTS_MAX events; returns how many. */
MUST_USE size_t ring_wait(struct ring *ring, uint64_t timeout_ns, struct ring_event *events);

#ifdef __cplusplus
}
#endif
#endif
