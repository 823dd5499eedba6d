/* result.c - conclusions. */
#include "loadgen/result.h"

#include <unistd.h>

bool result_is_complete(const struct result *r)
{
    return r->counts.delivered == r->expected && r->counts.lost == 0 && r->counts.duplicated == 0 &&
           (r->counts.reordered == 0 || r->unordered) && r->counts.corrupted == 0 &&
           r->counts.foreign == 0;
}

double result_server_busy(const struct result *r)
{
    if (!r->server.known) {
        return 0;
    }
    /* A server that may run everywhere shares the CPUs with us; a pinned one is taken to have its
     * own. */
    double machine = (double)sysconf(_SC_NPROCESSORS_ONLN);
    double cores = (double)r->server.cpus;
    if (cores >= machine && r->measured_s > 0) {
        cores -= r->generator_s / r->measured_s;
    }
    double used = cores > 0.1 ? r->server.cores / cores : 1;
    return MIN_OF(MAX_OF(used, r->server.busiest_thread), 1.0);
}

enum result_verdict result_verdict_of(const struct result *r)
{
    bool busy = r->generator_busiest > RESULT_BUSY;
    bool late = record_percentile(&r->late, 0.99) > RESULT_LATE_NS;
    if (!busy && !late) {
        return RESULT_VALID;
    }
    if (!r->server.known) {
        return RESULT_UNPROVEN;
    }
    return result_server_busy(r) < RESULT_BUSY ? RESULT_GENERATOR_BOUND : RESULT_VALID;
}
