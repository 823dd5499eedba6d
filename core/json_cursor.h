/*
 * json_cursor.h - walks a JSON text that is known to be well-formed.
 *
 *     json_enter(&c);                          at '{'
 *     for (bool first = true; json_next(&c, &first);) {
 *         struct bytes key = json_key(&c);     what stands between the quotes, as written
 *         struct bytes value = json_take(&c);  the value's whole text
 *     }
 *
 * Threads:     plain functions over borrowed bytes.
 * Beware:      only for what json_check found valid: it looks at nothing twice and trusts it all.
 */
#ifndef RINGHUB_CORE_JSON_CURSOR_H
#define RINGHUB_CORE_JSON_CURSOR_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct json_cursor json_cursor_of(struct bytes text)
{
    struct json_cursor c;
    c.at = text.ptr;
    c.end = text.ptr + text.size;
    return c;
}

static inline void json_space(struct json_cursor *c)
{
    while (c->at < c->end &&
           (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t')) {
        c->at++;
    }
}

/* Steps over '{' or '['. */
static inline void json_enter(struct json_cursor *c)
{
    c->at++;
}

/* To the next element or key; false: the bracket was closed and stepped over. */
bool json_next(struct json_cursor *c, bool *first);

/* At a key: takes it and the colon; the cursor is at the value. */
struct bytes json_key(struct json_cursor *c);

/* At a value: takes it whole. */
struct bytes json_take(struct json_cursor *c);

/* Between the quotes of a string's text. */
static inline struct bytes json_inside(struct bytes string)
{
    return bytes_of(string.ptr + 1, string.size - 2);
}

/* Are arrays and objects more than so many inside one another? A scalar: 0. In json_depth.c. */
bool json_is_deeper(struct bytes text, uint32_t most);

/* What a string means, from what stands between its quotes; to has room for raw.size bytes. */
size_t json_unescape(struct bytes raw, uint8_t *to);
/* Does the string between quotes mean name? */
bool json_means(struct bytes raw, struct bytes name);

/* Four hexadecimal digits; false: they are not. */
bool json_hex4(const uint8_t *at, uint32_t *value);

/* Without white space, each string in its shortest spelling, so that who looks at the bytes sees
 * what a reader will: "\u0061\/" becomes "a/". to has room for text.size bytes. */
size_t json_minify(struct bytes text, uint8_t *to);

#ifdef __cplusplus
}
#endif
#endif
