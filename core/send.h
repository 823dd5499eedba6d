/*
 * send.h - one send that core asks of io, and what became of it.
 *
 * Threads:     one worker's.
 * Memory:      vectors are borrowed until the result is read; sends may share one array.
 */
#ifndef RINGHUB_CORE_SEND_H
#define RINGHUB_CORE_SEND_H

#include "core/base.h"

#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SEND_FULL = 0 };

struct send_op {
    uint32_t slot;
    uint32_t vectors_count;      /* at least 1, at most SEND_VECTORS_MAX */
    const struct iovec *vectors; /* borrowed for the call; sends may share one array */
    size_t size;                 /* sum of the vectors, at most SEND_BYTES_MAX */
    /* Out: bytes taken (size: all; less: short; SEND_FULL: the socket took nothing) or the
     * negative errno of a dead connection. */
    int64_t result;
};

#ifdef __cplusplus
}
#endif
#endif
