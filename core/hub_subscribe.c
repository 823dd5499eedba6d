/*
 * hub_subscribe.c - who hears what. Every change first closes the open run and settles the journal,
 * so that what was published before it reaches exactly those who were there.
 */
#include "core/hub_state.h"
#include "core/subject.h"

/* What a subscription takes besides its audience: the sub, its share of a member array that is at
 * least half full, and its place in the sid table. */
enum { SUB_BYTES = sizeof(struct sub) + 2 * sizeof(struct member) + 16 };

uint64_t hub_index_bytes(const struct hub *hub)
{
    return hub->subs_bytes - hub->pendings.audience_bytes_freed + index_bytes(hub->index) +
           interest_bytes(&hub->interest) + hub->grants_bytes;
}

/* ---- sids ------------------------------------------------------------------------------------ */

static uint64_t sid_hash(const struct hub *hub, const struct sub *sub)
{
    return hash_bytes(bytes_of(sub->audience->sid, sub->audience->sid_size), hub->options.hash_key);
}

static bool is_sid(const void *item, const void *name)
{
    const struct sub *sub = item;
    const struct bytes *sid = name;
    return bytes_equal(bytes_of(sub->audience->sid, sub->audience->sid_size), *sid);
}

struct sub *hub_sub_find(const struct hub *hub, const struct session *session, struct bytes sid)
{
    return table_find(&session->subs, hash_bytes(sid, hub->options.hash_key), is_sid, &sid);
}

struct sub *session_sub(const struct session *session)
{
    ASSERT(session->subs.count == 1);
    return table_any(&session->subs);
}

/* ---- solo sessions --------------------------------------------------------------------------- */

void session_catch_up(struct hub *hub, struct session *session)
{
    struct sub *sub = session_sub(session);
    struct audience *audience = sub->audience;
    struct stream *stream = audience_stream(audience);
    if (!session->in_step) {
        pending_close_open(&session->pending, &hub->pendings);
        return;
    }
    session->in_step = false;
    audience_member(sub)->flags &= ~(uint32_t)MEMBER_IN_STEP;
    if (stream->end > stream->step) {
        pending_add_span(&session->pending, &hub->pendings, stream, stream_step(stream),
                         stream->end - stream->step, stream->turn_messages);
        session_queue_flush(hub, session);
    }
}

void session_follow(struct hub *hub, struct session *session)
{
    struct sub *sub = session_sub(session);
    struct audience *audience = sub->audience;
    ASSERT(!session->in_step);
    if (pending_is_empty(&session->pending) && !audience->dirty) {
        session->in_step = true;
        audience_member(sub)->flags |= MEMBER_IN_STEP;
        return;
    }
    pending_add_open(&session->pending, &hub->pendings, audience,
                     stream_end(audience_stream(audience), &hub->chunks));
    session_queue_flush(hub, session);
}

/* The session has one subscription again, a shared one. */
static void become_solo(struct hub *hub, struct session *session)
{
    struct sub *sub = session_sub(session);
    audience_set_multi(sub->audience, sub, false);
    session_follow(hub, session);
}

/* ---- joining --------------------------------------------------------------------------------- */

/* Of a shared audience. */
static void hears_more(struct session *session, const struct audience *audience)
{
    session->shared_count++;
    session->hears += audience_mark(audience);
}

/* The second member is about to join: from here on the audience renders ahead. */
static void share(struct hub *hub, struct audience *audience)
{
    struct sub *first = audience->only;
    struct session *session = pool_at(&hub->sessions, first->slot);
    hub->subs_bytes -= audience_bytes(audience);
    audience_share(audience);
    hub->subs_bytes += audience_bytes(audience);
    hears_more(session, audience);
    if (session_is_solo(session)) {
        session_follow(hub, session);
    } else {
        audience_set_multi(audience, first, true);
    }
}

/* May it not hear all that its pattern matches, or must be remembered what it hears? */
static bool is_watched(const struct hub *hub, const struct session *session,
                       const struct entry *entry)
{
    return session->grant != NULL &&
           grant_watches(session->grant, index_pattern(hub->index, &entry->base));
}

/* home: the entry that it is made for, NULL for a queue group's. */
static struct audience *audience_make(struct hub *hub, struct session *session, struct entry *home,
                                      struct bytes sid, bool alone, bool watched)
{
    size_t bytes = audience_bytes_alone(sid.size);
    if (PLANTED(PLANTED_ROOM_TWICE) && home != NULL && home->audiences == NULL) {
        home->base.room_is_taken = false;
    }
    void *room = home != NULL ? index_room_take(hub->index, &home->base, bytes) : NULL;
    struct audience *audience =
        room != NULL ? audience_new_in(&home->base, room, sid, session->headers, alone)
                     : audience_new(sid, session->headers, alone);
    audience->watched = watched;
    hub->audiences_count++;
    hub->subs_bytes += bytes;
    return audience;
}

void audience_drop(struct hub *hub, struct audience *audience)
{
    size_t freed = audience_release(audience, &hub->chunks, hub->index);
    hub->audiences_count -= freed > 0;
    hub->subs_bytes -= freed;
}

/* The session's other subscriptions stay what they are; its class is the caller's to settle. */
static void join(struct hub *hub, struct session *session, struct sub *sub, struct entry *entry,
                 struct bytes sid, bool alone)
{
    bool watched = is_watched(hub, session, entry);
    alone = alone || watched;
    struct layout layout = {.sid = sid, .headers = session->headers};
    struct audience *audience = alone ? NULL : entry_find(entry, layout, hub->options.hash_key);
    if (audience == NULL) {
        audience = audience_make(hub, session, entry, sid, alone, watched);
        entry_link(entry, audience, hub->options.hash_key);
    } else if (!audience_is_shared(audience)) {
        share(hub, audience);
    }
    audience_add(audience, sub);
    sub->delivered_base = audience->delivered;
    if (audience_is_shared(audience)) {
        hears_more(session, audience);
    }
}

static void join_group(struct hub *hub, struct session *session, struct sub *sub,
                       struct entry *entry, struct bytes queue, struct bytes sid)
{
    struct audience *audience =
        audience_make(hub, session, NULL, sid, true, is_watched(hub, session, entry));
    audience_add(audience, sub);
    sub->delivered_base = 0;
    struct group *group = entry_group_take(entry, queue);
    if (group->members_count == 0) {
        hub->subs_bytes += group_bytes(group);
    }
    group_add(group, sub);
}

/* After a sub joined a shared audience and is in the sid table. */
static void settle_class(struct hub *hub, struct session *session, struct sub *sub)
{
    if (!audience_is_shared(sub->audience)) {
        return;
    }
    if (session_is_solo(session)) {
        session_follow(hub, session);
    } else {
        audience_set_multi(sub->audience, sub, true);
    }
}

/* Before the session gets another subscription. */
static void leave_solo(struct hub *hub, struct session *session)
{
    if (session_is_solo(session)) {
        struct sub *only = session_sub(session);
        session_catch_up(hub, session);
        audience_set_multi(only->audience, only, true);
    }
}

static bool hears_plain(const struct index_entry *base)
{
    return ((const struct entry *)base)->audiences != NULL;
}

/* Of a literal the others know bits of the hash only: it is announced with the first subject that has
 * them and taken back with the last. */
static void announce_plain(struct hub *hub, struct entry *entry, bool adds)
{
    struct bytes pattern = index_pattern(hub->index, &entry->base);
    enum interest_kind kind = entry->base.is_wildcard ? INTEREST_WILDCARD : INTEREST_LITERAL;
    uint64_t bits = PLANTED(PLANTED_TWIN_WHOLE) ? UINT64_MAX : INTEREST_HASH_BITS;
    if (kind == INTEREST_LITERAL && hub->options.workers_count > 1 &&
        index_twin(hub->index, &entry->base, bits, hears_plain) != NULL &&
        !PLANTED(PLANTED_TWIN_SILENCED)) {
        return;
    }
    interest_announce(hub, kind, adds, entry->base.account_id, pattern, (struct bytes){0});
}

static void before_change(struct hub *hub)
{
    hub_close_run(hub);
    if (!PLANTED(PLANTED_NO_SETTLE)) {
        hub_settle(hub);
    }
}

enum hub_subscribe_result hub_may_subscribe(struct hub *hub, const struct session *session,
                                            struct bytes sid)
{
    /* What was published before may have used up a subscription with a maximum. */
    hub_close_run(hub);
    uint32_t limit = hub->options.max_subscriptions;
    if (limit > 0 && session->subs.count >= limit) {
        return HUB_SUBSCRIBE_LIMIT;
    }
    if (hub_sub_find(hub, session, sid) != NULL) {
        return HUB_SUBSCRIBE_DUPLICATE;
    }
    return hub_index_bytes(hub) > hub->options.index_bytes_max ? HUB_SUBSCRIBE_MEMORY
                                                               : HUB_SUBSCRIBED;
}

enum hub_subscribe_result hub_subscribe(struct hub *hub, struct session *session,
                                        struct bytes subject, struct bytes queue, struct bytes sid)
{
    enum hub_subscribe_result may = hub_may_subscribe(hub, session, sid);
    if (may != HUB_SUBSCRIBED) {
        return may;
    }
    before_change(hub);
    leave_solo(hub, session);
    size_t room_size = queue.size > 0 ? 0 : audience_bytes_alone(sid.size);
    struct entry *entry = (struct entry *)index_take_roomy(hub->index, 0, subject, room_size);
    bool is_first = entry->audiences == NULL;
    struct sub *sub = memory_alloc(sizeof(*sub));
    sub->slot = session->slot;
    if (hub->policies != NULL) {
        sub->lane = (uint16_t)hub_lane_take(hub, session, subject);
    }
    if (queue.size > 0) {
        join_group(hub, session, sub, entry, queue, sid);
        interest_announce(hub, INTEREST_GROUP, true, 0, subject, queue);
    } else {
        join(hub, session, sub, entry, sid, !session->echo || sub->lane != 0);
        if (is_first) {
            announce_plain(hub, entry, true);
        }
    }
    table_add(&session->subs, sub, sid_hash(hub, sub));
    settle_class(hub, session, sub);
    hub->subs_bytes += SUB_BYTES;
    hub->subscriptions_count++;
    hub->metrics.subscriptions_added++;
    return HUB_SUBSCRIBED;
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void entry_drop(struct hub *hub, struct entry *entry)
{
    if (entry_is_empty(entry)) {
        index_remove(hub->index, &entry->base);
    }
}

/* Takes the sub out of its plain audience; the entry stays, even empty. */
static void leave(struct hub *hub, struct session *session, struct sub *sub)
{
    struct audience *audience = sub->audience;
    if (audience_is_shared(audience)) {
        session->shared_count--;
        session->hears -= audience_mark(audience);
    }
    audience_remove(audience, sub);
    if (audience_members_count(audience) == 0) {
        entry_unlink(audience, hub->options.hash_key);
        audience_drop(hub, audience);
    }
}

static void leave_group(struct hub *hub, struct sub *sub)
{
    struct entry *entry = sub_group(sub)->entry;
    interest_announce(hub, INTEREST_GROUP, false, entry->base.account_id,
                      index_pattern(hub->index, &entry->base), group_name(sub_group(sub)));
    struct audience *audience = sub->audience;
    if (sub_group(sub)->members_count == 1) {
        hub->subs_bytes -= group_bytes(sub_group(sub));
    }
    group_remove(sub);
    audience_remove(audience, sub);
    audience_drop(hub, audience);
    entry_drop(hub, entry);
}

/* Of one that is in its session's table no longer. */
static void sub_drop(struct hub *hub, struct session *session, struct sub *sub)
{
    hub->departures++;
    session->messages_out += sub_delivered(sub);
    session->bytes_out += (float)sub_delivered_bytes(sub);
    if (UNLIKELY(sub->lane != 0)) {
        hub_lane_give(hub, session, sub->lane, sub_pattern(hub, sub));
    }
    if (sub_group(sub) != NULL) {
        leave_group(hub, sub);
    } else {
        struct entry *entry = sub->audience->entry;
        bool loses = PLANTED(PLANTED_INTEREST_LOST) && entry->audiences != NULL &&
                     entry->audiences->next != NULL && entry->audiences->next->next == NULL;
        leave(hub, session, sub);
        if (entry->audiences == NULL || loses) {
            announce_plain(hub, entry, false);
        }
        entry_drop(hub, entry);
    }
    memory_free(sub);
    hub->subs_bytes -= SUB_BYTES;
    hub->subscriptions_count--;
    hub->metrics.subscriptions_removed++;
}

void sub_remove(struct hub *hub, struct session *session, struct sub *sub)
{
    bool was_solo = session_is_solo(session);
    if (was_solo) {
        session_catch_up(hub, session);
    }
    table_remove(&session->subs, sub, sid_hash(hub, sub));
    sub_drop(hub, session, sub);
    if (!was_solo && session_is_solo(session)) {
        become_solo(hub, session);
    }
}

/* To another audience of the same entry, counts and all. */
static void sub_move(struct hub *hub, struct session *session, struct sub *sub, bool alone)
{
    hub->departures++;
    uint64_t delivered = sub_delivered(sub);
    struct audience *old = sub->audience;
    bool was_solo = session_is_solo(session);
    if (was_solo) {
        session_catch_up(hub, session);
    }
    /* The sid lives in the audience, which may go. */
    uint8_t sid_copy[UINT16_MAX];
    struct bytes sid = bytes_of(sid_copy, old->sid_size);
    memcpy(sid_copy, old->sid, old->sid_size);
    old->refs++;
    if (sub_group(sub) != NULL) {
        bool watched = is_watched(hub, session, sub_group(sub)->entry);
        audience_remove(old, sub);
        audience_add(audience_make(hub, session, NULL, sid, true, watched), sub);
        group_hand_over(old, sub);
    } else {
        struct entry *entry = old->entry;
        leave(hub, session, sub);
        join(hub, session, sub, entry, sid, alone);
    }
    old->refs--;
    audience_drop(hub, old);
    sub->delivered_base = sub->audience->delivered - delivered;
    settle_class(hub, session, sub);
    if (!was_solo && session_is_solo(session) && session_sub(session) != sub) {
        become_solo(hub, session);
    }
}

bool hub_unsubscribe(struct hub *hub, struct session *session, struct bytes sid, uint32_t max)
{
    before_change(hub);
    struct sub *sub = hub_sub_find(hub, session, sid);
    if (sub == NULL) {
        return false;
    }
    if (max == 0 || sub_delivered(sub) >= max) {
        sub_remove(hub, session, sub);
        return true;
    }
    if (!sub->audience->alone) {
        sub_move(hub, session, sub, true);
    }
    sub->max = max;
    return true;
}

void hub_unsubscribe_all(struct hub *hub, struct session *session)
{
    if (session->subs.count == 0) {
        return;
    }
    before_change(hub);
    if (session->subs.count == 1) {
        sub_remove(hub, session, session_sub(session));
        return;
    }
    /* Not one by one: a table that is emptied from one end is crowded at the other, and shrinks. */
    struct table subs = session->subs;
    session->subs = (struct table){0};
    uint32_t cursor = 0;
    struct sub *sub;
    while ((sub = table_next(&subs, &cursor)) != NULL) {
        sub_drop(hub, session, sub);
    }
    table_free(&subs);
}

/* ---- changes of the client's mind ------------------------------------------------------------ */

static bool must_be_alone(const struct session *session, const struct sub *sub)
{
    return !session->echo || sub->max > 0 || sub->lane != 0;
}

void hub_sub_rule_again(struct hub *hub, struct session *session, struct sub *sub)
{
    struct bytes pattern = sub_pattern(hub, sub);
    uint32_t lane = hub_lane_take(hub, session, pattern);
    hub_lane_give(hub, session, sub->lane, pattern);
    sub->lane = (uint16_t)lane;
    bool alone = must_be_alone(session, sub);
    if (sub_group(sub) == NULL && sub->audience->alone != alone) {
        sub_move(hub, session, sub, alone);
    }
}

/* Behind before_change: what was published so far is delivered to the old audiences. */
static void move_all(struct hub *hub, struct session *session)
{
    if (session->subs.count == 0) {
        return;
    }
    uint32_t count = session->subs.count;
    struct sub **subs = memory_alloc(count * sizeof(struct sub *));
    uint32_t cursor = 0;
    for (uint32_t i = 0; i < count; i++) {
        subs[i] = table_next(&session->subs, &cursor);
    }
    for (uint32_t i = 0; i < count; i++) {
        sub_move(hub, session, subs[i], must_be_alone(session, subs[i]));
    }
    memory_free(subs);
}

void hub_set_headers(struct hub *hub, struct session *session, bool headers)
{
    if (session->headers != headers) {
        before_change(hub); /* what was published so far goes by the old word */
        session->headers = headers;
        move_all(hub, session);
    }
}

void hub_set_echo(struct hub *hub, struct session *session, bool echo)
{
    if (session->echo != echo) {
        if (PLANTED(PLANTED_ECHO_EARLY)) {
            hub_settle(hub); /* and the run that is open comes after */
        } else {
            before_change(hub); /* what was published so far goes by the old word */
        }
        session->echo = echo;
        move_all(hub, session);
    }
}

/* ---- what it may hear ------------------------------------------------------------------------ */

static const struct entry *sub_entry(const struct sub *sub)
{
    return sub_group(sub) != NULL ? sub_group(sub)->entry : sub->audience->entry;
}

void subs_watch(struct hub *hub, struct session *session)
{
    uint32_t cursor = 0;
    const struct sub *sub;
    while ((sub = table_next(&session->subs, &cursor)) != NULL) {
        if (sub->audience->watched != is_watched(hub, session, sub_entry(sub))) {
            before_change(hub);
            move_all(hub, session);
            return;
        }
    }
}

bool hub_sub_next(const struct hub *hub, const struct session *session, uint32_t *cursor,
                  struct hub_sub *view)
{
    const struct sub *sub = table_next(&session->subs, cursor);
    if (sub == NULL) {
        return false;
    }
    view->pattern = index_pattern(hub->index, &sub_entry(sub)->base);
    view->queue = sub_group(sub) != NULL ? group_name(sub_group(sub)) : (struct bytes){0};
    view->sid = bytes_of(sub->audience->sid, sub->audience->sid_size);
    return true;
}
