/*
 * uring_compat.h - liburing, and the kernel constants that Debian 12's liburing 2.3 lacks.
 *
 * Only loop_uring*.c, bufring.c and loop_probe_uring.c include it. Ours carry RH_, so that a newer
 * liburing does not clash.
 */
#ifndef RINGHUB_IO_URING_COMPAT_H
#define RINGHUB_IO_URING_COMPAT_H

/* liburing's barriers are C11 atomics in C, so it comes before anything that could hide them. */
#include <liburing.h>

/* What a worker's ring is made with; all of it is in Linux 6.1. DEFER_TASKRUN: completions run only
 * in our own enter; TASKRUN_FLAG: the ring says when there are some; SUBMIT_ALL: a bad SQE does not
 * stop those behind it. */
#define RH_RING_FLAGS                                                                              \
    (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |         \
     IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE)

/* Features the loop relies on: no completion is dropped while memory lasts, timeouts come with the
 * enter, and a completion may be skipped. */
#define RH_RING_FEATURES (IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP)

/* Gives a registered file a descriptor as well; Linux 6.8. */
#define RH_OP_FIXED_FD_INSTALL 54

#endif
