/*
 * responder.h - sends every request back to who asked, as it came.
 *
 * Where the protocol has no reply subject, our own header in the payload says whose request it is.
 *
 * Threads:     owner driver only; no state but the client's outbox.
 */
#ifndef RINGHUB_LOADGEN_RESPONDER_H
#define RINGHUB_LOADGEN_RESPONDER_H

#include "loadgen/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes one read; the answers are in the client's outbox, as much as the kernel takes is sent.
 * Returns CLIENT_REFUSED when the server complained, then event holds the text; CLIENT_NOTHING
 * else. */
MUST_USE enum client_news responder_take(struct client *client, const struct course *course,
                                         struct bytes bytes, struct codec_event *event);

#ifdef __cplusplus
}
#endif
#endif
