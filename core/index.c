/* index.c - table, trie and cache put together; what each does is in its header. */
#include "core/index.h"

#include "core/index_cache.h"
#include "core/index_table.h"
#include "core/index_trie.h"
#include "core/subject.h"

enum {
    BLOCK_USUAL_BYTES = 112, /* an entry with a short pattern and its room */
    FURTHER_SLOTS = 4,
    ROOM_ALIGNMENT = 16, /* as tables want of their items */
    ROOM_SIZE_MASK = (1 << 7) - 1,
    PATTERN_SIZE_MASK = (1 << 22) - 1,
};

static_assert(INDEX_BLOCK_MAX - sizeof(struct index_entry) <= ROOM_SIZE_MASK, "struct index_entry");

struct index {
    size_t entry_size;
    uint64_t hash_key;
    struct index_table entries;
    struct index_trie trie;
    struct index_cache cache;
    struct index_stats stats;
    uint64_t entries_bytes; /* of entries, but for rooms that are taken */
    uint64_t homes_bytes;   /* of removed ones whose room is still taken, but for the room */
};

static uint64_t hash_of(const void *item, const void *context)
{
    const struct index_entry *entry = item;
    const struct index *index = context;
    return index_hash(index->hash_key, entry->account_id, index_pattern(index, entry));
}

struct index *index_new(const struct index_options *options)
{
    ASSERT(options->entry_size >= sizeof(struct index_entry));
    struct index *index = memory_alloc(sizeof *index);
    index->entry_size = options->entry_size;
    index->hash_key = options->hash_key;
    index_table_init(&index->entries, hash_of, index);
    index_trie_init(&index->trie, options->hash_key);
    index_cache_init(&index->cache, options->cache_entries_max, options->hash_key);
    return index;
}

void index_free(struct index *index)
{
    uint64_t cursor = 0;
    struct index_entry *entry;
    while ((entry = index_next(index, &cursor)) != NULL) {
        memory_free(entry);
    }
    index_cache_free(&index->cache);
    index_trie_free(&index->trie);
    index_table_free(&index->entries);
    memory_free(index);
}

struct bytes index_pattern(const struct index *index, const struct index_entry *entry)
{
    return bytes_of((const char *)entry + index->entry_size, entry->pattern_size);
}

static struct index_entry *find(const struct index *index, uint32_t account_id,
                                struct bytes pattern, uint64_t hash)
{
    struct index_probe probe = index_probe_first(&index->entries, hash);
    struct index_entry *entry;
    while ((entry = index_probe_next(&probe)) != NULL) {
        if (entry->account_id == account_id && bytes_equal(index_pattern(index, entry), pattern)) {
            return entry;
        }
    }
    return NULL;
}

struct index_entry *index_find(const struct index *index, uint32_t account_id, struct bytes pattern)
{
    return find(index, account_id, pattern, index_hash(index->hash_key, account_id, pattern));
}

struct index_entry *index_twin(const struct index *index, const struct index_entry *entry,
                               uint64_t hash_bits,
                               bool (*is_meant)(const struct index_entry *other))
{
    ASSERT_SLOW((hash_bits & UINT32_MAX) == UINT32_MAX);
    uint64_t hash = hash_of(entry, index);
    struct index_probe probe = index_probe_first(&index->entries, hash);
    struct index_entry *other;
    while ((other = index_probe_next_alike(&probe, probe_tag(hash_bits))) != NULL) {
        if (other != entry && !other->is_wildcard && is_meant(other) &&
            ((hash_of(other, index) ^ hash) & hash_bits) == 0) {
            return other;
        }
    }
    return NULL;
}

static size_t room_at(const struct index *index, size_t pattern_size)
{
    return (index->entry_size + pattern_size + ROOM_ALIGNMENT - 1) & ~(size_t)(ROOM_ALIGNMENT - 1);
}

/* The allocation of an entry, its room included. */
static size_t block_bytes(const struct index *index, const struct index_entry *entry)
{
    return entry->room_size > 0 ? room_at(index, entry->pattern_size) + entry->room_size
                                : index->entry_size + entry->pattern_size;
}

/* What of it is the index's: a taken room is its taker's. */
static size_t own_bytes(const struct index *index, const struct index_entry *entry)
{
    return block_bytes(index, entry) - (entry->room_is_taken ? entry->room_size : 0);
}

struct index_entry *index_take(struct index *index, uint32_t account_id, struct bytes pattern)
{
    return index_take_roomy(index, account_id, pattern, 0);
}

struct index_entry *index_take_roomy(struct index *index, uint32_t account_id, struct bytes pattern,
                                     size_t room_size)
{
    ASSERT(subject_valid_subscription(pattern));
    uint64_t hash = index_hash(index->hash_key, account_id, pattern);
    struct index_entry *entry = find(index, account_id, pattern, hash);
    if (entry != NULL) {
        return entry;
    }
    size_t size = index->entry_size + pattern.size;
    bool is_roomy = room_size > 0 && room_at(index, pattern.size) + room_size <= INDEX_BLOCK_MAX;
    if (is_roomy) {
        size = room_at(index, pattern.size) + room_size;
    }
    entry = memory_alloc(size);
    entry->account_id = account_id;
    entry->is_wildcard = subject_has_wildcard(pattern);
    entry->room_size = is_roomy ? (uint32_t)room_size & ROOM_SIZE_MASK : 0;
    entry->pattern_size = (uint32_t)pattern.size & PATTERN_SIZE_MASK;
    ASSERT(entry->pattern_size == pattern.size);
    memcpy((char *)entry + index->entry_size, pattern.ptr, pattern.size);
    index->entries_bytes += size;
    index_table_add(&index->entries, hash, entry);
    if (entry->is_wildcard) {
        index_trie_add(&index->trie, entry, pattern);
        index_cache_touch(&index->cache, account_id, pattern);
        index->stats.wildcards++;
    }
    index->stats.inserts++;
    return entry;
}

void index_remove(struct index *index, struct index_entry *entry)
{
    ASSERT(entry != NULL);
    struct bytes pattern = index_pattern(index, entry);
    index_table_remove(&index->entries, hash_of(entry, index), entry);
    if (entry->is_wildcard) {
        index_cache_touch(&index->cache, entry->account_id, pattern);
        index_trie_remove(&index->trie, entry, pattern);
        index->stats.wildcards--;
    }
    index->entries_bytes -= own_bytes(index, entry);
    index->stats.removes++;
    if (entry->room_is_taken) {
        index->homes_bytes += own_bytes(index, entry);
        entry->is_removed = true;
        return;
    }
    memory_free(entry);
}

void *index_room_take(struct index *index, struct index_entry *entry, size_t size)
{
    ASSERT(!entry->is_removed);
    if (size > entry->room_size || entry->room_is_taken) {
        return NULL;
    }
    entry->room_is_taken = true;
    index->entries_bytes -= entry->room_size;
    return memset((char *)entry + room_at(index, entry->pattern_size), 0, size);
}

void index_room_give(struct index *index, struct index_entry *entry)
{
    ASSERT(entry->room_is_taken);
    if (entry->is_removed) {
        index->homes_bytes -= own_bytes(index, entry);
        memory_free(entry);
        return;
    }
    entry->room_is_taken = false;
    index->entries_bytes += entry->room_size;
}

/* Not inlined, so that a match without wildcards stays short. */
static __attribute__((noinline)) void match_wildcards(struct index *index, uint32_t account_id,
                                                      struct bytes subject, uint64_t hash,
                                                      struct index_match *match)
{
    struct index_result result;
    if (index_cache_find(&index->cache, account_id, subject, hash, &result)) {
        index->stats.cache_hits++;
    } else {
        index->stats.cache_misses++;
        index_trie_match(&index->trie, account_id, subject);
        result.entries = index->trie.found;
        result.count = index->trie.found_count;
        index_cache_put(&index->cache, account_id, subject, hash, result);
    }
    match->wildcards = result.entries;
    match->wildcards_count = result.count;
}

void index_match(struct index *index, uint32_t account_id, struct bytes subject,
                 uint64_t subject_hash, struct index_match *match)
{
    ASSERT_SLOW(subject_hash == index_hash(index->hash_key, account_id, subject));
    index->stats.matches++;
    index_table_step(&index->entries);
    struct index_entry *entry = find(index, account_id, subject, subject_hash);
    /* A publish subject may read like a wildcard pattern; then that entry is the trie's to find. */
    match->literal = entry != NULL && !entry->is_wildcard ? entry : NULL;
    match->wildcards = NULL;
    match->wildcards_count = 0;
    if (index->stats.wildcards > 0) {
        match_wildcards(index, account_id, subject, subject_hash, match);
    }
}

void index_fetch_slot(const struct index *index, uint64_t hash)
{
    const struct index_slots *slots = &index->entries.current;
    uint32_t home = probe_home(hash, slots->capacity);
    uint32_t further = MIN_OF(home + FURTHER_SLOTS, slots->capacity - 1);
    __builtin_prefetch(&slots->slot[home]);
    __builtin_prefetch(&slots->slot[further]); /* mostly the same line */
}

const struct index_entry *index_fetch(const struct index *index, uint64_t hash)
{
    struct index_probe probe = index_probe_first(&index->entries, hash);
    const struct index_entry *entry = index_probe_next(&probe);
    if (entry != NULL) {
        const char *bytes = (const char *)entry;
        __builtin_prefetch(bytes);
        __builtin_prefetch(bytes + CACHE_LINE - 1, 1);
        __builtin_prefetch(bytes + BLOCK_USUAL_BYTES - 1, 1);
    }
    return entry;
}

struct index_entry *index_next(const struct index *index, uint64_t *cursor)
{
    return index_table_next(&index->entries, cursor);
}

uint64_t index_count(const struct index *index)
{
    return index_table_count(&index->entries);
}

struct index_stats index_stats(const struct index *index)
{
    struct index_stats stats = index->stats;
    stats.entries = index_table_count(&index->entries);
    stats.cached = index->cache.lines_count;
    return stats;
}

uint64_t index_bytes(const struct index *index)
{
    return sizeof *index + index->entries_bytes + index->homes_bytes +
           index_table_bytes(&index->entries) + index_trie_bytes(&index->trie) +
           index_cache_bytes(&index->cache);
}

/* (3): every current line is what brute force over the wildcards says. */
static void cache_check(const struct index *index)
{
    uint64_t line = 0;
    uint32_t account_id;
    struct bytes subject;
    struct index_result result;
    while (index_cache_next(&index->cache, &line, &account_id, &subject, &result)) {
        uint32_t matching = 0;
        uint64_t cursor = 0;
        const struct index_entry *entry;
        while ((entry = index_next(index, &cursor)) != NULL) {
            matching += entry->is_wildcard && entry->account_id == account_id &&
                        subject_matches(index_pattern(index, entry), subject);
        }
        ASSERT(matching == result.count);
        for (uint32_t i = 0; i < result.count; i++) {
            ASSERT(result.entries[i]->account_id == account_id);
            ASSERT(subject_matches(index_pattern(index, result.entries[i]), subject));
        }
    }
}

void index_check(const struct index *index)
{
    uint64_t wildcards = 0;
    uint64_t bytes = 0;
    uint64_t cursor = 0;
    const struct index_entry *entry;
    index_table_check(&index->entries);
    while ((entry = index_table_next(&index->entries, &cursor)) != NULL) {
        struct bytes pattern = index_pattern(index, entry);
        ASSERT(subject_valid_subscription(pattern));
        ASSERT(entry->is_wildcard == subject_has_wildcard(pattern));
        ASSERT(!entry->is_wildcard || index_trie_has(&index->trie, entry, pattern));
        wildcards += entry->is_wildcard;
        bytes += own_bytes(index, entry);
    }
    ASSERT(wildcards == index->stats.wildcards);
    ASSERT(bytes == index->entries_bytes);
    ASSERT(index->stats.inserts - index->stats.removes == index_table_count(&index->entries));
    index_trie_check(&index->trie, wildcards);
    index_cache_check(&index->cache);
    cache_check(index);
}
