/*
 * hub_evacuate.c - memory under pressure: who gives way, and how sparse chunks are emptied.
 *
 * What gives way when the log's bytes pass three quarters of their budget, at the end of a turn:
 * room in sparse chunks, then what policies allow to be dropped, then the session that has been blocked longest, the next one, and so on,
 * then who keeps up with its socket but not with what it hears. From seven eighths on publishers
 * wait for the end of the turn. Only what other workers had under way can still fill the rest; at
 * the budget itself deliveries are dropped, counted by name.
 *
 * A chunk pinned by few bytes (a stalled session of a rare subject) is evacuated: the union of its
 * live ranges is copied once, and every holder repointed.
 */
#include "core/hub_state.h"

#include <stdlib.h>

enum { EVACUATE_BYTES_MIN = 8 * 1024 * 1024 };

static uint64_t log_bytes(const struct hub *hub)
{
    return hub->chunks.used_bytes + pending_pool_bytes(&hub->pendings);
}

bool hub_log_is_full(const struct hub *hub)
{
    return log_bytes(hub) >= hub->options.log_bytes_max;
}

bool hub_log_is_watched(const struct hub *hub)
{
    return log_bytes(hub) >= hub->watched_bytes;
}

uint64_t hub_log_room(const struct hub *hub)
{
    uint64_t most = hub->options.log_bytes_max / 8 * 7;
    return most - MIN_OF(most, log_bytes(hub));
}

/* ---- evacuation ------------------------------------------------------------------------------ */

/* One extent that holds a chunk. */
struct holder {
    struct chunk *chunk;
    uint32_t offset; /* of the first byte held, in the chunk's data */
    uint32_t size;
    struct pending_entry *entry; /* a session's own, or */
    struct backlog_piece *piece; /* what several share */
};

struct holders {
    struct holder *items;
    uint32_t count;
    uint32_t capacity;
};

static void holder_add(struct holders *all, struct holder holder)
{
    array_reserve((void **)&all->items, &all->capacity, all->count + 1, sizeof(struct holder));
    all->items[all->count++] = holder;
}

/* Each piece is one, whoever has it. */
static void holder_collect_shared(struct hub *hub, struct holders *all)
{
    LIST_FOR_EACH (node, &hub->pendings.backlogs.blocks) {
        struct backlog_block *block = CONTAINER_OF(node, struct backlog_block, link);
        for (uint32_t i = 0; i < block->count; i++) {
            struct backlog_piece *piece = &block->pieces[i];
            if (piece->holders > 0) {
                holder_add(all, (struct holder){.chunk = piece->chunk,
                                                .offset = piece->offset,
                                                .size = piece->size,
                                                .piece = piece});
            }
        }
    }
}

static void holder_collect(struct hub *hub, struct holders *all)
{
    holder_collect_shared(hub, all);
    POOL_FOR_EACH(slot, &hub->sessions)
    {
        struct session *session = pool_at(&hub->sessions, slot);
        struct pending *p = &session->pending;
        for (uint32_t i = 0; pending_is_pinned(p) && i < pending_count(p); i++) {
            struct pending_entry *e = pending_at(p, i);
            if (e->kind == PENDING_RANGE) {
                holder_add(
                    all, (struct holder){
                             .chunk = e->chunk, .offset = e->offset, .size = e->size, .entry = e});
            } else if (e->kind == PENDING_RUN) {
                const uint8_t *at = (const uint8_t *)e->run;
                holder_add(all, (struct holder){.chunk = e->run->chunk,
                                                .offset = (uint32_t)(at - e->run->chunk->data),
                                                .size = e->run->size,
                                                .entry = e});
            }
        }
    }
}

static int holder_compare(const void *a, const void *b)
{
    const struct holder *x = a;
    const struct holder *y = b;
    if (x->chunk != y->chunk) {
        return (uintptr_t)x->chunk < (uintptr_t)y->chunk ? -1 : 1;
    }
    if (x->offset != y->offset) {
        return x->offset < y->offset ? -1 : 1;
    }
    return x->size > y->size ? -1 : x->size < y->size;
}

/* The bytes that the sorted holders of one chunk cover together. */
static uint32_t union_size(const struct holder *holders, uint32_t count)
{
    uint32_t size = 0;
    uint32_t end = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t from = MAX_OF(end, holders[i].offset);
        uint32_t to = holders[i].offset + holders[i].size;
        if (to > from) {
            size += to - from;
            end = to;
        }
    }
    return size;
}

static void holder_move(struct hub *hub, struct holder *holder, struct chunk *to, uint8_t *at)
{
    struct pending_entry *e = holder->entry;
    chunk_ref(to);
    chunk_unref(&hub->chunks, holder->chunk);
    if (e == NULL) {
        holder->piece->chunk = to;
        holder->piece->offset = (uint32_t)(at - to->data);
    } else if (e->kind == PENDING_RANGE) {
        e->chunk = to;
        e->offset = (uint32_t)(at - to->data);
    } else {
        e->run = (struct run *)(void *)at;
        e->run->chunk = to;
    }
}

/* Copies one connected piece of the union, which ends in front of holders[count]. */
static void piece_move(struct hub *hub, struct arena *arena, struct holder *holders, uint32_t count,
                       uint32_t end)
{
    uint32_t start = holders[0].offset;
    struct chunk *from = holders[0].chunk;
    struct chunk *to = arena_reserve(hub, arena, (size_t)(end - start) + 16);
    size_t at = run_align((size_t)(uintptr_t)(to->data + to->used)) - (size_t)(uintptr_t)to->data;
    /* Runs are aligned to 8: keep the piece's alignment. */
    at += (uintptr_t)(from->data + start) & 7;
    if (at + (end - start) > to->size) {
        return;
    }
    memcpy(to->data + at, from->data + start, end - start);
    to->used = (uint32_t)(at + (end - start));
    for (uint32_t i = 0; i < count; i++) {
        holder_move(hub, &holders[i], to, to->data + at + (holders[i].offset - start));
    }
}

static void chunk_evacuate(struct hub *hub, struct arena *arena, struct holder *holders,
                           uint32_t count)
{
    struct chunk *from = holders[0].chunk;
    chunk_ref(from);
    uint32_t first = 0;
    while (first < count) {
        uint32_t end = holders[first].offset + holders[first].size;
        uint32_t next = first + 1;
        while (next < count && holders[next].offset <= end) {
            end = MAX_OF(end, holders[next].offset + holders[next].size);
            next++;
        }
        piece_move(hub, arena, holders + first, next - first, end);
        first = next;
    }
    chunk_unref(&hub->chunks, from);
    hub->metrics.evacuations++;
}

static void evacuate(struct hub *hub)
{
    hub_trails_rest(hub, true);
    struct holders all = {0};
    holder_collect(hub, &all);
    struct holder *holders = all.items;
    uint32_t count = all.count;
    if (count > 0) {
        qsort(holders, count, sizeof(*holders), holder_compare);
    }
    struct arena arena;
    arena_init(&arena, 2);
    for (uint32_t first = 0, next; first < count; first = next) {
        struct chunk *chunk = holders[first].chunk;
        for (next = first + 1; next < count && holders[next].chunk == chunk; next++) {
        }
        /* Only where the holders are all that keeps it: a stream's chunk with cursors, or one
         * under way in an envelope, stays whatever we do. A keeper lets go with them. */
        uint32_t kept = chunk->keeper != NULL;
        bool is_ours = chunk->refs - kept == next - first && chunk->cursors == 0;
        if (is_ours && union_size(holders + first, next - first) < chunk->size / 2) {
            chunk_evacuate(hub, &arena, holders + first, next - first);
        }
    }
    memory_free(holders);
    if (arena.chunk != NULL) {
        list_push(&arena.full, &arena.chunk->link);
    }
    struct list *node;
    while ((node = list_pop(&arena.full)) != NULL) {
        chunk_unref(&hub->chunks, CONTAINER_OF(node, struct chunk, link));
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void close_over_pending(struct hub *hub)
{
    uint64_t limit = hub->options.max_pending;
    hub->pending_growth = 0;
    hub->pending_slack = limit;
    uint32_t cursor = queue_cursor(&hub->blocked);
    struct session *session;
    while ((session = queue_next(&hub->blocked, &cursor)) != NULL) {
        uint64_t pending = session_pending_limited(session);
        if (pending > limit) {
            hub_close(hub, session, CLOSE_SLOW_PENDING, HUB_CLOSE_AT_ONCE);
        } else {
            hub->pending_slack = MIN_OF(hub->pending_slack, limit - pending);
        }
    }
}

/* Whose socket takes all it is offered, and who is still offered less than it hears. */
static void close_over_pending_later(struct hub *hub)
{
    uint32_t cursor = queue_cursor(&hub->flush.later);
    struct session *session;
    while ((session = queue_next(&hub->flush.later, &cursor)) != NULL) {
        if (session_pending_limited(session) > hub->options.max_pending) {
            hub_close(hub, session, CLOSE_SLOW_PENDING, HUB_CLOSE_AT_ONCE);
        }
    }
}

/* Looks for sparse chunks when there may be some that were not there the last time. */
static void evacuate_some(struct hub *hub, uint64_t soft)
{
    uint64_t used = log_bytes(hub);
    uint64_t floor = MIN_OF((uint64_t)EVACUATE_BYTES_MIN, hub->options.log_bytes_max / 8);
    bool is_new_peak = used > soft && used > hub->evacuate_at / 2;
    if (used > MAX_OF(hub->evacuate_at, floor) || is_new_peak) {
        evacuate(hub);
        hub->evacuate_at = log_bytes(hub) * 2;
    } else if (used < hub->evacuate_at / 4) {
        hub->evacuate_at = used * 2;
    }
}

/* Of those that are behind: blocked longest first, then whose socket takes all it is offered and
 * who is offered less than it hears. */
static struct session *choose_victim(struct hub *hub)
{
    struct session *session = queue_first(&hub->blocked);
    return session != NULL ? session : queue_first(&hub->flush.later);
}

/* Three quarters are used: until it is less, who is behind gives way. */
static void __attribute__((noinline)) give_way(struct hub *hub, uint64_t soft)
{
    uint32_t cursor = queue_cursor(&hub->blocked);
    struct session *session;
    while ((session = queue_next(&hub->blocked, &cursor)) != NULL) {
        if (session->pending.terms != NULL && log_bytes(hub) > soft) {
            hub_shed(hub, session);
        }
    }
    struct session *victim;
    while (log_bytes(hub) > soft && (victim = choose_victim(hub)) != NULL) {
        hub_close(hub, victim, CLOSE_MEMORY_LIMIT, HUB_CLOSE_AT_ONCE);
    }
}

void hub_limit_memory(struct hub *hub)
{
    close_over_pending_later(hub);
    /* Ten thousand stalled sessions are not asked every turn: only when as much was published as
     * could have brought the fullest of them a good part of the way to its limit. */
    hub->pending_growth += hub->turn_bytes;
    if (!queue_is_empty(&hub->blocked) && hub->pending_growth > hub->pending_slack / 8) {
        close_over_pending(hub);
    }
    uint64_t soft = hub->options.log_bytes_max / 4 * 3;
    evacuate_some(hub, soft);
    if (UNLIKELY(log_bytes(hub) > soft)) {
        give_way(hub, soft);
    }
}
