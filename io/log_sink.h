/*
 * log_sink.h - how do the lines of all rings become one log on stderr or in a file?
 *
 *   worker's ring ──┐
 *   worker's ring ──┼── log_sink_drain: oldest first ──▶ buffer ──▶ write, in small pieces
 *   log_sink_print ─┘
 *
 *   [pid] 2026/11/22 10:00:00.000000 [INF] text          as nats-server; without date if so asked
 *   {"time":"2026-11-22T10:00:00.000000Z","level":"info","pid":1,"text":"…"}                or so
 *
 * Threads:     one, the main thread, but for log_sink_lost. The rings' owners are other threads.
 * Memory:      owns its file and buffer; borrows the rings until log_sink_free.
 * Limits:      LOG_SINK_RINGS_MAX rings; a reader of stderr that does not read for
 *              LOG_SINK_PATIENCE_MS costs the lines of that write, counted and reported.
 * Invariants:  (1) Lines of one ring keep their order.
 *              (2) Every lost line is reported once, as a [WRN] line.
 *              (3) A file is larger than size_max by less than one write.
 */
#ifndef RINGHUB_IO_LOG_SINK_H
#define RINGHUB_IO_LOG_SINK_H

#include "core/base.h"
#include "core/limits.h"
#include "core/log.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LOG_SINK_RINGS_MAX = WORKERS_MAX + 1, LOG_SINK_PATIENCE_MS = 100 };

struct log_sink;

struct log_sink_options {
    const char *path;   /* NULL or empty: stderr; borrowed for the call */
    bool logtime;       /* print date and time */
    bool utc;           /* in UTC instead of the local zone */
    bool json;          /* one JSON object a line, its time always in UTC */
    uint64_t size_max;  /* of a file: then it becomes a backup (log_backup.h); 0: no limit */
    uint32_t files_max; /* the file and its backups; 0: no limit */
};

/* Opens (appending, creating) the file. Returns 0 or a negative errno. */
MUST_USE int log_sink_open(const struct log_sink_options *options, struct log_sink **sink);

/* Drains, writes what is buffered, closes. The rings are not touched afterwards. */
void log_sink_free(struct log_sink *sink);

/* From now on this ring is drained too. Borrowed. */
void log_sink_add(struct log_sink *sink, struct log *ring);

/* Takes the lines that are there now and writes them. Returns how many. */
size_t log_sink_drain(struct log_sink *sink);

/* The main thread's own line, stamped now; what the rings hold goes first. LOG_FATAL is repeated on
 * stderr if the log is a file, because whoever started the program looks there. */
void log_sink_print(struct log_sink *sink, enum log_level level, const char *format, ...)
    PRINTF(3, 4);

/* Any thread. Lines lost in writing; those lost in the rings count there. */
uint64_t log_sink_lost(const struct log_sink *sink);

/* After somebody moved the file away: opens the path anew. On failure the old file stays in use.
 * Returns 0 or a negative errno; -ENOTSUP: the log is not a file. */
MUST_USE int log_sink_reopen(struct log_sink *sink);

/* From now on lines go there, and look like that. On failure everything stays as it was. Returns 0 or
 * a negative errno. */
MUST_USE int log_sink_change(struct log_sink *sink, const struct log_sink_options *options);

#ifdef __cplusplus
}
#endif
#endif
