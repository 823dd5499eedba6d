/* worker.c - the turn. Read worker_turn first: everything else hangs off its lines. */
#include "io/worker.h"

#include "core/addresses.h"
#include "core/hub_snapshot.h"
#include "core/planted.h"
#include "core/policy.h"
#include "core/probes.h"
#include "core/proto/nats_access.h"
#include "core/proto/nats_describe.h"
#include "io/answer.h"
#include "io/governor.h"
#include "io/peername.h"

#include <stdio.h>

enum { SENDS_PER_CALL = 4 * SLICE_SENDS_MAX };

/* While others still have sessions, a worker that stopped looks whether they are done. */
#define STOP_POLL_NS 1000000ull
#define SECOND_NS    1000000000ull

struct lame_duck {
    bool is_on;
    uint64_t next_ns; /* when the next client is closed */
    uint64_t interval_ns;
    uint32_t slot; /* where to look for it */
};

enum {
    LOOKS_MAX = 8, /* for more input before a flush */
    GATHERED_BYTES_MAX = 8 * READ_BUFFER_BYTES,
};

/* Sessions looked at in a turn while new settings are made known to them. */
enum { RELOAD_SESSIONS = 256 };

struct reload {
    struct settings
        *old;      /* still held, because sessions may refer to it; NULL: no reload goes on */
    uint32_t slot; /* the next to look at */
};

struct worker {
    struct worker_options options;
    struct settings *settings; /* held */
    struct loop *loop;
    struct hub *hub;
    struct loop_event *events; /* EVENTS_MAX */
    size_t events_count;
    struct send_op *sends; /* SENDS_PER_CALL */
    struct lame_duck lame_duck;
    struct reload reload;
    struct governor governor; /* the acceptor's, and the next */
    struct addresses addresses;
    struct list answers; /* that want rows, oldest first */
    struct closed_ring closed;
    bool is_stopping;
    bool is_stopped;
    bool others_stopped; /* seen in the turn before */
    bool is_drain_begun; /* by the turn before: nothing may be read until it is through (law 7) */
};

static_assert(sizeof(struct send_op) == sizeof(struct loop_send), "one send, two names");

static struct port *own_port(struct worker *w)
{
    return &w->options.hub.ports[w->options.hub.worker];
}

int worker_open(const struct worker_options *options, uint64_t now_ns, struct worker **worker)
{
    struct worker *w = memory_alloc(sizeof(*w));
    w->options = *options;
    list_init(&w->answers);
    closed_ring_init(&w->closed, options->closed_max);
    int error = loop_open(&options->loop, &w->loop);
    if (error != 0) {
        memory_free(w);
        return error;
    }
    options->loops[options->hub.worker] = w->loop;
    w->options.hub.client_size = sizeof(struct nats_client);
    w->hub = hub_new(&w->options.hub, now_ns);
    w->settings = options->settings;
    settings_hold(w->settings, 1);
    hub_settings_set(w->hub, w->settings);
    w->events = memory_alloc(EVENTS_MAX * sizeof(struct loop_event));
    w->sends = memory_alloc(SENDS_PER_CALL * sizeof(struct send_op));
    governor_init(&w->governor);
    addresses_init(&w->addresses, w->options.hub.hash_key);
    for (size_t i = 0; i < options->listeners_count && error == 0; i++) {
        error = loop_accept(w->loop, options->listener_fds[i]);
    }
    if (error != 0) {
        worker_free(w);
        return error;
    }
    *worker = w;
    return 0;
}

void worker_free(struct worker *w)
{
    uint32_t slot = 0;
    struct session *session;
    while ((session = hub_session_next(w->hub, &slot)) != NULL) {
        nats_closed(session);
    }
    hub_free(w->hub);
    const struct newcomer *newcomer;
    while ((newcomer = governor_take(&w->governor)) != NULL) {
        loop_discard(w->loop, newcomer->fd);
    }
    governor_free(&w->governor);
    addresses_free(&w->addresses);
    loop_free(w->loop);
    if (w->reload.old != NULL) {
        settings_release(w->reload.old);
    }
    settings_release(w->settings);
    struct list *node;
    while ((node = list_pop(&w->answers)) != NULL) {
        answer_finish(CONTAINER_OF(node, struct answer, link));
    }
    closed_ring_free(&w->closed);
    memory_free(w->events);
    memory_free(w->sends);
    memory_free(w);
}

struct hub *worker_hub(struct worker *w)
{
    return w->hub;
}

struct loop *worker_loop(struct worker *w)
{
    return w->loop;
}

/* ---- connections ----------------------------------------------------------------------------- */

/* The worker with the smallest share, on a tie the first: so who connects one after the other knows who
 * shares a worker with whom. */
static uint32_t choose_worker(const struct worker *w, uint32_t *connections)
{
    const struct hub_options *hub = &w->options.hub;
    uint32_t best = 0;
    uint32_t fewest = UINT32_MAX;
    *connections = 0;
    for (uint32_t at = 0; at < hub->workers_count; at++) {
        /* Relaxed: a measure, not a lock; only this worker adds. */
        uint32_t count = atomic_load_explicit(&hub->ports[at].connections, memory_order_relaxed);
        *connections += count;
        if (count < fewest) {
            fewest = count;
            best = at;
        }
    }
    return best;
}

static void give_place_back(struct worker *w)
{
    atomic_fetch_sub_explicit(&own_port(w)->connections, 1u, memory_order_relaxed);
}

static void connection_open(struct worker *w, const struct connection_envelope *connection)
{
    struct session *session = hub_session_open(w->hub, connection->client_id);
    if (session == NULL && connection->address != NULL) {
        address_leave(connection->address);
    }
    if (session != NULL) {
        hub_set_address(session, connection->address);
    }
    if (session == NULL ||
        loop_add(w->loop, session->slot, session->generation, connection->fd) != 0) {
        hub_metrics(w->hub)->connections_refused++;
        loop_discard(w->loop, connection->fd);
        give_place_back(w);
        if (session != NULL) {
            hub_close(w->hub, session, CLOSE_MAX_CONNECTIONS, HUB_CLOSE_AT_ONCE);
            hub_session_closed(w->hub, session);
        }
        return;
    }
    if (connection->refuse != CLOSE_CLIENT || w->is_stopping) {
        give_place_back(w); /* while it lingers others may come */
        enum close_reason reason =
            connection->refuse != CLOSE_CLIENT ? connection->refuse : CLOSE_MAX_CONNECTIONS;
        nats_refuse(w->settings->nats, w->hub, session, connection->peer_host,
                    connection->peer_port, reason);
    } else {
        nats_open(w->settings->nats, w->hub, session, connection->peer_host, connection->peer_port);
    }
}

/* CLOSE_CLIENT: it may come in. */
static enum close_reason judge(struct worker *w, uint32_t connections,
                               struct connection_envelope *connection)
{
    if (connections >= w->settings->max_connections) {
        return CLOSE_MAX_CONNECTIONS;
    }
    uint32_t most = hub_quotas(w->hub)->connections_per_address;
    if (most == 0) {
        return CLOSE_CLIENT;
    }
    connection->address = addresses_join(&w->addresses, connection->peer_host, most);
    return connection->address != NULL ? CLOSE_CLIENT : CLOSE_MAX_ADDRESS;
}

static void accepted(struct worker *w, const struct newcomer *newcomer)
{
    uint32_t connections;
    uint32_t worker = choose_worker(w, &connections);
    struct port *port = &w->options.hub.ports[worker];
    struct connection_envelope connection = {
        .envelope = {.kind = ENVELOPE_CONNECTION},
        .fd = newcomer->fd,
        .client_id =
            atomic_fetch_add_explicit(w->options.client_ids, (uint64_t)1, memory_order_relaxed)};
    connection.peer_port = peername_of(
        newcomer->fd, bytes_of(newcomer->address, newcomer->address_size), connection.peer_host);
    connection.refuse = judge(w, connections, &connection);
    atomic_fetch_add_explicit(&port->connections, 1u, memory_order_relaxed);
    if (worker == w->options.hub.worker) {
        connection_open(w, &connection);
        return;
    }
    struct connection_envelope *sent = memory_alloc(sizeof(*sent));
    *sent = connection;
    mpsc_push(&port->inbox, &sent->envelope.node);
    if (doorbell_should_ring(&port->bell)) {
        loop_wake_from(w->loop, w->options.loops[worker]);
    }
}

static void closed(struct worker *w, struct session *session)
{
    bool was_refused = session->close_reason == CLOSE_MAX_CONNECTIONS ||
                       session->close_reason == CLOSE_MAX_ADDRESS;
    if (w->options.closed_max > 0) {
        struct snapshot_row row;
        hub_snapshot_closed(w->hub, session, nats_describe, &row);
        closed_ring_add(&w->closed, &row);
    }
    nats_closed(session);
    hub_session_closed(w->hub, session);
    if (!was_refused) {
        give_place_back(w);
    }
}

/* ---- settings -------------------------------------------------------------------------------- */

static void reload_begin(struct worker *w, struct settings *settings)
{
    ASSERT(w->reload.old == NULL);
    w->reload = (struct reload){.old = w->settings};
    w->settings = settings;
    hub_settings_set(w->hub, settings);
    nats_set_access(w->hub, settings->access);
}

/* Makes the new settings known to some sessions; after the last, the old ones are let go. */
static void reload_go_on(struct worker *w)
{
    struct reload *reload = &w->reload;
    if (reload->old == NULL) {
        return;
    }
    for (uint32_t i = 0; i < RELOAD_SESSIONS; i++) {
        struct session *session = hub_session_next(w->hub, &reload->slot);
        if (session == NULL) {
            settings_release(reload->old);
            reload->old = NULL;
            return;
        }
        nats_reload(reload->old->nats, w->settings->nats, w->hub, session);
        hub_session_rules(w->hub, session);
    }
}

/* New connections come in a few a turn, at the pace of the rate. While some wait here, the others
 * wait in the backlog. */
static void let_in(struct worker *w)
{
    struct governor *governor = &w->governor;
    struct bucket_rate rate = hub_quotas(w->hub)->accept;
    const struct newcomer *newcomer;
    governor_turn_begin(governor);
    while ((newcomer = governor_next(governor, rate, hub_now(w->hub))) != NULL) {
        accepted(w, newcomer);
    }
    if (governor_wants(governor) != governor->rests || w->is_stopping || w->lame_duck.is_on) {
        return;
    }
    governor->rests = !governor->rests;
    if (governor->rests) {
        loop_accept_stop(w->loop);
        hub_metrics(w->hub)->connections_delayed += governor->count;
        return;
    }
    for (size_t i = 0; i < w->options.listeners_count; i++) {
        int error = loop_accept(w->loop, w->options.listener_fds[i]);
        if (error != 0) {
            log_write(w->options.hub.log, LOG_ERROR, "Error accepting connections again: %s",
                      strerror(-error));
        }
    }
}

/* Nobody comes in any more. */
static void turn_away(struct worker *w)
{
    loop_accept_stop(w->loop);
    const struct newcomer *newcomer;
    while ((newcomer = governor_take(&w->governor)) != NULL) {
        loop_discard(w->loop, newcomer->fd);
    }
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void stop(struct worker *w, enum hub_close how)
{
    w->is_stopping = true;
    turn_away(w);
    uint32_t slot = 0;
    struct session *session;
    while ((session = hub_session_next(w->hub, &slot)) != NULL) {
        hub_close(w->hub, session, CLOSE_SHUTDOWN, how);
    }
}

static void lame_duck_begin(struct worker *w)
{
    struct lame_duck *duck = &w->lame_duck;
    turn_away(w);
    uint32_t slot = 0;
    struct session *session;
    while ((session = hub_session_next(w->hub, &slot)) != NULL) {
        nats_lame_duck(w->settings->nats, w->hub, session);
    }
    uint64_t duration = w->settings->lame_duck_duration_ns - w->settings->lame_duck_grace_ns;
    /* Who is on the way to a worker without clients counts as one. */
    uint32_t count = MAX_OF(hub_sessions_count(w->hub), 1u);
    duck->is_on = true;
    duck->interval_ns = MAX_OF(MIN_OF(duration / count, SECOND_NS), (uint64_t)1);
    duck->next_ns = hub_now(w->hub) + w->settings->lame_duck_grace_ns;
}

/* Clients leave one at a time, so that they do not all knock at another door at once. */
static void lame_duck_go_on(struct worker *w)
{
    struct lame_duck *duck = &w->lame_duck;
    uint64_t now_ns = hub_now(w->hub);
    if (!duck->is_on || duck->next_ns > now_ns) {
        return;
    }
    /* At most once around: then all are closing, however much time there is to catch up with. */
    for (uint32_t left = hub_sessions_count(w->hub); left > 0 && duck->next_ns <= now_ns; left--) {
        struct session *session = hub_session_next(w->hub, &duck->slot);
        if (session == NULL) {
            duck->slot = 0;
            session = hub_session_next(w->hub, &duck->slot);
        }
        hub_close(w->hub, session, CLOSE_SHUTDOWN, HUB_CLOSE_FLUSH);
        duck->next_ns += duck->interval_ns;
    }
    if (duck->next_ns <= now_ns) {
        duck->next_ns = now_ns + duck->interval_ns;
    }
}

/* Counters at once; rows want turns. */
static void answer_begin(struct worker *w, struct answer *answer)
{
    answer->metrics = *hub_metrics(w->hub);
    hub_gauges(w->hub, &answer->gauges);
    hub_lag(w->hub, &answer->lag);
    loop_stats_read(w->loop, &answer->loop);
    answer->log_lines_lost = log_lost_total(w->options.hub.log);
    scrub_tally_of(&answer->scrub, hub_scrub(w->hub));
    const struct policies *policies = w->settings->policies;
    for (uint32_t i = 0; policies != NULL && i < METRICS_POLICIES_MAX; i++) {
        if (policies->rows[i] != NULL) {
            snprintf(answer->policies[i], ANSWER_PATTERN_MAX, "%s", policies->rows[i]);
        }
    }
    if (answer->list.query.list == SNAPSHOT_NOTHING) {
        answer_finish(answer);
    } else {
        bool is_closed = answer->list.query.list == SNAPSHOT_CLOSED;
        snapshot_reserve(&answer->list, is_closed ? w->closed.count : answer->gauges.sessions,
                         answer->gauges.subscriptions);
        list_push(&w->answers, &answer->link);
    }
}

/* A few rows for who asked first. */
static void answer_go_on(struct worker *w)
{
    struct list *node = list_first(&w->answers);
    if (node == NULL) {
        return;
    }
    struct answer *answer = CONTAINER_OF(node, struct answer, link);
    answer->list.now_ns = hub_now(w->hub);
    bool is_done = answer_is_abandoned(answer);
    if (!is_done && answer->list.query.list == SNAPSHOT_CLOSED) {
        is_done = closed_ring_step(&w->closed, &answer->list, SNAPSHOT_TURN_UNITS / 2);
    } else if (!is_done) {
        is_done = hub_snapshot_step(w->hub, &answer->list, nats_describe, SNAPSHOT_TURN_UNITS);
    }
    if (is_done) {
        list_remove(&answer->link);
        answer_finish(answer);
    }
}

static void take_orders(struct worker *w)
{
    enum order_kind order;
    void *argument;
    while (hub_order_next(w->hub, &order, &argument)) {
        switch (order) {
        case ORDER_STOP:
            stop(w, HUB_CLOSE_FLUSH);
            break;
        case ORDER_STOP_NOW:
            stop(w, HUB_CLOSE_AT_ONCE);
            break;
        case ORDER_LAME_DUCK:
            lame_duck_begin(w);
            break;
        case ORDER_ANSWER:
            answer_begin(w, argument);
            break;
        case ORDER_SETTINGS:
            reload_begin(w, argument);
            break;
        }
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static void session_event(struct worker *w, const struct loop_event *event)
{
    struct session *session = hub_session_get(w->hub, event->slot, event->generation);
    if (session == NULL) {
        return;
    }
    bool is_closing = session->state == SESSION_CLOSING;
    switch (event->kind) {
    case LOOP_EVENT_BYTES:
        PROBE_RECV(session->client_id, event->bytes.size);
        if (!is_closing) {
            nats_bytes(w->settings->nats, w->hub, session, event->bytes);
        }
        loop_buffer_return(w->loop, event);
        break;
    case LOOP_EVENT_EOF:
        if (!is_closing) {
            nats_end(w->settings->nats, w->hub, session);
        }
        break;
    case LOOP_EVENT_ERROR:
        hub_close(w->hub, session, CLOSE_READ_ERROR, HUB_CLOSE_AT_ONCE);
        break;
    case LOOP_EVENT_WRITABLE:
        hub_session_writable(w->hub, session);
        break;
    case LOOP_EVENT_CLOSED:
        closed(w, session);
        break;
    default:
        break;
    }
}

static void reap(struct worker *w)
{
    for (size_t i = 0; i < w->events_count; i++) {
        const struct loop_event *event = &w->events[i];
        switch (event->kind) {
        case LOOP_EVENT_ACCEPT:
            if (w->is_stopping) {
                loop_discard(w->loop, event->result);
            } else {
                governor_hold(&w->governor, event->result, event->bytes);
            }
            break;
        case LOOP_EVENT_ACCEPT_FAILED:
            log_write(w->options.hub.log, LOG_ERROR, "Error accepting a connection: %s",
                      strerror(-event->result));
            break;
        case LOOP_EVENT_WAKE:
            hub_metrics(w->hub)->doorbells_heard++;
            break;
        default:
            session_event(w, event);
            break;
        }
    }
    w->events_count = 0;
}

static void resume(struct worker *w)
{
    struct session *session;
    while ((session = hub_resumable_next(w->hub)) != NULL) {
        nats_resume(w->settings->nats, w->hub, session);
    }
}

static void run_timers(struct worker *w)
{
    struct session *session;
    while ((session = hub_expired_next(w->hub)) != NULL) {
        nats_tick(w->settings->nats, w->hub, session);
    }
    lame_duck_go_on(w);
}

/* ---- bytes and bells out --------------------------------------------------------------------- */

static void ring(struct worker *w, uint64_t workers)
{
    for (; workers != 0; workers &= workers - 1) {
        PROBE_WAKE(w->options.hub.worker, __builtin_ctzll(workers));
        loop_wake_from(w->loop, w->options.loops[__builtin_ctzll(workers)]);
    }
}

static void flush(struct worker *w)
{
    size_t count;
    while ((count = hub_flush_next(w->hub, w->sends, SENDS_PER_CALL)) > 0) {
        PROBE_SEND(w->options.hub.worker, count, count * w->sends[0].size);
        loop_send(w->loop, (struct loop_send *)(void *)w->sends, count);
        if (UNLIKELY(hub_flush_is_sampled(w->hub, count))) {
            uint64_t now_ns = w->options.clock != NULL ? w->options.clock() : hub_now(w->hub);
            hub_flush_sample(w->hub, w->sends, count, now_ns);
        }
        hub_flush_results(w->hub, w->sends, count);
    }
}

static void hand_out_proofs(struct worker *w)
{
    struct proof *proof;
    while ((proof = hub_proof_next(w->hub)) != NULL) {
        helper_push(w->options.helper, proof);
    }
}

static void perform_wants(struct worker *w)
{
    uint32_t wants;
    struct session *session;
    while ((session = hub_want_next(w->hub, &wants)) != NULL) {
        uint32_t slot = session->slot;
        if (wants & WANT_CLOSE) {
            loop_close_slot(w->loop, slot,
                            wants & WANT_RESET ? LOOP_CLOSE_RESET : LOOP_CLOSE_ORDERLY);
            continue;
        }
        if (wants & WANT_DISARM) {
            loop_read_disarm(w->loop, slot);
        } else if (wants & WANT_ARM) {
            loop_read_arm(w->loop, slot);
        }
        if (wants & WANT_WRITABLE) {
            loop_wait_writable(w->loop, slot);
        }
        if (wants & WANT_SHUTDOWN) {
            loop_shutdown_write(w->loop, slot);
        }
    }
}

/* ---- the turn -------------------------------------------------------------------------------- */

uint64_t worker_next_deadline(const struct worker *w)
{
    uint64_t deadline = MIN_OF(hub_next_deadline(w->hub), w->governor.next_ns);
    if (!list_is_empty(&w->answers)) {
        return 0;
    }
    if (w->lame_duck.is_on && hub_sessions_count(w->hub) > 0) {
        deadline = MIN_OF(deadline, w->lame_duck.next_ns);
    }
    return deadline;
}

bool worker_holds_input(const struct worker *w)
{
    return w->events_count > 0;
}

static uint64_t sleep_ns(struct worker *w, uint64_t now_ns)
{
    uint64_t deadline = worker_next_deadline(w);
    if (w->is_stopping) {
        deadline = MIN_OF(deadline, now_ns + STOP_POLL_NS);
    }
    if (w->reload.old != NULL) {
        deadline = now_ns;
    }
    if (deadline == UINT64_MAX) {
        return UINT64_MAX;
    }
    return deadline > now_ns ? deadline - now_ns : 0;
}

uint64_t worker_wait_begin(struct worker *w, uint64_t now_ns)
{
    struct port *port = own_port(w);
    hub_turn_took(w->hub, now_ns);
    uint64_t timeout_ns = sleep_ns(w, now_ns);
    doorbell_prepare_sleep(&port->bell);
    if (!doorbell_may_sleep(&port->bell, &port->inbox)) {
        timeout_ns = 0;
    }
    if (timeout_ns > 0) {
        hub_metrics(w->hub)->turns_slept++;
    }
    return timeout_ns;
}

void worker_wait_end(struct worker *w, uint64_t timeout_ns)
{
    if (!w->is_drain_begun || PLANTED(PLANTED_GATHER_READS_ON)) {
        w->events_count = loop_wait(w->loop, timeout_ns, w->events, EVENTS_MAX);
    }
    doorbell_awake(&own_port(w)->bell);
}

void worker_wait(struct worker *w, uint64_t now_ns)
{
    worker_wait_end(w, worker_wait_begin(w, now_ns));
}

/* Sequentially consistent: whoever sees every worker stopped has all their pushes before it. */
static bool all_stopped(struct worker *w)
{
    const struct hub_options *hub = &w->options.hub;
    for (uint32_t i = 0; i < hub->workers_count; i++) {
        if (atomic_load_explicit(&hub->ports[i].stopped, memory_order_seq_cst) == 0) {
            return false;
        }
    }
    return true;
}

/* A worker has stopped when it has no session left and its own envelopes are home: it makes no
 * envelope any more, for only a homecoming could ask for another (a member picked again). It ends
 * when all have stopped and it has drained once since it saw that. */
static enum worker_turn stop_progress(struct worker *w)
{
    if (!w->is_stopping || hub_sessions_count(w->hub) > 0) {
        return WORKER_TURNED;
    }
    struct hub_gauges gauges;
    hub_gauges(w->hub, &gauges);
    if (!w->is_stopped && gauges.envelopes_under_way == 0) {
        w->is_stopped = true;
        atomic_store_explicit(&own_port(w)->stopped, 1u, memory_order_seq_cst);
    }
    bool is_done = w->others_stopped;
    w->others_stopped = all_stopped(w);
    return is_done ? WORKER_STOPPED : WORKER_TURNED;
}

/* False: a producer is between its two steps. */
static bool hear_others(struct worker *w)
{
    w->is_drain_begun = !hub_drain(w->hub);
    if (w->is_drain_begun) {
        return false;
    }
    struct connection_envelope connection;
    while (hub_connection_next(w->hub, &connection)) {
        connection_open(w, &connection);
    }
    take_orders(w);
    return true;
}

/* What there is to parse, in bytes. Who comes or leaves weighs as much as a turn may gather in all: a wait
 * reports only so many of them that others do not wait long. */
static size_t events_weight(const struct worker *w)
{
    size_t weight = 0;
    for (size_t i = 0; i < w->events_count; i++) {
        const struct loop_event *event = &w->events[i];
        if (event->kind == LOOP_EVENT_BYTES) {
            weight += event->bytes.size;
        } else if (event->kind != LOOP_EVENT_WAKE) {
            return GATHERED_BYTES_MAX;
        }
    }
    return weight;
}

/* A send costs what it costs, however much it carries: what came while the turn's input was parsed goes
 * along. Otherwise a publisher whose messages came in two reads is fanned out twice; and as his next
 * ones follow the deliveries, they come in two again. What waits to be sent does not wait longer for it
 * than for a wait or two, whoever floods the hub with what it need not hear. */
static void gather(struct worker *w)
{
    size_t weight = 0;
    for (int looks = 0; looks < LOOKS_MAX && weight < GATHERED_BYTES_MAX && hub_gathers(w->hub);
         looks++) {
        w->events_count = loop_wait(w->loop, 0, w->events, EVENTS_MAX);
        if (w->events_count == 0 && mpsc_is_empty(&own_port(w)->inbox)) {
            return;
        }
        if (!PLANTED(PLANTED_GATHER_UNDRAINED) && !hear_others(w)) {
            return; /* what was read waits for the next turn */
        }
        weight += events_weight(w);
        hub_metrics(w->hub)->turns_gathered++;
        reap(w);
    }
}

enum worker_turn worker_turn(struct worker *w, uint64_t now_ns)
{
    hub_turn_begin(w->hub, now_ns);
    if (PLANTED(PLANTED_PARSE_BEFORE_DRAIN)) {
        resume(w);
        reap(w);
    }
    if (!hear_others(w)) { /* before any byte is parsed: law 7 */
        return WORKER_HALF_LINKED;
    }
    reload_go_on(w);
    resume(w);
    reap(w); /* bytes in: parse, publish */
    gather(w);
    let_in(w);
    run_timers(w);
    if (PLANTED(PLANTED_FLUSH_BEFORE_PUSH)) {
        flush(w);
    }
    ring(w, hub_push(w->hub)); /* envelopes out, before any byte is written: law 7 */
    flush(w);                  /* one send per session and slice */
    ring(w, hub_turn_end(w->hub));
    hand_out_proofs(w);
    perform_wants(w);
    answer_go_on(w);
    return stop_progress(w);
}
