/*
 * monitor_body.h - the text of an answer while it is being written, and values as JSON spells them.
 *
 * Threads:     the monitoring thread.
 * Memory:      a body owns its text until body_take.
 * Limits:      BODY_BYTES_MAX; what would go beyond it is left out, and is_full says so.
 */
#ifndef RINGHUB_IO_MONITOR_BODY_H
#define RINGHUB_IO_MONITOR_BODY_H

#include "core/bytes.h"

#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BODY_BYTES_MAX = 64 << 20, TIME_TEXT_MAX = 48 };

struct body {
    char *text; /* not terminated */
    size_t size;
    size_t capacity;
    bool is_full;
};

void body_free(struct body *body);
void body_append(struct body *body, const char *text, size_t size);
void body_printf(struct body *body, const char *format, ...) PRINTF(2, 3);

/* A whole document; takes value's reference. */
void body_json(struct body *body, json_t *value);
/* One element of an array that is written piece by piece: is_first without a comma. */
void body_json_element(struct body *body, json_t *value, bool is_first);
/* "{" and an object's members, open for more. */
void body_json_open(struct body *body, json_t *object);

/* Any bytes: what is no UTF-8 becomes U+FFFD. */
json_t *json_of_bytes(struct bytes text);
json_t *json_of_text(const char *text);
json_t *json_of(uint64_t number);

/* RFC 3339 with nanoseconds, UTC, as Go prints it: without zeros at the end. */
json_t *json_of_time(uint64_t wall_ns);
/* "1y2d3h4m5s", as uptime and idle are written. */
json_t *json_of_uptime(uint64_t ns);
/* A Go duration: "504µs", "1.422287ms", "2m3.5s". */
json_t *json_of_duration(uint64_t ns);

#ifdef __cplusplus
}
#endif
#endif
