/*
 * sim.h - several workers in one thread on the fake loop; one seed decides everything.
 *
 *   schedule.c   picks: a part of a worker's turn, a client's action, time     (sim_run)
 *   client.c     what clients say and how they read                            bytes ◀▶ oracle calls
 *   oracle.c     what each subscriber must have seen, naively                  sim_fail
 *   settings.c   what a seed decides before the first event
 *   world.c      workers, their half-turns, the seams where others run meanwhile
 *   replies.c    which command an answer belongs to
 *   people.c     users, what they may do, and a helper that looks at passwords
 *
 * Two clocks: now_ns is the hub's; tick counts what clients see, so that "A happened before B" is a
 * comparison.
 *
 * Threads:     one.
 * Memory:      a struct sim is one allocation, used again for the next seed.
 * Beware:      seams (a push, a send) run other workers inside a worker's call, as a scheduler
 *              would; such a worker is busy and is not entered again.
 */
#ifndef RINGHUB_TESTS_SIM_SIM_H
#define RINGHUB_TESTS_SIM_SIM_H

#include "core/hub_snapshot.h"
#include "core/planted.h"
#include "io/worker.h"
#include "tests/sim/coverage.h"
#include "tests/support/loop_fake.h"

#include <setjmp.h>

enum {
    SIM_WORKERS_MAX = 5,
    CLIENTS_MAX = 96,
    COMMANDS_MAX = 768, /* of one client */
    SUBSCRIPTIONS_MAX = 1024,
    PUBLICATIONS_MAX = 4096,
    SUBJECTS_MAX = 20,
    PATTERNS_MAX = 32, /* the pool; pattern PATTERNS_MAX is the client's own inbox */
    QUEUES_MAX = 3,
    NAME_MAX_BYTES = 40,
    USERS_MAX = 5,
    EPOCHS_MAX = 2, /* before and after a reload of what users may do */
    RULES_MAX = 3,  /* of each list of a user */
    PROOFS_HELD_MAX = SIM_WORKERS_MAX * PROOFS_MAX,
};

/* Ticks and commands that never come. */
#define NEVER      UINT64_MAX
#define NO_COMMAND UINT32_MAX

struct sim_settings {
    uint32_t workers;
    uint32_t clients; /* at once */
    uint32_t events;  /* until the end begins */
    uint32_t subjects;
    uint32_t patterns;
    uint32_t queues;
    bool is_tight;   /* sessions may be closed for being slow, large or silent */
    bool has_resets; /* the network breaks connections */
    bool scrubs;
    bool has_users;
    bool has_no_auth_user; /* user 0 */
    bool reloads_users;
    bool drops_over_rate; /* publishers over their rate lose messages, instead of waiting */
    uint32_t scrub_fate;  /* enum scrub_fate; quarantine: the first subject */
    bool stops;           /* ends by ORDER_STOP and not by everybody leaving */
    bool keeps_faults;    /* also while it calms down */
    uint32_t seam_per_mille;
    uint32_t worker_per_mille; /* of the steps; the rest is the clients' */
    uint32_t stall_per_mille;
    uint32_t death_per_mille;
    uint32_t churn_per_mille; /* of commands: SUB and UNSUB */
    uint32_t unsub_per_mille; /* of these: UNSUB */
    uint32_t reply_per_mille;
    uint32_t payload_max;
    uint32_t burst_max;
    uint32_t save_per_mille; /* of the steps: a session is saved and loaded */
    uint64_t step_ns_max;
    uint64_t login_timeout_ns;
    uint32_t max_subscriptions;
    uint64_t max_pending;
    uint64_t log_bytes;
    uint64_t index_bytes;
    uint64_t input_bytes;
    uint64_t credit_bytes;
    uint64_t write_deadline_ns;
    uint64_t ping_interval_ns;
    uint32_t ping_max;
    uint32_t read_buffers;
    uint32_t max_connections;
    bool has_policies;   /* subscribers that are behind lose messages, or are closed */
    bool swaps_policies; /* the rules change while it runs */
    bool has_quotas;     /* publishers wait for their rate: time must pass */
    size_t pipe_to_hub;
    size_t pipe_to_client;
};

struct publication {
    uint32_t client;
    uint32_t seq; /* of its client, from 0 */
    uint32_t command;
    uint32_t block;      /* of its client: changes with the subject */
    uint64_t written;    /* tick at which its last byte was sent */
    uint64_t done;       /* tick at which its publisher knew it was taken */
    const uint8_t *body; /* as it must arrive */
    uint32_t body_size;
    uint32_t received; /* deliveries, all subscriptions together */
    uint32_t missed;   /* that should have been, while is_missing */
    uint16_t subject;
    uint8_t groups_got;
    uint8_t responses; /* 503s */
    bool has_reply;
    bool has_headers;
    bool echo;
    bool wants_responder;
    bool is_refused; /* by the scrub, or not permitted */
    bool is_missing; /* nobody got it: it was over its publisher's rate */
    uint8_t epoch;
    bool is_jailed;   /* sent to quarantine: subject, headers and reply are that message's */
    bool had_headers; /* before it was */
    uint16_t jailed_from;
};

struct subscription {
    uint32_t client;
    uint32_t sid;
    uint32_t command;
    uint32_t end_command;
    uint64_t written;
    uint64_t confirmed;
    uint64_t end_written;   /* from here on it may be gone */
    uint64_t end_confirmed; /* from here on it is */
    uint32_t max;           /* 0: none */
    uint32_t max_command;
    uint64_t max_confirmed;
    uint32_t received;
    uint8_t pattern;
    uint8_t row;       /* of the rule that governs it, by the first set of rules */
    uint8_t queue;     /* 0: none */
    bool must_be_told; /* that it ended by a reload; */
    bool may_be_told;  /* the same, if it was still there */
    bool may_lose;     /* by its policy */
    bool keeps_latest;
    bool is_uncertain;              /* the hub may have refused it */
    bool is_ended;                  /* in the order of the client's commands */
    uint32_t next_seq[CLIENTS_MAX]; /* of each publisher: what may come at least */
    uint64_t got[PUBLICATIONS_MAX / 64];
};

/* What one user may do: patterns each; none: not given. Their own inbox is allowed to all. */
struct rules {
    char text[RULES_MAX][NAME_MAX_BYTES];
    uint32_t count;
};

struct user {
    struct rules publish_allow, publish_deny;
    struct rules subscribe_allow, subscribe_deny;
    bool is_hashed;
    bool has_permit;
    bool responds; /* may answer what it hears, once */
    bool is_gone;  /* since the reload */
};

enum command_kind {
    COMMAND_CONNECT,
    COMMAND_SUB,
    COMMAND_UNSUB,
    COMMAND_PUB,
    COMMAND_PING,
    COMMAND_OTHER,
};

enum reply_kind { REPLY_NONE, REPLY_OK, REPLY_PONG, REPLY_ERR };

struct command {
    uint64_t end; /* offset in what the client says */
    uint64_t written;
    uint32_t ref; /* PUB, SUB, UNSUB: which */
    uint8_t kind;
    uint8_t reply;
    bool is_max; /* UNSUB with a maximum */
};

enum client_state { CLIENT_LIVE, CLIENT_SHUT, CLIENT_DEAD, CLIENT_GONE };

struct client {
    uint32_t id;
    enum client_state state;
    struct fake_client *link;
    struct command commands[COMMANDS_MAX];
    uint32_t commands_count;
    uint32_t written_count;
    uint32_t confirmed_count;
    uint32_t reply_at; /* the first command whose answer did not come */
    uint8_t *out;      /* said and not sent */
    size_t out_size, out_capacity;
    uint64_t out_base; /* offset of out[0] */
    uint8_t *in;
    size_t in_size, in_at, in_capacity;

    /* In the order of its commands. */
    bool connected;
    uint32_t user;      /* the same for its whole life */
    bool shows_nothing; /* is no_auth_user, and brings no credentials */
    bool verbose;
    bool echo;
    bool headers;
    bool no_responders;
    bool headers_varied; /* what it understands changed after it subscribed */
    uint32_t seq;
    uint32_t next_sid;

    bool is_stalled;
    bool has_sinned; /* the hub has reason to close it */
    bool was_stalled;
    bool is_finishing; /* says nothing new; then it shuts down */
    uint32_t *pubs;    /* publication of each seq */
    uint32_t subs[SUBSCRIPTIONS_MAX];
    uint32_t subs_count;
    uint32_t subs_retired;          /* of these: over for the check of done publications */
    uint32_t done_checked;          /* in the list of done publications */
    uint32_t own_checked;           /* commands */
    uint32_t next_seq[CLIENTS_MAX]; /* of each publisher, over all subscriptions */
    bool must_go;                   /* its user is gone */
    uint64_t answered[PUBLICATIONS_MAX / 64];
    bool is_reloaded;
    bool has_moved; /* to another worker */
    uint64_t moved_last;
    uint64_t moved_at;    /* from here … */
    uint64_t moved_until; /* … until here it may miss what others publish */
};

enum worker_state { WORKER_IDLE, WORKER_ASLEEP, WORKER_AWAKE, WORKER_GONE };

struct sim_worker {
    struct worker *worker;
    enum worker_state state;
    bool is_busy;
    uint64_t timeout_ns;
    uint64_t due_ns;
    struct snapshot watch; /* monitoring's walk */
    uint32_t watches;      /* walks begun; 0: none */
};

struct sim {
    uint64_t seed;
    uint64_t random;
    struct sim_settings settings;
    bool traces;
    jmp_buf failed;
    char failure[512];

    uint64_t now_ns;
    uint64_t tick;
    uint64_t events;
    uint32_t depth; /* of seams */
    bool is_calm;   /* no new ideas */
    bool is_over;   /* everybody leaves */

    struct policies *policies[2]; /* the second takes turns with the first, if at all */
    struct fake_world *world;
    struct nats nats;
    struct settings hub_settings;
    struct settings reloaded_settings;
    struct port *ports;
    struct loop *loops[SIM_WORKERS_MAX];
    ATOMIC(uint64_t) client_ids;
    struct sim_worker workers[SIM_WORKERS_MAX];

    char subjects[SUBJECTS_MAX][NAME_MAX_BYTES];
    char patterns[PATTERNS_MAX][NAME_MAX_BYTES];
    bool matches[PATTERNS_MAX + 1][SUBJECTS_MAX];

    struct client clients[CLIENTS_MAX];
    uint32_t clients_count;
    uint32_t clients_live;

    struct publication pubs[PUBLICATIONS_MAX];
    uint32_t pubs_count;
    struct subscription subs[SUBSCRIPTIONS_MAX];
    uint32_t subs_count;
    uint32_t done[PUBLICATIONS_MAX]; /* publications in the order they were done */
    uint32_t done_count;
    uint32_t missing; /* deliveries that should have been; only the memory limit excuses them */
    uint32_t missing_of[POLICY_RULES_MAX]; /* the same where a rule may drop, by its row */
    uint32_t late_picks;                   /* queue messages out of order */
    char missing_what[256];

    struct user users[EPOCHS_MAX][USERS_MAX];
    uint32_t users_count;
    uint32_t epoch;
    struct access *access;
    struct access *reloaded_access;
    uint32_t replies_said;
    uint32_t missing_pubs;                 /* over the rate of their publishers */
    struct proof *proofs[PROOFS_HELD_MAX]; /* a helper has them */
    uint32_t proofs_count;

    uint8_t *arena; /* bodies */
    size_t arena_used, arena_size;
    uint8_t *babble; /* what payloads are made of */

    struct coverage *coverage;
};

/* ---- chance ---------------------------------------------------------------------------------- */
uint64_t sim_draw(struct sim *sim);
/* 0 to below-1. */
uint32_t sim_below(struct sim *sim, uint32_t below);
bool sim_chance(struct sim *sim, uint32_t per_mille);
/* A size with a log-uniform look: small ones often. 1 to max. */
uint32_t sim_size(struct sim *sim, uint32_t max);

/* ---- life ------------------------------------------------------------------------------------ */
struct sim *sim_new(struct coverage *coverage);
void sim_free(struct sim *sim);
/* One seed from the start to the end. False: it failed, and sim->failure says how. */
bool sim_run(struct sim *sim, uint64_t seed);
void sim_fail(struct sim *sim, const char *format, ...) PRINTF(2, 3) __attribute__((noreturn));
void sim_trace(const struct sim *sim, const char *format, ...) PRINTF(2, 3);

/* ---- settings.c */
void settings_draw(struct sim *sim);

/* ---- policies.c */
void policies_draw(struct sim *sim);
/* Which rule is the subscription's, and what may it do? By a reading of the rules that is not the
 * hub's. */
void policies_judge(struct sim *sim, struct subscription *sub);
/* Other rules from now on, on all workers that are idle; or nothing. */
void policies_swap(struct sim *sim);
/* What the hubs say that their policies dropped: one row, or all. */
uint64_t policies_dropped(struct sim *sim, uint32_t row);
uint64_t policies_dropped_in_all(struct sim *sim);
void policies_let_go(struct sim *sim);
/* ---- body.c */
/* The body of the client's next publication, at most max bytes. Returns its size. */
size_t body_compose(struct sim *sim, const struct client *client, uint8_t *body, size_t max);
/* As the scrub rules of settings.c would have it: "dirt" is shortened, "evil" is refused. False: the
 * arena is full. */
bool body_expect(struct sim *sim, struct publication *pub, struct bytes said);

/* ---- people.c */
void people_draw(struct sim *sim);
void people_open(struct sim *sim);
void people_close(struct sim *sim);
/* What its CONNECT says of it; is_wrong: by mistake. */
void people_credentials(const struct sim *sim, const struct client *client, bool is_wrong,
                        char *text, size_t size);
/* A helper makes up its mind about one of its proofs; false: it has none. */
bool people_prove(struct sim *sim);
bool people_may_publish(const struct sim *sim, uint32_t user, const char *subject);
bool people_may_subscribe(const struct sim *sim, uint32_t user, const char *pattern);
/* When it was the epoch's rules that held. */
bool people_may_hear(const struct sim *sim, uint32_t epoch, uint32_t user, const char *subject);
/* The reply apart from being an answer. */
bool people_may_say(const struct sim *sim, uint32_t user, const char *reply);
bool people_answer(const struct sim *sim, uint32_t user);
/* Everything is quiet. Others rules from now on; what ends by that is noted. */
void people_reload(struct sim *sim);
/* Whoever had to be told was told, and whoever had to go is gone. */
void people_judge(struct sim *sim);

/* ---- world.c */
void world_open(struct sim *sim);
/* Everything must be as at the start. */
void world_close(struct sim *sim);
/* After a failure: forgets, and does not look. */
void world_abandon(struct sim *sim);
/* True if it could do something. */
bool world_worker_step(struct sim *sim, uint32_t worker);
void world_faults(struct sim *sim, bool on);
void world_check(struct sim *sim);
/* Saves a session, closes it, and loads it into a fresh one on the same connection. */
void world_reload(struct sim *sim);
/* Moves the clock to the nearest deadline of a sleeper. False: there is none. */
bool world_skip_time(struct sim *sim);
void world_order(struct sim *sim, enum order_kind kind, void *argument);
uint64_t world_dropped_for_rate(struct sim *sim);
uint64_t world_dropped_for_memory(struct sim *sim);
struct hub *world_hub_of(struct sim *sim, uint32_t worker);
uint64_t world_repicks(struct sim *sim);
struct hub_gauges world_gauges(struct sim *sim, uint32_t worker);

/* ---- watcher.c */
/* After a turn of this worker. */
void watcher_look(struct sim *sim, uint32_t number);
void watcher_end(struct sim *sim);

/* ---- schedule.c */
void schedule_step(struct sim *sim);
void schedule_seam(struct sim *sim);

/* ---- client.c */
struct client *client_connect(struct sim *sim);
void client_step(struct sim *sim, struct client *client);
/* Sends and receives all it can. True if anything moved. */
bool client_settle(struct sim *sim, struct client *client);
void client_ping(struct sim *sim, struct client *client);
void client_leave(struct sim *sim, struct client *client);
void client_release(struct client *client);
bool client_is_open(const struct client *client);

/* ---- replies.c */
void reply_came(struct sim *sim, struct client *client, enum reply_kind reply);
void reply_error(struct sim *sim, struct client *client, struct bytes line);

/* ---- oracle.c */
bool oracle_pattern_matches(const char *pattern, const char *subject);
bool oracle_matches(const struct sim *sim, const struct subscription *sub,
                    const struct publication *pub);
void oracle_written(struct sim *sim, struct client *client, struct command *command);
void oracle_confirmed(struct sim *sim, struct client *client, uint32_t command);
void oracle_pong(struct sim *sim, struct client *client, uint32_t command);
struct delivery {
    uint32_t sid;
    struct bytes subject;
    struct bytes reply;
    struct bytes headers; /* empty: MSG */
    struct bytes body;
};
void oracle_delivered(struct sim *sim, struct client *client, const struct delivery *delivery);
/* The client's subscriptions are ending: it shut down, or was cut off. */
void oracle_ending(struct sim *sim, struct client *client);
/* Its session was saved and loaded; is_elsewhere: on another worker, where messages that were
 * published meanwhile do not follow. */
void oracle_moved(struct sim *sim, struct client *client, bool is_elsewhere);
/* The hub has closed it. */
void oracle_ended(struct sim *sim, struct client *client);
/* Everything is quiet. */
void oracle_judge(struct sim *sim);

#endif
