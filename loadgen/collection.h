/*
 * collection.h - many results, by server and scenario.
 *
 *                     scenario 0   scenario 1  …
 *   server 0            cell         cell           a cell: the runs of all its files
 *   server 1            cell          -
 *
 * Threads:     main thread.
 * Memory:      owns its results; what is asked for per cell is the caller's, for memory_free.
 */
#ifndef RINGHUB_LOADGEN_COLLECTION_H
#define RINGHUB_LOADGEN_COLLECTION_H

#include "loadgen/metric.h"
#include "loadgen/record.h"
#include "loadgen/stored.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { COLLECTION_NAME_MAX = 128 };

struct collection_server {
    char name[COLLECTION_NAME_MAX]; /* and version */
};

struct collection {
    struct stored *files;
    size_t files_count;
    uint32_t *file_server; /* of each file */
    uint32_t *file_scenario;
    struct collection_server *servers; /* in the order they appear */
    uint32_t servers_count;
    const struct stored **scenarios; /* a file of each; by family, then by subscribers */
    uint32_t scenarios_count;
};

/* Returns false with a sentence in error. */
MUST_USE bool collection_load(struct collection *collection, char **paths, size_t count,
                              char *error, size_t error_bytes);
void collection_free(struct collection *collection);

struct collection_cell {
    size_t files;
    size_t runs;
    size_t bound;      /* runs that the generator limited, or may have */
    const char *fault; /* why it is no result, or NULL */
};

struct collection_cell collection_cell(const struct collection *collection, uint32_t server,
                                       uint32_t scenario);

/* The values of a metric in a cell. */
double *collection_values(const struct collection *collection, uint32_t server, uint32_t scenario,
                          const struct metric *metric, size_t *count);

/* All runs' histograms of "latency" or "completion" in a cell, merged. False when there is none. */
bool collection_record(const struct collection *collection, uint32_t server, uint32_t scenario,
                       const char *key, struct record *record);

#ifdef __cplusplus
}
#endif
#endif
