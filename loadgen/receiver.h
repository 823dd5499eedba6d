/*
 * receiver.h - those of a driver that hear: every frame is judged, some are timed.
 *
 *   bytes ─▶ frames that look as expected ──▶ header: who, which, when ─▶ witness or group, latency
 *        └─▶ anything else: the codec, which understands every frame at every cut
 *
 * Threads:     owner driver only.
 * Memory:      owns witness, order, groups and rows; borrows course.
 * Invariants:  (1) a client that hears has a row, and either columns in the witness or a place in a
 *                  group.
 */
#ifndef RINGHUB_LOADGEN_RECEIVER_H
#define RINGHUB_LOADGEN_RECEIVER_H

#include "loadgen/client.h"
#include "loadgen/course.h"
#include "loadgen/group.h"
#include "loadgen/order.h"
#include "loadgen/record.h"
#include "loadgen/witness.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of one read the first messages are all timed, then every so many-th, and the last. One that is
 * timed stands for those behind it until the next: they were due later, so no latency is reported
 * lower than it was. */
enum { RECEIVER_TIMED_FIRST = 8, RECEIVER_TIMED_EVERY = 16, RECEIVER_VERIFY_EVERY = 64 };

/* Skimming in closed loop: so many reads for one head. */
enum { RECEIVER_LOOK_EVERY = 16 };

/* What one client heard, while measuring. */
struct receiver_row {
    uint64_t delivered;
    uint64_t timed;
    uint64_t latency_ns; /* the sum over those timed */
    double weight;       /* what it hears, as others count: makes wildcards comparable */
};

struct receiver {
    struct course *course;
    struct witness witness;
    struct order order;
    struct group *groups;
    uint32_t groups_count;
    struct receiver_row *rows;
    uint32_t rows_count;
    uint32_t trailer_bytes;
    uint32_t verify_mask;
    uint64_t reads;           /* while measuring */
    uint64_t bytes;           /* while measuring */
    uint64_t delivered;       /* while measuring */
    uint64_t verified;        /* payloads compared, whole run */
    uint64_t last_ns;         /* when the last message came */
    struct record latency;    /* of messages due while measuring */
    struct record completion; /* likewise, those that are followed */
};

/* Gives a row, and where the scenario has queue groups a place in one, to each client that hears.
 * With groups all members of one must be here. */
void receiver_init(struct receiver *receiver, struct course *course, struct client *clients,
                   uint32_t clients_count);
void receiver_free(struct receiver *receiver);

/* Forgets the figures, not the sequences. */
void receiver_reset(struct receiver *receiver);

/* Takes one read of a client. Returns CLIENT_REFUSED when the server complained, then event holds
 * the text; CLIENT_UNIFORM when its frames may be skimmed; else CLIENT_NOTHING. */
MUST_USE enum client_news receiver_take(struct receiver *receiver, struct client *client,
                                        struct bytes bytes, uint64_t now_ns,
                                        struct codec_event *event);

/* A client whose frames may be skimmed, and who reads no more. */
void receiver_skim_begin(const struct receiver *receiver, struct client *client);
/* Is a head wanted of its next read? */
bool receiver_skim_looks(const struct receiver *receiver, const struct client *client);
/* Takes what it skimmed: client->skim.got. Returns false when no frame was found any more. */
MUST_USE bool receiver_skim(struct receiver *receiver, struct client *client, uint64_t now_ns);

/* The progress of the slowest, to be compared with course->claimed. */
uint64_t receiver_slowest(const struct receiver *receiver, const struct client *clients,
                          uint32_t clients_count);

/* Nothing more will come: what did not come of sent, per stream, is lost. */
void receiver_close(struct receiver *receiver, struct client *clients, uint32_t clients_count,
                    const uint32_t *sent);

/* The sum of witness and groups. */
struct witness_counts receiver_counts(const struct receiver *receiver);

/* Different messages so far in this run. */
uint64_t receiver_delivered(const struct receiver *receiver);

/* Clients that received something in this run's measured time or before. */
uint32_t receiver_reached(const struct receiver *receiver);

#ifdef __cplusplus
}
#endif
#endif
