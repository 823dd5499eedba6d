/* world.c - workers over the fake loop, in parts that are scheduled apart. */
#include "core/interest.h"
#include "core/mpsc.h"
#include "core/proto/nats_save.h"
#include "io/peername.h"
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

/* The link step sends these calls of core and io here (-Wl,--wrap): the places where a thread may be
 * preempted while it holds something half done. */
void __wrap_mpsc_push(struct mpsc *q, struct mpsc_node *node);
void __wrap_loop_send(struct loop *loop, struct loop_send *sends, size_t count);
void __wrap_loop_wake_from(struct loop *from, struct loop *to);
bool __wrap_hub_connection_next(struct hub *hub, struct connection_envelope *connection);
uint64_t __wrap_hub_push(struct hub *hub);
bool __real_hub_connection_next(struct hub *hub, struct connection_envelope *connection);
uint64_t __real_hub_push(struct hub *hub);
void __real_loop_send(struct loop *loop, struct loop_send *sends, size_t count);
void __real_loop_wake_from(struct loop *from, struct loop *to);

uint64_t planted_bugs;
uint64_t planted_hash_mask;

static struct sim *running; /* what the seams belong to */

uint16_t peername_of(int fd, struct bytes address, char text[PEERNAME_TEXT_MAX])
{
    (void)address;
    snprintf(text, PEERNAME_TEXT_MAX, "127.0.0.1");
    return (uint16_t)(fd & 0x7FFF);
}

/* ---- seams ----------------------------------------------------------------------------------- */

void __wrap_mpsc_push(struct mpsc *q, struct mpsc_node *node)
{
    struct mpsc_node *previous = mpsc_push_begin(q, node);
    uint64_t events = running->events;
    schedule_seam(running);
    if (running->events > events) {
        coverage_add(running->coverage, COVERAGE_half_links);
    }
    mpsc_push_finish(previous, node);
    schedule_seam(running);
}

void __wrap_loop_send(struct loop *loop, struct loop_send *sends, size_t count)
{
    for (size_t i = 0; i < count;) {
        size_t some = 1 + sim_below(running, 4);
        some = MIN_OF(some, count - i);
        __real_loop_send(loop, sends + i, some);
        i += some;
        schedule_seam(running);
    }
}

void __wrap_loop_wake_from(struct loop *from, struct loop *to)
{
    schedule_seam(running);
    __real_loop_wake_from(from, to);
}

/* The first call of a turn after its drain: what others push from here on waits for the next. */
bool __wrap_hub_connection_next(struct hub *hub, struct connection_envelope *connection)
{
    schedule_seam(running);
    return __real_hub_connection_next(hub, connection);
}

/* The turn's bytes are parsed, and nobody else knows. */
uint64_t __wrap_hub_push(struct hub *hub)
{
    schedule_seam(running);
    return __real_hub_push(hub);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Settings say what becomes of what is refused. */
static struct scrub_rules *rules_of(const struct sim *sim)
{
    const struct sim_settings *s = &sim->settings;
    static const struct bytes all[] = {{(const uint8_t *)">", 1}};
    static const struct bytes evil[] = {{(const uint8_t *)"evil", 4}};
    static const struct scrub_mask dirt[] = {
        {.pattern = {(const uint8_t *)"dirt", 4}, .put = {(const uint8_t *)"s", 1}}};
    struct scrub_rule_options options = {.name = bytes_text("sim"),
                                         .subjects = {all, 1},
                                         .fate = (enum scrub_fate)s->scrub_fate,
                                         .quarantine = bytes_text(sim->subjects[0]),
                                         .masks = dirt,
                                         .masks_count = 1,
                                         .must_not = {evil, 1}};
    struct scrub_error error;
    struct scrub_rules *rules = s->scrubs ? scrub_rules_new(&options, 1, &error) : NULL;
    ASSERT(rules != NULL || !s->scrubs);
    return rules;
}

static void nats_begin(struct sim *sim)
{
    const struct sim_settings *s = &sim->settings;
    sim->nats.options = (struct nats_options){.max_control_line = 4096,
                                              .max_payload = 1024 * 1024,
                                              .ping_interval_ns = s->ping_interval_ns,
                                              .ping_max = s->ping_max};
    struct nats_info_server server = {.server_id = "NSIM",
                                      .server_name = "sim",
                                      .version = "2.9.10",
                                      .go = "none",
                                      .host = "127.0.0.1",
                                      .port = 4222,
                                      .headers = true,
                                      .max_payload = 1024 * 1024,
                                      .remote_account = "$G"};
    ASSERT(nats_info_init(&sim->nats.info, &server));
    sim->hub_settings.nats = &sim->nats;
    sim->hub_settings.max_connections = s->max_connections;
    sim->hub_settings.max_subscriptions = s->max_subscriptions;
    sim->hub_settings.max_pending = s->max_pending;
    sim->hub_settings.write_deadline_ns = s->write_deadline_ns;
    sim->hub_settings.scrub = rules_of(sim);
}

static void worker_begin(struct sim *sim, uint32_t number)
{
    static const int listener = 3;
    const struct sim_settings *s = &sim->settings;
    struct worker_options options = {
        .hub = {.worker = number,
                .workers_count = s->workers,
                .ports = sim->ports,
                .hash_key = sim->seed * 0x9E3779B97F4A7C15u,
                .seed = sim_draw(sim),
                .sessions_max = CLIENTS_MAX,
                .max_subscriptions = s->max_subscriptions,
                .max_pending = s->max_pending,
                .write_deadline_ns = s->write_deadline_ns,
                .log_bytes_max = s->log_bytes,
                .index_bytes_max = s->index_bytes,
                .input_bytes_max = s->input_bytes,
                .credit_bytes = s->credit_bytes,
                .access = sim->access},
        .loop = {.backend = LOOP_FAKE, .slots_max = CLIENTS_MAX, .read_buffers = s->read_buffers},
        .settings = &sim->hub_settings,
        .loops = sim->loops,
        .client_ids = &sim->client_ids,
        .listener_fds = &listener,
        .listeners_count = number == 0};
    struct sim_worker *w = &sim->workers[number];
    *w = (struct sim_worker){.state = WORKER_IDLE};
    if (worker_open(&options, sim->now_ns, &w->worker) != 0) {
        sim_fail(sim, "a worker did not open");
    }
    hub_set_policies(worker_hub(w->worker), sim->policies[0]);
}

void world_faults(struct sim *sim, bool on)
{
    for (int fault = 0; fault < FAKE_FAULTS; fault++) {
        uint32_t per_mille = 0;
        if (on && sim_chance(sim, 500)) {
            per_mille = sim_chance(sim, 200) ? sim_below(sim, 500) : sim_below(sim, 60);
        }
        if (fault == FAKE_NETWORK_RESET) {
            per_mille = on && sim->settings.has_resets ? 1 : 0;
        }
        fake_world_fault(sim->world, (enum fake_fault)fault, per_mille);
    }
}

void world_open(struct sim *sim)
{
    running = sim;
    /* In one of eight seeds subjects share hashes; in half of these as far only as workers tell one
     * another of them. Not drawn, so that the others stay what they are. */
    uint64_t kind = sim->seed * 0x9E3779B97F4A7C15u >> 60;
    planted_hash_mask = kind == 0 ? 3 : kind == 1 ? 3 | ~INTEREST_HASH_BITS : UINT64_MAX;
    sim->now_ns = 1000000000ull + sim_below(sim, 1000000000);
    sim->world = fake_world_new(sim_draw(sim));
    fake_world_capacity(sim->world, sim->settings.pipe_to_hub, sim->settings.pipe_to_client);
    sim->ports = memory_alloc_aligned(CACHE_LINE, sim->settings.workers * sizeof(struct port));
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        struct port *port = &sim->ports[i];
        mpsc_init(&port->inbox);
        doorbell_init(&port->bell);
        atomic_store_explicit(&port->connections, 0u, memory_order_relaxed);
        atomic_store_explicit(&port->stopped, 0u, memory_order_relaxed);
    }
    atomic_store_explicit(&sim->client_ids, (uint64_t)1, memory_order_relaxed);
    nats_begin(sim);
    people_open(sim);
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        worker_begin(sim, i);
    }
    world_faults(sim, true);
}

static void collect(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        metrics_add(&sim->coverage->metrics, hub_metrics(worker_hub(sim->workers[i].worker)));
    }
    for (int fault = 0; fault < FAKE_FAULTS; fault++) {
        sim->coverage->faults[fault] += fake_world_met(sim->world, (enum fake_fault)fault);
    }
}

struct hub_gauges world_gauges(struct sim *sim, uint32_t worker)
{
    struct hub_gauges gauges;
    hub_gauges(worker_hub(sim->workers[worker].worker), &gauges);
    return gauges;
}

static void nothing_left(struct sim *sim, uint32_t worker, const char *what, uint64_t count,
                         uint64_t most)
{
    if (count > most) {
        sim_fail(sim, "worker %u: %llu %s are left at the end", worker, (unsigned long long)count,
                 what);
    }
}

static void check_empty(struct sim *sim, uint32_t i)
{
    struct hub_gauges g = world_gauges(sim, i);
    nothing_left(sim, i, "sessions", g.sessions, 0);
    nothing_left(sim, i, "subscriptions", g.subscriptions, 0);
    nothing_left(sim, i, "audiences", g.audiences, 0);
    nothing_left(sim, i, "entries", g.entries, 0);
    nothing_left(sim, i, "interest in literals", g.interest_literals, 0);
    nothing_left(sim, i, "interest in patterns", g.interest_patterns, 0);
    nothing_left(sim, i, "chunks", g.chunks, 2); /* the two arenas keep theirs */
    nothing_left(sim, i, "bytes of pending lists", g.pending_entries_bytes, 0);
    nothing_left(sim, i, "bytes of input", g.input_bytes, 0);
    nothing_left(sim, i, "blocked sessions", g.blocked, 0);
    nothing_left(sim, i, "envelopes under way", g.envelopes_under_way, 0);
    nothing_left(sim, i, "slots", fake_loop_slots_used(sim->loops[i]), 0);
    nothing_left(sim, i, "connections counted",
                 atomic_load_explicit(&sim->ports[i].connections, memory_order_relaxed), 0);
    if (!mpsc_is_empty(&sim->ports[i].inbox)) {
        sim_fail(sim, "worker %u: an envelope is left in the inbox", i);
    }
}

static void let_go(struct sim *sim)
{
    watcher_end(sim);
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        struct client *client = &sim->clients[i];
        client_release(client);
        memory_free(client->pubs);
        client->pubs = NULL;
    }
    sim->clients_count = 0;
    policies_let_go(sim);
}

void world_close(struct sim *sim)
{
    collect(sim);
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        check_empty(sim, i);
    }
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        worker_free(sim->workers[i].worker);
    }
    people_close(sim);
    fake_world_free(sim->world);
    memory_free(sim->ports);
    scrub_rules_unref(sim->hub_settings.scrub);
    let_go(sim);
}

void world_abandon(struct sim *sim)
{
    let_go(sim);
}

/* ---- turns ----------------------------------------------------------------------------------- */

bool world_worker_step(struct sim *sim, uint32_t number)
{
    struct sim_worker *w = &sim->workers[number];
    if (w->is_busy || w->state == WORKER_GONE) {
        return false;
    }
    if (w->state == WORKER_ASLEEP && w->timeout_ns > 0 && sim->now_ns < w->due_ns &&
        !fake_loop_is_runnable(sim->loops[number])) {
        return false;
    }
    w->is_busy = true;
    if (w->state == WORKER_IDLE) {
        w->timeout_ns = worker_wait_begin(w->worker, sim->now_ns);
        w->due_ns = sim->now_ns + MIN_OF(w->timeout_ns, UINT64_MAX - sim->now_ns);
        w->state = WORKER_ASLEEP;
        coverage_add(sim->coverage, COVERAGE_worker_waits);
        sim->coverage->counts[COVERAGE_worker_sleeps] += w->timeout_ns > 0;
    } else if (w->state == WORKER_ASLEEP) {
        worker_wait_end(w->worker, w->timeout_ns);
        w->state = WORKER_AWAKE;
    } else {
        sim_trace(sim, "worker %u turns", number);
        enum worker_turn turn = worker_turn(w->worker, sim->now_ns);
        coverage_add(sim->coverage, turn == WORKER_HALF_LINKED ? COVERAGE_turns_half_linked
                                                               : COVERAGE_worker_turns);
        if (turn != WORKER_HALF_LINKED) {
            watcher_look(sim, number);
        }
        w->state = turn == WORKER_STOPPED       ? WORKER_GONE
                   : turn == WORKER_HALF_LINKED ? WORKER_AWAKE
                                                : WORKER_IDLE;
    }
    w->is_busy = false;
    return true;
}

bool world_skip_time(struct sim *sim)
{
    uint64_t due_ns = NEVER;
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        const struct sim_worker *w = &sim->workers[i];
        if (w->state == WORKER_ASLEEP) {
            due_ns = MIN_OF(due_ns, w->due_ns);
        }
    }
    if (due_ns == NEVER) {
        return false;
    }
    sim->now_ns = MAX_OF(sim->now_ns, due_ns);
    return true;
}

void world_order(struct sim *sim, enum order_kind kind, void *argument)
{
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        struct order_envelope *order = memory_alloc(sizeof(*order));
        order->envelope.kind = ENVELOPE_ORDER;
        order->order = kind;
        order->argument = argument;
        mpsc_push(&sim->ports[i].inbox, &order->envelope.node);
        if (doorbell_should_ring(&sim->ports[i].bell)) {
            loop_wake(sim->loops[i]);
        }
    }
}

void world_check(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        loop_check(sim->loops[i]);
        if (!sim->workers[i].is_busy) {
            hub_check(worker_hub(sim->workers[i].worker));
        }
    }
}

/* ---- sessions that move ---------------------------------------------------------------------- */

static struct session *choose_session(struct sim *sim, struct hub *hub)
{
    uint32_t slot = sim_below(sim, CLIENTS_MAX);
    struct session *session = hub_session_next(hub, &slot);
    if (session == NULL) {
        slot = 0;
        session = hub_session_next(hub, &slot);
    }
    return session != NULL && session->state == SESSION_OPEN ? session : NULL;
}

/* The old session ends without a word to its peer. */
static int session_leave(struct sim *sim, uint32_t from, struct session *session)
{
    struct hub *hub = worker_hub(sim->workers[from].worker);
    int fd = fake_loop_release(sim->loops[from], session->slot);
    hub_close(hub, session, CLOSE_SHUTDOWN, HUB_CLOSE_AT_ONCE);
    nats_closed(session);
    hub_session_closed(hub, session);
    atomic_fetch_sub_explicit(&sim->ports[from].connections, 1u, memory_order_relaxed);
    return fd;
}

static void session_arrive(struct sim *sim, uint32_t to, int fd, struct bytes saved)
{
    struct hub *hub = worker_hub(sim->workers[to].worker);
    struct session *session = hub_session_open(hub, 0);
    if (session == NULL || loop_add(sim->loops[to], session->slot, session->generation, fd) != 0) {
        sim_fail(sim, "no room for a session that moves");
    }
    atomic_fetch_add_explicit(&sim->ports[to].connections, 1u, memory_order_relaxed);
    if (!nats_load(&sim->nats, hub, session, saved)) {
        if (!sim->settings.is_tight) {
            sim_fail(sim, "a saved session does not load");
        }
        hub_close(hub, session, CLOSE_SHUTDOWN, HUB_CLOSE_AT_ONCE);
    }
}

/* Another worker may take it over if neither has anything in its inbox: what waits at the old one
 * would not follow, and what waits at the new one was heard already. */
static uint32_t choose_new_home(struct sim *sim, uint32_t from)
{
    uint32_t to = sim_below(sim, sim->settings.workers);
    bool is_quiet = mpsc_is_empty(&sim->ports[from].inbox) && mpsc_is_empty(&sim->ports[to].inbox);
    return is_quiet && sim->workers[to].state == WORKER_IDLE ? to : from;
}

void world_reload(struct sim *sim)
{
    uint32_t from = sim_below(sim, sim->settings.workers);
    struct sim_worker *w = &sim->workers[from];
    if (w->state != WORKER_IDLE || sim->is_over || worker_holds_input(w->worker)) {
        return;
    }
    struct hub *hub = worker_hub(w->worker);
    struct session *session = choose_session(sim, hub);
    size_t size = session != NULL ? nats_save(hub, session, NULL, 0) : 0;
    if (size == 0) {
        return;
    }
    uint8_t *saved = memory_alloc(size);
    if (nats_save(hub, session, saved, size) != size) {
        sim_fail(sim, "a session saves to another size the second time");
    }
    uint32_t to = choose_new_home(sim, from);
    coverage_add(sim->coverage, COVERAGE_sessions_reloaded);
    sim->coverage->counts[COVERAGE_sessions_moved] += to != from;
    sim->coverage->counts[COVERAGE_sessions_reloaded_with_output] +=
        hub_session_pending(hub, session) > 0;
    sim->coverage->counts[COVERAGE_sessions_reloaded_with_input] += session->input != NULL;
    int fd = session_leave(sim, from, session);
    /* The world numbers descriptors as clients connect. */
    struct client *client = &sim->clients[fd - FAKE_FD_FIRST];
    sim_trace(sim, "client %u moves from worker %u to %u", client->id, from, to);
    oracle_moved(sim, client, to != from);
    session_arrive(sim, to, fd, bytes_of(saved, size));
    memory_free(saved);
}

uint64_t world_dropped_for_memory(struct sim *sim)
{
    uint64_t dropped = 0;
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        dropped +=
            hub_metrics(worker_hub(sim->workers[i].worker))->deliveries_dropped[DROP_MEMORY_LIMIT];
    }
    return dropped;
}

uint64_t world_dropped_for_rate(struct sim *sim)
{
    uint64_t dropped = 0;
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        dropped +=
            hub_metrics(worker_hub(sim->workers[i].worker))->deliveries_dropped[DROP_RATE_LIMIT];
    }
    return dropped;
}

struct hub *world_hub_of(struct sim *sim, uint32_t worker)
{
    return worker_hub(sim->workers[worker].worker);
}

uint64_t world_repicks(struct sim *sim)
{
    uint64_t repicks = 0;
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        repicks += hub_metrics(worker_hub(sim->workers[i].worker))->group_repicks;
    }
    return repicks;
}
