/*
 * bench_interest.cc - what does it cost to know which other workers want a subject?
 *
 *   interest/literal/N/WORKERS    a hash that another worker wants, of N
 *   interest/fetched/N/WORKERS    the same, each asked for AHEAD look-ups earlier, as the hub does for
 *                                 publishes that wait in one read
 *   interest/nobody/N/WORKERS     a hash that nobody wants
 *   interest/change/N/WORKERS     one hash more and one less
 *
 * Hashes are visited in a random order that is longer than the CPU's caches hold lines, so that a
 * large table misses them as it would in use. Tables are built once per size and kept. bytes/hash is
 * what the tables of a worker take for each.
 */
#include "bench/bench_message.h"
#include "core/interest.h"

#include <benchmark/benchmark.h>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace
{

enum { LOOKUPS = 1 << 18, AHEAD = 16, HASH_KEY = 42, WORKER = 1 };

struct Table {
    explicit Table(uint32_t workers)
    {
        interest_init(&interest, workers, HASH_KEY);
    }
    ~Table()
    {
        interest_free(&interest);
    }
    Table(const Table &) = delete;
    Table &operator=(const Table &) = delete;

    struct interest interest;
    std::vector<uint64_t> wanted; /* LOOKUPS and AHEAD more, in the order of visits */
    std::vector<uint64_t> others;
};

void change(struct interest *interest, uint64_t hash, bool adds)
{
    struct interest_record record = {};
    record.hash = hash;
    record.kind = INTEREST_LITERAL;
    record.adds = adds;
    interest_apply(interest, WORKER, &record);
}

/* Spreads numbers as hashes are, each to one that differs from the others in INTEREST_HASH_BITS: steps
 * that can be undone, in 40 bits (after splitmix64). */
uint64_t hash_of(uint64_t number)
{
    const uint64_t bits = (1ull << 40) - 1;
    number = (number + 1) * 0x9E3779B97F4A7C15u & bits;
    number = (number ^ number >> 20) * 0xBF58476D1CE4E5B9u & bits;
    number ^= number >> 21;
    return number >> 32 << 56 | (number & UINT32_MAX);
}

static_assert(INTEREST_HASH_BITS == 0xFF000000FFFFFFFFull, "hash_of knows where they are");

std::unique_ptr<Table> table_build(uint64_t size, uint32_t workers)
{
    auto made = std::make_unique<Table>(workers);
    for (uint64_t i = 0; i < size; i++) {
        change(&made->interest, hash_of(i), true);
    }
    ASSERT(made->interest.literals == size);
    uint64_t random = 1;
    for (int i = 0; i < LOOKUPS + AHEAD; i++) {
        uint64_t drawn = bench_draw(&random, size);
        made->wanted.push_back(hash_of(drawn));
        made->others.push_back(hash_of(size + drawn));
    }
    return made;
}

/* Lives until the program ends: building a million takes longer than measuring. */
Table *table_of(const benchmark::State &state)
{
    static std::map<std::pair<int64_t, int64_t>, std::unique_ptr<Table>> tables;
    std::unique_ptr<Table> &place = tables[{state.range(0), state.range(1)}];
    if (!place) {
        place = table_build(static_cast<uint64_t>(state.range(0)),
                            static_cast<uint32_t>(state.range(1)));
    }
    return place.get();
}

void report(benchmark::State &state, const Table *table)
{
    state.SetItemsProcessed(state.iterations());
    state.counters["s/lookup"] =
        benchmark::Counter(static_cast<double>(state.iterations()),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
    state.counters["bytes/hash"] = static_cast<double>(interest_bytes(&table->interest)) /
                                   static_cast<double>(table->interest.literals);
}

/* Looks all hashes up in turn, over and over; returns how many were wanted. */
template <bool fetches>
uint64_t look_up(benchmark::State &state, const Table *table, const std::vector<uint64_t> &hashes)
{
    for (uint64_t hash : hashes) {
        benchmark::DoNotOptimize(interest_literal(&table->interest, hash)); /* as in use */
    }
    uint64_t wanted = 0;
    size_t i = 0;
    for (auto _ : state) {
        if (fetches) {
            interest_fetch(&table->interest, hashes[i + AHEAD]);
        }
        wanted += interest_literal(&table->interest, hashes[i]) != 0;
        i = (i + 1) % LOOKUPS;
    }
    report(state, table);
    return wanted;
}

void literal(benchmark::State &state)
{
    const Table *table = table_of(state);
    uint64_t wanted = look_up<false>(state, table, table->wanted);
    ASSERT(wanted == static_cast<uint64_t>(state.iterations()));
}

void fetched(benchmark::State &state)
{
    const Table *table = table_of(state);
    uint64_t wanted = look_up<true>(state, table, table->wanted);
    ASSERT(wanted == static_cast<uint64_t>(state.iterations()));
}

void nobody(benchmark::State &state)
{
    const Table *table = table_of(state);
    uint64_t wanted = look_up<false>(state, table, table->others);
    ASSERT(wanted == 0);
}

void change_one(benchmark::State &state)
{
    Table *table = table_of(state);
    uint64_t before = table->interest.literals;
    size_t i = 0;
    for (auto _ : state) {
        change(&table->interest, table->others[i], true);
        ASSERT(table->interest.literals == before + 1);
        change(&table->interest, table->others[i], false);
        i = (i + 1) % LOOKUPS;
    }
    ASSERT(table->interest.literals == before);
    state.SetItemsProcessed(2 * state.iterations());
}

/* Hashes, workers: a mask is a byte, or eight. */
#define SIZES ArgsProduct({{1000, 1000000}, {2, 64}})

BENCHMARK(literal)->Name("interest/literal")->SIZES;
BENCHMARK(fetched)->Name("interest/fetched")->SIZES;
BENCHMARK(nobody)->Name("interest/nobody")->SIZES;
BENCHMARK(change_one)->Name("interest/change")->SIZES;

} // namespace
