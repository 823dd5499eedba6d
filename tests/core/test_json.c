/* test_json.c - well-formed or not, what strings and numbers mean, the short form. */
#include "core/json.h"
#include "core/json_cursor.h"
#include "core/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static enum json_verdict check(struct json *json, struct bytes text)
{
    uint8_t *padded = calloc(1, text.size + JSON_PADDING);
    if (text.size > 0) {
        memcpy(padded, text.ptr, text.size);
    }
    enum json_verdict verdict = json_check(json, bytes_of(padded, text.size));
    free(padded);
    return verdict;
}

static const struct {
    const char *text;
    enum json_verdict verdict;
} texts[] = {
    {"null", JSON_VALID},
    {" [ ] ", JSON_VALID},
    {"{\"a\":{\"b\":[true,false]},\"c\":\"\\ud83d\\ude00\"}", JSON_VALID},
    {"-0.5E-3", JSON_VALID},
    {"123456789012345678901234567890", JSON_VALID},
    {"1e999", JSON_VALID},
    {"[-1e-999,18446744073709551616]", JSON_VALID},
    {"", JSON_BROKEN},
    {" ", JSON_BROKEN},
    {"nul", JSON_BROKEN},
    {"[1,]", JSON_BROKEN},
    {"{\"a\" 1}", JSON_BROKEN},
    {"{1:2}", JSON_BROKEN},
    {"{\"a\":1,}", JSON_BROKEN},
    {"[1}", JSON_BROKEN},
    {"1 2", JSON_BROKEN},
    {"01", JSON_BROKEN},
    {"1.", JSON_BROKEN},
    {".5", JSON_BROKEN},
    {"+1", JSON_BROKEN},
    {"1e", JSON_BROKEN},
    {"\"", JSON_BROKEN},
    {"\"\t\"", JSON_BROKEN},
    {"\"\\x\"", JSON_BROKEN},
    {"\"\\u12\"", JSON_BROKEN},
    {"\"\\ud800\"", JSON_BROKEN},
    {"\"\\udc00\"", JSON_BROKEN},
    {"\"\\ud800\\u0041\"", JSON_BROKEN},
    {"\"\\ud800\\ud800\"", JSON_BROKEN},
    {"\"\xC0\xAF\"", JSON_BROKEN},
    {"\"\xED\xA0\x80\"", JSON_BROKEN},
    {"\xEF\xBB\xBF{}", JSON_BROKEN},
    {"[1e999,", JSON_BROKEN},
    {"[1e999,.5]", JSON_BROKEN},
    {"[123456789012345678901234567890,\"\\ud800\"]", JSON_BROKEN},
};

/*
 * Goal:    the fast way and the grammar give the verdict of the table, and a NUL is no white space.
 * Method:  each text by both; a text with a NUL behind it.
 */
static void test_verdicts(void **state)
{
    (void)state;
    struct json *json = json_new();
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct bytes text = bytes_text(texts[i].text);
        if (check(json, text) != texts[i].verdict || json_grammar_check(text) != texts[i].verdict) {
            fail_msg("%s", texts[i].text);
        }
    }
    assert_int_equal(check(json, bytes_of("1\0", 2)), JSON_BROKEN);
    assert_int_equal(json_grammar_check(bytes_of("1\0", 2)), JSON_BROKEN);
    json_free(json);
}

/*
 * Goal:    depth is bounded at the same level by both; a mebibyte of brackets, quotes or backslashes
 *          is judged at once.
 * Method:  arrays one level below, at and above the limit; the test's time limit for the rest.
 */
static void test_depth_and_hostile(void **state)
{
    (void)state;
    struct json *json = json_new();
    static uint8_t text[1024 * 1024];
    for (size_t depth = JSON_DEPTH_MAX - 2; depth <= JSON_DEPTH_MAX + 2; depth++) {
        memset(text, '[', depth);
        text[depth] = '1';
        memset(text + depth + 1, ']', depth);
        struct bytes all = bytes_of(text, 2 * depth + 1);
        enum json_verdict verdict = depth <= JSON_DEPTH_MAX ? JSON_VALID : JSON_TOO_DEEP;
        assert_int_equal(check(json, all), verdict);
        assert_int_equal(json_grammar_check(all), verdict);
        assert_true(json_is_deeper(all, (uint32_t)depth - 1));
        assert_false(json_is_deeper(all, (uint32_t)depth));
    }
    static const char *const pieces[] = {"[",      "{",    "\"", "\\", "\"\\",
                                         "{\"\":", "[[],", "1",  "-",  "\0"};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        size_t size = MAX_OF(strlen(pieces[i]), (size_t)1);
        for (size_t at = 0; at < sizeof(text); at++) {
            text[at] = (uint8_t)pieces[i][at % size];
        }
        bool is_number = pieces[i][0] == '1';
        enum json_verdict fast = check(json, bytes_of(text, sizeof(text)));
        enum json_verdict slow = json_grammar_check(bytes_of(text, sizeof(text)));
        assert_int_equal(fast == JSON_VALID, is_number);
        assert_int_equal(slow == JSON_VALID, is_number);
    }
    json_free(json);
}

/*
 * Goal:    numbers are compared as decimals, whatever their spelling and size.
 * Method:  a table of pairs, both ways round.
 */
static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        int order;
    } cases[] = {
        {"1", "1.0", 0},
        {"100", "1e2", 0},
        {"0", "-0.0e5", 0},
        {"1.5", "15e-1", 0},
        {"-1", "1", -1},
        {"-2", "-1", -1},
        {"0.1", "0.01", 1},
        {"9", "10", -1},
        {"1e400", "9", 1},
        {"-1e400", "-9", -1},
        {"1e-400", "0", 1},
        {"0.30", "0.3", 0},
        {"123456789012345678901234567890", "123456789012345678901234567891", -1},
        {"9007199254740992", "9007199254740993", -1},
        {"1e99999999999999999999", "1e3", 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes a = bytes_text(cases[i].a);
        struct bytes b = bytes_text(cases[i].b);
        assert_int_equal(json_number_compare(a, b), cases[i].order);
        assert_int_equal(json_number_compare(b, a), -cases[i].order);
    }
    static const char *const whole[] = {"0", "-7", "1.0", "10e-1", "1e400", "120", "1.50e2"};
    static const char *const broken[] = {"0.5", "1e-1", "15e-1", "1.05e1", "1e-400"};
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        assert_true(json_number_is_integer(bytes_text(whole[i])));
    }
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        assert_false(json_number_is_integer(bytes_text(broken[i])));
    }
}

/*
 * Goal:    strings have the length of their meaning; the short form says the same and is its own short
 *          form.
 * Method:  tables.
 */
static void test_values(void **state)
{
    (void)state;
    assert_int_equal(json_characters(bytes_text("a\xC3\xA4\\n\\u00e4\\ud83d\\ude00\\\\")), 6);
    static const struct {
        const char *text;
        const char *left;
    } shorts[] = {
        {" { \"a\" : [ 1 , 2 ] } \n", "{\"a\":[1,2]}"},
        {"\"\\u0041 \\/ \\\" \\\\ \\u000a \\u0007 \\u00e4\"",
         "\"A / \\\" \\\\ \\n \\u0007 \xC3\xA4\""},
        {"\"\\ud83d\\ude00\\u2028\\u007F\"", "\"\xF0\x9F\x98\x80\\u2028\\u007f\""},
        {"\"a b\"", "\"a b\""},
    };
    for (size_t i = 0; i < COUNT_OF(shorts); i++) {
        uint8_t once[100];
        uint8_t twice[100];
        struct bytes left = bytes_of(once, json_minify(bytes_text(shorts[i].text), once));
        assert_true(bytes_equal(left, bytes_text(shorts[i].left)));
        assert_int_equal(json_minify(left, twice), left.size);
        assert_memory_equal(once, twice, left.size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_depth_and_hostile),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
