/*
 * group.h - what hangs on one pattern: its audiences and its queue groups.
 *
 *   index ──pattern──▶ entry ──▶ audience ▶ audience …      (plain subscriptions)
 *                        └─────▶ group ▶ group …            (queue groups: name, member subs)
 *
 * Threads:     owner worker only.
 * Memory:      the entry is the index's; groups are owned by the entry. Audiences are linked.
 * Invariants:  (1) an entry with neither audience nor group does not exist, nor an entry_more with
 *              neither group nor layout. (2) group->members[i]
 *              ->audience->group_member is i.
 */
#ifndef RINGHUB_CORE_GROUP_H
#define RINGHUB_CORE_GROUP_H

#include "core/audience.h"
#include "core/index.h"
#include "core/table.h"

#ifdef __cplusplus
extern "C" {
#endif

struct group {
    struct group *next;
    struct entry *entry;
    struct sub **members;
    uint32_t members_count;
    uint32_t members_capacity;
    uint16_t name_size;
    uint8_t name[];
};

/* What few patterns have: queue groups, many layouts. */
struct entry_more {
    struct group *groups;
    struct table layouts; /* audiences by layout */
};

struct entry {
    struct index_entry base; /* first */
    struct audience *audiences;
    struct entry_more *more; /* NULL: nothing of that */
};

static inline bool entry_is_empty(const struct entry *entry)
{
    return entry->audiences == NULL && entry->more == NULL;
}

static inline struct group *entry_groups(const struct entry *entry)
{
    return entry->more != NULL ? entry->more->groups : NULL;
}

/* Audiences in the table of layouts: all, or none while they are few. */
static inline uint32_t entry_layouts(const struct entry *entry)
{
    return entry->more != NULL ? entry->more->layouts.count : 0;
}

static inline struct bytes group_name(const struct group *group)
{
    return bytes_of(group->name, group->name_size);
}

/* What a group takes, its members' places not. */
static inline size_t group_bytes(const struct group *group)
{
    return sizeof(struct entry_more) + sizeof(*group) + group->name_size;
}

/* The shareable audience of a layout, or NULL. */
struct audience *entry_find(const struct entry *entry, struct layout layout, uint64_t key);
void entry_link(struct entry *entry, struct audience *audience, uint64_t key);
void entry_unlink(struct audience *audience, uint64_t key);

/* NULL: no such group. */
struct group *entry_group_find(const struct entry *entry, struct bytes name);
struct group *entry_group_take(struct entry *entry, struct bytes name);
void group_add(struct group *group, struct sub *sub);
/* The member was given another audience: its place in the group moves there from the old one. */
void group_hand_over(struct audience *old, struct sub *sub);
/* Frees the group with its last member. */
void group_remove(struct sub *sub);

#ifdef __cplusplus
}
#endif
#endif
