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
static size_t runs_for(double half, double wanted, size_t runs, size_t least)
{
    double factor = half / wanted;
    double needed = ceil((double)runs * factor * factor);
    return (size_t)MIN_OF(MAX_OF(needed, (double)least), 1e6);
}

/* The word, from p and change. enough: so many runs a side, of which least are needed for any p, can give
 * one that is low enough. */
static void word_choose(struct comparison *c, bool enough, size_t runs, size_t least)
{
    c->runs_wanted = least;
    if (!enough || !c->change.bounded) {
        c->word = COMPARE_TOO_FEW;
        return;
    }
    bool roomy = c->change.low < 1 / (1 + COMPARE_ROOM) - 1 || c->change.high > COMPARE_ROOM;
    double half = (log1p(c->change.high) - log1p(c->change.low)) / 2;
    if (c->p < COMPARE_P && fabs(c->change.estimate) > COMPARE_EFFECT) {
        c->word = c->change.estimate > 0 ? COMPARE_UP : COMPARE_DOWN;
        c->runs_wanted = 0;
    } else {
        c->word = roomy ? COMPARE_TOO_FEW : COMPARE_SAME;
        c->runs_wanted = runs_for(half, roomy ? COMPARE_ROOM / 2 : COMPARE_EFFECT, runs, least);
    }
}

struct comparison compare_samples(struct stats_sample a, struct stats_sample b)
{
    struct comparison c;
    c.a_median = stats_median(a.values, a.count);
    c.b_median = stats_median(b.values, b.count);
    c.p = stats_p(a, b);
    c.change = stats_change_of(a, b, COMPARE_CONFIDENCE);
    word_choose(&c, stats_p_least(a.count, b.count) < COMPARE_P, MIN_OF(a.count, b.count),
                stats_runs_least(COMPARE_P));
    return c;
}

struct comparison compare_pairs(struct pairs pairs)
{
    struct comparison c;
    c.a_median = stats_median(pairs.a, pairs.count);
    c.b_median = stats_median(pairs.b, pairs.count);
    c.p = pairs_p(pairs);
    c.change = pairs_change_of(pairs, COMPARE_CONFIDENCE);
    word_choose(&c, pairs_p_least(pairs.count) < COMPARE_P, pairs.count, pairs_least(COMPARE_P));
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
    size_t pairs;  /* of the metric compared last */
    size_t first;  /* and in how many of them A came first */
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

/* ---- values ---- */

struct timed {
    double begin_s; /* of the run, or of the file's first; NAN: not known */
    double value;
};

struct values {
    struct timed *at; /* owned */
    size_t count;
    size_t missing; /* runs without */
};

/* The values of a metric, of all runs that have it. */
static struct values values_of(const struct part *part, const struct metric *metric)
{
    size_t bound = 0;
    struct values values = {NULL, 0, 0};
    values.at = (struct timed *)memory_alloc((part_runs(part, &bound) + 1) * sizeof *values.at);
    for (size_t i = 0; i < part->side->count; i++) {
        const struct stored *file = &part->side->files[i];
        size_t most = part_has(part, file) ? stored_values_count(file, metric) : 0;
        for (size_t k = 0; k < most; k++) {
            struct timed one = {stored_run_begin_s(file, k), stored_value(file, metric, k)};
            if (isnan(one.value)) {
                values.missing++;
            } else {
                values.at[values.count++] = one;
            }
        }
    }
    return values;
}

static int by_begin(const void *left, const void *right)
{
    double a = ((const struct timed *)left)->begin_s;
    double b = ((const struct timed *)right)->begin_s;
    return (a > b) - (a < b);
}

/* Puts the values of both sides in the order of time, the k-th of one beside the k-th of the other.
 * Returns NULL, or why they are no pairs. */
static const char *values_pair(struct job *job, struct values *a, struct values *b)
{
    if (a->count != b->count) {
        return "pairs take as many runs of A as of B";
    }
    for (size_t i = 0; i < a->count; i++) {
        if (isnan(a->at[i].begin_s) || isnan(b->at[i].begin_s)) {
            return "a run does not say when it began";
        }
    }
    qsort(a->at, a->count, sizeof *a->at, by_begin);
    qsort(b->at, b->count, sizeof *b->at, by_begin);
    job->pairs = a->count;
    job->first = 0;
    for (size_t i = 0; i < a->count; i++) {
        job->first += a->at[i].begin_s < b->at[i].begin_s ? 1 : 0;
        if (i != 0 && MAX_OF(a->at[i - 1].begin_s, b->at[i - 1].begin_s) >
                          MIN_OF(a->at[i].begin_s, b->at[i].begin_s)) {
            return "the runs were not made in turns, so there are no pairs";
        }
    }
    return NULL;
}

/* Of values already in pairs where job asks for pairs. */
static struct comparison values_compare(const struct job *job, const struct values *a,
                                        const struct values *b)
{
    double *plain[2];
    const struct values *sides[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        plain[i] = (double *)memory_alloc(sides[i]->count * sizeof *plain[i]);
        for (size_t k = 0; k < sides[i]->count; k++) {
            plain[i][k] = sides[i]->at[k].value;
        }
    }
    struct comparison c = job->options.paired
                              ? compare_pairs((struct pairs){plain[0], plain[1], a->count})
                              : compare_samples((struct stats_sample){plain[0], a->count},
                                                (struct stats_sample){plain[1], b->count});
    memory_free(plain[0]);
    memory_free(plain[1]);
    return c;
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
    bool gates = is_gate(job, metric, stored_is_open_loop(parts[0].like));
    struct values a = values_of(&parts[0], metric);
    struct values b = values_of(&parts[1], metric);
    const char *unpaired = NULL;
    if (a.count == 0 && b.count == 0) {
        job->undecided |= gates && job->options.metrics_count != 0;
    } else if (a.missing != 0 || b.missing != 0) {
        char why[96];
        snprintf(why, sizeof why, "not measured in %zu of A, %zu of B", a.missing, b.missing);
        not_comparable(job, metric, gates, why);
    } else if (metric->needs_headroom && bound != 0) {
        not_comparable(job, metric, gates, "the generator was, or may have been, the bottleneck");
    } else if (job->options.paired && (unpaired = values_pair(job, &a, &b)) != NULL) {
        not_comparable(job, metric, gates, unpaired);
        job->refused = true;
    } else {
        struct comparison c = values_compare(job, &a, &b);
        comparison_print(job, metric, &c);
        if (gates) {
            gate(job, metric, &c);
        }
    }
    memory_free(a.at);
    memory_free(b.at);
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
    job->pairs = 0;
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
    if (job->pairs != 0 && (job->first * 4 < job->pairs || job->first * 4 > job->pairs * 3)) {
        printf("  A came first in %zu of %zu pairs: what the order does is part of the change.\n",
               job->first, job->pairs);
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
           "no room\nfor %g %%; how large a change it may hide is the interval. p: %s; "
           "change: Hodges-Lehmann.\n",
           COMPARE_P, COMPARE_EFFECT * 100, COMPARE_ROOM * 100,
           job->options.paired ? "Wilcoxon, of the pairs" : "Mann-Whitney");
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
