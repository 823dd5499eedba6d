/* queue.c - growing, and closing the gaps. */
#include "core/queue.h"

enum { CAPACITY_FIRST = 16, NUMBER_FIRST = 1 };

void queue_init(struct queue *queue, size_t place_offset)
{
    *queue = (struct queue){.first = NUMBER_FIRST,
                            .end = NUMBER_FIRST,
                            .limit = NUMBER_FIRST,
                            .place_offset = (uint32_t)place_offset};
}

void queue_free(struct queue *queue)
{
    memory_free(queue->items);
    queue_init(queue, queue->place_offset);
    queue->items = NULL;
}

static uint32_t capacity_of(const struct queue *queue)
{
    return queue->items != NULL ? queue->mask + 1 : 0;
}

/* Everybody in a new ring, without gaps. */
static void rebuild(struct queue *queue, uint32_t capacity)
{
    void **items = memory_alloc(capacity * sizeof(void *));
    uint32_t cursor = queue->first;
    uint32_t end = NUMBER_FIRST;
    void *item;
    while ((item = queue_next(queue, &cursor)) != NULL) {
        items[end & (capacity - 1)] = item;
        *queue_place(queue, item) = end++;
    }
    memory_free(queue->items);
    queue->items = items;
    queue->mask = capacity - 1;
    queue->first = NUMBER_FIRST;
    queue->end = end;
}

void queue_make_room(struct queue *queue)
{
    uint32_t capacity = capacity_of(queue);
    uint32_t span = queue->end - queue_cursor(queue);
    /* Afterwards there is room for half of the ring at least, so that this is seldom. */
    if (capacity == 0 || queue->count > capacity / 2) {
        rebuild(queue, MAX_OF((uint32_t)CAPACITY_FIRST, capacity * 2));
    } else if (span > capacity / 2 || queue->end > UINT32_MAX / 2) {
        rebuild(queue, capacity);
    }
    queue->limit = queue->first + queue->mask + 1;
}

void queue_check(const struct queue *queue)
{
    uint32_t count = 0;
    ASSERT(queue->limit - queue->first <= capacity_of(queue));
    ASSERT(queue->end - queue->first <= queue->limit - queue->first);
    for (uint32_t number = queue->first; number != queue->end; number++) {
        void *item = queue->items[number & queue->mask];
        ASSERT(number != 0);
        ASSERT(item == NULL || *queue_place(queue, item) == number);
        count += item != NULL;
    }
    for (uint32_t number = queue->end; number != queue->limit; number++) {
        ASSERT(queue->items[number & queue->mask] == NULL);
    }
    ASSERT(count == queue->count);
}
