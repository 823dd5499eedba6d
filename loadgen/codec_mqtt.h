/*
 * codec_mqtt.h - the client's side of MQTT 3.1.1 at QoS 0.
 *
 *   CONNECT ──▶ CONNACK     SUBSCRIBE ──▶ SUBACK     PINGREQ ──▶ PINGRESP     PUBLISH both ways
 *
 *   packet: type and flags (1 byte), length of the rest (1 to 4 bytes, 7 bits each, low first), rest
 *
 * A subject is written as a topic: `.` becomes `/`, `*` becomes `+`, `>` becomes `#`.
 *
 * Threads:     constant.
 * Limits:      a packet has at most CODEC_MQTT_REST_MAX bytes behind its length.
 * Beware:      the standard lets a server answer PINGREQ before SUBSCRIBE, so a subscription counts
 *              only with its SUBACK.
 */
#ifndef RINGHUB_LOADGEN_CODEC_MQTT_H
#define RINGHUB_LOADGEN_CODEC_MQTT_H

#include "loadgen/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CODEC_MQTT_REST_MAX = 64 * 1024 * 1024 };

extern const struct codec_protocol codec_mqtt;

#ifdef __cplusplus
}
#endif
#endif
