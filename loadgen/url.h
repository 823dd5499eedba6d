/*
 * url.h - which server, and as whom? SCHEME://[USER:PASSWORD@]HOST[:PORT], taken apart.
 *
 *     nats://me:p%40ss@[::1]:4333/
 *     ──┬─   ─┬ ──┬───  ─┬─  ─┬──
 *    protocol │   │    host  port, else the protocol's
 *           user  password: p@ss
 *
 * User and password are RFC 3986's userinfo: letters, digits and -._~!$&'()*+,;= stand for themselves,
 * every other byte is written %XX. The first colon ends the user; the password may have more of them.
 *
 * Threads:     pure.
 * Memory:      values.
 * Limits:      host, user and password below URL_TEXT_MAX bytes, once decoded; none of them holds a
 *              NUL, %00 is refused.
 */
#ifndef RINGHUB_LOADGEN_URL_H
#define RINGHUB_LOADGEN_URL_H

#include "loadgen/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { URL_TEXT_MAX = CODEC_LOGIN_TEXT_MAX };

struct url {
    const struct codec_protocol *protocol;
    char user[URL_TEXT_MAX]; /* empty: none; as password */
    char password[URL_TEXT_MAX];
    char host[URL_TEXT_MAX];
    char port[8];
};

/* NULL, or a sentence that says what is wrong. */
MUST_USE const char *url_parse(struct url *url, const char *text);

/* The same server without the credentials, for people to read. */
void url_print(const struct url *url, char *text, size_t text_bytes);

#ifdef __cplusplus
}
#endif
#endif
