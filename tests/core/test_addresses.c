/* test_addresses.c - a limit for each address, and memory for those that are there. */
#include "core/addresses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_each_address_has_its_limit(void **state)
{
    (void)state;
    struct addresses addresses;
    addresses_init(&addresses, 7);
    struct address *a = addresses_join(&addresses, "10.0.0.1", 2);
    assert_non_null(a);
    assert_ptr_equal(addresses_join(&addresses, "10.0.0.1", 2), a);
    assert_null(addresses_join(&addresses, "10.0.0.1", 2));
    assert_non_null(addresses_join(&addresses, "::1", 2));
    address_leave(a);
    assert_ptr_equal(addresses_join(&addresses, "10.0.0.1", 2), a);
    assert_null(addresses_join(&addresses, "10.0.0.1", 2));
    addresses_free(&addresses);
}

/* A hundred thousand addresses come and go; what is kept is bounded by those that stay. */
static void test_addresses_that_left_cost_nothing(void **state)
{
    (void)state;
    struct addresses addresses;
    addresses_init(&addresses, 7);
    struct address *stays[100];
    for (int i = 0; i < 100; i++) {
        char text[32];
        snprintf(text, sizeof(text), "stays %d", i);
        stays[i] = addresses_join(&addresses, text, 1);
        assert_non_null(stays[i]);
    }
    for (int i = 0; i < 100000; i++) {
        char text[32];
        snprintf(text, sizeof(text), "%d", i);
        struct address *address = addresses_join(&addresses, text, 1);
        assert_non_null(address);
        address_leave(address);
        assert_true(addresses.table.count <= 2 * 100 + ADDRESSES_SPARE);
    }
    for (int i = 0; i < 100; i++) {
        assert_null(addresses_join(&addresses, stays[i]->text, 1));
    }
    addresses_free(&addresses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_address_has_its_limit),
        cmocka_unit_test(test_addresses_that_left_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
