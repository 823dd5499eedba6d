/* interest.c - the hash table of masks, and an index for what has to be exact. */
#include "core/interest.h"

enum { CAPACITY_FIRST = 8, CACHE_ENTRIES = 4096 };

void interest_init(struct interest *interest, uint32_t workers_count, uint64_t hash_key)
{
    memset(interest, 0, sizeof(*interest));
    interest->workers_count = workers_count;
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
        memory_free(interest->parts[i].slots);
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

static struct interest_slot *slot_find(const struct interest_part *part, uint64_t hash)
{
    if (part->capacity == 0) {
        return NULL;
    }
    uint32_t mask = part->capacity - 1;
    for (uint32_t at = (uint32_t)hash & mask; part->slots[at].mask != 0; at = (at + 1) & mask) {
        if (part->slots[at].hash == hash) {
            return &part->slots[at];
        }
    }
    return NULL;
}

static struct interest_slot *slot_place(struct interest_part *part, uint64_t hash)
{
    uint32_t mask = part->capacity - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (part->slots[at].mask != 0) {
        at = (at + 1) & mask;
    }
    part->slots[at].hash = hash;
    return &part->slots[at];
}

static void part_resize(struct interest *interest, struct interest_part *part, uint32_t capacity)
{
    interest->slots_bytes += ((uint64_t)capacity - part->capacity) * sizeof(struct interest_slot);
    struct interest_part old = *part;
    part->slots = memory_alloc(capacity * sizeof(struct interest_slot));
    part->capacity = capacity;
    for (uint32_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].mask != 0) {
            slot_place(part, old.slots[i].hash)->mask = old.slots[i].mask;
        }
    }
    memory_free(old.slots);
}

static void literal_add(struct interest *interest, uint32_t worker, uint64_t hash)
{
    struct interest_part *part = part_of(interest, hash);
    struct interest_slot *slot = slot_find(part, hash);
    if (slot == NULL) {
        if ((part->count + 1) * 4 > part->capacity * 3) {
            part_resize(interest, part, MAX_OF((uint32_t)CAPACITY_FIRST, part->capacity * 2));
        }
        slot = slot_place(part, hash);
        part->count++;
        interest->literals++;
    }
    slot->mask |= (uint64_t)1 << worker;
}

static void slot_remove(struct interest *interest, struct interest_part *part,
                        struct interest_slot *slot)
{
    uint32_t mask = part->capacity - 1;
    uint32_t hole = (uint32_t)(slot - part->slots);
    uint32_t at = hole;
    for (;;) {
        at = (at + 1) & mask;
        if (part->slots[at].mask == 0) {
            break;
        }
        uint32_t home = (uint32_t)part->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            part->slots[hole] = part->slots[at];
            hole = at;
        }
    }
    part->slots[hole] = (struct interest_slot){0};
    part->count--;
    if (part->count == 0) {
        interest->slots_bytes -= part->capacity * sizeof(struct interest_slot);
        memory_free(part->slots);
        *part = (struct interest_part){0};
    } else if (part->capacity > CAPACITY_FIRST && part->count < part->capacity / 8) {
        part_resize(interest, part, part->capacity / 4);
    }
}

static void literal_remove(struct interest *interest, uint32_t worker, uint64_t hash)
{
    struct interest_part *part = part_of(interest, hash);
    struct interest_slot *slot = slot_find(part, hash);
    ASSERT(slot != NULL);
    slot->mask &= ~((uint64_t)1 << worker);
    if (slot->mask == 0) {
        slot_remove(interest, part, slot);
        interest->literals--;
    }
}

uint64_t interest_literal(const struct interest *interest, uint64_t hash)
{
    if (interest->literals == 0) {
        return 0;
    }
    const struct interest_slot *slot = slot_find(part_of(interest, hash), hash);
    return slot != NULL ? slot->mask : 0;
}

static struct interest_group *group_take(struct interest *interest, struct interest_entry *entry,
                                         struct bytes name)
{
    for (struct interest_group *group = entry->groups; group != NULL; group = group->next) {
        if (bytes_equal(bytes_of(group->name, group->name_size), name)) {
            return group;
        }
    }
    size_t counts_at = run_align(sizeof(struct interest_group) + name.size);
    uint8_t *memory = memory_alloc(counts_at + interest->workers_count * sizeof(uint32_t));
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
    return index_bytes(interest->patterns) + interest->slots_bytes;
}

bool interest_is_empty(const struct interest *interest)
{
    return interest->literals == 0 && interest->patterns_count == 0;
}

void interest_check(const struct interest *interest)
{
    uint64_t literals = 0;
    for (size_t i = 0; i < INTEREST_PARTS; i++) {
        const struct interest_part *part = &interest->parts[i];
        uint32_t count = 0;
        for (uint32_t k = 0; k < part->capacity; k++) {
            count += part->slots[k].mask != 0;
        }
        ASSERT(count == part->count);
        literals += count;
    }
    ASSERT(literals == interest->literals);
    index_check(interest->patterns);
}
