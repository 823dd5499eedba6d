/* loop_uring_ring.c - see loop_uring_ring.h. */
#include "io/loop_uring_ring.h"

#include <errno.h>
#include <string.h>

int ring_open(struct ring *ring, uint32_t sq_entries, uint32_t cq_entries, const char **step)
{
    struct io_uring_params params;
    memset(&params, 0, sizeof(params));
    memset(ring, 0, sizeof(*ring));
    params.flags = RH_RING_FLAGS;
    params.cq_entries = MAX_OF(cq_entries, sq_entries);
    *step = "io_uring_setup";
    int failed = io_uring_queue_init_params(sq_entries, &ring->uring, &params);
    if (failed != 0) {
        return failed;
    }
    if ((params.features & RH_RING_FEATURES) != RH_RING_FEATURES) {
        *step = "features of io_uring_setup";
        io_uring_queue_exit(&ring->uring);
        return -EINVAL;
    }
    if (io_uring_register_ring_fd(&ring->uring) == 1) {
        ring->enter_flags = IORING_ENTER_REGISTERED_RING;
    }
    /* Nothing we ask for needs a kernel worker thread; should one be wanted, one is enough. */
    unsigned workers_max[2] = {1, 1};
    (void)io_uring_register_iowq_max_workers(&ring->uring, workers_max);
    return 0;
}

void ring_free(struct ring *ring)
{
    io_uring_queue_exit(&ring->uring);
}

struct io_uring_sqe *ring_sqe(struct ring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
    if (sqe != NULL) {
        memset(sqe, 0, sizeof(*sqe));
    }
    return sqe;
}

uint32_t ring_pending(const struct ring *ring)
{
    const struct io_uring_sq *sq = &ring->uring.sq;
    return sq->sqe_tail - __atomic_load_n(sq->khead, __ATOMIC_ACQUIRE);
}

/* Shows the kernel what is queued. It looks only inside an enter, there being no SQPOLL thread. */
static void publish(struct ring *ring)
{
    struct io_uring_sq *sq = &ring->uring.sq;
    sq->sqe_head = sq->sqe_tail;
    __atomic_store_n(sq->ktail, sq->sqe_tail, __ATOMIC_RELEASE);
}

void ring_withdraw(struct ring *ring)
{
    struct io_uring_sq *sq = &ring->uring.sq;
    sq->sqe_tail = __atomic_load_n(sq->khead, __ATOMIC_ACQUIRE);
    publish(ring);
}

static int enter(struct ring *ring, unsigned min_complete, unsigned flags, void *arg, size_t size)
{
    publish(ring);
    ring->enters++;
    return io_uring_enter2((unsigned)ring->uring.enter_ring_fd, ring_pending(ring), min_complete,
                           flags | ring->enter_flags, (sigset_t *)arg, size);
}

int ring_submit(struct ring *ring)
{
    return enter(ring, 0, 0, NULL, 0);
}

int ring_enter(struct ring *ring, uint64_t timeout_ns)
{
    if (timeout_ns == 0 || timeout_ns == UINT64_MAX) {
        int done = enter(ring, timeout_ns == 0 ? 0 : 1, IORING_ENTER_GETEVENTS, NULL, 0);
        return MIN_OF(done, 0);
    }
    struct __kernel_timespec timeout;
    timeout.tv_sec = (long long)(timeout_ns / 1000000000u);
    timeout.tv_nsec = (long long)(timeout_ns % 1000000000u);
    struct io_uring_getevents_arg arg;
    memset(&arg, 0, sizeof(arg));
    arg.ts = (uint64_t)(uintptr_t)&timeout;
    int done = enter(ring, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
    return MIN_OF(done, 0);
}

bool ring_next(struct ring *ring, struct io_uring_cqe *completion)
{
    struct io_uring_cq *cq = &ring->uring.cq;
    unsigned head = *cq->khead;
    if (head == __atomic_load_n(cq->ktail, __ATOMIC_ACQUIRE)) {
        return false;
    }
    memcpy(completion, &cq->cqes[head & cq->ring_mask], sizeof(*completion));
    __atomic_store_n(cq->khead, head + 1, __ATOMIC_RELEASE);
    return true;
}

uint32_t ring_room(const struct ring *ring)
{
    const struct io_uring_cq *cq = &ring->uring.cq;
    return cq->ring_entries - (__atomic_load_n(cq->ktail, __ATOMIC_ACQUIRE) - *cq->khead);
}

static unsigned kernel_flags(const struct ring *ring)
{
    return __atomic_load_n(ring->uring.sq.kflags, __ATOMIC_ACQUIRE);
}

bool ring_has_more(const struct ring *ring)
{
    return (kernel_flags(ring) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

bool ring_is_overflown(const struct ring *ring)
{
    return (kernel_flags(ring) & IORING_SQ_CQ_OVERFLOW) != 0;
}

bool ring_has_lost(struct ring *ring)
{
    uint32_t lost = __atomic_load_n(ring->uring.cq.koverflow, __ATOMIC_RELAXED);
    bool is_news = lost != ring->lost_seen;
    ring->lost_seen = lost;
    return is_news;
}
