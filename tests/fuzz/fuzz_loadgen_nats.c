/*
 * fuzz_loadgen_nats.c - the generator's NATS codec against itself: the same bytes cut differently
 * must give the same events (codec.h, invariant 1), and no byte outside the input is read.
 *
 * The first byte seeds the cuts; the rest is what a server might say.
 */
#include "loadgen/codec.c"
#include "loadgen/codec_nats.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A digest of all events: FNV-1a. */
struct digest {
    uint64_t hash;
    uint64_t events;
};

static void digest_bytes(struct digest *digest, struct bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        digest->hash = (digest->hash ^ bytes.ptr[i]) * 0x100000001b3u;
    }
    digest->hash = (digest->hash ^ bytes.size) * 0x100000001b3u;
}

static void digest_event(struct digest *digest, const struct codec_event *event)
{
    digest->events++;
    digest_bytes(digest, bytes_of(&event->kind, sizeof event->kind));
    digest_bytes(digest, event->text);
    digest_bytes(digest, event->subject);
    digest_bytes(digest, event->payload);
    digest_bytes(digest, bytes_of(&event->sid, sizeof event->sid));
}

/* The piece is a copy of its own, so that the sanitizer sees its ends. */
static void feed(struct codec *codec, struct digest *digest, const uint8_t *data, size_t size)
{
    uint8_t *copy = memory_alloc(size + 1);
    memcpy(copy, data, size);
    struct bytes in = bytes_of(copy, size);
    struct codec_event event;
    while (codec_nats.next(codec, &in, &event)) {
        digest_event(digest, &event);
    }
    ASSERT(in.size == 0);
    memory_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    uint32_t random = data[0];
    data++;
    size--;
    struct codec whole = {0};
    struct codec cut = {0};
    struct digest of_whole = {0, 0};
    struct digest of_cut = {0, 0};
    feed(&whole, &of_whole, data, size);
    for (size_t at = 0; at < size;) {
        random = random * 1664525u + 1013904223u;
        size_t piece = MIN_OF(size - at, (size_t)(random >> 24) % 13 + 1);
        feed(&cut, &of_cut, data + at, piece);
        at += piece;
    }
    ASSERT(of_whole.events == of_cut.events);
    ASSERT(of_whole.hash == of_cut.hash);
    ASSERT(whole.held_bytes == cut.held_bytes || whole.lent || cut.lent || whole.broken);
    codec_free(&whole);
    codec_free(&cut);
    return 0;
}
