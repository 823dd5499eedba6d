/*
 * log_sink.c - merges rings by time stamp: one line of each ring is held in hand, the oldest is
 * printed, and its ring asked for the next.
 */
#include "io/log_sink.h"

#include "core/proto/json.h"
#include "io/log_backup.h"
#include "io/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 64 * 1024,
    PREFIX_BYTES_MAX = 96,
    DRAIN_LINES_MAX = 8192, /* one drain ends even if workers write faster than it prints */
};

struct source {
    struct log *ring; /* borrowed */
    bool held;        /* line is taken from the ring and not printed yet */
    struct log_line line;
};

struct log_sink {
    int fd;
    bool logtime;
    bool utc;
    bool json;
    bool is_rotating;
    pid_t pid;
    uint64_t size; /* of the file */
    uint64_t size_max;
    uint32_t files_max;
    char path[PATH_MAX];  /* empty: stderr */
    int64_t stamp_second; /* the second that stamp spells out; -1: none yet */
    char stamp[32];
    uint64_t unwritten_lines; /* lines in the buffer */
    uint64_t unreported;      /* lines lost in write and not yet said so */
    ATOMIC(uint64_t) lost;    /* lines lost in write */
    size_t sources_count;
    struct source sources[LOG_SINK_RINGS_MAX];
    size_t used;
    char buffer[BUFFER_BYTES];
};

static int open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    return fd < 0 ? -errno : fd;
}

/* A descriptor, or a negative errno. */
static int open_path(const char *path)
{
    if (path == NULL || path[0] == '\0') {
        return STDERR_FILENO;
    }
    return strlen(path) < PATH_MAX ? open_file(path) : -ENAMETOOLONG;
}

static uint64_t size_of(int fd)
{
    off_t end = lseek(fd, 0, SEEK_END);
    return end > 0 ? (uint64_t)end : 0; /* a pipe has none */
}

static void use(struct log_sink *sink, int fd, const struct log_sink_options *options)
{
    sink->fd = fd;
    sink->logtime = options->logtime;
    sink->utc = options->utc;
    sink->json = options->json;
    sink->size_max = options->size_max;
    sink->files_max = options->files_max;
    sink->stamp_second = -1;
    sink->path[0] = '\0';
    if (fd != STDERR_FILENO) {
        memcpy(sink->path, options->path, strlen(options->path) + 1);
        sink->size = size_of(fd);
    }
}

int log_sink_open(const struct log_sink_options *options, struct log_sink **sink)
{
    int fd = open_path(options->path);
    if (fd < 0) {
        return fd;
    }
    struct log_sink *s = memory_alloc(sizeof(*s));
    use(s, fd, options);
    s->pid = getpid();
    tzset();
    *sink = s;
    return 0;
}

void log_sink_add(struct log_sink *sink, struct log *ring)
{
    ASSERT(ring != NULL);
    ASSERT(sink->sources_count < LOG_SINK_RINGS_MAX);
    sink->sources[sink->sources_count++].ring = ring;
}

/* True once fd takes a write of up to PIPE_BUF bytes without waiting (pipe(7)). Files always do. */
static bool wait_for_room(int fd)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    int ready = poll(&room, 1, LOG_SINK_PATIENCE_MS);
    return ready > 0 && (room.revents & POLLOUT) != 0;
}

/* In pieces of PIPE_BUF: a reader of stderr that stops reading must not stop the main thread, which
 * also takes the signals. False: the rest is lost. */
static bool write_patiently(int fd, const char *data, size_t size)
{
    while (size > 0) {
        if (!wait_for_room(fd)) {
            return false;
        }
        ssize_t written = write(fd, data, MIN_OF(size, (size_t)PIPE_BUF));
        if (written < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        data += written;
        size -= (size_t)written;
    }
    return true;
}

static void rotate_if_full(struct log_sink *sink);

static void flush(struct log_sink *sink)
{
    sink->size += sink->used;
    if (sink->used > 0 && !write_patiently(sink->fd, sink->buffer, sink->used)) {
        sink->unreported += sink->unwritten_lines;
        /* Relaxed: a count, nothing hangs on it. */
        atomic_fetch_add_explicit(&sink->lost, sink->unwritten_lines, memory_order_relaxed);
    }
    sink->used = 0;
    sink->unwritten_lines = 0;
    rotate_if_full(sink);
}

/* "2026/11/22 10:00:00.000000 "; spelling out a second anew only when it changes. */
static int format_time(struct log_sink *sink, uint64_t time_ns, char *text, size_t size)
{
    if (!sink->logtime) {
        text[0] = '\0';
        return 0;
    }
    int64_t second = (int64_t)(time_ns / 1000000000);
    if (second != sink->stamp_second) {
        time_t clock = (time_t)second;
        struct tm parts;
        (void)(sink->utc ? gmtime_r(&clock, &parts) : localtime_r(&clock, &parts));
        strftime(sink->stamp, sizeof(sink->stamp), "%Y/%m/%d %H:%M:%S", &parts);
        sink->stamp_second = second;
    }
    return snprintf(text, size, "%s.%06u ", sink->stamp, (unsigned)(time_ns % 1000000000 / 1000));
}

uint64_t log_sink_lost(const struct log_sink *sink)
{
    return atomic_load_explicit(&sink->lost, memory_order_relaxed);
}

/* One line as a JSON object. What is no UTF-8 in it becomes U+FFFD; a line holds no control bytes. */
static void append_json(struct log_sink *sink, enum log_level level, uint64_t time_ns,
                        const char *text, size_t text_size)
{
    static const char *const names[] = {"fatal", "error", "warning", "info", "debug", "trace"};
    char stamp[64];
    time_t second = (time_t)(time_ns / 1000000000);
    struct tm parts;
    gmtime_r(&second, &parts);
    size_t used = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(stamp + used, sizeof(stamp) - used, ".%06uZ", (unsigned)(time_ns % 1000000000 / 1000));
    char *clean = memory_resize(NULL, 3 * text_size + 1);
    size_t clean_size = json_clean_utf8(bytes_of(text, text_size), clean);
    json_t *object = json_pack("{s:s,s:s,s:i,s:s%}", "time", stamp, "level", names[level], "pid",
                               (int)sink->pid, "text", clean, clean_size);
    memory_free(clean);
    ASSERT(object != NULL);
    size_t size = json_dumpb(object, NULL, 0, JSON_COMPACT);
    if (sink->used + size + 1 > BUFFER_BYTES) {
        flush(sink);
    }
    ASSERT(size + 1 <= BUFFER_BYTES);
    sink->used += json_dumpb(object, sink->buffer + sink->used, size, JSON_COMPACT);
    sink->buffer[sink->used++] = '\n';
    sink->unwritten_lines++;
    json_decref(object);
}

static void append(struct log_sink *sink, enum log_level level, uint64_t time_ns, const char *text,
                   size_t text_size)
{
    if (sink->json) {
        append_json(sink, level, time_ns, text, text_size);
        return;
    }
    char stamp[64];
    format_time(sink, time_ns, stamp, sizeof(stamp));
    if (sink->used + PREFIX_BYTES_MAX + text_size + 1 > BUFFER_BYTES) {
        flush(sink);
    }
    sink->used += (size_t)snprintf(sink->buffer + sink->used, PREFIX_BYTES_MAX, "[%d] %s[%s] ",
                                   (int)sink->pid, stamp, log_level_text(level));
    memcpy(sink->buffer + sink->used, text, text_size);
    sink->used += text_size;
    sink->buffer[sink->used++] = '\n';
    sink->unwritten_lines++;
}

static void append_loss(struct log_sink *sink, uint64_t lost, const char *why)
{
    char text[LOG_LINE_MAX];
    int size = snprintf(text, sizeof(text), "%" PRIu64 " log lines were lost: %s", lost, why);
    append(sink, LOG_WARNING, sys_wall_ns(), text, (size_t)size);
}

static void append_own(struct log_sink *sink, enum log_level level, const char *text, size_t size)
{
    append(sink, level, sys_wall_ns(), text, MIN_OF(size, (size_t)LOG_LINE_MAX));
}

/* The buffer is empty. What cannot be moved away grows on; that is said with every limit's worth. */
static void rotate_if_full(struct log_sink *sink)
{
    if (sink->size_max == 0 || sink->path[0] == '\0' || sink->size < sink->size_max ||
        sink->is_rotating) {
        return;
    }
    char backup[LOG_BACKUP_PATH_MAX];
    char text[LOG_LINE_MAX];
    int size;
    sink->is_rotating = true;
    int error = log_backup_make(sink->path, sink->utc, backup);
    int fd = error == 0 ? open_file(sink->path) : error;
    if (fd >= 0) {
        close(sink->fd);
        sink->fd = fd;
        size = snprintf(text, sizeof(text), "Rotated log, backup saved as \"%.400s\"", backup);
        append_own(sink, LOG_INFO, text, (size_t)size);
        if (sink->files_max > 0) {
            log_backup_purge(sink->path, sink->files_max - 1);
        }
    } else {
        size = snprintf(text, sizeof(text), "cannot rotate the log: %s", strerror(-fd));
        append_own(sink, LOG_ERROR, text, (size_t)size);
    }
    sink->size = 0;
    flush(sink);
    sink->is_rotating = false;
}

/* The source whose next line is the oldest; NULL: all rings are empty. */
static struct source *oldest(struct log_sink *sink)
{
    struct source *found = NULL;
    for (size_t i = 0; i < sink->sources_count; i++) {
        struct source *source = &sink->sources[i];
        if (!source->held) {
            source->held = log_read(source->ring, &source->line);
        }
        if (source->held && (found == NULL || source->line.time_ns < found->line.time_ns)) {
            found = source;
        }
    }
    return found;
}

size_t log_sink_drain(struct log_sink *sink)
{
    size_t lines = 0;
    while (lines < DRAIN_LINES_MAX) {
        struct source *source = oldest(sink);
        if (source == NULL) {
            break;
        }
        append(sink, source->line.level, source->line.time_ns, source->line.text,
               source->line.size);
        source->held = false;
        lines++;
    }
    uint64_t lost = 0;
    for (size_t i = 0; i < sink->sources_count; i++) {
        lost += log_lost_take(sink->sources[i].ring);
    }
    if (lost > 0) {
        append_loss(sink, lost, "they came faster than the log takes them");
    }
    if (sink->unreported > 0) {
        uint64_t unreported = sink->unreported;
        sink->unreported = 0;
        append_loss(sink, unreported, "the log could not be written");
    }
    flush(sink);
    return lines;
}

void log_sink_print(struct log_sink *sink, enum log_level level, const char *format, ...)
{
    char text[8 * LOG_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ASSERT(size >= 0);
    size = MIN_OF(size, (int)sizeof(text) - 1);

    (void)log_sink_drain(sink);
    append(sink, level, sys_wall_ns(), text, (size_t)size);
    flush(sink);
    if (level == LOG_FATAL && sink->fd != STDERR_FILENO) {
        text[size] = '\n';
        (void)write_patiently(STDERR_FILENO, text, (size_t)size + 1);
    }
}

int log_sink_reopen(struct log_sink *sink)
{
    if (sink->path[0] == '\0') {
        return -ENOTSUP;
    }
    (void)log_sink_drain(sink);
    int fd = open_file(sink->path);
    if (fd < 0) {
        return fd;
    }
    close(sink->fd);
    sink->fd = fd;
    sink->size = size_of(fd);
    return 0;
}

int log_sink_change(struct log_sink *sink, const struct log_sink_options *options)
{
    int fd = open_path(options->path);
    if (fd < 0) {
        return fd;
    }
    (void)log_sink_drain(sink);
    if (sink->fd != STDERR_FILENO) {
        close(sink->fd);
    }
    use(sink, fd, options);
    return 0;
}

void log_sink_free(struct log_sink *sink)
{
    if (sink == NULL) {
        return;
    }
    while (log_sink_drain(sink) == DRAIN_LINES_MAX) {
    }
    if (sink->fd != STDERR_FILENO) {
        close(sink->fd);
    }
    memory_free(sink);
}
