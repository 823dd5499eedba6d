/*
 * ring.h - one driver's io_uring: connect, read, wait for room. The only file that sees liburing.
 *
 * Threads:     one driver; made and used in its thread (SINGLE_ISSUER).
 * Memory:      owns its receive buffers. A RING_BYTES event borrows one until the next ring_wait.
 *              Descriptors are the caller's and stay open while an operation may be under way.
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
    RING_WRITABLE,
};

struct ring_event {
    enum ring_event_kind kind;
    uint32_t slot;
    int result;
    struct bytes bytes;
};

struct ring;

/* slots: connections it will serve. Returns 0 or a negative errno. */
MUST_USE int ring_open(struct ring **ring, uint32_t slots);
void ring_free(struct ring *ring);

/* The address is borrowed until RING_CONNECTED. */
void ring_connect(struct ring *ring, uint32_t slot, int fd, const struct sockaddr *address,
                  socklen_t address_bytes);
/* Reads until RING_ENDED. */
void ring_read(struct ring *ring, uint32_t slot, int fd);
/* One RING_WRITABLE. */
void ring_wait_writable(struct ring *ring, uint32_t slot, int fd);

/* Submits what was asked for, sleeps until there is an event or timeout_ns passed (0: only looks).
 * Fills at most RING_EVENTS_MAX events; returns how many. */
MUST_USE size_t ring_wait(struct ring *ring, uint64_t timeout_ns, struct ring_event *events);

#ifdef __cplusplus
}
#endif
#endif
