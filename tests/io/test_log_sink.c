/* test_log_sink.c - rings in, a log file out. */
#include "io/log_sink.h"

// clang-format off
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 256 * 1024, PATH_SIZE = 64 };

struct place {
    char folder[PATH_SIZE];
    char path[PATH_SIZE + 8];
    char text[TEXT_MAX];
};

static int enter_folder(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    *state = place;
    strcpy(place->folder, "/tmp/test_log_sink_XXXXXX");
    if (mkdtemp(place->folder) == NULL) {
        return -1;
    }
    snprintf(place->path, sizeof(place->path), "%s/log", place->folder);
    return 0;
}

static int leave_folder(void **state)
{
    struct place *place = *state;
    unlink(place->path);
    int error = rmdir(place->folder);
    free(place);
    return error;
}

static struct log_sink *open_sink(struct place *place, bool logtime, bool utc)
{
    struct log_sink *sink = NULL;
    struct log_sink_options options = {.path = place->path, .logtime = logtime, .utc = utc};
    assert_int_equal(log_sink_open(&options, &sink), 0);
    return sink;
}

/* The log so far, every "[pid] " taken off so that tests can compare lines. */
static const char *read_log(struct place *place)
{
    char prefix[16];
    snprintf(prefix, sizeof(prefix), "[%d] ", (int)getpid());
    FILE *file = fopen(place->path, "r");
    assert_non_null(file);
    size_t used = 0;
    char line[8192];
    while (fgets(line, sizeof(line), file) != NULL) {
        assert_int_equal(strncmp(line, prefix, strlen(prefix)), 0);
        size_t size = strlen(line + strlen(prefix));
        assert_true(used + size < TEXT_MAX);
        memcpy(place->text + used, line + strlen(prefix), size + 1);
        used += size;
    }
    place->text[used] = '\0';
    fclose(file);
    return place->text;
}

/*
 * Goal:    a line has nats-server's form, to the microsecond.
 * Method:  a known time in UTC.
 */
static void test_format(void **state)
{
    struct place *place = *state;
    struct log *ring = log_new(2048, LOG_TRACE);
    struct log_sink *sink = open_sink(place, true, true);
    log_sink_add(sink, ring);
    log_clock_set(ring, UINT64_C(1795341600) * 1000000000 + 123456789);
    log_write(ring, LOG_TRACE, "hello");
    assert_int_equal(log_sink_drain(sink), 1);
    assert_string_equal(read_log(place), "2026/11/22 10:00:00.123456 [TRC] hello\n");
    log_sink_free(sink);
    log_free(ring);
}

/*
 * Goal:    lines of several rings come out in the order of their times, each ring's in its own.
 * Method:  two rings with interleaved times, one line behind its ring's time.
 */
static void test_merges_by_time(void **state)
{
    struct place *place = *state;
    struct log *rings[2] = {log_new(2048, LOG_INFO), log_new(2048, LOG_INFO)};
    struct log_sink *sink = open_sink(place, false, false);
    static const struct {
        int ring;
        uint64_t time;
        const char *text;
    } lines[] = {{0, 1, "a1"}, {0, 4, "a4"}, {0, 2, "a2"}, {1, 3, "b3"}, {1, 5, "b5"}};
    log_sink_add(sink, rings[0]);
    log_sink_add(sink, rings[1]);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        log_clock_set(rings[lines[i].ring], lines[i].time);
        log_write(rings[lines[i].ring], LOG_INFO, "%s", lines[i].text);
    }
    assert_int_equal(log_sink_drain(sink), COUNT_OF(lines));
    assert_string_equal(read_log(place), "[INF] a1\n[INF] b3\n[INF] a4\n[INF] a2\n[INF] b5\n");
    log_sink_free(sink);
    log_free(rings[0]);
    log_free(rings[1]);
}

/*
 * Goal:    lost lines are reported once, with their number.
 * Method:  overfill a ring, drain twice.
 */
static void test_reports_losses_once(void **state)
{
    struct place *place = *state;
    struct log *ring = log_new(2048, LOG_INFO);
    struct log_sink *sink = open_sink(place, false, false);
    char expected[64];
    log_sink_add(sink, ring);
    for (int i = 0; i < 500; i++) {
        log_write(ring, LOG_INFO, "x");
    }
    size_t printed = log_sink_drain(sink);
    (void)log_sink_drain(sink);
    snprintf(expected, sizeof(expected), "[WRN] %d log lines were lost:", 500 - (int)printed);
    const char *found = strstr(read_log(place), expected);
    assert_non_null(found);
    assert_null(strstr(strchr(found, '\n'), "lost"));
    log_sink_free(sink);
    log_free(ring);
}

/*
 * Goal:    more lines than the sink's buffer holds all reach the file.
 * Method:  long lines of its own, many times the buffer in sum; count line ends.
 */
static void test_many_long_lines(void **state)
{
    struct place *place = *state;
    struct log *ring = log_new(256 * 1024, LOG_INFO);
    struct log_sink *sink = open_sink(place, false, false);
    log_sink_add(sink, ring);
    for (int i = 0; i < 400; i++) {
        log_write(ring, LOG_INFO, "%0500d", i);
    }
    assert_int_equal(log_sink_drain(sink), 400);
    const char *at = read_log(place);
    for (int i = 0; i < 400; i++) {
        char expected[520];
        int size = snprintf(expected, sizeof(expected), "[INF] %0500d\n", i);
        assert_memory_equal(at, expected, (size_t)size);
        at += size;
    }
    log_sink_free(sink);
    log_free(ring);
}

/*
 * Goal:    after the file was moved away, reopening starts a new one, and nothing is lost between.
 * Method:  print, move, print (still to the old), reopen, print.
 */
static void test_reopen(void **state)
{
    struct place *place = *state;
    char moved[PATH_SIZE + 16];
    struct log_sink *sink = open_sink(place, false, false);
    snprintf(moved, sizeof(moved), "%s.1", place->path);
    log_sink_print(sink, LOG_INFO, "one");
    assert_int_equal(rename(place->path, moved), 0);
    log_sink_print(sink, LOG_INFO, "two");
    assert_int_equal(log_sink_reopen(sink), 0);
    log_sink_print(sink, LOG_ERROR, "three");
    assert_string_equal(read_log(place), "[ERR] three\n");
    assert_int_equal(rename(moved, place->path), 0);
    assert_string_equal(read_log(place), "[INF] one\n[INF] two\n");
    log_sink_free(sink);
}

/*
 * Goal:    the log goes on elsewhere and looks otherwise, or stays as it was where it cannot.
 * Method:  to a second file without time stamps, then to one that cannot be, then back.
 */
static void test_change(void **state)
{
    struct place *place = *state;
    char other[PATH_SIZE + 16];
    struct log_sink *sink = open_sink(place, false, false);
    snprintf(other, sizeof(other), "%s.2", place->path);
    const struct log_sink_options to_other = {.path = other};
    const struct log_sink_options to_nowhere = {.path = "/nonexistent/log"};
    const struct log_sink_options back = {.path = place->path};
    log_sink_print(sink, LOG_INFO, "one");
    assert_int_equal(log_sink_change(sink, &to_other), 0);
    log_sink_print(sink, LOG_INFO, "two");
    assert_int_equal(log_sink_change(sink, &to_nowhere), -ENOENT);
    log_sink_print(sink, LOG_INFO, "three");
    assert_int_equal(log_sink_change(sink, &back), 0);
    log_sink_print(sink, LOG_INFO, "four");
    assert_string_equal(read_log(place), "[INF] one\n[INF] four\n");
    assert_int_equal(rename(other, place->path), 0);
    assert_string_equal(read_log(place), "[INF] two\n[INF] three\n");
    log_sink_free(sink);
}

/*
 * Goal:    a log that cannot be opened is an error at the start; stderr cannot be reopened.
 * Method:  a folder that does not exist; no path.
 */
static void test_open_errors(void **state)
{
    (void)state;
    struct log_sink *sink = NULL;
    struct log_sink_options options = {.path = "/nonexistent/log", .logtime = true};
    assert_int_equal(log_sink_open(&options, &sink), -ENOENT);
    options.path = "";
    assert_int_equal(log_sink_open(&options, &sink), 0);
    assert_int_equal(log_sink_reopen(sink), -ENOTSUP);
    log_sink_free(sink);
}

/*
 * Goal:    a reader of stderr that does not read costs lines, not the main thread, and the loss is
 *          reported when it reads again.
 * Method:  stderr becomes a pipe nobody empties; fill it; empty it; drain.
 */
static void test_reader_that_does_not_read(void **state)
{
    (void)state;
    int ends[2];
    struct log_sink *sink = NULL;
    struct log_sink_options options = {.path = NULL};
    int saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    assert_int_equal(log_sink_open(&options, &sink), 0);
    struct log *ring = log_new(256 * 1024, LOG_INFO);
    log_sink_add(sink, ring);
    for (int i = 0; i < 400; i++) { /* 200 KB; a pipe holds 64 */
        log_write(ring, LOG_INFO, "%0500d", i);
    }
    assert_int_equal(log_sink_drain(sink), 400);

    static char text[128 * 1024];
    assert_true(read(ends[0], text, sizeof(text)) > 0);
    (void)log_sink_drain(sink);
    ssize_t size = read(ends[0], text, sizeof(text) - 1);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    assert_true(size > 0);
    text[size] = '\0';
    assert_non_null(strstr(text, "log lines were lost: the log could not be written"));
    close(saved);
    close(ends[0]);
    close(ends[1]);
    log_sink_free(sink);
    log_free(ring);
}

static size_t backups_of(const struct place *place)
{
    glob_t found;
    char pattern[512];
    snprintf(pattern, sizeof(pattern), "%s.[0-9]*", place->path);
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

/*
 * Goal:    a file that reaches its limit becomes a backup and a new one begins; no line is lost, and no
 *          more files stay than were asked for.
 * Method:  lines of known size; the limits change, and go.
 */
static void test_rotation(void **state)
{
    struct place *place = *state;
    struct log_sink *sink = NULL;
    struct log_sink_options options = {.path = place->path, .size_max = 1000, .files_max = 3};
    assert_int_equal(log_sink_open(&options, &sink), 0);
    assert_int_equal(backups_of(place), 0);
    for (int i = 0; i < 100; i++) {
        log_sink_print(sink, LOG_INFO, "%0100d", i);
        assert_true(strlen(read_log(place)) < 1400);
    }
    assert_int_equal(backups_of(place), 2);
    assert_non_null(strstr(read_log(place), "Rotated log, backup saved as \""));
    options.size_max = 0;
    assert_int_equal(log_sink_change(sink, &options), 0);
    for (int i = 0; i < 100; i++) {
        log_sink_print(sink, LOG_INFO, "%0100d", i);
    }
    assert_int_equal(backups_of(place), 2);
    assert_true(strlen(read_log(place)) > 10000);
    options.size_max = 1000; /* what is there already counts */
    options.files_max = 0;
    assert_int_equal(log_sink_change(sink, &options), 0);
    log_sink_print(sink, LOG_INFO, "one");
    assert_int_equal(backups_of(place), 3);
    log_sink_free(sink);
    char command[600];
    snprintf(command, sizeof(command), "rm -f '%s'.*", place->path);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_format, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_merges_by_time, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_reports_losses_once, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_many_long_lines, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_reopen, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_rotation, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_change, enter_folder, leave_folder),
        cmocka_unit_test(test_open_errors),
        cmocka_unit_test(test_reader_that_does_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
