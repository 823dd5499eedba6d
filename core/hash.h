/*
 * hash.h - the keyed 64-bit hash of subjects and sids. The key is random per process (an argument),
 * so that a client cannot choose subjects that collide.
 *
 * Source:      XXH3 of xxHash 0.8, inlined.
 */
#ifndef RINGHUB_CORE_HASH_H
#define RINGHUB_CORE_HASH_H

#include "core/bytes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t hash_bytes(struct bytes b, uint64_t key)
{
    return XXH3_64bits_withSeed(b.ptr, b.size, key);
}

#endif
