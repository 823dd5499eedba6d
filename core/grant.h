/*
 * grant.h - what one session may do, and what it must remember for that.
 *
 *   (connects) ─▶ waits ──grant_bind──▶ is a user ──grant_bind──▶ is another (CONNECT again, reload)
 *
 * A session of a hub without authorization has none, and is asked nothing.
 *
 * Threads:     owner worker only.
 * Memory:      owned by its session. The user is borrowed from the hub's access, so that a hub that
 *              gets another access binds all its sessions anew.
 * Limits:      GRANT_CACHE_BYTES of answers, GRANT_RESPONSES_BYTES of replies that may be answered:
 *              then the oldest is forgotten, and its answer refused.
 */
#ifndef RINGHUB_CORE_GRANT_H
#define RINGHUB_CORE_GRANT_H

#include "core/access.h"
#include "core/list.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    GRANT_CACHE_ENTRIES = 8,
    GRANT_CACHE_SUBJECT_MAX = 62, /* longer ones are looked up every time */
    GRANT_CACHE_BYTES = GRANT_CACHE_ENTRIES * (GRANT_CACHE_SUBJECT_MAX + 2),
    GRANT_RESPONSES_BYTES = 64 * 1024,
};

/* Of credentials that a helper looks at. */
enum grant_proof {
    PROOF_NONE,
    PROOF_WAITS, /* for a place */
    PROOF_TURN,  /* has a place, and is to ask again */
    PROOF_ASKED,
    PROOF_PASSED,
    PROOF_FAILED,
};

struct fair_source;

struct grant {
    const struct access_user *user; /* NULL: not authenticated yet */
    struct grant_cache *cache;      /* of publish answers; NULL: not needed yet */
    struct responses *responses;    /* NULL: none heard */
    struct usage *usage;            /* its user's: a reference and a place; NULL: takes none yet */
    struct fair_source *waits_in;   /* PROOF_WAITS: see fair.h */
    uint64_t source;                /* since it asked: a hash of the address it comes from */
    uint8_t proof;                  /* enum grant_proof */
    bool is_implied;                /* no_auth_user, and no credentials were shown */
    bool has_complained;            /* its first violation is in the log */
    char nonce[NKEY_NONCE_SIZE];
};

struct grant *grant_new(void);
/* NULL is fine. */
void grant_free(struct grant *grant);

/* It is this user from now on; NULL: nobody. Its place of another is given back. */
void grant_bind(struct grant *grant, const struct access_user *user);
/* Takes a place of the user's, for the one it has if it has one; false: there are `most` already
 * (0: no limit), and all is as it was. */
MUST_USE bool grant_join(struct grant *grant, const struct access_user *user, uint32_t most);

enum grant_answer {
    GRANT_NO,
    GRANT_YES,
    GRANT_RESPONSE, /* because it heard a message with this reply; grant_responded uses it up */
};

MUST_USE enum grant_answer grant_may_publish(struct grant *grant, struct bytes subject,
                                             uint64_t now_ns);
void grant_responded(struct grant *grant, struct bytes subject);

bool grant_may_subscribe(const struct grant *grant, struct bytes subject, struct bytes queue);
/* Must what a subscription to this pattern is handed be looked at, message by message? */
bool grant_watches(const struct grant *grant, struct bytes pattern);
bool grant_may_hear(const struct grant *grant, struct bytes subject);
/* It was handed a message with a reply. most: bytes that what it may answer may take, at most
 * GRANT_RESPONSES_BYTES. */
void grant_heard(struct grant *grant, struct bytes reply, uint64_t now_ns, size_t most);
/* What they take now. */
size_t grant_responses_bytes(const struct grant *grant);
bool grant_responds(const struct grant *grant);

/* What it takes, the struct included. */
size_t grant_bytes(const struct grant *grant);

/* A reply it may answer, for a session on the move. */
struct response_view {
    struct bytes subject; /* borrowed */
    uint64_t heard_ns;
    uint32_t used;
};
/* One by one, oldest first: *cursor starts NULL; false ends it. */
bool grant_response_next(const struct grant *grant, const void **cursor,
                         struct response_view *view);
void grant_response_put(struct grant *grant, const struct response_view *view);

#ifdef __cplusplus
}
#endif
#endif
