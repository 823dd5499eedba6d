/* chart.c - from values to places on a picture of 732 by 400 units. */
#include "loadgen/chart.h"

#include "loadgen/html.h"

#include <math.h>
#include <string.h>

enum {
    WIDTH = 732,
    LEFT = 96,
    RIGHT = 692,
    TOP = 16,
    BOTTOM = 326,
    LEGEND = 392,
    LEGEND_STEP = 24,
    LEGEND_COLUMNS = 2,
    TICKS_MAX = 16,
    PERCENTILE_NINES_MAX = 5,
};

struct axis {
    enum chart_scale scale;
    enum metric_unit unit;
    double from; /* scaled values at its ends */
    double to;
    double ticks[TICKS_MAX]; /* values */
    size_t ticks_count;
};

/* ---- scales ---- */

static double scaled(const struct axis *axis, double value)
{
    switch (axis->scale) {
    case CHART_LOG:
        return log10(value);
    case CHART_PERCENTILE:
        return -log10(MAX_OF(1 - value, 1e-12));
    case CHART_LINEAR:
        break;
    }
    return value;
}

static double place(const struct axis *axis, double value, double at_from, double at_to)
{
    double share = (scaled(axis, value) - axis->from) / (axis->to - axis->from);
    return at_from + MIN_OF(MAX_OF(share, 0.0), 1.0) * (at_to - at_from);
}

static void tick_add(struct axis *axis, double value)
{
    if (axis->ticks_count < TICKS_MAX) {
        axis->ticks[axis->ticks_count++] = value;
    }
}

/* Round steps, 4 to 9 of them, from zero. */
static void linear_fit(struct axis *axis, double most)
{
    double step = pow(10, floor(log10(most)));
    step = most / step < 2 ? step / 5 : most / step < 5 ? step / 2 : step;
    axis->from = 0;
    axis->to = ceil(most / step * 0.999999) * step;
    for (int i = 0; i * step <= axis->to * 1.000001; i++) {
        tick_add(axis, i * step);
    }
}

/* Whole decades; the ones, twos and fives of them when there are few. */
static void log_fit(struct axis *axis, double least, double most)
{
    static const double parts[] = {1, 2, 5};
    axis->from = floor(log10(least) + 1e-9);
    axis->to = ceil(log10(most) - 1e-9);
    axis->to += axis->to == axis->from ? 1 : 0;
    bool few = axis->to - axis->from <= 3;
    int stride = (int)ceil((axis->to - axis->from) / (TICKS_MAX - 2));
    for (int power = (int)axis->from; power <= (int)axis->to; power += stride) {
        for (size_t i = 0; i < (few ? COUNT_OF(parts) : 1); i++) {
            if (power < (int)axis->to || i == 0) {
                tick_add(axis, parts[i] * pow(10, power));
            }
        }
    }
}

static void percentile_fit(struct axis *axis, double most)
{
    axis->from = 0;
    axis->to = MIN_OF(MAX_OF(scaled(axis, most), 1.0), (double)PERCENTILE_NINES_MAX);
    tick_add(axis, 0.5);
    for (int nines = 1; nines <= axis->to + 1e-9; nines++) {
        tick_add(axis, 1 - pow(10, -nines));
    }
}

static void axis_fit(struct axis *axis, double least, double most)
{
    switch (axis->scale) {
    case CHART_LOG:
        log_fit(axis, least, most);
        break;
    case CHART_PERCENTILE:
        percentile_fit(axis, most);
        break;
    case CHART_LINEAR:
        linear_fit(axis, most);
        break;
    }
}

/* Places both axes around all points. False when there is nothing to draw. */
static bool axes_fit(const struct chart *chart, struct axis *x, struct axis *y)
{
    double least[2] = {INFINITY, INFINITY};
    double most[2] = {0, 0};
    for (size_t i = 0; i < chart->lines_count; i++) {
        for (size_t k = 0; k < chart->lines[i].points_count; k++) {
            const struct chart_point *p = &chart->lines[i].points[k];
            least[0] = MIN_OF(least[0], p->x);
            most[0] = MAX_OF(most[0], p->x);
            least[1] = MIN_OF(least[1], p->low);
            most[1] = MAX_OF(most[1], p->high);
        }
    }
    *x = (struct axis){chart->x_scale, chart->x_unit, 0, 0, {0}, 0};
    *y = (struct axis){chart->y_scale, chart->y_unit, 0, 0, {0}, 0};
    if (!(most[0] > 0) || !(most[1] > 0)) {
        return false;
    }
    axis_fit(x, least[0], most[0]);
    axis_fit(y, least[1], most[1]);
    return true;
}

/* ---- drawing ---- */

static void tick_text(FILE *out, const struct axis *axis, double value)
{
    if (axis->scale == CHART_PERCENTILE) {
        fprintf(out, "%g %%", value * 100);
    } else if (value == 0) {
        fputc('0', out);
    } else if (axis->unit == METRIC_PER_SECOND && value >= 1e6) {
        fprintf(out, "%g M/s", value / 1e6);
    } else if (axis->unit == METRIC_PER_SECOND && value >= 1e3) {
        fprintf(out, "%g k/s", value / 1e3);
    } else if (axis->unit == METRIC_COUNT) {
        fputs(metric_text(METRIC_COUNT, value).at, out);
    } else if (axis->unit == METRIC_NS || axis->unit == METRIC_BYTES) {
        static const char *const units[][4] = {{"ns", "us", "ms", "s"}, {"B", "kB", "MB", "GB"}};
        int power = 0;
        for (; value >= 999.5 && power < 3; power++) {
            value /= 1000;
        }
        fprintf(out, "%g %s", value, units[axis->unit == METRIC_NS ? 0 : 1][power]);
    } else {
        fprintf(out, "%g", value);
    }
}

static void axes_draw(FILE *out, const struct chart *chart, const struct axis *x,
                      const struct axis *y)
{
    fputs("<g class=\"axes\">\n", out);
    for (size_t i = 0; i < y->ticks_count; i++) {
        double at = place(y, y->ticks[i], BOTTOM, TOP);
        fprintf(out, "<path d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                LEFT, at, RIGHT, LEFT - 8, at + 5);
        tick_text(out, y, y->ticks[i]);
        fputs("</text>\n", out);
    }
    for (size_t i = 0; i < x->ticks_count; i++) {
        double at = place(x, x->ticks[i], LEFT, RIGHT);
        fprintf(out, "<path d=\"M%.1f %dV%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">",
                at, TOP, BOTTOM, at, BOTTOM + 20);
        tick_text(out, x, x->ticks[i]);
        fputs("</text>\n", out);
    }
    fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
            (LEFT + RIGHT) / 2, BOTTOM + 42);
    html_text(out, chart->x_title);
    fprintf(out,
            "</text>\n<text class=\"name\" transform=\"translate(16 %d) rotate(-90)\" "
            "text-anchor=\"middle\">",
            (TOP + BOTTOM) / 2);
    html_text(out, chart->y_title);
    fputs("</text>\n</g>\n", out);
}

static const char *dash_of(uint32_t colour)
{
    static const char *const dashes[] = {"none", "7 4", "2 3", "10 3 2 3"};
    return dashes[colour % COUNT_OF(dashes)];
}

static void marker_draw(FILE *out, uint32_t colour, double x, double y)
{
    switch (colour % 4) {
    case 0:
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>", x, y);
        break;
    case 1:
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"7\" height=\"7\"/>", x - 3.5, y - 3.5);
        break;
    case 2:
        fprintf(out, "<path class=\"mark\" d=\"M%.1f %.1fl4.5 8h-9z\"/>", x, y - 5);
        break;
    default:
        fprintf(out, "<path class=\"mark\" d=\"M%.1f %.1fl5 5l-5 5l-5 -5z\"/>", x, y - 5);
        break;
    }
}

static void point_draw(FILE *out, const struct chart *chart, const struct chart_line *line,
                       const struct chart_point *point, const struct axis *x, const struct axis *y)
{
    double at = place(x, point->x, LEFT, RIGHT);
    fputs("<g><title>", out);
    html_text(out, line->name);
    fprintf(out, ": %s at %s</title>", metric_text(chart->y_unit, point->y).at,
            metric_text(chart->x_unit, point->x).at);
    if (point->low < point->high) {
        fprintf(out, "<path class=\"spread\" d=\"M%.1f %.1fV%.1f\"/>", at,
                place(y, point->low, BOTTOM, TOP), place(y, point->high, BOTTOM, TOP));
    }
    marker_draw(out, line->colour, at, place(y, point->y, BOTTOM, TOP));
    fputs("</g>\n", out);
}

static void line_draw(FILE *out, const struct chart *chart, const struct chart_line *line,
                      const struct axis *x, const struct axis *y)
{
    fprintf(out,
            "<g class=\"line\" style=\"--line:var(--series-%u)\">\n<path class=\"curve\" "
            "stroke-dasharray=\"%s\" d=\"",
            line->colour % CHART_COLOURS, dash_of(line->colour));
    for (size_t i = 0; i < line->points_count; i++) {
        fprintf(out, "%c%.1f %.1f", i == 0 ? 'M' : 'L', place(x, line->points[i].x, LEFT, RIGHT),
                place(y, line->points[i].y, BOTTOM, TOP));
    }
    fputs("\"><title>", out);
    html_text(out, line->name);
    fputs("</title></path>\n", out);
    for (size_t i = 0; line->marked && i < line->points_count; i++) {
        point_draw(out, chart, line, &line->points[i], x, y);
    }
    fputs("</g>\n", out);
}

static void legend_draw(FILE *out, const struct chart_line *line, size_t index)
{
    double x = LEFT + (double)(index % LEGEND_COLUMNS) * ((double)(RIGHT - LEFT) / LEGEND_COLUMNS);
    double y = LEGEND + LEGEND_STEP * floor((double)index / LEGEND_COLUMNS);
    fprintf(out,
            "<g class=\"line\" style=\"--line:var(--series-%u)\"><path class=\"curve\" "
            "stroke-dasharray=\"%s\" d=\"M%.1f %.1fh28\"/>",
            line->colour % CHART_COLOURS, dash_of(line->colour), x, y);
    if (line->marked) {
        marker_draw(out, line->colour, x + 14, y);
    }
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\">", x + 36, y + 5);
    html_text(out, line->name);
    fputs("</text></g>\n", out);
}

static size_t legend_rows(const struct chart *chart)
{
    size_t shown = 0;
    for (size_t i = 0; i < chart->lines_count; i++) {
        shown += chart->lines[i].points_count != 0 ? 1 : 0;
    }
    return (shown + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS;
}

bool chart_write(FILE *out, const struct chart *chart)
{
    struct axis x;
    struct axis y;
    if (!axes_fit(chart, &x, &y)) {
        return false;
    }
    fprintf(out,
            "<svg viewBox=\"0 0 %d %zu\" role=\"img\" aria-labelledby=\"t%u d%u\">\n<title "
            "id=\"t%u\">",
            WIDTH, LEGEND + legend_rows(chart) * LEGEND_STEP, chart->number, chart->number,
            chart->number);
    html_text(out, chart->title);
    fprintf(out, "</title>\n<desc id=\"d%u\">", chart->number);
    html_text(out, chart->description);
    fputs("</desc>\n", out);
    axes_draw(out, chart, &x, &y);
    size_t shown = 0;
    for (size_t i = 0; i < chart->lines_count; i++) {
        if (chart->lines[i].points_count != 0) {
            line_draw(out, chart, &chart->lines[i], &x, &y);
            legend_draw(out, &chart->lines[i], shown++);
        }
    }
    fputs("</svg>\n", out);
    return true;
}
