/*
 * hub_state.h - what the files of the hub share. Nobody else includes this.
 *
 *   hub.c            sessions, closing, turns          hub_subscribe.c  who hears what
 *   hub_publish.c    match, runs, groups               hub_deliver.c    streams, journal, control
 *   hub_flush.c      what each send carries            hub_peers.c      envelopes, interest, credit
 *   hub_evacuate.c   memory: victims and compaction    hub_save.c       sessions on the move
 *   hub_input.c      half-received verbs               hub_check.c      the invariants
 *   hub_policy.c     who is behind, quotas             hub_snapshot.c   rows for monitoring
 *   hub_foresee.c    memory that is asked for early
 *   hub_scrub.c      rules before a message is anybody's
 *   hub_sample.c     latencies and sizes of a few
 *   hub_access.c     grants, proofs                 hub_log.c        lines about sessions, tracing
 *
 * The journal. Publishing costs per audience, not per session: what an audience received is written
 * down once, and only when somebody looks (a flush, a change of membership) is it settled, that is
 * appended to the pending lists of its multi members in the order it happened. Solo members need no
 * journal: their audience's stream is their order.
 *
 * Threads:     owner worker only.
 * Invariants:  (1) a session whose shared_count is not 0 and which is not solo ("mixed") gets its
 *              extents through the journal only; every other session gets them at once.
 *              (2) membership of an audience changes only while the journal is empty.
 */
#ifndef RINGHUB_CORE_HUB_STATE_H
#define RINGHUB_CORE_HUB_STATE_H

#include "core/fair.h"
#include "core/grant.h"
#include "core/group.h"
#include "core/hub.h"
#include "core/interest.h"
#include "core/planted.h"
#include "core/pool.h"
#include "core/proof.h"
#include "core/queue.h"

enum {
#ifdef RINGHUB_PLANTED
    INGRESS_CLASS = 0, /* the simulation's are small, so that it sees many */
#else
    INGRESS_CLASS = 3, /* runs: 256 KiB chunks */
#endif
    CONTROL_CLASS = 0, /* answers: 4 KiB chunks, so that a PONG pins little */
    /* Then a new run: envelopes and extents stay small, and a turn knows a read at a time what it
     * hands over. */
    RUN_BYTES_MAX = READ_BUFFER_BYTES,
    JOURNAL_MAX = 4096,
    /* Rendered and received; then input waits for the next turn.
     *
     * So it does when sends would hand the kernel more than a processor's cache holds, once each of
     * them carries 96 KiB and its own cost no longer matters: a reader that is a cache behind its
     * sender reads half as fast, and where the congestion control paces (BBR) what a send has beyond
     * 64 KiB waits for a timer (docs/kernel.md). */
    TURN_BYTES_MAX = 8 * 1024 * 1024,
#ifdef RINGHUB_PLANTED
    TURN_HANDED_MAX = 16 * 1024,
    TURN_HANDED_BYTES = 2 * 1024,
    GATHER_SENDS = 2,
#else
    TURN_HANDED_MAX = 32 * 1024 * 1024,
    TURN_HANDED_BYTES = 192 * 1024, /* rendered and received */
    GATHER_SENDS = 64,              /* a flush of so many sends is worth a look at what arrived meanwhile */
#endif
    SESSION_SENDS_MAX = TURN_BYTES_MAX / SEND_BYTES_MAX, /* of one session in one turn: who keeps up
                                                          * hears all that a turn can bring */
    FLUSH_VECTORS = 4096,
    FLUSH_SCRATCH_BYTES = 512 * 1024,
    SCRATCH_SEND_BYTES = 32 * 1024, /* of it, for one send at least; else a batch of sends ends */
    CONTROL_STALL_BYTES = 1024 * 1024,
    CONTROL_STALL_TIGHT_BYTES = 16 * 1024, /* when half of the log's bytes are used */
    SESSIONS_PER_SLAB = 64,
    TRAILS_BITS = 4,
    TRAILS =
        1 << TRAILS_BITS, /* subjects that take turns have chunks of their own, if they are few */
    INPUT_BYTES = 4096,   /* what is held of a cut verb, in most cases */
    BLOCKS_SPARE_MAX = 64,
};

/* How long a closed session waits for the peer's FIN; a hub that stops has less patience. */
#define LINGER_NS      1000000000ull
#define STOP_LINGER_NS 200000000ull

/* Chunks that are filled during a turn and held until it ends. */
struct arena {
    struct chunk *chunk;
    struct list full;
    uint32_t class_index;
};

enum journal_kind { JOURNAL_SPAN, JOURNAL_RUN, JOURNAL_CONTROL };

struct journal_entry {
    uint32_t kind;
    uint32_t messages;
    union {
        struct audience *audience; /* SPAN, RUN: holds a reference */
        struct session *session;   /* CONTROL */
    };
    union {
        struct cursor cursor; /* SPAN, CONTROL: where the bytes are */
        struct {
            struct run *run;
            const struct message *first;
        };
    };
    uint64_t size; /* SPAN, CONTROL */
};

/* A queue group with members that match, of one name, wherever they are. */
struct candidate {
    struct bytes name;
    uint32_t local_total;
    uint32_t remote_total;
};

struct candidate_part {
    uint32_t candidate;
    struct group *local;           /* or */
    struct interest_group *remote; /* NULL for a local part */
};

struct match {
    struct entry **entries;
    uint32_t entries_count, entries_capacity;
    uint64_t peers; /* workers with plain interest */
    struct candidate *candidates;
    uint32_t candidates_count, candidates_capacity;
    struct candidate_part *parts;
    uint32_t parts_count, parts_capacity;
};

struct peer {
    struct list ready;         /* run envelopes filled this turn, in order */
    struct run_envelope *open; /* the last of them, with room */
    uint64_t credit_used;      /* bytes under way */
};

struct foreign_copy {
    const struct run *foreign;
    struct run *local;
};

/* What a publish has to ask first; 0 for most hubs. */
enum { GUARD_GATES = 1, GUARD_QUOTAS = 2 };

enum flush_phase { FLUSH_BEGIN, FLUSH_AUDIENCES, FLUSH_SESSIONS, FLUSH_DONE };

struct flush {
    enum flush_phase phase;
    uint32_t dirty_index;
    uint32_t member_index;
    struct cursor cursor; /* of the piece */
    uint32_t piece_vectors_count;
    size_t piece_size;
    bool in_audience;
    bool has_piece;
    struct queue later;    /* sessions whose sends of this turn are used up */
    struct iovec *vectors; /* FLUSH_VECTORS */
    uint8_t *scratch;
    struct plates *plates;
};

struct hub {
    struct hub_options options;
    const struct settings *settings; /* NULL: none were set */
    struct metrics metrics;
    struct pool sessions;
    struct index *index;
    struct interest interest;
    struct chunk_pool chunks;
    struct pending_pool pendings;
    struct timers timers;
    struct scrub *scrub;                   /* NULL: no rules */
    const struct scrub_rules *scrub_rules; /* the scrub's */
    struct hub_refusal refusal;
    uint64_t now_ns;
    uint64_t random;

    struct arena ingress;
    struct arena control;
    struct run *open_run; /* being appended to */
    struct match match;   /* of the open run */
    uint64_t turn_bytes;
    uint64_t turn_bytes_max; /* then input waits for the next turn */
    uint64_t turn_handed;    /* bytes rendered, times those who share them */
    uint64_t turn_sends;     /* members of audiences that have something in this turn */
    uint64_t watched_bytes;  /* of the log's: from then on deliveries are looked at one by one */
    bool is_traced;          /* all of them are, for the log */
    bool run_kept;           /* an extent or an envelope refers to the run being delivered */

    struct journal_entry *journal;
    uint32_t journal_count;

    struct audience **dirty;
    uint32_t dirty_count, dirty_capacity;

    struct sub **expired; /* reached their maximum in this run */
    uint32_t expired_count, expired_capacity;

    /* Of sessions; enum session_flush and enum session_rest say who is where. */
    struct queue flush_sessions;
    struct queue doomed;  /* close when the flush is over */
    struct queue blocked; /* oldest first */
    struct queue wants;
    struct queue paused;    /* for credit */
    struct queue resumable; /* next turn */
    struct queue resuming;  /* this turn */
    struct flush flush;
    struct trail trails[TRAILS]; /* by subject */
    uint64_t round;              /* counts the spans that were delivered */
    bool has_trails;             /* one has a chunk */

    const struct policies *policies; /* NULL: none */
    uint32_t guards;                 /* GUARD_… */
    struct index *gates;             /* struct gate, by pattern */
    struct queue gated;              /* sessions held back by one */
    struct list over;                /* terms with a lane to look at when the turn ends */

    struct peer *peers;
    struct list envelopes_free;
    uint32_t envelopes_free_count;
    uint32_t envelopes_under_way;
    struct list held; /* foreign run envelopes of this turn */
    struct foreign_copy *copies;
    uint32_t copies_count, copies_capacity;
    uint8_t *interest_out;
    uint32_t interest_out_size, interest_out_capacity;
    uint32_t interest_out_records;
    uint64_t interest_under_way; /* bytes of records that did not come home from every peer */
    struct mpsc_end drain_end;
    bool draining;
    uint64_t ring_later; /* workers that got interest envelopes back in this drain */

    struct connection_envelope **connections; /* arrived, in order */
    uint32_t connections_count, connections_capacity, connections_at;
    struct order_envelope **orders; /* the same */
    uint32_t orders_count, orders_capacity, orders_at;

    uint64_t subscriptions_count;
    uint64_t audiences_count;
    uint64_t
        departures; /* subscriptions that left their audience: it, and its entry, may be gone */
    uint64_t subs_bytes; /* subs, audiences, sid tables */
    void *blocks[2]; /* spare ones, linked through their first word: HUB_BLOCK_BYTES, INPUT_BYTES */
    uint32_t blocks_count[2];
    uint64_t input_bytes;
    struct queue inputs;         /* sessions that hold input, longest without progress first */
    const struct access *access; /* shared; NULL: none */
    uint64_t grants_bytes;
    struct list proofs;      /* made, not handed out */
    struct fair proving;     /* sessions that wait for one of PROOFS_MAX places, by address */
    uint32_t proofs_places;  /* taken */
    uint64_t pending_growth; /* bytes published since pending lists were last compared to limits */
    uint64_t pending_slack;  /* at that time: what the nearest to its limit had left */
    uint64_t evacuate_at;    /* used bytes at which to look for sparse chunks */

    uint64_t turn_began_ns;     /* 0: no turn since hub_turn_took */
    uint64_t turn_ingress_ns;   /* of the oldest message that this turn delivers */
    uint64_t sample_next_ns;    /* the first run from then on is measured */
    uint64_t sample_ingress_ns; /* of the run that is complete when this turn is over; 0: none */
    int64_t sample_sends_left;  /* sends until one is measured */
    uint64_t drained;           /* envelopes, in this drain */
    bool turn_is_sampled;       /* a run of it was */
};

/* ---- hub.c */
void arena_init(struct arena *arena, uint32_t class_index);
/* A chunk with room for size bytes, held until the turn ends. */
struct chunk *arena_reserve(struct hub *hub, struct arena *arena, size_t size);
/* Holds a chunk of an earlier turn until this one ends. */
void arena_hold(struct arena *arena, struct chunk *chunk);
void arena_turn_end(struct hub *hub, struct arena *arena);
uint64_t hub_random(struct hub *hub);
void hub_want(struct hub *hub, struct session *session, uint32_t want);
void hub_timer_update(struct hub *hub, struct session *session);
void array_reserve(void **array, uint32_t *capacity, uint32_t count, size_t item_size);
/* The list of a session is empty: goes back in step, shuts down if it was flushing. */
void session_drained(struct hub *hub, struct session *session);
void session_resume(struct hub *hub, struct session *session, uint32_t pause);
/* It has less to come than before: little enough for PAUSE_BEHIND to end? */
void session_has_read(struct hub *hub, struct session *session);
/* Moves it to another of the queues that share the place, or to none. */
void session_set_flush(struct hub *hub, struct session *session, enum session_flush flush);
void session_set_rest(struct hub *hub, struct session *session, enum session_rest rest);

/* ---- hub_input.c */
void spares_free(struct hub *hub);
void input_free(struct hub *hub, struct session *session);

/* ---- hub_access.c */
void access_begin(struct hub *hub);
void access_end(struct hub *hub);
void proof_home(struct hub *hub, struct proof *proof);
/* REST_PROVING ends. */
void proving_leave(struct hub *hub, struct session *session);
/* The session ends: what it has of all this goes. */
void grant_drop(struct hub *hub, struct session *session);
/* It hears messages with replies. */
void grant_hears(struct hub *hub, struct session *session, struct run_span span);

/* ---- hub_subscribe.c */
static inline bool session_is_solo(const struct session *session)
{
    return session->shared_count == 1 && session->subs.count == 1;
}
static inline bool session_is_mixed(const struct session *session)
{
    return session->shared_count > 0 && !session_is_solo(session);
}
/* The only sub of a solo session. */
struct sub *session_sub(const struct session *session);
/* Leaves step: what the audience rendered this turn becomes extents of the session's own. */
void session_catch_up(struct hub *hub, struct session *session);
/* A solo session: from here on it hears its audience's stream, in step or through a cursor. */
void session_follow(struct hub *hub, struct session *session);
/* NULL: no such sid. */
struct sub *hub_sub_find(const struct hub *hub, const struct session *session, struct bytes sid);
void sub_remove(struct hub *hub, struct session *session, struct sub *sub);
/* The rules changed: gives it the lane that is its own now. */
void hub_sub_rule_again(struct hub *hub, struct session *session, struct sub *sub);
/* The session's grant is another: watches those subscriptions that it wants watched. */
void subs_watch(struct hub *hub, struct session *session);
/* Subscriptions, patterns and interest. */
uint64_t hub_index_bytes(const struct hub *hub);

/* ---- hub_publish.c */
/* The open run is complete: delivers it here and puts it into envelopes. */
void hub_close_run(struct hub *hub);
void hub_match_entries(struct hub *hub, uint32_t account_id, struct bytes subject, uint64_t hash);
/* Gives one message to one member of a group, here or on a worker not in tried. Returns sessions
 * reached here; *elsewhere: a worker was asked. */
uint32_t hub_pick(struct hub *hub, struct run *run, uint32_t candidate, uint64_t tried,
                  bool *elsewhere);
void hub_match_groups(struct hub *hub, struct run *run);
/* Gives a message to one local member of the named group; false: none could take it. */
bool hub_pick_local(struct hub *hub, struct run *run, struct bytes name);
void hub_no_responders(struct hub *hub, const struct run *run);
/* A message with headers and no body, its block in parts, to the session's own plain subscription
 * that the reply would reach; false: it has none. */
bool hub_answer(struct hub *hub, struct session *session, struct bytes reply,
                const struct bytes *parts, size_t count);
void hub_acknowledge(struct hub *hub, struct session *session);
/* What no rule looks at, or no longer. */
enum hub_publish_result hub_publish_clean(struct hub *hub, struct session *session,
                                          const struct message_in *in, bool wants_responder);

/* ---- hub_scrub.c */
enum hub_publish_result hub_publish_scrubbed(struct hub *hub, struct session *session,
                                             const struct message_in *in, size_t limit,
                                             bool wants_responder);

/* ---- hub_deliver.c */
/* Returns sessions reached. */
uint32_t hub_deliver(struct hub *hub, struct audience *audience, struct run_span span);
uint32_t hub_deliver_entries(struct hub *hub, struct run *run);
bool sub_can_take(struct hub *hub, const struct sub *sub, const struct run *run);
void hub_settle(struct hub *hub);
void hub_expire_subs(struct hub *hub);
void session_queue_flush(struct hub *hub, struct session *session);
/* A session is left with bytes: its entries take references. */
void session_pin(struct hub *hub, struct session *session);
struct run *hub_local_run(struct hub *hub, struct run *run);
/* Lets go of trails that nobody follows any more, or of all. */
void hub_trails_rest(struct hub *hub, bool all);
void audience_drop(struct hub *hub, struct audience *audience);

/* ---- hub_peers.c */
void peers_init(struct hub *hub);
void peers_free(struct hub *hub);
bool peers_have_credit(const struct hub *hub, uint64_t mask);
void peers_send_run(struct hub *hub, uint32_t worker, struct run *run, bool plain,
                    struct bytes group, uint64_t tried);
void interest_announce(struct hub *hub, enum interest_kind kind, bool adds, uint32_t account_id,
                       struct bytes pattern, struct bytes queue);
uint64_t peers_return_held(struct hub *hub);

/* ---- hub_foresee.c */
/* These runs, of which done are done, are about to be delivered here. */
void hub_foresee_runs(const struct hub *hub, struct hub_foresight *foresight,
                      const struct envelope_item *items, uint32_t count, uint32_t done);

/* ---- hub_policy.c */
void gates_init(struct hub *hub);
/* Without a walk over sessions. */
void hub_policies_swap(struct hub *hub, const struct policies *policies);
/* The session's terms, made if there were none. */
struct terms *session_terms(struct session *session);
void session_terms_free(struct session *session);
struct bytes sub_pattern(const struct hub *hub, const struct sub *sub);
/* The lane of a new subscription; 0: the ordinary, which needs none. */
uint32_t hub_lane_take(struct hub *hub, struct session *session, struct bytes pattern);
void hub_lane_give(struct hub *hub, struct session *session, uint32_t number, struct bytes pattern);
/* The last entry of the session's list is a lane's. */
void hub_lane_add(struct hub *hub, struct session *session, uint32_t number);
/* A session with terms fell behind. */
void hub_look_over(struct hub *hub, struct session *session);
/* The turn ends. */
void hub_enforce_policies(struct hub *hub);
/* Sessions with terms, around each of their sends. */
void hub_before_send(struct hub *hub, struct session *session);
void hub_after_send(struct hub *hub, struct session *session);
/* Its deadlines; false: the session is closed. */
bool hub_terms_expire(struct hub *hub, struct session *session);
/* A gate is closed or opened here, and everywhere. */
void hub_gate_change(struct hub *hub, bool closes, struct bytes pattern);
/* The same for one that another worker told of. */
void hub_gate_apply(struct hub *hub, bool closes, uint32_t account_id, struct bytes pattern);
bool hub_gate_is_closed(struct hub *hub, uint32_t account_id, struct bytes subject);
/* Gives up what policies allow to be given up. */
void hub_shed(struct hub *hub, struct session *session);
/* What is pending, less what lanes have limits of their own for. */
uint64_t session_pending_limited(const struct session *session);
/* HUB_PUBLISHED: it may be published. size: of headers and payload. */
enum hub_publish_result hub_check_quotas(struct hub *hub, struct session *session, uint64_t size);
void hub_spend_quotas(struct hub *hub, struct session *session, uint64_t size);

static inline bool session_is_patient(const struct session *session)
{
    return session->pending.terms != NULL && session->pending.terms->patient_subs > 0;
}

/* ---- hub_sample.c */
void hub_sample_run(struct hub *hub, struct run *run);
void hub_sample_home(struct hub *hub, struct run *run);
void hub_sample_drained(struct hub *hub);
void hub_sample_streams(struct hub *hub);

/* ---- hub_log.c */
void hub_trace_turn(struct hub *hub);
void hub_trace_answer(const struct hub *hub, const struct session *session, struct bytes answer);
void hub_trace_delivered(struct hub *hub, struct audience *audience, struct run_span span);

/* ---- hub_evacuate.c */
void hub_limit_memory(struct hub *hub);
/* Is memory short, or are deliveries traced? */
bool hub_log_is_watched(const struct hub *hub);
/* Nothing more may be added. */
bool hub_log_is_full(const struct hub *hub);
/* What a turn may add. */
uint64_t hub_log_room(const struct hub *hub);
void session_unblock(struct hub *hub, struct session *session);
void session_block(struct hub *hub, struct session *session);

#endif
