/* bench_message.c - messages of zeros. */
#include "bench/bench_message.h"

#include <stdio.h>

static const uint8_t payload[BENCH_PAYLOAD_BYTES_MAX];

void bench_message_init(struct bench_message *message, struct bytes subject, size_t payload_bytes)
{
    ASSERT(payload_bytes <= sizeof(payload));
    int digits = snprintf(message->size_text, sizeof(message->size_text), "%zu", payload_bytes);
    ASSERT(digits > 0);
    message->in = (struct message_in){.subject = subject,
                                      .size_text = bytes_of(message->size_text, (size_t)digits),
                                      .payload = bytes_of(payload, payload_bytes)};
}

size_t bench_message_frame_bytes(const struct bench_message *message, size_t sid_size)
{
    const struct message_in *in = &message->in;
    return strlen("MSG  ") + in->subject.size + sid_size + strlen(" \r\n") + in->size_text.size +
           in->payload.size + strlen("\r\n");
}

struct run *bench_message_run(const struct bench_message *message, struct chunk *chunk,
                              uint32_t count)
{
    ASSERT(chunk_room(chunk) >= bench_message_run_bytes(message, count));
    struct run *run = run_start(chunk, message->in.subject);
    for (uint32_t i = 0; i < count; i++) {
        run_append(run, &message->in);
    }
    return run;
}

size_t bench_message_run_bytes(const struct bench_message *message, uint32_t count)
{
    return run_size_first(&message->in) + count * run_size_more(&message->in);
}
