/*
 * group.h - did exactly one member of a queue group get each message, and were the shares even?
 *
 *   seen[stream]   one bit per sequence: some member has it
 *   next[member][stream]   a member's own order: what it gets of a stream only goes up
 *
 * Threads:     one group belongs to one driver, with all its members.
 * Memory:      owns its tables: a bit per message and stream, dropped at group_close, and 4 bytes
 *              per member and stream.
 * Limits:      GROUP_AHEAD_MAX: a sequence further ahead than that counts as foreign, so that a
 *              damaged number does not take gigabytes.
 * Invariants:  (1) delivered is the number of bits set since the last group_close.
 */
#ifndef RINGHUB_LOADGEN_GROUP_H
#define RINGHUB_LOADGEN_GROUP_H

#include "loadgen/witness.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GROUP_AHEAD_MAX = 1 << 28 };

struct group_stream {
    uint64_t *seen; /* owned; sequences from base on */
    uint32_t words;
    uint32_t base; /* where this run began */
};

struct group {
    uint32_t members;
    uint32_t streams;
    struct group_stream *seen; /* per stream */
    uint32_t *next;            /* [member][stream]: above the highest sequence it got */
    struct witness_counts counts;
    uint64_t passed; /* messages delivered or given up, all runs: its progress */
};

void group_init(struct group *group, uint32_t members, uint32_t streams);
void group_free(struct group *group);

/* A message whose header was right. Returns false for a duplicate, and what was never sent. */
MUST_USE bool group_take(struct group *group, uint32_t member, uint32_t stream, uint32_t sequence);

/* Nothing more will come: counts as lost what nobody got of what was sent. The next run begins
 * behind it. */
void group_close(struct group *group, const uint32_t *sent);

/* Forgets the counts, not the sequences. */
void group_reset(struct group *group);

/* Asserts the invariants. */
void group_check(const struct group *group);

#ifdef __cplusplus
}
#endif
#endif
