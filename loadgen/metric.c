/* metric.c - the table. */
#include "loadgen/metric.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct metric metrics[] = {
    {.name = "deliveries",
     .title = "deliveries a second",
     .unit = METRIC_PER_SECOND,
     .better = METRIC_HIGHER,
     .needs_headroom = true,
     .gates_closed = true,
     .path = {"deliveries_per_s"}},
    {.name = "server-cpu",
     .title = "server CPU a delivery",
     .unit = METRIC_NS,
     .better = METRIC_LOWER,
     .gates_closed = true,
     .gates_open = true,
     .path = {"server", "cpu_ns_per_delivery"}},
    {.name = "latency-p50",
     .title = "latency p50",
     .unit = METRIC_NS,
     .better = METRIC_LOWER,
     .needs_headroom = true,
     .path = {"latency", "p50_ns"}},
    {.name = "latency-p99",
     .title = "latency p99",
     .unit = METRIC_NS,
     .better = METRIC_LOWER,
     .needs_headroom = true,
     .gates_open = true,
     .path = {"latency", "p99_ns"}},
    {.name = "latency-p99.9",
     .title = "latency p99.9",
     .unit = METRIC_NS,
     .better = METRIC_LOWER,
     .needs_headroom = true,
     .path = {"latency", "p99_9_ns"}},
    {.name = "completion-p50",
     .title = "completion p50",
     .unit = METRIC_NS,
     .better = METRIC_LOWER,
     .needs_headroom = true,
     .path = {"completion", "p50_ns"}},
    {.name = "completion-p99",
     .title = "completion p99",
     .unit = METRIC_NS,
     .better = METRIC_LOWER,
     .needs_headroom = true,
     .path = {"completion", "p99_ns"}},
    {.name = "memory",
     .title = "memory a connection",
     .unit = METRIC_BYTES,
     .better = METRIC_LOWER,
     .of_file = true,
     .path = {"server", "rss_bytes_per_connection"}},
    {.name = "connects",
     .title = "connections a second",
     .unit = METRIC_PER_SECOND,
     .better = METRIC_HIGHER,
     .needs_headroom = true,
     .gates_closed = true,
     .gates_open = true,
     .only = "storm",
     .path = {"connecting", "connections_per_s"}},
    {.name = "fairness",
     .title = "fairness of deliveries (Jain)",
     .unit = METRIC_NUMBER,
     .better = METRIC_HIGHER,
     .path = {"fairness", "deliveries", "jain"}},
    {.name = "churn-p99",
     .title = "subscription confirmed p99",
     .unit = METRIC_NS,
     .better = METRIC_LOWER,
     .needs_headroom = true,
     .path = {"churn", "confirmed", "p99_ns"}},
    {.name = "generator-cpu",
     .title = "generator CPU a delivery",
     .unit = METRIC_NS,
     .better = METRIC_NEITHER,
     .path = {"generator", "cpu_ns_per_delivery"}},
    {.name = "coalescing",
     .title = "messages a read",
     .unit = METRIC_NUMBER,
     .better = METRIC_NEITHER,
     .path = {"messages_per_read"}},
};

const size_t metrics_count = COUNT_OF(metrics);

const struct metric *metric_find(const char *name, size_t size)
{
    for (size_t i = 0; i < metrics_count; i++) {
        if (strlen(metrics[i].name) == size && memcmp(metrics[i].name, name, size) == 0) {
            return &metrics[i];
        }
    }
    return NULL;
}

double metric_value(const struct metric *metric, const json_t *from)
{
    for (size_t i = 0; i < COUNT_OF(metric->path) && metric->path[i] != NULL; i++) {
        from = json_object_get(from, metric->path[i]);
    }
    /* None of them can be zero: what is, was not measured. */
    double value = json_number_value(from);
    return value > 0 && isfinite(value) ? value : NAN;
}

static void grouped(struct metric_text *text, double value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%.0f", MIN_OF(value, 1e18));
    size_t to = 0;
    for (int i = 0; i < length; i++) {
        if (i != 0 && (length - i) % 3 == 0) {
            text->at[to++] = ',';
        }
        text->at[to++] = digits[i];
    }
    text->at[to] = 0;
}

static void scaled(struct metric_text *text, double value, const char *const *units, double step)
{
    while (value >= step * 0.9995 && units[1] != NULL) {
        value /= step;
        units++;
    }
    snprintf(text->at, sizeof text->at, "%.*f %s",
             value < 9.995   ? 2
             : value < 99.95 ? 1
                             : 0,
             value, *units);
}

struct metric_text metric_text(enum metric_unit unit, double value)
{
    static const char *const times[] = {"ns", "us", "ms", "s", NULL};
    static const char *const sizes[] = {"B", "kB", "MB", "GB", NULL};
    static const char *const rates[] = {"/s", "k/s", "M/s", NULL};
    static const char *const plain[] = {"", NULL};
    struct metric_text text = {"-"};
    if (!isfinite(value)) {
        return text;
    }
    switch (unit) {
    case METRIC_PER_SECOND:
        scaled(&text, value, rates, 1000);
        break;
    case METRIC_NS:
        scaled(&text, value, times, 1000);
        break;
    case METRIC_BYTES:
        scaled(&text, value, sizes, 1000);
        break;
    case METRIC_COUNT:
        grouped(&text, value);
        break;
    case METRIC_NUMBER:
        scaled(&text, value, plain, 1000);
        text.at[strlen(text.at) - 1] = 0; /* no unit: no blank before it */
        break;
    }
    return text;
}
