/* test_draft.c - edits of a text, one buffer after the other. */
#include "core/draft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(const struct draft *draft, const char *text)
{
    if (!bytes_equal(draft->text, bytes_text(text))) {
        fail_msg("%.*s, not %s", (int)draft->text.size, draft->text.ptr, text);
    }
}

/*
 * Goal:    edits at the start, in the middle, at the end, next to one another, of nothing and of all
 *          do what they say, and rounds of them take turns with the buffers.
 */
static void test_rounds(void **state)
{
    (void)state;
    static const char text[] = "abcdef";
    struct draft draft = {0};
    draft_begin(&draft, bytes_text(text), 100);
    assert_true(draft_apply(&draft));
    assert_false(draft.is_changed);
    assert_ptr_equal(draft.text.ptr, text);
    draft_edit(&draft, 0, 1, bytes_text("XX"));
    draft_edit(&draft, 1, 1, bytes_text("-"));
    draft_edit(&draft, 1, 3, (struct bytes){0});
    draft_edit(&draft, 5, 6, bytes_text("Z"));
    assert_true(draft_apply(&draft));
    assert_true(draft.is_changed);
    expect(&draft, "XX-deZ");
    assert_string_equal(text, "abcdef");
    draft_edit(&draft, 6, 6, bytes_text("!"));
    assert_true(draft_apply(&draft));
    expect(&draft, "XX-deZ!");
    draft_edit(&draft, 0, 7, (struct bytes){0});
    assert_true(draft_apply(&draft));
    expect(&draft, "");
    draft_edit(&draft, 0, 0, bytes_text("again"));
    assert_true(draft_apply(&draft));
    expect(&draft, "again");
    draft_begin(&draft, bytes_text("other"), 5);
    expect(&draft, "other");
    assert_false(draft.is_changed);
    draft_free(&draft);
}

/*
 * Goal:    a text may grow to its limit and no further; what would pass it changes nothing, and the
 *          next round is not haunted by it.
 */
static void test_limit(void **state)
{
    (void)state;
    struct draft draft = {0};
    draft_begin(&draft, bytes_text("ab"), 4);
    draft_edit(&draft, 0, 1, bytes_text("12345"));
    assert_false(draft_apply(&draft));
    expect(&draft, "ab");
    assert_false(draft.is_changed);
    draft_edit(&draft, 0, 1, bytes_text("123"));
    assert_true(draft_apply(&draft));
    expect(&draft, "123b");
    /* Grown in front, shrunk behind: only the whole counts. */
    draft_edit(&draft, 0, 1, bytes_text("vwxyz"));
    draft_edit(&draft, 1, 4, (struct bytes){0});
    assert_false(draft_apply(&draft));
    expect(&draft, "123b");
    draft_edit(&draft, 0, 1, bytes_text("wxyz"));
    draft_edit(&draft, 1, 4, (struct bytes){0});
    assert_true(draft_apply(&draft));
    expect(&draft, "wxyz");
    draft_free(&draft);
}

/*
 * Goal:    cut, pad and take: what is not edited byte by byte. A padded text may be read beyond its
 *          end, and counts as unchanged.
 */
static void test_cut_pad_take(void **state)
{
    (void)state;
    struct draft draft = {0};
    uint8_t *exact = malloc(5);
    memcpy(exact, " abc ", 5);
    draft_begin(&draft, bytes_of(exact, 5), 5);
    draft_pad(&draft);
    free(exact);
    assert_false(draft.is_changed);
    uint8_t sum = 0;
    for (int i = 0; i < DRAFT_PADDING; i++) {
        sum |= draft.text.ptr[5 + i];
    }
    MAYBE(sum != 0);
    const uint8_t *padded = draft.text.ptr;
    draft_pad(&draft);
    assert_ptr_equal(draft.text.ptr, padded);
    draft_cut(&draft, 0, 5);
    assert_false(draft.is_changed);
    draft_cut(&draft, 1, 4);
    assert_true(draft.is_changed);
    expect(&draft, "abc");
    /* Room is never where the text is. */
    uint8_t *room = draft_room(&draft, 10000);
    memset(room, 'x', 10000);
    expect(&draft, "abc");
    draft_take(&draft, 2);
    expect(&draft, "xx");
    draft_begin(&draft, (struct bytes){0}, 0);
    draft_pad(&draft);
    expect(&draft, "");
    draft_free(&draft);
}

/*
 * Goal:    any edits do what copying piece by piece does.
 * Method:  random edits in random rounds beside a plain buffer.
 */
static void test_random(void **state)
{
    (void)state;
    static const char *const puts[] = {"", "a", "bc", "[masked]"};
    uint64_t seed = 7;
    struct draft draft = {0};
    for (int round = 0; round < 2000; round++) {
        char text[65];
        char expected[600] = "";
        size_t size = (seed >> 33) % 64;
        memset(text, '.', size);
        text[size] = 0;
        draft_begin(&draft, bytes_of(text, size), 600);
        size_t at = 0;
        while (at < size) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            size_t from = MIN_OF(at + (seed >> 33) % 5, size);
            size_t to = MIN_OF(from + (seed >> 37) % 4, size);
            const char *put = puts[(seed >> 41) % COUNT_OF(puts)];
            draft_edit(&draft, from, to, bytes_text(put));
            snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%.*s%s",
                     (int)(from - at), text + at, put);
            at = to + (to == at);
            if (to < at) {
                snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%.*s",
                         to < size ? 1 : 0, text + MIN_OF(to, size));
            }
        }
        assert_true(draft_apply(&draft));
        expect(&draft, expected);
    }
    draft_free(&draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_cut_pad_take),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
