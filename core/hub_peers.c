/*
 * hub_peers.c - what goes to other workers and what comes from them.
 *
 * One envelope per interested worker and turn (more when ENVELOPE_ITEMS_MAX runs are not enough).
 * It comes home when the peer's flush is done, with its verdict: that is the credit for
 * back-pressure, the 503 across workers, and the second pick of a queue member that left.
 */
#include "core/hub_state.h"

enum { ENVELOPES_SPARE_MAX = 256 };

void peers_init(struct hub *hub)
{
    hub->peers = memory_alloc(hub->options.workers_count * sizeof(struct peer));
    for (uint32_t i = 0; i < hub->options.workers_count; i++) {
        list_init(&hub->peers[i].ready);
    }
    list_init(&hub->envelopes_free);
    list_init(&hub->held);
}

static struct port *port_of(const struct hub *hub, uint32_t worker)
{
    return &hub->options.ports[worker];
}

void peers_free(struct hub *hub)
{
    /* Other hubs may be gone already: what is under way is the ports' owner's to throw away. */
    struct list *node;
    for (uint32_t w = 0; w < hub->options.workers_count; w++) {
        while ((node = list_pop(&hub->peers[w].ready)) != NULL) {
            struct run_envelope *envelope = CONTAINER_OF(node, struct run_envelope, held);
            for (uint32_t i = 0; i < envelope->items_count; i++) {
                chunk_unref(&hub->chunks, envelope->items[i].run->chunk);
            }
            memory_free(envelope);
        }
    }
    while ((node = list_pop(&hub->envelopes_free)) != NULL) {
        memory_free(CONTAINER_OF(node, struct run_envelope, held));
    }
    memory_free(hub->peers);
}

bool peers_have_credit(const struct hub *hub, uint64_t mask)
{
    for (; mask != 0; mask &= mask - 1) {
        if (hub->peers[__builtin_ctzll(mask)].credit_used >= hub->options.credit_bytes) {
            return false;
        }
    }
    return true;
}

/* ---- outbound runs --------------------------------------------------------------------------- */

static struct run_envelope *envelope_take(struct hub *hub)
{
    struct list *node = list_pop(&hub->envelopes_free);
    struct run_envelope *envelope;
    if (node != NULL) {
        hub->envelopes_free_count--;
        envelope = CONTAINER_OF(node, struct run_envelope, held);
    } else {
        envelope = memory_alloc(sizeof(*envelope));
        list_init(&envelope->held);
    }
    envelope->envelope.kind = ENVELOPE_RUNS;
    envelope->envelope.maker = (uint16_t)hub->options.worker;
    envelope->envelope.returning = false;
    envelope->items_count = 0;
    envelope->bytes = 0;
    hub->envelopes_under_way++;
    return envelope;
}

static void envelope_give(struct hub *hub, struct run_envelope *envelope)
{
    hub->envelopes_under_way--;
    if (hub->envelopes_free_count >= ENVELOPES_SPARE_MAX) {
        memory_free(envelope);
        return;
    }
    hub->envelopes_free_count++;
    list_push(&hub->envelopes_free, &envelope->held);
}

void peers_send_run(struct hub *hub, uint32_t worker, struct run *run, bool plain,
                    struct bytes group, uint64_t tried)
{
    ASSERT(worker != hub->options.worker);
    ASSERT(run->maker == hub->options.worker);
    struct peer *peer = &hub->peers[worker];
    if (peer->open == NULL || peer->open->items_count == ENVELOPE_ITEMS_MAX) {
        peer->open = envelope_take(hub);
        list_push(&peer->ready, &peer->open->held);
    }
    struct run_envelope *envelope = peer->open;
    envelope->items[envelope->items_count++] =
        (struct envelope_item){.run = run, .group = group, .tried = tried, .plain = plain};
    envelope->bytes += run->size;
    peer->credit_used += run->size;
    run->verdicts_waiting++;
    chunk_ref(run->chunk);
    hub->run_kept = true;
}

/* ---- outbound interest ----------------------------------------------------------------------- */

void interest_announce(struct hub *hub, enum interest_kind kind, bool adds, uint32_t account_id,
                       struct bytes pattern, struct bytes queue)
{
    if (hub->options.workers_count == 1) {
        return;
    }
    struct interest_record record = {.account_id = account_id, .kind = (uint8_t)kind, .adds = adds};
    if (kind == INTEREST_LITERAL) {
        record.hash = index_hash(hub->options.hash_key, account_id, pattern);
        pattern.size = 0;
    }
    record.pattern_size = (uint32_t)pattern.size;
    record.queue_size = (uint16_t)queue.size;
    size_t size = interest_record_size(&record);
    size_t need = hub->interest_out_size + size;
    if (need > hub->interest_out_capacity) {
        hub->interest_out_capacity = (uint32_t)MAX_OF(need, (size_t)hub->interest_out_capacity * 2);
        hub->interest_out = memory_resize(hub->interest_out, hub->interest_out_capacity);
    }
    uint8_t *to = hub->interest_out + hub->interest_out_size;
    memcpy(to, &record, sizeof(record));
    if (pattern.size > 0) {
        memcpy(to + sizeof(record), pattern.ptr, pattern.size);
    }
    if (queue.size > 0) {
        memcpy(to + sizeof(record) + pattern.size, queue.ptr, queue.size);
    }
    hub->interest_out_size = (uint32_t)need;
    hub->interest_out_records++;
}

/* Every peer gets an envelope of its own around one shared copy of the records. */
static uint64_t push_interest(struct hub *hub)
{
    uint64_t ring = 0;
    uint32_t workers = hub->options.workers_count;
    size_t envelopes = (workers - 1) * sizeof(struct interest_envelope);
    size_t bytes = sizeof(struct interest_batch) + envelopes + hub->interest_out_size;
    uint8_t *memory = memory_resize(NULL, bytes);
    struct interest_batch *batch = (struct interest_batch *)(void *)memory;
    struct interest_envelope *envelope =
        (struct interest_envelope *)(void *)(memory + sizeof(struct interest_batch));
    uint8_t *records = memory + sizeof(struct interest_batch) + envelopes;
    memcpy(records, hub->interest_out, hub->interest_out_size);
    *batch = (struct interest_batch){
        .waiting = workers - 1, .records_size = hub->interest_out_size, .records = records};
    for (uint32_t w = 0; w < workers; w++) {
        if (w == hub->options.worker) {
            continue;
        }
        *envelope = (struct interest_envelope){
            .envelope = {.kind = ENVELOPE_INTEREST, .maker = (uint16_t)hub->options.worker},
            .batch = batch};
        mpsc_push(&port_of(hub, w)->inbox, &envelope->envelope.node);
        ring |= (uint64_t)1 << w;
        envelope++;
    }
    hub->envelopes_under_way += workers - 1;
    hub->interest_under_way += hub->interest_out_size;
    hub->metrics.interest_records += hub->interest_out_records;
    hub->metrics.interest_bytes += bytes;
    hub->interest_out_size = 0;
    hub->interest_out_records = 0;
    return ring;
}

static uint64_t rings(struct hub *hub, uint64_t pushed)
{
    uint64_t ring = 0;
    for (uint64_t mask = pushed; mask != 0; mask &= mask - 1) {
        uint32_t worker = (uint32_t)__builtin_ctzll(mask);
        if (doorbell_should_ring(&port_of(hub, worker)->bell) &&
            !PLANTED(PLANTED_FORGET_DOORBELL)) {
            ring |= (uint64_t)1 << worker;
            hub->metrics.doorbells_rung++;
        }
    }
    return ring;
}

uint64_t hub_push(struct hub *hub)
{
    hub_close_run(hub);
    uint64_t pushed = hub->interest_out_size > 0 ? push_interest(hub) : 0;
    for (uint32_t w = 0; w < hub->options.workers_count; w++) {
        struct peer *peer = &hub->peers[w];
        peer->open = NULL;
        struct list *node;
        while ((node = list_pop(&peer->ready)) != NULL) {
            struct run_envelope *envelope = CONTAINER_OF(node, struct run_envelope, held);
            mpsc_push(&port_of(hub, w)->inbox, &envelope->envelope.node);
            pushed |= (uint64_t)1 << w;
            hub->metrics.envelopes_sent++;
        }
    }
    return rings(hub, pushed);
}

/* ---- inbound --------------------------------------------------------------------------------- */

static void deliver_item(struct hub *hub, struct envelope_item *item)
{
    struct run *run = item->run;
    hub_match_entries(hub, run->account_id, run_subject(run), run->subject_hash);
    uint32_t reached = 0;
    if (item->plain) {
        reached += hub_deliver_entries(hub, run);
    }
    if (item->group.size > 0) {
        bool took = hub_pick_local(hub, run, item->group);
        item->group_empty = !took;
        reached += took;
    }
    item->delivered = reached;
    hub_expire_subs(hub);
}

static void receive_runs(struct hub *hub, struct run_envelope *envelope)
{
    hub->metrics.envelopes_received++;
    hub->turn_ingress_ns = MIN_OF(hub->turn_ingress_ns, envelope->items[0].run->ingress_ns);
    bool foresees = hub_foresees(hub);
    struct hub_foresight foresight;
    foresight.known = 0;
    for (uint32_t i = 0; i < envelope->items_count; i++) {
        if (foresees) {
            hub_foresee_runs(hub, &foresight, envelope->items, envelope->items_count, i);
        }
        deliver_item(hub, &envelope->items[i]);
    }
    list_push(&hub->held, &envelope->held);
}

static void receive_interest(struct hub *hub, const struct interest_envelope *envelope)
{
    const struct interest_batch *batch = envelope->batch;
    for (uint32_t at = 0; at < batch->records_size;) {
        const struct interest_record *record =
            (const struct interest_record *)(const void *)(batch->records + at);
        if (record->kind == INTEREST_GATE) {
            hub_gate_apply(hub, record->adds, record->account_id,
                           bytes_of(record + 1, record->pattern_size));
        } else {
            interest_apply(&hub->interest, envelope->envelope.maker, record);
        }
        hub->metrics.interest_received++;
        at += (uint32_t)interest_record_size(record);
    }
}

/* The member that was picked left while the message was on its way. */
static void pick_again(struct hub *hub, const struct envelope_item *item, uint32_t worker)
{
    struct run *run = item->run;
    hub->metrics.group_repicks++;
    hub_match_groups(hub, run);
    for (uint32_t i = 0; i < hub->match.candidates_count; i++) {
        if (!bytes_equal(hub->match.candidates[i].name, item->group)) {
            continue;
        }
        bool elsewhere = false;
        hub->match.candidates[i].name = item->group;
        uint64_t tried = item->tried | (uint64_t)1 << worker;
        uint32_t reached = hub_pick(hub, run, i, tried, &elsewhere);
        run->delivered |= reached > 0;
        if (reached > 0 && !PLANTED(PLANTED_REPICK_DANGLES)) {
            /* Extents of this turn refer to a run that the envelope no longer holds. */
            arena_hold(&hub->ingress, run->chunk);
        }
        if (reached > 0 || elsewhere) {
            hub_expire_subs(hub);
            return;
        }
    }
    hub->metrics.deliveries_dropped[DROP_GROUP_EMPTY]++;
}

static void resume_paused(struct hub *hub)
{
    struct session *session;
    while ((session = queue_first(&hub->paused)) != NULL && !PLANTED(PLANTED_NO_RESUME)) {
        session_resume(hub, session, PAUSE_PEER);
    }
}

static void come_home(struct hub *hub, struct run_envelope *envelope, uint32_t worker)
{
    hub->metrics.envelopes_returned++;
    struct peer *peer = &hub->peers[worker];
    ASSERT(peer->credit_used >= envelope->bytes);
    if (!PLANTED(PLANTED_CREDIT_LEAK)) {
        peer->credit_used -= envelope->bytes;
    }
    for (uint32_t i = 0; i < envelope->items_count; i++) {
        struct envelope_item *item = &envelope->items[i];
        struct run *run = item->run;
        run->delivered |= item->delivered > 0;
        if (item->group_empty && !PLANTED(PLANTED_LOST_REPICK)) {
            pick_again(hub, item, worker);
        }
        ASSERT(run->verdicts_waiting > 0);
        run->verdicts_waiting--;
        if (run->verdicts_waiting == 0 && !run->delivered) {
            hub->metrics.publishes_unheard += run->messages_count;
            if (run->wants_responder && !PLANTED(PLANTED_LOST_503)) {
                hub_no_responders(hub, run);
            }
        }
        if (UNLIKELY(run->sampled) && run->verdicts_waiting == 0) {
            hub_sample_home(hub, run);
        }
        chunk_unref(&hub->chunks, run->chunk);
    }
    envelope_give(hub, envelope);
    resume_paused(hub);
}

static void interest_home(struct hub *hub, struct interest_envelope *envelope)
{
    struct interest_batch *batch = envelope->batch;
    hub->envelopes_under_way--;
    if (--batch->waiting == 0) {
        ASSERT(hub->interest_under_way >= batch->records_size);
        hub->interest_under_way -= batch->records_size;
        memory_free(batch);
        resume_paused(hub);
    }
}

bool hub_interest_is_full(const struct hub *hub)
{
    return hub->interest_under_way + hub->interest_out_size >= hub->options.credit_bytes;
}

static void take_order(struct hub *hub, struct order_envelope *order)
{
    array_reserve((void **)&hub->orders, &hub->orders_capacity, hub->orders_count + 1,
                  sizeof(struct order_envelope *));
    hub->orders[hub->orders_count++] = order;
}

static void take_connection(struct hub *hub, struct connection_envelope *connection)
{
    array_reserve((void **)&hub->connections, &hub->connections_capacity,
                  hub->connections_count + 1, sizeof(struct connection_envelope *));
    hub->connections[hub->connections_count++] = connection;
}

/* Interest goes home at once: nothing of it is kept. */
static void interest_return(struct hub *hub, struct interest_envelope *envelope)
{
    envelope->envelope.returning = true;
    /* Once pushed it is its maker's again, who may have freed it already. */
    uint16_t maker = envelope->envelope.maker;
    mpsc_push(&port_of(hub, maker)->inbox, &envelope->envelope.node);
    hub->ring_later |= (uint64_t)1 << maker;
}

static void receive(struct hub *hub, struct envelope *envelope)
{
    hub_close_run(hub); /* where a turn gathers there is one, and its match is written over */
    switch ((enum envelope_kind)envelope->kind) {
    case ENVELOPE_RUNS: {
        struct run_envelope *runs = CONTAINER_OF(envelope, struct run_envelope, envelope);
        if (envelope->returning) {
            come_home(hub, runs, runs->peer);
        } else {
            receive_runs(hub, runs);
        }
        break;
    }
    case ENVELOPE_INTEREST: {
        struct interest_envelope *interest =
            CONTAINER_OF(envelope, struct interest_envelope, envelope);
        if (envelope->returning) {
            interest_home(hub, interest);
        } else {
            receive_interest(hub, interest);
            interest_return(hub, interest);
        }
        break;
    }
    case ENVELOPE_CONNECTION:
        take_connection(hub, CONTAINER_OF(envelope, struct connection_envelope, envelope));
        break;
    case ENVELOPE_PROOF:
        proof_home(hub, CONTAINER_OF(envelope, struct proof, envelope));
        break;
    case ENVELOPE_ORDER:
        take_order(hub, CONTAINER_OF(envelope, struct order_envelope, envelope));
        break;
    }
}

bool hub_drain(struct hub *hub)
{
    struct mpsc *inbox = &port_of(hub, hub->options.worker)->inbox;
    if (!hub->draining) {
        hub->drain_end = mpsc_mark(inbox);
        hub->draining = true;
    }
    for (;;) {
        struct mpsc_node *node;
        enum mpsc_result result = mpsc_pop_until(inbox, &hub->drain_end, &node);
        if (result == MPSC_HALF_LINKED) {
            hub->metrics.inbox_half_linked++;
            if (PLANTED(PLANTED_SKIP_HALF_LINKED)) {
                hub->draining = false;
                return true;
            }
            return false;
        }
        if (result == MPSC_EMPTY) {
            hub->draining = false;
            hub_sample_drained(hub);
            return true;
        }
        hub->drained++;
        receive(hub, CONTAINER_OF(node, struct envelope, node));
        if (PLANTED(PLANTED_DRAIN_ONE)) {
            hub->draining = false;
            return true;
        }
    }
}

bool hub_connection_next(struct hub *hub, struct connection_envelope *connection)
{
    if (hub->connections_at == hub->connections_count) {
        hub->connections_at = 0;
        hub->connections_count = 0;
        return false;
    }
    struct connection_envelope *arrived = hub->connections[hub->connections_at++];
    memcpy(connection, arrived, sizeof(*connection));
    memory_free(arrived);
    return true;
}

bool hub_order_next(struct hub *hub, enum order_kind *order, void **argument)
{
    if (hub->orders_at == hub->orders_count) {
        hub->orders_at = 0;
        hub->orders_count = 0;
        return false;
    }
    struct order_envelope *arrived = hub->orders[hub->orders_at++];
    *order = arrived->order;
    *argument = arrived->argument;
    memory_free(arrived);
    return true;
}

/* ---- the way home ---------------------------------------------------------------------------- */

uint64_t peers_return_held(struct hub *hub)
{
    uint64_t pushed = hub->ring_later;
    hub->ring_later = 0;
    struct list *node;
    while ((node = list_pop(&hub->held)) != NULL) {
        struct run_envelope *envelope = CONTAINER_OF(node, struct run_envelope, held);
        envelope->envelope.returning = true;
        envelope->peer = (uint16_t)hub->options.worker;
        uint16_t maker = envelope->envelope.maker;
        mpsc_push(&port_of(hub, maker)->inbox, &envelope->envelope.node);
        pushed |= (uint64_t)1 << maker;
    }
    return rings(hub, pushed);
}
