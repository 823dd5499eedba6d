/*
 * Goal:    accepting survives a process that is out of descriptors, can be stopped, and tells where a
 *          connection comes from.
 * Method:  RLIMIT_NOFILE is lowered to what is open, a client waits in the backlog, the limit is
 *          raised again; on both real loops, and with sockets in the ring's table.
 */
#include "tests/support/loop_shapes.h"

#include "io/sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 8, EVENTS = 16, TURN_NS = 10 * 1000 * 1000 };

static int dial(const struct stage *stage, int fd)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(stage->port);
    return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

/* Waits until an event of that kind comes; returns its result. */
static int result_of(struct stage *stage, enum loop_event_kind kind)
{
    struct loop_event events[EVENTS];
    uint64_t until_ns = stage_deadline_ns();
    for (;;) {
        size_t count = loop_wait(stage->loop, TURN_NS, events, EVENTS);
        for (size_t i = 0; i < count; i++) {
            if (events[i].kind == kind) {
                return events[i].result;
            }
            assert_int_equal(events[i].kind, LOOP_EVENT_ACCEPT_FAILED);
        }
        stage_check_deadline(stage, until_ns, "the event");
    }
}

static void out_of_descriptors(enum shape shape)
{
    struct stage *stage = shape_stage(shape, SLOTS);
    struct rlimit before;
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int next = dup(client); /* the lowest free number is the limit */
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(dial(stage, client), 0);
    int failed = result_of(stage, LOOP_EVENT_ACCEPT_FAILED);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(failed, -EMFILE);
    int fd = result_of(stage, LOOP_EVENT_ACCEPT);
    assert_true(fd >= 0);
    loop_discard(stage->loop, fd);
    char byte;
    assert_int_equal(recv(client, &byte, 1, 0), 0);
    close(client);
    shape_stage_free(stage);
}

ON_EVERY_SHAPE(out_of_descriptors)

static void accepts_nothing_while_stopped(enum shape shape)
{
    struct stage *stage = shape_stage(shape, SLOTS);
    struct loop_event events[EVENTS];
    (void)stage_connect(stage, true);
    loop_accept_stop(stage->loop);
    assert_int_equal(loop_wait(stage->loop, TURN_NS, events, EVENTS), 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(dial(stage, client), 0); /* into the backlog */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(loop_wait(stage->loop, TURN_NS, events, EVENTS), 0);
    }
    assert_int_equal(loop_accept(stage->loop, stage->listener), 0);
    int fd = result_of(stage, LOOP_EVENT_ACCEPT);
    loop_discard(stage->loop, fd);
    close(client);
    shape_stage_free(stage);
}

ON_EVERY_SHAPE(accepts_nothing_while_stopped)

/* Who is waited for, and who comes with others: of each the address is told, also after a stop. */
static void tells_where_from(enum shape shape)
{
    enum { CLIENTS = 6 };
    struct stage *stage = shape_stage(shape, SLOTS);
    struct loop_event events[EVENTS] = {0};
    int clients[CLIENTS] = {0};
    uint64_t until_ns = stage_deadline_ns();
    for (int i = 0, wave = 1; i < CLIENTS; i += wave, wave++) {               /* 1, 2, 3 at once */
        assert_int_equal(loop_wait(stage->loop, TURN_NS, events, EVENTS), 0); /* it waits for one */
        for (int k = i; k < i + wave; k++) {
            clients[k] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            assert_int_equal(dial(stage, clients[k]), 0);
        }
        for (int k = i; k < i + wave;) {
            size_t count = loop_wait(stage->loop, TURN_NS, events, EVENTS);
            for (size_t e = 0; e < count; e++, k++) {
                struct sockaddr_in told = {0};
                struct sockaddr_in expected = {0};
                socklen_t size = sizeof(expected);
                assert_int_equal(events[e].kind, LOOP_EVENT_ACCEPT);
                assert_int_equal(events[e].bytes.size, sizeof(told));
                memcpy(&told, events[e].bytes.ptr, sizeof(told));
                assert_int_equal(getsockname(clients[k], (struct sockaddr *)&expected, &size), 0);
                assert_int_equal(told.sin_family, AF_INET);
                assert_int_equal(told.sin_addr.s_addr, expected.sin_addr.s_addr);
                assert_int_equal(told.sin_port, expected.sin_port);
                loop_discard(stage->loop, events[e].result);
            }
            stage_check_deadline(stage, until_ns, "all accepted");
        }
        loop_accept_stop(stage->loop);
        assert_int_equal(loop_accept(stage->loop, stage->listener), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    shape_stage_free(stage);
}

ON_EVERY_SHAPE(tells_where_from)

/* Descriptors that nobody has put into a table yet are not let grow to the limit: who waits in the
 * backlog is taken in when some are given back. */
static void test_uring_direct_leaves_some_descriptors(void **state)
{
    (void)state;
    enum { LIMIT = 100, CLIENTS = 120, CLIENTS_FD = 300 };
    struct rlimit before;
    struct loop_event events[EVENTS];
    int held[CLIENTS];
    size_t held_count = 0;
    shape_stage_free(shape_stage(DIRECT, SLOTS));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit low = {.rlim_cur = LIMIT, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct stage *stage = shape_stage(DIRECT, SLOTS); /* looks at the limit */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < CLIENTS; i++) {
        int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(dup2(client, CLIENTS_FD + i), CLIENTS_FD + i); /* out of the way */
        close(client);
        assert_int_equal(dial(stage, CLIENTS_FD + i), 0);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    uint64_t until_ns = stage_deadline_ns();
    size_t quiet = 0;
    for (size_t taken = 0; taken < CLIENTS;) {
        size_t count = loop_wait(stage->loop, TURN_NS, events, EVENTS);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(events[i].kind, LOOP_EVENT_ACCEPT); /* and no ACCEPT_FAILED */
            held[held_count++] = events[i].result;
        }
        taken += count;
        quiet = count == 0 ? quiet + 1 : 0;
        if (quiet == 5) { /* it rests: there must be some left */
            assert_in_range(held_count, 1, LIMIT - 10);
            int left = dup(stage->listener);
            assert_true(left >= 0);
            close(left);
            while (held_count > 0) {
                loop_discard(stage->loop, held[--held_count]);
            }
        }
        stage_check_deadline(stage, until_ns, "all accepted");
    }
    while (held_count > 0) {
        loop_discard(stage->loop, held[--held_count]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < CLIENTS; i++) {
        close(CLIENTS_FD + i);
    }
    shape_stage_free(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES_OF_SHAPES(out_of_descriptors),
        CASES_OF_SHAPES(accepts_nothing_while_stopped),
        CASES_OF_SHAPES(tells_where_from),
        cmocka_unit_test(test_uring_direct_leaves_some_descriptors),
    };
    return cmocka_run_group_tests(tests, shapes_find_out, NULL);
}
