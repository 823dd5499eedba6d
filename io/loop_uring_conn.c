/* loop_uring_conn.c - what is asked of the kernel for each connection; see loop_uring.h. */
#include "io/loop_uring.h"

#include <poll.h>

enum {
    BUSY_READS = 8,       /* this many reads … */
    BUSY_WINDOW_MS = 100, /* … within this time make a connection busy */
    SILENT_MS = 5000,     /* and this long without a byte makes it silent */
    SWEEP_MS = 1000,
};

static uint32_t now_ms(const struct uring_loop *u)
{
    return (uint32_t)(u->base.now_ns / 1000000u);
}

void uring_unsettle(struct uring_loop *u, uint32_t slot)
{
    if (!u->slots[slot].unsettled) {
        u->slots[slot].unsettled = true;
        slot_queue_push(&u->unsettled, slot);
    }
}

/* Busy and silent. */

void uring_note_read(struct uring_loop *u, uint32_t slot)
{
    struct uring_slot *us = &u->slots[slot];
    if (us->wants_recv) {
        return;
    }
    if (now_ms(u) - us->seen_ms > BUSY_WINDOW_MS) {
        us->seen_ms = now_ms(u);
        us->reads_recent = 0;
    }
    us->reads_recent++;
    if (us->reads_recent >= BUSY_READS && u->promoted_count < u->promoted_max) {
        us->reads_recent = 0;
        us->seen_ms = now_ms(u);
        us->wants_recv = true;
        us->promoted_index = u->promoted_count;
        u->promoted[u->promoted_count++] = slot;
        u->base.stats.promotions++;
        uring_unsettle(u, slot);
    }
}

void uring_demote(struct uring_loop *u, uint32_t slot)
{
    struct uring_slot *us = &u->slots[slot];
    if (us->wants_recv) {
        uint32_t last = u->promoted[--u->promoted_count];
        u->promoted[us->promoted_index] = last;
        u->slots[last].promoted_index = us->promoted_index;
        us->wants_recv = false;
        uring_unsettle(u, slot);
    }
}

void uring_demote_silent(struct uring_loop *u)
{
    if (u->base.now_ns - u->swept_ns < (uint64_t)SWEEP_MS * 1000000u) {
        return;
    }
    u->swept_ns = u->base.now_ns;
    for (uint32_t i = u->promoted_count; i-- > 0;) {
        uint32_t slot = u->promoted[i];
        if (now_ms(u) - u->slots[slot].seen_ms > SILENT_MS) {
            u->base.stats.demotions++;
            uring_demote(u, slot);
        }
    }
}

/* Settling. */

static void poll_start(struct uring_loop *u, uint32_t slot)
{
    const struct loop_slot *s = &u->base.slots[slot];
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_poll_multishot(sqe, uring_file(u, slot), POLLIN | POLLRDHUP);
    sqe->flags |= u->file_flags;
    sqe->user_data = tag_make(TAG_POLL_READ, s->generation, slot);
    u->slots[slot].read_op = READ_POLL;
}

static void recv_start(struct uring_loop *u, uint32_t slot)
{
    struct loop_slot *s = &u->base.slots[slot];
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_recv_multishot(sqe, uring_file(u, slot), NULL, 0, 0);
    sqe->flags |= (uint8_t)(IOSQE_BUFFER_SELECT | u->file_flags);
    sqe->buf_group = u->bufring.group;
    sqe->user_data = tag_make(TAG_RECV, s->generation, slot);
    u->slots[slot].read_op = READ_RECV;
    s->flags &= (uint16_t)~SLOT_READ_DIRECT;
}

static void read_stop(struct uring_loop *u, uint32_t slot)
{
    struct uring_slot *us = &u->slots[slot];
    if (us->read_op != READ_NONE && !us->read_stopping) {
        enum tag_kind kind = us->read_op == READ_POLL ? TAG_POLL_READ : TAG_RECV;
        us->read_stopping = true;
        uring_cancel(u, tag_make(kind, u->base.slots[slot].generation, slot));
    }
}

static void write_stop(struct uring_loop *u, uint32_t slot)
{
    struct uring_slot *us = &u->slots[slot];
    if (us->write_polled && !us->write_stopping) {
        us->write_stopping = true;
        uring_cancel(u, tag_make(TAG_POLL_WRITE, u->base.slots[slot].generation, slot));
    }
}

static void settle_closing(struct uring_loop *u, uint32_t slot)
{
    const struct uring_slot *us = &u->slots[slot];
    read_stop(u, slot);
    write_stop(u, slot);
    if (us->read_op == READ_NONE && !us->write_polled && u->base.slots[slot].held == 0) {
        uring_demote(u, slot);
        loop_base_close_finish(&u->base, slot);
    }
}

/* False: it has to wait for receive buffers. */
static bool settle_read(struct uring_loop *u, uint32_t slot)
{
    const struct loop_slot *s = &u->base.slots[slot];
    const struct uring_slot *us = &u->slots[slot];
    bool is_wanted = (s->flags & SLOT_ARMED) != 0;
    if ((s->flags & (SLOT_END_KNOWN | SLOT_ENDED)) != 0) {
        read_stop(u, slot);
        return true;
    }
    switch ((enum read_op)us->read_op) {
    case READ_NONE:
        if (is_wanted && us->wants_recv && u->bufring.at_kernel == 0) {
            return false;
        }
        if (is_wanted) {
            us->wants_recv ? recv_start(u, slot) : poll_start(u, slot);
        }
        break;
    case READ_POLL:
        /* A disarmed connection keeps its poll: it consumes nothing, and only raises a flag. */
        if (is_wanted && us->wants_recv) {
            read_stop(u, slot);
        }
        break;
    case READ_RECV:
        if (!is_wanted || !us->wants_recv) {
            read_stop(u, slot);
        }
        break;
    }
    return true;
}

static void settle_write(struct uring_loop *u, uint32_t slot)
{
    const struct loop_slot *s = &u->base.slots[slot];
    struct uring_slot *us = &u->slots[slot];
    if ((s->flags & SLOT_WRITE_WAITED) != 0 && !us->write_polled) {
        struct io_uring_sqe *sqe = uring_sqe(u);
        io_uring_prep_poll_add(sqe, uring_file(u, slot), POLLOUT);
        sqe->flags |= u->file_flags;
        sqe->user_data = tag_make(TAG_POLL_WRITE, s->generation, slot);
        us->write_polled = true;
    }
}

void uring_settle_all(struct uring_loop *u)
{
    for (uint32_t left = u->unsettled.count; left > 0; left--) {
        uint32_t slot = slot_queue_pop(&u->unsettled);
        u->slots[slot].unsettled = false;
        const struct loop_slot *s = &u->base.slots[slot];
        if ((s->flags & (SLOT_USED | SLOT_CLOSED)) != SLOT_USED) {
            continue;
        }
        if ((s->flags & SLOT_CLOSING) != 0) {
            settle_closing(u, slot);
            continue;
        }
        settle_write(u, slot);
        if (!settle_read(u, slot)) {
            uring_unsettle(u, slot);
        }
    }
}

/* Reporting. */

size_t uring_report_received(struct uring_loop *u, struct loop_event *events, size_t max)
{
    size_t count = 0;
    while (u->received_count > 0 && count < max) {
        struct received item = u->received[u->received_first];
        u->received_first = (u->received_first + 1) % u->bufring.count;
        u->received_count--;
        struct loop_slot *s = &u->base.slots[item.slot];
        ASSERT(s->held > 0);
        s->held--;
        if ((s->flags & SLOT_CLOSING) != 0) {
            bufring_give(&u->bufring, item.buffer);
            uring_unsettle(u, item.slot);
            continue;
        }
        const uint8_t *at = u->bufring.memory + (size_t)item.buffer * u->bufring.buffer_bytes;
        loop_base_bytes(&u->base, &events[count++], item.slot, bytes_of(at, item.size),
                        item.buffer);
        u->lent[u->lent_count++] = item.buffer;
        loop_base_mark(&u->base, item.slot); /* its end may have waited for this */
    }
    return count;
}
