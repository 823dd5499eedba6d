/* test_spread.c - small sets by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/spread.h"

/* Goal:   least, median, most and fairness are those of the definition.
 * Method: a table. */
static void test_spread_by_hand(void **state)
{
    (void)state;
    static const struct {
        double values[4];
        uint32_t count;
        struct spread expected;
    } table[] = {
        {{0}, 0, {0, 0, 0, 0, 0}},
        {{7}, 1, {1, 7, 7, 7, 1}},
        {{0, 0}, 2, {2, 0, 0, 0, 1}},
        {{5, 5, 5, 5}, 4, {4, 5, 5, 5, 1}},
        {{0, 8, 0, 0}, 4, {4, 0, 0, 8, 0.25}},
        {{3, 1, 2}, 3, {3, 1, 2, 3, 36.0 / 42}},
        {{4, 1, 3, 2}, 4, {4, 1, 2.5, 4, 100.0 / 120}},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        double values[4];
        for (size_t j = 0; j < 4; j++) {
            values[j] = table[i].values[j];
        }
        struct spread spread = spread_of(values, table[i].count);
        assert_int_equal(spread.count, table[i].expected.count);
        assert_true(spread.least == table[i].expected.least);
        assert_true(spread.median == table[i].expected.median);
        assert_true(spread.most == table[i].expected.most);
        assert_float_equal(spread.fairness, table[i].expected.fairness, 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spread_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
