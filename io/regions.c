/* regions.c - slots of addresses. */
#include "io/regions.h"

#include <errno.h>
#include <sys/mman.h>

enum {
    UNIT_BYTES = 4096, /* what is counted; pages are at least as large */
};

/* Where pages are larger than 4 KiB a mapping may still begin at any page. */
static void *map(void *address, size_t bytes, int protection, int more)
{
    return mmap(address, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | more, -1, 0);
}

int regions_reserve(struct regions *regions, size_t bytes)
{
    ASSERT(bytes % REGION_SLOT_BYTES == 0);
    size_t slots_count = bytes / REGION_SLOT_BYTES;
    /* One slot more, so that the first one can be aligned. */
    uint8_t *range = map(NULL, bytes + REGION_SLOT_BYTES, PROT_NONE, MAP_NORESERVE);
    if (range == MAP_FAILED) {
        return -errno;
    }
    void *used = map(NULL, slots_count * sizeof(*regions->used), PROT_READ | PROT_WRITE, 0);
    if (used == MAP_FAILED) {
        int error = -errno;
        MAYBE(munmap(range, bytes + REGION_SLOT_BYTES));
        return error;
    }
    *regions = (struct regions){
        .base = range + (-(uintptr_t)range & (REGION_SLOT_BYTES - 1)),
        .slots_count = slots_count,
        .used = used,
    };
    pthread_mutex_init(&regions->lock, NULL);
    return 0;
}

/* The lowest `count` free slots in a row, or slots_count. Low ones first: what is in use stays together,
 * and so do the kernel's tables of it. */
static size_t find(const struct regions *regions, size_t count)
{
    size_t free_count = 0;
    for (size_t slot = 0; slot < regions->slots_top; slot++) {
        /* acquire: the pages were unmapped before their count fell. */
        uint16_t used = atomic_load_explicit(&regions->used[slot], memory_order_acquire);
        free_count = used == 0 ? free_count + 1 : 0;
        if (free_count == count) {
            return slot + 1 - count;
        }
    }
    size_t first = regions->slots_top - free_count;
    return count <= regions->slots_count - first ? first : regions->slots_count;
}

/* Adds to, or takes from, the counts of the slots that the range touches. */
static void count_pages(struct regions *regions, size_t offset, size_t bytes, bool is_taken)
{
    while (bytes > 0) {
        size_t slot = offset / REGION_SLOT_BYTES;
        size_t piece = MIN_OF(bytes, REGION_SLOT_BYTES - offset % REGION_SLOT_BYTES);
        uint16_t pages = (uint16_t)(piece / UNIT_BYTES);
        if (is_taken) {
            atomic_fetch_add_explicit(&regions->used[slot], pages, memory_order_relaxed);
        } else {
            uint16_t before =
                atomic_fetch_sub_explicit(&regions->used[slot], pages, memory_order_release);
            ASSERT(before >= pages);
        }
        offset += piece;
        bytes -= piece;
    }
}

void *regions_take(struct regions *regions, size_t bytes)
{
    ASSERT(bytes > 0 && bytes % UNIT_BYTES == 0);
    size_t count = (bytes + REGION_SLOT_BYTES - 1) / REGION_SLOT_BYTES;
    uint8_t *taken = NULL;
    pthread_mutex_lock(&regions->lock);
    size_t first = find(regions, count);
    if (first < regions->slots_count) {
        uint8_t *address = regions->base + first * REGION_SLOT_BYTES;
        if (map(address, bytes, PROT_READ | PROT_WRITE, MAP_FIXED) != MAP_FAILED) {
            taken = address;
            count_pages(regions, first * REGION_SLOT_BYTES, bytes, true);
            regions->slots_top = MAX_OF(regions->slots_top, first + count);
        }
    }
    pthread_mutex_unlock(&regions->lock);
    return taken;
}

bool regions_hold(const struct regions *regions, const void *ptr)
{
    return (uintptr_t)ptr - (uintptr_t)regions->base < regions->slots_count * REGION_SLOT_BYTES;
}

int regions_give(struct regions *regions, void *ptr, size_t bytes)
{
    ASSERT(regions_hold(regions, ptr));
    if (map(ptr, bytes, PROT_NONE, MAP_FIXED | MAP_NORESERVE) == MAP_FAILED) {
        return -errno;
    }
    count_pages(regions, (size_t)((uint8_t *)ptr - regions->base), bytes, false);
    return 0;
}
