/* bench_hub.c - the turn of io/worker.c with sockets that are counters. */
#include "bench/bench_hub.h"

enum { WORKERS = 2, SENDS = SLICE_SENDS_MAX };

#define TURN_NS 1000ull

struct bench_hub {
    uint32_t workers;
    struct port *ports;
    struct hub *hubs[WORKERS];
    uint64_t now_ns;
    uint64_t client_ids;
    struct send_op sends[SENDS];
};

struct bench_hub *bench_hub_new(uint32_t workers, uint32_t sessions_max)
{
    ASSERT(workers <= WORKERS);
    struct bench_hub *b = memory_alloc(sizeof(*b));
    b->workers = workers;
    b->now_ns = TURN_NS;
    b->ports = memory_alloc_aligned(CACHE_LINE, workers * sizeof(struct port));
    for (uint32_t w = 0; w < workers; w++) {
        mpsc_init(&b->ports[w].inbox);
        doorbell_init(&b->ports[w].bell);
    }
    for (uint32_t w = 0; w < workers; w++) {
        struct hub_options options = {.worker = w,
                                      .workers_count = workers,
                                      .ports = b->ports,
                                      .hash_key = 42,
                                      .seed = 42,
                                      .client_size = sizeof(struct session),
                                      .sessions_max = sessions_max,
                                      .max_pending = 64ull << 20,
                                      .write_deadline_ns = 1000000000000ull,
                                      .log_bytes_max = 4ull << 30,
                                      .index_bytes_max = 4ull << 30,
                                      .input_bytes_max = 1ull << 20,
                                      .credit_bytes = 1ull << 30};
        b->hubs[w] = hub_new(&options, b->now_ns);
    }
    return b;
}

void bench_hub_free(struct bench_hub *b)
{
    for (uint32_t w = 0; w < b->workers; w++) {
        hub_free(b->hubs[w]);
    }
    memory_free(b->ports);
    memory_free(b);
}

struct hub *bench_hub_worker(const struct bench_hub *b, uint32_t worker)
{
    return b->hubs[worker];
}

struct session *bench_hub_open(struct bench_hub *b, uint32_t worker)
{
    struct session *session = hub_session_open(b->hubs[worker], ++b->client_ids);
    ASSERT(session != NULL);
    return session;
}

void bench_hub_subscribe(struct bench_hub *b, uint32_t worker, struct session *session,
                         struct bytes subject, struct bytes sid)
{
    enum hub_subscribe_result result =
        hub_subscribe(b->hubs[worker], session, subject, bytes_of(NULL, 0), sid);
    ASSERT(result == HUB_SUBSCRIBED);
}

/* ---- the turn -------------------------------------------------------------------------------- */

void bench_hub_begin(struct bench_hub *b, uint32_t worker)
{
    b->now_ns += TURN_NS;
    hub_turn_begin(b->hubs[worker], b->now_ns);
    bool is_drained = hub_drain(b->hubs[worker]);
    ASSERT(is_drained);
}

void bench_hub_publish(struct bench_hub *b, uint32_t worker, struct session *session,
                       const struct message_in *in)
{
    enum hub_publish_result result = hub_publish(b->hubs[worker], session, in, 1 << 20, false);
    ASSERT(result == HUB_PUBLISHED);
}

/* Nobody sleeps, so no doorbell has to be rung. */
void bench_hub_push(struct bench_hub *b, uint32_t worker)
{
    struct session *expired = hub_expired_next(b->hubs[worker]);
    ASSERT(expired == NULL);
    MAYBE(hub_push(b->hubs[worker]) != 0);
}

struct bench_sent bench_hub_flush(struct bench_hub *b, uint32_t worker, bool takes)
{
    struct hub *hub = b->hubs[worker];
    struct bench_sent sent = {0};
    size_t count;
    while ((count = hub_flush_next(hub, b->sends, SENDS)) > 0) {
        for (size_t i = 0; i < count; i++) {
            struct send_op *send = &b->sends[i];
            send->result = takes ? (int64_t)send->size : SEND_FULL;
            sent.vectors += send->vectors_count;
            sent.bytes += takes ? send->size : 0;
        }
        sent.sends += count;
        hub_flush_results(hub, b->sends, count);
    }
    MAYBE(hub_turn_end(hub) != 0);
    uint32_t wants;
    while (hub_want_next(hub, &wants) != NULL) {
        ASSERT((wants & WANT_CLOSE) == 0);
    }
    return sent;
}

struct bench_sent bench_hub_drain(struct bench_hub *b, uint32_t worker)
{
    struct hub *hub = b->hubs[worker];
    struct bench_sent all = {0};
    struct bench_sent sent;
    uint32_t slot = 0;
    struct session *session;
    bench_hub_begin(b, worker);
    while ((session = hub_session_next(hub, &slot)) != NULL) {
        if (session->blocked) {
            hub_session_writable(hub, session);
        }
    }
    do {
        bench_hub_push(b, worker);
        sent = bench_hub_flush(b, worker, true);
        all.sends += sent.sends;
        all.vectors += sent.vectors;
        all.bytes += sent.bytes;
        bench_hub_begin(b, worker);
    } while (sent.sends > 0);
    bench_hub_push(b, worker);
    sent = bench_hub_flush(b, worker, true);
    ASSERT(sent.sends == 0);
    return all;
}

uint64_t bench_hub_deliveries(const struct bench_hub *b)
{
    uint64_t sum = 0;
    for (uint32_t w = 0; w < b->workers; w++) {
        sum += hub_metrics(b->hubs[w])->messages_out;
    }
    return sum;
}
