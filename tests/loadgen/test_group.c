/* test_group.c - one member gets each message: what is missing, double or out of order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/group.h"

#include <stdlib.h>
#include <string.h>

struct sight {
    uint32_t member;
    uint32_t sequence;
};

struct history {
    struct sight sights[6];
    uint32_t count;
    uint32_t sent;
    struct witness_counts expected;
};

/* Goal:   each kind of fault has its own count.
 * Method: short histories of a group of two, judged by hand. */
static void test_group_tells_faults_apart(void **state)
{
    (void)state;
    static const struct history table[] = {
        {{{0, 0}, {1, 1}, {0, 2}}, 3, 3, {.delivered = 3}},
        {{{1, 2}, {0, 0}, {0, 1}}, 3, 3, {.delivered = 3}}, /* order holds within a member only */
        {{{0, 0}, {0, 2}, {1, 3}}, 3, 4, {.delivered = 3, .lost = 1}},
        {{{0, 0}, {1, 0}, {1, 1}}, 3, 2, {.delivered = 2, .duplicated = 1}},
        {{{0, 1}, {0, 0}}, 2, 2, {.delivered = 2, .reordered = 1}},
        {{{0, 0}}, 0, 3, {.lost = 3}},
        {{{0, UINT32_MAX}, {0, 0}}, 2, 1, {.delivered = 1, .foreign = 1}},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct group group;
        group_init(&group, 2, 1);
        for (uint32_t at = 0; at < table[i].count; at++) {
            struct sight sight = table[i].sights[at];
            MAYBE(group_take(&group, sight.member, 0, sight.sequence) != 0);
            group_check(&group);
        }
        group_close(&group, &table[i].sent);
        assert_memory_equal(&group.counts, &table[i].expected, sizeof group.counts);
        group_free(&group);
    }
}

/* Goal:   any sharing out of all messages is right, in every run.
 * Method: random members for two streams, over word borders, three runs. */
static void test_group_accepts_any_sharing(void **state)
{
    (void)state;
    unsigned seed = 3;
    print_message("seed %u\n", seed);
    srand(seed);
    struct group group;
    uint32_t sent[2] = {0, 0};
    group_init(&group, 5, 2);
    for (int run = 0; run < 3; run++) {
        group_reset(&group);
        for (uint32_t i = 0; i < 20000; i++) {
            uint32_t stream = (uint32_t)rand() % 2;
            assert_true(group_take(&group, (uint32_t)rand() % 5, stream, sent[stream]++));
        }
        group_check(&group);
        group_close(&group, sent);
        struct witness_counts expected = {.delivered = 20000};
        assert_memory_equal(&group.counts, &expected, sizeof expected);
        assert_false(group_take(&group, 0, 0, sent[0] - 1)); /* a late double of the run before */
        assert_int_equal(group.counts.duplicated, 1);
    }
    group_free(&group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_tells_faults_apart),
        cmocka_unit_test(test_group_accepts_any_sharing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
