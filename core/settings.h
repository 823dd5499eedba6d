/*
 * settings.h - all that can change without a restart, as one immutable whole.
 *
 *   main thread: settings_new ▶ fill ▶ one ORDER_SETTINGS to each worker ····▶ settings_free(old)
 *   worker:                      swaps at the start of a turn ▶ walks its      when nobody holds it
 *                                sessions, some a turn ▶ settings_release(old)
 *
 * A delivery looks at nothing here: what the path of a message needs is copied into the hub when it
 * swaps, or is behind a pointer that is NULL where the feature is off. While a worker still walks,
 * sessions it has not come to may refer to what the old settings own.
 *
 * Threads:     filled by the main thread, then read by all. settings_hold, settings_release: any
 *              thread. All else: main thread.
 * Memory:      owns what its pointers name; each part has its own free, called by settings_free.
 * Invariants:  (1) nothing changes after it was given away. (2) it is freed when holders is 0.
 */
#ifndef RINGHUB_CORE_SETTINGS_H
#define RINGHUB_CORE_SETTINGS_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct access;   /* core/access.h: who may connect, and do what */
struct nats;     /* core/proto/nats.h: options and INFO of the front-end */
struct policies; /* core/policy.h */
struct scrub_rules;

struct settings {
    ATOMIC(uint32_t) holders;  /* workers that may still look at it */
    struct nats *nats;         /* a plain block of memory */
    struct scrub_rules *scrub; /* a reference; NULL: no rules */
    struct access *access;     /* a reference; NULL: no authorization */

    /* Of the whole hub. */
    uint32_t max_connections;
    uint64_t lame_duck_duration_ns;
    uint64_t lame_duck_grace_ns;

    /* Of a session. */
    uint32_t max_subscriptions; /* 0: no limit */
    uint64_t max_pending;       /* bytes */
    uint64_t write_deadline_ns;

    struct policies *policies; /* slow subscribers, quotas; NULL: none */
};

/* All zero. */
struct settings *settings_new(void);
/* ASSERTs that nobody holds it. NULL is fine. */
void settings_free(struct settings *settings);

void settings_hold(struct settings *settings, uint32_t holders);
/* The caller looks at it no more. */
void settings_release(struct settings *settings);
bool settings_is_held(const struct settings *settings);

#ifdef __cplusplus
}
#endif
#endif
