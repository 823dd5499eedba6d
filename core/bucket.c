/* bucket.c - time is what tokens are counted in. */
#include "core/bucket.h"

#define SECOND_NS 1000000000ull

static uint64_t cost_ns(struct bucket_rate rate, uint64_t units)
{
    ASSERT(rate.per_second > 0);
    return MIN_OF(units, BUCKET_UNITS_MAX) * SECOND_NS / rate.per_second;
}

static uint64_t wait_ns(uint64_t full_ns, struct bucket_rate rate, uint64_t units, uint64_t now_ns)
{
    if (rate.per_second == 0 || full_ns <= now_ns) {
        return 0;
    }
    uint64_t burst_ns = cost_ns(rate, MAX_OF(rate.burst, units));
    uint64_t after_ns = full_ns + cost_ns(rate, units);
    return after_ns > now_ns + burst_ns ? after_ns - now_ns - burst_ns : 0;
}

static uint64_t taken_ns(uint64_t full_ns, struct bucket_rate rate, uint64_t units, uint64_t now_ns)
{
    return MAX_OF(full_ns, now_ns) + cost_ns(rate, units);
}

uint64_t bucket_wait(const struct bucket *bucket, struct bucket_rate rate, uint64_t units,
                     uint64_t now_ns)
{
    return wait_ns(bucket->full_ns, rate, units, now_ns);
}

void bucket_take(struct bucket *bucket, struct bucket_rate rate, uint64_t units, uint64_t now_ns)
{
    if (rate.per_second > 0) {
        bucket->full_ns = taken_ns(bucket->full_ns, rate, units, now_ns);
    }
}

/* Relaxed here and below: the word stands for itself alone, and publishes nothing. */
uint64_t bucket_shared_wait(const struct bucket_shared *bucket, struct bucket_rate rate,
                            uint64_t units, uint64_t now_ns)
{
    return wait_ns(atomic_load_explicit(&bucket->full_ns, memory_order_relaxed), rate, units,
                   now_ns);
}

void bucket_shared_take(struct bucket_shared *bucket, struct bucket_rate rate, uint64_t units,
                        uint64_t now_ns)
{
    if (rate.per_second == 0) {
        return;
    }
    uint64_t full_ns = atomic_load_explicit(&bucket->full_ns, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&bucket->full_ns, &full_ns,
                                                  taken_ns(full_ns, rate, units, now_ns),
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}
