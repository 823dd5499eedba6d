/*
 * loop_uring_direct.c - sockets in the ring's own table, not among the process's descriptors.
 *
 *   accept ──▶ descriptor ──uring_direct_put──▶ entry of the table ──release──▶ FIN
 *              (at most RLIMIT_NOFILE            (each table at most
 *               in the whole process)             RLIMIT_NOFILE entries)
 *
 * A socket in the table has no number that a system call takes. It is read by a RECV that does not
 * wait and so finishes inside its submit, as sends do; and for shutdown(2) and setsockopt(2) it is
 * given a descriptor that lives as long as the call.
 */
#include "io/loop_uring.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ANSWER_NONE = INT32_MIN,
    ATTEMPTS_MAX = 4096, /* looks for an answer that waits behind what overflowed */
    /* Kept out of accept's reach: for what main opens, and a short-lived one for each worker. */
    DESCRIPTORS_KEPT = WORKERS_MAX,
    REST_MS = 5,
};

/* One request whose answer is needed now. */

/* NULL: the kernel takes nothing at present. */
static struct io_uring_sqe *ask(struct uring_loop *u, enum tag_kind kind)
{
    uring_flush(u); /* so that the queue holds this request alone, and it can be withdrawn */
    if (ring_pending(&u->ring) > 0) {
        return NULL;
    }
    struct io_uring_sqe *sqe = uring_sqe(u);
    u->answer = ANSWER_NONE;
    u->answer_sequence++;
    sqe->user_data = tag_make(kind, u->answer_sequence, 0);
    return sqe;
}

/* -EBUSY: the kernel did not take it. -EIO: it did, and its answer is lost. */
static int answer(struct uring_loop *u)
{
    uring_flush(u);
    if (ring_pending(&u->ring) > 0) {
        ring_withdraw(&u->ring);
        return -EBUSY;
    }
    uring_harvest(u);
    for (int i = 0; i < ATTEMPTS_MAX && u->answer == ANSWER_NONE && ring_is_overflown(&u->ring);
         i++) {
        u->base.stats.cq_overflows += i == 0;
        int failed = ring_enter(&u->ring, 0);
        MAYBE(failed != 0); /* EBUSY, EINTR: looked at again */
        (void)failed;
        uring_harvest(u);
    }
    return u->answer == ANSWER_NONE ? -EIO : u->answer;
}

void uring_direct_answered(struct uring_loop *u, enum tag_kind kind, uint32_t sequence, int result)
{
    const uint32_t mask = (1u << LOOP_GENERATION_BITS) - 1;
    if (sequence == (u->answer_sequence & mask)) {
        u->answer = result;
    } else if (kind == TAG_INSTALLED && result >= 0) {
        close(result); /* nobody waits for it any more */
    }
}

/* Reading. */

static int64_t receive(struct loop_base *base, uint32_t slot, uint8_t *room, size_t size)
{
    struct uring_loop *u = CONTAINER_OF(base, struct uring_loop, base);
    struct io_uring_sqe *sqe = ask(u, TAG_RECEIVED);
    if (sqe == NULL) {
        return -EBUSY;
    }
    uint64_t tag = sqe->user_data;
    io_uring_prep_recv(sqe, (int)slot, room, size, MSG_DONTWAIT);
    sqe->flags |= u->file_flags;
    sqe->user_data = tag;
    int got = answer(u);
    return got == -EINTR ? -EBUSY : got;
}

/* A descriptor for a socket of the table, to be closed at once; or a negative errno. */
static int install(struct uring_loop *u, uint32_t slot)
{
    struct io_uring_sqe *sqe = ask(u, TAG_INSTALLED);
    if (sqe == NULL) {
        return -EBUSY;
    }
    sqe->opcode = RH_OP_FIXED_FD_INSTALL;
    sqe->fd = (int)slot;
    sqe->flags = u->file_flags;
    return answer(u);
}

/* Empties the entry, which closes the socket. */
static void release(struct loop_base *base, uint32_t slot)
{
    struct uring_loop *u = CONTAINER_OF(base, struct uring_loop, base);
    const int none = -1;
    if ((u->base.slots[slot].flags & SLOT_RESET) != 0) {
        int fd = install(u, slot);
        if (fd >= 0) { /* else the peer gets a FIN */
            loop_base_linger_at_once(fd);
            close(fd);
        }
    }
    int updated = io_uring_register_files_update(&u->ring.uring, slot, &none, 1);
    ASSERT(updated == 1);
}

/* The table. */

int uring_direct_open(struct uring_loop *u)
{
    struct rlimit files;
    if (!u->base.options.sends_inline) {
        return -EINVAL; /* sendmsg(2) wants a descriptor */
    }
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return -errno;
    }
    int failed = io_uring_register_files_sparse(&u->ring.uring, u->base.options.slots_max);
    if (failed != 0) {
        return failed;
    }
    rlim_t limit = MIN_OF(files.rlim_cur, (rlim_t)INT32_MAX);
    u->accepted_fd_max = (int)(limit - MIN_OF(limit / 4, (rlim_t)DESCRIPTORS_KEPT));
    u->file_flags = IOSQE_FIXED_FILE;
    u->base.receive = receive;
    u->base.release = release;
    return 0;
}

int uring_direct_put(struct uring_loop *u, uint32_t slot, int fd)
{
    ASSERT(slot < u->base.options.slots_max);
    int updated = io_uring_register_files_update(&u->ring.uring, slot, &fd, 1);
    if (updated != 1) {
        return updated < 0 ? updated : -EIO;
    }
    close(fd);
    return 0;
}

void uring_direct_shutdown_write(struct uring_loop *u, uint32_t slot)
{
    int fd = install(u, slot);
    if (fd >= 0) { /* else the FIN comes with the close */
        (void)shutdown(fd, SHUT_WR);
        close(fd);
    }
}

/* Accepting. A new descriptor gets the lowest free number, so that number says how many are open: those
 * on their way to other workers in envelopes too. */

static void accept_rest(struct uring_loop *u, struct listener *listener)
{
    u->accept_rests = true;
    listener->resume_ns = u->base.now_ns + (uint64_t)REST_MS * 1000u * 1000u;
}

/* The number a descriptor opened now would get is too high. */
static bool is_crowded(const struct uring_loop *u)
{
    int fd = fcntl(u->base.wake_fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0) {
        close(fd);
    }
    return fd < 0 || fd > u->accepted_fd_max;
}

bool uring_direct_has_room(struct uring_loop *u, struct listener *listener)
{
    if (u->accept_rests && is_crowded(u)) {
        accept_rest(u, listener);
        return false;
    }
    u->accept_rests = false;
    return true;
}

bool uring_direct_has_room_after(struct uring_loop *u, struct listener *listener, int fd)
{
    if (fd > u->accepted_fd_max) {
        accept_rest(u, listener);
        return false;
    }
    return true;
}
