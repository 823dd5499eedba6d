/* series.c - totals, and their differences. */
#include "loadgen/series.h"

#include <string.h>

#define SECOND_NS ((uint64_t)1000000000)

static uint32_t steps_until(const struct series *series, uint64_t ns)
{
    uint64_t length_ns = ns > series->from_ns ? ns - series->from_ns : 0;
    return (uint32_t)((length_ns + series->step_ns - 1) / series->step_ns);
}

void series_begin(struct series *series, uint64_t from_ns, uint64_t to_ns)
{
    ASSERT(from_ns < to_ns);
    series_free(series);
    uint64_t seconds = (to_ns - from_ns + SECOND_NS - 1) / SECOND_NS;
    series->from_ns = from_ns;
    series->to_ns = to_ns;
    series->step_ns = (seconds + SERIES_STEPS_MAX - 1) / SERIES_STEPS_MAX * SECOND_NS;
    series->steps_count = steps_until(series, to_ns);
    ASSERT(series->steps_count <= SERIES_STEPS_MAX);
    series->steps = (struct series_step *)memory_alloc(series->steps_count * sizeof *series->steps);
}

void series_free(struct series *series)
{
    memory_free(series->steps);
    memset(series, 0, sizeof *series);
}

uint64_t series_next_ns(const struct series *series)
{
    if (series->marked == series->steps_count) {
        return UINT64_MAX;
    }
    uint64_t end_ns = series->from_ns + (series->marked + 1) * series->step_ns;
    return MIN_OF(end_ns, series->to_ns);
}

struct series_step *series_due(struct series *series, uint64_t now_ns)
{
    return now_ns < series_next_ns(series) ? NULL : &series->steps[series->marked++];
}

void series_close(struct series *series, uint64_t end_ns, const struct series_step *totals)
{
    uint32_t kept = MIN_OF(steps_until(series, end_ns), series->steps_count);
    for (uint32_t i = series->marked; i < kept; i++) {
        series->steps[i] = *totals;
    }
    if (kept != 0) {
        series->steps[kept - 1] = *totals;
    }
    for (uint32_t i = kept; i > 1; i--) {
        struct series_step *step = &series->steps[i - 1];
        const struct series_step *before = step - 1;
        step->delivered -= before->delivered;
        step->sent -= before->sent;
        step->server_cpu_ns -= before->server_cpu_ns;
        record_subtract(&step->latency, &before->latency);
    }
    series->steps_count = kept;
    series->marked = kept;
    series->to_ns = MIN_OF(end_ns, series->to_ns);
}

void series_merge(struct series *into, const struct series *from)
{
    ASSERT(into->steps_count == from->steps_count);
    for (uint32_t i = 0; i < into->steps_count; i++) {
        struct series_step *step = &into->steps[i];
        const struct series_step *more = &from->steps[i];
        step->delivered += more->delivered;
        step->sent += more->sent;
        step->server_cpu_ns += more->server_cpu_ns;
        step->server_rss_bytes = MAX_OF(step->server_rss_bytes, more->server_rss_bytes);
        record_merge(&step->latency, &more->latency);
    }
}
