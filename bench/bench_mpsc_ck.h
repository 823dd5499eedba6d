/*
 * bench_mpsc_ck.h - Concurrency Kit's queues behind C functions, for bench_mpsc.cc.
 *
 * Its headers do not compile as C++.
 *
 * Threads:     push: any. pop: one.
 * Memory:      a queue owns its entries; values are borrowed from push to pop.
 */
#ifndef RINGHUB_BENCH_BENCH_MPSC_CK_H
#define RINGHUB_BENCH_BENCH_MPSC_CK_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ck_fifo_mpmc: linked, unbounded, many consumers too (ck has no linked queue for just one). */
struct ck_fifo_box;
/* It needs a compare-and-swap of two words; without one nothing else may be called. */
MUST_USE bool ck_fifo_box_available(void);
struct ck_fifo_box *ck_fifo_box_new(size_t entries_count);
void ck_fifo_box_free(struct ck_fifo_box *box);
/* entry below entries_count, and free: pushed and popped before, and something popped since. */
void ck_fifo_box_push(struct ck_fifo_box *box, size_t entry, void *value);
/* NULL when empty. */
void *ck_fifo_box_pop(struct ck_fifo_box *box);

/* ck_ring in its MPSC form: an array, bounded. */
struct ck_ring_box;
/* slots_count is a power of two; holds one less. */
struct ck_ring_box *ck_ring_box_new(uint32_t slots_count);
void ck_ring_box_free(struct ck_ring_box *box);
/* False when full. */
MUST_USE bool ck_ring_box_push(struct ck_ring_box *box, void *value);
/* NULL when empty. */
void *ck_ring_box_pop(struct ck_ring_box *box);

#ifdef __cplusplus
}
#endif
#endif
