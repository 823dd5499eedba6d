/* test_monitor_body.c - times and durations as Go writes them, and the bound of a body. */
#include "io/monitor_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(json_t *value, const char *text)
{
    assert_string_equal(json_string_value(value), text);
    json_decref(value);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {{0, "0s"},
                {1, "1ns"},
                {999, "999ns"},
                {1000, "1µs"},
                {504000, "504µs"},
                {504100, "504.1µs"},
                {1422287, "1.422287ms"},
                {1000000000, "1s"},
                {1500000000, "1.5s"},
                {60000000000, "1m0s"},
                {123500000000, "2m3.5s"},
                {3600000000000, "1h0m0s"},
                {3723000000001, "1h2m3.000000001s"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect(json_of_duration(rows[i].ns), rows[i].text);
    }
}

static void test_uptimes(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *text;
    } rows[] = {{0, "0s"},
                {59, "59s"},
                {60, "1m0s"},
                {3600, "1h0m0s"},
                {86400, "1d0h0m0s"},
                {365 * 86400, "1y0d0h0m0s"},
                {367 * 86400 + 3 * 3600 + 245, "1y2d3h4m5s"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect(json_of_uptime(rows[i].seconds * 1000000000 + 999999999), rows[i].text);
    }
}

static void test_times(void **state)
{
    (void)state;
    expect(json_of_time(0), "1970-01-01T00:00:00Z");
    expect(json_of_time(1700000000000000001), "2023-11-14T22:13:20.000000001Z");
    expect(json_of_time(1700000000120000000), "2023-11-14T22:13:20.12Z");
}

static void test_body_is_bounded(void **state)
{
    (void)state;
    struct body body = {0};
    char *block = memory_alloc(1 << 20);
    for (size_t i = 0; i < BODY_BYTES_MAX >> 20; i++) {
        body_append(&body, block, 1 << 20);
        assert_false(body.is_full);
    }
    body_append(&body, "x", 1);
    assert_true(body.is_full);
    assert_int_equal(body.size, BODY_BYTES_MAX);
    memory_free(block);
    body_free(&body);
    assert_false(body.is_full);
}

static void test_arrays_in_pieces(void **state)
{
    (void)state;
    struct body body = {0};
    body_json_open(&body, json_pack("{s:i}", "a", 1));
    body_printf(&body, ",\"b\":[");
    body_json_element(&body, json_pack("{s:i}", "c", 2), true);
    body_json_element(&body, json_pack("[i,i]", 3, 4), false);
    body_printf(&body, "]}");
    json_t *whole = json_loadb(body.text, body.size, 0, NULL);
    assert_non_null(whole);
    assert_int_equal(json_array_size(json_object_get(whole, "b")), 2);
    json_decref(whole);
    body_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_uptimes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_body_is_bounded),
        cmocka_unit_test(test_arrays_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
