/* run.c - filling a run; everything else is layout arithmetic in the header. */
#include "core/run.h"

static_assert(sizeof(struct run) % 8 == 0, "messages are aligned to 8");
static_assert(sizeof(struct message) % 8 == 0, "tails are aligned to 8");

static size_t tail_size(const struct message_in *in)
{
    size_t size = in->size_text.size + 2 + in->payload.size + 2;
    if (in->reply.size > 0) {
        size += in->reply.size + 1;
    }
    if (in->header_text.size > 0) {
        size += in->header_text.size + 1;
    }
    return size;
}

size_t run_size_more(const struct message_in *in)
{
    return sizeof(struct message) + run_align(tail_size(in));
}

size_t run_size_first(const struct message_in *in)
{
    return sizeof(struct run) + run_align(in->subject.size) + run_size_more(in) + 8;
}

struct run *run_start(struct chunk *chunk, struct bytes subject)
{
    size_t start =
        run_align((size_t)(uintptr_t)(chunk->data + chunk->used)) - (size_t)(uintptr_t)chunk->data;
    size_t size = sizeof(struct run) + run_align(subject.size);
    ASSERT(start + size <= chunk->size);
    struct run *run = (struct run *)(void *)(chunk->data + start);
    *run = (struct run){
        .chunk = chunk, .size = (uint32_t)size, .subject_size = (uint32_t)subject.size};
    memcpy(run + 1, subject.ptr, subject.size);
    chunk->used = (uint32_t)(start + size);
    return run;
}

static uint8_t *put(uint8_t *to, struct bytes bytes)
{
    memcpy(to, bytes.ptr, bytes.size);
    return to + bytes.size;
}

void run_append(struct run *run, const struct message_in *in)
{
    struct chunk *chunk = run->chunk;
    size_t tail = tail_size(in);
    size_t size = sizeof(struct message) + run_align(tail);
    ASSERT(chunk->used + size <= chunk->size);
    ASSERT_SLOW(chunk->data + chunk->used == (uint8_t *)run + run->size);
    struct message *message = (struct message *)(void *)(chunk->data + chunk->used);
    *message = (struct message){
        .tail_size = (uint32_t)tail,
        .payload_size = (uint32_t)in->payload.size,
        .header_size = in->header_size,
        .reply_size = (uint16_t)in->reply.size,
        .header_text_size = (uint8_t)in->header_text.size,
        .size_text_size = (uint8_t)in->size_text.size,
    };
    uint8_t *to = (uint8_t *)(message + 1);
    if (in->reply.size > 0) {
        to = put(to, in->reply);
        *to++ = ' ';
        run->replies_count++;
    }
    if (in->header_text.size > 0) {
        to = put(to, in->header_text);
        *to++ = ' ';
        run->headers_count++;
    }
    to = put(to, in->size_text);
    *to++ = '\r';
    *to++ = '\n';
    if (in->payload.size > 0) {
        to = put(to, in->payload);
    }
    *to++ = '\r';
    *to++ = '\n';
    run->messages_count++;
    run->tails_size += (uint32_t)tail;
    run->payloads_size += (uint32_t)in->payload.size;
    run->size += (uint32_t)size;
    chunk->used += (uint32_t)size;
}

uint64_t run_span_payloads(struct run_span span)
{
    if (span.count == span.run->messages_count) {
        return span.run->payloads_size;
    }
    uint64_t size = 0;
    for (uint32_t i = 0; i < span.count; i++) {
        size += span.first->payload_size;
        span.first = message_next(span.first);
    }
    return size;
}

uint64_t run_span_tails(struct run_span span)
{
    if (span.count == span.run->messages_count) {
        return span.run->tails_size;
    }
    uint64_t size = 0;
    for (uint32_t i = 0; i < span.count; i++) {
        size += span.first->tail_size;
        span.first = message_next(span.first);
    }
    return size;
}

size_t run_span_size(struct run_span span)
{
    const struct message *message = span.first;
    for (uint32_t i = 0; i < span.count; i++) {
        message = message_next(message);
    }
    return (size_t)((const uint8_t *)message - (const uint8_t *)span.first);
}

const struct message *run_extend(struct run *run, struct run_span span, size_t size)
{
    struct chunk *chunk = run->chunk;
    ASSERT(chunk->used + size <= chunk->size);
    ASSERT_SLOW(chunk->data + chunk->used == (uint8_t *)run + run->size);
    const struct message *first = (const struct message *)(const void *)(chunk->data + chunk->used);
    memcpy(chunk->data + chunk->used, span.first, size);
    const struct message *message = first;
    for (uint32_t i = 0; i < span.count; i++) {
        run->headers_count += message->header_text_size > 0;
        run->replies_count += message->reply_size > 0;
        run->tails_size += message->tail_size;
        run->payloads_size += message->payload_size;
        message = message_next(message);
    }
    run->messages_count += span.count;
    run->size += (uint32_t)size;
    chunk->used += (uint32_t)size;
    return first;
}

void run_drop(struct run *run)
{
    struct chunk *chunk = run->chunk;
    ASSERT(chunk->data + chunk->used == (uint8_t *)run + run->size);
    chunk->used -= run->size;
}

struct run *run_copy(struct chunk *chunk, const struct run *run, uint32_t maker)
{
    size_t start =
        run_align((size_t)(uintptr_t)(chunk->data + chunk->used)) - (size_t)(uintptr_t)chunk->data;
    ASSERT(start + run->size <= chunk->size);
    struct run *copy = (struct run *)(void *)(chunk->data + start);
    *copy = (struct run){
        .chunk = chunk,
        .subject_hash = run->subject_hash,
        .ingress_ns = run->ingress_ns,
        .origin_id = run->origin_id,
        .origin_slot = run->origin_slot,
        .origin_generation = run->origin_generation,
        .account_id = run->account_id,
        .messages_count = run->messages_count,
        .headers_count = run->headers_count,
        .replies_count = run->replies_count,
        .size = run->size,
        .tails_size = run->tails_size,
        .payloads_size = run->payloads_size,
        .subject_size = run->subject_size,
        .maker = maker,
    };
    memcpy(copy + 1, run + 1, run->size - sizeof(struct run));
    chunk->used = (uint32_t)(start + run->size);
    return copy;
}
