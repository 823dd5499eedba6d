/* backlog.c - lists of pieces, found by who hears what. */
#include "core/backlog.h"

enum {
    SPARE_BYTES_MAX = 512 * 1024, /* of each class */
    IDLE_MAX = 4096,
    BACKLOG_BYTES = sizeof(struct backlog) + 16, /* with its place in a table that is half full */
};

static const uint16_t capacities[BACKLOG_CLASSES] = {4, 20, 84}; /* 128, 512, 2048 bytes */

static size_t block_bytes(uint32_t class_index)
{
    return sizeof(struct backlog_block) + capacities[class_index] * sizeof(struct backlog_piece);
}

size_t backlogs_spare_bytes_max(void)
{
    return (size_t)BACKLOG_CLASSES * SPARE_BYTES_MAX + (size_t)IDLE_MAX * BACKLOG_BYTES;
}

void backlogs_init(struct backlogs *all, struct chunk_pool *chunks)
{
    *all = (struct backlogs){.chunks = chunks};
    list_init(&all->blocks);
    list_init(&all->idle);
    for (size_t i = 0; i < BACKLOG_CLASSES; i++) {
        list_init(&all->spare[i]);
    }
}

/* ---- blocks ------------------------------------------------------------------------------------ */

static struct backlog_block *block_take(struct backlogs *all, uint32_t class_index)
{
    struct list *node = list_pop(&all->spare[class_index]);
    struct backlog_block *block;
    if (node != NULL) {
        all->spare_count[class_index]--;
        block = CONTAINER_OF(node, struct backlog_block, link);
    } else {
        block = memory_dense_alloc(block_bytes(class_index));
        list_init(&block->link);
    }
    block->next = NULL;
    block->refs = 1;
    block->count = 0;
    block->class_index = (uint16_t)class_index;
    list_push(&all->blocks, &block->link);
    all->bytes += block_bytes(class_index);
    return block;
}

static void block_unref(struct backlogs *all, struct backlog_block *block)
{
    ASSERT(block->refs > 0);
    if (--block->refs > 0) {
        return;
    }
    uint32_t class_index = block->class_index;
    list_remove(&block->link);
    all->bytes -= block_bytes(class_index);
    if (all->spare_count[class_index] == SPARE_BYTES_MAX / block_bytes(class_index)) {
        memory_dense_free(block);
        return;
    }
    all->spare_count[class_index]++;
    /* In front: what was used last is in the cache. */
    list_push(all->spare[class_index].next, &block->link);
}

static void piece_hold(struct backlog_block *block, uint32_t index)
{
    struct backlog_piece *piece = &block->pieces[index];
    if (piece->holders++ == 0) {
        chunk_ref(piece->chunk);
        block->refs++;
    }
}

void backlog_release(struct backlogs *all, struct backlog_block *block, uint32_t index)
{
    struct backlog_piece *piece = &block->pieces[index];
    ASSERT(piece->holders > 0);
    if (--piece->holders == 0) {
        chunk_unref(all->chunks, piece->chunk);
        block_unref(all, block);
    }
}

/* ---- members ----------------------------------------------------------------------------------- */

static uint64_t hash_of(uint32_t hears)
{
    return hears * 0x9E3779B97F4A7C15u;
}

static bool is_heard(const void *item, const void *name)
{
    const struct backlog *backlog = item;
    const uint32_t *hears = name;
    return backlog->hears == *hears;
}

static void forget(struct backlogs *all, struct backlog *backlog)
{
    table_remove(&all->lists, backlog, hash_of(backlog->hears));
    list_remove(&backlog->link);
    all->idle_count--;
    memory_dense_free(backlog);
}

struct backlog *backlog_join(struct backlogs *all, uint32_t hears)
{
    struct backlog *backlog = table_find(&all->lists, hash_of(hears), is_heard, &hears);
    if (backlog == NULL) {
        backlog = memory_dense_alloc(sizeof(*backlog));
        *backlog = (struct backlog){.hears = hears};
        list_init(&backlog->link);
        table_add(&all->lists, backlog, hash_of(hears));
    } else if (backlog->members == 0) {
        list_remove(&backlog->link);
        all->idle_count--;
    }
    if (backlog->members++ == 0) {
        all->bytes += BACKLOG_BYTES;
    }
    return backlog;
}

void backlog_leave(struct backlogs *all, struct backlog *backlog)
{
    ASSERT(backlog->members > 0);
    if (--backlog->members > 0) {
        return;
    }
    if (backlog->newest != NULL) {
        block_unref(all, backlog->newest);
        backlog->newest = NULL;
    }
    all->bytes -= BACKLOG_BYTES;
    list_push(&all->idle, &backlog->link);
    if (++all->idle_count > IDLE_MAX) {
        forget(all, CONTAINER_OF(list_first(&all->idle), struct backlog, link));
    }
}

void backlogs_free(struct backlogs *all)
{
    ASSERT(all->bytes == 0);
    ASSERT(list_is_empty(&all->blocks));
    while (!list_is_empty(&all->idle)) {
        forget(all, CONTAINER_OF(list_first(&all->idle), struct backlog, link));
    }
    table_free(&all->lists);
    for (size_t i = 0; i < BACKLOG_CLASSES; i++) {
        struct list *node;
        while ((node = list_pop(&all->spare[i])) != NULL) {
            memory_dense_free(CONTAINER_OF(node, struct backlog_block, link));
        }
    }
}

/* ---- pieces ------------------------------------------------------------------------------------ */

/* A block with room for one more. */
static struct backlog_block *block_roomy(struct backlogs *all, struct backlog *backlog)
{
    struct backlog_block *block = backlog->newest;
    if (block != NULL && block->refs == 1) {
        block->count = 0; /* nobody holds any of it */
    }
    if (block != NULL && block->count < capacities[block->class_index]) {
        return block;
    }
    uint32_t class_index = 0;
    if (block != NULL) {
        class_index = MIN_OF(block->class_index + 1u, BACKLOG_CLASSES - 1u);
    }
    backlog->newest = block_take(all, class_index);
    if (block != NULL) {
        block->next = backlog->newest;
        block_unref(all, block);
    }
    return backlog->newest;
}

/* The newest piece, if it is held and this lies behind it. */
static struct backlog_piece *piece_to_grow(const struct backlog *backlog,
                                           const struct backlog_piece *added)
{
    struct backlog_block *block = backlog->newest;
    if (block == NULL || block->count == 0) {
        return NULL;
    }
    struct backlog_piece *piece = &block->pieces[block->count - 1];
    bool is_behind = piece->holders > 0 && piece->chunk == added->chunk &&
                     piece->offset + piece->size == added->offset;
    return is_behind ? piece : NULL;
}

void backlog_begin(struct backlogs *all, struct backlog *backlog)
{
    backlog->round = all->round;
    backlog->span_begin = backlog->end;
    backlog->span = (struct backlog_place){0};
}

void backlog_add(struct backlogs *all, struct backlog *backlog, struct backlog_piece added,
                 bool goes_on)
{
    bool is_first = backlog->end == backlog->span_begin;
    backlog->end += added.size;
    struct backlog_piece *piece = piece_to_grow(backlog, &added);
    if (piece != NULL) {
        ASSERT_SLOW(is_first);
        struct backlog_block *block = backlog->newest;
        backlog->span = (struct backlog_place){block, block->count - 1u, piece->size};
        piece->size += added.size;
        piece->messages += added.messages;
        piece->holders += !goes_on;
        return;
    }
    struct backlog_block *block = block_roomy(all, backlog);
    if (is_first) {
        backlog->span = (struct backlog_place){.block = block, .index = block->count};
    }
    added.holders = 0;
    block->pieces[block->count] = added;
    piece_hold(block, block->count);
    block->count++;
}

void backlog_hold(struct backlog *backlog, bool goes_on)
{
    struct backlog_place at = backlog->span;
    uint64_t left = backlog->end - backlog->span_begin;
    bool has_it = goes_on && at.offset > 0;
    for (;;) {
        const struct backlog_piece *piece = backlog_piece_at(at);
        if (!has_it) {
            piece_hold(at.block, at.index);
        }
        has_it = false;
        left -= piece->size - at.offset;
        if (left == 0) {
            return;
        }
        at = backlog_next(at);
    }
}

/* ---- looking inside ---------------------------------------------------------------------------- */

void backlogs_check(const struct backlogs *all)
{
    uint64_t bytes = 0;
    uint32_t idle = 0;
    LIST_FOR_EACH (node, &all->blocks) {
        const struct backlog_block *block = CONTAINER_OF(node, struct backlog_block, link);
        uint32_t held = 0;
        ASSERT(block->count <= capacities[block->class_index]);
        for (uint32_t i = 0; i < block->count; i++) {
            const struct backlog_piece *piece = &block->pieces[i];
            if (piece->holders > 0) {
                held++;
                ASSERT(piece->chunk->refs > 0);
                ASSERT(piece->offset + piece->size <= piece->chunk->used);
                ASSERT(piece->messages > 0);
            }
        }
        ASSERT(block->refs == held || block->refs == held + 1);
        ASSERT(block->refs > 0);
        bytes += block_bytes(block->class_index);
    }
    uint32_t cursor = 0;
    const struct backlog *backlog;
    while ((backlog = table_next(&all->lists, &cursor)) != NULL) {
        ASSERT((backlog->members == 0) == list_is_linked(&backlog->link));
        ASSERT(backlog->members > 0 || backlog->newest == NULL);
        ASSERT(backlog->newest == NULL || backlog->newest->next == NULL);
        ASSERT(backlog->span_begin <= backlog->end);
        bytes += backlog->members > 0 ? (uint64_t)BACKLOG_BYTES : 0;
        idle += backlog->members == 0;
    }
    ASSERT(idle == all->idle_count);
    ASSERT(bytes == all->bytes);
}
