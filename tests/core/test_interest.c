/* test_interest.c - what the other workers want, against tables that are looked through. */
#include "core/interest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORKERS = 4, NAMES = 300, KEY = 5 };

static void apply(struct interest *interest, uint32_t worker, enum interest_kind kind, bool adds,
                  const char *pattern, const char *queue)
{
    struct {
        struct interest_record record;
        char text[64];
    } change = {.record = {.kind = (uint8_t)kind, .adds = adds}};
    if (kind == INTEREST_LITERAL) {
        change.record.hash = index_hash(KEY, 0, bytes_text(pattern));
    } else {
        change.record.pattern_size = (uint32_t)strlen(pattern);
        change.record.queue_size = (uint16_t)strlen(queue);
        memcpy(&change.record + 1, pattern, strlen(pattern));
        memcpy((char *)(&change.record + 1) + strlen(pattern), queue, strlen(queue));
    }
    interest_apply(interest, worker, &change.record);
}

/*
 * Goal:    the mask of a literal is exactly the workers that announced it and did not take it back.
 * Method:  random announcements by 4 workers of 300 subjects, growing and shrinking, all compared;
 *          among so many workers that a mask has each of its widths.
 */
static void run_literal_masks(uint32_t workers)
{
    static struct interest interest;
    interest_init(&interest, workers, KEY);
    uint32_t apart = (workers - 1) / (WORKERS - 1);
    bool wants[WORKERS][NAMES] = {0};
    unsigned random = 3;
    for (int step = 0; step < 20000; step++) {
        uint32_t worker = (uint32_t)rand_r(&random) % WORKERS;
        int name = rand_r(&random) % NAMES;
        bool grows = step / 4000 % 2 == 0;
        bool adds = !wants[worker][name];
        if (adds != grows && rand_r(&random) % 4 != 0) {
            continue;
        }
        char text[16];
        snprintf(text, sizeof(text), "s.%d", name);
        apply(&interest, worker * apart, INTEREST_LITERAL, adds, text, "");
        wants[worker][name] = adds;
        if (step % 100 == 0) {
            interest_check(&interest);
            for (int i = 0; i < NAMES; i++) {
                uint64_t expected = 0;
                for (uint32_t w = 0; w < WORKERS; w++) {
                    expected |= wants[w][i] ? (uint64_t)1 << w * apart : 0;
                }
                snprintf(text, sizeof(text), "s.%d", i);
                uint64_t hash = index_hash(KEY, 0, bytes_text(text));
                assert_int_equal(interest_literal(&interest, hash), expected);
            }
        }
    }
    for (uint32_t w = 0; w < WORKERS; w++) {
        for (int i = 0; i < NAMES; i++) {
            char text[16];
            snprintf(text, sizeof(text), "s.%d", i);
            if (wants[w][i]) {
                apply(&interest, w * apart, INTEREST_LITERAL, false, text, "");
            }
        }
    }
    assert_true(interest_is_empty(&interest));
    assert_int_equal(interest.parts_bytes, 0);
    interest_free(&interest);
}

static void test_literal_masks(void **state)
{
    (void)state;
    const uint32_t workers[] = {WORKERS, 9, 17, 33, 64};
    for (size_t i = 0; i < COUNT_OF(workers); i++) {
        run_literal_masks(workers[i]);
    }
}

static void apply_hash(struct interest *interest, uint32_t worker, bool adds, uint64_t hash)
{
    struct interest_record record = {.kind = INTEREST_LITERAL, .adds = adds, .hash = hash};
    interest_apply(interest, worker, &record);
}

/*
 * Goal:    a hash whose stored half is 0, which marks a free place, is a hash like any other.
 * Method:  two of them, in parts of their own, from two workers, beside their neighbours.
 */
static void test_a_hash_of_0(void **state)
{
    (void)state;
    static struct interest interest;
    interest_init(&interest, WORKERS, KEY);
    const uint64_t other = 7ull << 56;
    apply_hash(&interest, 1, true, 0);
    apply_hash(&interest, 3, true, 0);
    apply_hash(&interest, 2, true, other);
    assert_int_equal(interest_literal(&interest, 0), 1 << 1 | 1 << 3);
    assert_int_equal(interest_literal(&interest, 1), 0);
    assert_int_equal(interest_literal(&interest, other), 1 << 2);
    assert_int_equal(interest_literal(&interest, other + 1), 0);
    assert_int_equal(interest.literals, 2);
    interest_check(&interest);

    /* A neighbour that comes and goes takes its table along, and not them. */
    apply_hash(&interest, 1, true, other + 1);
    assert_int_equal(interest_literal(&interest, other + 1), 1 << 1);
    apply_hash(&interest, 1, false, other + 1);
    assert_int_equal(interest.parts_bytes, 0);
    assert_int_equal(interest_literal(&interest, other), 1 << 2);

    apply_hash(&interest, 1, false, 0);
    assert_int_equal(interest_literal(&interest, 0), 1 << 3);
    apply_hash(&interest, 3, false, 0);
    assert_int_equal(interest_literal(&interest, 0), 0);
    assert_false(interest_is_empty(&interest));
    apply_hash(&interest, 2, false, other);
    assert_true(interest_is_empty(&interest));
    interest_free(&interest);
}

/*
 * Goal:    a hash is known by INTEREST_HASH_BITS, all of them and no others.
 * Method:  one is announced; then each of its bits is turned.
 */
static void test_what_of_a_hash_counts(void **state)
{
    (void)state;
    static struct interest interest;
    interest_init(&interest, WORKERS, KEY);
    const uint64_t hash = 0x123456789ABCDEF1u;
    apply_hash(&interest, 2, true, hash);
    uint32_t count = 0;
    for (uint32_t bit = 0; bit < 64; bit++) {
        uint64_t turned = hash ^ (uint64_t)1 << bit;
        bool counts = INTEREST_HASH_BITS >> bit & 1;
        count += counts;
        assert_int_equal(interest_literal(&interest, turned), counts ? 0 : 1 << 2);
    }
    assert_int_equal(count, 40);
    apply_hash(&interest, 2, false, hash ^ ~INTEREST_HASH_BITS);
    assert_true(interest_is_empty(&interest));
    interest_free(&interest);
}

/*
 * Goal:    while it grows a literal takes the bytes that docs/memory.md says, however many workers.
 * Method:  200,000 random hashes of each width of mask; the bytes after every 1,000.
 */
static void test_bytes_of_a_literal(void **state)
{
    (void)state;
    static const struct {
        uint32_t workers;
        uint32_t line_slots;
    } rows[] = {{2, 12}, {8, 12}, {9, 10}, {17, 8}, {33, 5}, {64, 5}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static struct interest interest;
        interest_init(&interest, rows[i].workers, KEY);
        uint64_t hash = 1;
        for (uint32_t n = 1; n <= 200000; n++) {
            hash = hash * 6364136223846793005u + 1442695040888963407u;
            apply_hash(&interest, 1, true, hash ^ hash >> 32);
            if (n % 1000 == 0 && n >= 20000) {
                double each = (double)interest.parts_bytes / n;
                double slot = (double)CACHE_LINE / rows[i].line_slots;
                assert_true(each >= slot / 0.81);
                assert_true(each <= slot / 0.60);
            }
        }
        interest_check(&interest);
        interest_free(&interest);
    }
}

static const struct interest_entry *entry_of(struct interest *interest, const char *pattern)
{
    return (const struct interest_entry *)index_find(interest->patterns, 0, bytes_text(pattern));
}

/*
 * Goal:    wildcards are masks, groups are counts per worker by name; an entry goes with its last
 *          reason to be there.
 * Method:  both on one pattern, taken back in another order.
 */
static void test_wildcards_and_groups(void **state)
{
    (void)state;
    static struct interest interest;
    interest_init(&interest, WORKERS, KEY);
    apply(&interest, 1, INTEREST_WILDCARD, true, "a.*", "");
    apply(&interest, 3, INTEREST_WILDCARD, true, "a.*", "");
    apply(&interest, 1, INTEREST_GROUP, true, "a.*", "g");
    apply(&interest, 1, INTEREST_GROUP, true, "a.*", "g");
    apply(&interest, 2, INTEREST_GROUP, true, "a.*", "g");
    apply(&interest, 2, INTEREST_GROUP, true, "a.*", "h");
    apply(&interest, 2, INTEREST_GROUP, true, "a.b", "g");
    const struct interest_entry *entry = entry_of(&interest, "a.*");
    assert_int_equal(entry->mask, 1 << 1 | 1 << 3);
    const struct interest_group *g = entry->groups;
    g = g->name[0] == 'g' ? g : g->next;
    assert_int_equal(g->members, 3);
    assert_int_equal(g->counts[1], 2);
    assert_int_equal(g->counts[2], 1);
    assert_int_equal(interest.patterns_count, 2);
    interest_check(&interest);

    apply(&interest, 1, INTEREST_WILDCARD, false, "a.*", "");
    assert_int_equal(entry->mask, 1 << 3);
    apply(&interest, 3, INTEREST_WILDCARD, false, "a.*", "");
    apply(&interest, 1, INTEREST_GROUP, false, "a.*", "g");
    apply(&interest, 2, INTEREST_GROUP, false, "a.*", "g");
    apply(&interest, 2, INTEREST_GROUP, false, "a.*", "h");
    assert_ptr_equal(entry_of(&interest, "a.*"), entry);
    assert_int_equal(entry->groups->members, 1);
    apply(&interest, 1, INTEREST_GROUP, false, "a.*", "g");
    assert_null(entry_of(&interest, "a.*"));
    apply(&interest, 2, INTEREST_GROUP, false, "a.b", "g");
    assert_true(interest_is_empty(&interest));
    interest_free(&interest);
}

/*
 * Goal:    what is still announced when a worker ends is freed with the tables.
 * Method:  one of each kind left; the sanitizer looks for leaks.
 */
static void test_free_with_interest_left(void **state)
{
    (void)state;
    static struct interest interest;
    interest_init(&interest, WORKERS, KEY);
    apply(&interest, 1, INTEREST_LITERAL, true, "a.b", "");
    apply(&interest, 1, INTEREST_WILDCARD, true, "a.*", "");
    apply(&interest, 1, INTEREST_GROUP, true, "a.*", "g");
    assert_true(interest_bytes(&interest) > 0);
    assert_false(interest_is_empty(&interest));
    interest_free(&interest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literal_masks),
        cmocka_unit_test(test_a_hash_of_0),
        cmocka_unit_test(test_what_of_a_hash_counts),
        cmocka_unit_test(test_bytes_of_a_literal),
        cmocka_unit_test(test_wildcards_and_groups),
        cmocka_unit_test(test_free_with_interest_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
