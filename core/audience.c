/* audience.c - the member array, partitioned by swapping. */
#include "core/audience.h"

struct audience *audience_new(struct bytes sid, bool headers, bool alone)
{
    struct audience *audience = memory_alloc(offsetof(struct audience, sid) + sid.size);
    audience->headers = headers;
    audience->alone = alone;
    audience->sid_size = (uint16_t)sid.size;
    memcpy(audience->sid, sid.ptr, sid.size);
    return audience;
}

static void member_put(struct audience *audience, uint32_t at, struct member member)
{
    audience_members(audience)[at] = member;
    member.sub->member = at;
}

static void reserve_one(struct audience *audience)
{
    if (audience->members_capacity == 0) {
        if (audience->members_count == 0) {
            return;
        }
        struct member only = audience->one;
        audience->many = memory_resize(NULL, 4 * sizeof(struct member));
        audience->many[0] = only;
        audience->members_capacity = 4;
    } else if (audience->members_count == audience->members_capacity) {
        audience->members_capacity *= 2;
        audience->many =
            memory_resize(audience->many, audience->members_capacity * sizeof(struct member));
    }
}

void audience_add(struct audience *audience, struct sub *sub, bool multi)
{
    ASSERT(!audience->alone || audience->members_count == 0);
    reserve_one(audience);
    sub->audience = audience;
    member_put(audience, audience->members_count,
               (struct member){.sub = sub, .slot = sub->slot, .flags = 0});
    audience->members_count++;
    if (multi) {
        audience_set_multi(audience, sub, true);
    }
}

static void swap(struct audience *audience, uint32_t a, uint32_t b)
{
    struct member *members = audience_members(audience);
    struct member kept = members[a];
    member_put(audience, a, members[b]);
    member_put(audience, b, kept);
}

void audience_set_multi(struct audience *audience, struct sub *sub, bool multi)
{
    bool is_multi = sub->member < audience->multi_count;
    if (multi && !is_multi) {
        swap(audience, sub->member, audience->multi_count);
        audience->multi_count++;
    } else if (!multi && is_multi) {
        audience->multi_count--;
        swap(audience, sub->member, audience->multi_count);
    }
}

static void shrink(struct audience *audience)
{
    if (audience->members_capacity == 0) {
        return;
    }
    if (audience->members_count <= 1) {
        struct member *many = audience->many;
        struct member last = many[0];
        memory_free(many);
        audience->members_capacity = 0;
        audience->one = last;
    } else if (audience->members_capacity > 4 &&
               audience->members_count < audience->members_capacity / 4) {
        audience->members_capacity /= 2;
        audience->many =
            memory_resize(audience->many, audience->members_capacity * sizeof(struct member));
    }
}

void audience_remove(struct audience *audience, struct sub *sub)
{
    ASSERT(audience->members_count > 0);
    audience_set_multi(audience, sub, false);
    audience->members_count--;
    if (sub->member != audience->members_count) {
        swap(audience, sub->member, audience->members_count);
    }
    shrink(audience);
}

void audience_share(struct audience *audience)
{
    ASSERT(!audience->alone);
    ASSERT(audience->stream == NULL);
    audience->stream = memory_alloc(sizeof(struct stream));
    stream_init(audience->stream);
}

size_t audience_release(struct audience *audience, struct chunk_pool *pool)
{
    if (audience->members_count > 0 || audience->refs > 0 || audience->in_group ||
        audience->link != NULL || audience->dirty) {
        return 0;
    }
    size_t bytes = audience_bytes(audience);
    if (audience->stream != NULL) {
        stream_free(audience->stream, pool);
        memory_free(audience->stream);
    }
    ASSERT(audience->members_capacity == 0);
    memory_free(audience);
    return bytes;
}

size_t audience_bytes(const struct audience *audience)
{
    return offsetof(struct audience, sid) + audience->sid_size +
           audience->members_capacity * sizeof(struct member) +
           (audience->stream != NULL ? sizeof(struct stream) : 0);
}

void audience_check(struct audience *audience)
{
    ASSERT(audience->multi_count <= audience->members_count);
    ASSERT(!audience->alone || (audience->members_count <= 1 && audience->stream == NULL));
    struct member *members = audience_members(audience);
    for (uint32_t i = 0; i < audience->members_count; i++) {
        ASSERT(members[i].sub->member == i);
        ASSERT(members[i].sub->audience == audience);
        ASSERT(members[i].sub->slot == members[i].slot);
    }
    if (audience->stream != NULL) {
        stream_check(audience->stream);
    }
}
