/*
 * receiver.h - a driver's subscribers hear: every frame is judged, some are timed.
 *
 *   bytes ─▶ frames that look as expected ──▶ header: who, which, when ─▶ witness, latency
 *        └─▶ anything else: the codec, which understands every frame at every cut
 *
 * Threads:     owner driver only.
 * Memory:      owns the witness; borrows course.
 */
#ifndef RINGHUB_LOADGEN_RECEIVER_H
#define RINGHUB_LOADGEN_RECEIVER_H

#include "loadgen/client.h"
#include "loadgen/course.h"
#include "loadgen/record.h"
#include "loadgen/witness.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of one read the first messages are all timed, then every so many-th, and the last. One that is
 * timed stands for those behind it until the next: they were due later, so no latency is reported
 * lower than it was. */
enum { RECEIVER_TIMED_FIRST = 8, RECEIVER_TIMED_EVERY = 16, RECEIVER_VERIFY_EVERY = 64 };

struct receiver {
    struct course *course;
    struct witness witness;
    uint32_t frame_tail_bytes; /* payload and trailer */
    uint32_t verify_mask;
    uint8_t topic[SCENARIO_TEXT_MAX]; /* the subject, as deliveries name it */
    uint32_t topic_bytes;
    uint64_t reads;           /* while measuring */
    uint64_t bytes;           /* while measuring */
    uint64_t delivered;       /* while measuring */
    uint64_t verified;        /* payloads compared, whole run */
    uint64_t last_ns;         /* when the last message came */
    struct record latency;    /* of messages due while measuring */
    struct record completion; /* likewise, those that are followed */
};

void receiver_init(struct receiver *receiver, struct course *course, uint32_t subscribers);
void receiver_free(struct receiver *receiver);

/* Forgets the figures, not the sequences. */
void receiver_reset(struct receiver *receiver);

/* Takes one read of a client that is ready. Returns CLIENT_REFUSED when the server complained, then
 * event holds the text; else CLIENT_NOTHING. */
MUST_USE enum client_news receiver_take(struct receiver *receiver, struct client *client,
                                        struct bytes bytes, uint64_t now_ns,
                                        struct codec_event *event);

#ifdef __cplusplus
}
#endif
#endif
