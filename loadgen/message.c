/* message.c - the fill of a payload and its comparison. */
#include "loadgen/message.h"

/* The part of the header that message_prepare writes; only in payloads that have room for it. */
struct message_tail {
    uint64_t run;
    uint32_t offset;
    uint32_t offset_inverted; /* a damaged offset is noticed also where hardly any fill follows */
};
static_assert(MESSAGE_BYTES_MIN + sizeof(struct message_tail) == MESSAGE_HEADER_BYTES, "drawing");

/* SplitMix64: Steele, Lea, Flood 2014. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void message_form_init(struct message_form *form, uint64_t seed, uint64_t run)
{
    form->run = run;
    form->pool = (uint8_t *)memory_alloc(MESSAGE_POOL_BYTES);
    for (size_t i = 0; i < MESSAGE_POOL_BYTES; i += sizeof seed) {
        uint64_t word = random_next(&seed);
        memcpy(form->pool + i, &word, sizeof word);
    }
}

void message_form_free(struct message_form *form)
{
    memory_free(form->pool);
    form->pool = NULL;
}

static size_t fill_start(uint32_t size)
{
    return size >= MESSAGE_HEADER_BYTES ? MESSAGE_HEADER_BYTES : MESSAGE_BYTES_MIN;
}

void message_prepare(const struct message_form *form, uint8_t *payload, uint32_t size,
                     uint32_t slot)
{
    ASSERT(size >= MESSAGE_BYTES_MIN);
    uint32_t offset = slot * 2654435761u % MESSAGE_POOL_BYTES;
    struct message_tail tail = {form->run + size, offset, ~offset};
    size_t at = fill_start(size);
    memset(payload, 0, at);
    if (at == MESSAGE_HEADER_BYTES) {
        memcpy(payload + MESSAGE_BYTES_MIN, &tail, sizeof tail);
    } else {
        tail.offset = 0;
    }
    for (size_t from = tail.offset; at < size; from = 0) {
        size_t count = MIN_OF(size - at, MESSAGE_POOL_BYTES - from);
        memcpy(payload + at, form->pool + from, count);
        at += count;
    }
}

bool message_is_intact(const struct message_form *form, const uint8_t *payload, uint32_t size)
{
    struct message_tail tail = {form->run + size, 0, 0};
    size_t at = fill_start(size);
    if (at == MESSAGE_HEADER_BYTES) {
        memcpy(&tail, payload + MESSAGE_BYTES_MIN, sizeof tail);
        if (tail.run != form->run + size || tail.offset >= MESSAGE_POOL_BYTES ||
            tail.offset_inverted != ~tail.offset) {
            return false;
        }
    }
    for (size_t from = tail.offset; at < size; from = 0) {
        size_t count = MIN_OF(size - at, MESSAGE_POOL_BYTES - from);
        if (memcmp(payload + at, form->pool + from, count) != 0) {
            return false;
        }
        at += count;
    }
    return true;
}
