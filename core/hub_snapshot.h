/*
 * hub_snapshot.h - rows of a hub's connections and subscriptions, a few a turn.
 *
 * Threads:     the hub's owner.
 * Memory:      the rows are copies, see core/snapshot.h.
 * Limits:      budget units a call: a session costs SNAPSHOT_SESSION_UNITS, a subscription one. Who
 *              comes or goes between two calls may be missed; whoever stays is seen once. The sums
 *              of a session whose subscriptions change while they are walked may be off by those.
 */
#ifndef RINGHUB_CORE_HUB_SNAPSHOT_H
#define RINGHUB_CORE_HUB_SNAPSHOT_H

#include "core/hub.h"
#include "core/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SNAPSHOT_SESSION_UNITS = 4, SNAPSHOT_TURN_UNITS = 512 };

/* The front-end's part: views borrowed until the session changes. */
typedef void (*snapshot_describe)(const struct session *session, struct snapshot_client *client);

/* CONNECTIONS and SUBSCRIPTIONS. True: done. */
MUST_USE bool hub_snapshot_step(struct hub *hub, struct snapshot *snapshot,
                                snapshot_describe describe, uint32_t budget);

/* A session that is going, for the ring of closed ones. */
void hub_snapshot_closed(const struct hub *hub, const struct session *session,
                         snapshot_describe describe, struct snapshot_row *row);

#ifdef __cplusplus
}
#endif
#endif
