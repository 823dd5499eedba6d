/* test_script.c - scenario files become command lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/script.h"

#include <string.h>

/* Goal:   lines become options in their order; comments, blank lines and any spacing do not matter.
 * Method: one file with all of them. */
static void test_script_becomes_options(void **state)
{
    (void)state;
    static const char text[] = "# a comment\n\n  kind\tfanout # behind a line\nsubscribers 100\r\n"
                               "poisson\n   rate   250\nsize 64:1,128:1";
    static const char *const expected[] = {"fanout", "--subscribers", "100",    "--poisson",
                                           "--rate", "250",           "--size", "64:1,128:1"};
    struct script script;
    char error[128];
    assert_true(script_parse(&script, text, error, sizeof error));
    assert_int_equal(script.count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_string_equal(script.words[i], expected[i]);
    }
    script_free(&script);
}

/* Goal:   what is no scenario is refused, with the number of the line.
 * Method: a table. */
static void test_script_refuses(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"", "nothing"},
        {"# only a comment\n", "nothing"},
        {"subscribers 3\n", "line 1"},
        {"kind party\n", "line 1"},
        {"kind\n", "line 1"},
        {"kind fanout\nrate 1 2\n", "line 2"},
        {"kind fanout\n\n--rate 1\n", "line 3"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct script script;
        char error[128];
        assert_false(script_parse(&script, table[i][0], error, sizeof error));
        assert_non_null(strstr(error, table[i][1]));
    }
    char many[4096] = "kind fanout\n";
    for (int i = 0; i < 300; i++) {
        strcat(many, "poisson\n");
    }
    struct script script;
    char error[128];
    assert_false(script_parse(&script, many, error, sizeof error));
    assert_non_null(strstr(error, "too many"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_script_becomes_options),
        cmocka_unit_test(test_script_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
