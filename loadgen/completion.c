/* completion.c - counting subscribers per message. */
#include "loadgen/completion.h"

void completion_init(struct completion *completion, uint32_t publishers, uint32_t subscribers,
                     uint32_t every)
{
    ASSERT(every != 0 && (every & (every - 1)) == 0);
    completion->every = every;
    completion->subscribers = subscribers;
    completion->publishers = publishers;
    completion->cells =
        memory_alloc((size_t)publishers * COMPLETION_CELLS * sizeof *completion->cells);
}

void completion_free(struct completion *completion)
{
    memory_free(completion->cells);
    completion->cells = NULL;
}

static ATOMIC(uint64_t) * cell_of(struct completion *completion, uint32_t publisher, uint32_t tag)
{
    ASSERT(publisher < completion->publishers);
    return &completion->cells[(size_t)publisher * COMPLETION_CELLS + tag % COMPLETION_CELLS];
}

void completion_begin(struct completion *completion, uint32_t publisher, uint32_t sequence)
{
    uint32_t tag = sequence / completion->every;
    /* Relaxed: see Threads in the header. */
    atomic_store_explicit(cell_of(completion, publisher, tag), (uint64_t)tag << 32,
                          memory_order_relaxed);
}

bool completion_count(struct completion *completion, uint32_t publisher, uint32_t sequence)
{
    uint32_t tag = sequence / completion->every;
    ATOMIC(uint64_t) *cell = cell_of(completion, publisher, tag);
    uint64_t before = atomic_load_explicit(cell, memory_order_relaxed);
    /* A failed exchange means that another driver counted, or that a later message took the cell;
     * the comparison of tags tells. Relaxed: the count itself is all that is shared. */
    while (before >> 32 == tag &&
           !atomic_compare_exchange_weak_explicit(cell, &before, before + 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
    return before >> 32 == tag && (uint32_t)before + 1 == completion->subscribers;
}
