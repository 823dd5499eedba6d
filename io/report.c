/* report.c - lines for the operator. */
#include "io/report.h"

#include "core/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    /* stdio, log, signals, listeners, and some air for what libraries open. */
    DESCRIPTORS_OF_PROCESS = 32,
    /* A worker's ring, epoll set, bell and timer, and sockets accepted and not yet handed on. */
    DESCRIPTORS_OF_WORKER = 16,
    TABLE_MAX = 1 << 20, /* IORING_MAX_FIXED_FILES */
    TABLE_SPARE = 1024,  /* entries for clients that are refused or linger */
};

void report_add(struct report *report, const char *format, ...)
{
    if (report->count >= REPORT_LINES_MAX) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->lines[report->count++], REPORT_LINE_MAX, format, arguments);
    va_end(arguments);
}

static const char *count_text(uint32_t count, char *text, size_t size)
{
    if (count == 0) {
        snprintf(text, size, "no limit");
    } else {
        snprintf(text, size, "%" PRIu32, count);
    }
    return text;
}

void report_limits(struct report *report, const struct config *config)
{
    char payload[32] = "no limit of its own";
    char pending[32];
    char control[32];
    char subscriptions[32];
    if (config->max_payload >= 0) {
        units_size_text((uint64_t)config->max_payload, payload, sizeof(payload));
    }
    report_add(report,
               "Limits:   %" PRIu32 " connections; each: payload %s, pending %s, control line %s, "
               "subscriptions %s",
               config->max_connections, payload,
               units_size_text(config->max_pending, pending, sizeof(pending)),
               units_size_text(config->max_control_line, control, sizeof(control)),
               count_text(config->max_subscriptions, subscriptions, sizeof(subscriptions)));
}

void report_memory(struct report *report, const struct memory_bound *bound)
{
    char text[256];
    report_add(report, "Memory:   at most %s, the sum of",
               units_size_text(bound->total_bytes, text, sizeof(text)));
    for (size_t i = 0; i < bound->rows_count; i++) {
        report_add(report, "  %s", memory_row_text(&bound->rows[i], text, sizeof(text)));
    }
    report_add(report, "  outside this sum, in the kernel: what was sent and is not acknowledged "
                       "yet, and what was received and is not read yet (net.ipv4.tcp_mem)");
}

void report_probe(struct report *report, const struct loop_probe *probe)
{
    const char *line = probe->explanation;
    while (*line != '\0') {
        size_t size = strcspn(line, "\n");
        if (size > 0) {
            report_add(report, "%.*s", (int)size, line);
        }
        line += size + (line[size] == '\n' ? 1 : 0);
    }
}

static uint64_t descriptors_needed(uint32_t workers)
{
    return DESCRIPTORS_OF_PROCESS + (uint64_t)workers * DESCRIPTORS_OF_WORKER;
}

uint32_t report_table_max(uint64_t descriptors)
{
    return (uint32_t)MIN_OF(descriptors, (uint64_t)TABLE_MAX);
}

uint32_t report_connections_direct(uint64_t descriptors, uint32_t workers)
{
    uint32_t entries = report_table_max(descriptors);
    if (descriptors / 2 < descriptors_needed(workers)) {
        return 0;
    }
    return workers * (entries - MIN_OF(entries / 8, (uint32_t)TABLE_SPARE));
}

void report_descriptors(struct report *report, uint64_t descriptors, uint32_t workers, bool direct)
{
    if (direct) {
        report_add(report,
                   "Sockets:  in the workers' tables, for at most %" PRIu32
                   " connections; RLIMIT_NOFILE (%" PRIu64 ") counts for each of %" PRIu32,
                   report_connections_direct(descriptors, workers), descriptors, workers);
    } else {
        report_add(report,
                   "Sockets:  among the process's descriptors, for at most %" PRIu32
                   " connections; RLIMIT_NOFILE is %" PRIu64,
                   report_connections_possible(descriptors, workers), descriptors);
    }
}

uint32_t report_connections_possible(uint64_t descriptors, uint32_t workers)
{
    uint64_t needed = descriptors_needed(workers);
    uint64_t left = descriptors > needed ? descriptors - needed : 0;
    return (uint32_t)MIN_OF(left, (uint64_t)UINT32_MAX);
}

/* Appends to a text of REPORT_COUNTERS_MAX bytes. Names become one word: the line is read by
 * scripts as well. */
static void add_counter(char *text, const char *label, const char *name, uint64_t value)
{
    size_t used = strlen(text);
    snprintf(text + used, REPORT_COUNTERS_MAX - used, " %s%s=%" PRIu64, label, name, value);
    for (char *c = text + used + (text[used] == ' '); *c != '\0'; c++) {
        if (*c == ' ') {
            *c = '_';
        }
    }
}

static void add_gauges(char *text, const struct hub_gauges *gauges)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"connections", gauges->sessions},
                {"subscriptions", gauges->subscriptions},
                {"audiences", gauges->audiences},
                {"patterns", gauges->entries},
                {"interest_literals", gauges->interest_literals},
                {"interest_patterns", gauges->interest_patterns},
                {"chunks", gauges->chunks},
                {"chunk_bytes", gauges->chunk_bytes},
                {"pending_entries_bytes", gauges->pending_entries_bytes},
                {"index_bytes", gauges->index_bytes},
                {"input_bytes", gauges->input_bytes},
                {"blocked", gauges->blocked},
                {"envelopes_under_way", gauges->envelopes_under_way}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        add_counter(text, "", rows[i].name, rows[i].value);
    }
}

const char *report_counters(const struct metrics *sum, const struct hub_gauges *gauges,
                            char text[REPORT_COUNTERS_MAX])
{
    snprintf(text, REPORT_COUNTERS_MAX, "counters:");
    add_gauges(text, gauges);
    for (size_t i = 0; i < metrics_counters_count(); i++) {
        add_counter(text, "", metrics_counter_name(i), metrics_counter(sum, i));
    }
    for (int i = 0; i < CLOSE_REASONS_COUNT; i++) {
        if (sum->sessions_closed[i] > 0) {
            add_counter(text, "closed:", close_reason_text((enum close_reason)i),
                        sum->sessions_closed[i]);
        }
    }
    for (int i = 0; i < DROP_REASONS_COUNT; i++) {
        if (sum->deliveries_dropped[i] > 0) {
            add_counter(text, "dropped:", drop_reason_text((enum drop_reason)i),
                        sum->deliveries_dropped[i]);
        }
    }
    return text;
}
