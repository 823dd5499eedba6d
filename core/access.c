/* access.c - users by name. */
#include "core/access.h"

#include "core/hash.h"

#include <sodium.h>

struct access {
    ATOMIC(uint32_t) refs;
    struct table users; /* ACCESS_USER and ACCESS_NKEY, by kind and name */
    struct access_user *token;
    const struct access_user *no_auth_user;
    struct permit **permits; /* all that are owned */
    uint32_t permits_count, permits_capacity;
    uint32_t nkeys_count;
    uint64_t timeout_ns;
    bool has_plain;
};

/* ---- life ------------------------------------------------------------------------------------ */

struct access *access_new(void)
{
    struct access *access = memory_alloc(sizeof(*access));
    atomic_store_explicit(&access->refs, 1u, memory_order_relaxed);
    access->timeout_ns = ACCESS_TIMEOUT_DEFAULT_NS;
    return access;
}

struct access *access_ref(const struct access *access)
{
    struct access *shared = (struct access *)(uintptr_t)access;
    /* Relaxed: whoever has a reference may make another. */
    atomic_fetch_add_explicit(&shared->refs, 1u, memory_order_relaxed);
    return shared;
}

static void text_free(struct bytes text)
{
    if (text.size > 0) {
        sodium_memzero((void *)(uintptr_t)text.ptr, text.size);
    }
    memory_free((void *)(uintptr_t)text.ptr);
}

static void user_free(struct access_user *user)
{
    text_free(user->name);
    text_free(user->secret);
    usage_unref(user->usage);
    memory_free(user);
}

void access_unref(const struct access *access)
{
    struct access *shared = (struct access *)(uintptr_t)access;
    /* Released by all, acquired by the last: it sees what the others did with it. */
    if (shared == NULL || atomic_fetch_sub_explicit(&shared->refs, 1u, memory_order_acq_rel) > 1) {
        return;
    }
    uint32_t cursor = 0;
    struct access_user *user;
    while ((user = table_next(&shared->users, &cursor)) != NULL) {
        user_free(user);
    }
    table_free(&shared->users);
    if (shared->token != NULL) {
        user_free(shared->token);
    }
    for (uint32_t i = 0; i < shared->permits_count; i++) {
        permit_free(shared->permits[i]);
    }
    memory_free(shared->permits);
    memory_free(shared);
}

/* ---- secrets --------------------------------------------------------------------------------- */

bool access_secret_equal(struct bytes one, struct bytes other)
{
    /* The time tells the length of what is compared with, and nothing of its bytes. */
    return one.size == other.size &&
           (one.size == 0 || sodium_memcmp(one.ptr, other.ptr, one.size) == 0);
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

bool access_is_hash(struct bytes secret)
{
    const uint8_t *s = secret.ptr;
    return secret.size >= 7 && s[0] == '$' && s[1] == '2' && s[2] != 0 &&
           strchr("abxy", s[2]) != NULL && s[3] == '$' && is_digit(s[4]) && is_digit(s[5]) &&
           s[6] == '$';
}

bool access_hash_is_valid(struct bytes hash)
{
    enum { HASH_SIZE = 60, COST_MIN = 4, COST_MAX = 31 };
    if (!access_is_hash(hash) || hash.size != HASH_SIZE) {
        return false;
    }
    int cost = (hash.ptr[4] - '0') * 10 + (hash.ptr[5] - '0');
    for (size_t i = 7; i < hash.size; i++) {
        uint8_t c = hash.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !is_digit(c) && c != '.' && c != '/') {
            return false;
        }
    }
    return cost >= COST_MIN && cost <= COST_MAX;
}

/* ---- building -------------------------------------------------------------------------------- */

struct name {
    enum access_kind kind;
    struct bytes text;
};

static uint64_t user_hash(const void *item)
{
    const struct access_user *user = item;
    return hash_bytes(user->name, user->kind);
}

static bool is_user(const void *item, const void *name)
{
    const struct access_user *user = item;
    const struct name *wanted = name;
    return user->kind == wanted->kind && bytes_equal(user->name, wanted->text);
}

static struct access_user *find(const struct access *access, enum access_kind kind,
                                struct bytes text)
{
    struct name name = {.kind = kind, .text = text};
    return table_find(&access->users, hash_bytes(text, kind), is_user, &name);
}

static struct bytes copy_of(struct bytes text)
{
    if (text.size == 0) {
        return (struct bytes){0};
    }
    uint8_t *copy = memory_alloc(text.size);
    memcpy(copy, text.ptr, text.size);
    return bytes_of(copy, text.size);
}

static struct access_user *user_new(struct access *access, enum access_kind kind, struct bytes name,
                                    struct bytes secret)
{
    bool is_hashed = access_is_hash(secret);
    if (is_hashed && !access_hash_is_valid(secret)) {
        return NULL;
    }
    struct access_user *user = memory_alloc(sizeof(*user));
    user->kind = (uint8_t)kind;
    user->is_hashed = is_hashed;
    user->name = copy_of(name);
    user->secret = copy_of(secret);
    user->usage = usage_new();
    access->has_plain |= kind != ACCESS_NKEY && !is_hashed;
    return user;
}

struct access_user *access_add_user(struct access *access, struct bytes name, struct bytes secret)
{
    if (find(access, ACCESS_USER, name) != NULL) {
        return NULL;
    }
    struct access_user *user = user_new(access, ACCESS_USER, name, secret);
    if (user != NULL) {
        table_add(&access->users, user, user_hash(user));
    }
    return user;
}

struct access_user *access_add_token(struct access *access, struct bytes secret)
{
    ASSERT(access->token == NULL);
    access->token = user_new(access, ACCESS_TOKEN, (struct bytes){0}, secret);
    return access->token;
}

struct access_user *access_add_nkey(struct access *access, struct bytes text)
{
    uint8_t key[NKEY_KEY_SIZE];
    if (!nkey_decode(NKEY_USER, text, key) || find(access, ACCESS_NKEY, text) != NULL) {
        return NULL;
    }
    struct access_user *user = user_new(access, ACCESS_NKEY, text, (struct bytes){0});
    memcpy(user->key, key, sizeof(key));
    table_add(&access->users, user, user_hash(user));
    access->nkeys_count++;
    return user;
}

static void permit_keep(struct access *access, struct permit *permit)
{
    if (access->permits_count == access->permits_capacity) {
        access->permits_capacity = MAX_OF(4u, access->permits_capacity * 2);
        access->permits =
            memory_resize(access->permits, access->permits_capacity * sizeof(struct permit *));
    }
    access->permits[access->permits_count++] = permit;
}

void access_set_permit(struct access *access, struct access_user *user, struct permit *permit)
{
    permit_keep(access, permit);
    user->permit = permit;
}

void access_set_default_permit(struct access *access, struct permit *permit)
{
    permit_keep(access, permit);
    uint32_t cursor = 0;
    struct access_user *user;
    while ((user = table_next(&access->users, &cursor)) != NULL) {
        user->permit = user->permit == NULL ? permit : user->permit;
    }
    if (access->token != NULL && access->token->permit == NULL) {
        access->token->permit = permit;
    }
}

bool access_set_no_auth_user(struct access *access, struct bytes name)
{
    access->no_auth_user = find(access, ACCESS_USER, name);
    if (access->no_auth_user == NULL) {
        access->no_auth_user = find(access, ACCESS_NKEY, name);
    }
    return access->no_auth_user != NULL;
}

void access_set_timeout(struct access *access, uint64_t timeout_ns)
{
    access->timeout_ns = timeout_ns;
}

static void keep_usage(struct access_user *user, const struct access *old)
{
    const struct access_user *same = access_find(old, (enum access_kind)user->kind, user->name);
    if (same != NULL) {
        usage_ref(same->usage);
        usage_unref(user->usage);
        user->usage = same->usage;
    }
}

void access_keep_usage(struct access *access, const struct access *old)
{
    if (old == NULL) {
        return;
    }
    uint32_t cursor = 0;
    struct access_user *user;
    while ((user = table_next(&access->users, &cursor)) != NULL) {
        keep_usage(user, old);
    }
    if (access->token != NULL) {
        keep_usage(access->token, old);
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

uint64_t access_timeout_ns(const struct access *access)
{
    return access->timeout_ns;
}

const struct access_user *access_no_auth_user(const struct access *access)
{
    return access->no_auth_user;
}

bool access_has_nkeys(const struct access *access)
{
    return access->nkeys_count > 0;
}

bool access_has_plain_secrets(const struct access *access)
{
    return access->has_plain;
}

uint32_t access_users_count(const struct access *access)
{
    return access->users.count + (access->token != NULL);
}

static enum access_answer ask_secret(const struct access_user *user, struct bytes given)
{
    if (user->is_elsewhere) {
        return ACCESS_REFUSED;
    }
    if (user->is_hashed) {
        return ACCESS_TO_PROVE;
    }
    return access_secret_equal(user->secret, given) ? ACCESS_GRANTED : ACCESS_REFUSED;
}

enum access_answer access_ask(const struct access *access, const struct credentials *c,
                              const struct access_user **user)
{
    *user = NULL;
    bool has_nkey = c->nkey.size > 0 && access->nkeys_count > 0;
    bool has_any = c->user.size > 0 || c->pass.size > 0 || c->token.size > 0 || has_nkey;
    if (!has_any && access->no_auth_user != NULL) {
        *user = access->no_auth_user;
        return access->no_auth_user->is_elsewhere ? ACCESS_REFUSED : ACCESS_GRANTED;
    }
    if (has_nkey) {
        *user = find(access, ACCESS_NKEY, c->nkey);
        bool is_fine = *user != NULL && !(*user)->is_elsewhere && c->sig.size > 0;
        return is_fine ? ACCESS_TO_PROVE : ACCESS_REFUSED;
    }
    if (c->user.size > 0) {
        *user = find(access, ACCESS_USER, c->user);
        return *user != NULL ? ask_secret(*user, c->pass) : ACCESS_REFUSED;
    }
    if (access->token != NULL) {
        *user = access->token;
        return ask_secret(access->token, c->token);
    }
    return ACCESS_REFUSED;
}

const struct access_user *access_find(const struct access *access, enum access_kind kind,
                                      struct bytes name)
{
    return kind == ACCESS_TOKEN ? access->token : find(access, kind, name);
}

const struct access_user *access_same(const struct access *access, const struct access_user *user)
{
    const struct access_user *same = user->kind == ACCESS_TOKEN
                                         ? access->token
                                         : find(access, (enum access_kind)user->kind, user->name);
    bool is_same = same != NULL && !same->is_elsewhere && bytes_equal(same->secret, user->secret);
    return is_same ? same : NULL;
}

static bool user_equal(const struct access *access, const struct access_user *user)
{
    const struct access_user *same = user->kind == ACCESS_TOKEN
                                         ? access->token
                                         : find(access, (enum access_kind)user->kind, user->name);
    return same != NULL && same->is_elsewhere == user->is_elsewhere &&
           bytes_equal(same->secret, user->secret) && permit_equal(same->permit, user->permit);
}

static bool is_same_person(const struct access_user *one, const struct access_user *other)
{
    if (one == NULL || other == NULL) {
        return one == other;
    }
    return one->kind == other->kind && bytes_equal(one->name, other->name);
}

bool access_equal(const struct access *one, const struct access *other)
{
    if (one == NULL || other == NULL) {
        return one == other;
    }
    if (one->users.count != other->users.count || one->timeout_ns != other->timeout_ns ||
        !is_same_person(one->no_auth_user, other->no_auth_user) ||
        !is_same_person(one->token, other->token) ||
        (one->token != NULL && !user_equal(other, one->token))) {
        return false;
    }
    uint32_t cursor = 0;
    const struct access_user *user;
    while ((user = table_next(&one->users, &cursor)) != NULL) {
        if (!user_equal(other, user)) {
            return false;
        }
    }
    return true;
}
