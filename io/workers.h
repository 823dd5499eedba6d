/*
 * workers.h - all workers: their threads, what they share, and orders from the main thread.
 *
 * Threads:     the main thread calls; workers_start returns when all are running.
 * Memory:      owns ports, log rings and worker threads. The log rings live until workers_free, so
 *              that the sink can drain them after the workers have stopped.
 */
#ifndef RINGHUB_IO_WORKERS_H
#define RINGHUB_IO_WORKERS_H

#include "core/config.h"
#include "core/metrics.h"
#include "io/answer.h"
#include "io/loop.h"
#include "io/worker.h"

#ifdef __cplusplus
extern "C" {
#endif

struct workers;

struct workers_options {
    const struct config *config;    /* borrowed until workers_free */
    const struct loop_probe *probe; /* borrowed for the call */
    const int *listener_fds;        /* borrowed until workers_stop */
    size_t listeners_count;
    struct settings *settings; /* theirs from the call on, whatever it answers */
    uint64_t hash_key;
    uint64_t memory_bytes; /* config_memory_budget */
    uint32_t workers;      /* config_workers */
    uint32_t table_max;    /* sockets live in the rings' tables of at most so many entries; 0: no */
};

/* What INFO says of the server that no configuration knows. */
struct workers_server {
    const char *id;
    uint16_t port;
};

/* What a configuration means for workers. NULL: the names in it are too long for an INFO line. */
struct settings *workers_settings(const struct workers_server *server, const struct config *config);

/* Starts the threads; returns after all are running: 0, or a negative errno with nothing started. */
MUST_USE int workers_start(const struct workers_options *options, struct workers **workers);

/* Gives all workers other settings, which become theirs; returns at once. Not before the last ones
 * have settled. */
void workers_apply(struct workers *workers, struct settings *settings);
/* Every worker has made the last settings known to all its sessions; frees the old ones then. */
MUST_USE bool workers_settled(struct workers *workers);
void workers_log_level(struct workers *workers, enum log_level level);

/* Begins lame duck; returns at once. */
void workers_lame_duck(struct workers *workers);
/* Lame duck is over: every connection is closed. */
bool workers_finished(struct workers *workers);

/* Flushes what is queued, closes everything, joins the threads. After timeout_ns what is left is
 * closed at once; false then. */
bool workers_stop(struct workers *workers, uint64_t timeout_ns);
/* NULL is fine. */
void workers_free(struct workers *workers);

size_t workers_log_rings(struct workers *workers, struct log **rings, size_t max);

/* Any thread but a worker's. Asks every worker and waits, at most timeout_ns for all; answers[i] is
 * worker i's, NULL where it did not answer in time, and each other the caller's to answer_unref.
 * query NULL: counters only. Returns how many answered. */
uint32_t workers_ask(struct workers *workers, const struct snapshot_query *query,
                     uint64_t timeout_ns, struct answer *answers[WORKERS_MAX]);
uint32_t workers_count(const struct workers *workers);

/* Sums of all workers that answer in time. */
void workers_counters(struct workers *workers, struct metrics *sum, struct hub_gauges *gauges,
                      struct loop_stats *loop);

/* Fills the sizes that the memory bound is made of. */
void workers_sizes(const struct config *config, struct config_sizes *sizes);

#ifdef __cplusplus
}
#endif
#endif
