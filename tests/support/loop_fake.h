/*
 * loop_fake.h - io/loop.h without a kernel: sockets are byte pipes that the test owns, and a seed
 * decides how badly the kernel behaves.
 *
 *   test ── fake_client_write ──▶ pipe ──▶ loop_wait: BYTES        (torn, late, out of buffers)
 *   test ◀── fake_client_read ─── pipe ◀── loop_send: all, short, full or dead
 *
 * One world holds the loops of all workers. loop_open (tests/support/loop_fake_open.c) and
 * loop_fake_open make a loop in the world of the thread's last fake_world_use.
 *
 * Accepted descriptors are numbers from FAKE_FD_FIRST up that the kernel does not know: system
 * calls on them fail with EBADF. They may be added to any loop of the world.
 *
 * A wait never sleeps: it reports a seeded choice of what is ready, maybe nothing. Who wants to see
 * lost doorbells sets a hook: it is called at the start of each wait, may run others meanwhile, and
 * returns when this loop shall go on (fake_loop_is_runnable, or its time has come).
 *
 * Threads:     one thread per world.
 * Memory:      the world owns loops' sockets and clients; each BYTES event is an allocation of its
 *              own, freed when its loan ends, so that ASan sees a worker that keeps it too long.
 * Invariants:  (1) Whatever faults say, bytes keep their order, none is lost on a connection that
 * is not reset, and a wait repeated often enough reports everything. (2) Same seed and same calls:
 * same events.
 */
#ifndef RINGHUB_TESTS_SUPPORT_LOOP_FAKE_H
#define RINGHUB_TESTS_SUPPORT_LOOP_FAKE_H

#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FAKE_FD_FIRST = 1 << 24 };

/* What can go wrong. Each is met with its probability whenever it could happen. */
enum fake_fault {
    FAKE_TORN_READ,          /* BYTES of a part; the rest in a later wait */
    FAKE_SHORT_SEND,         /* a send takes a part though there was room */
    FAKE_FULL_SEND,          /* -EAGAIN though there was room; WRITABLE follows when waited for */
    FAKE_LATE_EVENT,         /* a slot's news is held back to a later wait */
    FAKE_LATE_CLOSED,        /* CLOSED takes some waits */
    FAKE_BYTES_AFTER_DISARM, /* one more BYTES after loop_read_disarm */
    FAKE_NO_BUFFERS,         /* ENOBUFS: no more BYTES in this wait */
    FAKE_MULTISHOT_END,      /* a receive ended and is armed again; costs a wait */
    FAKE_CAP_20,             /* a wait runs at most 20 completions (Linux 6.13) */
    FAKE_OVERFLOW,           /* the completion queue was full: a wait reports only its start */
    FAKE_SHORT_SUBMIT,       /* a call of loop_send took two submits; only stats may tell */
    FAKE_EMPTY_WAIT,         /* a wait returns nothing though something is ready (a signal) */
    FAKE_SPURIOUS_WAKE,      /* WAKE that nobody rang for */
    FAKE_SPURIOUS_WRITABLE,  /* WRITABLE and the socket is full still */
    FAKE_ACCEPT_FAILED,      /* ACCEPT_FAILED with -EMFILE; the client waits on */
    FAKE_NETWORK_RESET,      /* the connection dies in the middle, at a read or a send */
    FAKE_END_WITH_BYTES,     /* EOF or ERROR in the same wait as the last BYTES */
    FAKE_ORDER,              /* events of different slots in shuffled order */
    FAKE_FAULTS,
};

struct fake_world;
struct fake_client;

/* Starts without faults. Also makes it the thread's current world. */
struct fake_world *fake_world_new(uint64_t seed);
/* After every loop of it was freed. Frees the clients that are left. */
void fake_world_free(struct fake_world *world);
/* What loop_open and loop_fake_open of this thread use. NULL: none. */
void fake_world_use(struct fake_world *world);
/* Per mille, 0 (never) to 1000 (always; not for faults that would stop all progress). */
void fake_world_fault(struct fake_world *world, enum fake_fault fault, uint32_t per_mille);
/* All faults but the network's reset at once. */
void fake_world_faults(struct fake_world *world, uint32_t per_mille);
/* How often a fault was met, and its name. */
uint64_t fake_world_met(const struct fake_world *world, enum fake_fault fault);
const char *fake_fault_name(enum fake_fault fault);
/* Capacity in bytes of the pipes of clients connected from now on; 64 KiB each at first. */
void fake_world_capacity(struct fake_world *world, size_t to_hub, size_t to_client);
/* Called at the start of every loop_wait, before anything is gathered. NULL: no hook. */
typedef void (*fake_wait_hook)(void *context, struct loop *loop, uint64_t timeout_ns);
void fake_world_on_wait(struct fake_world *world, fake_wait_hook hook, void *context);

/* A loop in the current world, whatever options.backend says. */
MUST_USE int loop_fake_open(const struct loop_options *options, struct loop **loop);
/* True if the next wait would, or with faults might, report something: a wake or news of a socket.
 */
bool fake_loop_is_runnable(const struct loop *loop);
/* True if loop_wake came and no wait has reported it. */
bool fake_loop_is_woken(const struct loop *loop);
/* The timeout of the last wait: what the scheduler's clock may skip when nothing is runnable. */
uint64_t fake_loop_timeout_ns(const struct loop *loop);
/* Slots in use, for leak checks. */
uint32_t fake_loop_slots_used(const struct loop *loop);

/* Takes the socket out of its slot, which is free at once, and returns its descriptor: what a
 * hand-over of a session does to the old loop. Its news starts afresh where loop_add puts it. */
int fake_loop_release(struct loop *loop, uint32_t slot);

/* A new connection, waiting to be accepted by this loop; also before loop_accept was called. The
 * client is the world's; fake_client_forget says that the test lost interest. */
struct fake_client *fake_connect(struct loop *loop);
/* Sends to the hub. Returns how many bytes the pipe took; 0 after the client or the hub ended. */
size_t fake_client_write(struct fake_client *client, struct bytes bytes);
/* Receives at most max bytes from the hub. 0: nothing now, or the end (ask). */
size_t fake_client_read(struct fake_client *client, void *to, size_t max);
/* Bytes waiting to be read; bytes the hub has not read yet. */
size_t fake_client_readable(const struct fake_client *client);
size_t fake_client_unread_by_hub(const struct fake_client *client);
/* FIN: the client sends nothing more but still reads. */
void fake_client_shutdown(struct fake_client *client);
/* The client is gone: FIN, or RST if it left bytes unread. What the hub sends then makes RST. */
void fake_client_close(struct fake_client *client);
void fake_client_reset(struct fake_client *client);
/* True once the hub let go of its end (loop_close_slot), whatever the client has seen of it. */
bool fake_client_is_left_by_hub(const struct fake_client *client);
/* Closes if open; the handle is not valid any more. */
void fake_client_forget(struct fake_client *client);

enum fake_client_state {
    FAKE_CLIENT_WAITING, /* not accepted yet */
    FAKE_CLIENT_OPEN,    /* both ways, or our half is shut */
    FAKE_CLIENT_EOF,     /* all was read and the hub sent FIN */
    FAKE_CLIENT_RESET,   /* all was read and the hub, or the network, sent RST */
    FAKE_CLIENT_CLOSED,  /* by fake_client_close or fake_client_reset */
};
enum fake_client_state fake_client_state(const struct fake_client *client);

#ifdef __cplusplus
}
#endif
#endif
