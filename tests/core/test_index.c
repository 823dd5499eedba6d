/* Tests of core/index, its trie and its cache: against brute force, and what each must not cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/index.h"
#include "core/subject.h"

#include <stdio.h>
#include <stdlib.h>

enum { HASH_KEY = 12345, ACCOUNTS = 2, PATTERN_BYTES_MAX = 64, POPULATION_MAX = 300 };

struct item {
    struct index_entry entry; /* first */
    uint64_t value;
};

static struct index *index_make(uint32_t cache_entries_max)
{
    struct index_options options = {.entry_size = sizeof(struct item),
                                    .hash_key = HASH_KEY,
                                    .cache_entries_max = cache_entries_max};
    return index_new(&options);
}

static struct index_match match_text(struct index *index, uint32_t account_id, const char *subject)
{
    struct index_match match;
    struct bytes text = bytes_text(subject);
    index_match(index, account_id, text, index_hash(HASH_KEY, account_id, text), &match);
    return match;
}

static struct item *take_text(struct index *index, uint32_t account_id, const char *pattern)
{
    return (struct item *)index_take(index, account_id, bytes_text(pattern));
}

/* ---- properties ---------------------------------------------------------------------------- */

static uint64_t random_next(uint64_t *state)
{
    /* splitmix64, Steele, Lea and Flood 2014. */
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static size_t random_tokens(uint64_t *random, const char *const *tokens, size_t tokens_count,
                            char text[PATTERN_BYTES_MAX])
{
    size_t count = 1 + random_next(random) % 5;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        const char *token = tokens[random_next(random) % tokens_count];
        size += (size_t)snprintf(text + size, PATTERN_BYTES_MAX - size, "%s%s", i > 0 ? "." : "",
                                 token);
    }
    return size;
}

static size_t random_pattern(uint64_t *random, char text[PATTERN_BYTES_MAX])
{
    static const char *const tokens[] = {"a", "b", "*", "c", "*", "ab", ">", "a*"};
    for (;;) {
        size_t size = random_tokens(random, tokens, COUNT_OF(tokens), text);
        if (subject_valid_subscription(bytes_of(text, size))) {
            return size;
        }
    }
}

/* Sometimes with tokens no SUB may have. */
static size_t random_subject(uint64_t *random, char text[PATTERN_BYTES_MAX])
{
    static const char *const tokens[] = {"a", "b", "c", "ab", "a", "b", "*", ">", "", "d", "a*"};
    size_t usual = random_next(random) % 4 > 0 ? 6 : COUNT_OF(tokens);
    return random_tokens(random, tokens, usual, text);
}

struct population {
    struct item *items[POPULATION_MAX];
    size_t count;
    uint64_t next_value;
};

static void population_change(struct population *population, struct index *index, uint64_t *random)
{
    if (population->count > 0 && random_next(random) % 2 == 0) {
        size_t at = random_next(random) % population->count;
        index_remove(index, &population->items[at]->entry);
        population->items[at] = population->items[--population->count];
        return;
    }
    char text[PATTERN_BYTES_MAX];
    struct bytes pattern = bytes_of(text, random_pattern(random, text));
    uint32_t account_id = (uint32_t)(random_next(random) % ACCOUNTS);
    struct index_entry *before = index_find(index, account_id, pattern);
    if (before == NULL && population->count == POPULATION_MAX) {
        return;
    }
    struct item *item = (struct item *)index_take(index, account_id, pattern);
    assert_true(bytes_equal(index_pattern(index, &item->entry), pattern));
    if (before != NULL) {
        assert_ptr_equal(before, item);
        return;
    }
    assert_int_equal(item->value, 0);
    item->value = ++population->next_value;
    population->items[population->count++] = item;
}

static void assert_in(const struct index_match *match, const struct index_entry *entry)
{
    size_t times = match->literal == entry;
    for (uint32_t i = 0; i < match->wildcards_count; i++) {
        times += match->wildcards[i] == entry;
    }
    assert_int_equal(times, 1);
}

static void assert_matches_brute_force(const struct population *population, struct index *index,
                                       uint32_t account_id, struct bytes subject)
{
    struct index_match match;
    index_match(index, account_id, subject, index_hash(HASH_KEY, account_id, subject), &match);
    size_t expected = 0;
    for (size_t i = 0; i < population->count; i++) {
        const struct item *item = population->items[i];
        struct bytes pattern = index_pattern(index, &item->entry);
        if (item->entry.account_id != account_id || !subject_matches(pattern, subject)) {
            continue;
        }
        expected++;
        assert_in(&match, &item->entry);
        if (match.literal == &item->entry) {
            assert_false(subject_has_wildcard(pattern));
        }
    }
    assert_int_equal(expected, (match.literal != NULL) + match.wildcards_count);
}

static void run_churn(uint64_t seed, uint32_t cache_entries_max, uint32_t steps)
{
    static struct population population;
    memset(&population, 0, sizeof population);
    struct index *index = index_make(cache_entries_max);
    uint64_t random = seed;
    char text[PATTERN_BYTES_MAX];
    for (uint32_t step = 0; step < steps; step++) {
        population_change(&population, index, &random);
        for (int i = 0; i < 3; i++) {
            struct bytes subject = bytes_of(text, random_subject(&random, text));
            uint32_t account_id = (uint32_t)(random_next(&random) % ACCOUNTS);
            assert_matches_brute_force(&population, index, account_id, subject);
        }
        if (step % 100 == 0) {
            index_check(index);
        }
    }
    while (population.count > 0) {
        index_remove(index, &population.items[--population.count]->entry);
    }
    index_check(index);
    assert_int_equal(index_stats(index).entries, 0);
    index_free(index);
}

/*
 * Goal:    a match is exactly what the reference matcher says, while patterns come and go.
 * Method:  random patterns and subjects over a small alphabet, two accounts, caches of no, four and
 *          many lines; invariants every hundred steps. RINGHUB_SEED runs one seed.
 */
static void test_index_against_brute_force(void **state)
{
    (void)state;
    static const uint32_t caches[] = {0, 4, 64, 1024};
    const char *given = getenv("RINGHUB_SEED");
    uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 1;
    uint64_t last = given != NULL ? first : 6;
    for (uint64_t seed = first; seed <= last; seed++) {
        for (size_t i = 0; i < COUNT_OF(caches); i++) {
            print_message("seed %llu, cache of %u\n", (unsigned long long)seed, caches[i]);
            run_churn(seed, caches[i], 2500);
        }
    }
}

/* ---- single facts -------------------------------------------------------------------------- */

/*
 * Goal:    accounts do not see each other's patterns.
 * Method:  the same literal and wildcard in one of two accounts.
 */
static void test_index_accounts(void **state)
{
    (void)state;
    struct index *index = index_make(64);
    struct item *literal = take_text(index, 1, "a.b");
    struct item *wildcard = take_text(index, 1, "a.*");
    for (int i = 0; i < 2; i++) {
        struct index_match match = match_text(index, 0, "a.b");
        assert_null(match.literal);
        assert_int_equal(match.wildcards_count, 0);
        match = match_text(index, 1, "a.b");
        assert_ptr_equal(match.literal, literal);
        assert_int_equal(match.wildcards_count, 1);
        assert_ptr_equal(match.wildcards[0], wildcard);
    }
    index_free(index);
}

/*
 * Goal:    a publish subject that reads like a wildcard pattern finds that pattern once, as a
 *          wildcard.
 * Method:  publish to "a.*" and to "a.>".
 */
static void test_index_subject_with_wildcard_token(void **state)
{
    (void)state;
    struct index *index = index_make(64);
    struct item *any = take_text(index, 0, "a.*");
    take_text(index, 0, "a.b");
    struct index_match match = match_text(index, 0, "a.*");
    assert_null(match.literal);
    assert_int_equal(match.wildcards_count, 1);
    assert_ptr_equal(match.wildcards[0], any);
    match = match_text(index, 0, "a.>");
    assert_null(match.literal);
    assert_int_equal(match.wildcards_count, 1);
    index_free(index);
}

/*
 * Goal:    publishing to known subjects allocates nothing, with and without wildcards.
 * Method:  the allocation counter around repeated matches.
 */
static void test_index_match_allocates_nothing(void **state)
{
    (void)state;
    struct index *index = index_make(64);
    take_text(index, 0, "a.b");
    match_text(index, 0, "a.b");
    uint64_t before = memory_allocations();
    match_text(index, 0, "a.b");
    match_text(index, 0, "nobody");
    assert_int_equal(memory_allocations(), before);
    take_text(index, 0, "a.*");
    match_text(index, 0, "a.b");
    before = memory_allocations();
    uint64_t hits = index_stats(index).cache_hits;
    for (int i = 0; i < 100; i++) {
        match_text(index, 0, "a.b");
    }
    assert_int_equal(memory_allocations(), before);
    assert_int_equal(index_stats(index).cache_hits, hits + 100);
    index_free(index);
}

/*
 * Goal:    also subjects that never repeat settle down to no allocation, once the cache is full.
 * Method:  ten times as many new subjects as lines, then count.
 */
static void test_index_new_subjects_reuse_lines(void **state)
{
    (void)state;
    struct index *index = index_make(64);
    take_text(index, 0, "in.*");
    char text[32];
    uint64_t before = 0;
    for (int i = 1000; i < 3000; i++) {
        if (i == 2000) {
            before = memory_allocations();
        }
        snprintf(text, sizeof text, "in.%d", i);
        assert_int_equal(match_text(index, 0, text).wildcards_count, 1);
    }
    assert_int_equal(memory_allocations(), before);
    assert_true(index_stats(index).cached <= 64);
    index_free(index);
}

static bool is_hit(struct index *index, const char *subject)
{
    uint64_t hits = index_stats(index).cache_hits;
    match_text(index, 0, subject);
    return index_stats(index).cache_hits > hits;
}

/*
 * Goal:    literals coming and going leave the cache alone; a wildcard invalidates what it may
 * match and leaves other prefixes alone. Method:  one cached subject, changes of several kinds, and
 * whether the next match hits. The key is fixed, so that no two of these prefixes share a counter
 * by chance.
 */
static void test_index_invalidation_by_overlap(void **state)
{
    (void)state;
    struct index *index = index_make(64);
    take_text(index, 0, "_INBOX.me.*");
    match_text(index, 0, "_INBOX.me.1");
    assert_true(is_hit(index, "_INBOX.me.1"));

    struct item *item = take_text(index, 0, "_INBOX.me.1");
    assert_true(is_hit(index, "_INBOX.me.1"));
    assert_ptr_equal(match_text(index, 0, "_INBOX.me.1").literal, item);
    index_remove(index, &item->entry);
    assert_true(is_hit(index, "_INBOX.me.1"));

    static const char *const apart[] = {"_INBOX.you.*", "_INBOX.you.>", "orders.>", "orders.*.x"};
    for (size_t i = 0; i < COUNT_OF(apart); i++) {
        item = take_text(index, 0, apart[i]);
        assert_true(is_hit(index, "_INBOX.me.1"));
        index_remove(index, &item->entry);
        assert_true(is_hit(index, "_INBOX.me.1"));
    }
    static const char *const over[] = {"_INBOX.me.>", "_INBOX.>", "_INBOX.*.1", ">", "*.me.1"};
    for (size_t i = 0; i < COUNT_OF(over); i++) {
        item = take_text(index, 0, over[i]);
        assert_false(is_hit(index, "_INBOX.me.1"));
        assert_int_equal(match_text(index, 0, "_INBOX.me.1").wildcards_count, 2);
        index_remove(index, &item->entry);
        assert_false(is_hit(index, "_INBOX.me.1"));
        assert_int_equal(match_text(index, 0, "_INBOX.me.1").wildcards_count, 1);
    }
    index_free(index);
}

/*
 * Goal:    the cache keeps within its bytes, whatever subjects and results it is given.
 * Method:  long subjects that a hundred patterns match; index_check asserts the bound.
 */
static void test_index_cache_is_bounded(void **state)
{
    (void)state;
    struct index *index = index_make(128);
    char text[4096];
    for (int i = 0; i < 100; i++) {
        snprintf(
            text, sizeof text, "*%.*s.>", 2 * (i % 50), /* *.*.*… */
            ".*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*"
            ".*.*.*.*.*.*.*.*.*.*");
        take_text(index, 0, text);
    }
    uint64_t before = index_bytes(index);
    for (int i = 0; i < 1000; i++) {
        memset(text, 'x', sizeof text);
        for (size_t dot = 5; dot < 400; dot += 6) {
            text[dot] = '.';
        }
        snprintf(text + 500 + i, 16, "%d", i);
        match_text(index, 0, text);
    }
    index_check(index);
    /* The lines and, once, scratch for one match. */
    assert_true(index_bytes(index) - before <= 128 * (INDEX_CACHE_BYTES_EACH) + 16384);
    assert_true(index_stats(index).cached > 0);
    index_free(index);
}

/*
 * Goal:    patterns and subjects of two thousand tokens are matched without recursion, and the trie
 *          gives their nodes back.
 * Method:  chains of literals, of "*", and of both alternating, each with and without ">".
 */
static void test_index_deep(void **state)
{
    (void)state;
    enum { TOKENS = 2048 };
    static char text[3][2 * TOKENS + 2];
    struct index *index = index_make(16);
    uint64_t before = index_bytes(index);
    struct index_entry *entries[5];
    for (size_t i = 0; i < TOKENS; i++) {
        memcpy(text[0] + 2 * i, "a.", 2);
        memcpy(text[1] + 2 * i, "*.", 2);
        memcpy(text[2] + 2 * i, i % 2 ? "*." : "a.", 2);
    }
    size_t size = 2 * TOKENS - 1;
    entries[0] = index_take(index, 0, bytes_of(text[0], size));
    entries[1] = index_take(index, 0, bytes_of(text[1], size));
    entries[2] = index_take(index, 0, bytes_of(text[2], size));
    text[1][size - 1] = '>';
    text[2][size - 1] = '>';
    entries[3] = index_take(index, 0, bytes_of(text[1], size));
    entries[4] = index_take(index, 0, bytes_of(text[2], size));
    struct index_match match;
    struct bytes subject = bytes_of(text[0], size);
    index_match(index, 0, subject, index_hash(HASH_KEY, 0, subject), &match);
    assert_ptr_equal(match.literal, entries[0]);
    assert_int_equal(match.wildcards_count, 4);
    index_check(index);
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        index_remove(index, entries[i]);
    }
    index_check(index);
    uint64_t scratch = 200000; /* of one match this deep, kept; nodes would be far more */
    assert_true(index_bytes(index) < before + scratch);
    index_free(index);
}

/*
 * Goal:    a literal costs at most 72 bytes beside the caller's part and the text, and at most 80
 *          while the table is being resized.
 * Method:  after each of many insertions; the last one is far from a resize.
 */
static void test_index_overhead(void **state)
{
    (void)state;
    struct index *index = index_make(0);
    uint64_t base = index_bytes(index);
    uint64_t useful = 0;
    char text[32];
    uint64_t overhead = 0;
    for (uint64_t i = 1; i <= 120000; i++) {
        int size = snprintf(text, sizeof text, "subject.%llu", (unsigned long long)i);
        index_take(index, 0, bytes_of(text, (size_t)size));
        useful += (uint64_t)size + sizeof(struct item) - sizeof(struct index_entry);
        overhead = index_bytes(index) - base - useful;
        if (i > 100) {
            assert_true(overhead <= 80 * i);
        }
    }
    assert_true(overhead <= 72 * (uint64_t)120000);
    index_free(index);
}

/*
 * Goal:    the statistics count what happened.
 * Method:  a short script.
 */
static void test_index_stats(void **state)
{
    (void)state;
    struct index *index = index_make(64);
    struct item *literal = take_text(index, 0, "a");
    take_text(index, 0, "*");
    take_text(index, 0, "*");
    match_text(index, 0, "a");
    match_text(index, 0, "a");
    index_remove(index, &literal->entry);
    struct index_stats stats = index_stats(index);
    assert_int_equal(stats.entries, 1);
    assert_int_equal(stats.wildcards, 1);
    assert_int_equal(stats.cached, 1);
    assert_int_equal(stats.inserts, 2);
    assert_int_equal(stats.removes, 1);
    assert_int_equal(stats.matches, 2);
    assert_int_equal(stats.cache_hits, 1);
    assert_int_equal(stats.cache_misses, 1);
    index_free(index);
}

/*
 * Goal:    what lies in an entry's room stays, aligned, whatever becomes of the entry, and goes when
 *          it is given; nobody gets a room that is taken or too small.
 * Method:  patterns of all lengths around a multiple of 16; the room taken, filled, given, taken again,
 *          and given before and after the entry is removed and there is another of the same pattern;
 *          the index counts the block but for a taken room, as long as it is there.
 *          The sanitizer sees memory that goes too early, or stays.
 */
static void test_index_room(void **state)
{
    (void)state;
    enum { ROOM = 64 };
    struct index *index = index_make(0);
    for (size_t length = 1; length <= 20; length++) {
        struct bytes pattern = bytes_of("abcdefghijklmnopqrstuvwxyz", length);
        uint64_t bytes = index_bytes(index);
        struct index_entry *entry = index_take_roomy(index, 0, pattern, ROOM);
        uint64_t idle = index_bytes(index) - bytes;
        assert_in_range(idle - ROOM, sizeof(struct item) + length,
                        sizeof(struct item) + length + 15);
        assert_null(index_room_take(index, entry, ROOM + 1));
        uint8_t *room = index_room_take(index, entry, ROOM);
        assert_non_null(room);
        assert_int_equal((uintptr_t)room % 16, 0);
        assert_null(index_room_take(index, entry, 1));
        assert_int_equal(index_bytes(index) - bytes, idle - ROOM);
        memset(room, 0xEE, ROOM);
        assert_true(bytes_equal(index_pattern(index, entry), pattern));
        assert_ptr_equal(index_take(index, 0, pattern), entry);
        index_room_give(index, entry);
        assert_int_equal(index_bytes(index) - bytes, idle);
        assert_ptr_equal(index_find(index, 0, pattern), entry);
        assert_ptr_equal(index_room_take(index, entry, ROOM - 1), room);
        for (size_t i = 0; i < ROOM - 1; i++) {
            assert_int_equal(room[i], 0);
        }
        memset(room, 0xEE, ROOM);
        index_remove(index, entry);
        assert_int_equal(index_bytes(index) - bytes, idle - ROOM); /* it is there yet */
        assert_null(index_find(index, 0, pattern));
        struct index_entry *other = index_take_roomy(index, 0, pattern, ROOM);
        assert_ptr_not_equal(other, entry);
        index_check(index);
        for (size_t i = 0; i < ROOM; i++) {
            assert_int_equal(room[i], 0xEE);
        }
        index_room_give(index, entry);
        index_remove(index, other);
        assert_int_equal(index_bytes(index), bytes);
    }
    index_free(index);
}

/*
 * Goal:    a room is there up to a block of INDEX_BLOCK_MAX, and none where none was asked for.
 * Method:  both sides of the limit, a literal and a wildcard.
 */
static void test_index_room_is_small(void **state)
{
    (void)state;
    struct index *index = index_make(0);
    size_t most = INDEX_BLOCK_MAX - (sizeof(struct item) + 16);
    struct index_entry *none = index_take(index, 0, bytes_text("no.room"));
    assert_null(index_room_take(index, none, 1));
    struct index_entry *fits = index_take_roomy(index, 0, bytes_text("literal"), most);
    assert_non_null(index_room_take(index, fits, most));
    index_room_give(index, fits);
    struct index_entry *wildcard = index_take_roomy(index, 0, bytes_text("wild.>"), most);
    assert_non_null(index_room_take(index, wildcard, most));
    index_room_give(index, wildcard);
    struct index_entry *above = index_take_roomy(index, 0, bytes_text("above"), most + 1);
    assert_null(index_room_take(index, above, 1));
    index_check(index);
    index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_against_brute_force),
        cmocka_unit_test(test_index_accounts),
        cmocka_unit_test(test_index_subject_with_wildcard_token),
        cmocka_unit_test(test_index_match_allocates_nothing),
        cmocka_unit_test(test_index_new_subjects_reuse_lines),
        cmocka_unit_test(test_index_invalidation_by_overlap),
        cmocka_unit_test(test_index_cache_is_bounded),
        cmocka_unit_test(test_index_deep),
        cmocka_unit_test(test_index_overhead),
        cmocka_unit_test(test_index_stats),
        cmocka_unit_test(test_index_room),
        cmocka_unit_test(test_index_room_is_small),
    };
    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
