/*
 * probe.h - what hash tables with linear probing share: arrays of any size, and a slot of 8 bytes
 * that is a pointer and a part of its hash.
 *
 *   home = hash · capacity / 2^bits: no division, and capacity need not be a power of two
 *
 *   slot   63 ─ tag, 16 bits ─ 48 │ 47 ─ pointer, aligned to 16 ─ 4 │ 3 ─ tag, 4 bits ─ 0
 *
 * An array grows by a seventh to a quarter, along the sizes that allocators have (4, 5, 6 and 7 times
 * a power of two): one that has just grown is six tenths full or more, where a doubled one is three
 * eighths.
 *
 * Threads:     plain values.
 */
#ifndef RINGHUB_CORE_PROBE_H
#define RINGHUB_CORE_PROBE_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PROBE_TAG_BITS = 20 };

#define PROBE_TAG_MASK 0xFFFF00000000000Full

/* The tag of a hash, where a slot has it. */
static inline uint64_t probe_tag(uint64_t hash)
{
    return (hash & 0xFFFF000000000000u) | (hash >> 44 & 0xF);
}

static inline uint64_t probe_slot(const void *item, uint64_t hash)
{
    ASSERT_SLOW(((uint64_t)(uintptr_t)item & PROBE_TAG_MASK) == 0);
    return (uint64_t)(uintptr_t)item | probe_tag(hash);
}

static inline void *probe_item(uint64_t slot)
{
    return (void *)(uintptr_t)(slot & ~PROBE_TAG_MASK);
}

/* By the low half of a hash, which has nothing to do with its tag. */
static inline uint32_t probe_home(uint64_t hash, uint32_t capacity)
{
    return (uint32_t)((hash & UINT32_MAX) * capacity >> 32);
}

/* By the tag that a slot has: the item need not be looked at. */
static inline uint32_t probe_tag_home(uint64_t slot, uint32_t capacity)
{
    uint64_t tag = slot >> 48 << 4 | (slot & 0xF);
    return (uint32_t)(tag * capacity >> PROBE_TAG_BITS);
}

static inline uint32_t probe_next(uint32_t at, uint32_t capacity)
{
    return at + 1 == capacity ? 0 : at + 1;
}

/* Steps from one place to another. */
static inline uint32_t probe_distance(uint32_t from, uint32_t to, uint32_t capacity)
{
    return to >= from ? to - from : to + capacity - from;
}

/* The next size of an array after bytes, which is at least 8. */
static inline size_t probe_grown(size_t bytes)
{
    size_t step = (size_t)1 << (61 - __builtin_clzll(bytes));
    return (bytes / step + 1) * step;
}

/* Is an array that holds count as full as one may be? */
static inline bool probe_is_full(uint64_t count, uint64_t capacity)
{
    return count * 4 >= capacity * 3;
}

#ifdef __cplusplus
}
#endif
#endif
