/* test_settings.c - who holds settings. */
#include "core/settings.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

/*
 * Goal:    settings are held until the last holder lets go.
 * Method:  three hold; each release but the last changes nothing.
 */
static void test_settings_are_held(void **state)
{
    (void)state;
    struct settings *settings = settings_new();
    assert_false(settings_is_held(settings));
    settings_hold(settings, 2);
    settings_hold(settings, 1);
    for (int i = 0; i < 3; i++) {
        assert_true(settings_is_held(settings));
        settings_release(settings);
    }
    assert_false(settings_is_held(settings));
    settings->nats = memory_alloc(8);
    settings_free(settings);
    settings_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_settings_are_held)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
