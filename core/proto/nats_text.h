/*
 * nats_text.h - names and payloads quoted as Go's %q does, for violations and for the log.
 *
 * Threads:     pure.
 */
#ifndef RINGHUB_CORE_PROTO_NATS_TEXT_H
#define RINGHUB_CORE_PROTO_NATS_TEXT_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most that quoting makes of size bytes, its quotes included. */
static inline size_t nats_quoted_max(size_t size)
{
    return 4 * size + 2;
}

/* Writes name in double quotes; returns the bytes written, at most nats_quoted_max. */
size_t nats_quote(uint8_t *to, struct bytes name);

/* For a line of the log: quoted, and cut where it is longer. */
enum { NATS_QUOTED_MAX = 100 };
struct nats_quoted {
    char text[4 * NATS_QUOTED_MAX + 6];
};
const char *nats_quoted(struct nats_quoted *to, struct bytes name);

#ifdef __cplusplus
}
#endif
#endif
