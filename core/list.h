/*
 * list.h - an intrusive doubly linked list; the head is a node that links to itself when empty.
 *
 * Threads:     owner only.
 * Memory:      owns nothing. A node is in at most one list; an unlinked node links to itself.
 */
#ifndef RINGHUB_CORE_LIST_H
#define RINGHUB_CORE_LIST_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *node)
{
    node->next = node;
    node->prev = node;
}

static inline bool list_is_linked(const struct list *node)
{
    return node->next != node;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

/* Appends node at the end of head's list. */
static inline void list_push(struct list *head, struct list *node)
{
    ASSERT_SLOW(!list_is_linked(node));
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Safe on an unlinked node. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

static inline struct list *list_first(const struct list *head)
{
    return list_is_empty(head) ? NULL : head->next;
}

static inline struct list *list_pop(struct list *head)
{
    struct list *node = list_first(head);
    if (node != NULL) {
        list_remove(node);
    }
    return node;
}

/* The body may not remove the node it stands on; LIST_FOR_EACH_SAFE's body may. */
#define LIST_FOR_EACH(node, head)                                                                  \
    for (struct list *node = (head)->next; (node) != (head); (node) = (node)->next)
#define LIST_FOR_EACH_SAFE(node, following, head)                                                  \
    for (struct list *node = (head)->next, *following = (node)->next; (node) != (head);            \
         (node) = (following), (following) = (node)->next)

#ifdef __cplusplus
}
#endif
#endif
