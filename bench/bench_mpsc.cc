/*
 * bench_mpsc.cc - what does it cost to hand an item to another worker, beside the alternatives?
 *
 *   inbox         core/mpsc, one push an item, and the question whether to ring the doorbell
 *   inbox_chain   the same in chains of 32, as a turn pushes its envelopes
 *   mutex_list    an intrusive list under a mutex; the consumer takes all of it at once
 *   ck_fifo       Concurrency Kit's linked queue (many consumers too; it has no other)
 *   ck_ring       Concurrency Kit's bounded array, MPSC form. Its producers spin for each other, and
 *                 two that share a CPU move one item a time slice: only with a CPU per producer
 *   …/1, 2, 4     producers, beside one consumer
 *   alone         push, ask and pop by one thread: no other core touches the lines
 *
 * An iteration is ITEMS items from every producer, from the start signal to the last pop; the
 * consumer's sum of the items is checked. The consumer has the first CPU of our set to itself, the
 * producers share the others: with fewer CPUs than threads this measures the scheduler as well, and
 * a producer preempted half way through a push makes an inbox wait. "empty" is how often, per item,
 * the consumer found nothing: near 0 it was the slower side.
 */
#include "bench/bench_mpsc_ck.h"
#include "core/doorbell.h"
#include "core/mpsc.h"

#include <atomic>
#include <benchmark/benchmark.h>
#include <memory>
#include <mutex>
#include <sched.h>
#include <thread>
#include <type_traits>
#include <vector>

namespace
{

enum { ITEMS = 32768, CHAIN = 32, ITERATIONS = 10, RING_SLOTS = 65536, SPINS = 64 };

/* CPUs of the process, in order. */
std::vector<int> cpus_of_process()
{
    cpu_set_t set;
    std::vector<int> cpus;

    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            cpus.push_back(cpu);
        }
    }
    return cpus;
}

/* Restricts the calling thread. */
void use_cpus(const std::vector<int> &cpus)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (int cpu : cpus) {
        CPU_SET(cpu, &set);
    }
    sched_setaffinity(0, sizeof(set), &set);
}

void pause_cpu()
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits a little longer each time it is called in a row: spins, then yields. */
class waiter
{
  public:
    void wait()
    {
        if (++spins_ < SPINS) {
            pause_cpu();
        } else {
            sched_yield();
        }
    }

    void reset()
    {
        spins_ = 0;
    }

  private:
    int spins_ = 0;
};

struct item {
    mpsc_node node; /* first: an inbox's node is its item */
    item *next;     /* mutex_list */
    uint64_t value;
    size_t index; /* among all items of the run */
};

/* Each queue: push(items, count) from any thread, pop() from one; nullptr when there is nothing. */
class inbox
{
  public:
    explicit inbox(size_t)
    {
        mpsc_init(&q_);
        doorbell_init(&doorbell_);
    }

    void push(item *items, size_t count)
    {
        for (size_t i = 0; i < count; i++) {
            mpsc_push(&q_, &items[i].node);
            rings_ += doorbell_should_ring(&doorbell_);
        }
    }

    item *pop()
    {
        mpsc_node *node;
        return mpsc_pop(&q_, &node) == MPSC_NODE ? reinterpret_cast<item *>(node) : nullptr;
    }

  protected:
    mpsc q_;
    doorbell doorbell_;
    std::atomic<uint32_t> rings_{0};
};

class inbox_chain : public inbox
{
  public:
    using inbox::inbox;

    void push(item *items, size_t count)
    {
        for (size_t i = 0; i < count; i += CHAIN) {
            for (size_t k = i; k + 1 < i + CHAIN; k++) {
                mpsc_chain(&items[k].node, &items[k + 1].node);
            }
            mpsc_push_chain(&q_, &items[i].node, &items[i + CHAIN - 1].node);
            if (doorbell_should_ring(&doorbell_)) {
                rings_++;
            }
        }
    }
};

class mutex_list
{
  public:
    explicit mutex_list(size_t)
    {
    }

    void push(item *items, size_t count)
    {
        for (size_t i = 0; i < count; i++) {
            items[i].next = nullptr;
            std::lock_guard<std::mutex> lock(mutex_);
            *last_ = &items[i];
            last_ = &items[i].next;
        }
    }

    item *pop()
    {
        if (taken_ == nullptr) {
            std::lock_guard<std::mutex> lock(mutex_);
            taken_ = first_;
            first_ = nullptr;
            last_ = &first_;
        }
        item *popped = taken_;
        if (popped != nullptr) {
            taken_ = popped->next;
        }
        return popped;
    }

  private:
    alignas(CACHE_LINE) std::mutex mutex_;
    item *first_ = nullptr;
    item **last_ = &first_;
    alignas(CACHE_LINE) item *taken_ = nullptr; /* the consumer's */
};

class ck_fifo
{
  public:
    /* Two sets of entries: the last one popped stays behind as the stub of the next iteration. */
    explicit ck_fifo(size_t items) : items_(items), box_(ck_fifo_box_new(2 * items))
    {
    }

    ~ck_fifo()
    {
        ck_fifo_box_free(box_);
    }

    void push(item *items, size_t count)
    {
        for (size_t i = 0; i < count; i++) {
            size_t set = items[i].value % 2;
            ck_fifo_box_push(box_, set * items_ + items[i].index, &items[i]);
        }
    }

    item *pop()
    {
        return static_cast<item *>(ck_fifo_box_pop(box_));
    }

  private:
    size_t items_;
    ck_fifo_box *box_;
};

class ck_ring_mpsc
{
  public:
    explicit ck_ring_mpsc(size_t) : box_(ck_ring_box_new(RING_SLOTS))
    {
    }

    ~ck_ring_mpsc()
    {
        ck_ring_box_free(box_);
    }

    void push(item *items, size_t count)
    {
        for (size_t i = 0; i < count; i++) {
            waiter full;
            while (!ck_ring_box_push(box_, &items[i])) {
                full.wait();
            }
        }
    }

    item *pop()
    {
        return static_cast<item *>(ck_ring_box_pop(box_));
    }

  private:
    ck_ring_box *box_;
};

/* Producer threads that push their items once for each round. */
template <class Queue> class producers
{
  public:
    producers(Queue &queue, size_t count) : items_(count * ITEMS)
    {
        for (size_t i = 0; i < items_.size(); i++) {
            items_[i].index = i;
        }
        std::vector<int> cpus = cpus_of_process();
        if (cpus.size() > 1) {
            cpus.erase(cpus.begin());
        }
        for (size_t p = 0; p < count; p++) {
            int cpu = cpus[p % cpus.size()];
            threads_.emplace_back([this, &queue, p, cpu] {
                use_cpus({cpu});
                produce(queue, &items_[p * ITEMS]);
            });
        }
    }

    ~producers()
    {
        stop_ = true;
        round_++;
        for (auto &thread : threads_) {
            thread.join();
        }
    }

    /* All items were popped; every item's value becomes the next round's. */
    void prepare_round()
    {
        for (auto &i : items_) {
            i.value = round_ + 1;
        }
    }

    void start_round()
    {
        round_++;
    }

    uint64_t expected_sum() const
    {
        return round_ * items_.size();
    }

    size_t count() const
    {
        return items_.size();
    }

  private:
    void produce(Queue &queue, item *items)
    {
        for (uint64_t done = 0;; done++) {
            waiter start;
            while (round_ == done) {
                start.wait();
            }
            if (stop_) {
                return;
            }
            queue.push(items, ITEMS);
        }
    }

    std::vector<item> items_;
    std::atomic<uint64_t> round_{0};
    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

template <class Queue> void pass(benchmark::State &state)
{
    if (std::is_same<Queue, ck_fifo>::value && !ck_fifo_box_available()) {
        state.SkipWithError("this CPU has no double-word compare-and-swap");
        return;
    }
    size_t producers_count = static_cast<size_t>(state.range(0));
    auto queue = std::make_unique<Queue>(producers_count * ITEMS);
    producers<Queue> from(*queue, producers_count);
    std::vector<int> cpus = cpus_of_process();
    int64_t empty = 0;

    use_cpus({cpus[0]});
    while (state.KeepRunning()) {
        state.PauseTiming();
        from.prepare_round();
        state.ResumeTiming();
        from.start_round();
        uint64_t sum = 0;
        waiter nothing;
        for (size_t popped = 0; popped < from.count();) {
            item *got = queue->pop();
            if (got == nullptr) {
                nothing.wait();
                empty++;
                continue;
            }
            nothing.reset();
            sum += got->value;
            popped++;
        }
        ASSERT(sum == from.expected_sum()); /* none was lost, none came twice */
    }
    use_cpus(cpus);
    int64_t items = state.iterations() * static_cast<int64_t>(from.count());
    state.counters["empty"] = static_cast<double>(empty) / static_cast<double>(items);
    state.SetItemsProcessed(items);
}

/* The producers that may run where cpus_needed asks for a CPU each, beside the consumer's. */
template <bool cpus_needed> void arguments(benchmark::internal::Benchmark *b)
{
    size_t cpus = cpus_of_process().size();
    for (size_t producers_count : {1, 2, 4}) {
        if (!cpus_needed || producers_count == 1 || producers_count < cpus) {
            b->Arg(static_cast<int64_t>(producers_count));
        }
    }
    b->Iterations(ITERATIONS)->UseRealTime();
}

BENCHMARK_TEMPLATE(pass, inbox)->Name("mpsc/inbox")->Apply(arguments<false>);
BENCHMARK_TEMPLATE(pass, inbox_chain)->Name("mpsc/inbox_chain")->Apply(arguments<false>);
BENCHMARK_TEMPLATE(pass, mutex_list)->Name("mpsc/mutex_list")->Apply(arguments<false>);
BENCHMARK_TEMPLATE(pass, ck_fifo)->Name("mpsc/ck_fifo")->Apply(arguments<false>);
BENCHMARK_TEMPLATE(pass, ck_ring_mpsc)->Name("mpsc/ck_ring")->Apply(arguments<true>);

void alone(benchmark::State &state)
{
    auto queue = std::make_unique<inbox>(1);
    std::vector<item> items(CHAIN);
    uint64_t sum = 0;
    uint64_t expected = 0;

    for (size_t i = 0; i < CHAIN; i++) {
        items[i].value = i;
    }
    while (state.KeepRunning()) {
        queue->push(items.data(), CHAIN);
        for (item *got = queue->pop(); got != nullptr; got = queue->pop()) {
            sum += got->value;
        }
        expected += CHAIN * (CHAIN - 1) / 2;
    }
    ASSERT(sum == expected);
    state.SetItemsProcessed(state.iterations() * CHAIN);
}
BENCHMARK(alone)->Name("mpsc/alone");

} // namespace
