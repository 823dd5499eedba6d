/* index_trie.c - a trie whose edges are one hash table. */
#include "core/index_trie.h"

#include "core/subject.h"

struct index_node {
    struct index_node *parent; /* NULL: an account's root */
    struct index_node *any;    /* the child for "*" */
    struct index_entry *here;  /* whose pattern ends here */
    struct index_entry *tail;  /* whose pattern ends with ">" behind this node */
    uint64_t hash;             /* of the path */
    uint32_t literals_count;   /* children in the table of edges */
    uint32_t token_size;
    uint8_t token[]; /* a root's is its account id; that of "*" is empty */
};

/* Both are keyed hashes already; this only has to keep (a, b) and (b, a) apart and reach the low
 * bits, which choose the slot. */
static uint64_t path_hash(uint64_t parent, uint64_t token)
{
    uint64_t mixed = ((parent << 23 | parent >> 41) ^ token) * 0x9E3779B97F4A7C15u;
    return mixed ^ mixed >> 32;
}

static uint64_t node_hash(const void *item, const void *context)
{
    (void)context;
    return ((const struct index_node *)item)->hash;
}

void index_trie_init(struct index_trie *trie, uint64_t hash_key)
{
    *trie = (struct index_trie){.hash_key = hash_key};
    index_table_init(&trie->edges, node_hash, NULL);
}

/* ---- nodes --------------------------------------------------------------------------------- */

static struct index_node *node_new(struct index_trie *trie, struct index_node *parent,
                                   uint64_t hash, struct bytes token)
{
    struct index_node *node = memory_alloc(sizeof *node + token.size);
    node->parent = parent;
    node->hash = hash;
    node->token_size = (uint32_t)token.size;
    if (token.size > 0) {
        memcpy(node->token, token.ptr, token.size);
    }
    trie->nodes_count++;
    trie->nodes_bytes += sizeof *node + token.size;
    return node;
}

static void node_free(struct index_trie *trie, struct index_node *node)
{
    trie->nodes_count--;
    trie->nodes_bytes -= sizeof *node + node->token_size;
    memory_free(node);
}

static bool is_any(const struct index_node *node)
{
    return node->parent != NULL && node->parent->any == node;
}

static bool is_useful(const struct index_node *node)
{
    return node->here != NULL || node->tail != NULL || node->any != NULL ||
           node->literals_count > 0;
}

static struct index_node *edge_find(const struct index_trie *trie, const struct index_node *parent,
                                    uint64_t hash, struct bytes token)
{
    struct index_probe probe = index_probe_first(&trie->edges, hash);
    struct index_node *node;
    while ((node = index_probe_next(&probe)) != NULL) {
        if (node->parent == parent && bytes_equal(bytes_of(node->token, node->token_size), token)) {
            return node;
        }
    }
    return NULL;
}

static uint64_t root_hash(const struct index_trie *trie, uint32_t account_id)
{
    return hash_bytes(bytes_of(&account_id, sizeof account_id), trie->hash_key);
}

static struct index_node *root_find(const struct index_trie *trie, uint32_t account_id)
{
    return edge_find(trie, NULL, root_hash(trie, account_id),
                     bytes_of(&account_id, sizeof account_id));
}

static struct index_node *root_take(struct index_trie *trie, uint32_t account_id)
{
    struct index_node *root = root_find(trie, account_id);
    if (root == NULL) {
        uint64_t hash = root_hash(trie, account_id);
        root = node_new(trie, NULL, hash, bytes_of(&account_id, sizeof account_id));
        index_table_add(&trie->edges, hash, root);
    }
    return root;
}

static struct index_node *any_take(struct index_trie *trie, struct index_node *parent)
{
    if (parent->any == NULL) {
        uint64_t hash = path_hash(parent->hash, trie->hash_key);
        parent->any = node_new(trie, parent, hash, bytes_of(NULL, 0));
    }
    return parent->any;
}

static struct index_node *literal_take(struct index_trie *trie, struct index_node *parent,
                                       struct bytes token)
{
    uint64_t hash = path_hash(parent->hash, hash_bytes(token, trie->hash_key));
    struct index_node *node = edge_find(trie, parent, hash, token);
    if (node == NULL) {
        node = node_new(trie, parent, hash, token);
        index_table_add(&trie->edges, hash, node);
        parent->literals_count++;
    }
    return node;
}

/* Frees node and its ancestors as far as they lead nowhere any more. */
static void prune(struct index_trie *trie, struct index_node *node)
{
    while (node != NULL && !is_useful(node)) {
        struct index_node *parent = node->parent;
        if (is_any(node)) {
            parent->any = NULL;
        } else {
            index_table_remove(&trie->edges, node->hash, node);
            if (parent != NULL) {
                parent->literals_count--;
            }
        }
        node_free(trie, node);
        node = parent;
    }
}

/* ---- entries ------------------------------------------------------------------------------- */

void index_trie_add(struct index_trie *trie, struct index_entry *entry, struct bytes pattern)
{
    struct index_node *node = root_take(trie, entry->account_id);
    struct subject_cursor at = subject_first(pattern);
    struct bytes token;
    struct index_entry **place = NULL;
    while (subject_next(&at, &token)) {
        if (subject_is_tail(token)) {
            ASSERT(at.done);
            place = &node->tail;
        } else if (subject_is_any(token)) {
            node = any_take(trie, node);
        } else {
            node = literal_take(trie, node, token);
        }
    }
    place = place != NULL ? place : &node->here;
    ASSERT(*place == NULL);
    *place = entry;
}

/* The node that pattern leads to, which is there; *is_tail: it is the node's
 * tail that is meant. */
static struct index_node *node_of(const struct index_trie *trie, uint32_t account_id,
                                  struct bytes pattern, bool *is_tail)
{
    struct index_node *node = root_find(trie, account_id);
    struct subject_cursor at = subject_first(pattern);
    struct bytes token;
    *is_tail = false;
    while (node != NULL && subject_next(&at, &token)) {
        if (subject_is_tail(token)) {
            *is_tail = true;
        } else if (subject_is_any(token)) {
            node = node->any;
        } else {
            uint64_t hash = path_hash(node->hash, hash_bytes(token, trie->hash_key));
            node = edge_find(trie, node, hash, token);
        }
    }
    ASSERT(node != NULL);
    return node;
}

void index_trie_remove(struct index_trie *trie, struct index_entry *entry, struct bytes pattern)
{
    bool is_tail;
    struct index_node *node = node_of(trie, entry->account_id, pattern, &is_tail);
    struct index_entry **place = is_tail ? &node->tail : &node->here;
    ASSERT(*place == entry);
    *place = NULL;
    prune(trie, node);
}

bool index_trie_has(const struct index_trie *trie, const struct index_entry *entry,
                    struct bytes pattern)
{
    bool is_tail;
    const struct index_node *node = node_of(trie, entry->account_id, pattern, &is_tail);
    return (is_tail ? node->tail : node->here) == entry;
}

/* ---- matching ------------------------------------------------------------------------------ */

static void scratch_reserve(struct index_trie *trie, uint32_t tokens)
{
    if (tokens <= trie->tokens_max) {
        return;
    }
    trie->tokens_max = tokens + tokens / 2 + 16;
    trie->tokens = memory_resize(trie->tokens, trie->tokens_max * sizeof *trie->tokens);
    /* Each visit puts at most two in its own place, both one token further: at any time at most one
     * is left over per token, and one more is on top. */
    trie->visits = memory_resize(trie->visits, (trie->tokens_max + 2) * sizeof *trie->visits);
}

static void found_add(struct index_trie *trie, struct index_entry *entry)
{
    if (entry == NULL) {
        return;
    }
    if (trie->found_count == trie->found_max) {
        trie->found_max = 2 * trie->found_max + 16;
        trie->found = memory_resize(trie->found, trie->found_max * sizeof(*trie->found));
    }
    trie->found[trie->found_count++] = entry;
}

void index_trie_match(struct index_trie *trie, uint32_t account_id, struct bytes subject)
{
    trie->found_count = 0;
    struct index_node *root = root_find(trie, account_id);
    if (root == NULL || !subject_has_tokens_only(subject)) {
        return;
    }
    uint32_t count = subject_tokens_count(subject);
    scratch_reserve(trie, count);
    /* Tokens are cut and hashed when the walk first reaches them: it is mostly shallow. */
    struct subject_cursor at = subject_first(subject);
    uint32_t known = 0;
    uint32_t depth = 0;
    trie->visits[depth++] = (struct index_visit){.node = root, .position = 0};
    while (depth > 0) {
        struct index_visit visit = trie->visits[--depth];
        struct index_node *node = visit.node;
        if (visit.position == count) {
            found_add(trie, node->here);
            continue;
        }
        found_add(trie, node->tail);
        if (node->literals_count > 0) {
            struct index_token *token = &trie->tokens[visit.position];
            while (known <= visit.position) {
                bool more = subject_next(&at, &trie->tokens[known].text);
                ASSERT(more);
                trie->tokens[known].hash = hash_bytes(trie->tokens[known].text, trie->hash_key);
                known++;
            }
            struct index_node *literal =
                edge_find(trie, node, path_hash(node->hash, token->hash), token->text);
            if (literal != NULL) {
                trie->visits[depth++] =
                    (struct index_visit){.node = literal, .position = visit.position + 1};
            }
        }
        if (node->any != NULL) {
            trie->visits[depth++] =
                (struct index_visit){.node = node->any, .position = visit.position + 1};
        }
        ASSERT_SLOW(depth <= trie->tokens_max + 2);
    }
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* A node of the table and its chain of "*" children; each such child may have literal children,
 * which are in the table again. */
static void any_chain_free(struct index_trie *trie, struct index_node *node)
{
    while (node != NULL) {
        struct index_node *any = node->any;
        node_free(trie, node);
        node = any;
    }
}

void index_trie_free(struct index_trie *trie)
{
    uint64_t cursor = 0;
    struct index_node *node;
    while ((node = index_table_next(&trie->edges, &cursor)) != NULL) {
        any_chain_free(trie, node);
    }
    ASSERT(trie->nodes_count == 0);
    index_table_free(&trie->edges);
    memory_free(trie->tokens);
    memory_free(trie->visits);
    memory_free(trie->found);
}

uint64_t index_trie_bytes(const struct index_trie *trie)
{
    uint64_t scratch = (uint64_t)trie->tokens_max * (sizeof *trie->tokens + sizeof *trie->visits) +
                       (uint64_t)trie->found_max * sizeof(*trie->found);
    return trie->nodes_bytes + index_table_bytes(&trie->edges) + scratch;
}

void index_trie_check(const struct index_trie *trie, uint64_t entries_count)
{
    uint64_t nodes = 0;
    uint64_t roots = 0;
    uint64_t literals = 0;
    uint64_t entries = 0;
    uint64_t cursor = 0;
    const struct index_node *node;
    index_table_check(&trie->edges);
    while ((node = index_table_next(&trie->edges, &cursor)) != NULL) {
        ASSERT(!is_any(node));
        roots += node->parent == NULL;
        for (; node != NULL; node = node->any) {
            ASSERT(is_useful(node)); /* (2) */
            ASSERT(node->any == NULL || node->any->parent == node);
            nodes++;
            literals += node->literals_count;
            entries += (node->here != NULL) + (node->tail != NULL);
        }
    }
    ASSERT(nodes == trie->nodes_count);
    ASSERT(literals + roots == index_table_count(&trie->edges));
    ASSERT(entries == entries_count);
}
