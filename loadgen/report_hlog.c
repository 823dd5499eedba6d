/* report_hlog.c - results as HdrHistogram logs. */
#include "loadgen/hdr.h"
#include "loadgen/report.h"

static void latency_add(FILE *out, const struct result *r)
{
    for (uint32_t i = 0; i < r->series.steps_count; i++) {
        double at_s = (double)i * (double)r->series.step_ns / 1e9;
        double length_s = MIN_OF((double)r->series.step_ns / 1e9, r->measured_s - at_s);
        hdr_log_add(out, r->begin_s + at_s, length_s, &r->series.steps[i].latency);
    }
}

static bool log_write(const struct report *report, const char *what, bool latency)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.%s.hlog", report->scenario->hlog_prefix, what);
    FILE *out = fopen(path, "we");
    if (out == NULL) {
        return false;
    }
    hdr_log_begin(out, what, report->runs == 0 ? 0 : report->results[0]->begin_s);
    for (uint32_t i = 0; i < report->runs; i++) {
        const struct result *r = report->results[i];
        if (latency) {
            latency_add(out, r);
        } else {
            hdr_log_add(out, r->begin_s, r->measured_s, &r->completion);
        }
    }
    bool written = ferror(out) == 0;
    return fclose(out) == 0 && written;
}

bool report_hlog(const struct report *report)
{
    return log_write(report, "latency", true) && log_write(report, "completion", false);
}
