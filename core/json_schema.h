/*
 * json_schema.h - does a JSON text match a schema? A useful part of JSON Schema 2020-12.
 *
 *   type  enum  const  required  properties  additionalProperties  items  pattern
 *   minimum  maximum  exclusiveMinimum  exclusiveMaximum  minLength  maxLength
 *   minItems  maxItems  minProperties  maxProperties  and schemas that are true or false
 *
 * Annotations ($id, $comment, title, description, default, examples, deprecated, readOnly, writeOnly,
 * format) are allowed and say nothing. Any other keyword, and a $schema in which ours might mean something
 * else, is refused when the schema is compiled: a keyword that is silently ignored lets through what it
 * should keep out.
 *
 * Threads:     a compiled schema is immutable and shared.
 * Memory:      owns a copy of its text. A pattern is matched against a string's meaning, written to
 *              a buffer that the caller lends.
 * Limits:      SCHEMA_REQUIRED_MAX required names an object; JSON_DEPTH_MAX levels.
 */
#ifndef RINGHUB_CORE_JSON_SCHEMA_H
#define RINGHUB_CORE_JSON_SCHEMA_H

#include "core/json.h"
#include "core/regex.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SCHEMA_REQUIRED_MAX = 64,
    SCHEMA_ERROR_MAX = 300,
};

struct json_schema;

/* NULL: error says why, a sentence's end. */
struct json_schema *json_schema_new(struct bytes text, char error[SCHEMA_ERROR_MAX]);
void json_schema_free(struct json_schema *schema);

/* The patterns of a schema, each a set of its own, for a worker's scratch. */
struct regex_scratch *json_schema_scratch(const struct json_schema *schema,
                                          struct regex_scratch *scratch);

/* text is well-formed. NULL: it matches; else the keyword that it does not satisfy. to: room for
 * text.size bytes. */
const char *json_schema_check(const struct json_schema *schema, struct bytes text,
                              struct regex_scratch *scratch, uint8_t *to);

#ifdef __cplusplus
}
#endif
#endif
