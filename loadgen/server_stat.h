/*
 * server_stat.h - what a process has used so far: CPU, memory, context switches.
 *
 * CPU is the kernel's clock of the whole process, in nanoseconds, threads that ended included; only
 * its split into user and system comes from the coarser counters of /proc/PID/stat.
 *
 * Threads:     any; no state.
 */
#ifndef RINGHUB_LOADGEN_SERVER_STAT_H
#define RINGHUB_LOADGEN_SERVER_STAT_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SERVER_STAT_THREADS_MAX = 256 };

struct server_stat_thread {
    int tid;
    uint64_t cpu_ns;
    uint64_t queued_ns; /* ready to run, but without a CPU */
};

struct server_stat {
    uint64_t at_ns; /* CLOCK_MONOTONIC */
    uint64_t cpu_ns;
    uint64_t user_ticks; /* their proportion is what counts */
    uint64_t system_ticks;
    uint64_t rss_bytes;
    uint64_t rss_peak_bytes;
    uint64_t switches_voluntary; /* threads alive now */
    uint64_t switches_involuntary;
    uint32_t cpus; /* it may run on */
    uint32_t threads_count;
    struct server_stat_thread threads[SERVER_STAT_THREADS_MAX]; /* the first so many */
};

/* Returns 0, or a negative errno when there is no such process or it may not be looked at. */
MUST_USE int server_stat_read(int pid, struct server_stat *stat);

/* How long the calling thread has waited for a CPU so far; 0 where the kernel does not tell. */
uint64_t server_stat_thread_queued_ns(void);

/* The use between two looks at one process. */
struct server_use {
    bool known;
    double wall_s;
    double user_s;
    double system_s;
    double cores;          /* CPU seconds per second */
    double busiest_thread; /* share of its time that the busiest thread ran, 0 to 1 */
    double busiest_queued; /* and waited for a CPU */
    uint64_t rss_bytes;
    uint64_t rss_peak_bytes;
    uint64_t switches_voluntary;
    uint64_t switches_involuntary;
    uint32_t cpus;
};

struct server_use server_stat_between(const struct server_stat *from, const struct server_stat *to);

#ifdef __cplusplus
}
#endif
#endif
