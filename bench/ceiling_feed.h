/*
 * ceiling_feed.h - the one log of what was published, which every subscriber is sent from.
 *
 * Threads:     all of ceiling's: log and head are written under lock where there are several, oldest[i]
 *              by thread i.
 * Memory:      the log is mapped twice in a row, so that every range of it is one contiguous send.
 */
#ifndef RINGHUB_BENCH_CEILING_FEED_H
#define RINGHUB_BENCH_CEILING_FEED_H

#include "bench/ceiling_header.h"
#include "core/base.h"

#include <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CEILING_THREADS_MAX = 64 };

struct feed {
    uint8_t *log; /* log_bytes, mapped twice in a row */
    size_t log_bytes;
    uint32_t threads_count;
    pthread_mutex_t lock;  /* of subject, and of the log's end where there are several threads */
    ATOMIC(uint64_t) head; /* position after the last frame */
    char subject[CEILING_LINE_BYTES_MAX]; /* of the first SUB; all others must ask for the same */
    ATOMIC(bool) stops;
    /* No cursor of that thread is below. */
    struct {
        alignas(CACHE_LINE) ATOMIC(uint64_t) position;
    } oldest[CEILING_THREADS_MAX];
};

/* Maps the log. False: errno says why. It stays mapped until the program ends. */
MUST_USE bool feed_open(struct feed *feed);

/* Of all threads. */
uint64_t feed_oldest(const struct feed *feed);

/* Is this the subject that all subscribe to? The first one becomes it. At most
 * CEILING_LINE_BYTES_MAX - 1 bytes. */
MUST_USE bool feed_takes(struct feed *feed, const char *subject);

#ifdef __cplusplus
}
#endif
#endif
