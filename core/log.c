/*
 * log.c - a byte ring of records; each is a header and its text, padded to eight bytes.
 *
 * Positions only grow; the ring's size is a power of two, so a position masked is a place. A record
 * may wrap around the end: it is copied in two pieces, so no byte is wasted on padding at the end.
 */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct record {
    uint64_t time_ns;
    uint32_t size; /* bytes of text */
    uint32_t level;
};

struct log {
    /* Written by the owner. */
    alignas(CACHE_LINE) ATOMIC(uint64_t) head; /* where the next record goes */
    ATOMIC(uint64_t) lost;                     /* lines that found no room */
    uint64_t tail_seen;                        /* saves the owner most looks at tail */
    uint64_t clock_ns;
    uint64_t written; /* lines asked for and wanted */

    /* Written by the sink. */
    alignas(CACHE_LINE) ATOMIC(uint64_t) tail; /* the oldest record */
    uint64_t lost_taken;
    uint64_t read;

    /* Written by nobody after log_new, but for the level. */
    alignas(CACHE_LINE) ATOMIC(int) most;
    uint64_t mask;
    uint8_t *ring;
};

enum { RING_BYTES_MIN = 2048, RECORD_ALIGN = 8 };

static_assert(sizeof(struct record) + LOG_LINE_MAX <= RING_BYTES_MIN, "any line fits any ring");

struct log *log_new(size_t ring_bytes, enum log_level most)
{
    ASSERT(ring_bytes >= RING_BYTES_MIN);
    ASSERT((ring_bytes & (ring_bytes - 1)) == 0);
    struct log *log = memory_alloc_aligned(CACHE_LINE, sizeof(*log));
    log->ring = memory_alloc(ring_bytes);
    log->mask = ring_bytes - 1;
    atomic_init(&log->most, (int)most);
    return log;
}

void log_free(struct log *log)
{
    if (log != NULL) {
        memory_free(log->ring);
        memory_free(log);
    }
}

void log_clock_set(struct log *log, uint64_t epoch_ns)
{
    if (log != NULL) {
        log->clock_ns = epoch_ns;
    }
}

/* Relaxed: the level guards no other data; a line more or less around a change is fine. */
bool log_wants(const struct log *log, enum log_level level)
{
    return log != NULL && (int)level <= atomic_load_explicit(&log->most, memory_order_relaxed);
}

void log_level_set(struct log *log, enum log_level most)
{
    atomic_store_explicit(&log->most, (int)most, memory_order_relaxed);
}

static uint64_t record_space(uint32_t text_size)
{
    uint64_t space = sizeof(struct record) + text_size;
    return (space + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1);
}

static void ring_put(struct log *log, uint64_t at, const void *data, size_t size)
{
    size_t place = (size_t)(at & log->mask);
    size_t first = MIN_OF(size, (size_t)(log->mask + 1) - place);
    memcpy(log->ring + place, data, first);
    memcpy(log->ring, (const uint8_t *)data + first, size - first);
}

static void ring_get(const struct log *log, uint64_t at, void *data, size_t size)
{
    size_t place = (size_t)(at & log->mask);
    size_t first = MIN_OF(size, (size_t)(log->mask + 1) - place);
    memcpy(data, log->ring + place, first);
    memcpy((uint8_t *)data + first, log->ring, size - first);
}

/* A newline in a client's name would otherwise start a line that nobody wrote, and an escape
 * sequence would speak to the operator's terminal. */
static void replace_control_bytes(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c == 0x7f) {
            text[i] = '?';
        }
    }
}

static bool ring_has_room(struct log *log, uint64_t head, uint64_t space)
{
    uint64_t size = log->mask + 1;
    if (head + space - log->tail_seen <= size) {
        return true;
    }
    /* L4: pairs with L3 in log_read. A tail seen here means that the sink has copied all before it,
     * so those bytes may be written over. */
    log->tail_seen = atomic_load_explicit(&log->tail, memory_order_acquire);
    return head + space - log->tail_seen <= size;
}

static void append(struct log *log, enum log_level level, const char *text, uint32_t size)
{
    /* Relaxed: this thread alone writes head and lost. */
    uint64_t head = atomic_load_explicit(&log->head, memory_order_relaxed);
    uint64_t space = record_space(size);
    log->written++;
    if (!ring_has_room(log, head, space)) {
        /* Relaxed: a count that guards nothing; the sink reports it whenever it sees it. */
        uint64_t lost = atomic_load_explicit(&log->lost, memory_order_relaxed);
        atomic_store_explicit(&log->lost, lost + 1, memory_order_relaxed);
        return;
    }
    struct record record = {log->clock_ns, size, (uint32_t)level};
    ring_put(log, head, &record, sizeof(record));
    ring_put(log, head + sizeof(record), text, size);
    /* L1: pairs with L2 in log_read. A sink that sees this head sees the whole record. */
    atomic_store_explicit(&log->head, head + space, memory_order_release);
}

void log_write_about(struct log *log, enum log_level level, const char *who, const char *format,
                     va_list arguments)
{
    if (!log_wants(log, level)) {
        return;
    }
    char text[LOG_LINE_MAX + 1];
    size_t size = MIN_OF(strlen(who), (size_t)LOG_LINE_MAX);
    memcpy(text, who, size);
    int printed = vsnprintf(text + size, sizeof(text) - size, format, arguments);
    ASSERT(printed >= 0);

    size += (size_t)printed;
    if (size > LOG_LINE_MAX) {
        size = LOG_LINE_MAX;
        memcpy(text + size - 3, "...", 3);
    }
    replace_control_bytes(text, size);
    append(log, level, text, (uint32_t)size);
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_write_about(log, level, "", format, arguments);
    va_end(arguments);
}

bool log_read(struct log *log, struct log_line *line)
{
    /* Relaxed: this thread alone writes tail. */
    uint64_t tail = atomic_load_explicit(&log->tail, memory_order_relaxed);
    /* L2: pairs with L1 in append. */
    uint64_t head = atomic_load_explicit(&log->head, memory_order_acquire);
    if (tail == head) {
        return false;
    }
    struct record record;
    ring_get(log, tail, &record, sizeof(record));
    ASSERT(record.size <= LOG_LINE_MAX);
    ASSERT(record.level <= LOG_TRACE);
    line->time_ns = record.time_ns;
    line->level = (enum log_level)record.level;
    line->size = record.size;
    ring_get(log, tail + sizeof(record), line->text, record.size);
    line->text[record.size] = '\0';
    log->read++;
    /* L3: pairs with L4 in ring_has_room. The record's bytes are copied before they are given back.
     */
    atomic_store_explicit(&log->tail, tail + record_space(record.size), memory_order_release);
    return true;
}

uint64_t log_lost_take(struct log *log)
{
    /* Relaxed: see append. */
    uint64_t lost = atomic_load_explicit(&log->lost, memory_order_relaxed);
    uint64_t fresh = lost - log->lost_taken;
    log->lost_taken = lost;
    return fresh;
}

uint64_t log_lost_total(const struct log *log)
{
    /* Relaxed: a count, nothing hangs on it. */
    return log != NULL ? atomic_load_explicit(&log->lost, memory_order_relaxed) : 0;
}

const char *log_level_text(enum log_level level)
{
    static const char *const texts[] = {"FTL", "ERR", "WRN", "INF", "DBG", "TRC"};
    ASSERT((size_t)level < COUNT_OF(texts));
    return texts[level];
}

void log_check(const struct log *log)
{
    uint64_t head = atomic_load_explicit(&log->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&log->tail, memory_order_acquire);
    ASSERT(head - tail <= log->mask + 1);
    ASSERT(log->tail_seen <= tail);

    uint64_t queued = 0;
    while (tail != head) {
        struct record record;
        ASSERT(head - tail >= sizeof(record));
        ring_get(log, tail, &record, sizeof(record));
        ASSERT(record.size <= LOG_LINE_MAX);
        ASSERT(record.level <= LOG_TRACE);
        tail += record_space(record.size);
        queued++;
    }
    uint64_t lost = atomic_load_explicit(&log->lost, memory_order_relaxed);
    ASSERT(log->written == log->read + lost + queued);
    ASSERT(log->lost_taken <= lost);
}
