/* hub_world.c - the turn of io/worker.c over sockets made of arithmetic. */
#include "tests/support/hub_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/hub_state.h"

enum { SENDS_MAX = 256, TURNS_MAX = 20000 };

/* Bytes on their way to a hub, in a block of their own so that a read beyond them is found. */
struct world_read {
    struct world_read *next;
    struct client *client;
    uint8_t *bytes; /* NULL: the peer's FIN */
    size_t size;
};

struct world {
    struct world_options options;
    struct port *ports;
    struct hub *hubs[WORLD_WORKERS_MAX];
    struct nats nats;
    const char *address; /* of clients that come; NULL: 127.0.0.1 */
    uint64_t now_ns;
    struct client *clients;
    uint32_t clients_count;
    struct client **by_slot[WORLD_WORKERS_MAX];
    struct world_read *reads;
    struct world_read **reads_end;
    struct send_op sends[SENDS_MAX];
};

static void *take(size_t size)
{
    void *memory = calloc(1, size);
    assert_non_null(memory);
    return memory;
}

#define DEFAULT(field, value)                                                                      \
    do {                                                                                           \
        if ((field) == 0) {                                                                        \
            (field) = (value);                                                                     \
        }                                                                                          \
    } while (0)

static void defaults(struct world_options *o)
{
    DEFAULT(o->workers, 1);
    DEFAULT(o->hub.hash_key, 0x1234567);
    DEFAULT(o->hub.seed, 7);
    DEFAULT(o->hub.sessions_max, 4096);
    DEFAULT(o->hub.max_pending, 64ull << 20);
    DEFAULT(o->hub.write_deadline_ns, 10 * WORLD_SECOND_NS);
    DEFAULT(o->hub.log_bytes_max, 1ull << 30);
    DEFAULT(o->hub.index_bytes_max, 1ull << 30);
    DEFAULT(o->hub.input_bytes_max, 64ull << 20);
    DEFAULT(o->hub.credit_bytes, 4ull << 20);
    DEFAULT(o->nats.max_control_line, 4096);
    DEFAULT(o->nats.max_payload, 1 << 20);
    DEFAULT(o->nats.ping_interval_ns, 120 * WORLD_SECOND_NS);
    DEFAULT(o->nats.ping_max, 2);
}

struct world *world_new(const struct world_options *options)
{
    struct world *world = take(sizeof(*world));
    world->options = *options;
    defaults(&world->options);
    uint32_t workers = world->options.workers;
    assert_true(workers <= WORLD_WORKERS_MAX);
    world->now_ns = WORLD_SECOND_NS;
    world->reads_end = &world->reads;
    world->nats.options = world->options.nats;
    struct nats_info_server server = {.server_id = "NTEST",
                                      .server_name = "test",
                                      .version = "2.12.0",
                                      .go = "c",
                                      .host = "127.0.0.1",
                                      .port = 4222,
                                      .headers = true,
                                      .max_payload = world->options.nats.max_payload,
                                      .remote_account = "$G"};
    assert_true(nats_info_init(&world->nats.info, &server));
    world->ports = memory_alloc_aligned(CACHE_LINE, workers * sizeof(struct port));
    struct hub_options hub = world->options.hub;
    hub.workers_count = workers;
    hub.ports = world->ports;
    hub.client_size = sizeof(struct nats_client);
    for (uint32_t w = 0; w < workers; w++) {
        mpsc_init(&world->ports[w].inbox);
        doorbell_init(&world->ports[w].bell);
        hub.worker = w;
        hub.seed = world->options.hub.seed + w;
        world->hubs[w] = hub_new(&hub, world->now_ns);
        world->by_slot[w] = take(hub.sessions_max * sizeof(struct client *));
    }
    return world;
}

static void read_free(struct world_read *read)
{
    free(read->bytes);
    free(read);
}

bool world_prove(struct world *world, uint32_t worker, bool passed)
{
    struct proof *proof = hub_proof_next(world->hubs[worker]);
    if (proof == NULL) {
        return false;
    }
    proof->passed = passed;
    proof->envelope.returning = true;
    mpsc_push(&world->ports[worker].inbox, &proof->envelope.node);
    return true;
}

void world_free(struct world *world)
{
    for (uint32_t w = 0; w < world->options.workers; w++) {
        uint32_t slot = 0;
        struct session *session;
        while ((session = hub_session_next(world->hubs[w], &slot)) != NULL) {
            nats_closed(session);
        }
        hub_free(world->hubs[w]);
        free(world->by_slot[w]);
    }
    while (world->clients != NULL) {
        struct client *client = world->clients;
        world->clients = client->next;
        free(client->got);
        free(client);
    }
    while (world->reads != NULL) {
        struct world_read *read = world->reads;
        world->reads = read->next;
        read_free(read);
    }
    memory_free(world->ports);
    free(world);
}

struct hub *world_hub(struct world *world, uint32_t worker)
{
    return world->hubs[worker];
}

struct metrics *world_metrics(struct world *world, uint32_t worker)
{
    return hub_metrics(world->hubs[worker]);
}

uint64_t world_now(const struct world *world)
{
    return world->now_ns;
}

void world_pass(struct world *world, uint64_t ns)
{
    world->now_ns += ns;
}

/* ---- clients --------------------------------------------------------------------------------- */

struct client *client_open(struct world *world, uint32_t worker, const char *connect)
{
    struct hub *hub = world->hubs[worker];
    struct client *client = take(sizeof(*client));
    client->world = world;
    client->worker = worker;
    client->number = ++world->clients_count;
    client->room = SIZE_MAX;
    client->send_max = SIZE_MAX;
    client->is_open = true;
    client->next = world->clients;
    world->clients = client;
    struct session *session = hub_session_open(hub, client->number);
    assert_non_null(session);
    client->slot = session->slot;
    client->generation = session->generation;
    world->by_slot[worker][session->slot] = client;
    const char *address = world->address != NULL ? world->address : "127.0.0.1";
    nats_open(&world->nats, hub, session, address, 1024);
    if (connect != NULL) {
        world_turn_of(world, worker);
        client_says(client, "CONNECT %s\r\n", connect);
    }
    world_turn_of(world, worker);
    client_forget(client);
    return client;
}

void world_address(struct world *world, const char *address)
{
    world->address = address;
}

struct client *client_plain(struct world *world, uint32_t worker)
{
    return client_open(world, worker, "{\"verbose\":false,\"pedantic\":false,\"headers\":true}");
}

struct session *client_session(const struct client *client)
{
    return hub_session_get(client->world->hubs[client->worker], client->slot, client->generation);
}

uint64_t client_pending(const struct client *client)
{
    return hub_session_pending(client->world->hubs[client->worker], client_session(client));
}

static void queue_read(struct client *client, const void *bytes, size_t size)
{
    struct world *world = client->world;
    struct world_read *read = take(sizeof(*read));
    read->client = client;
    read->size = size;
    if (bytes != NULL) {
        read->bytes = take(MAX_OF(size, (size_t)1));
        memcpy(read->bytes, bytes, size);
    }
    *world->reads_end = read;
    world->reads_end = &read->next;
}

void client_says_bytes(struct client *client, const void *bytes, size_t size)
{
    queue_read(client, bytes, size);
}

void client_says(struct client *client, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text;
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    assert_true(size >= 0);
    queue_read(client, text, (size_t)size);
    free(text);
}

void client_publishes(struct client *client, const char *subject, const char *text, size_t size)
{
    char *payload = take(size + 1);
    memset(payload, 'x', size);
    memcpy(payload, text, MIN_OF(strlen(text), size));
    client_says(client, "PUB %s %zu\r\n%s\r\n", subject, size, payload);
    free(payload);
}

void client_ends(struct client *client)
{
    if (!client->is_end_queued) {
        client->is_end_queued = true;
        queue_read(client, NULL, 0);
    }
}

const char *client_heard(const struct client *client)
{
    return client->got == NULL ? "" : (const char *)client->got;
}

void client_forget(struct client *client)
{
    client->got_size = 0;
    if (client->got != NULL) {
        client->got[0] = 0;
    }
}

void client_expect_at(struct client *client, const char *expected, const char *file, int line)
{
    if (strlen(expected) != client->got_size ||
        memcmp(expected, client_heard(client), client->got_size) != 0) {
        print_error("client %u should have heard\n%s\nand heard\n%s\n", client->number, expected,
                    client_heard(client));
        _fail(file, line);
    }
    client_forget(client);
}

/* ---- sockets --------------------------------------------------------------------------------- */

static void client_take(struct client *client, const uint8_t *bytes, size_t size)
{
    if (client->got_size + size + 1 > client->got_capacity) {
        client->got_capacity = MAX_OF(2 * client->got_capacity, client->got_size + size + 1);
        client->got = realloc(client->got, client->got_capacity);
        assert_non_null(client->got);
    }
    memcpy(client->got + client->got_size, bytes, size);
    client->got_size += size;
    client->got[client->got_size] = 0;
}

static void client_send(struct client *client, struct send_op *send)
{
    assert_true(client->is_open);
    assert_false(client->is_closing);
    assert_in_range(send->vectors_count, 1, SEND_VECTORS_MAX);
    assert_in_range(send->size, 1, SEND_BYTES_MAX);
    size_t sum = 0;
    for (uint32_t i = 0; i < send->vectors_count; i++) {
        sum += send->vectors[i].iov_len;
    }
    assert_int_equal(sum, send->size);
    if (client->is_dead) {
        send->result = -ECONNRESET;
        return;
    }
    size_t left = MIN_OF(send->size, MIN_OF(client->room, client->send_max));
    send->result = (int64_t)left;
    client->taken += left;
    if (client->room != SIZE_MAX) {
        client->room -= left;
    }
    for (uint32_t i = 0; left > 0 && !client->is_deaf; i++) {
        size_t here = MIN_OF(left, send->vectors[i].iov_len);
        client_take(client, send->vectors[i].iov_base, here);
        left -= here;
    }
}

/* ---- the turn -------------------------------------------------------------------------------- */

static void client_gone(struct world *world, struct client *client)
{
    struct session *session = client_session(client);
    assert_non_null(session);
    client->is_open = false;
    client->is_closing = false;
    world->by_slot[client->worker][client->slot] = NULL;
    nats_closed(session);
    hub_session_closed(world->hubs[client->worker], session);
}

static void socket_events(struct world *world, uint32_t worker)
{
    for (struct client *client = world->clients; client != NULL; client = client->next) {
        if (client->worker != worker || !client->is_open) {
            continue;
        }
        if (client->is_closing) {
            client_gone(world, client);
        } else if (client->is_full && client->room > 0) {
            client->is_full = false;
            hub_session_writable(world->hubs[worker], client_session(client));
        }
    }
}

static void reads(struct world *world, uint32_t worker)
{
    for (struct world_read **link = &world->reads; *link != NULL;) {
        struct world_read *read = *link;
        struct client *client = read->client;
        if (client->worker != worker || (client->is_open && !client->is_armed)) {
            link = &read->next;
            continue;
        }
        *link = read->next;
        if (*link == NULL) {
            world->reads_end = link;
        }
        struct session *session = client_session(client);
        if (session != NULL && session->state != SESSION_CLOSING) {
            if (read->bytes != NULL) {
                nats_bytes(&world->nats, world->hubs[worker], session,
                           bytes_of(read->bytes, read->size));
            } else {
                nats_end(&world->nats, world->hubs[worker], session);
            }
        }
        read_free(read);
    }
}

static void flush(struct world *world, uint32_t worker)
{
    struct hub *hub = world->hubs[worker];
    size_t count;
    while ((count = hub_flush_next(hub, world->sends, SENDS_MAX)) > 0) {
        for (size_t i = 0; i < count; i++) {
            struct client *client = world->by_slot[worker][world->sends[i].slot];
            assert_non_null(client);
            client_send(client, &world->sends[i]);
        }
        if (hub_flush_is_sampled(hub, count)) {
            hub_flush_sample(hub, world->sends, count, world->now_ns);
        }
        hub_flush_results(hub, world->sends, count);
    }
}

static void wants(struct world *world, uint32_t worker)
{
    uint32_t bits;
    struct session *session;
    while ((session = hub_want_next(world->hubs[worker], &bits)) != NULL) {
        struct client *client = world->by_slot[worker][session->slot];
        assert_non_null(client);
        if (bits & WANT_CLOSE) {
            client->is_closing = true;
            client->got_reset = (bits & WANT_RESET) != 0;
            continue;
        }
        if (bits & WANT_DISARM) {
            client->is_armed = false;
        } else if (bits & WANT_ARM) {
            client->is_armed = true;
        }
        client->is_full = client->is_full || (bits & WANT_WRITABLE);
        if (bits & WANT_SHUTDOWN) {
            client->got_fin = true;
            if (!client->ends_late) {
                client_ends(client);
            }
        }
    }
}

void world_turn_begin_of(struct world *world, uint32_t worker)
{
    struct hub *hub = world->hubs[worker];
    hub_turn_begin(hub, world->now_ns);
    assert_true(hub_drain(hub));
}

void world_turn_end_of(struct world *world, uint32_t worker)
{
    struct hub *hub = world->hubs[worker];
    struct session *session;
    while ((session = hub_resumable_next(hub)) != NULL) {
        nats_resume(&world->nats, hub, session);
    }
    socket_events(world, worker);
    reads(world, worker);
    while ((session = hub_expired_next(hub)) != NULL) {
        nats_tick(&world->nats, hub, session);
    }
    uint64_t bells = hub_push(hub);
    flush(world, worker);
    bells |= hub_turn_end(hub);
    MAYBE(bells == 0);
    wants(world, worker);
    hub_turn_took(hub, world->now_ns);
    if (world->options.checks) {
        world_check(world);
    }
}

void world_turn_of(struct world *world, uint32_t worker)
{
    world_turn_begin_of(world, worker);
    world_turn_end_of(world, worker);
}

static bool worker_is_idle(struct world *world, uint32_t worker)
{
    if (hub_next_deadline(world->hubs[worker]) <= world->now_ns ||
        !mpsc_is_empty(&world->ports[worker].inbox)) {
        return false;
    }
    for (const struct world_read *read = world->reads; read != NULL; read = read->next) {
        const struct client *client = read->client;
        if (client->worker == worker && (client->is_armed || !client->is_open)) {
            return false;
        }
    }
    for (const struct client *client = world->clients; client != NULL; client = client->next) {
        if (client->worker == worker && client->is_open &&
            (client->is_closing || (client->is_full && client->room > 0))) {
            return false;
        }
    }
    return true;
}

void world_turn(struct world *world)
{
    for (uint32_t w = 0; w < world->options.workers; w++) {
        doorbell_awake(&world->ports[w].bell);
        world_turn_of(world, w);
        if (worker_is_idle(world, w)) {
            doorbell_prepare_sleep(&world->ports[w].bell);
        }
    }
}

void world_run(struct world *world)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        bool is_idle = true;
        for (uint32_t w = 0; w < world->options.workers; w++) {
            is_idle = is_idle && worker_is_idle(world, w);
        }
        if (is_idle) {
            return;
        }
        world_turn(world);
    }
    for (uint32_t w = 0; w < world->options.workers; w++) {
        struct hub *hub = world->hubs[w];
        print_error("worker %u: deadline in %ld ns, %u sends to come, %u later, %u to resume\n", w,
                    (long)(hub_next_deadline(hub) - world->now_ns),
                    !queue_is_empty(&hub->flush_sessions), !queue_is_empty(&hub->flush.later),
                    !queue_is_empty(&hub->resumable));
    }
    fail_msg("the world does not come to rest");
}

static void check_session(struct hub *hub, struct session *session)
{
    struct pending *p = &session->pending;
    pending_check(p);
    uint32_t shared = 0;
    uint32_t cursor = 0;
    struct sub *sub;
    while ((sub = table_next(&session->subs, &cursor)) != NULL) {
        audience_check(sub->audience);
        shared += audience_is_shared(sub->audience);
        assert_ptr_equal(hub_session_at(hub, sub->slot), session);
        bool is_multi = sub->member < audience_multi_count(sub->audience);
        assert_int_equal(is_multi, audience_is_shared(sub->audience) && session->subs.count > 1);
        bool is_in_step = audience_is_shared(sub->audience) &&
                          (audience_member(sub)->flags & MEMBER_IN_STEP) != 0;
        assert_int_equal(is_in_step, session->in_step);
    }
    assert_int_equal(shared, session->shared_count);
    assert_true(session->state == SESSION_OPEN || session->subs.count == 0);
    if (session->in_step) {
        assert_true(session_is_solo(session));
        assert_true(pending_is_empty(p));
    }
    assert_int_equal(session->blocked, session->blocked_place != 0);
    /* Nothing waits for ever: what has bytes is blocked, or is about to be sent. */
    if (!pending_is_empty(p)) {
        assert_true(session->in_flush != FLUSH_NOT || (session->blocked && session->wait_asked));
        assert_true(pending_is_pinned(p));
    }
}

void world_check(struct world *world)
{
    for (uint32_t w = 0; w < world->options.workers; w++) {
        struct hub *hub = world->hubs[w];
        uint32_t slot = 0;
        struct session *session;
        while ((session = hub_session_next(hub, &slot)) != NULL) {
            check_session(hub, session);
        }
        hub_check(hub);
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

static void expect_nothing_left(struct world *world, uint32_t worker)
{
    struct hub_gauges gauges;
    hub_gauges(world->hubs[worker], &gauges);
    assert_int_equal(gauges.sessions, 0);
    assert_int_equal(gauges.subscriptions, 0);
    assert_int_equal(gauges.audiences, 0);
    assert_int_equal(gauges.entries, 0);
    assert_int_equal(gauges.interest_literals, 0);
    assert_int_equal(gauges.interest_patterns, 0);
    assert_int_equal(gauges.pending_entries_bytes, 0);
    assert_int_equal(gauges.input_bytes, 0);
    assert_int_equal(gauges.blocked, 0);
    assert_int_equal(gauges.envelopes_under_way, 0);
    /* Both arenas keep the chunk they fill. */
    assert_in_range(gauges.chunks, 0, 2);
}

void world_end(struct world *world)
{
    for (struct client *client = world->clients; client != NULL; client = client->next) {
        struct session *session = client_session(client);
        if (client->is_open && session != NULL) {
            hub_close(world->hubs[client->worker], session, CLOSE_CLIENT, HUB_CLOSE_AT_ONCE);
        }
    }
    world_run(world);
    for (uint32_t w = 0; w < world->options.workers; w++) {
        expect_nothing_left(world, w);
    }
    world_free(world);
}
