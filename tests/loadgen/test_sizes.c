/* test_sizes.c - size mixes as text, and their shares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/sizes.h"

#include <stdlib.h>

/* Goal:   what can be read is read, what cannot is refused.
 * Method: a table. */
static void test_sizes_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool right;
        uint32_t count;
        uint32_t mean;
        uint32_t largest;
    } table[] = {
        {"128", true, 1, 128, 128},
        {"16", true, 1, 16, 16},
        {"64:70,1024:25,65536:5", true, 3, 3578, 65536},
        {"64:1,128:1", true, 2, 96, 128},
        {"1:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1", false, 0, 0, 0}, /* below least */
        {"16:1,17:1,18:1,19:1,20:1,21:1,22:1,23:1", true, 8, 20, 23},
        {"16:1,17:1,18:1,19:1,20:1,21:1,22:1,23:1,24:1", false, 0, 0, 0},
        {"", false, 0, 0, 0},
        {"15", false, 0, 0, 0},
        {"64:0,128:1", false, 0, 0, 0},
        {"64,128", false, 0, 0, 0},
        {"64:1,", false, 0, 0, 0},
        {"64:1,64:2", false, 0, 0, 0},
        {"64k", false, 0, 0, 0},
        {"-64", false, 0, 0, 0},
        {"64:1x", false, 0, 0, 0},
        {"99999999999", false, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct sizes sizes;
        assert_int_equal(sizes_parse(&sizes, table[i].text, 16), table[i].right);
        if (table[i].right) {
            assert_int_equal(sizes.count, table[i].count);
            assert_int_equal(sizes_mean(&sizes), table[i].mean);
            assert_int_equal(sizes_largest(&sizes), table[i].largest);
        }
    }
}

/* Goal:   every stretch of messages has its sizes in the asked proportions.
 * Method: stretches of 1,000 at random places. */
static void test_sizes_shares(void **state)
{
    (void)state;
    struct sizes sizes;
    unsigned seed = 11;
    print_message("seed %u\n", seed);
    srand(seed);
    assert_true(sizes_parse(&sizes, "64:70,1024:25,65536:5", 16));
    for (int round = 0; round < 100; round++) {
        uint32_t counts[3] = {0, 0, 0};
        uint32_t first = (uint32_t)rand();
        for (uint32_t i = 0; i < 1000; i++) {
            uint32_t size = sizes_of(&sizes, first + i);
            assert_true(sizes_contain(&sizes, size));
            counts[size == 64 ? 0 : size == 1024 ? 1 : 2]++;
        }
        assert_in_range(counts[0], 695, 705);
        assert_in_range(counts[1], 245, 255);
        assert_in_range(counts[2], 45, 55);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_parse),
        cmocka_unit_test(test_sizes_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
