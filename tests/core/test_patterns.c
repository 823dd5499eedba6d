/*
 * test_patterns.c - what a set of patterns matches, covers and overlaps, compared with the reference
 * matcher.
 */
#include "core/patterns.h"
#include "core/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct patterns *set_of(const char *const *texts, size_t count)
{
    struct patterns *patterns = patterns_new();
    for (size_t i = 0; i < count; i++) {
        assert_true(patterns_add(patterns, bytes_text(texts[i])));
    }
    return patterns;
}

/*
 * Goal:    what is no pattern is refused, and leaves the set as it was.
 * Method:  a table.
 */
static void test_patterns_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " ", "a..b", ".a", "a.", "a.>.b", ">.a", "a b c"};
    struct patterns *patterns = patterns_new();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(patterns_add(patterns, bytes_text(bad[i])));
    }
    char longest[PATTERNS_BYTES_MAX + 1];
    memset(longest, 'a', sizeof(longest));
    assert_true(patterns_add(patterns, bytes_of(longest, PATTERNS_BYTES_MAX)));
    assert_false(patterns_add(patterns, bytes_of(longest, PATTERNS_BYTES_MAX + 1)));
    assert_int_equal(patterns_count(patterns), 1);
    patterns_free(patterns);
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* A name of one to four of few tokens. */
static size_t draw_name(uint64_t *state, char *name, bool is_pattern)
{
    static const char *const tokens[] = {"a", "b", "cc", "*", ">"};
    size_t size = 0;
    uint64_t depth = 1 + draw(state) % 4;
    for (uint64_t i = 0; i < depth; i++) {
        uint64_t kinds = is_pattern && i + 1 == depth ? 5 : is_pattern ? 4 : 3;
        if (i > 0) {
            name[size++] = '.';
        }
        const char *token = tokens[draw(state) % kinds];
        memcpy(name + size, token, strlen(token));
        size += strlen(token);
    }
    name[size] = '\0';
    return size;
}

/*
 * Goal:    the tree matches what one of its patterns matches, and nothing else.
 * Method:  random sets and subjects against subject_matches; overlap must hold wherever a subject
 *          is found that both match, and a pattern that is covered matches nothing the set does not.
 */
static void test_patterns_agree_with_the_reference(void **state)
{
    (void)state;
    uint64_t random = 20261129;
    for (int round = 0; round < 400; round++) {
        struct patterns *patterns = patterns_new();
        char names[6][32];
        uint64_t count = draw(&random) % 6;
        for (uint64_t i = 0; i < count; i++) {
            draw_name(&random, names[i], true);
            assert_true(patterns_add(patterns, bytes_text(names[i])));
        }
        char other[32];
        struct bytes pattern = bytes_of(other, draw_name(&random, other, true));
        bool covered = patterns_cover_any(patterns, pattern);
        for (int k = 0; k < 40; k++) {
            char name[32];
            struct bytes subject = bytes_of(name, draw_name(&random, name, false));
            bool matches = false;
            for (uint64_t i = 0; i < count; i++) {
                matches |= subject_matches(bytes_text(names[i]), subject);
            }
            assert_int_equal(patterns_match(patterns, subject), matches);
            assert_int_equal(patterns_match_any(patterns, subject), matches);
            if (subject_matches(pattern, subject)) {
                assert_true(!matches || patterns_overlap(patterns, pattern));
                assert_true(!covered || matches);
            }
        }
        patterns_free(patterns);
    }
}

/*
 * Goal:    the answers where the reference says nothing: subjects with wildcard tokens are taken as
 *          they stand, those with empty tokens match nothing.
 * Method:  tables.
 */
static void test_patterns_of_odd_subjects(void **state)
{
    (void)state;
    static const char *const texts[] = {"foo.*", "bar.>"};
    struct patterns *patterns = set_of(texts, COUNT_OF(texts));
    assert_true(patterns_match(patterns, bytes_text("foo.>")));
    assert_true(patterns_match(patterns, bytes_text("foo.*")));
    assert_true(patterns_match(patterns, bytes_text("bar.*.>")));
    static const char *const none[] = {"",     ">",      "*",    "foo",   "bar",
                                       "foo.", "foo..x", ".foo", "bar..", "foo.a.b"};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        assert_false(patterns_match(patterns, bytes_text(none[i])));
    }
    patterns_free(patterns);
}

/*
 * Goal:    covers and overlaps, pattern against pattern.
 * Method:  a table of what a set of one says.
 */
static void test_patterns_against_a_pattern(void **state)
{
    (void)state;
    static const struct {
        const char *ours, *asked;
        bool covers, overlaps;
    } rows[] = {
        {"foo.*", "foo.bar", true, true},
        {"foo.*", "foo.*", true, true},
        {"foo.*", "foo.>", false, true},
        {"foo.>", "foo.*.b", true, true},
        {"foo.>", "foo.>", true, true},
        {"foo.>", "foo", false, false},
        {">", ">", true, true},
        {"foo.bar", "foo.*", false, true},
        {"foo.*.x", "foo.a.*", false, true},
        {"foo.a", "foo.b", false, false},
        {"*.a", "b.>", false, true},
        {"a.b.c", "a.b", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct patterns *patterns = set_of(&rows[i].ours, 1);
        assert_int_equal(patterns_cover_any(patterns, bytes_text(rows[i].asked)), rows[i].covers);
        assert_int_equal(patterns_overlap(patterns, bytes_text(rows[i].asked)), rows[i].overlaps);
        patterns_free(patterns);
    }
}

/*
 * Goal:    queue patterns count for their queue alone.
 * Method:  a set with both kinds.
 */
static void test_patterns_with_queues(void **state)
{
    (void)state;
    static const char *const texts[] = {"foo v1", "foo\t v2.>", "bar", "bar.* q"};
    struct patterns *patterns = set_of(texts, COUNT_OF(texts));
    struct patterns_hit hit = patterns_look(patterns, bytes_text("foo"), bytes_text("v1"));
    assert_true(!hit.plain && hit.queue && hit.named);
    hit = patterns_look(patterns, bytes_text("foo"), bytes_text("v2.prod"));
    assert_true(!hit.plain && hit.queue && hit.named);
    hit = patterns_look(patterns, bytes_text("foo"), bytes_text("v3"));
    assert_true(!hit.plain && hit.queue && !hit.named);
    hit = patterns_look(patterns, bytes_text("bar"), bytes_text("v1"));
    assert_true(hit.plain && !hit.queue && !hit.named);
    assert_false(patterns_match(patterns, bytes_text("bar.a")));
    assert_true(patterns_match_any(patterns, bytes_text("bar.a")));
    assert_false(patterns_overlap(patterns, bytes_text("bar.*")));
    patterns_free(patterns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns_refuses),
        cmocka_unit_test(test_patterns_agree_with_the_reference),
        cmocka_unit_test(test_patterns_of_odd_subjects),
        cmocka_unit_test(test_patterns_against_a_pattern),
        cmocka_unit_test(test_patterns_with_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
