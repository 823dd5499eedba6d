/*
 * scenarios_scrub.c - what rules cost a message: none at all, rules for other subjects, rules for
 * this one.
 *
 * A subject that begins like none with rules pays a few instructions, one that does looks into a
 * cache.
 */
#include "core/scrub.h"
#include "tests/gate/scenario.h"

#include <stdio.h>

enum { WARM_TURNS = 8, TURNS = 16, BATCH = 32 /* messages a turn */, SUBJECTS = 8 };

/* 128 bytes. */
static const char payload[] =
    "{\"id\":1001,\"user\":{\"name\":\"Somebody Else\",\"tags\":[\"a\",\"bb\"]},\"text\":\"the "
    "quick brown fox jumps over it\",\"price\":12.50,\"ok\":true}";

static struct scrub_rules *rules_for(struct bytes subject)
{
    struct scrub_rule_options options = {.subjects = {.items = &subject, .count = 1},
                                         .utf8 = SCRUB_CHECK,
                                         .json = true,
                                         .finders = (1u << FINDER_KINDS) - 1};
    struct scrub_error error;
    struct scrub_rules *rules = scrub_rules_new(&options, 1, &error);
    ASSERT(rules != NULL);
    return rules;
}

/* Subjects change from message to message, as they do where there is more than one publisher. */
static void messages(struct rig *rig, const char *ruled)
{
    static char text[BATCH * (sizeof(payload) + 64)];
    size_t size = 0;
    rig_init(rig, 1, 64);
    if (ruled != NULL) {
        struct scrub_rules *rules = rules_for(bytes_text(ruled));
        hub_scrub_set(rig->hubs[0], rules);
        scrub_rules_unref(rules);
    }
    rig_say(rig, 0, rig_open(rig, 0), "SUB > 1\r\n");
    struct session *publisher = rig_open(rig, 0);
    for (int i = 0; i < BATCH; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "PUB orders.%d %zu\r\n%s\r\n",
                                 i % SUBJECTS, sizeof(payload) - 1, payload);
    }
    for (int turn = 0; turn < WARM_TURNS + TURNS; turn++) {
        if (turn == WARM_TURNS) {
            rig_measure(rig);
        }
        uint64_t before = rig_deliveries(rig);
        rig_read(rig, 0, publisher, bytes_of(text, size));
        rig_turn(rig, 0);
        ASSERT(rig_deliveries(rig) - before == BATCH);
    }
    rig_measured(rig, (uint64_t)TURNS * BATCH);
    const struct scrub *scrub = hub_scrub(rig->hubs[0]);
    ASSERT((scrub != NULL) == (ruled != NULL));
    bool applies = ruled != NULL && ruled[2] == 'd';
    uint64_t passed = scrub != NULL ? scrub_counters(scrub, 0)->passed : 0;
    ASSERT(passed == (applies ? (WARM_TURNS + TURNS) * BATCH : 0));
}

static void none(struct rig *rig)
{
    messages(rig, NULL);
}

static void elsewhere(struct rig *rig)
{
    messages(rig, "logs.>");
}

static void nearby(struct rig *rig)
{
    messages(rig, "or.>");
}

static void usual(struct rig *rig)
{
    messages(rig, "orders.*");
}

const struct scenario scenarios_scrub[] = {
    {"scrub/no_rules", "message", none},
    {"scrub/rules_elsewhere", "message", elsewhere},
    {"scrub/rules_nearby", "message", nearby},
    {"scrub/utf8_json_masks", "message", usual},
    {NULL, NULL, NULL},
};
