/*
 * session.h - the core half of a client: who it is, what it hears, what it still has to be sent.
 *
 *   OPEN ──hub_close(FLUSH)──▶ FLUSHING ─all sent─▶ LINGERING ─FIN or 1 s─▶ CLOSING ─CLOSED─▶ (slot)
 *     └────hub_close(AT_ONCE), dead socket, slow ───────────────────────────▶ CLOSING
 *
 * FLUSHING sends what is queued, -ERR included; LINGERING has sent FIN and reads on to discard,
 * because unread input would turn our last words into a reset; CLOSING waits for io to say that the
 * kernel holds nothing any more.
 *
 * Threads:     owner worker only.
 * Memory:      lives in the hub's pool as the first member of the front-end's client. Owns its
 *              subs, its pending list and its input buffer. Most sessions are idle most of the time,
 *              and there are many: what only some need hangs from a pointer (docs/memory.md).
 * Invariants:  (1) subs is empty unless OPEN. (2) shared_count is the number of subs whose audience
 *              is shared. (3) in_step: exactly one sub, its audience shared, nothing pending; then
 *              its member carries MEMBER_IN_STEP.
 */
#ifndef RINGHUB_CORE_SESSION_H
#define RINGHUB_CORE_SESSION_H

#include "core/bytes.h"
#include "core/metrics.h"
#include "core/pending.h"
#include "core/table.h"
#include "core/timer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum session_state { SESSION_OPEN, SESSION_FLUSHING, SESSION_LINGERING, SESSION_CLOSING };

/* Why its input waits; reading is armed when none is set. */
enum {
    PAUSE_PEER = 1,    /* a worker that must hear the next message has no credit left */
    PAUSE_BUDGET = 2,  /* the turn's budget is spent; goes on next turn */
    PAUSE_OUTPUT = 4,  /* it does not read our answers */
    PAUSE_GATE = 32,   /* a subscriber whose policy is to wait is behind */
    PAUSE_RATE = 64,   /* it published more than it may */
    PAUSE_PROOF = 8,   /* a helper looks at its credentials */
    PAUSE_BEHIND = 16, /* it publishes, and does not read what it hears */
};

/* What io is asked to do for a session. */
enum {
    WANT_ARM = 1,
    WANT_DISARM = 2,
    WANT_WRITABLE = 4, /* tell me when the socket has room */
    WANT_SHUTDOWN = 8, /* send FIN */
    WANT_CLOSE = 16,
    WANT_RESET = 32, /* with WANT_CLOSE: by RST */
};

/* The queue of the hub's in which it waits to be sent to. */
enum session_flush {
    FLUSH_NOT,
    FLUSH_QUEUED, /* hub->flush_sessions */
    FLUSH_LATER,  /* hub->flush.later: its sends of this turn are used up */
    FLUSH_DOOMED, /* hub->doomed: closes when the flush is over */
};

/* The queue of the hub's in which it waits for the end of a pause. */
enum session_rest {
    REST_NOT,
    REST_PAUSED,
    REST_GATED,
    REST_RESUMABLE,
    REST_RESUMING,
    REST_PROVING,
};

/* Half a message, or what a pause left unparsed. */
struct input {
    uint32_t size;
    uint32_t capacity; /* of data */
    uint8_t data[];
};

struct grant;

struct session {
    uint32_t slot;
    uint32_t generation;
    uint64_t client_id;
    struct table subs; /* struct sub, by sid */
    uint32_t shared_count;
    uint8_t state;        /* enum session_state */
    uint8_t pauses;       /* PAUSE_… */
    uint8_t wants;        /* WANT_…; in the hub's queue when not 0 */
    uint8_t close_reason; /* once it is not OPEN */
    uint8_t doom_reason;  /* FLUSH_DOOMED */
    uint8_t turn_sends;   /* this turn's, of its pending list */
    uint8_t in_flush;     /* enum session_flush */
    uint8_t in_rest;      /* enum session_rest */

    bool in_step;
    bool blocked;    /* waits for its socket */
    bool wait_asked; /* io was asked to say when */

    /* What the front-end told of the client. */
    bool echo : 1;
    bool headers : 1;
    bool no_responders : 1;
    bool verbose : 1;
    bool end_of_input : 1; /* the peer sent FIN */

    uint8_t room : PENDING_ROOM_BITS; /* that its pending list begins with */

    uint32_t control_bytes; /* of pending, those that answer its own requests; an upper bound */
    union {
        uint32_t hears;     /* OPEN: the sum of the marks of the shared audiences it is in */
        uint32_t subs_left; /* once it is not OPEN: how many subs it had when it ended */
    };

    struct pending pending;
    struct input *input; /* NULL: holds none */
    /* OPEN: when the front-end wants to be asked. FLUSHING, LINGERING: when patience ends.
     * UINT64_MAX: never. */
    uint64_t due_ns;
    struct timer timer;

    struct grant *grant; /* what it may do; owned. NULL: no authorization, everything */

    /* Its places in queues of the hub's. */
    uint32_t flush_place; /* see in_flush */
    uint32_t rest_place;  /* see in_rest */
    uint32_t wants_place;
    uint32_t blocked_place; /* in the order they blocked */
    uint32_t input_place;   /* while it holds input */
    float bytes_out;        /* of subs that are gone: its first seven digits are right */

    uint64_t messages_in;
    uint64_t bytes_in;
    uint64_t messages_out; /* of subs that are gone; live ones count in their audience */
};

/* What it holds of its input. */
static inline struct bytes session_input(const struct session *session)
{
    const struct input *input = session->input;
    return input != NULL ? bytes_of(input->data, input->size) : bytes_of(NULL, 0);
}

static inline bool session_is_doomed(const struct session *session)
{
    return session->in_flush == FLUSH_DOOMED;
}

#ifdef __cplusplus
}
#endif
#endif
