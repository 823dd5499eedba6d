/*
 * audience.h - who receives identical bytes?
 *
 *   entry (one pattern) ──▶ audience (one layout) ──▶ members: [ multi … | solo … ]
 *                                   └─ stream: rendered once (two members or more)
 *
 * A member is *solo* when this is its session's only subscription: then the session is one cursor
 * into the stream, and while it keeps up ("in step") a delivery does not touch the session at all.
 * A member is *multi* when its session hears other audiences too: then its extents are kept in
 * arrival order in the session's pending list.
 *
 * An audience of one renders nothing ahead: its messages stay runs until they are sent. An audience
 * is *alone* when it must stay one: no-echo sessions, UNSUB with a maximum, members of a queue group,
 * a policy for subscribers that are behind, subscriptions that may not hear everything they match
 * (watched).
 *
 * Threads:     owner worker only.
 * Memory:      the audience owns what makes it a crowd, once it is shared; subs belong to their
 *              session. An audience without members lives on while pending entries refer to it
 *              (refs). It lies in its entry's room where that has some, so that a message to a subject
 *              that one hears finds both on one page; that memory outlives the entry if it has to.
 * Invariants:  (1) members[0, multi_count) are multi, the rest solo. (2) member.sub->member is its
 *              index. (3) an audience that is not shared has at most one member, and an alone one is
 *              not shared. Once shared it stays so. A watched one is alone.
 */
#ifndef RINGHUB_CORE_AUDIENCE_H
#define RINGHUB_CORE_AUDIENCE_H

#include "core/bytes.h"
#include "core/frame.h"
#include "core/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

struct audience;
struct entry;
struct group;
struct index;
struct index_entry;

/* One subscription of one session. */
struct sub {
    struct audience *audience;
    uint32_t slot;           /* of its session */
    uint32_t member;         /* index among the audience's members */
    uint64_t delivered_base; /* audience->delivered - delivered_base: deliveries since SUB */
    uint32_t max;            /* UNSUB's maximum; 0: none */
    uint16_t lane;           /* of its session's terms; 0: the ordinary policy */
};

enum { MEMBER_IN_STEP = 1 };

struct member {
    struct sub *sub;
    uint32_t slot;
    uint32_t flags;
};

/* Of an audience that is shared. */
struct crowd {
    struct stream stream;
    struct member *members; /* members_count of them */
    uint32_t members_count;
    uint32_t capacity;
    uint32_t multi_count;
};

struct audience {
    union {
        struct { /* of a plain subscription */
            union {
                struct audience *next;    /* among the entry's */
                struct index_entry *home; /* is_housed, in no entry */
            };
            struct audience **link;
        };
        struct { /* in_group */
            struct group *group;
            uint32_t group_member; /* index of its only member among the group's */
        };
    };
    struct entry *entry; /* NULL: detached, or in a group */
    union {
        struct sub *only;    /* its member, if it has one */
        struct crowd *crowd; /* is_shared */
    };
    uint64_t delivered;       /* messages handed to each member since the audience was made */
    uint64_t delivered_bytes; /* their headers and bodies */
    uint32_t refs;            /* pending entries that render by this layout */
    uint16_t sid_size;
    uint16_t slot_low; /* of the only member's session, see audience_slot */
    uint8_t slot_high;
    bool headers : 1;
    bool alone : 1;
    bool is_shared : 1;
    bool dirty : 1; /* rendered since the last flush: on the hub's list */
    bool in_group : 1;
    bool is_housed : 1; /* in the room of the entry that it was made for */
    bool watched : 1;   /* alone; what its session's grant allows is asked for each message */
    uint8_t sid[];
};

static inline struct layout audience_layout(const struct audience *audience)
{
    struct layout layout;
    layout.sid = bytes_of(audience->sid, audience->sid_size);
    layout.headers = audience->headers;
    return layout;
}

/* For a set of audiences, told by the sum of their marks. */
static inline uint32_t audience_mark(const struct audience *audience)
{
    return (uint32_t)((uintptr_t)audience / 16 * 0x9E3779B97F4A7C15u >> 32);
}

enum { AUDIENCE_SLOT_BITS = 24 };

/* Of one that is not shared and has a member: its session, without a look at the sub. */
static inline uint32_t audience_slot(const struct audience *audience)
{
    return (uint32_t)audience->slot_high << 16 | audience->slot_low;
}

static inline bool audience_is_shared(const struct audience *audience)
{
    return audience->is_shared;
}

static inline uint32_t audience_members_count(const struct audience *audience)
{
    return audience->is_shared ? audience->crowd->members_count : audience->only != NULL;
}

/* Of a shared audience. */
static inline struct stream *audience_stream(const struct audience *audience)
{
    ASSERT_SLOW(audience->is_shared);
    return &audience->crowd->stream;
}

/* Of a shared audience. */
static inline struct member *audience_members(const struct audience *audience)
{
    ASSERT_SLOW(audience->is_shared);
    return audience->crowd->members;
}

static inline uint32_t audience_multi_count(const struct audience *audience)
{
    return audience->is_shared ? audience->crowd->multi_count : 0;
}

/* NULL: a plain subscription. */
static inline struct group *sub_group(const struct sub *sub)
{
    return sub->audience->in_group ? sub->audience->group : NULL;
}

/* Deliveries a subscription has had. */
static inline uint64_t sub_delivered(const struct sub *sub)
{
    return sub->audience->delivered - sub->delivered_base;
}

/* Header and body bytes of them: exact for who was its audience's member from the start, else as
 * many as its messages had on average. */
static inline uint64_t sub_delivered_bytes(const struct sub *sub)
{
    const struct audience *audience = sub->audience;
    uint64_t delivered = sub_delivered(sub);
    if (delivered == audience->delivered || audience->delivered == 0) {
        return audience->delivered_bytes;
    }
    return (uint64_t)((double)audience->delivered_bytes * (double)delivered /
                      (double)audience->delivered);
}

/* What it needs without a crowd. */
static inline size_t audience_bytes_alone(size_t sid_size)
{
    return offsetof(struct audience, sid) + sid_size;
}

struct audience *audience_new(struct bytes sid, bool headers, bool alone);

/* The same, in a room of audience_bytes_alone that was taken of home, and is given with it. */
struct audience *audience_new_in(struct index_entry *home, void *room, struct bytes sid,
                                 bool headers, bool alone);

/* Adds as solo; sets sub->audience and sub->member. The second member needs audience_share first. */
void audience_add(struct audience *audience, struct sub *sub);
void audience_remove(struct audience *audience, struct sub *sub);
/* Moves a member of a shared audience between the two parts. */
void audience_set_multi(struct audience *audience, struct sub *sub, bool multi);

/* Of a shared audience. */
static inline struct member *audience_member(const struct sub *sub)
{
    return &audience_members(sub->audience)[sub->member];
}

/* Gives the audience, which has one member or none, a stream, empty. */
void audience_share(struct audience *audience);

/* Frees an audience that has no member, no reference, and is neither in an entry nor dirty. Returns
 * the bytes it took, 0 if it lives on. Its stream must hold no cursor. index: its entry's. */
size_t audience_release(struct audience *audience, struct chunk_pool *pool, struct index *index);

/* Bytes it takes, stream included. Not rendered bytes, and not by what the member array has grown: a
 * member's share of that is its subscription's. */
size_t audience_bytes(const struct audience *audience);

void audience_check(const struct audience *audience);

#ifdef __cplusplus
}
#endif
#endif
