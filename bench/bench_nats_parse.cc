/*
 * bench_nats_parse.cc - what does it cost to find the next verb?
 *
 *   publish/BYTES           one PUB of a read buffer full of them
 *   publish_reply/BYTES     with a reply; publish_headers: HPUB
 *   publish_careful/BYTES   the PUB written with two spaces, which the quick way does not take
 *   peek/BYTES              one look at a publish before its time, where subjects are many
 *   control                 SUB, UNSUB and PING
 *   large                   one message of 1 MiB that arrives in read buffers; per piece
 *
 * s/verb is the time of each. Bytes are counted so that a rate can be compared with a network's. Every
 * verb's sizes go into a checksum that the optimiser has to keep, and verbs are counted.
 */
#include "core/limits.h"
#include "core/proto/nats_parse.h"
#include "core/proto/nats_peek.h"

#include <benchmark/benchmark.h>
#include <string>

namespace
{

enum { LINE_BYTES_MAX = 4096, PAYLOAD_BYTES_MAX = 1048576 };

std::string repeated(const std::string &verb)
{
    std::string buffer;
    do {
        buffer += verb;
    } while (buffer.size() + verb.size() <= READ_BUFFER_BYTES);
    return buffer;
}

std::string publish(const std::string &start, size_t payload_size)
{
    return start + std::to_string(payload_size) + "\r\n" + std::string(payload_size, 'x') + "\r\n";
}

/* Parses a buffer of whole verbs; returns how many there were. */
int64_t parse_all(const std::string &buffer, uint64_t *checksum)
{
    nats_parser parser;
    nats_parser_init(&parser, LINE_BYTES_MAX, PAYLOAD_BYTES_MAX);
    bytes rest = bytes_of(buffer.data(), buffer.size());
    int64_t verbs = 0;
    nats_verb verb;
    verb.payload = bytes_of(nullptr, 0);
    verb.subject = bytes_of(nullptr, 0);
    while (rest.size > 0) {
        size_t consumed;
        if (nats_parse(&parser, rest, &verb, &consumed) != NATS_VERB) {
            abort();
        }
        *checksum += verb.payload.size + verb.subject.size + verb.kind;
        rest = bytes_skip(rest, consumed);
        verbs++;
    }
    return verbs;
}

/* Peeks from publish to publish; returns how many there were. */
int64_t peek_all(const std::string &buffer, uint64_t *checksum)
{
    bytes rest = bytes_of(buffer.data(), buffer.size());
    int64_t publishes = 0;
    struct nats_peek peek;
    while (nats_peek(rest, &peek)) {
        *checksum += peek.subject.size;
        rest = bytes_skip(rest, peek.size);
        publishes++;
    }
    ASSERT(rest.size == 0);
    return publishes;
}

/* verb is lines of text, so many verbs each time. */
void run(benchmark::State &state, const std::string &verb, int64_t verbs_each,
         int64_t (*read_all)(const std::string &, uint64_t *))
{
    std::string buffer = repeated(verb);
    int64_t expected = verbs_each * static_cast<int64_t>(buffer.size() / verb.size());
    uint64_t checksum = 0;
    int64_t verbs = 0;
    for (auto _ : state) {
        verbs += read_all(buffer, &checksum);
    }
    benchmark::DoNotOptimize(checksum);
    ASSERT(verbs == expected * state.iterations());
    state.SetItemsProcessed(verbs);
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(buffer.size()));
    state.counters["s/verb"] = benchmark::Counter(
        static_cast<double>(verbs), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void nats_parse_publish(benchmark::State &state)
{
    run(state, publish("PUB orders.eu.new ", static_cast<size_t>(state.range(0))), 1, parse_all);
}

void nats_parse_peek(benchmark::State &state)
{
    run(state, publish("PUB orders.eu.new ", static_cast<size_t>(state.range(0))), 1, peek_all);
}

void nats_parse_publish_reply(benchmark::State &state)
{
    run(state,
        publish("PUB orders.eu.new _INBOX.x8kT2vQzC6mW1r.4f ", static_cast<size_t>(state.range(0))),
        1, parse_all);
}

void nats_parse_publish_headers(benchmark::State &state)
{
    run(state, publish("HPUB orders.eu.new 12 ", static_cast<size_t>(state.range(0))), 1,
        parse_all);
}

void nats_parse_publish_careful(benchmark::State &state)
{
    run(state, publish("PUB orders.eu.new  ", static_cast<size_t>(state.range(0))), 1, parse_all);
}

void nats_parse_control(benchmark::State &state)
{
    run(state, "SUB orders.eu.* workers 17\r\nPING\r\nUNSUB 17 5\r\n", 3, parse_all);
}

void nats_parse_large(benchmark::State &state)
{
    std::string message = publish("PUB orders.eu.new ", PAYLOAD_BYTES_MAX);
    uint64_t checksum = 0;
    int64_t pieces = 0;
    for (auto _ : state) {
        nats_parser parser;
        nats_parser_init(&parser, LINE_BYTES_MAX, PAYLOAD_BYTES_MAX);
        size_t start = 0; /* of what is not consumed */
        for (size_t end = READ_BUFFER_BYTES;; end += READ_BUFFER_BYTES) {
            end = end < message.size() ? end : message.size();
            nats_verb verb;
            size_t consumed;
            nats_result result = nats_parse(&parser, bytes_of(message.data() + start, end - start),
                                            &verb, &consumed);
            pieces++;
            start += consumed;
            if (result == NATS_VERB) {
                checksum += verb.payload.size;
                break;
            }
        }
    }
    ASSERT(checksum == static_cast<uint64_t>(state.iterations()) * PAYLOAD_BYTES_MAX);
    state.SetItemsProcessed(pieces);
}

BENCHMARK(nats_parse_publish)->Arg(16)->Arg(128)->Arg(4096);
BENCHMARK(nats_parse_publish_reply)->Arg(16)->Arg(128);
BENCHMARK(nats_parse_publish_headers)->Arg(16)->Arg(128);
BENCHMARK(nats_parse_publish_careful)->Arg(16)->Arg(128);
BENCHMARK(nats_parse_peek)->Arg(16)->Arg(128);
BENCHMARK(nats_parse_control);
BENCHMARK(nats_parse_large);

} // namespace
