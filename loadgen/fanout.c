/*
 * fanout.c - the main thread of a measurement: orders, the clock, the live line, the judgement.
 *
 *   connect ─▶ for each run: prepare, run (warm-up, measured), drain, collect, report ─▶ stop
 */
#include "loadgen/fanout.h"

#include "loadgen/capacity.h"
#include "loadgen/driver.h"
#include "loadgen/facts.h"
#include "loadgen/report.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    LOOK_NS = 2000000,         /* between two looks at the drivers */
    CONNECT_PATIENCE_S = 15,   /* without any connection getting ready */
    DUPLICATES_NS = 50000000,  /* after the last expected delivery: one too many may follow */
    START_DELAY_NS = 20000000, /* from the order until the first message is due */
    DESCRIPTORS_SPARE = 32,    /* stdio, rings, /proc */
};

struct fanout {
    struct scenario scenario;
    struct course course;
    struct driver *drivers;
    uint32_t drivers_count;
    struct result **results; /* one per run */
    uint32_t results_count;
    struct result *now;               /* of the run that goes on, or NULL */
    uint64_t server_from_ns;          /* the server's CPU time when measuring began */
    struct server_use connect_server; /* while all connected */
    uint64_t rss_empty_bytes;         /* the server's before we connected */
    uint64_t rss_connected_bytes;
    bool interrupted;
    bool live; /* stderr is a terminal */
    FILE *out;
    sigset_t signals;
};

/* Sleeps a moment. An interrupt sets fanout.interrupted. */
static void look_pause(struct fanout *f, uint64_t ns)
{
    struct timespec pause = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    if (sigtimedwait(&f->signals, NULL, &pause) > 0) {
        if (f->interrupted) {
            fprintf(stderr, "hubload: stopped\n");
            _exit(130); /* asked twice */
        }
        f->interrupted = true;
    }
}

static bool is_failed(struct fanout *f)
{
    return atomic_load(&f->course.failed);
}

/* Waits until all drivers have obeyed. They always do, unless a thread could not start. */
static void order(struct fanout *f, enum course_command command)
{
    course_order(&f->course, command);
    while (!course_is_obeyed(&f->course)) {
        look_pause(f, LOOK_NS / 10);
    }
}

struct totals {
    uint64_t delivered;
    uint64_t sent;
    uint64_t expected;
    uint64_t lost;
    uint32_t ready;
    uint32_t p99_us; /* of the driver where it is worst */
};

static struct totals totals(struct fanout *f)
{
    struct totals sum;
    memset(&sum, 0, sizeof sum);
    for (uint32_t i = 0; i < f->drivers_count; i++) {
        struct course_cell *cell = &f->course.cells[i];
        sum.delivered += atomic_load_explicit(&cell->delivered, memory_order_relaxed);
        sum.sent += atomic_load_explicit(&cell->sent, memory_order_relaxed);
        sum.expected += atomic_load_explicit(&cell->expected, memory_order_relaxed);
        sum.lost += atomic_load_explicit(&cell->lost, memory_order_relaxed);
        sum.ready += atomic_load_explicit(&cell->ready, memory_order_acquire);
        uint32_t p99_us = atomic_load_explicit(&cell->p99_us, memory_order_relaxed);
        sum.p99_us = MAX_OF(sum.p99_us, p99_us);
    }
    return sum;
}

/* ---- before the first run ---- */

/* Open files that one process, and one ring's table, may have. */
static uint64_t descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return UINT32_MAX;
    }
    limit.rlim_cur = limit.rlim_max;
    MAYBE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    return limit.rlim_max;
}

/* Where the limit is too low for plain descriptors, subscribers' sockets move into the rings'
 * tables, for which it counts one by one. */
static bool threads_choose(struct scenario *s, char *error, size_t error_bytes)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t limit = descriptors_raise();
    uint32_t healthy = s->subscribers - s->stalled;
    uint64_t needed = (uint64_t)scenario_connections(s) + SCENARIO_THREADS_MAX + DESCRIPTORS_SPARE;
    uint64_t plain = needed - (s->kind == SCENARIO_FANOUT ? healthy : 0);
    bool asked = s->threads != 0;
    s->threads = asked ? s->threads : (uint32_t)MAX_OF(cpus / 4, 1L);
    s->direct =
        s->direct || (needed > limit && plain <= limit && s->kind == SCENARIO_FANOUT && !s->apart);
    uint64_t tables = s->direct ? (healthy + limit - 1) / limit : 1;
    s->threads = asked ? s->threads : (uint32_t)MAX_OF((uint64_t)s->threads, tables);
    if (s->kind == SCENARIO_FANOUT) {
        s->threads = MIN_OF(s->threads, s->subscribers);
    }
    s->threads = MIN_OF(s->threads, (uint32_t)SCENARIO_THREADS_MAX);
    if ((s->direct ? plain : needed) > limit || s->threads < tables) {
        snprintf(error, error_bytes,
                 "%llu open files are needed, the hard limit is %llu: raise it (ulimit -Hn, "
                 "LimitNOFILE=) or ask for fewer connections",
                 (unsigned long long)needed, (unsigned long long)limit);
        return false;
    }
    return true;
}

static bool drivers_start(struct fanout *f)
{
    f->drivers_count = f->scenario.threads;
    f->drivers = memory_alloc(f->drivers_count * sizeof *f->drivers);
    course_init(&f->course, &f->scenario, f->drivers_count);
    for (uint32_t i = 0; i < f->drivers_count; i++) {
        int result = driver_start(&f->drivers[i], &f->course, i);
        if (result != 0) {
            fprintf(stderr, "hubload: thread: %s\n", strerror(-result));
            return false;
        }
    }
    return true;
}

/* All are connected, and nothing happens. */
static void hold(struct fanout *f)
{
    uint64_t until_ns = course_now_ns() + (uint64_t)(f->scenario.hold_s * 1e9);
    while (course_now_ns() < until_ns && !f->interrupted && !is_failed(f)) {
        look_pause(f, LOOK_NS * 10);
    }
}

static void look_at_server(struct fanout *f, struct server_stat *stat)
{
    if (f->scenario.server_pid != 0) {
        int result = server_stat_read(f->scenario.server_pid, stat);
        if (result != 0) {
            course_fail(&f->course, "--server-pid %d: %s", f->scenario.server_pid,
                        strerror(-result));
        }
    }
}

/* Every subscription is confirmed when this returns true. */
static bool connect_all(struct fanout *f)
{
    const struct scenario *s = &f->scenario;
    struct server_stat *looks = memory_alloc(2 * sizeof *looks);
    memset(looks, 0, 2 * sizeof *looks);
    look_at_server(f, &looks[0]);
    uint32_t wanted = scenario_connections(s);
    uint32_t ready = 0;
    uint64_t moved_ns = course_now_ns();
    course_order(&f->course, COURSE_CONNECT);
    while (!course_is_obeyed(&f->course) && !is_failed(f) && !f->interrupted) {
        look_pause(f, LOOK_NS);
        uint64_t now_ns = course_now_ns();
        uint32_t now_ready = totals(f).ready;
        moved_ns = now_ready != ready ? now_ns : moved_ns;
        ready = now_ready;
        if (now_ns - moved_ns > CONNECT_PATIENCE_S * 1000000000ull) {
            course_fail(&f->course, "%u of %u connections were confirmed; nothing more for %d s",
                        ready, wanted, CONNECT_PATIENCE_S);
        }
        if (f->live) {
            fprintf(stderr, "\rconnected %u of %u ", ready, wanted);
        }
    }
    if (f->live) {
        fprintf(stderr, "\r\033[K");
    }
    if (f->interrupted) {
        course_fail(&f->course, "interrupted while connecting: %u of %u were confirmed", ready,
                    wanted);
    }
    look_at_server(f, &looks[1]);
    f->connect_server = looks[1].at_ns > looks[0].at_ns && looks[0].at_ns != 0
                            ? server_stat_between(&looks[0], &looks[1])
                            : (struct server_use){0};
    memory_free(looks);
    if (!is_failed(f) && s->hold_s > 0) {
        hold(f);
    }
    return !is_failed(f);
}

/* ---- one run ---- */

/* The line that a person watches; once a second, on terminals only. */
struct live {
    uint64_t next_ns;
    uint64_t last_ns;
    uint64_t ours_ns; /* CPU */
    uint64_t server_ns;
    struct totals last;
};

/* CPU that a process used so far; 0 when nobody knows. */
static uint64_t cpu_ns_of(int pid)
{
    struct server_stat stat;
    return pid != 0 && server_stat_read(pid, &stat) == 0 ? stat.cpu_ns : 0;
}

static void live_line(struct fanout *f, struct live *live, uint64_t now_ns)
{
    if (!f->live || now_ns < live->next_ns) {
        return;
    }
    struct totals now = totals(f);
    uint64_t ours_ns = cpu_ns_of(getpid());
    uint64_t server_ns = cpu_ns_of(f->scenario.server_pid);
    double seconds = (double)(now_ns - live->last_ns) / 1e9;
    if (live->last_ns != 0) {
        fprintf(
            stderr,
            "\r\033[K%5.1f s  %.0f deliveries/s  %.0f published/s  %.0f under way  p99 %.3g ms  "
            "lost %llu  CPU hubload %.0f %%",
            (double)((int64_t)now_ns - (int64_t)f->course.start_ns) / 1e9,
            (double)(now.delivered - live->last.delivered) / seconds,
            (double)(now.sent - live->last.sent) / seconds,
            (double)now.expected - (double)now.delivered, (double)now.p99_us / 1e3,
            (unsigned long long)now.lost, (double)(ours_ns - live->ours_ns) / 1e7 / seconds);
        if (f->scenario.server_pid != 0) {
            fprintf(stderr, ", server %.0f %%",
                    (double)(server_ns - live->server_ns) / 1e7 / seconds);
        }
    }
    live->last = now;
    live->last_ns = now_ns;
    live->ours_ns = ours_ns;
    live->server_ns = server_ns;
    live->next_ns = now_ns + 1000000000u;
}

/* As each step of the series ends, looks at the server. */
static void server_follow(struct fanout *f, uint64_t now_ns)
{
    struct server_stat stat;
    if (f->now == NULL || now_ns < series_next_ns(&f->now->series)) {
        return;
    }
    bool known = f->scenario.server_pid != 0 && f->server_from_ns != 0 &&
                 server_stat_read(f->scenario.server_pid, &stat) == 0;
    for (struct series_step *step; (step = series_due(&f->now->series, now_ns)) != NULL;) {
        step->server_cpu_ns = known ? stat.cpu_ns - f->server_from_ns : 0;
        step->server_rss_bytes = known ? stat.rss_bytes : 0;
    }
}

/* Waits until the clock shows until_ns, an interrupt comes, or something fails. */
static void wait_until(struct fanout *f, struct live *live, uint64_t until_ns)
{
    for (uint64_t now_ns; (now_ns = course_now_ns()) < until_ns;) {
        if (f->interrupted || is_failed(f)) {
            return;
        }
        live_line(f, live, now_ns);
        server_follow(f, now_ns);
        look_pause(f, MIN_OF(until_ns - now_ns, (uint64_t)LOOK_NS * 10));
    }
}

/* Waits for what is still under way: until all is there, or nothing came for drain_s. */
static void drain(struct fanout *f, struct live *live)
{
    uint64_t patience_ns = (uint64_t)(f->scenario.drain_s * 1e9);
    uint64_t moved_ns = course_now_ns();
    uint64_t delivered = 0;
    for (;;) {
        struct totals now = totals(f);
        uint64_t now_ns = course_now_ns();
        if (now.delivered >= now.expected) {
            break;
        }
        if (now.delivered != delivered) {
            delivered = now.delivered;
            moved_ns = now_ns;
        }
        if (now_ns - moved_ns > patience_ns) {
            break;
        }
        live_line(f, live, now_ns);
        look_pause(f, LOOK_NS);
    }
    look_pause(f, DUPLICATES_NS);
    if (f->live) {
        fprintf(stderr, "\r\033[K");
    }
}

static void counts_merge(struct witness_counts *into, const struct witness_counts *from)
{
    into->delivered += from->delivered;
    into->lost += from->lost;
    into->duplicated += from->duplicated;
    into->reordered += from->reordered;
    into->corrupted += from->corrupted;
    into->foreign += from->foreign;
}

static void result_add(struct result *r, struct driver *d)
{
    double cpu_s =
        d->cpu_to_ns > d->cpu_from_ns ? (double)(d->cpu_to_ns - d->cpu_from_ns) / 1e9 : 0;
    r->sent += d->figures.sent;
    r->sent_measured += d->figures.sent_measured;
    r->blocked_ns += d->figures.blocked_ns;
    record_merge(&r->late, &d->figures.late);
    r->expected += d->figures.expected;
    struct witness_counts counts = receiver_counts(&d->receiver);
    counts_merge(&r->counts, &counts);
    r->verified += d->receiver.verified;
    r->reached += receiver_reached(&d->receiver);
    r->hearing += d->receiver.rows_count;
    r->stalled_cut += d->stalled_cut;
    r->churn_done += d->churn.done;
    r->churn_heard += d->churn.heard;
    record_merge(&r->churn_confirmed, &d->churn.confirmed);
    record_merge(&r->connects, &d->connects);
    r->delivered += d->receiver.delivered;
    r->reads += d->receiver.reads;
    r->bytes += d->receiver.bytes;
    record_merge(&r->latency, &d->receiver.latency);
    record_merge(&r->completion, &d->receiver.completion);
    struct series_step *totals = memory_alloc(sizeof *totals);
    driver_totals(d, totals);
    series_close(&d->series, r->series.to_ns, totals);
    series_merge(&r->series, &d->series);
    memory_free(totals);
    r->generator_s += cpu_s;
    if (r->measured_s > 0) {
        double queued_s = d->queued_to_ns > d->queued_from_ns
                              ? (double)(d->queued_to_ns - d->queued_from_ns) / 1e9
                              : 0;
        r->generator_busiest = MAX_OF(r->generator_busiest, cpu_s / r->measured_s);
        r->generator_queued = MAX_OF(r->generator_queued, queued_s / r->measured_s);
    }
}

/* How long connecting took, all drivers together. */
static void connects_take(struct fanout *f, struct result *r)
{
    uint64_t begin_ns = UINT64_MAX;
    uint64_t end_ns = 0;
    for (uint32_t i = 0; i < f->drivers_count; i++) {
        if (f->drivers[i].connect_begin_ns != 0) {
            begin_ns = MIN_OF(begin_ns, f->drivers[i].connect_begin_ns);
            end_ns = MAX_OF(end_ns, f->drivers[i].connect_end_ns);
        }
    }
    r->connect_s = end_ns > begin_ns ? (double)(end_ns - begin_ns) / 1e9 : 0;
    r->connect_server = f->connect_server;
}

static void fairness_take(struct fanout *f, struct result *r)
{
    double *delivered = memory_alloc(MAX_OF(r->hearing, 1u) * sizeof *delivered);
    double *latency_ns = memory_alloc(MAX_OF(r->hearing, 1u) * sizeof *latency_ns);
    uint32_t count = 0;
    uint32_t timed = 0;
    for (uint32_t i = 0; i < f->drivers_count; i++) {
        const struct receiver *receiver = &f->drivers[i].receiver;
        for (uint32_t j = 0; j < receiver->rows_count; j++) {
            const struct receiver_row *row = &receiver->rows[j];
            delivered[count++] = (double)row->delivered * row->weight;
            if (row->timed != 0) {
                latency_ns[timed++] = (double)row->latency_ns / (double)row->timed;
            }
        }
    }
    r->delivered_each = spread_of(delivered, count);
    r->latency_each_ns = spread_of(latency_ns, timed);
    memory_free(delivered);
    memory_free(latency_ns);
}

/* The drivers rest. Closes the books of the run: what did not come is lost. */
static void collect(struct fanout *f, struct result *r)
{
    uint32_t *sent = memory_alloc(f->course.topology.streams * sizeof *sent);
    for (uint32_t i = 0; i < f->drivers_count; i++) {
        for (uint32_t p = 0; p < f->drivers[i].publishers_count; p++) {
            publisher_sent(&f->drivers[i].publishers[p], sent);
        }
    }
    uint64_t from_ns = course_measure(&f->course);
    uint64_t to_ns = course_end(&f->course);
    r->measured_s = to_ns > from_ns ? (double)(to_ns - from_ns) / 1e9 : 0;
    for (uint32_t i = 0; i < f->drivers_count; i++) {
        struct driver *d = &f->drivers[i];
        receiver_close(&d->receiver, d->clients, d->clients_count, sent);
        result_add(r, d);
    }
    r->unordered = f->scenario.kind == SCENARIO_REQUEST && f->scenario.subscribers > 1;
    connects_take(f, r);
    fairness_take(f, r);
    memory_free(sent);
}

/* How much memory the server uses; 0 when nobody knows. */
static uint64_t server_rss(struct fanout *f)
{
    struct server_stat stat;
    memset(&stat, 0, sizeof stat);
    look_at_server(f, &stat);
    return stat.rss_bytes;
}

/* Closes the server's part of the series; drivers' parts are then merged into it. */
static void server_close(struct fanout *f, struct result *r, const struct server_stat *last)
{
    struct series_step *totals = memory_alloc(sizeof *totals);
    bool known = f->server_from_ns != 0 && last->at_ns != 0;
    totals->server_cpu_ns = known ? last->cpu_ns - f->server_from_ns : 0;
    totals->server_rss_bytes = known ? last->rss_bytes : 0;
    series_close(&r->series, course_end(&f->course), totals);
    memory_free(totals);
}

static double unix_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_once(struct fanout *f, struct result *r)
{
    struct course *course = &f->course;
    struct server_stat *looks = memory_alloc(2 * sizeof *looks);
    struct live live;
    memset(&live, 0, sizeof live);
    order(f, COURSE_PREPARE);
    course->start_ns = course_now_ns() + START_DELAY_NS;
    uint64_t measure_ns = course->start_ns + (uint64_t)(f->scenario.warmup_s * 1e9);
    atomic_store(&course->measure_ns, measure_ns);
    atomic_store(&course->end_ns, measure_ns + (uint64_t)(f->scenario.duration_s * 1e9));
    series_begin(&r->series, measure_ns, course_end(course));
    r->begin_s = unix_s() + ((double)measure_ns - (double)course_now_ns()) / 1e9;
    order(f, COURSE_RUN);
    wait_until(f, &live, measure_ns);
    look_at_server(f, &looks[0]);
    f->server_from_ns = looks[0].cpu_ns;
    f->now = r;
    wait_until(f, &live, course_end(course));
    f->now = NULL;
    look_at_server(f, &looks[1]);
    if (f->interrupted || is_failed(f)) {
        r->interrupted = true;
        atomic_store(&course->end_ns, MIN_OF(course_end(course), course_now_ns()));
    }
    drain(f, &live);
    order(f, COURSE_COLLECT);
    server_close(f, r, &looks[1]);
    collect(f, r);
    if (f->scenario.server_pid != 0 && looks[0].at_ns != 0 && looks[1].at_ns > looks[0].at_ns) {
        r->server = server_stat_between(&looks[0], &looks[1]);
    }
    memory_free(looks);
}

/* Ends all connections and makes them anew. */
static bool reconnect(struct fanout *f)
{
    order(f, COURSE_DISCONNECT);
    atomic_store(&f->course.failed, false);
    return connect_all(f);
}

static struct result *result_new(struct fanout *f)
{
    struct result *result = memory_alloc(sizeof *result);
    f->results[f->results_count++] = result;
    return result;
}

static bool runs_all(struct fanout *f)
{
    bool complete = true;
    for (uint32_t i = 0; i < f->scenario.runs && !f->interrupted && !is_failed(f) && complete;
         i++) {
        if (i != 0 && f->scenario.storm && !reconnect(f)) {
            break;
        }
        struct result *result = result_new(f);
        run_once(f, result);
        report_run(f->out, &f->scenario, result, i);
        complete = result_is_complete(result);
    }
    report_runs(f->out, &f->scenario, f->results, f->results_count);
    return complete;
}

/* ---- searching the capacity ---- */

/* Is this run's rate one that the server keeps up with? */
static struct capacity_probe probe_judge(struct fanout *f, const struct result *r)
{
    struct capacity_probe probe = {f->course.rate, false, 0, ""};
    probe.latency_ns = record_percentile(&r->latency, f->scenario.capacity);
    if (is_failed(f)) {
        probe.why = "the connection broke";
    } else if (!result_is_complete(r)) {
        probe.why = "not all was delivered";
    } else if (r->latency.count == 0) {
        probe.why = "nothing was due while measuring";
    } else if (probe.latency_ns > f->scenario.capacity_ns) {
        probe.why = "too late";
    } else if (result_verdict_of(r) == RESULT_GENERATOR_BOUND) {
        probe.why = "hubload was the bottleneck";
    } else {
        probe.good = true;
    }
    return probe;
}

/* A broken connection is a rate too high, and not the end of the search. */
static bool probe_recover(struct fanout *f)
{
    if (!is_failed(f)) {
        return true;
    }
    return !f->scenario.direct && reconnect(f);
}

/* Leaves the result of the best probe, if any, and reports it. */
static bool capacity_find(struct fanout *f)
{
    struct capacity capacity;
    struct result *best = NULL;
    bool more = true;
    capacity_init(&capacity, f->scenario.rate);
    while (more && !f->interrupted && probe_recover(f)) {
        struct result *result = memory_alloc(sizeof *result);
        f->course.rate = capacity.rate;
        run_once(f, result);
        struct capacity_probe probe = probe_judge(f, result);
        more = !f->interrupted && capacity_take(&capacity, probe);
        report_probe(f->out, &f->scenario, &probe);
        if (probe.good) {
            f->scenario.rate = probe.rate;
            struct result *worse = best;
            best = result;
            result = worse;
        }
        if (result != NULL) {
            series_free(&result->series);
            memory_free(result);
        }
    }
    report_capacity(f->out, &f->scenario, &capacity);
    if (best != NULL) {
        f->results[f->results_count++] = best;
        report_run(f->out, &f->scenario, best, 0);
    }
    return best != NULL;
}

/* ---- the subcommand ---- */

static bool files_write(struct fanout *f, const char *failure)
{
    const struct scenario *s = &f->scenario;
    struct report report = {s,
                            f->results,
                            f->results_count,
                            failure,
                            f->course.greeting,
                            f->rss_empty_bytes,
                            f->rss_connected_bytes};
    bool written = true;
    if (s->json_path != NULL && !report_json(&report)) {
        fprintf(stderr, "hubload: %s: %s\n", s->json_path, strerror(errno));
        written = false;
    }
    if (s->hlog_prefix != NULL && !report_hlog(&report)) {
        fprintf(stderr, "hubload: %s.*.hlog: %s\n", s->hlog_prefix, strerror(errno));
        written = false;
    }
    return written;
}

static bool measure(struct fanout *f)
{
    f->rss_empty_bytes = server_rss(f);
    bool complete = connect_all(f);
    f->rss_connected_bytes = server_rss(f);
    f->results = memory_alloc(f->scenario.runs * sizeof *f->results);
    if (complete) {
        complete = f->scenario.capacity > 0 ? capacity_find(f) : runs_all(f);
    }
    course_order(&f->course, COURSE_STOP);
    for (uint32_t i = 0; i < f->drivers_count; i++) {
        driver_join(&f->drivers[i]);
    }
    const char *failure = is_failed(f) ? f->course.failure : NULL;
    if (failure != NULL) {
        fprintf(stderr, "hubload: %s\n", failure);
        complete = false;
    }
    return files_write(f, failure) && complete;
}

static void fanout_free(struct fanout *f)
{
    for (uint32_t i = 0; i < f->drivers_count; i++) {
        driver_free(&f->drivers[i]);
    }
    for (uint32_t i = 0; i < f->results_count; i++) {
        series_free(&f->results[i]->series);
        memory_free(f->results[i]);
    }
    memory_free(f->results);
    memory_free(f->drivers);
    course_free(&f->course);
}

/* Interrupts are for the main thread, which waits for them; its threads inherit the mask. */
static void signals_block(struct fanout *f)
{
    sigemptyset(&f->signals);
    sigaddset(&f->signals, SIGINT);
    sigaddset(&f->signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &f->signals, NULL);
}

int fanout_main(int argc, char **argv)
{
    char error[512];
    struct fanout f;
    memset(&f, 0, sizeof f);
    enum scenario_verdict verdict = scenario_parse(&f.scenario, argc, argv, error, sizeof error);
    if (verdict == SCENARIO_HELP) {
        fputs(scenario_help(argv[0]), stdout);
        return 0;
    }
    if (verdict == SCENARIO_WRONG) {
        fprintf(stderr, "hubload: %s\nTry: hubload %s --help\n", error, argv[0]);
        return 2;
    }
    f.scenario.sockets_bytes = facts_sockets_bytes();
    f.live = isatty(STDERR_FILENO);
    f.out =
        f.scenario.json_path != NULL && strcmp(f.scenario.json_path, "-") == 0 ? stderr : stdout;
    signals_block(&f);
    if (!threads_choose(&f.scenario, error, sizeof error) ||
        !scenario_resolve(&f.scenario, error, sizeof error)) {
        fprintf(stderr, "hubload: %s\n", error);
        return 1;
    }
    bool started = drivers_start(&f);
    bool complete = started && measure(&f);
    if (started) {
        fanout_free(&f);
    }
    return complete ? 0 : 1;
}
