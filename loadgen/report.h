/*
 * report.h - results as text for people and as JSON for programs.
 *
 * Threads:     main thread.
 */
#ifndef RINGHUB_LOADGEN_REPORT_H
#define RINGHUB_LOADGEN_REPORT_H

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
/* failure: why the measurement ended early, or NULL. Returns false with errno when the file cannot
 * be written. */
MUST_USE bool report_json(const struct scenario *scenario, struct result *const *results,
                          uint32_t runs, const char *failure);

#ifdef __cplusplus
}
#endif
#endif
