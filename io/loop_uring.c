/*
 * loop_uring.c - loop.h over one io_uring: opening, the calls, the wait.
 *
 * A wait is: start and cancel what connections need, enter the kernel, fold every completion into
 * flags, turn flags into events. Receiving by multishot happens inside the enter; reading by system
 * call while events are made: both inside the wait, as loop.h's invariant (1) says.
 */
#include "io/loop_uring.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SQ_ENTRIES_DEFAULT = SLICE_SENDS_MAX,
    CQ_ENTRIES_DEFAULT = 16384,
    PROMOTED_PER_BUFFER = 4, /* more busy senders than this run out of buffers all the time */
    ROUNDS_MAX = 64,         /* enters of one wait: at most 20 completions each since 6.13 */
    SUBMITS_MAX = 1000,      /* of a full queue before this is called broken */
    BUFFER_GROUP = 0,
};

static struct uring_loop *uring_of(struct loop *loop)
{
    return CONTAINER_OF(loop, struct uring_loop, base.loop);
}

/* The queue of submissions. */

void uring_flush(struct uring_loop *u)
{
    for (int i = 0; i < SUBMITS_MAX && ring_pending(&u->ring) > 0; i++) {
        int taken = ring_submit(&u->ring);
        if (taken == -EAGAIN || taken == -EBUSY) {
            int failed = ring_enter(&u->ring, 0);
            MAYBE(failed != 0);
            (void)failed;
            uring_harvest(u);
        } else {
            /* EEXIST: another thread's ring; EBADF: closed. Both are ours. */
            ASSERT(taken >= 0 || taken == -EINTR);
        }
    }
}

struct io_uring_sqe *uring_sqe(struct uring_loop *u)
{
    struct io_uring_sqe *sqe = ring_sqe(&u->ring);
    if (sqe == NULL) {
        uring_flush(u);
        sqe = ring_sqe(&u->ring);
        ASSERT(sqe != NULL); /* the kernel takes nothing any more: out of memory */
    }
    return sqe;
}

void uring_cancel(struct uring_loop *u, uint64_t tag)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_cancel64(sqe, tag, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = tag_make(TAG_CANCEL, (uint32_t)(tag >> 32), (uint32_t)tag);
}

/* Accepting. */

static int uring_accept(struct loop *loop, int listener_fd)
{
    return loop_base_listen(&uring_of(loop)->base, listener_fd);
}

static void uring_accept_stop(struct loop *loop)
{
    struct uring_loop *u = uring_of(loop);
    for (uint32_t i = 0; i < u->base.listeners_count; i++) {
        if (u->base.listeners[i].active) {
            struct io_uring_sqe *sqe = uring_sqe(u);
            io_uring_prep_cancel64(sqe, tag_make(TAG_ACCEPT, u->accept_generation, i), 0);
            sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
            sqe->user_data = tag_make(TAG_ACCEPT, u->accept_generation + 1, UINT32_MAX);
        }
    }
    u->base.listeners_count = 0;
    u->accept_generation++;
    /* Now, so that the owner may close the listener: an SQE not yet taken names it by number. */
    uring_flush(u);
}

/* Those who wait already, a few of them. A multishot accept would take the whole backlog in one go of
 * the kernel's, and thousands of newcomers then hold everybody else up for 60 ms (bench/storm.py).
 * Returns whether nobody is left, so that the kernel can be asked for the next. */
static bool accept_some(struct uring_loop *u, uint32_t index)
{
    struct listener *listener = &u->base.listeners[index];
    bool is_direct = u->base.options.direct;
    bool is_taken = false;
    if (is_direct && !uring_direct_has_room(u, listener)) {
        return false;
    }
    for (int i = 0; i < LOOP_ACCEPTS_MAX; i++) {
        struct accepted_address from;
        int fd = loop_base_accept(listener, &from);
        if (fd >= 0) {
            is_taken = true;
            loop_base_accepted(&u->base, index, fd, &from);
            if (is_direct && !uring_direct_has_room_after(u, listener, fd)) {
                return false;
            }
        } else if (fd == -EAGAIN) {
            return true;
        } else if (fd != -EINTR && fd != -ECONNABORTED) {
            loop_base_accepted(&u->base, index, fd, &from);
            return false;
        }
    }
    return !is_taken; /* the next wait, which does not sleep now, takes more */
}

static void accept_start(struct uring_loop *u)
{
    for (uint32_t i = 0; i < u->base.listeners_count; i++) {
        struct listener *listener = &u->base.listeners[i];
        if (listener->active || listener->resume_ns > u->base.now_ns) {
            continue;
        }
        listener->resume_ns = 0;
        if (!accept_some(u, i)) {
            continue;
        }
        struct io_uring_sqe *sqe = uring_sqe(u);
        struct accepted_address *from = uring_accept_from(u, i, u->accept_generation);
        from->size = sizeof(from->address);
        io_uring_prep_accept(sqe, listener->fd, (struct sockaddr *)&from->address, &from->size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
        sqe->user_data = tag_make(TAG_ACCEPT, u->accept_generation, i);
        listener->active = true;
    }
}

/* Connections. */

static int uring_add(struct loop *loop, uint32_t slot, uint32_t generation, int fd)
{
    struct uring_loop *u = uring_of(loop);
    bool is_direct = u->base.options.direct;
    int failed = is_direct ? uring_direct_put(u, slot, fd) : 0;
    if (failed != 0) {
        return failed;
    }
    struct loop_slot *s = loop_base_add(&u->base, slot, generation, is_direct ? -1 : fd);
    s->flags |= SLOT_READ_DIRECT;
    bool is_unsettled = u->slots[slot].unsettled; /* left over from the slot's last life */
    memset(&u->slots[slot], 0, sizeof(u->slots[slot]));
    u->slots[slot].unsettled = is_unsettled;
    return 0;
}

static void uring_read_arm(struct loop *loop, uint32_t slot)
{
    struct uring_loop *u = uring_of(loop);
    struct loop_slot *s = loop_base_slot(&u->base, slot);
    if ((s->flags & (SLOT_CLOSING | SLOT_ARMED)) == 0) {
        s->flags |= SLOT_ARMED;
        loop_base_mark(&u->base, slot);
        uring_unsettle(u, slot);
    }
}

static void uring_read_disarm(struct loop *loop, uint32_t slot)
{
    struct uring_loop *u = uring_of(loop);
    struct loop_slot *s = loop_base_slot(&u->base, slot);
    if ((s->flags & SLOT_ARMED) != 0) {
        s->flags &= (uint16_t)~SLOT_ARMED;
        uring_unsettle(u, slot);
    }
}

static void uring_wait_writable(struct loop *loop, uint32_t slot)
{
    struct uring_loop *u = uring_of(loop);
    struct loop_slot *s = loop_base_slot(&u->base, slot);
    if ((s->flags & (SLOT_CLOSING | SLOT_WRITE_WAITED | SLOT_WRITABLE)) == 0) {
        s->flags |= SLOT_WRITE_WAITED;
        uring_unsettle(u, slot);
    }
}

static void uring_shutdown_write(struct loop *loop, uint32_t slot)
{
    struct uring_loop *u = uring_of(loop);
    const struct loop_slot *s = loop_base_slot(&u->base, slot);
    if (u->base.options.direct) {
        uring_direct_shutdown_write(u, slot);
        return;
    }
    /* The system call: IORING_OP_SHUTDOWN is always handed to a kernel worker thread. */
    (void)shutdown(s->fd, SHUT_WR);
}

static void uring_close_slot(struct loop *loop, uint32_t slot, enum loop_close how)
{
    struct uring_loop *u = uring_of(loop);
    if (loop_base_close_begin(&u->base, slot, how)) {
        uring_unsettle(u, slot);
    }
}

/* Waking. */

static void wake_arm(struct uring_loop *u)
{
    if (!u->wake_armed) {
        struct io_uring_sqe *sqe = uring_sqe(u);
        io_uring_prep_poll_multishot(sqe, u->base.wake_fd, POLLIN);
        sqe->user_data = tag_make(TAG_WAKE_POLL, 0, 0);
        u->wake_armed = true;
    }
}

static void uring_wake(struct loop *loop)
{
    loop_base_wake(&uring_of(loop)->base);
}

/* Submitted at once: the caller may go to sleep, or send for a long time, right after this. */
static bool uring_wake_from(struct loop *from, struct loop *to)
{
    struct uring_loop *u = uring_of(from);
    const struct uring_loop *target = uring_of(to);
    u->base.stats.wakes_sent++;
    if (u == target) {
        u->base.woken = true;
        return true;
    }
    if (!u->can_ring || !target->can_ring) {
        return false;
    }
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_msg_ring(sqe, target->ring.uring.ring_fd, 0, tag_make(TAG_RUNG, 0, 0), 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = tag_make(TAG_RING, 0, 0);
    u->ring_error = 0;
    uring_flush(u);
    uring_harvest(u);
    return u->ring_error == 0 && ring_pending(&u->ring) == 0;
}

/* Waiting. */

static void lent_take_back(struct uring_loop *u)
{
    for (uint32_t i = 0; i < u->lent_count; i++) {
        if (!u->bufring.given[u->lent[i]]) {
            bufring_give(&u->bufring, u->lent[i]);
        }
    }
    u->lent_count = 0;
}

/* Before the kernel can fill it again, nobody looks at it: given[] is set at most once a loan. */
static void uring_buffer_return(struct loop *loop, const struct loop_event *event)
{
    struct uring_loop *u = uring_of(loop);
    if (event->buffer == LOOP_BUFFER_NONE) {
        return; /* of the arena, which the next wait takes back whole */
    }
    for (uint32_t i = 0; i < u->lent_count; i++) {
        if (u->lent[i] == event->buffer) {
            u->lent[i] = u->lent[--u->lent_count];
            bufring_give(&u->bufring, event->buffer);
            return;
        }
    }
}

static bool has_news(const struct uring_loop *u)
{
    return u->received_count > 0 || loop_base_has_news(&u->base);
}

/* One look into the kernel, or several where one does not show everything. False: interrupted. */
static bool enter_and_harvest(struct uring_loop *u, uint64_t timeout_ns)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        uint64_t nap_ns = round == 0 ? timeout_ns : 0;
        if (nap_ns == 0 && ring_pending(&u->ring) == 0 && !ring_has_more(&u->ring)) {
            break;
        }
        u->base.stats.cq_overflows += ring_is_overflown(&u->ring);
        int failed = ring_enter(&u->ring, nap_ns);
        uring_harvest(u);
        if (failed == -EINTR) {
            return false;
        }
        /* EAGAIN, EBUSY: short of memory or of room, the harvest made some. EBADR: completions were
         * lost, which the harvest noticed. EEXIST would be another thread's ring. */
        ASSERT(failed == 0 || failed == -ETIME || failed == -EAGAIN || failed == -EBUSY ||
               failed == -EBADR);
    }
    return true;
}

static size_t report(struct uring_loop *u, struct loop_event *events, size_t max)
{
    /* What was received comes first: a connection's end waits for its bytes. But it leaves room, so
     * that a flood does not hide accepts, wakes and closings. */
    size_t share = loop_base_has_news(&u->base) ? max / 2 : max;
    size_t received = uring_report_received(u, events, share);
    size_t count = received + loop_base_report(&u->base, events + received, max - received);
    for (size_t i = received; i < count; i++) {
        if (events[i].kind == LOOP_EVENT_BYTES) {
            uring_note_read(u, events[i].slot);
        }
    }
    return count;
}

static size_t uring_wait(struct loop *loop, uint64_t timeout_ns, struct loop_event *events,
                         size_t max)
{
    struct uring_loop *u = uring_of(loop);
    loop_base_wait_begin(&u->base);
    lent_take_back(u);
    struct loop_clock clock = loop_clock_start(timeout_ns);
    for (;;) {
        wake_arm(u);
        accept_start(u);
        uring_demote_silent(u);
        uring_settle_all(u);
        bool is_whole = enter_and_harvest(u, has_news(u) ? 0 : loop_clock_nap_ns(&clock, &u->base));
        uring_settle_all(u); /* closings whose last completion came get their CLOSED now */
        size_t count = report(u, events, max);
        /* Not every completion is news: those of cancels, for one. */
        if (count > 0 || !is_whole || loop_clock_is_over(&clock, &u->base)) {
            return count;
        }
    }
}

static void uring_stats_read(const struct loop *loop, struct loop_stats *stats)
{
    const struct uring_loop *u = (const struct uring_loop *)loop;
    *stats = u->base.stats;
    stats->enters = u->ring.enters;
}

static void uring_check(const struct loop *loop)
{
    const struct uring_loop *u = (const struct uring_loop *)loop;
    loop_base_check(&u->base);
    bufring_check(&u->bufring);
    ASSERT(u->bufring.at_kernel + u->received_count + u->lent_count == u->bufring.count);
    uint32_t unsettled = 0;
    uint32_t promoted = 0;
    for (uint32_t i = 0; i < u->base.options.slots_max; i++) {
        const struct uring_slot *us = &u->slots[i];
        unsettled += us->unsettled;
        promoted += us->wants_recv;
        if ((u->base.slots[i].flags & SLOT_USED) == 0) {
            ASSERT(us->read_op == READ_NONE);
            ASSERT(!us->write_polled);
        }
        ASSERT(us->read_op != READ_RECV || (u->base.slots[i].flags & SLOT_READ_DIRECT) == 0);
        ASSERT(u->file_flags == 0 || (u->base.slots[i].flags & SLOT_USED) == 0 ||
               u->base.slots[i].fd == -1);
    }
    ASSERT(unsettled == u->unsettled.count);
    ASSERT(promoted == u->promoted_count);
}

/* Life. */

static void uring_free(struct loop *loop)
{
    struct uring_loop *u = uring_of(loop);
    uring_harvest(u); /* accepted descriptors among them are then known, and closed */
    ring_free(&u->ring);
    bufring_free(&u->bufring);
    slot_queue_free(&u->unsettled);
    memory_free(u->slots);
    memory_free(u->received);
    memory_free(u->lent);
    memory_free(u->promoted);
    loop_base_free(&u->base);
    memory_free(u);
}

static const struct loop_ops uring_ops = {
    .name = "uring",
    .free = uring_free,
    .check = uring_check,
    .accept = uring_accept,
    .accept_stop = uring_accept_stop,
    .add = uring_add,
    .discard = loop_base_discard,
    .read_arm = uring_read_arm,
    .read_disarm = uring_read_disarm,
    .send = uring_send,
    .wait_writable = uring_wait_writable,
    .shutdown_write = uring_shutdown_write,
    .close_slot = uring_close_slot,
    .wait = uring_wait,
    .buffer_return = uring_buffer_return,
    .wake = uring_wake,
    .wake_from = uring_wake_from,
    .stats_read = uring_stats_read,
};

static bool can_ring(struct uring_loop *u)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(&u->ring.uring);
    bool can = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_MSG_RING) != 0;
    io_uring_free_probe(probe);
    return can;
}

/* Receive buffers are shared out: a quarter for reads by system call, which fill them densely, the
 * rest for the kernel, which fills one per receive. */
static int buffers_open(struct uring_loop *u, uint32_t ring_buffers)
{
    int failed =
        bufring_open(&u->bufring, &u->ring.uring, BUFFER_GROUP, ring_buffers, READ_BUFFER_BYTES);
    if (failed == 0 && ring_buffers > 0) {
        u->received = (struct received *)memory_alloc(ring_buffers * sizeof(*u->received));
        u->lent = (uint32_t *)memory_alloc(ring_buffers * sizeof(*u->lent));
        u->promoted_max = MIN_OF(ring_buffers * PROMOTED_PER_BUFFER, u->base.options.slots_max);
        u->promoted = (uint32_t *)memory_alloc(u->promoted_max * sizeof(*u->promoted));
    }
    return failed;
}

int loop_uring_open(const struct loop_options *options, struct loop **loop)
{
    struct uring_loop *u = (struct uring_loop *)memory_alloc(sizeof(*u));
    uint32_t sq = options->sq_entries != 0 ? options->sq_entries : SQ_ENTRIES_DEFAULT;
    uint32_t cq = options->cq_entries != 0 ? options->cq_entries : CQ_ENTRIES_DEFAULT;
    uint32_t buffers = options->read_buffers != 0 ? options->read_buffers : READ_BUFFERS_DEFAULT;
    uint32_t arena_buffers = MAX_OF(buffers / 4, 1u);
    const char *step;
    int failed = ring_open(&u->ring, sq, cq, &step);
    if (failed != 0) {
        goto fail_ring;
    }
    failed = loop_base_init(&u->base, &uring_ops, options, arena_buffers);
    if (failed != 0) {
        goto fail_base;
    }
    failed = options->direct ? uring_direct_open(u) : 0;
    if (failed == 0) {
        failed = buffers_open(u, buffers - arena_buffers);
    }
    if (failed != 0) {
        goto fail_buffers;
    }
    u->slots = (struct uring_slot *)memory_alloc(options->slots_max * sizeof(*u->slots));
    slot_queue_init(&u->unsettled, options->slots_max);
    u->can_ring = can_ring(u);
    *loop = &u->base.loop;
    return 0;

fail_buffers:
    loop_base_free(&u->base);
fail_base:
    ring_free(&u->ring);
fail_ring:
    memory_free(u);
    return failed;
}
