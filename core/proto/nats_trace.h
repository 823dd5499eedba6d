/*
 * nats_trace.h - what clients say, as lines of the log: nats-server's "<<- [PUB orders 5]".
 *
 * Only where the log is to trace. A verb that is parsed again after a pause is written down once. Of a
 * payload the beginning is shown; of CONNECT what it turns on and who it says it is, never a password,
 * token, key or signature. What the hub says is traced by hub_log.c.
 *
 * Threads:     the hub's.
 */
#ifndef RINGHUB_CORE_PROTO_NATS_TRACE_H
#define RINGHUB_CORE_PROTO_NATS_TRACE_H

#include "core/proto/nats.h"
#include "core/proto/nats_connect.h"
#include "core/proto/nats_parse.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All verbs but CONNECT. */
void nats_trace_verb(const struct hub *hub, struct nats_client *client,
                     const struct nats_verb *verb);
void nats_trace_connect(const struct hub *hub, struct nats_client *client,
                        const struct nats_connect *options);

#ifdef __cplusplus
}
#endif
#endif
