/* report_json.c - results for programs; docs/results.md describes every key. Times are nanoseconds,
 * sizes bytes, unless the key says. */
#include "loadgen/facts.h"
#include "loadgen/hdr.h"
#include "loadgen/report.h"

#include <errno.h>
#include <time.h>

#ifndef RINGHUB_VERSION
#define RINGHUB_VERSION "unversioned"
#endif

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

/* UTC, to the millisecond: runs made in turns may begin within a second. */
static json_t *moment(int64_t unix_ms)
{
    char day[32];
    char when[40];
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
    snprintf(when, sizeof when, "%s.%03dZ", day, (int)(unix_ms % 1000));
    return json_string(when);
}

static json_t *now_moment(void)
{
    char when[32];
    time_t seconds = time(NULL);
    struct tm utc;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    return json_string(when);
}

/* ---- one run ---- */

static json_t *percentiles_json(const struct record *r)
{
    json_t *object = json_object();
    set(object, "count", number(r->count));
    set(object, "mean_ns", json_real(record_mean(r)));
    set(object, "p50_ns", number(record_percentile(r, 0.5)));
    set(object, "p90_ns", number(record_percentile(r, 0.9)));
    set(object, "p99_ns", number(record_percentile(r, 0.99)));
    set(object, "p99_9_ns", number(record_percentile(r, 0.999)));
    set(object, "p99_99_ns", number(record_percentile(r, 0.9999)));
    set(object, "max_ns", number(r->max_ns));
    return object;
}

static json_t *record_json(const struct record *r)
{
    json_t *object = percentiles_json(r);
    char *text = hdr_encode(r);
    set(object, "hdr", json_string(text));
    memory_free(text);
    return object;
}

static json_t *server_json(const struct result *r)
{
    const struct server_use *u = &r->server;
    if (!u->known) {
        return json_null();
    }
    double each = r->delivered == 0 ? 0 : 1e9 / (double)r->delivered;
    json_t *object = json_object();
    set(object, "cpu_ns_per_delivery", json_real((u->user_s + u->system_s) * each));
    set(object, "user_ns_per_delivery", json_real(u->user_s * each));
    set(object, "system_ns_per_delivery", json_real(u->system_s * each));
    set(object, "cores", json_real(u->cores));
    set(object, "busiest_thread", json_real(u->busiest_thread));
    set(object, "waiting_for_cpu", json_real(u->busiest_queued));
    set(object, "busy", json_real(result_server_busy(r)));
    set(object, "cpus", number(u->cpus));
    set(object, "rss_bytes", number(u->rss_bytes));
    set(object, "rss_peak_bytes", number(u->rss_peak_bytes));
    set(object, "switches_voluntary", number(u->switches_voluntary));
    set(object, "switches_involuntary", number(u->switches_involuntary));
    return object;
}

static json_t *generator_json(const struct result *r)
{
    double each = r->delivered == 0 ? 0 : 1e9 / (double)r->delivered;
    json_t *object = json_object();
    set(object, "cpu_ns_per_delivery", json_real(r->generator_s * each));
    set(object, "busiest_thread", json_real(r->generator_busiest));
    set(object, "waiting_for_cpu", json_real(r->generator_queued));
    set(object, "late", record_json(&r->late));
    set(object, "blocked_ns", number(r->blocked_ns));
    return object;
}

static void counts_add(json_t *object, const struct result *r)
{
    set(object, "sent", number(r->sent));
    set(object, "expected", number(r->expected));
    set(object, "delivered", number(r->counts.delivered));
    set(object, "lost", number(r->counts.lost));
    set(object, "duplicated", number(r->counts.duplicated));
    set(object, "reordered", number(r->counts.reordered));
    set(object, "corrupted", number(r->counts.corrupted));
    set(object, "foreign", number(r->counts.foreign));
    set(object, "payloads_compared", number(r->verified));
    set(object, "subscribers_reached", number(r->reached));
}

/* Rates of each second: what a mean over the run hides. */
static json_t *seconds_json(const struct result *r)
{
    json_t *array = json_array();
    const struct series *series = &r->series;
    for (uint32_t i = 0; i < series->steps_count; i++) {
        const struct series_step *step = &series->steps[i];
        uint64_t from_ns = series->from_ns + i * series->step_ns;
        uint64_t to_ns = MIN_OF(from_ns + series->step_ns, series->to_ns);
        double length_s = (double)(to_ns - from_ns) / 1e9;
        json_t *object = json_object();
        set(object, "at_s", json_real((double)(from_ns - series->from_ns) / 1e9));
        set(object, "length_s", json_real(length_s));
        set(object, "delivered", number(step->delivered));
        set(object, "sent", number(step->sent));
        set(object, "latency", percentiles_json(&step->latency));
        if (r->server.known) {
            set(object, "server_cores", json_real((double)step->server_cpu_ns / 1e9 / length_s));
            set(object, "server_rss_bytes", number(step->server_rss_bytes));
        }
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *connecting_json(const struct result *r)
{
    json_t *object = json_object();
    set(object, "connections", number(r->connects.count));
    set(object, "seconds", json_real(r->connect_s));
    set(object, "connections_per_s",
        json_real(r->connect_s > 0 ? (double)r->connects.count / r->connect_s : 0));
    set(object, "each", percentiles_json(&r->connects));
    if (r->connect_server.known && r->connects.count != 0) {
        double each_ns = 1e9 / (double)r->connects.count;
        const struct server_use *use = &r->connect_server;
        set(object, "server_cpu_ns_per_connection",
            json_real((use->user_s + use->system_s) * each_ns));
        set(object, "server_user_ns_per_connection", json_real(use->user_s * each_ns));
    }
    return object;
}

static json_t *spread_json(const struct spread *spread)
{
    json_t *object = json_object();
    set(object, "count", number(spread->count));
    set(object, "least", json_real(spread->least));
    set(object, "median", json_real(spread->median));
    set(object, "most", json_real(spread->most));
    set(object, "jain", json_real(spread->fairness));
    return object;
}

static json_t *fairness_json(const struct result *r)
{
    json_t *object = json_object();
    set(object, "deliveries", spread_json(&r->delivered_each));
    set(object, "mean_latency_ns", spread_json(&r->latency_each_ns));
    return object;
}

static json_t *churn_json(const struct result *r)
{
    json_t *object = json_object();
    set(object, "done", number(r->churn_done));
    set(object, "done_per_s",
        json_real(r->measured_s > 0 ? (double)r->churn_done / r->measured_s : 0));
    set(object, "received", number(r->churn_heard));
    set(object, "confirmed", percentiles_json(&r->churn_confirmed));
    return object;
}

static json_t *run_json(const struct result *r)
{
    static const char *const verdicts[] = {"valid", "generator_bound", "unproven"};
    double seconds = r->measured_s > 0 ? r->measured_s : 1;
    json_t *object = json_object();
    set(object, "begin", moment((int64_t)(r->begin_s * 1000 + 0.5)));
    set(object, "measured_s", json_real(r->measured_s));
    set(object, "interrupted", json_boolean(r->interrupted));
    set(object, "complete", json_boolean(result_is_complete(r)));
    set(object, "verdict", json_string(verdicts[result_verdict_of(r)]));
    counts_add(object, r);
    set(object, "deliveries_per_s", json_real((double)r->delivered / seconds));
    set(object, "published_per_s", json_real((double)r->sent_measured / seconds));
    set(object, "received_bytes_per_s", json_real((double)r->bytes / seconds));
    set(object, "messages_per_read",
        json_real(r->reads == 0 ? 0 : (double)r->delivered / (double)r->reads));
    set(object, "latency", record_json(&r->latency));
    set(object, "completion", record_json(&r->completion));
    set(object, "generator", generator_json(r));
    set(object, "server", server_json(r));
    set(object, "connecting", connecting_json(r));
    set(object, "fairness", fairness_json(r));
    set(object, "churn", churn_json(r));
    set(object, "stalled_cut", number(r->stalled_cut));
    set(object, "seconds", seconds_json(r));
    return object;
}

/* ---- all of them ---- */

/* Who hears what. */
static void subjects_json(json_t *object, const struct scenario *s)
{
    set(object, "subjects", number(s->subjects));
    set(object, "subjects_each", number(s->subjects_each));
    set(object, "copies", number(s->copies));
    set(object, "wildcards", number(s->wildcards));
    if (s->patterns != SCENARIO_PATTERNS_STAR) {
        set(object, "patterns",
            json_string(s->patterns == SCENARIO_PATTERNS_REST ? "rest" : "both"));
    }
    if (s->subject_end[0] != 0) {
        set(object, "subject_end", json_string(s->subject_end));
    }
    if (s->random_order) {
        set(object, "order", json_string("random"));
    }
    if (s->apart) {
        set(object, "apart", json_true());
    }
}

static json_t *scenario_json(const struct scenario *s)
{
    static const char *const churns[] = {"same", "other", "wildcard"};
    json_t *object = json_object();
    set(object, "name", json_string(s->argc > 0 ? s->argv[0] : "fanout"));
    set(object, "protocol", json_string(s->protocol->scheme));
    set(object, "host", json_string(s->url.host));
    set(object, "port", json_string(s->url.port));
    set(object, "subject", json_string(s->subject));
    set(object, "subscribers", number(s->subscribers));
    set(object, "publishers", number(s->publishers));
    set(object, "size", number(s->size));
    json_t *sizes = json_array();
    for (uint32_t i = 0; s->sizes.count > 1 && i < s->sizes.count; i++) {
        json_array_append_new(sizes, json_pack("{s:i,s:i}", "bytes", (int)s->sizes.bytes[i],
                                               "weight", (int)s->sizes.weights[i]));
    }
    set(object, "size_mix", sizes);
    subjects_json(object, s);
    set(object, "queue_groups", number(s->groups));
    set(object, "stalled", number(s->stalled));
    set(object, "in_flight", s->kind == SCENARIO_REQUEST ? number(s->in_flight) : json_null());
    set(object, "churn", json_real(s->churn));
    set(object, "churners", number(s->churners));
    set(object, "churn_on", s->churn > 0 ? json_string(churns[s->churn_on]) : json_null());
    set(object, "hold_s", json_real(s->hold_s));
    set(object, "connecting", number(s->connecting));
    set(object, "direct", json_boolean(s->direct));
    set(object, "warmup_s", json_real(s->warmup_s));
    set(object, "duration_s", json_real(s->duration_s));
    set(object, "distinct_sids", json_boolean(s->distinct_sids));
    set(object, "json_payload", json_boolean(s->json_payload));
    set(object, "rate", json_real(s->rate));
    set(object, "poisson", json_boolean(s->poisson));
    set(object, "window_messages", s->rate != 0 ? json_null() : number(scenario_window(s)));
    set(object, "verify_all", json_boolean(s->verify_all));
    if (s->verify_count) { /* not in results of before: they stay comparable */
        set(object, "verify_count", json_true());
    }
    set(object, "latency_all", json_boolean(s->latency_all));
    set(object, "threads", number(s->threads));
    set(object, "receive_buffer", number(s->receive_buffer));
    set(object, "seed", number(s->seed));
    json_t *cpus = json_array();
    for (uint32_t i = 0; i < s->cpus_count; i++) {
        json_array_append_new(cpus, number(s->cpus[i]));
    }
    set(object, "pin_cpus", cpus);
    return object;
}

static json_t *tool_json(const struct scenario *s)
{
    json_t *object = json_object();
    const char **words = (const char **)memory_alloc((size_t)(s->argc + 1) * sizeof *words);
    words[0] = "hubload";
    for (int i = 0; i < s->argc; i++) {
        words[i + 1] = s->argv[i];
    }
    set(object, "name", json_string("hubload"));
    set(object, "version", json_string(RINGHUB_VERSION));
    set(object, "command", facts_command(words, (size_t)s->argc + 1));
    memory_free(words);
    return object;
}

static json_t *under_test_json(const struct report *report)
{
    const struct scenario *s = report->scenario;
    struct facts_server server = {s->server_pid, report->greeting, s->label, s->server_version,
                                  s->protocol->scheme};
    json_t *object = facts_server(&server);
    uint64_t connections = scenario_connections(s);
    uint64_t grown = report->rss_connected_bytes - report->rss_empty_bytes;
    bool known =
        report->rss_empty_bytes != 0 && report->rss_connected_bytes >= report->rss_empty_bytes;
    set(object, "rss_empty_bytes", known ? number(report->rss_empty_bytes) : json_null());
    set(object, "rss_connected_bytes", known ? number(report->rss_connected_bytes) : json_null());
    set(object, "rss_bytes_per_connection",
        known ? json_real((double)grown / (double)connections) : json_null());
    return object;
}

static json_t *report_all(const struct report *report)
{
    json_t *all = json_object();
    set(all, "format", json_string("hubload-result"));
    set(all, "version", json_integer(REPORT_JSON_VERSION));
    set(all, "when", now_moment());
    set(all, "tool", tool_json(report->scenario));
    set(all, "server", under_test_json(report));
    set(all, "machine", facts_machine());
    set(all, "scenario", scenario_json(report->scenario));
    set(all, "failure", text_or_null(report->failure));
    json_t *list = json_array();
    for (uint32_t i = 0; i < report->runs; i++) {
        json_array_append_new(list, run_json(report->results[i]));
    }
    set(all, "runs", list);
    return all;
}

bool report_json(const struct report *report)
{
    const char *path = report->scenario->json_path;
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    json_t *all = report_all(report);
    bool written = json_dumpf(all, file, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0 &&
                   fputc('\n', file) != EOF && fflush(file) == 0;
    json_decref(all);
    if (file != stdout) {
        written &= fclose(file) == 0;
    }
    return written;
}
