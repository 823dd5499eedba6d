/*
 * nats_access.h - who a client is, and what it is told when it may not.
 *
 *   INFO with a nonce ─▶ CONNECT with credentials ──nats_login──▶ is a user | -ERR, closed
 *                                                     └─▶ a helper looks; CONNECT is parsed again
 *
 * Until then only CONNECT is understood, and for so long as the access allows.
 *
 * Threads:     the hub's.
 */
#ifndef RINGHUB_CORE_PROTO_NATS_ACCESS_H
#define RINGHUB_CORE_PROTO_NATS_ACCESS_H

#include "core/hub.h"
#include "core/proto/nats_connect.h"
#include "core/proto/nats_parse.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nats;

/* Must whoever connects say who he is? */
bool nats_requires_login(const struct hub *hub);
/* What it is to sign; empty: nobody signs. */
struct bytes nats_nonce(const struct hub *hub, const struct session *session);

/* Nothing but CONNECT may come from it. */
static inline bool nats_awaits_login(const struct session *session)
{
    return session->grant != NULL && session->grant->user == NULL;
}

/* A session was opened: it waits for its login, or is no_auth_user. */
void nats_access_open(struct hub *hub, struct session *session);

enum nats_login {
    NATS_LOGIN_DONE,
    NATS_LOGIN_REFUSED, /* it was told, and is closed */
    NATS_LOGIN_WAITS,   /* its input does, in front of CONNECT */
};
MUST_USE enum nats_login nats_login(struct hub *hub, struct session *session,
                                    const struct nats_connect *options);

/* Of a session with a grant. GRANT_NO: it was told. */
MUST_USE enum grant_answer nats_may_publish(struct hub *hub, struct session *session,
                                            struct bytes subject);
/* False: it was told. */
MUST_USE bool nats_may_subscribe(struct hub *hub, struct session *session,
                                 const struct nats_verb *verb);

/* The hub asks another access from now on (NULL: none). Whoever is no user of it is closed;
 * subscriptions that are no longer allowed go; each is told. */
void nats_set_access(struct hub *hub, const struct access *access);

#ifdef __cplusplus
}
#endif
#endif
