/*
 * timer.c - the wheel.
 *
 * All times inside are ticks. A deadline is rounded up to its tick and the clock down to its own,
 * so "tick reached" implies "deadline passed".
 *
 * Why placement needs no rotation: a timer sits at the highest digit (base 64) in which its tick
 * differs from the wheel's, and is later. So occupied slots of a level all lie after the wheel's
 * own digit there, and everything in a lower level comes before everything in a higher one. Turning
 * the wheel to any tick before the first occupied slot changes neither.
 */
#include "core/timer.h"

enum { SLOT_MASK = TIMER_SLOTS - 1, HEADS_COUNT = TIMER_LEVELS * TIMER_SLOTS };

/* A slot of the wheel, and the tick at which it must be looked at. */
struct place {
    uint32_t level;
    uint32_t slot;
};

static uint64_t tick_of_deadline(const struct timer *timer)
{
    uint64_t deadline_ns = timer->deadline_ns;
    return (deadline_ns + TIMER_TICK_NS - 1) >> TIMER_TICK_BITS;
}

/* tick is later than the wheel's. */
static struct place place_of(const struct timers *timers, uint64_t tick)
{
    uint32_t digit_bit = 63 - (uint32_t)__builtin_clzll(tick ^ timers->tick);
    struct place place;
    place.level = digit_bit / TIMER_SLOT_BITS;
    place.slot = (uint32_t)(tick >> (place.level * TIMER_SLOT_BITS)) & SLOT_MASK;
    return place;
}

static void link_timer(struct timers *timers, struct timer *timer)
{
    uint64_t tick = tick_of_deadline(timer);
    if (tick <= timers->tick) {
        list_push(&timers->due, &timer->link);
        return;
    }
    struct place place = place_of(timers, tick);
    ASSERT_SLOW(place.level < TIMER_LEVELS);
    list_push(&timers->slots[place.level][place.slot], &timer->link);
    timers->occupied[place.level] |= (uint64_t)1 << place.slot;
}

/* The only node of a slot points at the slot's head from both sides: that is how its bit is found
 * without storing the place in every timer. */
static void unlink_timer(struct timers *timers, struct timer *timer)
{
    struct list *neighbour = timer->link.next;
    bool was_last = neighbour == timer->link.prev;

    list_remove(&timer->link);
    if (!was_last || neighbour == &timers->due) {
        return;
    }
    size_t index = (size_t)(neighbour - &timers->slots[0][0]);
    ASSERT_SLOW(index < HEADS_COUNT);
    timers->occupied[index / TIMER_SLOTS] &= ~((uint64_t)1 << (index % TIMER_SLOTS));
}

/* The first occupied slot; false when the wheel is empty. */
static bool first_place(const struct timers *timers, struct place *place)
{
    for (uint32_t level = 0; level < TIMER_LEVELS; level++) {
        if (timers->occupied[level] != 0) {
            place->level = level;
            place->slot = (uint32_t)__builtin_ctzll(timers->occupied[level]);
            return true;
        }
    }
    return false;
}

/* The first tick of a slot that lies ahead: the wheel's digits above it, its own digit, zeros. */
static uint64_t place_tick(const struct timers *timers, struct place place)
{
    uint32_t shift = place.level * TIMER_SLOT_BITS;
    uint64_t above = timers->tick >> shift >> TIMER_SLOT_BITS << TIMER_SLOT_BITS;
    return (above | place.slot) << shift;
}

/* Time has reached the slot: its timers go to due or to lower levels. */
static void deal_out(struct timers *timers, struct place place)
{
    struct list *head = &timers->slots[place.level][place.slot];

    timers->tick = place_tick(timers, place);
    timers->occupied[place.level] &= ~((uint64_t)1 << place.slot);
    for (struct list *link = list_pop(head); link != NULL; link = list_pop(head)) {
        link_timer(timers, CONTAINER_OF(link, struct timer, link));
    }
}

void timers_init(struct timers *timers, uint64_t now_ns)
{
    timers->tick = now_ns >> TIMER_TICK_BITS;
    timers->count = 0;
    list_init(&timers->due);
    for (uint32_t level = 0; level < TIMER_LEVELS; level++) {
        timers->occupied[level] = 0;
        for (uint32_t slot = 0; slot < TIMER_SLOTS; slot++) {
            list_init(&timers->slots[level][slot]);
        }
    }
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns)
{
    timers_cancel(timers, timer);
    timer->deadline_ns = MIN_OF(deadline_ns, TIMER_NEVER_NS);
    link_timer(timers, timer);
    timers->count++;
}

void timers_cancel(struct timers *timers, struct timer *timer)
{
    if (timer_is_set(timer)) {
        unlink_timer(timers, timer);
        timers->count--;
    }
}

struct timer *timers_expired(struct timers *timers, uint64_t now_ns)
{
    uint64_t now_tick = MAX_OF(now_ns >> TIMER_TICK_BITS, timers->tick);

    while (list_is_empty(&timers->due)) {
        struct place place;
        if (!first_place(timers, &place) || place_tick(timers, place) > now_tick) {
            timers->tick = now_tick;
            return NULL;
        }
        deal_out(timers, place);
    }

    struct timer *timer = CONTAINER_OF(list_pop(&timers->due), struct timer, link);
    timers->count--;
    return timer;
}

uint64_t timers_next(const struct timers *timers, uint64_t now_ns)
{
    struct place place;

    if (!list_is_empty(&timers->due)) {
        return now_ns;
    }
    if (!first_place(timers, &place)) {
        return UINT64_MAX;
    }
    uint64_t next_ns = place_tick(timers, place) << TIMER_TICK_BITS;
    return MAX_OF(next_ns, now_ns);
}

size_t timers_count(const struct timers *timers)
{
    return timers->count;
}

static size_t check_slot(const struct timers *timers, uint32_t level, uint32_t slot)
{
    const struct list *head = &timers->slots[level][slot];
    bool bit = timers->occupied[level] >> slot & 1;
    size_t count = 0;

    ASSERT(bit == !list_is_empty(head));
    for (const struct list *link = head->next; link != head; link = link->next) {
        const struct timer *timer =
            (const struct timer *)((const char *)link - offsetof(struct timer, link));
        uint64_t tick = tick_of_deadline(timer);
        ASSERT(tick > timers->tick);
        ASSERT(place_of(timers, tick).level == level);
        ASSERT(place_of(timers, tick).slot == slot);
        count++;
    }
    return count;
}

void timers_check(const struct timers *timers)
{
    size_t count = 0;

    for (const struct list *link = timers->due.next; link != &timers->due; link = link->next) {
        count++;
    }
    for (uint32_t level = 0; level < TIMER_LEVELS; level++) {
        for (uint32_t slot = 0; slot < TIMER_SLOTS; slot++) {
            count += check_slot(timers, level, slot);
        }
    }
    ASSERT(count == timers->count);
}
