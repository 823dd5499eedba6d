/* test_units.c - sizes and durations, both ways. */
#include "core/units.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

static const struct {
    uint64_t ns;
    const char *text;
} durations[] = {
    {0, "0s"},
    {1, "1ns"},
    {1500, "1.5us"},
    {500000000, "500ms"},
    {1000000000, "1s"},
    {1500000000, "1.5s"},
    {60000000000, "1m"},
    {90000000000, "1m30s"},
    {UINT64_C(3600000000000), "1h"},
    {UINT64_C(3661500000000), "1h1m1.5s"},
    {UINT64_C(7200000000000), "2h"},
    {UINT64_C(123456789012345), "34h17m36.789012345s"},
};

/*
 * Goal:    a duration is printed as it would be written, and read back as what it was.
 * Method:  a table of both.
 */
static void test_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(durations); i++) {
        char text[48];
        uint64_t ns = 1;
        assert_string_equal(units_duration_text(durations[i].ns, text, sizeof(text)),
                            durations[i].text);
        assert_true(units_parse_duration(bytes_text(text), &ns));
        assert_int_equal(ns, durations[i].ns);
    }
}

/*
 * Goal:    text that does not fit is cut, and never written past its end.
 * Method:  every size of buffer for the longest text.
 */
static void test_durations_are_cut(void **state)
{
    (void)state;
    for (size_t size = 1; size < 24; size++) {
        char text[32];
        text[size] = 'x';
        (void)units_duration_text(UINT64_C(123456789012345), text, size);
        assert_int_equal(text[size], 'x');
        assert_true(strlen(text) < size);
    }
}

/*
 * Goal:    sizes are read by powers of 1000 and 1024, and printed by powers of 1024.
 * Method:  a table; the rest is in test_config.c.
 */
static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *written;
        uint64_t bytes;
        const char *printed;
    } rows[] = {{"1k", 1000, "1000 B"},
                {"1KB", 1024, "1.0 KiB"},
                {"1536", 1536, "1.5 KiB"},
                {"64MiB", 64 << 20, "64.0 MiB"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[32];
        uint64_t bytes = 0;
        assert_true(units_parse_size(bytes_text(rows[i].written), &bytes));
        assert_int_equal(bytes, rows[i].bytes);
        assert_string_equal(units_size_text(bytes, text, sizeof(text)), rows[i].printed);
    }
    uint64_t bytes = 0;
    assert_false(units_parse_size(bytes_text("k"), &bytes));
    assert_false(units_parse_size(bytes_text("1 k"), &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_durations_are_cut),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
