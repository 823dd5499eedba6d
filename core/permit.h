/*
 * permit.h - what may be published, and what may be subscribed to and heard?
 *
 *   publish, subscribe:  in allow (or no allow given)  and not in deny
 *
 * The answers are nats-server's: a pattern that is subscribed to is looked up as if it were a
 * subject. So "foo.*" allows the pattern "foo.>". What it then hears is another question, and
 * answered for each message (permit_watches says for which patterns that is necessary): nothing is
 * heard that is denied or not allowed.
 *
 * Threads:     built by one; from then on read by any.
 * Memory:      owns its patterns.
 */
#ifndef RINGHUB_CORE_PERMIT_H
#define RINGHUB_CORE_PERMIT_H

#include "core/patterns.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PERMIT_NEVER_NS UINT64_MAX

enum { PERMIT_RESPONSES_DEFAULT = 1 };
#define PERMIT_EXPIRES_DEFAULT_NS (120ull * 1000000000ull)

/* NULL: not given. An allow without patterns allows nothing. */
struct permit_side {
    struct patterns *allow;
    struct patterns *deny;
};

struct permit {
    struct permit_side publish;
    struct permit_side subscribe;
    /* Whoever hears a message with a reply may answer it, whatever publish says. */
    bool responds;
    uint32_t responses_max;       /* to one reply; 0: as many as it likes */
    uint64_t response_expires_ns; /* since it was heard; PERMIT_NEVER_NS */
};

/* Everything is allowed. */
struct permit *permit_new(void);
/* NULL is fine. */
void permit_free(struct permit *permit);

/* Adds to one of the lists, making it. False: see patterns_add; or a queue in a publish list. */
MUST_USE bool permit_publish_allow(struct permit *permit, struct bytes pattern);
MUST_USE bool permit_publish_deny(struct permit *permit, struct bytes pattern);
MUST_USE bool permit_subscribe_allow(struct permit *permit, struct bytes text);
MUST_USE bool permit_subscribe_deny(struct permit *permit, struct bytes text);
/* Answers are allowed from now on; without an allow list nothing else is then published. */
void permit_respond(struct permit *permit, uint32_t responses_max, uint64_t expires_ns);

/* Responses aside. */
bool permit_may_publish(const struct permit *permit, struct bytes subject);
/* queue: empty for none. */
bool permit_may_subscribe(const struct permit *permit, struct bytes subject, struct bytes queue);
/* Must what this pattern hears be looked at, message by message? */
bool permit_watches(const struct permit *permit, struct bytes pattern);
/* May a message to this subject be handed to a subscription that was allowed? */
bool permit_may_hear(const struct permit *permit, struct bytes subject);

/* Do both allow the same, word for word? NULL: everything. */
bool permit_equal(const struct permit *one, const struct permit *other);

#ifdef __cplusplus
}
#endif
#endif
