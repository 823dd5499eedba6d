/*
 * metrics.h - what did one worker do? Counters under names, and histograms.
 *
 * Threads:     owner worker only; plain words. Who wants to read from outside gets a copy made by
 *              the owner (metrics_add into an empty one sums the copies of several workers).
 * Memory:      values only; about 38 KiB.
 * Invariants:  (1) Every close has one close_reason and every delivery that did not happen one
 *                  drop_reason; nothing is lost under no name (law 1).
 *              (2) All fields are uint64_t, so that a sum is a sum of words; a histogram's max is
 *                  the exception, and is the larger of two.
 */
#ifndef RINGHUB_CORE_METRICS_H
#define RINGHUB_CORE_METRICS_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a session ended. close_reason_text gives the words of NATS' connz where it has them. */
enum close_reason {
    CLOSE_CLIENT,
    CLOSE_SLOW_PENDING,  /* more queued than max_pending */
    CLOSE_SLOW_DEADLINE, /* a write made no progress for write_deadline */
    CLOSE_WRITE_ERROR,
    CLOSE_READ_ERROR,
    CLOSE_PARSE_ERROR,
    CLOSE_STALE, /* pings unanswered */
    CLOSE_PROTOCOL_VIOLATION,
    CLOSE_BAD_CLIENT_PROTOCOL,
    CLOSE_MAX_CONNECTIONS,
    CLOSE_MAX_PAYLOAD,
    CLOSE_MAX_CONTROL_LINE,
    CLOSE_MAX_SUBSCRIPTIONS,
    CLOSE_SHUTDOWN,
    CLOSE_NO_RESPONDERS_NEEDS_HEADERS,
    CLOSE_AUTHENTICATION_FAILURE,
    CLOSE_AUTHENTICATION_TIMEOUT,
    CLOSE_MEMORY_LIMIT,  /* ours: the hub's memory budget chose this session as a victim */
    CLOSE_INPUT_STALLED, /* ours: held half a message longest when the ingest budget was full */
    CLOSE_MAX_ADDRESS,   /* ours: more connections than its address may have */
    CLOSE_MAX_USER,      /* more connections than its user may have */
    CLOSE_REASONS_COUNT,
};

/* Why a delivery did not happen; counted in deliveries. */
enum drop_reason {
    DROP_SESSION_CLOSED,   /* was pending when its session closed */
    DROP_SESSION_CLOSING,  /* matched a session that was already on its way out */
    DROP_PENDING_LIMIT,    /* would have passed max_pending: the session is closed for it */
    DROP_MEMORY_LIMIT,     /* was pending in a session the memory budget cut */
    DROP_SCRUB_REFUSED,    /* the scrub refused the message: one per message */
    DROP_RESERVED_SUBJECT, /* published to a subject clients may not use: one per message */
    DROP_NOT_PERMITTED,    /* the publisher or the subscriber has no permit for the subject */
    DROP_LAYOUT,           /* the subscriber's protocol cannot express the message */
    DROP_UNSUBSCRIBED,     /* the subscription ended while the message was on its way */
    DROP_GROUP_EMPTY,      /* no member of the queue group was left on any worker: one per group */
    DROP_SHUTDOWN,         /* the hub stopped with it queued */
    DROP_POLICY_NEWEST,    /* the subscriber was behind, its policy refused what came last */
    DROP_POLICY_OLDEST,    /* the same, its policy gave up what it had waited for longest */
    DROP_POLICY_REPLACED,  /* the same, a newer message of the subject took its place */
    DROP_RATE_LIMIT,       /* its publisher was over its rate: one per message */
    DROP_REASONS_COUNT,
};

/* Rules of the slow-subscriber policy that have counters of their own (policy.h). */
enum { METRICS_POLICIES_MAX = 64 };

/* What one rule dropped, as the three reasons DROP_POLICY_… count it over all rules. */
struct policy_drops {
    uint64_t newest;
    uint64_t oldest;
    uint64_t replaced;
};

/* Name and meaning, in the order monitoring prints them. */
#define METRICS_COUNTERS(X)                                                                        \
    X(messages_in)           /* publishes accepted by the parser */                                \
    X(bytes_in)              /* their header and payload bytes */                                  \
    X(messages_out)          /* deliveries: messages matched to sessions of this worker */         \
    X(bytes_out)             /* their header and payload bytes */                                  \
    X(received_bytes)        /* bytes read from sockets, protocol included */                      \
    X(sent_bytes)            /* bytes taken by sockets, protocol included */                       \
    X(publishes)             /* messages that passed the scrub */                                  \
    X(publishes_unheard)     /* of them, those that nobody anywhere subscribed to */               \
    X(publishes_replaced)    /* of them, those the scrub changed */                                \
    X(publishes_quarantined) /* of them, those the scrub sent elsewhere */                         \
    X(runs)                  /* canonical runs made */                                             \
    X(no_responders)         /* 503 answers */                                                     \
    X(sessions_opened)                                                                             \
    X(proofs) /* credentials that a helper looked at */                                            \
    X(subscriptions_added)                                                                         \
    X(subscriptions_removed)                                                                       \
    X(slow_consumers) /* sessions closed for being slow */                                         \
    X(sends)          /* sends asked of the kernel */                                              \
    X(sends_short)                                                                                 \
    X(sends_full)          /* the socket took nothing */                                           \
    X(sessions_blocked)    /* times a session began to wait for its socket */                      \
    X(inputs_deferred)     /* times a session's input waited for the next turn */                  \
    X(sessions_paused)     /* times a publisher was made to wait for others, or itself */          \
    X(sessions_held)       /* of them, those held back for a subscriber that is behind */          \
    X(sessions_slowed)     /* of them, those over their publish rate */                            \
    X(sessions_behind)     /* of them, those far behind in reading what they hear themselves */    \
    X(connections_refused) /* no slot or descriptor was left to say why */                         \
    X(connections_delayed) /* accepted and made to wait by the governor */                         \
    X(evacuations)         /* chunks copied to free the rest */                                    \
    X(turns)                                                                                       \
    X(turns_slept)       /* of them, those that slept in the kernel */                             \
    X(turns_gathered)    /* times one found more input before a large flush, which went along */   \
    X(inbox_half_linked) /* drains that waited for a preempted producer */                         \
    X(envelopes_sent)                                                                              \
    X(envelopes_received)                                                                          \
    X(envelopes_returned) /* came home with their verdict */                                       \
    X(group_repicks)      /* queue messages that needed a second member */                         \
    X(interest_records)   /* interest changes sent to other workers */                             \
    X(interest_received)                                                                           \
    X(interest_bytes) /* of the changes sent, with the envelopes and what holds them together */   \
    X(doorbells_rung)                                                                              \
    X(doorbells_heard)

/* Sampled means: one in so many, chosen without looking at it (core/hub_sample.c). */
#define METRICS_HISTOGRAMS(X)                                                                       \
    X(turn_ns)       /* length of a turn, without its sleep */                                      \
    X(completion_ns) /* sampled runs: ingress until all who could take it had it, on all workers */ \
    X(delivery_ns)   /* sampled sends: ingress of the oldest message until the kernel took it */    \
    X(send_bytes)    /* sampled sends: size */                                                      \
    X(send_messages) /* sampled sends: messages */                                                  \
    X(run_bytes)     /* sampled runs: size */                                                       \
    X(run_messages)  /* sampled runs: messages */                                                   \
    X(stream_bytes)  /* turns with a sampled run: bytes rendered for an audience */                 \
    X(inbox_depth)   /* envelopes found in the inbox, where there were any */

enum {
    HISTOGRAM_SUB_BITS = 3, /* 8 buckets for each power of two: a value is known to 12.5 % */
    HISTOGRAM_SUBS = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUBS,
};

/* Log-linear: values below 8 each have a bucket, then every power of two is cut in 8. */
struct histogram {
    uint64_t count;
    uint64_t sum; /* wraps after 2^64: 584 years of nanoseconds */
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

struct metrics {
#define X(name) uint64_t name;
    METRICS_COUNTERS(X)
#undef X
    uint64_t sessions_closed[CLOSE_REASONS_COUNT];
    uint64_t deliveries_dropped[DROP_REASONS_COUNT];
    struct policy_drops policy_drops[METRICS_POLICIES_MAX];
#define X(name) struct histogram name;
    METRICS_HISTOGRAMS(X)
#undef X
};

void metrics_init(struct metrics *metrics);

/* The histograms by position, as the counters below. */
MUST_USE size_t metrics_histograms_count(void);
MUST_USE const char *metrics_histogram_name(size_t position);
MUST_USE const struct histogram *metrics_histogram(const struct metrics *metrics, size_t position);

/* sum += one, word by word. */
void metrics_add(struct metrics *sum, const struct metrics *one);

/* The plain counters by position, 0 to metrics_counters_count() - 1, for monitoring. */
MUST_USE size_t metrics_counters_count(void);
MUST_USE const char *metrics_counter_name(size_t position);
MUST_USE uint64_t metrics_counter(const struct metrics *metrics, size_t position);

MUST_USE uint64_t metrics_sessions_closed(const struct metrics *metrics);    /* all reasons */
MUST_USE uint64_t metrics_deliveries_dropped(const struct metrics *metrics); /* all reasons */

/* "Slow Consumer (Pending Bytes)": the text of connz. */
MUST_USE const char *close_reason_text(enum close_reason reason);
/* "pending_limit": a word for a metric's label. */
MUST_USE const char *drop_reason_text(enum drop_reason reason);

MUST_USE static inline uint32_t histogram_bucket(uint64_t value)
{
    if (value < HISTOGRAM_SUBS) {
        return (uint32_t)value;
    }
    uint32_t shift = 63 - HISTOGRAM_SUB_BITS - (uint32_t)__builtin_clzll(value);
    return (shift << HISTOGRAM_SUB_BITS) + (uint32_t)(value >> shift);
}

/* O(1), no branch on the data but the first. */
static inline void histogram_record(struct histogram *h, uint64_t value)
{
    h->count++;
    h->sum += value;
    h->max = MAX_OF(h->max, value);
    h->buckets[histogram_bucket(value)]++;
}

void histogram_add(struct histogram *sum, const struct histogram *one);

/* The smallest and largest value that fall into a bucket. */
MUST_USE uint64_t histogram_bucket_min(uint32_t bucket);
MUST_USE uint64_t histogram_bucket_max(uint32_t bucket);

/* An upper bound of the value below or at which permille/1000 of the values lie (999: p99.9); never
 * above max. 0 when nothing was recorded. permille up to 1000. */
MUST_USE uint64_t histogram_quantile(const struct histogram *h, uint32_t permille);

#ifdef __cplusplus
}
#endif
#endif
