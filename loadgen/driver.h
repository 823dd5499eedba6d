/*
 * driver.h - one generator thread: a ring, and a share of all connections.
 *
 *   turn:   obey orders -> publish what is due -> wait -> hear what came, publishing in between
 *
 * Threads:     driver_start and driver_join: main thread. All else runs in the driver's own.
 * Memory:      owns its clients, publishers, churners, receiver and ring; borrows the course.
 * Invariants:  (1) a client's index is its slot in the ring; those that live in the ring's table come
 *                  first.
 */
#ifndef RINGHUB_LOADGEN_DRIVER_H
#define RINGHUB_LOADGEN_DRIVER_H

#include "loadgen/churner.h"
#include "loadgen/client.h"
#include "loadgen/course.h"
#include "loadgen/publisher.h"
#include "loadgen/receiver.h"
#include "loadgen/ring.h"
#include "loadgen/series.h"

#include <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

struct driver {
    struct course *course;
    struct course_cell *cell;
    uint32_t index;
    pthread_t thread;
    struct ring *ring;

    struct client *clients;
    uint32_t clients_count;
    struct publisher *publishers;
    uint32_t publishers_count;
    struct churner *churners;
    uint32_t churners_count;
    uint32_t idle_count;
    struct receiver receiver;
    struct publisher_figures figures;
    struct churner_figures churn;
    struct record connects; /* from connect() to the last confirmation */
    struct series series;   /* while running: totals of its steps so far */

    uint32_t opened; /* clients for which connecting has begun */
    uint32_t ready;
    uint32_t ending;           /* clients asked to end, since the order to disconnect */
    uint32_t ended;            /* since the order to disconnect */
    uint64_t connect_begin_ns; /* of the first connection */
    uint64_t connect_end_ns;   /* when the last was confirmed */
    uint32_t stalled_cut;      /* stalled subscribers whose connection the server ended */
    uint64_t obeyed;           /* number of the last order */
    bool running;              /* between RUN and COLLECT */
    bool resting; /* after COLLECT: nothing changes, so that the main thread may read */
    bool stopped;
    uint32_t publish_first;    /* publisher whose turn comes first */
    uint64_t publish_ns;       /* when publishing wants its next turn */
    uint32_t reads_unreported; /* since the slowest subscriber was last looked for */
    uint64_t glance_ns;        /* when the figures of the live line are next computed */

    /* CPU time of this thread when measuring began and ended, 0: not yet; and how long it had been
     * ready to run without a CPU. */
    uint64_t cpu_from_ns;
    uint64_t cpu_to_ns;
    uint64_t queued_from_ns;
    uint64_t queued_to_ns;
};

/* Returns 0 or a negative errno. The driver obeys the course's orders from then on. */
MUST_USE int driver_start(struct driver *driver, struct course *course, uint32_t index);
/* What this driver has counted so far in a run, as a step of its series holds it. */
void driver_totals(const struct driver *driver, struct series_step *totals);
/* After the order STOP. */
void driver_join(struct driver *driver);
void driver_free(struct driver *driver);

#ifdef __cplusplus
}
#endif
#endif
