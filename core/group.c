/* group.c - small lists; a pattern with many layouts gets a table. */
#include "core/group.h"

#include "core/planted.h"

enum {
    LAYOUTS_LISTED_MAX = 8, /* with more audiences than this, layouts are found by hash */
};

static uint64_t layout_hash(struct layout layout, uint64_t key)
{
    return hash_bytes(layout.sid, key + layout.headers);
}

static struct entry_more *more_take(struct entry *entry)
{
    if (entry->more == NULL) {
        entry->more = memory_alloc(sizeof(struct entry_more));
    }
    return entry->more;
}

static void more_give(struct entry *entry)
{
    if (entry->more->groups == NULL && entry->more->layouts.count == 0) {
        memory_free(entry->more);
        entry->more = NULL;
    }
}

/* More than are listed? */
static bool has_many_audiences(const struct entry *entry)
{
    uint32_t count = 0;
    for (const struct audience *a = entry->audiences; a != NULL; a = a->next) {
        if (++count > LAYOUTS_LISTED_MAX) {
            return true;
        }
    }
    return false;
}

static void layouts_add(struct entry *entry, struct audience *audience, uint64_t key)
{
    table_add(&more_take(entry)->layouts, audience, layout_hash(audience_layout(audience), key));
}

static bool is_layout(const void *item, const void *name)
{
    const struct audience *audience = item;
    const struct layout *layout = name;
    return !audience->alone &&
           (audience->headers == layout->headers || PLANTED(PLANTED_LAYOUTS_MIXED)) &&
           bytes_equal(bytes_of(audience->sid, audience->sid_size), layout->sid);
}

struct audience *entry_find(const struct entry *entry, struct layout layout, uint64_t key)
{
    if (entry_layouts(entry) > 0) {
        return table_find(&entry->more->layouts, layout_hash(layout, key), is_layout, &layout);
    }
    for (struct audience *a = entry->audiences; a != NULL; a = a->next) {
        if (is_layout(a, &layout)) {
            return a;
        }
    }
    return NULL;
}

void entry_link(struct entry *entry, struct audience *audience, uint64_t key)
{
    audience->entry = entry;
    audience->next = entry->audiences;
    audience->link = &entry->audiences;
    if (audience->next != NULL) {
        audience->next->link = &audience->next;
    }
    entry->audiences = audience;
    if (entry_layouts(entry) > 0) {
        layouts_add(entry, audience, key);
    } else if (has_many_audiences(entry)) {
        for (struct audience *a = entry->audiences; a != NULL; a = a->next) {
            layouts_add(entry, a, key);
        }
    }
}

void entry_unlink(struct audience *audience, uint64_t key)
{
    struct entry *entry = audience->entry;
    if (entry_layouts(entry) > 0) {
        table_remove(&entry->more->layouts, audience, layout_hash(audience_layout(audience), key));
        more_give(entry);
    }
    *audience->link = audience->next;
    if (audience->next != NULL) {
        audience->next->link = audience->link;
    }
    audience->link = NULL;
    audience->next = NULL;
    if (audience->is_housed) {
        audience->home = &entry->base;
    }
    audience->entry = NULL;
}

struct group *entry_group_find(const struct entry *entry, struct bytes name)
{
    for (struct group *group = entry_groups(entry); group != NULL; group = group->next) {
        if (bytes_equal(group_name(group), name)) {
            return group;
        }
    }
    return NULL;
}

struct group *entry_group_take(struct entry *entry, struct bytes name)
{
    struct group *group = entry_group_find(entry, name);
    if (group == NULL) {
        group = memory_alloc(sizeof(struct group) + name.size);
        group->entry = entry;
        struct entry_more *more = more_take(entry);
        group->next = more->groups;
        group->name_size = (uint16_t)name.size;
        memcpy(group->name, name.ptr, name.size);
        more->groups = group;
    }
    return group;
}

void group_add(struct group *group, struct sub *sub)
{
    if (group->members_count == group->members_capacity) {
        group->members_capacity = MAX_OF(4u, group->members_capacity * 2);
        group->members = memory_resize(group->members, group->members_capacity * sizeof(sub));
    }
    sub->audience->in_group = true;
    sub->audience->group = group;
    sub->audience->group_member = group->members_count;
    group->members[group->members_count++] = sub;
}

static void place_clear(struct audience *audience)
{
    audience->in_group = false;
    audience->next = NULL;
    audience->link = NULL;
}

void group_hand_over(struct audience *old, struct sub *sub)
{
    ASSERT(old->in_group);
    sub->audience->in_group = true;
    sub->audience->group = old->group;
    sub->audience->group_member = old->group_member;
    place_clear(old);
}

static void group_free(struct group *group)
{
    struct entry *entry = group->entry;
    struct group **link = &entry->more->groups;
    while (*link != group) {
        link = &(*link)->next;
    }
    *link = group->next;
    memory_free(group->members);
    memory_free(group);
    more_give(entry);
}

void group_remove(struct sub *sub)
{
    struct audience *audience = sub->audience;
    struct group *group = audience->group;
    ASSERT(audience->in_group);
    struct sub *last = group->members[--group->members_count];
    group->members[audience->group_member] = last;
    last->audience->group_member = audience->group_member;
    place_clear(audience);
    if (group->members_count == 0) {
        group_free(group);
    }
}
