/* server_stat.c - reading /proc. */
#include "loadgen/server_stat.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0, 0};
    return clock_gettime(clock, &now) != 0
               ? 0
               : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Reads a small file of /proc as text. Returns false when it is not there. */
static bool text_read(char *text, size_t capacity, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t size = fread(text, 1, capacity - 1, file);
    text[size] = 0;
    fclose(file);
    return size != 0;
}

/* The number behind "Key:" in the text of a status file; 0 when it is not there. */
static uint64_t field(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10);
}

/* /proc/…/schedstat: time on a CPU, time waiting for one, number of times. */
static void schedstat_parse(const char *text, struct server_stat_thread *thread)
{
    char *end;
    thread->cpu_ns = strtoull(text, &end, 10);
    thread->queued_ns = strtoull(end, NULL, 10);
}

uint64_t server_stat_thread_queued_ns(void)
{
    char text[128];
    struct server_stat_thread thread = {0, 0, 0};
    if (text_read(text, sizeof text, "/proc/thread-self/schedstat")) {
        schedstat_parse(text, &thread);
    }
    return thread.queued_ns;
}

static void thread_read(int pid, int tid, struct server_stat *stat)
{
    char path[64];
    char text[4096];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, tid);
    if (!text_read(text, sizeof text, path)) {
        return; /* it ended between the listing and now */
    }
    stat->switches_voluntary += field(text, "\nvoluntary_ctxt_switches:");
    stat->switches_involuntary += field(text, "\nnonvoluntary_ctxt_switches:");
    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", pid, tid);
    if (stat->threads_count < SERVER_STAT_THREADS_MAX && text_read(text, sizeof text, path)) {
        struct server_stat_thread *thread = &stat->threads[stat->threads_count++];
        thread->tid = tid;
        schedstat_parse(text, thread);
    }
}

static bool threads_read(int pid, struct server_stat *stat)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return false;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int tid = atoi(entry->d_name);
        if (tid > 0) {
            thread_read(pid, tid, stat);
        }
    }
    closedir(directory);
    return true;
}

int server_stat_read(int pid, struct server_stat *stat)
{
    memset(stat, 0, sizeof *stat);
    clockid_t clock;
    int error = clock_getcpuclockid(pid, &clock);
    if (error != 0) {
        return -error;
    }
    char path[64];
    char text[4096];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (!text_read(text, sizeof text, path)) {
        return -ESRCH;
    }
    /* The command's name may hold anything, so count fields from its closing parenthesis: state is
     * field 3, utime 14, stime 15. */
    const char *behind = strrchr(text, ')');
    unsigned long long user = 0;
    unsigned long long kernel = 0;
    if (behind == NULL ||
        sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
               &kernel) != 2) {
        return -EPROTO;
    }
    stat->user_ticks = user;
    stat->system_ticks = kernel;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (!text_read(text, sizeof text, path) || !threads_read(pid, stat)) {
        return -ESRCH;
    }
    stat->rss_bytes = field(text, "\nVmRSS:") * 1024;
    stat->rss_peak_bytes = field(text, "\nVmHWM:") * 1024;
    cpu_set_t cpus;
    stat->cpus = sched_getaffinity(pid, sizeof cpus, &cpus) == 0 ? (uint32_t)CPU_COUNT(&cpus) : 0;
    stat->cpu_ns = clock_ns(clock);
    stat->at_ns = clock_ns(CLOCK_MONOTONIC);
    return 0;
}

/* What the thread that ran most used. */
static struct server_stat_thread busiest(const struct server_stat *from,
                                         const struct server_stat *to)
{
    struct server_stat_thread most = {0, 0, 0};
    for (uint32_t i = 0; i < to->threads_count; i++) {
        struct server_stat_thread used = to->threads[i];
        for (uint32_t j = 0; j < from->threads_count; j++) {
            if (from->threads[j].tid == used.tid) {
                used.cpu_ns -= MIN_OF(from->threads[j].cpu_ns, used.cpu_ns);
                used.queued_ns -= MIN_OF(from->threads[j].queued_ns, used.queued_ns);
            }
        }
        most = used.cpu_ns > most.cpu_ns ? used : most;
    }
    return most;
}

/* Counters of threads that ended go back to nothing; a difference below zero is none. */
static uint64_t difference(uint64_t from, uint64_t to)
{
    return to > from ? to - from : 0;
}

struct server_use server_stat_between(const struct server_stat *from, const struct server_stat *to)
{
    struct server_use use;
    memset(&use, 0, sizeof use);
    use.known = true;
    use.wall_s = (double)difference(from->at_ns, to->at_ns) / 1e9;
    double cpu_s = (double)difference(from->cpu_ns, to->cpu_ns) / 1e9;
    double user = (double)difference(from->user_ticks, to->user_ticks);
    double kernel = (double)difference(from->system_ticks, to->system_ticks);
    double user_share = user + kernel == 0 ? 0 : user / (user + kernel);
    use.user_s = cpu_s * user_share;
    use.system_s = cpu_s - use.user_s;
    if (use.wall_s > 0) {
        use.cores = cpu_s / use.wall_s;
        struct server_stat_thread thread = busiest(from, to);
        use.busiest_thread = (double)thread.cpu_ns / 1e9 / use.wall_s;
        use.busiest_queued = (double)thread.queued_ns / 1e9 / use.wall_s;
    }
    use.rss_bytes = to->rss_bytes;
    use.rss_peak_bytes = to->rss_peak_bytes;
    use.switches_voluntary = difference(from->switches_voluntary, to->switches_voluntary);
    use.switches_involuntary = difference(from->switches_involuntary, to->switches_involuntary);
    use.cpus = to->cpus;
    return use;
}
