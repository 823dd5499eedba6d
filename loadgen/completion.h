/*
 * completion.h - when has the last subscriber got a message?
 *
 * Every completion_every-th message of a stream has a cell: which message it is, and how many
 * subscribers do not have it yet. Whoever counts the last one knows the completion time.
 *
 *   cell = sequence/every (high 32 bits) | subscribers still without it (low 32 bits)
 *
 * Threads:     completion_begin: the publisher's driver, before the message is sent.
 *              completion_count: any driver. A count follows its begin through the server, so the
 *              kernel's send and receive order the two.
 * Limits:      COMPLETION_CELLS_MAX messages under way per stream, fewer with many streams (at most
 *              COMPLETION_CELLS_ALL together); a message whose cell was taken over by a later one is
 *              never completed, and so not measured.
 */
#ifndef RINGHUB_LOADGEN_COMPLETION_H
#define RINGHUB_LOADGEN_COMPLETION_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { COMPLETION_CELLS_MAX = 4096, COMPLETION_CELLS_ALL = 1 << 20 };

struct completion {
    uint32_t every; /* a power of two */
    uint32_t streams;
    uint32_t cells_each;       /* a power of two */
    ATOMIC(uint64_t) * cells;  /* owned */
    ATOMIC(uint64_t) * due_ns; /* owned; per cell, when its message was due */
};

void completion_init(struct completion *completion, uint32_t streams, uint32_t every);
void completion_free(struct completion *completion);

/* Is this one of the messages that are followed? */
static inline bool completion_follows(const struct completion *completion, uint32_t sequence)
{
    return (sequence & (completion->every - 1)) == 0;
}

/* Only for messages that are followed. subscribers will have it when it is complete. */
void completion_begin(struct completion *completion, uint32_t stream, uint32_t sequence,
                      uint32_t subscribers, uint64_t due_ns);

/* A hint: this message's cell will be needed soon. */
static inline void completion_fetch(const struct completion *completion, uint32_t stream,
                                    uint32_t sequence)
{
    uint32_t tag = sequence / completion->every;
    size_t place = (size_t)stream * completion->cells_each + (tag & (completion->cells_each - 1));
    __builtin_prefetch(&completion->cells[place], 1);
}

/* For those who count a message without having read it: when it was due. To be asked before
 * completion_count, while its cell cannot be taken over. */
uint64_t completion_due_ns(const struct completion *completion, uint32_t stream, uint32_t sequence);

/* One more subscriber has it. Returns true for the last one. */
bool completion_count(struct completion *completion, uint32_t stream, uint32_t sequence);

#ifdef __cplusplus
}
#endif
#endif
