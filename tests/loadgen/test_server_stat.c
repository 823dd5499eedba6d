/* test_server_stat.c - what is read of a process: of this one, which does known things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/server_stat.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double cpu_s(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* Goal:   CPU time between two looks is what the process used between them.
 * Method: use a tenth of a second; the two looks must enclose it, and the busiest thread is ours.
 */
static void test_server_stat_sees_cpu_time(void **state)
{
    (void)state;
    static struct server_stat from;
    static struct server_stat to;
    assert_int_equal(server_stat_read(getpid(), &from), 0);
    double begin = cpu_s();
    while (cpu_s() - begin < 0.1) {
    }
    assert_int_equal(server_stat_read(getpid(), &to), 0);
    struct server_use use = server_stat_between(&from, &to);
    assert_true(use.known);
    assert_true(use.user_s + use.system_s >= 0.099);
    assert_true(use.user_s + use.system_s <= use.wall_s * 1.01 + 0.001);
    assert_true(use.busiest_thread * use.wall_s >= 0.09);
    assert_true(use.rss_bytes > 100000);
    assert_true(use.rss_peak_bytes >= use.rss_bytes / 2);
    assert_int_equal(from.threads_count, 1);
    assert_true(use.cpus >= 1);
}

/* Goal:   sleeping is a voluntary switch, and uses no CPU.
 * Method: ten short sleeps. */
static void test_server_stat_sees_switches(void **state)
{
    (void)state;
    static struct server_stat from;
    static struct server_stat to;
    struct timespec nap = {0, 1000000};
    assert_int_equal(server_stat_read(getpid(), &from), 0);
    for (int i = 0; i < 10; i++) {
        nanosleep(&nap, NULL);
    }
    assert_int_equal(server_stat_read(getpid(), &to), 0);
    struct server_use use = server_stat_between(&from, &to);
    assert_true(use.switches_voluntary >= 10);
    assert_true(use.wall_s >= 0.01);
}

/* Goal:   no such process is an error, not a zero.
 * Method: a number above every pid. */
static void test_server_stat_of_nobody(void **state)
{
    (void)state;
    static struct server_stat stat;
    assert_true(server_stat_read(1 << 23, &stat) < 0);
}

/* Goal:   counters that go back because threads ended are no use at all, rather than a huge one.
 * Method: two looks made up. */
static void test_server_stat_never_negative(void **state)
{
    (void)state;
    static struct server_stat from;
    static struct server_stat to;
    from.at_ns = 1;
    to.at_ns = 1000000001;
    from.switches_voluntary = 100;
    to.switches_voluntary = 40;
    from.cpu_ns = 5;
    from.threads_count = 1;
    to.threads_count = 1;
    from.threads[0].tid = 7;
    from.threads[0].cpu_ns = 50;
    to.threads[0].tid = 7;
    to.threads[0].cpu_ns = 40;
    struct server_use use = server_stat_between(&from, &to);
    assert_int_equal(use.switches_voluntary, 0);
    assert_true(use.user_s + use.system_s == 0);
    assert_true(use.busiest_thread == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_stat_sees_cpu_time),
        cmocka_unit_test(test_server_stat_sees_switches),
        cmocka_unit_test(test_server_stat_of_nobody),
        cmocka_unit_test(test_server_stat_never_negative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
