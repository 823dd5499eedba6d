/*
 * bucket.h - how much may somebody publish a second? A token bucket in one word.
 *
 *   bucket ── the time at which it will be full again ──▶ "how long until n fit" is a subtraction
 *
 * A bucket that was never used is full: a burst fits at once, then the rate holds. A demand larger
 * than the burst is let through when the bucket is full, so that nothing waits for ever; what it
 * took beyond is paid for afterwards.
 *
 * Threads:     a struct bucket belongs to one worker. A struct bucket_shared belongs to all: asking
 *              and taking are two steps, so workers that ask at the same moment may together take
 *              one demand each too many, which the next ones pay for.
 * Limits:      demands and rates below 2^34 keep the arithmetic in 64 bits.
 */
#ifndef RINGHUB_CORE_BUCKET_H
#define RINGHUB_CORE_BUCKET_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BUCKET_UNITS_MAX ((uint64_t)1 << 34)

struct bucket_rate {
    uint64_t per_second; /* 0: no limit */
    uint64_t burst;      /* what a full bucket holds, at least 1 */
};

struct bucket {
    uint64_t full_ns; /* in the past: it is full */
};

struct bucket_shared {
    ATOMIC(uint64_t) full_ns;
};

/* How long until `units` fit; 0: now. */
MUST_USE uint64_t bucket_wait(const struct bucket *bucket, struct bucket_rate rate, uint64_t units,
                              uint64_t now_ns);
void bucket_take(struct bucket *bucket, struct bucket_rate rate, uint64_t units, uint64_t now_ns);

/* Any worker. */
MUST_USE uint64_t bucket_shared_wait(const struct bucket_shared *bucket, struct bucket_rate rate,
                                     uint64_t units, uint64_t now_ns);
void bucket_shared_take(struct bucket_shared *bucket, struct bucket_rate rate, uint64_t units,
                        uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif
