/* draft.c - two buffers and a list of edits. */
#include "core/draft.h"

void draft_free(struct draft *draft)
{
    memory_free(draft->buffers[0]);
    memory_free(draft->buffers[1]);
    memory_free(draft->edits);
    *draft = (struct draft){.held = -1};
}

void draft_begin(struct draft *draft, struct bytes text, size_t limit)
{
    ASSERT(text.size <= limit);
    draft->text = text;
    draft->limit = limit;
    draft->is_changed = false;
    draft->held = -1;
    draft->edits_count = 0;
}

void draft_edit(struct draft *draft, size_t from, size_t to, struct bytes put)
{
    ASSERT_SLOW(from <= to && to <= draft->text.size);
    ASSERT_SLOW(draft->edits_count == 0 || draft->edits[draft->edits_count - 1].to <= from);
    if (draft->edits_count == draft->edits_capacity) {
        draft->edits_capacity = MAX_OF((size_t)64, 2 * draft->edits_capacity);
        draft->edits = memory_resize(draft->edits, draft->edits_capacity * sizeof(struct edit));
    }
    draft->edits[draft->edits_count++] =
        (struct edit){.from = (uint32_t)from, .to = (uint32_t)to, .put = put};
}

uint8_t *draft_room(struct draft *draft, size_t size)
{
    int other = draft->held == 0 ? 1 : 0;
    if (draft->capacities[other] < size + DRAFT_PADDING) {
        memory_free(draft->buffers[other]);
        size_t capacity = MAX_OF((size_t)4096, size + size / 4) + DRAFT_PADDING;
        draft->buffers[other] = memory_alloc(capacity);
        draft->capacities[other] = capacity;
    }
    return draft->buffers[other];
}

void draft_take(struct draft *draft, size_t size)
{
    int other = draft->held == 0 ? 1 : 0;
    draft->text = bytes_of(draft->buffers[other], size);
    draft->held = other;
    draft->is_changed = true;
}

static uint8_t *put_bytes(uint8_t *to, struct bytes from)
{
    if (from.size > 0) {
        memcpy(to, from.ptr, from.size);
    }
    return to + from.size;
}

bool draft_apply(struct draft *draft)
{
    if (draft->edits_count == 0) {
        return true;
    }
    size_t count = draft->edits_count;
    draft->edits_count = 0;
    size_t size = draft->text.size;
    for (size_t i = 0; i < count; i++) {
        size += draft->edits[i].put.size;
    }
    for (size_t i = 0; i < count; i++) {
        size -= draft->edits[i].to - draft->edits[i].from;
    }
    if (size > draft->limit) {
        return false;
    }
    uint8_t *start = draft_room(draft, size);
    uint8_t *to = start;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const struct edit *edit = &draft->edits[i];
        to = put_bytes(to, bytes_of(draft->text.ptr + at, edit->from - at));
        to = put_bytes(to, edit->put);
        at = edit->to;
    }
    to = put_bytes(to, bytes_skip(draft->text, at));
    ASSERT(to == start + size);
    draft_take(draft, size);
    return true;
}

void draft_cut(struct draft *draft, size_t from, size_t to)
{
    ASSERT(from <= to && to <= draft->text.size);
    draft->is_changed = draft->is_changed || from > 0 || to < draft->text.size;
    draft->text = bytes_of(draft->text.ptr + from, to - from);
}

void draft_pad(struct draft *draft)
{
    if (draft->held >= 0) {
        return;
    }
    bool was_changed = draft->is_changed;
    (void)put_bytes(draft_room(draft, draft->text.size), draft->text);
    draft_take(draft, draft->text.size);
    draft->is_changed = was_changed;
}
