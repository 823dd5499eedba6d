/*
 * order.h - did one publisher's messages to different subjects come in the order in which it sent
 * them?
 *
 *   publisher p sends its messages to its streams in turn: number = sequence * streams of p + turn
 *   last[first[row] + copy * subjects heard + publisher's place] = 1 + highest number so far
 *
 * Within a stream the witness judges; here a message that comes behind a later one of its publisher
 * is found although its own stream is in order. Equal subscriptions (copies) are judged each on its
 * own: what one message makes of them may come in any order.
 *
 * Threads:     owner driver only.
 * Memory:      owns its tables: 8 bytes per subject that a row hears and copy; none where each
 *              publisher has one subject or each subscriber hears one.
 * Invariants:  (1) different publishers that a row hears have different places, below the number of
 *                  subjects it hears.
 */
#ifndef RINGHUB_LOADGEN_ORDER_H
#define RINGHUB_LOADGEN_ORDER_H

#include "loadgen/topology.h"

#ifdef __cplusplus
extern "C" {
#endif

struct order {
    const struct topology *topology; /* borrowed */
    size_t *first;                   /* rows + 1; NULL: nothing to judge */
    uint64_t *last;
};

/* heard: of each of the rows. */
void order_init(struct order *order, const struct topology *topology,
                const struct topology_heard *heard, uint32_t rows);
void order_free(struct order *order);

static inline bool order_judges(const struct order *order)
{
    return order->first != NULL;
}

/* A message that the row hears, and that is no duplicate. Returns false when a later one of the
 * same publisher was here before it. Only where order_judges. */
MUST_USE bool order_take(struct order *order, uint32_t row, struct topology_heard heard,
                         uint32_t copy, uint32_t stream, uint32_t sequence);

#ifdef __cplusplus
}
#endif
#endif
