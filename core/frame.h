/*
 * frame.h - how one message looks on the wire to one layout.
 *
 *   frame = head "MSG subject sid " or "HMSG subject sid "  + rest: the message's tail
 *   a receiver that understands no headers: head "MSG subject sid [reply ]N\r\n" + rest: body CRLF
 *
 * The rest is always a contiguous part of the run, so a caller may refer to it and not copy it.
 *
 * Threads:     pure functions.
 */
#ifndef RINGHUB_CORE_FRAME_H
#define RINGHUB_CORE_FRAME_H

#include "core/run.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FRAME_VERB_MAX = 5,   /* "HMSG " */
    FRAME_SIZE_TEXT = 10, /* a recomputed size, at most UINT32_MAX */
};

/* Everything that decides a frame besides the message. */
struct layout {
    struct bytes sid;
    bool headers; /* the receiver understands HMSG */
};

/* The run's frames for one layout; valid while run and sid are. */
struct frames {
    const struct run *run;
    struct layout layout;
    uint32_t stem_size; /* of "subject sid " */
};

static inline struct frames frames_of(const struct run *run, struct layout layout)
{
    struct frames f;
    f.run = run;
    f.layout = layout;
    f.stem_size = (uint32_t)(run->subject_size + 1 + layout.sid.size + 1);
    return f;
}

static inline bool frame_is_stripped(const struct frames *f, const struct message *message)
{
    return message->header_text_size > 0 && !f->layout.headers;
}

/* Decimal digits of value; returns their number. */
uint32_t frame_digits(uint8_t *to, uint64_t value);

/* Bytes of one frame. */
static inline size_t frame_size(const struct frames *f, const struct message *message)
{
    if (LIKELY(message->header_text_size == 0)) {
        return 4 + f->stem_size + message->tail_size;
    }
    if (f->layout.headers) {
        return 5 + f->stem_size + message->tail_size;
    }
    uint8_t digits[20];
    size_t body = message->payload_size - message->header_size;
    return 4 + f->stem_size + (message->reply_size > 0 ? message->reply_size + 1u : 0) +
           frame_digits(digits, body) + 2 + body + 2;
}

/* Writes the head and returns its size; `to` has room for frame_size less the rest. */
size_t frame_head(const struct frames *f, const struct message *message, uint8_t *to);

static inline struct bytes frame_rest(const struct frames *f, const struct message *message)
{
    const uint8_t *tail = message_tail(message);
    if (UNLIKELY(frame_is_stripped(f, message))) {
        size_t body = message->payload_size - message->header_size + 2;
        return bytes_of(tail + message->tail_size - body, body);
    }
    return bytes_of(tail, message->tail_size);
}

/* Bytes of count frames from first on. */
size_t frames_size(const struct frames *f, const struct message *first, uint32_t count);

/* Renders one whole frame; returns its end. */
uint8_t *frame_render(const struct frames *f, const struct message *message, uint8_t *to);

#ifdef __cplusplus
}
#endif
#endif
