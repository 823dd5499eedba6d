/* sys.c - see sys.h. */
#include "io/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    int failed = clock_gettime(clock, &now);
    ASSERT(failed == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t sys_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t sys_now_coarse_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC_COARSE);
}

uint64_t sys_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

uint32_t sys_cpus(uint32_t *cpus, uint32_t max)
{
    ASSERT(max >= 1);
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    uint32_t count = 0;
    /* Fails (EINVAL) only where the machine has more CPUs than cpu_set_t holds. */
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        for (uint32_t cpu = 0; cpu < CPU_SETSIZE && count < max; cpu++) {
            if (CPU_ISSET(cpu, &allowed)) {
                cpus[count++] = cpu;
            }
        }
    }
    if (count == 0) {
        cpus[count++] = 0;
    }
    return count;
}

int sys_pin(uint32_t cpu)
{
    if (cpu >= CPU_SETSIZE) {
        return -EINVAL;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return -pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

void sys_thread_name(const char *name)
{
    char kept[16]; /* TASK_COMM_LEN */
    snprintf(kept, sizeof(kept), "%s", name);
    (void)pthread_setname_np(pthread_self(), kept);
}

static uint64_t limit_value(rlim_t limit)
{
    return limit == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit;
}

void sys_thread_comes_last(void)
{
    const struct sched_param none = {.sched_priority = 0};
    if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) { /* of the calling thread */
        sys_thread_gives_way();
    }
}

uint64_t sys_thread_cpu_ns(pthread_t thread)
{
    clockid_t clock;
    return pthread_getcpuclockid(thread, &clock) == 0 ? clock_ns(clock) : 0;
}

void sys_thread_gives_way(void)
{
    /* Of a thread on Linux, whatever POSIX says; a tenth of an ordinary thread's share (sched(7)). */
    enum { NICE = 10 };
    int failed = setpriority(PRIO_PROCESS, 0, NICE);
    MAYBE(failed != 0);
}

uint64_t sys_raise_files_limit(uint64_t *hard)
{
    struct rlimit limit;
    int failed = getrlimit(RLIMIT_NOFILE, &limit);
    ASSERT(failed == 0);
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        /* Refused (EPERM) where the hard limit is above fs.nr_open. */
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            limit.rlim_cur = before;
        }
    }
    if (hard != NULL) {
        *hard = limit_value(limit.rlim_max);
    }
    return limit_value(limit.rlim_cur);
}

void sys_reserve_files(uint64_t count)
{
    struct rlimit limit;
    int failed = getrlimit(RLIMIT_NOFILE, &limit);
    ASSERT(failed == 0);
    int last = (int)MIN_OF(MIN_OF(count, limit_value(limit.rlim_cur)), (uint64_t)INT_MAX) - 1;
    int any = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int high = any >= 0 && last > any ? fcntl(any, F_DUPFD_CLOEXEC, last) : -1;
    /* Without the room all works, in steps. */
    if (high >= 0) {
        close(high);
    }
    if (any >= 0) {
        close(any);
    }
}

/* The number in a one-line file; UINT64_MAX where there is none ("max", no such file). */
static uint64_t number_in(const char *path)
{
    uint64_t value = UINT64_MAX;
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%" SCNu64, &value) != 1) {
            value = UINT64_MAX;
        }
        fclose(file);
    }
    return value;
}

uint64_t sys_memory_bytes(void)
{
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    /* Inside a container the cgroup namespace puts our own group at the root; version 2, then 1. */
    uint64_t group = number_in("/sys/fs/cgroup/memory.max");
    uint64_t old = number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    return MIN_OF(machine, MIN_OF(group, old));
}

void sys_random(void *bytes, size_t size)
{
    uint8_t *at = (uint8_t *)bytes;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            fprintf(stderr, "ringhub: the kernel gives no random bytes (%s)\n", strerror(errno));
            abort();
        }
        at += got;
        size -= (size_t)got;
    }
}

uint64_t sys_tcp_memory_bytes(void)
{
    FILE *file = fopen("/proc/sys/net/ipv4/tcp_mem", "re");
    if (file == NULL) {
        return 0;
    }
    uint64_t pages = 0;
    if (fscanf(file, "%*s %*s %" SCNu64, &pages) != 1) {
        pages = 0;
    }
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
