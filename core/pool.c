/*
 * pool.c - slabs of items, and one small table entry per slot that outlives the slab.
 *
 * The table holds what must survive a slab that was given back (the generation) and what must not
 * live in memory that ASan poisons (the free list). It is allocated zeroed at once and touched
 * as slots are: an untouched page of it costs nothing.
 */
#include "core/pool.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif
#ifdef POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(ptr, size)   ((void)(ptr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(ptr, size) ((void)(ptr), (void)(size))
#endif

#define SLAB_NONE      UINT32_MAX
#define SLOT_NONE      UINT32_MAX
#define GENERATIONS    ((1u << POOL_GENERATION_BITS) - 1) /* 1 … 2^24 - 1 */
#define ITEM_ALIGNMENT ((size_t)16)

struct pool_slab {
    struct list link; /* in pool.roomy */
    uint8_t *memory;  /* NULL: given back, or never had */
    uint32_t taken;
    uint32_t touched;  /* items below this index were taken at least once in this memory */
    uint32_t free;     /* most recently given slot, SLOT_NONE ends */
    uint32_t returned; /* next in the list of given-back slab numbers */
};

struct pool_slot {
    uint32_t generation
        : POOL_GENERATION_BITS; /* less one, so that zeroed memory is a valid table */
    uint32_t taken : 1;
    uint32_t next; /* in the slab's free list */
};

static_assert(sizeof(struct pool_slot) == 8, "the price of a slot that outlives its slab");

static size_t stride_of(size_t item_size)
{
    return (item_size + ITEM_ALIGNMENT - 1) & ~(ITEM_ALIGNMENT - 1);
}

static size_t slab_bytes(size_t stride, uint32_t per_slab)
{
    return stride * per_slab;
}

static uint32_t slabs_for(uint32_t items_max, uint32_t per_slab)
{
    return (uint32_t)(((uint64_t)items_max + per_slab - 1) / per_slab);
}

static uint8_t *item_of(const struct pool *pool, uint32_t slot)
{
    const struct pool_slab *slab = &pool->slabs[slot >> pool->slab_bits];
    return slab->memory + pool->stride * (slot & (pool->per_slab - 1));
}

static bool has_room(const struct pool *pool, const struct pool_slab *slab)
{
    return slab->taken < pool->per_slab;
}

void pool_init(struct pool *pool, size_t item_size, uint32_t items_max, uint32_t items_per_slab)
{
    ASSERT(item_size > 0);
    ASSERT(items_max > 0);
    ASSERT(items_per_slab > 0);
    ASSERT((items_per_slab & (items_per_slab - 1)) == 0);
    ASSERT(items_max < POOL_FULL - items_per_slab);

    memset(pool, 0, sizeof(*pool));
    pool->item_size = item_size;
    pool->stride = stride_of(item_size);
    pool->items_max = items_max;
    pool->per_slab = items_per_slab;
    pool->slab_bits = (uint32_t)__builtin_ctz(items_per_slab);
    pool->slabs_max = slabs_for(items_max, items_per_slab);
    pool->slab_returned = SLAB_NONE;
    pool->slab_spare = SLAB_NONE;
    list_init(&pool->roomy);
    pool->slabs = memory_alloc(sizeof(struct pool_slab) * pool->slabs_max);
    pool->slots = memory_alloc(sizeof(struct pool_slot) * pool->slabs_max * items_per_slab);
}

static void slab_free(struct pool *pool, struct pool_slab *slab)
{
    ASAN_UNPOISON_MEMORY_REGION(slab->memory, slab_bytes(pool->stride, pool->per_slab));
    memory_free(slab->memory);
    slab->memory = NULL;
    pool->slabs_count--;
}

void pool_free_all(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->slabs_used; i++) {
        if (pool->slabs[i].memory != NULL) {
            slab_free(pool, &pool->slabs[i]);
        }
    }
    memory_free(pool->slabs);
    memory_free(pool->slots);
    memset(pool, 0, sizeof(*pool));
}

/* A slab with memory and all items untouched, first in roomy. There is one left whenever less than
 * items_max items are taken and no slab has room. */
static struct pool_slab *slab_new(struct pool *pool)
{
    uint32_t number = pool->slab_returned;

    if (number != SLAB_NONE) {
        pool->slab_returned = pool->slabs[number].returned;
    } else {
        ASSERT(pool->slabs_used < pool->slabs_max);
        number = pool->slabs_used++;
    }

    struct pool_slab *slab = &pool->slabs[number];
    size_t size = slab_bytes(pool->stride, pool->per_slab);
    list_init(&slab->link);
    slab->memory = memory_alloc(size);
    slab->taken = 0;
    slab->touched = 0;
    slab->free = SLOT_NONE;
    list_push(pool->roomy.next, &slab->link);
    pool->slabs_count++;
    ASAN_POISON_MEMORY_REGION(slab->memory, size);
    return slab;
}

/* A slot of a slab that has room: the one given last, else the next untouched one. */
static uint32_t take_from(struct pool *pool, struct pool_slab *slab)
{
    uint32_t number = (uint32_t)(slab - pool->slabs);
    uint32_t slot = slab->free;
    bool is_reused = slot != SLOT_NONE;

    if (is_reused) {
        slab->free = pool->slots[slot].next;
    } else {
        slot = (number << pool->slab_bits) + slab->touched++;
    }
    slab->taken++;

    uint8_t *item = item_of(pool, slot);
    ASAN_UNPOISON_MEMORY_REGION(item, pool->item_size);
    if (is_reused) {
        memset(item, 0, pool->item_size);
    }
    return slot;
}

uint32_t pool_take(struct pool *pool)
{
    if (pool->count == pool->items_max) {
        return POOL_FULL;
    }
    struct pool_slab *slab = list_is_empty(&pool->roomy)
                                 ? slab_new(pool)
                                 : CONTAINER_OF(pool->roomy.next, struct pool_slab, link);
    uint32_t slot = take_from(pool, slab);
    if (!has_room(pool, slab)) {
        list_remove(&slab->link);
    }
    if (slab - pool->slabs == pool->slab_spare) {
        pool->slab_spare = SLAB_NONE;
    }
    ASSERT(!pool->slots[slot].taken);
    pool->slots[slot].taken = 1;
    pool->count++;
    return slot;
}

/* The slab's last item was given: it becomes the spare, and the spare before it goes. */
static void slab_emptied(struct pool *pool, struct pool_slab *slab)
{
    uint32_t old = pool->slab_spare;

    pool->slab_spare = (uint32_t)(slab - pool->slabs);
    if (old == SLAB_NONE) {
        return;
    }
    list_remove(&pool->slabs[old].link);
    slab_free(pool, &pool->slabs[old]);
    pool->slabs[old].returned = pool->slab_returned;
    pool->slab_returned = old;
}

void pool_give(struct pool *pool, uint32_t slot)
{
    ASSERT(pool_is_taken(pool, slot));

    struct pool_slab *slab = &pool->slabs[slot >> pool->slab_bits];
    struct pool_slot *entry = &pool->slots[slot];
    ASAN_POISON_MEMORY_REGION(item_of(pool, slot), pool->item_size);

    entry->taken = 0;
    entry->generation = (entry->generation + 1u) % GENERATIONS;
    entry->next = slab->free;
    slab->free = slot;
    slab->taken--;
    pool->count--;

    /* To the front: the next pool_take finds this slot, still warm. */
    list_remove(&slab->link);
    list_push(pool->roomy.next, &slab->link);
    if (slab->taken == 0) {
        slab_emptied(pool, slab);
    }
}

bool pool_is_taken(const struct pool *pool, uint32_t slot)
{
    return slot >> pool->slab_bits < pool->slabs_used && pool->slots[slot].taken;
}

void *pool_at(const struct pool *pool, uint32_t slot)
{
    ASSERT(pool_is_taken(pool, slot));
    return item_of(pool, slot);
}

uint32_t pool_generation(const struct pool *pool, uint32_t slot)
{
    ASSERT(slot >> pool->slab_bits < pool->slabs_max);
    return pool->slots[slot].generation + 1u;
}

void *pool_get(const struct pool *pool, uint32_t slot, uint32_t generation)
{
    if (!pool_is_taken(pool, slot) || pool_generation(pool, slot) != generation) {
        return NULL;
    }
    return item_of(pool, slot);
}

uint32_t pool_next(const struct pool *pool, uint32_t from)
{
    uint32_t slots_used = pool->slabs_used << pool->slab_bits;
    uint32_t slot = from;

    while (slot < slots_used) {
        const struct pool_slab *slab = &pool->slabs[slot >> pool->slab_bits];
        uint32_t first = slot & ~(pool->per_slab - 1);
        if (slab->memory == NULL || slab->taken == 0 || slot - first >= slab->touched) {
            slot = first + pool->per_slab;
        } else if (pool->slots[slot].taken) {
            return slot;
        } else {
            slot++;
        }
    }
    return POOL_END;
}

uint32_t pool_count(const struct pool *pool)
{
    return pool->count;
}

static size_t table_bytes(uint32_t slabs_max, uint32_t per_slab)
{
    return slabs_max * (sizeof(struct pool_slab) + sizeof(struct pool_slot) * per_slab);
}

size_t pool_bytes(const struct pool *pool)
{
    return table_bytes(pool->slabs_max, pool->per_slab) +
           pool->slabs_count * slab_bytes(pool->stride, pool->per_slab);
}

size_t pool_bytes_max(size_t item_size, uint32_t items_max, uint32_t items_per_slab)
{
    uint32_t slabs_max = slabs_for(items_max, items_per_slab);
    return table_bytes(slabs_max, items_per_slab) +
           slabs_max * slab_bytes(stride_of(item_size), items_per_slab);
}

/* Counts the slab's taken slots and its free list against its fields. */
static void check_slab(const struct pool *pool, uint32_t number)
{
    const struct pool_slab *slab = &pool->slabs[number];
    uint32_t first = number << pool->slab_bits;
    uint32_t taken = 0;
    uint32_t free = 0;

    for (uint32_t i = 0; i < pool->per_slab; i++) {
        bool is_taken = pool->slots[first + i].taken;
        ASSERT(!is_taken || i < slab->touched);
        taken += is_taken;
    }
    for (uint32_t slot = slab->free; slot != SLOT_NONE; slot = pool->slots[slot].next) {
        ASSERT(slot >> pool->slab_bits == number);
        ASSERT(slot - first < slab->touched);
        ASSERT(!pool->slots[slot].taken);
        free++;
        ASSERT(free <= pool->per_slab); /* a cycle would not end */
    }
    ASSERT(taken == slab->taken);
    ASSERT(taken + free == slab->touched);
    ASSERT(has_room(pool, slab) == list_is_linked(&slab->link));
    ASSERT((taken == 0) == (number == pool->slab_spare));
}

void pool_check(const struct pool *pool)
{
    uint32_t taken = 0;
    uint32_t slabs = 0;
    uint32_t returned = 0;
    uint32_t roomy = 0;

    for (uint32_t i = 0; i < pool->slabs_used; i++) {
        if (pool->slabs[i].memory != NULL) {
            check_slab(pool, i);
            taken += pool->slabs[i].taken;
            roomy += has_room(pool, &pool->slabs[i]);
            slabs++;
        }
    }
    for (uint32_t i = pool->slab_returned; i != SLAB_NONE; i = pool->slabs[i].returned) {
        ASSERT(pool->slabs[i].memory == NULL);
        returned++;
    }
    for (const struct list *l = pool->roomy.next; l != &pool->roomy; l = l->next) {
        roomy--;
    }
    ASSERT(taken == pool->count);
    ASSERT(taken <= pool->items_max);
    ASSERT(slabs == pool->slabs_count);
    ASSERT(slabs + returned == pool->slabs_used);
    ASSERT(roomy == 0);
}
