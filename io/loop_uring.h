/*
 * loop_uring.h - what the files of the io_uring loop share.
 *
 *   loop_uring.c       opening, the calls of loop.h, the wait
 *   loop_uring_conn.c  what is asked of the kernel for each connection, and taken back
 *   loop_uring_fold.c  completions become flags of a slot
 *   loop_uring_send.c  sends that finish inside the submit
 *   loop_uring_direct.c  sockets in the ring's own table (options.direct)
 *
 * Reading, per connection:
 *
 *            arm                    busy: cancel, then              silent: cancel, then
 *   NONE ───────────▶ POLL ─────────────────────────▶ RECV ─────────────────────────▶ POLL
 *    ▲                  └──────── final completion ────┘
 *    └────────────────────────────────┘
 *
 * POLL is a multishot POLL_ADD (256 bytes of kernel memory); the socket is then read inside the
 * wait. RECV is a multishot RECV with provided buffers (864 bytes), for connections that keep
 * sending. Two readers of one stream would reorder it, so a mode starts after the other's final
 * completion.
 *
 * Threads:     owner only, but for wake.
 * Invariants:  (1) A request in flight is named by its user_data: kind, generation, slot. Its slot
 * is not freed before its final completion. (2) Folding queues no SQE: a slot that needs one is put
 * in `unsettled`, which only a wait works off. So nothing gets between the sends of a slice. (3)
 * Each received buffer is in exactly one place: at the kernel, in `received`, or lent to the
 * worker.
 */
#ifndef RINGHUB_IO_LOOP_URING_H
#define RINGHUB_IO_LOOP_URING_H

#include "core/limits.h"
#include "io/bufring.h"
#include "io/loop_base.h"
#include "io/loop_uring_ring.h"

#include <sys/socket.h>

enum tag_kind {
    TAG_ACCEPT = 1,
    TAG_POLL_READ,
    TAG_RECV,
    TAG_POLL_WRITE,
    TAG_SEND,
    TAG_CANCEL,
    TAG_WAKE_POLL, /* our eventfd is readable */
    TAG_RUNG,      /* another ring posted into ours */
    TAG_RING,      /* our post into another ring failed */
    TAG_RECEIVED,  /* direct: the answer of a single read */
    TAG_INSTALLED, /* direct: the answer of a request for a descriptor */
};

enum read_op { READ_NONE, READ_POLL, READ_RECV };

struct uring_slot {
    uint8_t read_op;     /* enum read_op: in flight */
    bool read_stopping;  /* its cancel was asked */
    bool write_polled;   /* a POLLOUT is in flight */
    bool write_stopping; /* its cancel was asked */
    bool unsettled;      /* in the queue of that name */
    bool wants_recv;     /* busy: in promoted[promoted_index] */
    uint8_t reads_recent;
    uint32_t promoted_index;
    uint32_t seen_ms; /* last read, or start of the window of reads_recent; wraps */
};

struct received {
    uint32_t slot;
    uint32_t buffer;
    uint32_t size;
};

struct uring_loop {
    struct loop_base base; /* first */
    struct ring ring;
    struct bufring bufring;

    struct uring_slot *slots; /* owned; beside base.slots */
    struct slot_queue unsettled;

    struct received *received; /* owned; what multishot receives brought, oldest first */
    uint32_t received_first;
    uint32_t received_count;
    uint32_t *lent; /* owned; buffers the worker borrows until the next wait */
    uint32_t lent_count;

    uint32_t *promoted; /* owned; slots that receive by multishot RECV */
    uint32_t promoted_count;
    uint32_t promoted_max;
    uint64_t swept_ns; /* when promoted was last searched for silent ones */

    bool wake_armed;
    bool can_ring;  /* MSG_RING is there */
    int ring_error; /* what the last post into another ring said; 0: nothing */
    uint32_t accept_generation;
    /* Lent to the kernel while accepting is under way. Two of each: one that was cancelled may still
     * succeed while the next is under way. */
    struct accepted_address accept_from[2][LOOP_LISTENERS_MAX];

    /* options.direct: a slot's socket is the table's entry of the same number. */
    uint8_t file_flags;       /* of an SQE that names a connection: IOSQE_FIXED_FILE, or 0 */
    int accepted_fd_max;      /* a new descriptor above this: too many are under way */
    bool accept_rests;        /* the last one was above it */
    uint32_t answer_sequence; /* of the one request whose answer is waited for */
    int answer;

    /* The slice that is being sent. */
    struct loop_send *sends; /* borrowed for a slice */
    uint32_t sends_count;
    uint32_t sends_sequence;
    struct msghdr messages[SLICE_SENDS_MAX]; /* lent to the kernel within a submit */
};

static inline uint64_t tag_make(enum tag_kind kind, uint32_t generation, uint32_t slot)
{
    const uint32_t mask = (1u << LOOP_GENERATION_BITS) - 1;
    return ((uint64_t)kind << 56) | ((uint64_t)(generation & mask) << 32) | slot;
}

/* What an SQE calls a connection's socket, together with file_flags. */
static inline int uring_file(const struct uring_loop *u, uint32_t slot)
{
    return u->file_flags != 0 ? (int)slot : u->base.slots[slot].fd;
}

static inline struct accepted_address *uring_accept_from(struct uring_loop *u, uint32_t listener,
                                                         uint32_t generation)
{
    return &u->accept_from[generation % 2][listener];
}

/* An SQE for anything but a send; submits when the queue is full. */
struct io_uring_sqe *uring_sqe(struct uring_loop *u);
/* Hands over what is queued, so that the queue is empty unless the kernel refuses. */
void uring_flush(struct uring_loop *u);
/* Asks the kernel to end the request of that name. */
void uring_cancel(struct uring_loop *u, uint64_t tag);

/* loop_uring_conn.c */
void uring_unsettle(struct uring_loop *u, uint32_t slot);
/* Starts and cancels what each unsettled slot needs. */
void uring_settle_all(struct uring_loop *u);
/* A read by system call succeeded: often enough makes it busy. */
void uring_note_read(struct uring_loop *u, uint32_t slot);
/* Moves connections that were silent for some seconds back to poll. */
void uring_demote_silent(struct uring_loop *u);
void uring_demote(struct uring_loop *u, uint32_t slot);
/* Turns received buffers into BYTES events. */
size_t uring_report_received(struct uring_loop *u, struct loop_event *events, size_t max);

/* loop_uring_fold.c */
/* Takes every completion that is there. */
void uring_harvest(struct uring_loop *u);

/* loop_uring_direct.c: only with options.direct. */
/* Makes the table. Returns 0 or a negative errno. */
MUST_USE int uring_direct_open(struct uring_loop *u);
/* Moves fd into the table; closes it. Returns 0 or a negative errno, then fd stays the caller's. */
MUST_USE int uring_direct_put(struct uring_loop *u, uint32_t slot, int fd);
void uring_direct_shutdown_write(struct uring_loop *u, uint32_t slot);
/* Are there descriptors for who comes next, and for those after the one that got fd? No: the listener
 * rests a while. */
MUST_USE bool uring_direct_has_room(struct uring_loop *u, struct listener *listener);
MUST_USE bool uring_direct_has_room_after(struct uring_loop *u, struct listener *listener, int fd);
/* A completion of TAG_RECEIVED or TAG_INSTALLED. */
void uring_direct_answered(struct uring_loop *u, enum tag_kind kind, uint32_t sequence, int result);

/* loop_uring_send.c */
void uring_send(struct loop *loop, struct loop_send *sends, size_t count);

#endif
