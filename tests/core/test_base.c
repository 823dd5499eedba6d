/* test_base.c - the assert hook, allocation that is counted, and the small macros. */
#include "core/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *failed_condition;
static jmp_buf back;

static void hook(const char *condition, const char *file, int line)
{
    (void)file;
    (void)line;
    failed_condition = condition;
    longjmp(back, 1);
}

/*
 * Goal:    a broken invariant reaches the hook with its words, a true one does not.
 * Method:  a hook that jumps back.
 */
static void test_a_failed_assertion_reaches_the_hook(void **state)
{
    (void)state;
    assert_hook_set(hook);
    failed_condition = NULL;
    volatile int two = 2;
    ASSERT(two == 2);
    assert_null(failed_condition);
    if (setjmp(back) == 0) {
        ASSERT(two == 3);
        fail();
    }
    assert_hook_set(NULL);
    assert_string_equal(failed_condition, "two == 3");
}

/*
 * Goal:    memory is zeroed where that is promised, aligned, kept by resize, and every allocation of
 *          this thread is counted.
 * Method:  one of each.
 */
static void test_allocations_are_counted(void **state)
{
    (void)state;
    uint64_t before = memory_allocations();
    uint8_t *zeroed = memory_alloc(100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(zeroed[i], 0);
        zeroed[i] = (uint8_t)i;
    }
    zeroed = memory_resize(zeroed, 100000);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(zeroed[i], i);
    }
    uint8_t *aligned = memory_alloc_aligned(CACHE_LINE, 3);
    assert_int_equal((uintptr_t)aligned % CACHE_LINE, 0);
    assert_int_equal(aligned[0] | aligned[1] | aligned[2], 0);
    assert_int_equal(memory_allocations() - before, 3);
    memory_free(aligned);
    memory_free(zeroed);
    memory_free(NULL);
    assert_int_equal(memory_allocations() - before, 3);
}

struct outer {
    int first;
    int second;
};

/*
 * Goal:    CONTAINER_OF finds the struct around a member.
 * Method:  by the second member.
 */
static void test_container_of(void **state)
{
    (void)state;
    struct outer outer = {1, 2};
    int *second = &outer.second;
    assert_ptr_equal(CONTAINER_OF(second, struct outer, second), &outer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failed_assertion_reaches_the_hook),
        cmocka_unit_test(test_allocations_are_counted),
        cmocka_unit_test(test_container_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
