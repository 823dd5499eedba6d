/* ring.c - multishot receive into provided buffers; liburing 2.3 is enough. */
#include "loadgen/ring.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>

enum { SQ_ENTRIES = 512, CQ_ENTRIES = 8192, BUFFER_GROUP = 1 };

enum operation {
    OPERATION_CONNECT,
    OPERATION_READ,
    OPERATION_WRITABLE,
    OPERATION_SEND,
    OPERATION_STOP,
    OPERATION_WATCH,
    OPERATION_SKIM,
};

struct ring {
    struct io_uring uring;
    struct io_uring_buf_ring *buffers;
    uint8_t *memory; /* RING_BUFFERS times RING_BUFFER_BYTES */
    int *fds;        /* per slot, to arm reading again */
    uint8_t *armed;  /* per slot: OPERATION_READ, OPERATION_WATCH, or 0 */
    uint32_t slots;
    uint32_t table;
    uint16_t lent[RING_EVENTS_MAX]; /* buffers that events of the last wait borrow */
    uint32_t lent_count;
};

static void buffers_give(struct ring *ring)
{
    int mask = io_uring_buf_ring_mask(RING_BUFFERS);
    for (uint32_t i = 0; i < ring->lent_count; i++) {
        uint16_t id = ring->lent[i];
        io_uring_buf_ring_add(ring->buffers, ring->memory + (size_t)id * RING_BUFFER_BYTES,
                              RING_BUFFER_BYTES, id, mask, (int)i);
    }
    io_uring_buf_ring_advance(ring->buffers, (int)ring->lent_count);
    ring->lent_count = 0;
}

static int buffers_open(struct ring *ring)
{
    size_t table = RING_BUFFERS * sizeof(struct io_uring_buf);
    ring->buffers = memory_alloc_aligned(4096, MAX_OF(table, (size_t)4096));
    ring->memory = memory_alloc_aligned(4096, (size_t)RING_BUFFERS * RING_BUFFER_BYTES);
    struct io_uring_buf_reg reg = {.ring_addr = (uint64_t)(uintptr_t)ring->buffers,
                                   .ring_entries = RING_BUFFERS,
                                   .bgid = BUFFER_GROUP};
    int result = io_uring_register_buf_ring(&ring->uring, &reg, 0);
    if (result != 0) {
        return result;
    }
    io_uring_buf_ring_init(ring->buffers);
    static_assert(RING_BUFFERS <= RING_EVENTS_MAX, "all buffers may be lent at once");
    for (uint32_t i = 0; i < RING_BUFFERS; i++) {
        ring->lent[ring->lent_count++] = (uint16_t)i;
    }
    buffers_give(ring);
    return 0;
}

int ring_open(struct ring **made, uint32_t slots, uint32_t table)
{
    struct ring *ring = memory_alloc(sizeof *ring);
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
        .cq_entries = CQ_ENTRIES};
    int result = io_uring_queue_init_params(SQ_ENTRIES, &ring->uring, &params);
    if (result != 0) {
        memory_free(ring);
        return result;
    }
    MAYBE(io_uring_register_ring_fd(&ring->uring) == 1);
    ring->slots = slots;
    ring->fds = memory_alloc(MAX_OF(slots, 1u) * sizeof *ring->fds);
    ring->armed = memory_alloc(MAX_OF(slots, 1u));
    *made = ring;
    ring->table = table;
    result = buffers_open(ring);
    if (result == 0 && table != 0) {
        result = io_uring_register_files_sparse(&ring->uring, table);
    }
    if (result != 0) {
        ring_free(ring);
    }
    return result;
}

void ring_free(struct ring *ring)
{
    io_uring_queue_exit(&ring->uring);
    memory_free(ring->buffers);
    memory_free(ring->memory);
    memory_free(ring->fds);
    memory_free(ring->armed);
    memory_free(ring);
}

static struct io_uring_sqe *operation_begin(struct ring *ring, enum operation operation,
                                            uint32_t slot, int fd)
{
    ASSERT(slot < ring->slots);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
    while (sqe == NULL) {
        int result = io_uring_submit(&ring->uring);
        ASSERT(result >= 0 || result == -EINTR || result == -EBUSY || result == -EAGAIN);
        sqe = io_uring_get_sqe(&ring->uring);
    }
    memset(sqe, 0, sizeof *sqe);
    if (fd == -1) {
        ASSERT(slot < ring->table);
        sqe->flags = IOSQE_FIXED_FILE;
        fd = (int)slot;
    }
    sqe->fd = fd;
    sqe->user_data = (uint64_t)operation << 32 | slot;
    return sqe;
}

void ring_connect(struct ring *ring, uint32_t slot, int fd, const struct sockaddr *address,
                  socklen_t address_bytes)
{
    struct io_uring_sqe *sqe = operation_begin(ring, OPERATION_CONNECT, slot, fd);
    sqe->opcode = IORING_OP_CONNECT;
    sqe->addr = (uint64_t)(uintptr_t)address;
    sqe->off = address_bytes;
}

void ring_read(struct ring *ring, uint32_t slot, int fd)
{
    struct io_uring_sqe *sqe = operation_begin(ring, OPERATION_READ, slot, fd);
    sqe->opcode = IORING_OP_RECV;
    sqe->ioprio = IORING_RECV_MULTISHOT;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    ring->fds[slot] = fd;
    ring->armed[slot] = OPERATION_READ;
}

void ring_watch(struct ring *ring, uint32_t slot, int fd)
{
    struct io_uring_sqe *sqe = operation_begin(ring, OPERATION_WATCH, slot, fd);
    sqe->opcode = IORING_OP_POLL_ADD;
    sqe->poll32_events = POLLIN | POLLRDHUP;
    sqe->len = IORING_POLL_ADD_MULTI;
    ring->fds[slot] = fd;
    ring->armed[slot] = OPERATION_WATCH;
}

static void skim_part(struct ring *ring, uint32_t slot, int fd, uint8_t *room, uint32_t size)
{
    struct io_uring_sqe *sqe = operation_begin(ring, OPERATION_SKIM, slot, fd);
    sqe->opcode = IORING_OP_RECV;
    sqe->addr = (uint64_t)(uintptr_t)room;
    sqe->len = size;
    /* TCP throws away what MSG_TRUNC reads. MSG_DONTWAIT: completed when it is submitted, hence in
     * order. */
    sqe->msg_flags = MSG_DONTWAIT | (room == NULL ? MSG_TRUNC : 0);
}

void ring_skim(struct ring *ring, uint32_t slot, int fd, struct ring_skim parts)
{
    if (parts.skip != 0) {
        skim_part(ring, slot, fd, NULL, parts.skip);
    }
    if (parts.keep != 0) {
        skim_part(ring, slot, fd, parts.room, parts.keep);
    }
    if (parts.rest != 0) {
        skim_part(ring, slot, fd, NULL, parts.rest);
    }
}

void ring_wait_writable(struct ring *ring, uint32_t slot, int fd)
{
    struct io_uring_sqe *sqe = operation_begin(ring, OPERATION_WRITABLE, slot, fd);
    sqe->opcode = IORING_OP_POLL_ADD;
    sqe->poll32_events = POLLOUT;
}

void ring_read_stop(struct ring *ring, uint32_t slot)
{
    struct io_uring_sqe *sqe = operation_begin(ring, OPERATION_STOP, slot, 0);
    sqe->opcode = IORING_OP_ASYNC_CANCEL;
    sqe->addr = (uint64_t)ring->armed[slot] << 32 | slot;
}

void ring_send(struct ring *ring, uint32_t slot, const uint8_t *bytes, size_t size)
{
    struct io_uring_sqe *sqe = operation_begin(ring, OPERATION_SEND, slot, -1);
    sqe->opcode = IORING_OP_SEND;
    sqe->addr = (uint64_t)(uintptr_t)bytes;
    sqe->len = (uint32_t)size;
    sqe->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
}

int ring_install(struct ring *ring, uint32_t slot, int fd)
{
    ASSERT(slot < ring->table);
    int result = io_uring_register_files_update(&ring->uring, slot, &fd, 1);
    return result < 0 ? result : 0;
}

/* Returns false when the completion is not worth an event. */
static bool event_from(struct ring *ring, const struct io_uring_cqe *cqe, struct ring_event *event)
{
    enum operation operation = (enum operation)(cqe->user_data >> 32);
    event->slot = (uint32_t)cqe->user_data;
    event->result = cqe->res;
    event->bytes = bytes_of(NULL, 0);
    if (operation == OPERATION_CONNECT) {
        event->kind = RING_CONNECTED;
        return true;
    }
    if (operation == OPERATION_WRITABLE || operation == OPERATION_SEND) {
        event->kind = operation == OPERATION_SEND ? RING_SENT : RING_WRITABLE;
        return true;
    }
    if (operation == OPERATION_SKIM) {
        event->kind = RING_SKIMMED;
        return true;
    }
    if (operation == OPERATION_STOP) {
        /* It was between two requests: the next one went out with the cancellation. */
        if ((cqe->res == -ENOENT || cqe->res == -EALREADY) && ring->armed[event->slot] != 0) {
            ring_read_stop(ring, event->slot);
        }
        return false;
    }
    bool goes_on = (cqe->flags & IORING_CQE_F_MORE) != 0;
    if (operation == OPERATION_WATCH && cqe->res > 0) {
        if (!goes_on) {
            ring_watch(ring, event->slot, ring->fds[event->slot]);
        }
        event->kind = RING_READABLE;
        return true;
    }
    if (cqe->res > 0) {
        uint16_t id = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        ring->lent[ring->lent_count++] = id;
        event->kind = RING_BYTES;
        event->bytes = bytes_of(ring->memory + (size_t)id * RING_BUFFER_BYTES, (size_t)cqe->res);
    } else {
        event->kind = RING_ENDED;
        ring->armed[event->slot] = cqe->res == -ENOBUFS ? OPERATION_READ : 0;
    }
    /* A multishot also ends without the stream ending: no buffer was free, or the CQ was full. Its
     * new request goes out with the next wait, when this wait's buffers are back. */
    if (!goes_on && (cqe->res > 0 || cqe->res == -ENOBUFS)) {
        ring_read(ring, event->slot, ring->fds[event->slot]);
    }
    return cqe->res != -ENOBUFS;
}

/* Enters the kernel: submits, and lets deferred completions run. */
static void enter(struct ring *ring, uint64_t timeout_ns)
{
    int result;
    if (timeout_ns == 0) {
        result = io_uring_submit_and_get_events(&ring->uring);
    } else {
        struct io_uring_cqe *cqe;
        struct __kernel_timespec wait = {.tv_sec = (int64_t)(timeout_ns / 1000000000u),
                                         .tv_nsec = (long long)(timeout_ns % 1000000000u)};
        result = io_uring_submit_and_wait_timeout(&ring->uring, &cqe, 1, &wait, NULL);
    }
    ASSERT(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
           result == -EBUSY);
}

size_t ring_wait(struct ring *ring, uint64_t timeout_ns, struct ring_event *events)
{
    buffers_give(ring);
    if (io_uring_cq_ready(&ring->uring) == 0 || io_uring_sq_ready(&ring->uring) != 0) {
        enter(ring, io_uring_cq_ready(&ring->uring) == 0 ? timeout_ns : 0);
    }
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned seen = 0;
    size_t count = 0;
    io_uring_for_each_cqe(&ring->uring, head, cqe)
    {
        if (count == RING_EVENTS_MAX) {
            break;
        }
        count += event_from(ring, cqe, &events[count]);
        seen++;
    }
    io_uring_cq_advance(&ring->uring, seen);
    return count;
}
