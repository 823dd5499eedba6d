/*
 * main.c - runs seeds.
 *
 *   sim SEED                    one seed, with its trace
 *   sim --seeds A..B            all of them; then the coverage, which may have no zero
 *   sim --planted NAME          with this mistake built in: succeeds once a seed finds it
 *   sim --planted all           each of them
 */
#include "tests/sim/sim.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FAILURES_MAX = 10, PLANTED_SECONDS_MAX = 120 };

static const char *const bug_names[PLANTED_BUGS_COUNT] = {
    [PLANTED_PARSE_BEFORE_DRAIN] = "parse-before-drain",
    [PLANTED_FLUSH_BEFORE_PUSH] = "flush-before-push",
    [PLANTED_SKIP_HALF_LINKED] = "skip-half-linked",
    [PLANTED_SILENCE_ON_OVERFLOW] = "silence-on-overflow",
    [PLANTED_LOST_REPICK] = "lost-repick",
    [PLANTED_EARLY_FREE] = "early-free",
    [PLANTED_NO_SETTLE] = "no-settle",
    [PLANTED_SHORT_IS_FULL] = "short-is-full",
    [PLANTED_FORGET_DOORBELL] = "forget-doorbell",
    [PLANTED_INTEREST_LOST] = "interest-lost",
    [PLANTED_MAX_OFF_BY_ONE] = "max-off-by-one",
    [PLANTED_ECHO] = "echo",
    [PLANTED_CREDIT_LEAK] = "credit-leak",
    [PLANTED_CONTROL_FIRST] = "control-first",
    [PLANTED_ECHO_EARLY] = "echo-early",
    [PLANTED_REPICK_DANGLES] = "repick-dangles",
    [PLANTED_NO_RESUME] = "no-resume",
    [PLANTED_SAVE_FORGETS_SENT] = "save-forgets-sent",
    [PLANTED_SAVE_FORGETS_COUNT] = "save-forgets-count",
    [PLANTED_LAYOUTS_MIXED] = "layouts-mixed",
    [PLANTED_LOST_503] = "lost-503",
    [PLANTED_SCRUB_SIZE] = "scrub-size",
    [PLANTED_DRAIN_ONE] = "drain-one",
    [PLANTED_CURSOR_BEHIND] = "cursor-behind",
    [PLANTED_END_BEFORE_INPUT] = "end-before-input",
    [PLANTED_TWIN_SILENCED] = "twin-silenced",
    [PLANTED_TWIN_WHOLE] = "twin-whole",
    [PLANTED_LOST_WRITABLE] = "lost-writable",
    [PLANTED_DROP_BEGUN] = "drop-begun",
    [PLANTED_DROP_UNCOUNTED] = "drop-uncounted",
    [PLANTED_LATEST_OLDEST] = "latest-oldest",
    [PLANTED_KEPT_AGAIN] = "kept-again",
    [PLANTED_TRAIL_GAP] = "trail-gap",
    [PLANTED_BACKLOG_GAP] = "backlog-gap",
    [PLANTED_GATE_STAYS] = "gate-stays",
    [PLANTED_HEARS_DENIED] = "hears-denied",
    [PLANTED_LOST_PROOF] = "lost-proof",
    [PLANTED_STALE_ANSWERS] = "stale-answers",
    [PLANTED_ANSWER_TWICE] = "answer-twice",
    [PLANTED_RATE_UNCOUNTED] = "rate-uncounted",
    [PLANTED_STAYS_BEHIND] = "stays-behind",
    [PLANTED_PLATE_SID] = "plate-sid",
    [PLANTED_ROOM_TWICE] = "room-twice",
    [PLANTED_GATHER_UNDRAINED] = "gather-undrained",
    [PLANTED_GATHER_READS_ON] = "gather-reads-on",
};

struct arguments {
    uint64_t first;
    uint64_t last;
    bool traces;
    bool needs_coverage;
    const char *planted;
};

static struct sim *current;

static void asserted(const char *condition, const char *file, int line)
{
    fflush(stdout);
    sim_fail(current, "assertion %s at %s:%d", condition, file, line);
}

static int usage(void)
{
    fprintf(stderr, "usage: sim SEED | --seed N [--trace] | --seeds A..B [--no-coverage] | "
                    "--planted NAME|all [--seeds A..B]\n");
    return 2;
}

static bool parse(int count, char **words, struct arguments *a)
{
    *a = (struct arguments){.first = 1, .last = 2000, .needs_coverage = true};
    for (int i = 1; i < count; i++) {
        char *end;
        if (strcmp(words[i], "--seeds") == 0 && i + 1 < count) {
            a->first = strtoull(words[++i], &end, 10);
            if (strncmp(end, "..", 2) != 0) {
                return false;
            }
            a->last = strtoull(end + 2, &end, 10);
        } else if (strcmp(words[i], "--seed") == 0 && i + 1 < count) {
            a->first = a->last = strtoull(words[++i], &end, 10);
            a->needs_coverage = false;
        } else if (strcmp(words[i], "--planted") == 0 && i + 1 < count) {
            a->planted = words[++i];
        } else if (strcmp(words[i], "--trace") == 0) {
            a->traces = true;
        } else if (strcmp(words[i], "--no-coverage") == 0) {
            a->needs_coverage = false;
        } else if (words[i][0] >= '0' && words[i][0] <= '9') {
            a->first = a->last = strtoull(words[i], &end, 10);
            a->traces = true;
            a->needs_coverage = false;
        } else {
            return false;
        }
    }
    return a->first <= a->last;
}

static int run_seeds(const struct arguments *a)
{
    static struct coverage coverage;
    current = sim_new(&coverage);
    current->traces = a->traces;
    assert_hook_set(asserted);
    uint32_t passed = 0;
    uint32_t failed = 0;
    for (uint64_t seed = a->first; seed <= a->last && failed < FAILURES_MAX; seed++) {
        if (sim_run(current, seed)) {
            passed++;
        } else {
            failed++;
            printf("seed %llu, event %llu: %s\n", (unsigned long long)seed,
                   (unsigned long long)current->events, current->failure);
            printf("  replay: ./dev sim %llu\n", (unsigned long long)seed);
            fflush(stdout);
        }
    }
    if (a->first < a->last) {
        uint32_t missed = coverage_report(&coverage);
        if (a->needs_coverage && missed > 0 && failed == 0) {
            printf("%u paths that must be met were not\n", missed);
            failed++;
        }
    }
    sim_free(current);
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0;
}

/* In a process of its own: what a mistake does to memory may end it. */
static bool is_found(uint32_t bug, const struct arguments *a)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        static struct coverage coverage;
        current = sim_new(&coverage);
        assert_hook_set(asserted);
        planted_bugs = (uint64_t)1 << bug;
        alarm(PLANTED_SECONDS_MAX);
        for (uint64_t seed = a->first; seed <= a->last; seed++) {
            if (!sim_run(current, seed)) {
                printf("%-20s found by seed %llu: %s\n", bug_names[bug], (unsigned long long)seed,
                       current->failure);
                fflush(stdout);
                _exit(1);
            }
        }
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return false;
    }
    if (WIFSIGNALED(status)) {
        printf("%-20s found: signal %d\n", bug_names[bug], WTERMSIG(status));
        return true;
    }
    return WEXITSTATUS(status) != 0;
}

static int run_planted(const struct arguments *a)
{
    uint32_t passed = 0;
    uint32_t failed = 0;
    for (uint32_t bug = 0; bug < PLANTED_BUGS_COUNT; bug++) {
        if (strcmp(a->planted, "all") != 0 && strcmp(a->planted, bug_names[bug]) != 0) {
            continue;
        }
        if (is_found(bug, a)) {
            passed++;
        } else {
            failed++;
            printf("%-20s NOT FOUND by seeds %llu to %llu\n", bug_names[bug],
                   (unsigned long long)a->first, (unsigned long long)a->last);
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 || passed == 0;
}

int main(int count, char **words)
{
    struct arguments a;
    if (!parse(count, words, &a)) {
        return usage();
    }
    /* A seed allocates and frees megabytes: keep them. */
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    return a.planted != NULL ? run_planted(&a) : run_seeds(&a);
}
