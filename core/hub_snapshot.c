/*
 * hub_snapshot.c - walks the sessions by slot. Inside one it walks the subscriptions, and may stop
 * between any two of them: a session with a million must not make a long turn.
 */
#include "core/hub_snapshot.h"

#include "core/hub_state.h"
#include "core/subject.h"

static struct bytes sub_subject(const struct hub *hub, const struct sub *sub)
{
    const struct group *group = sub_group(sub);
    const struct entry *entry = group != NULL ? group->entry : sub->audience->entry;
    return index_pattern(hub->index, &entry->base);
}

static void fill_row(const struct hub *hub, const struct session *session,
                     const struct snapshot_client *client, struct snapshot_row *row)
{
    *row = (struct snapshot_row){
        .cid = session->client_id,
        .pending_bytes = pending_bytes(&session->pending),
        .messages_in = session->messages_in,
        .messages_out = session->messages_out,
        .bytes_in = session->bytes_in,
        .bytes_out = (uint64_t)session->bytes_out,
        .subs_count = session->subs.count,
        .slot = session->slot,
        .generation = session->generation,
        .worker = (uint16_t)hub->options.worker,
        .reason = session->close_reason,
        .is_blocked = session->blocked,
    };
    if (row->pending_bytes > 0) {
        row->oldest_ns = pending_oldest_ns(&session->pending);
    }
    snapshot_row_client(row, client);
}

void hub_snapshot_closed(const struct hub *hub, const struct session *session,
                         snapshot_describe describe, struct snapshot_row *row)
{
    struct snapshot_client client = {0};
    describe(session, &client);
    fill_row(hub, session, &client, row);
    row->closed_ns = hub->now_ns;
    row->subs_count = session->subs_left;
    snapshot_row_texts(row, &client);
}

static bool is_wanted(const struct snapshot_query *query, const struct session *session,
                      const struct snapshot_client *client)
{
    if (session->state != SESSION_OPEN || (query->cid != 0 && query->cid != session->client_id)) {
        return false;
    }
    return query->user[0] == '\0' || bytes_equal(client->texts[TEXT_USER], bytes_text(query->user));
}

static bool add_sub(struct hub *hub, struct snapshot *snapshot, uint64_t cid, const struct sub *sub)
{
    struct snapshot_sub row = {.cid = cid, .messages = sub_delivered(sub), .max = sub->max};
    struct bytes queue = sub_group(sub) != NULL ? group_name(sub_group(sub)) : (struct bytes){0};
    return snapshot_add_sub(snapshot, &row, sub_subject(hub, sub), queue,
                            bytes_of(sub->audience->sid, sub->audience->sid_size));
}

static void see_sub(struct hub *hub, struct snapshot *snapshot, const struct sub *sub)
{
    struct snapshot_row *row = &snapshot->walk.partial;
    const struct snapshot_query *query = &snapshot->query;
    if (query->list == SNAPSHOT_CONNECTIONS) {
        row->messages_out += sub_delivered(sub);
        row->bytes_out += sub_delivered_bytes(sub);
        return;
    }
    if (query->subject[0] != '\0' &&
        !subject_matches(sub_subject(hub, sub), bytes_text(query->subject))) {
        return;
    }
    snapshot->total++;
    if (snapshot->subs_count < query->rows_max) {
        bool is_added = add_sub(hub, snapshot, row->cid, sub);
        MAYBE(is_added);
    }
}

/* The session is walked through: its row is complete. */
static void leave_session(struct hub *hub, struct snapshot *snapshot, const struct session *session,
                          snapshot_describe describe)
{
    struct snapshot_row *row = &snapshot->walk.partial;
    snapshot->walk.is_inside = false;
    if (snapshot->query.list != SNAPSHOT_CONNECTIONS) {
        return;
    }
    snapshot_key(&snapshot->query, hub->now_ns, row);
    if (!snapshot_keeps(snapshot, row)) {
        snapshot->total++;
        return;
    }
    struct snapshot_client client = {0};
    describe(session, &client);
    snapshot_row_texts(row, &client);
    snapshot_add(snapshot, row);
}

/* Goes on with the session it is inside; false: the budget is spent. */
static bool walk_subs(struct hub *hub, struct snapshot *snapshot, snapshot_describe describe,
                      uint32_t *budget)
{
    struct snapshot_walk *walk = &snapshot->walk;
    const struct session *session =
        hub_session_get(hub, walk->partial.slot, walk->partial.generation);
    if (session == NULL || session->state != SESSION_OPEN) {
        walk->is_inside = false;
        return true;
    }
    const struct sub *sub;
    while (*budget > 0) {
        sub = table_next(&session->subs, &walk->sub);
        if (sub == NULL) {
            leave_session(hub, snapshot, session, describe);
            return true;
        }
        see_sub(hub, snapshot, sub);
        --*budget;
    }
    return false;
}

static bool walk_sessions(struct hub *hub, struct snapshot *snapshot, snapshot_describe describe,
                          uint32_t *budget)
{
    struct snapshot_walk *walk = &snapshot->walk;
    while (*budget > 0) {
        if (walk->is_inside) {
            if (!walk_subs(hub, snapshot, describe, budget)) {
                return false;
            }
            continue;
        }
        const struct session *session = hub_session_next(hub, &walk->slot);
        if (session == NULL) {
            return true;
        }
        if (snapshot->query.is_pending && pending_is_empty(&session->pending)) {
            --*budget;
            continue;
        }
        *budget -= MIN_OF(*budget, (uint32_t)SNAPSHOT_SESSION_UNITS);
        struct snapshot_client client = {0};
        describe(session, &client);
        if (is_wanted(&snapshot->query, session, &client)) {
            fill_row(hub, session, &client, &walk->partial);
            walk->is_inside = true;
            walk->sub = 0;
        }
    }
    return false;
}

/* The subscriptions of the rows that were kept. */
static bool list_subs(struct hub *hub, struct snapshot *snapshot, uint32_t *budget)
{
    struct snapshot_walk *walk = &snapshot->walk;
    for (; walk->row < snapshot->rows_count; walk->row++, walk->sub = 0) {
        struct snapshot_row *row = &snapshot->rows[walk->row];
        const struct session *session = hub_session_get(hub, row->slot, row->generation);
        if (walk->sub == 0) {
            row->subs_first = snapshot->subs_count;
            *budget -= MIN_OF(*budget, 1u);
        }
        const struct sub *sub = NULL;
        while (session != NULL && *budget > 0 &&
               (sub = table_next(&session->subs, &walk->sub)) != NULL) {
            if (!add_sub(hub, snapshot, row->cid, sub)) {
                return true;
            }
            row->subs_listed++;
            --*budget;
        }
        if (*budget == 0 && session != NULL) {
            return false;
        }
    }
    return true;
}

bool hub_snapshot_step(struct hub *hub, struct snapshot *snapshot, snapshot_describe describe,
                       uint32_t budget)
{
    struct snapshot_walk *walk = &snapshot->walk;
    if (!walk->lists_subs) {
        if (!walk_sessions(hub, snapshot, describe, &budget)) {
            return false;
        }
        walk->lists_subs = true;
        walk->sub = 0;
    }
    if (snapshot->query.list == SNAPSHOT_CONNECTIONS && snapshot->query.wants_subs) {
        return list_subs(hub, snapshot, &budget);
    }
    return true;
}
