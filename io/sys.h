/*
 * sys.h - what the hub asks of the machine itself: time, CPUs, limits, memory, random bytes.
 *
 * Threads:     any, unless a function says otherwise.
 * Memory:      owns nothing.
 */
#ifndef RINGHUB_IO_SYS_H
#define RINGHUB_IO_SYS_H

#include "core/base.h"

#include <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SYS_CPUS_MAX = 1024 };

/* Monotonic time in nanoseconds; never 0. */
uint64_t sys_now_ns(void);
/* The same clock at the resolution of the kernel's tick (1 to 10 ms), without reading the hardware.
 */
uint64_t sys_now_coarse_ns(void);
/* Nanoseconds since 1970. */
uint64_t sys_wall_ns(void);

/* Fills cpus with the numbers of the CPUs this process may run on, ascending; at most max. Returns
 * how many, at least 1. */
uint32_t sys_cpus(uint32_t *cpus, uint32_t max);
/* Binds the calling thread to one CPU. Returns 0 or a negative errno. */
MUST_USE int sys_pin(uint32_t cpu);
/* Names the calling thread (15 characters are kept). */
void sys_thread_name(const char *name);

/* From here on the calling thread has a tenth of what another one has, where both want a CPU. */
void sys_thread_gives_way(void);
/* From here on it has the time that nobody else wants, which may be next to none. */
void sys_thread_comes_last(void);
/* The CPU time that a running thread has had. */
uint64_t sys_thread_cpu_ns(pthread_t thread);

/* Raises RLIMIT_NOFILE's soft limit to the hard one. Returns the soft limit now in force; hard, if
 * not NULL, gets the hard one. UINT64_MAX stands for no limit. */
uint64_t sys_raise_files_limit(uint64_t *hard);

/* Makes room for count descriptors (at most what RLIMIT_NOFILE allows) in the process's table now.
 * The kernel doubles that table as it fills, and where there is more than one thread whoever opens
 * the descriptor that does not fit waits for an RCU grace period: milliseconds in the middle of a
 * turn. It never shrinks. Call before threads start. Costs 8 bytes of the kernel's each. */
void sys_reserve_files(uint64_t count);

/* Bytes of memory this process may use: the machine's, or less where a cgroup says so. */
uint64_t sys_memory_bytes(void);

/* Bytes that the kernel lets the TCP of all programs together hold: the third number of
 * net.ipv4.tcp_mem. 0: not known. */
uint64_t sys_tcp_memory_bytes(void);

/* Fills bytes from the kernel's generator. Stops the process if there is none: a guessable hash
 * seed is a remote denial of service. */
void sys_random(void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
