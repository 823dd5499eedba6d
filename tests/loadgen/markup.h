/*
 * markup.h - is this text well-formed, and how often does it hold that?
 *
 * Include cmocka first.
 */
#ifndef RINGHUB_TESTS_LOADGEN_MARKUP_H
#define RINGHUB_TESTS_LOADGEN_MARKUP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base.h"

#include <ctype.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every element that is opened is closed, in order; but for those that have no end in HTML. */
static inline void expect_balanced(const char *text)
{
    static const char *const empty[] = {"meta", "link", "br"};
    char open[64][16];
    int depth = 0;
    for (const char *at = strchr(text, '<'); at != NULL; at = strchr(at + 1, '<')) {
        char name[16] = "";
        bool end = at[1] == '/';
        const char *from = at + 1 + end;
        for (size_t i = 0; isalnum((unsigned char)from[i]) && i < sizeof name - 1; i++) {
            name[i] = from[i];
        }
        bool none = name[0] == 0; /* <!DOCTYPE */
        for (size_t i = 0; i < COUNT_OF(empty); i++) {
            none |= strcmp(name, empty[i]) == 0;
        }
        const char *close = strchr(at, '>');
        assert_non_null(close);
        if (none || close[-1] == '/') {
            continue;
        }
        if (end) {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else {
            assert_true(depth < 64);
            memcpy(open[depth++], name, sizeof name);
        }
    }
    assert_int_equal(depth, 0);
}

static inline size_t occurrences(const char *text, const char *of)
{
    size_t count = 0;
    for (; (text = strstr(text, of)) != NULL; text++) {
        count++;
    }
    return count;
}

#ifdef __cplusplus
}
#endif
#endif
