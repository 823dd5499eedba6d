/*
 * index.h - which entries does this subject reach? An entry is whatever its owner hangs on one
 * (account, pattern): an audience list here, worker masks in interest.
 *
 *   subject ──hash──▶ literal entry (or none)           found anew each time, one probe
 *      └────hash──▶ cache ──▶ wildcard entries          valid while its generations are
 *                     └─miss─▶ trie of tokens, * and >
 *
 * Threads:     owner only.
 * Memory:      owns its entries; an entry is one allocation of entry_size bytes, the pattern's
 *              text behind it, and behind that room for something of the caller's, if he wants: what
 *              is looked at together then lies on one page. It does not move until index_remove, and
 *              the room not until it is given. A match borrows until the next call that takes a
 *              non-const index. A match that hits allocates nothing.
 * Limits:      entries are bounded by the caller; index_bytes says what they take. The cache holds
 *              at most cache_entries_max subjects and INDEX_CACHE_BYTES_EACH bytes for each of
 *              them on average. A match visits each node of the trie at most once, with a stack as
 *              deep as the subject has tokens.
 * Invariants:  (1) Every entry is in the table under (account, pattern); a wildcard's entry hangs
 *                  from the trie too.
 *              (2) Every node of the trie leads to an entry.
 *              (3) A cached result whose generations are current equals what the trie would say;
 *                  only then are its pointers looked at.
 */
#ifndef RINGHUB_CORE_INDEX_H
#define RINGHUB_CORE_INDEX_H

#include "core/bytes.h"
#include "core/hash.h"
#include "core/planted.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the cache may take for each of cache_entries_max on average; long subjects and long results
 * take more and leave less for the others. */
enum { INDEX_CACHE_BYTES_EACH = 512 };

/* The first member of an entry. */
struct index_entry {
    uint32_t account_id;
    uint32_t is_wildcard : 1;
    uint32_t is_removed : 1; /* and its room is not given yet */
    uint32_t room_is_taken : 1;
    uint32_t room_size : 7; /* 0: none */
    uint32_t pattern_size : 22;
};

/* An entry with its room: above this the sizes that allocators have lie so far apart that two blocks
 * take less. */
enum { INDEX_BLOCK_MAX = 2 * CACHE_LINE };

struct index_options {
    size_t entry_size;          /* of the caller's struct, struct index_entry included */
    uint64_t hash_key;          /* random per process; the same in all workers */
    uint32_t cache_entries_max; /* taken down to a power of two; below 4: no cache */
};

struct index_stats {
    uint64_t entries;   /* now */
    uint64_t wildcards; /* of these */
    uint64_t cached;    /* subjects in the cache now, stale ones included */
    uint64_t inserts;   /* since init, like all below */
    uint64_t removes;
    uint64_t matches;
    uint64_t cache_hits;   /* matches whose wildcards came from the cache */
    uint64_t cache_misses; /* matches that walked the trie */
};

struct index_match {
    struct index_entry *literal;          /* the entry of the subject itself, or NULL */
    struct index_entry *const *wildcards; /* the others that match, in no order, each once */
    uint32_t wildcards_count;
};

struct index;

struct index *index_new(const struct index_options *options);

/* Frees all entries too; what the caller hung on them is the caller's to free before. */
void index_free(struct index *index);

/* The hash of a subject or pattern in an account; the same value for the same hash_key. */
static inline uint64_t index_hash(uint64_t hash_key, uint32_t account_id, struct bytes subject)
{
    return PLANTED_HASH(hash_bytes(subject, hash_key + account_id * 0x9E3779B97F4A7C15u));
}

/* The entry of exactly this pattern, or NULL. */
struct index_entry *index_find(const struct index *index, uint32_t account_id,
                               struct bytes pattern);

/* The entry of this pattern, made (the caller's part zeroed) if there was none. pattern must be a
 * valid subscription (subject_valid_subscription), and is copied. */
struct index_entry *index_take(struct index *index, uint32_t account_id, struct bytes pattern);

/* The same. A new one has room for so many bytes, unless that makes more than INDEX_BLOCK_MAX. */
struct index_entry *index_take_roomy(struct index *index, uint32_t account_id, struct bytes pattern,
                                     size_t room_size);

/* Frees the entry, its memory once its room is not taken. */
void index_remove(struct index *index, struct index_entry *entry);

/* The entry's room, zeroed and aligned to 16; NULL: it has none for so many bytes, or it is taken. */
void *index_room_take(struct index *index, struct index_entry *entry, size_t size);

/* The entry may be removed by then: but for that, its memory is as it was. */
void index_room_give(struct index *index, struct index_entry *entry);

/* All entries whose pattern matches subject, which may be any bytes. subject_hash is
 * index_hash(hash_key, account_id, subject). */
void index_match(struct index *index, uint32_t account_id, struct bytes subject,
                 uint64_t subject_hash, struct index_match *match);

/* Borrowed as long as the entry lives. */
struct bytes index_pattern(const struct index *index, const struct index_entry *entry);

/* Another literal whose hash is this one's as far as hash_bits go, which the low half belongs to, and
 * of which is_meant says yes; NULL: none. */
struct index_entry *index_twin(const struct index *index, const struct index_entry *entry,
                               uint64_t hash_bits,
                               bool (*is_meant)(const struct index_entry *other));

/* Hints. What a match of this hash will look at is fetched: first the slot, then, in another call, the
 * entry, which is returned if there seems to be one. Worth it with other hashes' calls in between. */
void index_fetch_slot(const struct index *index, uint64_t hash);
const struct index_entry *index_fetch(const struct index *index, uint64_t hash);

/* Visits all entries in no order: start with *cursor 0, NULL ends it. No entry may be added or
 * removed, and no match made, in between. */
struct index_entry *index_next(const struct index *index, uint64_t *cursor);

uint64_t index_count(const struct index *index);
struct index_stats index_stats(const struct index *index);

/* What the index has allocated, in bytes: entries, table, trie, cache, and rooms that nobody has. A
 * taken room is counted by who has it. */
uint64_t index_bytes(const struct index *index);

/* Asserts the invariants; costs a walk over everything. */
void index_check(const struct index *index);

#ifdef __cplusplus
}
#endif
#endif
