/* test_monitor_request.c - paths and arguments, and nats-server's words for what is wrong with them. */
#include "io/monitor_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 8 };

/* "limit=5&subs" taken apart as the HTTP library does, without escapes. */
static enum monitor_verdict parse(const char *base, const char *path, const char *query,
                                  struct monitor_request *request, char why[MONITOR_ERROR_MAX])
{
    char text[2048];
    struct monitor_argument arguments[ARGUMENTS_MAX];
    size_t count = 0;
    snprintf(text, sizeof(text), "%s", query);
    char *rest = text;
    for (char *word; (word = strsep(&rest, "&")) != NULL && word[0] != '\0';) {
        char *equals = strchr(word, '=');
        if (equals != NULL) {
            *equals = '\0';
        }
        assert_in_range(count, 0, ARGUMENTS_MAX - 1);
        arguments[count++] =
            (struct monitor_argument){.name = word, .value = equals != NULL ? equals + 1 : NULL};
    }
    return monitor_request_parse(base, path, arguments, count, request, why);
}

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *base, *path;
        enum monitor_verdict verdict;
        enum monitor_page page;
    } rows[] = {
        {"", "/", MONITOR_OK, PAGE_DASHBOARD},
        {"", "/varz", MONITOR_OK, PAGE_VARZ},
        {"", "/connz", MONITOR_OK, PAGE_CONNZ},
        {"", "/subsz", MONITOR_OK, PAGE_SUBSZ},
        {"", "/subscriptionsz", MONITOR_OK, PAGE_SUBSZ},
        {"", "/metrics", MONITOR_OK, PAGE_METRICS},
        {"", "/jsz", MONITOR_OK, PAGE_JSZ},
        {"", "/raftz", MONITOR_NOT_FOUND, PAGES_COUNT},
        {"", "/varz/", MONITOR_NOT_FOUND, PAGES_COUNT},
        {"", "/../etc/passwd", MONITOR_NOT_FOUND, PAGES_COUNT},
        {"", "", MONITOR_OK, PAGE_DASHBOARD},
        {"/mon", "/mon/varz", MONITOR_OK, PAGE_VARZ},
        {"/mon", "/mon", MONITOR_OK, PAGE_DASHBOARD},
        {"/mon", "/mon/", MONITOR_OK, PAGE_DASHBOARD},
        {"/mon", "/varz", MONITOR_NOT_FOUND, PAGES_COUNT},
        {"/mon", "/monvarz", MONITOR_NOT_FOUND, PAGES_COUNT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct monitor_request request;
        char why[MONITOR_ERROR_MAX];
        assert_int_equal(parse(rows[i].base, rows[i].path, "", &request, why), rows[i].verdict);
        assert_int_equal(request.page, rows[i].page);
    }
}

static void test_defaults_and_values(void **state)
{
    (void)state;
    struct monitor_request request;
    char why[MONITOR_ERROR_MAX];
    assert_int_equal(parse("", "/connz", "", &request, why), MONITOR_OK);
    assert_int_equal(request.limit, 1024);
    assert_int_equal(request.offset, 0);
    assert_int_equal(request.sort, SNAPSHOT_BY_CID);
    assert_int_equal(request.state, STATE_OPEN);
    assert_false(request.subs || request.subs_detail || request.auth);
    assert_int_equal(
        parse("", "/connz",
              "limit=7&offset=3&subs=detail&auth=true&state=ANY&sort=msgs_to&cid=99&user=u",
              &request, why),
        MONITOR_OK);
    assert_int_equal(request.limit, 7);
    assert_int_equal(request.offset, 3);
    assert_true(request.subs && request.subs_detail && request.auth);
    assert_int_equal(request.state, STATE_ANY);
    assert_int_equal(request.sort, SNAPSHOT_BY_MSGS_TO);
    assert_int_equal(request.cid, 99);
    assert_string_equal(request.user, "u");
    assert_int_equal(parse("", "/connz", "limit=-5&offset=-1&subs&limit=9", &request, why),
                     MONITOR_OK);
    assert_int_equal(request.limit, 1024);
    assert_int_equal(request.offset, 0);
    assert_int_equal(parse("", "/connz", "limit=2147483647&offset=2147483647", &request, why),
                     MONITOR_OK);
    assert_int_equal(parse("", "/connz", "acc=OTHER", &request, why), MONITOR_OK);
    assert_true(request.is_nobody);
    assert_int_equal(parse("", "/accountz", "", &request, why), MONITOR_OK);
    assert_false(request.has_account);
    assert_int_equal(parse("", "/accountz", "acc=$G", &request, why), MONITOR_OK);
    assert_true(request.has_account && !request.is_nobody);
    assert_int_equal(parse("", "/slowz", "", &request, why), MONITOR_OK);
    assert_int_equal(request.limit, MONITOR_SLOW_DEFAULT);
    assert_int_equal(parse("", "/subsz", "subs=1&test=foo.bar", &request, why), MONITOR_OK);
    assert_string_equal(request.subject, "foo.bar");
}

/* Goal:   an answer can be a call of a function, of nothing else.
 * Method: names, the longest, and what would be more than a name; the page that is not JSON. */
static void test_callback(void **state)
{
    (void)state;
    struct monitor_request request;
    char why[MONITOR_ERROR_MAX];
    char longest[MONITOR_CALLBACK_MAX + 16] = "callback=";
    memset(longest + 9, 'x', MONITOR_CALLBACK_MAX - 1);
    assert_int_equal(parse("", "/healthz", "", &request, why), MONITOR_OK);
    assert_false(monitor_request_has_callback(&request));
    static const char *const names[] = {"cb", "a.$b_1", "jQuery123"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char query[64];
        snprintf(query, sizeof(query), "callback=%s", names[i]);
        assert_int_equal(parse("", "/varz", query, &request, why), MONITOR_OK);
        assert_string_equal(request.callback, names[i]);
        assert_true(monitor_request_has_callback(&request));
    }
    assert_int_equal(parse("", "/connz", longest, &request, why), MONITOR_OK);
    longest[9 + MONITOR_CALLBACK_MAX - 1] = 'x';
    assert_int_equal(parse("", "/connz", longest, &request, why), MONITOR_BAD_ARGUMENT);
    static const char *const others[] = {"alert(1)", "a b", "a;b", "a-b", "<script>", "\xc3\xa9"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char query[64];
        snprintf(query, sizeof(query), "callback=%s", others[i]);
        assert_int_equal(parse("", "/varz", query, &request, why), MONITOR_BAD_ARGUMENT);
        assert_non_null(strstr(why, "'callback' is the name of a function"));
    }
    assert_int_equal(parse("", "/metrics", "callback=cb", &request, why), MONITOR_OK);
    assert_false(monitor_request_has_callback(&request));
}

static void test_what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *path, *query, *why;
    } rows[] = {
        {"/connz", "sort=bogus", "invalid sorting option: bogus"},
        {"/accountz", "acc=OTHER", "Account OTHER does not exist"},
        {"/connz", "sort=stop", "sort by stop only valid on closed connections"},
        {"/connz", "sort=reason&state=any", "sort by reason only valid on closed connections"},
        {"/connz", "limit=x",
         "Error decoding int for 'limit': strconv.Atoi: parsing \"x\": invalid syntax"},
        {"/connz", "limit=-",
         "Error decoding int for 'limit': strconv.Atoi: parsing \"-\": invalid syntax"},
        {"/connz", "offset=99999999999999999999",
         "Error decoding int for 'offset': strconv.Atoi: parsing \"99999999999999999999\": value "
         "out of range"},
        {"/connz", "cid=x",
         "Error decoding uint64 for 'cid': strconv.ParseUint: parsing \"x\": invalid syntax"},
        {"/connz", "cid=-1",
         "Error decoding uint64 for 'cid': strconv.ParseUint: parsing \"-1\": invalid syntax"},
        {"/connz", "subs=bogus",
         "Error decoding boolean for 'subs': strconv.ParseBool: parsing \"bogus\": invalid syntax"},
        {"/connz", "auth=yes",
         "Error decoding boolean for 'auth': strconv.ParseBool: parsing \"yes\": invalid syntax"},
        {"/connz", "state=bogus", "Error decoding state for bogus"},
        {"/connz", "state=<b>\x01\xff\"", "Error decoding state for <b>???"},
        {"/subsz", "test=foo.*", "invalid test subject, must be valid publish subject: foo.*"},
        {"/subsz", "test=foo..a", "invalid test subject, must be valid publish subject: foo..a"},
        {"/subsz", "subs=1&offset=65536", "'offset' and 'limit' together are at most 65536"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct monitor_request request;
        char why[MONITOR_ERROR_MAX];
        assert_int_equal(parse("", rows[i].path, rows[i].query, &request, why),
                         MONITOR_BAD_ARGUMENT);
        assert_string_equal(why, rows[i].why);
    }
    char query[600] = "user=";
    memset(query + 5, 'u', 590);
    query[595] = '\0';
    struct monitor_request request;
    char why[MONITOR_ERROR_MAX];
    assert_int_equal(parse("", "/connz", query, &request, why), MONITOR_BAD_ARGUMENT);
    assert_string_equal(why, "'user' has more than 255 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_defaults_and_values),
        cmocka_unit_test(test_callback),
        cmocka_unit_test(test_what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
