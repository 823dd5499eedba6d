/* test_scrub_rules.c - options compiled into a set: what it keeps, and what it will not have. */
#include "core/scrub_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct bytes everywhere = {.ptr = (const uint8_t *)">", .size = 1};

static struct scrub_rule_options options_of(const char *name, const struct bytes *subjects,
                                            size_t count)
{
    return (struct scrub_rule_options){.name = bytes_text(name),
                                       .subjects = {.items = subjects, .count = count}};
}

/*
 * Goal:    a set owns what it was made of: nothing of the options is looked at afterwards.
 * Method:  options in memory that is overwritten and freed; the sanitizer and the texts judge.
 */
static void test_copies(void **state)
{
    (void)state;
    char *text = malloc(200);
    strcpy(text, "name|a.*|x|$.p|[a-z]+|PUT|Head|value|jail|{\"type\":\"string\"}");
    struct bytes parts[10];
    size_t count = 0;
    for (char *at = text; count < COUNT_OF(parts); at += parts[count++].size + 1) {
        parts[count] = bytes_of(at, strcspn(at, "|"));
    }
    struct scrub_mask *mask = malloc(sizeof(*mask));
    struct scrub_header *add = malloc(sizeof(*add));
    struct scrub_required *required = malloc(sizeof(*required));
    *mask = (struct scrub_mask){.pattern = parts[4], .put = parts[5]};
    *add = (struct scrub_header){.name = parts[6], .value = parts[7]};
    *required = (struct scrub_required){.name = parts[6], .values = {&parts[7], 1}};
    struct scrub_rule_options options = {.name = parts[0],
                                         .subjects = {&parts[1], 2},
                                         .fate = SCRUB_QUARANTINE,
                                         .quarantine = parts[8],
                                         .json_schema = parts[9],
                                         .json_drop = {&parts[3], 1},
                                         .masks = mask,
                                         .masks_count = 1,
                                         .must = {&parts[4], 1},
                                         .headers_required = required,
                                         .headers_required_count = 1,
                                         .headers_remove = {&parts[6], 1},
                                         .headers_add = add,
                                         .headers_add_count = 1};
    struct scrub_error error;
    struct scrub_rules *rules = scrub_rules_new(&options, 1, &error);
    if (rules == NULL) {
        fail_msg("%s", error.text);
        return;
    }
    memset(text, '!', 200);
    free(text);
    free(mask);
    free(add);
    free(required);
    memset(parts, 0, sizeof(parts));
    const struct scrub_rule *rule = &rules->rules[0];
    assert_string_equal((const char *)rule->options.name.ptr, "name");
    assert_string_equal((const char *)rule->options.quarantine.ptr, "jail");
    assert_string_equal((const char *)rule->puts[0].ptr, "PUT");
    assert_string_equal((const char *)rule->options.headers_add[0].value.ptr, "value");
    assert_string_equal((const char *)rule->options.headers_required[0].values.items[0].ptr,
                        "value");
    assert_true(rule->wants_json && rule->wants_headers);
    assert_non_null(rule->schema);
    assert_non_null(rule->masks);
    assert_non_null(rule->must);
    assert_null(rule->must_not);
    assert_int_equal(rule->paths.steps_count > 0, 1);
    struct scrub_rules *shared = scrub_rules_ref(rules);
    scrub_rules_unref(rules);
    assert_int_equal(scrub_rules_of(shared, bytes_text("a.b")), 1);
    scrub_rules_unref(shared);
    scrub_rules_unref(NULL);
}

/*
 * Goal:    which rules a subject has, for each form of pattern, up to the last bit.
 * Method:  64 rules; the first few and the last have patterns of their own.
 */
static void test_subjects(void **state)
{
    (void)state;
    const struct bytes patterns[] = {bytes_text("a.b"), bytes_text("a.*"), bytes_text("a.>"),
                                     bytes_text("*.b")};
    const struct bytes several[] = {bytes_text("x"), bytes_text("y.>")};
    struct scrub_rule_options options[SCRUB_RULES_MAX];
    const struct bytes nobody = bytes_text("nobody");
    for (size_t i = 0; i < SCRUB_RULES_MAX; i++) {
        options[i] = options_of("", i < 4 ? &patterns[i] : &nobody, 1);
    }
    options[62] = options_of("several", several, 2);
    options[63] = options_of("all", &everywhere, 1);
    struct scrub_error error;
    struct scrub_rules *rules = scrub_rules_new(options, SCRUB_RULES_MAX, &error);
    assert_non_null(rules);
    assert_string_equal((const char *)rules->rules[5].options.name.ptr, "rule 6");
    const uint64_t all = 1ull << 63;
    static const struct {
        const char *subject;
        uint64_t rules;
    } cases[] = {{"a.b", 15},
                 {"a.c", 6},
                 {"a.b.c", 4},
                 {"b.b", 8},
                 {"a", 0},
                 {"x", 1ull << 62},
                 {"y.a", 1ull << 62},
                 {"y", 0},
                 {"x.y", 0},
                 {"nobody", 0x3FFFFFFFFFFFFFF0ull}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t found = scrub_rules_of(rules, bytes_text(cases[i].subject));
        if (found != (cases[i].rules | all)) {
            fail_msg("%s: %llx", cases[i].subject, (unsigned long long)found);
        }
        assert_true(scrub_rules_may_apply(rules, bytes_text(cases[i].subject)));
    }
    scrub_rules_unref(rules);
    struct scrub_rules *none = scrub_rules_new(NULL, 0, &error);
    assert_non_null(none);
    assert_int_equal(scrub_rules_of(none, bytes_text("a")), 0);
    scrub_rules_unref(none);
}

/*
 * Goal:    a subject that begins like none of the patterns is passed by at once, and no subject with
 *          rules is.
 * Method:  patterns of each form beside subjects of one, two and more bytes.
 */
static void test_starts(void **state)
{
    (void)state;
    static const char *const patterns[] = {"a", "b.*", "cc.>", "dd",  "e.e.e",
                                           "*", "*.x", ">",    "f*g", "h>"};
    static const char *const subjects[] = {"a", "b.x", "cc.x.y", "dd",  "e.e.e",
                                           "z", "z.x", "q.w",    "f*g", "h>"};
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        const struct bytes pattern = bytes_text(patterns[i]);
        struct scrub_rule_options options = options_of("", &pattern, 1);
        struct scrub_error error;
        struct scrub_rules *rules = scrub_rules_new(&options, 1, &error);
        assert_non_null(rules);
        size_t passed_by = 0;
        for (size_t k = 0; k < COUNT_OF(subjects); k++) {
            bool may_apply = scrub_rules_may_apply(rules, bytes_text(subjects[k]));
            assert_true(may_apply || scrub_rules_of(rules, bytes_text(subjects[k])) == 0);
            passed_by += !may_apply;
        }
        bool is_wild = patterns[i][0] == '*' || patterns[i][0] == '>';
        assert_int_equal(passed_by, is_wild ? 0 : COUNT_OF(subjects) - 1);
        assert_true(scrub_rules_may_apply(rules, bytes_text(subjects[i])));
        scrub_rules_unref(rules);
    }
}

/*
 * Goal:    the rule that cannot be is named, and why; those before it are freed.
 */
static void test_errors(void **state)
{
    (void)state;
    const struct bytes long_subject = bytes_text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    struct bytes patterns[REGEX_PATTERNS_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        patterns[i] = bytes_text("x");
    }
    const struct {
        struct scrub_rule_options options;
        const char *says;
    } cases[] = {
        {{.name = bytes_text("no subject")}, "needs a subject"},
        {options_of("first", &everywhere, 1), "two rules"},
        {options_of("tab\t", &everywhere, 1), "quotes"},
        {{.subjects = {&everywhere, 1}, .fate = SCRUB_QUARANTINE, .quarantine = long_subject},
         "256 characters"},
        {{.subjects = {&everywhere, 1}, .fate = SCRUB_QUARANTINE, .quarantine = everywhere},
         "no wildcards"},
        {{.subjects = {&everywhere, 1}, .json_depth_max = JSON_DEPTH_MAX + 1}, "512 levels"},
        {{.subjects = {&everywhere, 1}, .must = {patterns, COUNT_OF(patterns)}}, "64 patterns"},
        {{.subjects = {&everywhere, 1}, .headers_remove = {&everywhere, 1}, .json = true}, NULL},
        {{.subjects = {&everywhere, 1}, .headers_remove = {&long_subject, 1}}, NULL},
        {{.subjects = {&everywhere, 1}, .json_drop = {&everywhere, 1}}, "the path \">\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct scrub_rule_options both[] = {options_of("first", &everywhere, 1),
                                                  cases[i].options};
        struct scrub_error error = {.text = ""};
        struct scrub_rules *rules = scrub_rules_new(both, 2, &error);
        if ((rules == NULL) != (cases[i].says != NULL) ||
            (rules == NULL && (error.rule != 1 || strstr(error.text, cases[i].says) == NULL))) {
            fail_msg("case %zu: rule %zu: %s", i, error.rule, error.text);
        }
        scrub_rules_unref(rules);
    }
    struct scrub_rule_options many[SCRUB_RULES_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        many[i] = options_of("", &everywhere, 1);
    }
    struct scrub_error error;
    assert_null(scrub_rules_new(many, COUNT_OF(many), &error));
    assert_non_null(strstr(error.text, "64 rules"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_subjects),
        cmocka_unit_test(test_starts),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
