/*
 * watcher.c - monitoring looks at every worker all the time, a few units a turn, so that its walks
 * stop in the middle of everything. It only reads: no schedule changes for it.
 */
#include "core/proto/nats_describe.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

enum { UNITS = 5 };

static const struct snapshot_query queries[] = {
    {.list = SNAPSHOT_CONNECTIONS, .sort = SNAPSHOT_BY_CID, .rows_max = 100, .wants_subs = true},
    {.list = SNAPSHOT_CONNECTIONS, .sort = SNAPSHOT_BY_PENDING, .rows_max = 3},
    {.list = SNAPSHOT_SUBSCRIPTIONS, .rows_max = 10},
    {.list = SNAPSHOT_CONNECTIONS, .sort = SNAPSHOT_BY_AGE, .rows_max = 100, .is_pending = true},
};

static void check_rows(struct sim *sim, uint32_t number, struct snapshot *watch)
{
    snapshot_sort(watch);
    for (uint32_t i = 0; i < watch->rows_count; i++) {
        const struct snapshot_row *row = &watch->rows[i];
        for (uint32_t k = 0; k < i; k++) {
            if (watch->rows[k].cid == row->cid) {
                sim_fail(sim, "monitoring of worker %u saw a client twice", number);
            }
        }
        if (i > 0 && row->key < watch->rows[i - 1].key) {
            sim_fail(sim, "rows of worker %u are not sorted", number);
        }
        if (row->oldest_ns > sim->now_ns) {
            sim_fail(sim, "worker %u: client %u waits for a message of the future", number,
                     (unsigned)row->cid);
        }
        if (watch->query.is_pending && row->pending_bytes > 0 && row->oldest_ns == 0) {
            sim_fail(sim, "worker %u: what client %u waits for has no age", number,
                     (unsigned)row->cid);
        }
    }
    if (watch->query.list == SNAPSHOT_CONNECTIONS &&
        watch->rows_count != MIN_OF(watch->total, (uint64_t)watch->query.rows_max)) {
        sim_fail(sim, "monitoring of worker %u lost rows", number);
    }
}

void watcher_look(struct sim *sim, uint32_t number)
{
    struct sim_worker *w = &sim->workers[number];
    if (w->watches == 0) {
        snapshot_init(&w->watch, &queries[0]);
        w->watches = 1;
    }
    w->watch.now_ns = sim->now_ns;
    if (!hub_snapshot_step(worker_hub(w->worker), &w->watch, nats_describe, UNITS)) {
        return;
    }
    check_rows(sim, number, &w->watch);
    snapshot_free(&w->watch);
    snapshot_init(&w->watch, &queries[w->watches++ % COUNT_OF(queries)]);
}

void watcher_end(struct sim *sim)
{
    for (uint32_t i = 0; i < SIM_WORKERS_MAX; i++) {
        if (sim->workers[i].watches > 0) {
            snapshot_free(&sim->workers[i].watch);
            sim->workers[i].watches = 0;
        }
    }
}
