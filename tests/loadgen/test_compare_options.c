/* test_compare_options.c - what hubload compare understands, and what it says of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/compare_options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct asked {
    struct compare_options options;
    enum compare_options_verdict verdict;
    char error[128];
    char words[512];
    char *argv[64];
};

/* Words as a shell would part them. */
static void ask(struct asked *a, const char *words)
{
    int argc = 0;
    memset(a, 0, sizeof *a);
    snprintf(a->words, sizeof a->words, "compare %s", words);
    for (char *word = strtok(a->words, " "); word != NULL; word = strtok(NULL, " ")) {
        a->argv[argc++] = word;
    }
    a->verdict = compare_options_parse(&a->options, argc, a->argv, a->error, sizeof a->error);
}

static void expect_wrong(const char *words, const char *said)
{
    struct asked a;
    ask(&a, words);
    if (a.verdict != COMPARE_OPTIONS_WRONG || strstr(a.error, said) == NULL) {
        fail_msg("compare %s: verdict %d, \"%s\"", words, (int)a.verdict, a.error);
    }
}

/* Goal:   the files of each side are found, wherever the options stand.
 * Method: two files; several with vs between; options before, between and behind. */
static void test_compare_options_sides(void **state)
{
    struct asked a;
    (void)state;
    ask(&a, "a.json b.json");
    assert_int_equal(a.verdict, COMPARE_OPTIONS_RUN);
    assert_string_equal(a.error, "");
    assert_int_equal(a.options.a_count, 1);
    assert_string_equal(a.options.a[0], "a.json");
    assert_int_equal(a.options.b_count, 1);
    assert_string_equal(a.options.b[0], "b.json");
    assert_false(a.options.fail_if);
    assert_false(a.options.force_machine);
    assert_false(a.options.paired);
    assert_int_equal(a.options.metrics_count, 0);

    ask(&a, "--force-machine --paired a1 a2 --metrics deliveries a3 vs b1 b2 --fail-if slower");
    assert_int_equal(a.verdict, COMPARE_OPTIONS_RUN);
    assert_int_equal(a.options.a_count, 3);
    assert_string_equal(a.options.a[2], "a3");
    assert_int_equal(a.options.b_count, 2);
    assert_string_equal(a.options.b[0], "b1");
    assert_string_equal(a.options.b[1], "b2");
    assert_true(a.options.force_machine);
    assert_true(a.options.paired);
    assert_true(a.options.fail_if);
}

/* Goal:   too few, too many, or one side without files is refused in a sentence.
 * Method: each of them. */
static void test_compare_options_sides_missing(void **state)
{
    (void)state;
    expect_wrong("", "two files");
    expect_wrong("a", "two files");
    expect_wrong("a b c", "two files");
    expect_wrong("vs b", "two files");
    expect_wrong("a vs", "two files");
    expect_wrong("vs", "two files");
}

static double above_of(const char *words)
{
    struct asked a;
    ask(&a, words);
    assert_int_equal(a.verdict, COMPARE_OPTIONS_RUN);
    assert_true(a.options.fail_if);
    return a.options.fail_if_above;
}

/* Goal:   --fail-if takes a share, and nothing that only looks like one.
 * Method: with and without percents; words and numbers that are none. */
static void test_compare_options_fail_if(void **state)
{
    static const char *const wrong[] = {"faster",     "slower:",     "slower:5",
                                        "slower5%",   "slower:%",    "slower:-1%",
                                        "slower:5%%", "slower:nan%", "slower:inf%"};
    (void)state;
    assert_true(fabs(above_of("a b --fail-if slower") - 0.03) < 1e-12);
    assert_true(fabs(above_of("a b --fail-if slower:5%") - 0.05) < 1e-12);
    assert_true(fabs(above_of("a b --fail-if=slower:2.5%") - 0.025) < 1e-12);
    assert_true(fabs(above_of("a b --fail-if slower:0%")) < 1e-12);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char words[64];
        snprintf(words, sizeof words, "a b --fail-if %s", wrong[i]);
        expect_wrong(words, "slower:N%");
    }
}

/* Goal:   metrics are those named, in that order; an unknown one is refused.
 * Method: one, several; an empty name, a prefix of one, more than there is room for. */
static void test_compare_options_metrics(void **state)
{
    struct asked a;
    (void)state;
    ask(&a, "a b --metrics memory,latency-p99.9");
    assert_int_equal(a.verdict, COMPARE_OPTIONS_RUN);
    assert_int_equal(a.options.metrics_count, 2);
    assert_string_equal(a.options.metrics[0]->name, "memory");
    assert_string_equal(a.options.metrics[1]->name, "latency-p99.9");
    expect_wrong("a b --metrics latency", "--help lists them");
    expect_wrong("a b --metrics memory,", "--help lists them");
    expect_wrong("a b --metrics ,memory", "--help lists them");
    char many[512] = "a b --metrics memory";
    for (int i = 0; i < COMPARE_METRICS_MAX; i++) {
        strcat(many, ",memory");
    }
    expect_wrong(many, "--help lists them");
}

/* Goal:   an option that is none, or lacks its value, is named; help is help.
 * Method: each. */
static void test_compare_options_others(void **state)
{
    struct asked a;
    (void)state;
    expect_wrong("a b --nonsense", "--nonsense: no such option");
    expect_wrong("a b --metrics", "--metrics: needs a value");
    ask(&a, "--help");
    assert_int_equal(a.verdict, COMPARE_OPTIONS_HELP);
    ask(&a, "a -h b");
    assert_int_equal(a.verdict, COMPARE_OPTIONS_HELP);
}

/* Goal:   the help names every metric and every option there is.
 * Method: the table of metrics; the options by hand. */
static void test_compare_options_help_is_whole(void **state)
{
    static const char *const options[] = {"--fail-if", "--metrics", "--force-machine", "--paired"};
    (void)state;
    for (size_t i = 0; i < metrics_count; i++) {
        if (strstr(compare_help, metrics[i].name) == NULL) {
            fail_msg("compare --help does not name the metric %s", metrics[i].name);
        }
    }
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        assert_non_null(strstr(compare_help, options[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare_options_sides),
        cmocka_unit_test(test_compare_options_sides_missing),
        cmocka_unit_test(test_compare_options_fail_if),
        cmocka_unit_test(test_compare_options_metrics),
        cmocka_unit_test(test_compare_options_others),
        cmocka_unit_test(test_compare_options_help_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
