/*
 * publisher.h - when is the next message due, and its bytes.
 *
 *   open loop:   due times from the rate alone; what is late keeps its due time
 *   closed loop: due now, as many as the window allows; of requests, as many as may be unanswered
 *
 * The buffer holds prepared frames, which publishing goes round and round: it stamps them in place
 * and sends them in one go. The frames of its streams take turns, by number or in an order drawn once.
 *
 * Threads:     owner driver only.
 * Memory:      owns its buffer and slots; borrows client and course.
 * Invariants:  (1) at <= end <= size of the buffer; [at, end) is not sent yet.
 *              (2) slots_count is a multiple of streams, so that a slot belongs to one stream.
 */
#ifndef RINGHUB_LOADGEN_PUBLISHER_H
#define RINGHUB_LOADGEN_PUBLISHER_H

#include "loadgen/client.h"
#include "loadgen/course.h"
#include "loadgen/record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a driver's publishers did in a run. */
struct publisher_figures {
    uint64_t sent;          /* whole run */
    uint64_t expected;      /* deliveries it should make */
    uint64_t sent_measured; /* due while measuring */
    uint64_t blocked_ns;    /* the server did not take more: measured time with a full socket */
    struct record late;     /* measured, open loop: the generator's own delay, without blocked_ns */
};

/* One prepared frame. */
struct publisher_slot {
    size_t at;
    uint32_t bytes;
    uint32_t prefix_bytes; /* before the payload */
};

struct publisher {
    struct client *client;
    struct course *course;
    struct publisher_figures *figures;
    uint32_t number;
    uint32_t streams;  /* it has these: number, number + publishers, … */
    uint64_t messages; /* so far; goes on from run to run */
    uint64_t answered; /* of a requester: its requests that came back, or were given up */

    uint8_t *buffer;
    struct publisher_slot *slots;
    uint32_t slots_count;
    bool fetches; /* the frames do not fit into a cache */
    size_t at;
    size_t end;

    bool blocked; /* waits for RING_WRITABLE */
    uint64_t blocked_since_ns;
    uint64_t unblocked_ns;

    uint64_t due_ns; /* open loop: of the next message */
    uint64_t due_count;
    uint64_t random;
};

void publisher_init(struct publisher *publisher, struct course *course, struct client *client,
                    uint32_t number, struct publisher_figures *figures);
void publisher_free(struct publisher *publisher);

/* Writes to sent, per stream of the topology, how many messages this publisher's streams had. */
void publisher_sent(const struct publisher *publisher, uint32_t *sent);

/* The connection is a new one: forgets what the old one did not take. */
void publisher_again(struct publisher *publisher);

/* A run begins: due times start at course->start_ns. */
void publisher_start(struct publisher *publisher);

/* Publishes what is due. Returns the time to be called again: 0 at once, UINT64_MAX when something
 * else (room in the socket, the window) must happen first. Sets blocked when the socket is full;
 * the caller then waits for room and calls publisher_unblocked. A broken connection is noticed by
 * reading. */
MUST_USE uint64_t publisher_turn(struct publisher *publisher, uint64_t now_ns);
void publisher_unblocked(struct publisher *publisher, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif
