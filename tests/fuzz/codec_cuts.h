/*
 * codec_cuts.h - a generator's codec against itself: the same bytes cut differently must give the
 * same events (loadgen/codec.h, invariant 1), and no byte outside the input is read.
 *
 * The first byte seeds the cuts; the rest is what a server might say.
 */
#ifndef RINGHUB_TESTS_FUZZ_CODEC_CUTS_H
#define RINGHUB_TESTS_FUZZ_CODEC_CUTS_H

#include "loadgen/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A digest of all events: FNV-1a. */
struct cuts_digest {
    uint64_t hash;
    uint64_t events;
};

static inline void cuts_digest_bytes(struct cuts_digest *digest, struct bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        digest->hash = (digest->hash ^ bytes.ptr[i]) * 0x100000001b3u;
    }
    digest->hash = (digest->hash ^ bytes.size) * 0x100000001b3u;
}

static inline void cuts_digest_event(struct cuts_digest *digest, const struct codec_event *event)
{
    digest->events++;
    cuts_digest_bytes(digest, bytes_of(&event->kind, sizeof event->kind));
    cuts_digest_bytes(digest, event->text);
    cuts_digest_bytes(digest, event->subject);
    cuts_digest_bytes(digest, event->payload);
    cuts_digest_bytes(digest, bytes_of(&event->sid, sizeof event->sid));
}

/* The piece is a copy of its own size, so that the sanitizer sees its ends. */
static inline void cuts_feed(const struct codec_protocol *protocol, struct codec *codec,
                             struct cuts_digest *digest, const uint8_t *data, size_t size)
{
    if (size == 0) {
        return;
    }
    uint8_t *copy = (uint8_t *)memory_alloc(size);
    memcpy(copy, data, size);
    struct bytes in = bytes_of(copy, size);
    struct codec_event event;
    while (protocol->next(codec, &in, &event)) {
        cuts_digest_event(digest, &event);
    }
    ASSERT(in.size == 0);
    memory_free(copy);
}

static inline void cuts_check(const struct codec_protocol *protocol, const uint8_t *data,
                              size_t size)
{
    if (size == 0) {
        return;
    }
    uint32_t random = data[0];
    data++;
    size--;
    struct codec whole;
    struct codec cut;
    struct cuts_digest of_whole = {0, 0};
    struct cuts_digest of_cut = {0, 0};
    memset(&whole, 0, sizeof whole);
    memset(&cut, 0, sizeof cut);
    cuts_feed(protocol, &whole, &of_whole, data, size);
    for (size_t at = 0; at < size;) {
        random = random * 1664525u + 1013904223u;
        size_t piece = MIN_OF(size - at, (size_t)(random >> 24) % 13 + 1);
        cuts_feed(protocol, &cut, &of_cut, data + at, piece);
        at += piece;
    }
    ASSERT(of_whole.events == of_cut.events);
    ASSERT(of_whole.hash == of_cut.hash);
    ASSERT(whole.held_bytes == cut.held_bytes || whole.lent || cut.lent || whole.broken);
    codec_free(&whole);
    codec_free(&cut);
}

#ifdef __cplusplus
}
#endif
#endif
