/*
 * fake_hubs.h - several workers over one fake network, turned one at a time by the test.
 *
 *   hubs_new ▶ join, say, turn_of, run, order … ▶ hubs_free (stops them, looks for what was left)
 *
 * Nothing happens between two calls unless the test says so; a failed expectation is cmocka's.
 *
 * Threads:     one.
 * Memory:      hubs own everything; clients are the world's.
 */
#ifndef RINGHUB_TESTS_SUPPORT_FAKE_HUBS_H
#define RINGHUB_TESTS_SUPPORT_FAKE_HUBS_H

#include "io/worker.h"
#include "tests/support/loop_fake.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HUBS_MAX = 5,
    HUBS_SESSIONS_MAX = 1100, /* of each worker */
    HUBS_ROUNDS_MAX = 10000,  /* turns of everybody after which nothing comes any more */
    HUBS_HEARD_MAX = 64 * 1024,
};

#define HUBS_SECOND_NS 1000000000ull

struct hubs {
    struct fake_world *world;
    uint32_t workers;
    struct port *ports;
    struct loop *loops[HUBS_MAX];
    struct worker *all[HUBS_MAX];
    bool has_ended[HUBS_MAX];
    ATOMIC(uint64_t) client_ids;
    struct nats nats;
    struct settings settings;
    struct log *log; /* of worker 0 */
    uint64_t now_ns;
    char heard[HUBS_HEARD_MAX];
};

struct hubs *hubs_new(uint32_t workers, uint32_t max_connections);
/* Stops whatever still runs, and looks whether anything was left behind. */
void hubs_free(struct hubs *hubs);

/* One wait; one wait and one turn (a worker that has ended does nothing any more). */
void hubs_wait(struct hubs *hubs, uint32_t number);
void hubs_turn(struct hubs *hubs, uint32_t number);
/* Turns all until nobody has anything to do before time passes. */
void hubs_run(struct hubs *hubs);
void hubs_order(struct hubs *hubs, uint32_t number, enum order_kind kind, void *argument);
/* Turns the workers until all have ended, in an order drawn from the seed. */
void hubs_end(struct hubs *hubs, uint64_t seed);

struct hub_gauges hubs_gauges(struct hubs *hubs, uint32_t number);
uint32_t hubs_sessions(struct hubs *hubs, uint32_t number);

void hubs_say(struct fake_client *client, const char *text);
/* What the client has received and not read, as text; until the next call. */
const char *hubs_hear(struct hubs *hubs, struct fake_client *client);
/* A connected client that has read its INFO; successive ones land on successive workers. */
struct fake_client *hubs_join(struct hubs *hubs);
struct fake_client *hubs_join_saying(struct hubs *hubs, const char *text);

#ifdef __cplusplus
}
#endif
#endif
