/*
 * Goal:    when very many come or leave at once, one wait takes a few of them, all are seen in the
 *          end, and whoever stays is read in between.
 * Method:  far more connections than one wait takes, all closed by their peers, then by us; on both
 *          real loops, and with sockets in the ring's table.
 */
#include "tests/support/loop_shapes.h"

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

static void leaving(enum shape shape)
{
    struct stage *stage = shape_stage(shape, LEAVERS + 1);
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
    shape_stage_free(stage);
}

ON_EVERY_SHAPE(leaving)

static void coming(enum shape shape)
{
    struct stage *stage = shape_stage(shape, LEAVERS + 1);
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
    shape_stage_free(stage);
}

ON_EVERY_SHAPE(coming)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES_OF_SHAPES(leaving),
        CASES_OF_SHAPES(coming),
    };
    return cmocka_run_group_tests(tests, shapes_find_out, NULL);
}
