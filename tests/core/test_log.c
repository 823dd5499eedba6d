/* test_log.c - lines through the ring, one thread. */
#include "core/log.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING = 2048 };

/*
 * Goal:    a line comes out as it went in: text, size, level, time.
 * Method:  one line.
 */
static void test_line_survives(void **state)
{
    (void)state;
    struct log *log = log_new(RING, LOG_INFO);
    struct log_line line;
    log_clock_set(log, 42);
    log_write(log, LOG_WARNING, "client %d: %s", 7, "slow");
    assert_true(log_read(log, &line));
    assert_string_equal(line.text, "client 7: slow");
    assert_int_equal(line.size, 14);
    assert_int_equal(line.level, LOG_WARNING);
    assert_int_equal(line.time_ns, 42);
    assert_false(log_read(log, &line));
    log_check(log);
    log_free(log);
}

/*
 * Goal:    only wanted levels are taken, and the wish can change.
 * Method:  lines above and at the level, before and after a change; a NULL log wants nothing.
 */
static void test_levels(void **state)
{
    (void)state;
    struct log *log = log_new(RING, LOG_INFO);
    struct log_line line;
    assert_true(log_wants(log, LOG_FATAL));
    assert_false(log_wants(log, LOG_DEBUG));
    log_write(log, LOG_DEBUG, "not wanted");
    assert_false(log_read(log, &line));
    log_level_set(log, LOG_TRACE);
    log_write(log, LOG_TRACE, "wanted");
    assert_true(log_read(log, &line));
    assert_string_equal(log_level_text(line.level), "TRC");
    assert_false(log_wants(NULL, LOG_FATAL));
    log_write(NULL, LOG_FATAL, "nowhere");
    log_clock_set(NULL, 1);
    log_free(log);
}

/*
 * Goal:    a line longer than LOG_LINE_MAX is cut and marked; one of exactly that size is not.
 * Method:  both sizes.
 */
static void test_long_lines(void **state)
{
    (void)state;
    struct log *log = log_new(RING, LOG_INFO);
    struct log_line line;
    char text[LOG_LINE_MAX + 2];
    memset(text, 'a', sizeof(text));
    text[LOG_LINE_MAX + 1] = '\0';
    log_write(log, LOG_INFO, "%s", text);
    assert_true(log_read(log, &line));
    assert_int_equal(line.size, LOG_LINE_MAX);
    assert_string_equal(line.text + LOG_LINE_MAX - 4, "a...");

    text[LOG_LINE_MAX] = '\0';
    log_write(log, LOG_INFO, "%s", text);
    assert_true(log_read(log, &line));
    assert_string_equal(line.text, text);
    log_free(log);
}

/*
 * Goal:    what a peer sent cannot start a line of its own or speak to a terminal.
 * Method:  control bytes among UTF-8, which must survive.
 */
static void test_control_bytes(void **state)
{
    (void)state;
    struct log *log = log_new(RING, LOG_INFO);
    struct log_line line;
    log_write(log, LOG_INFO, "%s", "a\r\n[1] \x1b[31m\x7f h\xc3\xb6r");
    assert_true(log_read(log, &line));
    assert_string_equal(line.text, "a??[1] ?[31m? h\xc3\xb6r");
    log_free(log);
}

/*
 * Goal:    a full ring loses lines, counts each, keeps the older ones, and takes lines again once
 *          there is room.
 * Method:  writing until lines are lost, then reading all.
 */
static void test_full_ring_counts_losses(void **state)
{
    (void)state;
    struct log *log = log_new(RING, LOG_INFO);
    struct log_line line;
    enum { WRITTEN = 200 };
    for (int i = 0; i < WRITTEN; i++) {
        log_write(log, LOG_INFO, "line %d", i);
        log_check(log);
    }
    int read = 0;
    while (log_read(log, &line)) {
        char expected[32];
        snprintf(expected, sizeof(expected), "line %d", read++);
        assert_string_equal(line.text, expected);
    }
    uint64_t lost = log_lost_take(log);
    assert_true(lost > 0);
    assert_int_equal(read + lost, WRITTEN);
    assert_int_equal(log_lost_take(log), 0);
    log_write(log, LOG_INFO, "again");
    assert_true(log_read(log, &line));
    assert_string_equal(line.text, "again");
    log_check(log);
    log_free(log);
}

/*
 * Goal:    records of every size survive every position of the ring's end.
 * Method:  random writes and reads against a queue of expected sizes; check after each step.
 */
static void test_random_sizes(void **state)
{
    (void)state;
    unsigned seed = 7;
    print_message("seed %u\n", seed);
    struct log *log = log_new(RING, LOG_INFO);
    struct log_line line;
    unsigned written = 0;
    unsigned read = 0;
    unsigned next = 0; /* the number the next line read must carry, or a later one after losses */
    for (int step = 0; step < 50000; step++) {
        if (rand_r(&seed) % 2 == 0) {
            int size = rand_r(&seed) % (LOG_LINE_MAX - 16);
            log_write(log, LOG_INFO, "%08u%*s", written++, size, "");
        } else if (log_read(log, &line)) {
            unsigned number = (unsigned)strtoul(line.text, NULL, 10);
            assert_true(number >= next);
            assert_int_equal(strlen(line.text), line.size);
            assert_int_equal(strspn(line.text + 8, " "), line.size - 8);
            next = number + 1;
            read++;
        }
        log_check(log);
    }
    while (log_read(log, &line)) {
        read++;
    }
    assert_int_equal(read + log_lost_take(log), written);
    log_free(log);
}

/*
 * Goal:    writing and reading allocate nothing.
 * Method:  the thread's allocation counter before and after.
 */
static void test_no_allocation(void **state)
{
    (void)state;
    struct log *log = log_new(RING, LOG_INFO);
    struct log_line line;
    uint64_t before = memory_allocations();
    for (int i = 0; i < 1000; i++) {
        log_write(log, LOG_INFO, "%d", i);
        assert_true(log_read(log, &line));
    }
    assert_int_equal(memory_allocations(), before);
    log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_survives),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_control_bytes),
        cmocka_unit_test(test_full_ring_counts_losses),
        cmocka_unit_test(test_random_sizes),
        cmocka_unit_test(test_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
