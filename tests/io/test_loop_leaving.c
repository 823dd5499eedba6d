/*
 * Goal:    when very many come or leave at once, one wait takes a few of them, all are seen in the
 *          end, and whoever stays is read in between.
 * Method:  far more connections than one wait takes, all closed by their peers, then by us; on both
 *          real loops, and with sockets in the ring's table.
 */
#include "tests/support/loop_stage.h"

#include "core/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { LEAVERS = 200, TURN_NS = 20 * 1000 * 1000 };
static_assert(LEAVERS > 5 * (int)LOOP_LEAVING_MAX, "several waits are needed");
static_assert(LEAVERS < (int)STAGE_PEERS_MAX, "and one stays");

static struct loop_probe probe;

enum shape { EPOLL, URING, DIRECT };

static struct stage *real_stage(enum shape shape)
{
    static const char *const names[] = {"epoll", "uring", "uring direct"};
    if ((shape != EPOLL && probe.backend != LOOP_URING) || (shape == DIRECT && !probe.direct)) {
        print_message("SKIP: %s\n", probe.explanation);
        skip();
    }
    const struct stage_options options = {
        .name = names[shape],
        .loop = {.backend = shape == EPOLL ? LOOP_EPOLL : LOOP_URING,
                 .slots_max = LEAVERS + 1,
                 .sends_inline = probe.sends_inline,
                 .direct = shape == DIRECT},
        .seed = 1,
    };
    struct stage *stage = (struct stage *)memory_alloc(sizeof(*stage));
    stage_open(stage, &options);
    return stage;
}

struct seen {
    uint32_t accepted;
    uint32_t bytes;
    uint32_t ended; /* EOF or ERROR */
    uint32_t closed;
};

/* One wait; what it told is added to all. */
static struct seen wait_once(struct stage *stage, struct seen *all)
{
    static struct loop_event events[EVENTS_MAX];
    struct seen seen = {0};
    size_t count = loop_wait(stage->loop, TURN_NS, events, EVENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        seen.accepted += events[i].kind == LOOP_EVENT_ACCEPT;
        seen.bytes += events[i].kind == LOOP_EVENT_BYTES;
        seen.ended += events[i].kind == LOOP_EVENT_EOF || events[i].kind == LOOP_EVENT_ERROR;
        seen.closed += events[i].kind == LOOP_EVENT_CLOSED;
        if (events[i].kind == LOOP_EVENT_ACCEPT) {
            loop_discard(stage->loop, events[i].result);
        }
    }
    loop_check(stage->loop);
    all->accepted += seen.accepted;
    all->bytes += seen.bytes;
    all->ended += seen.ended;
    all->closed += seen.closed;
    return seen;
}

static void leave(enum shape shape)
{
    struct stage *stage = real_stage(shape);
    for (uint32_t i = 0; i <= LEAVERS; i++) {
        assert_int_equal(stage_connect(stage, true), i);
    }
    stage_idle(stage, 3);
    for (uint32_t i = 0; i < LEAVERS; i++) {
        peer_close(stage, i);
    }
    struct seen all = {0};
    (void)wait_once(stage, &all);
    assert_true(peer_write(stage, LEAVERS, 1) == 1);
    uint64_t until_ns = stage_deadline_ns();
    while (all.ended < LEAVERS) {
        struct seen seen = wait_once(stage, &all);
        assert_true(seen.ended <= LOOP_LEAVING_MAX);
        assert_true(all.bytes == 1 || all.ended < LEAVERS / 2); /* who stays was not last */
        stage_check_deadline(stage, until_ns, "the ends");
    }
    assert_int_equal(all.bytes, 1);
    assert_int_equal(all.closed, 0);
    for (uint32_t i = 0; i < LEAVERS; i++) {
        loop_close_slot(stage->loop, i, i % 2 == 0 ? LOOP_CLOSE_ORDERLY : LOOP_CLOSE_RESET);
    }
    while (all.closed < LEAVERS) {
        struct seen seen = wait_once(stage, &all);
        assert_true(seen.closed <= LOOP_LEAVING_MAX);
        stage_check_deadline(stage, until_ns, "the closes");
    }
    assert_int_equal(all.ended, LEAVERS);
    loop_close_slot(stage->loop, LEAVERS, LOOP_CLOSE_ORDERLY);
    while (all.closed == LEAVERS) {
        (void)wait_once(stage, &all);
    }
    stage_free(stage);
    memory_free(stage);
}

static void test_epoll_leaving(void **state)
{
    (void)state;
    leave(EPOLL);
}

static void test_uring_leaving(void **state)
{
    (void)state;
    leave(URING);
}

static void test_uring_direct_leaving(void **state)
{
    (void)state;
    leave(DIRECT);
}

static void come(enum shape shape)
{
    struct stage *stage = real_stage(shape);
    int clients[LEAVERS];
    for (uint32_t i = 0; i < LEAVERS; i++) {
        clients[i] = stage_dial(stage);
    }
    struct seen all = {0};
    uint64_t until_ns = stage_deadline_ns();
    while (all.accepted < LEAVERS) {
        struct seen seen = wait_once(stage, &all);
        assert_true(seen.accepted <= LOOP_ACCEPTS_MAX + 1); /* and the one that was waited for */
        stage_check_deadline(stage, until_ns, "those who come");
    }
    for (uint32_t i = 0; i < LEAVERS; i++) {
        close(clients[i]);
    }
    stage_free(stage);
    memory_free(stage);
}

static void test_epoll_coming(void **state)
{
    (void)state;
    come(EPOLL);
}

static void test_uring_coming(void **state)
{
    (void)state;
    come(URING);
}

static void test_uring_direct_coming(void **state)
{
    (void)state;
    come(DIRECT);
}

static int find_out(void **state)
{
    (void)state;
    int failed = loop_probe_run(LOOP_AUTO, &probe);
    loop_probe_direct(&probe);
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epoll_leaving),        cmocka_unit_test(test_uring_leaving),
        cmocka_unit_test(test_uring_direct_leaving), cmocka_unit_test(test_epoll_coming),
        cmocka_unit_test(test_uring_coming),         cmocka_unit_test(test_uring_direct_coming),
    };
    return cmocka_run_group_tests(tests, find_out, NULL);
}
