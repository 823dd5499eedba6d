/* audience.c - the member array, partitioned by swapping. */
#include "core/audience.h"

#include "core/index.h"

enum { MEMBERS_FIRST = 4 };

static struct audience *begin(void *zeroed, struct bytes sid, bool headers, bool alone)
{
    struct audience *audience = zeroed;
    audience->headers = headers;
    audience->alone = alone;
    audience->sid_size = (uint16_t)sid.size;
    memcpy(audience->sid, sid.ptr, sid.size);
    return audience;
}

struct audience *audience_new(struct bytes sid, bool headers, bool alone)
{
    return begin(memory_alloc(audience_bytes_alone(sid.size)), sid, headers, alone);
}

struct audience *audience_new_in(struct index_entry *home, void *room, struct bytes sid,
                                 bool headers, bool alone)
{
    struct audience *audience = begin(room, sid, headers, alone);
    audience->is_housed = true;
    audience->home = home;
    return audience;
}

static void member_put(struct crowd *crowd, uint32_t at, struct member member)
{
    crowd->members[at] = member;
    member.sub->member = at;
}

static void members_resize(struct crowd *crowd, uint32_t capacity)
{
    crowd->members = memory_resize(crowd->members, capacity * sizeof(struct member));
    crowd->capacity = capacity;
}

void audience_add(struct audience *audience, struct sub *sub)
{
    sub->audience = audience;
    if (!audience->is_shared) {
        ASSERT(audience->only == NULL);
        ASSERT(sub->slot >> AUDIENCE_SLOT_BITS == 0);
        audience->only = sub;
        audience->slot_low = (uint16_t)sub->slot;
        audience->slot_high = (uint8_t)(sub->slot >> 16);
        sub->member = 0;
        return;
    }
    struct crowd *crowd = audience->crowd;
    if (crowd->members_count == crowd->capacity) {
        members_resize(crowd, crowd->capacity * 2);
    }
    member_put(crowd, crowd->members_count,
               (struct member){.sub = sub, .slot = sub->slot, .flags = 0});
    crowd->members_count++;
}

static void swap(struct crowd *crowd, uint32_t a, uint32_t b)
{
    struct member kept = crowd->members[a];
    member_put(crowd, a, crowd->members[b]);
    member_put(crowd, b, kept);
}

void audience_set_multi(struct audience *audience, struct sub *sub, bool multi)
{
    ASSERT(audience->is_shared);
    struct crowd *crowd = audience->crowd;
    bool is_multi = sub->member < crowd->multi_count;
    if (multi && !is_multi) {
        swap(crowd, sub->member, crowd->multi_count);
        crowd->multi_count++;
    } else if (!multi && is_multi) {
        crowd->multi_count--;
        swap(crowd, sub->member, crowd->multi_count);
    }
}

void audience_remove(struct audience *audience, struct sub *sub)
{
    ASSERT(audience_members_count(audience) > 0);
    if (!audience->is_shared) {
        ASSERT(audience->only == sub);
        audience->only = NULL;
        return;
    }
    audience_set_multi(audience, sub, false);
    struct crowd *crowd = audience->crowd;
    crowd->members_count--;
    if (sub->member != crowd->members_count) {
        swap(crowd, sub->member, crowd->members_count);
    }
    if (crowd->capacity > MEMBERS_FIRST && crowd->members_count < crowd->capacity / 4) {
        members_resize(crowd, crowd->capacity / 2);
    }
}

void audience_share(struct audience *audience)
{
    ASSERT(!audience->alone);
    ASSERT(!audience->is_shared);
    struct sub *only = audience->only;
    audience->crowd = memory_alloc(sizeof(struct crowd));
    audience->is_shared = true;
    stream_init(&audience->crowd->stream);
    members_resize(audience->crowd, MEMBERS_FIRST);
    if (only != NULL) {
        audience->crowd->members_count = 1;
        member_put(audience->crowd, 0, (struct member){.sub = only, .slot = only->slot});
    }
}

size_t audience_release(struct audience *audience, struct chunk_pool *pool, struct index *index)
{
    if (audience_members_count(audience) > 0 || audience->refs > 0 || audience->in_group ||
        audience->link != NULL || audience->dirty) {
        return 0;
    }
    size_t bytes = audience_bytes(audience);
    if (audience->is_shared) {
        stream_free(&audience->crowd->stream, pool);
        memory_free(audience->crowd->members);
        memory_free(audience->crowd);
    }
    if (audience->is_housed) {
        index_room_give(index, audience->home);
    } else {
        memory_free(audience);
    }
    return bytes;
}

size_t audience_bytes(const struct audience *audience)
{
    return audience_bytes_alone(audience->sid_size) +
           (audience->is_shared ? sizeof(struct crowd) + MEMBERS_FIRST * sizeof(struct member) : 0);
}

void audience_check(const struct audience *audience)
{
    if (!audience->is_shared) {
        ASSERT(audience->only == NULL || audience->only->audience == audience);
        ASSERT(audience->only == NULL || audience->only->member == 0);
        ASSERT(audience->only == NULL || audience->only->slot == audience_slot(audience));
        return;
    }
    ASSERT(!audience->alone);
    uint32_t count = audience->crowd->members_count;
    ASSERT(audience->crowd->multi_count <= count);
    ASSERT(count <= audience->crowd->capacity);
    const struct member *members = audience_members(audience);
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(members[i].sub->member == i);
        ASSERT(members[i].sub->audience == audience);
        ASSERT(members[i].sub->slot == members[i].slot);
    }
    stream_check(audience_stream(audience));
}
