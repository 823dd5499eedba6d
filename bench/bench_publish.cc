/*
 * bench_publish.cc - what does a delivery cost in user space, from hub_publish to its extent, and
 * from there to the sends?
 *
 *   publish/shared/N/M   N sessions of one subject and one sid: one audience, rendered once
 *   publish/alone/N/M    the same with a sid each: N audiences, a reference to the run each
 *   turn/…               the whole turn with its flush: every send is taken whole, by nobody
 *
 * N is 1, 100 and 10,000; M messages of 128 bytes are published in a turn, one run. ns/delivery is
 * the time over N x M deliveries; bytes is what the sends of a turn carry, as a checksum. The turn
 * makes no system call, so the kernel's share is not in it.
 */
#include "core/hub.h"

#include <benchmark/benchmark.h>
#include <chrono>
#include <string>
#include <vector>

namespace
{

constexpr const char *subject = "bench.subject";
constexpr size_t payload_bytes = 128;
constexpr size_t sends_max = 1024;

class Bench
{
  public:
    Bench(uint32_t sessions, bool alone);
    ~Bench();
    Bench(const Bench &) = delete;
    Bench &operator=(const Bench &) = delete;
    void publish(uint32_t messages);
    /* Returns the bytes of the turn's sends. */
    uint64_t flush();

  private:
    struct port *port_;
    struct hub *hub_;
    struct session *publisher_;
    uint64_t now_ns_ = 1000;
    std::vector<struct send_op> sends_;
    std::string payload_;
};

Bench::Bench(uint32_t sessions, bool alone) : sends_(sends_max), payload_(payload_bytes, 'x')
{
    port_ = static_cast<struct port *>(memory_alloc_aligned(CACHE_LINE, sizeof(struct port)));
    mpsc_init(&port_->inbox);
    doorbell_init(&port_->bell);
    struct hub_options options = {};
    options.workers_count = 1;
    options.ports = port_;
    options.hash_key = 42;
    options.seed = 42;
    options.client_size = sizeof(struct session);
    options.sessions_max = sessions + 1;
    options.max_pending = 64ull << 20;
    options.write_deadline_ns = 1000000000ull;
    options.log_bytes_max = 1ull << 30;
    options.index_bytes_max = 1ull << 30;
    options.input_bytes_max = 1ull << 20;
    options.credit_bytes = 1ull << 20;
    hub_ = hub_new(&options, now_ns_);
    hub_turn_begin(hub_, now_ns_);
    for (uint32_t i = 0; i < sessions; i++) {
        struct session *session = hub_session_open(hub_, i + 2);
        std::string sid = std::to_string(alone ? i : 1);
        enum hub_subscribe_result result = hub_subscribe(hub_, session, bytes_text(subject),
                                                         bytes_text(""), bytes_text(sid.c_str()));
        ASSERT(result == HUB_SUBSCRIBED);
    }
    publisher_ = hub_session_open(hub_, 1);
    flush();
}

Bench::~Bench()
{
    hub_free(hub_);
    memory_free(port_);
}

void Bench::publish(uint32_t messages)
{
    now_ns_ += 1000;
    hub_turn_begin(hub_, now_ns_);
    struct message_in in = {};
    in.subject = bytes_text(subject);
    in.size_text = bytes_text("128");
    in.payload = bytes_of(payload_.data(), payload_.size());
    for (uint32_t i = 0; i < messages; i++) {
        enum hub_publish_result result = hub_publish(hub_, publisher_, &in, 1 << 20, false);
        ASSERT(result == HUB_PUBLISHED);
    }
    uint64_t bells = hub_push(hub_);
    ASSERT(bells == 0);
}

uint64_t Bench::flush()
{
    uint64_t bytes = 0;
    size_t count;
    while ((count = hub_flush_next(hub_, sends_.data(), sends_max)) > 0) {
        for (size_t i = 0; i < count; i++) {
            sends_[i].result = static_cast<int64_t>(sends_[i].size);
            bytes += sends_[i].size;
        }
        hub_flush_results(hub_, sends_.data(), count);
    }
    uint64_t bells = hub_turn_end(hub_);
    ASSERT(bells == 0);
    uint32_t wants;
    while (hub_want_next(hub_, &wants) != nullptr) {
    }
    return bytes;
}

void report(benchmark::State &state, uint64_t bytes)
{
    double deliveries = static_cast<double>(state.iterations()) *
                        static_cast<double>(state.range(0) * state.range(1));
    state.SetItemsProcessed(static_cast<int64_t>(deliveries));
    state.counters["bytes"] = static_cast<double>(bytes);
    /* Seconds per delivery: printed with its unit, as 12.3n. */
    state.counters["s/delivery"] =
        benchmark::Counter(deliveries, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void publish(benchmark::State &state, bool alone)
{
    Bench bench(static_cast<uint32_t>(state.range(0)), alone);
    uint64_t bytes = 0;
    for (auto _ : state) {
        auto start = std::chrono::steady_clock::now();
        bench.publish(static_cast<uint32_t>(state.range(1)));
        auto end = std::chrono::steady_clock::now();
        state.SetIterationTime(std::chrono::duration<double>(end - start).count());
        bytes = bench.flush();
    }
    report(state, bytes);
}

void turn(benchmark::State &state, bool alone)
{
    Bench bench(static_cast<uint32_t>(state.range(0)), alone);
    uint64_t bytes = 0;
    for (auto _ : state) {
        auto start = std::chrono::steady_clock::now();
        bench.publish(static_cast<uint32_t>(state.range(1)));
        bytes = bench.flush();
        auto end = std::chrono::steady_clock::now();
        state.SetIterationTime(std::chrono::duration<double>(end - start).count());
    }
    report(state, bytes);
}

void sizes(benchmark::internal::Benchmark *b)
{
    b->ArgsProduct({{1, 100, 10000}, {1, 16}})->UseManualTime();
}

BENCHMARK_CAPTURE(publish, shared, false)->Apply(sizes);
BENCHMARK_CAPTURE(publish, alone, true)->Apply(sizes);
BENCHMARK_CAPTURE(turn, shared, false)->Apply(sizes);
BENCHMARK_CAPTURE(turn, alone, true)->Apply(sizes);

} // namespace
