/* monitor_view.c - asking, summing, and the pages that are a line or two. */
#include "io/monitor_view.h"

#include "core/version.h"

#include <stdio.h>

enum { HTTP_OK = 200, HTTP_UNAVAILABLE = 503 };

static void add_words(void *sum, const void *one, size_t size)
{
    uint64_t *to = sum;
    const uint64_t *from = one;
    for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
        to[i] += from[i];
    }
}

static void forget_answers(struct monitor_view *view)
{
    for (uint32_t i = 0; i < view->facts->workers; i++) {
        if (view->answers[i] != NULL) {
            answer_unref(view->answers[i]);
            view->answers[i] = NULL;
        }
    }
    scrub_tally_free(&view->scrub);
}

void view_ask(struct monitor_view *view, const struct snapshot_query *query)
{
    forget_answers(view);
    metrics_init(&view->sum);
    view->gauges = (struct hub_gauges){0};
    view->answered = view->source->ask(view->source->context, query, view->answers);
    for (uint32_t i = 0; i < view->facts->workers; i++) {
        if (view->answers[i] != NULL) {
            metrics_add(&view->sum, &view->answers[i]->metrics);
            scrub_tally_add(&view->scrub, &view->answers[i]->scrub);
            add_words(&view->gauges, &view->answers[i]->gauges, sizeof(view->gauges));
        }
    }
}

struct snapshot *view_rows(struct monitor_view *view)
{
    struct snapshot *all = NULL;
    for (uint32_t i = 0; i < view->facts->workers; i++) {
        if (view->answers[i] == NULL) {
            continue;
        }
        if (all == NULL) {
            all = &view->answers[i]->list;
        } else {
            snapshot_merge(all, &view->answers[i]->list);
        }
    }
    if (all != NULL) {
        snapshot_sort(all);
    }
    return all;
}

void view_free(struct monitor_view *view)
{
    forget_answers(view);
}

uint64_t view_wall(const struct monitor_view *view, uint64_t ns)
{
    return view->wall_ns - (view->now_ns - MIN_OF(ns, view->now_ns));
}

/* ---- short pages ------------------------------------------------------------------------------- */

static json_t *stamped(const struct monitor_view *view)
{
    json_t *page = json_object();
    json_object_set_new(page, "server_id", json_of_text(view->facts->server_id));
    json_object_set_new(page, "now", json_of_time(view->wall_ns));
    return page;
}

static uint32_t write_healthz(struct monitor_view *view, struct body *body)
{
    view_ask(view, NULL);
    if (view->answered == view->facts->workers) {
        body_printf(body, "{\"status\":\"ok\"}");
        return HTTP_OK;
    }
    body_printf(body, "{\"status\":\"unavailable\",\"error\":\"%u of %u workers did not answer\"}",
                view->facts->workers - view->answered, view->facts->workers);
    return HTTP_UNAVAILABLE;
}

static json_t *routez(const struct monitor_view *view)
{
    json_t *page = stamped(view);
    json_object_set_new(page, "num_routes", json_of(0));
    json_object_set_new(page, "routes", json_array());
    return page;
}

static json_t *gatewayz(const struct monitor_view *view)
{
    json_t *page = stamped(view);
    json_object_set_new(page, "outbound_gateways", json_object());
    json_object_set_new(page, "inbound_gateways", json_object());
    return page;
}

static json_t *leafz(const struct monitor_view *view)
{
    json_t *page = stamped(view);
    json_object_set_new(page, "leafnodes", json_of(0));
    json_object_set_new(page, "leafs", json_array());
    return page;
}

static json_t *account_detail(struct monitor_view *view)
{
    view_ask(view, NULL);
    json_t *detail = json_object();
    json_object_set_new(detail, "account_name", json_string("$G"));
    json_object_set_new(detail, "update_time", json_of_time(view->facts->start_wall_ns));
    json_object_set_new(detail, "expired", json_false());
    json_object_set_new(detail, "complete", json_true());
    json_object_set_new(detail, "jetstream_enabled", json_false());
    json_object_set_new(detail, "leafnode_connections", json_of(0));
    json_object_set_new(detail, "client_connections", json_of(view->gauges.sessions));
    json_object_set_new(detail, "subscriptions", json_of(view->gauges.subscriptions));
    json_t *stats = json_object();
    monitor_put_index(stats, view);
    json_object_set_new(detail, "sublist_stats", stats);
    return detail;
}

static json_t *accountz(struct monitor_view *view)
{
    json_t *page = stamped(view);
    if (view->request.has_account) {
        json_object_set_new(page, "account_detail", account_detail(view));
        return page;
    }
    json_t *accounts = json_array();
    json_array_append_new(accounts, json_string("$G"));
    json_object_set_new(page, "accounts", accounts);
    return page;
}

static json_t *traffic(uint64_t messages, uint64_t bytes)
{
    json_t *both = json_object();
    json_object_set_new(both, "msgs", json_of(messages));
    json_object_set_new(both, "bytes", json_of(bytes));
    return both;
}

static json_t *accstatz(struct monitor_view *view)
{
    view_ask(view, NULL);
    json_t *page = stamped(view);
    json_t *account = json_object();
    json_object_set_new(account, "acc", json_string("$G"));
    json_object_set_new(account, "conns", json_of(view->gauges.sessions));
    json_object_set_new(account, "leafnodes", json_of(0));
    json_object_set_new(account, "total_conns", json_of(view->gauges.sessions));
    json_object_set_new(account, "num_subscriptions", json_of(view->gauges.subscriptions));
    json_object_set_new(account, "sent", traffic(view->sum.messages_out, view->sum.bytes_out));
    json_object_set_new(account, "received", traffic(view->sum.messages_in, view->sum.bytes_in));
    json_object_set_new(account, "slow_consumers", json_of(view->sum.slow_consumers));
    json_t *accounts = json_array();
    json_array_append_new(accounts, account);
    json_object_set_new(page, "account_statz", accounts);
    return page;
}

/* Nothing is stored here, and says so in the form that asks for it. */
static json_t *jsz(const struct monitor_view *view)
{
    static const char *const zeros[] = {
        "memory",    "storage", "reserved_memory", "reserved_storage", "accounts",
        "ha_assets", "streams", "consumers",       "messages",         "bytes"};
    json_t *page = stamped(view);
    json_object_set_new(page, "disabled", json_true());
    json_t *config = json_object();
    json_object_set_new(config, "max_memory", json_of(0));
    json_object_set_new(config, "max_storage", json_of(0));
    json_object_set_new(page, "config", config);
    for (size_t i = 0; i < COUNT_OF(zeros); i++) {
        json_object_set_new(page, zeros[i], json_of(0));
    }
    json_t *api = json_object();
    json_object_set_new(api, "total", json_of(0));
    json_object_set_new(api, "errors", json_of(0));
    json_object_set_new(page, "api", api);
    return page;
}

static uint32_t write_page(struct monitor_view *view, struct body *body)
{
    switch (view->request.page) {
    case PAGE_VARZ:
        monitor_write_varz(view, body);
        break;
    case PAGE_CONNZ:
        monitor_write_connz(view, body);
        break;
    case PAGE_SUBSZ:
        monitor_write_subsz(view, body);
        break;
    case PAGE_SLOWZ:
        monitor_write_slowz(view, body);
        break;
    case PAGE_HUBZ:
        monitor_write_hubz(view, body);
        break;
    case PAGE_METRICS:
        monitor_write_metrics(view, body);
        break;
    case PAGE_HEALTHZ:
        return write_healthz(view, body);
    case PAGE_ROUTEZ:
        body_json(body, routez(view));
        break;
    case PAGE_GATEWAYZ:
        body_json(body, gatewayz(view));
        break;
    case PAGE_LEAFZ:
        body_json(body, leafz(view));
        break;
    case PAGE_ACCOUNTZ:
        body_json(body, accountz(view));
        break;
    case PAGE_ACCSTATZ:
        body_json(body, accstatz(view));
        break;
    case PAGE_JSZ:
        body_json(body, jsz(view));
        break;
    case PAGE_DASHBOARD:
    case PAGES_COUNT:
        break;
    }
    return HTTP_OK;
}

uint32_t monitor_write(struct monitor_view *view, struct body *body)
{
    if (!monitor_request_has_callback(&view->request)) {
        return write_page(view, body);
    }
    body_printf(body, "%s(", view->request.callback);
    uint32_t status = write_page(view, body);
    body_append(body, ")", 1);
    return status;
}
