/* loop_base.c - see loop_base.h. */
#include "io/loop_base.h"

#include "core/limits.h"
#include "io/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define ARENA_POISON(ptr, size)   ASAN_POISON_MEMORY_REGION(ptr, size)
#define ARENA_UNPOISON(ptr, size) ASAN_UNPOISON_MEMORY_REGION(ptr, size)
#else
#define ARENA_POISON(ptr, size)   ((void)0)
#define ARENA_UNPOISON(ptr, size) ((void)0)
#endif

enum {
    ARENA_READ_MIN = 2048,   /* less room than this is not worth a system call */
    ACCEPT_REST_MS = 100,    /* after EMFILE and the like: nothing gets better at once */
    EVENTS_PER_SLOT_MAX = 2, /* writable and bytes; closed comes alone */
};

/* The queue. */

void slot_queue_init(struct slot_queue *queue, uint32_t capacity)
{
    uint32_t size = 1;
    while (size < capacity) {
        size *= 2;
    }
    queue->items = (uint32_t *)memory_alloc(size * sizeof(*queue->items));
    queue->first = 0;
    queue->count = 0;
    queue->mask = size - 1;
}

void slot_queue_free(struct slot_queue *queue)
{
    memory_free(queue->items);
    queue->items = NULL;
}

void slot_queue_push(struct slot_queue *queue, uint32_t slot)
{
    ASSERT(queue->count <= queue->mask);
    queue->items[(queue->first + queue->count) & queue->mask] = slot;
    queue->count++;
}

uint32_t slot_queue_pop(struct slot_queue *queue)
{
    ASSERT(queue->count > 0);
    uint32_t slot = queue->items[queue->first];
    queue->first = (queue->first + 1) & queue->mask;
    queue->count--;
    return slot;
}

/* Life. */

int loop_base_init(struct loop_base *base, const struct loop_ops *ops,
                   const struct loop_options *options, uint32_t arena_buffers)
{
    ASSERT(options->slots_max > 0);
    ASSERT(arena_buffers > 0);
    int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0) {
        return -errno;
    }
    base->loop.ops = ops;
    base->options = *options;
    base->wake_fd = wake_fd;
    base->slots = (struct loop_slot *)memory_alloc(options->slots_max * sizeof(*base->slots));
    slot_queue_init(&base->ready, options->slots_max);
    slot_queue_init(&base->leaving, options->slots_max);
    base->arena.size = (size_t)arena_buffers * READ_BUFFER_BYTES;
    base->arena.memory = (uint8_t *)memory_alloc(base->arena.size);
    base->accepted_capacity = LOOP_ACCEPTED_PER_WAIT;
    base->accepted =
        (struct accepted *)memory_alloc(base->accepted_capacity * sizeof(*base->accepted));
    return 0;
}

void loop_base_free(struct loop_base *base)
{
    for (uint32_t i = 0; i < base->options.slots_max && base->slots_used > 0; i++) {
        struct loop_slot *slot = &base->slots[i];
        if ((slot->flags & SLOT_USED) != 0) {
            base->slots_used--;
            if (slot->fd >= 0) {
                close(slot->fd);
            }
        }
    }
    for (uint32_t i = 0; i < base->accepted_count; i++) {
        close(base->accepted[(base->accepted_first + i) % base->accepted_capacity].fd);
    }
    close(base->wake_fd);
    ARENA_UNPOISON(base->arena.memory, base->arena.size);
    memory_free(base->arena.memory);
    memory_free(base->accepted);
    memory_free(base->slots);
    slot_queue_free(&base->ready);
    slot_queue_free(&base->leaving);
}

/* The slot's bytes wait in the socket and we are the one to fetch them. */
static bool is_read_due(const struct loop_slot *slot)
{
    const unsigned due = SLOT_ARMED | SLOT_READABLE | SLOT_READ_DIRECT;
    return (slot->flags & (due | SLOT_END_KNOWN | SLOT_ENDED | SLOT_CLOSING)) == due &&
           slot->held == 0;
}

static bool is_end_due(const struct loop_slot *slot)
{
    return (slot->flags & (SLOT_END_KNOWN | SLOT_ENDED | SLOT_CLOSING)) == SLOT_END_KNOWN &&
           slot->held == 0;
}

static bool has_news(const struct loop_slot *slot)
{
    return (slot->flags & (SLOT_WRITABLE | SLOT_CLOSED)) != 0 || is_end_due(slot) ||
           is_read_due(slot);
}

static void queue_check(const struct loop_base *base, const struct slot_queue *queue)
{
    for (uint32_t i = 0; i < queue->count; i++) {
        uint32_t slot = queue->items[(queue->first + i) & queue->mask];
        ASSERT((base->slots[slot].flags & SLOT_QUEUED) != 0);
    }
}

void loop_base_check(const struct loop_base *base)
{
    uint32_t used = 0;
    uint32_t queued = 0;
    for (uint32_t i = 0; i < base->options.slots_max; i++) {
        const struct loop_slot *slot = &base->slots[i];
        bool is_queued = (slot->flags & SLOT_QUEUED) != 0;
        used += (slot->flags & SLOT_USED) != 0;
        queued += is_queued;
        ASSERT((slot->flags & SLOT_USED) != 0 || slot->flags == 0);
        ASSERT(!has_news(slot) || is_queued);
        ASSERT((slot->flags & SLOT_CLOSED) == 0 || (slot->flags & SLOT_CLOSING) != 0);
    }
    ASSERT(used == base->slots_used);
    ASSERT(queued == base->ready.count + base->leaving.count);
    ASSERT(base->arena.used <= base->arena.size);
    queue_check(base, &base->ready);
    queue_check(base, &base->leaving);
}

/* Connections. */

struct loop_slot *loop_base_add(struct loop_base *base, uint32_t slot, uint32_t generation, int fd)
{
    ASSERT(slot < base->options.slots_max);
    struct loop_slot *s = &base->slots[slot];
    ASSERT(s->flags == 0);
    s->flags = SLOT_USED | SLOT_MAY_WRITE;
    s->fd = fd;
    s->generation = generation;
    s->held = 0;
    s->end_result = 0;
    base->slots_used++;
    return s;
}

void loop_base_discard(struct loop *loop, int fd)
{
    (void)loop;
    close(fd);
}

struct loop_slot *loop_base_slot(struct loop_base *base, uint32_t slot)
{
    ASSERT(slot < base->options.slots_max);
    ASSERT((base->slots[slot].flags & SLOT_USED) != 0);
    return &base->slots[slot];
}

bool loop_base_is_current(const struct loop_base *base, uint32_t slot, uint32_t generation)
{
    const uint32_t mask = (1u << LOOP_GENERATION_BITS) - 1;
    return slot < base->options.slots_max && (base->slots[slot].flags & SLOT_USED) != 0 &&
           (base->slots[slot].generation & mask) == (generation & mask);
}

static bool is_leaving(const struct loop_slot *slot)
{
    return (slot->flags & (SLOT_HANGUP | SLOT_END_KNOWN | SLOT_CLOSED)) != 0;
}

void loop_base_mark(struct loop_base *base, uint32_t slot)
{
    struct loop_slot *s = &base->slots[slot];
    if ((s->flags & SLOT_QUEUED) == 0 && has_news(s)) {
        s->flags |= SLOT_QUEUED;
        slot_queue_push(is_leaving(s) ? &base->leaving : &base->ready, slot);
    }
}

void loop_base_readable(struct loop_base *base, uint32_t slot, bool hangup)
{
    struct loop_slot *s = &base->slots[slot];
    s->flags |= hangup ? SLOT_READABLE | SLOT_HANGUP : SLOT_READABLE;
    loop_base_mark(base, slot);
}

bool loop_base_close_begin(struct loop_base *base, uint32_t slot, enum loop_close how)
{
    struct loop_slot *s = loop_base_slot(base, slot);
    if ((s->flags & SLOT_CLOSING) != 0) {
        return false;
    }
    s->flags &= (uint16_t) ~(SLOT_ARMED | SLOT_WRITABLE | SLOT_WRITE_WAITED);
    s->flags |= how == LOOP_CLOSE_RESET ? SLOT_CLOSING | SLOT_RESET : SLOT_CLOSING;
    return true;
}

void loop_base_linger_at_once(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void loop_base_close_finish(struct loop_base *base, uint32_t slot)
{
    struct loop_slot *s = loop_base_slot(base, slot);
    ASSERT((s->flags & SLOT_CLOSING) != 0);
    ASSERT((s->flags & SLOT_CLOSED) == 0);
    ASSERT(s->held == 0);
    s->flags |= SLOT_CLOSED;
    loop_base_mark(base, slot);
}

/* Accepting. */

int loop_base_listen(struct loop_base *base, int fd)
{
    if (base->listeners_count == LOOP_LISTENERS_MAX) {
        return -ENOSPC;
    }
    struct listener *listener = &base->listeners[base->listeners_count++];
    listener->fd = fd;
    listener->active = false;
    listener->resume_ns = 0;
    return 0;
}

static void accepted_grow(struct loop_base *base)
{
    uint32_t capacity = base->accepted_capacity * 2;
    struct accepted *grown = (struct accepted *)memory_alloc(capacity * sizeof(*grown));
    for (uint32_t i = 0; i < base->accepted_count; i++) {
        grown[i] = base->accepted[(base->accepted_first + i) % base->accepted_capacity];
    }
    memory_free(base->accepted);
    base->accepted = grown;
    base->accepted_capacity = capacity;
    base->accepted_first = 0;
}

int loop_base_accept(const struct listener *listener, struct accepted_address *from)
{
    from->size = sizeof(from->address);
    int fd = accept4(listener->fd, (struct sockaddr *)&from->address, &from->size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void loop_base_accepted(struct loop_base *base, uint32_t listener, int result,
                        const struct accepted_address *from)
{
    if (result < 0) {
        base->accept_error = result;
        base->listeners[listener].resume_ns =
            base->now_ns + (uint64_t)ACCEPT_REST_MS * 1000u * 1000u;
        return;
    }
    if (base->accepted_count == base->accepted_capacity) {
        accepted_grow(base);
    }
    ASSERT(base->accepted_capacity != 0);
    uint32_t last = (base->accepted_first + base->accepted_count) % base->accepted_capacity;
    base->accepted[last] = (struct accepted){.fd = result, .from = *from};
    base->accepted_count++;
}

uint64_t loop_base_accept_resume_ns(const struct loop_base *base)
{
    uint64_t resume_ns = UINT64_MAX;
    for (uint32_t i = 0; i < base->listeners_count; i++) {
        if (base->listeners[i].resume_ns != 0) {
            resume_ns = MIN_OF(resume_ns, base->listeners[i].resume_ns);
        }
    }
    return resume_ns;
}

/* A wait. */

void loop_base_wait_begin(struct loop_base *base)
{
    base->now_ns = sys_now_coarse_ns();
    ARENA_POISON(base->arena.memory, base->arena.size);
    base->arena.used = 0;
}

struct loop_clock loop_clock_start(uint64_t timeout_ns)
{
    struct loop_clock clock = {timeout_ns};
    if (timeout_ns != 0 && timeout_ns != UINT64_MAX) {
        uint64_t now_ns = sys_now_ns();
        clock.deadline_ns = timeout_ns < UINT64_MAX - now_ns ? now_ns + timeout_ns : UINT64_MAX;
    }
    return clock;
}

uint64_t loop_clock_nap_ns(const struct loop_clock *clock, const struct loop_base *base)
{
    uint64_t until_ns = MIN_OF(clock->deadline_ns, loop_base_accept_resume_ns(base));
    if (until_ns == 0 || until_ns == UINT64_MAX) {
        return until_ns;
    }
    uint64_t now_ns = sys_now_ns();
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

bool loop_clock_is_over(const struct loop_clock *clock, struct loop_base *base)
{
    if (clock->deadline_ns == 0) {
        return true;
    }
    /* The coarse clock lags by a tick, so it may not judge a deadline; it would only be late. */
    base->now_ns = sys_now_ns();
    return clock->deadline_ns <= base->now_ns;
}

bool loop_base_has_news(const struct loop_base *base)
{
    return base->ready.count > 0 || base->leaving.count > 0 || base->accepted_count > 0 ||
           base->woken || base->accept_error != 0;
}

void loop_base_bytes(struct loop_base *base, struct loop_event *event, uint32_t slot,
                     struct bytes bytes, uint32_t buffer)
{
    ASSERT(bytes.size > 0);
    base->stats.reads++;
    base->stats.bytes_read += bytes.size;
    event->kind = LOOP_EVENT_BYTES;
    event->slot = slot;
    event->generation = base->slots[slot].generation;
    event->result = 0;
    event->buffer = buffer;
    event->bytes = bytes;
}

static void event_fill(struct loop_event *event, enum loop_event_kind kind, uint32_t slot,
                       uint32_t generation, int result)
{
    event->kind = kind;
    event->slot = slot;
    event->generation = generation;
    event->result = result;
    event->buffer = LOOP_BUFFER_NONE;
    event->bytes = bytes_of(NULL, 0);
}

static ssize_t receive(int fd, uint8_t *room, size_t size)
{
    ssize_t got;
    do {
        got = recv(fd, room, size, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

/* Reads the socket once. Returns the number of events, 0 or 1. */
static size_t report_read(struct loop_base *base, uint32_t slot, struct loop_event *event)
{
    struct loop_slot *s = &base->slots[slot];
    struct read_arena *arena = &base->arena;
    size_t room = MIN_OF(arena->size - arena->used, (size_t)READ_BUFFER_BYTES);
    if (room < ARENA_READ_MIN) {
        base->stats.buffers_empty++;
        return 0;
    }
    uint8_t *at = arena->memory + arena->used;
    ARENA_UNPOISON(at, room);
    /* Cleared before the read: what a completion says meanwhile is news. */
    const uint16_t seen = s->flags & (SLOT_READABLE | SLOT_HANGUP);
    s->flags &= (uint16_t) ~(SLOT_READABLE | SLOT_HANGUP);
    int64_t got =
        base->receive == NULL ? receive(s->fd, at, room) : base->receive(base, slot, at, room);
    ARENA_POISON(at, room);
    if (got > 0) {
        ARENA_UNPOISON(at, (size_t)got);
        /* Whole cache lines, so that two connections' bytes share none. */
        arena->used += MIN_OF(room, ((size_t)got + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1));
        /* A stream that gave less than asked is empty, and what comes later is a new edge
         * (epoll(7)); but the peer's FIN may already be behind these bytes. */
        if ((size_t)got == room || (seen & SLOT_HANGUP) != 0) {
            s->flags |= seen;
        }
        loop_base_bytes(base, event, slot, bytes_of(at, (size_t)got), LOOP_BUFFER_NONE);
        return 1;
    }
    if (got == -EAGAIN) {
        return 0;
    }
    if (got == -EBUSY) {
        s->flags |= seen;
        return 0;
    }
    s->flags |= SLOT_END_KNOWN;
    s->end_result = (int)got;
    return 0;
}

static size_t report_closed(struct loop_base *base, uint32_t slot, struct loop_event *event)
{
    struct loop_slot *s = &base->slots[slot];
    if (base->release != NULL) {
        base->release(base, slot);
    } else {
        if ((s->flags & SLOT_RESET) != 0) {
            loop_base_linger_at_once(s->fd);
        }
        close(s->fd);
    }
    event_fill(event, LOOP_EVENT_CLOSED, slot, s->generation, 0);
    memset(s, 0, sizeof(*s));
    base->slots_used--;
    return 1;
}

/* At most EVENTS_PER_SLOT_MAX events. */
static size_t report_slot(struct loop_base *base, uint32_t slot, struct loop_event *events)
{
    struct loop_slot *s = &base->slots[slot];
    size_t count = 0;
    if ((s->flags & SLOT_CLOSED) != 0) {
        return report_closed(base, slot, events);
    }
    if ((s->flags & SLOT_WRITABLE) != 0) {
        s->flags &= (uint16_t)~SLOT_WRITABLE;
        event_fill(&events[count++], LOOP_EVENT_WRITABLE, slot, s->generation, 0);
    }
    if (is_read_due(s)) {
        count += report_read(base, slot, &events[count]);
        if (count == EVENTS_PER_SLOT_MAX) {
            return count;
        }
    }
    if (is_end_due(s)) {
        s->flags |= SLOT_ENDED;
        event_fill(&events[count++], s->end_result == 0 ? LOOP_EVENT_EOF : LOOP_EVENT_ERROR, slot,
                   s->generation, s->end_result);
    }
    return count;
}

static size_t report_accepted(struct loop_base *base, struct loop_event *events, size_t max)
{
    size_t count = 0;
    while (count < max && base->accepted_count > 0) {
        const struct accepted *accepted = &base->accepted[base->accepted_first];
        size_t size = MIN_OF((size_t)accepted->from.size, sizeof(accepted->from.address));
        base->reported[count] = accepted->from.address;
        event_fill(&events[count], LOOP_EVENT_ACCEPT, UINT32_MAX, 0, accepted->fd);
        events[count].bytes = bytes_of((const uint8_t *)&base->reported[count], size);
        count++;
        base->accepted_first = (base->accepted_first + 1) % base->accepted_capacity;
        base->accepted_count--;
    }
    return count;
}

/* A few of those that end or are closed: when thousands leave at once it takes a tenth of a second and
 * more, and whoever stays is served in between. */
static size_t report_leaving(struct loop_base *base, struct loop_event *events, size_t max)
{
    size_t count = 0;
    uint32_t left = MIN_OF(base->leaving.count, (uint32_t)LOOP_LEAVING_MAX);
    for (; left > 0 && count + EVENTS_PER_SLOT_MAX <= max; left--) {
        uint32_t slot = slot_queue_pop(&base->leaving);
        base->slots[slot].flags &= (uint16_t)~SLOT_QUEUED;
        count += report_slot(base, slot, &events[count]);
        loop_base_mark(base, slot);
    }
    return count;
}

size_t loop_base_report(struct loop_base *base, struct loop_event *events, size_t max)
{
    size_t count = 0;
    if (base->woken && count < max) {
        base->woken = false;
        base->stats.wakes_received++;
        event_fill(&events[count++], LOOP_EVENT_WAKE, UINT32_MAX, 0, 0);
    }
    if (base->accept_error != 0 && count < max) {
        event_fill(&events[count++], LOOP_EVENT_ACCEPT_FAILED, UINT32_MAX, 0, base->accept_error);
        base->accept_error = 0;
    }
    if (count < max) {
        size_t share = MIN_OF((max - count + 1) / 2, (size_t)LOOP_ACCEPTED_PER_WAIT);
        count += report_accepted(base, &events[count], share);
    }
    if (count < max) {
        count += report_leaving(base, &events[count], (max - count + 1) / 2);
    }
    /* Each slot once: what still has news goes behind those that were not looked at. */
    for (uint32_t left = base->ready.count; left > 0 && count + EVENTS_PER_SLOT_MAX <= max;
         left--) {
        uint32_t slot = slot_queue_pop(&base->ready);
        base->slots[slot].flags &= (uint16_t)~SLOT_QUEUED;
        if (!is_leaving(&base->slots[slot])) {
            count += report_slot(base, slot, &events[count]);
        }
        loop_base_mark(base, slot);
    }
    return count;
}

/* Sending. */

void loop_base_send_count(struct loop_base *base, const struct loop_send *send)
{
    base->stats.sends++;
    if (send->result < 0) {
        base->stats.sends_dead++;
        return;
    }
    ASSERT((uint64_t)send->result <= send->size);
    base->stats.bytes_sent += (uint64_t)send->result;
    if (send->result == LOOP_SEND_FULL) {
        base->stats.sends_full++;
    } else if ((size_t)send->result < send->size) {
        base->stats.sends_short++;
    }
}

void loop_base_send(struct loop_base *base, struct loop_send *send)
{
    struct loop_slot *slot = loop_base_slot(base, send->slot);
    ASSERT((slot->flags & SLOT_CLOSING) == 0);
    struct msghdr message;
    memset(&message, 0, sizeof(message));
    /* sendmsg only reads the vectors. */
    memcpy(&message.msg_iov, &send->vectors, sizeof(message.msg_iov));
    message.msg_iovlen = send->vectors_count;
    ssize_t sent;
    do {
        sent = sendmsg(slot->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    /* ENOBUFS, ENOMEM: the kernel is short of memory, the connection is not dead. */
    bool is_full = sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM);
    send->result = is_full ? LOOP_SEND_FULL : sent < 0 ? -errno : sent;
    /* Of a dead socket no edge comes any more: it may be written to, for what that is worth. */
    if (send->result >= 0 && (size_t)send->result < send->size) {
        slot->flags &= (uint16_t)~SLOT_MAY_WRITE;
    }
    loop_base_send_count(base, send);
}

/* Waking. */

void loop_base_wake(struct loop_base *base)
{
    const uint64_t one = 1;
    /* EAGAIN: the counter is at its maximum, so the bell is ringing already. */
    ssize_t written = write(base->wake_fd, &one, sizeof(one));
    ASSERT(written == sizeof(one) || errno == EAGAIN);
}

void loop_base_woken(struct loop_base *base)
{
    uint64_t rings;
    ssize_t got = read(base->wake_fd, &rings, sizeof(rings));
    MAYBE(got < 0); /* EAGAIN: a ring that came by another way silenced it */
    (void)got;
    base->woken = true;
}
