/* report_json.c - results for programs. Times are nanoseconds, sizes bytes, unless the key says. */
#include "loadgen/report.h"

#include <errno.h>
#include <jansson.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *record_json(const struct record *r)
{
    json_t *object = json_object();
    json_object_set_new(object, "count", number(r->count));
    json_object_set_new(object, "mean_ns", json_real(record_mean(r)));
    json_object_set_new(object, "p50_ns", number(record_percentile(r, 0.5)));
    json_object_set_new(object, "p90_ns", number(record_percentile(r, 0.9)));
    json_object_set_new(object, "p99_ns", number(record_percentile(r, 0.99)));
    json_object_set_new(object, "p99_9_ns", number(record_percentile(r, 0.999)));
    json_object_set_new(object, "p99_99_ns", number(record_percentile(r, 0.9999)));
    json_object_set_new(object, "max_ns", number(r->max_ns));
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
    json_object_set_new(object, "user_ns_per_delivery", json_real(u->user_s * each));
    json_object_set_new(object, "system_ns_per_delivery", json_real(u->system_s * each));
    json_object_set_new(object, "cores", json_real(u->cores));
    json_object_set_new(object, "busiest_thread", json_real(u->busiest_thread));
    json_object_set_new(object, "waiting_for_cpu", json_real(u->busiest_queued));
    json_object_set_new(object, "busy", json_real(result_server_busy(r)));
    json_object_set_new(object, "cpus", number(u->cpus));
    json_object_set_new(object, "rss_bytes", number(u->rss_bytes));
    json_object_set_new(object, "rss_peak_bytes", number(u->rss_peak_bytes));
    json_object_set_new(object, "switches_voluntary", number(u->switches_voluntary));
    json_object_set_new(object, "switches_involuntary", number(u->switches_involuntary));
    return object;
}

static json_t *generator_json(const struct result *r)
{
    double each = r->delivered == 0 ? 0 : 1e9 / (double)r->delivered;
    json_t *object = json_object();
    json_object_set_new(object, "cpu_ns_per_delivery", json_real(r->generator_s * each));
    json_object_set_new(object, "busiest_thread", json_real(r->generator_busiest));
    json_object_set_new(object, "waiting_for_cpu", json_real(r->generator_queued));
    json_object_set_new(object, "late", record_json(&r->late));
    json_object_set_new(object, "blocked_ns", number(r->blocked_ns));
    return object;
}

static void counts_add(json_t *object, const struct result *r)
{
    json_object_set_new(object, "sent", number(r->sent));
    json_object_set_new(object, "expected", number(r->expected));
    json_object_set_new(object, "delivered", number(r->counts.delivered));
    json_object_set_new(object, "lost", number(r->counts.lost));
    json_object_set_new(object, "duplicated", number(r->counts.duplicated));
    json_object_set_new(object, "reordered", number(r->counts.reordered));
    json_object_set_new(object, "corrupted", number(r->counts.corrupted));
    json_object_set_new(object, "foreign", number(r->counts.foreign));
    json_object_set_new(object, "payloads_compared", number(r->verified));
    json_object_set_new(object, "subscribers_reached", number(r->reached));
}

static json_t *run_json(const struct result *r)
{
    static const char *const verdicts[] = {"valid", "generator_bound", "unproven"};
    double seconds = r->measured_s > 0 ? r->measured_s : 1;
    json_t *object = json_object();
    json_object_set_new(object, "measured_s", json_real(r->measured_s));
    json_object_set_new(object, "interrupted", json_boolean(r->interrupted));
    json_object_set_new(object, "complete", json_boolean(result_is_complete(r)));
    json_object_set_new(object, "verdict", json_string(verdicts[result_verdict_of(r)]));
    counts_add(object, r);
    json_object_set_new(object, "deliveries_per_s", json_real((double)r->delivered / seconds));
    json_object_set_new(object, "published_per_s", json_real((double)r->sent_measured / seconds));
    json_object_set_new(object, "received_bytes_per_s", json_real((double)r->bytes / seconds));
    json_object_set_new(object, "messages_per_read",
                        json_real(r->reads == 0 ? 0 : (double)r->delivered / (double)r->reads));
    json_object_set_new(object, "latency", record_json(&r->latency));
    json_object_set_new(object, "completion", record_json(&r->completion));
    json_object_set_new(object, "generator", generator_json(r));
    json_object_set_new(object, "server", server_json(r));
    return object;
}

static json_t *scenario_json(const struct scenario *s)
{
    json_t *object = json_object();
    json_object_set_new(object, "protocol", json_string(s->protocol->scheme));
    json_object_set_new(object, "host", json_string(s->host));
    json_object_set_new(object, "port", json_string(s->port));
    json_object_set_new(object, "subject", json_string(s->subject));
    json_object_set_new(object, "subscribers", number(s->subscribers));
    json_object_set_new(object, "publishers", number(s->publishers));
    json_object_set_new(object, "size", number(s->size));
    json_object_set_new(object, "warmup_s", json_real(s->warmup_s));
    json_object_set_new(object, "duration_s", json_real(s->duration_s));
    json_object_set_new(object, "distinct_sids", json_boolean(s->distinct_sids));
    json_object_set_new(object, "rate", json_real(s->rate));
    json_object_set_new(object, "poisson", json_boolean(s->poisson));
    json_object_set_new(object, "window_messages",
                        s->rate != 0 ? json_null() : number(scenario_window(s)));
    json_object_set_new(object, "threads", number(s->threads));
    json_object_set_new(object, "receive_buffer", number(s->receive_buffer));
    json_object_set_new(object, "seed", number(s->seed));
    json_t *cpus = json_array();
    for (uint32_t i = 0; i < s->cpus_count; i++) {
        json_array_append_new(cpus, number(s->cpus[i]));
    }
    json_object_set_new(object, "pin_cpus", cpus);
    return object;
}

static json_t *machine_json(void)
{
    struct utsname name;
    json_t *object = json_object();
    if (uname(&name) == 0) {
        json_object_set_new(object, "kernel", json_string(name.release));
        json_object_set_new(object, "architecture", json_string(name.machine));
    }
    json_object_set_new(object, "cpus", number((uint64_t)sysconf(_SC_NPROCESSORS_ONLN)));
    json_object_set_new(
        object, "memory_bytes",
        number((uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE)));
    return object;
}

/* The command line, without passwords. */
static json_t *command_json(const struct scenario *s)
{
    json_t *array = json_array();
    json_array_append_new(array, json_string("hubload"));
    for (int i = 0; i < s->argc; i++) {
        bool secret = s->password[0] != 0 && strstr(s->argv[i], "://") != NULL;
        json_array_append_new(array, json_string(secret ? "(url)" : s->argv[i]));
    }
    return array;
}

bool report_json(const struct scenario *s, struct result *const *results, uint32_t runs,
                 const char *failure)
{
    char when[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    json_t *all = json_object();
    json_object_set_new(all, "format", json_string("hubload-fanout-1"));
    json_object_set_new(all, "when", json_string(when));
    json_object_set_new(all, "command", command_json(s));
    json_object_set_new(all, "machine", machine_json());
    json_object_set_new(all, "scenario", scenario_json(s));
    json_object_set_new(all, "failure", failure == NULL ? json_null() : json_string(failure));
    json_t *list = json_array();
    for (uint32_t i = 0; i < runs; i++) {
        json_array_append_new(list, run_json(results[i]));
    }
    json_object_set_new(all, "runs", list);
    FILE *file = strcmp(s->json_path, "-") == 0 ? stdout : fopen(s->json_path, "we");
    bool written = file != NULL &&
                   json_dumpf(all, file, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0 &&
                   fputc('\n', file) != EOF && fflush(file) == 0;
    if (file != NULL && file != stdout) {
        written &= fclose(file) == 0;
    }
    json_decref(all);
    return written;
}
