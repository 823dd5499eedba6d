/* scenarios_match.c - from a subject to its entries, by the index alone. */
#include "core/index.h"
#include "tests/gate/scenario.h"

#include <stdio.h>

enum { MATCHES = 4096, WARM_ROUNDS = 4, WILDCARDS = 1000, CACHE_ENTRIES = 8192 };

static const uint64_t HASH_KEY = 0x0123456789ABCDEF;

/* Names are made before anything counts. */
struct name {
    char text[40];
    struct bytes subject;
};

static void name_set(struct name *name, const char *format, uint32_t number)
{
    int size = snprintf(name->text, sizeof(name->text), format, number);
    ASSERT(size > 0);
    name->subject = bytes_of(name->text, (size_t)size);
}

static struct index *index_with(uint32_t literals, uint32_t wildcards)
{
    struct index_options options = {.entry_size = sizeof(struct index_entry),
                                    .hash_key = HASH_KEY,
                                    .cache_entries_max = CACHE_ENTRIES};
    struct index *index = index_new(&options);
    struct name name;
    for (uint32_t i = 0; i < literals; i++) {
        name_set(&name, "orders.%u.new", i);
        struct index_entry *entry = index_take(index, 0, name.subject);
        ASSERT(!entry->is_wildcard);
    }
    for (uint32_t i = 0; i < wildcards; i++) {
        name_set(&name, i % 2 == 0 ? "orders.%u.*" : "orders.%u.>", i);
        struct index_entry *entry = index_take(index, 0, name.subject);
        ASSERT(entry->is_wildcard);
    }
    return index;
}

/* One match and its hash, as hub_publish has to make it. */
static void round_of_matches(struct index *index, const struct name *names, uint32_t count,
                             uint32_t found_each)
{
    uint32_t found = 0;
    COUNT_ON();
    for (uint32_t i = 0; i < count; i++) {
        struct index_match match;
        uint64_t hash = index_hash(HASH_KEY, 0, names[i].subject);
        index_match(index, 0, names[i].subject, hash, &match);
        found += (match.literal != NULL) + match.wildcards_count;
    }
    COUNT_OFF();
    ASSERT(found == count * found_each);
}

/* Subjects are taken all over the table. with_cache: warmed up with the same subjects. */
static void match(struct rig *rig, uint32_t literals, uint32_t wildcards, bool with_cache)
{
    rig_init(rig, 1, 64);
    static struct name names[MATCHES];
    static struct name others[MATCHES];
    uint32_t numbers = MAX_OF(literals, wildcards);
    for (uint32_t i = 0; i < MATCHES; i++) {
        uint32_t number = i * 2654435761u % numbers;
        if (with_cache || wildcards == 0) {
            name_set(&names[i], "orders.%u.new", number);
        } else {
            int size = snprintf(names[i].text, sizeof(names[i].text), "orders.%u.%u", number, i);
            names[i].subject = bytes_of(names[i].text, (size_t)size);
        }
        int size = snprintf(others[i].text, sizeof(others[i].text), "orders.%u.w%u", number, i);
        others[i].subject = bytes_of(others[i].text, (size_t)size);
    }
    struct index *index = index_with(literals, wildcards);
    uint32_t found_each = (literals > 0) + (wildcards > 0);
    /* Each match moves a few slots of a table that is being resized: as long as that goes on, and
     * until each subject is in the cache, they cost more. */
    for (int i = 0; i < WARM_ROUNDS; i++) {
        round_of_matches(index, with_cache || wildcards == 0 ? names : others, MATCHES, found_each);
    }
    uint64_t hits = index_stats(index).cache_hits;
    rig_measure(rig);
    round_of_matches(index, names, MATCHES, found_each);
    rig_measured(rig, MATCHES);
    hits = index_stats(index).cache_hits - hits;
    ASSERT(wildcards == 0 || hits == (with_cache ? MATCHES : 0));
    index_free(index);
}

static void match_1(struct rig *rig)
{
    match(rig, 1, 0, false);
}

static void match_1000(struct rig *rig)
{
    match(rig, 1000, 0, false);
}

static void match_100000(struct rig *rig)
{
    match(rig, 100000, 0, false);
}

static void match_wildcards_cached(struct rig *rig)
{
    match(rig, 0, WILDCARDS, true);
}

static void match_wildcards_walked(struct rig *rig)
{
    match(rig, 0, WILDCARDS, false);
}

static void match_both_cached(struct rig *rig)
{
    match(rig, 1000, WILDCARDS, true);
}

const struct scenario scenarios_match[] = {
    {"match/1_literal", "match", match_1},
    {"match/1000_literals", "match", match_1000},
    {"match/100000_literals", "match", match_100000},
    {"match/1000_wildcards_cached", "match", match_wildcards_cached},
    {"match/1000_wildcards_walked", "match", match_wildcards_walked},
    {"match/1000_literals_and_wildcards_cached", "match", match_both_cached},
    {NULL, NULL, NULL},
};
