/* test_hub_sample.c - what a few samples say of latencies and sizes. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define MS_NS 1000000ull

static struct world *world_of(uint32_t workers)
{
    struct world_options options = {.checks = true, .workers = workers};
    options.hub.write_deadline_ns = 1000 * WORLD_SECOND_NS;
    return world_new(&options);
}

/*
 * Goal:    a run is complete when the turn that delivered it is over.
 * Method:  one hub whose flush takes three milliseconds by the clock it is told.
 */
static void test_completion_here(void **state)
{
    (void)state;
    struct world *world = world_of(1);
    struct client *subscriber = client_plain(world, 0);
    struct client *publisher = client_plain(world, 0);
    client_says(subscriber, "SUB a 1\r\n");
    world_run(world);
    const struct metrics *metrics = world_metrics(world, 0);
    assert_int_equal(metrics->completion_ns.count, 0);
    client_publishes(publisher, "a", "x", 50);
    world_run(world);
    assert_int_equal(metrics->completion_ns.count, 1);
    assert_int_equal(metrics->run_messages.count, 1);
    assert_true(metrics->run_bytes.max > 50);
    struct hub *hub = world_hub(world, 0);
    hub_turn_begin(hub, world_now(world) + MS_NS);
    hub_turn_took(hub, world_now(world) + 4 * MS_NS);
    assert_int_equal(metrics->turn_ns.max, 3 * MS_NS);
    world_free(world); /* in the middle of a turn */
}

/*
 * Goal:    a run that other workers want is complete when the last of them has sent it back.
 * Method:  the second worker turns twenty milliseconds later.
 */
static void test_completion_elsewhere(void **state)
{
    (void)state;
    struct world *world = world_of(2);
    struct client *here = client_plain(world, 0);
    struct client *there = client_plain(world, 1);
    struct client *publisher = client_plain(world, 0);
    client_says(here, "SUB a 1\r\n");
    client_says(there, "SUB a 1\r\n");
    world_run(world);
    client_publishes(publisher, "a", "x", 50);
    world_turn_of(world, 0);
    CLIENT_EXPECT(here, "MSG a 1 50\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
    const struct metrics *metrics = world_metrics(world, 0);
    assert_int_equal(metrics->completion_ns.count, 0);
    world_pass(world, 20 * MS_NS);
    world_turn_of(world, 1);
    world_turn_of(world, 0);
    assert_int_equal(metrics->completion_ns.count, 1);
    assert_in_range(metrics->completion_ns.max, 20 * MS_NS, 21 * MS_NS);
    assert_true(world_metrics(world, 1)->inbox_depth.count > 0);
    world_end(world);
}

/*
 * Goal:    at most one run a millisecond is measured, and one send in SENDS_PER_SAMPLE.
 * Method:  a thousand messages at one time, then one a millisecond.
 */
static void test_few_are_measured(void **state)
{
    (void)state;
    struct world *world = world_of(1);
    struct client *publisher = client_plain(world, 0);
    for (uint32_t i = 0; i < 100; i++) {
        client_says(client_plain(world, 0), "SUB a 1\r\n");
    }
    world_run(world);
    const struct metrics *metrics = world_metrics(world, 0);
    uint64_t sends = metrics->sends;
    uint64_t sampled = metrics->send_bytes.count;
    for (uint32_t i = 0; i < 50; i++) {
        client_publishes(publisher, "a", "x", 10);
        world_run(world);
    }
    assert_int_equal(metrics->run_bytes.count, 1);
    sends = metrics->sends - sends;
    sampled = metrics->send_bytes.count - sampled;
    assert_int_equal(sends, 50 * 100);
    assert_in_range(sampled, sends / SENDS_PER_SAMPLE - 1, sends / SENDS_PER_SAMPLE + 1);
    assert_int_equal(metrics->send_messages.sum, sampled);
    for (uint32_t i = 0; i < 10; i++) {
        world_pass(world, MS_NS);
        client_publishes(publisher, "a", "x", 10);
        world_run(world);
    }
    assert_int_equal(metrics->run_bytes.count, 11);
    assert_int_equal(metrics->stream_bytes.count, 11);
    world_end(world);
}

/*
 * Goal:    what a subscriber had to wait for shows in delivery, and does not hold completion up.
 * Method:  one of two stalls for five seconds; sends go on until one of his is measured.
 */
static void test_a_late_subscriber_shows_in_delivery(void **state)
{
    (void)state;
    struct world *world = world_of(1);
    struct client *late = client_plain(world, 0);
    struct client *healthy = client_plain(world, 0);
    struct client *publisher = client_plain(world, 0);
    client_says(late, "SUB a 1\r\n");
    client_says(healthy, "SUB a 1\r\n");
    world_run(world);
    const struct metrics *metrics = world_metrics(world, 0);
    late->room = 0;
    client_publishes(publisher, "a", "x", 10);
    world_run(world);
    assert_int_equal(metrics->completion_ns.count, 1);
    for (uint32_t i = 0; i < 2 * SENDS_PER_SAMPLE; i++) {
        world_pass(world, WORLD_SECOND_NS / 20);
        client_publishes(publisher, "a", "x", 10);
        late->room = 22;
        world_run(world);
    }
    assert_true(metrics->completion_ns.max < MS_NS);
    assert_true(metrics->delivery_ns.max > WORLD_SECOND_NS / 25);
    late->room = SIZE_MAX;
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_completion_here),
        cmocka_unit_test(test_completion_elsewhere),
        cmocka_unit_test(test_few_are_measured),
        cmocka_unit_test(test_a_late_subscriber_shows_in_delivery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
