/*
 * terms.h - what binds a session beyond the ordinary: policies of its subscriptions, quotas.
 *
 *   session ──▶ terms ──▶ lane (one rule of the slow-subscriber policy): bytes, messages, its gate
 *                  └────▶ buckets: what it may publish
 *
 * A lane is what one client has pending under one rule. Its subscriptions are alone in their
 * audiences, so that each of its messages is a RUN entry of its own kind in the pending list, and
 * whole messages that were not begun can be taken out.
 *
 * Threads:     owner worker only.
 * Memory:      owned by the session; NULL for most.
 * Invariants:  (1) a lane's bytes and messages are the sums over the RUN entries that carry its
 *              number. (2) lanes_bytes is the sum over the lanes. (3) gated: publishers of its
 *              subscriptions' subjects are held back, on every worker.
 */
#ifndef RINGHUB_CORE_TERMS_H
#define RINGHUB_CORE_TERMS_H

#include "core/list.h"
#include "core/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

struct session;

enum { LANES_MAX = POLICY_RULES_MAX };

struct lane {
    struct policy_rule rule; /* its pattern is not looked at: the rules may be others by now */
    uint64_t bytes;          /* whole frames; one that was begun counts whole */
    uint64_t messages;
    uint64_t looked_at;  /* LATEST: messages that were left when it was last gone through */
    uint64_t gate_ns;    /* gated: when patience ends */
    uint32_t subs_count; /* 0 and no messages: free to become another */
    bool gated;
    bool gave_up; /* WAIT: its patience ended; what `then` says until it has caught up */
};

struct terms {
    struct session *session;
    struct lane *lanes; /* lane n is lanes[n - 1] */
    uint32_t lanes_count;
    uint32_t lanes_capacity;
    uint64_t lanes_bytes;
    uint32_t patient_subs; /* subscriptions whose policy is not DISCONNECT */
    struct list over_link; /* hub->over: a lane is to be looked at when the turn ends */
    uint64_t gates_ns;     /* the first of the lanes' gate_ns; UINT64_MAX: none */

    struct bucket messages;
    struct bucket bytes;
    uint64_t resume_ns;      /* PAUSE_RATE ends; UINT64_MAX: none */
    struct address *address; /* a place of it; NULL: none */
};

/* What a policy does to the lane now. */
static inline enum policy_kind lane_policy(const struct lane *lane)
{
    return lane->gave_up ? lane->rule.then : lane->rule.kind;
}

#ifdef __cplusplus
}
#endif
#endif
