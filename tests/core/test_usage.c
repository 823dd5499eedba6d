/* test_usage.c - places of one user, whoever counts. */
#include "core/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_places(void **state)
{
    (void)state;
    struct usage *usage = usage_new();
    usage_ref(usage);
    assert_true(usage_join(usage, 2));
    assert_true(usage_join(usage, 2));
    assert_false(usage_join(usage, 2));
    assert_true(usage_join(usage, 0)); /* no limit */
    usage_leave(usage);
    usage_leave(usage);
    assert_true(usage_join(usage, 2));
    assert_int_equal(atomic_load(&usage->connections), 2);
    usage_unref(usage);
    usage_unref(usage);
    usage_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
