/* pending_look.c - how old is what waits, and how many messages is it? */
#include "core/pending.h"

uint64_t pending_oldest_ns(const struct pending *p)
{
    if (pending_is_empty(p)) {
        return 0;
    }
    const struct pending_entry *head = pending_at(p, 0);
    if (head->kind == PENDING_RUN && head->run->ingress_ns > 0) {
        return head->run->ingress_ns;
    }
    if (head->kind == PENDING_RUN) { /* of a trail */
        const uint8_t *at = (const uint8_t *)head->run + head->offset;
        return chunk_time(head->run->chunk, (uint32_t)(at - head->run->chunk->data));
    }
    if (head->kind == PENDING_SHARED) {
        const struct backlog_piece *piece = backlog_piece_at(pending_place(head));
        return chunk_time(piece->chunk, piece->offset + head->offset);
    }
    const struct chunk *chunk = head->chunk;
    if (head->kind == PENDING_OPEN && head->offset == chunk->used) {
        chunk = stream_next(audience_stream(head->audience), chunk);
        return chunk != NULL ? chunk->first_ns : 0;
    }
    return chunk_time(chunk, head->offset);
}

uint64_t pending_messages(const struct pending *p, uint64_t size)
{
    uint64_t messages = 0;
    for (uint32_t i = 0; i < pending_count(p) && size > 0; i++) {
        const struct pending_entry *e = pending_at(p, i);
        if (e->kind == PENDING_GONE) {
            continue;
        }
        if (e->kind == PENDING_OPEN) {
            struct cursor cursor = {e->chunk, e->offset};
            const struct stream *stream = audience_stream(e->audience);
            uint64_t bytes = stream->end - cursor_position(cursor);
            return bytes <= size ? messages + stream_messages_from(stream, cursor)
                                 : messages + stream_messages_from(stream, cursor) * size / bytes;
        }
        if (e->size > size) {
            return messages + e->messages * size / e->size;
        }
        messages += e->messages;
        size -= e->size;
    }
    return messages;
}
