/* test_scrub_conf.c - rules as a file says them: what is read, and what is complained about. */
#include "tests/support/scrub_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * Goal:    every key reaches its option.
 * Method:  one rule with all of them, and one with none.
 */
static void test_every_key(void **state)
{
    (void)state;
    struct conf_error error;
    struct scrub_rules *rules = scrub_text_file(
        "scrub {\n log_every: 7\n rules [\n"
        "  { name: 'all of it', subject: [a, 'b.>'], quarantine: jail.x, observe: true\n"
        "    max_size: 64kb, utf8: replace, control: strip, trim: true\n"
        "    json { depth: 9, drop: '$..a', mask: ['$.b', '$.c'], minify: true\n"
        "           schema { type: object, properties { n { minimum: 1.5, enum: [2, true] } } } }\n"
        "    mask: [email, ip, { pattern: 'x+', with: y }, { pattern: 'z' }]\n"
        "    must_match: m, must_not_match: [n, o]\n"
        "    headers { allow: [K, L]\n"
        "      require { Kind: [a, b], Other: true }, remove: R, add { A: b } } }\n"
        "  { subject: '>' }\n ]\n}\n",
        &error);
    if (rules == NULL) {
        fail_msg("%s", error.text);
        return;
    }
    assert_int_equal(rules->count, 2);
    assert_int_equal(rules->log_every, 7);
    const struct scrub_rule_options *o = &rules->rules[0].options;
    assert_string_equal((const char *)o->name.ptr, "all of it");
    assert_int_equal(o->subjects.count, 2);
    assert_int_equal(o->fate, SCRUB_QUARANTINE);
    assert_string_equal((const char *)o->quarantine.ptr, "jail.x");
    assert_true(o->is_observer && o->trim && o->json && o->json_minify);
    assert_int_equal(o->size_max, 65536);
    assert_int_equal(o->utf8, SCRUB_CLEAN);
    assert_int_equal(o->control, SCRUB_CLEAN);
    assert_int_equal(o->json_depth_max, 9);
    assert_int_equal(o->json_drop.count, 1);
    assert_int_equal(o->json_mask.count, 2);
    assert_string_equal(
        (const char *)o->json_schema.ptr,
        "{\"type\":\"object\",\"properties\":{\"n\":{\"minimum\":1.5,\"enum\":[2,true]}}}");
    assert_int_equal(o->finders, 1u << FINDER_EMAIL | 1u << FINDER_IPV4 | 1u << FINDER_IPV6);
    assert_int_equal(o->masks_count, 2);
    assert_string_equal((const char *)o->masks[1].put.ptr, "[masked]");
    assert_int_equal(o->must.count, 1);
    assert_int_equal(o->must_not.count, 2);
    assert_int_equal(o->headers_required_count, 2);
    assert_int_equal(o->headers_required[0].values.count, 2);
    assert_int_equal(o->headers_required[1].values.count, 0);
    assert_int_equal(o->headers_allowed.count, 2);
    assert_int_equal(o->headers_remove.count, 1);
    assert_int_equal(o->headers_add_count, 1);
    const struct scrub_rule_options *plain = &rules->rules[1].options;
    assert_string_equal((const char *)plain->name.ptr, "rule 2");
    assert_int_equal(plain->fate, SCRUB_TELL);
    assert_false(rules->rules[1].wants_json || plain->is_observer || plain->trim);
    scrub_rules_unref(rules);
    rules = scrub_text_file("scrub { }", &error);
    assert_int_equal(rules->count, 0);
    scrub_rules_unref(rules);
}

/*
 * Goal:    what cannot be is refused with the place and what is wrong.
 * Method:  a table of rules and a part of the sentence; every sentence begins with the place.
 */
static void test_complaints(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        const char *says;
    } cases[] = {
        {"{}", "needs a subject"},
        {"{subject: 'a..b'}", "no valid subject"},
        {"{subject: a, subjcet: b}", "subject"},
        {"{subject: a, utf8: strip}", "replace"},
        {"{subject: a, mask: emial}", "email"},
        {"{subject: a, mask: [{with: x}]}", "needs a pattern"},
        {"{subject: a, mask: [{pattern: '('}]}", "cannot be used"},
        {"{subject: a, mask: [{pattern: 'a*'}]}", "cannot be used"},
        {"{subject: a, mask: [{pattern: 'a', with: 'aa'}]}", "choose another"},
        {"{subject: a, must_match: '(a)\\1'}", "cannot be used"},
        {"{subject: a, json {drop: 'a'}}", "begin with $"},
        {"{subject: a, json {depth: 1000}}", "512"},
        {"{subject: a, json {schema {oneOf: []}}}", "oneOf"},
        {"{subject: a, json {schema: 'x'}}", "well-formed"},
        {"{subject: a, quarantine: 'a.*'}", "no subject"},
        {"{subject: a, quarantine: 'a', refused: drop}", "go together"},
        {"{subject: a, refused: quarantine}", "go together"},
        {"{subject: a, headers {remove: 'a b'}}", "no name of a header"},
        {"{subject: a, headers {require {X: []}}}", "true for any"},
        {"{subject: a, headers {allow: []}}", "leave it out"},
        {"{subject: a, headers {allow: [A, 'b:']}}", "no name of a header"},
        {"{subject: a, headers {add {X: \"a\\r\\nb\"}}}", "line end"},
        {"{subject: a, name: \"a'b\"}", "quotes"},
        {"{subject: a, name: x}, {subject: a, name: x}", "two rules"},
        {"{subject: a, max_size: 0}", "max_size"},
        {"[1]", "block"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[300];
        struct conf_error error = {""};
        snprintf(text, sizeof(text), "scrub { rules [ %s ] }", cases[i].rule);
        struct scrub_rules *rules = scrub_text_file(text, &error);
        if (rules != NULL || strstr(error.text, cases[i].says) == NULL ||
            strncmp(error.text, "test.conf:1:", 12) != 0) {
            fail_msg("%s: %s", cases[i].rule, error.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_complaints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
