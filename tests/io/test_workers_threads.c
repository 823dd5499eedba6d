/*
 * test_workers_threads.c - real workers, real sockets, many clients at once.
 *
 * What is wrong here shows as a lost, doubled or reordered message, as a hang (wire.h's patience
 * ends it), or as a report of the thread sanitizer. Every case runs with fewer, as many and more
 * workers than CPUs, so that workers are preempted in the middle of things. A client thread that
 * finds something wrong ends the program through ASSERT.
 */
#include "tests/support/live_hub.h"
#include "tests/support/wire.h"

#include "io/workers.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    PUBLISHERS = 2,
    MESSAGES = 3000, /* of each publisher */
    BATCH = 20,      /* of them in one write */
    LISTENERS = 4,
    MEMBERS = 3, /* of the queue group that stays */
    CHURNERS = 4,
    REQUESTERS = 2,
    REQUESTS = 8, /* under way at once */
    RESPONDERS = 3,
    ASKERS = 3, /* threads of the law 7 test */
    LAW7_ROUNDS = 1500,
    QUEUED_MESSAGES = 8000,
    QUEUED_BYTES = 1000, /* of each */
    LEAVERS = 12,
};

#define SECOND_IN_NS 1000000000ull

struct setting {
    enum loop_backend backend;
    uint32_t workers;
};

/* What the threads of a case share. */
struct storm {
    struct live_hub hub;
    uint32_t workers;
    ATOMIC(uint32_t) published; /* publishers that are done */
    ATOMIC(uint32_t) over;      /* the others shall end */
    ATOMIC(uint8_t) picked[PUBLISHERS][MESSAGES];
};

struct role {
    pthread_t thread;
    struct storm *storm;
    struct wire *wire; /* NULL: opens its own */
    unsigned number;
};

static struct storm *storm_begin(const struct setting *setting)
{
    struct storm *storm = memory_alloc(sizeof(*storm));
    storm->workers = setting->workers;
    if (!live_hub_init(&storm->hub, setting->backend)) {
        print_message("SKIP: %s\n", storm->hub.probe.explanation);
        memory_free(storm);
        skip();
    }
    assert_int_equal(live_hub_start(&storm->hub, setting->workers), 0);
    return storm;
}

static void storm_end(struct storm *storm)
{
    assert_true(live_hub_end(&storm->hub, 20 * SECOND_IN_NS));
    memory_free(storm);
}

static void role_start(struct role *role, struct storm *storm, unsigned number, struct wire *wire,
                       void *(*play)(void *))
{
    role->storm = storm;
    role->number = number;
    role->wire = wire;
    int error = pthread_create(&role->thread, NULL, play, role);
    assert_int_equal(error, 0);
}

static void roles_join(struct role *roles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_join(roles[i].thread, NULL), 0);
        wire_close(roles[i].wire);
    }
}

static struct wire *open_wire(const struct storm *storm, const char *options)
{
    struct wire *wire = wire_open(storm->hub.listener.port, options);
    ASSERT(wire != NULL);
    return wire;
}

static struct wire *open_listener(const struct storm *storm, const char *subscriptions)
{
    struct wire *wire = open_wire(storm, "");
    bool said = wire_say(wire, "%s", subscriptions);
    assert_true(said);
    wire_sync(wire);
    return wire;
}

static bool is_over(const struct role *role)
{
    return atomic_load(&role->storm->over) != 0;
}

/* ---- who publishes and who hears it -------------------------------------------------------- */

static void *publish_all(void *argument)
{
    struct role *role = argument;
    char text[BATCH * 64];
    for (unsigned n = 0; n < MESSAGES;) {
        size_t size = 0;
        for (unsigned i = 0; i < BATCH && n < MESSAGES; i++, n++) {
            char mark[32];
            int mark_size = snprintf(mark, sizeof(mark), "%u %u", role->number, n);
            size += (size_t)snprintf(text + size, sizeof(text) - size, "PUB f.%u %d\r\n%s\r\n",
                                     role->number, mark_size, mark);
        }
        bool said = wire_say(role->wire, "%s", text);
        ASSERT(said);
    }
    wire_sync(role->wire);
    atomic_fetch_add(&role->storm->published, 1u);
    return NULL;
}

/* Every message of every publisher once, in its order, and nothing else. */
static void *hear_all(void *argument)
{
    struct role *role = argument;
    struct wire_message message;
    unsigned next[PUBLISHERS] = {0};
    for (unsigned left = PUBLISHERS * MESSAGES; left > 0; left--) {
        enum wire_word word = wire_next(role->wire, &message);
        while (word == WIRE_INFO) {
            word = wire_next(role->wire, &message);
        }
        ASSERT(word == WIRE_MESSAGE);
        struct wire_mark mark = wire_mark_of(&message);
        ASSERT(mark.publisher < PUBLISHERS);
        ASSERT(mark.number == next[mark.publisher]);
        next[mark.publisher]++;
    }
    wire_sync(role->wire);
    return NULL;
}

/* A member of a group whose members stay: in order, and nobody else got the same. */
static void *share(void *argument)
{
    struct role *role = argument;
    struct wire_message message;
    unsigned next[PUBLISHERS] = {0};
    for (;;) {
        enum wire_word word = wire_next(role->wire, &message);
        if (word == WIRE_INFO) {
            continue;
        }
        ASSERT(word == WIRE_MESSAGE);
        if (message.sid == 2) {
            return NULL; /* published after all others */
        }
        struct wire_mark mark = wire_mark_of(&message);
        ASSERT(mark.publisher < PUBLISHERS);
        ASSERT(mark.number < MESSAGES);
        ASSERT(mark.number >= next[mark.publisher]);
        next[mark.publisher] = mark.number + 1;
        unsigned before = atomic_fetch_add(&role->storm->picked[mark.publisher][mark.number], 1);
        ASSERT(before == 0);
    }
}

/* ---- who comes and goes ---------------------------------------------------------------------- */

/* What one subscription has heard since its SUB. */
struct window {
    unsigned sid;
    bool is_ordered; /* else a member of a group */
    bool has_begun[PUBLISHERS];
    unsigned next[PUBLISHERS];
};

/* Reads up to a PONG: messages of this subscription only, of each publisher without a gap. */
static void hear_window(struct wire *wire, struct window *window)
{
    struct wire_message message;
    bool said = wire_say(wire, "PING\r\n");
    ASSERT(said);
    for (;;) {
        enum wire_word word = wire_next(wire, &message);
        if (word == WIRE_PONG) {
            return;
        }
        if (word == WIRE_INFO) {
            continue;
        }
        ASSERT(word == WIRE_MESSAGE);
        ASSERT(message.sid == window->sid);
        struct wire_mark mark = wire_mark_of(&message);
        ASSERT(mark.publisher < PUBLISHERS);
        if (window->is_ordered && window->has_begun[mark.publisher]) {
            ASSERT(mark.number == window->next[mark.publisher]);
        }
        window->has_begun[mark.publisher] = true;
        window->next[mark.publisher] = mark.number + 1;
    }
}

static void *churn(void *argument)
{
    static const char *const patterns[CHURNERS] = {"f.0", "f.*", "f.>", "f.0 other"};
    struct role *role = argument;
    struct wire *wire = open_wire(role->storm, "");
    for (unsigned sid = 1; !is_over(role); sid++) {
        struct window window = {.sid = sid,
                                .is_ordered = strchr(patterns[role->number], ' ') == NULL};
        bool said = wire_say(wire, "SUB %s %u\r\n", patterns[role->number], sid);
        ASSERT(said);
        for (unsigned i = 0; i < 3; i++) {
            hear_window(wire, &window);
        }
        said = wire_say(wire, "UNSUB %u\r\n", sid);
        ASSERT(said);
        hear_window(wire, &window);
    }
    wire_close(wire);
    return NULL;
}

static void *connect_and_leave(void *argument)
{
    struct role *role = argument;
    struct wire_message message;
    for (unsigned i = 0; !is_over(role); i++) {
        struct wire *wire = open_wire(role->storm, "");
        bool said = wire_say(wire, "SUB f.> 1\r\nSUB f.* third 2\r\nPUB junk 1\r\nx\r\nPING\r\n");
        ASSERT(said);
        if (i % 2 == 0) {
            enum wire_word word = wire_next(wire, &message);
            ASSERT(word != WIRE_END);
        }
        if (i % 3 == 0) {
            (void)wire_say(wire, "PUB f.0 100\r\nhalf a mess");
        }
        if (i % 4 < 2) {
            wire_reset(wire);
        } else {
            wire_close(wire);
        }
    }
    return NULL;
}

/* ---- requests: one answer each, of a responder or a 503 ------------------------------------- */

static void *request(void *argument)
{
    static const char *const services[REQUESTERS] = {"grouped", "plain"};
    struct role *role = argument;
    struct wire_message message;
    struct wire *wire = open_wire(role->storm, "\"headers\":true,\"no_responders\":true");
    char inbox[32];
    snprintf(inbox, sizeof(inbox), "r%u", role->number);
    bool said = wire_say(wire, "SUB %s.* 1\r\n", inbox);
    ASSERT(said);
    wire_sync(wire);
    for (unsigned first = 0; !is_over(role); first += REQUESTS) {
        for (unsigned i = 0; i < REQUESTS; i++) {
            said =
                wire_say(wire, "PUB %s %s.%u 1\r\nx\r\n", services[role->number], inbox, first + i);
            ASSERT(said);
        }
        bool is_answered[REQUESTS] = {false};
        for (unsigned left = REQUESTS; left > 0; left--) {
            enum wire_word word = wire_next(wire, &message);
            ASSERT(word == WIRE_MESSAGE);
            ASSERT(strncmp(message.subject, inbox, strlen(inbox)) == 0);
            unsigned which = (unsigned)strtoul(message.subject + strlen(inbox) + 1, NULL, 10);
            ASSERT(which >= first);
            ASSERT(which < first + REQUESTS);
            ASSERT(!is_answered[which - first]);
            is_answered[which - first] = true;
            ASSERT(strncmp(message.text, "NATS/1.0 503", 12) == 0 ||
                   strcmp(message.text, "done") == 0);
        }
    }
    wire_sync(wire);
    wire_close(wire);
    return NULL;
}

/* Answers what comes before the PONG. */
static void respond_once(struct wire *wire)
{
    struct wire_message message;
    bool said = wire_say(wire, "PING\r\n");
    ASSERT(said);
    for (;;) {
        enum wire_word word = wire_next(wire, &message);
        if (word == WIRE_PONG) {
            return;
        }
        if (word == WIRE_INFO) {
            continue;
        }
        ASSERT(word == WIRE_MESSAGE);
        ASSERT(message.reply[0] != '\0');
        said = wire_say(wire, "PUB %s 4\r\ndone\r\n", message.reply);
        ASSERT(said);
    }
}

static void *respond(void *argument)
{
    static const char *const services[RESPONDERS] = {"grouped g", "grouped g", "plain"};
    struct role *role = argument;
    struct wire *wire = open_wire(role->storm, "");
    for (unsigned sid = 1; !is_over(role); sid++) {
        bool said = wire_say(wire, "SUB %s %u\r\n", services[role->number], sid);
        ASSERT(said);
        for (unsigned i = 0; i < 2; i++) {
            respond_once(wire);
        }
        said = wire_say(wire, "UNSUB %u\r\n", sid);
        ASSERT(said);
        respond_once(wire);
        respond_once(wire);
    }
    wire_close(wire);
    return NULL;
}

/* ---- all at once ----------------------------------------------------------------------------- */

struct cast {
    struct role publishers[PUBLISHERS];
    struct role listeners[LISTENERS];
    struct role members[MEMBERS];
    struct role churners[CHURNERS];
    struct role leaver;
    struct role requesters[REQUESTERS];
    struct role responders[RESPONDERS];
};

static void cast_start(struct cast *cast, struct storm *storm)
{
    static const char *const heard[LISTENERS] = {"SUB f.0 1\r\nSUB f.1 2\r\n", "SUB f.* 1\r\n",
                                                 "SUB f.> 1\r\n", "SUB f.* 1\r\n"};
    for (unsigned i = 0; i < LISTENERS; i++) {
        role_start(&cast->listeners[i], storm, i, open_listener(storm, heard[i]), hear_all);
    }
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct wire *wire = open_listener(storm, "SUB f.* q 1\r\nSUB end 2\r\n");
        role_start(&cast->members[i], storm, i, wire, share);
    }
    for (unsigned i = 0; i < CHURNERS; i++) {
        role_start(&cast->churners[i], storm, i, NULL, churn);
    }
    role_start(&cast->leaver, storm, 0, NULL, connect_and_leave);
    for (unsigned i = 0; i < RESPONDERS; i++) {
        role_start(&cast->responders[i], storm, i, NULL, respond);
    }
    for (unsigned i = 0; i < REQUESTERS; i++) {
        role_start(&cast->requesters[i], storm, i, NULL, request);
    }
    for (unsigned i = 0; i < PUBLISHERS; i++) {
        role_start(&cast->publishers[i], storm, i, open_wire(storm, ""), publish_all);
    }
}

/* What the main thread of the program does to running workers. */
static void watch(struct storm *storm)
{
    struct metrics sum;
    struct hub_gauges gauges;
    struct loop_stats loop;
    struct log *rings[WORKERS_MAX];
    uint64_t turns = 0;
    size_t count = workers_log_rings(storm->hub.workers, rings, WORKERS_MAX);
    assert_int_equal(count, storm->workers);
    do {
        metrics_init(&sum);
        workers_counters(storm->hub.workers, &sum, &gauges, &loop);
        assert_true(sum.turns > turns);
        turns = sum.turns;
        struct log_line line;
        for (size_t i = 0; i < count; i++) {
            while (log_read(rings[i], &line)) {
                print_message("%s\n", line.text);
            }
        }
    } while (atomic_load(&storm->published) < PUBLISHERS);
}

/*
 * Goal:    fan-out, groups and requests are exact across workers while clients come and go.
 * Method:  publishers number their messages; listeners, members of groups and requesters check
 *          each; others subscribe, leave and reset; the main thread asks for counters.
 */
static void test_everything_at_once(void **state)
{
    struct storm *storm = storm_begin(*state);
    struct cast *cast = memory_alloc(sizeof(*cast));
    cast_start(cast, storm);
    watch(storm);
    roles_join(cast->publishers, PUBLISHERS);
    struct wire *last = open_wire(storm, "");
    assert_true(wire_say(last, "PUB end 0\r\n\r\n"));
    wire_sync(last);
    wire_close(last);
    roles_join(cast->listeners, LISTENERS);
    roles_join(cast->members, MEMBERS);
    atomic_store(&storm->over, 1u);
    roles_join(cast->requesters, REQUESTERS);
    roles_join(cast->responders, RESPONDERS);
    roles_join(cast->churners, CHURNERS);
    roles_join(&cast->leaver, 1);
    for (unsigned p = 0; p < PUBLISHERS; p++) {
        for (unsigned n = 0; n < MESSAGES; n++) {
            assert_int_equal(atomic_load(&storm->picked[p][n]), 1);
        }
    }
    memory_free(cast);
    storm_end(storm);
}

/* ---- law 7 ----------------------------------------------------------------------------------- */

struct asker {
    struct role role;
    struct wire *wires[WORKERS_MAX]; /* one on each worker */
};

static void expect_word(struct wire *wire, enum wire_word expected, struct wire_message *message)
{
    enum wire_word word = wire_next(wire, message);
    while (word == WIRE_INFO) {
        word = wire_next(wire, message);
    }
    ASSERT(word == expected);
}

static void *ask_law7(void *argument)
{
    static const char *const forms[] = {"SUB t%u.%u %u\r\nPING\r\n", "SUB t%u.*.%u %u\r\nPING\r\n",
                                        "SUB t%u.%u group %u\r\nPING\r\n"};
    static const char *const subjects[] = {"PUB t%u.%u 1\r\nx\r\n%s", "PUB t%u.any.%u 1\r\nx\r\n%s",
                                           "PUB t%u.%u 1\r\nx\r\n%s"};
    struct asker *asker = CONTAINER_OF(argument, struct asker, role);
    struct wire_message message;
    uint32_t workers = asker->role.storm->workers;
    unsigned me = asker->role.number;
    for (unsigned round = 1; round <= LAW7_ROUNDS; round++) {
        struct wire *listener = asker->wires[round % workers];
        struct wire *speaker =
            asker->wires[(round + 1 + round / workers % (workers - 1)) % workers];
        unsigned kind = round % COUNT_OF(forms);
        bool asks_first = round / 2 % 2 == 0;
        bool said = wire_say(listener, forms[kind], me, round, round);
        ASSERT(said);
        expect_word(listener, WIRE_PONG, &message);
        said = wire_say(speaker, subjects[kind], me, round, asks_first ? "PING\r\n" : "");
        ASSERT(said);
        if (asks_first) {
            expect_word(speaker, WIRE_PONG, &message);
            said = wire_say(listener, "PING\r\n");
            ASSERT(said);
        }
        expect_word(listener, WIRE_MESSAGE, &message);
        ASSERT(message.sid == round);
        if (asks_first) {
            expect_word(listener, WIRE_PONG, &message);
        }
        said = wire_say(listener, "UNSUB %u\r\n", round);
        ASSERT(said);
    }
    return NULL;
}

/*
 * Goal:    who has his PONG for SUB hears what anybody publishes afterwards; who has his PONG for
 *          PUB finds it in front of any other client's PONG.
 * Method:  each thread owns a client on every worker and asks again and again, at the same time.
 */
static void test_law7(void **state)
{
    struct storm *storm = storm_begin(*state);
    struct asker *askers = memory_alloc(ASKERS * sizeof(struct asker));
    for (unsigned i = 0; i < ASKERS; i++) {
        for (uint32_t w = 0; w < storm->workers; w++) {
            askers[i].wires[w] = open_wire(storm, "");
            wire_sync(askers[i].wires[w]);
        }
    }
    for (unsigned i = 0; i < ASKERS; i++) {
        role_start(&askers[i].role, storm, i, NULL, ask_law7);
    }
    for (unsigned i = 0; i < ASKERS; i++) {
        roles_join(&askers[i].role, 1);
        for (uint32_t w = 0; w < storm->workers; w++) {
            wire_close(askers[i].wires[w]);
        }
    }
    memory_free(askers);
    storm_end(storm);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void publish_queued(struct wire *wire)
{
    for (unsigned n = 0; n < QUEUED_MESSAGES; n++) {
        char mark[32];
        snprintf(mark, sizeof(mark), "0 %u", n);
        bool said = wire_say(wire, "PUB queued %d\r\n%-*s\r\n", QUEUED_BYTES, QUEUED_BYTES, mark);
        assert_true(said);
    }
    wire_sync(wire);
}

static void *hear_queued(void *argument)
{
    struct role *role = argument;
    struct wire_message message;
    for (unsigned n = 0; n < QUEUED_MESSAGES; n++) {
        expect_word(role->wire, WIRE_MESSAGE, &message);
        struct wire_mark mark = wire_mark_of(&message);
        ASSERT(mark.number == n);
    }
    expect_word(role->wire, WIRE_END, &message);
    return NULL;
}

/*
 * Goal:    stopping sends what was published before, then ends.
 * Method:  listeners on every worker read nothing until the publisher has its PONG; then the stop
 *          and their reading run at the same time.
 */
static void test_stop_sends_what_is_queued(void **state)
{
    struct storm *storm = storm_begin(*state);
    struct role *listeners = memory_alloc(storm->workers * sizeof(struct role));
    struct wire **wires = memory_alloc(storm->workers * sizeof(struct wire *));
    for (uint32_t i = 0; i < storm->workers; i++) {
        wires[i] = open_listener(storm, "SUB queued 1\r\n");
    }
    struct wire *publisher = open_wire(storm, "");
    publish_queued(publisher);
    for (uint32_t i = 0; i < storm->workers; i++) {
        role_start(&listeners[i], storm, i, wires[i], hear_queued);
    }
    assert_true(live_hub_end(&storm->hub, 20 * SECOND_IN_NS));
    roles_join(listeners, storm->workers);
    wire_close(publisher);
    memory_free(listeners);
    memory_free(wires);
    memory_free(storm);
}

/*
 * Goal:    a client that reads nothing does not keep the workers from stopping.
 * Method:  listeners never read; the stop is given little time.
 */
static void test_stop_does_not_wait_for_ever(void **state)
{
    struct storm *storm = storm_begin(*state);
    struct wire *deaf[2] = {open_listener(storm, "SUB queued 1\r\n"),
                            open_listener(storm, "SUB queued 1\r\n")};
    struct wire *publisher = open_wire(storm, "");
    publish_queued(publisher);
    assert_false(live_hub_end(&storm->hub, 1));
    wire_close(publisher);
    wire_close(deaf[0]);
    wire_close(deaf[1]);
    memory_free(storm);
}

/* Publishes and hears until the hub ends the connection; it must have said so before. */
static void *stay_until_told(void *argument)
{
    struct role *role = argument;
    struct wire_message message;
    bool was_told = false;
    for (;;) {
        enum wire_word word = wire_next(role->wire, &message);
        if (word == WIRE_END) {
            break;
        }
        was_told = was_told || (word == WIRE_INFO && strstr(message.text, "\"ldm\":true") != NULL);
        if (word == WIRE_MESSAGE) {
            (void)wire_say(role->wire, "PUB %u.%u 1\r\nx\r\n", (role->number + 1) % LEAVERS,
                           message.sid);
        }
    }
    ASSERT(was_told);
    return NULL;
}

/*
 * Goal:    in lame duck every client is told, then closed, and then the workers are finished.
 * Method:  a ring of clients passes messages on all the while.
 */
static void test_lame_duck(void **state)
{
    struct storm *storm = storm_begin(*state);
    struct role *leavers = memory_alloc(LEAVERS * sizeof(struct role));
    for (unsigned i = 0; i < LEAVERS; i++) {
        struct wire *wire = open_wire(storm, "\"protocol\":1");
        assert_true(wire_say(wire, "SUB %u.* %u\r\n", i, i + 1));
        wire_sync(wire);
        role_start(&leavers[i], storm, i, wire, stay_until_told);
    }
    struct wire *starter = open_wire(storm, "");
    assert_true(wire_say(starter, "PUB 0.1 1\r\nx\r\nPUB 5.1 1\r\nx\r\n"));
    wire_sync(starter);
    workers_lame_duck(storm->hub.workers);
    listener_stop(&storm->hub.listener);
    roles_join(leavers, LEAVERS);
    wire_close(starter);
    while (!workers_finished(storm->hub.workers)) {
        sleep_ms(1);
    }
    assert_int_equal(wire_dial(storm->hub.listener.port), -1);
    memory_free(leavers);
    storm_end(storm);
}

int main(void)
{
    static struct setting settings[] = {{LOOP_EPOLL, 2}, {LOOP_EPOLL, 4}, {LOOP_EPOLL, 8},
                                        {LOOP_URING, 2}, {LOOP_URING, 4}, {LOOP_URING, 8}};
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_everything_at_once),
        cmocka_unit_test(test_law7),
        cmocka_unit_test(test_stop_sends_what_is_queued),
        cmocka_unit_test(test_stop_does_not_wait_for_ever),
        cmocka_unit_test(test_lame_duck),
    };
    static char names[COUNT_OF(settings) * COUNT_OF(cases)][96];
    struct CMUnitTest tests[COUNT_OF(settings) * COUNT_OF(cases)];
    size_t count = 0;
    for (size_t s = 0; s < COUNT_OF(settings); s++) {
        for (size_t c = 0; c < COUNT_OF(cases); c++) {
            snprintf(names[count], sizeof(names[count]), "%s, %s, %u workers", cases[c].name,
                     settings[s].backend == LOOP_URING ? "uring" : "epoll", settings[s].workers);
            tests[count] = cases[c];
            tests[count].name = names[count];
            tests[count].initial_state = &settings[s];
            count++;
        }
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
