/*
 * chart.h - lines over two axes, as one inline SVG that scripts and styles of the page need not know.
 *
 *   struct chart (titles, scales, lines of points) ─▶ <svg> with title, description, axes, legend
 *
 * Colours are CSS variables --series-0 … --series-7 and --ink, --grid of the page; each line also has
 * a dash and a marker of its own, so that it can be told apart in print and without colour.
 *
 * Threads:     any; no state.
 * Memory:      borrows lines and texts.
 */
#ifndef RINGHUB_LOADGEN_CHART_H
#define RINGHUB_LOADGEN_CHART_H

#include "loadgen/metric.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CHART_COLOURS = 8 };

enum chart_scale {
    CHART_LINEAR,     /* from zero */
    CHART_LOG,        /* values above zero */
    CHART_PERCENTILE, /* 0 to 1: nines are equally far apart */
};

struct chart_point {
    double x;
    double y;
    double low; /* of the spread around y; equal to y when there is none */
    double high;
};

struct chart_line {
    const char *name;
    uint32_t colour;                  /* the same server has the same one in all charts */
    const struct chart_point *points; /* ascending x */
    size_t points_count;
    bool marked; /* a marker at each point */
};

struct chart {
    uint32_t number; /* makes ids unique on the page */
    const char *title;
    const char *description; /* for those who do not see it */
    const char *x_title;
    const char *y_title;
    enum chart_scale x_scale;
    enum chart_scale y_scale;
    enum metric_unit x_unit;
    enum metric_unit y_unit;
    const struct chart_line *lines;
    size_t lines_count;
};

/* Lines without points are left out; a chart without any is not drawn, and false is returned. */
bool chart_write(FILE *out, const struct chart *chart);

#ifdef __cplusplus
}
#endif
#endif
