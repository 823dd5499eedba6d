/* hub.c - sessions from open to closed, timers, and the edges of a turn. */
#include "core/hub_state.h"
#include "core/probes.h"

#include <stdio.h>

enum { INDEX_CACHE_ENTRIES = 8192 };

/* ---- small things the other files use -------------------------------------------------------- */

void arena_init(struct arena *arena, uint32_t class_index)
{
    arena->chunk = NULL;
    arena->class_index = class_index;
    list_init(&arena->full);
}

struct chunk *arena_reserve(struct hub *hub, struct arena *arena, size_t size)
{
    if (LIKELY(arena->chunk != NULL && chunk_room(arena->chunk) >= size)) {
        return arena->chunk;
    }
    if (arena->chunk != NULL) {
        list_push(&arena->full, &arena->chunk->link);
    }
    arena->chunk = chunk_take(&hub->chunks, arena->class_index, size);
    return arena->chunk;
}

void arena_hold(struct arena *arena, struct chunk *chunk)
{
    if (chunk != arena->chunk && !list_is_linked(&chunk->link)) {
        chunk_ref(chunk);
        list_push(&arena->full, &chunk->link);
    }
}

void arena_turn_end(struct hub *hub, struct arena *arena)
{
    struct list *node;
    while ((node = list_pop(&arena->full)) != NULL) {
        chunk_unref(&hub->chunks, CONTAINER_OF(node, struct chunk, link));
    }
    struct chunk *chunk = arena->chunk;
    if (chunk == NULL) {
        return;
    }
    if (chunk->class_index < CHUNK_CLASSES) {
        if (chunk->refs == 1) {
            /* Nobody refers to it: the next turn writes into lines that are still cached. */
            chunk->used = 0;
        }
        /* Else the next turn goes on behind what is held: one that publishes little must not pin
         * a whole chunk while its envelopes are under way. */
        return;
    }
    arena->chunk = NULL;
    chunk_unref(&hub->chunks, chunk);
}

/* splitmix64 (Steele, Lea, Flood 2014): fast, and good enough to spread queue messages evenly. */
uint64_t hub_random(struct hub *hub)
{
    uint64_t z = (hub->random += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void array_reserve(void **array, uint32_t *capacity, uint32_t count, size_t item_size)
{
    if (LIKELY(count <= *capacity)) {
        return;
    }
    uint32_t wanted = MAX_OF(16u, *capacity * 2);
    *array = memory_resize(*array, wanted * item_size);
    *capacity = wanted;
}

void hub_want(struct hub *hub, struct session *session, uint32_t want)
{
    session->wants |= (uint8_t)want;
    if (session->wants_place == 0) {
        queue_push(&hub->wants, session);
    }
}

void session_set_flush(struct hub *hub, struct session *session, enum session_flush flush)
{
    struct queue *const queues[] = {NULL, &hub->flush_sessions, &hub->flush.later, &hub->doomed};
    if (session->in_flush != FLUSH_NOT) {
        queue_remove(queues[session->in_flush], session);
    }
    session->in_flush = (uint8_t)flush;
    if (flush != FLUSH_NOT) {
        queue_push(queues[flush], session);
    }
}

void session_set_rest(struct hub *hub, struct session *session, enum session_rest rest)
{
    struct queue *const queues[] = {NULL, &hub->paused, &hub->gated, &hub->resumable,
                                    &hub->resuming};
    ASSERT(rest != REST_PROVING); /* proving_enter */
    if (session->in_rest == REST_PROVING) {
        proving_leave(hub, session);
    } else if (session->in_rest != REST_NOT) {
        queue_remove(queues[session->in_rest], session);
    }
    session->in_rest = (uint8_t)rest;
    if (rest != REST_NOT) {
        queue_push(queues[rest], session);
    }
}

static void queues_init(struct hub *hub)
{
    queue_init(&hub->flush_sessions, offsetof(struct session, flush_place));
    queue_init(&hub->flush.later, offsetof(struct session, flush_place));
    queue_init(&hub->doomed, offsetof(struct session, flush_place));
    queue_init(&hub->paused, offsetof(struct session, rest_place));
    queue_init(&hub->gated, offsetof(struct session, rest_place));
    queue_init(&hub->resumable, offsetof(struct session, rest_place));
    queue_init(&hub->resuming, offsetof(struct session, rest_place));
    queue_init(&hub->blocked, offsetof(struct session, blocked_place));
    queue_init(&hub->wants, offsetof(struct session, wants_place));
    queue_init(&hub->inputs, offsetof(struct session, input_place));
}

static void queues_free(struct hub *hub)
{
    queue_free(&hub->flush_sessions);
    queue_free(&hub->flush.later);
    queue_free(&hub->doomed);
    queue_free(&hub->paused);
    queue_free(&hub->gated);
    queue_free(&hub->resumable);
    queue_free(&hub->resuming);
    queue_free(&hub->blocked);
    queue_free(&hub->wants);
    queue_free(&hub->inputs);
}

/* ---- life of the hub ------------------------------------------------------------------------- */

size_t hub_spare_bytes_max(void)
{
    return CHUNK_POOL_SPARE_BYTES + pending_spare_bytes_max() +
           (size_t)BLOCKS_SPARE_MAX * (HUB_BLOCK_BYTES + INPUT_BYTES);
}

struct hub *hub_new(const struct hub_options *options, uint64_t now_ns)
{
    ASSERT(options->worker < options->workers_count);
    ASSERT(options->workers_count <= WORKERS_MAX);
    ASSERT(options->client_size >= sizeof(struct session));
    struct hub *hub = memory_alloc(sizeof(*hub));
    hub->options = *options;
    hub->now_ns = now_ns;
    hub->random = options->seed;
    pool_init(&hub->sessions, options->client_size, options->sessions_max, SESSIONS_PER_SLAB);
    struct index_options index_options = {.entry_size = sizeof(struct entry),
                                          .hash_key = options->hash_key,
                                          .cache_entries_max = INDEX_CACHE_ENTRIES};
    hub->index = index_new(&index_options);
    interest_init(&hub->interest, options->workers_count, options->hash_key);
    chunk_pool_init(&hub->chunks);
    pending_pool_init(&hub->pendings, &hub->chunks, hub->index);
    timers_init(&hub->timers, now_ns);
    hub_scrub_set(hub, options->scrub);
    arena_init(&hub->ingress, INGRESS_CLASS);
    arena_init(&hub->control, CONTROL_CLASS);
    hub->journal = memory_alloc(JOURNAL_MAX * sizeof(struct journal_entry));
    hub->flush.vectors = memory_alloc(FLUSH_VECTORS * sizeof(struct iovec));
    hub->flush.scratch = memory_resize(NULL, FLUSH_SCRATCH_BYTES);
    hub->flush.plates = plates_new();
    queues_init(hub);
    peers_init(hub);
    gates_init(hub);
    hub_set_policies(hub, options->policies);
    access_begin(hub);
    return hub;
}

void hub_free(struct hub *hub)
{
    POOL_FOR_EACH(slot, &hub->sessions)
    {
        struct session *session = pool_at(&hub->sessions, slot);
        if (session->state != SESSION_CLOSING) {
            hub_close(hub, session, CLOSE_SHUTDOWN, HUB_CLOSE_AT_ONCE);
        }
        hub_session_closed(hub, session);
    }
    hub_close_run(hub);
    hub_settle(hub);
    uint64_t bells = hub_turn_end(hub);
    MAYBE(bells == 0);
    access_end(hub);
    peers_free(hub);
    hub_trails_rest(hub, true);
    interest_free(&hub->interest);
    index_free(hub->index);
    index_free(hub->gates);
    pool_free_all(&hub->sessions);
    if (hub->ingress.chunk != NULL) {
        chunk_unref(&hub->chunks, hub->ingress.chunk);
    }
    if (hub->control.chunk != NULL) {
        chunk_unref(&hub->chunks, hub->control.chunk);
    }
    pending_pool_free(&hub->pendings);
    chunk_pool_free(&hub->chunks);
    scrub_free(hub->scrub);
    spares_free(hub);
    queues_free(hub);
    memory_free(hub->journal);
    memory_free(hub->flush.vectors);
    memory_free(hub->flush.scratch);
    plates_free(hub->flush.plates);
    memory_free(hub->match.entries);
    memory_free(hub->match.candidates);
    memory_free(hub->match.parts);
    memory_free(hub->dirty);
    memory_free(hub->expired);
    memory_free(hub->copies);
    memory_free(hub->interest_out);
    memory_free(hub->connections);
    memory_free(hub->orders);
    memory_free(hub);
}

/* ---- sessions -------------------------------------------------------------------------------- */

struct session *hub_session_open(struct hub *hub, uint64_t client_id)
{
    uint32_t slot = pool_take(&hub->sessions);
    if (slot == POOL_FULL) {
        return NULL;
    }
    struct session *session = pool_at(&hub->sessions, slot);
    session->slot = slot;
    session->generation = pool_generation(&hub->sessions, slot);
    session->client_id = client_id;
    session->echo = true;
    session->due_ns = UINT64_MAX;
    timer_init(&session->timer, 0);
    hub->metrics.sessions_opened++;
    hub_want(hub, session, WANT_ARM);
    return session;
}

struct session *hub_session_get(const struct hub *hub, uint32_t slot, uint32_t generation)
{
    return pool_get(&hub->sessions, slot, generation);
}

struct session *hub_session_at(const struct hub *hub, uint32_t slot)
{
    return pool_at(&hub->sessions, slot);
}

uint32_t hub_sessions_count(const struct hub *hub)
{
    return pool_count(&hub->sessions);
}

struct session *hub_session_next(const struct hub *hub, uint32_t *slot)
{
    uint32_t at = pool_next(&hub->sessions, *slot);
    if (at == POOL_END) {
        return NULL;
    }
    *slot = at + 1;
    return pool_at(&hub->sessions, at);
}

static enum drop_reason drop_of(enum close_reason reason)
{
    switch (reason) {
    case CLOSE_SLOW_PENDING:
        return DROP_PENDING_LIMIT;
    case CLOSE_MEMORY_LIMIT:
        return DROP_MEMORY_LIMIT;
    case CLOSE_SHUTDOWN:
        return DROP_SHUTDOWN;
    default:
        return DROP_SESSION_CLOSED;
    }
}

/* What is still pending will never be sent. */
static void session_drop_pending(struct hub *hub, struct session *session, enum close_reason reason)
{
    session_unblock(hub, session);
    uint64_t messages = pending_clear(&session->pending, &hub->pendings);
    hub->metrics.deliveries_dropped[drop_of(reason)] += messages;
    session->control_bytes = 0;
    session_set_flush(hub, session, FLUSH_NOT);
}

static void session_end(struct hub *hub, struct session *session, uint32_t how)
{
    session->state = SESSION_CLOSING;
    timers_cancel(&hub->timers, &session->timer);
    session->wants = 0;
    hub_want(hub, session, WANT_CLOSE | (how == HUB_CLOSE_RESET ? WANT_RESET : 0u));
}

/* What an operator did not ask for and may have to mend is told without -D. */
static void log_close(struct hub *hub, const struct session *session, enum close_reason reason)
{
    bool is_forced = reason == CLOSE_SLOW_PENDING || reason == CLOSE_SLOW_DEADLINE ||
                     reason == CLOSE_MEMORY_LIMIT || reason == CLOSE_INPUT_STALLED;
    enum log_level level = is_forced ? LOG_INFO : LOG_DEBUG;
    hub_log_session(hub, session, level, "Client connection closed: %s", close_reason_text(reason));
}

void hub_close(struct hub *hub, struct session *session, enum close_reason reason,
               enum hub_close how)
{
    if (session->state == SESSION_CLOSING ||
        (session->state != SESSION_OPEN && how == HUB_CLOSE_FLUSH)) {
        return;
    }
    if (session->state == SESSION_OPEN) {
        log_close(hub, session, reason);
        PROBE_CLOSE(session->client_id, reason, close_reason_text(reason));
        uint32_t subs_left = session->subs.count;
        hub_unsubscribe_all(hub, session);
        session->subs_left = subs_left;
        session->close_reason = (uint8_t)reason;
        hub->metrics.sessions_closed[reason]++;
        if (reason == CLOSE_SLOW_PENDING || reason == CLOSE_SLOW_DEADLINE) {
            hub->metrics.slow_consumers++;
        }
    }
    input_free(hub, session);
    hub_prove_end(hub, session);
    session_set_rest(hub, session, REST_NOT);
    session->pauses = 0;
    if (how == HUB_CLOSE_FLUSH) {
        session->state = SESSION_FLUSHING;
        session->due_ns = hub->now_ns + hub->options.write_deadline_ns;
        hub_timer_update(hub, session);
        /* A pause of this turn is over with everything else: it reads on, to see the end. */
        hub_want(hub, session, WANT_ARM);
        session->wants &= (uint8_t)~WANT_DISARM;
        if (pending_is_empty(&session->pending)) {
            session_drained(hub, session);
        } else {
            session_queue_flush(hub, session);
        }
        return;
    }
    session_drop_pending(hub, session, reason);
    session_end(hub, session, how);
}

/* Not inlined: most lists are short. */
static __attribute__((noinline)) void learn_room(struct session *session)
{
    session->room = (uint8_t)pending_room(&session->pending) & PENDING_ROOM_MAX;
}

void session_drained(struct hub *hub, struct session *session)
{
    session_unblock(hub, session);
    if (UNLIKELY(pending_is_roomy(&session->pending))) {
        learn_room(session);
    }
    pending_rest(&session->pending, &hub->pendings);
    session->control_bytes = 0;
    session_resume(hub, session, PAUSE_OUTPUT);
    session_has_read(hub, session);
    if (session->state == SESSION_FLUSHING) {
        if (session->end_of_input) {
            session_end(hub, session, HUB_CLOSE_AT_ONCE);
            return;
        }
        session->state = SESSION_LINGERING;
        session->due_ns =
            hub->now_ns + (session->close_reason == CLOSE_SHUTDOWN ? STOP_LINGER_NS : LINGER_NS);
        hub_timer_update(hub, session);
        hub_want(hub, session, WANT_SHUTDOWN);
    }
}

void hub_session_ended(struct hub *hub, struct session *session)
{
    session->end_of_input = true;
    if (session->state == SESSION_LINGERING) {
        session_end(hub, session, HUB_CLOSE_AT_ONCE);
    }
}

void hub_session_closed(struct hub *hub, struct session *session)
{
    ASSERT(session->state == SESSION_CLOSING);
    ASSERT(session->subs.count == 0);
    ASSERT(pending_is_empty(&session->pending));
    ASSERT(session->input == NULL);
    if (session->wants_place != 0) {
        queue_remove(&hub->wants, session);
    }
    session_set_rest(hub, session, REST_NOT);
    timers_cancel(&hub->timers, &session->timer);
    session_terms_free(session);
    grant_drop(hub, session);
    pool_give(&hub->sessions, session->slot);
}

void hub_session_writable(struct hub *hub, struct session *session)
{
    if (session->blocked && session->state != SESSION_CLOSING && !PLANTED(PLANTED_LOST_WRITABLE)) {
        session->wait_asked = false;
        session_queue_flush(hub, session);
    }
}

uint64_t hub_session_pending(const struct hub *hub, const struct session *session)
{
    (void)hub;
    return pending_bytes(&session->pending);
}

/* ---- input ----------------------------------------------------------------------------------- */

void session_has_read(struct hub *hub, struct session *session)
{
    if ((session->pauses & PAUSE_BEHIND) != 0 && !PLANTED(PLANTED_STAYS_BEHIND) &&
        session_pending_limited(session) <= hub->options.max_pending / 2) {
        session_resume(hub, session, PAUSE_BEHIND);
    }
}

void hub_pause(struct hub *hub, struct session *session, uint32_t pause)
{
    /* Who waits for the next turn only waits for nobody, and is no sign of anything. */
    hub->metrics.inputs_deferred += pause == PAUSE_BUDGET;
    hub->metrics.sessions_paused +=
        pause != PAUSE_BUDGET && (session->pauses & (uint8_t)~PAUSE_BUDGET) == 0;
    if (session->pauses == 0) {
        hub_want(hub, session, WANT_DISARM);
        session->wants &= (uint8_t)~WANT_ARM;
    }
    session->pauses |= (uint8_t)pause;
    hub->metrics.sessions_held += pause == PAUSE_GATE;
    hub->metrics.sessions_slowed += pause == PAUSE_RATE;
    hub->metrics.sessions_behind += pause == PAUSE_BEHIND;
    if ((pause & (PAUSE_OUTPUT | PAUSE_RATE | PAUSE_PROOF | PAUSE_BEHIND)) != 0) {
        /* Its own sends, timer or proof find it; another pause may have it in a queue. */
        return;
    }
    session_set_rest(hub, session,
                     pause == PAUSE_PEER   ? REST_PAUSED
                     : pause == PAUSE_GATE ? REST_GATED
                                           : REST_RESUMABLE);
}

void session_resume(struct hub *hub, struct session *session, uint32_t pause)
{
    if ((session->pauses & pause) == 0) {
        return;
    }
    session->pauses &= (uint8_t)~pause;
    if (session->pauses == 0) {
        session_set_rest(hub, session, REST_RESUMABLE);
    } else if (pause == PAUSE_PEER || pause == PAUSE_GATE) {
        session_set_rest(hub, session, REST_NOT);
    }
}

bool hub_holds(const struct session *session)
{
    /* Who reads nothing is closed by its write deadline; without one silence has to tell. */
    uint32_t behind = session_is_patient(session) ? 0 : PAUSE_BEHIND;
    return (session->pauses & (PAUSE_PEER | PAUSE_GATE | PAUSE_RATE | behind)) != 0;
}

struct session *hub_resumable_next(struct hub *hub)
{
    struct session *session = queue_first(&hub->resuming);
    if (session == NULL) {
        return NULL;
    }
    session_set_rest(hub, session, REST_NOT);
    session->pauses &= (uint8_t)~PAUSE_BUDGET;
    if (session->pauses == 0 && session->state == SESSION_OPEN) {
        hub_want(hub, session, WANT_ARM);
        session->wants &= (uint8_t)~WANT_DISARM;
    }
    return session;
}

bool hub_output_is_stalled(const struct hub *hub, const struct session *session)
{
    if (!session->blocked) {
        return false;
    }
    bool is_tight = hub->chunks.used_bytes > hub->options.log_bytes_max / 2;
    uint64_t limit = is_tight ? CONTROL_STALL_TIGHT_BYTES : CONTROL_STALL_BYTES;
    return session->control_bytes > limit;
}

bool hub_budget_is_spent(const struct hub *hub)
{
    return hub->turn_bytes > hub->turn_bytes_max ||
           (hub->turn_handed > TURN_HANDED_MAX && hub->turn_bytes > TURN_HANDED_BYTES);
}

bool hub_gathers(const struct hub *hub)
{
    if (hub_budget_is_spent(hub)) {
        return false;
    }
    uint64_t sends = hub->turn_sends + hub->flush_sessions.count;
    uint32_t entries = hub->open_run != NULL ? hub->match.entries_count : 0;
    for (uint32_t i = 0; i < entries && sends < GATHER_SENDS; i++) {
        const struct audience *audience = hub->match.entries[i]->audiences;
        for (; audience != NULL && sends < GATHER_SENDS; audience = audience->next) {
            sends += audience_members_count(audience);
        }
    }
    return sends >= GATHER_SENDS;
}

/* ---- settings -------------------------------------------------------------------------------- */

void hub_settings_set(struct hub *hub, const struct settings *settings)
{
    hub->settings = settings;
    hub->options.max_subscriptions = settings->max_subscriptions;
    hub->options.max_pending = settings->max_pending;
    hub->options.write_deadline_ns = settings->write_deadline_ns;
    hub_policies_swap(hub, settings->policies);
    hub_scrub_set(hub, settings->scrub);
    /* Next time all pending lists are compared with their limit, however little was published. */
    hub->pending_slack = 0;
    hub->pending_growth = 1;
    uint32_t cursor = queue_cursor(&hub->blocked);
    struct session *session;
    while ((session = queue_next(&hub->blocked, &cursor)) != NULL) {
        hub_timer_update(hub, session);
        session_has_read(hub, session);
    }
}

const struct settings *hub_settings(const struct hub *hub)
{
    return hub->settings;
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Of a blocked session. */
static uint64_t write_deadline(const struct hub *hub, const struct session *session)
{
    return session->pending.ring->blocked_ns + hub->options.write_deadline_ns;
}

void hub_timer_update(struct hub *hub, struct session *session)
{
    uint64_t deadline = session->due_ns;
    const struct terms *terms = session->pending.terms;
    if (terms != NULL) {
        deadline = MIN_OF(deadline, MIN_OF(terms->gates_ns, terms->resume_ns));
    }
    if (session->blocked && session->state == SESSION_OPEN && !session_is_patient(session)) {
        deadline = MIN_OF(deadline, write_deadline(hub, session));
    }
    if (deadline == UINT64_MAX) {
        timers_cancel(&hub->timers, &session->timer);
    } else {
        timers_set(&hub->timers, &session->timer, MIN_OF(deadline, TIMER_NEVER_NS));
    }
}

void hub_tick_at(struct hub *hub, struct session *session, uint64_t tick_ns)
{
    ASSERT(session->state == SESSION_OPEN);
    session->due_ns = tick_ns;
    hub_timer_update(hub, session);
}

struct session *hub_expired_next(struct hub *hub)
{
    struct timer *timer;
    while ((timer = timers_expired(&hub->timers, hub->now_ns)) != NULL) {
        struct session *session = CONTAINER_OF(timer, struct session, timer);
        bool is_due = session->due_ns <= hub->now_ns;
        if (is_due && session->state != SESSION_OPEN) {
            hub_close(hub, session, session->close_reason, HUB_CLOSE_AT_ONCE);
            continue;
        }
        if (session->pending.terms != NULL && !hub_terms_expire(hub, session)) {
            continue;
        }
        if (session->blocked && session->state == SESSION_OPEN && !session_is_patient(session) &&
            write_deadline(hub, session) <= hub->now_ns) {
            hub_close(hub, session, CLOSE_SLOW_DEADLINE, HUB_CLOSE_AT_ONCE);
            continue;
        }
        if (is_due) {
            session->due_ns = UINT64_MAX;
        }
        hub_timer_update(hub, session);
        if (is_due) {
            return session;
        }
    }
    return NULL;
}

uint64_t hub_next_deadline(const struct hub *hub)
{
    if (!queue_is_empty(&hub->resumable) || !queue_is_empty(&hub->flush.later) ||
        !queue_is_empty(&hub->wants) || !queue_is_empty(&hub->flush_sessions) ||
        !list_is_empty(&hub->over) || hub->interest_out_size > 0) {
        return hub->now_ns;
    }
    uint64_t tidy_ns = chunk_pool_deadline(&hub->chunks);
    uint64_t timer_ns = timers_next(&hub->timers, hub->now_ns);
    return MIN_OF(timer_ns, tidy_ns);
}

/* ---- turn ------------------------------------------------------------------------------------ */

/* Whoever was paused first spent the budget of the turn before, and the others were heard one verb
 * each: it is the last now, so that each has its turn. */
static void resumables_begin(struct hub *hub)
{
    struct session *spender = NULL;
    struct session *session;
    while ((session = queue_first(&hub->resumable)) != NULL) {
        if (spender == NULL && (session->pauses & PAUSE_BUDGET) != 0) {
            spender = session;
            session_set_rest(hub, session, REST_NOT);
        } else {
            session_set_rest(hub, session, REST_RESUMING);
        }
    }
    if (spender != NULL) {
        session_set_rest(hub, spender, REST_RESUMING);
    }
}

void hub_turn_begin(struct hub *hub, uint64_t now_ns)
{
    hub->now_ns = MAX_OF(now_ns, hub->now_ns);
    chunk_pool_clock(&hub->chunks, hub->now_ns);
    hub->turn_ingress_ns = hub->now_ns;
    hub->turn_began_ns = hub->turn_began_ns == 0 ? hub->now_ns : hub->turn_began_ns;
    hub->turn_bytes = 0;
    hub->turn_handed = 0;
    hub->turn_sends = 0;
    hub_trace_turn(hub);
    /* Where memory is short publishers wait for the end of the turn, when others give way. */
    hub->turn_bytes_max = MIN_OF((uint64_t)TURN_BYTES_MAX, hub_log_room(hub));
    hub->metrics.turns++;
    hub->flush.phase = FLUSH_BEGIN;
    resumables_begin(hub);
}

uint64_t hub_now(const struct hub *hub)
{
    return hub->now_ns;
}

struct session *hub_want_next(struct hub *hub, uint32_t *wants)
{
    struct session *session = queue_pop(&hub->wants);
    if (session == NULL) {
        return NULL;
    }
    *wants = session->wants;
    session->wants = 0;
    return session;
}

struct log *hub_log(const struct hub *hub)
{
    return hub->options.log;
}

struct metrics *hub_metrics(struct hub *hub)
{
    return &hub->metrics;
}

void hub_gauges(const struct hub *hub, struct hub_gauges *gauges)
{
    struct index_stats index = index_stats(hub->index);
    *gauges = (struct hub_gauges){
        .sessions = pool_count(&hub->sessions),
        .subscriptions = hub->subscriptions_count,
        .audiences = hub->audiences_count - hub->pendings.audiences_freed,
        .entries = index.entries,
        .interest_literals = hub->interest.literals,
        .interest_patterns = hub->interest.patterns_count,
        .chunks = hub->chunks.chunks_count,
        .chunk_bytes = hub->chunks.used_bytes,
        .pending_entries_bytes = pending_pool_bytes(&hub->pendings),
        .index_bytes = hub_index_bytes(hub),
        .input_bytes = hub->input_bytes,
        .blocked = hub->blocked.count,
        .envelopes_under_way = hub->envelopes_under_way,
        .log_bytes_peak = hub->chunks.used_bytes_peak,
        .index_cached = index.cached,
        .index_inserts = index.inserts,
        .index_removes = index.removes,
        .index_matches = index.matches,
        .index_cache_hits = index.cache_hits,
    };
}
