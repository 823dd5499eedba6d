/*
 * limits.h - every compile-time limit, and the relations between them.
 */
#ifndef RINGHUB_CORE_LIMITS_H
#define RINGHUB_CORE_LIMITS_H

#include "core/base.h"

enum {
    WORKERS_MAX = 64, /* a set of workers is one 64-bit mask */

    SEND_BYTES_MAX = 256 * 1024, /* one send takes no more from one session: fairness */
    SEND_VECTORS_MAX = 64,       /* iovecs of one send; far below the kernel's UIO_MAXIOV of 1024 */
    SLICE_SENDS_MAX = 256, /* sends between two looks at completions; the ring's SQ holds them */

    READ_BUFFER_BYTES = 32 * 1024, /* one provided receive buffer */
    READ_BUFFERS_DEFAULT = 64,     /* per worker */

    EVENTS_MAX = 1024, /* events one loop_wait may report */

    SUBJECT_TOKENS_MAX = 2048, /* 4,096-byte control line, "a.a.a…" */
    SIZE_DIGITS_MAX = 9,       /* NATS: size text is 1 to 9 digits */
};

static_assert(SLICE_SENDS_MAX <= EVENTS_MAX, "a slice's exceptions fit one batch of events");

#endif
