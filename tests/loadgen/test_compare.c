/* test_compare.c - the words of hubload compare: right often enough, and refused where they must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/compare.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RUNS_MAX = 40, ROUNDS = 1000 };

static double uniform(void)
{
    return ((double)rand() + 1) / ((double)RAND_MAX + 2);
}

/* How runs of one server differ: log-normal around a level, and a share of them was disturbed and is
 * up to 30 % lower. */
struct noise {
    size_t runs; /* a side */
    double spread;
    double disturbed;
};

static void runs_make(double *values, struct noise noise, double level)
{
    for (size_t i = 0; i < noise.runs; i++) {
        double gauss = sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
        double factor = uniform() < noise.disturbed ? 1 - 0.3 * uniform() : 1;
        values[i] = level * exp(noise.spread * gauss) * factor;
    }
}

/* How often, of ROUNDS, which word was said of A and B = factor x A. */
struct words {
    int count[4];
};

static struct words words_of(struct noise noise, double factor)
{
    struct words words = {{0}};
    for (int round = 0; round < ROUNDS; round++) {
        double a[RUNS_MAX];
        double b[RUNS_MAX];
        runs_make(a, noise, 1e6);
        runs_make(b, noise, 1e6 * factor);
        struct comparison c = compare_samples((struct stats_sample){a, noise.runs},
                                              (struct stats_sample){b, noise.runs});
        words.count[c.word]++;
    }
    print_message("%zu runs a side, spread %g %%, %g %% disturbed, B = %g A: up %d, down %d, same "
                  "%d, too few %d of %d\n",
                  noise.runs, noise.spread * 100, noise.disturbed * 100, factor,
                  words.count[COMPARE_UP], words.count[COMPARE_DOWN], words.count[COMPARE_SAME],
                  words.count[COMPARE_TOO_FEW], ROUNDS);
    return words;
}

static void seeded(unsigned seed)
{
    print_message("seed %u\n", seed);
    srand(seed);
}

/* Goal:   equal servers are called the same at least 99 times in 100.
 * Method: 1,000 pairs of samples of one distribution: 10 runs with a spread of 2 and 3 %; 16 and 20
 *         of which one in twenty was disturbed. */
static void test_compare_equal_is_same(void **state)
{
    static const struct noise noises[] = {
        {10, 0.02, 0}, {10, 0.03, 0}, {16, 0.02, 0.05}, {20, 0.03, 0.05}};
    (void)state;
    seeded(101);
    for (size_t i = 0; i < COUNT_OF(noises); i++) {
        assert_true(words_of(noises[i], 1).count[COMPARE_SAME] >= ROUNDS * 99 / 100);
    }
}

/* Goal:   a server a tenth slower is called slower at least 95 times in 100, and never faster.
 * Method: 10 runs with a spread of 3 %, 12 with 5 %; 16 and 20 of which some were disturbed. */
static void test_compare_a_tenth_is_seen(void **state)
{
    static const struct noise noises[] = {
        {10, 0.03, 0}, {12, 0.05, 0}, {16, 0.03, 0.05}, {20, 0.05, 0.1}};
    (void)state;
    seeded(102);
    for (size_t i = 0; i < COUNT_OF(noises); i++) {
        struct words slower = words_of(noises[i], 0.9);
        assert_true(slower.count[COMPARE_DOWN] >= ROUNDS * 95 / 100);
        assert_int_equal(slower.count[COMPARE_UP], 0);
        assert_true(words_of(noises[i], 1 / 0.9).count[COMPARE_UP] >= ROUNDS * 95 / 100);
    }
}

/* Goal:   however bad the noise, a wrong word is as rare as p promises; what is left is "too few".
 * Method: equal servers under noise in which "same" cannot be shown: 1 in 100 may be wrong, and
 *         1,000 rounds may show 2 (three standard deviations above). */
static void test_compare_noise_is_no_change(void **state)
{
    static const struct noise noises[] = {
        {5, 0.05, 0.1}, {8, 0.1, 0.1}, {10, 0.05, 0.1}, {12, 0.05, 0}, {31, 0.1, 0.1}};
    (void)state;
    seeded(103);
    for (size_t i = 0; i < COUNT_OF(noises); i++) {
        struct words words = words_of(noises[i], 1);
        assert_true(words.count[COMPARE_UP] + words.count[COMPARE_DOWN] <= ROUNDS * 2 / 100);
    }
}

/* ---- pairs ---- */

/* How pairs differ: what both runs of one have in common, and the noise of each run. */
struct pair_noise {
    struct noise own;
    double common; /* log-normal */
    double drift;  /* from the first pair to the last, as a factor more */
};

static struct words pair_words_of(struct pair_noise noise, double factor)
{
    struct words words = {{0}};
    for (int round = 0; round < ROUNDS; round++) {
        double a[RUNS_MAX];
        double b[RUNS_MAX];
        runs_make(a, noise.own, 1e6);
        runs_make(b, noise.own, 1e6 * factor);
        for (size_t i = 0; i < noise.own.runs; i++) {
            double gauss = sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
            double common =
                exp(noise.common * gauss) * (1 + noise.drift * (double)i / (double)noise.own.runs);
            a[i] *= common;
            b[i] *= common;
        }
        words.count[compare_pairs((struct pairs){a, b, noise.own.runs}).word]++;
    }
    print_message(
        "%zu pairs, spread %g %% within and %g %% between, drift %g %%, %g %% disturbed, B "
        "= %g A: up %d, down %d, same %d, too few %d of %d\n",
        noise.own.runs, noise.own.spread * 100, noise.common * 100, noise.drift * 100,
        noise.own.disturbed * 100, factor, words.count[COMPARE_UP], words.count[COMPARE_DOWN],
        words.count[COMPARE_SAME], words.count[COMPARE_TOO_FEW], ROUNDS);
    return words;
}

/* Goal:   in pairs, a machine that is slow for minutes hides nothing: a tenth is seen at least 95 times
 *         in 100 and never turned round, equal servers are the same at least 99 times in 100.
 * Method: pairs that differ among each other by 13 to 20 %, with drift, with disturbed runs; the same
 *         runs as two samples would be "too few" mostly, which is shown for one of them. */
static void test_compare_pairs_see_through_drift(void **state)
{
    static const struct pair_noise noises[] = {
        {{12, 0.03, 0}, 0.13, 0}, {{20, 0.03, 0.05}, 0.2, 0}, {{24, 0.04, 0.05}, 0.13, 0.5}};
    (void)state;
    seeded(104);
    for (size_t i = 0; i < COUNT_OF(noises); i++) {
        struct words slower = pair_words_of(noises[i], 0.9);
        assert_true(slower.count[COMPARE_DOWN] >= ROUNDS * 95 / 100);
        assert_int_equal(slower.count[COMPARE_UP], 0);
        assert_true(pair_words_of(noises[i], 1 / 0.9).count[COMPARE_UP] >= ROUNDS * 95 / 100);
        assert_true(pair_words_of(noises[i], 1).count[COMPARE_SAME] >= ROUNDS * 99 / 100);
    }
    struct noise unpaired = {16, 0.2, 0.05};
    assert_true(words_of(unpaired, 0.9).count[COMPARE_DOWN] < ROUNDS / 2);
}

/* Goal:   however bad the noise, a wrong word is as rare as p promises, also of pairs.
 * Method: equal servers: few pairs, large noise, half of the runs disturbed, beyond what is counted
 *         out; 1 in 100 may be wrong, and 1,000 rounds may show 2 (three standard deviations above). */
static void test_compare_pairs_noise_is_no_change(void **state)
{
    static const struct pair_noise noises[] = {{{8, 0.05, 0.1}, 0.1, 0},
                                               {{9, 0.13, 0.5}, 0.1, 0.5},
                                               {{16, 0.1, 0.1}, 0.13, 0},
                                               {{40, 0.13, 0}, 0.13, 0.3},
                                               {{40, 0.05, 0.5}, 0, 0}};
    (void)state;
    seeded(105);
    for (size_t i = 0; i < COUNT_OF(noises); i++) {
        struct words words = pair_words_of(noises[i], 1);
        assert_true(words.count[COMPARE_UP] + words.count[COMPARE_DOWN] <= ROUNDS * 2 / 100);
    }
}

/* Goal:   where pairs can say nothing, they do not.
 * Method: 7 pairs that all point the same way; 20 that point both ways, far. */
static void test_compare_too_few_pairs(void **state)
{
    double a[20];
    double b[20];
    (void)state;
    for (int i = 0; i < 20; i++) {
        a[i] = 100;
        b[i] = i < 7 || i % 2 == 0 ? 200 : 50;
    }
    struct comparison c = compare_pairs((struct pairs){a, b, 7});
    assert_int_equal(c.word, COMPARE_TOO_FEW);
    assert_int_equal(c.runs_wanted, 8);
    c = compare_pairs((struct pairs){a, b, 20});
    assert_int_equal(c.word, COMPARE_TOO_FEW);
    assert_true(c.runs_wanted > 20);
    for (int i = 0; i < 20; i++) {
        b[i] = 102 + 0.01 * i; /* certain, and too small to matter */
    }
    c = compare_pairs((struct pairs){a, b, 20});
    assert_true(c.p < 0.01);
    assert_int_equal(c.word, COMPARE_SAME);
}

/* Goal:   a change too small to matter is no change, however certain.
 * Method: 40 runs that differ by 2 % with a spread of 0.2 %, without outliers. */
static void test_compare_small_is_same(void **state)
{
    (void)state;
    double a[40];
    double b[40];
    for (int i = 0; i < 40; i++) {
        a[i] = 1000 + i * 0.05;
        b[i] = 1020 + i * 0.05;
    }
    struct comparison c =
        compare_samples((struct stats_sample){a, 40}, (struct stats_sample){b, 40});
    assert_true(c.p < 0.01);
    assert_int_equal(c.word, COMPARE_SAME);
}

/* Goal:   where nothing can be said, nothing is.
 * Method: 4 runs a side that do not overlap; 10 whose spread hides a doubling. */
static void test_compare_too_few_runs(void **state)
{
    (void)state;
    double a[10] = {1, 2, 3, 4, 50, 60, 70, 80, 90, 100};
    double b[10] = {2, 3, 4, 5, 60, 70, 80, 90, 95, 110};
    double low[4] = {1, 2, 3, 4};
    double high[4] = {10, 20, 30, 40};
    struct comparison c =
        compare_samples((struct stats_sample){low, 4}, (struct stats_sample){high, 4});
    assert_int_equal(c.word, COMPARE_TOO_FEW);
    assert_int_equal(c.runs_wanted, 5);
    c = compare_samples((struct stats_sample){a, 10}, (struct stats_sample){b, 10});
    assert_int_equal(c.word, COMPARE_TOO_FEW);
    assert_true(c.runs_wanted > 10);
}

/* ---- the subcommand, on files ---- */

struct folder {
    char path[64];
    char said[1 << 16];
};

static int folder_make(void **state)
{
    struct folder *folder = test_calloc(1, sizeof *folder);
    snprintf(folder->path, sizeof folder->path, "/tmp/test_compare.XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) == NULL;
}

static int folder_remove(void **state)
{
    struct folder *folder = *state;
    char path[128];
    static const char *const names[] = {"a", "b", "c", "d", "said"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder->path, names[i]);
        unlink(path);
    }
    int result = rmdir(folder->path);
    test_free(folder);
    return result;
}

struct made {
    double level; /* of deliveries; everything else follows */
    const char *verdict;
    int runs;
    int subscribers;
    int cpus;
    bool incomplete;
    int begin_s;  /* of the first run; 0: not said */
    int apart_s;  /* between the beginnings of two runs */
    double swing; /* every third run is so much faster */
};

static struct made made(double level)
{
    return (struct made){level, "valid", 10, 100, 2, false, 0, 0, 0};
}

/* Runs that began every 10 s from begin_s on, and share a swing of a half. */
static struct made made_in_turns(double level, int begin_s)
{
    struct made m = made(level);
    m.begin_s = begin_s;
    m.apart_s = 10;
    m.swing = 0.5;
    return m;
}

static json_t *begin_text(int unix_s)
{
    char text[32];
    time_t seconds = unix_s;
    struct tm utc;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    return json_string(text);
}

static void file_write(struct folder *folder, const char *name, struct made m)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    json_t *runs = json_array();
    for (int i = 0; i < m.runs; i++) {
        double speed = m.level * (1 + 0.002 * i) * (i % 3 == 0 ? 1 + m.swing : 1);
        json_t *made_run = json_pack(
            "{s:b, s:b, s:s, s:f, s:{s:f}, s:{s:f, s:f}}", "complete", !m.incomplete, "interrupted",
            0, "verdict", m.verdict, "deliveries_per_s", speed, "server", "cpu_ns_per_delivery",
            1e9 / speed, "latency", "p50_ns", 1e10 / speed, "p99_ns", 2e10 / speed);
        if (m.begin_s != 0) {
            json_object_set_new(made_run, "begin", begin_text(m.begin_s + i * m.apart_s));
        }
        json_array_append_new(runs, made_run);
    }
    json_t *root = json_pack(
        "{s:s, s:i, s:{}, s:{s:s, s:s}, s:{s:s, s:i, s:{s:s}}, s:{s:s, s:s, s:i, s:i, s:f}, s:n, "
        "s:o}",
        "format", "hubload-result", "version", 1, "tool", "server", "label", "hub", "version", "1",
        "machine", "kernel", "6.1", "cpus", m.cpus, "mitigations", "meltdown", "Not affected",
        "scenario", "name", "fanout", "port", name, "publishers", 1, "subscribers", m.subscribers,
        "rate", 0.0, "failure", "runs", runs);
    assert_non_null(root);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
}

/* Runs `compare` with these words; a, b, c, d are files of the folder. What it says is in said. */
static int run(struct folder *folder, const char *words)
{
    char copy[256];
    char paths[8][128];
    char *argv[16] = {(char *)(uintptr_t) "compare"};
    char said[128];
    int argc = 1;
    int files = 0;
    snprintf(copy, sizeof copy, "%s", words);
    snprintf(said, sizeof said, "%s/said", folder->path);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
        if (strlen(word) == 1) {
            snprintf(paths[files], sizeof paths[0], "%s/%s", folder->path, word);
            argv[argc - 1] = paths[files++];
        }
    }
    fflush(stdout);
    int kept[2] = {dup(1), dup(2)};
    FILE *out = fopen(said, "w+");
    dup2(fileno(out), 1);
    dup2(fileno(out), 2);
    int status = compare_main(argc, argv);
    fflush(stdout);
    dup2(kept[0], 1);
    dup2(kept[1], 2);
    close(kept[0]);
    close(kept[1]);
    rewind(out);
    size_t size = fread(folder->said, 1, sizeof folder->said - 1, out);
    folder->said[size] = 0;
    fclose(out);
    return status;
}

static void expect(struct folder *folder, const char *words, int status, const char *said)
{
    int found = run(folder, words);
    if (found != status || (said != NULL && strstr(folder->said, said) == NULL)) {
        fail_msg("compare %s: status %d, wanted %d and \"%s\" in:\n%s", words, found, status,
                 said == NULL ? "" : said, folder->said);
    }
}

/* Goal:   the exit status is what a CI job needs.
 * Method: B is A, a tenth slower, a tenth faster; with and without conditions. */
static void test_compare_exit_status(void **state)
{
    struct folder *f = *state;
    file_write(f, "a", made(1e6));
    file_write(f, "b", made(0.9e6));
    file_write(f, "c", made(1.001e6));
    expect(f, "a b", 0, "slower");
    expect(f, "b a", 0, "faster");
    expect(f, "a c", 0, "same");
    expect(f, "a b --fail-if slower:5%", 1, "FAILED");
    expect(f, "a b --fail-if slower", 1, "FAILED");
    expect(f, "a b --fail-if slower:15%", 0, "passed");
    expect(f, "b a --fail-if slower:5%", 0, "passed");
    expect(f, "a c --fail-if slower:5%", 0, "passed");
    expect(f, "a c --fail-if slower:5% --metrics deliveries,latency-p50", 0, "passed");
    expect(f, "a c --fail-if slower:5% --metrics memory", 3, "UNDECIDED");
}

/* Goal:   a gate with too little evidence does not pass.
 * Method: 4 runs a side. */
static void test_compare_few_runs_do_not_pass(void **state)
{
    struct folder *f = *state;
    struct made few = made(1e6);
    few.runs = 4;
    file_write(f, "a", few);
    file_write(f, "b", few);
    expect(f, "a b", 0, "too few runs: about 5 a side are needed");
    expect(f, "a b --fail-if slower:5%", 3, "UNDECIDED");
}

/* Goal:   unlike scenarios and machines are refused, and the difference is named.
 * Method: another number of subscribers; another number of CPUs, then forced. */
static void test_compare_refuses_unlike(void **state)
{
    struct folder *f = *state;
    struct made wide = made(1e6);
    wide.subscribers = 1000;
    struct made big = made(1e6);
    big.cpus = 64;
    file_write(f, "a", made(1e6));
    file_write(f, "b", wide);
    file_write(f, "c", big);
    expect(f, "a b", 3, "subscribers: 100 here, 1000 there");
    expect(f, "a c", 3, "cpus: 2 here, 64 there");
    expect(f, "a c --force-machine", 0, "same");
    expect(f, "a b --fail-if slower", 3, "UNDECIDED");
}

/* Goal:   what is no result is not compared.
 * Method: a run with losses; one that the generator limited; files that are no results. */
static void test_compare_refuses_what_is_no_result(void **state)
{
    struct folder *f = *state;
    struct made lossy = made(1e6);
    lossy.incomplete = true;
    struct made bound = made(1e6);
    bound.verdict = "generator_bound";
    file_write(f, "a", made(1e6));
    file_write(f, "b", lossy);
    file_write(f, "c", bound);
    expect(f, "a b", 3, "not everything was delivered");
    expect(f, "a c", 0, "the generator was, or may have been, the bottleneck");
    expect(f, "a c --metrics server-cpu", 0, "same"); /* that is right all the same */
    expect(f, "a c --fail-if slower:5%", 3, "UNDECIDED");
    expect(f, "a d", 2, "d: ");
    char path[128];
    snprintf(path, sizeof path, "%s/d", f->path);
    FILE *file = fopen(path, "w");
    fputs("{\"format\": \"hubload-result\", \"version\": 999, \"runs\": []}", file);
    fclose(file);
    expect(f, "a d", 2, "version 999");
}

/* Goal:   several files a side add up, scenario by scenario.
 * Method: two files of 100 subscribers and one of 1,000 on each side. */
static void test_compare_many_files(void **state)
{
    struct folder *f = *state;
    struct made wide = made(1e6);
    wide.subscribers = 1000;
    file_write(f, "a", made(1e6));
    file_write(f, "b", made(1.0005e6));
    file_write(f, "c", wide);
    expect(f, "a b c vs b a c", 0, "20 runs from 2 starts");
    assert_non_null(strstr(f->said, "100 subscribers"));
    assert_non_null(strstr(f->said, "1,000 subscribers"));
    const char *side = strstr(f->said, "\n  B  ");
    assert_non_null(side);
    assert_null(strstr(side + 1, "\n  B  hub 1, 20 runs")); /* each side is told of once */
    expect(f, "a b c vs a b", 3, "only in A");
}

/* Goal:   runs made in turns are judged pair by pair when asked to, whatever the order of the files.
 * Method: B a tenth slower, 3 s behind A each time, while both swing by a half from run to run: too few
 *         as two samples, plain in pairs; B in two files, the later one first. */
static void test_compare_paired(void **state)
{
    struct folder *f = *state;
    struct made early = made_in_turns(0.9e6, 1003);
    struct made late = made_in_turns(0.9e6, 1003 + 60);
    early.runs = 6;
    late.runs = 4;
    file_write(f, "a", made_in_turns(1e6, 1000));
    file_write(f, "b", made_in_turns(0.9e6, 1003));
    expect(f, "a b --metrics deliveries", 0, "too few runs");
    expect(f, "a b --metrics deliveries --paired", 0, "slower");
    assert_non_null(strstr(f->said, "Wilcoxon"));
    assert_non_null(strstr(f->said, "A came first in 10 of 10 pairs"));
    expect(f, "b a --metrics deliveries --paired", 0, "faster");
    expect(f, "a b --paired --fail-if slower:5%", 1, "FAILED");
    expect(f, "a b --paired --fail-if slower:15%", 0, "passed");
    expect(f, "a a --metrics deliveries --paired", 0, "same");
    file_write(f, "c", early);
    file_write(f, "d", late);
    expect(f, "a vs d c --metrics deliveries --paired", 0, "slower");
}

/* Goal:   what is no pair is not taken for one.
 * Method: one run less; B after all of A; one that does not say when it began. */
static void test_compare_refuses_what_is_no_pair(void **state)
{
    struct folder *f = *state;
    struct made fewer = made_in_turns(1e6, 1003);
    fewer.runs = 9;
    file_write(f, "a", made_in_turns(1e6, 1000));
    file_write(f, "b", fewer);
    file_write(f, "c", made_in_turns(1e6, 2000));
    file_write(f, "d", made(1e6));
    expect(f, "a b --paired", 3, "pairs take as many runs of A as of B");
    expect(f, "a c --paired", 3, "not made in turns");
    expect(f, "a d --paired", 3, "does not say when it began");
    expect(f, "a c --paired --fail-if slower:5%", 3, "UNDECIDED");
    expect(f, "a c --metrics deliveries", 0, "too few runs"); /* two samples all the same */
}

/* Goal:   wrong options are sentences and 2.
 * Method: a few of them. */
static void test_compare_options(void **state)
{
    struct folder *f = *state;
    expect(f, "", 2, "two files");
    expect(f, "a", 2, "two files");
    expect(f, "a b c", 2, "two files");
    expect(f, "a b vs", 2, "two files");
    expect(f, "a b --fail-if faster", 2, "slower:N%");
    expect(f, "a b --fail-if slower:5", 2, "slower:N%");
    expect(f, "a b --metrics speed", 2, "--metrics");
    expect(f, "a b --nonsense", 2, "no such option");
    expect(f, "--help", 0, "hubload compare");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare_equal_is_same),
        cmocka_unit_test(test_compare_a_tenth_is_seen),
        cmocka_unit_test(test_compare_noise_is_no_change),
        cmocka_unit_test(test_compare_pairs_see_through_drift),
        cmocka_unit_test(test_compare_pairs_noise_is_no_change),
        cmocka_unit_test(test_compare_too_few_pairs),
        cmocka_unit_test(test_compare_small_is_same),
        cmocka_unit_test(test_compare_too_few_runs),
        cmocka_unit_test_setup_teardown(test_compare_exit_status, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_compare_few_runs_do_not_pass, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(test_compare_refuses_unlike, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_compare_refuses_what_is_no_result, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(test_compare_many_files, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_compare_paired, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_compare_refuses_what_is_no_pair, folder_make,
                                        folder_remove),
        cmocka_unit_test_setup_teardown(test_compare_options, folder_make, folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
