/*
 * Goal:    what the machine is asked comes back plausible, and limits are respected.
 * Method:  each answer is compared with another way to ask.
 */
#include "io/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static void test_time_never_goes_back(void **state)
{
    (void)state;
    uint64_t last = sys_now_ns();
    assert_true(last > 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = sys_now_ns();
        assert_true(now >= last);
        last = now;
    }
    assert_true(sys_now_coarse_ns() <= sys_now_ns());
    assert_true(sys_wall_ns() > 1700000000u * (uint64_t)1000000000u);
}

static void test_cpus_are_those_of_the_mask(void **state)
{
    (void)state;
    uint32_t cpus[SYS_CPUS_MAX];
    cpu_set_t before;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    uint32_t count = sys_cpus(cpus, SYS_CPUS_MAX);
    assert_int_equal(count, CPU_COUNT(&before));
    assert_int_equal(sys_pin(cpus[count - 1]), 0);
    uint32_t pinned[SYS_CPUS_MAX];
    assert_int_equal(sys_cpus(pinned, SYS_CPUS_MAX), 1);
    assert_int_equal(pinned[0], cpus[count - 1]);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
    assert_int_equal(sys_cpus(cpus, 1), 1);
    assert_int_equal(sys_pin(UINT32_MAX), -EINVAL);
}

static void test_files_limit_is_raised_to_the_hard_one(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max / 2;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    uint64_t hard;
    uint64_t soft = sys_raise_files_limit(&hard);
    assert_int_equal(soft, hard);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(soft, limit.rlim_cur);
    assert_int_equal(sys_raise_files_limit(NULL), soft);
}

/* Slots of the process's table of descriptors, as the kernel tells. */
static long table_slots(void)
{
    char line[128];
    long slots = -1;
    FILE *file = fopen("/proc/self/status", "re");
    assert_non_null(file);
    while (slots < 0 && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "FDSize:", 7) == 0) {
            slots = strtol(line + 7, NULL, 10);
        }
    }
    fclose(file);
    return slots;
}

static void test_room_for_files_is_made_at_once(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    long wanted = table_slots() * 2;
    assert_true(wanted > 0);
    if ((rlim_t)wanted > limit.rlim_cur) {
        print_message("SKIP: RLIMIT_NOFILE leaves no room to grow into\n");
        skip();
    }
    sys_reserve_files((uint64_t)wanted);
    assert_true(table_slots() >= wanted);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(next >= 0 && next < wanted / 2); /* and none of it is in use */
    close(next);
    sys_reserve_files(UINT64_MAX);
    assert_true(table_slots() >= wanted);
    sys_reserve_files(0);
}

static void test_memory_is_at_most_the_machines(void **state)
{
    (void)state;
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    assert_true(sys_memory_bytes() > 0);
    assert_true(sys_memory_bytes() <= machine);
}

static void test_random_bytes_differ(void **state)
{
    (void)state;
    uint8_t one[600]; /* more than getrandom gives without interruption */
    uint8_t two[600];
    sys_random(one, sizeof(one));
    sys_random(two, sizeof(two));
    assert_memory_not_equal(one, two, sizeof(one));
    assert_memory_not_equal(one, one + 300, 300);
}

static void test_thread_names_are_cut_to_fit(void **state)
{
    (void)state;
    char name[16];
    sys_thread_name("worker-0123456789abcdef");
    assert_int_equal(pthread_getname_np(pthread_self(), name, sizeof(name)), 0);
    assert_string_equal(name, "worker-01234567");
}

static void *come_last(void *argument)
{
    sys_thread_comes_last();
    *(int *)argument = sched_getscheduler(0);
    uint64_t until_ns = sys_now_ns() + 5000000u;
    uint64_t before_ns = sys_thread_cpu_ns(pthread_self());
    while (sys_now_ns() < until_ns) {
    }
    assert_true(sys_thread_cpu_ns(pthread_self()) > before_ns);
    return NULL;
}

static void test_a_thread_comes_last_by_itself(void **state)
{
    (void)state;
    pthread_t thread;
    int policy = -1;
    int before = sched_getscheduler(0);
    assert_int_equal(pthread_create(&thread, NULL, come_last, &policy), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(policy, SCHED_IDLE);
    assert_int_equal(sched_getscheduler(0), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_never_goes_back),
        cmocka_unit_test(test_cpus_are_those_of_the_mask),
        cmocka_unit_test(test_files_limit_is_raised_to_the_hard_one),
        cmocka_unit_test(test_room_for_files_is_made_at_once),
        cmocka_unit_test(test_memory_is_at_most_the_machines),
        cmocka_unit_test(test_random_bytes_differ),
        cmocka_unit_test(test_thread_names_are_cut_to_fit),
        cmocka_unit_test(test_a_thread_comes_last_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
