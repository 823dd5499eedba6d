/* patterns.c - a tree of tokens for matching, a list for the rarer questions. */
#include "core/patterns.h"

#include "core/hash.h"
#include "core/subject.h"
#include "core/table.h"

struct queue_pattern {
    struct queue_pattern *next;
    struct bytes name; /* of the pattern's text */
};

/* What ends at a place: after a token, or with the tail ">" behind it. */
struct ends {
    bool plain;
    struct queue_pattern *queues;
};

struct node {
    struct bytes token;    /* of the text of the pattern that made it */
    struct table children; /* struct node, by token */
    struct node *any;      /* "*" */
    struct ends here;
    struct ends tail;
};

struct pattern {
    struct bytes text;
    struct bytes subject;
    struct bytes queue; /* empty: none */
};

struct patterns {
    struct node root;
    struct pattern *list;
    uint32_t count, capacity;
};

struct patterns *patterns_new(void)
{
    return memory_alloc(sizeof(struct patterns));
}

static void ends_free(struct ends *ends)
{
    while (ends->queues != NULL) {
        struct queue_pattern *next = ends->queues->next;
        memory_free(ends->queues);
        ends->queues = next;
    }
}

/* As deep as a pattern has tokens, which its size bounds. */
static void node_empty(struct node *node)
{
    uint32_t cursor = 0;
    struct node *child;
    while ((child = table_next(&node->children, &cursor)) != NULL) {
        node_empty(child);
        memory_free(child);
    }
    table_free(&node->children);
    if (node->any != NULL) {
        node_empty(node->any);
        memory_free(node->any);
    }
    ends_free(&node->here);
    ends_free(&node->tail);
}

void patterns_free(struct patterns *patterns)
{
    if (patterns == NULL) {
        return;
    }
    node_empty(&patterns->root);
    for (uint32_t i = 0; i < patterns->count; i++) {
        memory_free((void *)(uintptr_t)patterns->list[i].text.ptr);
    }
    memory_free(patterns->list);
    memory_free(patterns);
}

/* ---- building -------------------------------------------------------------------------------- */

static uint64_t node_hash(const void *item)
{
    return hash_bytes(((const struct node *)item)->token, 0);
}

static bool is_token(const void *item, const void *name)
{
    return bytes_equal(((const struct node *)item)->token, *(const struct bytes *)name);
}

static struct node *child_of(const struct node *node, struct bytes token)
{
    if (node->children.count == 0) {
        return NULL;
    }
    return table_find(&node->children, hash_bytes(token, 0), is_token, &token);
}

static struct node *child_take(struct node *node, struct bytes token)
{
    if (subject_is_any(token)) {
        if (node->any == NULL) {
            node->any = memory_alloc(sizeof(struct node));
        }
        return node->any;
    }
    struct node *child = child_of(node, token);
    if (child == NULL) {
        child = memory_alloc(sizeof(*child));
        child->token = token;
        table_add(&node->children, child, node_hash(child));
    }
    return child;
}

static void ends_add(struct ends *ends, struct bytes queue)
{
    if (queue.size == 0) {
        ends->plain = true;
        return;
    }
    struct queue_pattern *one = memory_alloc(sizeof(*one));
    one->next = ends->queues;
    one->name = queue;
    ends->queues = one;
}

static void tree_add(struct patterns *patterns, const struct pattern *pattern)
{
    struct node *node = &patterns->root;
    struct subject_cursor at = subject_first(pattern->subject);
    struct bytes token;
    while (subject_next(&at, &token)) {
        if (subject_is_tail(token)) {
            ends_add(&node->tail, pattern->queue);
            return;
        }
        node = child_take(node, token);
    }
    ends_add(&node->here, pattern->queue);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* The next word of the text, which becomes what is behind it. */
static struct bytes word_next(struct bytes *text)
{
    size_t start = 0;
    while (start < text->size && is_blank(text->ptr[start])) {
        start++;
    }
    size_t end = start;
    while (end < text->size && !is_blank(text->ptr[end])) {
        end++;
    }
    struct bytes word = bytes_of(text->ptr + start, end - start);
    *text = bytes_skip(*text, end);
    return word;
}

bool patterns_add(struct patterns *patterns, struct bytes text)
{
    if (text.size == 0 || text.size > PATTERNS_BYTES_MAX) {
        return false;
    }
    struct bytes rest = text;
    struct bytes subject = word_next(&rest);
    (void)word_next(&rest); /* its queue, if any */
    if (word_next(&rest).size > 0 || !subject_valid_subscription(subject)) {
        return false;
    }
    uint8_t *copy = memory_alloc(text.size);
    memcpy(copy, text.ptr, text.size);
    if (patterns->count == patterns->capacity) {
        patterns->capacity = MAX_OF(8u, patterns->capacity * 2);
        patterns->list = memory_resize(patterns->list, patterns->capacity * sizeof(struct pattern));
    }
    struct pattern *pattern = &patterns->list[patterns->count++];
    pattern->text = bytes_of(copy, text.size);
    rest = pattern->text;
    pattern->subject = word_next(&rest);
    pattern->queue = word_next(&rest);
    tree_add(patterns, pattern);
    return true;
}

uint32_t patterns_count(const struct patterns *patterns)
{
    return patterns->count;
}

struct bytes patterns_at(const struct patterns *patterns, uint32_t number)
{
    ASSERT(number < patterns->count);
    return patterns->list[number].text;
}

/* ---- matching -------------------------------------------------------------------------------- */

struct search {
    struct bytes queue;
    bool wants_queues;
    struct patterns_hit hit;
};

static void look_at_ends(const struct ends *ends, struct search *search)
{
    search->hit.plain |= ends->plain;
    if (!search->wants_queues) {
        return;
    }
    for (const struct queue_pattern *q = ends->queues; q != NULL; q = q->next) {
        search->hit.queue = true;
        search->hit.named |=
            bytes_equal(q->name, search->queue) || subject_matches(q->name, search->queue);
    }
}

static void walk(const struct node *node, struct subject_cursor at, struct search *search)
{
    struct bytes token;
    if (!subject_next(&at, &token)) {
        look_at_ends(&node->here, search);
        return;
    }
    look_at_ends(&node->tail, search);
    if (search->hit.plain && !search->wants_queues) {
        return;
    }
    const struct node *child = child_of(node, token);
    if (child != NULL) {
        walk(child, at, search);
    }
    if (node->any != NULL) {
        walk(node->any, at, search);
    }
}

bool patterns_match(const struct patterns *patterns, struct bytes subject)
{
    struct search search = {.wants_queues = false};
    if (subject_has_tokens_only(subject)) {
        walk(&patterns->root, subject_first(subject), &search);
    }
    return search.hit.plain;
}

bool patterns_match_any(const struct patterns *patterns, struct bytes subject)
{
    struct patterns_hit hit = patterns_look(patterns, subject, (struct bytes){0});
    return hit.plain || hit.queue;
}

struct patterns_hit patterns_look(const struct patterns *patterns, struct bytes subject,
                                  struct bytes queue)
{
    struct search search = {.queue = queue, .wants_queues = true};
    if (subject_has_tokens_only(subject)) {
        walk(&patterns->root, subject_first(subject), &search);
    }
    return search.hit;
}

/* ---- pattern against pattern ----------------------------------------------------------------- */

/* Is every subject that inner matches matched by outer? */
static bool covers(struct bytes outer, struct bytes inner)
{
    struct subject_cursor outer_at = subject_first(outer);
    struct subject_cursor inner_at = subject_first(inner);
    struct bytes wanted;
    struct bytes token;
    while (subject_next(&outer_at, &wanted)) {
        if (!subject_next(&inner_at, &token)) {
            return false;
        }
        if (subject_is_tail(wanted)) {
            return true;
        }
        if (subject_is_tail(token) || (!subject_is_any(wanted) && !bytes_equal(wanted, token))) {
            return false;
        }
    }
    return inner_at.done;
}

static bool overlaps(struct bytes one, struct bytes other)
{
    struct subject_cursor one_at = subject_first(one);
    struct subject_cursor other_at = subject_first(other);
    struct bytes a;
    struct bytes b;
    while (subject_next(&one_at, &a)) {
        if (!subject_next(&other_at, &b)) {
            return false;
        }
        if (subject_is_tail(a) || subject_is_tail(b)) {
            return true;
        }
        if (!subject_is_any(a) && !subject_is_any(b) && !bytes_equal(a, b)) {
            return false;
        }
    }
    return other_at.done;
}

bool patterns_cover_any(const struct patterns *patterns, struct bytes pattern)
{
    for (uint32_t i = 0; i < patterns->count; i++) {
        if (covers(patterns->list[i].subject, pattern)) {
            return true;
        }
    }
    return false;
}

bool patterns_overlap(const struct patterns *patterns, struct bytes pattern)
{
    for (uint32_t i = 0; i < patterns->count; i++) {
        if (patterns->list[i].queue.size == 0 && overlaps(patterns->list[i].subject, pattern)) {
            return true;
        }
    }
    return false;
}
