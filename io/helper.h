/*
 * helper.h - threads beside each worker, for what would stall it: looking at credentials.
 *
 *   worker ──helper_push──▶ queue ─▶ bcrypt or Ed25519 ──the worker's inbox, doorbell──▶ worker
 *
 * Whoever is connected comes before whoever wants to be: the thread that does it has only the time that
 * nobody else wants. On a machine without such time nobody could log in, so a deputy looks after it: as
 * long as it gets less than a tenth of a CPU, the deputy does its work at that pace, and begins with
 * what it has in hand. So the deputy, which can hold up a worker for a few milliseconds at a time, runs
 * where there is no other way.
 *
 * The hub keeps at most PROOFS_MAX proofs here; who comes then waits in the hub, unread, and is closed
 * when its authentication timeout is over. Proofs come home in order, unless the deputy had to step in.
 *
 * Threads:     helper_new, helper_hurry, helper_free: the main thread. helper_push: its worker.
 * Memory:      owns its queue and a scratch for each thread; a proof is its own between push and the
 *              inbox. A proof is looked at in a copy, so that it can be taken over meanwhile.
 */
#ifndef RINGHUB_IO_HELPER_H
#define RINGHUB_IO_HELPER_H

#include "core/proof.h"
#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HELPER_THREADS = 2,
    HELPER_STACK_BYTES = 256 * 1024,
    HELPER_SCRATCH_BYTES = 64 * 1024, /* of bcrypt */
    HELPER_PATIENCE_MS = 100,         /* of the deputy */
};

struct helper;

/* Starts the threads. port and *loop are the worker's; *loop must be there by the time of the first
 * push. Returns 0 or a negative errno. */
MUST_USE int helper_new(struct port *port, struct loop *const *loop, uint32_t number,
                        struct helper **helper);
/* From here on it finds everything false at once: nobody waits for a hash to stop the hub. */
void helper_hurry(struct helper *helper);
/* All proofs are home, and its worker's thread has ended. NULL is fine. */
void helper_free(struct helper *helper);
/* For tests: proofs that the deputy looked at. */
uint64_t helper_deputized(const struct helper *helper);

void helper_push(struct helper *helper, struct proof *proof);

/* Do the credentials prove what they should? Takes its time. */
struct helper_scratch;
struct helper_scratch *helper_scratch_new(void);
void helper_scratch_free(struct helper_scratch *scratch);
bool helper_check(struct helper_scratch *scratch, const struct proof *proof);

#ifdef __cplusplus
}
#endif
#endif
