/*
 * client.h - one connection to the server under test, from socket to confirmed subscriptions.
 *
 *   NEW ─client_open─▶ CONNECTING ─client_connected─▶ GREETING ─hello─▶ CONFIRMING ─pong─▶ READY
 *    any ─client_close─▶ CLOSED                   └─ the client speaks first ─▶┘
 *
 * Threads:     owner driver only.
 * Memory:      owns its descriptor, codec, prefixes and what it still has to say; borrows the
 *              course.
 * Invariants:  (1) outbox.at <= outbox.end <= outbox.capacity; [at, end) is not said yet.
 *              (2) a direct client has no descriptor after client_open's caller moved it into the
 *                  ring's table; the driver then speaks for it.
 */
#ifndef RINGHUB_LOADGEN_CLIENT_H
#define RINGHUB_LOADGEN_CLIENT_H

#include "loadgen/course.h"
#include "loadgen/ring.h"
#include "loadgen/scenario.h"
#include "loadgen/skim.h"

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

enum client_role {
    CLIENT_SUBSCRIBER, /* must hear its share of everything */
    CLIENT_STALLED,    /* subscribes, then does not read */
    CLIENT_PUBLISHER,
    CLIENT_REQUESTER, /* publishes, and hears the answers */
    CLIENT_RESPONDER, /* sends what it hears back to who asked */
    CLIENT_CHURNER,   /* subscribes and unsubscribes; what it hears meanwhile does not matter */
    CLIENT_IDLE,      /* is only there */
};

enum { CLIENT_PREFIXES_MAX = 128, CLIENT_NOBODY = 0xffffffff };

/* A delivery's bytes before the payload, as most servers write them. */
struct client_prefix {
    uint32_t at; /* in client.prefix_text */
    uint32_t bytes;
    uint32_t payload_bytes;
    uint32_t subject;
    uint32_t copy;
};

struct client_outbox {
    uint8_t *bytes;
    size_t at;
    size_t end;
    size_t capacity;
};

enum client_skimming {
    CLIENT_READS,    /* everything */
    CLIENT_CHANGING, /* reading was asked to end */
    CLIENT_SKIMS,    /* counts frames by their bytes */
};

struct client_skim {
    enum client_skimming how;
    struct skim skim;     /* while how is CLIENT_SKIMS */
    struct ring_skim ask; /* under way */
    struct skim_got got;
    uint32_t awaited;  /* parts of it */
    bool again;        /* something new came meanwhile */
    uint32_t unlooked; /* reads since the last head */
    uint64_t unseen;   /* frames since then */
};

struct client {
    int fd; /* -1: none */
    enum client_state state;
    enum client_role role;
    bool direct;
    bool sending; /* direct: the outbox is lent to the kernel until it has taken it */
    bool waiting; /* the driver waits for room in the socket */
    bool ended;   /* no operation but a send is under way, and none will begin */
    bool awaits_pong;
    uint32_t awaits_subscriptions;
    uint32_t number;     /* of all connections: decides the source address and the sid */
    uint32_t index;      /* among those of its role (and stalled after healthy subscribers) */
    uint32_t row;        /* its place among those of its driver that hear; or CLIENT_NOBODY */
    uint32_t group;      /* its queue group among the driver's own; or CLIENT_NOBODY */
    uint32_t member;     /* its place there */
    uint32_t pongs_owed; /* to be said between two messages */
    uint64_t sid;        /* of its first subscription; 0 where the protocol has none */
    uint32_t task;       /* its place among the driver's publishers, or churners */
    uint64_t began_ns;   /* connecting */
    struct client_skim skim;
    struct topology_heard heard;
    struct client_outbox outbox;
    struct codec codec;
    uint8_t *prefix_text;
    struct client_prefix *prefixes; /* none where there would be too many */
    uint32_t prefixes_count;
    uint32_t prefix_next; /* the one to try first: it is what followed last time */
};

/* Zeroes the rest: the driver gives a row or group to those that have one. */
void client_init(struct client *client, const struct course *course, enum client_role role,
                 uint32_t number, uint32_t index);
void client_close(struct client *client);
void client_free(struct client *client);

/* As new, to connect once more. */
void client_again(struct client *client);

static inline bool client_hears(const struct client *client)
{
    return client->role == CLIENT_SUBSCRIBER || client->role == CLIENT_REQUESTER;
}

static inline bool client_publishes(const struct client *client)
{
    return client->role == CLIENT_PUBLISHER || client->role == CLIENT_REQUESTER;
}

/* The sid of the first of the subscriptions by which it hears a subject that it hears; its copies
 * follow. */
uint64_t client_sid_of(const struct client *client, const struct course *course, uint32_t subject);

/* Makes the socket, not yet connected. Returns 0 or a negative errno. */
MUST_USE int client_open(struct client *client, const struct scenario *scenario);
/* Returns false when the connection broke meanwhile. */
MUST_USE bool client_connected(struct client *client, const struct course *course);

enum client_news {
    CLIENT_NOTHING,
    CLIENT_IS_READY, /* its subscriptions are confirmed */
    CLIENT_MESSAGE,  /* the event holds one */
    CLIENT_PONG,     /* after it was ready */
    CLIENT_UNIFORM,  /* its frames may be skimmed */
    CLIENT_REFUSED,  /* the event's text says why */
};

/* What one event of its codec means; answers the server where it must. */
MUST_USE enum client_news client_hear(struct client *client, const struct course *course,
                                      const struct codec_event *event);

/* Says the pongs owed. Only between two messages. */
void client_pong(struct client *client, const struct scenario *scenario);

/* Room for more bytes behind the outbox: size of them at most; then client_said says how many were
 * written. */
uint8_t *client_room(struct client *client, size_t size);
void client_said(struct client *client, size_t size);

static inline bool client_is_quiet(const struct client *client)
{
    return client->outbox.at == client->outbox.end;
}

/* Sends what the kernel takes of the outbox; nothing for a direct client. Returns false when the
 * connection is broken. */
MUST_USE bool client_flush(struct client *client);

#ifdef __cplusplus
}
#endif
#endif
