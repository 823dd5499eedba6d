/* scenarios_session.c - subscriptions that come and go, connections that come and go. */
#include "tests/gate/scenario.h"

#include <stdio.h>

enum {
    BYSTANDERS = 10000, /* of the crowded entry */
    PAIRS = 16,         /* SUB and UNSUB in one read */
    WARM_ROUNDS = 8,
    ROUNDS = 16,
    READ_MAX = 4096,
};

/* SUB and UNSUB of PAIRS subscriptions in one turn; a subject that holds a %d gets a number of its
 * own in each pair, and in each round another. */
static void subscribe(struct rig *rig, uint32_t bystanders, const char *subject, const char *queue)
{
    rig_init(rig, 1, BYSTANDERS + 64);
    for (uint32_t i = 0; i < bystanders; i++) {
        rig_say(rig, 0, rig_open(rig, 0), "SUB %s 1\r\n", subject);
    }
    struct session *session = rig_open(rig, 0);
    for (int round = 0; round < WARM_ROUNDS + ROUNDS; round++) {
        char text[READ_MAX];
        size_t size = 0;
        for (int i = 0; i < PAIRS; i++) {
            int number = 100 + (round * PAIRS + i) % 900;
            int line = snprintf(text + size, READ_MAX - size, "SUB %s%s%s %d\r\nUNSUB %d\r\n",
                                subject, queue[0] ? " " : "", queue, number, number);
            ASSERT(line > 0 && size + (size_t)line < READ_MAX);
            size += (size_t)line;
        }
        if (round == WARM_ROUNDS) {
            rig_measure(rig);
        }
        rig_read(rig, 0, session, bytes_of(text, size));
        rig_turn(rig, 0);
    }
    rig_measured(rig, ROUNDS * PAIRS);
    ASSERT(session->subs.count == 0);
    struct metrics *metrics = hub_metrics(rig->hubs[0]);
    ASSERT(metrics->subscriptions_removed == (WARM_ROUNDS + ROUNDS) * PAIRS);
}

static void literal(struct rig *rig)
{
    subscribe(rig, 0, "orders.eu.new", "");
}

static void wildcard(struct rig *rig)
{
    subscribe(rig, 0, "orders.*.new", "");
}

static void queue(struct rig *rig)
{
    subscribe(rig, 0, "orders.eu.new", "workers");
}

static void crowded(struct rig *rig)
{
    subscribe(rig, BYSTANDERS, "orders.eu.new", "");
}

/* Joins and leaves the very audience of the crowd. */
static void crowded_same_sid(struct rig *rig)
{
    rig_init(rig, 1, BYSTANDERS + 64);
    for (uint32_t i = 0; i < BYSTANDERS; i++) {
        rig_say(rig, 0, rig_open(rig, 0), "SUB orders.eu.new 1\r\n");
    }
    struct session *session = rig_open(rig, 0);
    static const char pair[] = "SUB orders.eu.new 1\r\nUNSUB 1\r\n";
    char text[READ_MAX];
    size_t size = 0;
    for (int i = 0; i < PAIRS; i++) {
        memcpy(text + size, pair, sizeof(pair) - 1);
        size += sizeof(pair) - 1;
    }
    for (int round = 0; round < WARM_ROUNDS + ROUNDS; round++) {
        if (round == WARM_ROUNDS) {
            rig_measure(rig);
        }
        rig_read(rig, 0, session, bytes_of(text, size));
        rig_turn(rig, 0);
    }
    rig_measured(rig, ROUNDS * PAIRS);
}

/* What a short-lived client does: greeted, CONNECT, SUB, PING, its FIN; one read each. */
static void life(struct rig *rig)
{
    static const char connect[] =
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false,\"name\":\"gate\","
        "\"lang\":\"c\",\"version\":\"3.8.0\",\"protocol\":1,\"echo\":true,\"headers\":true,"
        "\"no_responders\":true}\r\n";
    static const char rest[] = "SUB orders.eu.new 1\r\nPING\r\n";
    struct session *session = rig_accept(rig, 0);
    rig_turn(rig, 0);
    rig_read(rig, 0, session, bytes_of(connect, sizeof(connect) - 1));
    rig_turn(rig, 0);
    rig_read(rig, 0, session, bytes_of(rest, sizeof(rest) - 1));
    rig_turn(rig, 0);
    rig_read(rig, 0, session, (struct bytes){0});
    rig_turn(rig, 0);
    rig_turn(rig, 0);
}

static void connection(struct rig *rig)
{
    rig_init(rig, 1, 64);
    for (int i = 0; i < WARM_ROUNDS; i++) {
        life(rig);
    }
    rig_measure(rig);
    for (int i = 0; i < ROUNDS; i++) {
        life(rig);
    }
    rig_measured(rig, ROUNDS);
    ASSERT(hub_sessions_count(rig->hubs[0]) == 0);
    struct metrics *metrics = hub_metrics(rig->hubs[0]);
    ASSERT(metrics->subscriptions_removed == WARM_ROUNDS + ROUNDS);
}

const struct scenario scenarios_session[] = {
    {"subscription/literal", "SUB and UNSUB", literal},
    {"subscription/wildcard", "SUB and UNSUB", wildcard},
    {"subscription/queue", "SUB and UNSUB", queue},
    {"subscription/beside_10000", "SUB and UNSUB", crowded},
    {"subscription/among_10000", "SUB and UNSUB", crowded_same_sid},
    {"connection/life", "connection", connection},
    {NULL, NULL, NULL},
};
