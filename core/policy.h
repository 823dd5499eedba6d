/*
 * policy.h - what happens to a subscriber that is behind, by subject; and what a client may use.
 *
 *   SUB ticks.eur ──▶ policies_find ──▶ the most specific rule whose pattern covers it, or the default
 *
 * A rule governs a subscription if it matches every subject that the subscription can match. So a
 * subscription to ">" is governed by the default, whatever rules there are for parts of it. Of
 * several rules the most specific counts: token by token from the left, a name before "*", "*" before
 * ">"; of two equal ones the first.
 *
 * Threads:     written by the main thread before workers see it; immutable then, read by all.
 * Memory:      owns its patterns. Rules found are borrowed as long as the whole lives.
 * Limits:      POLICY_RULES_MAX rules, the default included. Each has a row among the counters of
 *              struct metrics that its pattern keeps as long as the process lives.
 */
#ifndef RINGHUB_CORE_POLICY_H
#define RINGHUB_CORE_POLICY_H

#include "core/bucket.h"
#include "core/bytes.h"
#include "core/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { POLICY_RULES_MAX = METRICS_POLICIES_MAX };

enum policy_kind {
    POLICY_DISCONNECT,  /* over its limit it is closed, as NATS does */
    POLICY_DROP_NEWEST, /* what comes while it is over its limit is dropped */
    POLICY_DROP_OLDEST, /* what waits longest is dropped */
    POLICY_LATEST,      /* of each subject the newest message is kept, then as DROP_OLDEST */
    POLICY_WAIT,        /* publishers are held back for a while, then `then` */
    POLICY_KINDS_COUNT,
};

struct policy_rule {
    enum policy_kind kind;
    enum policy_kind then; /* WAIT: DISCONNECT, DROP_NEWEST or DROP_OLDEST */
    uint64_t max_pending; /* bytes one client may have pending under it; 0: the hub's max_pending */
    uint64_t
        max_wait_ns; /* WAIT: how long publishers are held back for a client that stays behind */
    uint32_t row;    /* of the counters */
    char *pattern;   /* owned by the policies */
};

/* What is done to a message over its publisher's rate. */
enum quota_action {
    QUOTA_DELAY, /* the publisher's input waits */
    QUOTA_DROP,  /* it is counted and forgotten */
    QUOTA_ERROR, /* the same, and the publisher is told */
};

/* What one client, or all clients of one user together, may publish. */
struct quota {
    struct bucket_rate messages;
    struct bucket_rate bytes; /* headers and payloads */
    enum quota_action action;
};

struct quotas {
    struct quota client;
    struct quota user;
    uint32_t connections_per_address; /* 0: no limit, here and below */
    uint32_t connections_per_user;
    struct bucket_rate accept;
};

static inline bool quota_is_set(const struct quota *quota)
{
    return quota->messages.per_second > 0 || quota->bytes.per_second > 0;
}

struct policies {
    struct quotas quotas;
    struct policy_rule rules[POLICY_RULES_MAX]; /* [0] is the default, its pattern ">" */
    uint32_t rules_count;
    char *rows[POLICY_RULES_MAX]; /* pattern of each row of counters; NULL: not used yet */
};

/* The default is DISCONNECT, and there is no quota. */
struct policies *policies_new(void);
void policies_free(struct policies *policies); /* NULL is fine */

enum policies_add_result {
    POLICIES_ADDED,
    POLICIES_INVALID, /* the pattern is none */
    POLICIES_TWICE,   /* there is a rule of this pattern */
    POLICIES_FULL,
};

/* Copies the rule and its pattern; row is not looked at. */
MUST_USE enum policies_add_result policies_add(struct policies *policies, struct bytes pattern,
                                               const struct policy_rule *rule);

/* After all rules were added to what takes the place of old: rows stay with their patterns. Rules
 * that find none free count in the default's. */
void policies_keep_rows(struct policies *policies, const struct policies *old);

/* The rule that governs a subscription; never NULL. */
const struct policy_rule *policies_find(const struct policies *policies, struct bytes subscription);

/* "drop_oldest"; the word of the configuration. */
const char *policy_name(enum policy_kind kind);

/* Does pattern match every subject that subscription matches? Both are valid subscriptions. */
bool policy_covers(struct bytes pattern, struct bytes subscription);

#ifdef __cplusplus
}
#endif
#endif
