/* bench_mpsc_ck.c - Concurrency Kit's queues behind C functions. */
#include "bench/bench_mpsc_ck.h"

#include <ck_fifo.h>
#include <ck_ring.h>

#ifdef CK_F_FIFO_MPMC

struct ck_fifo_box {
    alignas(CACHE_LINE) ck_fifo_mpmc_t fifo;
    ck_fifo_mpmc_entry_t *entries; /* the last one is the first stub */
};

bool ck_fifo_box_available(void)
{
    return true;
}

struct ck_fifo_box *ck_fifo_box_new(size_t entries_count)
{
    struct ck_fifo_box *box = memory_alloc_aligned(CACHE_LINE, sizeof(*box));

    box->entries = memory_alloc_aligned(CACHE_LINE, (entries_count + 1) * sizeof(*box->entries));
    ck_fifo_mpmc_init(&box->fifo, &box->entries[entries_count]);
    return box;
}

void ck_fifo_box_free(struct ck_fifo_box *box)
{
    memory_free(box->entries);
    memory_free(box);
}

void ck_fifo_box_push(struct ck_fifo_box *box, size_t entry, void *value)
{
    ck_fifo_mpmc_enqueue(&box->fifo, &box->entries[entry], value);
}

void *ck_fifo_box_pop(struct ck_fifo_box *box)
{
    ck_fifo_mpmc_entry_t *garbage;
    void *value = NULL;

    return ck_fifo_mpmc_dequeue(&box->fifo, &value, &garbage) ? value : NULL;
}

#else /* no double-word compare-and-swap */

bool ck_fifo_box_available(void)
{
    return false;
}

struct ck_fifo_box *ck_fifo_box_new(size_t entries_count)
{
    (void)entries_count;
    return NULL;
}

void ck_fifo_box_free(struct ck_fifo_box *box)
{
    (void)box;
}

void ck_fifo_box_push(struct ck_fifo_box *box, size_t entry, void *value)
{
    (void)box;
    (void)entry;
    (void)value;
    ASSERT(!"available");
}

void *ck_fifo_box_pop(struct ck_fifo_box *box)
{
    (void)box;
    return NULL;
}

#endif

struct ck_ring_box {
    alignas(CACHE_LINE) ck_ring_t ring;
    ck_ring_buffer_t *slots;
};

struct ck_ring_box *ck_ring_box_new(uint32_t slots_count)
{
    struct ck_ring_box *box = memory_alloc_aligned(CACHE_LINE, sizeof(*box));

    box->slots = memory_alloc_aligned(CACHE_LINE, slots_count * sizeof(*box->slots));
    ck_ring_init(&box->ring, slots_count);
    return box;
}

void ck_ring_box_free(struct ck_ring_box *box)
{
    memory_free(box->slots);
    memory_free(box);
}

bool ck_ring_box_push(struct ck_ring_box *box, void *value)
{
    return ck_ring_enqueue_mpsc(&box->ring, box->slots, value);
}

void *ck_ring_box_pop(struct ck_ring_box *box)
{
    void *value = NULL;

    return ck_ring_dequeue_mpsc(&box->ring, box->slots, &value) ? value : NULL;
}
