/*
 * queue.h - first in, first out, and whoever waits may leave; for items that wait in few queues,
 * seldom, and are many.
 *
 *   numbers   … first ─────────────────▶ end
 *   ring      [ ][a][ ][b][c][ ][ ]…           a gap: who stood there left
 *
 * An item keeps the number of its place, 4 bytes where the links of a list would take 16. A queue
 * that is walked does not touch the neighbours of whom it takes out.
 *
 * Threads:     owner worker only.
 * Memory:      owns the ring, 8 bytes a place, which grows with what waits at once and is kept.
 * Limits:      2^31 items.
 * Invariants:  (1) An item that is in has the number of its place, any other has 0. (2) Places from
 *              end to limit are free, and no number is 0.
 */
#ifndef RINGHUB_CORE_QUEUE_H
#define RINGHUB_CORE_QUEUE_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct queue {
    void **items; /* a ring; NULL: nobody */
    uint32_t first;
    uint32_t end;
    uint32_t limit; /* at which the ring has to be put in order first */
    uint32_t mask;  /* places in the ring, a power of two, less 1; or no ring */
    uint32_t count;
    uint32_t place_offset; /* of an item's number, a uint32_t */
};

/* An item's number is at this offset in it. */
void queue_init(struct queue *queue, size_t place_offset);
void queue_free(struct queue *queue);

/* Moves limit: more places, or the gaps closed. All numbers may change. */
void queue_make_room(struct queue *queue);

static inline bool queue_is_empty(const struct queue *queue)
{
    return queue->count == 0;
}

static inline uint32_t *queue_place(const struct queue *queue, void *item)
{
    return (uint32_t *)(void *)((char *)item + queue->place_offset);
}

/* The item is in no queue by this number. */
static inline void queue_push(struct queue *queue, void *item)
{
    ASSERT_SLOW(*queue_place(queue, item) == 0);
    if (UNLIKELY(queue->end == queue->limit)) {
        queue_make_room(queue);
    }
    uint32_t number = queue->end++;
    *queue_place(queue, item) = number;
    queue->items[number & queue->mask] = item;
    queue->count++;
}

/* The item is in this queue. */
static inline void queue_remove(struct queue *queue, void *item)
{
    uint32_t *place = queue_place(queue, item);
    ASSERT_SLOW(queue->items[*place & queue->mask] == item);
    queue->items[*place & queue->mask] = NULL;
    *place = 0;
    queue->count--;
}

/* One after the other: *cursor begins as queue_cursor says; NULL ends. Items may be removed while it
 * goes on, none pushed. */
static inline uint32_t queue_cursor(struct queue *queue)
{
    if (queue->count == 0) {
        queue->first = queue->end;
    }
    while (queue->first != queue->end && queue->items[queue->first & queue->mask] == NULL) {
        queue->first++;
    }
    return queue->first;
}

static inline void *queue_next(const struct queue *queue, uint32_t *cursor)
{
    while (*cursor != queue->end) {
        void *item = queue->items[(*cursor)++ & queue->mask];
        if (item != NULL) {
            return item;
        }
    }
    return NULL;
}

/* NULL: empty. */
static inline void *queue_first(struct queue *queue)
{
    return queue->count > 0 ? queue->items[queue_cursor(queue) & queue->mask] : NULL;
}

static inline void *queue_pop(struct queue *queue)
{
    void *item = queue_first(queue);
    if (item != NULL) {
        queue_remove(queue, item);
    }
    return item;
}

void queue_check(const struct queue *queue);

#ifdef __cplusplus
}
#endif
#endif
