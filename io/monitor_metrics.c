/*
 * monitor_metrics.c - /metrics: the text format of Prometheus, version 0.0.4.
 *
 * Histograms are kept in eighths of powers of two and shown by whole powers; le is the largest value
 * that falls below, so that each bucket is exact. Names that begin with gnatsd_varz are those of
 * prometheus-nats-exporter, so that dashboards made for it go on working.
 */
#include "core/version.h"
#include "io/monitor_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

enum { LABEL_MAX = 64 };

struct shown_histogram {
    const char *name; /* in metrics.h */
    const char *shown;
    const char *help;
    double scale;        /* from the recorded unit to the shown one */
    uint32_t first_bits; /* the smallest bucket is below 2^first_bits */
    uint32_t last_bits;
};

/* One for each histogram of metrics.h; a test compares. */
static const struct shown_histogram histograms[] = {
    {"turn_ns", "turn_seconds", "Length of a worker's turn, without its sleep.", 1e-9, 10, 34},
    {"completion_ns", "completion_seconds",
     "Sampled messages: from arrival until every subscriber with room in its socket had it.", 1e-9,
     10, 34},
    {"delivery_ns", "delivery_seconds",
     "Sampled sends: from arrival of the oldest message in it until the kernel took it.", 1e-9, 10,
     36},
    {"send_bytes", "send_bytes", "Sampled sends: size.", 1, 5, 18},
    {"send_messages", "send_messages", "Sampled sends: messages in one.", 1, 0, 16},
    {"run_bytes", "run_bytes", "Sampled runs of consecutive messages to one subject: size.", 1, 6,
     20},
    {"run_messages", "run_messages", "Sampled runs: messages in one.", 1, 0, 16},
    {"stream_bytes", "stream_bytes", "Bytes rendered for one audience in a turn, sampled.", 1, 5,
     24},
    {"inbox_depth", "inbox_envelopes", "Envelopes found in a worker's inbox, where there were any.",
     1, 0, 16},
};

static void write_head(struct body *body, const char *prefix, const char *name, const char *suffix,
                       const char *type, const char *help)
{
    body_printf(body, "# HELP %s_%s%s %s\n# TYPE %s_%s%s %s\n", prefix, name, suffix, help, prefix,
                name, suffix, type);
}

/* "messages_in" -> "messages in" */
static const char *spaced(const char *name, char text[LABEL_MAX])
{
    size_t i = 0;
    for (; name[i] != '\0' && i < LABEL_MAX - 1; i++) {
        text[i] = (char)(name[i] == '_' ? ' ' : name[i]);
    }
    text[i] = '\0';
    return text;
}

/* "Slow Consumer (Pending Bytes)" -> "slow_consumer_pending_bytes" */
static const char *label_of(const char *words, char text[LABEL_MAX])
{
    size_t size = 0;
    for (; *words != '\0' && size < LABEL_MAX - 1; words++) {
        char c = *words;
        if (c >= 'A' && c <= 'Z') {
            text[size++] = (char)(c - 'A' + 'a');
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') {
            text[size++] = c;
        } else if (c == ' ' && size > 0) {
            text[size++] = '_';
        }
    }
    text[size] = '\0';
    return text;
}

static void write_plain_counters(const struct monitor_view *view, struct body *body)
{
    char help[LABEL_MAX + 32];
    char words[LABEL_MAX];
    for (size_t i = 0; i < metrics_counters_count(); i++) {
        const char *name = metrics_counter_name(i);
        snprintf(help, sizeof(help), "Since the start: %s.", spaced(name, words));
        write_head(body, "ringhub", name, "_total", "counter", help);
        body_printf(body, "ringhub_%s_total %" PRIu64 "\n", name, metrics_counter(&view->sum, i));
    }
}

static void write_reasons(const struct monitor_view *view, struct body *body)
{
    char label[LABEL_MAX];
    write_head(body, "ringhub", "connections_closed", "_total", "counter",
               "Connections that ended, by reason.");
    for (int i = 0; i < CLOSE_REASONS_COUNT; i++) {
        body_printf(body, "ringhub_connections_closed_total{reason=\"%s\"} %" PRIu64 "\n",
                    label_of(close_reason_text((enum close_reason)i), label),
                    view->sum.sessions_closed[i]);
    }
    write_head(body, "ringhub", "deliveries_dropped", "_total", "counter",
               "Deliveries that did not happen, by reason.");
    for (int i = 0; i < DROP_REASONS_COUNT; i++) {
        body_printf(body, "ringhub_deliveries_dropped_total{reason=\"%s\"} %" PRIu64 "\n",
                    label_of(drop_reason_text((enum drop_reason)i), label),
                    view->sum.deliveries_dropped[i]);
    }
}

/* What a label may hold: quotes and backslashes escaped, what is no printable ASCII replaced. */
static const char *escaped(const char *from, char text[2 * ANSWER_PATTERN_MAX])
{
    size_t size = 0;
    for (; *from != '\0'; from++) {
        if (*from == '"' || *from == '\\') {
            text[size++] = '\\';
        }
        text[size++] = (char)(*from >= ' ' && *from <= '~' ? *from : '?');
    }
    text[size] = '\0';
    return text;
}

/* By rule of the slow-subscriber policy; the reasons above hold the sums. */
static void write_policies(const struct monitor_view *view, struct body *body)
{
    char label[2 * ANSWER_PATTERN_MAX];
    const struct answer *answer = NULL;
    for (uint32_t i = 0; i < view->facts->workers && answer == NULL; i++) {
        answer = view->answers[i];
    }
    write_head(body, "ringhub", "policy_drops", "_total", "counter",
               "Deliveries that a slow-subscriber policy gave up, by its subject pattern.");
    for (uint32_t i = 0; answer != NULL && i < METRICS_POLICIES_MAX; i++) {
        if (answer->policies[i][0] == '\0') {
            continue;
        }
        const struct policy_drops *drops = &view->sum.policy_drops[i];
        const uint64_t values[] = {drops->newest, drops->oldest, drops->replaced};
        static const char *const reasons[] = {"newest", "oldest", "replaced"};
        for (size_t k = 0; k < COUNT_OF(values); k++) {
            body_printf(body,
                        "ringhub_policy_drops_total{pattern=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
                        escaped(answer->policies[i], label), reasons[k], values[k]);
        }
    }
}

static void write_scrub_outcome(const struct monitor_view *view, struct body *body,
                                const char *name, const char *help, size_t offset)
{
    write_head(body, "ringhub_scrub", name, "_total", "counter", help);
    for (uint32_t i = 0; i < view->scrub.count; i++) {
        const struct scrub_tally_row *row = &view->scrub.rows[i];
        uint64_t value;
        memcpy(&value, (const char *)&row->counters + offset, sizeof(value));
        body_printf(body, "ringhub_scrub_%s_total{rule=\"%s\"} %" PRIu64 "\n", name,
                    (const char *)row->rule->options.name.ptr, value);
    }
}

/* By rule. Its name needs no escapes, see scrub_rules.c. */
static void write_scrub(const struct monitor_view *view, struct body *body)
{
    const struct scrub_tally *scrub = &view->scrub;
    write_scrub_outcome(view, body, "passed", "Messages a rule let through as they were.",
                        offsetof(struct scrub_counters, passed));
    write_scrub_outcome(view, body, "cleaned", "Messages a rule changed.",
                        offsetof(struct scrub_counters, cleaned));
    write_head(body, "ringhub_scrub", "refused", "_total", "counter",
               "Messages a rule refused, by reason.");
    for (uint32_t i = 0; i < scrub->count; i++) {
        const char *rule = (const char *)scrub->rows[i].rule->options.name.ptr;
        for (int k = SCRUB_REASON_NONE + 1; k < SCRUB_REASONS; k++) {
            body_printf(
                body, "ringhub_scrub_refused_total{rule=\"%s\",reason=\"%s\"} %" PRIu64 "\n", rule,
                scrub_reason_name((enum scrub_reason)k), scrub->rows[i].counters.refused[k]);
        }
    }
    write_head(body, "ringhub_scrub", "seconds", "", "summary",
               "Sampled: time a rule took with a message.");
    for (uint32_t i = 0; i < scrub->count; i++) {
        const char *rule = (const char *)scrub->rows[i].rule->options.name.ptr;
        const struct scrub_counters *counters = &scrub->rows[i].counters;
        body_printf(body, "ringhub_scrub_seconds_sum{rule=\"%s\"} %.10g\n", rule,
                    (double)counters->timed_ns * 1e-9);
        body_printf(body, "ringhub_scrub_seconds_count{rule=\"%s\"} %" PRIu64 "\n", rule,
                    counters->timed);
    }
    write_head(body, "ringhub_scrub", "observes", "", "gauge",
               "1: a rule that only counts what it would do.");
    for (uint32_t i = 0; i < scrub->count; i++) {
        const struct scrub_rule_options *options = &scrub->rows[i].rule->options;
        body_printf(body, "ringhub_scrub_observes{rule=\"%s\"} %d\n",
                    (const char *)options->name.ptr, options->is_observer);
    }
}

static void write_histogram(const struct monitor_view *view, struct body *body,
                            const struct shown_histogram *shown, const struct histogram *h)
{
    (void)view;
    write_head(body, "ringhub", shown->shown, "", "histogram", shown->help);
    uint64_t cumulative = 0;
    uint32_t bucket = 0;
    for (uint32_t bits = shown->first_bits; bits <= shown->last_bits; bits++) {
        uint64_t below = (uint64_t)1 << bits;
        while (bucket < HISTOGRAM_BUCKETS && histogram_bucket_max(bucket) < below) {
            cumulative += h->buckets[bucket++];
        }
        body_printf(body, "ringhub_%s_bucket{le=\"%.10g\"} %" PRIu64 "\n", shown->shown,
                    (double)(below - 1) * shown->scale, cumulative);
    }
    body_printf(body, "ringhub_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", shown->shown, h->count);
    body_printf(body, "ringhub_%s_sum %.10g\n", shown->shown, (double)h->sum * shown->scale);
    body_printf(body, "ringhub_%s_count %" PRIu64 "\n", shown->shown, h->count);
}

static void write_histograms(const struct monitor_view *view, struct body *body)
{
    for (size_t i = 0; i < metrics_histograms_count(); i++) {
        for (size_t k = 0; k < COUNT_OF(histograms); k++) {
            if (strcmp(histograms[k].name, metrics_histogram_name(i)) == 0) {
                write_histogram(view, body, &histograms[k], metrics_histogram(&view->sum, i));
            }
        }
    }
}

struct row {
    const char *name;
    const char *help;
    uint64_t value;
};

static void write_gauges(const struct monitor_view *view, struct body *body)
{
    const struct hub_gauges *g = &view->gauges;
    uint64_t age_ns = 0;
    uint64_t pending_bytes = 0;
    for (uint32_t i = 0; i < view->facts->workers; i++) {
        if (view->answers[i] != NULL) {
            age_ns = MAX_OF(age_ns, view->answers[i]->lag.oldest_age_ns);
            pending_bytes = MAX_OF(pending_bytes, view->answers[i]->lag.pending_bytes_max);
        }
    }
    const struct row rows[] = {
        {"connections", "Connections open now.", g->sessions},
        {"max_connections", "Connections that are possible.", view->facts->config->max_connections},
        {"subscriptions", "Subscriptions now.", g->subscriptions},
        {"audiences", "Groups of subscribers that receive identical bytes.", g->audiences},
        {"patterns", "Distinct subjects and patterns that are subscribed to.", g->entries},
        {"interest_literals", "Subjects that other workers want, summed over workers.",
         g->interest_literals},
        {"interest_patterns", "Patterns that other workers want, summed over workers.",
         g->interest_patterns},
        {"blocked_connections", "Connections whose socket is full.", g->blocked},
        {"lag_pending_bytes", "The most bytes that wait for one of the longest blocked.",
         pending_bytes},
        {"message_bytes", "Memory of messages: runs, streams and answers.", g->chunk_bytes},
        {"message_peak_bytes", "The most that it was, summed over workers.", g->log_bytes_peak},
        {"pending_list_bytes", "Memory of lists of what waits for whom.", g->pending_entries_bytes},
        {"index_bytes", "Memory of subscriptions and interest.", g->index_bytes},
        {"input_bytes", "Memory of half-received input.", g->input_bytes},
        {"envelopes_under_way", "Envelopes between workers now.", g->envelopes_under_way},
        {"workers", "Workers.", view->facts->workers},
        {"workers_answering", "Workers that answered this request in time.", view->answered},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_head(body, "ringhub", rows[i].name, "", "gauge", rows[i].help);
        body_printf(body, "ringhub_%s %" PRIu64 "\n", rows[i].name, rows[i].value);
    }
    write_head(body, "ringhub", "lag_seconds", "", "gauge",
               "Age of the oldest message that waits for one of the longest blocked.");
    body_printf(body, "ringhub_lag_seconds %.10g\n", (double)age_ns * 1e-9);
    write_head(body, "ringhub", "build_info", "", "gauge", "Always 1; the version is a label.");
    body_printf(body, "ringhub_build_info{version=\"%s\",speaks_as=\"%s\"} 1\n", RINGHUB_VERSION,
                RINGHUB_SPEAKS_AS);
}

static uint64_t loop_word(const struct answer *answer, size_t offset)
{
    uint64_t word;
    memcpy(&word, (const char *)&answer->loop + offset, sizeof(word));
    return word;
}

static void write_loop(const struct monitor_view *view, struct body *body)
{
#define LOOP(field, help)                                                                          \
    {                                                                                              \
#field, help, offsetof(struct loop_stats, field)                                           \
    }
    static const struct {
        const char *name;
        const char *help;
        size_t offset;
    } rows[] = {
        LOOP(enters, "System calls made to wait, receive or send."),
        LOOP(reads, "Reads from sockets."),
        LOOP(buffers_empty, "Reads that found no receive buffer."),
        LOOP(cq_overflows, "Times the ring of completions overflowed."),
        LOOP(cq_lost, "Completions the kernel had no memory for."),
        LOOP(rearms, "Multishot operations that were started again."),
        LOOP(sends_dead, "Sends to connections that were gone."),
    };
#undef LOOP
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t value = 0;
        for (uint32_t w = 0; w < view->facts->workers; w++) {
            value += view->answers[w] != NULL ? loop_word(view->answers[w], rows[i].offset) : 0;
        }
        write_head(body, "ringhub_loop", rows[i].name, "_total", "counter", rows[i].help);
        body_printf(body, "ringhub_loop_%s_total %" PRIu64 "\n", rows[i].name, value);
    }
}

static void write_workers(const struct monitor_view *view, struct body *body)
{
    static const char *const names[] = {"connections", "subscriptions", "blocked_connections"};
    static const char *const counters[] = {"messages_in", "messages_out", "turns"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        write_head(body, "ringhub_worker", names[i], "", "gauge", "The same of one worker.");
        for (uint32_t w = 0; w < view->facts->workers; w++) {
            if (view->answers[w] != NULL) {
                const struct hub_gauges *g = &view->answers[w]->gauges;
                uint64_t values[] = {g->sessions, g->subscriptions, g->blocked};
                body_printf(body, "ringhub_worker_%s{worker=\"%u\"} %" PRIu64 "\n", names[i], w,
                            values[i]);
            }
        }
    }
    for (size_t i = 0; i < COUNT_OF(counters); i++) {
        write_head(body, "ringhub_worker", counters[i], "_total", "counter",
                   "The same of one worker.");
        for (uint32_t w = 0; w < view->facts->workers; w++) {
            if (view->answers[w] != NULL) {
                const struct metrics *m = &view->answers[w]->metrics;
                uint64_t values[] = {m->messages_in, m->messages_out, m->turns};
                body_printf(body, "ringhub_worker_%s_total{worker=\"%u\"} %" PRIu64 "\n",
                            counters[i], w, values[i]);
            }
        }
    }
    write_head(body, "ringhub_worker", "busy_seconds", "_total", "counter",
               "Time a worker spent in its turns.");
    for (uint32_t w = 0; w < view->facts->workers; w++) {
        if (view->answers[w] != NULL) {
            body_printf(body, "ringhub_worker_busy_seconds_total{worker=\"%u\"} %.10g\n", w,
                        (double)view->answers[w]->metrics.turn_ns.sum * 1e-9);
        }
    }
}

static void write_process(const struct monitor_view *view, struct body *body)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    uint64_t lost = view->source->log_lines_lost(view->source->context);
    for (uint32_t w = 0; w < view->facts->workers; w++) {
        lost += view->answers[w] != NULL ? view->answers[w]->log_lines_lost : 0;
    }
    write_head(body, "ringhub", "log_lines_lost", "_total", "counter",
               "Log lines that came faster than they could be written.");
    body_printf(body, "ringhub_log_lines_lost_total %" PRIu64 "\n", lost);
    write_head(body, "ringhub", "http_requests", "_total", "counter",
               "Requests to the monitoring port, by page.");
    for (int i = 0; i < PAGES_COUNT; i++) {
        body_printf(body, "ringhub_http_requests_total{path=\"%s\"} %" PRIu64 "\n",
                    monitor_page_path((enum monitor_page)i), view->requests_count[i]);
    }
    write_head(body, "ringhub", "http_requests_refused", "_total", "counter",
               "Requests without a page, with a bad argument, or over a limit.");
    body_printf(body, "ringhub_http_requests_refused_total %" PRIu64 "\n", view->refused_count);
    write_head(body, "process", "cpu_seconds", "_total", "counter",
               "CPU time of the process, user and system.");
    body_printf(body, "process_cpu_seconds_total %.6f\n", cpu);
    write_head(body, "process", "start_time_seconds", "", "gauge",
               "When the process started, in seconds since 1970.");
    body_printf(body, "process_start_time_seconds %.3f\n",
                (double)view->facts->start_wall_ns * 1e-9);
    write_head(body, "process", "resident_memory_bytes", "", "gauge",
               "Memory of the process that is in RAM.");
    body_printf(body, "process_resident_memory_bytes %" PRIu64 "\n", monitor_resident_bytes());
}

/* The numbers of /varz under the exporter's names. */
static void write_exporter_names(const struct monitor_view *view, struct body *body)
{
    const struct metrics *sum = &view->sum;
    const struct row rows[] = {{"connections", "", view->gauges.sessions},
                               {"total_connections", "", sum->sessions_opened},
                               {"subscriptions", "", view->gauges.subscriptions},
                               {"in_msgs", "", sum->messages_in},
                               {"out_msgs", "", sum->messages_out},
                               {"in_bytes", "", sum->bytes_in},
                               {"out_bytes", "", sum->bytes_out},
                               {"slow_consumers", "", sum->slow_consumers},
                               {"max_connections", "", view->facts->config->max_connections},
                               {"max_pending", "", view->facts->config->max_pending},
                               {"mem", "", monitor_resident_bytes()}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_head(body, "gnatsd_varz", rows[i].name, "", "gauge",
                   "As prometheus-nats-exporter names it.");
        body_printf(body, "gnatsd_varz_%s{server_id=\"%s\"} %" PRIu64 "\n", rows[i].name,
                    view->facts->server_id, rows[i].value);
    }
}

void monitor_write_metrics(struct monitor_view *view, struct body *body)
{
    view_ask(view, NULL);
    write_gauges(view, body);
    write_plain_counters(view, body);
    write_reasons(view, body);
    write_policies(view, body);
    write_scrub(view, body);
    write_histograms(view, body);
    write_workers(view, body);
    write_loop(view, body);
    write_process(view, body);
    write_exporter_names(view, body);
}
