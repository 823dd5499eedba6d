/*
 * parse_trace.h - a caller of nats_parse in small: feeds a stream in pieces, keeps what is not
 * consumed, and writes down each verb and the error as text. Shared by the parser's test and
 * fuzzer.
 *
 * Memory:      a trace owns its text; each view given to the parser is its own allocation, so that
 * an address sanitizer sees a byte read too far and a view kept too long.
 */
#ifndef RINGHUB_TESTS_PARSE_TRACE_H
#define RINGHUB_TESTS_PARSE_TRACE_H

#include "core/proto/nats_parse.h"

#include <stdio.h>

struct nats_trace {
    char *text;
    size_t size;
    size_t capacity;
    uint8_t *held; /* unconsumed bytes */
    size_t held_size;
    size_t held_max; /* the most that was kept between two calls */
    bool failed;
};

static inline void nats_trace_add(struct nats_trace *trace, const void *ptr, size_t size)
{
    ASSERT(trace->size < UINT32_MAX && size < UINT32_MAX);
    if (trace->size + size + 1 > trace->capacity) {
        trace->capacity = 2 * (trace->size + size + 1);
        trace->text = (char *)memory_resize(trace->text, trace->capacity);
    }
    if (size > 0) {
        memcpy(trace->text + trace->size, ptr, size);
    }
    trace->size += size;
    trace->text[trace->size] = '\0';
}

static inline void nats_trace_field(struct nats_trace *trace, const char *name, struct bytes value)
{
    nats_trace_add(trace, " ", 1);
    nats_trace_add(trace, name, strlen(name));
    nats_trace_add(trace, "=", 1);
    nats_trace_add(trace, value.ptr, value.size);
}

static inline void nats_trace_number(struct nats_trace *trace, const char *name, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    nats_trace_field(trace, name, bytes_text(text));
}

static inline void nats_trace_text(struct nats_trace *trace, const char *text)
{
    nats_trace_add(trace, text, strlen(text));
}

/* A tail that is there must be what one would compose. */
static inline void nats_trace_check_tail(const struct nats_verb *verb)
{
    if (verb->tail.size == 0) {
        return;
    }
    struct nats_trace composed;
    memset(&composed, 0, sizeof composed);
    if (verb->reply.size > 0) {
        nats_trace_add(&composed, verb->reply.ptr, verb->reply.size);
        nats_trace_text(&composed, " ");
    }
    if (verb->kind == NATS_HPUB) {
        nats_trace_add(&composed, verb->hdr_size_text.ptr, verb->hdr_size_text.size);
        nats_trace_text(&composed, " ");
    }
    nats_trace_add(&composed, verb->size_text.ptr, verb->size_text.size);
    nats_trace_text(&composed, "\r\n");
    nats_trace_add(&composed, verb->payload.ptr, verb->payload.size);
    nats_trace_text(&composed, "\r\n");
    bool equal = bytes_equal(verb->tail, bytes_of(composed.text, composed.size));
    memory_free(composed.text);
    ASSERT(equal);
}

static inline void nats_trace_publish(struct nats_trace *trace, const struct nats_verb *verb)
{
    nats_trace_text(trace, verb->kind == NATS_HPUB ? "HPUB" : "PUB");
    nats_trace_field(trace, "subject", verb->subject);
    nats_trace_field(trace, "reply", verb->reply);
    if (verb->kind == NATS_HPUB) {
        nats_trace_field(trace, "hdr", verb->hdr_size_text);
        nats_trace_number(trace, "hdr_size", verb->hdr_size);
    } else {
        ASSERT(verb->hdr_size == 0);
        ASSERT(verb->hdr_size_text.size == 0);
    }
    nats_trace_field(trace, "size", verb->size_text);
    nats_trace_field(trace, "payload", verb->payload);
    nats_trace_text(trace, verb->tail.size > 0 ? " tail" : "");
    nats_trace_check_tail(verb);
}

static inline void nats_trace_verb(struct nats_trace *trace, const struct nats_verb *verb)
{
    switch (verb->kind) {
    case NATS_CONNECT:
        nats_trace_text(trace, "CONNECT");
        nats_trace_field(trace, "json", verb->json);
        break;
    case NATS_INFO:
        nats_trace_text(trace, "INFO");
        nats_trace_field(trace, "json", verb->json);
        break;
    case NATS_PUB:
    case NATS_HPUB:
        nats_trace_publish(trace, verb);
        break;
    case NATS_SUB:
        nats_trace_text(trace, "SUB");
        nats_trace_field(trace, "subject", verb->subject);
        nats_trace_field(trace, "queue", verb->queue);
        nats_trace_field(trace, "sid", verb->sid);
        break;
    case NATS_UNSUB:
        nats_trace_text(trace, "UNSUB");
        nats_trace_field(trace, "sid", verb->sid);
        nats_trace_number(trace, "max", verb->max);
        break;
    case NATS_PING:
        nats_trace_text(trace, "PING");
        break;
    case NATS_PONG:
        nats_trace_text(trace, "PONG");
        break;
    case NATS_OK:
        nats_trace_text(trace, "OK");
        break;
    }
    nats_trace_text(trace, ";");
}

static inline void nats_trace_error(struct nats_trace *trace, enum nats_error error)
{
    static const char *const names[] = {"NONE",         "UNKNOWN", "ARGUMENTS",    "PEER",
                                        "CONTROL_LINE", "PAYLOAD", "AUTHORIZATION"};
    nats_trace_text(trace, "!");
    nats_trace_text(trace, names[error]);
    trace->failed = true;
}

/* A verb that is taken back comes again, the same from the same bytes. */
static inline void nats_trace_check_undo(struct nats_parser *parser, struct bytes in,
                                         const struct nats_verb *verb, size_t consumed)
{
    struct nats_trace first;
    struct nats_trace second;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    nats_trace_verb(&first, verb);
    struct nats_verb again;
    size_t again_consumed = 0;
    nats_parser_undo(parser);
    enum nats_result result = nats_parse(parser, in, &again, &again_consumed);
    ASSERT(result == NATS_VERB);
    ASSERT(again_consumed == consumed);
    nats_trace_verb(&second, &again);
    ASSERT(bytes_equal(bytes_of(first.text, first.size), bytes_of(second.text, second.size)));
    memory_free(first.text);
    memory_free(second.text);
}

/* Gives the parser what is held and then piece; calls it until it wants more. */
static inline void nats_trace_feed(struct nats_trace *trace, struct nats_parser *parser,
                                   struct bytes piece)
{
    size_t size = trace->held_size + piece.size;
    uint8_t *view = (uint8_t *)memory_alloc(size + (size == 0));
    if (trace->held_size > 0) {
        memcpy(view, trace->held, trace->held_size);
    }
    if (piece.size > 0) {
        memcpy(view + trace->held_size, piece.ptr, piece.size);
    }
    memory_free(trace->held);
    trace->held = NULL;
    trace->held_size = 0;
    size_t at = 0;
    while (!trace->failed) {
        struct nats_verb verb;
        size_t consumed = 0;
        enum nats_result result =
            nats_parse(parser, bytes_of(view + at, size - at), &verb, &consumed);
        ASSERT(consumed <= size - at);
        if (result == NATS_ERROR) {
            ASSERT(consumed == 0);
            nats_trace_error(trace, parser->error);
            break;
        }
        if (result == NATS_VERB) {
            ASSERT(consumed > 0);
            ASSERT(nats_parser_is_idle(parser));
            nats_trace_verb(trace, &verb);
            nats_trace_check_undo(parser, bytes_of(view + at, size - at), &verb, consumed);
        }
        at += consumed;
        if (result == NATS_NEED_MORE) {
            ASSERT(parser->needed == 0 || parser->needed > size - at);
            break;
        }
    }
    if (!trace->failed) {
        trace->held_size = size - at;
        trace->held = (uint8_t *)memory_alloc(trace->held_size + 1);
        memcpy(trace->held, view + at, trace->held_size);
        trace->held_max = MAX_OF(trace->held_max, trace->held_size);
    }
    memory_free(view);
}

static inline void nats_trace_free(struct nats_trace *trace)
{
    memory_free(trace->text);
    memory_free(trace->held);
    memset(trace, 0, sizeof *trace);
}

#endif
