/* test_regex.c - patterns: whether they match, what they cover, and what is refused. */
#include "core/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct regex *regex_of(const char *const *patterns, size_t count, enum regex_use use)
{
    struct bytes views[REGEX_PATTERNS_MAX];
    struct regex_error error;
    for (size_t i = 0; i < count; i++) {
        views[i] = bytes_text(patterns[i]);
    }
    struct regex *regex = regex_new(views, count, use, &error);
    if (regex == NULL) {
        fail_msg("%s: %s", patterns[error.pattern], error.text);
    }
    return regex;
}

/*
 * Goal:    each of many patterns answers for itself, wherever it matches.
 * Method:  64 patterns; texts that some of them match; the empty text.
 */
static void test_test(void **state)
{
    (void)state;
    char texts[REGEX_PATTERNS_MAX][16];
    const char *patterns[REGEX_PATTERNS_MAX];
    for (int i = 0; i < REGEX_PATTERNS_MAX; i++) {
        snprintf(texts[i], sizeof(texts[i]), "<%d>", i);
        patterns[i] = texts[i];
    }
    patterns[62] = "^$";
    patterns[63] = "^a.*z$";
    struct regex *regex = regex_of(patterns, REGEX_PATTERNS_MAX, REGEX_TEST);
    struct regex_scratch *scratch = regex_scratch_grow(NULL, regex);
    assert_true(regex_test(regex, scratch, bytes_text("a<0><7><0><61>z")) ==
                (1ull | 1ull << 7 | 1ull << 61 | 1ull << 63));
    assert_true(regex_test(regex, scratch, (struct bytes){0}) == 1ull << 62);
    assert_true(regex_test(regex, scratch, bytes_text("nothing")) == 0);
    assert_true(regex_test(regex, scratch, bytes_of("<1\0><1>", 7)) == 1ull << 1);
    regex_scratch_free(scratch);
    regex_free(regex);
}

/*
 * Goal:    what a pattern waits for is found at every place, wherever the text lies.
 * Method:  one character in texts of every size up to five vectors, at every place, one text at each
 *          of 64 alignments; for patterns that wait for one byte, two, and one of a set.
 */
static void test_every_place(void **state)
{
    (void)state;
    enum { SIZE = 330, VECTOR = 64 };
    static const char *const patterns[] = {"a",    "(?i)a",    "a7?", "x[^a]*a",
                                           "[a7]", "a$|a[^$]", "ab|a"};
    uint8_t *block = memory_alloc_aligned(VECTOR, SIZE + VECTOR);
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        struct regex *regex = regex_of(&patterns[i], 1, REGEX_TEST);
        struct regex_scratch *scratch = regex_scratch_grow(NULL, regex);
        size_t offset = 0;
        for (size_t size = 2; size <= SIZE; size++) {
            for (size_t at = 1; at < size; at++) {
                uint8_t *text = block + offset++ % VECTOR;
                memset(text, '.', size);
                text[0] = 'x';
                assert_true(regex_test(regex, scratch, bytes_of(text, size)) == 0);
                text[at] = 'a';
                if (regex_test(regex, scratch, bytes_of(text, size)) != 1) {
                    fail_msg("%s at %zu of %zu is missed", patterns[i], at, size);
                }
            }
        }
        regex_scratch_free(scratch);
        regex_free(regex);
    }
    memory_free(block);
}

/*
 * Goal:    the same for what takes several characters.
 * Method:  patterns with a choice at their end, of which Vectorscan overlooks some in what it takes
 *          vector by vector; the word they find at every place of texts of every size.
 */
static void test_words_at_every_place(void **state)
{
    (void)state;
    enum { SIZE = 260, VECTOR = 64 };
    static const struct {
        const char *pattern, *word;
    } cases[] = {{"(?i)1(?:(?:\\x20|\\d\\w[^a]|b)|\\d)", "1b"},
                 {"(?i)a[^a]?[ab]\\z", "ab"},
                 {"[ab](?:(?:2|[^a]a|1)|\\s\\da)", "a2"}};
    uint8_t *block = memory_alloc_aligned(VECTOR, SIZE + VECTOR);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct regex *regex = regex_of(&cases[i].pattern, 1, REGEX_TEST);
        struct regex_scratch *scratch = regex_scratch_grow(NULL, regex);
        bool ends = strstr(cases[i].pattern, "\\z") != NULL;
        size_t word = strlen(cases[i].word);
        size_t offset = 0;
        for (size_t size = word; size <= SIZE; size++) {
            for (size_t at = ends ? size - word : 0; at + word <= size; at++) {
                uint8_t *text = block + offset++ % VECTOR;
                memset(text, 'x', size);
                memcpy(text + at, cases[i].word, word);
                if (regex_test(regex, scratch, bytes_of(text, size)) != 1) {
                    fail_msg("%s at %zu of %zu is missed", cases[i].pattern, at, size);
                }
            }
        }
        regex_scratch_free(scratch);
        regex_free(regex);
    }
    memory_free(block);
}

/* What b[^a]+ covers is put in capitals. */
static void cover(uint8_t *text, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++) {
        if (text[i] == 'b' && text[i + 1] != 'a') {
            for (; i < size && text[i] != 'a'; i++) {
                text[i] = 'B';
            }
        }
    }
}

/*
 * Goal:    an edit begins where its match does, and no match is without one.
 * Method:  random texts; what the edits cover beside what a loop says that one pattern covers.
 */
static void test_covers(void **state)
{
    (void)state;
    enum { SIZE = 400, TEXTS = 4000 };
    static const char *const pattern[] = {"b[^a]+"};
    const struct bytes puts[] = {bytes_text("")};
    struct regex *regex = regex_of(pattern, 1, REGEX_REPLACE);
    struct regex_scratch *scratch = regex_scratch_grow(NULL, regex);
    uint64_t random = 1;
    for (uint32_t i = 0; i < TEXTS; i++) {
        uint8_t text[SIZE];
        uint8_t told[SIZE];
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t size = 1 + (random >> 33) % SIZE;
        for (size_t k = 0; k < size; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[k] = (uint8_t) "xxxxxxxxxxxxba"[(random >> 33) % 14];
        }
        struct draft draft = {0};
        draft_begin(&draft, bytes_of(text, size), size);
        regex_edit(regex, scratch, &draft, puts);
        memcpy(told, text, size);
        for (size_t k = 0; k < draft.edits_count; k++) {
            memset(told + draft.edits[k].from, 'B', draft.edits[k].to - draft.edits[k].from);
        }
        cover(text, size);
        assert_memory_equal(told, text, size);
        draft_free(&draft);
    }
    regex_scratch_free(scratch);
    regex_free(regex);
}

/* A scratch serves sets of any size it was grown for. */
static void test_scratch_of_several(void **state)
{
    (void)state;
    static const char *const small[] = {"a"};
    static const char *const large[] = {"(a|b|c){1,30}x", "[0-9]{3,40}y"};
    struct regex *sets[] = {regex_of(small, 1, REGEX_TEST), regex_of(large, 2, REGEX_TEST),
                            regex_of(large, 2, REGEX_REPLACE)};
    struct regex_scratch *scratch = NULL;
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        scratch = regex_scratch_grow(scratch, sets[i]);
    }
    assert_true(regex_test(sets[0], scratch, bytes_text("abcx")) == 1);
    assert_true(regex_test(sets[1], scratch, bytes_text("abcx 123y")) == 3);
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        regex_free(sets[i]);
    }
    regex_scratch_free(scratch);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        enum regex_use use;
        bool is_fine;
    } cases[] = {
        {"a*", REGEX_TEST, true},          {"a*", REGEX_REPLACE, false},
        {"", REGEX_REPLACE, false},        {"(", REGEX_TEST, false},
        {"(a)\\1", REGEX_TEST, false},     {"a(?=b)", REGEX_TEST, false},
        {"(?<!a)b", REGEX_REPLACE, false}, {"[z-a]", REGEX_TEST, false},
        {"a{3,1}", REGEX_TEST, false},     {"\\p{Lu}", REGEX_TEST_UTF8, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes patterns[] = {bytes_text("fine"), bytes_text(cases[i].pattern)};
        struct regex_error error = {.text = ""};
        struct regex *regex = regex_new(patterns, 2, cases[i].use, &error);
        if ((regex != NULL) != cases[i].is_fine) {
            fail_msg("%s: %s", cases[i].pattern, error.text);
        }
        if (regex == NULL) {
            assert_int_equal(error.pattern, 1);
            assert_true(error.text[0] != '\0');
        }
        regex_free(regex);
    }
}

static const struct {
    const char *patterns[3];
    const char *text;
    const char *left; /* puts are 1, 2, 3 */
} replaced[] = {
    {{"b+"}, "abbbc", "a1c"},
    {{"b"}, "bbb", "111"},
    {{"aba"}, "ababa", "1"},
    {{"ab", "bc"}, "abc", "1"},
    {{"bc", "ab"}, "abc", "1"},
    {{"cd", "abcde", "ab"}, "abcdef", "1f"},
    {{"x", "y", "z"}, "zyx", "321"},
    {{"^a", "a$"}, "aaa", "1a2"},
    {{"[0-9]+", "[a-z]+"}, "12ab34", "121"},
    {{"b."}, "ab\xC3\xA4z", "a1z"},
    {{"\xA4z"}, "\xC3\xA4z", "1"},
    {{"\xF0\x9F"}, "a\xF0\x9F\x98\x80z", "a1z"},
    {{"[\\x80-\\xFF]"}, "\xE2\x82\xAC\xFFz", "11z"},
    {{"\xA4", "\xC3"}, "\xC3\xA4z", "1z"},
    /* Vectorscan tells the last blank before the "ab" in front of it. */
    {{"1$", " ", "(?:[ab]b){1,3}"}, "b[masked]. Xab ", "b[masked].2X32"},
    {{"1$", " ", "(?:[ab]b){1,3}"}, "ab ab ab ab ", "32323232"},
};

/*
 * Goal:    overlaps become one, the first pattern of the list names what is put; whole characters
 *          go.
 * Method:  a table; broken UTF-8 is not widened to what it is no part of.
 */
static void test_replace(void **state)
{
    (void)state;
    const struct bytes puts[] = {bytes_text("1"), bytes_text("2"), bytes_text("3")};
    for (size_t i = 0; i < COUNT_OF(replaced); i++) {
        size_t count = 1;
        while (count < 3 && replaced[i].patterns[count] != NULL) {
            count++;
        }
        struct regex *regex = regex_of(replaced[i].patterns, count, REGEX_REPLACE);
        struct regex_scratch *scratch = regex_scratch_grow(NULL, regex);
        struct draft draft = {0};
        draft_begin(&draft, bytes_text(replaced[i].text), 100);
        regex_edit(regex, scratch, &draft, puts);
        assert_true(draft_apply(&draft));
        if (!bytes_equal(draft.text, bytes_text(replaced[i].left))) {
            fail_msg("case %zu: %.*s", i, (int)draft.text.size, draft.text.ptr);
        }
        draft_free(&draft);
        regex_scratch_free(scratch);
        regex_free(regex);
    }
}

/*
 * Goal:    no pattern and no text stalls or breaks out: what makes a backtracking matcher take for
 *          ever is linear here, and what Vectorscan writes beyond its stack in another mode is not
 *          met.
 * Method:  the usual suspects, and ends of one and of two letters in any case, to test and to
 *          replace, over a mebibyte without a match.
 */
static void test_hostile(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "(.*a){12}b",       "(a|a)*b$",      "^(([a-z])+.)+[A-Z]$", "(x+x+)+y",    "(a?){30}a{30}b",
        "(.*)*c",           "(a+)+@",        ".*literal",           "(?i)(a+)+lo", "[ab]+xy",
        "([ab]{3,}c?)+xy$", "(a|b)+(xy|zy)", "(a+|b+)+\\n\\r",      "(?s).*xy",    "(ab|ba|aa)+zz"};
    size_t size = 1024 * 1024;
    uint8_t *text = malloc(size);
    memset(text, 'a', size);
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        struct regex *test = regex_of(&patterns[i], 1, REGEX_TEST);
        struct regex *replace = regex_of(&patterns[i], 1, REGEX_REPLACE);
        struct regex_scratch *scratch = regex_scratch_grow(NULL, test);
        scratch = regex_scratch_grow(scratch, replace);
        assert_true(regex_test(test, scratch, bytes_of(text, size)) == 0);
        struct draft draft = {0};
        draft_begin(&draft, bytes_of(text, size), size);
        regex_edit(replace, scratch, &draft, NULL);
        assert_int_equal(draft.edits_count, 0);
        draft_free(&draft);
        regex_scratch_free(scratch);
        regex_free(test);
        regex_free(replace);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_test),
        cmocka_unit_test(test_every_place),
        cmocka_unit_test(test_words_at_every_place),
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_scratch_of_several),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
