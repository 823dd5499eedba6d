/*
 * nats_connect.h - what did the client ask for in CONNECT?
 *
 * The JSON overlays what is already there, as Go's decoder does for nats-server: keys in any case,
 * the last of several counts, null and unknown keys change nothing, a wrong type is an error.
 *
 * Threads:     a value belongs to one session.
 * Memory:      owns its strings (one allocation each, together no longer than the control line);
 *              nats_connect_free gives them back. Not on the message path: it allocates.
 * Limits:      the JSON's size is bounded by the caller (max_control_line). Nesting costs no stack.
 */
#ifndef RINGHUB_CORE_PROTO_NATS_CONNECT_H
#define RINGHUB_CORE_PROTO_NATS_CONNECT_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Strings are UTF-8 (invalid bytes became U+FFFD), not terminated, without NUL. Empty: not given.
 */
struct nats_connect {
    bool verbose;
    bool pedantic;
    bool echo;
    bool headers;
    bool no_responders;
    bool tls_required;
    bool new_account; /* obsolete, refused like account */
    int64_t protocol; /* any number the client sent; 0 and 1 are the valid ones */
    struct bytes user;
    struct bytes pass;
    struct bytes auth_token;
    struct bytes nkey;
    struct bytes sig;
    struct bytes jwt;
    struct bytes name;
    struct bytes lang;
    struct bytes version;
    struct bytes account;
};

/* What holds before any CONNECT: verbose, pedantic and echo on, all else off or empty. */
void nats_connect_init(struct nats_connect *options);
void nats_connect_free(struct nats_connect *options);

/* Overlays the argument of CONNECT. False, with options unchanged: not what Go's decoder accepts;
 * the connection closes without an -ERR. */
MUST_USE bool nats_connect_parse(struct nats_connect *options, struct bytes json);

/* Would nats-server accept this argument of an INFO that a client sends? Its content is ignored. */
MUST_USE bool nats_connect_check_info(struct bytes json);

#ifdef __cplusplus
}
#endif
#endif
