/*
 * topology.h - who publishes what, and who must hear it?
 *
 *   publisher p ──streams t, t + P, …──▶ subject t mod K ──▶ subscribers of that subject
 *
 * A stream is what one publisher sends to one subject, numbered without gaps: so that a subscriber
 * can tell for each stream it hears whether something is missing. There are max(P, K) of them.
 * Literal subscriber i hears J subjects from (i times J) mod K on; a wildcard subscriber hears all.
 * So nobody hears a part of a block of gcd(J, K) subjects in a row: who counts what was sent to whom
 * counts by blocks.
 *
 *   the columns of a subscriber: its subjects in order, of each the streams that lead to it
 *
 * Where it subscribes to the same again, under other numbers, each such copy has all columns anew.
 *
 * Threads:     constant once made.
 * Memory:      owns the count of listeners, and the order of streams.
 * Limits:      TOPOLOGY_STREAMS_MAX; a publisher keeps a prepared frame for each of its streams.
 * Invariants:  (1) each stream belongs to one publisher and one subject.
 *              (2) different streams that a subscriber hears have different columns.
 */
#ifndef RINGHUB_LOADGEN_TOPOLOGY_H
#define RINGHUB_LOADGEN_TOPOLOGY_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TOPOLOGY_STREAMS_MAX = 1 << 20, TOPOLOGY_NONE = 0xffffffff };

/* What is asked for; counts. */
struct topology_plan {
    uint32_t publishers;
    uint32_t subjects;
    uint32_t subscribers; /* that must hear; those meant to stall are not among them */
    uint32_t each;        /* subjects of a literal subscriber */
    uint32_t wildcards;   /* of the subscribers, the first so many hear all */
    uint32_t copies;      /* equal subscriptions of a subscriber, each with its own deliveries */
    uint32_t groups;      /* 0: none; else all hear all, and one of each group gets a message */
};

struct topology {
    struct topology_plan plan;
    uint32_t streams;
    uint32_t per_subject; /* streams that lead to one subject, at most */
    uint32_t block;       /* subjects of one */
    uint32_t *listeners;  /* per subject: deliveries that one message makes */
    /* NULL: a publisher's streams take turns by number. Else the stream of turn t of publisher p, at
     * p + t times the publishers; and per stream its turn. */
    uint32_t *order;
    uint32_t *turns;
};

/* The subjects of a subscriber: first, first + 1, … modulo the number of subjects. */
struct topology_heard {
    uint32_t first;
    uint32_t count;
    bool wildcard; /* one subscription for all */
};

/* Returns NULL, or why the plan cannot be. */
const char *topology_contradiction(const struct topology_plan *plan);

/* plan: without contradiction. */
void topology_init(struct topology *topology, const struct topology_plan *plan);
/* From now on streams take turns in an order drawn from seed. */
void topology_shuffle(struct topology *topology, uint64_t seed);
void topology_free(struct topology *topology);

struct topology_heard topology_heard(const struct topology *topology, uint32_t subscriber);

/* How many streams publisher has: publisher + i times the publishers. */
uint32_t topology_streams_of(const struct topology *topology, uint32_t publisher);

/* Deliveries that should come of what each stream sent. */
uint64_t topology_expected(const struct topology *topology, const uint32_t *sent);

/* What a publisher sends to next, round for round. */
static inline uint32_t topology_stream(const struct topology *topology, uint32_t publisher,
                                       uint32_t turn)
{
    uint32_t at = publisher + turn * topology->plan.publishers;
    return topology->order != NULL ? topology->order[at] : at;
}

static inline uint32_t topology_turn(const struct topology *topology, uint32_t stream)
{
    return topology->turns != NULL ? topology->turns[stream] : stream / topology->plan.publishers;
}

static inline uint32_t topology_subject(const struct topology *topology, uint32_t stream)
{
    return stream % topology->plan.subjects;
}

static inline uint32_t topology_columns(const struct topology *topology,
                                        struct topology_heard heard)
{
    return heard.count * topology->per_subject * topology->plan.copies;
}

/* Where a subscriber counts a stream, in its first copy; the next copy is heard.count times
 * per_subject columns further. TOPOLOGY_NONE: it does not hear it. */
static inline uint32_t topology_column(const struct topology *topology, struct topology_heard heard,
                                       uint32_t stream)
{
    uint32_t subjects = topology->plan.subjects;
    if (subjects == 1) {
        return stream;
    }
    uint32_t place = (stream % subjects + subjects - heard.first) % subjects;
    return place < heard.count ? place * topology->per_subject + stream / subjects : TOPOLOGY_NONE;
}

#ifdef __cplusplus
}
#endif
#endif
