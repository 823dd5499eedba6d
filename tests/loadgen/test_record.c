/* test_record.c - the histogram: percentiles within its stated error, of weighted values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/record.h"

#include <stdlib.h>
#include <string.h>

static struct record *fresh(void)
{
    return test_calloc(1, sizeof(struct record));
}

/* Goal:   cells follow each other without hole or overlap over the whole range.
 * Method: around every power of two and step: the cell of v+1 is that of v or the next. */
static void test_record_cells_are_in_order(void **state)
{
    (void)state;
    assert_int_equal(record_cell(0), 0);
    for (int power = 0; power < RECORD_VALUE_BITS; power++) {
        uint64_t from = (uint64_t)1 << power;
        uint64_t step = MAX_OF(from / RECORD_STEPS / 4, (uint64_t)1);
        for (uint64_t v = from; v < 2 * from; v += step) {
            uint32_t cell = record_cell(v);
            assert_true(cell < RECORD_CELLS);
            assert_true(record_cell(v + 1) - cell <= 1);
        }
    }
    assert_int_equal(record_cell(RECORD_NS_MAX), RECORD_CELLS - 1);
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Goal:   a percentile is never below the true one and at most 1/128 above it.
 * Method: random values over nine decades against a sorted array. */
static void test_record_percentiles_match_sorting(void **state)
{
    (void)state;
    enum { VALUES = 20000 };
    static const double fractions[] = {0, 0.01, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    unsigned seed = 7;
    print_message("seed %u\n", seed);
    srand(seed);
    struct record *record = fresh();
    uint64_t *values = test_calloc(VALUES, sizeof *values);
    for (int i = 0; i < VALUES; i++) {
        values[i] = ((uint64_t)rand() << 9 | ((uint64_t)rand() & 511)) >> (rand() % 35);
        record_add(record, values[i], 1);
    }
    qsort(values, VALUES, sizeof *values, compare);
    for (size_t i = 0; i < COUNT_OF(fractions); i++) {
        int rank = (int)(fractions[i] * VALUES + 0.9999999);
        uint64_t truth = values[MAX_OF(rank, 1) - 1];
        uint64_t found = record_percentile(record, fractions[i]);
        assert_true(found >= truth);
        assert_true(found - truth <= truth / RECORD_STEPS);
    }
    assert_int_equal(record->max_ns, values[VALUES - 1]);
    test_free(values);
    test_free(record);
}

/* Goal:   weights, merging, an empty record and values beyond the range are all accounted for.
 * Method: by hand. */
static void test_record_weights_and_edges(void **state)
{
    (void)state;
    struct record *a = fresh();
    struct record *b = fresh();
    assert_int_equal(record_percentile(a, 0.5), 0);
    assert_true(record_mean(a) == 0);
    record_add(a, 10, 99);
    record_add(b, 100, 1);
    record_merge(a, b);
    assert_int_equal(a->count, 100);
    assert_int_equal(record_percentile(a, 0.99), 10);
    assert_int_equal(record_percentile(a, 0.991), 100);
    assert_true(record_mean(a) > 10.89 && record_mean(a) < 10.91);
    record_add(a, UINT64_MAX, 1);
    assert_true(a->max_ns == RECORD_NS_MAX);
    assert_true(record_percentile(a, 1) == RECORD_NS_MAX);
    test_free(a);
    test_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_cells_are_in_order),
        cmocka_unit_test(test_record_percentiles_match_sorting),
        cmocka_unit_test(test_record_weights_and_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
