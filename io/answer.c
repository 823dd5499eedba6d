/* answer.c - two references and a flag. */
#include "io/answer.h"

enum { PAGE_BYTES = 4096 };

/* The pages of a fresh answer are put behind it here: filling it in costs the worker a copy, and not
 * ten page faults, which are most of the time. Volatile, since it was zero already. */
static void touch(struct answer *answer)
{
    volatile uint8_t *bytes = (volatile uint8_t *)answer;
    for (size_t at = 0; at < sizeof(*answer); at += PAGE_BYTES) {
        bytes[at] = 0;
    }
}

struct answer *answer_new(const struct snapshot_query *query)
{
    struct answer *answer = memory_alloc(sizeof(*answer));
    touch(answer);
    /* Relaxed: nobody else knows it yet; the push of the order publishes it. */
    atomic_store_explicit(&answer->refs, 2u, memory_order_relaxed);
    list_init(&answer->link);
    if (query != NULL) {
        snapshot_init(&answer->list, query);
    }
    return answer;
}

void answer_unref(struct answer *answer)
{
    /* Acquire and release: whoever frees it sees what the other wrote. */
    if (atomic_fetch_sub_explicit(&answer->refs, 1u, memory_order_acq_rel) == 1) {
        snapshot_free(&answer->list);
        scrub_tally_free(&answer->scrub);
        memory_free(answer);
    }
}

bool answer_is_abandoned(const struct answer *answer)
{
    /* Relaxed: a look that comes too early is made again next turn. */
    return atomic_load_explicit(&answer->refs, memory_order_relaxed) == 1;
}

void answer_finish(struct answer *answer)
{
    /* A1: pairs with A2. The asker that sees it sees all that was filled in. */
    atomic_store_explicit(&answer->is_ready, 1u, memory_order_release);
    answer_unref(answer);
}

bool answer_is_ready(const struct answer *answer)
{
    /* A2: pairs with A1. */
    return atomic_load_explicit(&answer->is_ready, memory_order_acquire) != 0;
}
