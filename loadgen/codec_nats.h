/*
 * codec_nats.h - the client's side of the NATS protocol: INFO, MSG, HMSG, PING, PONG, +OK, -ERR.
 *
 * Threads:     constant.
 * Limits:      a control line has at most CODEC_NATS_LINE_MAX bytes (INFO is the long one), a
 *              payload CODEC_NATS_PAYLOAD_MAX.
 */
#ifndef RINGHUB_LOADGEN_CODEC_NATS_H
#define RINGHUB_LOADGEN_CODEC_NATS_H

#include "loadgen/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CODEC_NATS_LINE_MAX = 64 * 1024, CODEC_NATS_PAYLOAD_MAX = 64 * 1024 * 1024 };

extern const struct codec_protocol codec_nats;

#ifdef __cplusplus
}
#endif
#endif
