/*
 * bufring.h - receive buffers that the kernel picks from: a provided-buffer ring.
 *
 *   bufring_give ──▶ [ring] ──kernel fills one──▶ completion names it ──bufring_take──▶ bytes
 *
 * Threads:     owner only.
 * Memory:      owns ring and buffers. A buffer is lent to the kernel from give to take, and the
 *              caller's between take and give.
 * Limits:      count buffers of buffer_bytes; ids below 32768.
 * Invariants:  (1) at_kernel counts exactly the buffers given and not taken.
 *              (2) A buffer is given once: the kernel could fill it twice.
 */
#ifndef RINGHUB_IO_BUFRING_H
#define RINGHUB_IO_BUFRING_H

#include "core/base.h"
#include "io/uring_compat.h"

struct bufring {
    struct io_uring_buf_ring *ring; /* owned; NULL when count is 0 */
    uint8_t *memory;                /* owned */
    bool *given;                    /* owned; by id */
    uint32_t count;
    uint32_t entries; /* count rounded up to a power of 2 */
    uint32_t buffer_bytes;
    uint32_t at_kernel;
    uint16_t group;
};

/* Registers with the ring and gives all buffers. count 0 makes an empty one. Returns 0 or a
 * negative errno. */
MUST_USE int bufring_open(struct bufring *bufring, struct io_uring *uring, uint16_t group,
                          uint32_t count, uint32_t buffer_bytes);
/* After the io_uring was closed: until then the kernel may write. */
void bufring_free(struct bufring *bufring);
void bufring_check(const struct bufring *bufring);

/* The buffer a completion named. */
uint8_t *bufring_take(struct bufring *bufring, uint32_t id);
void bufring_give(struct bufring *bufring, uint32_t id);

#endif
