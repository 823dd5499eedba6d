/*
 * draft.h - the text of one message while it is being cleaned: what to change, and where it is now.
 *
 *   draft_begin(text) ─▶ draft_edit(from, to, put) … ─▶ draft_apply ─▶ draft_edit … ─▶ text
 *
 * A step notes its edits, from left to right, and applies them at once; a step that finds nothing
 * copies nothing. Two buffers take turns, so that a step reads one and writes the other.
 *
 * Threads:     one worker's.
 * Memory:      owns its buffers, which grow to the largest text seen and stay. The text is borrowed
 *              from the caller until a step changes or pads it; then until the next draft_begin.
 * Limits:      limit: no text may grow beyond it. Edits: one a byte at most.
 * Invariants:  (1) edits are in order and do not overlap.
 *              (2) a text in a buffer has DRAFT_PADDING readable bytes behind it.
 */
#ifndef RINGHUB_CORE_DRAFT_H
#define RINGHUB_CORE_DRAFT_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { DRAFT_PADDING = 64 };

/* text[from, to) becomes put; put is borrowed until draft_apply. */
struct edit {
    uint32_t from;
    uint32_t to;
    struct bytes put;
};

struct draft {
    struct bytes text;
    size_t limit;
    bool is_changed;
    int held; /* the buffer that holds the text; -1: the caller's */
    uint8_t *buffers[2];
    size_t capacities[2];
    struct edit *edits;
    size_t edits_count, edits_capacity;
};

void draft_free(struct draft *draft);

/* limit: at least text.size, at most UINT32_MAX. */
void draft_begin(struct draft *draft, struct bytes text, size_t limit);

void draft_edit(struct draft *draft, size_t from, size_t to, struct bytes put);
/* Carries out the edits and forgets them. False: the text would pass the limit; nothing changed. */
MUST_USE bool draft_apply(struct draft *draft);

/* Room for size bytes that will be the text: write them, then draft_take. */
uint8_t *draft_room(struct draft *draft, size_t size);
void draft_take(struct draft *draft, size_t size);

/* Only text[from, to) is left. */
void draft_cut(struct draft *draft, size_t from, size_t to);
/* DRAFT_PADDING bytes behind the text may be read. */
void draft_pad(struct draft *draft);

#ifdef __cplusplus
}
#endif
#endif
