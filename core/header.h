/*
 * header.h - the headers of a message: a block "NATS/1.0\r\nName: value\r\n…\r\n\r\n" line by line.
 *
 * Threads:     pure functions over borrowed bytes.
 * Beware:      publishers may send any bytes as a block; ask header_valid first. Names are compared
 *              without regard to case.
 */
#ifndef RINGHUB_CORE_HEADER_H
#define RINGHUB_CORE_HEADER_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HEADER_VERSION "NATS/1.0"

struct header_line {
    struct bytes whole; /* with its CRLF */
    struct bytes name;
    struct bytes value; /* without blanks around it */
};

/* A first line that begins with the version, lines with a colon behind a name, an empty line. */
bool header_valid(struct bytes block);

/* Lines one after another: *at is 0 at first. */
bool header_next(struct bytes block, size_t *at, struct header_line *line);

/* The first line, with its CRLF. */
struct bytes header_first(struct bytes block);

bool header_named(const struct header_line *line, struct bytes name);

/* May it be the name of a header, or its value? */
bool header_name_valid(struct bytes name);
bool header_value_valid(struct bytes value);

#ifdef __cplusplus
}
#endif
#endif
