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
 *              subs, its pending list and its input buffer.
 * Invariants:  (1) subs is empty unless OPEN. (2) shared_count is the number of subs whose audience
 *              is shared. (3) in_step: exactly one sub, its audience shared, nothing pending; then
 *              its member carries MEMBER_IN_STEP.
 */
#ifndef RINGHUB_CORE_SESSION_H
#define RINGHUB_CORE_SESSION_H

#include "core/bytes.h"
#include "core/list.h"
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
    PAUSE_PEER = 1,   /* a worker that must hear the next message has no credit left */
    PAUSE_BUDGET = 2, /* the turn's budget is spent; goes on next turn */
    PAUSE_OUTPUT = 4, /* it does not read our answers */
    PAUSE_GATE = 32,  /* a subscriber whose policy is to wait is behind */
    PAUSE_RATE = 64,  /* it published more than it may */
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

/* Half a message, or what a pause left unparsed. */
struct input {
    uint8_t *data;
    uint32_t size;
    uint32_t capacity;
};

struct session {
    uint32_t slot;
    uint32_t generation;
    uint64_t client_id;
    struct table subs; /* struct sub, by sid */
    uint32_t shared_count;
    uint8_t state;  /* enum session_state */
    uint8_t pauses; /* PAUSE_… */
    uint8_t wants;  /* WANT_…; on the hub's list when not 0 */
    uint8_t close_reason;
    uint8_t turn_sends; /* this turn's, of its pending list */

    /* What the front-end told of the client. */
    bool echo;
    bool headers;
    bool no_responders;
    bool verbose;

    bool in_step;
    bool blocked;      /* waits for its socket */
    bool wait_asked;   /* io was asked to say when */
    bool flush_queued; /* on the hub's flush list */
    bool end_of_input; /* the peer sent FIN */
    bool is_doomed;    /* closes when the flush is over */
    uint8_t doom_reason;

    struct pending pending;
    uint64_t control_bytes; /* of pending, those that answer its own requests; an upper bound */
    uint64_t sent_bytes;    /* by its pending list */
    uint64_t goal_bytes;    /* sent_bytes at which the write in progress is done */
    uint64_t blocked_ns;    /* when that write began */
    uint64_t linger_ns;     /* LINGERING, FLUSHING: when patience ends; else UINT64_MAX */
    uint64_t tick_ns;       /* when the front-end wants to be asked; UINT64_MAX: never */
    struct timer timer;
    struct list blocked_link; /* hub->blocked, in the order they blocked */
    struct list flush_link;
    struct list wants_link;
    struct list pause_link; /* hub's paused, resumable or resuming */
    struct list input_link; /* hub->inputs, while it holds input */
    struct input input;

    uint64_t messages_in;
    uint64_t bytes_in;
    uint64_t messages_out; /* of subs that are gone; live ones count in their audience */
};

#ifdef __cplusplus
}
#endif
#endif
