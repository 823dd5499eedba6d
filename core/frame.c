/* frame.c - rendering; the one place that knows MSG from HMSG. */
#include "core/frame.h"

uint32_t frame_digits(uint8_t *to, uint64_t value)
{
    uint8_t reversed[20];
    uint32_t count = 0;
    do {
        reversed[count++] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (uint32_t i = 0; i < count; i++) {
        to[i] = reversed[count - 1 - i];
    }
    return count;
}

static uint8_t *put(uint8_t *to, struct bytes bytes)
{
    memcpy(to, bytes.ptr, bytes.size);
    return to + bytes.size;
}

size_t frame_head(const struct frames *f, const struct message *message, uint8_t *to)
{
    uint8_t *start = to;
    bool stripped = frame_is_stripped(f, message);
    if (message->header_text_size > 0 && !stripped) {
        *to++ = 'H';
    }
    memcpy(to, "MSG ", 4);
    to = put(to + 4, run_subject(f->run));
    *to++ = ' ';
    to = put(to, f->layout.sid);
    *to++ = ' ';
    if (UNLIKELY(stripped)) {
        if (message->reply_size > 0) {
            to = put(to, message_reply(message));
            *to++ = ' ';
        }
        to += frame_digits(to, message->payload_size - message->header_size);
        *to++ = '\r';
        *to++ = '\n';
    }
    return (size_t)(to - start);
}

size_t frames_size(const struct frames *f, const struct message *first, uint32_t count)
{
    const struct run *run = f->run;
    if (count == run->messages_count && (run->headers_count == 0 || f->layout.headers)) {
        return (size_t)count * (4 + f->stem_size) + run->headers_count + run->tails_size;
    }
    size_t size = 0;
    const struct message *message = first;
    for (uint32_t i = 0; i < count; i++) {
        size += frame_size(f, message);
        message = message_next(message);
    }
    return size;
}

uint8_t *frame_render(const struct frames *f, const struct message *message, uint8_t *to)
{
    to += frame_head(f, message, to);
    return put(to, frame_rest(f, message));
}
