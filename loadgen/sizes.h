/*
 * sizes.h - how large is each payload? One size, or several with weights.
 *
 *   "128"   "64:70,1024:25,65536:5"
 *
 * Threads:     constant once parsed.
 * Limits:      SIZES_MAX sizes.
 */
#ifndef RINGHUB_LOADGEN_SIZES_H
#define RINGHUB_LOADGEN_SIZES_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SIZES_MAX = 8, SIZES_BYTES_MAX = 32 << 20 };

struct sizes {
    uint32_t count;
    uint32_t bytes[SIZES_MAX];
    uint32_t weights[SIZES_MAX];
};

/* Returns false unless text is sizes from least to SIZES_BYTES_MAX, all different, with weights from
 * 1 to 1,000,000; a single one needs none. */
MUST_USE bool sizes_parse(struct sizes *sizes, const char *text, uint32_t least);

/* The size of the number-th message. Spread evenly: the shares of any stretch of messages are within
 * a few messages of the weights. */
uint32_t sizes_of(const struct sizes *sizes, uint32_t number);

bool sizes_contain(const struct sizes *sizes, size_t bytes);

/* The mean, rounded up. */
uint32_t sizes_mean(const struct sizes *sizes);
uint32_t sizes_largest(const struct sizes *sizes);

#ifdef __cplusplus
}
#endif
#endif
