/*
 * test_workers.c - starting and stopping the workers, what is left behind, and their counters.
 *
 * Leaks of memory are ASan's to find; descriptors and threads are counted here.
 */
#include "tests/support/live_hub.h"
#include "tests/support/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static int threads_left = INT32_MAX; /* how many more may be made */

static int create_thread(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                         void *argument)
{
    if (threads_left == 0) {
        return EAGAIN;
    }
    threads_left--;
    return pthread_create(thread, attributes, run, argument);
}

#define pthread_create create_thread
#include "io/workers.c"
#undef pthread_create

#define SECOND_IN_NS 1000000000ull

static uint32_t count_entries(const char *folder)
{
    uint32_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

struct left_behind {
    uint32_t descriptors;
    uint32_t threads;
};

static struct left_behind look_around(void)
{
    struct left_behind now = {count_entries("/proc/self/fd"), count_entries("/proc/self/task")};
    return now;
}

/* A joined thread may stay in /proc for a moment, and a ring's descriptor is closed by then. */
static void expect_nothing_new(struct left_behind before)
{
    struct left_behind now = look_around();
    for (uint32_t i = 0; i < 5000 && now.threads > before.threads; i++) {
        sleep_ms(1);
        now = look_around();
    }
    assert_int_equal(now.threads, before.threads);
    assert_int_equal(now.descriptors, before.descriptors);
}

static void init(struct live_hub *hub, void **state)
{
    enum loop_backend backend = *(const enum loop_backend *)*state;
    if (!live_hub_init(hub, backend)) {
        print_message("SKIP: %s\n", hub->probe.explanation);
        skip();
    }
}

/*
 * Goal:    starting and stopping leaves nothing behind, also when the patience of the stop ends in
 *          the middle of it.
 * Method:  many times, 1 to 4 workers, with and without a client, patience of 0 to 5 ms.
 */
static void test_starts_and_stops(void **state)
{
    struct live_hub hub;
    init(&hub, state);
    struct left_behind before = look_around();
    for (uint32_t i = 0; i < 120; i++) {
        assert_int_equal(live_hub_start(&hub, 1 + i % 4), 0);
        struct wire *wire = NULL;
        if (i % 3 == 0) {
            wire = wire_open(hub.listener.port, "");
            assert_non_null(wire);
        }
        bool in_time = live_hub_end(&hub, (uint64_t)(i % 51) * 100000u);
        MAYBE(in_time);
        wire_close(wire);
    }
    expect_nothing_new(before);
}

/* No descriptor above those that are open and `more` may be made. */
static struct rlimit limit_descriptors(int more)
{
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(next >= 0);
    close(next);
    struct rlimit low = {.rlim_cur = (rlim_t)(next + more), .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    return before;
}

/*
 * Goal:    when a worker's loop cannot be opened, workers_start says why and leaves nothing.
 * Method:  descriptors run out at each place on the way to four workers; then they suffice.
 */
static void test_a_loop_that_cannot_be_opened(void **state)
{
    struct live_hub hub;
    init(&hub, state);
    struct left_behind before = look_around();
    for (int more = 1; more <= 4; more++) {
        struct rlimit limit = limit_descriptors(more);
        int error = live_hub_start(&hub, 4);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(error, -EMFILE);
        expect_nothing_new(before);
    }
    assert_int_equal(live_hub_start(&hub, 4), 0);
    assert_true(live_hub_end(&hub, 20 * SECOND_IN_NS));
    expect_nothing_new(before);
}

/*
 * Goal:    when a thread cannot be made, workers_start says why and leaves nothing.
 * Method:  0 to 3 of four threads are allowed; then all.
 */
static void test_a_thread_that_cannot_be_made(void **state)
{
    struct live_hub hub;
    init(&hub, state);
    struct left_behind before = look_around();
    for (int allowed = 0; allowed < 4; allowed++) {
        threads_left = allowed;
        int error = live_hub_start(&hub, 4);
        threads_left = INT32_MAX;
        assert_int_equal(error, -EAGAIN);
        expect_nothing_new(before);
    }
    assert_int_equal(live_hub_start(&hub, 4), 0);
    assert_true(live_hub_end(&hub, 20 * SECOND_IN_NS));
    expect_nothing_new(before);
}

static struct metrics ask(struct live_hub *hub, struct hub_gauges *gauges, struct loop_stats *loop)
{
    struct metrics sum;
    metrics_init(&sum);
    workers_counters(hub->workers, &sum, gauges, loop);
    return sum;
}

/*
 * Goal:    counters are the sums of all workers, and gauges go back when clients leave.
 * Method:  three clients on three workers; each hears what one of them publishes.
 */
static void test_counters(void **state)
{
    enum { CLIENTS = 3, MESSAGES = 100 };
    struct live_hub hub;
    struct hub_gauges gauges;
    struct loop_stats loop;
    struct wire *wires[CLIENTS];
    struct wire_message message;
    init(&hub, state);
    assert_int_equal(live_hub_start(&hub, CLIENTS), 0);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        wires[i] = wire_open(hub.listener.port, "");
        assert_non_null(wires[i]);
        assert_true(wire_say(wires[i], "SUB all 1\r\nSUB other.* 2\r\n"));
        wire_sync(wires[i]);
    }
    for (uint32_t i = 0; i < MESSAGES; i++) {
        assert_true(wire_say(wires[0], "PUB all 5\r\nhello\r\n"));
    }
    for (uint32_t i = 0; i < CLIENTS * MESSAGES; i++) {
        assert_int_equal(wire_next(wires[i / MESSAGES], &message), WIRE_MESSAGE);
    }
    struct metrics sum = ask(&hub, &gauges, &loop);
    assert_int_equal(sum.sessions_opened, CLIENTS);
    assert_int_equal(sum.subscriptions_added, 2 * CLIENTS);
    assert_int_equal(sum.messages_in, MESSAGES);
    assert_int_equal(sum.bytes_in, 5 * MESSAGES);
    assert_int_equal(sum.messages_out, CLIENTS * MESSAGES);
    assert_int_equal(gauges.sessions, CLIENTS);
    assert_int_equal(gauges.subscriptions, 2 * CLIENTS);
    assert_int_equal(loop.bytes_sent, sum.sent_bytes);
    assert_int_equal(loop.bytes_read, sum.received_bytes);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        wire_close(wires[i]);
    }
    while (gauges.sessions > 0) {
        sum = ask(&hub, &gauges, &loop);
    }
    assert_int_equal(gauges.subscriptions, 0);
    assert_int_equal(sum.sessions_closed[CLOSE_CLIENT], CLIENTS);
    assert_true(workers_finished(hub.workers));
    assert_true(live_hub_end(&hub, 20 * SECOND_IN_NS));
}

static void expect_in_info(struct live_hub *hub, const char *expected)
{
    struct wire *wire = memory_alloc(sizeof(*wire));
    struct wire_message message;
    wire->fd = wire_dial(hub->listener.port);
    assert_true(wire->fd >= 0);
    assert_int_equal(wire_next(wire, &message), WIRE_INFO);
    assert_non_null(strstr(message.text, expected));
    wire_close(wire);
}

/*
 * Goal:    INFO says who the hub is and where to reach it: the listener, or what is advertised.
 * Method:  two hubs, one with and one without --client_advertise and a name.
 */
static void test_info(void **state)
{
    struct live_hub hub;
    char port[32];
    init(&hub, state);
    assert_int_equal(live_hub_start(&hub, 1), 0);
    snprintf(port, sizeof(port), "\"port\":%u", hub.listener.port);
    expect_in_info(&hub, port);
    expect_in_info(&hub, "\"host\":\"127.0.0.1\"");
    expect_in_info(&hub, "\"server_name\":\"NTEST\"");
    expect_in_info(&hub, "\"client_ip\":\"127.0.0.1\"");
    assert_true(live_hub_end(&hub, 20 * SECOND_IN_NS));
    snprintf(hub.config.client_advertise, CONFIG_TEXT_MAX, "hub.example:4333");
    snprintf(hub.config.server_name, CONFIG_TEXT_MAX, "first");
    assert_int_equal(live_hub_start(&hub, 1), 0);
    expect_in_info(&hub, "\"port\":4333");
    expect_in_info(&hub, "\"host\":\"hub.example\"");
    expect_in_info(&hub, "\"server_name\":\"first\"");
    assert_true(live_hub_end(&hub, 20 * SECOND_IN_NS));
}

/*
 * Goal:    asking for rings gives no more than there is room for; freeing nothing is fine.
 * Method:  three workers, room for two.
 */
static void test_log_rings(void **state)
{
    struct live_hub hub;
    struct log *rings[4] = {NULL};
    init(&hub, state);
    assert_int_equal(live_hub_start(&hub, 3), 0);
    assert_int_equal(workers_log_rings(hub.workers, rings, 2), 2);
    assert_null(rings[2]);
    assert_int_equal(workers_log_rings(hub.workers, rings, 4), 3);
    assert_non_null(rings[2]);
    assert_true(live_hub_end(&hub, 20 * SECOND_IN_NS));
    workers_free(NULL);
}

/*
 * Goal:    who does not wait for an answer leaks none of it, and who waits gets all rows.
 * Method:  asked with no patience and with a lot of it, about counters and about 40 connections with
 *          their subscriptions, also while the workers stop. Leaks are ASan's to find.
 */
static void test_answers_nobody_waits_for(void **state)
{
    enum { CLIENTS = 40, WORKERS = 2 };
    struct live_hub hub;
    struct wire *wires[CLIENTS];
    struct answer *answers[WORKERS_MAX];
    init(&hub, state);
    hub.config.http_port = -1;
    assert_int_equal(live_hub_start(&hub, WORKERS), 0);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        wires[i] = wire_open(hub.listener.port, "");
        assert_non_null(wires[i]);
        assert_true(wire_say(wires[i], "SUB all 1\r\nSUB other.* 2\r\n"));
        wire_sync(wires[i]);
    }
    const struct snapshot_query connections = {
        .list = SNAPSHOT_CONNECTIONS, .rows_max = 1000, .wants_subs = true};
    const struct snapshot_query *queries[] = {NULL, &connections};
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t answered = workers_ask(hub.workers, queries[i % 2], 0, answers);
        for (uint32_t w = 0; w < WORKERS; w++) {
            answered -= answers[w] != NULL;
            if (answers[w] != NULL) {
                answer_unref(answers[w]);
            }
        }
        assert_int_equal(answered, 0);
    }
    assert_int_equal(workers_ask(hub.workers, &connections, 20 * SECOND_IN_NS, answers), WORKERS);
    snapshot_merge(&answers[0]->list, &answers[1]->list);
    assert_int_equal(answers[0]->list.rows_count, CLIENTS);
    assert_int_equal(answers[0]->list.subs_count, 2 * CLIENTS);
    answer_unref(answers[0]);
    answer_unref(answers[1]);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        wire_close(wires[i]);
    }
    const struct snapshot_query gone = {.list = SNAPSHOT_CLOSED, .rows_max = 1000};
    uint64_t seen = 0;
    for (uint32_t i = 0; i < 5000 && seen < CLIENTS; i++) {
        assert_int_equal(workers_ask(hub.workers, &gone, 20 * SECOND_IN_NS, answers), WORKERS);
        seen = answers[0]->list.total + answers[1]->list.total;
        answer_unref(answers[0]);
        answer_unref(answers[1]);
        sleep_ms(1);
    }
    assert_int_equal(seen, CLIENTS);
    for (uint32_t i = 0; i < 20; i++) {
        uint32_t answered = workers_ask(hub.workers, queries[i % 2], 0, answers);
        for (uint32_t w = 0; w < WORKERS && answered > 0; w++) {
            if (answers[w] != NULL) {
                answer_unref(answers[w]);
            }
        }
    }
    assert_true(live_hub_end(&hub, 20 * SECOND_IN_NS));
}

int main(void)
{
    static enum loop_backend epoll = LOOP_EPOLL;
    static enum loop_backend uring = LOOP_URING;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_starts_and_stops, &epoll),
        cmocka_unit_test_prestate(test_starts_and_stops, &uring),
        cmocka_unit_test_prestate(test_a_loop_that_cannot_be_opened, &epoll),
        cmocka_unit_test_prestate(test_a_loop_that_cannot_be_opened, &uring),
        cmocka_unit_test_prestate(test_a_thread_that_cannot_be_made, &epoll),
        cmocka_unit_test_prestate(test_a_thread_that_cannot_be_made, &uring),
        cmocka_unit_test_prestate(test_counters, &epoll),
        cmocka_unit_test_prestate(test_counters, &uring),
        cmocka_unit_test_prestate(test_answers_nobody_waits_for, &epoll),
        cmocka_unit_test_prestate(test_answers_nobody_waits_for, &uring),
        cmocka_unit_test_prestate(test_info, &epoll),
        cmocka_unit_test_prestate(test_log_rings, &epoll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
