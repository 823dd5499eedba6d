/* Tests of core/subject: validity, wildcards, tokens, and the reference matcher. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/subject.h"

struct validity {
    const char *subject;
    bool subscription, publish, wildcard;
    uint32_t tokens;
};

/*
 * Goal:    subjects are judged as nats-server judges them.
 * Method:  a table of edge cases, among them tokens that only look like wildcards.
 */
static void test_subject_validity(void **state)
{
    (void)state;
    static const struct validity rows[] = {
        {"foo", true, true, false, 1},    {"foo.bar", true, true, false, 2},
        {"", false, false, false, 0},     {".", false, false, false, 2},
        {".a", false, false, false, 2},   {"a.", false, false, false, 2},
        {"a..b", false, false, false, 3}, {"*", true, false, true, 1},
        {">", true, false, true, 1},      {"a.*", true, false, true, 2},
        {"*.a", true, false, true, 2},    {"a.>", true, false, true, 2},
        {"a.>.b", false, false, true, 3}, {">.a", false, false, true, 2},
        {"a.*.>", true, false, true, 3},  {"foo.*bar", true, true, false, 2},
        {"foo>", true, true, false, 1},   {"**", true, true, false, 1},
        {">*", true, true, false, 1},     {">>.a", true, true, false, 2},
        {"*a.b*", true, true, false, 2},  {"*..a", false, false, true, 3},
        {"a.b*.c", true, true, false, 3}, {"\xff\x01.\x80", true, true, false, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes subject = bytes_text(rows[i].subject);
        print_message("[%s]\n", rows[i].subject);
        assert_int_equal(subject_valid_subscription(subject), rows[i].subscription);
        assert_int_equal(subject_valid_publish(subject), rows[i].publish);
        assert_int_equal(subject_has_wildcard(subject), rows[i].wildcard);
        assert_int_equal(subject_tokens_count(subject), rows[i].tokens);
    }
}

/*
 * Goal:    a NUL is a byte of a token like any other.
 * Method:  subjects that differ behind a NUL.
 */
static void test_subject_nul_is_a_byte(void **state)
{
    (void)state;
    struct bytes a = bytes_of("x\0a", 3);
    struct bytes b = bytes_of("x\0b", 3);
    assert_true(subject_valid_subscription(a));
    assert_true(subject_matches(a, a));
    assert_false(subject_matches(a, b));
}

struct match {
    const char *pattern, *subject;
    bool matches;
};

/*
 * Goal:    patterns match as nats-server matches, also subjects that SUB would refuse.
 * Method:  a table; each row is the pattern's answer to one publish subject.
 */
static void test_subject_matches(void **state)
{
    (void)state;
    static const struct match rows[] = {
        {"foo", "foo", true},
        {"foo", "fo", false},
        {"foo", "fooo", false},
        {"foo", "Foo", false},
        {"foo", "foo.bar", false},
        {"foo.bar", "foo", false},
        {"foo.*", "foo.bar", true},
        {"foo.*", "foo", false},
        {"foo.*", "foo.bar.baz", false},
        {"*.bar", "foo.bar", true},
        {"*.*", "foo.bar", true},
        {"*", "foo", true},
        {"*", "foo.bar", false},
        {"foo.>", "foo", false},
        {"foo.>", "foo.a", true},
        {"foo.>", "foo.a.b.c", true},
        {">", "foo", true},
        {">", "foo.bar.baz", true},
        {"*.>", "foo", false},
        {"*.>", "foo.bar", true},
        {"foo.*.baz", "foo.bar.baz", true},
        {"foo.*.baz", "foo.bar.bax", false},
        {"foo.*.>", "foo.bar", false},
        {"foo.*bar", "foo.*bar", true},
        {"foo.*bar", "foo.xbar", false},
        {"foo>", "foo>", true},
        /* An empty token matches nothing. */
        {">", "", false},
        {">", ".", false},
        {">", "a.", false},
        {">", ".a", false},
        {">", "a..b", false},
        {"a.*", "a.", false},
        {"a.>", "a.b.", false},
        {"*", "", false},
        /* A publish subject's wildcard token is an ordinary token. */
        {"foo.*", "foo.*", true},
        {"foo.>", "foo.*", true},
        {"*.*", "foo.*", true},
        {">", "foo.*", true},
        {"foo.bar", "foo.*", false},
        {"foo.*", "foo.>", true},
        {"foo.>", "foo.>", true},
        {"foo.*.b", "foo.>.b", true},
        {"foo.x.b", "foo.>.b", false},
        {">", ">", true},
        {"*", ">", true},
        {">", "*", true},
        {"a", "*", false},
        {"a", ">", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("[%s] [%s]\n", rows[i].pattern, rows[i].subject);
        bool matches = subject_matches(bytes_text(rows[i].pattern), bytes_text(rows[i].subject));
        assert_int_equal(matches, rows[i].matches);
    }
}

/*
 * Goal:    tokens come out from left to right, empty ones included.
 * Method:  joins them again.
 */
static void test_subject_tokens(void **state)
{
    (void)state;
    static const char *const subjects[] = {"", ".", "a", "a.", ".a", "a..b", "a.bc.def"};
    for (size_t i = 0; i < COUNT_OF(subjects); i++) {
        char joined[32] = "";
        struct subject_cursor at = subject_first(bytes_text(subjects[i]));
        struct bytes token;
        size_t size = 0;
        while (subject_next(&at, &token)) {
            if (token.size > 0) {
                memcpy(joined + size, token.ptr, token.size);
            }
            size += token.size;
            joined[size++] = '.';
        }
        joined[size - 1] = '\0';
        assert_string_equal(joined, subjects[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subject_validity),
        cmocka_unit_test(test_subject_nul_is_a_byte),
        cmocka_unit_test(test_subject_matches),
        cmocka_unit_test(test_subject_tokens),
    };
    return cmocka_run_group_tests_name("subject", tests, NULL, NULL);
}
