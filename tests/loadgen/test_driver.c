/*
 * test_driver.c - a generator thread obeys its orders, against a server within the test.
 *
 *   main thread: orders, and a NATS server of forty lines in between ◀── sockets ──▶ driver thread
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec_nats.h"
#include "loadgen/driver.h"
#include "tests/loadgen/plain_scenario.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS_MAX = 32, TEXT_MAX = 1 << 16, PATIENCE_MS = 20000, SIZE = 32, DRIVERS_MAX = 2 };

/* One connection as the server sees it. */
struct peer {
    int fd;
    char subject[64]; /* of its only subscription; empty: none */
    unsigned sid;
    char held[TEXT_MAX];
    size_t held_bytes;
};

struct setting {
    struct scenario scenario;
    struct course course;
    struct driver drivers[DRIVERS_MAX];
    uint32_t drivers_count;
    int listener;
    struct peer *peers;
    uint32_t peers_count; /* ever accepted */
    uint32_t lost;        /* of the next messages, so many are delivered to nobody */
    uint32_t delivered;
    const char *refusal; /* said instead of the first PONG of everybody */
};

/* ---- the server ---- */

static void say(const struct peer *p, const void *bytes, size_t size)
{
    MAYBE(send(p->fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
}

static void say_text(const struct peer *p, const char *text)
{
    say(p, text, strlen(text));
}

static void deliver(struct setting *s, const char *subject, const char *payload, size_t size)
{
    if (s->lost != 0) {
        s->lost--;
        return;
    }
    for (uint32_t i = 0; i < s->peers_count; i++) {
        struct peer *p = &s->peers[i];
        if (p->fd >= 0 && strcmp(p->subject, subject) == 0) {
            char frame[512];
            int head = snprintf(frame, sizeof frame, "MSG %s %u %zu\r\n", subject, p->sid, size);
            memcpy(frame + head, payload, size + 2);
            say(p, frame, (size_t)head + size + 2);
            s->delivered++;
        }
    }
}

/* One operation that begins at line. Returns its bytes, 0 when it is not whole. */
static size_t obey(struct setting *s, struct peer *p, const char *line, size_t size)
{
    const char *end = memchr(line, '\n', size);
    char subject[64];
    size_t payload;
    if (end == NULL) {
        return 0;
    }
    size_t used = (size_t)(end - line) + 1;
    if (sscanf(line, "PUB %63s %zu", subject, &payload) == 2) {
        if (size < used + payload + 2) {
            return 0;
        }
        deliver(s, subject, end + 1, payload);
        return used + payload + 2;
    }
    if (sscanf(line, "SUB %63s %u", p->subject, &p->sid) == 2) {
        return used;
    }
    if (strncmp(line, "PING", 4) == 0) {
        say_text(p, s->refusal != NULL ? s->refusal : "PONG\r\n");
    }
    return used;
}

static void peer_read(struct setting *s, struct peer *p)
{
    ssize_t got =
        recv(p->fd, p->held + p->held_bytes, sizeof p->held - 1 - p->held_bytes, MSG_DONTWAIT);
    if (got <= 0) {
        close(p->fd);
        p->fd = -1;
        return;
    }
    p->held_bytes += (size_t)got;
    p->held[p->held_bytes] = 0;
    size_t at = 0;
    for (size_t used; (used = obey(s, p, p->held + at, p->held_bytes - at)) != 0;) {
        at += used;
    }
    memmove(p->held, p->held + at, p->held_bytes - at);
    p->held_bytes -= at;
}

/* The server does what is to do; waits a moment when there is nothing. */
static void serve(struct setting *s)
{
    struct pollfd looks[PEERS_MAX + 1];
    looks[PEERS_MAX] = (struct pollfd){s->listener, POLLIN, 0};
    for (uint32_t i = 0; i < PEERS_MAX; i++) {
        looks[i] = (struct pollfd){i < s->peers_count ? s->peers[i].fd : -1, POLLIN, 0};
    }
    MAYBE(poll(looks, PEERS_MAX + 1, 1) > 0);
    if (looks[PEERS_MAX].revents != 0) {
        assert_true(s->peers_count < PEERS_MAX);
        struct peer *p = &s->peers[s->peers_count++];
        p->fd = accept(s->listener, NULL, NULL);
        say_text(p, "INFO {\"version\":\"7\"}\r\n");
    }
    for (uint32_t i = 0; i < PEERS_MAX; i++) {
        if (looks[i].revents != 0 && s->peers[i].fd >= 0) {
            peer_read(s, &s->peers[i]);
        }
    }
}

static bool is_failed(struct setting *s)
{
    return atomic_load(&s->course.failed);
}

/* Serves until this holds. */
static void serve_until(struct setting *s, bool (*holds)(struct setting *s))
{
    uint64_t until_ns = course_now_ns() + (uint64_t)PATIENCE_MS * 1000000;
    while (!holds(s)) {
        serve(s);
        assert_true(course_now_ns() < until_ns);
    }
}

static bool has_obeyed(struct setting *s)
{
    return course_is_obeyed(&s->course);
}

/* ---- the orders ---- */

static void order(struct setting *s, enum course_command command)
{
    course_order(&s->course, command);
    serve_until(s, has_obeyed);
}

static int setting_open(void **state)
{
    struct setting *s = test_calloc(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    s->peers = test_calloc(PEERS_MAX, sizeof *s->peers);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, PEERS_MAX), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &size), 0);
    memcpy(&s->scenario.address, &at, sizeof at);
    s->scenario.address_bytes = sizeof at;
    strcpy(s->scenario.url.host, "127.0.0.1");
    snprintf(s->scenario.url.port, sizeof s->scenario.url.port, "%u", ntohs(at.sin_port));
    plain_scenario(&s->scenario, &codec_nats, SIZE);
    s->scenario.subject = "s";
    s->scenario.subscribers = 3;
    s->scenario.publishers = 2;
    s->scenario.connecting = 128;
    s->scenario.rate = 2000;
    *state = s;
    return 0;
}

static void drivers_start(struct setting *s, uint32_t count)
{
    s->drivers_count = count;
    course_init(&s->course, &s->scenario, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(driver_start(&s->drivers[i], &s->course, i), 0);
    }
}

static void drivers_stop(struct setting *s)
{
    course_order(&s->course, COURSE_STOP);
    for (uint32_t i = 0; i < s->drivers_count; i++) {
        driver_join(&s->drivers[i]);
        driver_free(&s->drivers[i]);
    }
    course_free(&s->course);
}

static int setting_close(void **state)
{
    struct setting *s = *state;
    for (uint32_t i = 0; i < s->peers_count; i++) {
        if (s->peers[i].fd >= 0) {
            close(s->peers[i].fd);
        }
    }
    close(s->listener);
    test_free(s->peers);
    test_free(s);
    return 0;
}

static bool all_has_come(struct setting *s)
{
    uint64_t delivered = 0;
    for (uint32_t i = 0; i < s->drivers_count; i++) {
        delivered += atomic_load(&s->course.cells[i].delivered);
    }
    return delivered >= s->delivered && course_now_ns() > course_end(&s->course) + 100000000;
}

/* Publishes for 50 ms; everything that the server delivered has come when this returns. */
static void run(struct setting *s)
{
    order(s, COURSE_PREPARE);
    s->delivered = 0;
    s->course.start_ns = course_now_ns();
    atomic_store(&s->course.measure_ns, s->course.start_ns);
    atomic_store(&s->course.end_ns, s->course.start_ns + 50000000);
    order(s, COURSE_RUN);
    serve_until(s, all_has_come);
    order(s, COURSE_COLLECT);
}

struct books {
    uint64_t sent;
    uint64_t expected;
    struct witness_counts counts;
};

static struct books books_close(struct setting *s)
{
    uint32_t sent[8] = {0};
    struct books b = {0, 0, {0}};
    assert_true(s->course.topology.streams <= COUNT_OF(sent));
    for (uint32_t i = 0; i < s->drivers_count; i++) {
        for (uint32_t p = 0; p < s->drivers[i].publishers_count; p++) {
            publisher_sent(&s->drivers[i].publishers[p], sent);
        }
        b.sent += s->drivers[i].figures.sent;
        b.expected += s->drivers[i].figures.expected;
    }
    for (uint32_t i = 0; i < s->drivers_count; i++) {
        struct driver *d = &s->drivers[i];
        receiver_close(&d->receiver, d->clients, d->clients_count, sent);
        struct witness_counts one = receiver_counts(&d->receiver);
        b.counts.delivered += one.delivered;
        b.counts.lost += one.lost;
        b.counts.corrupted += one.corrupted + one.foreign + one.duplicated + one.reordered;
    }
    return b;
}

/* Goal:   connect, run, collect, and once more on new connections: what was due was sent, everything
 *         arrived, and each order was acknowledged.
 * Method: one driver and two; 2 publishers at 2,000 a second for 50 ms to 3 subscribers. */
static void test_driver_obeys(void **state)
{
    struct setting *s = *state;
    for (uint32_t count = 1; count <= 2; count++) {
        drivers_start(s, count);
        for (int round = 0; round < 2; round++) {
            order(s, COURSE_CONNECT);
            uint32_t ready = 0;
            for (uint32_t i = 0; i < count; i++) {
                ready += atomic_load(&s->course.cells[i].ready);
                assert_int_equal(s->drivers[i].connects.count, s->drivers[i].clients_count);
            }
            assert_int_equal(ready, 5);
            run(s);
            struct books b = books_close(s);
            assert_int_equal(b.sent, 100);
            assert_int_equal(b.expected, 300);
            assert_int_equal(b.counts.delivered, 300);
            assert_int_equal(b.counts.lost + b.counts.corrupted, 0);
            assert_non_null(strstr(s->course.greeting, "\"version\":\"7\""));
            order(s, COURSE_DISCONNECT);
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(atomic_load(&s->course.cells[i].ready), 0);
            }
        }
        assert_false(is_failed(s));
        drivers_stop(s);
    }
    assert_int_equal(s->peers_count, 2 * 2 * 5); /* new connections each time */
}

/* Goal:   what the server lost is counted, and the next run begins with clean books.
 * Method: 7 messages lost in the first run, none in the second, on the same connections. */
static void test_driver_counts_what_is_lost(void **state)
{
    struct setting *s = *state;
    drivers_start(s, 1);
    order(s, COURSE_CONNECT);
    s->lost = 7;
    run(s);
    struct books b = books_close(s);
    assert_int_equal(b.sent, 100);
    assert_int_equal(b.counts.lost, 21);
    assert_int_equal(b.counts.delivered, 300 - 21);
    run(s);
    b = books_close(s);
    assert_int_equal(b.sent, 100);
    assert_int_equal(b.counts.lost, 0);
    assert_int_equal(b.counts.delivered, 300);
    drivers_stop(s);
}

/* Goal:   a server that refuses ends it, and the sentence says who was refused and what would help.
 * Method: -ERR instead of a PONG: for want of a password, and for another reason. */
static void test_driver_is_refused(void **state)
{
    struct setting *s = *state;
    static const char *const refusals[] = {"-ERR 'Authorization Violation'\r\n",
                                           "-ERR 'maximum connections exceeded'\r\n"};
    static const char *const said[] = {
        "the server wants user and password, as --url nats://USER:PASSWORD@HOST: 'Authorization "
        "Violation'",
        "subscriber 1: 'maximum connections exceeded'"};
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        s->refusal = refusals[i];
        s->scenario.subscribers = 1;
        s->scenario.publishers = 1;
        s->scenario.connecting = 1; /* so that the subscriber comes first */
        drivers_start(s, 1);
        course_order(&s->course, COURSE_CONNECT);
        serve_until(s, is_failed);
        if (strstr(s->course.failure, said[i]) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", s->course.failure, said[i]);
        }
        drivers_stop(s);
    }
}

/* Goal:   nobody listening, and a server that leaves, are told apart.
 * Method: the listener closed; a server that closes one subscriber within a run. */
static void test_driver_loses_the_server(void **state)
{
    struct setting *s = *state;
    drivers_start(s, 1);
    order(s, COURSE_CONNECT);
    uint32_t subscriber = 0;
    while (s->peers[subscriber].subject[0] == 0) {
        subscriber++;
    }
    assert_int_equal(shutdown(s->peers[subscriber].fd, SHUT_RDWR), 0);
    serve_until(s, is_failed);
    assert_non_null(strstr(s->course.failure, "the server closed the connection"));
    assert_non_null(strstr(s->course.failure, "subscriber "));
    drivers_stop(s);

    close(s->listener);
    drivers_start(s, 1);
    course_order(&s->course, COURSE_CONNECT);
    uint64_t until_ns = course_now_ns() + (uint64_t)PATIENCE_MS * 1000000;
    while (!is_failed(s)) {
        usleep(1000);
        assert_true(course_now_ns() < until_ns);
    }
    assert_non_null(strstr(s->course.failure, "Connection refused: is the server running there?"));
    drivers_stop(s);
    s->listener = -1;
}

static bool nobody_reads(struct setting *s)
{
    (void)s;
    return course_now_ns() > course_end(&s->course) + 50000000;
}

/* Goal:   a stalled subscriber that the server gives up is counted, and is no failure.
 * Method: the server closes its connection within the run. */
static void test_driver_stalled_is_cut(void **state)
{
    struct setting *s = *state;
    s->scenario.stalled = 1;
    s->scenario.connecting = 1;
    drivers_start(s, 1);
    order(s, COURSE_CONNECT);
    order(s, COURSE_PREPARE);
    s->course.start_ns = course_now_ns();
    atomic_store(&s->course.measure_ns, s->course.start_ns);
    atomic_store(&s->course.end_ns, s->course.start_ns + 50000000);
    order(s, COURSE_RUN);
    assert_string_equal(s->peers[2].subject, "s"); /* two healthy ones came before it */
    close(s->peers[2].fd);
    s->peers[2].fd = -1;
    serve_until(s, nobody_reads);
    order(s, COURSE_COLLECT);
    assert_int_equal(s->drivers[0].stalled_cut, 1);
    assert_false(is_failed(s));
    struct books b = books_close(s);
    assert_int_equal(b.counts.delivered, 200); /* of the two that must hear */
    assert_int_equal(b.counts.lost, 0);
    drivers_stop(s);
}

/* Goal:   every connection of the scenario belongs to exactly one driver, queue groups whole; with
 *         --apart an idle one follows each.
 * Method: 7 subscribers of 3 groups among 2 drivers; 3 and 2 apart. */
static void test_driver_shares(void **state)
{
    struct setting *s = *state;
    s->scenario.subscribers = 7;
    s->scenario.groups = 3;
    s->scenario.churners = 3;
    s->scenario.churn = 1;
    drivers_start(s, 2);
    uint32_t seen[7] = {0};
    uint32_t all = 0;
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t k = 0; k < s->drivers[i].clients_count; k++, all++) {
            const struct client *c = &s->drivers[i].clients[k];
            if (c->role == CLIENT_SUBSCRIBER) {
                seen[c->index]++;
                assert_int_equal(c->index % 3 % 2, i); /* the group's driver */
            }
        }
    }
    assert_int_equal(all, 7 + 2 + 3);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(seen[i], 1);
    }
    drivers_stop(s);

    s->scenario.subscribers = 3;
    s->scenario.groups = 0;
    s->scenario.churners = 0;
    s->scenario.apart = true;
    drivers_start(s, 1);
    assert_int_equal(s->drivers[0].clients_count, 2 * 5 - 1); /* each is followed by the next */
    for (uint32_t k = 0; k < s->drivers[0].clients_count; k++) {
        assert_int_equal(s->drivers[0].clients[k].role == CLIENT_IDLE, k % 2 == 1);
    }
    drivers_stop(s);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setting_open, setting_close)

int main(void)
{
    struct ring *ring;
    int result = ring_open(&ring, 1, 0);
    if (result != 0) {
        print_message("SKIP: io_uring: %s\n", strerror(-result));
        return 77;
    }
    ring_free(ring);
    const struct CMUnitTest tests[] = {
        CASE(test_driver_obeys),          CASE(test_driver_counts_what_is_lost),
        CASE(test_driver_is_refused),     CASE(test_driver_loses_the_server),
        CASE(test_driver_stalled_is_cut), CASE(test_driver_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
