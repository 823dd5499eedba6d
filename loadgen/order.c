/* order.c - a publisher's place, and its highest number. */
#include "loadgen/order.h"

#include <string.h>

void order_init(struct order *order, const struct topology *topology,
                const struct topology_heard *heard, uint32_t rows)
{
    const struct topology_plan *plan = &topology->plan;
    bool several = false;
    memset(order, 0, sizeof *order);
    order->topology = topology;
    for (uint32_t i = 0; i < rows; i++) {
        several |= heard[i].count > 1;
    }
    if (!several || plan->subjects <= plan->publishers) {
        return;
    }
    order->first = memory_alloc(((size_t)rows + 1) * sizeof *order->first);
    for (uint32_t i = 0; i < rows; i++) {
        order->first[i + 1] = order->first[i] + (size_t)heard[i].count * plan->copies;
    }
    order->last = memory_alloc(order->first[rows] * sizeof *order->last);
}

void order_free(struct order *order)
{
    memory_free(order->first);
    memory_free(order->last);
    memset(order, 0, sizeof *order);
}

/* The place of the first subject heard that is the publisher's (invariant 1). A row hears subjects
 * from heard.first on, modulo their number; subject s is of publisher s modulo theirs. */
static uint32_t place_of(const struct topology_plan *plan, struct topology_heard heard,
                         uint32_t publisher)
{
    uint32_t further =
        (publisher + plan->publishers - heard.first % plan->publishers) % plan->publishers;
    if (further < heard.count && heard.first + further < plan->subjects) {
        return further;
    }
    return plan->subjects - heard.first + publisher; /* behind the turn to subject 0 */
}

bool order_take(struct order *order, uint32_t row, struct topology_heard heard, uint32_t copy,
                uint32_t stream, uint32_t sequence)
{
    const struct topology_plan *plan = &order->topology->plan;
    uint32_t publisher = stream % plan->publishers;
    uint32_t place = place_of(plan, heard, publisher);
    ASSERT(place < heard.count);
    size_t at = order->first[row] + (size_t)copy * heard.count + place;
    uint64_t number = (uint64_t)sequence * topology_streams_of(order->topology, publisher) +
                      topology_turn(order->topology, stream) + 1;
    ASSERT(at < order->first[row + 1]);
    if (number < order->last[at]) {
        return false;
    }
    order->last[at] = number;
    return true;
}
