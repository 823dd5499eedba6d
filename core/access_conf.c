/* access_conf.c - blocks to users and permits, every complaint with its place. */
#include "core/access_conf.h"

#include <stdio.h>

enum { SECRET_MAX = 1024 };

#define YEAR_NS (365ull * 24 * 3600 * 1000000000ull)

#define USER        "user|username"
#define PASS        "password|pass"
#define PERMISSIONS "permissions|permission|authorization"
#define TYPES       "allowed_connection_types|connection_types|clients"
#define DEFAULTS    "default_permissions|default_permission|permissions"
#define PUBLISH     "publish|pub|import"
#define SUBSCRIBE   "subscribe|sub|export"
#define RESPONSES   "allow_responses|publish_allow_responses"
#define MAX         "max|max_msgs|max_messages|max_responses"
#define EXPIRES     "expires|expiration|ttl"

/* ---- permissions ----------------------------------------------------------------------------- */

typedef bool (*permit_add)(struct permit *permit, struct bytes text);

static bool add_subject(const struct conf_value *value, struct permit *permit, permit_add add,
                        struct conf_error *error)
{
    struct bytes text;
    if (!conf_string(value, &text, error)) {
        return false;
    }
    if (!add(permit, text)) {
        return conf_fail(value, error,
                         "\"%.*s\" is not a subject; write tokens between dots, * for any token, > "
                         "at the end for the rest, and for subscribe a queue behind a blank",
                         (int)MIN_OF(text.size, (size_t)100), (const char *)text.ptr);
    }
    return true;
}

/* A subject or an array of them. */
static bool add_subjects(const struct conf_value *value, struct permit *permit, permit_add add,
                         struct conf_error *error)
{
    if (value->kind != CONF_ARRAY) {
        return add_subject(value, permit, add, error);
    }
    for (uint32_t i = 0; i < value->values_count; i++) {
        if (!add_subject(value->values[i], permit, add, error)) {
            return false;
        }
    }
    return true;
}

/* What is not a map is what is allowed. */
static bool read_side(const struct conf_value *value, struct permit *permit, permit_add allow,
                      permit_add deny, struct conf_error *error)
{
    if (value == NULL) {
        return true;
    }
    if (value->kind != CONF_MAP) {
        return add_subjects(value, permit, allow, error);
    }
    if (!conf_check_keys(value, "allow|deny", error)) {
        return false;
    }
    const struct conf_value *allowed = conf_get(value, "allow");
    const struct conf_value *denied = conf_get(value, "deny");
    return (allowed == NULL || add_subjects(allowed, permit, allow, error)) &&
           (denied == NULL || add_subjects(denied, permit, deny, error));
}

/* 0 is the default, less is no limit. */
static bool read_expires(const struct conf_value *value, uint64_t *ns, struct conf_error *error)
{
    bool is_negative =
        (value->kind == CONF_INTEGER && value->integer < 0) ||
        (value->kind == CONF_STRING && value->string.size > 0 && value->string.ptr[0] == '-');
    if (is_negative) {
        *ns = PERMIT_NEVER_NS;
        return true;
    }
    if (value->kind == CONF_INTEGER && value->integer == 0) {
        return true;
    }
    return conf_duration(value, 0, YEAR_NS, ns, error);
}

static bool read_responses(const struct conf_value *value, struct permit *permit,
                           struct conf_error *error)
{
    if (value == NULL || (value->kind == CONF_BOOL && !value->boolean)) {
        return true;
    }
    int64_t max = PERMIT_RESPONSES_DEFAULT;
    uint64_t expires_ns = PERMIT_EXPIRES_DEFAULT_NS;
    if (value->kind != CONF_BOOL) {
        if (!conf_want(value, CONF_MAP, error) || !conf_check_keys(value, MAX "|" EXPIRES, error)) {
            return false;
        }
        const struct conf_value *asked = conf_get(value, MAX);
        if (asked != NULL && !conf_integer(asked, INT32_MIN, INT32_MAX, &max, error)) {
            return false;
        }
        asked = conf_get(value, EXPIRES);
        if (asked != NULL && !read_expires(asked, &expires_ns, error)) {
            return false;
        }
        max = max == 0 ? PERMIT_RESPONSES_DEFAULT : MAX_OF(max, (int64_t)0);
        expires_ns = expires_ns == 0 ? PERMIT_EXPIRES_DEFAULT_NS : expires_ns;
    }
    permit_respond(permit, (uint32_t)max, expires_ns);
    return true;
}

bool permit_from_conf(const struct conf_value *block, struct permit **permit,
                      struct conf_error *error)
{
    if (!conf_want(block, CONF_MAP, error) ||
        !conf_check_keys(block, PUBLISH "|" SUBSCRIBE "|" RESPONSES, error)) {
        return false;
    }
    *permit = permit_new();
    if (read_side(conf_get(block, PUBLISH), *permit, permit_publish_allow, permit_publish_deny,
                  error) &&
        read_side(conf_get(block, SUBSCRIBE), *permit, permit_subscribe_allow,
                  permit_subscribe_deny, error) &&
        read_responses(conf_get(block, RESPONSES), *permit, error)) {
        return true;
    }
    permit_free(*permit);
    return false;
}

/* ---- users ----------------------------------------------------------------------------------- */

static bool fail_hash(const struct conf_value *value, struct conf_error *error)
{
    return conf_fail(
        value, error,
        "begins as a bcrypt hash does and is none; a whole one has 60 characters, such "
        "as htpasswd -nbBC 11 makes");
}

static bool read_secret(const struct conf_value *value, char secret[SECRET_MAX],
                        struct conf_error *error)
{
    if (!conf_text(value, secret, SECRET_MAX, error)) {
        return false;
    }
    struct bytes text = bytes_text(secret);
    return !access_is_hash(text) || access_hash_is_valid(text) || fail_hash(value, error);
}

/* A user and his password, which belong together: only in a list may one have none. */
static bool read_user(const struct conf_value *block, struct access *access,
                      struct access_user **user, bool is_listed, struct conf_error *error)
{
    const struct conf_value *name = conf_get(block, USER);
    const struct conf_value *pass = conf_get(block, PASS);
    char name_text[SECRET_MAX];
    char pass_text[SECRET_MAX] = "";
    if (name == NULL || (pass == NULL && !is_listed)) {
        return conf_fail(name == NULL ? pass : name, error,
                         "a user and a password belong together; give both");
    }
    if (!conf_text(name, name_text, sizeof(name_text), error) ||
        (pass != NULL && !read_secret(pass, pass_text, error))) {
        return false;
    }
    if (pass == NULL) {
        conf_warn(name, "the user \"%.100s\" has no password: whoever knows the name is let in",
                  name_text);
    }
    *user = access_add_user(access, bytes_text(name_text), bytes_text(pass_text));
    return *user != NULL || conf_fail(name, error, "there is a user of this name already");
}

static bool read_nkey(const struct conf_value *value, struct access *access,
                      struct access_user **user, struct conf_error *error)
{
    struct bytes text;
    uint8_t key[NKEY_KEY_SIZE];
    if (!conf_string(value, &text, error)) {
        return false;
    }
    if (!nkey_decode(NKEY_USER, text, key)) {
        return conf_fail(value, error,
                         "is not the public key of a user; it has 56 letters, and U is the first");
    }
    *user = access_add_nkey(access, text);
    return *user != NULL || conf_fail(value, error, "there is a user with this key already");
}

/* Users of other kinds of connection only cannot come here. */
static bool read_types(const struct conf_value *value, struct access_user *user,
                       struct conf_error *error)
{
    static const char names[] = "STANDARD|WEBSOCKET|LEAFNODE|LEAFNODE_WS|MQTT|MQTT_WS|IN_PROCESS";
    if (value == NULL) {
        return true;
    }
    if (!conf_want(value, CONF_ARRAY, error)) {
        return false;
    }
    bool is_standard = value->values_count == 0;
    for (uint32_t i = 0; i < value->values_count; i++) {
        size_t chosen;
        if (!conf_choice(value->values[i], names, &chosen, error)) {
            return false;
        }
        is_standard |= chosen == 0;
    }
    user->is_elsewhere = !is_standard;
    return true;
}

static bool read_permissions(const struct conf_value *block, struct access *access,
                             struct access_user *user, struct conf_error *error)
{
    struct permit *permit;
    if (block == NULL) {
        return true;
    }
    if (!permit_from_conf(block, &permit, error)) {
        return false;
    }
    access_set_permit(access, user, permit);
    return true;
}

static bool read_entry(const struct conf_value *entry, struct access *access,
                       struct conf_error *error)
{
    if (!conf_want(entry, CONF_MAP, error) ||
        !conf_check_keys(entry, "nkey|" USER "|" PASS "|" PERMISSIONS "|" TYPES, error)) {
        return false;
    }
    const struct conf_value *nkey = conf_get(entry, "nkey");
    bool has_user = conf_get(entry, USER) != NULL || conf_get(entry, PASS) != NULL;
    struct access_user *user = NULL;
    if (nkey == NULL && !has_user) {
        return conf_fail(entry, error, "a user needs a name and a password, or an nkey");
    }
    if (nkey != NULL && has_user) {
        return conf_fail(nkey, error,
                         "an nkey user has neither name nor password; use one of them");
    }
    if (nkey != NULL ? !read_nkey(nkey, access, &user, error)
                     : !read_user(entry, access, &user, true, error)) {
        return false;
    }
    ASSERT(user != NULL);
    return read_permissions(conf_get(entry, PERMISSIONS), access, user, error) &&
           read_types(conf_get(entry, TYPES), user, error);
}

static bool read_users(const struct conf_value *users, struct access *access,
                       struct conf_error *error)
{
    if (!conf_want(users, CONF_ARRAY, error)) {
        return false;
    }
    for (uint32_t i = 0; i < users->values_count; i++) {
        if (!read_entry(users->values[i], access, error)) {
            return false;
        }
    }
    return true;
}

/* ---- the block ------------------------------------------------------------------------------- */

static bool read_token(const struct conf_value *token, struct access *access,
                       struct conf_error *error)
{
    char text[SECRET_MAX];
    if (!read_secret(token, text, error)) {
        return false;
    }
    const struct access_user *user = access_add_token(access, bytes_text(text));
    ASSERT(user != NULL);
    return true;
}

static bool read_block(const struct conf_value *block, struct access *access,
                       struct conf_error *error)
{
    const struct conf_value *token = conf_get(block, "token");
    const struct conf_value *users = conf_get(block, "users");
    bool has_user = conf_get(block, USER) != NULL || conf_get(block, PASS) != NULL;
    struct access_user *user;
    if (token != NULL && (has_user || users != NULL)) {
        return conf_fail(token, error, "a token and users cannot both be given; use one of them");
    }
    if (has_user && users != NULL) {
        return conf_fail(users, error,
                         "users and a single user cannot both be given; put him among the users");
    }
    if ((token != NULL && !read_token(token, access, error)) ||
        (has_user && !read_user(block, access, &user, false, error)) ||
        (users != NULL && !read_users(users, access, error))) {
        return false;
    }
    const struct conf_value *timeout = conf_get(block, "timeout");
    uint64_t timeout_ns = ACCESS_TIMEOUT_DEFAULT_NS;
    if (timeout != NULL && !conf_seconds(timeout, 1000000, YEAR_NS, &timeout_ns, error)) {
        return false;
    }
    access_set_timeout(access, timeout_ns);
    const struct conf_value *defaults = conf_get(block, DEFAULTS);
    struct permit *permit;
    if (defaults == NULL) {
        return true;
    }
    if (!permit_from_conf(defaults, &permit, error)) {
        return false;
    }
    access_set_default_permit(access, permit);
    return true;
}

bool access_from_conf(const struct conf_value *block, struct access **result,
                      struct conf_error *error)
{
    *result = NULL;
    if (!conf_want(block, CONF_MAP, error) ||
        !conf_check_keys(block, USER "|" PASS "|token|users|timeout|" DEFAULTS, error)) {
        return false;
    }
    struct access *access = access_new();
    bool is_good = read_block(block, access, error);
    if (!is_good || access_users_count(access) == 0) {
        access_unref(access);
        return is_good;
    }
    *result = access;
    return true;
}

bool access_no_auth_from_conf(const struct conf_value *value, struct access *access,
                              struct conf_error *error)
{
    struct bytes name;
    if (!conf_string(value, &name, error)) {
        return false;
    }
    if (access == NULL || !access_set_no_auth_user(access, name)) {
        return conf_fail(value, error, "\"%.*s\" is not among the users of authorization",
                         (int)MIN_OF(name.size, (size_t)100), (const char *)name.ptr);
    }
    return true;
}

/* ---- options --------------------------------------------------------------------------------- */

static bool access_from_options(const struct config *config, struct access **access,
                                struct conf_error *error)
{
    bool has_user = config->user[0] != '\0';
    struct bytes secret = bytes_text(has_user ? config->pass : config->token);
    *access = access_new();
    const struct access_user *user =
        has_user ? access_add_user(*access, bytes_text(config->user), secret)
                 : access_add_token(*access, secret);
    if (user == NULL) {
        access_unref(*access);
        *access = NULL;
        snprintf(error->text, sizeof(error->text),
                 "%s: it begins as a bcrypt hash does and is none; a whole one has 60 characters, "
                 "such as htpasswd -nbBC 11 makes",
                 has_user ? "--pass" : "--auth");
        return false;
    }
    return true;
}

static bool access_from_file(const struct conf *file, struct access **access,
                             struct conf_error *error)
{
    const struct conf_value *block = conf_get(conf_root(file), "authorization");
    const struct conf_value *no_auth = conf_get(conf_root(file), "no_auth_user");
    if (block != NULL && !access_from_conf(block, access, error)) {
        return false;
    }
    if (no_auth != NULL && !access_no_auth_from_conf(no_auth, *access, error)) {
        access_unref(*access);
        *access = NULL;
        return false;
    }
    return true;
}

bool access_make(const struct config *config, const struct conf *file, struct access **access,
                 struct conf_error *error)
{
    *access = NULL;
    bool has_options = config->user[0] != '\0' || config->token[0] != '\0';
    bool is_good = has_options    ? access_from_options(config, access, error)
                   : file != NULL ? access_from_file(file, access, error)
                                  : true;
    if (!is_good || !config_validate_open(config, *access != NULL, error)) {
        access_unref(*access);
        *access = NULL;
        return false;
    }
    return true;
}
