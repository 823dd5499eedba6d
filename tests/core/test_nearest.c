/* test_nearest.c - typing errors. */
#include "core/nearest.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

/*
 * Goal:    one edit is forgiven in a short name, two in a long one, and the nearest is named.
 * Method:  a table of what was typed and what is found among five names.
 */
static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"port", "host", "max_payload", "max_pending", "debug"};
    static const char *const rows[][2] = {
        {"port", "port"},
        {"prt", "port"},
        {"PORTS", "port"},
        {"prot", ""},
        {"most", "host"},
        {"max_paylod", "max_payload"},
        {"maxpayload", "max_payload"},
        {"max_peending", "max_pending"},
        {"mx_paylod", "max_payload"},
        {"debag", "debug"},
        {"banana", ""},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct nearest nearest;
        nearest_init(&nearest, bytes_text(rows[i][0]));
        for (size_t j = 0; j < COUNT_OF(names); j++) {
            nearest_offer(&nearest, bytes_text(names[j]));
        }
        assert_true(bytes_equal(nearest.found, bytes_text(rows[i][1])));
    }
}

/*
 * Goal:    names longer than any of ours are far from everything.
 * Method:  a hundred letters, as what was typed and as what is offered.
 */
static void test_nearest_long_names(void **state)
{
    (void)state;
    static const char letters[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct nearest nearest;
    nearest_init(&nearest, bytes_text(letters));
    nearest_offer(&nearest, bytes_text(letters));
    nearest_offer(&nearest, bytes_text("a"));
    assert_int_equal(nearest.found.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_nearest_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
