/* test_utf8.c - every code point, and everything that is none. */
#include "core/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool is_code_point(uint32_t code)
{
    return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

/*
 * Goal:    all 1,112,064 characters are valid, alone and with their size; the surrogates between them
 *          are not.
 */
static void test_every_character(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        uint8_t text[4];
        size_t size = utf8_encode(code, text);
        size_t broken;
        size_t taken = utf8_character(bytes_of(text, size), &broken);
        if (taken != (is_code_point(code) ? size : 0)) {
            fail_msg("U+%04X: %zu of %zu", code, taken, size);
        }
        if (code % 61 == 0 && utf8_valid(bytes_of(text, size)) != is_code_point(code)) {
            fail_msg("U+%04X", code);
        }
    }
}

/*
 * Goal:    both judges agree on every text of two bytes, of three that begin at each lead, and of
 *          four at the edges of what is allowed.
 */
static void test_all_short_texts(void **state)
{
    (void)state;
    static const uint8_t edges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                    0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF};
    enum { EDGES = COUNT_OF(edges) };
    for (int first = 0; first < 256; first++) {
        for (int rest = 0; rest < EDGES * EDGES * EDGES; rest++) {
            uint8_t text[4] = {(uint8_t)first, edges[rest % EDGES], edges[rest / EDGES % EDGES],
                               edges[rest / EDGES / EDGES]};
            for (size_t size = 1; size <= 4; size++) {
                bool is_valid = true;
                size_t broken;
                for (size_t at = 0; at < size && is_valid;) {
                    size_t taken = utf8_character(bytes_of(text + at, size - at), &broken);
                    is_valid = taken > 0;
                    at += taken;
                }
                if (utf8_valid(bytes_of(text, size)) != is_valid) {
                    fail_msg("%02X %02X %02X %02X, %zu bytes", text[0], text[1], text[2], text[3],
                             size);
                }
            }
        }
    }
}

/*
 * Goal:    one replacement character stands for as much as Unicode recommends (table 3-8).
 */
static void test_how_much_is_broken(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t broken;
    } cases[] = {
        {"\x80", 1},         {"\xC0\xAF", 1},
        {"\xC1\xBF", 1},     {"\xE0\x80\xBF", 1},
        {"\xE0\xA0", 2},     {"\xED\xA0\x80", 1},
        {"\xE1\x80", 2},     {"\xE1\x80\x41", 2},
        {"\xF0\x80\x80", 1}, {"\xF0\x91\x92\x41", 3},
        {"\xF4\x91\x92", 1}, {"\xF4\x8F\xBF", 3},
        {"\xF5\x80", 1},     {"\xFF", 1},
        {"\xC2", 1},         {"\xC2\x41", 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t broken = 0;
        assert_int_equal(utf8_character(bytes_text(cases[i].text), &broken), 0);
        if (broken != cases[i].broken) {
            fail_msg("case %zu: %zu", i, broken);
        }
    }
}

static void test_empty(void **state)
{
    (void)state;
    assert_true(utf8_valid((struct bytes){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_all_short_texts),
        cmocka_unit_test(test_how_much_is_broken),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
