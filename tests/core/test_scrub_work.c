/* test_scrub_work.c - one rule at work: in which order, on which copy, and until when. */
#include "core/scrub_work.h"
#include "tests/support/scrub_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct bench {
    struct scrub_rules *rules;
    struct scrub_work *work;
};

static struct bench bench_of(const char *text)
{
    struct bench bench = {.rules = scrub_text_rules(text)};
    bench.work = scrub_work_new(bench.rules);
    return bench;
}

static void bench_free(struct bench *bench)
{
    scrub_work_free(bench->work);
    scrub_rules_unref(bench->rules);
}

static struct scrub_outcome work(struct bench *bench, uint32_t rule, const char *body)
{
    scrub_work_begin(bench->work, (struct bytes){0}, bytes_text(body), 1000);
    return scrub_work_rule(bench->work, &bench->rules->rules[rule]);
}

static void expect_body(const struct bench *bench, const char *text)
{
    struct bytes body = scrub_work_body(bench->work);
    if (!bytes_equal(body, bytes_text(text))) {
        fail_msg("%.*s, not %s", (int)body.size, body.ptr, text);
    }
}

/*
 * Goal:    the steps happen in the order of docs/scrub.md, whatever order they are written in.
 * Method:  for each pair of neighbours a payload that says which of the two was first.
 */
static void test_order(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        const char *body;
        enum scrub_reason reason;
        const char *left;
    } cases[] = {
        /* Both object: the first is named. */
        {"utf8: refuse, max_size: 1", "\xFF\xFF", SCRUB_REASON_SIZE, NULL},
        {"control: refuse, utf8: refuse", "\xFF\x07", SCRUB_REASON_UTF8, NULL},
        {"json: true, control: refuse", "\x07{", SCRUB_REASON_CONTROL, NULL},
        {"json { schema { type: string } }, must_match: x", "1", SCRUB_REASON_SCHEMA, NULL},
        {"json { schema { type: string } }", "[", SCRUB_REASON_JSON, NULL},
        {"must_match: x, must_not_match: y", "y", SCRUB_REASON_MUST, NULL},
        {"must_not_match: y, headers { require { A: true } }", "y", SCRUB_REASON_MUST_NOT, NULL},
        /* max_size judges what was sent, trim what control left. */
        {"trim: true, max_size: 2", " a ", SCRUB_REASON_SIZE, NULL},
        {"trim: true, control: strip", "\x07 a \x07", SCRUB_REASON_NONE, "a"},
        {"control: strip, utf8: replace", "\xC2\x41\x9B", SCRUB_REASON_NONE,
         "\xEF\xBF\xBD"
         "A\xEF\xBF\xBD"},
        /* JSON is judged when control characters are gone, and before it is cleaned. */
        {"json: true, control: strip", "{\"a\":\"\x1b[1mb\"}", SCRUB_REASON_NONE, "{\"a\":\"b\"}"},
        {"mask: email, must_not_match: '@'", "a@b.cc", SCRUB_REASON_MUST_NOT, NULL},
        {"mask: email, must_match: '@'", "a@b.cc", SCRUB_REASON_NONE, "[email]"},
        /* Short spelling, then fields, then masks. */
        {"mask: email, json { minify: true }", "{\"a\": \"a\\u0040b.cc\"}", SCRUB_REASON_NONE,
         "{\"a\":\"[email]\"}"},
        {"mask: email, json { mask: '$.a' }", "{\"a\":\"a@b.cc\",\"b\":\"a@b.cc\"}",
         SCRUB_REASON_NONE, "{\"a\":\"[masked]\",\"b\":\"[email]\"}"},
        {"mask: [{pattern: masked, with: M}], json { mask: '$.a' }", "{\"a\":1}", SCRUB_REASON_NONE,
         "{\"a\":\"[M]\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[200];
        snprintf(text, sizeof(text), "{subject: '>', %s}", cases[i].rule);
        struct bench bench = bench_of(text);
        struct scrub_outcome outcome = work(&bench, 0, cases[i].body);
        if (outcome.reason != cases[i].reason) {
            fail_msg("%s: %d", cases[i].rule, outcome.reason);
        }
        if (cases[i].left != NULL) {
            expect_body(&bench, cases[i].left);
        }
        bench_free(&bench);
    }
}

/*
 * Goal:    each cleaning step says that it did something, and only then.
 */
static void test_what_was_cleaned(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        const char *dirty;
        const char *clean;
        uint32_t bits;
    } cases[] = {
        {"utf8: replace", "\xFF", "a", SCRUB_CLEANED_UTF8},
        {"control: strip", "\x07", "a\n", SCRUB_CLEANED_CONTROL},
        {"trim: true", " a", "a a", SCRUB_CLEANED_TRIM},
        {"json { minify: true }", "[ 1]", "[1]", SCRUB_CLEANED_MINIFY},
        {"json { drop: '$.a' }", "{\"a\":1}", "{\"b\":1}", SCRUB_CLEANED_FIELDS},
        {"json { mask: '$.a' }", "{\"a\":1}", "{\"a\":\"[masked]\"}", SCRUB_CLEANED_FIELDS},
        {"mask: ip", "1.2.3.4", "1.2.3.", SCRUB_CLEANED_MASK},
        {"mask: [{pattern: x}]", "x", "y", SCRUB_CLEANED_MASK},
        {"headers { add { A: b } }", "x", NULL, SCRUB_CLEANED_HEADERS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[200];
        snprintf(text, sizeof(text), "{subject: '>', %s}", cases[i].rule);
        struct bench bench = bench_of(text);
        struct scrub_outcome outcome = work(&bench, 0, cases[i].dirty);
        assert_int_equal(outcome.reason, SCRUB_REASON_NONE);
        if (outcome.cleaned != cases[i].bits) {
            fail_msg("%s: %u", cases[i].rule, outcome.cleaned);
        }
        /* Masking a masked field finds it again, and puts the same. */
        bool is_field_mask = i == 5;
        if (cases[i].clean != NULL && !is_field_mask) {
            assert_int_equal(work(&bench, 0, cases[i].clean).cleaned, 0);
            expect_body(&bench, cases[i].clean);
        }
        bench_free(&bench);
    }
}

/*
 * Goal:    an observer sees what the rules before left, says what it would do, and leaves all as it
 *          is for the rules behind it.
 */
static void test_observer(void **state)
{
    (void)state;
    struct bench bench = bench_of("{subject: '>', mask: [{pattern: a, with: b}]}, "
                                  "{subject: '>', observe: true, mask: [{pattern: b, with: c}], "
                                  "headers { add { A: b } }}, "
                                  "{subject: '>', must_match: b}, "
                                  "{subject: '>', observe: true, must_not_match: b}");
    assert_int_equal(work(&bench, 0, "a").cleaned, SCRUB_CLEANED_MASK);
    const struct scrub_rule *rules = bench.rules->rules;
    struct scrub_outcome observed = scrub_work_rule(bench.work, &rules[1]);
    assert_int_equal(observed.cleaned, SCRUB_CLEANED_MASK | SCRUB_CLEANED_HEADERS);
    expect_body(&bench, "b");
    assert_int_equal(scrub_work_header(bench.work).size, 0);
    assert_int_equal(scrub_work_rule(bench.work, &rules[2]).reason, SCRUB_REASON_NONE);
    assert_int_equal(scrub_work_rule(bench.work, &rules[3]).reason, SCRUB_REASON_MUST_NOT);
    expect_body(&bench, "b");
    bench_free(&bench);
}

/*
 * Goal:    what edits bring together is found, as often as it takes; a text made to go on for ever
 *          is refused, and so is one that would grow beyond the limit.
 */
static void test_rounds_and_limit(void **state)
{
    (void)state;
    struct bench bench = bench_of("{subject: '>', mask: [{pattern: ab, with: ''}]}, "
                                  "{subject: '>', mask: [{pattern: x, with: '123456789'}]}, "
                                  "{subject: '>', headers { add { Key: '123456789' } }}");
    assert_int_equal(work(&bench, 0, "aaaaabbbbb").reason, SCRUB_REASON_NONE);
    expect_body(&bench, "");
    assert_int_equal(work(&bench, 0, "aaaaaaabbbbbbb").reason, SCRUB_REASON_NONE);
    expect_body(&bench, "");
    assert_int_equal(work(&bench, 0, "aaaaaaaabbbbbbbb").reason, SCRUB_REASON_UNSETTLED);
    const struct scrub_rule *rules = bench.rules->rules;
    for (size_t limit = 27; limit <= 28; limit++) {
        scrub_work_begin(bench.work, (struct bytes){0}, bytes_text("-xxx"), limit);
        enum scrub_reason reason = limit < 28 ? SCRUB_REASON_GREW : SCRUB_REASON_NONE;
        assert_int_equal(scrub_work_rule(bench.work, &rules[1]).reason, reason);
    }
    /* NATS/1.0 and its line end, the line, the empty line. */
    const size_t block = 10 + 16 + 2;
    for (size_t limit = block + 3; limit <= block + 4; limit++) {
        scrub_work_begin(bench.work, (struct bytes){0}, bytes_text("body"), limit);
        enum scrub_reason reason = limit < block + 4 ? SCRUB_REASON_GREW : SCRUB_REASON_NONE;
        assert_int_equal(scrub_work_rule(bench.work, &rules[2]).reason, reason);
    }
    assert_int_equal(scrub_work_header(bench.work).size, block);
    bench_free(&bench);
}

/*
 * Goal:    a card number is a string's part or a number of JSON; the number becomes a string, with
 *          its sign, fraction and exponent, and nothing else does.
 */
static void test_numbers_of_json(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *left;
    } cases[] = {
        {"4111111111111111", "\"[card]\""},
        {"[-4111111111111111, 1]", "[\"[card]\", 1]"},
        {"[4111111111111111e5]", "[4111111111111111e5]"},
        {"{\"4111111111111111\":4111111111111111}", "{\"[card]\":\"[card]\"}"},
        {"[\"\\\"\",4111111111111111,\"4111111111111111\"]", "[\"\\\"\",\"[card]\",\"[card]\"]"},
        {"[\"\\\\\",4111111111111111]", "[\"\\\\\",\"[card]\"]"},
        {"[4111111111111111", "[[card]"},
        {"\"4111111111111111", "\"[card]"},
    };
    struct bench bench = bench_of("{subject: '>', mask: card}");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(work(&bench, 0, cases[i].body).reason, SCRUB_REASON_NONE);
        expect_body(&bench, cases[i].left);
    }
    bench_free(&bench);
}

/*
 * Goal:    the same wherever the number lies, behind strings and escapes of any length.
 * Method:  a string of letters, quotes or backslashes before a number, a string and a number.
 */
static void test_places_of_json(void **state)
{
    (void)state;
    static const char *const pieces[] = {"x", "\\\"", "\\\\", "[", "\xC3\xA4"};
    struct bench bench = bench_of("{subject: '>', mask: card}");
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        char string[300] = "";
        for (uint32_t count = 0; count < 140; count++) {
            char body[500];
            char left[500];
            sprintf(body, "[\"%s\",4111111111111111,\"4111111111111111\",[4111111111111111]]",
                    string);
            sprintf(left, "[\"%s\",\"[card]\",\"[card]\",[\"[card]\"]]", string);
            assert_int_equal(work(&bench, 0, body).reason, SCRUB_REASON_NONE);
            expect_body(&bench, left);
            strcat(string, pieces[i]);
        }
    }
    bench_free(&bench);
}

/*
 * Goal:    hostile payloads end in bounded time under every step that looks at bytes.
 * Method:  a mebibyte of each; the test's time limit is the judge. 1 MiB of "[" is too deep, of
 *          quotes broken.
 */
static void test_hostile(void **state)
{
    (void)state;
    static const char *const pieces[] = {"[",          "{\"a\":",
                                         "\"",         "\\",
                                         "\\\"",       "\\u",
                                         "\\ud800",    "\x1b",
                                         "\x1b]",      "\x1b[",
                                         "\xC2",       "\xED\xA0\x80",
                                         "\xC0\xAF",   "\xF0\x9F",
                                         "\xFF",       "a",
                                         "a@",         " ",
                                         "4111 1111 ", "1.",
                                         "::",         "bearer ",
                                         "+1 (415) ",  "\\u001b",
                                         "\\u00",      "[4111111111111111,",
                                         "a@b.cc "};
    struct bench bench = bench_of(
        "{subject: '>', utf8: replace, control: strip, trim: true, mask: [all, "
        "{pattern: '(a+)+@', with: x}]}, "
        "{subject: '>', json { minify: true, drop: '$..a', schema { type: array } }, mask: all}, "
        "{subject: '>', utf8: refuse, control: refuse}");
    size_t size = 1024 * 1024;
    uint8_t *text = malloc(size + 1);
    for (size_t i = 0; i <= COUNT_OF(pieces); i++) {
        const char *piece = i < COUNT_OF(pieces) ? pieces[i] : "\0";
        size_t length = MAX_OF(strlen(piece), (size_t)1);
        for (size_t at = 0; at < size; at++) {
            text[at] = (uint8_t)piece[at % length];
        }
        for (uint32_t rule = 0; rule < bench.rules->count; rule++) {
            scrub_work_begin(bench.work, (struct bytes){0}, bytes_of(text, size), 2 * size);
            struct scrub_outcome outcome = scrub_work_rule(bench.work, &bench.rules->rules[rule]);
            if (rule == 1) {
                assert_int_not_equal(outcome.reason, SCRUB_REASON_NONE);
            }
            if (rule == 1 && i == 0) {
                assert_true(outcome.reason == SCRUB_REASON_DEPTH ||
                            outcome.reason == SCRUB_REASON_JSON);
            }
            if (rule == 2 && i == COUNT_OF(pieces)) {
                assert_int_equal(outcome.reason, SCRUB_REASON_CONTROL);
            }
            MAYBE(outcome.reason == SCRUB_REASON_GREW);
        }
    }
    free(text);
    bench_free(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),           cmocka_unit_test(test_what_was_cleaned),
        cmocka_unit_test(test_observer),        cmocka_unit_test(test_rounds_and_limit),
        cmocka_unit_test(test_numbers_of_json), cmocka_unit_test(test_places_of_json),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
