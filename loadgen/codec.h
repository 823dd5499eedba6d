/*
 * codec.h - what hubload needs of a protocol, so that NATS, RESP and MQTT look the same to it.
 *
 *   bytes of any cut ──next──▶ events      connect, subscribe, publish ──render──▶ bytes
 *
 * A protocol says how one operation lies in contiguous bytes (a look); codec_next turns that into
 * events for bytes of any cut.
 *
 * Written apart from the hub's parsers on purpose: a shared bug would hide itself.
 *
 * Threads:     one codec belongs to one connection, hence to one driver. The tables are constant.
 * Memory:      an event borrows from the input, or from the codec's own bytes, until the next call
 *              with the same codec. The codec holds bytes only while an operation is incomplete.
 * Invariants:  (1) The events do not depend on where the input was cut.
 *              (2) After CODEC_BROKEN nothing else comes out.
 */
#ifndef RINGHUB_LOADGEN_CODEC_H
#define RINGHUB_LOADGEN_CODEC_H

#include "core/base.h"
#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum codec_event_kind {
    CODEC_HELLO,      /* the server introduced itself: text */
    CODEC_MESSAGE,    /* subject, sid, payload */
    CODEC_PING,       /* answer it */
    CODEC_PONG,       /* everything rendered before our ping was understood */
    CODEC_SUBSCRIBED, /* one subscription is confirmed; only where the protocol says so */
    CODEC_OK,
    CODEC_REFUSED, /* the server says no: text */
    CODEC_BROKEN,  /* not this protocol: text says what was found */
    CODEC_DENIED,  /* CODEC_REFUSED, and for want of the right credentials */
};

struct codec_event {
    enum codec_event_kind kind;
    struct bytes text;
    struct bytes subject; /* as the protocol writes it: render_topic */
    struct bytes payload; /* without headers */
    struct bytes reply;   /* where an answer goes; empty: none, or the protocol has none */
    uint64_t sid;         /* 0 where the protocol has none */
};

/* Bytes of an operation that the input so far does not complete. All zero: empty. */
struct codec {
    uint8_t *held; /* owned */
    size_t held_bytes;
    size_t held_capacity;
    bool lent;   /* the last event borrows from held */
    bool broken; /* invariant 2 */
};

/* What one look at contiguous bytes found. */
struct codec_look {
    size_t used; /* not 0: the event is complete and has so many bytes */
    size_t need; /* used is 0: bytes the operation has at least; 0: its line is not complete yet */
};

enum {
    CODEC_LOGIN_TEXT_MAX = 256,
    CODEC_CONNECT_BYTES_MAX = 4096, /* room that render_connect always finds enough */
};

struct codec_login {
    const char *user;     /* empty: none; any bytes, below CODEC_LOGIN_TEXT_MAX */
    const char *password; /* the same */
    uint64_t process;     /* differs between two hubloads at work */
    uint32_t number;      /* differs between the connections of one */
    const char *name;     /* what nats servers show for it; NULL: hubload */
};

/* The renderers write to at most capacity bytes and return how many; 0: it does not fit, or (only
 * render_connect) there is nothing to say. */
struct codec_protocol {
    const char *scheme;
    uint16_t port;
    bool client_first;   /* the client speaks without waiting for the server's greeting */
    bool confirms;       /* a subscription is confirmed by CODEC_SUBSCRIBED */
    bool has_sids;       /* a delivery says for which subscription it is */
    bool password_alone; /* a login may have a password and no user */
    bool keeps_order;    /* promised for all that one connection publishes, whatever the subject */
    const char *forbidden; /* what a subject may not contain, besides wildcards */
    /* Takes one event out of *in and shortens *in by what it used. False: all of *in is used and
     * the codec waits for more. */
    bool (*next)(struct codec *codec, struct bytes *in, struct codec_event *event);
    size_t (*render_connect)(uint8_t *to, size_t capacity, const struct codec_login *login);
    size_t (*render_subscribe)(uint8_t *to, size_t capacity, const char *subject, uint64_t sid);
    size_t (*render_ping)(uint8_t *to, size_t capacity);
    size_t (*render_pong)(uint8_t *to, size_t capacity); /* NULL: servers do not ask */
    /* The subject, in our notation, as deliveries name it. */
    size_t (*render_topic)(uint8_t *to, size_t capacity, const char *subject);
    /* A guess at the delivery that in begins with: its payload, which may end behind in, and how many
     * bytes it is. NULL: none is made. */
    bool (*glance)(struct bytes in, struct bytes *payload, size_t *bytes);
    /* What comes before and after the payload of a published message. */
    size_t (*render_publish)(uint8_t *to, size_t capacity, const char *subject, size_t size);
    /* What a server is expected to put before the payload of a delivered one. A server that writes
     * it differently is understood as well, only slower. */
    size_t (*render_delivery)(uint8_t *to, size_t capacity, const char *subject, uint64_t sid,
                              size_t size);
    const char *trailer; /* after a payload, both ways */
    const char *ping;    /* what a server may say between two deliveries; empty: nothing */
    size_t (*render_unsubscribe)(uint8_t *to, size_t capacity, const char *subject, uint64_t sid);
    /* What some protocols do not have: NULL. Without render_join, without_groups says why. */
    const char *without_groups;
    /* Subscribes as a member of a queue group. */
    size_t (*render_join)(uint8_t *to, size_t capacity, const char *subject, const char *group,
                          uint64_t sid);
    /* As render_publish, with the subject of the answer. */
    size_t (*render_request)(uint8_t *to, size_t capacity, const char *subject, const char *reply,
                             size_t size);
};

/* Gives back what the codec holds. */
void codec_free(struct codec *codec);

/* Looks at in, which is not empty and begins with an operation. What it finds may not depend on
 * bytes behind the operation. */
typedef struct codec_look codec_look_fn(struct bytes in, struct codec_event *event);

/* codec_protocol.next, out of looks. Holds at most one operation, as long as the look's limits let
 * it become. */
bool codec_next(struct codec *codec, struct bytes *in, struct codec_event *event,
                codec_look_fn *look);

/* For looks: the operation is not this protocol's, and what says why. */
struct codec_look codec_broken(struct codec_event *event, struct bytes in, const char *what);

/* For renderers: prints to at most capacity bytes. Returns how many, 0 when it does not fit. */
size_t codec_print(uint8_t *to, size_t capacity, const char *format, ...) PRINTF(3, 4);

/* Does text begin with beginning, in whatever case? */
bool codec_begins(struct bytes text, const char *beginning);

/* A render_topic that leaves the subject as it is. */
size_t codec_topic_plain(uint8_t *to, size_t capacity, const char *subject);

/* True while an operation is incomplete: the next bytes belong to it. */
static inline bool codec_is_waiting(const struct codec *codec)
{
    return codec->held_bytes != 0 && !codec->lent;
}

#ifdef __cplusplus
}
#endif
#endif
