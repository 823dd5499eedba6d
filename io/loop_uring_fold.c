/* loop_uring_fold.c - completions become flags of a slot; see loop_uring.h. */
#include "io/loop_uring.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* How a multishot receive or its poll may end without saying anything about the connection. */
static bool is_harmless_end(int result)
{
    return result == -ECANCELED || result == -ENOBUFS || result == -EAGAIN || result == -EINTR;
}

/* The final completion of whatever was reading. */
static void read_op_ended(struct uring_loop *u, uint32_t slot)
{
    struct uring_slot *us = &u->slots[slot];
    if (!us->read_stopping) {
        u->base.stats.rearms++;
    }
    us->read_op = READ_NONE;
    us->read_stopping = false;
    u->base.slots[slot].flags |= SLOT_READ_DIRECT;
    uring_unsettle(u, slot);
}

static void received_push(struct uring_loop *u, uint32_t slot, uint32_t buffer, uint32_t size)
{
    ASSERT(u->received_count < u->bufring.count);
    uint32_t last = (u->received_first + u->received_count) % u->bufring.count;
    u->received[last] = (struct received){slot, buffer, size};
    u->received_count++;
    u->base.slots[slot].held++;
    u->slots[slot].seen_ms = (uint32_t)(u->base.now_ns / 1000000u);
}

static void fold_recv(struct uring_loop *u, uint32_t slot, const struct io_uring_cqe *completion)
{
    struct loop_slot *s = &u->base.slots[slot];
    int result = completion->res;
    if ((completion->flags & IORING_CQE_F_BUFFER) != 0) {
        uint32_t buffer = completion->flags >> IORING_CQE_BUFFER_SHIFT;
        (void)bufring_take(&u->bufring, buffer);
        if (result > 0) {
            received_push(u, slot, buffer, (uint32_t)result);
        } else {
            bufring_give(&u->bufring, buffer);
        }
    }
    if ((completion->flags & IORING_CQE_F_MORE) == 0) {
        u->base.stats.buffers_empty += result == -ENOBUFS;
        if (result <= 0 && !is_harmless_end(result)) {
            s->flags |= SLOT_END_KNOWN;
            s->end_result = result;
        }
        read_op_ended(u, slot);
    }
    loop_base_mark(&u->base, slot);
}

static void fold_poll_read(struct uring_loop *u, uint32_t slot,
                           const struct io_uring_cqe *completion)
{
    int result = completion->res;
    if ((completion->flags & IORING_CQE_F_MORE) == 0) {
        read_op_ended(u, slot);
    }
    if (result >= 0) {
        loop_base_readable(&u->base, slot, (result & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
    } else if (!is_harmless_end(result)) {
        loop_base_readable(&u->base, slot, true); /* the read will say what is wrong */
    }
}

static void fold_poll_write(struct uring_loop *u, uint32_t slot)
{
    struct loop_slot *s = &u->base.slots[slot];
    struct uring_slot *us = &u->slots[slot];
    us->write_polled = false;
    us->write_stopping = false;
    if ((s->flags & SLOT_CLOSING) != 0) {
        uring_unsettle(u, slot);
        return;
    }
    /* Whatever the poll said, the next send finds out. */
    if ((s->flags & SLOT_WRITE_WAITED) != 0) {
        s->flags &= (uint16_t)~SLOT_WRITE_WAITED;
        s->flags |= SLOT_WRITABLE;
        loop_base_mark(&u->base, slot);
    }
}

static void fold_accept(struct uring_loop *u, uint32_t index, uint32_t generation, int result)
{
    bool is_current =
        generation == (u->accept_generation & 0xffffffu) && index < u->base.listeners_count;
    const struct accepted_address unknown = {0};
    if (result >= 0) {
        bool is_ours = index < LOOP_LISTENERS_MAX;
        loop_base_accepted(&u->base, index, result,
                           is_ours ? uring_accept_from(u, index, generation) : &unknown);
    } else if (is_current && !is_harmless_end(result) && result != -ECONNABORTED) {
        loop_base_accepted(&u->base, index, result, &unknown);
    }
    if (is_current) {
        u->base.listeners[index].active = false;
    }
}

/* A cancel completes only when it failed. ENOENT: the request had ended, its completion is on its
 * way. Should it come no more, settling again will ask again. */
static void fold_cancel(struct uring_loop *u, uint32_t slot, int result)
{
    struct uring_slot *us = &u->slots[slot];
    if (result == -EALREADY) {
        us->read_stopping = false;
        us->write_stopping = false;
        uring_unsettle(u, slot);
    }
}

static void fold_send(struct uring_loop *u, uint32_t index, uint32_t sequence, int result)
{
    if (u->sends == NULL || sequence != (u->sends_sequence & 0xffffffu) ||
        index >= u->sends_count) {
        return;
    }
    bool is_full = result == -EAGAIN || result == -EINTR || result == -ENOBUFS || result == -ENOMEM;
    u->sends[index].result = is_full ? LOOP_SEND_FULL : result;
}

static void fold(struct uring_loop *u, const struct io_uring_cqe *completion)
{
    enum tag_kind kind = (enum tag_kind)(completion->user_data >> 56);
    uint32_t generation = (uint32_t)(completion->user_data >> 32) & 0xffffffu;
    uint32_t slot = (uint32_t)completion->user_data;
    switch (kind) {
    case TAG_SEND:
        fold_send(u, slot, generation, completion->res);
        return;
    case TAG_ACCEPT:
        fold_accept(u, slot, generation, completion->res);
        return;
    case TAG_WAKE_POLL:
        loop_base_woken(&u->base);
        u->wake_armed = (completion->flags & IORING_CQE_F_MORE) != 0;
        return;
    case TAG_RUNG:
        u->base.woken = true;
        return;
    case TAG_RING:
        u->ring_error = completion->res;
        return;
    case TAG_RECEIVED:
    case TAG_INSTALLED:
        uring_direct_answered(u, kind, generation, completion->res);
        return;
    case TAG_POLL_READ:
    case TAG_RECV:
    case TAG_POLL_WRITE:
    case TAG_CANCEL:
        break;
    }
    if (!loop_base_is_current(&u->base, slot, generation)) {
        ASSERT(kind == TAG_CANCEL); /* invariant (1) */
        return;
    }
    if (kind == TAG_RECV) {
        fold_recv(u, slot, completion);
    } else if (kind == TAG_POLL_READ) {
        fold_poll_read(u, slot, completion);
    } else if (kind == TAG_POLL_WRITE) {
        fold_poll_write(u, slot);
    } else {
        fold_cancel(u, slot, completion->res);
    }
}

/* Completions are gone for good (the kernel had no memory to keep them). What can be asked again
 * is: every socket is looked at, and so is the bell. */
static void heal(struct uring_loop *u)
{
    u->base.stats.cq_lost++;
    loop_base_woken(&u->base);
    for (uint32_t slot = 0; slot < u->base.options.slots_max; slot++) {
        if ((u->base.slots[slot].flags & SLOT_USED) != 0) {
            loop_base_readable(&u->base, slot, true);
        }
    }
}

void uring_harvest(struct uring_loop *u)
{
    struct io_uring_cqe completion;
    while (ring_next(&u->ring, &completion)) {
        fold(u, &completion);
    }
    if (UNLIKELY(ring_has_lost(&u->ring))) {
        heal(u);
    }
}
