/* test_conf.c - configuration text in, a tree or one sentence with its place out. */
#include "core/conf.h"

#include "tests/support/conf_text.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 4096 };

/* A tree as text: what the tests below compare. */
static size_t print(const struct conf_value *value, char *to, size_t size)
{
    size_t used = 0;
    switch (value->kind) {
    case CONF_MAP:
    case CONF_ARRAY: {
        bool is_map = value->kind == CONF_MAP;
        used += (size_t)snprintf(to, size, is_map ? "{" : "[");
        for (uint32_t i = 0; i < value->values_count; i++) {
            const struct conf_value *child = value->values[i];
            used += (size_t)snprintf(to + used, size - used, i > 0 ? " " : "");
            if (is_map) {
                used += (size_t)snprintf(to + used, size - used, "%.*s=", (int)child->key.size,
                                         (const char *)child->key.ptr);
            }
            used += print(child, to + used, size - used);
        }
        return used + (size_t)snprintf(to + used, size - used, is_map ? "}" : "]");
    }
    case CONF_STRING:
        return (size_t)snprintf(to, size, "'%.*s'", (int)value->string.size,
                                (const char *)value->string.ptr);
    case CONF_INTEGER:
        return (size_t)snprintf(to, size, "%lld", (long long)value->integer);
    case CONF_FLOAT:
        return (size_t)snprintf(to, size, "%g", value->real);
    case CONF_BOOL:
        return (size_t)snprintf(to, size, value->boolean ? "yes" : "no");
    case CONF_DATE:
        return (size_t)snprintf(to, size, "@%.*s", (int)value->string.size,
                                (const char *)value->string.ptr);
    }
    return 0;
}

struct row {
    const char *text;
    const char *tree;
};

static const struct row good[] = {
    {"", "{}"},
    {"# nothing", "{}"},
    {" \n\t\r\n // nothing\n", "{}"},
    {"\xEF\xBB\xBFport: 1", "{port=1}"},
    {"port: 4222", "{port=4222}"},
    {"port = 4222", "{port=4222}"},
    {"port 4222", "{port=4222}"},
    {"port:4222", "{port=4222}"},
    {"port=4222", "{port=4222}"},
    {"port\n 4222\n", "{port=4222}"},
    {"\"port\"4222", "{port=4222}"},
    {"'po rt' 4222", "{po rt=4222}"},
    {"a 1, b 2; c 3\nd 4", "{a=1 b=2 c=3 d=4}"},
    {"a 1,,b 2;;\n,\nc 3", "{a=1 b=2 c=3}"},
    {"a 1 # one\nb 2 // two\n# three\nc 3#", "{a=1 b=2 c='3#'}"},
    {"{a 1}", "{a=1}"},
    {"\n{\n\"a\": 1,\n\"b\": {\"c\": [1, 2, {\"d\": true}]}\n}\n", "{a=1 b={c=[1 2 {d=yes}]}}"},
    {"a {b {c 1}}", "{a={b={c=1}}}"},
    {"a\n{ b 1 }", "{a={b=1}}"},
    {"a={ b 1, c 2 }\nd 3", "{a={b=1 c=2} d=3}"},
    {"a {}", "{a={}}"},
    {"a { # b\n // c\n}", "{a={}}"},
    {"a []", "{a=[]}"},
    {"a [1,2,]", "{a=[1 2]}"},
    {"a [1\n2\n\n3]", "{a=[1 2 3]}"},
    {"a [1 # x\n, 2 // y\n]", "{a=[1 2]}"},
    {"a [[1],[]]", "{a=[[1] []]}"},
    /* Strings. */
    {"a foo.*.>", "{a='foo.*.>'}"},
    {"a http://b/c", "{a='http://b/c'}"},
    {"a x\"y", "{a='x\"y'}"},
    {"a \"b c\" # d", "{a='b c'}"},
    {"a \"\"", "{a=''}"},
    {"a \"b\nc\"\nd 1", "{a='b\nc' d=1}"},
    {"a \"\\t\\r\\n\\\"\\\\\\x41\"", "{a='\t\r\n\"\\A'}"},
    {"a b\\x41c\\\\", "{a='bAc\\'}"},
    {"a \\x31", "{a='1'}"},
    {"a '\\n\"'", "{a='\\n\"'}"},
    {"a (\nb\n c # d\n)\ne 1", "{a='\nb\n c # d\n' e=1}"},
    {"a (b )\n ) c\n) \n", "{a='b )\n ) c\n'}"},
    {"a $2a$10$bcd", "{a='$2a$10$bcd'}"},
    {"a \"$b\"", "{a='$b'}"},
    {"a -x, b .5, c +1, d 1_000", "{a='-x' b='.5' c='+1' d='1_000'}"},
    {"a 127.0.0.1:4222", "{a='127.0.0.1:4222'}"},
    {"a 12ab, b 1kx, c 1.2.3, d 1.5k", "{a='12ab' b='1kx' c='1.2.3' d='1.5k'}"},
    /* Numbers. */
    {"a 0, b -1, c 1.5, d -2.25", "{a=0 b=-1 c=1.5 d=-2.25}"},
    {"a 1k, b 1K, c 1kb, d 1Ki, e 1KiB, f 2MB", "{a=1000 b=1000 c=1024 d=1024 e=1024 f=2097152}"},
    {"a 1m, b 1g, c 1t, d 1p, e 1e",
     "{a=1000000 b=1000000000 c=1000000000000 d=1000000000000000 e=1000000000000000000}"},
    {"a 9223372036854775807, b -9223372036854775807",
     "{a=9223372036854775807 b=-9223372036854775807}"},
    {"a 2016-05-04T18:53:41Z, b 2016-05-04", "{a=@2016-05-04T18:53:41Z b='2016-05-04'}"},
    {"a true, b FALSE, c Yes, d no, e on, f Off, g t", "{a=yes b=no c=yes d=no e=yes f=no g='t'}"},
    /* Variables. */
    {"a 1, b $a", "{a=1 b=1}"},
    {"a 1, b $a, c $b", "{a=1 b=1 c=1}"},
    {"a {x 1}, b $a", "{a={x=1} b={x=1}}"},
    {"a 1, b {c {d $a}}", "{a=1 b={c={d=1}}}"},
    {"a 1, b {a 2, c $a}, d $a", "{a=1 b={a=2 c=2} d=1}"},
    {"a 1, b [$a, {c $a}]", "{a=1 b=[1 {c=1}]}"},
    {"a $HOME_PORT, b $TEXT, c $LIST, d $QUOTED", "{a=4222 b='abc' c=[1 {x=2}] d='a b'}"},
    {"TEXT 7, a $TEXT", "{TEXT=7 a=7}"},
    {"a $INDIRECT", "{a='abc'}"},
    /* Files. */
    {"include one.conf\nb 2", "{a=1 b=2}"},
    {"include 'one.conf'; b $a", "{a=1 b=1}"},
    {"x { Include \"one.conf\" }", "{x={a=1}}"},
    {"include sub/two.conf", "{c=3 d=4}"},
    {"include /abs.conf", "{e=5}"},
    {"include: x", "{include='x'}"},
    {"include = one.conf", "{include='one.conf'}"},
    {"\"include\" one.conf", "{include='one.conf'}"},
    /* The last one counts. */
    {"a 1, b 2, a 3", "{a=3 b=2}"},
    {"a 1, A 3", "{a=1 A=3}"},
    {"a 1\ninclude one.conf\na 7", "{a=7}"},
};

static const struct conf_text files[] = {
    {"one.conf", "a 1"},
    {"sub/two.conf", "c 3, include three.conf"},
    {"sub/three.conf", "d 4"},
    {"/abs.conf", "e 5"},
    {"blind.conf", "c $seen"},
    {"bad.conf", "\n\na {"},
    {"loop.conf", "b 1\ninclude loop.conf"},
    {"ping.conf", "include pong.conf"},
    {"pong.conf", "include ping.conf"},
    {"deep.conf", "include ./deep.conf"},
    {NULL, NULL},
};

static const struct conf_text variables[] = {
    {"HOME_PORT", "4222"},   {"TEXT", "abc"},       {"LIST", " [1, {x: 2}]\n"},
    {"QUOTED", "\"a b\""},   {"INDIRECT", "$TEXT"}, {"TWO", "a b"},
    {"ITSELF", "$ITSELF"},   {"EMPTY", ""},         {"BROKEN", "{a"},
    {"HALF", "[$OTHER, 1]"}, {"OTHER", "$HALF"},    {NULL, NULL},
};

static struct conf *parse(const char *text, struct conf_error *error)
{
    return conf_text_parse_among(text, files, variables, error);
}

/*
 * Goal:    what may be written is read as it is meant.
 * Method:  a table of texts and trees.
 */
static void test_conf_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct conf_error error;
        char tree[TEXT_MAX];
        struct conf *conf = parse(good[i].text, &error);
        if (conf == NULL) {
            print_message("%s: %s\n", good[i].text, error.text);
        }
        assert_non_null(conf);
        print(conf_root(conf), tree, sizeof(tree));
        assert_string_equal(tree, good[i].tree);
        conf_free(conf);
    }
}

static const struct row bad[] = {
    {"a", "hub.conf:1:1: the key \"a\" has no value; write a: VALUE"},
    {"b 1\n  a:\n 1", "hub.conf:2:3: the key \"a\" has no value; write a: VALUE"},
    {"x { a }", "hub.conf:1:5: the key \"a\" has no value; write a: VALUE"},
    {"authorization{", "hub.conf:1:14: put a blank, : or = between the key \"authorization\" and "
                       "its value"},
    {"}", "hub.conf:1:1: a key is wanted here and not \"}\""},
    {"a 1 }", "hub.conf:1:5: a key is wanted here and not \"}\""},
    {": 1", "hub.conf:1:1: a key is wanted here and not \":\""},
    {"[1]", "hub.conf:1:1: a key is wanted here and not \"[\""},
    {"{a 1} b 2", "hub.conf:1:7: nothing can follow the } of the whole file"},
    {"a 1 b 2", "hub.conf:1:5: a line end, a comma or a semicolon is missing before \"b\""},
    {"a {b 1}c 2", "hub.conf:1:8: a line end, a comma or a semicolon is missing before \"c\""},
    {"a \"x\"y", "hub.conf:1:6: a line end, a comma or a semicolon is missing before \"y\""},
    {"a [1 2]", "hub.conf:1:6: a comma is missing before \"2\""},
    {"a [1,,2]", "hub.conf:1:6: a value is missing here"},
    {"a [,1]", "hub.conf:1:4: a value is missing here"},
    {"a [1,\n2", "hub.conf:1:3: the array that begins here has no ]"},
    {"a [", "hub.conf:1:3: the array that begins here has no ]"},
    {"a {\nb 1\n", "hub.conf:1:3: the block that begins here has no }"},
    {"{a 1", "hub.conf:1:1: the block that begins here has no }"},
    {"a \"b\nc", "hub.conf:1:3: the string that begins here has no end"},
    {"a 'b", "hub.conf:1:3: the string that begins here has no end"},
    {"a (b)", "hub.conf:1:3: the block that begins here has no end; end it with ) alone on a line"},
    {"a \"b\\q\"", "hub.conf:1:5: after a backslash one of n t r \" \\ and xHH is possible; write "
                   "\\\\ for a backslash, or put the text between ' and '"},
    {"a 9223372036854775808", "hub.conf:1:3: 9223372036854775808 is out of range"},
    {"a 99999999999999999999k", "hub.conf:1:3: 99999999999999999999k is out of range"},
    {"a 9223372036854775807k", "hub.conf:1:3: 9223372036854775807k is out of range"},
    {"b: $a, a 1", "hub.conf:1:4: the variable $a is not known: neither is a key of that name "
                   "given before, nor is it in the environment; a text that begins with $ needs "
                   "quotes"},
    {"x {a 1}, b: $a",
     "hub.conf:1:13: the variable $a is not known: neither is a key of that name "
     "given before, nor is it in the environment; a text that begins with $ needs "
     "quotes"},
    {"b $TWO", "hub.conf:1:3: the environment's $TWO is more than one value; a text with blanks "
               "needs quotes around it"},
    {"b $EMPTY", "$EMPTY:1:1: a value is missing here"},
    {"b $BROKEN", "$BROKEN:1:2: the key \"a\" has no value; write a: VALUE"},
    {"b $ITSELF", "$ITSELF:1:1: $ITSELF refers to variables that refer to variables too often"},
    {"b $HALF", "$OTHER:1:1: $HALF refers to variables that refer to variables too often"},
    {"seen 1\ninclude blind.conf",
     "blind.conf:1:3: the variable $seen is not known: neither is a key of that name given before, "
     "nor is it in the environment; a text that begins with $ needs quotes"},
    {"include none.conf", "hub.conf:1:9: none.conf: cannot be read: No such file or directory"},
    {"include bad.conf", "bad.conf:3:3: the block that begins here has no }"},
    {"include hub.conf", "hub.conf:1:9: hub.conf includes itself"},
    {"include loop.conf", "loop.conf:2:9: loop.conf includes itself"},
    {"include ping.conf", "pong.conf:1:9: ping.conf includes itself"},
    {"include deep.conf", NULL},
};

/*
 * Goal:    every mistake is one sentence that says where it is.
 * Method:  a table of texts and sentences; NULL: the path in it is too long for a table.
 */
static void test_conf_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct conf_error error;
        assert_null(parse(bad[i].text, &error));
        if (bad[i].tree == NULL) {
            assert_non_null(strstr(error.text, "files are included in files more than 16 deep"));
        } else {
            assert_string_equal(error.text, bad[i].tree);
        }
    }
}

/*
 * Goal:    no text, wherever it ends, does more than be read or be refused.
 * Method:  every text of both tables, cut at every byte.
 */
static void test_conf_cut_anywhere(void **state)
{
    (void)state;
    size_t refused = 0;
    for (size_t i = 0; i < COUNT_OF(good) + COUNT_OF(bad); i++) {
        const char *text = i < COUNT_OF(good) ? good[i].text : bad[i - COUNT_OF(good)].text;
        for (size_t size = 0; size <= strlen(text); size++) {
            struct conf_error error;
            char cut[512];
            snprintf(cut, sizeof(cut), "%.*s", (int)size, text);
            struct conf *conf = parse(cut, &error);
            refused += conf == NULL;
            assert_true(conf != NULL || strchr(error.text, ':') != NULL);
            conf_free(conf);
        }
    }
    assert_true(refused > 0);
}

/*
 * Goal:    places are counted in lines of any ending and in bytes.
 * Method:  the places of keys and values in one text, of a variable where it is used, and in a file.
 */
static void test_conf_places(void **state)
{
    (void)state;
    struct conf_error error;
    struct conf *conf = parse("a: 1\r\n\r b {\n\tc [7,\n  8] }\nd: $a\ninclude one.conf", &error);
    assert_non_null(conf);
    const struct conf_value *root = conf_root(conf);
    const struct conf_value *b = conf_get(root, "b");
    assert_int_equal(b->key_line, 3);
    assert_int_equal(b->key_column, 2);
    assert_int_equal(b->column, 4);
    const struct conf_value *c = conf_get(b, "c");
    assert_int_equal(c->line, 4);
    assert_int_equal(c->values[1]->line, 5);
    assert_int_equal(c->values[1]->column, 3);
    assert_memory_equal(c->values[1]->key.ptr, "c", 1);
    const struct conf_value *d = conf_get(root, "d");
    assert_int_equal(d->line, 6);
    assert_int_equal(d->column, 4);
    assert_memory_equal(d->key.ptr, "d", 1);
    assert_string_equal(conf_get(root, "a")->file, "one.conf");
    conf_free(conf);
}

/*
 * Goal:    what was given twice is said, and the last one counts.
 * Method:  the warning of one text.
 */
static void test_conf_warns_of_duplicates(void **state)
{
    (void)state;
    struct conf_error error;
    struct conf *conf = parse("a 1\nb { a 1 }\na 2", &error);
    assert_non_null(conf);
    assert_string_equal(conf_warning(conf, 0),
                        "hub.conf:3:1: \"a\" was given before, at hub.conf:1:1; this one counts");
    assert_null(conf_warning(conf, 1));
    conf_free(conf);
}

/*
 * Goal:    nesting and repetition are bounded, however they come about.
 * Method:  brackets without end, variables that double sixty times, and zero bytes.
 */
static void test_conf_bounds(void **state)
{
    (void)state;
    struct conf_error error;
    static char text[1 << 16];
    snprintf(text, sizeof(text), "a ");
    memset(text + 2, '[', 60000);
    assert_null(parse(text, &error));
    assert_string_equal(error.text, "hub.conf:1:67: blocks are nested deeper than 64");

    size_t used = (size_t)snprintf(text, sizeof(text), "v0 1\n");
    for (int i = 1; i <= 60; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "v%d [$v%d, $v%d]\n", i, i - 1,
                                 i - 1);
    }
    assert_null(parse(text, &error));
    assert_non_null(strstr(error.text, "there are more than 1048576 values"));

    used = (size_t)snprintf(text, sizeof(text), "v0 1\n");
    for (int i = 1; i <= 70; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "v%d [$v%d]\n", i, i - 1);
    }
    assert_null(parse(text, &error));
    assert_non_null(strstr(error.text, "blocks are nested deeper than 64"));
}

/* ---- typed values ---------------------------------------------------------------------------- */

static const char typed[] =
    "s text, e '', n 7, f 1.5, b on, m {}, l [1], t 2s, neg -1, big 8589934592\n"
    "z \"a\\x00b\", q '10', d 2016-05-04T18:53:41Z, c Uring";

static const struct conf_value *of(const struct conf *conf, const char *key)
{
    const struct conf_value *value = conf_get(conf_root(conf), key);
    assert_non_null(value);
    return value;
}

static void expect(bool refused, const struct conf_error *error, const char *sentence)
{
    assert_false(refused);
    assert_string_equal(error->text, sentence);
}

/*
 * Goal:    a value of the right type in its range is handed out.
 * Method:  one of each.
 */
static void test_conf_typed_values(void **state)
{
    (void)state;
    struct conf_error error;
    struct conf *conf = parse(typed, &error);
    char text[8];
    bool on = false;
    int64_t number = 0;
    uint32_t small = 0;
    uint64_t wide = 0;
    size_t chosen = 0;
    struct bytes string;
    assert_non_null(conf);
    assert_true(conf_text(of(conf, "s"), text, sizeof(text), &error));
    assert_string_equal(text, "text");
    assert_true(conf_string(of(conf, "e"), &string, &error));
    assert_int_equal(string.size, 0);
    assert_true(conf_bool(of(conf, "B"), &on, &error) && on);
    assert_true(conf_integer(of(conf, "neg"), -1, 5, &number, &error) && number == -1);
    assert_true(conf_uint32(of(conf, "n"), 7, 7, &small, &error) && small == 7);
    assert_true(conf_size(of(conf, "big"), 1, UINT64_MAX, &wide, &error) && wide == 8589934592);
    assert_true(conf_duration(of(conf, "t"), 1, UINT64_MAX, &wide, &error) && wide == 2000000000);
    assert_true(conf_seconds(of(conf, "f"), 1, UINT64_MAX, &wide, &error) && wide == 1500000000);
    assert_null(conf_warning(conf, 0));
    assert_true(conf_duration(of(conf, "n"), 1, UINT64_MAX, &wide, &error) && wide == 7000000000);
    assert_string_equal(conf_warning(conf, 0),
                        "hub.conf:1:15: n: a number without a unit is taken as seconds; write "
                        "\"7s\"");
    assert_true(conf_choice(of(conf, "c"), "auto|uring|epoll", &chosen, &error) && chosen == 1);
    assert_true(conf_want(of(conf, "m"), CONF_MAP, &error));
    assert_null(conf_get(conf_root(conf), "x|y"));
    assert_ptr_equal(conf_get(conf_root(conf), "x|n"), of(conf, "n"));
    conf_free(conf);
}

/*
 * Goal:    a value of another type, or out of range, is refused with its place, what was found and
 *          what is wanted.
 * Method:  the sentences.
 */
static void test_conf_typed_values_refuse(void **state)
{
    (void)state;
    struct conf_error e;
    struct conf *conf = parse(typed, &e);
    char text[4];
    bool on;
    int64_t number;
    uint32_t small;
    uint64_t wide;
    size_t chosen;
    assert_non_null(conf);
    expect(conf_text(of(conf, "n"), text, sizeof(text), &e), &e,
           "hub.conf:1:17: n: a string is wanted and not a whole number; put it between quotes");
    expect(conf_text(of(conf, "m"), text, sizeof(text), &e), &e,
           "hub.conf:1:35: m: a string is wanted and not a block { }");
    expect(conf_text(of(conf, "s"), text, sizeof(text), &e), &e,
           "hub.conf:1:3: s: the string has 4 bytes; at most 3 are possible");
    expect(conf_text(of(conf, "e"), text, sizeof(text), &e), &e,
           "hub.conf:1:11: e: the string is empty");
    expect(conf_text(of(conf, "z"), text, sizeof(text), &e), &e,
           "hub.conf:2:3: z: the string contains a zero byte");
    expect(conf_bool(of(conf, "s"), &on, &e), &e,
           "hub.conf:1:3: s: true or false is wanted and not \"text\"");
    expect(conf_integer(of(conf, "q"), 0, 9, &number, &e), &e,
           "hub.conf:2:15: q: a whole number is wanted and not \"10\"; write it without quotes");
    expect(conf_integer(of(conf, "n"), 0, 6, &number, &e), &e,
           "hub.conf:1:17: n: 7 is out of range; use 0 to 6");
    expect(conf_uint32(of(conf, "big"), 0, UINT32_MAX, &small, &e), &e,
           "hub.conf:1:64: big: 8589934592 is out of range; use 0 to 4294967295");
    expect(conf_size(of(conf, "neg"), 0, 1024, &wide, &e), &e,
           "hub.conf:1:56: neg: -1 bytes are out of range; use 0 B to 1.0 KiB");
    expect(
        conf_size(of(conf, "f"), 0, 1024, &wide, &e), &e,
        "hub.conf:1:22: f: a size, e.g. 65536, 64kb or 1MB, is wanted and not a fraction; write a "
        "whole number of a smaller unit");
    expect(conf_duration(of(conf, "s"), 0, 1, &wide, &e), &e,
           "hub.conf:1:3: s: a duration, e.g. \"500ms\", \"10s\" or \"2m\", is wanted and not "
           "\"text\"");
    expect(conf_duration(of(conf, "neg"), 0, 1, &wide, &e), &e,
           "hub.conf:1:56: neg: a duration, e.g. \"500ms\", \"10s\" or \"2m\", is wanted and not "
           "-1");
    expect(conf_duration(of(conf, "t"), 1000000, 1500000000, &wide, &e), &e,
           "hub.conf:1:48: t: 2s is out of range; use 1ms to 1.5s");
    expect(conf_choice(of(conf, "s"), "auto|uring|epoll", &chosen, &e), &e,
           "hub.conf:1:3: s: \"text\" is not known; use auto, uring or epoll");
    expect(conf_want(of(conf, "l"), CONF_MAP, &e), &e,
           "hub.conf:1:41: l: a block { } is wanted and not an array [ ]");
    conf_free(conf);
}

/*
 * Goal:    an unknown key is refused with the nearest known one, unless it is a variable.
 * Method:  keys with and without a neighbour, and one that is referred to.
 */
static void test_conf_unknown_keys(void **state)
{
    (void)state;
    static const char known[] = "user|password|permissions";
    static const struct row rows[] = {
        {"user 1, PASSWORD 2", NULL},
        {"x 1, user $x", NULL},
        {"\npassword: 1\n  pasword: 2",
         "hub.conf:3:3: unknown key \"pasword\"; did you mean password?"},
        {"Permission 1", "hub.conf:1:1: unknown key \"Permission\"; did you mean permissions?"},
        {"banana 1", "hub.conf:1:1: unknown key \"banana\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct conf_error error;
        struct conf *conf = parse(rows[i].text, &error);
        assert_non_null(conf);
        bool fine = conf_check_keys(conf_root(conf), known, &error);
        assert_int_equal(fine, rows[i].tree == NULL);
        if (!fine) {
            assert_string_equal(error.text, rows[i].tree);
        }
        conf_free(conf);
    }
}

/*
 * Goal:    two texts that say the same are equal wherever it stands, and others are not.
 * Method:  one text against others.
 */
static void test_conf_equal(void **state)
{
    (void)state;
    static const char one[] = "a {b 1, c [x, 1.5], d on}";
    static const struct {
        const char *text;
        bool same;
    } rows[] = {
        {"a {b 1, c [x, 1.5], d on}", true},
        {"a = {\n b: 1 # one\n c: ['x'\n 1.5]\n d: true }", true},
        {"v 1, a {b $v, c [x, 1.5], d on}", true},
        {"a {b 2, c [x, 1.5], d on}", false},
        {"a {b 1, c [x, 1.6], d on}", false},
        {"a {b 1, c [y, 1.5], d on}", false},
        {"a {b 1, c [x], d on}", false},
        {"a {b 1, c [x, 1.5], d off}", false},
        {"a {b 1, c [x, 1.5], e on}", false},
        {"a [b]", false},
        {"b 1", false},
    };
    struct conf_error error;
    struct conf *first = parse(one, &error);
    assert_non_null(first);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct conf *other = parse(rows[i].text, &error);
        assert_non_null(other);
        assert_int_equal(
            conf_equal(conf_get(conf_root(first), "a"), conf_get(conf_root(other), "a")),
            rows[i].same);
        conf_free(other);
    }
    assert_true(conf_equal(NULL, NULL));
    conf_free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conf_reads),
        cmocka_unit_test(test_conf_refuses),
        cmocka_unit_test(test_conf_cut_anywhere),
        cmocka_unit_test(test_conf_places),
        cmocka_unit_test(test_conf_warns_of_duplicates),
        cmocka_unit_test(test_conf_bounds),
        cmocka_unit_test(test_conf_typed_values),
        cmocka_unit_test(test_conf_typed_values_refuse),
        cmocka_unit_test(test_conf_unknown_keys),
        cmocka_unit_test(test_conf_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
