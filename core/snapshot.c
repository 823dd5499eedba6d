/* snapshot.c - a bounded heap of rows, its worst row on top, and the ring of closed connections. */
#include "core/snapshot.h"

#include <stdlib.h>

void snapshot_init(struct snapshot *snapshot, const struct snapshot_query *query)
{
    *snapshot = (struct snapshot){.query = *query};
}

static void row_free(struct snapshot_row *row)
{
    memory_free(row->text);
    row->text = NULL;
}

void snapshot_free(struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->rows_count; i++) {
        row_free(&snapshot->rows[i]);
    }
    for (uint32_t i = 0; i < snapshot->subs_count; i++) {
        memory_free(snapshot->subs[i].text);
    }
    memory_free(snapshot->rows);
    memory_free(snapshot->subs);
    *snapshot = (struct snapshot){.query = snapshot->query};
}

/* ---- order ------------------------------------------------------------------------------------- */

static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* Ascending by text, as connz sorts reasons: the first eight letters are enough to tell ours apart,
 * but for those that begin alike, which may then stand in any order. */
static uint64_t text_key(const char *text)
{
    uint64_t key = 0;
    for (size_t i = 0; i < sizeof(key); i++) {
        key = key << 8 | (uint8_t)*text;
        text += *text != '\0';
    }
    return key;
}

static uint64_t age_of(uint64_t now_ns, const struct snapshot_row *row)
{
    return row->oldest_ns > 0 ? since(now_ns, row->oldest_ns) : 0;
}

void snapshot_key(const struct snapshot_query *query, uint64_t now_ns, struct snapshot_row *row)
{
    uint64_t end_ns = row->closed_ns > 0 ? row->closed_ns : now_ns;
    const uint64_t largest_first[SNAPSHOT_SORTS_COUNT] = {
        [SNAPSHOT_BY_SUBS] = row->subs_count,
        [SNAPSHOT_BY_PENDING] = row->pending_bytes,
        [SNAPSHOT_BY_MSGS_TO] = row->messages_out,
        [SNAPSHOT_BY_MSGS_FROM] = row->messages_in,
        [SNAPSHOT_BY_BYTES_TO] = row->bytes_out,
        [SNAPSHOT_BY_BYTES_FROM] = row->bytes_in,
        [SNAPSHOT_BY_LAST] = row->active_ns,
        [SNAPSHOT_BY_IDLE] = since(end_ns, row->active_ns),
        [SNAPSHOT_BY_STOP] = row->closed_ns,
        [SNAPSHOT_BY_RTT] = row->rtt_ns,
        [SNAPSHOT_BY_AGE] = age_of(now_ns, row),
    };
    switch (query->sort) {
    case SNAPSHOT_BY_CID:
    case SNAPSHOT_BY_START:
        row->key = row->cid;
        break;
    case SNAPSHOT_BY_UPTIME:
        row->key = since(end_ns, row->opened_ns);
        break;
    case SNAPSHOT_BY_REASON:
        row->key = row->closed_ns > 0 ? text_key(close_reason_text(row->reason)) : 0;
        break;
    default:
        row->key = ~largest_first[query->sort];
        break;
    }
}

static int row_compare(const void *a, const void *b)
{
    const struct snapshot_row *x = a;
    const struct snapshot_row *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return x->cid < y->cid ? -1 : x->cid > y->cid;
}

/* ---- the heap ---------------------------------------------------------------------------------- */

static void rows_swap(struct snapshot_row *a, struct snapshot_row *b)
{
    struct snapshot_row kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct snapshot_row *rows, uint32_t at)
{
    while (at > 0 && row_compare(&rows[at], &rows[(at - 1) / 2]) > 0) {
        rows_swap(&rows[at], &rows[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct snapshot_row *rows, uint32_t count)
{
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && row_compare(&rows[child + 1], &rows[child]) > 0) {
            child++;
        }
        if (row_compare(&rows[child], &rows[at]) <= 0) {
            return;
        }
        rows_swap(&rows[child], &rows[at]);
        at = child;
    }
}

bool snapshot_keeps(const struct snapshot *snapshot, const struct snapshot_row *row)
{
    if (snapshot->rows_count < snapshot->query.rows_max) {
        return true;
    }
    return snapshot->rows_count > 0 && row_compare(row, &snapshot->rows[0]) < 0;
}

static void rows_reserve(struct snapshot *snapshot, uint32_t count)
{
    if (count > snapshot->rows_capacity) {
        snapshot->rows_capacity = MAX_OF(count, MAX_OF(64u, 2 * snapshot->rows_capacity));
        snapshot->rows =
            memory_resize(snapshot->rows, snapshot->rows_capacity * sizeof(struct snapshot_row));
    }
}

static void subs_reserve(struct snapshot *snapshot, uint32_t count)
{
    if (count > snapshot->subs_capacity) {
        snapshot->subs_capacity = MAX_OF(count, MAX_OF(64u, 2 * snapshot->subs_capacity));
        snapshot->subs =
            memory_resize(snapshot->subs, snapshot->subs_capacity * sizeof(struct snapshot_sub));
    }
}

void snapshot_reserve(struct snapshot *snapshot, uint64_t rows, uint64_t subs)
{
    const struct snapshot_query *query = &snapshot->query;
    if (query->list != SNAPSHOT_SUBSCRIPTIONS) {
        rows_reserve(snapshot, (uint32_t)MIN_OF(rows, (uint64_t)query->rows_max));
    }
    bool is_subs = query->list == SNAPSHOT_SUBSCRIPTIONS || query->wants_subs;
    uint64_t most = query->wants_subs ? SNAPSHOT_SUBS_MAX : query->rows_max;
    if (is_subs) {
        subs_reserve(snapshot, (uint32_t)MIN_OF(subs, MIN_OF(most, (uint64_t)SNAPSHOT_SUBS_MAX)));
    }
}

void snapshot_add(struct snapshot *snapshot, const struct snapshot_row *row)
{
    snapshot->total++;
    if (!snapshot_keeps(snapshot, row)) {
        memory_free(row->text);
        return;
    }
    if (snapshot->rows_count == snapshot->query.rows_max) {
        row_free(&snapshot->rows[0]);
        snapshot->rows[0] = *row;
        sift_down(snapshot->rows, snapshot->rows_count);
        return;
    }
    rows_reserve(snapshot, snapshot->rows_count + 1);
    snapshot->rows[snapshot->rows_count] = *row;
    sift_up(snapshot->rows, snapshot->rows_count++);
}

bool snapshot_add_sub(struct snapshot *snapshot, const struct snapshot_sub *sub,
                      struct bytes subject, struct bytes queue, struct bytes sid)
{
    if (snapshot->subs_count == SNAPSHOT_SUBS_MAX) {
        snapshot->is_cut = true;
        return false;
    }
    subs_reserve(snapshot, snapshot->subs_count + 1);
    struct snapshot_sub *added = &snapshot->subs[snapshot->subs_count++];
    *added = *sub;
    added->subject_size = (uint32_t)subject.size;
    added->queue_size = (uint32_t)queue.size;
    added->sid_size = (uint32_t)sid.size;
    added->text = memory_resize(NULL, subject.size + queue.size + sid.size + 1);
    memcpy(added->text, subject.ptr, subject.size);
    if (queue.size > 0) {
        memcpy(added->text + subject.size, queue.ptr, queue.size);
    }
    memcpy(added->text + subject.size + queue.size, sid.ptr, sid.size);
    return true;
}

/* ---- rows -------------------------------------------------------------------------------------- */

void snapshot_row_client(struct snapshot_row *row, const struct snapshot_client *client)
{
    row->opened_ns = client->opened_ns;
    row->active_ns = client->active_ns;
    row->rtt_ns = client->rtt_ns;
    row->port = client->port;
}

void snapshot_row_texts(struct snapshot_row *row, const struct snapshot_client *client)
{
    size_t size = 0;
    for (int i = 0; i < TEXTS_COUNT; i++) {
        row->sizes[i] = (uint32_t)client->texts[i].size;
        size += client->texts[i].size;
    }
    row->text = memory_resize(NULL, size + 1);
    uint8_t *to = row->text;
    for (int i = 0; i < TEXTS_COUNT; i++) {
        if (client->texts[i].size > 0) {
            memcpy(to, client->texts[i].ptr, client->texts[i].size);
            to += client->texts[i].size;
        }
    }
}

struct bytes snapshot_text(const struct snapshot_row *row, enum snapshot_text which)
{
    const uint8_t *at = row->text;
    for (int i = 0; i < (int)which; i++) {
        at += row->sizes[i];
    }
    return bytes_of(at, row->sizes[which]);
}

void snapshot_merge(struct snapshot *into, struct snapshot *from)
{
    rows_reserve(into, into->rows_count + from->rows_count);
    for (uint32_t i = 0; i < from->rows_count; i++) {
        struct snapshot_row *row = &into->rows[into->rows_count++];
        *row = from->rows[i];
        row->subs_first += into->subs_count;
    }
    if (from->subs_count > 0) {
        uint32_t count = into->subs_count + from->subs_count;
        into->subs = memory_resize(into->subs, count * sizeof(struct snapshot_sub));
        memcpy(into->subs + into->subs_count, from->subs,
               from->subs_count * sizeof(struct snapshot_sub));
        into->subs_count = count;
        into->subs_capacity = count;
    }
    into->total += from->total;
    into->is_cut = into->is_cut || from->is_cut;
    from->rows_count = 0;
    from->subs_count = 0;
    snapshot_free(from);
}

void snapshot_sort(struct snapshot *snapshot)
{
    if (snapshot->rows_count > 1) {
        qsort(snapshot->rows, snapshot->rows_count, sizeof(*snapshot->rows), row_compare);
    }
}

/* ---- connections that are gone ----------------------------------------------------------------- */

void closed_ring_init(struct closed_ring *ring, uint32_t capacity)
{
    *ring = (struct closed_ring){.capacity = capacity};
}

void closed_ring_free(struct closed_ring *ring)
{
    for (uint32_t i = 0; i < ring->count; i++) {
        row_free(&ring->rows[i]);
    }
    memory_free(ring->rows);
    *ring = (struct closed_ring){0};
}

void closed_ring_add(struct closed_ring *ring, const struct snapshot_row *row)
{
    if (ring->capacity == 0) {
        memory_free(row->text);
        return;
    }
    if (ring->rows == NULL) {
        ring->rows = memory_alloc(ring->capacity * sizeof(struct snapshot_row));
    }
    struct snapshot_row *place = &ring->rows[ring->next];
    memory_free(place->text);
    *place = *row;
    ring->next = (ring->next + 1) % ring->capacity;
    ring->count = MIN_OF(ring->count + 1, ring->capacity);
}

static bool matches(const struct snapshot_query *query, const struct snapshot_row *row)
{
    return (query->cid == 0 || query->cid == row->cid) &&
           (query->user[0] == '\0' ||
            bytes_equal(snapshot_text(row, TEXT_USER), bytes_text(query->user)));
}

static void add_copy(struct snapshot *snapshot, const struct snapshot_row *row)
{
    struct snapshot_row copy = *row;
    snapshot_key(&snapshot->query, snapshot->now_ns, &copy);
    if (!snapshot_keeps(snapshot, &copy)) {
        snapshot->total++;
        return;
    }
    size_t size = 0;
    for (int i = 0; i < TEXTS_COUNT; i++) {
        size += copy.sizes[i];
    }
    copy.text = memory_resize(NULL, size + 1);
    memcpy(copy.text, row->text, size);
    snapshot_add(snapshot, &copy);
}

bool closed_ring_step(const struct closed_ring *ring, struct snapshot *snapshot, uint32_t budget)
{
    struct snapshot_walk *walk = &snapshot->walk;
    for (; budget > 0 && walk->slot < ring->count; budget--, walk->slot++) {
        const struct snapshot_row *row = &ring->rows[walk->slot];
        if (matches(&snapshot->query, row)) {
            add_copy(snapshot, row);
        }
    }
    return walk->slot >= ring->count;
}
