/*
 * nats_describe.h - what monitoring may know of a NATS client: never a password, token or signature.
 *
 * Threads:     the owner of the session.
 * Memory:      the views borrow from the client until it says something new.
 */
#ifndef RINGHUB_CORE_PROTO_NATS_DESCRIBE_H
#define RINGHUB_CORE_PROTO_NATS_DESCRIBE_H

#include "core/proto/nats.h"
#include "core/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A snapshot_describe. */
void nats_describe(const struct session *session, struct snapshot_client *client);

#ifdef __cplusplus
}
#endif
#endif
