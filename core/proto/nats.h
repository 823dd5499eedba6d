/*
 * nats.h - the NATS front-end: what a client's bytes mean, and what it is told.
 *
 *   io ──bytes──▶ nats_bytes ──verbs──▶ hub_publish, hub_subscribe … ; answers by hub_control
 *
 * Behaves as a nats-server of NATS_VERSION without authentication.
 *
 * Threads:     a struct nats is immutable once made and shared by all workers; a client belongs to
 *              its worker.
 * Memory:      a client lives in the hub's pool, its session first; owns its identity string. What a
 *              parser must remember of a verb that is cut costs memory only while it is.
 */
#ifndef RINGHUB_CORE_PROTO_NATS_H
#define RINGHUB_CORE_PROTO_NATS_H

#include "core/hub.h"
#include "core/proto/nats_info.h"
#include "core/proto/nats_parse.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nats_options {
    uint32_t max_control_line;
    int64_t max_payload;     /* -1: no limit of its own */
    uint32_t max_sub_tokens; /* 0: off */
    uint64_t ping_interval_ns;
    uint32_t ping_max;
};

/* What all workers share. */
struct nats {
    struct nats_options options;
    struct nats_info info;
};

#define NATS_TICK_NS 10000000ull /* in which a client knows when it was opened */

struct nats_client {
    struct session session;         /* first */
    struct nats_parser *unfinished; /* of a verb that is cut; a block of the hub's. NULL: none */
    uint64_t input_ns;              /* when it last said something */
    uint64_t pinged_ns;             /* when we last sent PING; 0: never */
    uint64_t rtt_ns;                /* 0: not known yet */
    /* One string: numeric address, name, lang, version, each with its NUL; owned. */
    char *identity;
    uint32_t opened_ticks; /* of NATS_TICK_NS, modulo 2^32: 497 days */
    uint32_t pings_out;
    uint16_t port;
    uint8_t protocol;
    bool pedantic;
    bool connected; /* CONNECT was seen */
    bool first_pong_sent;
    bool rtt_under_way;  /* the next PONG measures it */
    bool complained : 1; /* of the verb that is not done with yet */
    bool traced : 1;     /* the same verb */
};

/* A session was opened: greets it. address is numeric. */
void nats_open(const struct nats *nats, struct hub *hub, struct session *session,
               const char *address, uint16_t port);
/* There are too many: greets it, says so, closes. reason: of all, or of its address. */
void nats_refuse(const struct nats *nats, struct hub *hub, struct session *session,
                 const char *address, uint16_t port, enum close_reason reason);

/* Bytes arrived; borrowed for the call. */
void nats_bytes(const struct nats *nats, struct hub *hub, struct session *session,
                struct bytes bytes);
/* A pause is over. */
void nats_resume(const struct nats *nats, struct hub *hub, struct session *session);
/* The peer will send nothing more. */
void nats_end(const struct nats *nats, struct hub *hub, struct session *session);
/* Its tick is due: pings. */
void nats_tick(const struct nats *nats, struct hub *hub, struct session *session);
/* Other settings hold now: what the client must know of them, it is told. Idempotent. */
void nats_reload(const struct nats *old, const struct nats *nats, struct hub *hub,
                 struct session *session);
/* Tells a client that understands it that this server goes away. */
void nats_lame_duck(const struct nats *nats, struct hub *hub, struct session *session);
/* Before hub_session_closed: gives back what the client owns. */
void nats_closed(struct session *session);

#ifdef __cplusplus
}
#endif
#endif
