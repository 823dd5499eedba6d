/* interest.c - the hash tables of masks, and an index for what has to be exact. */
#include "core/interest.h"

#include "core/probe.h"

enum { BYTES_FIRST = 64, CACHE_ENTRIES = 4096 };

void interest_init(struct interest *interest, uint32_t workers_count, uint64_t hash_key)
{
    memset(interest, 0, sizeof(*interest));
    interest->workers_count = workers_count;
    interest->mask_bytes = workers_count <= 8    ? 1
                           : workers_count <= 16 ? 2
                           : workers_count <= 32 ? 4
                                                 : 8;
    struct index_options options = {.entry_size = sizeof(struct interest_entry),
                                    .hash_key = hash_key,
                                    .cache_entries_max = CACHE_ENTRIES};
    interest->patterns = index_new(&options);
}

static void groups_free(struct interest_entry *entry)
{
    while (entry->groups != NULL) {
        struct interest_group *group = entry->groups;
        entry->groups = group->next;
        memory_free(group);
    }
}

void interest_free(struct interest *interest)
{
    uint64_t cursor = 0;
    struct index_entry *base;
    while ((base = index_next(interest->patterns, &cursor)) != NULL) {
        groups_free((struct interest_entry *)base);
    }
    index_free(interest->patterns);
    for (size_t i = 0; i < INTEREST_PARTS; i++) {
        memory_free(interest->parts[i].hashes);
    }
}

static struct interest_part *part_of(const struct interest *interest, uint64_t hash)
{
    union {
        const struct interest *in;
        struct interest *out;
    } unqualified = {.in = interest};
    return &unqualified.out->parts[hash >> 56];
}

/* A mask of fewer bytes is the low ones. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "masks are kept in their low bytes");

enum { NOWHERE = UINT32_MAX };

static uint32_t slot_find(const struct interest_part *part, uint64_t hash)
{
    if (part->capacity == 0) {
        return NOWHERE;
    }
    uint32_t at = probe_home(hash, part->capacity);
    while (part->hashes[at] != 0) {
        if (part->hashes[at] == hash) {
            return at;
        }
        at = probe_next(at, part->capacity);
    }
    return NOWHERE;
}

static uint64_t mask_at(const struct interest *interest, const struct interest_part *part,
                        uint32_t at)
{
    const uint8_t *masks = (const uint8_t *)(part->hashes + part->capacity);
    if (LIKELY(interest->mask_bytes == 1)) {
        return masks[at];
    }
    uint64_t mask = 0;
    memcpy(&mask, masks + (size_t)at * interest->mask_bytes, interest->mask_bytes);
    return mask;
}

static void mask_set(const struct interest *interest, struct interest_part *part, uint32_t at,
                     uint64_t mask)
{
    uint8_t *masks = (uint8_t *)(part->hashes + part->capacity);
    if (LIKELY(interest->mask_bytes == 1)) {
        masks[at] = (uint8_t)mask;
        return;
    }
    memcpy(masks + (size_t)at * interest->mask_bytes, &mask, interest->mask_bytes);
}

static uint32_t slot_place(const struct interest *interest, struct interest_part *part,
                           uint64_t hash, uint64_t mask)
{
    uint32_t at = probe_home(hash, part->capacity);
    while (part->hashes[at] != 0) {
        at = probe_next(at, part->capacity);
    }
    part->hashes[at] = hash;
    mask_set(interest, part, at, mask);
    return at;
}

static size_t slot_bytes(const struct interest *interest)
{
    return sizeof(uint64_t) + interest->mask_bytes;
}

static void part_resize(struct interest *interest, struct interest_part *part, uint32_t capacity)
{
    struct interest_part old = *part;
    interest->parts_bytes -= old.capacity * slot_bytes(interest);
    interest->parts_bytes += capacity * slot_bytes(interest);
    part->hashes = memory_alloc(capacity * slot_bytes(interest));
    part->capacity = capacity;
    for (uint32_t i = 0; i < old.capacity; i++) {
        if (old.hashes[i] != 0) {
            (void)slot_place(interest, part, old.hashes[i], mask_at(interest, &old, i));
        }
    }
    memory_free(old.hashes);
}

static uint32_t grown(const struct interest *interest, uint32_t capacity)
{
    size_t size = slot_bytes(interest);
    if (capacity == 0) {
        return BYTES_FIRST / size;
    }
    size_t bytes = probe_grown(capacity * size);
    while (bytes / size <= capacity) {
        bytes = probe_grown(bytes);
    }
    return (uint32_t)(bytes / size);
}

static void literal_add(struct interest *interest, uint32_t worker, uint64_t hash)
{
    uint64_t bit = (uint64_t)1 << worker;
    if (hash == 0) {
        interest->literals += interest->mask_of_0 == 0;
        interest->mask_of_0 |= bit;
        return;
    }
    struct interest_part *part = part_of(interest, hash);
    uint32_t at = slot_find(part, hash);
    if (at != NOWHERE) {
        mask_set(interest, part, at, mask_at(interest, part, at) | bit);
        return;
    }
    if (part->capacity == 0 || probe_is_full((uint64_t)part->count + 1, part->capacity)) {
        part_resize(interest, part, grown(interest, part->capacity));
    }
    (void)slot_place(interest, part, hash, bit);
    part->count++;
    interest->literals++;
}

static void slot_remove(struct interest *interest, struct interest_part *part, uint32_t hole)
{
    uint32_t capacity = part->capacity;
    uint32_t at = hole;
    for (;;) {
        at = probe_next(at, capacity);
        if (part->hashes[at] == 0) {
            break;
        }
        uint32_t home = probe_home(part->hashes[at], capacity);
        if (probe_distance(home, at, capacity) >= probe_distance(hole, at, capacity)) {
            part->hashes[hole] = part->hashes[at];
            mask_set(interest, part, hole, mask_at(interest, part, at));
            hole = at;
        }
    }
    part->hashes[hole] = 0;
    part->count--;
    interest->literals--;
    if (part->count == 0) {
        interest->parts_bytes -= capacity * slot_bytes(interest);
        memory_free(part->hashes);
        *part = (struct interest_part){0};
    } else if (part->count < capacity / 4) {
        part_resize(interest, part, capacity / 2);
    }
}

static void literal_remove(struct interest *interest, uint32_t worker, uint64_t hash)
{
    uint64_t bit = (uint64_t)1 << worker;
    if (hash == 0) {
        ASSERT((interest->mask_of_0 & bit) != 0);
        interest->mask_of_0 &= ~bit;
        interest->literals -= interest->mask_of_0 == 0;
        return;
    }
    struct interest_part *part = part_of(interest, hash);
    uint32_t at = slot_find(part, hash);
    ASSERT(at != NOWHERE);
    uint64_t mask = mask_at(interest, part, at);
    ASSERT((mask & bit) != 0);
    if (mask == bit) {
        slot_remove(interest, part, at);
    } else {
        mask_set(interest, part, at, mask & ~bit);
    }
}

uint64_t interest_literal(const struct interest *interest, uint64_t hash)
{
    if (interest->literals == 0) {
        return 0;
    }
    if (UNLIKELY(hash == 0)) {
        return interest->mask_of_0;
    }
    const struct interest_part *part = part_of(interest, hash);
    uint32_t at = slot_find(part, hash);
    return at != NOWHERE ? mask_at(interest, part, at) : 0;
}

void interest_fetch(const struct interest *interest, uint64_t hash)
{
    const struct interest_part *part = part_of(interest, hash);
    if (part->capacity > 0) {
        uint32_t home = probe_home(hash, part->capacity);
        const uint8_t *masks = (const uint8_t *)(part->hashes + part->capacity);
        __builtin_prefetch(&part->hashes[home]);
        __builtin_prefetch(&masks[(size_t)home * interest->mask_bytes]);
    }
}

static size_t group_counts_at(size_t name_size)
{
    return run_align(sizeof(struct interest_group) + name_size);
}

static size_t group_bytes(const struct interest *interest, size_t name_size)
{
    return group_counts_at(name_size) + interest->workers_count * sizeof(uint32_t);
}

static struct interest_group *group_take(struct interest *interest, struct interest_entry *entry,
                                         struct bytes name)
{
    for (struct interest_group *group = entry->groups; group != NULL; group = group->next) {
        if (bytes_equal(bytes_of(group->name, group->name_size), name)) {
            return group;
        }
    }
    size_t counts_at = group_counts_at(name.size);
    uint8_t *memory = memory_alloc(group_bytes(interest, name.size));
    interest->groups_bytes += group_bytes(interest, name.size);
    struct interest_group *group = (struct interest_group *)(void *)memory;
    group->counts = (uint32_t *)(void *)(memory + counts_at);
    group->name_size = (uint16_t)name.size;
    memcpy(group->name, name.ptr, name.size);
    group->next = entry->groups;
    entry->groups = group;
    return group;
}

static void group_change(struct interest *interest, struct interest_entry *entry, uint32_t worker,
                         struct bytes name, bool adds)
{
    struct interest_group *group = group_take(interest, entry, name);
    if (adds) {
        group->counts[worker]++;
        group->members++;
        return;
    }
    ASSERT(group->counts[worker] > 0);
    group->counts[worker]--;
    group->members--;
    if (group->members == 0) {
        struct interest_group **link = &entry->groups;
        while (*link != group) {
            link = &(*link)->next;
        }
        *link = group->next;
        interest->groups_bytes -= group_bytes(interest, group->name_size);
        memory_free(group);
    }
}

void interest_apply(struct interest *interest, uint32_t worker,
                    const struct interest_record *record)
{
    ASSERT(worker < interest->workers_count);
    if (record->kind == INTEREST_LITERAL) {
        uint64_t hash = record->hash;
        if (record->adds) {
            literal_add(interest, worker, hash);
        } else {
            literal_remove(interest, worker, hash);
        }
        return;
    }
    struct bytes pattern = bytes_of(record + 1, record->pattern_size);
    struct interest_entry *entry =
        (struct interest_entry *)index_take(interest->patterns, record->account_id, pattern);
    if (record->kind == INTEREST_GROUP) {
        struct bytes name = bytes_of(pattern.ptr + pattern.size, record->queue_size);
        group_change(interest, entry, worker, name, record->adds);
    } else if (record->adds) {
        entry->mask |= (uint64_t)1 << worker;
    } else {
        entry->mask &= ~((uint64_t)1 << worker);
    }
    if (entry->mask == 0 && entry->groups == NULL) {
        index_remove(interest->patterns, &entry->base);
    }
    interest->patterns_count = index_stats(interest->patterns).entries;
}

uint64_t interest_bytes(const struct interest *interest)
{
    return index_bytes(interest->patterns) + interest->parts_bytes + interest->groups_bytes;
}

bool interest_is_empty(const struct interest *interest)
{
    return interest->literals == 0 && interest->patterns_count == 0;
}

void interest_check(const struct interest *interest)
{
    uint64_t literals = interest->mask_of_0 != 0;
    for (size_t i = 0; i < INTEREST_PARTS; i++) {
        const struct interest_part *part = &interest->parts[i];
        uint32_t count = 0;
        for (uint32_t k = 0; k < part->capacity; k++) {
            count += part->hashes[k] != 0;
            ASSERT(part->hashes[k] == 0 || mask_at(interest, part, k) != 0);
            ASSERT(part->hashes[k] == 0 || slot_find(part, part->hashes[k]) == k);
        }
        ASSERT(count == part->count);
        literals += count;
    }
    ASSERT(literals == interest->literals);
    index_check(interest->patterns);
}
