/*
 * interest.h - which other workers want this subject, and how many members do they have of a group?
 *
 *   literal   40 bits of the keyed hash ──▶ mask of workers
 *                                    (subjects that share them cost empty envelopes; whoever announces
 *                                    them counts its own subjects, see hub_subscribe.c)
 *   wildcard  pattern ──▶ mask                        exact
 *   group     pattern, queue name ──▶ members per worker, exact: the publisher's worker picks
 *
 * Threads:     owner worker only; fed by records from the others' inboxes.
 * Memory:      owns its tables. The literal table is 256 tables of their own, so that growing one
 *              of a million subjects is a pause of microseconds. Eight bits of a hash tell which, the
 *              other 32 are stored, twelve slots to a cache line (of 4 bytes and a bit for each
 *              worker; 10, 8 and 5 slots with more than 8, 16 and 32 workers); between 1/4 and 4/5
 *              are in use, 0.64 and more while it grows.
 */
#ifndef RINGHUB_CORE_INTEREST_H
#define RINGHUB_CORE_INTEREST_H

#include "core/envelope.h"
#include "core/index.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { INTEREST_PARTS = 256 };

/* The bits of a hash that say what a literal's interest is: hashes that agree in these are one. */
#define INTEREST_HASH_BITS 0xFF000000FFFFFFFFull

/* Lines of the processor's cache, each of words, the low halves of hashes, and behind them as many
 * masks: who looks a hash up waits for one line in most cases. It is looked for from the start of its
 * line on. */
struct interest_part {
    uint32_t *words; /* of all lines; 0: free */
    uint32_t count;
    uint32_t lines;     /* 0: no array */
    uint64_t mask_of_0; /* of the hash whose low half is 0 */
};

struct interest_group {
    struct interest_group *next;
    uint32_t members; /* on all other workers together */
    uint16_t name_size;
    uint32_t *counts; /* per worker, behind the name */
    uint8_t name[];
};

struct interest_entry {
    struct index_entry base; /* first */
    uint64_t mask;           /* plain wildcard interest */
    struct interest_group *groups;
};

struct interest {
    uint32_t workers_count;
    uint64_t literals; /* known */
    struct index *patterns;
    uint64_t patterns_count;
    uint64_t parts_bytes;
    uint64_t groups_bytes;
    uint32_t mask_bytes; /* 1, 2, 4 or 8 */
    uint32_t line_slots; /* words to a line */
    struct interest_part parts[INTEREST_PARTS];
};

void interest_init(struct interest *interest, uint32_t workers_count, uint64_t hash_key);
void interest_free(struct interest *interest);

/* One change, from worker. */
void interest_apply(struct interest *interest, uint32_t worker,
                    const struct interest_record *record);

/* Workers with a literal subscription of this hash, or of one that agrees in INTEREST_HASH_BITS. */
uint64_t interest_literal(const struct interest *interest, uint64_t hash);

/* A hint: what interest_literal will look at is fetched. */
void interest_fetch(const struct interest *interest, uint64_t hash);

/* Bytes of the tables. */
uint64_t interest_bytes(const struct interest *interest);

/* True when no worker wants anything: the state after everybody left. */
bool interest_is_empty(const struct interest *interest);

void interest_check(const struct interest *interest);

#ifdef __cplusplus
}
#endif
#endif
