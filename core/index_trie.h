/*
 * index_trie.h - which wildcard patterns match this subject?
 *
 *   account 0 ─ orders ─┬─ new ─ (any)        orders.new.*
 *                       └─ (any) ─ eu         orders.*.eu
 *             └ tail of "orders": orders.>
 *
 * A node stands for the tokens from the root to it. Its "*" child hangs from it directly; all other
 * edges of the trie share one hash table, keyed by (parent, token).
 *
 * Threads:     owner only.
 * Memory:      owns its nodes (48 bytes and the token, plus a slot in the table); borrows entries.
 *              A result borrows until the next call that takes a non-const trie.
 * Limits:      a pattern of n tokens makes at most n nodes, n bounded by the pattern's length. A
 *              match visits each node at most once, with a stack as deep as the subject has tokens.
 * Invariants:  (1) An entry is what its pattern leads to: a node's here, or tail if it ends in >.
 *              (2) Every node but none else leads to an entry: the last one to go takes the nodes
 *                  along that served only it.
 */
#ifndef RINGHUB_CORE_INDEX_TRIE_H
#define RINGHUB_CORE_INDEX_TRIE_H

#include "core/index.h"
#include "core/index_table.h"

#ifdef __cplusplus
extern "C" {
#endif

struct index_token {
    struct bytes text;
    uint64_t hash;
};

/* A node still to be visited; its position says how many tokens led to it. */
struct index_visit {
    struct index_node *node;
    uint32_t position;
};

struct index_trie {
    struct index_table edges; /* roots too: no parent, the account is the token */
    uint64_t hash_key;
    uint64_t nodes_count;
    uint64_t nodes_bytes;

    /* Scratch of index_trie_match. */
    struct index_token *tokens;
    struct index_visit *visits;
    uint32_t tokens_max;
    struct index_entry **found;
    uint32_t found_count;
    uint32_t found_max;
};

void index_trie_init(struct index_trie *trie, uint64_t hash_key);

/* Frees nodes, not entries. */
void index_trie_free(struct index_trie *trie);

/* Hangs a new entry where its pattern (valid, with a wildcard) belongs; no other may hang there. */
void index_trie_add(struct index_trie *trie, struct index_entry *entry, struct bytes pattern);
/* It hangs there. */
void index_trie_remove(struct index_trie *trie, struct index_entry *entry, struct bytes pattern);
bool index_trie_has(const struct index_trie *trie, const struct index_entry *entry,
                    struct bytes pattern);

/* Leaves the entries that match in trie->found and trie->found_count. */
void index_trie_match(struct index_trie *trie, uint32_t account_id, struct bytes subject);

uint64_t index_trie_bytes(const struct index_trie *trie);
void index_trie_check(const struct index_trie *trie, uint64_t entries_count);

#ifdef __cplusplus
}
#endif
#endif
