/* test_json_value.c - types, exact numbers, equality, lengths: beyond the tables of test_json.c. */
#include "core/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } cases[] = {{"null", JSON_NULL}, {"true", JSON_BOOLEAN}, {"false", JSON_BOOLEAN},
                 {"-1", JSON_NUMBER}, {"0", JSON_NUMBER},     {"\"\"", JSON_STRING},
                 {"[]", JSON_ARRAY},  {"{}", JSON_OBJECT}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(json_type_of(bytes_text(cases[i].text)), cases[i].type);
    }
}

/* value / 100 in one of many ways to write it. */
static size_t spell(long long value, uint32_t how, char *to, size_t room)
{
    unsigned long long size = (unsigned long long)(value < 0 ? -value : value);
    const char *sign = value < 0 ? "-" : "";
    switch (how % 5) {
    case 0:
        return (size_t)snprintf(to, room, "%s%llu.%02llu", sign, size / 100, size % 100);
    case 1:
        return (size_t)snprintf(to, room, "%s%llue-2", sign, size);
    case 2:
        return (size_t)snprintf(to, room, "%s0.%020lluE+18", sign, size);
    case 3:
        return (size_t)snprintf(to, room, "%s%llu.%02llu000e0", sign, size / 100, size % 100);
    default:
        return (size_t)snprintf(to, room, "%s%llu0000000e-9", sign, size);
    }
}

/*
 * Goal:    numbers are compared as what they are, however they are written.
 * Method:  random hundredths in random spellings against the compiler's integers; neighbours among
 *          them, so that equal and almost equal come often.
 */
static void test_numbers_in_any_spelling(void **state)
{
    (void)state;
    uint64_t seed = 4;
    int equal = 0;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        long long a = (long long)(seed >> 44) - (1 << 19);
        long long b = i % 3 == 0 ? (long long)(seed >> 24 & 0xFFFFF) - (1 << 19)
                                 : a + (long long)(seed >> 20 & 3) - 1;
        char texts[2][64];
        struct bytes one = bytes_of(texts[0], spell(a, (uint32_t)(seed >> 8), texts[0], 64));
        struct bytes two = bytes_of(texts[1], spell(b, (uint32_t)(seed >> 13), texts[1], 64));
        int order = a < b ? -1 : a > b;
        if (json_number_compare(one, two) != order ||
            json_number_is_integer(one) != (a % 100 == 0)) {
            fail_msg("%s and %s: %d", texts[0], texts[1], json_number_compare(one, two));
        }
        equal += order == 0;
    }
    assert_true(equal > 10000);
}

/*
 * Goal:    equal means equal, whatever order and spelling; a member more, a member less or a name
 *          twice is another object, whichever side it is on: {"a":1,"a":1} must not pass for
 *          {"a":1,"b":2}.
 */
static void test_objects(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool equal;
    } pairs[] = {
        {"{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}", false},
        {"{\"\\u0061\":1,\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"x\":{\"a\":1,\"a\":1}}", "{\"x\":{\"a\":1,\"b\":2}}", false},
        {"{\"a\":{\"b\":{\"c\":[1,{}]}}}", "{\"a\": {\"b\": {\"c\": [1.0, {}]}}}", true},
        {"{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3,\"b\":2,\"a\":1}", true},
        {"{\"a\":null}", "{\"b\":null}", false},
        {"{\"\":0}", "{\"\":0e5}", true},
        {"[{\"a\":1},{\"b\":2}]", "[{\"b\":2},{\"a\":1}]", false},
        {"[[],[[]]]", "[ [ ] , [ [ ] ] ]", true},
        {"\"\\ud83d\\ude00\\n\"", "\"\\uD83D\\uDE00\\u000a\"", true},
        {"\"a\"", "\"a \"", false},
        {"{\"a\":1,\"b\":[2]}", "{ \"b\":[2.0], \"\\u0061\":1 }", true},
        {"\"\\u00e4\\/\"", "\"\xC3\xA4/\"", true},
        {"\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"", true},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,1]", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"1", "\"1\"", false},
        {"true", "false", false},
        {"null", "null", true},
        {"[]", "{}", false},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct bytes a = bytes_text(pairs[i].a);
        struct bytes b = bytes_text(pairs[i].b);
        if (json_value_equals(a, b) != pairs[i].equal ||
            json_value_equals(b, a) != pairs[i].equal) {
            fail_msg("%s and %s", pairs[i].a, pairs[i].b);
        }
    }
}

static void test_string_length(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        size_t length;
    } cases[] = {{"", 0},
                 {"abc", 3},
                 {"\xE2\x82\xAC\xF0\x9F\x98\x80", 2},
                 {"\\ud83d\\ude00", 1},
                 {"\\\\u0041", 6},
                 {"\\\"\\n\\u0000", 3}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(json_characters(bytes_text(cases[i].raw)), cases[i].length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_numbers_in_any_spelling),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_string_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
