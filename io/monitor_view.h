/*
 * monitor_view.h - what the pages of monitoring are made of: facts, answers of the workers, request.
 *
 *   request ─▶ view_ask ─▶ answers ─▶ a page writes its body
 *
 * Threads:     the monitoring thread. Facts stay as they are while a page is written.
 * Memory:      borrows facts and source; owns the answers until view_free.
 */
#ifndef RINGHUB_IO_MONITOR_VIEW_H
#define RINGHUB_IO_MONITOR_VIEW_H

#include "core/config.h"
#include "core/limits.h"
#include "io/answer.h"
#include "io/monitor_body.h"
#include "io/monitor_request.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What only a reload changes. */
struct monitor_facts {
    const struct config *config; /* borrowed */
    const char *server_id;
    const char *server_name;
    const char *host; /* clients connect there */
    int32_t port;
    int32_t http_port; /* the real one */
    uint32_t workers;
    uint32_t cpus;
    uint64_t start_wall_ns;
    uint64_t config_wall_ns; /* when the configuration was read */
    uint64_t auth_timeout_ns;
    bool is_auth_required;
};

/* Where answers come from. */
struct monitor_source {
    void *context;
    /* As workers_ask, with a patience of its own. */
    uint32_t (*ask)(void *context, const struct snapshot_query *query,
                    struct answer *answers[WORKERS_MAX]);
    /* Log lines lost outside the workers' rings. */
    uint64_t (*log_lines_lost)(void *context);
};

struct monitor_view {
    const struct monitor_facts *facts;
    const struct monitor_source *source;
    struct monitor_request request;
    uint64_t now_ns;  /* the workers' clock */
    uint64_t wall_ns; /* since 1970 */
    double cpu_percent;
    const uint64_t *requests_count; /* by page; borrowed */
    uint64_t refused_count;         /* requests that found no page, no place or no valid argument */
    struct answer *answers[WORKERS_MAX];
    uint32_t answered;
    struct metrics sum;
    struct scrub_tally scrub;
    struct hub_gauges gauges;
};

/* Asks all workers and sums their counters. */
void view_ask(struct monitor_view *view, const struct snapshot_query *query);
/* The rows of all workers in one list, sorted; the view's. NULL: none answered. */
struct snapshot *view_rows(struct monitor_view *view);
void view_free(struct monitor_view *view);

/* A time of the workers' clock in ns since 1970. */
uint64_t view_wall(const struct monitor_view *view, uint64_t ns);

/* The pages. Each returns the HTTP status. */
uint32_t monitor_write(struct monitor_view *view, struct body *body);
void monitor_write_varz(struct monitor_view *view, struct body *body);
void monitor_write_connz(struct monitor_view *view, struct body *body);
void monitor_write_subsz(struct monitor_view *view, struct body *body);
void monitor_write_slowz(struct monitor_view *view, struct body *body);
void monitor_write_hubz(struct monitor_view *view, struct body *body);
void monitor_write_metrics(struct monitor_view *view, struct body *body);
/* Bytes of memory this process has in RAM. */
uint64_t monitor_resident_bytes(void);
/* What is known of matching, among what else the object has. The workers have been asked. */
void monitor_put_index(json_t *object, const struct monitor_view *view);
/* The connections with the most pending bytes and the oldest pending message, at most limit each. */
json_t *monitor_slow(struct monitor_view *view, uint32_t limit);

#ifdef __cplusplus
}
#endif
#endif
