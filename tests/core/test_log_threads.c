/* test_log_threads.c - one writer, one reader, at the same time. Runs under TSan. */
#include "core/log.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 100000, RING = 4096 };

struct writer {
    struct log *log;
    ATOMIC(bool) done;
    bool patient; /* lets the reader catch up now and then */
};

static void *write_lines(void *argument)
{
    struct writer *writer = argument;
    unsigned seed = 1;
    for (unsigned i = 0; i < LINES; i++) {
        log_clock_set(writer->log, i);
        log_write(writer->log, LOG_INFO, "%u%*s", i, rand_r(&seed) % 400, "");
        if (writer->patient && i % 4 == 0) {
            sched_yield();
        }
    }
    atomic_store_explicit(&writer->done, true, memory_order_release);
    return NULL;
}

/* Checks each line read against its time stamp and the one before. Returns how many came. */
static uint64_t read_lines(struct writer *writer)
{
    uint64_t read = 0;
    uint64_t next = 0;
    for (;;) {
        struct log_line line;
        bool done = atomic_load_explicit(&writer->done, memory_order_acquire);
        if (log_read(writer->log, &line)) {
            assert_true(line.time_ns >= next);
            assert_int_equal(strtoull(line.text, NULL, 10), line.time_ns);
            assert_int_equal(strlen(line.text), line.size);
            next = line.time_ns + 1;
            read++;
        } else if (done) {
            return read;
        } else {
            sched_yield();
        }
    }
}

/*
 * Goal:    between two threads no line is torn, swapped or lost without being counted.
 * Method:  a writer that is sometimes faster than the reader; lines carry their number twice.
 */
static void test_writer_and_reader(void **state)
{
    (void)state;
    for (int patient = 0; patient <= 1; patient++) {
        struct writer writer = {.log = log_new(RING, LOG_INFO), .patient = patient != 0};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, write_lines, &writer), 0);
        uint64_t read = read_lines(&writer);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(read > 0);
        assert_int_equal(read + log_lost_take(writer.log), LINES);
        log_check(writer.log);
        log_free(writer.log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer_and_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
