/*
 * log.h - how does a line get from a worker to the log without the worker ever waiting?
 *
 *                    tail                       head
 *   log_read (sink) ->| line | line | line | ... |<- log_write (owner)
 *                     +---- bounded ring --------+      full: the line is lost and counted
 *
 * Threads:     log_write, log_clock_set: the owner (one thread). log_read, log_lost_take: the sink
 *              (one thread). log_level_set: any thread. log_wants: any thread.
 * Memory:      log_new allocates the ring; log_write and log_read allocate nothing.
 * Limits:      LOG_LINE_MAX bytes a line, a longer one ends in "..."; the ring's size, after which
 *              lines are lost, counted and reported by the sink.
 * Invariants:  (1) Lines come out in the order they went in.
 *              (2) Written = read + lost + still queued.
 *              (3) A line holds no control bytes: what a peer sent cannot start a line of its own.
 * Beware:      a NULL log is allowed in log_wants, log_write and log_clock_set, and wants nothing:
 *              tests need no log.
 */
#ifndef RINGHUB_CORE_LOG_H
#define RINGHUB_CORE_LOG_H

#include "core/base.h"

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From the gravest to the most talkative. */
enum log_level { LOG_FATAL, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_TRACE };

enum {
    LOG_LINE_MAX = 512,          /* bytes of text, without time and level */
    LOG_RING_BYTES = 128 * 1024, /* default; several hundred ordinary lines */
};

struct log;

/* One line on its way out; text is ended by a NUL and carries no line end. */
struct log_line {
    uint64_t time_ns; /* since 1970, as last told to log_clock_set */
    enum log_level level;
    uint32_t size; /* bytes of text */
    char text[LOG_LINE_MAX + 1];
};

/* ring_bytes: a power of two, at least 2048. Lines above `most` are not wanted. */
struct log *log_new(size_t ring_bytes, enum log_level most);
/* No thread may use it any more. Unread lines are gone. */
void log_free(struct log *log);

/* Owner. Tells what time the following lines carry: once a turn. In ns since 1970. */
void log_clock_set(struct log *log, uint64_t epoch_ns);

/* Any thread. For callers whose arguments are dear to make. */
bool log_wants(const struct log *log, enum log_level level);
void log_level_set(struct log *log, enum log_level most);

/* Owner. Formats into the ring; never blocks, never allocates. Control bytes become '?'. */
void log_write(struct log *log, enum log_level level, const char *format, ...) PRINTF(3, 4);
/* The same, with who it is about in front. */
void log_write_about(struct log *log, enum log_level level, const char *who, const char *format,
                     va_list arguments) PRINTF(4, 0);

/* Sink. Takes the oldest line; false: none. */
MUST_USE bool log_read(struct log *log, struct log_line *line);
/* Sink. Lines lost since the last call. */
uint64_t log_lost_take(struct log *log);
/* Any thread. Lines lost since log_new; 0 without a log. */
uint64_t log_lost_total(const struct log *log);

/* "INF", "WRN" … as nats-server prints them. */
const char *log_level_text(enum log_level level);

/* Owner or sink, while the other side rests. */
void log_check(const struct log *log);

#ifdef __cplusplus
}
#endif
#endif
