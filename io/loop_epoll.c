/*
 * loop_epoll.c - loop.h over epoll, recv and sendmsg, for machines that forbid io_uring.
 *
 * Every connection is registered once, edge-triggered, for everything; arming, disarming and
 * waiting for room are flags of ours that cost no system call. Level-like reading comes from
 * loop_base: a socket stays readable until a read came back short or empty.
 */
#include "core/limits.h"
#include "io/loop_base.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EPOLL_BATCH = 512,
    WAIT_MS_MAX = 60 * 60 * 1000,
};

enum epoll_kind { EPOLL_CONN = 0, EPOLL_LISTENER = 1, EPOLL_WAKE = 2 };

struct epoll_loop {
    struct loop_base base; /* first */
    int epoll_fd;
    bool coarse_timeouts; /* epoll_pwait2 is missing (before 5.11) or forbidden */
    struct epoll_event ready[EPOLL_BATCH];
};

static struct epoll_loop *epoll_of(struct loop *loop)
{
    return CONTAINER_OF(loop, struct epoll_loop, base.loop);
}

static uint64_t tag_make(enum epoll_kind kind, uint32_t generation, uint32_t slot)
{
    return ((uint64_t)kind << 56) | ((uint64_t)(generation & 0xffffffu) << 32) | slot;
}

static int watch(struct epoll_loop *e, int op, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event event;
    memset(&event, 0, sizeof(event));
    event.events = events;
    event.data.u64 = tag;
    return epoll_ctl(e->epoll_fd, op, fd, &event) == 0 ? 0 : -errno;
}

static void epoll_free(struct loop *loop)
{
    struct epoll_loop *e = epoll_of(loop);
    close(e->epoll_fd);
    loop_base_free(&e->base);
    memory_free(e);
}

static void epoll_check(const struct loop *loop)
{
    loop_base_check(&((const struct epoll_loop *)loop)->base);
}

/* Accepting: level-triggered, so that what one wait leaves is there in the next. */

static void listener_watch(struct epoll_loop *e, uint32_t index, bool active)
{
    struct listener *listener = &e->base.listeners[index];
    if (listener->active != active) {
        listener->active = active;
        int failed = watch(e, EPOLL_CTL_MOD, listener->fd, active ? (uint32_t)EPOLLIN : 0u,
                           tag_make(EPOLL_LISTENER, 0, index));
        MAYBE(failed != 0); /* the owner closed the listener before telling us */
        (void)failed;
    }
}

static int epoll_accept(struct loop *loop, int listener_fd)
{
    struct epoll_loop *e = epoll_of(loop);
    uint32_t index = e->base.listeners_count;
    int failed = loop_base_listen(&e->base, listener_fd);
    if (failed != 0) {
        return failed;
    }
    failed = watch(e, EPOLL_CTL_ADD, listener_fd, EPOLLIN, tag_make(EPOLL_LISTENER, 0, index));
    if (failed != 0) {
        e->base.listeners_count--;
        return failed;
    }
    e->base.listeners[index].active = true;
    return 0;
}

static void epoll_accept_stop(struct loop *loop)
{
    struct epoll_loop *e = epoll_of(loop);
    for (uint32_t i = 0; i < e->base.listeners_count; i++) {
        (void)watch(e, EPOLL_CTL_DEL, e->base.listeners[i].fd, 0, 0);
    }
    e->base.listeners_count = 0;
}

static void accept_some(struct epoll_loop *e, uint32_t index)
{
    if (index >= e->base.listeners_count || !e->base.listeners[index].active) {
        return;
    }
    for (int i = 0; i < LOOP_ACCEPTS_MAX; i++) {
        struct accepted_address from;
        int fd = loop_base_accept(&e->base.listeners[index], &from);
        if (fd >= 0) {
            loop_base_accepted(&e->base, index, fd, &from);
        } else if (fd == -EAGAIN) {
            return;
        } else if (fd != -EINTR && fd != -ECONNABORTED) {
            loop_base_accepted(&e->base, index, fd, &from);
            listener_watch(e, index, false);
            return;
        }
    }
}

static void accept_resume(struct epoll_loop *e)
{
    for (uint32_t i = 0; i < e->base.listeners_count; i++) {
        struct listener *listener = &e->base.listeners[i];
        if (listener->resume_ns != 0 && listener->resume_ns <= e->base.now_ns) {
            listener->resume_ns = 0;
            listener_watch(e, i, true);
        }
    }
}

/* Connections. */

static int epoll_add(struct loop *loop, uint32_t slot, uint32_t generation, int fd)
{
    struct epoll_loop *e = epoll_of(loop);
    int failed = watch(e, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                       tag_make(EPOLL_CONN, generation, slot));
    if (failed == 0) {
        loop_base_add(&e->base, slot, generation, fd)->flags |= SLOT_READ_DIRECT;
    }
    return failed;
}

static void epoll_read_arm(struct loop *loop, uint32_t slot)
{
    struct epoll_loop *e = epoll_of(loop);
    struct loop_slot *s = loop_base_slot(&e->base, slot);
    if ((s->flags & SLOT_CLOSING) == 0) {
        s->flags |= SLOT_ARMED;
        loop_base_mark(&e->base, slot);
    }
}

static void epoll_read_disarm(struct loop *loop, uint32_t slot)
{
    loop_base_slot(&epoll_of(loop)->base, slot)->flags &= (uint16_t)~SLOT_ARMED;
}

static void epoll_send(struct loop *loop, struct loop_send *sends, size_t count)
{
    struct epoll_loop *e = epoll_of(loop);
    for (size_t i = 0; i < count; i++) {
        e->base.stats.enters++;
        loop_base_send(&e->base, &sends[i]);
    }
}

static void epoll_wait_writable(struct loop *loop, uint32_t slot)
{
    struct epoll_loop *e = epoll_of(loop);
    struct loop_slot *s = loop_base_slot(&e->base, slot);
    if ((s->flags & SLOT_CLOSING) != 0) {
        return;
    }
    /* An edge that came between the send and this call has set MAY_WRITE. */
    s->flags |= (s->flags & SLOT_MAY_WRITE) != 0 ? SLOT_WRITABLE : SLOT_WRITE_WAITED;
    loop_base_mark(&e->base, slot);
}

static void epoll_shutdown_write(struct loop *loop, uint32_t slot)
{
    (void)shutdown(loop_base_slot(&epoll_of(loop)->base, slot)->fd, SHUT_WR);
}

static void epoll_close_slot(struct loop *loop, uint32_t slot, enum loop_close how)
{
    struct epoll_loop *e = epoll_of(loop);
    if (loop_base_close_begin(&e->base, slot, how)) {
        /* Explicit: a copy of the descriptor in another process would keep the registration. */
        (void)watch(e, EPOLL_CTL_DEL, e->base.slots[slot].fd, 0, 0);
        loop_base_close_finish(&e->base, slot);
    }
}

/* Waiting. */

static void fold_conn(struct epoll_loop *e, uint32_t slot, uint32_t generation, uint32_t events)
{
    if (!loop_base_is_current(&e->base, slot, generation)) {
        return;
    }
    struct loop_slot *s = &e->base.slots[slot];
    const uint32_t ended = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        s->flags |= SLOT_MAY_WRITE;
        if ((s->flags & SLOT_WRITE_WAITED) != 0) {
            s->flags &= (uint16_t)~SLOT_WRITE_WAITED;
            s->flags |= SLOT_WRITABLE;
            loop_base_mark(&e->base, slot);
        }
    }
    if ((events & (EPOLLIN | ended)) != 0) {
        loop_base_readable(&e->base, slot, (events & ended) != 0);
    }
}

static void fold(struct epoll_loop *e, const struct epoll_event *event)
{
    uint64_t tag = event->data.u64;
    switch ((enum epoll_kind)(tag >> 56)) {
    case EPOLL_CONN:
        fold_conn(e, (uint32_t)tag, (uint32_t)(tag >> 32) & 0xffffffu, event->events);
        break;
    case EPOLL_LISTENER:
        accept_some(e, (uint32_t)tag);
        break;
    case EPOLL_WAKE:
        loop_base_woken(&e->base);
        break;
    }
}

static int sleep_ms(struct epoll_loop *e, uint64_t timeout_ns)
{
    uint64_t ms = timeout_ns / 1000000u + (timeout_ns % 1000000u != 0);
    return epoll_wait(e->epoll_fd, e->ready, EPOLL_BATCH, (int)MIN_OF(ms, (uint64_t)WAIT_MS_MAX));
}

static int sleep_ns(struct epoll_loop *e, uint64_t timeout_ns)
{
    e->base.stats.enters++;
    if (timeout_ns == 0 || timeout_ns == UINT64_MAX) {
        return epoll_wait(e->epoll_fd, e->ready, EPOLL_BATCH, timeout_ns == 0 ? 0 : -1);
    }
    if (!e->coarse_timeouts) {
        struct timespec timeout;
        timeout.tv_sec = (time_t)(timeout_ns / 1000000000u);
        timeout.tv_nsec = (long)(timeout_ns % 1000000000u);
        int count = epoll_pwait2(e->epoll_fd, e->ready, EPOLL_BATCH, &timeout, NULL);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM)) {
            return count;
        }
        e->coarse_timeouts = true;
    }
    return sleep_ms(e, timeout_ns);
}

static size_t epoll_loop_wait(struct loop *loop, uint64_t timeout_ns, struct loop_event *events,
                              size_t max)
{
    struct epoll_loop *e = epoll_of(loop);
    loop_base_wait_begin(&e->base);
    struct loop_clock clock = loop_clock_start(timeout_ns);
    for (;;) {
        accept_resume(e);
        uint64_t nap_ns = loop_base_has_news(&e->base) ? 0 : loop_clock_nap_ns(&clock, &e->base);
        int ready = sleep_ns(e, nap_ns);
        if (ready < 0) {
            ASSERT(errno == EINTR);
            return 0;
        }
        for (int i = 0; i < ready; i++) {
            fold(e, &e->ready[i]);
        }
        size_t count = loop_base_report(&e->base, events, max);
        /* Not everything the kernel says is news: the first edge of a new socket, for one. */
        if (count > 0 || loop_clock_is_over(&clock, &e->base)) {
            return count;
        }
    }
}

static void epoll_buffer_return(struct loop *loop, const struct loop_event *event)
{
    (void)loop; /* the next wait takes the whole arena back; until then nothing reads */
    (void)event;
}

static void epoll_wake(struct loop *loop)
{
    loop_base_wake(&epoll_of(loop)->base);
}

static bool epoll_wake_from(struct loop *from, struct loop *to)
{
    epoll_of(from)->base.stats.wakes_sent++;
    loop_base_wake(&epoll_of(to)->base);
    return true;
}

static void epoll_stats_read(const struct loop *loop, struct loop_stats *stats)
{
    *stats = ((const struct epoll_loop *)loop)->base.stats;
}

static const struct loop_ops epoll_ops = {
    .name = "epoll",
    .free = epoll_free,
    .check = epoll_check,
    .accept = epoll_accept,
    .accept_stop = epoll_accept_stop,
    .add = epoll_add,
    .discard = loop_base_discard,
    .read_arm = epoll_read_arm,
    .read_disarm = epoll_read_disarm,
    .send = epoll_send,
    .wait_writable = epoll_wait_writable,
    .shutdown_write = epoll_shutdown_write,
    .close_slot = epoll_close_slot,
    .wait = epoll_loop_wait,
    .buffer_return = epoll_buffer_return,
    .wake = epoll_wake,
    .wake_from = epoll_wake_from,
    .stats_read = epoll_stats_read,
};

int loop_epoll_open(const struct loop_options *options, struct loop **loop)
{
    struct epoll_loop *e = (struct epoll_loop *)memory_alloc(sizeof(*e));
    uint32_t buffers = options->read_buffers != 0 ? options->read_buffers : READ_BUFFERS_DEFAULT;
    int failed = loop_base_init(&e->base, &epoll_ops, options, buffers);
    if (failed != 0) {
        memory_free(e);
        return failed;
    }
    e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    failed = e->epoll_fd < 0 ? -errno : 0;
    if (failed == 0) {
        failed = watch(e, EPOLL_CTL_ADD, e->base.wake_fd, EPOLLIN, tag_make(EPOLL_WAKE, 0, 0));
        if (failed != 0) {
            close(e->epoll_fd);
        }
    }
    if (failed != 0) {
        loop_base_free(&e->base);
        memory_free(e);
        return failed;
    }
    *loop = &e->base.loop;
    return 0;
}
