/*
 * metric.h - which figures of a result are compared and drawn, and what they are called.
 *
 * Threads:     constant table.
 */
#ifndef RINGHUB_LOADGEN_METRIC_H
#define RINGHUB_LOADGEN_METRIC_H

#include "core/base.h"

#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

enum metric_unit { METRIC_PER_SECOND, METRIC_NS, METRIC_BYTES, METRIC_NUMBER, METRIC_COUNT };

enum metric_better {
    METRIC_HIGHER,
    METRIC_LOWER,
    METRIC_NEITHER, /* says something about the load, nothing about how good the server is */
};

struct metric {
    const char *name;  /* for options and files */
    const char *title; /* for people */
    enum metric_unit unit;
    enum metric_better better;
    bool needs_headroom; /* means nothing when the generator was the bottleneck */
    bool gates_closed;   /* judged by --fail-if unless --metrics says otherwise: closed loop */
    bool gates_open;     /* open loop */
    bool of_file;        /* one value a file (hence a start of the server), not one a run */
    const char *only;    /* in scenarios of this name; NULL: in all */
    const char *path[3]; /* keys from the run (or the file) down */
};

extern const struct metric metrics[];
extern const size_t metrics_count;

/* NULL when there is none of this name (size characters). */
const struct metric *metric_find(const char *name, size_t size);

/* The value in a run, or in the whole result for those of_file; NAN when it was not measured. */
double metric_value(const struct metric *metric, const json_t *from);

enum { METRIC_TEXT_MAX = 32 };
struct metric_text {
    char at[METRIC_TEXT_MAX];
};
/* With its unit: 1,234,567/s, 12.3 us, 4.56 MB. */
struct metric_text metric_text(enum metric_unit unit, double value);

#ifdef __cplusplus
}
#endif
#endif
