/*
 * nats_save.h - a NATS client as bytes, session and all: closed here, it goes on there.
 *
 *   nats_save ▶ close the old session, keep its socket ▶ hub_session_open ▶ nats_load
 *
 * Threads:     the worker of the hub that is passed.
 * Memory:      the bytes are the caller's.
 * Limits:      the format is private to one build of this program, and says so when it differs.
 * Beware:      what others have under way to the old session is not part of it: a message in the old
 *              worker's inbox, the 503 of a message whose verdict is not home.
 */
#ifndef RINGHUB_CORE_PROTO_NATS_SAVE_H
#define RINGHUB_CORE_PROTO_NATS_SAVE_H

#include "core/proto/nats.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the bytes it takes; writes only if they fit into size. 0: the session is on its way out
 * and stays. The session is the same afterwards. */
MUST_USE size_t nats_save(struct hub *hub, struct session *session, uint8_t *to, size_t size);

/* Into a session fresh from hub_session_open, of any worker. False: the bytes are not ours, or a
 * limit is in the way; then close the session. */
MUST_USE bool nats_load(const struct nats *nats, struct hub *hub, struct session *session,
                        struct bytes from);

#ifdef __cplusplus
}
#endif
#endif
