/*
 * fuzz_nats_parse.c - does the parser give the same verbs and the same error however it is cut?
 *
 * Input:  flags, a count of pieces (low four bits), that many piece sizes, and the stream. The
 *         stream is fed whole (which takes the quick way), in those pieces over and over, and byte
 *         by byte (which never takes it).
 *
 * And what nats_peek says of each place where a verb begins: may it be wrong?
 */
#include "core/proto/nats_peek.h"
#include "tests/core/proto/parse_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLAG_HEADERS = 1, FLAG_CONNECT_REQUIRED = 2, FLAG_SMALL = 4, FLAG_NO_PAYLOAD_LIMIT = 8 };

static struct nats_parser parser_of(uint8_t flags)
{
    struct nats_parser parser;
    bool small = flags & FLAG_SMALL;
    nats_parser_init(&parser, small ? 16 : 4096, small ? 8 : 1048576);
    parser.headers = flags & FLAG_HEADERS;
    parser.connect_required = flags & FLAG_CONNECT_REQUIRED;
    if (flags & FLAG_NO_PAYLOAD_LIMIT) {
        parser.max_payload = -1;
    }
    return parser;
}

static struct nats_trace run(uint8_t flags, struct bytes stream, struct bytes pieces)
{
    struct nats_parser parser = parser_of(flags);
    struct nats_trace trace = {0};
    nats_trace_text(&trace, "");
    size_t piece = 0;
    while (stream.size > 0) {
        size_t size = pieces.size > 0 ? pieces.ptr[piece++ % pieces.size] + 1u : stream.size;
        size = MIN_OF(size, stream.size);
        nats_trace_feed(&trace, &parser, bytes_of(stream.ptr, size));
        stream = bytes_skip(stream, size);
    }
    if (parser.max_payload >= 0) {
        ASSERT(trace.held_max <=
               parser.max_control_line + (uint64_t)parser.max_payload + 2 * strlen("\r\n"));
    }
    return trace;
}

static void compare(const struct nats_trace *a, const struct nats_trace *b)
{
    ASSERT(bytes_equal(bytes_of(a->text, a->size), bytes_of(b->text, b->size)));
    ASSERT(a->held_size == b->held_size || a->failed);
}

/* Verb by verb from the start. */
static void peek_everywhere(struct bytes in)
{
    for (;;) {
        struct nats_parser parser = parser_of(FLAG_HEADERS);
        struct nats_verb verb;
        struct nats_peek peek;
        size_t consumed;
        bool seen = nats_peek(in, &peek);
        if (nats_parse(&parser, in, &verb, &consumed) != NATS_VERB) {
            return;
        }
        if (seen) {
            ASSERT(verb.kind == NATS_PUB || verb.kind == NATS_HPUB);
            ASSERT(peek.size == consumed);
        }
        in = bytes_skip(in, consumed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 8192) {
        return 0;
    }
    size_t pieces_count = data[1] & 15;
    if (size < 2 + pieces_count) {
        return 0;
    }
    static const uint8_t one[1] = {0};
    struct bytes pieces = bytes_of(data + 2, pieces_count);
    struct bytes stream = bytes_of(data + 2 + pieces_count, size - 2 - pieces_count);
    struct nats_trace whole = run(data[0], stream, bytes_of(NULL, 0));
    struct nats_trace cut = run(data[0], stream, pieces);
    struct nats_trace bytewise = run(data[0], stream, bytes_of(one, sizeof one));
    compare(&whole, &cut);
    compare(&whole, &bytewise);
    peek_everywhere(stream);
    nats_trace_free(&whole);
    nats_trace_free(&cut);
    nats_trace_free(&bytewise);
    return 0;
}
