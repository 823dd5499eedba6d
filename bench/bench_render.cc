/*
 * bench_render.cc - what does it cost to write a frame, once for an audience or once for one?
 *
 *   render/frame/M/BYTES    M messages of a run for one sid, one behind the other: what is done at
 *                           each send of a session whose sid nobody else has
 *   render/stream/M/BYTES   the same into an audience's stream, and the turn's end
 *   render/gather/M/BYTES   what a stream rendered in a turn as one send's vectors, as often as it has
 *                           sends' worth of it: done once for all members in step
 *
 * s/frame counts messages, s/vector what a gather found. Sizes are compared with what the frames must
 * come to.
 */
#include "bench/bench_message.h"
#include "core/limits.h"
#include "core/stream.h"

#include <benchmark/benchmark.h>
#include <vector>

namespace
{

constexpr const char *sid = "17";

/* A run, and a stream of the audience that hears it. */
class Material
{
  public:
    explicit Material(const benchmark::State &state) : messages_(state.range(0))
    {
        chunk_pool_init(&chunks);
        stream_init(&stream);
        bench_message_init(&message_, bytes_text("bench.subject"),
                           static_cast<size_t>(state.range(1)));
        uint32_t count = static_cast<uint32_t>(messages_);
        struct chunk *chunk = chunk_take(&chunks, 0, bench_message_run_bytes(&message_, count));
        run = bench_message_run(&message_, chunk, count);
    }
    ~Material()
    {
        stream_free(&stream, &chunks);
        chunk_unref(&chunks, run->chunk);
        chunk_pool_free(&chunks);
    }
    Material(const Material &) = delete;
    Material &operator=(const Material &) = delete;

    struct layout layout() const
    {
        struct layout layout = {};
        layout.sid = bytes_text(sid);
        layout.headers = true;
        return layout;
    }

    /* Of all frames. */
    size_t bytes() const
    {
        return static_cast<size_t>(messages_) *
               bench_message_frame_bytes(&message_, bytes_text(sid).size);
    }

    size_t render()
    {
        return stream_render(&stream, &chunks, run_whole(run), layout());
    }

    struct chunk_pool chunks;
    struct stream stream;
    struct run *run;

  private:
    int64_t messages_;
    bench_message message_;
};

benchmark::Counter seconds_each(int64_t count)
{
    return {static_cast<double>(count), benchmark::Counter::kIsRate | benchmark::Counter::kInvert};
}

void report(benchmark::State &state, const Material &material)
{
    int64_t frames = state.iterations() * state.range(0);
    state.SetItemsProcessed(frames);
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(material.bytes()));
    state.counters["s/frame"] = seconds_each(frames);
}

void frame(benchmark::State &state)
{
    Material material(state);
    std::vector<uint8_t> out(material.bytes());
    struct frames frames = frames_of(material.run, material.layout());
    for (auto _ : state) {
        const struct message *message = run_first(material.run);
        uint8_t *to = out.data();
        for (uint32_t i = 0; i < material.run->messages_count; i++) {
            to = frame_render(&frames, message, to);
            message = message_next(message);
        }
        benchmark::ClobberMemory();
        ASSERT(to == out.data() + out.size());
    }
    report(state, material);
}

void stream(benchmark::State &state)
{
    Material material(state);
    for (auto _ : state) {
        size_t size = material.render();
        ASSERT(size == material.bytes());
        stream_turn_end(&material.stream, &material.chunks);
    }
    report(state, material);
}

void gather(benchmark::State &state)
{
    Material material(state);
    size_t rendered = material.render();
    ASSERT(rendered == material.bytes());
    struct cursor start = stream_step(&material.stream);
    stream_cursor_open(&material.stream, start);
    struct iovec vectors[SEND_VECTORS_MAX];
    int64_t found = 0;
    for (auto _ : state) {
        struct cursor cursor = start;
        size_t all = 0;
        while (all < rendered) {
            size_t size;
            found += stream_gather(&material.stream, cursor, vectors, SEND_VECTORS_MAX,
                                   SEND_BYTES_MAX, &size);
            benchmark::DoNotOptimize(vectors);
            cursor = stream_cursor_advance(&material.stream, cursor, size);
            all += size;
        }
        ASSERT(all == rendered);
        stream_cursor_close(&material.stream, cursor);
        stream_cursor_open(&material.stream, start);
    }
    stream_cursor_close(&material.stream, start);
    state.SetItemsProcessed(found);
    state.counters["s/vector"] = seconds_each(found);
    state.counters["vectors"] =
        static_cast<double>(found) / static_cast<double>(state.iterations());
}

/* Messages, bytes of each. */
#define SIZES ArgsProduct({{1, 32}, {16, 128, 1024, 16384}})

BENCHMARK(frame)->Name("render/frame")->SIZES;
BENCHMARK(stream)->Name("render/stream")->SIZES;
BENCHMARK(gather)->Name("render/gather")->ArgsProduct({{1, 32}, {128, 16384}});

} // namespace
