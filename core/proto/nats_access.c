/* nats_access.c - logins, violations, and what a reload takes away. */
#include "core/proto/nats_access.h"

#include "core/proto/nats.h"
#include "core/proto/nats_text.h"
#include "core/proto/nats_words.h"

#include <stdio.h>

#define VIOLATION "Authorization Violation"
#define TIMEOUT   "Authentication Timeout"
#define TOO_MANY  "maximum account active connections exceeded"

/* ---- logins ---------------------------------------------------------------------------------- */

bool nats_requires_login(const struct hub *hub)
{
    const struct access *access = hub_access(hub);
    return access != NULL && access_no_auth_user(access) == NULL;
}

struct bytes nats_nonce(const struct hub *hub, const struct session *session)
{
    const struct access *access = hub_access(hub);
    if (access == NULL || session->grant == NULL || !access_has_nkeys(access)) {
        return (struct bytes){0};
    }
    return bytes_of(session->grant->nonce, NKEY_NONCE_SIZE);
}

static void await_login(struct hub *hub, struct session *session)
{
    hub_tick_at(hub, session, hub_now(hub) + access_timeout_ns(hub_access(hub)));
}

/* Who shows nothing is no_auth_user, if there is one. */
static void bind_implied(struct hub *hub, struct session *session)
{
    const struct access_user *user = access_no_auth_user(hub_access(hub));
    session->grant->is_implied = user != NULL;
    hub_bind(hub, session, user);
}

void nats_access_open(struct hub *hub, struct session *session)
{
    if (hub_access(hub) == NULL) {
        return;
    }
    hub_grant(hub, session);
    bind_implied(hub, session);
    if (nats_awaits_login(session)) {
        await_login(hub, session);
    }
}

static void log_refused(const struct hub *hub, struct session *session,
                        const struct credentials *shown)
{
    if (!log_wants(hub_log(hub), LOG_ERROR)) {
        return;
    }
    struct nats_quoted name;
    char more[sizeof(name.text) + 16] = "";
    if (shown->nkey.size > 0) {
        snprintf(more, sizeof(more), " - Nkey %s", nats_quoted(&name, shown->nkey));
    } else if (shown->user.size > 0) {
        snprintf(more, sizeof(more), " - User %s", nats_quoted(&name, shown->user));
    }
    hub_log_session(hub, session, LOG_ERROR, "authentication error%s", more);
}

static enum nats_login refuse(struct hub *hub, struct session *session,
                              const struct credentials *shown)
{
    log_refused(hub, session, shown);
    nats_close_saying(hub, session, VIOLATION, CLOSE_AUTHENTICATION_FAILURE);
    return NATS_LOGIN_REFUSED;
}

/* Asks a helper. */
static enum nats_login prove(struct hub *hub, struct session *session,
                             const struct credentials *shown, const struct access_user *user)
{
    const struct nats_client *client = CONTAINER_OF(session, struct nats_client, session);
    uint8_t signature[NKEY_SIGNATURE_SIZE];
    struct hub_shown ask = {.user = user,
                            .text = user->kind == ACCESS_TOKEN ? shown->token : shown->pass,
                            .address = bytes_text(client->identity)};
    if (user->kind == ACCESS_NKEY) {
        if (!nkey_signature(shown->sig, signature)) {
            return refuse(hub, session, shown); /* it cannot be a proof */
        }
        ask.text = bytes_of(session->grant->nonce, NKEY_NONCE_SIZE);
        ask.signature = signature;
    }
    if (hub_prove(hub, session, &ask)) {
        return NATS_LOGIN_WAITS;
    }
    /* Its turn would not come before its time is over. */
    nats_close_saying(hub, session, TIMEOUT, CLOSE_AUTHENTICATION_TIMEOUT);
    return NATS_LOGIN_REFUSED;
}

/* False: the user has as many connections as he may; it was told, and is closed. */
static bool take_place(struct hub *hub, struct session *session, const struct access_user *user)
{
    if (hub_join_user(hub, session, user)) {
        return true;
    }
    nats_close_saying(hub, session, TOO_MANY, CLOSE_MAX_USER);
    return false;
}

enum nats_login nats_login(struct hub *hub, struct session *session,
                           const struct nats_connect *options)
{
    struct grant *grant = session->grant;
    if (grant == NULL) {
        return NATS_LOGIN_DONE;
    }
    struct credentials shown = {.user = options->user,
                                .pass = options->pass,
                                .token = options->auth_token,
                                .nkey = options->nkey,
                                .sig = options->sig};
    const struct access_user *user;
    enum access_answer answer = access_ask(hub_access(hub), &shown, &user);
    enum grant_proof proof = (enum grant_proof)grant->proof;
    if (answer == ACCESS_TO_PROVE && proof != PROOF_PASSED && proof != PROOF_FAILED) {
        return prove(hub, session, &shown, user);
    }
    hub_prove_end(hub, session);
    if (answer == ACCESS_REFUSED || (answer == ACCESS_TO_PROVE && proof != PROOF_PASSED)) {
        return refuse(hub, session, &shown);
    }
    if (!take_place(hub, session, user)) {
        return NATS_LOGIN_REFUSED;
    }
    bool is_implied = user == access_no_auth_user(hub_access(hub)) && shown.user.size == 0 &&
                      shown.nkey.size == 0;
    if (user != grant->user) {
        /* Who was somebody else before takes nothing of that along. */
        hub_unsubscribe_all(hub, session);
    }
    grant->is_implied = is_implied;
    hub_bind(hub, session, user);
    return NATS_LOGIN_DONE;
}

/* Who was let in without a word may still say CONNECT as somebody else, so it takes a place of
 * no_auth_user's only with the first thing it does. */
static bool has_place(struct hub *hub, struct session *session)
{
    return session->grant->usage != NULL || take_place(hub, session, session->grant->user);
}

/* ---- violations ------------------------------------------------------------------------------ */

/* Only a session's first is logged: whoever publishes a million messages that are refused must not
 * fill the log with them. */
static bool is_logged(const struct hub *hub, struct session *session)
{
    if (session->grant == NULL || session->grant->has_complained ||
        !log_wants(hub_log(hub), LOG_ERROR)) {
        return false;
    }
    session->grant->has_complained = true;
    return true;
}

static void log_violation(struct hub *hub, struct session *session, const char *what,
                          struct bytes subject, struct bytes queue)
{
    if (!is_logged(hub, session)) {
        return;
    }
    struct nats_quoted user;
    struct nats_quoted name;
    struct nats_quoted group;
    char more[3 * sizeof(name.text) + 64];
    snprintf(more, sizeof(more), " Violation - User %s, Subject %s%s%s",
             nats_quoted(&user, session->grant->user->name), nats_quoted(&name, subject),
             queue.size > 0 ? ", Queue " : "", queue.size > 0 ? nats_quoted(&group, queue) : "");
    hub_log_session(hub, session, LOG_ERROR, "%s%s", what, more);
}

enum grant_answer nats_may_publish(struct hub *hub, struct session *session, struct bytes subject)
{
    if (!has_place(hub, session)) {
        return GRANT_NO;
    }
    enum grant_answer answer = hub_may_publish(hub, session, subject);
    if (answer == GRANT_NO) {
        log_violation(hub, session, "Publish", subject, (struct bytes){0});
        nats_say_violation(hub, session, "Publish to", subject, (struct bytes){0},
                           (struct bytes){0});
    }
    return answer;
}

bool nats_may_subscribe(struct hub *hub, struct session *session, const struct nats_verb *verb)
{
    if (session->grant != NULL && !has_place(hub, session)) {
        return false;
    }
    bool is_allowed =
        session->grant == NULL || grant_may_subscribe(session->grant, verb->subject, verb->queue);
    if (is_allowed && !bytes_equal(verb->queue, bytes_text("_sys_"))) {
        return true;
    }
    log_violation(hub, session, "Subscription", verb->subject, verb->queue);
    nats_say_violation(hub, session, "Subscription to", verb->subject, verb->queue,
                       (struct bytes){0});
    return false;
}

/* ---- another access -------------------------------------------------------------------------- */

/* ' (sid "1")' behind the text of a violation. */
static void say_removed(struct hub *hub, struct session *session, const struct hub_sub *sub)
{
    static const char open[] = " (sid ";
    uint8_t *rest = memory_alloc(sizeof(open) + nats_quoted_max(sub->sid.size) + 1);
    memcpy(rest, open, sizeof(open) - 1);
    size_t size = sizeof(open) - 1;
    size += nats_quote(rest + size, sub->sid);
    rest[size++] = ')';
    nats_say_violation(hub, session, "Subscription to", sub->pattern, sub->queue,
                       bytes_of(rest, size));
    memory_free(rest);
}

/* A subscription that is no longer allowed; false: there is none. */
static bool find_forbidden(const struct hub *hub, const struct session *session,
                           const struct grant *grant, struct hub_sub *sub)
{
    uint32_t cursor = 0;
    while (hub_sub_next(hub, session, &cursor, sub)) {
        if (!grant_may_subscribe(grant, sub->pattern, sub->queue)) {
            return true;
        }
    }
    return false;
}

static void bind_anew(struct hub *hub, struct session *session, const struct access_user *user)
{
    struct grant asked = {.user = user};
    struct hub_sub sub;
    while (find_forbidden(hub, session, &asked, &sub)) {
        log_violation(hub, session, "Subscription", sub.pattern, sub.queue);
        say_removed(hub, session, &sub);
        (void)hub_unsubscribe(hub, session, sub.sid, 0);
    }
    hub_bind(hub, session, user);
}

/* Nobody who is there has to go because there are too many. */
static void keep_place(struct grant *grant, const struct access_user *user)
{
    bool has_joined = grant_join(grant, user, 0);
    ASSERT(has_joined);
}

static void access_changed(struct hub *hub, struct session *session)
{
    const struct access *access = hub_access(hub);
    if (access == NULL) {
        if (nats_awaits_login(session)) {
            hub_tick_at(hub, session, hub_now(hub)); /* from here on it is pinged */
        }
        hub_ungrant(hub, session);
        return;
    }
    const struct nats_client *client = CONTAINER_OF(session, struct nats_client, session);
    const struct access_user *was = NULL;
    bool awaited = nats_awaits_login(session);
    bool is_implied = true;
    if (session->grant == NULL) {
        hub_grant(hub, session);
    } else {
        was = session->grant->user;
        is_implied = was == NULL || session->grant->is_implied;
        if (session->grant->proof == PROOF_PASSED || session->grant->proof == PROOF_FAILED) {
            hub_prove_end(hub, session);
        }
    }
    const struct access_user *user =
        is_implied ? access_no_auth_user(access) : access_same(access, was);
    session->grant->is_implied = user != NULL && is_implied;
    if (user != NULL) {
        if (client->connected || session->grant->usage != NULL || session->subs.count > 0) {
            keep_place(session->grant, user);
        }
        bind_anew(hub, session, user);
    } else if (was == NULL && !client->connected && session->subs.count == 0) {
        /* It said nothing yet: it still may say who it is. */
        if (!awaited) {
            await_login(hub, session);
        }
    } else {
        hub_bind(hub, session, NULL);
        nats_close_saying(hub, session, VIOLATION, CLOSE_AUTHENTICATION_FAILURE);
    }
}

void nats_set_access(struct hub *hub, const struct access *access)
{
    const struct access *old = hub_access(hub);
    if (old == access || access_equal(old, access)) {
        return;
    }
    /* Sessions are users of the old one until all are bound anew. */
    old = old != NULL ? access_ref(old) : NULL;
    hub_set_access(hub, access);
    uint32_t slot = 0;
    struct session *session;
    while ((session = hub_session_next(hub, &slot)) != NULL) {
        if (session->state == SESSION_OPEN) {
            access_changed(hub, session);
        } else if (session->grant != NULL) {
            hub_bind(hub, session, NULL);
        }
    }
    access_unref(old);
}
