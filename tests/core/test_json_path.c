/* test_json_path.c - which members a set of paths names, and what is left without them. */
#include "core/json_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * Goal:    members, elements and everything below are found by their meaning; what goes takes its
 *          comma along wherever it stands; white space that stays is not touched.
 * Method:  a table: up to two paths, the first letter says drop or mask.
 */
static void test_edits(void **state)
{
    (void)state;
    static const struct {
        const char *paths[2];
        const char *text;
        const char *left;
    } cases[] = {
        {{"d$.a"}, "{\"a\":1}", "{}"},
        {{"d$.a"}, "{\"a\":1,\"b\":2}", "{\"b\":2}"},
        {{"d$.b"}, "{\"a\":1,\"b\":2}", "{\"a\":1}"},
        {{"d$.b"}, "{ \"a\" : 1 , \"b\" : 2 , \"c\" : 3 }", "{ \"a\" : 1  , \"c\" : 3 }"},
        {{"d$.a", "d$.b"}, "{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3}"},
        {{"d$.a", "d$.c"}, "{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":2}"},
        {{"d$.b", "d$.c"}, "{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1}"},
        {{"d$.a"}, "{\"a\":1,\"b\":2,\"a\":{\"a\":3}}", "{\"b\":2}"},
        {{"d$.*"}, "{\"a\":1,\"b\":[2]}", "{}"},
        {{"d$[*]"}, "[1,[2],{}]", "[]"},
        {{"d$..a"}, "[{\"a\":1},{\"b\":{\"a\":2,\"c\":{\"a\":[3]}}}]", "[{},{\"b\":{\"c\":{}}}]"},
        {{"d$..a.b"}, "{\"a\":{\"b\":1,\"a\":{\"b\":2}}}", "{\"a\":{\"a\":{}}}"},
        {{"d$.a.b"}, "{\"a\":{\"b\":1},\"b\":2}", "{\"a\":{},\"b\":2}"},
        {{"d$['a.b']"}, "{\"a.b\":1,\"a\":{\"b\":2}}", "{\"a\":{\"b\":2}}"},
        {{"d$.password"}, "{\"pass\\u0077ord\":1}", "{}"},
        {{"d$.\xC3\xA4"}, "{\"\\u00e4\":1,\"\xC3\xA4\":2,\"x\":\"}\"}", "{\"x\":\"}\"}"},
        {{"m$.a"}, "{\"a\" : {\"x\":[1,\"]\"]} , \"b\":2}", "{\"a\" : \"*\" , \"b\":2}"},
        {{"m$[1]"}, "[1,2,3]", "[1,\"*\",3]"},
        {{"m$[1].a"}, "[{\"a\":1},{\"a\":2}]", "[{\"a\":1},{\"a\":\"*\"}]"},
        {{"m$..[0]"}, "[[1,2],[3]]", "[\"*\",[\"*\"]]"},
        {{"m$..*"}, "[1,{\"a\":2}]", "[\"*\",\"*\"]"},
        {{"m$.a", "d$.b"}, "{\"b\":1,\"a\":2}", "{\"a\":\"*\"}"},
        {{"m$.a", "d$.a"}, "{\"a\":2}", "{}"},
        {{"d$.a"}, "\"a\"", "\"a\""},
        {{"d$.a"}, " 12 ", " 12 "},
        {{"d$.x"}, "{\"a\":{\"x\":1},\"b\":[{\"x\":1}]}", "{\"a\":{\"x\":1},\"b\":[{\"x\":1}]}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct paths paths = {0};
        for (int k = 0; k < 2 && cases[i].paths[k] != NULL; k++) {
            const char *path = cases[i].paths[k];
            assert_null(paths_add(&paths, bytes_text(path + 1), path[0] == 'd'));
        }
        struct draft draft = {.held = -1};
        draft_begin(&draft, bytes_text(cases[i].text), 1000);
        for (int round = 0; round < 2; round++) {
            paths_edit(&paths, &draft, bytes_text("\"*\""));
            assert_true(round == 0 || draft.edits_count == 0);
            assert_true(draft_apply(&draft));
            if (!bytes_equal(draft.text, bytes_text(cases[i].left))) {
                fail_msg("%s: %s became %.*s", cases[i].paths[0], cases[i].text,
                         (int)draft.text.size, draft.text.ptr);
            }
        }
        draft_free(&draft);
        paths_free(&paths);
    }
}

/*
 * Goal:    what is no path is refused, and so is one step more than a set can hold.
 * Method:  a list of wrong ones; then 64 steps and one more.
 */
static void test_wrong_paths(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",      "$",     "a",     "$a",           "$.",
                                        "$..",   "$.a.",  "$[",    "$[]",          "$['a'",
                                        "$[a]",  "$[1",   "$[-1]", "$.a[1]x",      "$['']",
                                        "$.a..", "$['a]", "$.[0]", "$[1234567890]"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct paths paths = {0};
        if (paths_add(&paths, bytes_text(wrong[i]), false) == NULL) {
            fail_msg("%s was taken", wrong[i]);
        }
        paths_free(&paths);
    }
    struct paths paths = {0};
    assert_non_null(paths_add(&paths, bytes_text("$[0]"), true));
    paths_free(&paths);
    for (int i = 0; i < PATH_STEPS_MAX; i++) {
        assert_null(paths_add(&paths, bytes_text("$.a"), true));
    }
    assert_non_null(paths_add(&paths, bytes_text("$.a"), true));
    paths_free(&paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_wrong_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
