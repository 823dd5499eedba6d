/* fair.c - a queue a source, and a ring of sources. */
#include "core/fair.h"

struct fair_source {
    struct list turn;
    struct queue items;
    uint64_t hash;
};

static bool is_source(const void *item, const void *name)
{
    return ((const struct fair_source *)item)->hash == *(const uint64_t *)name;
}

void fair_init(struct fair *fair, size_t place_offset)
{
    *fair = (struct fair){.place_offset = place_offset};
    list_init(&fair->turns);
}

static void source_free(struct fair *fair, struct fair_source *source)
{
    table_remove(&fair->sources, source, source->hash);
    list_remove(&source->turn);
    queue_free(&source->items);
    memory_free(source);
}

void fair_free(struct fair *fair)
{
    struct list *node;
    while ((node = list_first(&fair->turns)) != NULL) {
        source_free(fair, CONTAINER_OF(node, struct fair_source, turn));
    }
    table_free(&fair->sources);
    fair->count = 0;
}

struct fair_source *fair_enter(struct fair *fair, uint64_t hash, void *item)
{
    struct fair_source *source = table_find(&fair->sources, hash, is_source, &hash);
    if (source == NULL) {
        source = memory_alloc(sizeof(*source));
        list_init(&source->turn);
        source->hash = hash;
        queue_init(&source->items, fair->place_offset);
        table_add(&fair->sources, source, hash);
        list_push(&fair->turns, &source->turn);
    }
    if (source->items.count == FAIR_WAITING_MAX) {
        return NULL;
    }
    queue_push(&source->items, item);
    fair->count++;
    return source;
}

void fair_leave(struct fair *fair, struct fair_source *source, void *item)
{
    queue_remove(&source->items, item);
    fair->count--;
    if (queue_is_empty(&source->items)) {
        source_free(fair, source);
    }
}

void *fair_next(struct fair *fair)
{
    struct list *node = list_pop(&fair->turns);
    if (node == NULL) {
        return NULL;
    }
    list_push(&fair->turns, node);
    return queue_first(&CONTAINER_OF(node, struct fair_source, turn)->items);
}

void fair_check(const struct fair *fair)
{
    uint32_t count = 0;
    uint32_t cursor = 0;
    const struct fair_source *source;
    while ((source = table_next(&fair->sources, &cursor)) != NULL) {
        ASSERT(!queue_is_empty(&source->items) && source->items.count <= FAIR_WAITING_MAX);
        count += source->items.count;
    }
    ASSERT(count == fair->count);
}
