/* test_chart.c - points land where the axes say, and everybody can tell the lines apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/chart.h"
#include "tests/loadgen/markup.h"

#include <math.h>
#include <stdlib.h>

static struct chart chart_of(const struct chart_line *lines, size_t count, enum chart_scale x,
                             enum chart_scale y)
{
    return (struct chart){7, "t", "d", "x", "y", x, y, METRIC_COUNT, METRIC_NS, lines, count};
}

/* To be freed; empty when nothing was drawn, which must be what the result says. */
static char *drawn(const struct chart *chart)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool written = chart_write(out, chart);
    fclose(out);
    assert_int_equal(written, size != 0);
    return text;
}

/* Goal:   a chart stands whatever its values are.
 * Method: one point, equal points, tiny, huge and many values; a chart of nothing is not drawn. */
static void test_chart_of_any_values(void **state)
{
    (void)state;
    static const double values[] = {1, 1e-9, 1e15, 999.999, 1000, 12345};
    static const enum chart_scale scales[] = {CHART_LINEAR, CHART_LOG};
    for (size_t i = 0; i < COUNT_OF(values) * COUNT_OF(scales); i++) {
        double value = values[i / COUNT_OF(scales)];
        enum chart_scale scale = scales[i % COUNT_OF(scales)];
        struct chart_point points[] = {{value, value, value / 2, value * 2},
                                       {value * 3, value, value, value}};
        struct chart_line lines[] = {
            {"one", 0, points, 1, true}, {"two", 9, points, 2, true}, {"none", 2, NULL, 0, true}};
        struct chart chart = chart_of(lines, 3, scale, scale);
        char *text = drawn(&chart);
        expect_balanced(text);
        assert_null(strstr(text, "nan"));
        assert_null(strstr(text, ">none<"));
        free(text);
        chart.lines = &lines[2];
        chart.lines_count = 1;
        text = drawn(&chart);
        assert_string_equal(text, "");
        free(text);
    }
}

/* Where the n-th point marked with a circle (colour 0) is, in units of the picture; the legend's own
 * comes last. */
struct place {
    double x;
    double y;
};

static struct place circle(const char *text, int n)
{
    struct place place = {NAN, NAN};
    const char *at = text;
    for (int i = 0; i <= n; i++) {
        at = strstr(i == 0 ? at : at + 1, "<circle ");
        assert_non_null(at);
    }
    assert_int_equal(sscanf(at, "<circle cx=\"%lf\" cy=\"%lf\"", &place.x, &place.y), 2);
    return place;
}

static void expect_near(double found, double expected)
{
    if (!(fabs(found - expected) <= 0.11)) { /* places have one decimal */
        fail_msg("%g is not %g", found, expected);
    }
}

/* Goal:   a linear axis begins at zero and its distances are proportional; up is more.
 * Method: three points of known ratios. */
static void test_chart_linear_places(void **state)
{
    (void)state;
    static const struct chart_point points[] = {
        {10, 100, 100, 100}, {20, 200, 200, 200}, {40, 400, 400, 400}};
    struct chart_line line = {"a", 0, points, 3, true};
    struct chart chart = chart_of(&line, 1, CHART_LINEAR, CHART_LINEAR);
    char *text = drawn(&chart);
    struct place a = circle(text, 0);
    struct place b = circle(text, 1);
    struct place c = circle(text, 2);
    expect_near((c.x - b.x) / 2, b.x - a.x);
    expect_near((b.y - c.y) / 2, a.y - b.y);
    assert_true(c.y < b.y && b.y < a.y);
    expect_near(a.x - (b.x - a.x), 96);  /* zero is at the left edge */
    expect_near(a.y + (a.y - b.y), 326); /* and at the bottom */
    free(text);
}

/* Goal:   on a logarithmic axis equal ratios are equally far apart, and outliers stay in the frame.
 * Method: points ten times apart; decades among the ticks. */
static void test_chart_log_places(void **state)
{
    (void)state;
    static const struct chart_point points[] = {
        {1, 1e3, 1e3, 1e3}, {10, 1e4, 1e4, 1e4}, {100, 1e5, 1e5, 1e5}};
    struct chart_line line = {"a", 0, points, 3, true};
    struct chart chart = chart_of(&line, 1, CHART_LOG, CHART_LOG);
    char *text = drawn(&chart);
    struct place a = circle(text, 0);
    struct place b = circle(text, 1);
    struct place c = circle(text, 2);
    expect_near(c.x - b.x, b.x - a.x);
    expect_near(b.y - c.y, a.y - b.y);
    expect_near(a.x, 96);
    expect_near(c.x, 692);
    assert_non_null(strstr(text, ">1 us</text>"));
    assert_non_null(strstr(text, ">10 us</text>"));
    assert_non_null(strstr(text, ">100 us</text>"));
    free(text);
}

/* Goal:   percentiles: each further nine takes as much room as the one before, up to 99.999.
 * Method: 0.9, 0.99, 0.999 and one with ten nines, which stays at the edge. */
static void test_chart_percentile_places(void **state)
{
    (void)state;
    static const struct chart_point points[] = {
        {0.9, 1, 1, 1}, {0.99, 2, 2, 2}, {0.999, 3, 3, 3}, {0.9999999999, 4, 4, 4}};
    struct chart_line line = {"a", 0, points, 4, true};
    struct chart chart = chart_of(&line, 1, CHART_PERCENTILE, CHART_LINEAR);
    char *text = drawn(&chart);
    struct place a = circle(text, 0);
    struct place b = circle(text, 1);
    struct place c = circle(text, 2);
    expect_near(c.x - b.x, b.x - a.x);
    expect_near(circle(text, 3).x, 692);
    assert_non_null(strstr(text, ">50 %</text>"));
    assert_non_null(strstr(text, ">99.9 %</text>"));
    assert_non_null(strstr(text, ">99.999 %</text>"));
    free(text);
}

/* Goal:   every line can be told apart without colour, the same server looks alike everywhere, and
 *         those who do not see the chart get title and description.
 * Method: four lines: dashes and markers differ pairwise; texts with markup in them. */
static void test_chart_lines_differ(void **state)
{
    (void)state;
    static const struct chart_point point = {5, 5, 4, 6};
    static const char *const dashes[] = {"\"none\"", "\"7 4\"", "\"2 3\"", "\"10 3 2 3\""};
    struct chart_line lines[5];
    for (uint32_t i = 0; i < COUNT_OF(lines); i++) {
        struct chart_line line = {i == 0 ? "a<b" : "other", i, &point, 1, true};
        lines[i] = line;
    }
    lines[4].points_count = 0;
    struct chart chart = chart_of(lines, 5, CHART_LINEAR, CHART_LINEAR);
    chart.title = "speed & \"size\"";
    chart.description = "what <it> shows";
    char *text = drawn(&chart);
    expect_balanced(text);
    for (uint32_t i = 0; i < 4; i++) {
        char series[32];
        snprintf(series, sizeof series, "var(--series-%u)", i);
        assert_int_equal(occurrences(text, series), 2); /* its line, and the legend */
        assert_int_equal(occurrences(text, dashes[i]), 2);
    }
    assert_null(strstr(text, "var(--series-4)"));
    assert_int_equal(occurrences(text, "<circle "), 2);
    assert_int_equal(occurrences(text, "<rect "), 2);
    assert_int_equal(occurrences(text, "class=\"mark\""), 4);
    assert_int_equal(occurrences(text, "class=\"spread\""), 4);
    assert_non_null(strstr(text, "aria-labelledby=\"t7 d7\""));
    assert_non_null(strstr(text, "<title id=\"t7\">speed &amp; &quot;size&quot;</title>"));
    assert_non_null(strstr(text, "<desc id=\"d7\">what &lt;it&gt; shows</desc>"));
    assert_int_equal(occurrences(text, "a&lt;b"), 3); /* curve, point, legend */
    assert_null(strstr(text, "a<b"));
    free(text);
}

/* Goal:   a marker per point only where asked for, and a spread only where there is one.
 * Method: the same points with and without. */
static void test_chart_unmarked(void **state)
{
    (void)state;
    static const struct chart_point points[] = {{1, 5, 5, 5}, {2, 5, 5, 5}};
    struct chart_line line = {"a", 0, points, 2, false};
    struct chart chart = chart_of(&line, 1, CHART_LINEAR, CHART_LINEAR);
    char *text = drawn(&chart);
    assert_null(strstr(text, "<circle "));
    line.marked = true;
    char *marked = drawn(&chart);
    assert_int_equal(occurrences(marked, "<circle "), 3);
    assert_null(strstr(marked, "class=\"spread\""));
    free(text);
    free(marked);
}

/* Goal:   nothing above zero, nothing to draw: no half of a picture.
 * Method: no lines; only zeros on one axis. */
static void test_chart_of_nothing(void **state)
{
    (void)state;
    static const struct chart_point zero_y = {1, 0, 0, 0};
    static const struct chart_point zero_x = {0, 1, 1, 1};
    struct chart_line lines[] = {{"a", 0, &zero_y, 1, true}, {"b", 0, &zero_x, 1, true}};
    for (int i = 0; i < 2; i++) {
        struct chart chart = chart_of(&lines[i], 1, CHART_LINEAR, CHART_LINEAR);
        char *text = drawn(&chart);
        assert_string_equal(text, "");
        free(text);
    }
    struct chart none = chart_of(NULL, 0, CHART_LOG, CHART_LOG);
    char *text = drawn(&none);
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chart_of_any_values), cmocka_unit_test(test_chart_linear_places),
        cmocka_unit_test(test_chart_log_places),    cmocka_unit_test(test_chart_percentile_places),
        cmocka_unit_test(test_chart_lines_differ),  cmocka_unit_test(test_chart_unmarked),
        cmocka_unit_test(test_chart_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
