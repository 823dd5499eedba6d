/* test_config_http.c - where monitoring listens: options, defaults, and the warning. */
#include "core/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        int32_t port;
    } good[] = {{"8222", "before", 8222},
                {"0", "before", 0},
                {"-1", "before", -1},
                {":8222", "before", 8222},
                {"0.0.0.0:8222", "0.0.0.0", 8222},
                {"[::1]:1", "::1", 1},
                {"localhost:-1", "localhost", -1},
                {"65535", "before", 65535}};
    static const char *const bad[] = {"",        "x",     "65536", "8222x", "1.2.3.4:", "::1:82",
                                      "[::1:82", "[]:82", "a:b",   "-2",    "[::1]82",  "999999"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        char host[CONFIG_TEXT_MAX] = "before";
        int32_t port = 7;
        assert_true(config_http_parse(good[i].text, host, &port));
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char host[CONFIG_TEXT_MAX] = "before";
        int32_t port;
        if (config_http_parse(bad[i], host, &port)) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
}

static enum config_command parse(struct config *config, const char *one, const char *two,
                                 struct conf_error *error)
{
    char *argv[] = {(char *)(uintptr_t) "ringhub", (char *)(uintptr_t)one, (char *)(uintptr_t)two};
    config_defaults(config);
    return config_parse_arguments(config, 3, argv, error);
}

static void test_options(void **state)
{
    (void)state;
    struct config config;
    struct conf_error error;
    config_defaults(&config);
    assert_int_equal(config.http_port, 0);
    assert_string_equal(config.http_host, "127.0.0.1");
    static const char *const words[] = {"-m", "--http_port", "--monitor_port", "--http"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        assert_int_equal(parse(&config, words[i], "8222", &error), CONFIG_RUN);
        assert_int_equal(config.http_port, 8222);
        assert_string_equal(config.http_host, "127.0.0.1");
    }
    assert_int_equal(parse(&config, "-m", "1.2.3.4:5", &error), CONFIG_INVALID);
    assert_string_equal(error.text, "-m: \"1.2.3.4:5\" is not a port; use e.g. 8222, -1 for any "
                                    "free one, 0 for none");
    assert_int_equal(parse(&config, "--http", "x", &error), CONFIG_INVALID);
    assert_string_equal(error.text, "--http: \"x\" is not host:port; use e.g. 127.0.0.1:8222, -1 "
                                    "for any free one, 0 for none");
    assert_int_equal(parse(&config, "--log_format", "json", &error), CONFIG_RUN);
    assert_true(config.log_json);
    assert_int_equal(parse(&config, "--log_format", "xml", &error), CONFIG_INVALID);
    assert_int_equal(parse(&config, "--http_base_path", "x", &error), CONFIG_RUN);
    assert_false(config_validate(&config, &error));
    assert_non_null(strstr(error.text, "http_base_path"));
    assert_int_equal(parse(&config, "--http_base_path", "/x", &error), CONFIG_RUN);
    assert_true(config_validate(&config, &error));
}

static void test_warns_of_an_open_port(void **state)
{
    (void)state;
    struct config config;
    struct conf_error error;
    assert_int_equal(parse(&config, "--http", "0.0.0.0:8222", &error), CONFIG_RUN);
    assert_true(config_warning(&config, 0, &error));
    assert_non_null(strstr(error.text, "monitoring listens on 0.0.0.0"));
    static const char *const local[] = {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"};
    for (size_t i = 0; i < COUNT_OF(local); i++) {
        assert_int_equal(parse(&config, "--http", local[i], &error), CONFIG_RUN);
        assert_false(config_warning(&config, 0, &error));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_and_port),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_warns_of_an_open_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
