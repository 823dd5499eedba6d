/*
 * loop_base.h - the half of a loop that does not depend on how the kernel is asked: what is known
 * of each connection, and how that becomes events.
 *
 *   backend: a completion or readiness ──fold──▶ flags of a slot ──loop_base_mark──▶ ready queue
 *   loop_wait:  ready queue ──loop_base_report──▶ (reads the socket) ──▶ events
 *               leaving queue ──a few a wait──▶ (closes the socket) ──▶ events
 *
 * News is folded into flags, so the queues hold each slot at most once and their size is fixed,
 * however many completions arrive between two waits.
 *
 * Threads:     owner only; wake_fd may be written by any thread.
 * Memory:      owns the slots, the queue, the read arena, the fds of connections.
 *              The arena is one block filled from its start in each wait; nothing is given back
 *              singly.
 * Invariants:  (1) A slot is in one of the two queues exactly when SLOT_QUEUED is set.
 *              (2) A slot with something to report and leave to report it is in one.
 *              (3) Only SLOT_READ_DIRECT slots are read here; while it is clear the kernel may be
 *                  receiving into a buffer of its own, and a second reader would reorder bytes.
 */
#ifndef RINGHUB_IO_LOOP_BASE_H
#define RINGHUB_IO_LOOP_BASE_H

#include "io/loop_ops.h"

#include <netinet/in.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

enum loop_slot_flag {
    SLOT_USED = 1 << 0,
    SLOT_ARMED = 1 << 1,       /* the worker wants bytes */
    SLOT_READABLE = 1 << 2,    /* the socket may hold bytes; cleared by an empty or short read */
    SLOT_HANGUP = 1 << 3,      /* the peer ended: a short read does not mean that all was seen */
    SLOT_READ_DIRECT = 1 << 4, /* see (3) */
    SLOT_END_KNOWN = 1 << 5,   /* end_result is to be reported after the last bytes */
    SLOT_ENDED = 1 << 6,       /* EOF or ERROR was reported */
    SLOT_WRITE_WAITED = 1 << 7,
    SLOT_WRITABLE = 1 << 8, /* WRITABLE is to be reported */
    SLOT_CLOSING = 1 << 9,
    SLOT_RESET = 1 << 10,  /* close with RST */
    SLOT_CLOSED = 1 << 11, /* CLOSED is to be reported */
    SLOT_QUEUED = 1 << 12,
    SLOT_MAY_WRITE = 1 << 13, /* epoll: no send found the socket full since it last had room */
};

struct loop_slot {
    int fd; /* owned; -1: the backend keeps the socket elsewhere, or it is closed */
    uint32_t generation;
    uint16_t flags;
    uint16_t held;  /* received by the kernel for this slot, not reported yet */
    int end_result; /* 0: EOF; or a negative errno */
};

/* Slot numbers in the order they were pushed. */
struct slot_queue {
    uint32_t *items; /* owned; mask + 1 of them */
    uint32_t first;
    uint32_t count;
    uint32_t mask;
};

void slot_queue_init(struct slot_queue *queue, uint32_t capacity);
void slot_queue_free(struct slot_queue *queue);
void slot_queue_push(struct slot_queue *queue, uint32_t slot);
uint32_t slot_queue_pop(struct slot_queue *queue);

/* What reads of one wait are received into. */
struct read_arena {
    uint8_t *memory; /* owned */
    size_t size;
    size_t used;
};

enum { LOOP_ACCEPTED_PER_WAIT = 64 }; /* new connections must not crowd out old ones */

/* Where an address of either family fits. */
struct accepted_address {
    struct sockaddr_in6 address;
    socklen_t size; /* for the kernel: of the room, then of the address. 0: not known */
};

/* A connection that was accepted and not reported yet. */
struct accepted {
    int fd; /* owned */
    struct accepted_address from;
};

struct listener {
    int fd;             /* borrowed */
    bool active;        /* backend: the kernel was asked to accept */
    uint64_t resume_ns; /* 0, or accepting rests until then because of an error */
};

struct loop_base {
    struct loop loop; /* first */
    struct loop_options options;
    struct loop_stats stats;
    /* NULL: recv(2) of the slot's fd. Else the backend's way to read once without waiting: returns
     * bytes, 0 at the end, or a negative errno (-EAGAIN: nothing there; -EBUSY: ask again). It may
     * fold completions. */
    int64_t (*receive)(struct loop_base *base, uint32_t slot, uint8_t *room, size_t size);
    /* NULL: close(2) of the slot's fd. Else the backend's way to let go of the slot's socket. */
    void (*release)(struct loop_base *base, uint32_t slot);

    struct loop_slot *slots; /* owned; options.slots_max of them */
    uint32_t slots_used;
    struct slot_queue ready;
    struct slot_queue leaving; /* as ready: those whose peer ended, or that are closed */
    struct read_arena arena;

    struct listener listeners[LOOP_LISTENERS_MAX];
    uint32_t listeners_count;
    struct accepted *accepted; /* owned array, first in first out */
    uint32_t accepted_first;
    uint32_t accepted_count;
    uint32_t accepted_capacity;
    struct sockaddr_in6 reported[LOOP_ACCEPTED_PER_WAIT]; /* what the last wait's events borrow */
    int accept_error;                                     /* 0, or the negative errno to report */

    int wake_fd; /* eventfd, owned */
    bool woken;
    uint64_t now_ns; /* of the current wait; coarse */
};

/* Returns 0 or a negative errno (nothing is then held). arena_buffers: of READ_BUFFER_BYTES each.
 */
MUST_USE int loop_base_init(struct loop_base *base, const struct loop_ops *ops,
                            const struct loop_options *options, uint32_t arena_buffers);
void loop_base_free(struct loop_base *base);
void loop_base_check(const struct loop_base *base);

/* Claims a free slot. fd -1: the backend keeps the socket. */
struct loop_slot *loop_base_add(struct loop_base *base, uint32_t slot, uint32_t generation, int fd);
/* The discard of every loop over real descriptors. */
void loop_base_discard(struct loop *loop, int fd);
/* The slot, which must be in use. */
struct loop_slot *loop_base_slot(struct loop_base *base, uint32_t slot);
/* True while completions may speak about this slot. */
bool loop_base_is_current(const struct loop_base *base, uint32_t slot, uint32_t generation);

/* Queues the slot if it has something to report. Idempotent. */
void loop_base_mark(struct loop_base *base, uint32_t slot);

/* The kernel says that the socket has bytes; hangup: and that no more will follow them. */
void loop_base_readable(struct loop_base *base, uint32_t slot, bool hangup);

/* Makes the last close of a socket a RST. */
void loop_base_linger_at_once(int fd);
/* Stops all news of the slot; false when it was closing already. */
bool loop_base_close_begin(struct loop_base *base, uint32_t slot, enum loop_close how);
/* Nothing is in flight any more: a wait will close the socket and report CLOSED. */
void loop_base_close_finish(struct loop_base *base, uint32_t slot);

MUST_USE int loop_base_listen(struct loop_base *base, int fd);
/* accept4(2): a new fd and where it comes from, or a negative errno. */
MUST_USE int loop_base_accept(const struct listener *listener, struct accepted_address *from);
/* Takes a new fd, or an error of accept: that is reported and the listener rests a while. */
void loop_base_accepted(struct loop_base *base, uint32_t listener, int result,
                        const struct accepted_address *from);
/* When a resting listener is due; UINT64_MAX: none rests. */
uint64_t loop_base_accept_resume_ns(const struct loop_base *base);

/* The start of a wait: takes the arena back, looks at the clock. */
void loop_base_wait_begin(struct loop_base *base);
/* True when loop_base_report would have something. */
bool loop_base_has_news(const struct loop_base *base);
/* Turns news into events, reading sockets as it goes. Returns their number. */
size_t loop_base_report(struct loop_base *base, struct loop_event *events, size_t max);

/* How long a wait may still sleep. The fine clock is read only if it may sleep a finite time. */
struct loop_clock {
    uint64_t deadline_ns; /* 0: do not sleep; UINT64_MAX: no deadline */
};
struct loop_clock loop_clock_start(uint64_t timeout_ns);
/* Until the deadline or until a resting listener is due. */
uint64_t loop_clock_nap_ns(const struct loop_clock *clock, const struct loop_base *base);
/* True when the deadline passed. Brings base's clock up to date. */
bool loop_clock_is_over(const struct loop_clock *clock, struct loop_base *base);

/* One send by system call: sets result, counts it. */
void loop_base_send(struct loop_base *base, struct loop_send *send);
/* Counts a finished send by its result. */
void loop_base_send_count(struct loop_base *base, const struct loop_send *send);
/* Fills a BYTES event. */
void loop_base_bytes(struct loop_base *base, struct loop_event *event, uint32_t slot,
                     struct bytes bytes, uint32_t buffer);

/* Rings the eventfd. Any thread. */
void loop_base_wake(struct loop_base *base);
/* Silences the eventfd; WAKE will be reported. */
void loop_base_woken(struct loop_base *base);

#ifdef __cplusplus
}
#endif
#endif
