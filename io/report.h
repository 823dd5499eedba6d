/*
 * report.h - what does the hub tell its operator? Lines about the machine, the limits, the memory
 * bound and the counters, ready to be printed by -t or logged at start.
 *
 * Threads:     main thread.
 * Memory:      a report owns its lines; it is large, so keep it off deep stacks.
 * Limits:      REPORT_LINES_MAX lines of REPORT_LINE_MAX bytes; longer ones are cut.
 */
#ifndef RINGHUB_IO_REPORT_H
#define RINGHUB_IO_REPORT_H

#include "core/base.h"
#include "core/config.h"
#include "core/hub.h"
#include "core/metrics.h"
#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { REPORT_LINES_MAX = 48, REPORT_LINE_MAX = 512, REPORT_COUNTERS_MAX = 6144 };

struct report {
    size_t count;
    char lines[REPORT_LINES_MAX][REPORT_LINE_MAX];
};

/* Appends one line; beyond REPORT_LINES_MAX it is dropped. */
void report_add(struct report *report, const char *format, ...) PRINTF(2, 3);

/* The limits in force. */
void report_limits(struct report *report, const struct config *config);

/* The memory bound: the sum, then a line per term. */
void report_memory(struct report *report, const struct memory_bound *bound);

/* The probe's sentences, a line each. */
void report_probe(struct report *report, const struct loop_probe *probe);

/* Connections that fit into a limit of descriptors, after what the hub itself needs. */
uint32_t report_connections_possible(uint64_t descriptors, uint32_t workers);

/* Sockets in the rings' tables: entries that a worker's table may have, and connections of all
 * workers, with some entries left for those that are refused or linger. 0: the limit is too low for
 * the descriptors that the hub still needs. */
uint32_t report_table_max(uint64_t descriptors);
uint32_t report_connections_direct(uint64_t descriptors, uint32_t workers);

/* Where sockets live, and how many that allows. */
void report_descriptors(struct report *report, uint64_t descriptors, uint32_t workers, bool direct);

/* "counters: connections=2 subscriptions=10 …", reasons only where they are not zero. Returns
 * text. */
const char *report_counters(const struct metrics *sum, const struct hub_gauges *gauges,
                            char text[REPORT_COUNTERS_MAX]);

#ifdef __cplusplus
}
#endif
#endif
