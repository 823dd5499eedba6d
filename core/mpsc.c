/*
 * mpsc.c - Vyukov's intrusive MPSC queue.
 *
 * The labels P1, P2 (producer) and C1 to C3 (consumer) name the two ends of each ordering.
 * tests/model/inbox.pml checks this file, with doorbell.h, under explicit store buffers.
 */
#include "core/mpsc.h"

void mpsc_init(struct mpsc *q)
{
    /* Relaxed: no other thread knows the queue yet. */
    atomic_store_explicit(&q->stub.next, NULL, memory_order_relaxed);
    atomic_store_explicit(&q->head, &q->stub, memory_order_relaxed);
    q->tail = &q->stub;
}

/* Any worker. Takes the newest place for first..last; returns the node before it. */
static struct mpsc_node *push_begin(struct mpsc *q, struct mpsc_node *last)
{
    /* Relaxed: nobody else can see the node before P1. */
    atomic_store_explicit(&last->next, NULL, memory_order_relaxed);

    /* P1: take the newest place. Pairs with P1 of the producer that lands behind us (its link then
     * overwrites the NULL above, never the reverse), and, sequentially consistent, with C3: a
     * sleeper that found the head without us has already said that it sleeps. */
    return atomic_exchange_explicit(&q->head, last, memory_order_seq_cst);
}

/* Any worker. */
void mpsc_push_finish(struct mpsc_node *previous, struct mpsc_node *node)
{
    ASSERT(previous != NULL);
    ASSERT(previous != node);

    /* P2: pairs with C1 in mpsc_pop. An owner that sees this link sees the whole message. */
    atomic_store_explicit(&previous->next, node, memory_order_release);
}

/* Any worker. */
struct mpsc_node *mpsc_push_begin(struct mpsc *q, struct mpsc_node *node)
{
    ASSERT(node != NULL);
    return push_begin(q, node);
}

/* Any worker. */
void mpsc_push(struct mpsc *q, struct mpsc_node *node)
{
    ASSERT(node != NULL);
    mpsc_push_finish(push_begin(q, node), node);
}

void mpsc_chain(struct mpsc_node *first, struct mpsc_node *second)
{
    ASSERT(first != second);
    /* Relaxed: the chain is private until P1 publishes its last node and P2 its first. */
    atomic_store_explicit(&first->next, second, memory_order_relaxed);
}

/* Any worker. */
void mpsc_push_chain(struct mpsc *q, struct mpsc_node *first, struct mpsc_node *last)
{
    ASSERT(first != NULL);
    ASSERT(last != NULL);
    mpsc_push_finish(push_begin(q, last), first);
}

/* C1: pairs with P2. Seeing the link is seeing what the producer wrote before it. */
static struct mpsc_node *next_of(const struct mpsc_node *node)
{
    return atomic_load_explicit(&node->next, memory_order_acquire);
}

/* C2 and C3: the newest place, in the one order of all sequentially consistent operations. */
static struct mpsc_node *newest(const struct mpsc *q)
{
    return atomic_load_explicit(&q->head, memory_order_seq_cst);
}

/* Owner only. */
enum mpsc_result mpsc_pop(struct mpsc *q, struct mpsc_node **node)
{
    struct mpsc_node *tail = q->tail;
    struct mpsc_node *next = next_of(tail);
    *node = NULL;

    if (tail == &q->stub) {
        if (next == NULL) {
            /* C2: a head beyond the stub that no link leads to is a push cut in two. */
            return newest(q) == &q->stub ? MPSC_EMPTY : MPSC_HALF_LINKED;
        }
        q->tail = next;
        tail = next;
        next = next_of(tail);
    }
    if (next == NULL) {
        if (newest(q) != tail) {
            return MPSC_HALF_LINKED;
        }
        /* The last node: it may leave only when something stands behind it, because the next
         * producer will write its link. So the stub goes in again. */
        mpsc_push(q, &q->stub);
        next = next_of(tail);
        if (next == NULL) {
            /* A producer took the place between our look and the stub, and has not linked. */
            return MPSC_HALF_LINKED;
        }
    }
    q->tail = next;
    *node = tail;
    return MPSC_NODE;
}

/* Owner only. */
bool mpsc_is_empty(const struct mpsc *q)
{
    /* C3: pairs with P1. The stub as head alone is not enough: it may stand behind nodes that a
     * producer cut off while mpsc_pop put it in. */
    return q->tail == &q->stub && newest(q) == &q->stub;
}

/* Owner only. */
struct mpsc_end mpsc_mark(const struct mpsc *q)
{
    struct mpsc_end mark = {.newest = newest(q)};
    return mark;
}

/* Owner only. */
enum mpsc_result mpsc_pop_until(struct mpsc *q, struct mpsc_end *mark, struct mpsc_node **node)
{
    *node = NULL;
    if (mark->newest == &q->stub && q->tail == &q->stub) {
        /* A mark on the stub is reached when all before it left. mpsc_pop leaves the stub in its
         * place until it is asked again, so this look cannot come too late. */
        mark->newest = NULL;
    }
    if (mark->newest == NULL) {
        return MPSC_EMPTY;
    }

    enum mpsc_result result = mpsc_pop(q, node);
    ASSERT(result != MPSC_EMPTY);
    if (*node == mark->newest) {
        mark->newest = NULL;
    }
    return result;
}

void mpsc_check(const struct mpsc *q)
{
    size_t stubs = 0;

    ASSERT(q->tail != NULL);
    ASSERT(newest(q) != NULL);
    for (const struct mpsc_node *n = q->tail; n != NULL; n = next_of(n)) {
        stubs += n == &q->stub;
        ASSERT(stubs <= 1);
    }
}
