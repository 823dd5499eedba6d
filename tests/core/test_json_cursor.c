/* test_json_cursor.c - walking well-formed JSON, and what strings of it mean. */
#include "core/json_cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Every key and scalar of a value, one after the other. */
static void list(struct bytes value, char *to)
{
    struct json_cursor c = json_cursor_of(value);
    bool is_object = value.ptr[0] == '{';
    if (!is_object && value.ptr[0] != '[') {
        sprintf(to + strlen(to), "%.*s;", (int)value.size, value.ptr);
        return;
    }
    json_enter(&c);
    for (bool first = true; json_next(&c, &first);) {
        if (is_object) {
            struct bytes key = json_key(&c);
            sprintf(to + strlen(to), "%.*s=", (int)key.size, key.ptr);
        }
        list(json_take(&c), to);
    }
    if (c.at != value.ptr + value.size) {
        fail_msg("it ends at %td of %zu", c.at - value.ptr, value.size);
    }
}

/*
 * Goal:    every value is taken whole, whatever is in its strings and however much white space is
 *          around it.
 */
static void test_walk(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *list;
    } cases[] = {
        {"[]", ""},
        {"{ }", ""},
        {"[1,\"2\",null]", "1;\"2\";null;"},
        {"{\"a\":1,\"b\":{\"c\":[true,{}]}}", "a=1;b=c=true;"},
        {"{\n\t\"a\" : [ 1 , [ ] ]\r\n}", "a=1;"},
        {"{\"}\\\"]\":\"{[\\\\\"}", "}\\\"]=\"{[\\\\\";"},
        {"[-1.5e+3,[\"]\"],\"\\\\\\\"\"]", "-1.5e+3;\"]\";\"\\\\\\\"\";"},
        {"{\"\":\"\"}", "=\"\";"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char got[200] = "";
        list(bytes_text(cases[i].text), got);
        assert_string_equal(got, cases[i].list);
    }
}

/* Byte by byte. */
static uint32_t depth_of(const char *text, size_t size)
{
    uint32_t depth = 0;
    uint32_t most = 0;
    bool is_inside = false;
    for (size_t at = 0; at < size; at++) {
        char byte = text[at];
        if (is_inside && byte == '\\') {
            at++;
        } else if (byte == '"') {
            is_inside = !is_inside;
        } else if (!is_inside && (byte == '[' || byte == '{')) {
            depth++;
            most = MAX_OF(most, depth);
        } else if (!is_inside && (byte == ']' || byte == '}')) {
            depth--;
        }
    }
    return most;
}

static void test_depth(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t depth;
    } cases[] = {{"1", 0},
                 {"\"[[[\"", 0},
                 {"[]", 1},
                 {"[[],[]]", 2},
                 {"{\"[\":[{}]}", 3},
                 {"[\"\\\"[\",[1]]", 2},
                 {" [ ] ", 1},
                 {"[\"\\\\\",[[\"\"]]]", 3}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes text = bytes_text(cases[i].text);
        assert_int_equal(depth_of(cases[i].text, text.size), cases[i].depth);
        assert_false(json_is_deeper(text, cases[i].depth));
        assert_true(cases[i].depth == 0 || json_is_deeper(text, cases[i].depth - 1));
    }
}

struct made {
    char text[32768];
    size_t size;
    uint64_t seed;
};

static uint32_t draw(struct made *made, uint32_t below)
{
    made->seed = made->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(made->seed >> 33) % below;
}

static void put(struct made *made, const char *piece)
{
    size_t size = strlen(piece);
    memcpy(made->text + made->size, piece, size);
    made->size += size;
}

static void put_string(struct made *made)
{
    static const char *const pieces[] = {"\\\\", "\\\"", "[",   "]",    "{",
                                         "}",    "a",    "\\n", "\xDB", "\x7B"};
    uint32_t few = draw(made, 4) == 0 ? 140 : 6;
    uint32_t kinds = draw(made, 3) == 0 ? 2 : COUNT_OF(pieces);
    put(made, "\"");
    for (uint32_t left = draw(made, few); left > 0; left--) {
        put(made, pieces[draw(made, kinds)]);
    }
    put(made, "\"");
}

/* Arrays and objects around and beside one another, and strings of what is not to be counted. */
static void put_value(struct made *made, uint32_t depth)
{
    bool is_object = draw(made, 2) == 0;
    if (depth == 0 || made->size > 1000 || draw(made, 4) == 0) {
        put_string(made);
        return;
    }
    put(made, is_object ? "{" : "[");
    for (uint32_t left = draw(made, 4); left > 0; left--) {
        if (is_object) {
            put_string(made);
            put(made, draw(made, 2) == 0 ? " : " : ":");
        }
        put_value(made, depth - 1);
        put(made, left > 1 ? "," : "");
    }
    put(made, is_object ? "}" : "]");
}

/*
 * Goal:    the depth is what a walk byte by byte finds, wherever strings, escapes and brackets lie.
 * Method:  random texts, each at several places of a block, asked for limits around its depth.
 */
static void test_depth_of_random_texts(void **state)
{
    (void)state;
    static struct made made;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        made.seed = seed;
        made.size = 0;
        for (uint32_t space = draw(&made, 64); space > 0; space--) {
            put(&made, " ");
        }
        put_value(&made, 1 + draw(&made, 12));
        uint32_t depth = depth_of(made.text, made.size);
        struct bytes text = bytes_of(made.text, made.size);
        for (uint32_t most = depth > 2 ? depth - 2 : 0; most <= depth + 1; most++) {
            if (json_is_deeper(text, most) != (depth > most)) {
                fail_msg("seed %u: %.*s is %u deep, asked for %u", (unsigned)seed, (int)made.size,
                         made.text, depth, most);
            }
        }
    }
}

/*
 * Goal:    what a string means is what an unescaped one would be, and comparing without unescaping
 *          comes to the same.
 */
static void test_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *meaning;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"\\u0041\\u00e4\\u20AC", "A\xC3\xA4\xE2\x82\xAC"},
        {"\\ud83d\\ude00!", "\xF0\x9F\x98\x80!"},
        {"a\\\\u0041", "a\\u0041"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes raw = bytes_text(cases[i].raw);
        uint8_t to[64];
        struct bytes meaning = bytes_of(to, json_unescape(raw, to));
        assert_true(bytes_equal(meaning, bytes_text(cases[i].meaning)));
        for (size_t k = 0; k < COUNT_OF(cases); k++) {
            assert_int_equal(json_means(raw, bytes_text(cases[k].meaning)), i == k);
        }
        if (meaning.size > 0) {
            meaning.size--;
            assert_false(json_means(raw, meaning));
        }
    }
    uint8_t to[8];
    assert_int_equal(json_unescape(bytes_text("\\u0000"), to), 1);
    assert_int_equal(to[0], 0);
}

static void test_hex4(void **state)
{
    (void)state;
    uint32_t value = 0;
    assert_true(json_hex4((const uint8_t *)"09aF", &value));
    assert_int_equal(value, 0x09AF);
    static const char *const wrong[] = {"g000", "0g00", "00g0", "000g", "/000",
                                        ":000", "@000", "`000", "    "};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(json_hex4((const uint8_t *)wrong[i], &value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_depth_of_random_texts),
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_hex4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
