/*
 * report.h - results as text for people and as JSON for programs.
 *
 * Threads:     main thread.
 */
#ifndef RINGHUB_LOADGEN_REPORT_H
#define RINGHUB_LOADGEN_REPORT_H

#include "loadgen/capacity.h"
#include "loadgen/result.h"
#include "loadgen/scenario.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One run. Colours when out is a terminal and NO_COLOR is not set. */
void report_run(FILE *out, const struct scenario *scenario, const struct result *result,
                uint32_t run);
/* Several runs side by side; nothing for a single one. */
void report_runs(FILE *out, const struct scenario *scenario, struct result *const *results,
                 uint32_t runs);
/* One probe of the search for the capacity; then what came of all. */
void report_probe(FILE *out, const struct scenario *scenario, const struct capacity_probe *probe);
void report_capacity(FILE *out, const struct scenario *scenario, const struct capacity *capacity);
/* Of the JSON. Grows when a key changes its meaning or goes, not when one is added. */
enum { REPORT_JSON_VERSION = 1 };

/* A measurement: its runs, and what holds for all of them. */
struct report {
    const struct scenario *scenario;
    struct result *const *results;
    uint32_t runs;
    const char *failure;          /* why it ended early, or NULL */
    const char *greeting;         /* of the server; may be empty */
    uint64_t rss_empty_bytes;     /* the server's before we connected; 0: not known */
    uint64_t rss_connected_bytes; /* and when all were connected */
};

/* Writes scenario->json_path; docs/results.md describes it. Returns false with errno when the file
 * cannot be written. */
MUST_USE bool report_json(const struct report *report);
/* Writes HdrHistogram logs that begin with scenario->hlog_prefix. Likewise. */
MUST_USE bool report_hlog(const struct report *report);

#ifdef __cplusplus
}
#endif
#endif
