/* test_url.c - a URL taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/url.h"

#include <stdio.h>
#include <string.h>

/* Goal:   every form of URL is taken apart rightly, and printed without its credentials.
 * Method: a table of URL, user, password, host, port, printed. */
static void test_url_is_taken_apart(void **state)
{
    (void)state;
    static const char *const table[][6] = {
        {"nats://127.0.0.1:4333", "", "", "127.0.0.1", "4333", "nats://127.0.0.1:4333"},
        {"nats://localhost", "", "", "localhost", "4222", "nats://localhost:4222"},
        {"redis://localhost", "", "", "localhost", "6379", "redis://localhost:6379"},
        {"redis://:secret@localhost", "", "secret", "localhost", "6379", "redis://localhost:6379"},
        {"mqtt://me:secret@localhost", "me", "secret", "localhost", "1883",
         "mqtt://localhost:1883"},
        {"nats://localhost/", "", "", "localhost", "4222", "nats://localhost:4222"},
        {"nats://[::1]:99", "", "", "::1", "99", "nats://[::1]:99"},
        {"nats://u:p@[::1]", "u", "p", "::1", "4222", "nats://[::1]:4222"},
        {"nats://u:p@h:1", "u", "p", "h", "1", "nats://h:1"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct url url;
        char text[URL_TEXT_MAX + 32];
        assert_null(url_parse(&url, table[i][0]));
        assert_string_equal(url.user, table[i][1]);
        assert_string_equal(url.password, table[i][2]);
        assert_string_equal(url.host, table[i][3]);
        assert_string_equal(url.port, table[i][4]);
        url_print(&url, text, sizeof text);
        assert_string_equal(text, table[i][5]);
    }
}

/* Goal:   %XX in user and password becomes the byte, for every protocol, and nowhere else.
 * Method: a table of who, user, password. */
static void test_url_decodes_user_and_password(void **state)
{
    (void)state;
    static const char *const schemes[] = {"nats", "redis", "mqtt"};
    static const char *const table[][3] = {
        {"u:p%40ss", "u", "p@ss"},
        {"a%3Ab:c", "a:b", "c"},
        {"u:c:d::", "u", "c:d::"},
        {"u%25:%25%32%35", "u%", "%25"},
        {"%22%5C:%5c%22", "\"\\", "\\\""},
        {"u:%2F%3f%23%5B%5D", "u", "/?#[]"},
        {"u:-._~!$&'()*+,;=", "u", "-._~!$&'()*+,;="},
        {"%C3%A9:%20%0a%01%7F%ff", "\xc3\xa9", " \n\x01\x7f\xff"},
    };
    for (size_t i = 0; i < COUNT_OF(table) * COUNT_OF(schemes); i++) {
        const char *const *row = table[i / COUNT_OF(schemes)];
        char text[128];
        struct url url;
        snprintf(text, sizeof text, "%s://%s@h:7", schemes[i % COUNT_OF(schemes)], row[0]);
        assert_null(url_parse(&url, text));
        assert_string_equal(url.user, row[1]);
        assert_string_equal(url.password, row[2]);
        assert_string_equal(url.host, "h");
        assert_string_equal(url.port, "7");
    }
}

/* Goal:   what is not a URL is refused, and the sentence says how to mend it.
 * Method: a table. */
static void test_url_refuses_with_a_sentence(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"", "--url is"},
        {"127.0.0.1:4222", "--url is"},
        {"http://127.0.0.1:4222", "schemes are nats, redis, mqtt"},
        {"rediss://h", "schemes are nats, redis, mqtt"},
        {"nats://", "--url is"},
        {"nats://h:", "--url is"},
        {"nats://[::1", "--url is"},
        {"nats://user@h", "[USER:PASSWORD@]"},
        {"nats://u:@h", "[USER:PASSWORD@]"},
        {"nats://:p@h", "[USER:PASSWORD@]"},
        {"mqtt://:p@h", "[USER:PASSWORD@]"},
        {"nats://u:p@ss@h", "@ is %40"},
        {"nats://u:p/w@h", "/ is %2F"},
        {"nats://u:p\"w@h", "is %XX"},
        {"nats://u:p\\w@h", "is %XX"},
        {"nats://u\xc3\xa9:p@h", "is %XX"},
        {"nats://u:50%@h", "% is %25"},
        {"nats://u:50%4@h", "% is %25"},
        {"nats://u:50%4g@h", "% is %25"},
        {"nats://u:50%-1@h", "% is %25"},
        {"nats://u:%00@h", "%00 cannot"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct url url;
        const char *wrong = url_parse(&url, table[i][0]);
        assert_non_null(wrong);
        assert_non_null(strstr(wrong, table[i][1]));
    }
}

/* Goal:   the longest password is taken, one byte more is refused.
 * Method: both, each byte of them written %XX. */
static void test_url_keeps_its_limits(void **state)
{
    (void)state;
    for (size_t size = URL_TEXT_MAX - 1; size <= URL_TEXT_MAX; size++) {
        char text[3 * URL_TEXT_MAX + 32] = "redis://:";
        for (size_t i = 0; i < size; i++) {
            strcat(text, "%40");
        }
        strcat(text, "@h");
        struct url url;
        const char *wrong = url_parse(&url, text);
        if (size < URL_TEXT_MAX) {
            assert_null(wrong);
            assert_int_equal(strlen(url.password), size);
        } else {
            assert_non_null(strstr(wrong, "255 bytes"));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_is_taken_apart),
        cmocka_unit_test(test_url_decodes_user_and_password),
        cmocka_unit_test(test_url_refuses_with_a_sentence),
        cmocka_unit_test(test_url_keeps_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
