/* test_nats_text.c - names in violations are quoted as Go's %q quotes them. */
#include "core/proto/nats_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/*
 * Goal:    every kind of byte comes out as strconv.Quote writes it.
 * Method:  a table: ASCII and its escapes, valid UTF-8 printable and not, invalid UTF-8.
 */
static void test_names_are_quoted_as_go_does(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *quoted;
    } names[] = {
        {"", "\"\""},
        {"foo.bar", "\"foo.bar\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\a\b\f\n\r\t\v", "\"\\a\\b\\f\\n\\r\\t\\v\""},
        {"\x01\x1f\x7f ~", "\"\\x01\\x1f\\x7f ~\""},
        {"'", "\"'\""},
        {"\xC3\xA9", "\"\xC3\xA9\""},                 /* e acute */
        {"\xE2\x82\xAC", "\"\xE2\x82\xAC\""},         /* euro */
        {"\xF0\x9F\x98\x80", "\"\xF0\x9F\x98\x80\""}, /* a face */
        {"\xC2\x80", "\"\\u0080\""},
        {"\xC2\xA0", "\"\\u00a0\""},
        {"\xC2\xAD", "\"\\u00ad\""},
        {"\xE2\x80\xA8", "\"\\u2028\""},
        {"\xEF\xBB\xBF", "\"\\ufeff\""},
        {"\xF3\xA0\x80\x81", "\"\\U000e0001\""},
        {"\xFF", "\"\\xff\""},
        {"\xC3", "\"\\xc3\""},
        {"\xC3(", "\"\\xc3(\""},
        {"\xC0\x80", "\"\\xc0\\x80\""},                   /* overlong */
        {"\xE0\x80\x80", "\"\\xe0\\x80\\x80\""},          /* overlong */
        {"\xED\xA0\x80", "\"\\xed\\xa0\\x80\""},          /* surrogate */
        {"\xF4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\""}, /* above the last */
        {"\xE2\x82", "\"\\xe2\\x82\""},                   /* cut */
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct bytes name = bytes_text(names[i].name);
        uint8_t text[128];
        size_t size = nats_quote(text, name);
        assert_int_equal(size, strlen(names[i].quoted));
        assert_memory_equal(text, names[i].quoted, size);
        assert_true(size <= nats_quoted_max(name.size));
    }
}

/*
 * Goal:    a NUL in a name is quoted and ends nothing; the bound holds for every pair of bytes.
 * Method:  all pairs.
 */
static void test_quoting_has_a_bound(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            const uint8_t name[] = {(uint8_t)a, (uint8_t)b};
            uint8_t text[16];
            size_t size = nats_quote(text, bytes_of(name, 2));
            assert_in_range(size, 4, nats_quoted_max(2));
            assert_int_equal(text[0], '"');
            assert_int_equal(text[size - 1], '"');
        }
    }
    uint8_t text[16];
    assert_int_equal(nats_quote(text, bytes_of("\0x", 2)), 7);
    assert_memory_equal(text, "\"\\x00x\"", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_quoted_as_go_does),
        cmocka_unit_test(test_quoting_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
