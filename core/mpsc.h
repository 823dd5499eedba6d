/*
 * mpsc.h - a worker's inbox: any worker may push, only the owner pops.
 *
 *                     oldest                        newest
 *   the owner pops -> tail -> next -> next -> next -> head <- producers append
 *
 * Threads:     mpsc_push, mpsc_push_chain (and the two halves of a push): any worker. All else:
 *              owner only.
 * Memory:      intrusive. A node is the producer's until it is pushed, the owner's from the moment
 *              mpsc_pop returns it; in between it is the queue's and nobody may write it. The queue
 *              allocates and frees nothing.
 * Limits:      none of its own; who hands out the nodes bounds what can be queued.
 * Invariants:  (1) One producer's nodes come out in the order they went in, and a chain comes out
 *                  unbroken.
 *              (2) At rest and empty, head and tail both point at the stub.
 *              (3) The stub is in the queue at most once.
 *              (4) A push that had taken its place when mpsc_mark looked is popped, or makes the
 * caller wait, before mpsc_pop_until says MPSC_EMPTY. Beware:      between P1 and P2 of a push the
 * chain is cut, and mpsc_pop may find nodes it cannot reach yet: MPSC_HALF_LINKED. That is not
 * empty: never sleep on it, and where law 7 asks for a drain, wait for the link (spin, then yield;
 * a preempted producer is the only cause) and never skip it. Whether it is safe to sleep is
 * doorbell.h's question. The queue is over-aligned: what holds it comes from memory_alloc_aligned.
 *
 * The algorithm is Dmitry Vyukov's intrusive node-based MPSC queue.
 */
#ifndef RINGHUB_CORE_MPSC_H
#define RINGHUB_CORE_MPSC_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mpsc_node {
    ATOMIC(struct mpsc_node *) next;
};

struct mpsc {
    alignas(CACHE_LINE) ATOMIC(struct mpsc_node *) head; /* written by producers */
    alignas(CACHE_LINE) struct mpsc_node *tail;          /* written by the owner */
    struct mpsc_node stub;                               /* stands in for "no node left" */
};

enum mpsc_result {
    MPSC_NODE,        /* *node is yours */
    MPSC_EMPTY,       /* nothing was queued when we looked */
    MPSC_HALF_LINKED, /* a producer is between taking its place and linking; ask again */
};

/* Before any other thread knows the queue. */
void mpsc_init(struct mpsc *q);

/* Any worker. Wait-free. */
void mpsc_push(struct mpsc *q, struct mpsc_node *node);

/* Makes second follow first in a chain that nobody else can see yet. */
void mpsc_chain(struct mpsc_node *first, struct mpsc_node *second);

/* Any worker. Wait-free; one exchange for the whole chain, linked by mpsc_chain from first to last
 * (which may be the same node). */
void mpsc_push_chain(struct mpsc *q, struct mpsc_node *first, struct mpsc_node *last);

/* The two halves of mpsc_push, for tests and for the simulation, where a producer preempted between
 * them is a step of the schedule. begin takes the place and returns the node before it; finish
 * links. Every begin needs its finish, or the queue stays cut. Any worker. */
MUST_USE struct mpsc_node *mpsc_push_begin(struct mpsc *q, struct mpsc_node *node);
void mpsc_push_finish(struct mpsc_node *previous, struct mpsc_node *node);

/* Owner only. Takes the oldest node; *node is NULL unless the answer is MPSC_NODE. */
MUST_USE enum mpsc_result mpsc_pop(struct mpsc *q, struct mpsc_node **node);

/* Owner only. True when no push has taken a place that is not popped yet: a half-linked push counts
 * as there. Sequentially consistent (C3), see doorbell.h. */
MUST_USE bool mpsc_is_empty(const struct mpsc *q);

/* The newest place at some moment; NULL: all up to it was popped. Opaque. */
struct mpsc_end {
    const struct mpsc_node *newest;
};

/* Owner only. The newest place now: the end of a drain that producers cannot prolong. */
MUST_USE struct mpsc_end mpsc_mark(const struct mpsc *q);

/* Owner only. Like mpsc_pop, but answers MPSC_EMPTY once everything up to the mark was popped,
 * whatever came later. MPSC_HALF_LINKED: the mark is not reached, wait and ask again. Between
 * mpsc_mark and that MPSC_EMPTY only this function may pop. */
MUST_USE enum mpsc_result mpsc_pop_until(struct mpsc *q, struct mpsc_end *mark,
                                         struct mpsc_node **node);

/* Owner only; producers may be at work. Asserts invariants 2 and 3. */
void mpsc_check(const struct mpsc *q);

#ifdef __cplusplus
}
#endif
#endif
