/* usage.c - counting with several hands. */
#include "core/usage.h"

struct usage *usage_new(void)
{
    struct usage *usage = memory_alloc(sizeof(*usage));
    atomic_store_explicit(&usage->refs, 1u, memory_order_relaxed);
    return usage;
}

void usage_ref(struct usage *usage)
{
    atomic_fetch_add_explicit(&usage->refs, 1u, memory_order_relaxed);
}

void usage_unref(struct usage *usage)
{
    /* Pairs with itself: who frees has everything the others did before they let go. */
    if (usage != NULL && atomic_fetch_sub_explicit(&usage->refs, 1u, memory_order_acq_rel) == 1) {
        memory_free(usage);
    }
}

bool usage_join(struct usage *usage, uint32_t most)
{
    uint32_t before = atomic_fetch_add_explicit(&usage->connections, 1u, memory_order_relaxed);
    if (most > 0 && before >= most) {
        usage_leave(usage);
        return false;
    }
    return true;
}

void usage_leave(struct usage *usage)
{
    uint32_t before = atomic_fetch_sub_explicit(&usage->connections, 1u, memory_order_relaxed);
    ASSERT(before > 0);
}
