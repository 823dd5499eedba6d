/*
 * bench_subjects.cc - where subjects are many, what does a message wait for memory, and how much of
 * that does looking ahead save?
 *
 *   subjects/plain/N      N literal subscriptions of ten sessions on two workers; a turn publishes
 *                         MESSAGES messages to random ones of them, half of which the other worker hears
 *   subjects/foreseen/N   the same; each publish is told to the hub before its time, as the
 *                         front-end does with publishes that wait in one read
 *
 * The time is that of the publisher's worker, from hub_publish to its sends; s/message is a message's
 * share of it. s/peer is what the other worker needs for each message that it hears, from its inbox to
 * its sends: that one looks ahead in both. Deliveries are counted in each turn. The hubs are made once
 * per size and kept.
 */
#include "bench/bench_hub.h"
#include "bench/bench_message.h"

#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <vector>

namespace
{

enum {
    WORKERS = 2,
    SESSIONS_EACH = 5,
    MESSAGES = 256,
    DRAWN = 1 << 17, /* subjects that are published to: more than the CPU's caches hold */
    PAYLOAD_BYTES = 128,
    SUBSCRIPTIONS_A_TURN = 1024,
};

static_assert(DRAWN % MESSAGES == 0, "a turn's messages lie side by side");

struct Subject {
    char text[24];
    uint8_t size;
};

struct bytes view(const Subject &subject)
{
    return bytes_of(subject.text, subject.size);
}

Subject subject_of(uint64_t number)
{
    Subject subject = {};
    int size = snprintf(subject.text, sizeof(subject.text), "device.%lu.state",
                        static_cast<unsigned long>(number));
    ASSERT(size > 0 && static_cast<size_t>(size) < sizeof(subject.text));
    subject.size = static_cast<uint8_t>(size);
    return subject;
}

/* Two workers' hubs, with all their subscriptions. */
class Pair
{
  public:
    explicit Pair(uint64_t subjects);
    ~Pair()
    {
        bench_hub_free(hub_);
    }
    Pair(const Pair &) = delete;
    Pair &operator=(const Pair &) = delete;

    /* The publisher's worker. */
    void publish(const Subject *subjects, bool foreseen);
    /* The other one. */
    void hear();
    /* Its envelopes come home. */
    void settle();
    /* A round of all that is drawn: what other benchmarks left in the CPU's caches is gone, and tables
     * that grew are moved by the messages that follow. */
    void warm();

    std::vector<Subject> drawn;

    uint64_t deliveries() const
    {
        return bench_hub_deliveries(hub_);
    }

  private:
    void begin(uint32_t worker);
    void end(uint32_t worker);

    bench_hub *hub_;
    struct session *publisher_;
    bench_message message_;
};

void Pair::begin(uint32_t worker)
{
    bench_hub_begin(hub_, worker);
}

void Pair::end(uint32_t worker)
{
    bench_hub_push(hub_, worker);
    bench_hub_flush(hub_, worker, true);
}

Pair::Pair(uint64_t subjects) : hub_(bench_hub_new(WORKERS, WORKERS * SESSIONS_EACH + 1))
{
    bench_message_init(&message_, bytes_of(nullptr, 0), PAYLOAD_BYTES);
    struct session *sessions[WORKERS * SESSIONS_EACH];
    begin(0);
    begin(1);
    publisher_ = bench_hub_open(hub_, 0);
    for (uint32_t i = 0; i < WORKERS * SESSIONS_EACH; i++) {
        sessions[i] = bench_hub_open(hub_, i % WORKERS);
    }
    for (uint64_t i = 0; i < subjects; i++) {
        uint64_t hearer = i % (WORKERS * SESSIONS_EACH);
        Subject subject = subject_of(i);
        char sid[24];
        int size = snprintf(sid, sizeof(sid), "%lu", static_cast<unsigned long>(i));
        bench_hub_subscribe(hub_, hearer % WORKERS, sessions[hearer], view(subject),
                            bytes_of(sid, static_cast<size_t>(size)));
        if (i % SUBSCRIPTIONS_A_TURN == SUBSCRIPTIONS_A_TURN - 1) {
            end(0);
            end(1);
            begin(0);
            begin(1);
        }
    }
    end(0);
    end(1);
    settle();
    uint64_t random = 1;
    for (int i = 0; i < DRAWN; i++) {
        drawn.push_back(subject_of(bench_draw(&random, subjects)));
    }
}

void Pair::publish(const Subject *subjects, bool foreseen)
{
    struct hub *hub = bench_hub_worker(hub_, 0);
    struct hub_foresight foresight;
    foresight.known = 0;
    begin(0);
    for (uint32_t done = 0; done < MESSAGES; done++) {
        if (foreseen) {
            while (foresight.known < MESSAGES && foresight.known - done < HUB_FORESEEN_MAX) {
                MAYBE(hub_foresee(hub, &foresight, view(subjects[foresight.known])));
            }
            hub_foresee_next(hub, &foresight, done);
        }
        message_.in.subject = view(subjects[done]);
        bench_hub_publish(hub_, 0, publisher_, &message_.in);
    }
    end(0);
}

void Pair::hear()
{
    begin(1);
    end(1);
}

void Pair::settle()
{
    for (uint32_t worker : {1, 0}) {
        begin(worker);
        end(worker);
    }
}

void Pair::warm()
{
    for (int i = 0; i < DRAWN; i += MESSAGES) {
        publish(&drawn[i], false);
        hear();
        settle();
    }
}

/* Lives until the program ends: building a million takes longer than measuring. */
Pair *pair_of(uint64_t subjects)
{
    static std::map<uint64_t, std::unique_ptr<Pair>> pairs;
    std::unique_ptr<Pair> &place = pairs[subjects];
    if (!place) {
        place = std::make_unique<Pair>(subjects);
    }
    return place.get();
}

double seconds_since(std::chrono::steady_clock::time_point start)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void subjects(benchmark::State &state, bool foreseen)
{
    Pair *pair = pair_of(static_cast<uint64_t>(state.range(0)));
    pair->warm();
    uint64_t heard_here = 0;
    uint64_t heard_there = 0;
    double here = 0;
    double there = 0;
    size_t at = 0;
    for (auto _ : state) {
        uint64_t before = pair->deliveries();
        auto start = std::chrono::steady_clock::now();
        pair->publish(&pair->drawn[at], foreseen);
        double took = seconds_since(start);
        state.SetIterationTime(took);
        here += took;
        heard_here += pair->deliveries() - before;
        before = pair->deliveries();
        start = std::chrono::steady_clock::now();
        pair->hear();
        there += seconds_since(start);
        heard_there += pair->deliveries() - before;
        pair->settle();
        at = (at + MESSAGES) % DRAWN;
    }
    double messages = static_cast<double>(state.iterations() * MESSAGES);
    ASSERT(heard_here + heard_there == static_cast<uint64_t>(messages));
    ASSERT(heard_there > 0);
    state.SetItemsProcessed(static_cast<int64_t>(messages));
    state.counters["s/message"] = here / messages;
    state.counters["s/peer"] = there / static_cast<double>(heard_there);
}

void sizes(benchmark::internal::Benchmark *b)
{
    b->Arg(1000)->Arg(100000)->Arg(1000000)->UseManualTime();
}

BENCHMARK_CAPTURE(subjects, plain, false)->Apply(sizes);
BENCHMARK_CAPTURE(subjects, foreseen, true)->Apply(sizes);

} // namespace
