/* test_capacity.c - the search finds the edge, wherever it is, in few probes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/capacity.h"

/* Probes a server that is good up to edge; every noise-th probe fails whatever the rate, 0: none. */
static struct capacity searched(double first, double edge, uint32_t noise)
{
    struct capacity capacity;
    struct capacity_probe probe = {0, false, 0, ""};
    capacity_init(&capacity, first);
    do {
        bool unlucky = noise != 0 && (capacity.probes_count + 1) % noise == 0;
        probe.good = capacity.rate <= edge && !unlucky;
    } while (capacity_take(&capacity, probe));
    return capacity;
}

/* Goal:   what is found is below the edge and within a twentieth of it.
 * Method: edges from far below to far above the first rate. */
static void test_capacity_finds_the_edge(void **state)
{
    (void)state;
    static const double edges[] = {3, 40, 99, 100, 101, 150, 12345, 7e6};
    for (size_t i = 0; i < COUNT_OF(edges); i++) {
        struct capacity capacity = searched(100, edges[i], 0);
        assert_true(capacity.best <= edges[i]);
        assert_true(capacity.best * 1.06 >= edges[i]);
        assert_true(capacity.best < capacity.worst);
        assert_in_range(capacity.probes_count, 3, 40);
    }
}

/* Goal:   one bad probe at a good rate does not end the climb.
 * Method: every fifth probe fails for no reason. */
static void test_capacity_asks_twice(void **state)
{
    (void)state;
    struct capacity capacity = searched(100, 50000, 5);
    assert_true(capacity.best <= 50000);
    assert_true(capacity.best * 1.06 >= 50000);
}

/* Goal:   servers that can do nothing, or everything, end the search as well.
 * Method: edges out of reach. */
static void test_capacity_ends(void **state)
{
    (void)state;
    struct capacity none = searched(100, 0, 0);
    assert_true(none.best == 0);
    struct capacity all = searched(100, 1e12, 0);
    assert_true(all.worst == 0);
    assert_true(all.best > 4e7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity_finds_the_edge),
        cmocka_unit_test(test_capacity_asks_twice),
        cmocka_unit_test(test_capacity_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
