/*
 * bench_pending.cc - what does it cost to keep a session's pieces in order, and to send them?
 *
 *   pending/gather/PIECES/BYTES      pieces of BYTES that lie apart, into one send: small ones are copied
 *                                    side by side, larger ones are a vector each
 *   pending/own/SESSIONS/PIECES      lists of pieces of two audiences that take turns, an entry a
 *                                    piece: added, gathered, sent whole
 *   pending/shared/SESSIONS/PIECES   the same as one list for all (core/backlog.h): all hear the same
 *   pending/each/SESSIONS/PIECES     the same when no two hear the same: a list for each
 *
 * s/piece is the time of one piece of one session: for the last three to add it, to gather it and to
 * let go of it; s/add is the first of these. Bytes gathered are compared with what was added.
 */
#include "bench/bench_message.h"
#include "core/pending.h"

#include <benchmark/benchmark.h>
#include <chrono>
#include <vector>

namespace
{

enum { SCRATCH_BYTES = 512 * 1024, AUDIENCES = 2, PAYLOAD_BYTES = 128, WARM_TURNS = 2 };

using Clock = std::chrono::steady_clock;

benchmark::Counter seconds_each(int64_t count)
{
    return {static_cast<double>(count), benchmark::Counter::kIsRate | benchmark::Counter::kInvert};
}

/* What gathers into the same vectors and scratch again and again. */
class Sender
{
  public:
    Sender() : vectors_(SEND_VECTORS_MAX), scratch_(SCRATCH_BYTES)
    {
    }

    struct gather gather(const struct pending *p)
    {
        struct gather g = {};
        g.vectors = vectors_.data();
        g.max = SEND_VECTORS_MAX;
        g.limit = SEND_BYTES_MAX;
        g.scratch = scratch_.data();
        g.scratch_end = scratch_.data() + scratch_.size();
        pending_gather(p, &g);
        return g;
    }

  private:
    std::vector<struct iovec> vectors_;
    std::vector<uint8_t> scratch_;
};

/* ---- one send -------------------------------------------------------------------------------- */

void gather(benchmark::State &state)
{
    uint32_t pieces = static_cast<uint32_t>(state.range(0));
    uint32_t piece_bytes = static_cast<uint32_t>(state.range(1));
    uint32_t stride = piece_bytes + CACHE_LINE;
    struct chunk_pool chunks;
    struct pending_pool pool;
    chunk_pool_init(&chunks);
    pending_pool_init(&pool, &chunks, nullptr);
    struct chunk *chunk = chunk_take(&chunks, 0, static_cast<size_t>(pieces) * stride);
    memset(chunk->data, 'x', chunk->size);
    chunk->used = chunk->size;
    struct pending p = {};
    for (uint32_t i = 0; i < pieces; i++) {
        pending_add_range(&p, &pool, chunk, i * stride, piece_bytes, 1);
    }
    Sender sender;
    uint64_t bytes = 0;
    uint64_t vectors = 0;
    for (auto _ : state) {
        struct gather g = sender.gather(&p);
        benchmark::ClobberMemory();
        bytes += g.size;
        vectors += g.count;
    }
    ASSERT(bytes == static_cast<uint64_t>(state.iterations()) * pieces * piece_bytes);
    state.SetItemsProcessed(state.iterations() * pieces);
    state.SetBytesProcessed(static_cast<int64_t>(bytes));
    state.counters["s/piece"] = seconds_each(state.iterations() * pieces);
    state.counters["vectors/send"] =
        static_cast<double>(vectors) / static_cast<double>(state.iterations());
    pending_clear(&p, &pool);
    chunk_unref(&chunks, chunk);
    pending_pool_free(&pool);
    chunk_pool_free(&chunks);
}

/* ---- many lists ------------------------------------------------------------------------------ */

enum class Kept { own, shared, each };

/* A piece of one of the streams, which a turn brings to everybody. */
struct Span {
    struct stream *stream;
    struct cursor cursor;
    size_t size;
};

class Lists
{
  public:
    Lists(Kept kept, uint32_t sessions, uint32_t pieces);
    ~Lists();
    Lists(const Lists &) = delete;
    Lists &operator=(const Lists &) = delete;

    void render();
    void add();
    /* Everything is sent. */
    void send();
    void turn_end();

  private:
    Kept kept_;
    uint32_t pieces_;
    struct chunk_pool chunks_;
    struct pending_pool pool_;
    std::vector<struct pending> lists_;
    bench_message message_;
    struct run *run_;
    struct stream streams_[AUDIENCES];
    std::vector<Span> spans_;
    uint64_t bytes_ = 0; /* of the spans */
    Sender sender_;
};

Lists::Lists(Kept kept, uint32_t sessions, uint32_t pieces)
    : kept_(kept), pieces_(pieces), lists_(sessions)
{
    chunk_pool_init(&chunks_);
    pending_pool_init(&pool_, &chunks_, nullptr);
    for (struct stream &stream : streams_) {
        stream_init(&stream);
    }
    bench_message_init(&message_, bytes_text("bench.subject"), PAYLOAD_BYTES);
    run_ = bench_message_run(&message_, chunk_take(&chunks_, 0, 0), 1);
}

Lists::~Lists()
{
    for (struct pending &list : lists_) {
        pending_rest(&list, &pool_);
    }
    for (struct stream &stream : streams_) {
        stream_free(&stream, &chunks_);
    }
    chunk_unref(&chunks_, run_->chunk);
    pending_pool_free(&pool_);
    chunk_pool_free(&chunks_);
}

/* Of the audiences in turn. */
void Lists::render()
{
    struct layout layout = {};
    layout.sid = bytes_text("17");
    spans_.clear();
    bytes_ = 0;
    for (uint32_t i = 0; i < pieces_; i++) {
        struct stream *stream = &streams_[i % AUDIENCES];
        uint64_t before = stream->end;
        size_t size = stream_render(stream, &chunks_, run_whole(run_), layout);
        spans_.push_back({stream, stream_locate(stream, before), size});
        bytes_ += size;
    }
    ASSERT(bytes_ == pieces_ * bench_message_frame_bytes(&message_, layout.sid.size));
}

void Lists::add()
{
    bool is_first = kept_ != Kept::own;
    for (const Span &span : spans_) {
        pool_.backlogs.round++;
        for (uint32_t i = 0; i < lists_.size(); i++) {
            /* A list has a ring from its first entry on, and shares what comes then. */
            if (kept_ == Kept::own || is_first) {
                pending_add_span(&lists_[i], &pool_, span.stream, span.cursor, span.size, 1);
            } else {
                uint32_t hears = kept_ == Kept::shared ? 1 : 1 + i;
                pending_add_shared(&lists_[i], &pool_, hears, span.stream, span.cursor, span.size,
                                   1);
            }
        }
        is_first = false;
    }
}

void Lists::send()
{
    uint64_t sent = 0;
    for (struct pending &list : lists_) {
        while (!pending_is_empty(&list)) {
            struct gather g = sender_.gather(&list);
            benchmark::ClobberMemory();
            pending_consume(&list, &pool_, g.size);
            sent += g.size;
        }
        pending_rest(&list, &pool_);
    }
    ASSERT(sent == bytes_ * lists_.size());
}

void Lists::turn_end()
{
    for (struct stream &stream : streams_) {
        stream_turn_end(&stream, &chunks_);
    }
}

void pieces(benchmark::State &state, Kept kept)
{
    uint32_t sessions = static_cast<uint32_t>(state.range(0));
    Lists lists(kept, sessions, static_cast<uint32_t>(state.range(1)));
    double adding = 0;
    double all = 0;
    int warm = WARM_TURNS;
    while (warm > 0 || state.KeepRunning()) {
        lists.render();
        auto start = Clock::now();
        lists.add();
        auto added = Clock::now();
        lists.send();
        auto end = Clock::now();
        lists.turn_end();
        if (warm > 0) {
            warm--;
            continue;
        }
        double took = std::chrono::duration<double>(end - start).count();
        state.SetIterationTime(took);
        adding += std::chrono::duration<double>(added - start).count();
        all += took;
    }
    double count = static_cast<double>(state.iterations() * state.range(0) * state.range(1));
    state.SetItemsProcessed(static_cast<int64_t>(count));
    state.counters["s/piece"] = all / count;
    state.counters["s/add"] = adding / count;
}

void sizes(benchmark::internal::Benchmark *b)
{
    b->ArgsProduct({{100, 1000}, {16, 1024}})->UseManualTime();
}

BENCHMARK(gather)->Name("pending/gather")->ArgsProduct({{1, 8, 64}, {64, 256, 1024, 4096}});
BENCHMARK_CAPTURE(pieces, own, Kept::own)->Name("pending/own")->Apply(sizes);
BENCHMARK_CAPTURE(pieces, shared, Kept::shared)->Name("pending/shared")->Apply(sizes);
BENCHMARK_CAPTURE(pieces, each, Kept::each)->Name("pending/each")->Apply(sizes);

} // namespace
