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
    size_t cells = (size_t)streams * completion->cells_each;
    completion->cells = memory_alloc(cells * sizeof *completion->cells);
    completion->due_ns = memory_alloc(cells * sizeof *completion->due_ns);
}

void completion_free(struct completion *completion)
{
    memory_free(completion->cells);
    memory_free(completion->due_ns);
    completion->cells = NULL;
    completion->due_ns = NULL;
}

static size_t place_of(const struct completion *completion, uint32_t stream, uint32_t tag)
{
    ASSERT(stream < completion->streams);
    return (size_t)stream * completion->cells_each + (tag & (completion->cells_each - 1));
}

void completion_begin(struct completion *completion, uint32_t stream, uint32_t sequence,
                      uint32_t subscribers, uint64_t due_ns)
{
    uint32_t tag = sequence / completion->every;
    size_t place = place_of(completion, stream, tag);
    /* Relaxed: see Threads in the header. */
    atomic_store_explicit(&completion->due_ns[place], due_ns, memory_order_relaxed);
    atomic_store_explicit(&completion->cells[place], (uint64_t)tag << 32 | subscribers,
                          memory_order_relaxed);
}

uint64_t completion_due_ns(const struct completion *completion, uint32_t stream, uint32_t sequence)
{
    return atomic_load_explicit(
        &completion->due_ns[place_of(completion, stream, sequence / completion->every)],
        memory_order_relaxed);
}

bool completion_count(struct completion *completion, uint32_t stream, uint32_t sequence)
{
    uint32_t tag = sequence / completion->every;
    ATOMIC(uint64_t) *cell = &completion->cells[place_of(completion, stream, tag)];
    uint64_t before = atomic_load_explicit(cell, memory_order_relaxed);
    /* A failed exchange means that another driver counted, or that a later message took the cell;
     * the comparison of tags tells. Relaxed: the count itself is all that is shared. */
    while (before >> 32 == tag && (uint32_t)before != 0 &&
           !atomic_compare_exchange_weak_explicit(cell, &before, before - 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
    return before >> 32 == tag && (uint32_t)before == 1;
}
