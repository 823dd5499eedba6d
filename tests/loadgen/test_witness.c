/* test_witness.c - lost, duplicated and reordered are told apart, against a naive oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sight {
    uint32_t sequences[8];
    uint32_t count;
    uint32_t sent;
    struct witness_counts expected;
};

/* Goal:   each kind of fault has its own count.
 * Method: short histories of one subscriber, judged by hand. */
static void test_witness_tells_faults_apart(void **state)
{
    (void)state;
    static const struct sight table[] = {
        {{0, 1, 2}, 3, 3, {.delivered = 3}},
        {{0, 2, 3}, 3, 4, {.delivered = 3, .lost = 1}},
        {{2, 3}, 2, 4, {.delivered = 2, .lost = 2}},
        {{0, 1}, 2, 4, {.delivered = 2, .lost = 2}},
        {{0}, 0, 4, {.lost = 4}},
        {{0, 1, 1, 2}, 4, 3, {.delivered = 3, .duplicated = 1}},
        {{0, 0, 0}, 3, 1, {.delivered = 1, .duplicated = 2}},
        {{0, 2, 1, 3}, 4, 4, {.delivered = 4, .reordered = 1}},
        {{3, 1, 2, 0}, 4, 4, {.delivered = 4, .reordered = 3}},
        {{0, 4, 2, 2}, 4, 5, {.delivered = 3, .reordered = 1, .duplicated = 1, .lost = 2}},
        {{0, 3, 0, 1}, 4, 4, {.delivered = 3, .reordered = 1, .duplicated = 1, .lost = 1}},
    };
    static const uint32_t one[] = {1};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct witness witness;
        witness_init(&witness, 1, one);
        for (uint32_t at = 0; at < table[i].count; at++) {
            MAYBE(witness_take(&witness, 0, 0, table[i].sequences[at]) != 0);
            witness_check(&witness);
        }
        witness_close(&witness, 0, &table[i].sent);
        witness_check(&witness);
        assert_memory_equal(&witness.counts, &table[i].expected, sizeof witness.counts);
        assert_int_equal(witness_slowest(&witness), table[i].sent);
        witness_free(&witness);
    }
}

enum { SUBSCRIBERS = 3, PUBLISHERS = 2, MESSAGES = 200, ROUNDS = 200 };

/* What a subscriber saw, the simple way. */
struct oracle {
    bool seen[SUBSCRIBERS][PUBLISHERS][MESSAGES];
    int64_t highest[SUBSCRIBERS][PUBLISHERS];
    struct witness_counts counts;
};

static bool oracle_take(struct oracle *o, uint32_t s, uint32_t p, uint32_t sequence)
{
    if (o->seen[s][p][sequence]) {
        o->counts.duplicated++;
        return false;
    }
    o->seen[s][p][sequence] = true;
    o->counts.delivered++;
    if ((int64_t)sequence > o->highest[s][p]) {
        o->highest[s][p] = sequence;
    } else {
        o->counts.reordered++;
    }
    return true;
}

/* Goal:   the counts are right for any history.
 * Method: random losses, repeats and swaps; an oracle that remembers everything. */
static void test_witness_agrees_with_an_oracle(void **state)
{
    (void)state;
    unsigned seed = 20240601;
    print_message("seed %u\n", seed);
    srand(seed);
    static const uint32_t columns[] = {PUBLISHERS, PUBLISHERS, PUBLISHERS};
    for (int round = 0; round < ROUNDS; round++) {
        struct witness witness;
        struct oracle *oracle = test_calloc(1, sizeof *oracle);
        memset(oracle->highest, -1, sizeof oracle->highest);
        witness_init(&witness, SUBSCRIBERS, columns);
        for (int i = 0; i < SUBSCRIBERS * PUBLISHERS * MESSAGES; i++) {
            uint32_t s = (uint32_t)rand() % SUBSCRIBERS;
            uint32_t p = (uint32_t)rand() % PUBLISHERS;
            int64_t near = oracle->highest[s][p] + 1 + (rand() % 8 == 0 ? rand() % 9 - 4 : 0);
            uint32_t sequence = (uint32_t)MIN_OF(MAX_OF(near, 0), MESSAGES - 1);
            assert_int_equal(witness_take(&witness, s, p, sequence),
                             oracle_take(oracle, s, p, sequence));
        }
        uint32_t sent[PUBLISHERS] = {MESSAGES, MESSAGES};
        for (uint32_t row = 0; row < SUBSCRIBERS; row++) {
            witness_close(&witness, row, sent);
        }
        witness_check(&witness);
        oracle->counts.lost =
            (uint64_t)SUBSCRIBERS * PUBLISHERS * MESSAGES - oracle->counts.delivered;
        assert_memory_equal(&witness.counts, &oracle->counts, sizeof witness.counts);
        witness_free(&witness);
        test_free(oracle);
    }
}

/* Goal:   the slowest subscriber is the one that decides, and those that heard nothing are missed.
 * Method: three subscribers at different places. */
static void test_witness_finds_the_slowest(void **state)
{
    (void)state;
    struct witness witness;
    static const uint32_t columns[] = {1, 1, 1};
    witness_init(&witness, 3, columns);
    assert_int_equal(witness_reached(&witness), 0);
    assert_true(witness_take(&witness, 0, 0, 0));
    assert_true(witness_take(&witness, 0, 0, 1));
    assert_true(witness_take(&witness, 2, 0, 0));
    assert_int_equal(witness_slowest(&witness), 0);
    assert_int_equal(witness_reached(&witness), 2);
    assert_true(witness_take(&witness, 1, 0, 0));
    assert_int_equal(witness_slowest(&witness), 1);
    assert_int_equal(witness_reached(&witness), 3);
    witness_free(&witness);
    witness_init(&witness, 0, NULL);
    assert_true(witness_slowest(&witness) == UINT64_MAX);
    witness_free(&witness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_witness_tells_faults_apart),
        cmocka_unit_test(test_witness_agrees_with_an_oracle),
        cmocka_unit_test(test_witness_finds_the_slowest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
