/*
 * usage.h - what all clients of one user take together, whichever workers they are on.
 *
 * Threads:     any worker; every word stands for itself (relaxed).
 * Memory:      counted: whoever holds a pointer holds a reference.
 */
#ifndef RINGHUB_CORE_USAGE_H
#define RINGHUB_CORE_USAGE_H

#include "core/bucket.h"

#ifdef __cplusplus
extern "C" {
#endif

struct usage {
    ATOMIC(uint32_t) refs;
    ATOMIC(uint32_t) connections;
    struct bucket_shared messages;
    struct bucket_shared bytes;
};

/* With one reference. */
struct usage *usage_new(void);
void usage_ref(struct usage *usage);
void usage_unref(struct usage *usage); /* NULL is fine */

/* One connection more; false: that would be more than `most` (0: no limit), and it is none more. */
MUST_USE bool usage_join(struct usage *usage, uint32_t most);
void usage_leave(struct usage *usage);

#ifdef __cplusplus
}
#endif
#endif
