/*
 * hub_world.h - N hubs in one thread, with clients whose sockets do as they are told.
 *
 *   client_says ──reads──▶ nats_bytes ─▶ hub ──sends──▶ the client's socket ──▶ client_heard
 *                                                        takes `room` bytes, `send_max` at a time
 *
 * A turn is worker.c's turn without a loop. Reads reach a session only while it is armed; a socket
 * that was full becomes writable in the turn after it has room again; what asked to be closed is
 * gone in the turn after.
 *
 * Threads:     one.
 * Memory:      the world owns everything. It takes none of it from memory_alloc, so that what
 *              memory_allocations counts is the hub's.
 */
#ifndef RINGHUB_TESTS_SUPPORT_HUB_WORLD_H
#define RINGHUB_TESTS_SUPPORT_HUB_WORLD_H

#include "core/proto/nats.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WORLD_WORKERS_MAX = 32, WORLD_WORKERS_USUAL = 4 };

#define WORLD_SECOND_NS 1000000000ull

struct world;

struct client {
    struct world *world;
    struct client *next;
    uint32_t worker;
    uint32_t slot;
    uint32_t generation;
    uint32_t number;
    bool is_open;  /* its session is there */
    bool is_armed; /* the hub reads from it */
    bool is_full;  /* the hub waits for room */
    bool got_fin;
    bool got_reset;
    bool is_closing; /* the hub asked io to close it */
    bool is_dead;    /* sends to it fail */
    bool is_deaf;    /* keeps no copy of what it takes */
    bool ends_late;  /* does not answer FIN by FIN */
    bool is_end_queued;
    size_t room;     /* bytes its socket takes until it is full; SIZE_MAX at first */
    size_t send_max; /* bytes one send can take; SIZE_MAX at first */
    uint64_t taken;  /* bytes, ever */
    uint8_t *got;    /* taken since client_forget, NUL behind it */
    size_t got_size;
    size_t got_capacity;
};

struct world_options {
    uint32_t workers;         /* 0: 1 */
    struct hub_options hub;   /* fields that are 0 get roomy defaults */
    struct nats_options nats; /* the same */
    bool checks;              /* every turn ends with a check of all invariants */
};

struct world *world_new(const struct world_options *options);
/* Frees hubs and clients as they are. */
void world_free(struct world *world);
/* Closes what is open, runs until nothing is left, checks that nothing is, and frees. */
void world_end(struct world *world);

/* Answers the oldest proof that a worker waits for, as a helper would; false: it waits for none. */
bool world_prove(struct world *world, uint32_t worker, bool passed);
struct hub *world_hub(struct world *world, uint32_t worker);
struct metrics *world_metrics(struct world *world, uint32_t worker);
uint64_t world_now(const struct world *world);
void world_pass(struct world *world, uint64_t ns);

/* One turn of one worker, of all in their order, or as many as it takes until nothing is left to do
 * without time passing. */
void world_turn_of(struct world *world, uint32_t worker);
/* A turn in two halves, its inbox drained in the first: other workers may turn in between. */
void world_turn_begin_of(struct world *world, uint32_t worker);
void world_turn_end_of(struct world *world, uint32_t worker);
void world_turn(struct world *world);
void world_run(struct world *world);
void world_check(struct world *world);

/* Clients come from there from now on; borrowed. */
void world_address(struct world *world, const char *address);
/* A session that has been greeted, its INFO forgotten; connect: what CONNECT says, or NULL. */
struct client *client_open(struct world *world, uint32_t worker, const char *connect);
/* Not verbose, with echo and headers: what most tests want. */
struct client *client_plain(struct world *world, uint32_t worker);
struct session *client_session(const struct client *client);
uint64_t client_pending(const struct client *client);

/* One read of the next turn. */
void client_says(struct client *client, const char *format, ...) PRINTF(2, 3);
void client_says_bytes(struct client *client, const void *bytes, size_t size);
/* Publishes `size` letters that begin with text. */
void client_publishes(struct client *client, const char *subject, const char *text, size_t size);
/* The peer's FIN. */
void client_ends(struct client *client);
const char *client_heard(const struct client *client);
void client_forget(struct client *client);

/* Fails the test with both texts; forgets what was heard. */
void client_expect_at(struct client *client, const char *expected, const char *file, int line);
#define CLIENT_EXPECT(client, expected) client_expect_at(client, expected, __FILE__, __LINE__)

#ifdef __cplusplus
}
#endif
#endif
