/* test_control.c - control characters and terminal sequences: which, and what is left without. */
#include "core/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * Goal:    characters and whole sequences go, raw and as JSON spells them; quotes, escapes and other
 *          text stay.
 * Method:  a table.
 */
static void test_edits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *left;
    } cases[] = {
        {"plain \t\r\n text \xC3\xA4", "plain \t\r\n text \xC3\xA4"},
        {"a\x01\x02z\x7F", "az"},
        {"\x1b[31mred\x1b[0m", "red"},
        {"\x1b[38;5;196mx\x1b[K", "x"},
        {"\x1b]0;title\x07text", "text"},
        {"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"},
        {"\x1b]0;never ended", "0;never ended"},
        {"\x1bP1;2q\x1b\\text", "text"},
        {"\x1b(Btext\x1b=\x1bM", "text"},
        {"\x1b\x1b[1m!", "!"},
        {"\x1b", ""},
        {"a\x1b[", "a"},
        {"\xC2\x9B"
         "31mred\xC2\x85",
         "red"},
        {"\xC2\x9D"
         "0;t\xC2\x9C"
         "text",
         "text"},
        {"\"\\u001b[31mred\\u001B[0m\\u0007\"", "\"red\""},
        {"\"\\u001b]0;t\\u0007text\"", "\"text\""},
        {"\"\\u001b]8;;u\\u001b\\\\link\"", "\"link\""},
        {"\"\\\\u001b[31m\"", "\"\\\\u001b[31m\""},
        {"\"\\u001b[31\"", "\"\""},
        {"\"\\u001b\\n\"", "\"\\n\""},
        {"\"\\u0009\\u000a\\u009b1m\\u00e4\"", "\"\\u0009\\u000a\\u00e4\""},
        {"\\u001", "\\u001"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct draft draft = {.held = -1};
        draft_begin(&draft, bytes_text(cases[i].text), 1000);
        control_edit(&draft);
        assert_true(draft_apply(&draft));
        if (!bytes_equal(draft.text, bytes_text(cases[i].left))) {
            fail_msg("%s became %.*s", cases[i].text, (int)draft.text.size, draft.text.ptr);
        }
        assert_int_equal(control_next(draft.text, 0), draft.text.size);
        draft_free(&draft);
    }
}

/*
 * Goal:    time grows with the text, whatever it is made of; every place is found.
 * Method:  a mebibyte of each piece; then one control character at each place of a text.
 */
static void test_hostile(void **state)
{
    (void)state;
    static const char *const pieces[] = {"\x1b",   "\x1b]", "\x1b]a",     "\x1b[",    "\x1b[1;",
                                         "\xC2",   "\\",    "\\u001b",    "\\u001b]", "\xC2\x9D",
                                         "\x1b\\", "\x1b(", "\x1b]a\\u0", "\x01",     "\x1bP\""};
    size_t size = 1024 * 1024;
    uint8_t *text = malloc(size);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        size_t piece = strlen(pieces[i]);
        for (size_t at = 0; at < size; at++) {
            text[at] = (uint8_t)pieces[i][at % piece];
        }
        struct draft draft = {.held = -1};
        draft_begin(&draft, bytes_of(text, size), size);
        control_edit(&draft);
        assert_true(draft_apply(&draft));
        draft_free(&draft);
    }
    for (size_t at = 0; at < 40; at++) {
        memset(text, 'x', 40);
        text[at] = 0x7F;
        assert_int_equal(control_next(bytes_of(text, 40), 0), at);
        assert_int_equal(control_next(bytes_of(text, 40), at + 1), 40);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
