/*
 * timer.h - which deadlines have passed? A hierarchical wheel; time is an argument.
 *
 *   level 0:  64 slots of one tick       (1.05 ms)    holds what is due within   67 ms
 *   level 1:  64 slots of 64 ticks       (67 ms)                                4.3 s
 *   level 2:  64 slots of 4,096 ticks    (4.3 s)                                4.6 min
 *   …7 levels: every deadline the clock can name. A slot that time reaches is dealt out to the
 *   levels below, so a timer moves at most six times in its life.
 *
 *   timers_set ──▶ slot ──(time passes)──▶ lower slot ──▶ due ──▶ timers_expired
 *        └────────────── timers_cancel ◀──────────────────┘
 *
 * Threads:     owner worker only.
 * Memory:      intrusive, 24 bytes a timer; the wheel itself is 7 KiB and allocates
 *              nothing. A timer is borrowed until it expires or is cancelled.
 * Limits:      deadlines below TIMER_NEVER_NS (36 years); later ones are cut to it. Kinds below 16.
 * Invariants:  (1) A timer never fires before its deadline, and at most TIMER_TICK_NS after it, if
 *                  timers_expired is asked at the time timers_next said.
 *              (2) A timer is in the level where its tick first differs from the wheel's.
 *              (3) A level's occupied bit is set exactly when that slot holds a timer.
 * Beware:      a timer set again inside the loop over timers_expired with a deadline that has
 *              passed comes out of the same loop: give repeated timers a period above zero.
 *
 * The placement by highest differing digit follows the wheel in tokio; the idea is Varghese and
 * Lauck, "Hashed and hierarchical timing wheels", 1987.
 */
#ifndef RINGHUB_CORE_TIMER_H
#define RINGHUB_CORE_TIMER_H

#include "core/base.h"
#include "core/list.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TIMER_TICK_BITS = 20, /* 2^20 ns: 1.05 ms */
    TIMER_SLOT_BITS = 6,
    TIMER_SLOTS = 1 << TIMER_SLOT_BITS,
    TIMER_LEVELS = 7,
    TIMER_DEADLINE_BITS = 60,
    TIMER_KINDS_MAX = 16,
};

#define TIMER_TICK_NS  ((uint64_t)1 << TIMER_TICK_BITS)
#define TIMER_NEVER_NS (((uint64_t)1 << TIMER_DEADLINE_BITS) - 1)

static_assert(TIMER_TICK_BITS + TIMER_LEVELS * TIMER_SLOT_BITS > TIMER_DEADLINE_BITS,
              "the top level has a slot for every deadline");

struct timer {
    struct list link;
    uint64_t deadline_ns : TIMER_DEADLINE_BITS;
    uint64_t kind : 4; /* the caller's: which struct CONTAINER_OF finds around it */
};

static_assert(sizeof(struct timer) == 24, "every idle connection owns one");

struct timers {
    uint64_t tick; /* time as far as the wheel has turned */
    size_t count;
    struct list due;
    uint64_t occupied[TIMER_LEVELS]; /* a bit per slot */
    struct list slots[TIMER_LEVELS][TIMER_SLOTS];
};

/* Before first use; kind below TIMER_KINDS_MAX. */
static inline void timer_init(struct timer *timer, uint32_t kind)
{
    ASSERT(kind < TIMER_KINDS_MAX);
    list_init(&timer->link);
    timer->deadline_ns = TIMER_NEVER_NS;
    timer->kind = kind & (TIMER_KINDS_MAX - 1);
}

static inline bool timer_is_set(const struct timer *timer)
{
    return list_is_linked(&timer->link);
}

void timers_init(struct timers *timers, uint64_t now_ns);

/* Sets, or sets anew. A deadline that has passed fires at the next timers_expired. */
void timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns);

/* Safe on a timer that is not set. */
void timers_cancel(struct timers *timers, struct timer *timer);

/* One timer whose deadline has passed, now unset, or NULL when none is left: call until NULL.
 * Ordered by deadline to the tick. now_ns should not go back; if it does, time stands still. */
MUST_USE struct timer *timers_expired(struct timers *timers, uint64_t now_ns);

/* When to ask timers_expired next, in the clock's terms: now_ns when something is due, UINT64_MAX
 * when no timer is set. Until that time nothing expires; at that time, perhaps nothing yet (a far
 * deadline is rounded down to its slot). */
MUST_USE uint64_t timers_next(const struct timers *timers, uint64_t now_ns);

/* Timers set. */
MUST_USE size_t timers_count(const struct timers *timers);

/* Asserts invariants 2 and 3, and the count. */
void timers_check(const struct timers *timers);

#ifdef __cplusplus
}
#endif
#endif
