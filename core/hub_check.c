/* hub_check.c - the invariants of a hub between two turns, and how it looks inside. */
#include "core/hub_state.h"

#include <inttypes.h>
#include <stdio.h>

/* What the walk over sessions found, to be compared with what the hub counts. */
struct census {
    uint64_t subs;
    uint64_t grouped;
    uint64_t input_bytes;
    uint64_t entries_bytes;
    uint64_t open_cursors;
    uint64_t stream_cursors;
    uint64_t audiences;
    uint64_t grants_bytes;
};

/* ---- sessions -------------------------------------------------------------------------------- */

static void sub_check(const struct session *session, struct sub *sub, struct census *census)
{
    ASSERT(sub->slot == session->slot);
    ASSERT(sub->audience != NULL);
    ASSERT(sub->member < audience_members_count(sub->audience));
    ASSERT(sub->max == 0 || sub->audience->alone);
    ASSERT(sub->max == 0 || sub_delivered(sub) < sub->max);
    ASSERT(session->echo || sub->audience->alone);
    ASSERT(sub->lane == 0 || sub->audience->alone);
    ASSERT(sub->audience->headers == session->headers);
    ASSERT(!sub->audience->watched || (sub->audience->alone && session->grant != NULL));
    if (sub_group(sub) != NULL) {
        ASSERT(sub->audience->group_member < sub->audience->group->members_count);
        ASSERT(sub->audience->group->members[sub->audience->group_member] == sub);
        ASSERT(sub->audience->alone);
        audience_check(sub->audience);
        census->grouped++;
        census->audiences++;
    }
}

static void subs_check(const struct session *session, struct census *census)
{
    uint32_t cursor = 0;
    uint32_t shared = 0;
    uint32_t count = 0;
    uint32_t hears = 0;
    struct sub *sub;
    while ((sub = table_next(&session->subs, &cursor)) != NULL) {
        sub_check(session, sub, census);
        if (audience_is_shared(sub->audience)) {
            shared++;
            hears += audience_mark(sub->audience);
        }
        count++;
    }
    ASSERT(session->state != SESSION_OPEN || hears == session->hears);
    ASSERT(count == session->subs.count);
    ASSERT(shared == session->shared_count);
    ASSERT(count == 0 || session->state == SESSION_OPEN);
    census->subs += count;
}

/* A solo session hears its stream: in step, or through a cursor behind all else. */
static void solo_check(const struct session *session, bool is_between_turns)
{
    const struct pending_entry *open = pending_last_open(&session->pending);
    if (!session_is_solo(session)) {
        ASSERT(!session->in_step);
        ASSERT(open == NULL);
        return;
    }
    struct sub *sub = session_sub(session);
    bool is_marked = (audience_member(sub)->flags & MEMBER_IN_STEP) != 0;
    ASSERT(is_marked == session->in_step);
    ASSERT(sub->member >= audience_multi_count(sub->audience));
    if (session->in_step) {
        ASSERT(pending_is_empty(&session->pending) || !is_between_turns);
    } else {
        ASSERT(open != NULL);
        ASSERT(open->audience == sub->audience);
    }
}

static void waiting_check(const struct session *session, bool is_between_turns)
{
    const struct pending *p = &session->pending;
    ASSERT(session->blocked == (session->blocked_place != 0));
    ASSERT(!session->wait_asked || session->blocked);
    ASSERT((session->in_flush != FLUSH_NOT) == (session->flush_place != 0));
    if (is_between_turns && !pending_is_empty(p)) {
        /* The turn's chunks are gone, and somebody will come back for the bytes. */
        ASSERT(pending_is_pinned(p));
        ASSERT(session->blocked || session->in_flush != FLUSH_NOT);
    }
    ASSERT(!session->blocked || pending_is_pinned(p));
    ASSERT(!session_is_doomed(session) || !is_between_turns);
    if (session->state == SESSION_CLOSING) {
        ASSERT(pending_is_empty(p));
        ASSERT(!timer_is_set(&session->timer));
    }
    bool is_listed = session->in_rest != REST_NOT;
    ASSERT(is_listed == (session->rest_place != 0));
    ASSERT(session->pauses == 0 || is_listed ||
           (session->pauses & ~(PAUSE_OUTPUT | PAUSE_RATE | PAUSE_PROOF | PAUSE_BEHIND)) == 0);
    ASSERT((session->pauses & PAUSE_BEHIND) == 0 || session->blocked);
    ASSERT((session->wants != 0) == (session->wants_place != 0));
}

static void input_check(const struct session *session, struct census *census)
{
    const struct input *input = session->input;
    ASSERT((input != NULL) == (session->input_place != 0));
    if (input != NULL) {
        ASSERT(input->size > 0);
        ASSERT(input->size <= input->capacity);
        census->input_bytes += sizeof(*input) + input->capacity;
    }
}

static void session_check(const struct session *session, struct census *census,
                          bool is_between_turns)
{
    const struct pending *p = &session->pending;
    subs_check(session, census);
    solo_check(session, is_between_turns);
    waiting_check(session, is_between_turns);
    input_check(session, census);
    pending_check(p);
    for (uint32_t i = 0; pending_is_pinned(p) && i < pending_count(p); i++) {
        const struct pending_entry *e = pending_at(p, i);
        if (e->kind == PENDING_RUN) {
            ASSERT(e->run->chunk->refs > 0);
            ASSERT(e->audience->refs > 0);
            ASSERT(e->messages > 0);
            ASSERT((const uint8_t *)e->run >= e->run->chunk->data);
            ASSERT((const uint8_t *)e->run + e->run->size <=
                   e->run->chunk->data + e->run->chunk->used);
        } else if (e->kind == PENDING_RANGE || e->kind == PENDING_OPEN) {
            ASSERT(e->chunk->refs > 0);
            ASSERT(e->offset <= e->chunk->used);
        }
    }
    if (session->grant != NULL) {
        ASSERT(session->grant->proof != PROOF_ASKED || (session->pauses & PAUSE_PROOF) != 0 ||
               session->state != SESSION_OPEN);
        census->grants_bytes += grant_bytes(session->grant);
    }
    census->open_cursors += pending_last_open(p) != NULL;
    census->entries_bytes += p->ring != NULL ? pending_ring_bytes(p->ring->capacity) : 0;
}

/* ---- patterns -------------------------------------------------------------------------------- */

static void entry_check(struct hub *hub, struct entry *entry, struct census *census)
{
    ASSERT(!entry_is_empty(entry));
    uint32_t audiences = 0;
    for (struct audience *audience = entry->audiences; audience != NULL;
         audience = audience->next) {
        ASSERT(audience->entry == entry);
        ASSERT(*audience->link == audience);
        ASSERT(!audience->is_housed || entry->base.room_is_taken);
        ASSERT(audience_members_count(audience) > 0);
        audience_check(audience);
        uint32_t listed = audience_is_shared(audience) ? audience_members_count(audience) : 0;
        for (uint32_t i = 0; i < listed; i++) {
            const struct session *session =
                pool_at(&hub->sessions, audience_members(audience)[i].slot);
            ASSERT(session_is_solo(session) == (i >= audience_multi_count(audience)));
        }
        if (audience_is_shared(audience)) {
            census->stream_cursors += audience_stream(audience)->cursors_count;
        }
        audiences++;
    }
    ASSERT(entry_layouts(entry) == 0 || entry_layouts(entry) == audiences);
    ASSERT(entry->more == NULL || entry_layouts(entry) > 0 || entry_groups(entry) != NULL);
    census->audiences += audiences;
    for (const struct group *group = entry_groups(entry); group != NULL; group = group->next) {
        ASSERT(group->entry == entry);
        ASSERT(group->members_count > 0);
        for (uint32_t i = 0; i < group->members_count; i++) {
            ASSERT(group->members[i]->audience->group == group);
            ASSERT(group->members[i]->audience->group_member == i);
        }
        ASSERT(census->grouped >= group->members_count);
        census->grouped -= group->members_count;
    }
}

static void index_walk(struct hub *hub, struct census *census)
{
    uint64_t cursor = 0;
    struct index_entry *base;
    while ((base = index_next(hub->index, &cursor)) != NULL) {
        entry_check(hub, (struct entry *)base, census);
    }
    ASSERT(census->grouped == 0);
}

/* ---- all ------------------------------------------------------------------------------------- */

static void turn_check(const struct hub *hub)
{
    ASSERT(hub->open_run == NULL);
    ASSERT(hub->journal_count == 0);
    ASSERT(hub->dirty_count == 0);
    ASSERT(hub->expired_count == 0);
    ASSERT(hub->copies_count == 0);
    ASSERT(list_is_empty(&hub->held));
    ASSERT(queue_is_empty(&hub->doomed));
    for (uint32_t w = 0; w < hub->options.workers_count; w++) {
        ASSERT(list_is_empty(&hub->peers[w].ready));
        ASSERT(hub->peers[w].credit_used == 0 || hub->envelopes_under_way > 0);
    }
}

static void queues_check(const struct hub *hub)
{
    queue_check(&hub->flush_sessions);
    queue_check(&hub->flush.later);
    queue_check(&hub->doomed);
    queue_check(&hub->paused);
    queue_check(&hub->gated);
    queue_check(&hub->resumable);
    queue_check(&hub->resuming);
    queue_check(&hub->blocked);
    queue_check(&hub->wants);
    queue_check(&hub->inputs);
}

void hub_check(struct hub *hub)
{
    bool is_between_turns = !hub->draining;
    struct census census = {0};
    pool_check(&hub->sessions);
    timers_check(&hub->timers);
    queues_check(hub);
    index_check(hub->index);
    interest_check(&hub->interest);
    backlogs_check(&hub->pendings.backlogs);
    for (size_t i = 0; i < TRAILS; i++) {
        trail_check(&hub->trails[i]);
    }
    POOL_FOR_EACH(slot, &hub->sessions)
    {
        session_check(pool_at(&hub->sessions, slot), &census, is_between_turns);
    }
    index_walk(hub, &census);
    if (is_between_turns) {
        turn_check(hub);
    }
    ASSERT(census.subs == hub->subscriptions_count);
    ASSERT(census.input_bytes == hub->input_bytes);
    ASSERT(census.entries_bytes == hub->pendings.entries_bytes);
    ASSERT(census.grants_bytes == hub->grants_bytes);
    ASSERT(hub->proofs_places <= PROOFS_MAX);
    ASSERT(hub->proofs_places == PROOFS_MAX || hub->proving.count == 0);
    fair_check(&hub->proving);
    ASSERT(census.open_cursors == census.stream_cursors);
    /* The others are held by what is still pending for those who left. */
    ASSERT(census.audiences <= hub->audiences_count - hub->pendings.audiences_freed);
    if (hub->audiences_count == hub->pendings.audiences_freed) {
        ASSERT(hub->subs_bytes == hub->pendings.audience_bytes_freed);
    }
    if (hub->chunks.chunks_count == 0) {
        ASSERT(hub->chunks.used_bytes == 0);
    }
}

/* ---- a look inside --------------------------------------------------------------------------- */

static void session_dump(const struct session *session,
                         void (*line)(void *context, const char *text), void *context)
{
    static const char *const states[] = {"open", "flushing", "lingering", "closing"};
    char text[256];
    snprintf(text, sizeof(text),
             "  session %u/%u client %" PRIu64 " %s%s%s%s subs %u (%u shared) pending %u entries "
             "%" PRIu64 " bytes%s input %u pauses %u wants %u",
             session->slot, session->generation, session->client_id, states[session->state],
             session->in_step ? " in-step" : "", session->blocked ? " blocked" : "",
             session->in_flush != FLUSH_NOT ? " queued" : "", session->subs.count,
             session->shared_count, pending_count(&session->pending),
             pending_bytes(&session->pending),
             pending_is_pinned(&session->pending) ? " pinned" : "",
             (uint32_t)session_input(session).size, session->pauses, session->wants);
    line(context, text);
}

void hub_dump(const struct hub *hub, void (*line)(void *context, const char *text), void *context)
{
    char text[256];
    struct hub_gauges g;
    hub_gauges(hub, &g);
    snprintf(text, sizeof(text),
             "hub %u: %" PRIu64 " sessions, %" PRIu64 " subscriptions, %" PRIu64 " audiences, "
             "%" PRIu64 " patterns, %" PRIu64 " blocked",
             hub->options.worker, g.sessions, g.subscriptions, g.audiences, g.entries, g.blocked);
    line(context, text);
    snprintf(text, sizeof(text),
             "  %" PRIu64 " chunks of %" PRIu64 " bytes, lists %" PRIu64 ", index %" PRIu64
             ", input %" PRIu64 ", interest in %" PRIu64 " subjects and %" PRIu64 " patterns",
             g.chunks, g.chunk_bytes, g.pending_entries_bytes, g.index_bytes, g.input_bytes,
             g.interest_literals, g.interest_patterns);
    line(context, text);
    for (uint32_t w = 0; w < hub->options.workers_count; w++) {
        if (hub->peers[w].credit_used > 0) {
            snprintf(text, sizeof(text), "  %" PRIu64 " bytes under way to worker %u",
                     hub->peers[w].credit_used, w);
            line(context, text);
        }
    }
    POOL_FOR_EACH(slot, &hub->sessions)
    {
        session_dump(pool_at(&hub->sessions, slot), line, context);
    }
}
