/*
 * atomic_steps.h - a hook before every labelled atomic of a module that the test #includes as .c.
 *
 * Include first; it wraps the _explicit atomics so that step_hook runs before each. In one thread
 * the hook plays the other party at a chosen point; in many it yields at random.
 *
 * Threads:     step_hook is set before threads start.
 */
#ifndef RINGHUB_TESTS_SUPPORT_ATOMIC_STEPS_H
#define RINGHUB_TESTS_SUPPORT_ATOMIC_STEPS_H

#include "core/base.h"

static void (*step_hook)(void);

static inline void step(void)
{
    if (step_hook != NULL) {
        step_hook();
    }
}

#undef atomic_exchange_explicit
#undef atomic_store_explicit
#undef atomic_load_explicit
#ifdef __clang__
#define atomic_exchange_explicit(p, v, order) (step(), __c11_atomic_exchange((p), (v), (order)))
#define atomic_store_explicit(p, v, order)    (step(), __c11_atomic_store((p), (v), (order)))
#define atomic_load_explicit(p, order)        (step(), __c11_atomic_load((p), (order)))
#else
#define atomic_exchange_explicit(p, v, order) (step(), __atomic_exchange_n((p), (v), (order)))
#define atomic_store_explicit(p, v, order)    (step(), __atomic_store_n((p), (v), (order)))
#define atomic_load_explicit(p, order)        (step(), __atomic_load_n((p), (order)))
#endif

#endif
