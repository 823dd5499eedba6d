/* index_cache.c - four-way sets with a second chance, and generations of prefixes. */
#include "core/index_cache.h"

#include "core/subject.h"

enum { PREFIX_TOKENS_MAX = 2, LINE_ROUND = 64 };

struct index_line {
    uint64_t generation; /* the sum of its buckets' when it was made; each only grows */
    uint32_t account_id;
    uint32_t subject_size;
    uint32_t entries_count;
    uint32_t size; /* of the allocation */
    uint16_t buckets[PREFIX_TOKENS_MAX + 1];
    bool used;                     /* since a victim was last looked for here */
    struct index_entry *entries[]; /* and behind them the subject */
};

void index_cache_init(struct index_cache *cache, uint32_t lines_max, uint64_t hash_key)
{
    *cache = (struct index_cache){.hash_key = hash_key};
    if (lines_max < INDEX_CACHE_WAYS) {
        return;
    }
    uint64_t sets = 1;
    while (sets * 2 * INDEX_CACHE_WAYS <= lines_max) {
        sets *= 2;
    }
    cache->sets_mask = sets - 1;
    cache->bytes_max = sets * INDEX_CACHE_WAYS * INDEX_CACHE_BYTES_EACH;
    cache->ways =
        memory_alloc_aligned(CACHE_LINE, sets * INDEX_CACHE_WAYS * sizeof(struct index_way));
}

static uint64_t ways_count(const struct index_cache *cache)
{
    return cache->ways != NULL ? (cache->sets_mask + 1) * INDEX_CACHE_WAYS : 0;
}

static void drop(struct index_cache *cache, struct index_way *way)
{
    cache->bytes -= way->line->size;
    cache->lines_count--;
    memory_free(way->line);
    *way = (struct index_way){.line = NULL};
}

void index_cache_free(struct index_cache *cache)
{
    for (uint64_t i = 0; i < ways_count(cache); i++) {
        if (cache->ways[i].line != NULL) {
            drop(cache, &cache->ways[i]);
        }
    }
    memory_free(cache->ways);
    cache->ways = NULL;
}

/* ---- generations --------------------------------------------------------------------------- */

static uint16_t bucket_of(const struct index_cache *cache, uint32_t account_id, struct bytes prefix)
{
    return (uint16_t)(index_hash(cache->hash_key, account_id, prefix) % INDEX_CACHE_GENERATIONS);
}

void index_cache_touch(struct index_cache *cache, uint32_t account_id, struct bytes pattern)
{
    struct subject_cursor at = subject_first(pattern);
    struct bytes token;
    struct bytes prefix = bytes_of(pattern.ptr, 0);
    for (int i = 0; i < PREFIX_TOKENS_MAX && subject_next(&at, &token); i++) {
        if (subject_is_any(token) || subject_is_tail(token)) {
            break;
        }
        prefix.size = (size_t)(token.ptr + token.size - pattern.ptr);
    }
    cache->generation[bucket_of(cache, account_id, prefix)]++;
}

/* A subject shorter than the longest prefix names its last bucket twice, which changes nothing. */
static void buckets_of(const struct index_cache *cache, uint32_t account_id, struct bytes subject,
                       uint16_t buckets[PREFIX_TOKENS_MAX + 1])
{
    struct subject_cursor at = subject_first(subject);
    struct bytes token;
    struct bytes prefix = bytes_of(subject.ptr, 0);
    buckets[0] = bucket_of(cache, account_id, prefix);
    for (int i = 1; i <= PREFIX_TOKENS_MAX; i++) {
        if (subject_next(&at, &token)) {
            prefix.size = (size_t)(token.ptr + token.size - subject.ptr);
        }
        buckets[i] = bucket_of(cache, account_id, prefix);
    }
}

static uint64_t generation_of(const struct index_cache *cache,
                              const uint16_t buckets[PREFIX_TOKENS_MAX + 1])
{
    uint64_t sum = 0;
    for (int i = 0; i <= PREFIX_TOKENS_MAX; i++) {
        sum += cache->generation[buckets[i]];
    }
    return sum;
}

static bool is_current(const struct index_cache *cache, const struct index_line *line)
{
    return line->generation == generation_of(cache, line->buckets);
}

/* ---- lines --------------------------------------------------------------------------------- */

static struct bytes subject_of(const struct index_line *line)
{
    return bytes_of(&line->entries[line->entries_count], line->subject_size);
}

static struct index_way *set_of(const struct index_cache *cache, uint64_t hash)
{
    /* The table of entries uses the low bits; these are as good. */
    return &cache->ways[(hash >> 32 & cache->sets_mask) * INDEX_CACHE_WAYS];
}

static struct index_way *way_find(const struct index_cache *cache, uint32_t account_id,
                                  struct bytes subject, uint64_t hash)
{
    struct index_way *set = set_of(cache, hash);
    for (int i = 0; i < INDEX_CACHE_WAYS; i++) {
        const struct index_line *line = set[i].line;
        if (line != NULL && set[i].hash == hash && line->account_id == account_id &&
            bytes_equal(subject_of(line), subject)) {
            return &set[i];
        }
    }
    return NULL;
}

bool index_cache_find(struct index_cache *cache, uint32_t account_id, struct bytes subject,
                      uint64_t hash, struct index_result *result)
{
    if (cache->ways == NULL) {
        return false;
    }
    struct index_way *way = way_find(cache, account_id, subject, hash);
    if (way == NULL || !is_current(cache, way->line)) {
        return false;
    }
    way->line->used = true;
    *result =
        (struct index_result){.entries = way->line->entries, .count = way->line->entries_count};
    return true;
}

/* The subject's own stale line, a free way, a stale line, or one not used for a while. */
static struct index_way *victim(struct index_cache *cache, uint32_t account_id,
                                struct bytes subject, uint64_t hash)
{
    struct index_way *way = way_find(cache, account_id, subject, hash);
    if (way != NULL) {
        return way;
    }
    struct index_way *set = set_of(cache, hash);
    for (int i = 0; i < INDEX_CACHE_WAYS; i++) {
        if (set[i].line == NULL || !is_current(cache, set[i].line)) {
            return &set[i];
        }
    }
    for (;;) {
        way = &set[cache->hand++ % INDEX_CACHE_WAYS];
        if (!way->line->used) {
            return way;
        }
        way->line->used = false;
    }
}

/* Frees lines, in the order of the ways, until size more bytes may be taken. */
static void make_room(struct index_cache *cache, size_t size)
{
    ASSERT(size <= cache->bytes_max);
    uint64_t ways = ways_count(cache);
    ASSERT(ways > 0);
    while (cache->bytes + size > cache->bytes_max) {
        struct index_way *way = &cache->ways[cache->hand++ % ways];
        if (way->line != NULL) {
            drop(cache, way);
        }
    }
}

void index_cache_put(struct index_cache *cache, uint32_t account_id, struct bytes subject,
                     uint64_t hash, struct index_result result)
{
    size_t size =
        sizeof(struct index_line) + result.count * sizeof(struct index_entry *) + subject.size;
    size = (size + LINE_ROUND - 1) / LINE_ROUND * LINE_ROUND;
    if (cache->ways == NULL || size > INDEX_CACHE_LINE_BYTES_MAX || size > cache->bytes_max) {
        return;
    }
    struct index_way *way = victim(cache, account_id, subject, hash);
    if (way->line != NULL && (way->line->size < size || way->line->size > 4 * size)) {
        drop(cache, way);
    }
    if (way->line == NULL) {
        make_room(cache, size);
        way->line = memory_alloc(size);
        way->line->size = (uint32_t)size;
        cache->bytes += size;
        cache->lines_count++;
    }
    struct index_line *line = way->line;
    way->hash = hash;
    line->account_id = account_id;
    line->subject_size = (uint32_t)subject.size;
    line->entries_count = result.count;
    line->used = false;
    if (result.count > 0) {
        memcpy(line->entries, result.entries, result.count * sizeof(struct index_entry *));
    }
    if (subject.size > 0) {
        memcpy(&line->entries[result.count], subject.ptr, subject.size);
    }
    buckets_of(cache, account_id, subject, line->buckets);
    line->generation = generation_of(cache, line->buckets);
}

bool index_cache_next(const struct index_cache *cache, uint64_t *cursor, uint32_t *account_id,
                      struct bytes *subject, struct index_result *result)
{
    while (*cursor < ways_count(cache)) {
        const struct index_line *line = cache->ways[(*cursor)++].line;
        if (line != NULL && is_current(cache, line)) {
            *account_id = line->account_id;
            *subject = subject_of(line);
            *result = (struct index_result){.entries = line->entries, .count = line->entries_count};
            return true;
        }
    }
    return false;
}

uint64_t index_cache_bytes(const struct index_cache *cache)
{
    return cache->bytes + ways_count(cache) * sizeof(struct index_way);
}

void index_cache_check(const struct index_cache *cache)
{
    uint64_t lines = 0;
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < ways_count(cache); i++) {
        const struct index_way *way = &cache->ways[i];
        if (way->line == NULL) {
            continue;
        }
        lines++;
        bytes += way->line->size;
        ASSERT(way->hash ==
               index_hash(cache->hash_key, way->line->account_id, subject_of(way->line)));
        ASSERT(set_of(cache, way->hash) == &cache->ways[i / INDEX_CACHE_WAYS * INDEX_CACHE_WAYS]);
    }
    ASSERT(lines == cache->lines_count);
    ASSERT(bytes == cache->bytes);
    ASSERT(bytes <= cache->bytes_max);
}
