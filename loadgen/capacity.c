/* capacity.c - doubling and halving. */
#include "loadgen/capacity.h"

#include <string.h>

/* Below that a rate is not worth a name. */
static const double RATE_MIN = 1;
static const double RATE_MAX = 1e8;

void capacity_init(struct capacity *capacity, double rate)
{
    memset(capacity, 0, sizeof *capacity);
    capacity->rate = rate;
}

/* Between the best and the worst, or beyond the only one known. */
static double rate_next(const struct capacity *c)
{
    if (c->worst == 0) {
        return 2 * c->best;
    }
    return c->best == 0 ? c->worst / 2 : (c->best + c->worst) / 2;
}

bool capacity_take(struct capacity *c, struct capacity_probe probe)
{
    ASSERT(c->probes_count < CAPACITY_PROBES_MAX);
    probe.rate = c->rate;
    c->probes[c->probes_count++] = probe;
    if (!probe.good && !c->again) {
        c->again = true;
        return c->probes_count < CAPACITY_PROBES_MAX;
    }
    c->again = false;
    if (probe.good) {
        c->best = c->rate;
    } else {
        c->worst = c->rate;
    }
    c->rate = rate_next(c);
    bool close = c->best != 0 && c->worst != 0 && c->worst <= c->best * CAPACITY_CLOSE;
    return !close && c->rate >= RATE_MIN && c->rate <= RATE_MAX &&
           c->probes_count < CAPACITY_PROBES_MAX;
}
