/*
 * Goal:    memory of a range comes zeroed and aligned, goes back in any pieces, and what went back is
 *          out of everybody else's reach until the range hands it out again.
 * Method:  takes, gives and looks at the mappings around; then threads that do all of it at once.
 */
#include "io/regions.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    SLOT = REGION_SLOT_BYTES,
    THREADS = 4,
    SLOTS_EACH_MAX = 3,
    /* However those of the others lie, a thread finds room: SLOTS_EACH_MAX - 1 in each gap are too few,
     * and more than fit into the gaps are free. */
    SLOTS = 24,
    PAGE = 4096,
    TAKES = 400,
};

static struct regions reserved(void)
{
    struct regions regions;
    assert_int_equal(regions_reserve(&regions, (size_t)SLOTS * SLOT), 0);
    return regions;
}

static void assert_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 512) {
        assert_int_equal(bytes[i], 0);
    }
}

static uint8_t *taken(struct regions *regions, size_t bytes)
{
    uint8_t *region = regions_take(regions, bytes);
    assert_non_null(region);
    assert_int_equal((uintptr_t)region % SLOT, 0);
    assert_true(regions_hold(regions, region));
    assert_true(regions_hold(regions, region + bytes - 1));
    assert_zero(region, bytes);
    memset(region, 0xAB, bytes);
    return region;
}

static void test_regions_lie_side_by_side(void **state)
{
    (void)state;
    struct regions regions = reserved();
    uint8_t *one = taken(&regions, SLOT);
    uint8_t *two = taken(&regions, 2 * SLOT + PAGE);
    uint8_t *three = taken(&regions, PAGE);
    assert_ptr_equal(two, one + SLOT);
    assert_ptr_equal(three, two + 3 * SLOT);
}

static void test_a_slot_is_free_when_all_its_pages_are(void **state)
{
    (void)state;
    struct regions regions = reserved();
    uint8_t *one = taken(&regions, SLOT);
    uint8_t *two = taken(&regions, SLOT);
    assert_int_equal(regions_give(&regions, one, SLOT - PAGE), 0);
    uint8_t *three = taken(&regions, SLOT);
    assert_ptr_equal(three, two + SLOT);
    assert_int_equal(one[SLOT - 1], 0xAB);
    assert_int_equal(regions_give(&regions, one + SLOT - PAGE, PAGE), 0);
    assert_ptr_equal(taken(&regions, SLOT), one);
}

static void test_a_piece_may_reach_over_slots(void **state)
{
    (void)state;
    struct regions regions = reserved();
    uint8_t *one = taken(&regions, 4 * SLOT);
    assert_int_equal(regions_give(&regions, one + SLOT - PAGE, 2 * SLOT + 2 * PAGE), 0);
    assert_ptr_equal(taken(&regions, 2 * SLOT), one + SLOT);
    assert_ptr_equal(taken(&regions, SLOT), one + 4 * SLOT);
    assert_int_equal(one[0], 0xAB);
    assert_int_equal(one[4 * SLOT - 1], 0xAB);
}

static void test_a_full_range_says_no(void **state)
{
    (void)state;
    struct regions regions = reserved();
    uint8_t *most = taken(&regions, (SLOTS - 1) * SLOT);
    assert_null(regions_take(&regions, 2 * SLOT));
    (void)taken(&regions, SLOT);
    assert_null(regions_take(&regions, PAGE));
    assert_int_equal(regions_give(&regions, most, SLOT), 0);
    assert_int_equal(regions_give(&regions, most + (SLOTS - 2) * SLOT, SLOT), 0);
    assert_null(regions_take(&regions, 2 * SLOT));
    assert_ptr_equal(taken(&regions, SLOT), most);
}

static void test_others_are_elsewhere(void **state)
{
    (void)state;
    struct regions regions = reserved();
    uint8_t *all = taken(&regions, SLOTS * SLOT);
    for (size_t i = 0; i < SLOTS; i += 2) {
        assert_int_equal(regions_give(&regions, all + i * SLOT, SLOT), 0);
    }
    for (size_t i = 0; i < (size_t)64; i++) {
        void *other = mmap(NULL, SLOT, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(other != MAP_FAILED);
        assert_false(regions_hold(&regions, other));
        void *there =
            mmap(all, SLOT, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        assert_true(there == MAP_FAILED);
        assert_int_equal(errno, EEXIST);
    }
}

static void test_what_was_given_back_cannot_be_read(void **state)
{
    (void)state;
    struct regions regions = reserved();
    volatile uint8_t *one = taken(&regions, SLOT);
    assert_int_equal(regions_give(&regions, (void *)(uintptr_t)one, PAGE), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        _exit(one[0] == 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static void *take_and_give(void *argument)
{
    struct regions *regions = argument;
    for (size_t i = 0; i < TAKES; i++) {
        size_t bytes = (1 + i % SLOTS_EACH_MAX) * SLOT;
        uint8_t *region = regions_take(regions, bytes);
        if (region == NULL) {
            return "full";
        }
        for (size_t at = 0; at < bytes; at += SLOT / 2) {
            if (region[at] != 0) {
                return "used by two";
            }
            region[at] = 1;
        }
        size_t first = (1 + i % 7) * PAGE;
        if (regions_give(regions, region + first, bytes - first) != 0 ||
            regions_give(regions, region, first) != 0) {
            return "not given";
        }
    }
    return NULL;
}

static void test_threads_do_not_meet(void **state)
{
    (void)state;
    struct regions regions = reserved();
    pthread_t threads[THREADS];
    void *problems[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &regions), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &problems[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) { /* when nobody uses the range any more */
        assert_null(problems[i]);
    }
    /* Nothing is left in use. */
    (void)taken(&regions, SLOTS * SLOT);
}

static void test_no_addresses(void **state)
{
    (void)state;
    struct regions regions;
    assert_int_equal(regions_reserve(&regions, (size_t)1 << 62), -ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions_lie_side_by_side),
        cmocka_unit_test(test_a_slot_is_free_when_all_its_pages_are),
        cmocka_unit_test(test_a_piece_may_reach_over_slots),
        cmocka_unit_test(test_a_full_range_says_no),
        cmocka_unit_test(test_others_are_elsewhere),
        cmocka_unit_test(test_what_was_given_back_cannot_be_read),
        cmocka_unit_test(test_threads_do_not_meet),
        cmocka_unit_test(test_no_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
