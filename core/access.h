/*
 * access.h - who may connect, and what may they do then?
 *
 *   CONNECT's credentials ──access_ask──▶ refused | granted: this user
 *                                         | to be proved: bcrypt or Ed25519, which cost too much for
 *                                           a worker (proof.h)
 *
 * A hub without authorization has no struct access at all.
 *
 * Threads:     built by one; then immutable and shared by all, with a count.
 * Memory:      owns users, their texts and permits; the last access_unref frees it.
 * Limits:      none of its own; the configuration file's size bounds it.
 * Beware:      whether a user exists can be told by the time an answer takes where its password is
 *              a bcrypt hash, as with nats-server.
 */
#ifndef RINGHUB_CORE_ACCESS_H
#define RINGHUB_CORE_ACCESS_H

#include "core/nkey.h"
#include "core/permit.h"
#include "core/table.h"
#include "core/usage.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ACCESS_TIMEOUT_DEFAULT_NS 2000000000ull

enum access_kind {
    ACCESS_USER,  /* user and password */
    ACCESS_TOKEN, /* one secret for all; it has no name */
    ACCESS_NKEY,  /* signs the nonce; its name is the key's text */
};

struct access_user {
    struct bytes name;   /* empty for ACCESS_TOKEN */
    struct bytes secret; /* password or token, or the bcrypt hash of it; ACCESS_NKEY: empty */
    const struct permit *permit; /* NULL: may do everything; owned by the access */
    struct usage *usage;         /* what his clients take together; a reference, never NULL */
    uint8_t key[NKEY_KEY_SIZE];  /* ACCESS_NKEY */
    uint8_t kind;                /* enum access_kind */
    bool is_hashed;              /* secret is a bcrypt hash */
    bool is_elsewhere;           /* allowed_connection_types leaves this kind of connection out */
};

struct access;

/* One reference, the caller's. Nobody may connect. */
struct access *access_new(void);
struct access *access_ref(const struct access *access);
/* NULL is fine. */
void access_unref(const struct access *access);

/* ---- building: before it is shared ----------------------------------------------------------- */

/* NULL: there is one of this name, or the hash is not one of bcrypt's. */
MUST_USE struct access_user *access_add_user(struct access *access, struct bytes name,
                                             struct bytes secret);
/* NULL: the hash is not one of bcrypt's. At most one token. */
MUST_USE struct access_user *access_add_token(struct access *access, struct bytes secret);
/* NULL: there is one of this name, or it is not the public key of a user. */
MUST_USE struct access_user *access_add_nkey(struct access *access, struct bytes text);
/* The permit is the access's from now on. Users without one may do everything. */
void access_set_permit(struct access *access, struct access_user *user, struct permit *permit);
/* Of all users that have none; may be left out. */
void access_set_default_permit(struct access *access, struct permit *permit);
/* Who brings no credentials is this user. False: there is none of this name. */
MUST_USE bool access_set_no_auth_user(struct access *access, struct bytes name);
void access_set_timeout(struct access *access, uint64_t timeout_ns);
/* Who is in both takes on what he took under the old one (NULL: there was none), whatever else
 * changed about him. */
void access_keep_usage(struct access *access, const struct access *old);

/* Looks like a bcrypt hash ("$2a$10$…"); then it is one or the configuration is wrong. */
bool access_is_hash(struct bytes secret);
/* Is it a whole one, of a cost that is possible? */
bool access_hash_is_valid(struct bytes hash);

/* ---- asking ---------------------------------------------------------------------------------- */

/* From connecting to credentials that are good. */
uint64_t access_timeout_ns(const struct access *access);
/* NULL: there is none. */
const struct access_user *access_no_auth_user(const struct access *access);
bool access_has_nkeys(const struct access *access);
/* A secret stands in the configuration as it is. */
bool access_has_plain_secrets(const struct access *access);
uint32_t access_users_count(const struct access *access);

/* What CONNECT brought; empty: not given. */
struct credentials {
    struct bytes user;
    struct bytes pass;
    struct bytes token;
    struct bytes nkey;
    struct bytes sig;
};

enum access_answer {
    ACCESS_REFUSED,
    ACCESS_GRANTED,
    ACCESS_TO_PROVE, /* user->kind ACCESS_NKEY: sig over the nonce by key; else: the secret's hash */
};

/* user: whose the credentials are or claim to be; NULL when it is nobody's. */
MUST_USE enum access_answer access_ask(const struct access *access,
                                       const struct credentials *credentials,
                                       const struct access_user **user);

/* By its name; NULL: there is none. */
const struct access_user *access_find(const struct access *access, enum access_kind kind,
                                      struct bytes name);
/* The same user in another access: same kind, name and secret. NULL: it is gone. */
const struct access_user *access_same(const struct access *access, const struct access_user *user);

/* Do both let in the same people to do the same? NULL: no authorization. */
bool access_equal(const struct access *one, const struct access *other);

/* Every byte of both is looked at, whatever they are. */
bool access_secret_equal(struct bytes one, struct bytes other);

#ifdef __cplusplus
}
#endif
#endif
