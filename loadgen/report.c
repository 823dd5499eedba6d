/* report.c - the text form. The JSON form is in report_json.c. */
#include "loadgen/report.h"

#include <stdlib.h>
#include <unistd.h>

enum { TEXT_BYTES = 48 };

struct text {
    char at[TEXT_BYTES];
};

/* 1234567 -> 1,234,567 */
static struct text grouped(uint64_t number)
{
    struct text text;
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    int to = 0;
    for (int i = 0; i < length; i++) {
        if (i != 0 && (length - i) % 3 == 0) {
            text.at[to++] = ',';
        }
        text.at[to++] = digits[i];
    }
    text.at[to] = 0;
    return text;
}

static struct text duration(uint64_t ns)
{
    static const struct {
        double scale;
        const char *unit;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    size_t i = 0;
    while (i < COUNT_OF(units) - 1 && (double)ns < units[i].scale) {
        i++;
    }
    struct text text;
    double value = (double)ns / units[i].scale;
    snprintf(text.at, sizeof text.at, "%.*f %s",
             value < 10    ? 2
             : value < 100 ? 1
                           : 0,
             value, units[i].unit);
    return text;
}

enum colour { PLAIN, RED, GREEN, YELLOW };

static const char *colour(FILE *out, enum colour which)
{
    static const char *const codes[] = {"\033[0m", "\033[1;31m", "\033[32m", "\033[33m"};
    return isatty(fileno(out)) && getenv("NO_COLOR") == NULL ? codes[which] : "";
}

static void percentiles(FILE *out, const char *name, const struct record *record)
{
    static const struct {
        const char *name;
        double fraction;
    } points[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}};
    fprintf(out, "  %-14s", name);
    if (record->count == 0) {
        fprintf(out, "nothing measured\n");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(points); i++) {
        fprintf(out, "%s %s  ", points[i].name,
                duration(record_percentile(record, points[i].fraction)).at);
    }
    fprintf(out, "max %s\n", duration(record->max_ns).at);
}

static void delivery(FILE *out, const struct scenario *s, const struct result *r)
{
    const struct witness_counts *c = &r->counts;
    bool complete = result_is_complete(r);
    fprintf(out, "  %-14s%s%s of %s%s", "delivered", colour(out, complete ? GREEN : RED),
            grouped(c->delivered).at, grouped(r->expected).at, complete ? ", each once" : "");
    if (!complete) {
        fprintf(out,
                ": NOT COMPLETE: lost %s, duplicated %s, reordered %s, corrupted %s, foreign %s",
                grouped(c->lost).at, grouped(c->duplicated).at, grouped(c->reordered).at,
                grouped(c->corrupted).at, grouped(c->foreign).at);
    }
    fprintf(out, "%s; %s of %s %s received, %s payloads compared\n", colour(out, PLAIN),
            grouped(r->reached).at, grouped(r->hearing).at,
            s->kind == SCENARIO_REQUEST ? "requesters" : "subscribers", grouped(r->verified).at);
}

static void server(FILE *out, const struct result *r)
{
    const struct server_use *u = &r->server;
    if (!u->known) {
        fprintf(out, "  %-14snot watched (--server-pid)\n", "server");
        return;
    }
    double each = r->delivered == 0 ? 0 : 1e9 / (double)r->delivered;
    fprintf(out,
            "  %-14s%.1f ns CPU per delivery (user %.1f, system %.1f), %.2f cores, busiest thread "
            "%.0f %% (waiting for a CPU %.0f %%)\n",
            "server", (u->user_s + u->system_s) * each, u->user_s * each, u->system_s * each,
            u->cores, u->busiest_thread * 100, u->busiest_queued * 100);
    fprintf(out, "  %-14sRSS %.1f MB (peak %.1f), context switches %s voluntary, %s forced\n", "",
            (double)u->rss_bytes / 1e6, (double)u->rss_peak_bytes / 1e6,
            grouped(u->switches_voluntary).at, grouped(u->switches_involuntary).at);
}

static void generator(FILE *out, const struct scenario *s, const struct result *r)
{
    double each = r->delivered == 0 ? 0 : 1e9 / (double)r->delivered;
    fprintf(
        out,
        "  %-14s%.1f ns CPU per delivery, busiest thread %.0f %% (waiting for a CPU %.0f %%), %.1f "
        "messages a read\n",
        "generator", r->generator_s * each, r->generator_busiest * 100, r->generator_queued * 100,
        r->reads == 0 ? 0 : (double)r->delivered / (double)r->reads);
    if (s->rate != 0) {
        fprintf(out, "  %-14slate p50 %s, p99 %s, max %s; socket full for %s\n", "sends",
                duration(record_percentile(&r->late, 0.5)).at,
                duration(record_percentile(&r->late, 0.99)).at, duration(r->late.max_ns).at,
                duration(r->blocked_ns).at);
    }
}

static void verdict(FILE *out, const struct scenario *s, const struct result *r)
{
    const char *red = colour(out, RED);
    const char *yellow = colour(out, YELLOW);
    switch (result_verdict_of(r)) {
    case RESULT_GENERATOR_BOUND:
        fprintf(out, "  %-14s%sINVALID: the generator was the bottleneck, the server %.0f %% busy",
                "verdict", red, result_server_busy(r) * 100);
        break;
    case RESULT_UNPROVEN:
        fprintf(out,
                "  %-14s%sunproven: the generator was busy; --server-pid tells if the server "
                "was",
                "verdict", yellow);
        break;
    case RESULT_VALID:
        fprintf(
            out, "  %-14svalid%s", "verdict",
            s->rate == 0 && r->server.known && result_server_busy(r) < RESULT_BUSY
                ? "; neither side was busy all the time: the window or the machine was the limit"
                : "");
        break;
    }
    fprintf(out, "%s%s\n", colour(out, PLAIN), r->interrupted ? ", cut short" : "");
    if (r->generator_queued > RESULT_QUEUED) {
        fprintf(out,
                "  %-14s%shubload waited for a CPU %.0f %% of the time: the machine is shared, or "
                "too small for both sides%s\n",
                "", yellow, r->generator_queued * 100, colour(out, PLAIN));
    }
    double asked = s->rate * r->measured_s;
    if (s->rate != 0 && !s->poisson && (double)r->sent_measured < 0.99 * asked) {
        fprintf(out,
                "  %-14s%sonly %s of %s messages due were sent: latency is worse than shown%s\n",
                "", yellow, grouped(r->sent_measured).at, grouped((uint64_t)asked).at,
                colour(out, PLAIN));
    }
}

/* How alike what they got is, for those who hear. */
static void fairness(FILE *out, const struct scenario *s, const struct result *r)
{
    const struct spread *d = &r->delivered_each;
    const struct spread *l = &r->latency_each_ns;
    if (d->count < 2) {
        return;
    }
    fprintf(out, "  %-14sdeliveries %s to %s (median %s, Jain %.4f); mean latency %s to %s\n",
            s->groups != 0 ? "shares" : "fairness", grouped((uint64_t)d->least).at,
            grouped((uint64_t)d->most).at, grouped((uint64_t)d->median).at, d->fairness,
            duration((uint64_t)l->least).at, duration((uint64_t)l->most).at);
}

static void beside(FILE *out, const struct scenario *s, const struct result *r)
{
    if (s->stalled != 0) {
        fprintf(out, "  %-14s%s subscribers do not read; the server ended %s of them\n", "stalled",
                grouped(s->stalled).at, grouped(r->stalled_cut).at);
    }
    if (s->churners != 0) {
        fprintf(out, "  %-14s%.0f subscriptions a second came and went of %g asked, %s received\n",
                "churn", r->measured_s > 0 ? (double)r->churn_done / r->measured_s : 0, s->churn,
                grouped(r->churn_heard).at);
        percentiles(out, "", &r->churn_confirmed);
    }
}

static void connecting(FILE *out, const struct result *r)
{
    fprintf(
        out, "  %-14s%s connections in %s: %s a second until subscribed\n", "connected",
        grouped(r->connects.count).at, duration((uint64_t)(r->connect_s * 1e9)).at,
        grouped((uint64_t)(r->connect_s > 0 ? (double)r->connects.count / r->connect_s : 0)).at);
    percentiles(out, "", &r->connects);
    if (r->connect_server.known && r->connects.count != 0) {
        double each_us = 1e6 / (double)r->connects.count;
        fprintf(out, "  %-14s%.1f us server CPU per connection (user %.1f, system %.1f)\n", "",
                (r->connect_server.user_s + r->connect_server.system_s) * each_us,
                r->connect_server.user_s * each_us, r->connect_server.system_s * each_us);
    }
}

static void shape(FILE *out, const struct scenario *s)
{
    char server[SCENARIO_TEXT_MAX + 32];
    url_print(&s->url, server, sizeof server);
    if (s->kind == SCENARIO_REQUEST) {
        fprintf(out, "%s: %s requester%s, %s responder%s, ", server, grouped(s->publishers).at,
                s->publishers == 1 ? "" : "s", grouped(s->subscribers).at,
                s->subscribers == 1 ? "" : "s");
    } else {
        fprintf(out, "%s: %s publisher%s, %s subscribers, ", server, grouped(s->publishers).at,
                s->publishers == 1 ? "" : "s", grouped(s->subscribers).at);
    }
    if (s->subjects > 1) {
        fprintf(out, "%s subjects (%s each), ", grouped(s->subjects).at,
                grouped(s->subjects_each).at);
    }
    if (s->copies > 1) {
        fprintf(out, "every subscription %s times, ", grouped(s->copies).at);
    }
    if (s->wildcards != 0) {
        fprintf(out, "%s with a wildcard, ", grouped(s->wildcards).at);
    }
    if (s->groups != 0) {
        fprintf(out, "%s queue group%s, ", grouped(s->groups).at, s->groups == 1 ? "" : "s");
    }
    fprintf(out, "%s%u bytes, ", s->sizes.count > 1 ? "mean " : "", s->size);
}

void report_probe(FILE *out, const struct scenario *s, const struct capacity_probe *probe)
{
    const char *c = colour(out, probe->good ? GREEN : YELLOW);
    fprintf(out, "  %12.0f/s   p%g %-10s %s%s%s%s\n", probe->rate, s->capacity * 100,
            duration(probe->latency_ns).at, c, probe->good ? "good" : "bad: ", probe->why,
            colour(out, PLAIN));
    fflush(out);
}

void report_capacity(FILE *out, const struct scenario *s, const struct capacity *capacity)
{
    if (capacity->best == 0) {
        fprintf(out, "capacity: no rate kept p%g within %s\n", s->capacity * 100,
                duration(s->capacity_ns).at);
        return;
    }
    fprintf(out, "capacity: %.0f messages a second keep p%g within %s and lose nothing",
            capacity->best, s->capacity * 100, duration(s->capacity_ns).at);
    if (capacity->worst != 0) {
        fprintf(out, "; %.0f do not", capacity->worst);
    }
    fprintf(out, " (%u probes)\n", capacity->probes_count);
}

void report_run(FILE *out, const struct scenario *s, const struct result *r, uint32_t run)
{
    double seconds = r->measured_s > 0 ? r->measured_s : 1;
    shape(out, s);
    if (s->rate != 0) {
        fprintf(out, "open loop %g/s%s", s->rate, s->poisson ? " (Poisson)" : "");
    } else if (s->kind == SCENARIO_REQUEST) {
        fprintf(out, "closed loop, %u in flight each", s->in_flight);
    } else {
        fprintf(out, "closed loop, window %s messages", grouped(scenario_window(s)).at);
    }
    fprintf(out, "; run %u of %u, %.1f s\n", run + 1, s->runs, r->measured_s);
    fprintf(out, "  %-14s%s deliveries/s, %s published/s, %.2f Gbit/s received\n", "speed",
            grouped((uint64_t)((double)r->delivered / seconds)).at,
            grouped((uint64_t)((double)r->sent_measured / seconds)).at,
            (double)r->bytes * 8 / seconds / 1e9);
    delivery(out, s, r);
    percentiles(out, "latency", &r->latency);
    if (s->kind == SCENARIO_FANOUT) {
        percentiles(out, "completion", &r->completion);
    }
    fairness(out, s, r);
    beside(out, s, r);
    if (s->storm || s->idle) {
        connecting(out, r);
    }
    generator(out, s, r);
    server(out, r);
    verdict(out, s, r);
    fflush(out);
}

static int compare_speed(const void *a, const void *b)
{
    const struct result *const *left = a;
    const struct result *const *right = b;
    double l = (double)(*left)->delivered / MAX_OF((*left)->measured_s, 1e-9);
    double r = (double)(*right)->delivered / MAX_OF((*right)->measured_s, 1e-9);
    return (l > r) - (l < r);
}

void report_runs(FILE *out, const struct scenario *s, struct result *const *results, uint32_t runs)
{
    if (runs < 2) {
        return;
    }
    const struct result **sorted = memory_alloc(runs * sizeof *sorted);
    for (uint32_t i = 0; i < runs; i++) {
        sorted[i] = results[i];
    }
    qsort(sorted, runs, sizeof *sorted, compare_speed);
    const struct result *shown[] = {sorted[0], sorted[runs / 2], sorted[runs - 1]};
    static const char *const names[] = {"slowest", "median", "fastest"};
    char server[SCENARIO_TEXT_MAX + 32];
    url_print(&s->url, server, sizeof server);
    fprintf(out, "%u runs of %s\n", runs, server);
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        const struct result *r = shown[i];
        double cpu_s = r->server.user_s + r->server.system_s;
        fprintf(out, "  %-14s%s deliveries/s, server %.1f ns a delivery, latency p99 %s\n",
                names[i],
                grouped((uint64_t)((double)r->delivered / MAX_OF(r->measured_s, 1e-9))).at,
                r->delivered == 0 ? 0 : cpu_s * 1e9 / (double)r->delivered,
                duration(record_percentile(&r->latency, 0.99)).at);
    }
    memory_free(sorted);
}
