/* governor.c - a queue of descriptors and a bucket. */
#include "io/governor.h"

#include <string.h>

enum { WAITING_FIRST = 64 };

void governor_init(struct governor *governor)
{
    *governor = (struct governor){.next_ns = UINT64_MAX};
}

void governor_free(struct governor *governor)
{
    ASSERT(governor->count == 0);
    memory_free(governor->waiting);
}

static void grow(struct governor *governor)
{
    uint32_t capacity = MAX_OF(WAITING_FIRST, governor->capacity * 2);
    struct newcomer *waiting = memory_alloc(capacity * sizeof(*waiting));
    for (uint32_t i = 0; i < governor->count; i++) {
        waiting[i] = governor->waiting[(governor->first + i) % governor->capacity];
    }
    memory_free(governor->waiting);
    governor->waiting = waiting;
    governor->capacity = capacity;
    governor->first = 0;
}

void governor_hold(struct governor *governor, int fd, struct bytes address)
{
    if (governor->count == governor->capacity) {
        grow(governor);
    }
    struct newcomer *last =
        &governor->waiting[(governor->first + governor->count) % governor->capacity];
    last->fd = fd;
    last->address_size = (uint32_t)MIN_OF(address.size, sizeof(last->address));
    if (last->address_size > 0) {
        memcpy(last->address, address.ptr, last->address_size);
    }
    governor->count++;
}

void governor_turn_begin(struct governor *governor)
{
    governor->turn_count = 0;
    governor->next_ns = UINT64_MAX;
}

const struct newcomer *governor_take(struct governor *governor)
{
    if (governor->count == 0) {
        return NULL;
    }
    const struct newcomer *first = &governor->waiting[governor->first];
    governor->first = (governor->first + 1) % governor->capacity;
    governor->count--;
    return first;
}

const struct newcomer *governor_next(struct governor *governor, struct bucket_rate rate,
                                     uint64_t now_ns)
{
    if (governor->count == 0) {
        return NULL;
    }
    uint64_t wait_ns = bucket_wait(&governor->bucket, rate, 1, now_ns);
    if (wait_ns > 0 || governor->turn_count == ACCEPTS_PER_TURN) {
        governor->next_ns = now_ns + wait_ns;
        return NULL;
    }
    bucket_take(&governor->bucket, rate, 1, now_ns);
    governor->turn_count++;
    return governor_take(governor);
}

bool governor_wants(const struct governor *governor)
{
    return governor->count == 0;
}
