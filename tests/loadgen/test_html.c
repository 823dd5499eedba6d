/* test_html.c - no text from outside can become markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/html.h"

#include <stdlib.h>
#include <string.h>

static char *escaped(const char *text)
{
    char *into = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&into, &size);
    html_text(out, text);
    fclose(out);
    return into;
}

/* Goal:   no text can end an element, an attribute or a line of markup.
 * Method: the characters that could. */
static void test_html_text_is_escaped(void **state)
{
    (void)state;
    char *text = escaped("<a href=\"x\" b='y'>&\n\x01\x7f \xc3\xa9");
    assert_string_equal(text, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;    \xc3\xa9");
    free(text);
}

/* Goal:   whatever the byte, what comes out is fit for text and attributes; harmless text stays.
 * Method: every byte but 0, one by one. */
static void test_html_every_byte(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char one[2] = {(char)byte, 0};
        char *text = escaped(one);
        if (strchr("&<>\"'", byte) != NULL) {
            assert_int_equal(text[0], '&');
            assert_int_equal(text[strlen(text) - 1], ';');
            assert_int_equal(strcspn(text, "<>\"'"), strlen(text));
        } else if (byte < ' ' || byte == 0x7f) {
            assert_string_equal(text, " ");
        } else {
            assert_string_equal(text, one);
        }
        free(text);
    }
    char *nothing = escaped("");
    assert_string_equal(nothing, "");
    free(nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html_text_is_escaped),
        cmocka_unit_test(test_html_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
