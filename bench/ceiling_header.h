/*
 * ceiling_header.h - the header line of the last PUB and what it becomes. Publishers repeat themselves.
 *
 * Threads:     one owner each.
 */
#ifndef RINGHUB_BENCH_CEILING_HEADER_H
#define RINGHUB_BENCH_CEILING_HEADER_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CEILING_LINE_BYTES_MAX = 4096,
    CEILING_PAYLOAD_MAX = 1024 * 1024,
};

struct header {
    uint8_t pub[CEILING_LINE_BYTES_MAX];
    size_t pub_bytes; /* 0: none was seen yet */
    char msg[CEILING_LINE_BYTES_MAX + 32];
    size_t msg_bytes;
    size_t payload_bytes;
};

/* Remembers a PUB line, its end included, and renders the MSG line for sid 1. False: it is another one
 * than PUB subject size, or the payload is larger than CEILING_PAYLOAD_MAX. line_bytes at most
 * CEILING_LINE_BYTES_MAX. */
MUST_USE bool header_learn(struct header *header, const uint8_t *line, size_t line_bytes);

#ifdef __cplusplus
}
#endif
#endif
