/* monitor_connz.c - /connz, /slowz and /subsz: rows of the workers, merged, sorted and cut to a page. */
#include "io/monitor_view.h"

#include <stdio.h>

/* ---- a connection ------------------------------------------------------------------------------ */

static json_t *sub_detail(const struct snapshot_sub *sub, bool has_account)
{
    json_t *detail = json_object();
    if (has_account) {
        json_object_set_new(detail, "account", json_string("$G"));
    }
    json_object_set_new(detail, "subject", json_of_bytes(bytes_of(sub->text, sub->subject_size)));
    if (sub->queue_size > 0) {
        json_object_set_new(
            detail, "qgroup",
            json_of_bytes(bytes_of(sub->text + sub->subject_size, sub->queue_size)));
    }
    json_object_set_new(
        detail, "sid",
        json_of_bytes(bytes_of(sub->text + sub->subject_size + sub->queue_size, sub->sid_size)));
    json_object_set_new(detail, "msgs", json_of(sub->messages));
    if (sub->max > 0) {
        json_object_set_new(detail, "max", json_of(sub->max));
    }
    json_object_set_new(detail, "cid", json_of(sub->cid));
    return detail;
}

static void put_subs(json_t *entry, const struct snapshot *all, const struct snapshot_row *row,
                     bool detail)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < row->subs_listed; i++) {
        const struct snapshot_sub *sub = &all->subs[row->subs_first + i];
        json_array_append_new(list, detail ? sub_detail(sub, false)
                                           : json_of_bytes(bytes_of(sub->text, sub->subject_size)));
    }
    json_object_set_new(entry, detail ? "subscriptions_list_detail" : "subscriptions_list", list);
}

static void put_text(json_t *entry, const char *name, const struct snapshot_row *row,
                     enum snapshot_text which)
{
    struct bytes text = snapshot_text(row, which);
    if (text.size > 0) {
        json_object_set_new(entry, name, json_of_bytes(text));
    }
}

static void put_counts(json_t *entry, const struct snapshot_row *row)
{
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"pending_bytes", row->pending_bytes}, {"in_msgs", row->messages_in},
                  {"out_msgs", row->messages_out},       {"in_bytes", row->bytes_in},
                  {"out_bytes", row->bytes_out},         {"subscriptions", row->subs_count}};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        json_object_set_new(entry, counts[i].name, json_of(counts[i].value));
    }
}

static json_t *connection(const struct monitor_view *view, const struct snapshot_row *row)
{
    uint64_t end_ns = row->closed_ns > 0 ? row->closed_ns : view->now_ns;
    json_t *entry = json_object();
    json_object_set_new(entry, "cid", json_of(row->cid));
    json_object_set_new(entry, "kind", json_string("Client"));
    json_object_set_new(entry, "type", json_string("nats"));
    json_object_set_new(entry, "worker", json_of(row->worker));
    json_object_set_new(entry, "ip", json_of_bytes(snapshot_text(row, TEXT_ADDRESS)));
    json_object_set_new(entry, "port", json_of(row->port));
    json_object_set_new(entry, "start", json_of_time(view_wall(view, row->opened_ns)));
    json_object_set_new(entry, "last_activity", json_of_time(view_wall(view, row->active_ns)));
    if (row->closed_ns > 0) {
        json_object_set_new(entry, "stop", json_of_time(view_wall(view, row->closed_ns)));
        json_object_set_new(entry, "reason", json_string(close_reason_text(row->reason)));
    }
    json_object_set_new(entry, "rtt", json_of_duration(row->rtt_ns)); /* 0s: not known yet */
    json_object_set_new(entry, "uptime", json_of_uptime(end_ns - MIN_OF(end_ns, row->opened_ns)));
    json_object_set_new(entry, "idle", json_of_uptime(end_ns - MIN_OF(end_ns, row->active_ns)));
    put_counts(entry, row);
    put_text(entry, "name", row, TEXT_NAME);
    put_text(entry, "lang", row, TEXT_LANG);
    put_text(entry, "version", row, TEXT_VERSION);
    if (view->request.auth) {
        put_text(entry, "authorized_user", row, TEXT_USER);
        json_object_set_new(entry, "account", json_string("$G"));
    }
    return entry;
}

/* ---- /connz ------------------------------------------------------------------------------------ */

static struct snapshot_query connz_query(const struct monitor_request *request,
                                         enum snapshot_list list)
{
    struct snapshot_query query = {.list = list,
                                   .sort = request->sort,
                                   .rows_max = request->offset + request->limit,
                                   .cid = request->cid,
                                   .wants_subs = request->subs};
    memcpy(query.user, request->user, sizeof(query.user));
    return query;
}

static void write_rows(struct monitor_view *view, struct body *body, const struct snapshot *all,
                       uint64_t total)
{
    const struct monitor_request *request = &view->request;
    uint32_t rows_count = all != NULL ? all->rows_count : 0;
    uint32_t first = MIN_OF(request->offset, rows_count);
    uint32_t count = MIN_OF(request->limit, rows_count - first);
    json_t *head = json_object();
    json_object_set_new(head, "server_id", json_of_text(view->facts->server_id));
    json_object_set_new(head, "now", json_of_time(view->wall_ns));
    json_object_set_new(head, "num_connections", json_of(count));
    json_object_set_new(head, "total", json_of(total));
    json_object_set_new(head, "offset", json_of(request->offset));
    json_object_set_new(head, "limit", json_of(request->limit));
    body_json_open(body, head);
    body_printf(body, ",\n  \"connections\": [");
    for (uint32_t i = 0; i < count; i++) {
        const struct snapshot_row *row = &all->rows[first + i];
        json_t *entry = connection(view, row);
        if (request->subs) {
            put_subs(entry, all, row, request->subs_detail);
        }
        body_json_element(body, entry, i == 0);
    }
    body_printf(body, "]\n}\n");
}

/* Open and closed ones are two questions; the second goes into the rows of the first. */
static struct snapshot *ask_any(struct monitor_view *view, struct snapshot *kept)
{
    const struct monitor_request *request = &view->request;
    struct snapshot_query query = connz_query(request, SNAPSHOT_CLOSED);
    view_ask(view, &query);
    struct snapshot *closed = view_rows(view);
    if (closed != NULL) {
        *kept = *closed;
        *closed = (struct snapshot){0};
    }
    query.list = SNAPSHOT_CONNECTIONS;
    view_ask(view, &query);
    struct snapshot *open = view_rows(view);
    if (open == NULL) {
        return kept;
    }
    snapshot_merge(open, kept);
    snapshot_sort(open);
    return open;
}

void monitor_write_connz(struct monitor_view *view, struct body *body)
{
    const struct monitor_request *request = &view->request;
    struct snapshot kept = {0};
    struct snapshot *all = NULL;
    bool is_beyond = (uint64_t)request->offset + request->limit > INT32_MAX;
    if (request->is_nobody || is_beyond) {
        write_rows(view, body, NULL, 0);
        return;
    }
    if (request->state == STATE_ANY) {
        all = ask_any(view, &kept);
    } else {
        bool is_closed = request->state == STATE_CLOSED;
        struct snapshot_query query =
            connz_query(request, is_closed ? SNAPSHOT_CLOSED : SNAPSHOT_CONNECTIONS);
        view_ask(view, &query);
        all = view_rows(view);
    }
    write_rows(view, body, all, all != NULL ? all->total : 0);
    snapshot_free(&kept);
}

/* ---- /slowz ------------------------------------------------------------------------------------ */

static json_t *slow_list(struct monitor_view *view, enum snapshot_sort sort, uint32_t limit)
{
    struct snapshot_query query = {
        .list = SNAPSHOT_CONNECTIONS, .sort = sort, .rows_max = limit, .is_pending = true};
    view_ask(view, &query);
    const struct snapshot *all = view_rows(view);
    json_t *list = json_array();
    for (uint32_t i = 0; all != NULL && i < MIN_OF(limit, all->rows_count); i++) {
        const struct snapshot_row *row = &all->rows[i];
        json_t *entry = connection(view, row);
        uint64_t age_ns =
            row->oldest_ns > 0 ? view->now_ns - MIN_OF(view->now_ns, row->oldest_ns) : 0;
        json_object_set_new(entry, "blocked", json_boolean(row->is_blocked));
        json_object_set_new(entry, "oldest_pending_ns", json_of(age_ns));
        json_array_append_new(list, entry);
    }
    return list;
}

json_t *monitor_slow(struct monitor_view *view, uint32_t limit)
{
    json_t *slow = json_object();
    json_object_set_new(slow, "by_pending", slow_list(view, SNAPSHOT_BY_PENDING, limit));
    json_object_set_new(slow, "by_age", slow_list(view, SNAPSHOT_BY_AGE, limit));
    return slow;
}

void monitor_write_slowz(struct monitor_view *view, struct body *body)
{
    json_t *page = json_object();
    json_object_set_new(page, "server_id", json_of_text(view->facts->server_id));
    json_object_set_new(page, "now", json_of_time(view->wall_ns));
    json_object_set_new(page, "limit", json_of(view->request.limit));
    json_t *slow = monitor_slow(view, MIN_OF(view->request.limit, (uint32_t)SNAPSHOT_SUBS_MAX));
    json_object_set_new(page, "blocked", json_of(view->gauges.blocked));
    json_object_update(page, slow);
    json_decref(slow);
    body_json(body, page);
}

/* ---- /subsz ------------------------------------------------------------------------------------ */

void monitor_put_index(json_t *object, const struct monitor_view *view)
{
    const struct hub_gauges *gauges = &view->gauges;
    double matches = (double)gauges->index_matches;
    double hits = (double)gauges->index_cache_hits;
    double publishes = (double)view->sum.publishes;
    json_object_set_new(object, "num_subscriptions", json_of(gauges->subscriptions));
    json_object_set_new(object, "num_cache", json_of(gauges->index_cached));
    json_object_set_new(object, "num_inserts", json_of(view->sum.subscriptions_added));
    json_object_set_new(object, "num_removes", json_of(view->sum.subscriptions_removed));
    json_object_set_new(object, "num_matches", json_of(gauges->index_matches));
    json_object_set_new(object, "cache_hit_rate", json_real(matches > 0 ? hits / matches : 0));
    json_object_set_new(object, "max_fanout", json_of(0));
    json_object_set_new(object, "avg_fanout",
                        json_real(publishes > 0 ? (double)view->sum.messages_out / publishes : 0));
}

static void write_sub_rows(struct monitor_view *view, struct body *body)
{
    const struct monitor_request *request = &view->request;
    uint64_t total = 0;
    uint32_t at = 0;
    uint32_t written = 0;
    for (uint32_t w = 0; w < view->facts->workers; w++) {
        const struct answer *answer = view->answers[w];
        for (uint32_t i = 0; answer != NULL && i < answer->list.subs_count; i++, at++) {
            if (at >= request->offset && written < request->limit) {
                body_json_element(body, sub_detail(&answer->list.subs[i], true), written == 0);
                written++;
            }
        }
        total += answer != NULL ? answer->list.total : 0;
    }
    body_printf(body, "],\n  \"total\": %llu,\n  \"offset\": %u,\n  \"limit\": %u\n}\n",
                (unsigned long long)total, request->offset, request->limit);
}

void monitor_write_subsz(struct monitor_view *view, struct body *body)
{
    const struct monitor_request *request = &view->request;
    struct snapshot_query query = {.list = SNAPSHOT_SUBSCRIPTIONS,
                                   .rows_max = request->offset + request->limit};
    memcpy(query.subject, request->subject, sizeof(query.subject));
    bool lists = request->subs && !request->is_nobody;
    view_ask(view, lists ? &query : NULL);
    json_t *page = json_object();
    json_object_set_new(page, "server_id", json_of_text(view->facts->server_id));
    json_object_set_new(page, "now", json_of_time(view->wall_ns));
    monitor_put_index(page, view);
    if (!lists) {
        json_object_set_new(page, "total", json_of(0));
        json_object_set_new(page, "offset", json_of(request->offset));
        json_object_set_new(page, "limit", json_of(request->limit));
        body_json(body, page);
        return;
    }
    body_json_open(body, page);
    body_printf(body, ",\n  \"subscriptions_list\": [");
    write_sub_rows(view, body);
}
