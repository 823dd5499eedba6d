/*
 * json.h - is a text one well-formed JSON value?
 *
 * As RFC 8259 has it, and stricter where it leaves a choice: UTF-8, no byte order mark, surrogates
 * in pairs. Numbers of any size are well-formed.
 *
 * Threads:     a checker is one worker's.
 * Memory:      simdjson's tape, about 14 bytes for each byte of the largest text seen; grows to it
 *              and stays.
 * Limits:      JSON_DEPTH_MAX arrays and objects inside one another.
 */
#ifndef RINGHUB_CORE_JSON_H
#define RINGHUB_CORE_JSON_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    JSON_DEPTH_MAX = 512,
    JSON_PADDING = 64, /* readable bytes a text needs behind it */
};

enum json_verdict { JSON_VALID, JSON_BROKEN, JSON_TOO_DEEP };

struct json;

struct json *json_new(void);
void json_free(struct json *json);

MUST_USE enum json_verdict json_check(struct json *json, struct bytes text);

/* The same judged byte by byte, for texts with numbers that the fast way has no type for. */
MUST_USE enum json_verdict json_grammar_check(struct bytes text);

#ifdef __cplusplus
}
#endif
#endif
