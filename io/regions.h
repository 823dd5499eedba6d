/*
 * regions.h - a range of addresses of its own, handed out and taken back in pieces.
 *
 *   reserved: | used used used | . . | used | . . . . . . . . . |    slots of 2 MiB, no memory behind a dot
 *
 * Why: an allocator that tells its regions apart by where they begin must not have somebody else's
 * mapping appear in the middle of what it once had. Addresses that were given back stay reserved here,
 * so only a later region can come to lie there.
 *
 * Threads:     all functions but regions_reserve, any.
 * Memory:      reserved addresses cost nothing; a count of two bytes a slot once a slot is used.
 */
#ifndef RINGHUB_IO_REGIONS_H
#define RINGHUB_IO_REGIONS_H

#include "core/base.h"

#include <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    REGION_SLOT_BYTES = 2 << 20, /* a huge page of x86-64 and of arm64 with pages of 4 KiB */
};

struct regions {
    uint8_t *base;
    size_t slots_count;
    size_t slots_top;        /* none at or above it was ever used */
    ATOMIC(uint16_t) * used; /* by slot: pages of 4 KiB that are handed out */
    pthread_mutex_t lock;    /* of taking */
};

/* Reserves `bytes` (a multiple of REGION_SLOT_BYTES) of addresses, for as long as the process lives.
 * Returns 0 or a negative errno. */
MUST_USE int regions_reserve(struct regions *regions, size_t bytes);

/* `bytes` (a multiple of 4 KiB) of zeroed memory that can be read and written, aligned to a slot.
 * Returns NULL where no such range is free, or the kernel refuses. */
MUST_USE void *regions_take(struct regions *regions, size_t bytes);

/* Whether regions_take returned what `ptr` points into. */
bool regions_hold(const struct regions *regions, const void *ptr);

/* Gives back any pages of what was taken. Returns 0, or a negative errno and they stay as they are:
 * -ENOMEM where the process has as many mappings as it may. */
MUST_USE int regions_give(struct regions *regions, void *ptr, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
