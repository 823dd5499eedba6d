/*
 * doorbell.h - must this push wake the inbox's owner? Decides; io/ performs the wake.
 *
 *   producer                                   owner
 *   mpsc_push           P1 exchange head       doorbell_prepare_sleep   D3 store sleeping = 1
 *   doorbell_should_ring D1 load sleeping      doorbell_may_sleep       C3 load head
 *                       D2 exchange sleeping     yes: sleep in the kernel;  no: go on
 *   true: wake the owner                       doorbell_awake           D4 store sleeping = 0
 *
 * No wake is lost. P1, D1, D2, D3 and C3 are sequentially consistent, so they stand in one order.
 * Either P1 comes before C3: then the owner sees the place taken (linked or not) and does not
 * sleep. Or C3 comes before P1: then D3 < C3 < P1 < D1, so the producer finds sleeping = 1 unless
 * another producer's D2 took it since D3, and that one rings. With several producers exactly one D2
 * gets the 1, so one sleep costs one wake. A wake posted before the owner is in the kernel must not
 * be lost there: an eventfd's count and a completion queue entry both wait for the sleeper.
 *
 * Why not weaker: a release store for D3 may sit in the store buffer while C3 reads an old head;
 * the producer then reads sleeping = 0, and both are wrong at once. Operations and no fences,
 * because ThreadSanitizer understands only the former. tests/model/inbox.pml checks all this, and
 * that each weakening is found.
 *
 * Threads:     doorbell_should_ring: any worker, after its push. All else: owner only.
 * Memory:      owns nothing. A cache line of its own: every producer reads it after every push.
 * Invariants:  (1) The owner never sleeps with sleeping = 0 unless a wake is on its way.
 * Beware:      late wakes happen (the owner got up by itself, or found work at C3) and must be
 *              harmless. An owner of several inboxes asks doorbell_may_sleep for each, after one
 *              doorbell_prepare_sleep.
 */
#ifndef RINGHUB_CORE_DOORBELL_H
#define RINGHUB_CORE_DOORBELL_H

#include "core/base.h"
#include "core/mpsc.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doorbell {
    alignas(CACHE_LINE) ATOMIC(uint32_t) sleeping; /* 0 or 1 */
};

/* Before any other thread knows the doorbell. The owner counts as awake. */
static inline void doorbell_init(struct doorbell *d)
{
    /* Relaxed: no other thread knows it yet. */
    atomic_store_explicit(&d->sleeping, 0u, memory_order_relaxed);
}

/* Any worker, after its push (one call for many pushes to the same owner is enough). True for
 * exactly one producer per sleep: that one must wake the owner. */
MUST_USE static inline bool doorbell_should_ring(struct doorbell *d)
{
    /* D1: pairs with D3, after our P1. A plain look first, so that the line stays shared while the
     * owner is awake. */
    if (atomic_load_explicit(&d->sleeping, memory_order_seq_cst) == 0) {
        return false;
    }
    /* D2: pairs with D2 of the other producers. */
    return atomic_exchange_explicit(&d->sleeping, 0u, memory_order_seq_cst) != 0;
}

/* Owner only. From here on producers ring. */
static inline void doorbell_prepare_sleep(struct doorbell *d)
{
    /* D3: pairs with D1. */
    atomic_store_explicit(&d->sleeping, 1u, memory_order_seq_cst);
}

/* Owner only, after doorbell_prepare_sleep. False: there is work, or somebody rang already; call
 * doorbell_awake and go on. */
MUST_USE static inline bool doorbell_may_sleep(const struct doorbell *d, const struct mpsc *q)
{
    /* C3 is in mpsc_is_empty. The relaxed look saves a sleep that would end at once; the argument
     * does not need it. */
    return mpsc_is_empty(q) && atomic_load_explicit(&d->sleeping, memory_order_relaxed) != 0;
}

/* Owner only, after sleeping or deciding not to. */
static inline void doorbell_awake(struct doorbell *d)
{
    /* D4, relaxed: a producer that still sees 1 rings once too often. It cannot pass the next D3,
     * which writes the same word. The look first saves the write where a producer cleared it. */
    if (atomic_load_explicit(&d->sleeping, memory_order_relaxed) != 0) {
        atomic_store_explicit(&d->sleeping, 0u, memory_order_relaxed);
    }
}

#ifdef __cplusplus
}
#endif
#endif
