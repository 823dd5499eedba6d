/*
 * loop_uring_ring.h - one io_uring: queue an SQE, enter, take a completion.
 *
 *   ring_sqe ──▶ [SQ] ──ring_submit, ring_enter──▶ kernel ──▶ [CQ] ──ring_next──▶
 *
 * liburing prepares and maps; entering is ours, because 2.3 and later releases differ in it and
 * because the number of SQEs that ran must be known exactly.
 *
 * Threads:     owner only; the fd may be named by another ring's MSG_RING.
 * Memory:      owns the mapped queues. What an SQE points to is lent to the kernel until it ran.
 * Invariants:  (1) ring_sqe never submits: what is in the queue is known to the caller.
 *              (2) Deferred completions run only in ring_enter; ring_submit posts only what
 * finishes inside the submission itself.
 */
#ifndef RINGHUB_IO_LOOP_URING_RING_H
#define RINGHUB_IO_LOOP_URING_RING_H

#include "core/base.h"
#include "io/uring_compat.h"

struct ring {
    struct io_uring uring;
    unsigned enter_flags; /* IORING_ENTER_REGISTERED_RING or 0 */
    uint32_t lost_seen;   /* the kernel's count of completions it dropped, as last looked at */
    uint64_t enters;
};

/* Returns 0 or a negative errno with *step, a literal that names the call. Sizes are clamped to
 * what the kernel allows and rounded up to powers of 2. */
MUST_USE int ring_open(struct ring *ring, uint32_t sq_entries, uint32_t cq_entries,
                       const char **step);
void ring_free(struct ring *ring);

/* The next SQE, cleared, or NULL: the queue is full, submit first. */
struct io_uring_sqe *ring_sqe(struct ring *ring);
/* SQEs queued that the kernel has not taken. */
uint32_t ring_pending(const struct ring *ring);
/* Takes back every SQE the kernel has not taken. */
void ring_withdraw(struct ring *ring);

/* Hands over what is queued, runs no deferred work. Returns how many SQEs the kernel took, or a
 * negative errno. */
MUST_USE int ring_submit(struct ring *ring);
/* Hands over what is queued, runs deferred work and waits until a completion or the timeout (0:
 * does not wait; UINT64_MAX: for ever). Returns 0, -ETIME or another negative errno. */
MUST_USE int ring_enter(struct ring *ring, uint64_t timeout_ns);

/* Takes the oldest completion. */
bool ring_next(struct ring *ring, struct io_uring_cqe *completion);
/* Free entries of the completion queue. */
uint32_t ring_room(const struct ring *ring);
/* The kernel holds completions that only another ring_enter brings: it runs at most 20 deferred
 * ones an enter since 6.13. */
bool ring_has_more(const struct ring *ring);
bool ring_is_overflown(const struct ring *ring);
/* True once after completions were dropped because the kernel had no memory for them. */
bool ring_has_lost(struct ring *ring);

#endif
