/* scenarios_delivery.c - from a publisher's bytes to what each subscriber is sent. */
#include "tests/gate/scenario.h"

#include <stdio.h>

enum {
    SUBSCRIBERS = 1000,
    SUBJECTS = 1000, /* of the mixed sessions */
    SUBS_EACH = 10,
    MIXED_MESSAGES = 100,
    WARM_TURNS = 8,
    TURNS = 16,
    BATCH = 32, /* messages a turn */
    PAYLOAD = 128,
    READ_MAX = 192 * 1024,
    SETS_SESSIONS = 100,
    SETS_TURNS = 4,
    PIECES_OWN = PENDING_OWN, /* entries of its own; what else comes in the same turn is shared */
    PIECES = 1024,
};

struct text {
    char bytes[READ_MAX];
    size_t size;
};

static void publish(struct text *text, const char *subject)
{
    int head = snprintf(text->bytes + text->size, READ_MAX - text->size, "PUB %s %d\r\n", subject,
                        PAYLOAD);
    text->size += (size_t)head;
    ASSERT(text->size + PAYLOAD + 2 <= READ_MAX);
    memset(text->bytes + text->size, 'x', PAYLOAD);
    memcpy(text->bytes + text->size + PAYLOAD, "\r\n", 2);
    text->size += PAYLOAD + 2;
}

/* The same read in every turn; deliveries is what each turn must amount to. Of several workers all
 * have their turn, and the first another one, in which envelopes come home. */
static void turns(struct rig *rig, struct session *publisher, const struct text *text, int count,
                  uint64_t deliveries)
{
    for (int turn = 0; turn < count; turn++) {
        uint64_t before = rig_deliveries(rig);
        rig_read(rig, 0, publisher, bytes_of(text->bytes, text->size));
        for (uint32_t w = 0; w < rig->workers; w++) {
            rig_turn(rig, w);
        }
        if (rig->workers > 1) {
            rig_turn(rig, 0);
        }
        ASSERT(rig_deliveries(rig) - before == deliveries);
    }
}

/* So many turns, after others that warm up. */
static void measure(struct rig *rig, struct session *publisher, const struct text *text, int count,
                    uint64_t deliveries)
{
    turns(rig, publisher, text, WARM_TURNS, deliveries);
    rig_measure(rig);
    turns(rig, publisher, text, count, deliveries);
    rig_measured(rig, (uint64_t)count * deliveries);
}

static void shared(struct rig *rig, int messages)
{
    rig_init(rig, 1, 2 * SUBSCRIBERS);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        rig_say(rig, 0, rig_open(rig, 0), "SUB news.today 1\r\n");
    }
    struct session *publisher = rig_open(rig, 0);
    struct text text = {.size = 0};
    for (int i = 0; i < messages; i++) {
        publish(&text, "news.today");
    }
    uint64_t deliveries = (uint64_t)messages * SUBSCRIBERS;
    measure(rig, publisher, &text, TURNS, deliveries);
}

static void shared_one(struct rig *rig)
{
    shared(rig, 1);
}

static void shared_batch(struct rig *rig)
{
    shared(rig, BATCH);
}

static void sids(struct rig *rig, int messages)
{
    rig_init(rig, 1, 2 * SUBSCRIBERS);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        rig_say(rig, 0, rig_open(rig, 0), "SUB news.today %d\r\n", 1000 + i);
    }
    struct session *publisher = rig_open(rig, 0);
    struct text text = {.size = 0};
    for (int i = 0; i < messages; i++) {
        publish(&text, "news.today");
    }
    uint64_t deliveries = (uint64_t)messages * SUBSCRIBERS;
    measure(rig, publisher, &text, TURNS, deliveries);
}

static void sids_one(struct rig *rig)
{
    sids(rig, 1);
}

static void sids_batch(struct rig *rig)
{
    sids(rig, BATCH);
}

/* Session s hears ten neighbouring subjects under sids 1 to 10, so each subject has ten audiences
 * (every sid comes once) or one (when same_sid: the sid is the subject's number). */
static void mixed(struct rig *rig, bool same_sid)
{
    rig_init(rig, 1, 2 * SUBSCRIBERS);
    for (int s = 0; s < SUBSCRIBERS; s++) {
        struct session *session = rig_open(rig, 0);
        for (int k = 0; k < SUBS_EACH; k++) {
            int subject = (s * 7 + k * 101) % SUBJECTS;
            rig_say(rig, 0, session, "SUB item.%d %d\r\n", subject, same_sid ? subject + 1 : k + 1);
        }
    }
    struct session *publisher = rig_open(rig, 0);
    struct text text = {.size = 0};
    for (int i = 0; i < MIXED_MESSAGES; i++) {
        char subject[32];
        int size = snprintf(subject, sizeof(subject), "item.%d", i * 37 % SUBJECTS);
        ASSERT(size > 0);
        publish(&text, subject);
    }
    uint64_t deliveries = MIXED_MESSAGES * SUBS_EACH;
    measure(rig, publisher, &text, TURNS, deliveries);
}

static void mixed_shared(struct rig *rig)
{
    mixed(rig, true);
}

static void mixed_sids(struct rig *rig)
{
    mixed(rig, false);
}

/* Ten subjects that take turns, so that each message is a piece. All sessions hear the same ten; where
 * sets are their own, also two subjects of two neighbours each, by which no two hear the same. */
static void sets(struct rig *rig, int pieces, bool own_sets)
{
    rig_init(rig, 1, 2 * SETS_SESSIONS);
    for (int s = 0; s < SETS_SESSIONS; s++) {
        struct session *session = rig_open(rig, 0);
        for (int k = 0; k < SUBS_EACH; k++) {
            rig_say(rig, 0, session, "SUB item.%d %d\r\n", k, k + 1);
        }
        for (int k = 0; k < (own_sets ? 2 : 0); k++) {
            int pair = (s + k) % SETS_SESSIONS;
            rig_say(rig, 0, session, "SUB pair.%d %d\r\n", pair, 100 + pair % 2);
        }
    }
    struct session *publisher = rig_open(rig, 0);
    struct text text = {.size = 0};
    for (int i = 0; i < pieces; i++) {
        char subject[32];
        int size = snprintf(subject, sizeof(subject), "item.%d", i % SUBS_EACH);
        ASSERT(size > 0);
        publish(&text, subject);
    }
    uint64_t deliveries = (uint64_t)pieces * SETS_SESSIONS;
    measure(rig, publisher, &text, SETS_TURNS, deliveries);
}

static void sets_own_entries(struct rig *rig)
{
    sets(rig, PIECES_OWN, false);
}

static void sets_shared(struct rig *rig)
{
    sets(rig, PIECES, false);
}

static void sets_each(struct rig *rig)
{
    sets(rig, PIECES, true);
}

/* A publisher here, one subscriber there. */
static void envelopes(struct rig *rig, int messages, bool same_subject)
{
    rig_init(rig, 2, 64);
    struct session *subscriber = rig_open(rig, 1);
    struct session *publisher = rig_open(rig, 0);
    struct text text = {.size = 0};
    for (int i = 0; i < messages; i++) {
        char subject[32];
        int size = snprintf(subject, sizeof(subject), "far.%d", same_subject ? 0 : i);
        ASSERT(size > 0);
        publish(&text, subject);
    }
    for (int i = 0; i < (same_subject ? 1 : messages); i++) {
        rig_say(rig, 1, subscriber, "SUB far.%d %d\r\n", i, i + 1);
    }
    uint64_t deliveries = (uint64_t)messages;
    rig_turn(rig, 0);
    turns(rig, publisher, &text, WARM_TURNS, deliveries);
    uint64_t before = hub_metrics(rig->hubs[0])->envelopes_returned;
    rig_measure(rig);
    turns(rig, publisher, &text, TURNS, deliveries);
    rig_measured(rig, TURNS);
    ASSERT(hub_metrics(rig->hubs[0])->envelopes_returned - before == TURNS);
}

static void envelope_one(struct rig *rig)
{
    envelopes(rig, 1, true);
}

static void envelope_full(struct rig *rig)
{
    envelopes(rig, ENVELOPE_ITEMS_MAX, false);
}

const struct scenario scenarios_delivery[] = {
    {"delivery/1000_in_step", "delivery", shared_one},
    {"delivery/1000_in_step_32_a_turn", "delivery", shared_batch},
    {"delivery/1000_sids", "delivery", sids_one},
    {"delivery/1000_sids_32_a_turn", "delivery", sids_batch},
    {"delivery/1000_mixed_10_subs", "delivery", mixed_shared},
    {"delivery/1000_mixed_10_subs_and_sids", "delivery", mixed_sids},
    {"delivery/100_one_set_few_pieces", "delivery", sets_own_entries},
    {"delivery/100_one_set_1024_pieces", "delivery", sets_shared},
    {"delivery/100_own_sets_1024_pieces", "delivery", sets_each},
    {"envelope/1_run", "envelope", envelope_one},
    {"envelope/32_runs", "envelope", envelope_full},
    {NULL, NULL, NULL},
};
