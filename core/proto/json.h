/*
 * json.h - is this the JSON that Go's decoder accepts, in a form that cJSON reads the same way?
 *
 * cJSON is laxer than Go (numbers, control characters, trailing bytes), stricter (lone surrogates,
 * 1,000 levels, numbers of more than 63 characters) and ends a string at \u0000. json_prepare makes
 * up for each, in a copy of the same size:
 *
 *   lone surrogate, \u0000           \ufffd (Go does the same with the first)
 *   object or array inside the top   {} or [], so that nesting costs no stack
 *   number that is no int64          [], a type no number field takes
 *
 * Threads:     plain functions.
 * Limits:      JSON_DEPTH_MAX levels, as in Go's encoding/json.
 */
#ifndef RINGHUB_CORE_PROTO_JSON_H
#define RINGHUB_CORE_PROTO_JSON_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_DEPTH_MAX = 10000 };

/* copy has room for json.size + 1 and gets a terminating NUL. False: not JSON; copy is undefined.
 * Invalid UTF-8 inside strings is let through as it is. */
MUST_USE bool json_prepare(struct bytes json, char *copy);

/* Copies text (any bytes) with each byte that is not part of valid UTF-8 replaced by U+FFFD, as Go
 * does. out: room for 3 * text.size. Returns the bytes written. */
size_t json_clean_utf8(struct bytes text, char *out);

/* Does a member's key name this field? Compares as Go: case folded, where U+017F folds to s and
 * U+212A to k. name: lower-case ASCII. */
bool json_key_is(struct bytes key, const char *name);

#ifdef __cplusplus
}
#endif
#endif
