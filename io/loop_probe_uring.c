/*
 * loop_probe_uring.c - see loop_probe_uring.h.
 *
 * The sends are tried on a TCP pair over loopback with small buffers and a reader that does not
 * read, because a send's answer depends on the protocol: a socketpair would prove nothing.
 */
#include "io/loop_probe_uring.h"

#include "io/bufring.h"
#include "io/loop_uring_ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PROBE_SQ = 8,
    PROBE_CQ = 32,
    PROBE_BUFFERS = 2,
    PROBE_BUFFER_BYTES = 4096,
    PROBE_SNDBUF = 16 * 1024,
    PROBE_RCVBUF = 4 * 1024,
    PROBE_BLOCK = 1024 * 1024, /* more than the two buffers hold: short, then full */
    PROBE_SMALL = 64,
    PROBE_SHORTS_MAX = 100,
    PROBE_WAIT_MS = 1000,
    PROBE_FIN_MS = 200,
};

static bool has_opcodes(struct ring *ring)
{
    static const uint8_t needed[] = {
        IORING_OP_ACCEPT, IORING_OP_POLL_ADD,     IORING_OP_RECV,
        IORING_OP_SEND,   IORING_OP_ASYNC_CANCEL, IORING_OP_SENDMSG,
    };
    struct io_uring_probe *probe = io_uring_get_probe_ring(&ring->uring);
    bool has = probe != NULL;
    for (size_t i = 0; has && i < COUNT_OF(needed); i++) {
        has = io_uring_opcode_supported(probe, needed[i]) != 0;
    }
    io_uring_free_probe(probe);
    return has;
}

/* A filter may allow io_uring_setup and forbid the calls that follow. */
static int try_enter(struct ring *ring)
{
    struct io_uring_sqe *sqe = ring_sqe(ring);
    ASSERT(sqe != NULL);
    io_uring_prep_nop(sqe);
    int failed = ring_enter(ring, (uint64_t)PROBE_WAIT_MS * 1000000u);
    struct io_uring_cqe completion;
    if (failed == 0 && !ring_next(ring, &completion)) {
        failed = -EIO;
    }
    return failed;
}

int loop_probe_ring(const char **step)
{
    struct ring ring;
    struct bufring bufring;
    int failed = ring_open(&ring, PROBE_SQ, PROBE_CQ, step);
    if (failed != 0) {
        return -failed;
    }
    *step = "io_uring_enter";
    failed = try_enter(&ring);
    if (failed == 0) {
        *step = "opcodes of io_uring_register";
        failed = has_opcodes(&ring) ? 0 : -EINVAL;
    }
    if (failed == 0) {
        *step = "provided buffers of io_uring_register";
        failed = bufring_open(&bufring, &ring.uring, 0, PROBE_BUFFERS, PROBE_BUFFER_BYTES);
    }
    ring_free(&ring);
    if (failed == 0) {
        bufring_free(&bufring);
        *step = "";
    }
    return -failed;
}

/* The TCP pair. */

struct pair {
    int listener;
    int ours;
    int peer;
};

static void pair_close(struct pair *pair)
{
    const int fds[] = {pair->listener, pair->ours, pair->peer};
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

static void buffer_set(int fd, int option, int bytes)
{
    (void)setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof(bytes));
}

static bool pair_open(struct pair *pair)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    pair->ours = -1;
    pair->peer = -1;
    pair->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (pair->listener < 0) {
        return false;
    }
    buffer_set(pair->listener, SO_RCVBUF, PROBE_RCVBUF); /* inherited by the peer */
    if (bind(pair->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(pair->listener, 1) != 0 ||
        getsockname(pair->listener, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    pair->ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (pair->ours < 0) {
        return false;
    }
    buffer_set(pair->ours, SO_SNDBUF, PROBE_SNDBUF);
    if (connect(pair->ours, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return false;
    }
    pair->peer = accept4(pair->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return pair->peer >= 0;
}

/* One send by the recipe, in one submit without waiting. Returns false if the SQE was not taken, or
 * more than one completion came; *spoke: one came, with *result. */
static bool send_by_recipe(struct ring *ring, int fd, struct iovec *vectors, bool as_message,
                           bool *spoke, int *result)
{
    struct msghdr message;
    memset(&message, 0, sizeof(message));
    message.msg_iov = vectors;
    message.msg_iovlen = 2;
    const int flags = MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL;
    struct io_uring_sqe *sqe = ring_sqe(ring);
    if (sqe == NULL) {
        return false;
    }
    if (as_message) {
        io_uring_prep_sendmsg(sqe, fd, &message, (unsigned)flags);
    } else {
        io_uring_prep_send(sqe, fd, vectors[0].iov_base, vectors[0].iov_len, flags);
    }
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = 1;
    if (ring_submit(ring) != 1) {
        return false;
    }
    struct io_uring_cqe completion;
    *spoke = ring_next(ring, &completion);
    *result = *spoke ? completion.res : 0;
    return !ring_next(ring, &completion);
}

/* Reads until size bytes came or nothing comes any more. Returns how many. */
static size_t drain(int fd, uint8_t *room, size_t room_bytes, size_t size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = recv(fd, room, room_bytes, MSG_DONTWAIT);
        if (n > 0) {
            got += (size_t)n;
            continue;
        }
        struct pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
        if (n == 0 || errno != EAGAIN || poll(&waiting, 1, PROBE_WAIT_MS) != 1) {
            break;
        }
    }
    return got;
}

/* Empty socket: silence. Then short: the byte count. Then full: -EAGAIN. And as many bytes arrive
 * as the answers claimed. */
static const char *try_sends(struct ring *ring, const struct pair *pair, uint8_t *block,
                             bool as_message)
{
    bool spoke;
    int result;
    struct iovec small[2] = {{block, PROBE_SMALL / 2}, {block, PROBE_SMALL / 2}};
    struct iovec large[2] = {{block, PROBE_BLOCK}, {block, PROBE_BLOCK}};
    size_t claimed = as_message ? PROBE_SMALL : PROBE_SMALL / 2;
    if (!send_by_recipe(ring, pair->ours, small, as_message, &spoke, &result)) {
        return "a send was not taken";
    }
    if (spoke) {
        return "a whole send was not silent";
    }
    /* What the peer's window still takes makes room again, so it may be short several times. */
    int shorts = 0;
    do {
        if (!send_by_recipe(ring, pair->ours, large, as_message, &spoke, &result)) {
            return "a short send was not taken";
        }
        if (!spoke || result >= PROBE_BLOCK || (result <= 0 && result != -EAGAIN)) {
            return "a short send or a full socket was not told within the submit";
        }
        claimed += result > 0 ? (size_t)result : 0;
        shorts += result > 0;
    } while (result != -EAGAIN && shorts < PROBE_SHORTS_MAX);
    if (shorts == 0 || result != -EAGAIN) {
        return "the socket did not fill as expected";
    }
    if (drain(pair->peer, block, PROBE_BLOCK, claimed) != claimed ||
        recv(pair->peer, block, 1, MSG_DONTWAIT) >= 0) {
        return "the peer received another number of bytes than was told";
    }
    return NULL;
}

bool loop_probe_sends(const char **step)
{
    struct ring ring;
    struct pair pair;
    if (ring_open(&ring, PROBE_SQ, PROBE_CQ, step) != 0) {
        return false;
    }
    uint8_t *block = (uint8_t *)memory_alloc(PROBE_BLOCK);
    *step = NULL;
    for (int as_message = 0; as_message <= 1 && *step == NULL; as_message++) {
        *step = pair_open(&pair) ? try_sends(&ring, &pair, block, as_message == 1)
                                 : "no TCP pair over 127.0.0.1 to try them on";
        pair_close(&pair);
    }
    memory_free(block);
    ring_free(&ring);
    return *step == NULL;
}

/* The table. */

enum { TABLE_POLLED, TABLE_CLOSED, TABLE_ENTRIES };

static bool table_put(struct ring *ring, unsigned entry, int fd)
{
    return io_uring_register_files_update(&ring->uring, entry, &fd, 1) == 1;
}

/* Submits one request that has to finish within the submit; its result, or -EIO. */
static int finish(struct ring *ring)
{
    struct io_uring_cqe completion;
    if (ring_submit(ring) != 1 || !ring_next(ring, &completion)) {
        return -EIO;
    }
    return completion.res;
}

static int table_receive(struct ring *ring, unsigned entry, uint8_t *room, size_t size)
{
    struct io_uring_sqe *sqe = ring_sqe(ring);
    ASSERT(sqe != NULL);
    io_uring_prep_recv(sqe, (int)entry, room, size, MSG_DONTWAIT);
    sqe->flags |= IOSQE_FIXED_FILE;
    return finish(ring);
}

/* In flight until the ring is freed. */
static bool table_poll(struct ring *ring, unsigned entry)
{
    struct io_uring_sqe *sqe = ring_sqe(ring);
    ASSERT(sqe != NULL);
    io_uring_prep_poll_multishot(sqe, (int)entry, POLLIN);
    sqe->flags |= IOSQE_FIXED_FILE;
    return ring_submit(ring) == 1;
}

static int table_install(struct ring *ring, unsigned entry)
{
    struct io_uring_sqe *sqe = ring_sqe(ring);
    ASSERT(sqe != NULL);
    sqe->opcode = RH_OP_FIXED_FD_INSTALL;
    sqe->fd = (int)entry;
    sqe->flags = IOSQE_FIXED_FILE;
    return finish(ring);
}

static bool table_send(struct ring *ring, unsigned entry, uint8_t byte)
{
    const int flags = MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL;
    struct io_uring_cqe completion;
    struct io_uring_sqe *sqe = ring_sqe(ring);
    ASSERT(sqe != NULL);
    io_uring_prep_send(sqe, (int)entry, &byte, 1, flags);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS | IOSQE_FIXED_FILE;
    return ring_submit(ring) == 1 && !ring_next(ring, &completion);
}

/* What the peer reads next: a byte, 0 at the end, or a negative errno. */
static int peer_hears(int fd)
{
    uint8_t byte;
    struct pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, PROBE_FIN_MS) != 1) {
        return -ETIMEDOUT;
    }
    ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
    return got < 0 ? -errno : got == 0 ? 0 : byte;
}

static bool table_reads(struct ring *ring, unsigned entry, int peer)
{
    uint8_t byte = 0;
    struct pollfd never = {.fd = -1, .events = 0, .revents = 0};
    if (table_receive(ring, entry, &byte, 1) != -EAGAIN || send(peer, "x", 1, MSG_NOSIGNAL) != 1) {
        return false;
    }
    int got;
    for (int ms = 0; (got = table_receive(ring, entry, &byte, 1)) == -EAGAIN; ms++) {
        if (ms == PROBE_FIN_MS) {
            return false;
        }
        (void)poll(&never, 1, 1); /* loopback may need a moment */
    }
    return got == 1 && byte == 'x';
}

static const char *try_table(struct ring *ring, struct pair pairs[TABLE_ENTRIES])
{
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        if (!table_put(ring, i, pairs[i].ours)) {
            return "a socket could not be moved into the table";
        }
        close(pairs[i].ours);
        pairs[i].ours = -1;
    }
    if (!table_poll(ring, TABLE_POLLED)) {
        return "a registered socket could not be polled";
    }
    if (!table_reads(ring, TABLE_CLOSED, pairs[TABLE_CLOSED].peer)) {
        return "a read did not finish inside the submit";
    }
    if (!table_send(ring, TABLE_CLOSED, 'y') || peer_hears(pairs[TABLE_CLOSED].peer) != 'y') {
        return "a send did not finish inside the submit";
    }
    /* Older kernels keep a removed file until every request that was in flight before has ended
     * (https://github.com/axboe/liburing/issues/1192). */
    if (!table_put(ring, TABLE_CLOSED, -1) || peer_hears(pairs[TABLE_CLOSED].peer) != 0) {
        return "this kernel closes no registered socket while another one is polled";
    }
    int fd = table_install(ring, TABLE_POLLED);
    if (fd < 0) {
        return "a registered socket gets no descriptor again; Linux 6.8 gives one";
    }
    bool is_shut = shutdown(fd, SHUT_WR) == 0;
    close(fd);
    return is_shut && peer_hears(pairs[TABLE_POLLED].peer) == 0 ? NULL : "no shutdown";
}

bool loop_probe_table(const char **step)
{
    struct ring ring;
    struct pair pairs[TABLE_ENTRIES];
    if (ring_open(&ring, PROBE_SQ, PROBE_CQ, step) != 0) {
        return false;
    }
    *step = io_uring_register_files_sparse(&ring.uring, TABLE_ENTRIES) == 0
                ? NULL
                : "the ring gets no table of files";
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        pairs[i] = (struct pair){.listener = -1, .ours = -1, .peer = -1};
        if (*step == NULL && !pair_open(&pairs[i])) {
            *step = "no TCP pair over 127.0.0.1 to try them on";
        }
    }
    if (*step == NULL) {
        *step = try_table(&ring, pairs);
    }
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        pair_close(&pairs[i]);
    }
    ring_free(&ring);
    return *step == NULL;
}
