/*
 * test_hub_changes.c - sessions that subscribe, leave, change their mind, block and close at any
 * point of a stream of messages, against a model of twenty lines.
 *
 * The model knows no runs, audiences, streams or turns: it looks at every subscription for every
 * message. A session that hears one message through several subscriptions may hear the copies in
 * any order, but all of them before the next message.
 */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/subject.h"

enum { CLIENTS = 7, SIDS = 5, STEPS = 1000, FRAMES_MAX = SIDS };

struct model_sub {
    const char *pattern; /* NULL: none */
    uint64_t delivered;
    uint64_t max;
};

/* What one event makes a client hear, in any order. */
struct expected {
    struct expected *next;
    bool is_message;
    size_t count;
    char *frames[FRAMES_MAX];
    size_t sizes[FRAMES_MAX];
};

struct model_client {
    struct client *client;
    struct model_sub subs[SIDS];
    bool echo;
    bool headers;
    bool is_closing;
    struct expected *first;
    struct expected **last;
};

struct model {
    struct world *world;
    uint64_t random;
    uint64_t messages;
    uint64_t deliveries;
    uint64_t lost; /* not heard whole by clients that died */
    struct model_client clients[CLIENTS];
};

static uint64_t draw(struct model *m, uint64_t below)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return (m->random >> 33) % below;
}

static struct expected *expect(struct model_client *c)
{
    struct expected *expected = calloc(1, sizeof(*expected));
    assert_non_null(expected);
    *c->last = expected;
    c->last = &expected->next;
    return expected;
}

static void frame_add(struct expected *expected, char *frame, size_t size)
{
    expected->frames[expected->count] = frame;
    expected->sizes[expected->count++] = size;
}

static void expect_text(struct model_client *c, const char *text)
{
    frame_add(expect(c), strdup(text), strlen(text));
}

static void model_open(struct model *m, struct model_client *c)
{
    *c = (struct model_client){.echo = true, .headers = true};
    c->last = &c->first;
    c->client = client_plain(m->world, 0);
}

/* ---- what was heard -------------------------------------------------------------------------- */

/* Which of the frames comes next; they differ, so at most one does. */
static size_t take_frame(struct expected *e, const char *heard, size_t left)
{
    for (size_t i = 0; i < e->count; i++) {
        if (e->frames[i] != NULL && e->sizes[i] <= left &&
            memcmp(e->frames[i], heard, e->sizes[i]) == 0) {
            free(e->frames[i]);
            e->frames[i] = NULL;
            return e->sizes[i];
        }
    }
    for (size_t i = 0; i < e->count; i++) {
        if (e->frames[i] != NULL) {
            print_error("expected: %.60s\nheard:    %.60s\n", e->frames[i], heard);
        }
    }
    fail();
    return 0;
}

/* The beginning of some frame. */
static bool is_cut_frame(const struct expected *e, const char *heard, size_t left)
{
    for (size_t i = 0; i < e->count; i++) {
        if (e->frames[i] != NULL && e->sizes[i] > left && memcmp(e->frames[i], heard, left) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns the messages that were not heard whole; only a client that died may have some. */
static uint64_t compare(struct model_client *c)
{
    const char *heard = client_heard(c->client);
    size_t left = c->client->got_size;
    uint64_t lost = 0;
    while (c->first != NULL) {
        struct expected *e = c->first;
        size_t i = 0;
        bool may_be_cut = c->client->is_dead;
        while (i < e->count && !(may_be_cut && is_cut_frame(e, heard, left))) {
            size_t size = take_frame(e, heard, left);
            heard += size;
            left -= size;
            i++;
        }
        left = i < e->count ? 0 : left;
        lost += e->is_message ? e->count - i : 0;
        c->first = e->next;
        for (size_t k = 0; k < e->count; k++) {
            free(e->frames[k]);
        }
        free(e);
    }
    c->last = &c->first;
    assert_int_equal(left, 0);
    client_forget(c->client);
    return lost;
}

/* ---- what clients do ------------------------------------------------------------------------- */

static const char *const patterns[] = {"a", "b", "a.b", "*", "a.*", ">", "a.>"};
static const char *const subjects[] = {"a", "b", "a.b", "c", "a..b", "a.b.c"};

static void deliver(struct model *m, struct model_client *to, const char *subject,
                    const char *headers, const char *body)
{
    struct expected *e = NULL;
    for (int sid = 0; sid < SIDS; sid++) {
        struct model_sub *sub = &to->subs[sid];
        if (sub->pattern == NULL ||
            !subject_matches(bytes_text(sub->pattern), bytes_text(subject))) {
            continue;
        }
        e = e != NULL ? e : expect(to);
        e->is_message = true;
        m->deliveries++;
        char *frame;
        int size;
        size_t h = strlen(headers);
        if (h > 0 && to->headers) {
            size = asprintf(&frame, "HMSG %s %d %zu %zu\r\n%s%s\r\n", subject, sid, h,
                            h + strlen(body), headers, body);
        } else {
            size = asprintf(&frame, "MSG %s %d %zu\r\n%s\r\n", subject, sid, strlen(body), body);
        }
        assert_true(size > 0);
        frame_add(e, frame, (size_t)size);
        sub->delivered++;
        if (sub->max > 0 && sub->delivered >= sub->max) {
            sub->pattern = NULL;
        }
    }
}

static void publish(struct model *m, struct model_client *c)
{
    const char *subject = subjects[draw(m, COUNT_OF(subjects))];
    const char *headers = c->headers && draw(m, 4) == 0 ? "NATS/1.0\r\nk: v\r\n\r\n" : "";
    static char body[80001];
    size_t size = draw(m, 10) == 0 ? draw(m, 80000) : draw(m, 100);
    memset(body, 'a' + (int)draw(m, 26), size);
    body[size] = 0;
    uint64_t count = 1 + draw(m, 5);
    for (uint64_t i = 0; i < count; i++) {
        if (size > 12) {
            int n = snprintf(body, 12, "%08lu", (unsigned long)m->messages);
            body[n] = '-';
        }
        m->messages++;
        if (headers[0] != 0) {
            client_says(c->client, "HPUB %s %zu %zu\r\n%s%s\r\n", subject, strlen(headers),
                        strlen(headers) + size, headers, body);
        } else {
            client_says(c->client, "PUB %s %zu\r\n%s\r\n", subject, size, body);
        }
        for (int k = 0; k < CLIENTS; k++) {
            if (&m->clients[k] != c || c->echo) {
                deliver(m, &m->clients[k], subject, headers, body);
            }
        }
    }
}

static void subscribe(struct model *m, struct model_client *c)
{
    const char *pattern = patterns[draw(m, COUNT_OF(patterns))];
    uint64_t sid = draw(m, SIDS);
    client_says(c->client, "SUB %s %lu\r\n", pattern, (unsigned long)sid);
    if (c->subs[sid].pattern == NULL) {
        c->subs[sid] = (struct model_sub){.pattern = pattern};
    }
}

static void unsubscribe(struct model *m, struct model_client *c)
{
    uint64_t sid = draw(m, SIDS);
    uint64_t max = draw(m, 2) == 0 ? draw(m, 12) : 0;
    client_says(c->client, "UNSUB %lu %lu\r\n", (unsigned long)sid, (unsigned long)max);
    struct model_sub *sub = &c->subs[sid];
    if (max == 0 || sub->delivered >= max) {
        sub->pattern = NULL;
    }
    sub->max = max;
}

static void connect_again(struct model *m, struct model_client *c)
{
    c->echo = draw(m, 3) > 0;
    c->headers = draw(m, 2) == 0;
    client_says(c->client, "CONNECT {\"echo\":%s,\"headers\":%s}\r\n", c->echo ? "true" : "false",
                c->headers ? "true" : "false");
    memset(c->subs, 0, sizeof(c->subs));
}

/* Its last words are sent behind all else, so this client gets room for them. */
static void misbehave(struct model *m, struct model_client *c)
{
    client_says(c->client, "BAD\r\n");
    expect_text(c, "-ERR 'Unknown Protocol Operation'\r\n");
    memset(c->subs, 0, sizeof(c->subs));
    c->client->room = SIZE_MAX;
    c->client->send_max = SIZE_MAX;
    for (int turn = 0; turn < 1000 && c->client->is_open; turn++) {
        world_turn(m->world);
    }
    assert_false(c->client->is_open);
    assert_int_equal(compare(c), 0);
    model_open(m, c);
}

/* Its socket breaks: what it had not heard whole is lost, and counted. */
static void die(struct model *m, struct model_client *c)
{
    c->client->is_dead = true;
    c->client->room = SIZE_MAX;
    client_says(c->client, "PING\r\n");
    for (int turn = 0; turn < 1000 && c->client->is_open; turn++) {
        world_turn(m->world);
    }
    assert_false(c->client->is_open);
    m->lost += compare(c);
    const struct metrics *metrics = world_metrics(m->world, 0);
    assert_int_equal(metrics->deliveries_dropped[DROP_SESSION_CLOSED], m->lost);
    model_open(m, c);
}

static void change_socket(struct model *m, struct model_client *c)
{
    static const size_t rooms[] = {0, 1, 17, 300, 5000, 100000, SIZE_MAX, SIZE_MAX};
    static const size_t most[] = {7, 500, 1000, 70000, SIZE_MAX, SIZE_MAX, SIZE_MAX};
    c->client->room = rooms[draw(m, COUNT_OF(rooms))];
    c->client->send_max = most[draw(m, COUNT_OF(most))];
}

static void step(struct model *m)
{
    struct model_client *c = &m->clients[draw(m, CLIENTS)];
    uint64_t what = draw(m, 100);
    if (what < 45) {
        publish(m, c);
    } else if (what < 60) {
        subscribe(m, c);
    } else if (what < 68) {
        unsubscribe(m, c);
    } else if (what < 73) {
        client_says(c->client, "PING\r\n");
        expect_text(c, "PONG\r\n");
    } else if (what < 75) {
        connect_again(m, c);
    } else if (what < 76) {
        misbehave(m, c);
    } else if (what < 77) {
        die(m, c);
    } else if (what < 86) {
        change_socket(m, c);
    } else {
        world_turn(m->world);
    }
}

static void play(uint64_t seed)
{
    print_message("seed %lu\n", (unsigned long)seed);
    struct world_options options = {.checks = true};
    options.hub.log_bytes_max = 4ull << 30;
    options.hub.max_pending = 4ull << 30;
    struct model m = {.world = world_new(&options), .random = seed};
    for (int i = 0; i < CLIENTS; i++) {
        model_open(&m, &m.clients[i]);
    }
    for (int i = 0; i < STEPS; i++) {
        step(&m);
    }
    for (int i = 0; i < CLIENTS; i++) {
        m.clients[i].client->room = SIZE_MAX;
        m.clients[i].client->send_max = SIZE_MAX;
    }
    world_run(m.world);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(compare(&m.clients[i]), 0);
    }
    assert_int_equal(world_metrics(m.world, 0)->messages_out, m.deliveries);
    world_end(m.world);
}

/*
 * Goal:    every client hears exactly what the model says, whatever changed between two messages.
 * Method:  random steps over few subjects and sids, so that audiences form and dissolve all the
 *          time, and random sockets, so that sessions block in every state.
 */
static void test_every_client_hears_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 16; seed++) {
        play(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_client_hears_what_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
