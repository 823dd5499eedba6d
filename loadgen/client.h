/*
 * client.h - one connection to the server under test, from socket to confirmed subscription.
 *
 *   NEW ─client_open─▶ CONNECTING ─client_connected─▶ GREETING ─hello─▶ CONFIRMING ─pong─▶ READY
 *    any ─client_close─▶ CLOSED                   └─ the client speaks first ─▶┘
 *
 * Threads:     owner driver only.
 * Memory:      owns its descriptor and codec; the frame prefix is owned only with distinct sids.
 */
#ifndef RINGHUB_LOADGEN_CLIENT_H
#define RINGHUB_LOADGEN_CLIENT_H

#include "loadgen/scenario.h"

#ifdef __cplusplus
extern "C" {
#endif

enum client_state {
    CLIENT_NEW,
    CLIENT_CONNECTING,
    CLIENT_GREETING,
    CLIENT_CONFIRMING,
    CLIENT_READY,
    CLIENT_CLOSED,
};

struct client {
    int fd; /* -1: none */
    enum client_state state;
    bool subscribes;
    bool awaits_pong;
    bool awaits_subscription;
    uint32_t number;     /* of all connections: decides the source address and the sid */
    uint32_t row;        /* a subscriber's place in its driver's witness */
    uint32_t pongs_owed; /* to be said between two messages */
    uint64_t sid;        /* 0 where the protocol has none */
    struct codec codec;
    /* A delivery's bytes before the payload, as most servers write them. */
    char *prefix;
    uint32_t prefix_bytes;
};

void client_init(struct client *client, const struct scenario *scenario, uint32_t number,
                 bool subscribes, uint32_t row);
void client_close(struct client *client);
void client_free(struct client *client);

/* Makes the socket, not yet connected. Returns 0 or a negative errno. */
MUST_USE int client_open(struct client *client, const struct scenario *scenario);
/* Returns false when the connection broke meanwhile. */
MUST_USE bool client_connected(struct client *client, const struct scenario *scenario);

enum client_news {
    CLIENT_NOTHING,
    CLIENT_IS_READY, /* its subscription is confirmed */
    CLIENT_MESSAGE,  /* the event holds one */
    CLIENT_REFUSED,  /* the event's text says why */
};

/* What one event of its codec means; answers the server where it must. */
MUST_USE enum client_news client_hear(struct client *client, const struct scenario *scenario,
                                      const struct codec_event *event);

/* Says the pongs owed. Only between two messages. */
void client_pong(struct client *client, const struct scenario *scenario);

#ifdef __cplusplus
}
#endif
#endif
