/*
 * hub_save.c - a session as bytes: to be closed here and go on there.
 *
 *   save ▶ [ head | entry … | sub … | input ] ▶ load
 *
 * An entry is one piece of what is pending, rendered; the first may have been sent in part. What the
 * kernel has is gone, what it has not is in here, so the receiver sees the very next byte.
 *
 * The numbers are this machine's: a hand-over does not leave it.
 */
#include "core/hub_state.h"

enum { SAVE_VERSION = 1 };

struct save_head {
    uint32_t version;
    uint32_t entries_count;
    uint32_t head_sent; /* of the first entry */
    uint32_t subs_count;
    uint32_t input_size;
    uint8_t echo;
    uint8_t headers;
    uint8_t no_responders;
    uint8_t verbose;
    uint8_t end_of_input;
    uint64_t client_id;
    uint64_t control_bytes;
    uint64_t tick_ns;
    uint64_t messages_in;
    uint64_t bytes_in;
    uint64_t messages_out;
    uint64_t bytes_out;
};

struct save_entry {
    uint32_t size;
    uint32_t messages; /* 0: control bytes */
};

struct save_sub {
    uint64_t delivered;
    uint32_t max;
    uint32_t pattern_size;
    uint16_t queue_size;
    uint16_t sid_size;
};

/* ---- writing --------------------------------------------------------------------------------- */

/* Counts what it is given, and keeps what fits. */
struct writer {
    uint8_t *to;
    size_t size;
    size_t at;
};

/* Where the next size bytes go; NULL: they do not fit. */
static uint8_t *writer_take(struct writer *writer, size_t size)
{
    size_t at = writer->at;
    writer->at += size;
    return writer->at <= writer->size ? writer->to + at : NULL;
}

static void writer_put(struct writer *writer, const void *from, size_t size)
{
    uint8_t *to = writer_take(writer, size);
    if (to != NULL && size > 0) {
        memcpy(to, from, size);
    }
}

static void save_run(struct writer *writer, const struct pending_entry *e)
{
    struct frames frames = frames_of(e->run, audience_layout(e->audience));
    const struct message *message =
        (const struct message *)(const void *)((const uint8_t *)e->run + e->offset);
    uint8_t *to = writer_take(writer, e->size);
    for (uint32_t i = 0; to != NULL && i < e->messages; i++) {
        to = frame_render(&frames, message, to);
        message = message_next(message);
    }
}

/* Each piece for itself: who loads it needs no more room at once than they do. Returns how many;
 * without a writer it counts. */
static uint32_t save_shared(struct writer *writer, struct pending_entry e)
{
    uint32_t count = 1;
    for (;; count++) {
        struct backlog_place at = pending_place(&e);
        const struct backlog_piece *piece = backlog_piece_at(at);
        struct save_entry entry = {.size = backlog_here(at, e.size), .messages = e.messages};
        if (entry.size < e.size) {
            entry.messages = pending_place_messages(&e, entry.size);
        }
        if (writer != NULL) {
            writer_put(writer, &entry, sizeof(entry));
            writer_put(writer, piece->chunk->data + piece->offset + at.offset, entry.size);
        }
        e.size -= entry.size;
        if (e.size == 0) {
            return count;
        }
        e.messages -= entry.messages;
        at = backlog_next(at);
        e.block = at.block;
        e.index = at.index;
        e.offset = 0;
    }
}

static void save_pending(struct writer *writer, const struct pending *p)
{
    for (uint32_t i = 0; i < pending_count(p); i++) {
        const struct pending_entry *e = pending_at(p, i);
        if (e->kind == PENDING_GONE) {
            continue;
        }
        ASSERT(e->kind != PENDING_OPEN);
        if (e->kind == PENDING_SHARED) {
            (void)save_shared(writer, *e);
            continue;
        }
        struct save_entry entry = {.size = e->size, .messages = e->messages};
        writer_put(writer, &entry, sizeof(entry));
        if (e->kind == PENDING_RUN) {
            save_run(writer, e);
        } else {
            writer_put(writer, e->chunk->data + e->offset, e->size);
        }
    }
}

static void save_sub(const struct hub *hub, struct writer *writer, const struct sub *sub)
{
    const struct entry *entry =
        sub_group(sub) != NULL ? sub_group(sub)->entry : sub->audience->entry;
    struct bytes pattern = index_pattern(hub->index, &entry->base);
    struct bytes queue = sub_group(sub) != NULL ? group_name(sub_group(sub)) : (struct bytes){0};
    struct save_sub saved = {.delivered =
                                 PLANTED(PLANTED_SAVE_FORGETS_COUNT) ? 0 : sub_delivered(sub),
                             .max = sub->max,
                             .pattern_size = (uint32_t)pattern.size,
                             .queue_size = (uint16_t)queue.size,
                             .sid_size = sub->audience->sid_size};
    writer_put(writer, &saved, sizeof(saved));
    writer_put(writer, pattern.ptr, pattern.size);
    writer_put(writer, queue.ptr, queue.size);
    writer_put(writer, sub->audience->sid, sub->audience->sid_size);
}

static uint32_t entries_count(const struct pending *p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pending_count(p); i++) {
        const struct pending_entry *e = pending_at(p, i);
        if (e->kind == PENDING_SHARED) {
            count += save_shared(NULL, *e);
        } else {
            count += e->kind != PENDING_GONE;
        }
    }
    return count;
}

static void save_all(const struct hub *hub, const struct session *session, struct writer *writer)
{
    const struct pending *p = &session->pending;
    uint32_t head_sent = PLANTED(PLANTED_SAVE_FORGETS_SENT) ? 0 : pending_head_sent(p);
    struct bytes input = session_input(session);
    struct save_head head = {.version = SAVE_VERSION,
                             .entries_count = entries_count(p),
                             .head_sent = head_sent,
                             .subs_count = session->subs.count,
                             .input_size = (uint32_t)input.size,
                             .echo = session->echo,
                             .headers = session->headers,
                             .no_responders = session->no_responders,
                             .verbose = session->verbose,
                             .end_of_input = session->end_of_input,
                             .client_id = session->client_id,
                             .control_bytes = session->control_bytes,
                             .tick_ns = session->due_ns,
                             .messages_in = session->messages_in,
                             .bytes_in = session->bytes_in,
                             .messages_out = session->messages_out,
                             .bytes_out = (uint64_t)session->bytes_out};
    writer_put(writer, &head, sizeof(head));
    save_pending(writer, p);
    uint32_t cursor = 0;
    const struct sub *sub;
    while ((sub = table_next(&session->subs, &cursor)) != NULL) {
        save_sub(hub, writer, sub);
    }
    writer_put(writer, input.ptr, input.size);
}

size_t session_save(struct hub *hub, struct session *session, uint8_t *to, size_t size)
{
    if (session->state != SESSION_OPEN || session_is_doomed(session)) {
        return 0;
    }
    hub_close_run(hub);
    hub_settle(hub);
    bool is_solo = session_is_solo(session);
    if (is_solo) {
        session_catch_up(hub, session);
    }
    struct writer writer = {.to = to, .size = size};
    save_all(hub, session, &writer);
    if (is_solo) {
        session_follow(hub, session);
    }
    return writer.at;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reader {
    struct bytes left;
    bool failed;
};

static struct bytes reader_take(struct reader *reader, size_t size)
{
    if (reader->failed || size > reader->left.size) {
        reader->failed = true;
        return (struct bytes){0};
    }
    struct bytes taken = bytes_of(reader->left.ptr, size);
    reader->left = bytes_skip(reader->left, size);
    return taken;
}

static void reader_get(struct reader *reader, void *to, size_t size)
{
    struct bytes taken = reader_take(reader, size);
    if (taken.size == size) {
        memcpy(to, taken.ptr, size);
    }
}

static bool load_pending(struct hub *hub, struct session *session, struct reader *reader,
                         const struct save_head *head)
{
    struct pending *p = &session->pending;
    for (uint32_t i = 0; i < head->entries_count; i++) {
        struct save_entry entry = {0};
        reader_get(reader, &entry, sizeof(entry));
        struct bytes bytes = reader_take(reader, entry.size);
        if (reader->failed || bytes.size == 0) {
            return false;
        }
        /* A byte between two entries, so that control bytes and messages do not become one. */
        struct chunk *chunk = arena_reserve(hub, &hub->control, bytes.size + 1);
        uint32_t offset = chunk->used;
        memcpy(chunk->data + offset, bytes.ptr, bytes.size);
        chunk->used += (uint32_t)bytes.size + 1;
        pending_add_range(p, &hub->pendings, chunk, offset, entry.size, entry.messages);
        if (i == 0) {
            if (head->head_sent >= entry.size) {
                return false;
            }
            p->ring->head_sent = head->head_sent;
            p->ring->bytes -= head->head_sent;
        }
    }
    if (!pending_is_empty(p)) {
        session_pin(hub, session);
        session_queue_flush(hub, session);
    }
    return true;
}

static bool load_sub(struct hub *hub, struct session *session, struct reader *reader)
{
    struct save_sub saved = {0};
    reader_get(reader, &saved, sizeof(saved));
    struct bytes pattern = reader_take(reader, saved.pattern_size);
    struct bytes queue = reader_take(reader, saved.queue_size);
    struct bytes sid = reader_take(reader, saved.sid_size);
    if (reader->failed || hub_subscribe(hub, session, pattern, queue, sid) != HUB_SUBSCRIBED) {
        return false;
    }
    struct sub *sub = hub_sub_find(hub, session, sid);
    sub->delivered_base = sub->audience->delivered - saved.delivered;
    return saved.max == 0 || hub_unsubscribe(hub, session, sid, saved.max);
}

static bool load_input(struct hub *hub, struct session *session, struct reader *reader,
                       const struct save_head *head)
{
    struct bytes input = reader_take(reader, head->input_size);
    if (reader->failed || reader->left.size > 0 ||
        (input.size > 0 && !hub_input_keep(hub, session, input, 0))) {
        return false;
    }
    session->end_of_input = head->end_of_input;
    if (input.size > 0 || session->end_of_input) {
        /* Some of it may be whole: it had been paused. The next turn looks. */
        hub_pause(hub, session, PAUSE_BUDGET);
    }
    return true;
}

bool session_load(struct hub *hub, struct session *session, struct bytes from)
{
    ASSERT(session->state == SESSION_OPEN);
    ASSERT(session->subs.count == 0);
    ASSERT(pending_is_empty(&session->pending));
    struct reader reader = {.left = from};
    struct save_head head = {0};
    reader_get(&reader, &head, sizeof(head));
    if (reader.failed || head.version != SAVE_VERSION) {
        return false;
    }
    hub_close_run(hub);
    session->client_id = head.client_id;
    session->echo = head.echo;
    session->headers = head.headers;
    session->no_responders = head.no_responders;
    session->verbose = head.verbose;
    session->control_bytes = (uint32_t)head.control_bytes;
    session->messages_in = head.messages_in;
    session->bytes_in = head.bytes_in;
    session->messages_out = head.messages_out;
    session->bytes_out = (float)head.bytes_out;
    if (!load_pending(hub, session, &reader, &head)) {
        return false;
    }
    for (uint32_t i = 0; i < head.subs_count; i++) {
        if (!load_sub(hub, session, &reader)) {
            return false;
        }
    }
    hub_tick_at(hub, session, head.tick_ns);
    return load_input(hub, session, &reader, &head);
}
