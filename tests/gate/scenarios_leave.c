/* scenarios_leave.c - a client of many subscriptions leaves: what each of them costs then.
 *
 * Whatever looks through the others for each that goes (a table emptied from one end, a list searched
 * from its head) costs thousands of instructions a subscription here, and not 3 % more. */
#include "tests/gate/scenario.h"

#include <stdio.h>

enum {
    SUBS = 10000,
    LINES = 50,  /* in one read */
    LEAVERS = 2, /* the first is the warm-up */
    READ_MAX = 4096,
};

struct subs {
    int subjects; /* all different */
    const char *end;
    const char *queue;
};

static void subscribe_all(struct rig *rig, struct session *session, struct subs subs)
{
    for (int first = 0; first < SUBS; first += LINES) {
        char text[READ_MAX];
        size_t size = 0;
        for (int i = first; i < first + LINES; i++) {
            int line = snprintf(text + size, READ_MAX - size, "SUB orders.%d.%s %s %d\r\n",
                                i % subs.subjects, subs.end, subs.queue, i + 1);
            ASSERT(line > 0 && size + (size_t)line < READ_MAX);
            size += (size_t)line;
        }
        rig_read(rig, 0, session, bytes_of(text, size));
        rig_turn(rig, 0);
    }
    ASSERT(session->subs.count == SUBS);
}

/* The others hear of it, where there are others. */
static void everybodys_turn(struct rig *rig)
{
    for (uint32_t w = 0; w < rig->workers; w++) {
        rig_turn(rig, w);
    }
}

static void leave(struct rig *rig, uint32_t workers, struct subs subs)
{
    rig_init(rig, workers, 64);
    for (int i = 0; i < LEAVERS; i++) {
        struct session *session = rig_open(rig, 0);
        subscribe_all(rig, session, subs);
        everybodys_turn(rig);
        if (i + 1 == LEAVERS) {
            rig_measure(rig);
        }
        rig_read(rig, 0, session, (struct bytes){0});
        everybodys_turn(rig);
        everybodys_turn(rig);
    }
    rig_measured(rig, SUBS);
    ASSERT(hub_sessions_count(rig->hubs[0]) == 0);
    struct metrics *metrics = hub_metrics(rig->hubs[0]);
    ASSERT(metrics->subscriptions_removed == (uint64_t)LEAVERS * SUBS);
}

static void literals(struct rig *rig)
{
    leave(rig, 1, (struct subs){SUBS, "new", ""});
}

static void literals_and_another_worker(struct rig *rig)
{
    leave(rig, 2, (struct subs){SUBS, "new", ""});
}

static void wildcards(struct rig *rig)
{
    leave(rig, 1, (struct subs){SUBS, "*", ""});
}

static void one_subject(struct rig *rig)
{
    leave(rig, 1, (struct subs){1, "new", ""});
}

static void one_group(struct rig *rig)
{
    leave(rig, 1, (struct subs){1, "new", "workers"});
}

const struct scenario scenarios_leave[] = {
    {"leave/10000_literals", "subscription removed", literals},
    {"leave/10000_literals_2_workers", "subscription removed", literals_and_another_worker},
    {"leave/10000_wildcards", "subscription removed", wildcards},
    {"leave/10000_on_one_subject", "subscription removed", one_subject},
    {"leave/10000_in_one_group", "subscription removed", one_group},
    {NULL, NULL, NULL},
};
