/*
 * bench_hub.h - hubs without a kernel, for benchmarks that time parts of a turn.
 *
 *   bench_hub_begin ▶ bench_hub_publish … ▶ bench_hub_push ▶ bench_hub_flush
 *
 * Sends are taken whole by nobody, or, of sessions that are stalled, not at all. So nothing of the
 * kernel's is in a figure, and what was sent can be counted.
 *
 * Threads:     one.
 * Memory:      owns its hubs; sessions are the hubs'.
 */
#ifndef RINGHUB_BENCH_BENCH_HUB_H
#define RINGHUB_BENCH_BENCH_HUB_H

#include "core/hub.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bench_hub;

/* Of one flush. */
struct bench_sent {
    uint64_t sends;
    uint64_t vectors;
    uint64_t bytes;
};

struct bench_hub *bench_hub_new(uint32_t workers, uint32_t sessions_max);
void bench_hub_free(struct bench_hub *b);

struct hub *bench_hub_worker(const struct bench_hub *b, uint32_t worker);

/* In a turn. */
struct session *bench_hub_open(struct bench_hub *b, uint32_t worker);
void bench_hub_subscribe(struct bench_hub *b, uint32_t worker, struct session *session,
                         struct bytes subject, struct bytes sid);

void bench_hub_begin(struct bench_hub *b, uint32_t worker);
void bench_hub_publish(struct bench_hub *b, uint32_t worker, struct session *session,
                       const struct message_in *in);
void bench_hub_push(struct bench_hub *b, uint32_t worker);
/* The turn's sends and its end. takes: do the sockets take what they are sent? */
struct bench_sent bench_hub_flush(struct bench_hub *b, uint32_t worker, bool takes);

/* Every session's socket has room again, and turns are made until there is nothing left to send. */
struct bench_sent bench_hub_drain(struct bench_hub *b, uint32_t worker);

/* Messages handed to sessions by all workers. */
uint64_t bench_hub_deliveries(const struct bench_hub *b);

#ifdef __cplusplus
}
#endif
#endif
