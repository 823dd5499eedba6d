/*
 * ceiling.c - what does this kernel on this machine allow at most? A server that cheats.
 *
 *   publisher ──recv──▶ PUB rewritten once to MSG ──▶ one shared log ──one send each──▶ subscribers
 *                                                     ▲    ▲     ▲
 *                                                  cursor cursor cursor
 *
 * It speaks just enough NATS for a load generator: INFO, CONNECT, PING, SUB, PUB. All subscribers
 * hear one subject under one sid; nothing is matched, limited, scrubbed or accounted. What is left
 * is the cost of one socket send per subscriber per turn, and that is the figure it is for: no hub
 * that delivers over TCP on this kernel can need less CPU per delivery.
 *
 * Threads:     one, or --threads: each has a table of descriptors of its own (unshare(2)), so that
 *              RLIMIT_NOFILE bounds each and not their sum, and a share of the connections
 *              (SO_REUSEPORT). Who reads a message appends it to the one log and wakes the others.
 * Memory:      the log is mapped twice in a row, so every range of it is one contiguous send. When
 *              everybody has everything one thread starts again at its first byte: it is in cache.
 * Limits:      --log-bytes. A subscriber further behind than the log ends the program (status 3):
 *              nothing may be lost silently.
 * Beware:      an answer to a subscriber (PONG) may go out only between frames, so it waits until
 *              the subscriber's cursor has reached the head.
 */
#include "bench/ceiling_feed.h"
#include "bench/ceiling_header.h"
#include "core/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    READ_BYTES = 256 * 1024,
    SLICE = 256, /* sends of one submit */
    EVENTS = 1024,
    STATUS_BEHIND = 3,        /* a subscriber fell out of the log */
    UNSENT_BYTES = 64 * 1024, /* TCP_NOTSENT_LOWAT, as the hub's */
    GATHER_SENDS = 64,        /* from so many subscribers on there are */
    LOOKS_MAX = 8,            /* so many looks for more to read before they are sent to */
    FIRST_PING_TICKS = 2,     /* seconds at most until a client is pinged */
};

enum mode { MODE_SEND, MODE_URING };

struct conn {
    int fd;        /* -1: slot is free */
    int sub;       /* index into ceiling.subs, or -1 */
    int pongs;     /* owed */
    bool ping;     /* owed */
    uint8_t ticks; /* since it was accepted, up to FIRST_PING_TICKS */
    bool listed;   /* in unread: epoll said so, and no read has found it empty since */
    uint8_t *rest; /* owns: the bytes of a message not yet complete, or NULL */
    size_t rest_bytes;
};

/* Everything a flush looks at: 16 bytes a subscriber, in order. */
struct sub {
    uint64_t cursor; /* position in the log of the next byte to send */
    uint32_t slot;   /* its conn */
    bool blocked;    /* the socket was full; EPOLLOUT will say when it is not */
};

struct stats {
    uint64_t turns, messages, sends, sends_short, sends_full;
};

struct ceiling {
    enum mode mode;
    int epoll_fd, listener, signal_fd, port;
    int wake_fd; /* eventfd: another thread appended */
    int tick_fd; /* timerfd: ticks while there is a connection that was not pinged */
    bool ticks;
    pthread_t thread;
    struct feed *feed;
    struct ceiling *threads; /* all of them */
    uint32_t number;         /* its own among them */
    struct io_uring ring;

    struct conn *conns;
    uint32_t conns_max;
    struct sub *subs;
    uint32_t subs_count;
    uint32_t blocked_count;
    uint32_t owed; /* connections that have a PONG or a PING to get */

    uint64_t head; /* the feed's, as this turn knows it */
    uint64_t base; /* position that lies at log[0] */
    bool appended; /* in this turn */

    uint8_t *scratch; /* the rest of the message before, then one read */
    struct header header;
    struct stats stats;
};

static void die(const char *what)
{
    fprintf(stderr, "ceiling: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void fail(int status, const char *sentence)
{
    fprintf(stderr, "ceiling: %s\n", sentence);
    exit(status);
}

/* ---- the log ---- */

static uint8_t *log_at(const struct ceiling *c, uint64_t position)
{
    return c->feed->log + (position - c->base) % c->feed->log_bytes;
}

static void log_append(struct ceiling *c, const uint8_t *payload_and_crlf)
{
    const struct header *h = &c->header;
    struct feed *feed = c->feed;
    bool shared = feed->threads_count > 1;
    if (shared) {
        pthread_mutex_lock(&feed->lock);
        c->head = atomic_load(&feed->head);
    }
    size_t tail = h->payload_bytes + 2;
    uint64_t oldest = feed_oldest(feed);
    if (c->head + h->msg_bytes + tail - oldest > feed->log_bytes) {
        fail(STATUS_BEHIND, "a subscriber fell further behind than the log (--log-bytes)");
    }
    uint8_t *to = log_at(c, c->head);
    memcpy(to, h->msg, h->msg_bytes);
    memcpy(to + h->msg_bytes, payload_and_crlf, tail);
    c->head += h->msg_bytes + tail;
    c->appended = true;
    c->stats.messages++;
    if (shared) {
        atomic_store(&feed->head, c->head);
        pthread_mutex_unlock(&feed->lock);
    }
}

/* ---- connections ---- */

static bool is_owed(const struct conn *conn)
{
    return conn->pongs > 0 || conn->ping;
}

static void conn_close(struct ceiling *c, struct conn *conn)
{
    if (conn->sub >= 0) {
        c->blocked_count -= c->subs[conn->sub].blocked;
        c->subs[conn->sub] = c->subs[--c->subs_count];
        c->conns[c->subs[conn->sub].slot].sub = conn->sub;
        conn->sub = -1;
    }
    c->owed -= is_owed(conn);
    conn->pongs = 0;
    conn->ping = false;
    if (c->mode == MODE_URING) {
        int none = -1;
        MAYBE(io_uring_register_files_update(&c->ring, (unsigned)(conn - c->conns), &none, 1) == 1);
    }
    close(conn->fd);
    conn->fd = -1;
    memory_free(conn->rest);
    conn->rest = NULL;
    conn->rest_bytes = 0;
}

static bool conn_say(struct conn *conn, const char *text)
{
    size_t bytes = strlen(text);
    return send(conn->fd, text, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)bytes;
}

static void conn_refuse(struct ceiling *c, struct conn *conn, const char *why)
{
    char line[256];
    snprintf(line, sizeof line, "-ERR '%s'\r\n", why);
    MAYBE(conn_say(conn, line));
    fprintf(stderr, "ceiling: refused a connection: %s\n", why);
    conn_close(c, conn);
}

static void tick_after(struct ceiling *c, bool is_needed)
{
    static const struct itimerspec tick = {.it_value.tv_sec = 1};
    if (is_needed && timerfd_settime(c->tick_fd, 0, &tick, NULL) != 0) {
        die("timerfd");
    }
    c->ticks = c->ticks || is_needed;
}

/* Servers ping a client soon after it came. It matters: the kernel of a client that has answered delays
 * its acknowledgements from then on, and whoever sends to it holds what it sent for longer. */
static void tick(struct ceiling *c)
{
    uint64_t times;
    MAYBE(read(c->tick_fd, &times, sizeof times) > 0);
    c->ticks = false;
    bool is_young = false;
    for (uint32_t i = 0; i < c->conns_max; i++) {
        struct conn *conn = &c->conns[i];
        if (conn->fd < 0 || conn->ticks == FIRST_PING_TICKS) {
            continue;
        }
        conn->ticks++;
        is_young = is_young || conn->ticks < FIRST_PING_TICKS;
        if (conn->ticks == FIRST_PING_TICKS) {
            c->owed += !is_owed(conn);
            conn->ping = true;
        }
    }
    tick_after(c, is_young);
}

static void accept_all(struct ceiling *c)
{
    char info[256];
    snprintf(info, sizeof info,
             "INFO {\"server_id\":\"CEILING\",\"version\":\"2.9.0\",\"proto\":1,\"host\":"
             "\"127.0.0.1\",\"port\":%d,\"headers\":false,\"max_payload\":%d}\r\n",
             c->port, CEILING_PAYLOAD_MAX);
    for (;;) {
        int fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return; /* EAGAIN, or out of descriptors: the generator reports who is missing */
        }
        if ((uint32_t)fd >= c->conns_max) {
            close(fd);
            continue;
        }
        /* The slot is the descriptor's number: no free list, and the kernel keeps them dense. */
        struct conn *conn = &c->conns[fd];
        conn->fd = fd;
        conn->sub = -1;
        conn->listed = false;
        conn->ticks = 0;
        tick_after(c, !c->ticks);
        if (c->mode == MODE_URING &&
            io_uring_register_files_update(&c->ring, (unsigned)fd, &fd, 1) != 1) {
            die("register descriptor");
        }
        /* Edge-triggered EPOLLOUT from the start: a full socket then needs no epoll_ctl. */
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                    .data.fd = fd};
        if (epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            die("epoll_ctl");
        }
        if (!conn_say(conn, info)) {
            conn_close(c, conn);
        }
    }
}

/* ---- the protocol, as little as possible ---- */

static bool line_sub(struct ceiling *c, struct conn *conn, const char *line)
{
    char subject[CEILING_LINE_BYTES_MAX];
    char sid[CEILING_LINE_BYTES_MAX];
    if (sscanf(line, "%*s %4095s %4095s", subject, sid) != 2 || strcmp(sid, "1") != 0) {
        conn_refuse(c, conn, "ceiling knows one sid: 1");
        return false;
    }
    if (!feed_takes(c->feed, subject)) {
        conn_refuse(c, conn, "ceiling knows one subject, that of the first SUB");
        return false;
    }
    if (conn->sub < 0) {
        conn->sub = (int)c->subs_count++;
        c->subs[conn->sub] = (struct sub){.cursor = c->head, .slot = (uint32_t)conn->fd};
    }
    return true;
}

/* Handles one line that is no PUB. Returns false when the connection is gone. */
static bool line_other(struct ceiling *c, struct conn *conn, const uint8_t *line, size_t line_bytes)
{
    char text[CEILING_LINE_BYTES_MAX + 1];
    memcpy(text, line, line_bytes);
    text[line_bytes] = 0;
    if (strncasecmp(text, "PING", 4) == 0) {
        c->owed += !is_owed(conn);
        conn->pongs++;
        return true;
    }
    if (strncasecmp(text, "SUB", 3) == 0) {
        return line_sub(c, conn, text);
    }
    return true; /* CONNECT, PONG, UNSUB: nothing to do */
}

/* Returns the bytes consumed, or SIZE_MAX when the connection is gone. */
static size_t parse(struct ceiling *c, struct conn *conn, const uint8_t *in, size_t size)
{
    const struct header *h = &c->header;
    size_t at = 0;
    while (at < size) {
        size_t left = size - at;
        const uint8_t *here = in + at;
        if (h->pub_bytes != 0 && left >= h->pub_bytes && memcmp(here, h->pub, h->pub_bytes) == 0) {
            if (left < h->pub_bytes + h->payload_bytes + 2) {
                break;
            }
            log_append(c, here + h->pub_bytes);
            at += h->pub_bytes + h->payload_bytes + 2;
            continue;
        }
        const uint8_t *newline = memchr(here, '\n', MIN_OF(left, (size_t)CEILING_LINE_BYTES_MAX));
        if (newline == NULL) {
            if (left >= CEILING_LINE_BYTES_MAX) {
                conn_refuse(c, conn, "Maximum Control Line Exceeded");
                return SIZE_MAX;
            }
            break;
        }
        size_t line_bytes = (size_t)(newline - here) + 1;
        if (strncasecmp((const char *)here, "PUB", 3) == 0) {
            if (!header_learn(&c->header, here, line_bytes)) {
                conn_refuse(c, conn, "ceiling knows PUB subject size");
                return SIZE_MAX;
            }
            continue; /* now the fast path above knows it */
        }
        if (!line_other(c, conn, here, line_bytes)) {
            return SIZE_MAX;
        }
        at += line_bytes;
    }
    return at;
}

/* One read. Returns false when there was nothing to read, or the connection is gone. A short read
 * does not count as empty: epoll is edge-triggered, and an end of stream may be behind it. */
static bool conn_read(struct ceiling *c, struct conn *conn)
{
    size_t rest = conn->rest_bytes;
    memcpy(c->scratch, conn->rest == NULL ? c->scratch : conn->rest, rest);
    ssize_t got = recv(conn->fd, c->scratch + rest, READ_BYTES, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            conn_close(c, conn);
        }
        return false;
    }
    size_t size = rest + (size_t)got;
    size_t used = parse(c, conn, c->scratch, size);
    if (used == SIZE_MAX) {
        return false;
    }
    conn->rest_bytes = size - used;
    if (conn->rest_bytes != 0) {
        if (conn->rest == NULL) {
            conn->rest = memory_alloc(CEILING_LINE_BYTES_MAX + CEILING_PAYLOAD_MAX + 2);
        }
        memcpy(conn->rest, c->scratch + used, conn->rest_bytes);
    }
    return true;
}

/* ---- the flush: one send per subscriber ---- */

static void sub_took(struct ceiling *c, struct sub *sub, size_t want, ssize_t took)
{
    sub->cursor += took > 0 ? (size_t)took : 0;
    if (took == (ssize_t)want) {
        return;
    }
    /* Dead sockets are closed when epoll reports them; until then they are merely blocked. */
    sub->blocked = true;
    c->blocked_count++;
    c->stats.sends_short += took > 0;
    c->stats.sends_full += took <= 0;
    if (took < 0 && took != -EAGAIN) {
        sub->cursor = c->head; /* nothing of it is owed to anybody any more */
    }
}

static void flush_send(struct ceiling *c)
{
    for (uint32_t i = 0; i < c->subs_count; i++) {
        struct sub *sub = &c->subs[i];
        if (sub->blocked || sub->cursor == c->head) {
            continue;
        }
        size_t want = c->head - sub->cursor;
        ssize_t took =
            send((int)sub->slot, log_at(c, sub->cursor), want, MSG_DONTWAIT | MSG_NOSIGNAL);
        c->stats.sends++;
        sub_took(c, sub, want, took < 0 ? -errno : took);
    }
}

/* Submits what is queued and gives every send its result: silence means sent in full. */
static void slice_submit(struct ceiling *c, const uint32_t *slice, unsigned count)
{
    for (unsigned submitted = 0; submitted < count;) {
        int result = io_uring_submit(&c->ring);
        if (result < 0 && result != -EINTR) {
            errno = -result;
            die("submit");
        }
        submitted += result > 0 ? (unsigned)result : 0;
    }
    struct io_uring_cqe *cqe;
    unsigned ring_head;
    unsigned seen = 0;
    uint64_t head = c->head;
    io_uring_for_each_cqe(&c->ring, ring_head, cqe)
    {
        struct sub *sub = &c->subs[slice[cqe->user_data >> 32]];
        uint32_t want = (uint32_t)cqe->user_data;
        sub->cursor = head - want;
        sub_took(c, sub, want, cqe->res);
        seen++;
    }
    io_uring_cq_advance(&c->ring, seen);
    c->stats.sends += count;
}

static void flush_uring(struct ceiling *c)
{
    uint32_t slice[SLICE];
    unsigned count = 0;
    for (uint32_t i = 0; i < c->subs_count; i++) {
        struct sub *sub = &c->subs[i];
        if (sub->blocked || sub->cursor == c->head) {
            continue;
        }
        uint32_t want = (uint32_t)(c->head - sub->cursor);
        struct io_uring_sqe *sqe = io_uring_get_sqe(&c->ring);
        ASSERT(sqe != NULL);
        sqe->opcode = IORING_OP_SEND;
        sqe->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
        sqe->msg_flags = MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL;
        sqe->fd = (int)sub->slot;
        sqe->addr = (uint64_t)(uintptr_t)log_at(c, sub->cursor);
        sqe->len = want;
        sqe->user_data = (uint64_t)count << 32 | want;
        slice[count++] = i;
        sub->cursor = c->head; /* corrected by the completion, if there is one */
        if (count == SLICE) {
            slice_submit(c, slice, count);
            count = 0;
        }
    }
    if (count != 0) {
        slice_submit(c, slice, count);
    }
}

static void flush_owed(struct ceiling *c)
{
    for (uint32_t i = 0; i < c->conns_max && c->owed != 0; i++) {
        struct conn *conn = &c->conns[i];
        if (conn->fd < 0 || !is_owed(conn)) {
            continue;
        }
        if (conn->sub >= 0 && c->subs[conn->sub].cursor != c->head) {
            continue; /* possibly in the middle of a frame */
        }
        while (conn->pongs > 0 && conn_say(conn, "PONG\r\n")) {
            conn->pongs--;
        }
        conn->ping = conn->ping && !(conn->pongs == 0 && conn_say(conn, "PING\r\n"));
        c->owed -= !is_owed(conn);
    }
}

static void flush(struct ceiling *c)
{
    if (c->mode == MODE_SEND) {
        flush_send(c);
    } else {
        flush_uring(c);
    }
    if (c->owed != 0) {
        flush_owed(c);
    }
    uint64_t oldest = c->head;
    for (uint32_t i = 0; c->blocked_count != 0 && i < c->subs_count; i++) {
        oldest = MIN_OF(oldest, c->subs[i].cursor);
    }
    atomic_store_explicit(&c->feed->oldest[c->number].position, oldest, memory_order_release);
    if (oldest == c->head && c->feed->threads_count == 1) {
        c->base = c->head; /* nobody needs an old byte: begin again where the cache is warm */
    }
}

/* ---- start, turn, stop ---- */

static void ring_open(struct ceiling *c)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                                              IORING_SETUP_CQSIZE,
                                     .cq_entries = 4 * SLICE};
    int result = io_uring_queue_init_params(SLICE, &c->ring, &params);
    if (result == 0) {
        result = io_uring_register_files_sparse(&c->ring, c->conns_max);
    }
    if (result < 0) {
        errno = -result;
        die("io_uring");
    }
    MAYBE(io_uring_register_ring_fd(&c->ring) == 1);
    /* No SQE is ever used for anything but SEND, so the fields that stay zero are cleared once. */
    memset(c->ring.sq.sqes, 0, SLICE * sizeof *c->ring.sq.sqes);
}

static void listener_open(struct ceiling *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    int yes = 1;
    int unsent = UNSENT_BYTES;
    c->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->listener < 0 || setsockopt(c->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
        (c->feed->threads_count > 1 &&
         setsockopt(c->listener, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes)) ||
        setsockopt(c->listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) ||
        setsockopt(c->listener, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent) ||
        bind(c->listener, (struct sockaddr *)&address, size) || listen(c->listener, 4096) ||
        getsockname(c->listener, (struct sockaddr *)&address, &size)) {
        die("listen");
    }
    c->port = ntohs(address.sin_port);
}

static void watch(struct ceiling *c, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        die("epoll_ctl");
    }
}

/* In its own thread. What was opened before is there under the same numbers. */
static void start(struct ceiling *c)
{
    if (c->feed->threads_count > 1 && unshare(CLONE_FILES) != 0) {
        die("a table of descriptors for a thread");
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        die("RLIMIT_NOFILE");
    }
    c->conns_max = (uint32_t)MIN_OF(limit.rlim_cur, (rlim_t)1 << 20);
    c->conns = memory_alloc(c->conns_max * sizeof *c->conns);
    c->subs = memory_alloc(c->conns_max * sizeof *c->subs);
    for (uint32_t i = 0; i < c->conns_max; i++) {
        c->conns[i].fd = -1;
    }
    c->scratch = memory_alloc(CEILING_LINE_BYTES_MAX + CEILING_PAYLOAD_MAX + 2 + READ_BYTES);
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (c->mode == MODE_URING) {
        ring_open(c);
    }
    watch(c, c->listener);
    watch(c, c->wake_fd);
    c->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (c->tick_fd < 0) {
        die("timerfd");
    }
    watch(c, c->tick_fd);
    if (c->signal_fd >= 0) {
        watch(c, c->signal_fd);
    }
}

/* Connections to read from until they are empty; epoll is edge-triggered and will not repeat. */
struct unread {
    int *fds; /* conns_max */
    unsigned count;
};

static void conn_event(struct ceiling *c, struct unread *unread, int fd, uint32_t events)
{
    struct conn *conn = &c->conns[fd];
    if (conn->fd < 0) {
        return;
    }
    if ((events & EPOLLOUT) != 0 && conn->sub >= 0 && c->subs[conn->sub].blocked) {
        c->subs[conn->sub].blocked = false;
        c->blocked_count--;
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 && !conn->listed) {
        conn->listed = true;
        unread->fds[unread->count++] = fd;
    }
}

static void wake_others(struct ceiling *c)
{
    uint64_t one = 1;
    for (uint32_t i = 0; i < c->feed->threads_count; i++) {
        struct ceiling *other = &c->threads[i];
        if (other != c && write(other->wake_fd, &one, sizeof one) != sizeof one) {
            die("wake");
        }
    }
}

/* What there is to read. Returns false on SIGINT or SIGTERM. */
static bool take_in(struct ceiling *c, struct unread *unread, int timeout_ms)
{
    ASSERT(c->conns != NULL);
    struct epoll_event events[EVENTS];
    int count = epoll_wait(c->epoll_fd, events, COUNT_OF(events), timeout_ms);
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        if (fd == c->signal_fd) {
            return false;
        }
        if (fd == c->wake_fd) {
            uint64_t times;
            MAYBE(read(fd, &times, sizeof times) > 0);
        } else if (fd == c->tick_fd) {
            tick(c);
        } else if (fd == c->listener) {
            accept_all(c);
        } else {
            conn_event(c, unread, fd, events[i].events);
        }
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < unread->count; i++) {
        struct conn *conn = &c->conns[unread->fds[i]];
        /* One read each, so that the flush keeps its turn. */
        conn->listed = conn->fd >= 0 && conn_read(c, conn);
        if (conn->listed) {
            unread->fds[kept++] = unread->fds[i];
        }
    }
    unread->count = kept;
    return true;
}

/* Returns false on SIGINT or SIGTERM. */
static bool turn(struct ceiling *c, struct unread *unread)
{
    if (!take_in(c, unread, unread->count != 0 ? 0 : -1)) {
        return false;
    }
    /* What came meanwhile goes along, as in the hub: a send costs what it costs. */
    for (int looks = 0; looks < LOOKS_MAX && c->appended && c->subs_count >= GATHER_SENDS;
         looks++) {
        uint64_t before = c->stats.messages;
        if (!take_in(c, unread, 0)) {
            return false;
        }
        if (c->stats.messages == before) {
            break;
        }
    }
    if (c->feed->threads_count > 1) {
        if (c->appended) {
            wake_others(c);
        }
        c->head = atomic_load(&c->feed->head);
    }
    c->appended = false;
    flush(c);
    c->stats.turns++;
    return !atomic_load_explicit(&c->feed->stops, memory_order_relaxed);
}

static void *thread_main(void *argument)
{
    struct ceiling *c = argument;
    start(c);
    struct unread unread = {.fds = memory_alloc(c->conns_max * sizeof(int))};
    while (turn(c, &unread)) {
    }
    const struct stats *s = &c->stats;
    fprintf(stderr,
            "[INF] turns %" PRIu64 ", messages %" PRIu64 ", sends %" PRIu64 " (short %" PRIu64
            ", full %" PRIu64 ")\n",
            s->turns, s->messages, s->sends, s->sends_short, s->sends_full);
    return NULL;
}

static const char usage[] =
    "ceiling - a server that cheats, to show what this kernel allows at most\n"
    "\n"
    "  --mode send|uring   how a subscriber is sent to (default uring)\n"
    "  --port PORT         on 127.0.0.1; 0 or -1: a free one, named in the first line of stderr\n"
    "  --threads N         each with descriptors and connections of its own (default 1)\n"
    "  --log-bytes BYTES   how far a subscriber may fall behind (default 33554432)\n"
    "\n"
    "  ceiling --mode uring --port 4333\n";

static void options(struct ceiling *c, struct feed *feed, int argc, char **argv)
{
    static const struct option table[] = {{"mode", required_argument, NULL, 'm'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"log-bytes", required_argument, NULL, 'l'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "p:h", table, NULL)) != -1) {
        switch (option) {
        case 'm':
            if (strcmp(optarg, "send") != 0 && strcmp(optarg, "uring") != 0) {
                fail(2, "--mode is send or uring");
            }
            c->mode = strcmp(optarg, "send") == 0 ? MODE_SEND : MODE_URING;
            break;
        case 'p':
            c->port = MAX_OF(atoi(optarg), 0);
            break;
        case 'l':
            feed->log_bytes = (size_t)strtoull(optarg, NULL, 10) & ~(size_t)4095;
            break;
        case 't':
            feed->threads_count = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        default:
            fputs(usage, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? 0 : 2);
        }
    }
    if (feed->log_bytes < 2 * (CEILING_PAYLOAD_MAX + CEILING_LINE_BYTES_MAX) ||
        feed->log_bytes > (size_t)1 << 31) {
        fail(2, "--log-bytes is between 2.1 MB and 2 GiB");
    }
    if (feed->threads_count < 1 || feed->threads_count > CEILING_THREADS_MAX) {
        fail(2, "--threads is 1 to 64");
    }
}

/* SIGINT and SIGTERM are the first thread's. */
static int signals_open(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
    static struct ceiling threads[CEILING_THREADS_MAX];
    static struct feed feed = {
        .log_bytes = (size_t)32 << 20, .threads_count = 1, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct ceiling like = {.mode = MODE_URING, .feed = &feed, .threads = threads, .signal_fd = -1};
    options(&like, &feed, argc, argv);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        MAYBE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    if (!feed_open(&feed)) {
        die("log");
    }
    for (uint32_t i = 0; i < feed.threads_count; i++) {
        threads[i] = like;
        threads[i].number = i;
        listener_open(&threads[i]);
        like.port = threads[i].port;
        threads[i].wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    threads[0].signal_fd = signals_open();
    fprintf(stderr, "[INF] Listening for client connections on 127.0.0.1:%d\n", like.port);
    for (uint32_t i = 1; i < feed.threads_count; i++) {
        if (pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]) != 0) {
            die("thread");
        }
    }
    thread_main(&threads[0]);
    atomic_store(&feed.stops, true);
    wake_others(&threads[0]);
    for (uint32_t i = 1; i < feed.threads_count; i++) {
        pthread_join(threads[i].thread, NULL);
    }
    return 0;
}
