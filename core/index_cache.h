/*
 * index_cache.h - which wildcard entries did this subject reach last time, and is that still true?
 *
 *   subject a.b.c ─▶ generations of  "" , "a" and "a.b"     all unchanged since: still true
 *   pattern a.*.c ─▶ bumps the generation of "a"            (its literal tokens, at most two)
 *
 * Adding or removing a pattern bumps one counter, in constant time; every subject that it may match
 * hangs on that counter, and few others do. "_INBOX.x.*" coming and going leaves "_INBOX.y" alone.
 * Prefixes share 1,024 counters by hash, so a result may be thrown away for nothing, never kept
 * wrongly.
 *
 * Threads:     owner only.
 * Memory:      owns its lines (one allocation each, reused in place where the next result fits);
 *              borrows entries, and looks at none of a line that is not current. A result borrows
 *              until the next call that takes a non-const cache.
 * Limits:      lines_max lines, INDEX_CACHE_BYTES_EACH * lines_max bytes of lines. A result larger
 *              than LINE_BYTES_MAX is not kept.
 * Invariants:  (1) A line stands in the set of four that its hash chooses.
 *              (2) bytes is the sum of the lines' sizes and within the limit.
 */
#ifndef RINGHUB_CORE_INDEX_CACHE_H
#define RINGHUB_CORE_INDEX_CACHE_H

#include "core/index.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { INDEX_CACHE_GENERATIONS = 1024, INDEX_CACHE_WAYS = 4, INDEX_CACHE_LINE_BYTES_MAX = 65536 };

struct index_line;

struct index_way {
    uint64_t hash;
    struct index_line *line; /* NULL: free */
};

struct index_cache {
    struct index_way *ways; /* sets of INDEX_CACHE_WAYS, one CPU cache line each; NULL: no cache */
    uint64_t sets_mask;
    uint64_t lines_count;
    uint64_t bytes;
    uint64_t bytes_max;
    uint64_t hand; /* where to look for a victim next */
    uint64_t hash_key;
    uint64_t generation[INDEX_CACHE_GENERATIONS];
};

struct index_result {
    struct index_entry *const *entries;
    uint32_t count;
};

void index_cache_init(struct index_cache *cache, uint32_t lines_max, uint64_t hash_key);
void index_cache_free(struct index_cache *cache);

/* A wildcard pattern came or went. */
void index_cache_touch(struct index_cache *cache, uint32_t account_id, struct bytes pattern);

/* True: result is what a walk would find. hash: index_hash of subject. */
bool index_cache_find(struct index_cache *cache, uint32_t account_id, struct bytes subject,
                      uint64_t hash, struct index_result *result);

/* Keeps a copy of a result, if it may. */
void index_cache_put(struct index_cache *cache, uint32_t account_id, struct bytes subject,
                     uint64_t hash, struct index_result result);

/* Visits the current lines; start with *cursor 0. False ends. */
bool index_cache_next(const struct index_cache *cache, uint64_t *cursor, uint32_t *account_id,
                      struct bytes *subject, struct index_result *result);

uint64_t index_cache_bytes(const struct index_cache *cache);
void index_cache_check(const struct index_cache *cache);

#ifdef __cplusplus
}
#endif
#endif
