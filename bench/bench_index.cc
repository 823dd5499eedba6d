/*
 * bench_index.cc - what does it cost to find who wants a subject, and to change who does?
 *
 *   literal         subjects of 1 to 1,000,000 literal subscriptions, none of them a wildcard
 *   foreseen        the same, each asked for some matches earlier and in two steps, as the hub does
 *                   for publishes that wait in one read
 *   nobody          subjects that nobody subscribed to
 *   cached          the same with one wildcard in ten subscriptions, subjects seen before
 *   walked          the same without a cache: every match walks the trie
 *   churn           add and remove one wildcard beside 1 to 1,000,000 others, and match a cached
 *                   subject that it does not overlap: the cache must keep its hits
 *   add_remove      add and remove one literal; found and hits are per operation
 *
 * Subjects are visited in a fixed pseudo-random order, so that a large index misses the CPU's
 * caches as it would in use. An index is built once per size and kept.
 */
#include "bench/bench_message.h"
#include "core/index.h"

#include <benchmark/benchmark.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace
{

enum {
    HASH_KEY = 42,
    SUBJECTS = 4096, /* matched; all of them are in the index's cache */
    CACHE_ENTRIES = 4 * SUBJECTS,
    LITERALS = 1 << 17, /* matched where nothing is cached: more than the CPU's caches hold */
    STEP = 5,           /* matches between two steps ahead, as in hub_foresee.c */
};

struct entry {
    index_entry base; /* first */
    void *caller[2];
};

/* Its text lies where the CPU expects it, as in a read buffer: what is waited for is the index. */
struct subject {
    uint64_t hash;
    uint8_t size;
    char text[39];
};

struct fixture {
    fixture() = default;
    ~fixture()
    {
        index_free(index);
    }
    fixture(const fixture &) = delete;
    fixture &operator=(const fixture &) = delete;

    struct index *index = nullptr;
    std::vector<subject> known; /* each subscribed to, or matched by a wildcard */
    std::vector<subject> unknown;
};

std::string subject_text(uint64_t i)
{
    return "region." + std::to_string(i % 1000) + ".device." + std::to_string(i);
}

/* Of the i-th subscription; one in ten is a wildcard when wildcards is set. */
std::string pattern_text(uint64_t i, bool wildcards)
{
    if (!wildcards || i % 10 != 0) {
        return subject_text(i);
    }
    return "region." + std::to_string(i % 1000) + ".*." + std::to_string(i);
}

bytes bytes_of_text(const std::string &text)
{
    return bytes_of(text.data(), text.size());
}

subject subject_of(const std::string &text)
{
    subject made = {
        index_hash(HASH_KEY, 0, bytes_of_text(text)), static_cast<uint8_t>(text.size()), {}};
    ASSERT(text.size() <= sizeof(made.text));
    memcpy(made.text, text.data(), text.size());
    return made;
}

bytes view(const subject &subject)
{
    return bytes_of(subject.text, subject.size);
}

uint64_t match_one(struct index *index, const subject &subject)
{
    struct index_match match;
    index_match(index, 0, view(subject), subject.hash, &match);
    return (match.literal != nullptr) + match.wildcards_count;
}

/* A table that grew is moved by the matches that follow, some slots each: until that is over they
 * cost more. */
void settle(struct index *index, uint64_t size)
{
    subject nobodys = subject_of("nobody");
    for (uint64_t i = 0; i < size / 8; i++) {
        match_one(index, nobodys);
    }
}

fixture *fixture_build(uint64_t size, bool wildcards, uint32_t cache_entries)
{
    auto *made = new fixture;
    index_options options = {};
    options.entry_size = sizeof(entry);
    options.hash_key = HASH_KEY;
    options.cache_entries_max = cache_entries;
    made->index = index_new(&options);
    for (uint64_t i = 0; i < size; i++) {
        index_take(made->index, 0, bytes_of_text(pattern_text(i, wildcards)));
    }
    settle(made->index, size);
    uint64_t random = 1;
    for (int i = 0; i < (wildcards ? SUBJECTS : LITERALS); i++) {
        made->known.push_back(subject_of(subject_text(bench_draw(&random, size))));
        made->unknown.push_back(
            subject_of("nobody." + std::to_string(bench_draw(&random, UINT32_MAX))));
    }
    return made;
}

/* Lives until the program ends: building a million takes longer than measuring. */
fixture *fixture_of(uint64_t size, bool wildcards, uint32_t cache_entries)
{
    static std::map<std::string, std::unique_ptr<fixture>> fixtures;
    std::string key =
        std::to_string(size) + (wildcards ? "w" : "l") + std::to_string(cache_entries);
    std::unique_ptr<fixture> &place = fixtures[key];
    if (!place) {
        place.reset(fixture_build(size, wildcards, cache_entries));
    }
    return place.get();
}

/* found_each: what each match must find; both lists are of a power of two. */
template <bool foresees>
void match_all(benchmark::State &state, fixture *f, const std::vector<subject> &subjects,
               uint64_t found_each)
{
    uint64_t found = 0;
    size_t i = 0;
    size_t mask = subjects.size() - 1;
    for (const subject &s : subjects) {
        match_one(f->index, s); /* fills the cache */
    }
    for (auto _ : state) {
        if (foresees) {
            index_fetch_slot(f->index, subjects[(i + 2 * STEP) & mask].hash);
            benchmark::DoNotOptimize(index_fetch(f->index, subjects[(i + STEP) & mask].hash));
        }
        found += match_one(f->index, subjects[i++ & mask]);
    }
    ASSERT(found == found_each * static_cast<uint64_t>(state.iterations()));
    state.SetItemsProcessed(state.iterations());
    state.counters["found"] = static_cast<double>(found) / static_cast<double>(state.iterations());
    state.counters["bytes"] = static_cast<double>(index_bytes(f->index));
}

void index_literal(benchmark::State &state)
{
    fixture *f = fixture_of(static_cast<uint64_t>(state.range(0)), false, CACHE_ENTRIES);
    match_all<false>(state, f, f->known, 1);
}

void index_foreseen(benchmark::State &state)
{
    fixture *f = fixture_of(static_cast<uint64_t>(state.range(0)), false, CACHE_ENTRIES);
    match_all<true>(state, f, f->known, 1);
}

void index_nobody(benchmark::State &state)
{
    fixture *f = fixture_of(static_cast<uint64_t>(state.range(0)), false, CACHE_ENTRIES);
    match_all<false>(state, f, f->unknown, 0);
}

void index_cached(benchmark::State &state)
{
    fixture *f = fixture_of(static_cast<uint64_t>(state.range(0)), true, CACHE_ENTRIES);
    match_all<false>(state, f, f->known, 1);
}

void index_walked(benchmark::State &state)
{
    fixture *f = fixture_of(static_cast<uint64_t>(state.range(0)), true, 0);
    match_all<false>(state, f, f->known, 1);
}

void index_churn(benchmark::State &state)
{
    fixture *f = fixture_of(static_cast<uint64_t>(state.range(0)), true, CACHE_ENTRIES);
    match_one(f->index, f->known[0]);
    struct index_stats before = index_stats(f->index);
    uint64_t found = 0;
    std::string pattern = "_INBOX.x8kT2vQzC6mW1r.*";
    for (auto _ : state) {
        index_entry *added = index_take(f->index, 0, bytes_of_text(pattern));
        found += match_one(f->index, f->known[0]);
        index_remove(f->index, added);
    }
    ASSERT(found == static_cast<uint64_t>(state.iterations()));
    struct index_stats after = index_stats(f->index);
    state.SetItemsProcessed(state.iterations());
    state.counters["hits"] = static_cast<double>(after.cache_hits - before.cache_hits) /
                             static_cast<double>(state.iterations());
}

void index_add_remove(benchmark::State &state)
{
    fixture *f = fixture_of(static_cast<uint64_t>(state.range(0)), false, CACHE_ENTRIES);
    uint64_t before = index_count(f->index);
    size_t i = 0;
    for (auto _ : state) {
        const subject &s = f->unknown[i++ % f->unknown.size()];
        struct index_entry *added = index_take(f->index, 0, view(s));
        ASSERT(index_count(f->index) == before + 1);
        index_remove(f->index, added);
    }
    ASSERT(index_count(f->index) == before);
    state.SetItemsProcessed(state.iterations());
}

#define SIZES Arg(1)->Arg(1000)->Arg(100000)->Arg(1000000)

BENCHMARK(index_literal)->SIZES;
BENCHMARK(index_foreseen)->Arg(1000)->Arg(1000000);
BENCHMARK(index_nobody)->SIZES;
BENCHMARK(index_add_remove)->SIZES;
BENCHMARK(index_cached)->SIZES;
BENCHMARK(index_churn)->SIZES;
BENCHMARK(index_walked)->Arg(1)->Arg(1000)->Arg(100000);

} // namespace
