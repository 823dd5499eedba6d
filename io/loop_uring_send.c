/*
 * loop_uring_send.c - sends that finish inside the submit.
 *
 * MSG_DONTWAIT: the kernel never parks a send. MSG_WAITALL: a short send is not a success. With
 * CQE_SKIP_SUCCESS a send that took everything then says nothing, and one that did not says how
 * much, before the system call returns. Silence means sent only while
 *   - a slice holds no more sends than the completion queue has room for,
 *   - the kernel took the SQE at all,
 *   - no completion was lost.
 * Where one of these fails, the slice's answers are asked for another way or given up by name.
 */
#include "io/loop_uring.h"

#include <errno.h>
#include <string.h>

#define RESULT_SILENT INT64_MIN

enum { ATTEMPTS_MAX = 16 };

/* Brings home what overflowed. False: it stays overflown. */
static bool flush_overflow(struct uring_loop *u)
{
    for (int i = 0; i < ATTEMPTS_MAX && ring_is_overflown(&u->ring); i++) {
        u->base.stats.cq_overflows += i == 0;
        int failed = ring_enter(&u->ring, 0);
        MAYBE(failed != 0); /* EBUSY, EINTR: looked at again */
        (void)failed;
        uring_harvest(u);
    }
    return !ring_is_overflown(&u->ring);
}

static void prepare(struct uring_loop *u, uint32_t index)
{
    struct loop_send *send = &u->sends[index];
    ASSERT((loop_base_slot(&u->base, send->slot)->flags & SLOT_CLOSING) == 0);
    const int file = uring_file(u, send->slot);
    const int flags = MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL;
    struct io_uring_sqe *sqe = ring_sqe(&u->ring);
    ASSERT(sqe != NULL); /* the slice was cut to fit */
    if (send->vectors_count == 1) {
        io_uring_prep_send(sqe, file, send->vectors[0].iov_base, send->size, flags);
    } else {
        struct msghdr *message = &u->messages[index];
        memset(message, 0, sizeof(*message));
        memcpy(&message->msg_iov, &send->vectors, sizeof(message->msg_iov));
        message->msg_iovlen = send->vectors_count;
        io_uring_prep_sendmsg(sqe, file, message, (unsigned)flags);
    }
    sqe->flags |= (uint8_t)(IOSQE_CQE_SKIP_SUCCESS | u->file_flags);
    sqe->user_data = tag_make(TAG_SEND, u->sends_sequence, index);
    send->result = RESULT_SILENT;
}

/* Returns how many of the slice's last sends the kernel did not take. */
static uint32_t submit(struct uring_loop *u)
{
    for (int i = 0; i < ATTEMPTS_MAX && ring_pending(&u->ring) > 0; i++) {
        int taken = ring_submit(&u->ring);
        if (taken == -EAGAIN || taken == -EBUSY) {
            uring_harvest(u);
            (void)flush_overflow(u);
        } else if (taken < 0 && taken != -EINTR) {
            break;
        }
    }
    return ring_pending(&u->ring);
}

/* A send the ring did not take. A socket in the table cannot be sent to by system call: nothing was
 * taken, and the wait for room, which is there, brings its turn again. */
static void send_otherwise(struct uring_loop *u, struct loop_send *send)
{
    if (u->base.options.direct) {
        send->result = LOOP_SEND_FULL;
        loop_base_send_count(&u->base, send);
    } else {
        u->ring.enters++;
        loop_base_send(&u->base, send);
    }
}

/* Sends a slice that fits; returns how many sends it held. */
static uint32_t send_slice(struct uring_loop *u, struct loop_send *sends, uint32_t count)
{
    u->sends = sends;
    u->sends_count = count;
    u->sends_sequence++;
    for (uint32_t i = 0; i < count; i++) {
        prepare(u, i);
    }
    uint64_t lost_before = u->base.stats.cq_lost;
    uint32_t refused = submit(u);
    if (refused > 0) {
        ring_withdraw(&u->ring);
    }
    uring_harvest(u);
    bool is_judged = flush_overflow(u) && u->base.stats.cq_lost == lost_before;
    for (uint32_t i = 0; i < count; i++) {
        if (i >= count - refused) {
            send_otherwise(u, &sends[i]);
            continue;
        }
        if (sends[i].result == RESULT_SILENT) {
            sends[i].result = is_judged ? (int64_t)sends[i].size : -EIO;
        }
        loop_base_send_count(&u->base, &sends[i]);
    }
    u->sends = NULL;
    return count;
}

static void send_plain(struct uring_loop *u, struct loop_send *sends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        send_otherwise(u, &sends[i]);
    }
}

void uring_send(struct loop *loop, struct loop_send *sends, size_t count)
{
    struct uring_loop *u = CONTAINER_OF(loop, struct uring_loop, base.loop);
    if (!u->base.options.sends_inline) {
        send_plain(u, sends, count);
        return;
    }
    /* Arms and cancels go first, so that a slice is alone in the queue and its refused sends are
     * the last ones of it. */
    uring_flush(u);
    while (count > 0) {
        uring_harvest(u);
        uint32_t room = MIN_OF(ring_room(&u->ring), u->ring.uring.sq.ring_entries);
        uint32_t slice = (uint32_t)MIN_OF(count, MIN_OF((size_t)room, (size_t)SLICE_SENDS_MAX));
        if (ring_pending(&u->ring) > 0 || !flush_overflow(u)) {
            send_plain(u, sends, count); /* the ring is in no state to be believed */
            return;
        }
        slice = send_slice(u, sends, slice);
        sends += slice;
        count -= slice;
    }
}
