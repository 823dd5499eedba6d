/*
 * Goal:    dense memory comes and goes, with a source of large pages and without one.
 * Method:  this program links no allocator of its own, so there is nothing to take an arena from and
 *          the heap stays the source; a source of the test's then counts what it is asked for. What
 *          ringhub itself gets, tests/e2e/burst.py sees in /proc.
 */
#include "io/large_pages.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t taken;
static size_t given;

static void *take(size_t size)
{
    taken++;
    return malloc(size);
}

static void give(void *ptr)
{
    given++;
    free(ptr);
}

static void test_without_an_allocator_the_heap_serves(void **state)
{
    (void)state;
    assert_int_equal(large_pages_start(), -ENOSYS);
    uint8_t *bytes = memory_dense_alloc(100000);
    memset(bytes, 1, 100000);
    memory_dense_free(bytes);
    memory_dense_free(NULL);
}

static void test_a_source_serves(void **state)
{
    (void)state;
    static const struct memory_source source = {.take = take, .give = give};
    memory_dense_from(&source);
    uint64_t before = memory_allocations();
    uint8_t *bytes = memory_dense_alloc(64);
    memset(bytes, 1, 64);
    assert_int_equal(taken, 1);
    assert_int_equal(memory_allocations(), before + 1);
    memory_dense_free(bytes);
    assert_int_equal(given, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_an_allocator_the_heap_serves),
        cmocka_unit_test(test_a_source_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
