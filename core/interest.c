/* interest.c - the hash tables of masks, and an index for what has to be exact. */
#include "core/interest.h"

#include "core/probe.h"

enum {
    CACHE_ENTRIES = 4096,
    LINE_WORDS = CACHE_LINE / sizeof(uint32_t),
    LINES_STEPPED = 4, /* fewer grow by one */
};

void interest_init(struct interest *interest, uint32_t workers_count, uint64_t hash_key)
{
    memset(interest, 0, sizeof(*interest));
    interest->workers_count = workers_count;
    interest->mask_bytes = workers_count <= 8    ? 1
                           : workers_count <= 16 ? 2
                           : workers_count <= 32 ? 4
                                                 : 8;
    interest->line_slots = CACHE_LINE / (uint32_t)(sizeof(uint32_t) + interest->mask_bytes);
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
        memory_free(interest->parts[i].words);
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

/* What is stored of a hash, and which part it is in, are the bits it is known by. */
static_assert(INTEREST_HASH_BITS == (UINT32_MAX | (uint64_t)(INTEREST_PARTS - 1) << 56), "bits");

/* A place is that of its word among those of all lines. */
static uint32_t home_of(const struct interest_part *part, uint32_t word)
{
    return probe_home(word, part->lines) * LINE_WORDS;
}

static inline __attribute__((always_inline)) uint32_t
next_of(const struct interest *interest, const struct interest_part *part, uint32_t at)
{
    if (LIKELY((at + 1) % LINE_WORDS < interest->line_slots)) {
        return at + 1;
    }
    at = (at / LINE_WORDS + 1) * LINE_WORDS;
    return at == part->lines * LINE_WORDS ? 0 : at;
}

static inline __attribute__((always_inline)) uint32_t
slot_find(const struct interest *interest, const struct interest_part *part, uint32_t word)
{
    if (part->lines == 0) {
        return NOWHERE;
    }
    uint32_t at = home_of(part, word);
    while (part->words[at] != 0) {
        if (part->words[at] == word) {
            return at;
        }
        at = next_of(interest, part, at);
    }
    return NOWHERE;
}

/* Where the mask of a place lies. */
static uint8_t *mask_place(const struct interest *interest, const struct interest_part *part,
                           uint32_t at)
{
    uint32_t *line = &part->words[at / LINE_WORDS * LINE_WORDS];
    return (uint8_t *)&line[interest->line_slots] +
           (size_t)(at % LINE_WORDS) * interest->mask_bytes;
}

static inline __attribute__((always_inline)) uint64_t
mask_at(const struct interest *interest, const struct interest_part *part, uint32_t at)
{
    const uint8_t *place = mask_place(interest, part, at);
    if (LIKELY(interest->mask_bytes == 1)) {
        return *place;
    }
    uint64_t mask = 0;
    memcpy(&mask, place, interest->mask_bytes);
    return mask;
}

static void mask_set(const struct interest *interest, struct interest_part *part, uint32_t at,
                     uint64_t mask)
{
    uint8_t *place = mask_place(interest, part, at);
    if (LIKELY(interest->mask_bytes == 1)) {
        *place = (uint8_t)mask;
        return;
    }
    memcpy(place, &mask, interest->mask_bytes);
}

static inline void slot_place(const struct interest *interest, struct interest_part *part,
                              uint32_t word, uint64_t mask)
{
    uint32_t at = home_of(part, word);
    while (part->words[at] != 0) {
        at = next_of(interest, part, at);
    }
    part->words[at] = word;
    mask_set(interest, part, at, mask);
}

static uint64_t slots_count(const struct interest *interest, const struct interest_part *part)
{
    return (uint64_t)part->lines * interest->line_slots;
}

/* Fuller than tables without lines: a dozen places with one home fill up evenly. */
static bool is_full(const struct interest *interest, const struct interest_part *part)
{
    return ((uint64_t)part->count + 1) * 5 > slots_count(interest, part) * 4;
}

static void part_resize(struct interest *interest, struct interest_part *part, uint32_t lines)
{
    struct interest_part old = *part;
    interest->parts_bytes -= (uint64_t)old.lines * CACHE_LINE;
    interest->parts_bytes += (uint64_t)lines * CACHE_LINE;
    part->words = memory_alloc_aligned(CACHE_LINE, (size_t)lines * CACHE_LINE);
    part->lines = lines;
    for (uint32_t line = 0; line < old.lines; line++) {
        uint32_t at = line * LINE_WORDS;
        uint32_t end = at + interest->line_slots;
        for (; at < end && old.words[at] != 0; at++) {
            slot_place(interest, part, old.words[at], mask_at(interest, &old, at));
        }
    }
    memory_free(old.words);
}

/* Lines are whole: where steps are smaller, one more. */
static uint32_t grown(uint32_t lines)
{
    return lines < LINES_STEPPED ? lines + 1
                                 : (uint32_t)(probe_grown((size_t)lines * CACHE_LINE) / CACHE_LINE);
}

static void literal_add(struct interest *interest, uint32_t worker, uint64_t hash)
{
    uint64_t bit = (uint64_t)1 << worker;
    struct interest_part *part = part_of(interest, hash);
    uint32_t word = (uint32_t)hash;
    if (word == 0) {
        interest->literals += part->mask_of_0 == 0;
        part->mask_of_0 |= bit;
        return;
    }
    uint32_t at = slot_find(interest, part, word);
    if (at != NOWHERE) {
        mask_set(interest, part, at, mask_at(interest, part, at) | bit);
        return;
    }
    if (is_full(interest, part)) {
        part_resize(interest, part, grown(part->lines));
    }
    slot_place(interest, part, word, bit);
    part->count++;
    interest->literals++;
}

/* Behind a line that is full: one that may lie in it as well; NOWHERE: none. */
static uint32_t gone_over(const struct interest *interest, const struct interest_part *part,
                          uint32_t last)
{
    uint32_t words = part->lines * LINE_WORDS;
    uint32_t at = next_of(interest, part, last);
    while (part->words[at] != 0) {
        uint32_t home = home_of(part, part->words[at]);
        if (probe_distance(home, at, words) >= probe_distance(last, at, words)) {
            return at;
        }
        at = next_of(interest, part, at);
    }
    return NOWHERE;
}

static inline void slot_move(const struct interest *interest, struct interest_part *part,
                             uint32_t from, uint32_t to)
{
    part->words[to] = part->words[from];
    mask_set(interest, part, to, mask_at(interest, part, from));
}

/* Within a line places are alike, since each hash is looked for from its start: the last one goes to
 * the hole. A line that was full may take one back from those behind it, which leaves a hole there. */
static void slot_remove(struct interest *interest, struct interest_part *part, uint32_t hole)
{
    for (;;) {
        uint32_t end = hole / LINE_WORDS * LINE_WORDS + interest->line_slots - 1;
        uint32_t last = hole;
        while (last != end && part->words[last + 1] != 0) {
            last++;
        }
        if (last == end) {
            uint32_t over = gone_over(interest, part, last);
            if (over != NOWHERE) {
                slot_move(interest, part, over, hole);
                hole = over;
                continue;
            }
        }
        if (last != hole) {
            slot_move(interest, part, last, hole);
        }
        part->words[last] = 0;
        break;
    }
    part->count--;
    interest->literals--;
    if (part->count == 0) {
        interest->parts_bytes -= (uint64_t)part->lines * CACHE_LINE;
        memory_free(part->words);
        part->words = NULL;
        part->lines = 0;
    } else if (part->lines > 1 && part->count < slots_count(interest, part) / 4) {
        part_resize(interest, part, part->lines / 2);
    }
}

static void literal_remove(struct interest *interest, uint32_t worker, uint64_t hash)
{
    uint64_t bit = (uint64_t)1 << worker;
    struct interest_part *part = part_of(interest, hash);
    uint32_t word = (uint32_t)hash;
    if (word == 0) {
        ASSERT((part->mask_of_0 & bit) != 0);
        part->mask_of_0 &= ~bit;
        interest->literals -= part->mask_of_0 == 0;
        return;
    }
    uint32_t at = slot_find(interest, part, word);
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
    const struct interest_part *part = part_of(interest, hash);
    uint32_t word = (uint32_t)hash;
    if (UNLIKELY(word == 0)) {
        return part->mask_of_0;
    }
    uint32_t at = slot_find(interest, part, word);
    return at != NOWHERE ? mask_at(interest, part, at) : 0;
}

void interest_fetch(const struct interest *interest, uint64_t hash)
{
    const struct interest_part *part = part_of(interest, hash);
    if (part->lines > 0) {
        __builtin_prefetch(&part->words[home_of(part, (uint32_t)hash)]);
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
    uint64_t literals = 0;
    for (size_t i = 0; i < INTEREST_PARTS; i++) {
        const struct interest_part *part = &interest->parts[i];
        uint32_t count = 0;
        for (uint32_t at = 0; at < part->lines * LINE_WORDS; at++) {
            if (at % LINE_WORDS < interest->line_slots && part->words[at] != 0) {
                count++;
                ASSERT(mask_at(interest, part, at) != 0);
                ASSERT(slot_find(interest, part, part->words[at]) == at);
            }
        }
        ASSERT(count == part->count);
        literals += count + (part->mask_of_0 != 0);
    }
    ASSERT(literals == interest->literals);
    index_check(interest->patterns);
}
