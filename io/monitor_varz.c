/* monitor_varz.c - /varz: names and types are nats-server's, whatever they mean here. */
#include "core/version.h"
#include "io/monitor_view.h"

#include <stdio.h>
#include <unistd.h>

uint64_t monitor_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;
    if (file != NULL) {
        if (fscanf(file, "%*s %llu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static json_t *request_counts(const struct monitor_view *view)
{
    json_t *counts = json_object();
    for (int i = 0; i < PAGES_COUNT; i++) {
        if (view->requests_count[i] > 0) {
            json_object_set_new(counts, monitor_page_path((enum monitor_page)i),
                                json_of(view->requests_count[i]));
        }
    }
    return counts;
}

static void put_empty_objects(json_t *page)
{
    static const char *const names[] = {"cluster", "gateway",   "leaf",
                                        "mqtt",    "websocket", "jetstream"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        json_object_set_new(page, names[i], json_object());
    }
}

static void put_settings(json_t *page, const struct monitor_view *view)
{
    const struct monitor_facts *facts = view->facts;
    const struct config *config = facts->config;
    json_object_set_new(page, "server_id", json_of_text(facts->server_id));
    json_object_set_new(page, "server_name", json_of_text(facts->server_name));
    json_object_set_new(page, "version", json_string(RINGHUB_SPEAKS_AS));
    json_object_set_new(page, "proto", json_of(1));
    json_object_set_new(page, "go", json_string("none (C)"));
    json_object_set_new(page, "host", json_of_text(facts->host));
    json_object_set_new(page, "port", json_integer(facts->port));
    json_object_set_new(page, "max_connections", json_of(config->max_connections));
    if (config->max_subscriptions > 0) {
        json_object_set_new(page, "max_subscriptions", json_of(config->max_subscriptions));
    }
    json_object_set_new(page, "ping_interval", json_of(config->ping_interval_ns));
    json_object_set_new(page, "ping_max", json_of(config->ping_max));
    json_object_set_new(page, "http_host", json_of_text(config->http_host));
    json_object_set_new(page, "http_port", json_integer(facts->http_port));
    json_object_set_new(page, "http_base_path", json_of_text(config->http_base_path));
    json_object_set_new(page, "https_port", json_of(0));
    if (facts->is_auth_required) {
        json_object_set_new(page, "auth_required", json_true());
    }
    json_object_set_new(page, "auth_timeout", json_real((double)facts->auth_timeout_ns / 1e9));
    json_object_set_new(page, "max_control_line", json_of(config->max_control_line));
    json_object_set_new(page, "max_payload", json_integer(config->max_payload));
    json_object_set_new(page, "max_pending", json_of(config->max_pending));
    put_empty_objects(page);
    json_object_set_new(page, "tls_timeout", json_real(2.0));
    json_object_set_new(page, "write_deadline", json_of(config->write_deadline_ns));
    json_object_set_new(page, "start", json_of_time(facts->start_wall_ns));
    json_object_set_new(page, "config_load_time", json_of_time(facts->config_wall_ns));
    json_object_set_new(page, "config_digest", json_string(""));
    json_object_set_new(page, "system_account", json_string(""));
    json_object_set_new(page, "cores", json_of(facts->cpus));
    json_object_set_new(page, "gomaxprocs", json_of(facts->workers));
}

static void put_counters(json_t *page, const struct monitor_view *view)
{
    const struct metrics *sum = &view->sum;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"connections", view->gauges.sessions},
                {"total_connections", sum->sessions_opened},
                {"routes", 0},
                {"remotes", 0},
                {"leafnodes", 0},
                {"in_msgs", sum->messages_in},
                {"out_msgs", sum->messages_out},
                {"in_bytes", sum->bytes_in},
                {"out_bytes", sum->bytes_out},
                {"in_client_msgs", sum->messages_in},
                {"out_client_msgs", sum->messages_out},
                {"in_client_bytes", sum->bytes_in},
                {"out_client_bytes", sum->bytes_out},
                {"slow_consumers", sum->slow_consumers},
                {"stale_connections", sum->sessions_closed[CLOSE_STALE]},
                {"stalled_clients", sum->sessions_paused},
                {"subscriptions", view->gauges.subscriptions}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_object_set_new(page, rows[i].name, json_of(rows[i].value));
    }
    json_t *slow = json_object();
    json_object_set_new(slow, "clients", json_of(sum->slow_consumers));
    json_object_set_new(slow, "routes", json_of(0));
    json_object_set_new(slow, "gateways", json_of(0));
    json_object_set_new(slow, "leafs", json_of(0));
    json_object_set_new(page, "slow_consumer_stats", slow);
}

void monitor_write_varz(struct monitor_view *view, struct body *body)
{
    view_ask(view, NULL);
    json_t *page = json_object();
    put_settings(page, view);
    json_object_set_new(page, "now", json_of_time(view->wall_ns));
    json_object_set_new(page, "uptime", json_of_uptime(view->wall_ns - view->facts->start_wall_ns));
    json_object_set_new(page, "mem", json_of(monitor_resident_bytes()));
    json_object_set_new(page, "cpu", json_real(view->cpu_percent));
    put_counters(page, view);
    json_object_set_new(page, "http_req_stats", request_counts(view));
    body_json(body, page);
}
