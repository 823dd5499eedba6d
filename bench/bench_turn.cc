/*
 * bench_turn.cc - what does a turn cost in user space: from hub_publish to the audiences, and from
 * there to the sends?
 *
 *   turn/SHAPE/N/M/BYTES     N sessions hear M messages a turn; every send is taken whole
 *   stalled/SHAPE/N/M/BYTES  the same when no socket takes anything: what waits grows
 *
 *   in_step    one subject and one sid: rendered once, and who keeps up is not touched
 *   sids       one subject, a sid each: a reference to the run each, rendered for each send
 *   sets       ten subjects that take turns, so that each message is a piece; all hear the same ten.
 *              From 256 pieces a turn on, and while they are stalled, they share a list of them
 *   own_sets   the same ten, and two more by which no two sessions hear the same: a list for each
 *   sets_sids  ten subjects, each with a sid that nobody else has
 *
 * s/delivery is the whole turn over N x M, s/message the part before the flush over M, s/send the
 * flush over its sends. Every turn's deliveries and bytes are counted and compared with what they
 * must be; a stalled turn's when all that waited was drained, untimed. No system call is made, so the
 * kernel's share is in none of it.
 */
#include "bench/bench_hub.h"
#include "bench/bench_message.h"

#include <benchmark/benchmark.h>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace
{

enum { SUBJECTS = 10, STALLED_TURNS = 16, WARM_TURNS = 3 };

enum class Shape { in_step, sids, sets, own_sets, sets_sids };

using Clock = std::chrono::steady_clock;

struct bytes view(const std::string &text)
{
    return bytes_of(text.data(), text.size());
}

/* A subject, and what one message of it comes to for all that hear it. */
struct Topic {
    std::string subject;
    bench_message message;
    uint64_t frames_bytes = 0;
};

class Crowd
{
  public:
    Crowd(Shape shape, const benchmark::State &state);
    ~Crowd();
    Crowd(const Crowd &) = delete;
    Crowd &operator=(const Crowd &) = delete;

    void publish();
    bench_sent flush(bool takes);
    bench_sent drain();

    /* Of one turn. */
    uint64_t messages() const
    {
        return messages_;
    }
    uint64_t deliveries() const
    {
        return sessions_ * messages_;
    }
    uint64_t bytes() const;

  private:
    void hear(struct session *session, Topic *topic, const std::string &sid);
    void hear_pair(struct session *session, uint64_t number);

    uint64_t sessions_;
    uint64_t messages_;
    bench_hub *hub_;
    struct session *publisher_;
    std::vector<std::unique_ptr<Topic>> topics_;
};

Crowd::Crowd(Shape shape, const benchmark::State &state)
    : sessions_(static_cast<uint64_t>(state.range(0))),
      messages_(static_cast<uint64_t>(state.range(1))),
      hub_(bench_hub_new(1, static_cast<uint32_t>(sessions_) + 1))
{
    bool one_subject = shape == Shape::in_step || shape == Shape::sids;
    bool own_sids = shape == Shape::sids || shape == Shape::sets_sids;
    for (int i = 0; i < (one_subject ? 1 : SUBJECTS); i++) {
        topics_.push_back(std::make_unique<Topic>());
        topics_[i]->subject = "bench.subject." + std::to_string(i);
        bench_message_init(&topics_[i]->message, view(topics_[i]->subject),
                           static_cast<size_t>(state.range(2)));
    }
    bench_hub_begin(hub_, 0);
    publisher_ = bench_hub_open(hub_, 0);
    for (uint64_t i = 0; i < sessions_; i++) {
        struct session *session = bench_hub_open(hub_, 0);
        for (size_t k = 0; k < topics_.size(); k++) {
            hear(session, topics_[k].get(), std::to_string(own_sids ? 100 * i + k : k));
        }
        if (shape == Shape::own_sets) {
            hear_pair(session, i);
            hear_pair(session, (i + 1) % sessions_);
        }
    }
    bench_hub_push(hub_, 0);
    flush(true);
}

Crowd::~Crowd()
{
    bench_hub_free(hub_);
}

void Crowd::hear(struct session *session, Topic *topic, const std::string &sid)
{
    bench_hub_subscribe(hub_, 0, session, view(topic->subject), view(sid));
    topic->frames_bytes += bench_message_frame_bytes(&topic->message, sid.size());
}

/* A subject of two neighbours, to which nobody publishes; which one that is differs for each pair of
 * numbers that follow each other, where their count is even. */
void Crowd::hear_pair(struct session *session, uint64_t number)
{
    std::string subject = "pair." + std::to_string(number);
    std::string sid = number % 2 == 0 ? "even" : "odd";
    bench_hub_subscribe(hub_, 0, session, view(subject), view(sid));
}

void Crowd::publish()
{
    uint64_t before = bench_hub_deliveries(hub_);
    bench_hub_begin(hub_, 0);
    for (uint64_t i = 0; i < messages_; i++) {
        bench_hub_publish(hub_, 0, publisher_, &topics_[i % topics_.size()]->message.in);
    }
    bench_hub_push(hub_, 0);
    ASSERT(bench_hub_deliveries(hub_) - before == deliveries());
}

bench_sent Crowd::flush(bool takes)
{
    return bench_hub_flush(hub_, 0, takes);
}

bench_sent Crowd::drain()
{
    return bench_hub_drain(hub_, 0);
}

uint64_t Crowd::bytes() const
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < messages_; i++) {
        sum += topics_[i % topics_.size()]->frames_bytes;
    }
    return sum;
}

/* ---- measuring ------------------------------------------------------------------------------- */

struct Times {
    Clock::duration publish{};
    Clock::duration flush{};
    bench_sent sent{};
};

double seconds(Clock::duration duration)
{
    return std::chrono::duration<double>(duration).count();
}

/* One turn; returns what it took. */
double time_turn(Crowd &crowd, bool takes, Times *times)
{
    auto start = Clock::now();
    crowd.publish();
    auto published = Clock::now();
    bench_sent sent = crowd.flush(takes);
    auto end = Clock::now();
    times->publish += published - start;
    times->flush += end - published;
    times->sent.sends += sent.sends;
    times->sent.vectors += sent.vectors;
    times->sent.bytes += sent.bytes;
    return seconds(end - start);
}

void report(benchmark::State &state, const Crowd &crowd, const Times &times, uint64_t turns)
{
    double deliveries = static_cast<double>(turns * crowd.deliveries());
    state.SetItemsProcessed(static_cast<int64_t>(turns * crowd.deliveries()));
    state.counters["s/delivery"] = seconds(times.publish + times.flush) / deliveries;
    state.counters["s/message"] =
        seconds(times.publish) / static_cast<double>(turns * crowd.messages());
    if (times.sent.bytes > 0) {
        double sends = static_cast<double>(times.sent.sends);
        state.counters["s/send"] = seconds(times.flush) / sends;
        state.counters["vectors/send"] = static_cast<double>(times.sent.vectors) / sends;
        state.counters["bytes/send"] = static_cast<double>(times.sent.bytes) / sends;
    }
}

void turn(benchmark::State &state, Shape shape)
{
    Crowd crowd(shape, state);
    Times times;
    for (int i = 0; i < WARM_TURNS; i++) {
        time_turn(crowd, true, &times);
    }
    times = {};
    uint64_t turns = 0;
    for (auto _ : state) {
        uint64_t before = times.sent.bytes;
        state.SetIterationTime(time_turn(crowd, true, &times));
        ASSERT(times.sent.bytes - before == crowd.bytes());
        turns++;
    }
    report(state, crowd, times, turns);
}

/* STALLED_TURNS turns, and what they left drained; returns what the turns took. */
double time_stall(Crowd &crowd, Times *times)
{
    double took = 0;
    for (int i = 0; i < STALLED_TURNS; i++) {
        took += time_turn(crowd, false, times);
    }
    bench_sent sent = crowd.drain();
    ASSERT(sent.bytes == STALLED_TURNS * crowd.bytes());
    return took;
}

void stalled(benchmark::State &state, Shape shape)
{
    Crowd crowd(shape, state);
    Times times;
    time_stall(crowd, &times);
    times = {};
    uint64_t turns = 0;
    for (auto _ : state) {
        state.SetIterationTime(time_stall(crowd, &times));
        turns += STALLED_TURNS;
    }
    report(state, crowd, times, turns);
}

/* Sessions, messages a turn, bytes of each. */
void turns_of_one_subject(benchmark::internal::Benchmark *b)
{
    b->ArgsProduct({{1, 100, 10000}, {1, 16}, {128}});
    b->ArgsProduct({{1000}, {16}, {16, 1024, 16384}})->UseManualTime();
}

void turns_of_sets(benchmark::internal::Benchmark *b)
{
    b->ArgsProduct({{1000}, {16, 256, 1024}, {128}});
    b->ArgsProduct({{100}, {256}, {16, 1024, 4096}})->UseManualTime();
}

void turns_of_own_sets(benchmark::internal::Benchmark *b)
{
    b->ArgsProduct({{1000}, {16, 256, 1024}, {128}})->UseManualTime();
}

void stalled_turns(benchmark::internal::Benchmark *b)
{
    b->ArgsProduct({{100, 1000}, {16}, {128}})->UseManualTime();
}

BENCHMARK_CAPTURE(turn, in_step, Shape::in_step)->Apply(turns_of_one_subject);
BENCHMARK_CAPTURE(turn, sids, Shape::sids)->Apply(turns_of_one_subject);
BENCHMARK_CAPTURE(turn, sets, Shape::sets)->Apply(turns_of_sets);
BENCHMARK_CAPTURE(turn, own_sets, Shape::own_sets)->Apply(turns_of_own_sets);
BENCHMARK_CAPTURE(turn, sets_sids, Shape::sets_sids)->Apply(turns_of_own_sets);
BENCHMARK_CAPTURE(stalled, in_step, Shape::in_step)->Apply(stalled_turns);
BENCHMARK_CAPTURE(stalled, sids, Shape::sids)->Apply(stalled_turns);
BENCHMARK_CAPTURE(stalled, sets, Shape::sets)->Apply(stalled_turns);
BENCHMARK_CAPTURE(stalled, own_sets, Shape::own_sets)->Apply(stalled_turns);

} // namespace
