/* volley.c - what is done for every single delivery; so short that memory is what it waits for. */
#include "loadgen/volley.h"

static inline uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* memcmp for eight bytes and more: no call, and no branch but the loop's, which is always the same. */
static inline bool alike(const uint8_t *a, const uint8_t *b, size_t size)
{
    size_t last = size - sizeof(uint64_t);
    uint64_t difference = word_at(a + last) ^ word_at(b + last);
    for (size_t at = 0; at < last; at += sizeof(uint64_t)) {
        difference |= word_at(a + at) ^ word_at(b + at);
    }
    return difference == 0;
}

static inline bool trailer_is(const uint8_t *bytes, struct bytes trailer)
{
    return trailer.size == 0 || memcmp(bytes, trailer.ptr, VOLLEY_TRAILER_MAX) == 0;
}

void volley_take(struct volley *volley, const struct volley_frame *frame, struct bytes in,
                 uint32_t *next)
{
    const struct volley_frame f = *frame; /* nothing that is written can change it */
    size_t frame_bytes = volley_frame_bytes(&f);
    uint32_t most = (uint32_t)(in.size / frame_bytes);
    const uint8_t *payload = in.ptr + f.prefix.size;
    uint32_t marks = 0;
    uint32_t i = 0;
    ASSERT(f.prefix.size >= VOLLEY_PREFIX_MIN);
    ASSERT(f.trailer.size == 0 || f.trailer.size == VOLLEY_TRAILER_MAX);
    for (; i < most; i++, payload += frame_bytes) {
        struct message_header header;
        if (!alike(payload - f.prefix.size, f.prefix.ptr, f.prefix.size) ||
            !trailer_is(payload + f.payload_bytes, f.trailer) ||
            !message_read(f.form, payload, &header)) {
            break;
        }
        uint32_t stream = header.stream - f.first_stream;
        bool marked = (header.sequence & f.mark_mask) == 0;
        if (stream >= f.streams || next[stream] != header.sequence ||
            (marked && marks == VOLLEY_MARKS_MAX)) {
            break;
        }
        next[stream]++;
        if (marked) {
            volley->marks[marks++] = i;
        }
    }
    volley->count = i;
    volley->marks_count = marks;
}
