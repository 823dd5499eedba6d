/* compare.c - the judgement of two samples, and of two sides of files. */
#include "loadgen/compare.h"

#include "loadgen/compare_options.h"
#include "loadgen/metric.h"
#include "loadgen/stored.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- two samples ---- */

/* Half the interval's width shrinks with the root of the number of runs. */
static size_t runs_for(double half, double wanted, size_t runs)
{
    double factor = half / wanted;
    double needed = ceil((double)runs * factor * factor);
    return (size_t)MIN_OF(MAX_OF(needed, (double)stats_runs_least(COMPARE_P)), 1e6);
}

struct comparison compare_samples(struct stats_sample a, struct stats_sample b)
{
    struct comparison c;
    c.a_median = stats_median(a.values, a.count);
    c.b_median = stats_median(b.values, b.count);
    c.p = stats_p(a, b);
    c.change = stats_change_of(a, b, COMPARE_CONFIDENCE);
    c.runs_wanted = stats_runs_least(COMPARE_P);
    if (stats_p_least(a.count, b.count) >= COMPARE_P || !c.change.bounded) {
        c.word = COMPARE_TOO_FEW;
        return c;
    }
    bool roomy = c.change.low < 1 / (1 + COMPARE_ROOM) - 1 || c.change.high > COMPARE_ROOM;
    double half = (log1p(c.change.high) - log1p(c.change.low)) / 2;
    size_t runs = MIN_OF(a.count, b.count);
    if (c.p < COMPARE_P && fabs(c.change.estimate) > COMPARE_EFFECT) {
        c.word = c.change.estimate > 0 ? COMPARE_UP : COMPARE_DOWN;
        c.runs_wanted = 0;
    } else {
        c.word = roomy ? COMPARE_TOO_FEW : COMPARE_SAME;
        c.runs_wanted = runs_for(half, roomy ? COMPARE_ROOM / 2 : COMPARE_EFFECT, runs);
    }
    return c;
}

/* ---- the sides ---- */

struct side {
    char name;            /* A or B */
    struct stored *files; /* owned */
    size_t count;
};

struct job {
    struct compare_options options;
    struct side a;
    struct side b;
    bool colours;
    bool refused; /* something was not comparable */
    bool
        undecided; /* a metric that --fail-if asks for had too few runs, or could not be compared */
    size_t judged; /* metrics that --fail-if asked for and that were compared */
    bool failed;   /* a --fail-if holds */
};

static bool side_load(struct side *side, char name, char **paths, size_t count)
{
    char error[512];
    side->name = name;
    side->files = (struct stored *)memory_alloc(count * sizeof *side->files);
    for (size_t i = 0; i < count; i++) {
        if (!stored_load(&side->files[i], paths[i], error, sizeof error)) {
            fprintf(stderr, "hubload: %s\n", error);
            return false;
        }
        side->count++;
    }
    return true;
}

static void side_free(struct side *side)
{
    for (size_t i = 0; i < side->count; i++) {
        stored_free(&side->files[i]);
    }
    memory_free(side->files);
}

/* The files of one scenario on one side. */
struct part {
    const struct side *side;
    const struct stored *like; /* of this scenario */
};

static bool part_has(const struct part *part, const struct stored *file)
{
    return stored_unlike_scenario(part->like, file, NULL) == 0;
}

static size_t part_files(const struct part *part)
{
    size_t count = 0;
    for (size_t i = 0; i < part->side->count; i++) {
        count += part_has(part, &part->side->files[i]) ? 1 : 0;
    }
    return count;
}

static size_t part_runs(const struct part *part, size_t *bound)
{
    size_t count = 0;
    for (size_t i = 0; i < part->side->count; i++) {
        if (part_has(part, &part->side->files[i])) {
            count += stored_runs_count(&part->side->files[i]);
            *bound += stored_bound_count(&part->side->files[i]);
        }
    }
    return count;
}

/* The values of a metric, of all runs that have it; missing counts the others. To be freed. */
static double *values_of(const struct part *part, const struct metric *metric, size_t *count,
                         size_t *missing)
{
    size_t bound = 0;
    double *values = (double *)memory_alloc((part_runs(part, &bound) + 1) * sizeof *values);
    *count = 0;
    *missing = 0;
    for (size_t i = 0; i < part->side->count; i++) {
        const struct stored *file = &part->side->files[i];
        size_t most = part_has(part, file) ? stored_values_count(file, metric) : 0;
        for (size_t k = 0; k < most; k++) {
            double value = stored_value(file, metric, k);
            if (isnan(value)) {
                ++*missing;
            } else {
                values[(*count)++] = value;
            }
        }
    }
    return values;
}

/* ---- words ---- */

enum colour { PLAIN, RED, GREEN, YELLOW };

static const char *colour(const struct job *job, enum colour which)
{
    static const char *const codes[] = {"\033[0m", "\033[1;31m", "\033[32m", "\033[33m"};
    return job->colours ? codes[which] : "";
}

static bool is_worse(const struct metric *metric, const struct comparison *c)
{
    return (metric->better == METRIC_HIGHER && c->word == COMPARE_DOWN) ||
           (metric->better == METRIC_LOWER && c->word == COMPARE_UP);
}

static const char *word_of(const struct metric *metric, const struct comparison *c)
{
    if (c->word == COMPARE_SAME) {
        return "same";
    }
    if (c->word == COMPARE_TOO_FEW) {
        return "too few runs";
    }
    if (metric->better == METRIC_NEITHER || metric->unit == METRIC_BYTES) {
        return c->word == COMPARE_UP ? "more" : "less";
    }
    return is_worse(metric, c) ? "slower" : "faster";
}

static enum colour colour_of(const struct metric *metric, const struct comparison *c)
{
    if (c->word == COMPARE_TOO_FEW) {
        return YELLOW;
    }
    if (c->word == COMPARE_SAME || metric->better == METRIC_NEITHER) {
        return PLAIN;
    }
    return is_worse(metric, c) ? RED : GREEN;
}

/* ---- one metric ---- */

static bool is_gate(const struct job *job, const struct metric *metric, bool open_loop)
{
    if (!job->options.fail_if) {
        return false;
    }
    if (job->options.metrics_count != 0) {
        return metric->better != METRIC_NEITHER;
    }
    return open_loop ? metric->gates_open : metric->gates_closed;
}

static void gate(struct job *job, const struct metric *metric, const struct comparison *c)
{
    double worse = metric->better == METRIC_HIGHER ? -c->change.estimate : c->change.estimate;
    job->judged++;
    job->undecided |= c->word == COMPARE_TOO_FEW;
    if (is_worse(metric, c) && worse > job->options.fail_if_above) {
        job->failed = true;
    }
}

static void not_comparable(struct job *job, const struct metric *metric, bool gates,
                           const char *why)
{
    printf("  %-30s%snot comparable%s: %s\n", metric->title, colour(job, YELLOW),
           colour(job, PLAIN), why);
    job->undecided |= gates;
}

static void comparison_print(struct job *job, const struct metric *metric,
                             const struct comparison *c)
{
    char interval[48] = "-";
    char note[64] = "";
    if (c->change.bounded) {
        snprintf(interval, sizeof interval, "%+.1f … %+.1f %%", c->change.low * 100,
                 c->change.high * 100);
    }
    if (c->word == COMPARE_TOO_FEW) {
        snprintf(note, sizeof note, ": about %zu a side are needed", c->runs_wanted);
    }
    /* Of the interval's characters one is three bytes long. */
    printf("  %-30s%13s %13s %+8.1f %%  %*s  %8.2g  %s%s%s%s\n", metric->title,
           metric_text(metric->unit, c->a_median).at, metric_text(metric->unit, c->b_median).at,
           c->change.estimate * 100, c->change.bounded ? 22 : 20, interval, c->p,
           colour(job, colour_of(metric, c)), word_of(metric, c), colour(job, PLAIN), note);
}

static void metric_compare(struct job *job, const struct metric *metric, const struct part parts[2],
                           size_t bound)
{
    size_t counts[2];
    size_t missing[2];
    double *values[2];
    bool gates = is_gate(job, metric, stored_is_open_loop(parts[0].like));
    for (int i = 0; i < 2; i++) {
        values[i] = values_of(&parts[i], metric, &counts[i], &missing[i]);
    }
    if (counts[0] == 0 && counts[1] == 0) {
        job->undecided |= gates && job->options.metrics_count != 0;
    } else if (missing[0] != 0 || missing[1] != 0) {
        char why[96];
        snprintf(why, sizeof why, "not measured in %zu of A, %zu of B", missing[0], missing[1]);
        not_comparable(job, metric, gates, why);
    } else if (metric->needs_headroom && bound != 0) {
        not_comparable(job, metric, gates, "the generator was, or may have been, the bottleneck");
    } else {
        struct comparison c = compare_samples((struct stats_sample){values[0], counts[0]},
                                              (struct stats_sample){values[1], counts[1]});
        comparison_print(job, metric, &c);
        if (gates) {
            gate(job, metric, &c);
        }
    }
    memory_free(values[0]);
    memory_free(values[1]);
}

static bool is_wanted(const struct job *job, const struct metric *metric)
{
    bool wanted = job->options.metrics_count == 0;
    for (size_t i = 0; i < job->options.metrics_count; i++) {
        wanted |= job->options.metrics[i] == metric;
    }
    return wanted;
}

/* ---- one scenario ---- */

static size_t part_print(const struct part *part, size_t *bound)
{
    char server[128];
    size_t files = part_files(part);
    size_t runs = part_runs(part, bound);
    stored_server(part->like, server, sizeof server);
    printf("  %c  %s, %zu run%s from %zu start%s of the measurement\n", part->side->name, server,
           runs, runs == 1 ? "" : "s", files, files == 1 ? "" : "s");
    return files;
}

static void scenario_compare(struct job *job, const struct part parts[2])
{
    char title[512];
    size_t bound = 0;
    stored_scenario(parts[0].like, title, sizeof title);
    printf("%s\n", title);
    size_t a_files = part_print(&parts[0], &bound);
    size_t b_files = part_print(&parts[1], &bound);
    if (a_files == 1 || b_files == 1) {
        puts("     Runs of one start are alike; what differs from start to start is not in the "
             "spread.");
    }
    printf("  %-30s%13s %13s %10s  %20s  %8s\n", "", "median of A", "median of B", "change",
           "99 % interval", "p");
    for (size_t i = 0; i < metrics_count; i++) {
        if (is_wanted(job, &metrics[i])) {
            metric_compare(job, &metrics[i], parts, bound);
        }
    }
    putchar('\n');
}

/* The first file of this scenario, or NULL. */
static const struct stored *side_find(const struct side *side, const struct stored *like)
{
    for (size_t i = 0; i < side->count; i++) {
        if (stored_unlike_scenario(like, &side->files[i], NULL) == 0) {
            return &side->files[i];
        }
    }
    return NULL;
}

static void alone_print(struct job *job, const struct side *side, const struct stored *file,
                        const struct side *other)
{
    char title[512];
    ASSERT(file != NULL);
    ASSERT(other->files != NULL);
    stored_scenario(file, title, sizeof title);
    printf("%s\n  %snot comparable%s: only in %c (%s). It differs from %s:\n", title,
           colour(job, YELLOW), colour(job, PLAIN), side->name, file->path, other->files[0].path);
    MAYBE(stored_unlike_scenario(file, &other->files[0], stdout) == 0);
    putchar('\n');
    job->refused = true;
}

static void side_walk(struct job *job, struct side *side, struct side *other, bool compares)
{
    for (size_t i = 0; i < side->count; i++) {
        const struct stored *file = &side->files[i];
        if (side_find(side, file) != file) {
            continue; /* an earlier file has this scenario */
        }
        const struct stored *match = side_find(other, file);
        if (match == NULL) {
            alone_print(job, side, file, other);
        } else if (compares) {
            struct part parts[2] = {{side, file}, {other, match}};
            scenario_compare(job, parts);
        }
    }
}

/* ---- may they be compared at all? ---- */

static bool faults_print(const struct side *side)
{
    bool faulty = false;
    for (size_t i = 0; i < side->count; i++) {
        const char *fault = stored_fault(&side->files[i]);
        if (fault != NULL) {
            printf("not comparable: %s: %s\n", side->files[i].path, fault);
            faulty = true;
        }
    }
    return faulty;
}

static bool machines_differ(const struct job *job, const struct side *side)
{
    const struct stored *first = &job->a.files[0];
    for (size_t i = 0; i < side->count; i++) {
        if (stored_unlike_machine(first, &side->files[i], NULL) != 0) {
            printf("%s: %s and %s were made on unlike machines:\n",
                   job->options.force_machine ? "warning" : "not comparable", first->path,
                   side->files[i].path);
            MAYBE(stored_unlike_machine(first, &side->files[i], stdout) == 0);
            return true;
        }
    }
    return false;
}

static int compare_all(struct job *job)
{
    bool faulty = faults_print(&job->a);
    faulty |= faults_print(&job->b);
    if (faulty) {
        return 3;
    }
    if ((machines_differ(job, &job->a) || machines_differ(job, &job->b)) &&
        !job->options.force_machine) {
        puts("--force-machine compares all the same.");
        return 3;
    }
    side_walk(job, &job->a, &job->b, true);
    side_walk(job, &job->b, &job->a, false);
    printf("faster, slower: p below %g and more than %g %%. same: neither, and the interval leaves "
           "no room\nfor %g %%; how large a change it may hide is the interval. p: Mann-Whitney; "
           "change: Hodges-Lehmann.\n",
           COMPARE_P, COMPARE_EFFECT * 100, COMPARE_ROOM * 100);
    if (!job->options.fail_if) {
        return job->refused ? 3 : 0;
    }
    if (job->failed) {
        printf("%sFAILED%s: slower by more than %g %%\n", colour(job, RED), colour(job, PLAIN),
               job->options.fail_if_above * 100);
        return 1;
    }
    if (job->refused || job->undecided || job->judged == 0) {
        printf("%sUNDECIDED%s: what --fail-if asks could not be judged\n", colour(job, YELLOW),
               colour(job, PLAIN));
        return 3;
    }
    printf("%spassed%s: nothing is slower by more than %g %%\n", colour(job, GREEN),
           colour(job, PLAIN), job->options.fail_if_above * 100);
    return 0;
}

int compare_main(int argc, char **argv)
{
    char error[256];
    struct job job;
    memset(&job, 0, sizeof job);
    switch (compare_options_parse(&job.options, argc, argv, error, sizeof error)) {
    case COMPARE_OPTIONS_HELP:
        fputs(compare_help, stdout);
        return 0;
    case COMPARE_OPTIONS_WRONG:
        fprintf(stderr, "hubload: %s\nTry: hubload compare --help\n", error);
        return 2;
    case COMPARE_OPTIONS_RUN:
        break;
    }
    job.colours = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    int status = 2;
    if (side_load(&job.a, 'A', job.options.a, job.options.a_count) &&
        side_load(&job.b, 'B', job.options.b, job.options.b_count)) {
        status = compare_all(&job);
    }
    side_free(&job.a);
    side_free(&job.b);
    return status;
}
