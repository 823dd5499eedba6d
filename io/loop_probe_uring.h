/*
 * loop_probe_uring.h - the part of the start-up diagnosis that needs a ring.
 *
 * Threads:     before threads start; each call makes a ring of its own and frees it.
 * Memory:      the texts are literals.
 */
#ifndef RINGHUB_IO_LOOP_PROBE_URING_H
#define RINGHUB_IO_LOOP_PROBE_URING_H

#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a ring as a worker would and uses each feature the loop relies on. Returns 0 or the
 * positive errno of *step, a literal. */
MUST_USE int loop_probe_ring(const char **step);

/* The self-test of inline-completing sends: on a real TCP pair, SEND and SENDMSG; empty, short and
 * full socket; silence means sent. Returns false with *step, a literal that says what differed. */
MUST_USE bool loop_probe_sends(const char **step);

/* The self-test of sockets in the ring's table: sent to, read, shut down by way of a descriptor,
 * and closed while a request of another one is in flight. Returns false with *step. */
MUST_USE bool loop_probe_table(const char **step);

#ifdef __cplusplus
}
#endif
#endif
