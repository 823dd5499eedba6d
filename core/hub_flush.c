/*
 * hub_flush.c - what each send carries.
 *
 *   BEGIN ▶ AUDIENCES: for each piece of what an audience rendered, every member in step ▶ SESSIONS:
 *   everybody else with something pending, in rounds ▶ DONE
 *
 * A member in step whose send succeeds is not touched at all: its place is its audience's. One that
 * falls short gets a cursor of its own and becomes blocked.
 */
#include "core/hub_state.h"

/* ---- blocked sessions ------------------------------------------------------------------------ */

/* What is due next is one write, and has a deadline of its own. */
static void write_begins(struct hub *hub, struct session *session)
{
    struct pending_ring *ring = session->pending.ring;
    ring->blocked_ns = hub->now_ns;
    ring->goal_left = (uint32_t)MIN_OF(pending_bytes(&session->pending), (uint64_t)SEND_BYTES_MAX);
}

void session_block(struct hub *hub, struct session *session)
{
    session_pin(hub, session);
    if (!session->blocked) {
        session->blocked = true;
        write_begins(hub, session);
        queue_push(&hub->blocked, session);
        hub->metrics.sessions_blocked++;
        uint64_t pending = session_pending_limited(session);
        uint64_t slack =
            hub->options.max_pending > pending ? hub->options.max_pending - pending : 0;
        hub->pending_slack = MIN_OF(hub->pending_slack, slack);
        hub_timer_update(hub, session);
        if (session->pending.terms != NULL) {
            hub_look_over(hub, session);
        }
    }
    if (!session->wait_asked) {
        session->wait_asked = true;
        hub_want(hub, session, WANT_WRITABLE);
    }
}

void session_unblock(struct hub *hub, struct session *session)
{
    if (session->blocked) {
        session->blocked = false;
        session->wait_asked = false;
        session->wants &= (uint8_t)~WANT_WRITABLE;
        queue_remove(&hub->blocked, session);
        hub_timer_update(hub, session);
    }
}

/* A blocked session's socket took bytes: when its write is through, the next one has a deadline of
 * its own. So has what a session on its way out still has to be sent: who goes on reading gets all of
 * it. */
static void session_progress(struct hub *hub, struct session *session, size_t taken)
{
    if (!session->blocked) {
        return;
    }
    session_has_read(hub, session);
    struct pending_ring *ring = session->pending.ring;
    if (taken < ring->goal_left) {
        ring->goal_left -= (uint32_t)taken;
        return;
    }
    write_begins(hub, session);
    if (session->state == SESSION_FLUSHING) {
        session->due_ns = hub->now_ns + hub->options.write_deadline_ns;
    }
    hub_timer_update(hub, session);
}

/* Closing changes memberships, which the flush is walking: it waits for the end of the flush. */
static void doom(struct hub *hub, struct session *session, enum close_reason reason)
{
    if (session_is_doomed(session)) {
        return;
    }
    session->doom_reason = (uint8_t)reason;
    session_set_flush(hub, session, FLUSH_DOOMED);
}

static void close_doomed(struct hub *hub)
{
    struct session *session;
    while ((session = queue_first(&hub->doomed)) != NULL) {
        session_set_flush(hub, session, FLUSH_NOT);
        hub_close(hub, session, session->doom_reason, HUB_CLOSE_AT_ONCE);
    }
}

/* ---- members in step ------------------------------------------------------------------------- */

static bool piece_begin(struct hub *hub)
{
    struct flush *f = &hub->flush;
    struct audience *audience = hub->dirty[f->dirty_index];
    f->piece_vectors_count = stream_gather(audience_stream(audience), f->cursor, f->vectors,
                                           SEND_VECTORS_MAX, SEND_BYTES_MAX, &f->piece_size);
    f->member_index = audience_multi_count(audience);
    f->has_piece = f->piece_size > 0;
    return f->has_piece;
}

static struct cursor cursor_walk(const struct stream *stream, struct cursor cursor, size_t size)
{
    while (size > 0) {
        size_t here = cursor.chunk->used - cursor.offset;
        if (size <= here) {
            cursor.offset += (uint32_t)size;
            return cursor;
        }
        size -= here;
        cursor.chunk = stream_next(stream, cursor.chunk);
        cursor.offset = 0;
        ASSERT(cursor.chunk != NULL);
    }
    return cursor;
}

static size_t fill_members(struct hub *hub, struct send_op *sends, size_t max)
{
    struct flush *f = &hub->flush;
    struct audience *audience = hub->dirty[f->dirty_index];
    const struct member *members = audience_members(audience);
    uint32_t members_count = audience_members_count(audience);
    size_t count = 0;
    uint32_t at = f->member_index;
    for (; at < members_count && count < max; at++) {
        if ((members[at].flags & MEMBER_IN_STEP) == 0) {
            continue;
        }
        sends[count++] = (struct send_op){.slot = members[at].slot,
                                          .vectors_count = f->piece_vectors_count,
                                          .vectors = f->vectors,
                                          .size = f->piece_size};
    }
    f->member_index = at;
    return count;
}

/* One audience's next batch; 0: this audience is done. Batches end with their piece, so that no
 * session has two sends in one. */
static size_t next_of_audience(struct hub *hub, struct send_op *sends, size_t max)
{
    struct flush *f = &hub->flush;
    struct audience *audience = hub->dirty[f->dirty_index];
    for (;;) {
        if (!f->has_piece && !piece_begin(hub)) {
            return 0;
        }
        size_t count = fill_members(hub, sends, max);
        if (count > 0) {
            return count;
        }
        f->cursor = cursor_walk(audience_stream(audience), f->cursor, f->piece_size);
        f->has_piece = false;
    }
}

static size_t next_member_sends(struct hub *hub, struct send_op *sends, size_t max)
{
    struct flush *f = &hub->flush;
    while (f->dirty_index < hub->dirty_count) {
        struct audience *audience = hub->dirty[f->dirty_index];
        bool has_solo = audience_members_count(audience) > audience_multi_count(audience);
        if (has_solo && audience_stream(audience)->end > audience_stream(audience)->step) {
            if (!f->in_audience) {
                f->in_audience = true;
                f->cursor = stream_step(audience_stream(audience));
                f->has_piece = false;
            }
            size_t count = next_of_audience(hub, sends, max);
            if (count > 0) {
                return count;
            }
        }
        f->in_audience = false;
        f->dirty_index++;
    }
    return 0;
}

/* A member fell behind: from here on it has a cursor of its own. */
static void fall_behind(struct hub *hub, struct session *session, size_t taken)
{
    struct flush *f = &hub->flush;
    struct audience *audience = hub->dirty[f->dirty_index];
    struct sub *sub = session_sub(session);
    ASSERT(sub->audience == audience);
    session->in_step = false;
    audience_member(sub)->flags &= ~(uint32_t)MEMBER_IN_STEP;
    struct cursor cursor = cursor_walk(audience_stream(audience), f->cursor,
                                       PLANTED(PLANTED_CURSOR_BEHIND) ? 0 : taken);
    pending_add_open(&session->pending, &hub->pendings, audience, cursor);
    session_block(hub, session);
}

static void member_result(struct hub *hub, const struct send_op *send)
{
    struct session *session = pool_at(&hub->sessions, send->slot);
    size_t taken = send->result > 0 ? (size_t)send->result : 0;
    hub->metrics.sent_bytes += taken;
    fall_behind(hub, session, taken);
    if (send->result < 0) {
        doom(hub, session, CLOSE_WRITE_ERROR);
    } else {
        hub->metrics.sends_short += send->result > 0;
        hub->metrics.sends_full += send->result == SEND_FULL;
    }
}

/* ---- everybody else -------------------------------------------------------------------------- */

/* A solo session whose list is empty but for a cursor at the end of its stream. */
static bool session_is_drained(struct hub *hub, struct session *session)
{
    struct pending *p = &session->pending;
    if (pending_is_empty(p)) {
        return true;
    }
    struct pending_entry *open = pending_last_open(p);
    if (open == NULL || pending_count(p) > 1 || pending_bytes(p) > 0) {
        return false;
    }
    struct cursor cursor = {open->chunk, open->offset};
    stream_cursor_close(audience_stream(open->audience), cursor);
    stream_trim(audience_stream(open->audience), &hub->chunks);
    pending_drop_last(p);
    if (session->state == SESSION_OPEN) {
        struct sub *sub = session_sub(session);
        session->in_step = true;
        audience_member(sub)->flags |= MEMBER_IN_STEP;
    }
    return true;
}

/* Out of the queue: it is being dealt with. */
static void flush_leave(struct hub *hub, struct session *session)
{
    session->in_flush = FLUSH_NOT;
    queue_remove(&hub->flush_sessions, session);
}

static void flush_done(struct hub *hub, struct session *session)
{
    flush_leave(hub, session);
    if (pending_is_empty(&session->pending)) {
        session_drained(hub, session);
    }
}

static size_t next_session_sends(struct hub *hub, struct send_op *sends, size_t max)
{
    struct flush *f = &hub->flush;
    struct gather gather = {.vectors = f->vectors,
                            .scratch = f->scratch,
                            .scratch_end = f->scratch + FLUSH_SCRATCH_BYTES,
                            .plates = f->plates,
                            .limit = SEND_BYTES_MAX};
    plates_return(f->plates);
    struct iovec *vectors = f->vectors;
    struct iovec *vectors_end = f->vectors + FLUSH_VECTORS;
    size_t count = 0;
    uint32_t cursor = queue_cursor(&hub->flush_sessions);
    struct session *session;
    while (count < max && (session = queue_next(&hub->flush_sessions, &cursor)) != NULL) {
        if (session_is_drained(hub, session)) {
            flush_done(hub, session);
            continue;
        }
        if (session->blocked && session->wait_asked) {
            flush_done(hub, session);
            continue;
        }
        if (UNLIKELY(session->pending.terms != NULL)) {
            hub_before_send(hub, session);
        }
        gather.vectors = vectors;
        gather.count = 0;
        gather.size = 0;
        gather.max = (uint32_t)MIN_OF(vectors_end - vectors, (ptrdiff_t)SEND_VECTORS_MAX);
        bool has_room = gather.max == SEND_VECTORS_MAX &&
                        gather.scratch_end - gather.scratch >= SCRATCH_SEND_BYTES;
        if (!has_room && count > 0) {
            break;
        }
        pending_gather(&session->pending, &gather);
        if (gather.size == 0) {
            /* The scratch is used up, or its plates are taken: the next batch has all of them. */
            ASSERT(count > 0);
            break;
        }
        vectors += gather.count;
        sends[count++] = (struct send_op){.slot = session->slot,
                                          .vectors_count = gather.count,
                                          .vectors = gather.vectors,
                                          .size = gather.size};
    }
    return count;
}

static void session_result(struct hub *hub, const struct send_op *send)
{
    struct session *session = pool_at(&hub->sessions, send->slot);
    size_t taken = send->result > 0 ? (size_t)send->result : 0;
    hub->metrics.sent_bytes += taken;
    pending_consume(&session->pending, &hub->pendings,
                    PLANTED(PLANTED_SHORT_IS_FULL) && send->result > 0 ? send->size : taken);
    if (UNLIKELY(session->pending.terms != NULL)) {
        hub_after_send(hub, session);
    }
    flush_leave(hub, session);
    if (send->result < 0) {
        doom(hub, session, CLOSE_WRITE_ERROR);
        return;
    }
    if (session_is_drained(hub, session)) {
        session_drained(hub, session);
        return;
    }
    session_progress(hub, session, taken);
    if (send->result < (int64_t)send->size) {
        hub->metrics.sends_short += send->result > 0;
        hub->metrics.sends_full += send->result == SEND_FULL;
        session->wait_asked = false;
        session_block(hub, session);
        return;
    }
    session->turn_sends++;
    if (session->turn_sends < SESSION_SENDS_MAX) {
        session_set_flush(hub, session, FLUSH_QUEUED);
    } else {
        session_pin(hub, session);
        if (session->pending.terms != NULL) {
            hub_look_over(hub, session);
        }
        session_set_flush(hub, session, FLUSH_LATER);
    }
}

/* ---- the flush ------------------------------------------------------------------------------- */

static void flush_begin(struct hub *hub)
{
    hub_close_run(hub);
    hub_settle(hub);
    struct flush *f = &hub->flush;
    struct session *session;
    while ((session = queue_first(&f->later)) != NULL) {
        session->turn_sends = 0;
        session_set_flush(hub, session, FLUSH_QUEUED);
    }
    plates_forget(f->plates);
    f->dirty_index = 0;
    f->in_audience = false;
    f->has_piece = false;
    f->phase = FLUSH_AUDIENCES;
}

size_t hub_flush_next(struct hub *hub, struct send_op *sends, size_t max)
{
    struct flush *f = &hub->flush;
    if (f->phase == FLUSH_BEGIN) {
        flush_begin(hub);
    }
    size_t count = 0;
    if (f->phase == FLUSH_AUDIENCES) {
        count = next_member_sends(hub, sends, max);
        if (count == 0) {
            f->phase = FLUSH_SESSIONS;
        }
    }
    if (f->phase == FLUSH_SESSIONS && count == 0) {
        count = next_session_sends(hub, sends, max);
        if (count == 0) {
            f->phase = FLUSH_DONE;
        }
    }
    hub->metrics.sends += count;
    return count;
}

void hub_flush_results(struct hub *hub, const struct send_op *sends, size_t count)
{
    if (hub->flush.phase == FLUSH_AUDIENCES) {
        size_t full_sends = 0;
        for (size_t i = 0; i < count; i++) {
            if (LIKELY(sends[i].result == (int64_t)sends[i].size) ||
                (PLANTED(PLANTED_SHORT_IS_FULL) && sends[i].result > 0)) {
                full_sends++;
            } else {
                member_result(hub, &sends[i]);
            }
        }
        hub->metrics.sent_bytes += full_sends * hub->flush.piece_size;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        session_result(hub, &sends[i]);
    }
}

/* ---- the end of the turn --------------------------------------------------------------------- */

static void dirty_end(struct hub *hub)
{
    for (uint32_t i = 0; i < hub->dirty_count; i++) {
        struct audience *audience = hub->dirty[i];
        audience->dirty = false;
        stream_turn_end(audience_stream(audience), &hub->chunks);
        if (audience_members_count(audience) == 0) {
            audience_drop(hub, audience);
        }
    }
    hub->dirty_count = 0;
}

uint64_t hub_turn_end(struct hub *hub)
{
    /* What was closed or answered since the flush began is sent by the next turn, which follows at
     * once; until then its extents need their chunks. */
    hub_close_run(hub);
    hub_settle(hub);
    close_doomed(hub);
    uint32_t cursor = queue_cursor(&hub->flush_sessions);
    struct session *session;
    while ((session = queue_next(&hub->flush_sessions, &cursor)) != NULL) {
        session_pin(hub, session);
    }
    if (UNLIKELY(hub->turn_is_sampled)) {
        hub_sample_streams(hub);
    }
    dirty_end(hub);
    if (UNLIKELY(!list_is_empty(&hub->over))) {
        hub_enforce_policies(hub);
    }
    if (UNLIKELY(hub->has_trails)) {
        hub_trails_rest(hub, false);
    }
    hub_limit_memory(hub);
    hub->copies_count = 0;
    arena_turn_end(hub, &hub->ingress);
    arena_turn_end(hub, &hub->control);
    return peers_return_held(hub);
}
