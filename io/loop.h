/*
 * loop.h - the narrow seam to the kernel, by operation and not by SQE.
 *
 *   worker ── loop_wait ──▶ events: new fd, bytes, end, writable, closed, wake
 *   worker ── loop_send ──▶ each send's result, at once; nothing stays lent to the kernel
 *
 * Three implementations: loop_uring.c, loop_epoll.c and tests/support/loop_fake.c. One script of
 * calls gives the same trace on all three. loop.c dispatches through loop_ops.h; which
 * implementations a program holds is decided by what defines loop_open: io/loop_open.c, or
 * tests/support/loop_fake_open.c in the simulation.
 *
 * Threads:     one loop belongs to one worker; loop_open and every call but loop_wake are made in
 *              that worker's thread. loop_wake: any thread.
 * Memory:      BYTES events borrow from the loop's receive buffers until the next loop_wait, or
 *              until loop_buffer_return for that event (early return, so that buffers last).
 *              A connection that is silent owns no buffer.
 * Limits:      slots below options.slots_max; LOOP_EVENTS_MIN to EVENTS_MAX events a wait;
 *              generations are told apart by their low LOOP_GENERATION_BITS bits.
 * Invariants:  (1) All reading from sockets happens inside loop_wait. So a worker that drains its
 *                  inbox after loop_wait returns has drained after every byte it is about to parse
 *                  was received (law 7). No call other than loop_wait makes new BYTES appear.
 *              (2) loop_send finishes every send before it returns: sent, short, full or dead.
 *                  At most one send per slot per call.
 *              (3) After loop_close_slot no event for that (slot, generation) but one CLOSED
 *                  appears; the slot may be used again only after CLOSED.
 *              (4) Reading is level-like: bytes left in the socket (disarmed, out of buffers, over
 *                  the read budget) are reported by a later wait once reading is armed.
 *              (5) A connection's BYTES come in the order of the stream, its EOF or ERROR last and
 *                  once.
 * Beware:      one batch may hold several events of a slot. A worker that closes a slot while it
 *              goes through a batch skips what the rest of that batch says about it.
 */
#ifndef RINGHUB_IO_LOOP_H
#define RINGHUB_IO_LOOP_H

#include "core/base.h"
#include "core/bytes.h"

#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct loop;

enum {
    LOOP_EVENTS_MIN = 8,       /* so that no kind of event can crowd out another */
    LOOP_GENERATION_BITS = 24, /* of a completion's user_data */
    LOOP_LISTENERS_MAX = 8,
    LOOP_ACCEPTS_MAX = 16, /* of a listener in one wait: about a quarter of a millisecond */
    LOOP_LEAVING_MAX = 16, /* ends and closes that one wait reports: as much */
};

enum loop_backend { LOOP_AUTO, LOOP_URING, LOOP_EPOLL, LOOP_FAKE };

struct loop_options {
    enum loop_backend backend; /* not LOOP_AUTO: loop_probe resolved it */
    uint32_t slots_max;        /* connections this worker may hold */
    uint32_t sq_entries;       /* 0: default; tests use tiny rings */
    uint32_t cq_entries;       /* 0: default */
    uint32_t read_buffers;     /* 0: READ_BUFFERS_DEFAULT, of READ_BUFFER_BYTES each */
    bool sends_inline;         /* the self-test's verdict: sends finish inside the submit */
    /* Sockets live in the ring's own table and not among the descriptors of the process. uring with
     * sends_inline only, else loop_open fails; slots_max is then at most RLIMIT_NOFILE. */
    bool direct;
};

enum loop_event_kind {
    /* result: the new fd (non-blocking, close-on-exec), owned by the taker. bytes: the peer's address,
     * a sockaddr, borrowed until the next wait; empty: not known. */
    LOOP_EVENT_ACCEPT,
    LOOP_EVENT_ACCEPT_FAILED, /* result: -EMFILE …; accepting goes on by itself after a pause */
    LOOP_EVENT_BYTES,         /* bytes: borrowed */
    LOOP_EVENT_EOF,           /* the peer will send nothing more; writing may still work */
    LOOP_EVENT_ERROR,         /* result: negative errno of the read; the connection is dead */
    LOOP_EVENT_WRITABLE,      /* once per loop_wait_writable */
    LOOP_EVENT_CLOSED,        /* the kernel holds nothing of this slot any more; its fd is closed */
    LOOP_EVENT_WAKE, /* somebody called loop_wake since the last wait (one event for many) */
};

struct loop_event {
    enum loop_event_kind kind;
    uint32_t slot; /* UINT32_MAX: of no connection (ACCEPT, ACCEPT_FAILED, WAKE) */
    uint32_t generation;
    int result;
    uint32_t buffer; /* the loop's own: which receive buffer, or LOOP_BUFFER_NONE */
    struct bytes bytes;
};

#define LOOP_BUFFER_NONE UINT32_MAX

/* What became of one send. */
enum { LOOP_SEND_FULL = 0 };

struct loop_send {
    uint32_t slot;
    uint32_t vectors_count;      /* at least 1, at most SEND_VECTORS_MAX */
    const struct iovec *vectors; /* borrowed for the call; sends may share one array */
    size_t size;                 /* sum of the vectors, at most SEND_BYTES_MAX */
    /* Out: bytes taken (size: all; less: short; LOOP_SEND_FULL: the socket took nothing) or the
     * negative errno of a dead connection. */
    int64_t result;
};

/* What the kernel allows, found once at start, before threads. */
struct loop_probe {
    enum loop_backend backend; /* what to use; LOOP_AUTO when asked for and nothing works */
    bool sends_inline;         /* uring: the self-test of inline-completing sends passed */
    int uring_errno;           /* 0: a ring with our flags could be made; else why not */
    const char *uring_step;    /* what returned uring_errno; a literal */
    bool direct;               /* loop_probe_direct: sockets may live in the ring's table */
    const char *direct_step;   /* what differed where they may not; a literal */
    char explanation[1024];    /* sentences for the operator: tried, found, does instead, mend */
};

/* Resolves wanted into a backend, running the self-test on a real TCP pair. Returns 0, or -1 when
 * what was wanted cannot be had (explanation says why and what to do). */
MUST_USE int loop_probe_run(enum loop_backend wanted, struct loop_probe *probe);
/* After loop_probe_run: tries what options.direct needs, on real TCP pairs; fills direct or
 * direct_step. */
void loop_probe_direct(struct loop_probe *probe);

/* In the worker's thread. Returns 0 or a negative errno (the loop is then not made). */
MUST_USE int loop_open(const struct loop_options *options, struct loop **loop);
/* Closes every descriptor added and not yet closed. */
void loop_free(struct loop *loop);
/* "uring", "epoll" or "fake". */
const char *loop_name(const struct loop *loop);
/* Asserts the invariants that can be seen from inside. */
void loop_check(const struct loop *loop);

/* Starts accepting on a listening socket (borrowed, non-blocking). loop_accept_stop ends it; the
 * socket itself stays open, and an ACCEPT already on its way may still come. At most
 * LOOP_LISTENERS_MAX may be added. Returns 0 or a negative errno. */
MUST_USE int loop_accept(struct loop *loop, int listener_fd);
void loop_accept_stop(struct loop *loop);

/* Hands fd, a non-blocking stream socket, to the loop (owned from now on) under a slot that is
 * free. Reading is not armed. Returns 0 or a negative errno, then fd stays the caller's. */
MUST_USE int loop_add(struct loop *loop, uint32_t slot, uint32_t generation, int fd);

/* Closes a descriptor that loop_wait reported as ACCEPT and nobody is going to add. */
void loop_discard(struct loop *loop, int fd);

/* Reading on and off; both idempotent. After disarm BYTES already on their way may still come. */
void loop_read_arm(struct loop *loop, uint32_t slot);
void loop_read_disarm(struct loop *loop, uint32_t slot);

/* Performs the sends, in slices; fills each result. */
void loop_send(struct loop *loop, struct loop_send *sends, size_t count);

/* One LOOP_EVENT_WRITABLE when the socket has room again, or is dead so that the next send says
 * so. Idempotent until then. */
void loop_wait_writable(struct loop *loop, uint32_t slot);

/* Sends FIN; reading goes on. */
void loop_shutdown_write(struct loop *loop, uint32_t slot);

/* How loop_close_slot ends the connection. */
enum loop_close { LOOP_CLOSE_ORDERLY, LOOP_CLOSE_RESET };

/* Starts closing; LOOP_EVENT_CLOSED follows in a later wait. Idempotent until then. RESET sends RST
 * and drops what was not sent; ORDERLY sends FIN after it, unless unread bytes make the kernel send
 * RST. */
void loop_close_slot(struct loop *loop, uint32_t slot, enum loop_close how);

/* Sleeps until something happens, or timeout_ns passed (0: only looks; UINT64_MAX: for ever), and
 * fills at most max events. Returns their number; 0 also when a signal interrupted it. Buffers lent
 * by the wait before are taken back. */
MUST_USE size_t loop_wait(struct loop *loop, uint64_t timeout_ns, struct loop_event *events,
                          size_t max);

/* Takes an event's receive buffer back early. */
void loop_buffer_return(struct loop *loop, const struct loop_event *event);

/* Any thread. Makes the loop's current or next wait return with LOOP_EVENT_WAKE. Never blocks. */
void loop_wake(struct loop *loop);

/* One worker's loop rings another's bell; from is the caller's own loop (a ring can post straight
 * into another ring). Falls back to loop_wake. */
void loop_wake_from(struct loop *from, struct loop *to);

/* Counters since open. */
struct loop_stats {
    uint64_t enters; /* system calls made to wait or submit */
    uint64_t sends;  /* sends asked for */
    uint64_t sends_short;
    uint64_t sends_full;
    uint64_t sends_dead;
    uint64_t bytes_sent;
    uint64_t reads;
    uint64_t bytes_read;
    uint64_t buffers_empty; /* a read found no receive buffer */
    uint64_t cq_overflows;
    uint64_t cq_lost;    /* completions the kernel had no memory for */
    uint64_t rearms;     /* multishot operations that ended and were started again */
    uint64_t promotions; /* connections moved from poll to multishot receive */
    uint64_t demotions;  /* and back */
    uint64_t wakes_sent;
    uint64_t wakes_received;
};
void loop_stats_read(const struct loop *loop, struct loop_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
