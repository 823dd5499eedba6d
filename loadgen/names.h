/*
 * names.h - what are the subjects called?
 *
 *   one subject: BASE      several: BASE.0, BASE.1, …      a requester's replies: BASE.reply.ID.N
 *                          with an end: BASE.0.END, …
 *
 * Threads:     topics are constant once made; the rest has no state.
 * Memory:      topics own their text.
 */
#ifndef RINGHUB_LOADGEN_NAMES_H
#define RINGHUB_LOADGEN_NAMES_H

#include "core/bytes.h"
#include "loadgen/scenario.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NAMES_BYTES_MAX = SCENARIO_TEXT_MAX + 64 };

struct name {
    char text[NAMES_BYTES_MAX];
};

/* Subject number index; in a request scenario, where the replies of requester index go. */
struct name name_subject(const struct scenario *scenario, uint32_t index);
/* A pattern that matches all subjects; which: 0 ends in a star, 1 in a greater-than. */
struct name name_pattern(const struct scenario *scenario, uint32_t which);
/* What churner subscribes to, the number-th time. */
struct name name_churn(const struct scenario *scenario, uint32_t churner, uint64_t number);
/* The queue group's own name. */
struct name name_group(uint32_t group);

/* All subjects, as deliveries name them. */
struct topics {
    uint8_t *text;
    uint32_t *at; /* count + 1 */
    uint32_t count;
};

void topics_init(struct topics *topics, const struct scenario *scenario, uint32_t count);
void topics_free(struct topics *topics);

static inline struct bytes topics_of(const struct topics *topics, uint32_t index)
{
    ASSERT(index < topics->count);
    return bytes_of(topics->text + topics->at[index], topics->at[index + 1] - topics->at[index]);
}

#ifdef __cplusplus
}
#endif
#endif
