/*
 * driver.h - one thread of the generator: a ring, some subscribers, some publishers.
 *
 *   turn:   obey orders -> publish what is due -> wait -> hear what came, publishing in between
 *
 * Threads:     driver_start and driver_join: main thread. All else runs in the driver's own.
 * Memory:      owns its clients, publishers, receiver and ring; borrows the course.
 * Invariants:  (1) clients[0 … subscribers) subscribe, the others publish; a client's index is its
 *                  slot in the ring, and a subscriber's row in the witness.
 */
#ifndef RINGHUB_LOADGEN_DRIVER_H
#define RINGHUB_LOADGEN_DRIVER_H

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
    uint32_t subscribers;
    struct publisher *publishers;
    uint32_t publishers_count;
    struct receiver receiver;
    struct publisher_figures figures;
    struct series series; /* while running: totals of its steps so far */

    uint32_t opened; /* clients for which connecting has begun */
    uint32_t ready;
    uint64_t obeyed; /* number of the last order */
    bool running;    /* between RUN and COLLECT */
    bool resting;    /* after COLLECT: nothing changes, so that the main thread may read */
    bool stopped;
    uint64_t publish_ns;       /* when publishing wants its next turn */
    uint32_t reads_unreported; /* since the slowest subscriber was last looked for */

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
