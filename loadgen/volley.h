/*
 * volley.h - equal frames one after the other: most of what arrives, judged in one small loop.
 *
 *   in:  │prefix│payload│trailer│prefix│payload│trailer│…      frames of the same length
 *               └ header: whose check is right, whose sequence is the next of its stream
 *
 * A volley ends before the first frame that is not as all others should be; whoever took it judges
 * that one by itself. Frames whose sequence is a multiple of mark_mask + 1 are marked: there is
 * more to do about them than to count them.
 *
 * Threads:     plain values; next belongs to the caller.
 * Limits:      VOLLEY_MARKS_MAX marks; a volley ends before the next.
 */
#ifndef RINGHUB_LOADGEN_VOLLEY_H
#define RINGHUB_LOADGEN_VOLLEY_H

#include "core/bytes.h"
#include "loadgen/message.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VOLLEY_PREFIX_MIN = 8, VOLLEY_TRAILER_MAX = 2, VOLLEY_MARKS_MAX = 64 };

/* What its frames have in common; borrowed. */
struct volley_frame {
    struct bytes prefix; /* at least VOLLEY_PREFIX_MIN */
    uint32_t payload_bytes;
    struct bytes trailer; /* none, or VOLLEY_TRAILER_MAX */
    const struct message_form *form;
    uint32_t first_stream; /* its streams are this one and those up to */
    uint32_t streams;      /* so many further */
    uint32_t mark_mask;    /* a power of two, less one */
};

struct volley {
    uint32_t count;
    uint32_t marks_count;
    uint32_t marks[VOLLEY_MARKS_MAX]; /* of which frame */
};

static inline size_t volley_frame_bytes(const struct volley_frame *frame)
{
    return frame->prefix.size + frame->payload_bytes + frame->trailer.size;
}

/* Takes the frames that in begins with. next: per stream, the sequence that must come; moved on. */
void volley_take(struct volley *volley, const struct volley_frame *frame, struct bytes in,
                 uint32_t *next);

#ifdef __cplusplus
}
#endif
#endif
