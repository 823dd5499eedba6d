/* compare_options.c - options, and sentences about wrong ones. */
#include "loadgen/compare_options.h"

#include "loadgen/compare.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char compare_help[] =
    "hubload compare - is B faster than A, slower, or the same?\n"
    "\n"
    "  hubload compare [OPTION…] A.json B.json\n"
    "  hubload compare [OPTION…] A.json… vs B.json…\n"
    "\n"
    "The files are results of hubload (--json). Every run in them counts as one value of each\n"
    "metric; files of several scenarios are compared scenario by scenario. A word needs runs: at\n"
    "least 5 a side to say slower or faster at all; to see 10 %, 12 when runs spread by 5 %, 16 "
    "to\n"
    "20 when some are disturbed. With too few, compare says so. Make them in turns\n"
    "(A, B, A, B, …), each from a fresh server: what one start has in common is no evidence.\n"
    "\n"
    "  --fail-if slower[:N%]  exit with 1 when a metric is slower, and by more than N % (3)\n"
    "  --metrics NAME,…       only these; with --fail-if, judge all of these. Otherwise it judges\n"
    "                         deliveries and server-cpu, in open loop latency-p99 and server-cpu.\n"
    "                         deliveries server-cpu latency-p50 latency-p99 latency-p99.9\n"
    "                         completion-p50 completion-p99 memory connects fairness churn-p99\n"
    "                         generator-cpu coalescing\n"
    "  --paired               runs made in turns are judged two by two: the first of A with the "
    "first\n"
    "                         of B, and so on by the time they began. What a slow minute does to "
    "both\n"
    "                         then cancels out. At least 8 a side; refused where two pairs "
    "overlap\n"
    "  --force-machine        compare although the machines differ\n"
    "\n"
    "Not compared: results in which something was lost, of different scenarios (server, port and\n"
    "seed may differ), of different machines.\n"
    "Exit status: 0 compared, 1 a --fail-if holds, 2 wrong options or files, 3 not comparable or,\n"
    "with --fail-if, too few runs to tell.\n"
    "\n"
    "Examples\n"
    "  hubload compare before.json after.json\n"
    "  hubload compare base-*.json vs new-*.json --fail-if slower:5%\n"
    "  hubload compare --paired A-*.json vs B-*.json\n";

static bool fail_if_parse(struct compare_options *o, const char *text)
{
    static const char slower[] = "slower";
    o->fail_if = true;
    o->fail_if_above = COMPARE_EFFECT;
    if (strncmp(text, slower, sizeof slower - 1) != 0) {
        return false;
    }
    text += sizeof slower - 1;
    if (*text == 0) {
        return true;
    }
    char *end;
    double percent = strtod(text + 1, &end);
    o->fail_if_above = percent / 100;
    return *text == ':' && end != text + 1 && strcmp(end, "%") == 0 && isfinite(percent) &&
           percent >= 0;
}

static bool metrics_parse(struct compare_options *o, const char *text)
{
    while (o->metrics_count < COMPARE_METRICS_MAX) {
        size_t size = strcspn(text, ",");
        const struct metric *metric = metric_find(text, size);
        if (metric == NULL) {
            return false;
        }
        o->metrics[o->metrics_count++] = metric;
        if (text[size] == 0) {
            return true;
        }
        text += size + 1;
    }
    return false;
}

static bool files_parse(struct compare_options *o, int count, char **words)
{
    int vs = 0;
    while (vs < count && strcmp(words[vs], "vs") != 0) {
        vs++;
    }
    o->a = words;
    if (vs == count) {
        o->a_count = 1;
        o->b = words + 1;
        o->b_count = 1;
        return count == 2;
    }
    o->a_count = (size_t)vs;
    o->b = words + vs + 1;
    o->b_count = (size_t)(count - vs - 1);
    return o->a_count != 0 && o->b_count != 0;
}

enum compare_options_verdict compare_options_parse(struct compare_options *o, int argc, char **argv,
                                                   char *error, size_t error_bytes)
{
    static const struct option table[] = {
        {"fail-if", required_argument, NULL, 'f'}, {"metrics", required_argument, NULL, 'm'},
        {"paired", no_argument, NULL, 'p'},        {"force-machine", no_argument, NULL, 'M'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    memset(o, 0, sizeof *o);
    const char *wrong = NULL;
    optind = 0; /* glibc: start over */
    opterr = 0;
    for (int key; wrong == NULL && (key = getopt_long(argc, argv, ":h", table, NULL)) != -1;) {
        if (key == 'h') {
            return COMPARE_OPTIONS_HELP;
        }
        if (key == 'f' && !fail_if_parse(o, optarg)) {
            wrong = "--fail-if is slower or slower:N%";
        } else if (key == 'm' && !metrics_parse(o, optarg)) {
            wrong = "--metrics: names with commas between; --help lists them";
        } else if (key == 'p') {
            o->paired = true;
        } else if (key == 'M') {
            o->force_machine = true;
        } else if (key == '?' || key == ':') {
            snprintf(error, error_bytes, "%s: %s", argv[optind - 1],
                     key == ':' ? "needs a value" : "no such option");
            return COMPARE_OPTIONS_WRONG;
        }
    }
    if (wrong == NULL && !files_parse(o, argc - optind, argv + optind)) {
        wrong = "two files, or files, the word vs, files";
    }
    snprintf(error, error_bytes, "%s", wrong == NULL ? "" : wrong);
    return wrong == NULL ? COMPARE_OPTIONS_RUN : COMPARE_OPTIONS_WRONG;
}
