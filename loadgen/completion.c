/* completion.c - counting subscribers per message. */
#include "loadgen/completion.h"

void completion_init(struct completion *completion, uint32_t streams, uint32_t every)
{
    ASSERT(every != 0 && (every & (every - 1)) == 0);
    completion->every = every;
    completion->streams = streams;
    completion->cells_each = COMPLETION_CELLS_MAX;
    while (completion->cells_each > 1 &&
           (uint64_t)streams * completion->cells_each > COMPLETION_CELLS_ALL) {
        completion->cells_each /= 2;
    }
    completion->cells =
        memory_alloc((size_t)streams * completion->cells_each * sizeof *completion->cells);
}

void completion_free(struct completion *completion)
{
    memory_free(completion->cells);
    completion->cells = NULL;
}

static ATOMIC(uint64_t) * cell_of(struct completion *completion, uint32_t stream, uint32_t tag)
{
    ASSERT(stream < completion->streams);
    return &completion->cells[(size_t)stream * completion->cells_each +
                              (tag & (completion->cells_each - 1))];
}

void completion_begin(struct completion *completion, uint32_t stream, uint32_t sequence,
                      uint32_t subscribers)
{
    uint32_t tag = sequence / completion->every;
    /* Relaxed: see Threads in the header. */
    atomic_store_explicit(cell_of(completion, stream, tag), (uint64_t)tag << 32 | subscribers,
                          memory_order_relaxed);
}

bool completion_count(struct completion *completion, uint32_t stream, uint32_t sequence)
{
    uint32_t tag = sequence / completion->every;
    ATOMIC(uint64_t) *cell = cell_of(completion, stream, tag);
    uint64_t before = atomic_load_explicit(cell, memory_order_relaxed);
    /* A failed exchange means that another driver counted, or that a later message took the cell;
     * the comparison of tags tells. Relaxed: the count itself is all that is shared. */
    while (before >> 32 == tag && (uint32_t)before != 0 &&
           !atomic_compare_exchange_weak_explicit(cell, &before, before - 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
    return before >> 32 == tag && (uint32_t)before == 1;
}
