/*
 * bench_message.h - what benchmarks publish: messages of one size, and how many bytes they come to.
 *
 * Threads:     pure functions.
 * Memory:      a message's payload is zeros that all of them share; its subject is borrowed. It must
 *              not be copied: it refers to its own size text.
 */
#ifndef RINGHUB_BENCH_BENCH_MESSAGE_H
#define RINGHUB_BENCH_BENCH_MESSAGE_H

#include "core/run.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_PAYLOAD_BYTES_MAX = 64 * 1024 };

struct bench_message {
    struct message_in in;
    char size_text[12];
};

void bench_message_init(struct bench_message *message, struct bytes subject, size_t payload_bytes);

/* On the wire, for a sid of so many bytes. Counted by hand: rendering is what is measured. */
size_t bench_message_frame_bytes(const struct bench_message *message, size_t sid_size);

/* A run of count of them in a chunk that has room (bench_message_run_bytes). */
struct run *bench_message_run(const struct bench_message *message, struct chunk *chunk,
                              uint32_t count);
size_t bench_message_run_bytes(const struct bench_message *message, uint32_t count);

/* A fixed pseudo-random number below a bound (Knuth's MMIX generator, its high bits). */
static inline uint64_t bench_draw(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % below;
}

#ifdef __cplusplus
}
#endif
#endif
