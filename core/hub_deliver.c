/* hub_deliver.c - a run reaches an audience: rendered once, or kept as a reference for one. */
#include "core/hub_state.h"
#include "core/probes.h"

/* Of a frame, what is neither subject, sid nor tail. */
enum { FRAME_EXTRA_BYTES = 7 };

void session_queue_flush(struct hub *hub, struct session *session)
{
    if (session->in_flush == FLUSH_NOT) {
        session->in_flush = FLUSH_QUEUED;
        session->turn_sends = 0;
        queue_push(&hub->flush_sessions, session);
    }
}

/* ---- runs of other workers ------------------------------------------------------------------- */

/* A foreign run is gone when its envelope goes home; whoever keeps it keeps a copy, one for all. */
struct run *hub_local_run(struct hub *hub, struct run *run)
{
    if (run->maker == hub->options.worker) {
        return run;
    }
    for (uint32_t i = hub->copies_count; i > 0; i--) {
        if (hub->copies[i - 1].foreign == run) {
            return hub->copies[i - 1].local;
        }
    }
    struct chunk *chunk = arena_reserve(hub, &hub->ingress, run->size + 8);
    struct run *local = run_copy(chunk, run, hub->options.worker);
    array_reserve((void **)&hub->copies, &hub->copies_capacity, hub->copies_count + 1,
                  sizeof(struct foreign_copy));
    hub->copies[hub->copies_count++] = (struct foreign_copy){.foreign = run, .local = local};
    return local;
}

/* One that does not read hears what others hear that do not: it takes part in their trail. Audiences that
 * are in no entry are a queue group's, whose messages go to one. */
static void add_to_trail(struct hub *hub, struct session *session, struct audience *audience,
                         struct run_span span)
{
    struct trail *trail = &hub->trails[span.run->subject_hash >> (64 - TRAILS_BITS)];
    struct frames frames = frames_of(span.run, audience_layout(audience));
    size_t size = frames_size(&frames, span.first, span.count);
    struct run_span piece = trail_add(trail, &hub->chunks, span, hub->round);
    ASSERT_SLOW(piece.count == span.count);
    MAYBE(piece.count == span.count);
    hub->has_trails = true;
    pending_add_trail(&session->pending, &hub->pendings, trail, audience, size);
}

void hub_trails_rest(struct hub *hub, bool all)
{
    hub->has_trails = false;
    for (size_t i = 0; i < TRAILS; i++) {
        if (all || trail_is_forsaken(&hub->trails[i])) {
            trail_rest(&hub->trails[i], &hub->chunks);
        }
        hub->has_trails |= hub->trails[i].run != NULL;
    }
}

static struct run_span local_span(struct hub *hub, struct run_span span)
{
    size_t offset = (size_t)((const uint8_t *)span.first - (const uint8_t *)span.run);
    span.run = hub_local_run(hub, span.run);
    span.first = (const struct message *)(const void *)((const uint8_t *)span.run + offset);
    return span;
}

void session_pin(struct hub *hub, struct session *session)
{
    struct pending *p = &session->pending;
    if (pending_is_pinned(p)) {
        return;
    }
    for (uint32_t i = 0; i < pending_count(p); i++) {
        struct pending_entry *e = pending_at(p, i);
        if (e->kind == PENDING_RUN) {
            e->run = hub_local_run(hub, e->run);
        }
    }
    if (!PLANTED(PLANTED_EARLY_FREE)) {
        pending_pin(p);
    }
    pending_shrink(p, &hub->pendings);
}

/* ---- journal --------------------------------------------------------------------------------- */

static struct journal_entry *journal_add(struct hub *hub)
{
    if (hub->journal_count == JOURNAL_MAX) {
        hub_settle(hub);
    }
    return &hub->journal[hub->journal_count++];
}

static void journal_span(struct hub *hub, struct audience *audience, struct cursor cursor,
                         size_t size, uint32_t messages)
{
    if (hub->journal_count > 0) {
        struct journal_entry *last = &hub->journal[hub->journal_count - 1];
        if (last->kind == JOURNAL_SPAN && last->audience == audience) {
            last->size += size;
            last->messages += messages;
            return;
        }
    }
    *journal_add(hub) = (struct journal_entry){.kind = JOURNAL_SPAN,
                                               .messages = messages,
                                               .audience = audience,
                                               .cursor = cursor,
                                               .size = size};
}

/* Its list is about to get its first entries of this turn, of many if there were many the last time. */
static inline void expect_entries(struct hub *hub, struct session *session)
{
    if (session->room > 0 && session->pending.ring == NULL) {
        pending_begin(&session->pending, &hub->pendings, session->room);
    }
}

static void settle_span(struct hub *hub, const struct journal_entry *entry)
{
    struct audience *audience = entry->audience;
    const struct member *members = audience_members(audience);
    uint32_t multi_count = audience_multi_count(audience);
    hub->pendings.backlogs.round++;
    for (uint32_t i = 0; i < multi_count; i++) {
        struct session *session = pool_at(&hub->sessions, members[i].slot);
        if (UNLIKELY(pending_shares(&session->pending))) {
            pending_add_shared(&session->pending, &hub->pendings, session->hears,
                               audience_stream(audience), entry->cursor, entry->size,
                               entry->messages);
        } else {
            expect_entries(hub, session);
            pending_add_span(&session->pending, &hub->pendings, audience_stream(audience),
                             entry->cursor, entry->size, entry->messages);
        }
        session_queue_flush(hub, session);
    }
}

static void settle_run(struct hub *hub, const struct journal_entry *entry)
{
    struct audience *audience = entry->audience;
    audience->refs--;
    if (audience_members_count(audience) == 0) {
        audience_drop(hub, audience);
        return;
    }
    struct session *session = pool_at(&hub->sessions, audience_slot(audience));
    struct run_span span = {.run = entry->run, .first = entry->first, .count = entry->messages};
    expect_entries(hub, session);
    if (pending_is_pinned(&session->pending)) {
        span = local_span(hub, span);
    }
    pending_add_run(&session->pending, &hub->pendings, span.run, audience, span.first, span.count);
    if (UNLIKELY(audience->alone) && audience->only->lane != 0) {
        hub_lane_add(hub, session, audience->only->lane);
    }
    session_queue_flush(hub, session);
}

void hub_settle(struct hub *hub)
{
    for (uint32_t i = 0; i < hub->journal_count; i++) {
        const struct journal_entry *entry = &hub->journal[i];
        if (entry->kind == JOURNAL_SPAN) {
            settle_span(hub, entry);
        } else if (entry->kind == JOURNAL_RUN) {
            settle_run(hub, entry);
        } else {
            pending_add_range(&entry->session->pending, &hub->pendings, entry->cursor.chunk,
                              entry->cursor.offset, (uint32_t)entry->size, 0);
            session_queue_flush(hub, entry->session);
        }
    }
    hub->journal_count = 0;
}

/* ---- delivery -------------------------------------------------------------------------------- */

bool sub_can_take(struct hub *hub, const struct sub *sub, const struct run *run)
{
    const struct session *session = pool_at(&hub->sessions, sub->slot);
    if (run->origin_id == session->client_id && !session->echo && !PLANTED(PLANTED_ECHO)) {
        return false;
    }
    if (UNLIKELY(sub->audience->watched) && !grant_may_hear(session->grant, run_subject(run)) &&
        !PLANTED(PLANTED_HEARS_DENIED)) {
        return false;
    }
    return sub->max == 0 || sub_delivered(sub) < sub->max;
}

/* For a named reason, where it has one. */
static void count_refused(struct hub *hub, const struct sub *sub, struct run_span span)
{
    const struct session *session = pool_at(&hub->sessions, sub->slot);
    if (sub->audience->watched && !grant_may_hear(session->grant, run_subject(span.run))) {
        hub->metrics.deliveries_dropped[DROP_NOT_PERMITTED] += span.count;
    }
}

static void sub_expire(struct hub *hub, struct sub *sub)
{
    array_reserve((void **)&hub->expired, &hub->expired_capacity, hub->expired_count + 1,
                  sizeof(struct sub *));
    hub->expired[hub->expired_count++] = sub;
}

void hub_expire_subs(struct hub *hub)
{
    if (hub->expired_count == 0) {
        return;
    }
    hub_settle(hub);
    for (uint32_t i = 0; i < hub->expired_count; i++) {
        struct sub *sub = hub->expired[i];
        sub_remove(hub, pool_at(&hub->sessions, sub->slot), sub);
    }
    hub->expired_count = 0;
}

/* It is left with bytes of an earlier turn, so what it hears has to outlive this one. */
static __attribute__((noinline)) void deliver_stalled(struct hub *hub, struct session *session,
                                                      struct audience *audience,
                                                      struct run_span span)
{
    const struct sub *sub = audience->only;
    if (audience->entry != NULL && sub->max == 0 && sub->lane == 0) {
        add_to_trail(hub, session, audience, span);
    } else {
        span = local_span(hub, span);
        pending_add_run(&session->pending, &hub->pendings, span.run, audience, span.first,
                        span.count);
        if (sub->lane != 0) {
            hub_lane_add(hub, session, sub->lane);
        }
    }
    session_queue_flush(hub, session);
}

/* How many of them the member takes that must stay the only one, and has limits of its own. */
static uint32_t alone_takes(struct hub *hub, struct audience *audience, struct run_span span)
{
    struct sub *sub = audience->only;
    if (!sub_can_take(hub, sub, span.run)) {
        count_refused(hub, sub, span);
        return 0;
    }
    uint32_t count = span.count;
    if (sub->max > 0) {
        uint64_t left = sub->max - sub_delivered(sub);
        left += PLANTED(PLANTED_MAX_OFF_BY_ONE);
        count = (uint32_t)MIN_OF((uint64_t)count, left);
        if (sub_delivered(sub) + count >= sub->max) {
            sub_expire(hub, sub);
        }
    }
    return count;
}

/* An audience of one: the run itself waits for the flush. The sub is not looked at if there is nothing
 * about it: where subscriptions are many, it is not in the processor's cache. */
static inline __attribute__((always_inline)) uint32_t
deliver_one(struct hub *hub, struct audience *audience, struct run_span span)
{
    struct run *run = span.run;
    uint32_t count = span.count;
    if (UNLIKELY(audience->alone)) {
        count = alone_takes(hub, audience, span);
        if (count == 0) {
            return 0;
        }
    }
    audience->delivered += count;
    hub->run_kept = true;
    span.count = count;
    uint64_t payloads = run_span_payloads(span);
    audience->delivered_bytes += payloads;
    hub->metrics.messages_out += count;
    hub->metrics.bytes_out += payloads;
    /* What is pending are heads and replies too: a thousand empty messages are not nothing. */
    hub->turn_bytes +=
        run_span_tails(span) +
        (uint64_t)count * (run->subject_size + audience->sid_size + FRAME_EXTRA_BYTES);
    struct session *session = pool_at(&hub->sessions, audience_slot(audience));
    if (UNLIKELY(audience->watched)) {
        grant_hears(hub, session, span);
    }
    if (session_is_mixed(session)) {
        audience->refs++;
        *journal_add(hub) = (struct journal_entry){.kind = JOURNAL_RUN,
                                                   .messages = count,
                                                   .audience = audience,
                                                   .run = run,
                                                   .first = span.first};
        return 1;
    }
    if (UNLIKELY(pending_is_pinned(&session->pending))) {
        deliver_stalled(hub, session, audience, span);
        return 1;
    }
    pending_add_run(&session->pending, &hub->pendings, span.run, audience, span.first, count);
    if (UNLIKELY(audience->alone) && audience->only->lane != 0) {
        hub_lane_add(hub, session, audience->only->lane);
    }
    session_queue_flush(hub, session);
    return 1;
}

static void mark_dirty(struct hub *hub, struct audience *audience)
{
    if (!audience->dirty) {
        hub->turn_sends += audience_members_count(audience);
        audience->dirty = true;
        array_reserve((void **)&hub->dirty, &hub->dirty_capacity, hub->dirty_count + 1,
                      sizeof(struct audience *));
        hub->dirty[hub->dirty_count++] = audience;
    }
}

static uint32_t deliver_shared(struct hub *hub, struct audience *audience, struct run_span span)
{
    struct stream *stream = audience_stream(audience);
    mark_dirty(hub, audience);
    uint64_t before = stream->end;
    size_t size = stream_render(stream, &hub->chunks, span, audience_layout(audience));
    if (audience_multi_count(audience) > 0) {
        journal_span(hub, audience, stream_locate(stream, before), size, span.count);
    }
    audience->delivered += span.count;
    hub->turn_bytes += size;
    uint64_t payloads = run_span_payloads(span);
    audience->delivered_bytes += payloads;
    uint32_t members_count = audience_members_count(audience);
    hub->turn_handed += (uint64_t)size * members_count;
    hub->metrics.messages_out += (uint64_t)span.count * members_count;
    hub->metrics.bytes_out += payloads * members_count;
    return members_count;
}

static inline __attribute__((always_inline)) uint32_t
deliver(struct hub *hub, struct audience *audience, struct run_span span, uint32_t members_count)
{
    PROBE_DELIVER(hub->options.worker, span.run + 1, span.run->subject_size, span.count,
                  members_count, span.run->ingress_ns);
    return audience_is_shared(audience) ? deliver_shared(hub, audience, span)
                                        : deliver_one(hub, audience, span);
}

static __attribute__((noinline)) uint32_t deliver_watched(struct hub *hub,
                                                          struct audience *audience,
                                                          struct run_span span,
                                                          uint32_t members_count)
{
    if (hub_log_is_full(hub)) {
        hub->metrics.deliveries_dropped[DROP_MEMORY_LIMIT] += (uint64_t)span.count * members_count;
        return 0;
    }
    uint64_t before = audience->delivered;
    uint32_t reached = deliver(hub, audience, span, members_count);
    if (reached > 0 && hub->is_traced) {
        span.count = (uint32_t)(audience->delivered - before);
        hub_trace_delivered(hub, audience, span);
    }
    return reached;
}

uint32_t hub_deliver(struct hub *hub, struct audience *audience, struct run_span span)
{
    uint32_t members_count = audience_members_count(audience);
    if (members_count == 0) {
        return 0;
    }
    if (UNLIKELY(hub_log_is_watched(hub))) {
        return deliver_watched(hub, audience, span, members_count);
    }
    return deliver(hub, audience, span, members_count);
}

static uint32_t deliver_span(struct hub *hub, struct run_span span)
{
    uint32_t reached = 0;
    hub->round++;
    for (uint32_t i = 0; i < hub->match.entries_count; i++) {
        struct audience *audience = hub->match.entries[i]->audiences;
        for (struct audience *next; audience != NULL; audience = next) {
            next = audience->next;
            reached += hub_deliver(hub, audience, span);
        }
    }
    return reached;
}

/* Has it a member whose session may also be in another audience? */
static bool audience_may_overlap(struct hub *hub, struct audience *audience)
{
    if (audience_is_shared(audience)) {
        return audience_multi_count(audience) > 0;
    }
    const struct session *session = pool_at(&hub->sessions, audience_slot(audience));
    return session->subs.count > 1;
}

static bool match_overlaps(struct hub *hub)
{
    uint32_t candidates = 0;
    for (uint32_t i = 0; i < hub->match.entries_count; i++) {
        struct audience *audience = hub->match.entries[i]->audiences;
        for (; audience != NULL; audience = audience->next) {
            candidates += audience_may_overlap(hub, audience);
            if (candidates > 1) {
                return true;
            }
        }
    }
    return false;
}

uint32_t hub_deliver_entries(struct hub *hub, struct run *run)
{
    struct run_span span = run_whole(run);
    if (span.count == 1 || !match_overlaps(hub)) {
        return deliver_span(hub, span);
    }
    /* A session may hear these messages through several subscriptions: it gets all copies of the
     * first before any of the second. */
    uint32_t reached = 0;
    uint32_t count = span.count;
    span.count = 1;
    for (uint32_t i = 0; i < count; i++) {
        reached += deliver_span(hub, span);
        span.first = message_next(span.first);
    }
    return reached;
}

/* ---- answers --------------------------------------------------------------------------------- */

void hub_control(struct hub *hub, struct session *session, struct bytes bytes)
{
    if (session->state > SESSION_FLUSHING || bytes.size == 0) {
        return;
    }
    /* What was published before the answer must be in front of it. */
    hub_close_run(hub);
    if (UNLIKELY(hub->is_traced)) {
        hub_trace_answer(hub, session, bytes);
    }
    struct chunk *chunk = arena_reserve(hub, &hub->control, bytes.size);
    uint32_t offset = chunk->used;
    chunk->first_ns = offset == 0 ? hub->now_ns : chunk->first_ns;
    chunk->last_ns = hub->now_ns;
    memcpy(chunk->data + offset, bytes.ptr, bytes.size);
    chunk->used += (uint32_t)bytes.size;
    session->control_bytes += (uint32_t)bytes.size;
    hub->pending_growth += bytes.size;
    struct pending *p = &session->pending;
    if (session_is_mixed(session) && !PLANTED(PLANTED_CONTROL_FIRST)) {
        *journal_add(hub) = (struct journal_entry){.kind = JOURNAL_CONTROL,
                                                   .session = session,
                                                   .cursor = {.chunk = chunk, .offset = offset},
                                                   .size = bytes.size};
        return;
    }
    bool is_solo = session_is_solo(session);
    if (is_solo) {
        session_catch_up(hub, session);
    }
    pending_add_range(p, &hub->pendings, chunk, offset, (uint32_t)bytes.size, 0);
    if (is_solo) {
        session_follow(hub, session);
    }
    session_queue_flush(hub, session);
}
