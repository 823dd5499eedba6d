/* test_metric.c - what is read out of a run, and how it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/metric.h"

#include <math.h>
#include <string.h>

/* Goal:   figures are written in three digits and the unit that fits.
 * Method: a table, with what lies next to a change of unit. */
static void test_metric_is_written(void **state)
{
    (void)state;
    static const struct {
        enum metric_unit unit;
        double value;
        const char *text;
    } table[] = {
        {METRIC_NS, 3.14159, "3.14 ns"},
        {METRIC_NS, 999.4, "999 ns"},
        {METRIC_NS, 999.9, "1.00 us"},
        {METRIC_NS, 12345678, "12.3 ms"},
        {METRIC_NS, 5e12, "5000 s"},
        {METRIC_BYTES, 512, "512 B"},
        {METRIC_BYTES, 30300, "30.3 kB"},
        {METRIC_PER_SECOND, 400, "400 /s"},
        {METRIC_PER_SECOND, 150000, "150 k/s"},
        {METRIC_PER_SECOND, 38379322, "38.4 M/s"},
        {METRIC_COUNT, 1234567, "1,234,567"},
        {METRIC_COUNT, 999, "999"},
        {METRIC_NUMBER, 0.9996, "1.00"},
        {METRIC_NUMBER, 197.4, "197"},
        {METRIC_PER_SECOND, INFINITY, "-"},
        {METRIC_NS, NAN, "-"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        assert_string_equal(metric_text(table[i].unit, table[i].value).at, table[i].text);
    }
}

/* Goal:   a metric finds its value, and what is missing or nought is not measured.
 * Method: every metric in a run made of its own path; then an empty run, and one with nought. */
static void test_metric_finds_its_value(void **state)
{
    (void)state;
    json_t *empty = json_object();
    for (size_t i = 0; i < metrics_count; i++) {
        const struct metric *m = &metrics[i];
        json_t *value = json_real(1.5);
        size_t depth = 0;
        while (depth < COUNT_OF(m->path) && m->path[depth] != NULL) {
            depth++;
        }
        assert_true(depth > 0);
        for (; depth > 0; depth--) {
            json_t *around = json_object();
            json_object_set_new(around, m->path[depth - 1], value);
            value = around;
        }
        assert_true(metric_value(m, value) == 1.5);
        assert_true(isnan(metric_value(m, empty)));
        json_decref(value);
        assert_ptr_equal(metric_find(m->name, strlen(m->name)), m);
    }
    json_t *nought = json_pack("{s:f}", "deliveries_per_s", 0.0);
    assert_true(isnan(metric_value(metric_find("deliveries", 10), nought)));
    assert_null(metric_find("deliverie", 9));
    json_decref(nought);
    json_decref(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metric_is_written),
        cmocka_unit_test(test_metric_finds_its_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
