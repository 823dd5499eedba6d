/*
 * course.h - what the drivers of one measurement share: the order of the day, and their progress.
 *
 *   CONNECT ─▶ PREPARE ─▶ RUN ─▶ COLLECT ─▶ (PREPARE … or DISCONNECT ─▶ CONNECT …) ─▶ STOP
 *              start_ns … measure_ns … end_ns: publishing; then only listening until COLLECT
 *
 * Threads:     the main thread orders; each driver obeys and acknowledges. A driver's cell is
 *              written by that driver alone. scenario and form are constant.
 * Memory:      owns form, topology, topics, completion and the counts; borrows the scenario.
 * Invariants:  (1) What a driver wrote before its acknowledgement may be read by the main thread
 *                  until the next order, and the other way round.
 */
#ifndef RINGHUB_LOADGEN_COURSE_H
#define RINGHUB_LOADGEN_COURSE_H

#include "loadgen/completion.h"
#include "loadgen/message.h"
#include "loadgen/names.h"
#include "loadgen/scenario.h"

#include <pthread.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { COURSE_GREETING_MAX = 4096 };

enum course_command {
    COURSE_CONNECT,    /* connections and subscriptions; acknowledged when all are confirmed */
    COURSE_PREPARE,    /* forget the figures of the run before */
    COURSE_RUN,        /* publish by the clock; acknowledged at once */
    COURSE_COLLECT,    /* nothing more will come */
    COURSE_DISCONNECT, /* acknowledged when all connections have ended */
    COURSE_STOP,
};

struct course_cell {
    ATOMIC(uint64_t) acknowledged; /* the number of the last order obeyed */
    ATOMIC(uint64_t) slowest;      /* progress of the slowest subscriber; UINT64_MAX: has none */
    ATOMIC(uint64_t) delivered;    /* this run, lost ones not */
    ATOMIC(uint64_t) sent;         /* this run, given to the kernel or waiting for it */
    ATOMIC(uint64_t) expected;     /* deliveries that sent should make */
    ATOMIC(uint64_t) lost;         /* this run, so far */
    ATOMIC(uint32_t) ready;        /* connections confirmed */
    ATOMIC(uint32_t) p99_us;       /* this run, looked at once a second */
    char padding[CACHE_LINE - 56];
};

struct course {
    const struct scenario *scenario;
    struct message_form form;
    struct topology topology;
    struct topics topics;
    struct completion completion;
    uint32_t drivers;
    uint64_t window;   /* closed loop, messages */
    double rate;       /* written before the order RUN; 0: closed loop */
    bool all_hear_all; /* every subscriber (or group) hears every message */
    /* Else: messages so far, per block of subjects. */
    ATOMIC(uint64_t) * sent_of_block;

    ATOMIC(uint64_t) order; /* number of the order << 8 | command */
    uint64_t start_ns;      /* written before the order RUN */
    ATOMIC(uint64_t) measure_ns;
    ATOMIC(uint64_t) end_ns; /* an interrupt brings it forward */

    ATOMIC(uint64_t) claimed; /* closed loop: messages that publishers took upon themselves */
    struct course_cell cells[SCENARIO_THREADS_MAX];

    /* What the server said first; written by publisher 0's driver while connecting. */
    char greeting[COURSE_GREETING_MAX];

    ATOMIC(bool) failed;
    pthread_mutex_t failure_lock; /* taken by the first to fail, and by the reader */
    char failure[512];
};

void course_init(struct course *course, const struct scenario *scenario, uint32_t drivers);
void course_free(struct course *course);

/* Any thread. Notes a reason to stop; the first one stays. */
void course_fail(struct course *course, const char *format, ...) PRINTF(2, 3);

/* Main thread. */
void course_order(struct course *course, enum course_command command);
/* Main thread. True when every driver has obeyed the last order. */
bool course_is_obeyed(const struct course *course);

/* Messages to a block of subjects so far, in all runs; counted only where not all hear all. */
static inline uint64_t course_sent_of(const struct course *course, uint32_t block)
{
    /* Relaxed: see course_claim; a stale value only holds a publisher back less than a burst. */
    return atomic_load_explicit(&course->sent_of_block[block], memory_order_relaxed);
}

/* A publisher's driver. Takes up to wanted messages that no window forbids; returns how many. */
uint64_t course_claim(struct course *course, uint64_t wanted);

static inline uint64_t course_measure(const struct course *course)
{
    /* Relaxed: a straggler of the run before may look while the next run's times are written. */
    return atomic_load_explicit(&course->measure_ns, memory_order_relaxed);
}

static inline uint64_t course_end(const struct course *course)
{
    /* Relaxed: a driver that learns a moment later publishes a moment longer. */
    return atomic_load_explicit(&course->end_ns, memory_order_relaxed);
}

static inline bool course_is_measured(const struct course *course, uint64_t ns)
{
    return ns >= course_measure(course) && ns < course_end(course);
}

static inline uint64_t course_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#ifdef __cplusplus
}
#endif
#endif
