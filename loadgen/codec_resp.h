/*
 * codec_resp.h - the client's side of Redis' publish/subscribe, over RESP2.
 *
 *   AUTH ──▶ +OK      SUBSCRIBE ──▶ [subscribe, channel, 1]      PING ──▶ [pong, ""]
 *   PUBLISH ──▶ :receivers                                       PING ──▶ +PONG (not subscribed)
 *   deliveries: [message, channel, payload], [pmessage, pattern, channel, payload]
 *
 * Threads:     constant.
 * Limits:      a line, a channel and a pattern have at most CODEC_RESP_LINE_MAX bytes, a payload
 *              CODEC_RESP_PAYLOAD_MAX.
 * Beware:      a subject with wildcards becomes a pattern, and Redis' star also matches dots: `a.*`
 *              receives a.b.c as well.
 */
#ifndef RINGHUB_LOADGEN_CODEC_RESP_H
#define RINGHUB_LOADGEN_CODEC_RESP_H

#include "loadgen/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CODEC_RESP_LINE_MAX = 16 * 1024, CODEC_RESP_PAYLOAD_MAX = 64 * 1024 * 1024 };

extern const struct codec_protocol codec_resp;

#ifdef __cplusplus
}
#endif
#endif
