/* rig.c - the turn of io/worker.c with sockets that take everything. */
#include "tests/gate/rig.h"

#include <stdarg.h>
#include <stdio.h>

#define SECOND_NS 1000000000ull
#define TURN_NS   100000ull

void rig_init(struct rig *rig, uint32_t workers, uint32_t sessions_max)
{
    ASSERT(workers <= RIG_WORKERS_MAX);
    *rig = (struct rig){.workers = workers, .now_ns = SECOND_NS};
    rig->nats.options = (struct nats_options){.max_control_line = 4096,
                                              .max_payload = 1 << 20,
                                              .ping_interval_ns = 120 * SECOND_NS,
                                              .ping_max = 2};
    struct nats_info_server server = {.server_id = "NGATE",
                                      .server_name = "gate",
                                      .version = "2.9.10",
                                      .go = "c",
                                      .host = "127.0.0.1",
                                      .port = 4222,
                                      .headers = true,
                                      .max_payload = 1 << 20,
                                      .remote_account = "$G"};
    bool fits = nats_info_init(&rig->nats.info, &server);
    ASSERT(fits);
    rig->ports = memory_alloc_aligned(CACHE_LINE, workers * sizeof(struct port));
    for (uint32_t w = 0; w < workers; w++) {
        mpsc_init(&rig->ports[w].inbox);
        doorbell_init(&rig->ports[w].bell);
    }
    for (uint32_t w = 0; w < workers; w++) {
        struct hub_options options = {.worker = w,
                                      .workers_count = workers,
                                      .ports = rig->ports,
                                      .hash_key = 0x0123456789ABCDEF,
                                      .seed = 7 + w,
                                      .client_size = sizeof(struct nats_client),
                                      .sessions_max = sessions_max,
                                      .max_pending = 64ull << 20,
                                      .write_deadline_ns = 10 * SECOND_NS,
                                      .log_bytes_max = 1ull << 30,
                                      .index_bytes_max = 1ull << 30,
                                      .input_bytes_max = 64ull << 20,
                                      .credit_bytes = 4ull << 20};
        rig->hubs[w] = hub_new(&options, rig->now_ns);
    }
}

void rig_free(struct rig *rig)
{
    for (uint32_t w = 0; w < rig->workers; w++) {
        uint32_t slot = 0;
        struct session *session;
        while ((session = hub_session_next(rig->hubs[w], &slot)) != NULL) {
            nats_closed(session);
        }
        hub_free(rig->hubs[w]);
    }
    memory_free(rig->ports);
}

void rig_measure(struct rig *rig)
{
    rig->allocations = memory_allocations();
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

void rig_measured(struct rig *rig, uint64_t operations)
{
    CALLGRIND_STOP_INSTRUMENTATION;
    rig->allocations = memory_allocations() - rig->allocations;
    rig->operations = operations;
}

/* ---- clients --------------------------------------------------------------------------------- */

struct session *rig_accept(struct rig *rig, uint32_t worker)
{
    uint64_t client_id = ++rig->client_ids;
    COUNT_ON();
    struct session *session = hub_session_open(rig->hubs[worker], client_id);
    ASSERT(session != NULL);
    nats_open(&rig->nats, rig->hubs[worker], session, "127.0.0.1", 1024);
    COUNT_OFF();
    return session;
}

struct session *rig_open(struct rig *rig, uint32_t worker)
{
    struct session *session = rig_accept(rig, worker);
    rig_say(rig, worker, session,
            "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\n");
    return session;
}

void rig_read(struct rig *rig, uint32_t worker, struct session *session, struct bytes bytes)
{
    ASSERT(rig->reads_count[worker] < RIG_READS_MAX);
    rig->reads[worker][rig->reads_count[worker]++] =
        (struct rig_read){.session = session, .bytes = bytes};
}

void rig_say(struct rig *rig, uint32_t worker, struct session *session, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ASSERT(size > 0 && (size_t)size < sizeof(text));
    rig_read(rig, worker, session, bytes_of(text, (size_t)size));
    rig_turn(rig, worker);
}

uint64_t rig_deliveries(const struct rig *rig)
{
    uint64_t sum = 0;
    for (uint32_t w = 0; w < rig->workers; w++) {
        sum += hub_metrics(rig->hubs[w])->messages_out;
    }
    return sum;
}

/* ---- the turn -------------------------------------------------------------------------------- */

/* What is counted is between COUNT_ON and COUNT_OFF: calls into core, and as little of the rig as
 * there can be. */
static void bytes_in(struct rig *rig, uint32_t worker)
{
    struct hub *hub = rig->hubs[worker];
    const struct rig_read *reads = rig->reads[worker];
    for (uint32_t i = 0; i < rig->reads_count[worker]; i++) {
        if (reads[i].bytes.ptr != NULL) {
            nats_bytes(&rig->nats, hub, reads[i].session, reads[i].bytes);
        } else {
            nats_end(&rig->nats, hub, reads[i].session);
        }
    }
    rig->reads_count[worker] = 0;
}

static void gone(struct rig *rig, uint32_t worker)
{
    for (uint32_t i = 0; i < rig->closing_count[worker]; i++) {
        nats_closed(rig->closing[worker][i]);
        hub_session_closed(rig->hubs[worker], rig->closing[worker][i]);
    }
    rig->closing_count[worker] = 0;
}

static void flush(struct rig *rig, uint32_t worker)
{
    struct hub *hub = rig->hubs[worker];
    size_t count;
    while ((count = hub_flush_next(hub, rig->sends, RIG_SENDS_MAX)) > 0) {
        COUNT_OFF();
        for (size_t i = 0; i < count; i++) {
            rig->sends[i].result = (int64_t)rig->sends[i].size;
        }
        COUNT_ON();
        hub_flush_results(hub, rig->sends, count);
    }
}

static void wants(struct rig *rig, uint32_t worker)
{
    uint32_t bits;
    struct session *session;
    while ((session = hub_want_next(rig->hubs[worker], &bits)) != NULL) {
        ASSERT((bits & WANT_WRITABLE) == 0);
        if (bits & WANT_CLOSE) {
            ASSERT(rig->closing_count[worker] < RIG_CLOSING_MAX);
            rig->closing[worker][rig->closing_count[worker]++] = session;
        }
    }
}

void rig_turn(struct rig *rig, uint32_t worker)
{
    struct hub *hub = rig->hubs[worker];
    struct session *session;
    rig->now_ns += TURN_NS;
    COUNT_ON();
    hub_turn_begin(hub, rig->now_ns);
    bool is_drained = hub_drain(hub);
    ASSERT(is_drained);
    while ((session = hub_resumable_next(hub)) != NULL) {
        nats_resume(&rig->nats, hub, session);
    }
    gone(rig, worker);
    bytes_in(rig, worker);
    while ((session = hub_expired_next(hub)) != NULL) {
        nats_tick(&rig->nats, hub, session);
    }
    uint64_t bells = hub_push(hub);
    flush(rig, worker);
    bells |= hub_turn_end(hub);
    wants(rig, worker);
    MAYBE(hub_next_deadline(hub) < UINT64_MAX);
    COUNT_OFF();
    MAYBE(bells == 0);
}
