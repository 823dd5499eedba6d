/*
 * worker.h - one worker: a loop, a hub, and the turn that joins them.
 *
 *   thread:  for (;;) { worker_wait(w, now); worker_turn(w, now); }
 *
 * Makes no system call of its own: time is an argument (or the options' clock) and everything else
 * goes through the loop. So the simulation runs the same turn over the fake loop.
 *
 * Threads:     all calls from the worker's own thread; the ports and loops arrays are shared.
 * Memory:      owns its loop and hub; holds the settings it was given until it is given others and
 *              has made them known to its sessions.
 */
#ifndef RINGHUB_IO_WORKER_H
#define RINGHUB_IO_WORKER_H

#include "core/hub.h"
#include "core/proto/nats.h"
#include "io/helper.h"
#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

struct worker_options {
    struct hub_options hub;
    struct loop_options loop;
    struct settings *settings;     /* others come by ORDER_SETTINGS, held by the worker already */
    struct loop **loops;           /* of all workers, each filled in by its worker_open */
    ATOMIC(uint64_t) * client_ids; /* the next; shared */
    struct helper *helper;         /* looks at credentials; borrowed */
    const int *listener_fds;       /* worker 0 accepts for all */
    size_t listeners_count;
    uint32_t closed_max;     /* connections remembered after they are gone; 0: none */
    uint64_t (*clock)(void); /* the time within a turn, for samples of sends; NULL: the turn's */
};

struct worker;

/* Returns 0 or a negative errno. */
MUST_USE int worker_open(const struct worker_options *options, uint64_t now_ns,
                         struct worker **worker);
void worker_free(struct worker *worker);

/* Sleeps until there is work, and receives. The only place where it sleeps. */
void worker_wait(struct worker *worker, uint64_t now_ns);
/* Its two halves, for the simulation, where others run in between. begin says that this worker
 * sleeps and returns for how long it may; end does it. Every begin needs its end. */
MUST_USE uint64_t worker_wait_begin(struct worker *worker, uint64_t now_ns);
void worker_wait_end(struct worker *worker, uint64_t timeout_ns);

enum worker_turn {
    WORKER_TURNED,
    WORKER_HALF_LINKED, /* a producer is between its two steps: yield, and call again before
                         * anything else; nothing was parsed */
    WORKER_STOPPED,     /* every session is closed and every envelope home, here and elsewhere */
};

enum worker_turn worker_turn(struct worker *worker, uint64_t now_ns);

/* When the next turn is due even if nothing happens; UINT64_MAX: never. */
uint64_t worker_next_deadline(const struct worker *worker);

/* Between two turns: it has received what it did not parse yet. Who takes a session away then loses that. */
bool worker_holds_input(const struct worker *worker);

struct hub *worker_hub(struct worker *worker);
struct loop *worker_loop(struct worker *worker);

#ifdef __cplusplus
}
#endif
#endif
