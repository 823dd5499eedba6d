/*
 * nearest.h - which known name did a typing error probably mean?
 *
 * Threads:     plain functions.
 */
#ifndef RINGHUB_CORE_NEAREST_H
#define RINGHUB_CORE_NEAREST_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of the names shown to it one after the other, the one with the fewest edits from `wanted`. */
struct nearest {
    struct bytes wanted; /* borrowed */
    struct bytes found;  /* borrowed from who offered it; empty: none is near */
    size_t distance;     /* below which the next one has to be */
};

/* Letters in any case are the same. */
void nearest_init(struct nearest *nearest, struct bytes wanted);
void nearest_offer(struct nearest *nearest, struct bytes name);

#ifdef __cplusplus
}
#endif
#endif
