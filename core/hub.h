/*
 * hub.h - one worker's hub: subscribe, publish, deliver. It decides; io performs.
 *
 *   one turn:  hub_turn_begin ▶ hub_drain ▶ (bytes in: the front-end calls hub_publish …) ▶ timers
 *              ▶ hub_push ▶ ring doorbells ▶ hub_flush_next / hub_flush_results … ▶ hub_turn_end
 *              ▶ ring doorbells ▶ hub_want_next …
 *
 * Threads:     owner worker only; what other workers see is the struct port.
 * Memory:      a hub owns its sessions, subscriptions, runs, streams and envelopes. Views handed in
 *              are borrowed for the call.
 * Limits:      struct hub_options.
 * Invariants:  the laws of the design: (1) nothing is lost under no name; (3) no system call, no
 *              clock, no thread; (7) hub_push comes before the first byte of a turn leaves, and
 *              hub_drain before the first byte of a turn is parsed: the caller's duty.
 */
#ifndef RINGHUB_CORE_HUB_H
#define RINGHUB_CORE_HUB_H

#include "core/envelope.h"
#include "core/grant.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/proof.h"
#include "core/scrub.h"
#include "core/send.h"
#include "core/session.h"
#include "core/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hub;
struct snapshot_client;

struct hub_options {
    uint32_t worker; /* this hub's number */
    uint32_t workers_count;
    struct port *ports; /* of all workers; borrowed for the hub's life */
    uint64_t hash_key;  /* random, the same for all workers */
    uint64_t seed;      /* of this worker's choices among queue members */
    size_t client_size; /* the front-end's client, its struct session first */
    uint32_t sessions_max;
    uint32_t max_subscriptions; /* per session; 0: no limit */
    uint64_t max_pending;       /* bytes per session */
    uint64_t write_deadline_ns;
    uint64_t log_bytes_max;          /* streams, runs, pending lists */
    uint64_t index_bytes_max;        /* subscriptions and interest */
    uint64_t input_bytes_max;        /* half-received messages */
    uint64_t credit_bytes;           /* under way to one peer */
    struct scrub_rules *scrub;       /* NULL: none; the hub takes a reference */
    scrub_clock scrub_clock;         /* NULL: rules are not timed */
    const struct policies *policies; /* as hub_set_policies; NULL: none */
    struct log *log;                 /* NULL: none */
    /* The front-end's: who a session is, for lines of the log; NULL: its number says it. */
    void (*describe)(const struct session *session, struct snapshot_client *client);
    const struct access *access; /* shared from now on; NULL: no authorization */
    uint8_t nonce_key[16];       /* random, this worker's alone: nonces are made of it */
};

struct hub *hub_new(const struct hub_options *options, uint64_t now_ns);

/* What a hub keeps at most of what it gave back, for what comes next; max_memory does not count it. */
size_t hub_spare_bytes_max(void);
/* Frees everything, whatever is open or under way. */
void hub_free(struct hub *hub);

/* From now on these hold, in place of those of hub_options; borrowed until others are set or the hub
 * is freed. Sessions that are over a lower limit are dealt with when they next come near it. */
void hub_settings_set(struct hub *hub, const struct settings *settings);
/* NULL: none were set. */
const struct settings *hub_settings(const struct hub *hub);
/* The same for the rules alone; borrowed until others are set. Subscriptions that they give another
 * policy change it; what is pending stays. NULL: none. */
void hub_set_policies(struct hub *hub, const struct policies *policies);
/* After hub_settings_set: for each session, some a turn. */
void hub_session_rules(struct hub *hub, struct session *session);
/* Never NULL. */
const struct quotas *hub_quotas(const struct hub *hub);
/* The session has a place of its address (addresses.h), which it gives back at its end. NULL: none. */
void hub_set_address(struct session *session, struct address *address);
/* A session with a grant takes one of the user's places; false: he has as many connections as he may,
 * close it. */
MUST_USE bool hub_join_user(struct hub *hub, struct session *session,
                            const struct access_user *user);

/* ---- a turn ---------------------------------------------------------------------------------- */

void hub_turn_begin(struct hub *hub, uint64_t now_ns);
uint64_t hub_now(const struct hub *hub);

/* Empties the inbox to the tail it has now. False: a producer is between its two steps; yield and
 * call again before parsing anything. */
MUST_USE bool hub_drain(struct hub *hub);

/* A connection that arrived through the inbox; false: none left. The fd is the caller's. */
MUST_USE bool hub_connection_next(struct hub *hub, struct connection_envelope *connection);
/* An order that arrived; false: none left. */
MUST_USE bool hub_order_next(struct hub *hub, enum order_kind *order, void **argument);

/* Sessions whose timer ran out; NULL: none left. The hub's own deadlines are dealt with inside. */
MUST_USE struct session *hub_expired_next(struct hub *hub);
/* Sessions whose input may go on; NULL: none left. */
MUST_USE struct session *hub_resumable_next(struct hub *hub);

/* Is the flush so large that input which arrived since the turn began had better go along? A send
 * costs what it costs, however much it carries. */
bool hub_gathers(const struct hub *hub);

/* Pushes envelopes and interest. Returns the workers whose doorbell must be rung, as a mask. */
MUST_USE uint64_t hub_push(struct hub *hub);

/* Fills at most max sends, each of another session; 0: the turn's flush is done. Every batch's
 * results go to hub_flush_results before the next call. */
MUST_USE size_t hub_flush_next(struct hub *hub, struct send_op *sends, size_t max);
void hub_flush_results(struct hub *hub, const struct send_op *sends, size_t count);

/* Between the sends of a batch and hub_flush_results: is it time to measure some of them? Then
 * hub_flush_sample with the time by now. One send in SENDS_PER_SAMPLE is measured. */
enum { SENDS_PER_SAMPLE = 64 };
MUST_USE bool hub_flush_is_sampled(struct hub *hub, size_t count);
void hub_flush_sample(struct hub *hub, const struct send_op *sends, size_t count, uint64_t now_ns);

/* The turn is over, its sends made. Without it turns and completions are not measured. */
void hub_turn_took(struct hub *hub, uint64_t now_ns);

/* Lets go of the turn's memory, sends envelopes home. Returns doorbells to ring. */
MUST_USE uint64_t hub_turn_end(struct hub *hub);

/* The next session io must do something for, and what (WANT_…); NULL: none left. The bits are
 * cleared. */
MUST_USE struct session *hub_want_next(struct hub *hub, uint32_t *wants);

/* When the next turn is due even if nothing happens; UINT64_MAX: never. */
uint64_t hub_next_deadline(const struct hub *hub);

/* ---- sessions -------------------------------------------------------------------------------- */

/* A session in state OPEN, its front-end part zero; NULL: sessions_max are open. Reading is armed
 * through WANT_ARM. */
MUST_USE struct session *hub_session_open(struct hub *hub, uint64_t client_id);
/* NULL: another life, or none. */
struct session *hub_session_get(const struct hub *hub, uint32_t slot, uint32_t generation);
struct session *hub_session_at(const struct hub *hub, uint32_t slot);
uint32_t hub_sessions_count(const struct hub *hub);
/* The first live session at or after *slot, moving *slot behind it; NULL: no more. */
struct session *hub_session_next(const struct hub *hub, uint32_t *slot);

enum hub_close { HUB_CLOSE_FLUSH, HUB_CLOSE_AT_ONCE, HUB_CLOSE_RESET };

/* Ends a session: its subscriptions go now. FLUSH: what is queued is sent first, then FIN. */
void hub_close(struct hub *hub, struct session *session, enum close_reason reason,
               enum hub_close how);
/* io: the kernel holds nothing of it any more. The session is gone. */
void hub_session_closed(struct hub *hub, struct session *session);
/* The peer will send nothing more. A session that lingers is done; what an open one does is its
 * front-end's decision (hub_close). */
void hub_session_ended(struct hub *hub, struct session *session);
/* io: the socket has room again. */
void hub_session_writable(struct hub *hub, struct session *session);

/* When hub_expired_next should return this session; UINT64_MAX: never. */
void hub_tick_at(struct hub *hub, struct session *session, uint64_t tick_ns);

/* Queues bytes that answer the client's own words, in order with messages. */
void hub_control(struct hub *hub, struct session *session, struct bytes bytes);

/* Stops and resumes a session's input. A paused session comes back through hub_resumable_next:
 * PEER when credit returns, BUDGET next turn, OUTPUT when it has read its answers, GATE when a
 * subscriber caught up, RATE when it may publish again, BEHIND when it has read. */
void hub_pause(struct hub *hub, struct session *session, uint32_t pause);
/* Do we keep it from answering, so that its silence says nothing? */
bool hub_holds(const struct session *session);
/* Should the session's input stop because its own answers pile up unread? */
bool hub_output_is_stalled(const struct hub *hub, const struct session *session);
/* Is the turn's budget of bytes spent? */
bool hub_budget_is_spent(const struct hub *hub);

/* Keeps bytes for later, behind what the session's input holds. False: the ingest budget is
 * exceeded by this session alone; close it. May close the session longest without progress. */
MUST_USE bool hub_input_keep(struct hub *hub, struct session *session, struct bytes bytes,
                             size_t expected);
/* Forgets the first size bytes of the input; gives its memory back when it is empty. */
void hub_input_skip(struct hub *hub, struct session *session, size_t size);

/* Small blocks for what a front-end must remember of a few sessions; HUB_BLOCK_BYTES, not zeroed.
 * Recycled; memory_free will do as well. */
enum { HUB_BLOCK_BYTES = 128 };
void *hub_block_take(struct hub *hub);
void hub_block_give(struct hub *hub, void *block);

/* ---- messaging ------------------------------------------------------------------------------- */

enum hub_subscribe_result {
    HUB_SUBSCRIBED,
    HUB_SUBSCRIBE_LIMIT,     /* max_subscriptions */
    HUB_SUBSCRIBE_DUPLICATE, /* the sid is taken: the old subscription stays as it is */
    HUB_SUBSCRIBE_MEMORY,    /* index_bytes_max */
};

/* Are more changes of interest under way to other workers than credit_bytes allow? Then the caller
 * pauses its session (PAUSE_PEER) and asks again; a closing session's changes go out regardless. */
MUST_USE bool hub_interest_is_full(const struct hub *hub);

/* What hub_subscribe would say, asked before anybody looks at the subject. */
MUST_USE enum hub_subscribe_result hub_may_subscribe(struct hub *hub, const struct session *session,
                                                     struct bytes sid);

/* subject is valid; queue may be empty. */
MUST_USE enum hub_subscribe_result hub_subscribe(struct hub *hub, struct session *session,
                                                 struct bytes subject, struct bytes queue,
                                                 struct bytes sid);

/* max 0: now. Else when max messages have been delivered since it was made. False: no such sid. */
bool hub_unsubscribe(struct hub *hub, struct session *session, struct bytes sid, uint32_t max);
void hub_unsubscribe_all(struct hub *hub, struct session *session);

/* The session understands headers or not, from now on; moves its subscriptions. */
void hub_set_headers(struct hub *hub, struct session *session, bool headers);
/* The session hears its own messages or not, from now on. */
void hub_set_echo(struct hub *hub, struct session *session, bool echo);

enum hub_publish_result {
    HUB_PUBLISHED,
    HUB_PUBLISH_REFUSED,   /* by the scrub; counted; hub_refusal says more */
    HUB_PUBLISH_PAUSE,     /* nothing happened: a peer has no credit left; parse it again later */
    HUB_PUBLISH_HELD,      /* the same: a subscriber under WAIT is behind (PAUSE_GATE) */
    HUB_PUBLISH_SLOWED,    /* the same: it is over its rate (PAUSE_RATE) */
    HUB_PUBLISH_BEHIND,    /* the same: it is far behind in reading itself (PAUSE_BEHIND) */
    HUB_PUBLISH_DROPPED,   /* it was over its rate; counted */
    HUB_PUBLISH_OVER_RATE, /* the same, and the publisher is to be told */
};

/* A verbose session gets its +OK once nothing can make the caller try again.
 * limit: bytes the payload may grow to in the scrub. wants_responder: the origin gets a 503 if the
 * message has a reply and reaches nobody. */
MUST_USE enum hub_publish_result hub_publish(struct hub *hub, struct session *session,
                                             const struct message_in *in, size_t limit,
                                             bool wants_responder);

enum { HUB_FORESEEN_MAX = 16 };

/* What the next publishes will touch, as far as it was asked for: each is one step further than the
 * next. Zero at first; good for as long as the calls between are publishes. */
struct hub_foresight {
    uint64_t departures; /* the hub's, when the pointers were good */
    uint32_t known;      /* publishes that were told */
    uint32_t entries;    /* of these, whose entry was asked for */
    uint32_t audiences;
    uint64_t hashes[HUB_FORESEEN_MAX];
    const void *found[HUB_FORESEEN_MAX]; /* entries; NULL: none */
};

/* Is it worth it to say in advance what will be published? */
bool hub_foresees(const struct hub *hub);
/* A hint: this is the subject of the publish behind those that were told. Not more than
 * HUB_FORESEEN_MAX may be told and not done. True: it is another one than that of the one before. */
bool hub_foresee(const struct hub *hub, struct hub_foresight *foresight, struct bytes subject);
/* done of those that were told are done: asks for what the next ones need. */
void hub_foresee_next(const struct hub *hub, struct hub_foresight *foresight, uint32_t done);

/* Of the message that was just refused. */
struct hub_refusal {
    bool tell;        /* the publisher wants to know */
    const char *rule; /* its name */
    const char *reason;
    const char *detail; /* NULL: none */
};

struct hub_refusal hub_refusal(const struct hub *hub);

/* Other rules from now on, between turns; NULL: none. Counters of rules that keep their name go
 * on. */
void hub_scrub_set(struct hub *hub, struct scrub_rules *rules);
/* NULL: no rules. */
const struct scrub *hub_scrub(const struct hub *hub);

/* ---- access ---------------------------------------------------------------------------------- */

/* NULL: no authorization. */
const struct access *hub_access(const struct hub *hub);
/* The hub asks this one from now on (shared). The caller then binds every session anew, or gives it
 * no grant, before anything else happens: users of the old one may be gone. */
void hub_set_access(struct hub *hub, const struct access *access);

/* The session waits for authentication: makes its grant and its nonce. */
void hub_grant(struct hub *hub, struct session *session);
/* It is this user from now on (of hub_access); its subscriptions are watched as the user's permit
 * wants it. The caller has removed those that are not allowed. */
void hub_bind(struct hub *hub, struct session *session, const struct access_user *user);
/* A reply that it may answer, which it heard elsewhere. */
void hub_response_put(struct hub *hub, struct session *session,
                      const struct response_view *response);
/* It may do everything from now on. */
void hub_ungrant(struct hub *hub, struct session *session);

/* Of a session with a grant. */
MUST_USE enum grant_answer hub_may_publish(struct hub *hub, struct session *session,
                                           struct bytes subject);
void hub_responded(struct hub *hub, struct session *session, struct bytes subject);

/* What a helper is to look at. */
struct hub_shown {
    const struct access_user *user;
    struct bytes text;        /* password or token; ACCESS_NKEY: the nonce */
    const uint8_t *signature; /* ACCESS_NKEY */
    struct bytes address;     /* where it comes from: addresses take turns */
};

/* Has a helper look at credentials: the session's input waits. When it goes on and grant->proof is
 * PASSED or FAILED, that is the verdict; else ask again. False: FAIR_WAITING_MAX of its address wait
 * already, and nothing happened; close it. */
MUST_USE bool hub_prove(struct hub *hub, struct session *session, const struct hub_shown *shown);
/* The verdict was looked at, or nobody wants it. */
void hub_prove_end(struct hub *hub, struct session *session);
/* The next for a helper; NULL: none left. It comes home through the inbox, as an envelope that
 * returns. */
MUST_USE struct proof *hub_proof_next(struct hub *hub);

/* A session's subscriptions one by one: *cursor starts at 0; false: no more. Views are borrowed
 * until any of them changes. */
struct hub_sub {
    struct bytes pattern;
    struct bytes queue; /* empty: none */
    struct bytes sid;
};
MUST_USE bool hub_sub_next(const struct hub *hub, const struct session *session, uint32_t *cursor,
                           struct hub_sub *sub);

/* ---- looking inside -------------------------------------------------------------------------- */

struct hub_gauges {
    uint64_t sessions;
    uint64_t subscriptions;
    uint64_t audiences;
    uint64_t entries;           /* patterns */
    uint64_t interest_literals; /* of other workers */
    uint64_t interest_patterns;
    uint64_t chunks;      /* in use */
    uint64_t chunk_bytes; /* in use, spare ones not counted */
    uint64_t pending_entries_bytes;
    uint64_t index_bytes;
    uint64_t input_bytes;
    uint64_t blocked;             /* sessions */
    uint64_t envelopes_under_way; /* made here and not home yet */
    uint64_t log_bytes_peak;
    uint64_t index_cached;  /* subjects whose wildcards are known without a walk */
    uint64_t index_inserts; /* since the start, like all below */
    uint64_t index_removes;
    uint64_t index_matches;
    uint64_t index_cache_hits;
};

void hub_gauges(const struct hub *hub, struct hub_gauges *gauges);

/* How far behind is who is blocked? Of the HUB_LAG_SESSIONS that began to wait first. */
enum { HUB_LAG_SESSIONS = 256 };
struct hub_lag {
    uint64_t oldest_age_ns;
    uint64_t pending_bytes_max;
};
void hub_lag(struct hub *hub, struct hub_lag *lag);
struct metrics *hub_metrics(struct hub *hub);
/* NULL: none. */
struct log *hub_log(const struct hub *hub);
/* A line about a session: its address, number and software are put in front. */
void hub_log_session(const struct hub *hub, const struct session *session, enum log_level level,
                     const char *format, ...) PRINTF(4, 5);
/* Is what is said to clients, and by them, to be logged? Asked of the log once a turn. */
bool hub_is_traced(const struct hub *hub);
uint64_t hub_session_pending(const struct hub *hub, const struct session *session);

/* The two halves of a save in the middle of anything, for hand-over: everything a session is, less
 * its socket. session_save returns the bytes it needs; it writes only if they fit. Loaded into a
 * fresh session of any worker, its output goes on with the very next byte. */
size_t session_save(struct hub *hub, struct session *session, uint8_t *to, size_t size);
MUST_USE bool session_load(struct hub *hub, struct session *session, struct bytes from);

/* Asserts the invariants of everything; costs a walk over everything. */
void hub_check(struct hub *hub);
void hub_dump(const struct hub *hub, void (*line)(void *context, const char *text), void *context);

#ifdef __cplusplus
}
#endif
#endif
