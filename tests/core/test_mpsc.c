/* test_mpsc.c - the inbox and its doorbell in one thread, half-linked pushes included. */
#include "tests/support/atomic_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/doorbell.h"
#include "core/mpsc.c"

enum { NODES = 8 };

struct fixture {
    struct mpsc q;
    struct mpsc_node nodes[NODES];
};

static void begin(struct fixture *f)
{
    step_hook = NULL;
    mpsc_init(&f->q);
}

/* Pops and expects this node. */
static void expect_node(struct fixture *f, int index)
{
    struct mpsc_node *node;
    assert_int_equal(mpsc_pop(&f->q, &node), MPSC_NODE);
    assert_ptr_equal(node, &f->nodes[index]);
    mpsc_check(&f->q);
}

static void expect_none(struct fixture *f, enum mpsc_result why)
{
    struct mpsc_node *node = &f->nodes[0];
    assert_int_equal(mpsc_pop(&f->q, &node), why);
    assert_null(node);
    mpsc_check(&f->q);
}

/*
 * Goal:    nodes come out in the order they went in, across any number of empty moments.
 * Method:  rounds of 0 to NODES pushes, each followed by pops until empty.
 */
static void test_mpsc_is_first_in_first_out(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);

    for (int round = 0; round < 4 * NODES; round++) {
        int count = round % (NODES + 1);
        for (int i = 0; i < count; i++) {
            mpsc_push(&f.q, &f.nodes[i]);
            assert_false(mpsc_is_empty(&f.q));
        }
        for (int i = 0; i < count; i++) {
            expect_node(&f, i);
        }
        expect_none(&f, MPSC_EMPTY);
        assert_true(mpsc_is_empty(&f.q));
    }
}

/*
 * Goal:    a chain comes out unbroken and in order, between single pushes too.
 * Method:  push 0, chain 1..4, chain of one 5, push 6.
 */
static void test_mpsc_keeps_chains_whole(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);

    mpsc_push(&f.q, &f.nodes[0]);
    for (int i = 1; i < 4; i++) {
        mpsc_chain(&f.nodes[i], &f.nodes[i + 1]);
    }
    mpsc_push_chain(&f.q, &f.nodes[1], &f.nodes[4]);
    mpsc_push_chain(&f.q, &f.nodes[5], &f.nodes[5]);
    mpsc_push(&f.q, &f.nodes[6]);

    for (int i = 0; i <= 6; i++) {
        expect_node(&f, i);
    }
    expect_none(&f, MPSC_EMPTY);
}

/*
 * Goal:    a push cut in two is neither empty nor skipped.
 * Method:  take a place in an empty queue, push another node behind it, then link.
 */
static void test_mpsc_waits_for_a_half_linked_push(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);

    struct mpsc_node *previous = mpsc_push_begin(&f.q, &f.nodes[0]);
    expect_none(&f, MPSC_HALF_LINKED);
    assert_false(mpsc_is_empty(&f.q));

    mpsc_push(&f.q, &f.nodes[1]);
    expect_none(&f, MPSC_HALF_LINKED);

    mpsc_push_finish(previous, &f.nodes[0]);
    expect_node(&f, 0);
    expect_node(&f, 1);
    expect_none(&f, MPSC_EMPTY);
}

/*
 * Goal:    a linked node stays while the producer behind it has yet to write its link.
 * Method:  a whole push, then half a push behind it: popping the first would hand out a node that
 *          the second producer is about to write.
 */
static void test_mpsc_keeps_a_node_its_successor_will_link(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);

    mpsc_push(&f.q, &f.nodes[0]);
    struct mpsc_node *previous = mpsc_push_begin(&f.q, &f.nodes[1]);
    assert_ptr_equal(previous, &f.nodes[0]);
    expect_none(&f, MPSC_HALF_LINKED);

    mpsc_push_finish(previous, &f.nodes[1]);
    expect_node(&f, 0);
    expect_node(&f, 1);
    expect_none(&f, MPSC_EMPTY);
}

/*
 * Goal:    a drain ends at its mark, whatever producers add meanwhile.
 * Method:  mark after 3 nodes, push 2 more while draining.
 */
static void test_mpsc_drain_stops_at_the_mark(void **state)
{
    (void)state;
    struct fixture f;
    struct mpsc_node *node;
    begin(&f);

    for (int i = 0; i < 3; i++) {
        mpsc_push(&f.q, &f.nodes[i]);
    }
    struct mpsc_end end = mpsc_mark(&f.q);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_NODE);
        assert_ptr_equal(node, &f.nodes[i]);
        if (i < 2) {
            mpsc_push(&f.q, &f.nodes[3 + i]);
        }
    }
    assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_EMPTY);
    assert_null(node);

    /* A node handed out and pushed again is not mistaken for the old mark. */
    mpsc_push(&f.q, &f.nodes[2]);
    assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_EMPTY);
    expect_node(&f, 3);
    expect_node(&f, 4);
    expect_node(&f, 2);
}

/*
 * Goal:    the mark of an empty queue is reached at once.
 * Method:  mark, then push; the drain takes nothing.
 */
static void test_mpsc_mark_of_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct mpsc_node *node;
    begin(&f);

    struct mpsc_end end = mpsc_mark(&f.q);
    mpsc_push(&f.q, &f.nodes[0]);
    assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_EMPTY);
    expect_node(&f, 0);
}

/*
 * Goal:    a drain to the mark never skips a push that had taken its place.
 * Method:  half a push before the mark: the drain says so until it is linked.
 */
static void test_mpsc_drain_waits_for_the_link(void **state)
{
    (void)state;
    struct fixture f;
    struct mpsc_node *node;
    begin(&f);

    mpsc_push(&f.q, &f.nodes[0]);
    mpsc_push(&f.q, &f.nodes[1]);
    struct mpsc_node *previous = mpsc_push_begin(&f.q, &f.nodes[2]);
    struct mpsc_end end = mpsc_mark(&f.q);

    assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_NODE);
    assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_HALF_LINKED);
    assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_HALF_LINKED);
    mpsc_push_finish(previous, &f.nodes[2]);
    assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_NODE);
    assert_ptr_equal(node, &f.nodes[1]);
    assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_NODE);
    assert_ptr_equal(node, &f.nodes[2]);
    assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_EMPTY);
}

/* A producer inside the owner's steps: takes its place before step begin_at, links before finish_at
 * (or when the owner gave up). */
static struct {
    struct mpsc *q;
    struct mpsc_node *node;
    struct mpsc_node *previous;
    int step;
    int begin_at;
    int finish_at;
    bool begun;
    bool finished;
} intruder;

static void intruder_begin(void)
{
    intruder.begun = true;
    intruder.previous = mpsc_push_begin(intruder.q, intruder.node);
}

static void intruder_finish(void)
{
    intruder.finished = true;
    mpsc_push_finish(intruder.previous, intruder.node);
}

static void intrude(void)
{
    void (*hook)(void) = step_hook;
    int now = intruder.step++;

    step_hook = NULL; /* the intruder's own atomics are no steps */
    if (now == intruder.begin_at) {
        intruder_begin();
    }
    if (now == intruder.finish_at && intruder.begun) {
        intruder_finish();
    }
    step_hook = hook;
}

/* Before nodes[before], an intruder pushes nodes[NODES - 1] at the given steps of draining. Returns
 * the number of steps the owner took. */
static int drain_with_intruder(int before, int begin_at, int finish_at)
{
    struct fixture f;
    struct mpsc_node *got[NODES] = {NULL};
    struct mpsc_node *node;
    int count = 0;
    int half_linked = 0;

    begin(&f);
    for (int i = 0; i < before; i++) {
        mpsc_push(&f.q, &f.nodes[i]);
    }
    intruder.q = &f.q;
    intruder.node = &f.nodes[NODES - 1];
    intruder.step = 0;
    intruder.begin_at = begin_at;
    intruder.finish_at = finish_at;
    intruder.begun = intruder.finished = false;
    step_hook = intrude;

    /* Where the intruder has a place, EMPTY is wrong until its node came out. */
    for (;;) {
        enum mpsc_result result = mpsc_pop(&f.q, &node);
        bool begun = intruder.begun;
        if (result == MPSC_NODE) {
            got[count++] = node;
        } else if (result == MPSC_EMPTY) {
            break;
        } else {
            assert_true(begun);
            half_linked++;
            if (half_linked > 20 && !intruder.finished) {
                step_hook = NULL;
                assert_false(mpsc_is_empty(&f.q));
                intruder_finish();
                step_hook = intrude;
            }
        }
    }
    int steps = intruder.step;
    step_hook = NULL;
    if (!intruder.begun) {
        intruder_begin();
    }
    if (!intruder.finished) {
        intruder_finish();
    }
    for (enum mpsc_result result = mpsc_pop(&f.q, &node); result != MPSC_EMPTY;
         result = mpsc_pop(&f.q, &node)) {
        assert_int_equal(result, MPSC_NODE);
        got[count++] = node;
    }

    assert_int_equal(count, before + 1);
    for (int i = 0; i < before; i++) {
        assert_ptr_equal(got[i], &f.nodes[i]);
    }
    assert_ptr_equal(got[before], &f.nodes[NODES - 1]);
    assert_true(mpsc_is_empty(&f.q));
    mpsc_check(&f.q);
    return steps;
}

/*
 * Goal:    wherever a producer cuts into a pop, nothing is lost, doubled or reordered.
 * Method:  every pair of steps (take place, link) within draining 0 to 2 nodes.
 */
static void test_mpsc_pop_with_a_producer_at_every_step(void **state)
{
    (void)state;
    enum { STEPS = 40 };

    for (int before = 0; before <= 2; before++) {
        for (int begin_at = 0; begin_at < STEPS; begin_at++) {
            for (int finish_at = begin_at; finish_at < STEPS; finish_at++) {
                drain_with_intruder(before, begin_at, finish_at);
            }
            assert_true(drain_with_intruder(before, begin_at, INT32_MAX) > 0);
        }
    }
}

/* Half a push, cut in while the owner drains to a mark. Returns what the drain gave. */
static void drain_to_mark_with_intruder(int before, int begin_at)
{
    struct fixture f;
    struct mpsc_node *node;
    enum mpsc_result result;
    int count = 0;

    begin(&f);
    for (int i = 0; i < before; i++) {
        mpsc_push(&f.q, &f.nodes[i]);
    }
    struct mpsc_end end = mpsc_mark(&f.q);
    intruder.q = &f.q;
    intruder.node = &f.nodes[NODES - 1];
    intruder.step = 0;
    intruder.begin_at = begin_at;
    intruder.finish_at = INT32_MAX;
    intruder.begun = intruder.finished = false;
    step_hook = intrude;
    while ((result = mpsc_pop_until(&f.q, &end, &node)) != MPSC_EMPTY) {
        if (result == MPSC_NODE) {
            assert_ptr_equal(node, &f.nodes[count++]);
        } else if (!intruder.finished) {
            step_hook = NULL;
            intruder_finish();
            step_hook = intrude;
        }
    }
    step_hook = NULL;
    assert_int_equal(count, before);

    /* The stub may now stand before or behind the intruder; a second mark finds it either way. */
    if (intruder.begun && !intruder.finished) {
        intruder_finish();
    }
    end = mpsc_mark(&f.q);
    if (intruder.begun) {
        assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_NODE);
        assert_ptr_equal(node, &f.nodes[NODES - 1]);
    }
    assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_EMPTY);
    assert_true(mpsc_is_empty(&f.q));
}

/*
 * Goal:    a mark is reached exactly, and the stub may be one.
 * Method:  a producer at every step of a drain to the mark, then a drain to a second mark.
 */
static void test_mpsc_mark_with_a_producer_at_every_step(void **state)
{
    (void)state;
    for (int before = 0; before <= 3; before++) {
        for (int begin_at = 0; begin_at < 40; begin_at++) {
            drain_to_mark_with_intruder(before, begin_at);
        }
    }
}

/*
 * Goal:    the stub queued behind a cut push is not taken for an empty queue.
 * Method:  a producer takes its place between mpsc_pop's look at the head and its stub.
 */
static void test_mpsc_stub_behind_a_cut_is_not_empty(void **state)
{
    (void)state;
    struct fixture f;
    struct mpsc_node *node;
    bool found = false;

    for (int begin_at = 0; begin_at < 12; begin_at++) {
        begin(&f);
        mpsc_push(&f.q, &f.nodes[0]);
        intruder.q = &f.q;
        intruder.node = &f.nodes[1];
        intruder.step = 0;
        intruder.begin_at = begin_at;
        intruder.finish_at = INT32_MAX;
        intruder.begun = intruder.finished = false;
        step_hook = intrude;
        enum mpsc_result result = mpsc_pop(&f.q, &node);
        step_hook = NULL;
        if (result == MPSC_HALF_LINKED && newest(&f.q) == &f.q.stub) {
            found = true;
            struct mpsc_end end = mpsc_mark(&f.q);
            assert_false(mpsc_is_empty(&f.q));
            assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_HALF_LINKED);
            intruder_finish();
            assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_NODE);
            assert_ptr_equal(node, &f.nodes[0]);
            assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_NODE);
            assert_ptr_equal(node, &f.nodes[1]);
            assert_int_equal(mpsc_pop_until(&f.q, &end, &node), MPSC_EMPTY);
        }
    }
    assert_true(found);
}

/*
 * Goal:    one sleep costs one wake, and an awake owner costs none.
 * Method:  producers ask in each state of the owner.
 */
static void test_doorbell_rings_once_per_sleep(void **state)
{
    (void)state;
    struct fixture f;
    struct doorbell d;
    begin(&f);
    doorbell_init(&d);

    assert_false(doorbell_should_ring(&d));
    for (int round = 0; round < 2; round++) {
        doorbell_prepare_sleep(&d);
        assert_true(doorbell_may_sleep(&d, &f.q));
        assert_true(doorbell_should_ring(&d));
        assert_false(doorbell_should_ring(&d));
        doorbell_awake(&d);
        assert_false(doorbell_should_ring(&d));
    }
    doorbell_prepare_sleep(&d);
    doorbell_awake(&d);
    assert_false(doorbell_should_ring(&d));
}

/*
 * Goal:    the owner does not sleep on work, nor on a push cut in two, nor on a wake on its way.
 * Method:  each of the three between prepare and may_sleep.
 */
static void test_doorbell_refuses_sleep_on_work(void **state)
{
    (void)state;
    struct fixture f;
    struct doorbell d;
    begin(&f);
    doorbell_init(&d);

    doorbell_prepare_sleep(&d);
    struct mpsc_node *previous = mpsc_push_begin(&f.q, &f.nodes[0]);
    assert_false(doorbell_may_sleep(&d, &f.q));
    mpsc_push_finish(previous, &f.nodes[0]);
    assert_false(doorbell_may_sleep(&d, &f.q));
    expect_node(&f, 0);
    assert_true(doorbell_may_sleep(&d, &f.q));
    assert_true(doorbell_should_ring(&d));
    assert_false(doorbell_may_sleep(&d, &f.q));
}

/* Producer and owner as lists of steps, interleaved every way: the producer's push and ring, and
 * the owner's prepare and look. */
static struct {
    struct fixture *f;
    struct doorbell *d;
    int step;
    int at;
    bool done;
    bool rang;
} ringer;

static void ring_at_step(void)
{
    if (ringer.step++ == ringer.at) {
        step_hook = NULL;
        mpsc_push(&ringer.f->q, &ringer.f->nodes[0]);
        ringer.rang = doorbell_should_ring(ringer.d);
        ringer.done = true;
        step_hook = ring_at_step;
    }
}

/*
 * Goal:    push and ring at any point of going to sleep: the owner stays up, or a wake comes.
 * Method:  the producer runs whole before each step of the owner, and after the last. (The other
 *          interleavings, with store buffers, are tests/model/inbox.pml's.)
 */
static void test_doorbell_loses_no_wake_at_any_step(void **state)
{
    (void)state;
    for (int at = 0; at < 12; at++) {
        struct fixture f;
        struct doorbell d;
        begin(&f);
        doorbell_init(&d);
        ringer.f = &f;
        ringer.d = &d;
        ringer.step = 0;
        ringer.at = at;
        ringer.done = ringer.rang = false;

        step_hook = ring_at_step;
        doorbell_prepare_sleep(&d);
        bool sleeps = doorbell_may_sleep(&d, &f.q);
        step_hook = NULL;
        if (!ringer.done) {
            mpsc_push(&f.q, &f.nodes[0]);
            ringer.rang = doorbell_should_ring(&d);
        }
        assert_true(!sleeps || ringer.rang);
        doorbell_awake(&d);
        expect_node(&f, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mpsc_is_first_in_first_out),
        cmocka_unit_test(test_mpsc_keeps_chains_whole),
        cmocka_unit_test(test_mpsc_waits_for_a_half_linked_push),
        cmocka_unit_test(test_mpsc_keeps_a_node_its_successor_will_link),
        cmocka_unit_test(test_mpsc_drain_stops_at_the_mark),
        cmocka_unit_test(test_mpsc_mark_of_nothing),
        cmocka_unit_test(test_mpsc_drain_waits_for_the_link),
        cmocka_unit_test(test_mpsc_pop_with_a_producer_at_every_step),
        cmocka_unit_test(test_mpsc_mark_with_a_producer_at_every_step),
        cmocka_unit_test(test_mpsc_stub_behind_a_cut_is_not_empty),
        cmocka_unit_test(test_doorbell_rings_once_per_sleep),
        cmocka_unit_test(test_doorbell_refuses_sleep_on_work),
        cmocka_unit_test(test_doorbell_loses_no_wake_at_any_step),
    };
    return cmocka_run_group_tests_name("mpsc", tests, NULL, NULL);
}
