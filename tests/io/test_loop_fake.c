/*
 * Goal:    the fake is what the simulation takes it for: seeded, honest about what is ready, and
 *          able to meet each of its faults.
 * Method:  small scenes, and the scripts that the real loops are played with too.
 */
#include "tests/support/loop_fake.h"

#include "tests/support/loop_script.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EVENTS = 16 };

struct scene {
    struct fake_world *world;
    struct loop *loop;
    struct loop_event events[EVENTS];
};

static struct scene scene_open(uint64_t seed)
{
    struct scene scene;
    const struct loop_options options = {.backend = LOOP_FAKE, .slots_max = 8};
    scene.world = fake_world_new(seed);
    assert_int_equal(loop_fake_open(&options, &scene.loop), 0);
    assert_int_equal(loop_accept(scene.loop, 0), 0);
    return scene;
}

static void scene_close(struct scene *scene)
{
    loop_check(scene->loop);
    loop_free(scene->loop);
    fake_world_free(scene->world);
}

static struct fake_client *scene_client(struct scene *scene, uint32_t slot)
{
    struct fake_client *client = fake_connect(scene->loop);
    assert_int_equal(fake_client_state(client), FAKE_CLIENT_WAITING);
    assert_int_equal(loop_wait(scene->loop, 0, scene->events, EVENTS), 1);
    assert_int_equal(scene->events[0].kind, LOOP_EVENT_ACCEPT);
    assert_int_equal(loop_add(scene->loop, slot, 1, scene->events[0].result), 0);
    assert_int_equal(fake_client_state(client), FAKE_CLIENT_OPEN);
    return client;
}

static void test_runnable_tells_what_a_wait_would_report(void **state)
{
    (void)state;
    struct scene scene = scene_open(1);
    assert_false(fake_loop_is_runnable(scene.loop));
    struct fake_client *client = scene_client(&scene, 0);
    assert_false(fake_loop_is_runnable(scene.loop));
    assert_int_equal(fake_client_write(client, bytes_text("abc")), 3);
    assert_false(fake_loop_is_runnable(scene.loop)); /* not armed */
    loop_read_arm(scene.loop, 0);
    assert_true(fake_loop_is_runnable(scene.loop));
    assert_int_equal(loop_wait(scene.loop, 0, scene.events, EVENTS), 1);
    assert_false(fake_loop_is_runnable(scene.loop));
    loop_wake(scene.loop);
    assert_true(fake_loop_is_woken(scene.loop));
    assert_true(fake_loop_is_runnable(scene.loop));
    assert_int_equal(loop_wait(scene.loop, 12345, scene.events, EVENTS), 1);
    assert_int_equal(fake_loop_timeout_ns(scene.loop), 12345);
    assert_false(fake_loop_is_runnable(scene.loop));
    loop_close_slot(scene.loop, 0, LOOP_CLOSE_ORDERLY);
    assert_true(fake_loop_is_runnable(scene.loop));
    assert_int_equal(fake_client_state(client), FAKE_CLIENT_EOF);
    scene_close(&scene);
}

static void note_hook(void *context, struct loop *loop, uint64_t timeout_ns)
{
    struct fake_client **client = (struct fake_client **)context;
    (void)loop;
    assert_int_equal(timeout_ns, UINT64_MAX);
    assert_int_equal(fake_client_write(*client, bytes_text("x")), 1);
}

/* What others do while a loop sleeps is there when it wakes. */
static void test_hook_runs_before_a_wait_looks(void **state)
{
    (void)state;
    struct scene scene = scene_open(1);
    struct fake_client *client = scene_client(&scene, 3);
    loop_read_arm(scene.loop, 3);
    fake_world_on_wait(scene.world, note_hook, &client);
    assert_int_equal(loop_wait(scene.loop, UINT64_MAX, scene.events, EVENTS), 1);
    assert_int_equal(scene.events[0].kind, LOOP_EVENT_BYTES);
    scene_close(&scene);
}

static void test_refused_descriptor_ends_the_client(void **state)
{
    (void)state;
    struct scene scene = scene_open(1);
    struct fake_client *client = fake_connect(scene.loop);
    assert_int_equal(loop_wait(scene.loop, 0, scene.events, EVENTS), 1);
    loop_discard(scene.loop, scene.events[0].result);
    assert_int_equal(fake_client_state(client), FAKE_CLIENT_EOF);
    scene_close(&scene);
}

/* A socket accepted by one loop may live in another. */
static void test_descriptors_cross_loops(void **state)
{
    (void)state;
    struct scene scene = scene_open(1);
    const struct loop_options options = {.backend = LOOP_FAKE, .slots_max = 4};
    struct loop *other;
    assert_int_equal(loop_fake_open(&options, &other), 0);
    struct fake_client *client = fake_connect(scene.loop);
    assert_int_equal(loop_wait(scene.loop, 0, scene.events, EVENTS), 1);
    assert_int_equal(loop_add(other, 2, 9, scene.events[0].result), 0);
    loop_read_arm(other, 2);
    assert_int_equal(fake_client_write(client, bytes_text("hi")), 2);
    assert_int_equal(loop_wait(scene.loop, 0, scene.events, EVENTS), 0);
    assert_int_equal(loop_wait(other, 0, scene.events, EVENTS), 1);
    assert_int_equal(scene.events[0].generation, 9);
    loop_free(other);
    scene_close(&scene);
}

static const struct stage_options wild = {
    .name = "fake with faults",
    .loop = {.backend = LOOP_FAKE, .slots_max = 256},
    .seed = 77,
    .faults_per_mille = 100,
};

static const struct script *script_named(const char *name)
{
    for (size_t i = 0; i < scripts_count; i++) {
        if (strcmp(scripts[i].name, name) == 0) {
            return &scripts[i];
        }
    }
    fail_msg("no script %s", name);
    return NULL;
}

static void test_same_seed_same_run(void **state)
{
    (void)state;
    struct loop_stats first;
    struct loop_stats second;
    free(script_play(script_named("random"), &wild, &first));
    free(script_play(script_named("random"), &wild, &second));
    assert_memory_equal(&first, &second, sizeof(first));
    struct stage_options other = wild;
    other.seed++;
    free(script_play(script_named("random"), &other, &second));
    assert_memory_not_equal(&first, &second, sizeof(first));
}

/* One step of a client that writes, reads, is paused and closed, so that every fault has its
 * chance.
 */
static void busy_step(struct scene *scene, struct fake_client **client, int step)
{
    uint8_t room[64];
    const struct iovec vector = {room, sizeof(room)};
    struct loop_send send = {0, 1, &vector, sizeof(room), 0};
    memset(room, 0, sizeof(room));
    MAYBE(fake_client_write(*client, bytes_text("0123456789")) == 0);
    loop_send(scene->loop, &send, 1);
    loop_wait_writable(scene->loop, 0);
    step % 3 == 0 ? loop_read_disarm(scene->loop, 0) : loop_read_arm(scene->loop, 0);
    MAYBE(loop_wait(scene->loop, 0, scene->events, EVENTS) == 0);
    if (step % 4 == 0) {
        MAYBE(fake_client_read(*client, room, sizeof(room)) == 0);
    }
    if (step % 50 != 49) {
        return;
    }
    loop_close_slot(scene->loop, 0, LOOP_CLOSE_RESET);
    while (fake_loop_slots_used(scene->loop) > 1) { /* the idle one stays */
        MAYBE(loop_wait(scene->loop, 0, scene->events, EVENTS) == 0);
    }
    fake_client_forget(*client);
    *client = fake_connect(scene->loop);
    int fd = -1;
    while (fd < 0) {
        size_t count = loop_wait(scene->loop, 0, scene->events, EVENTS);
        for (size_t i = 0; i < count; i++) {
            fd = scene->events[i].kind == LOOP_EVENT_ACCEPT ? scene->events[i].result : fd;
        }
    }
    assert_int_equal(loop_add(scene->loop, 0, (uint32_t)step, fd), 0);
}

static void test_every_fault_is_met(void **state)
{
    (void)state;
    struct scene scene = scene_open(5);
    fake_world_capacity(scene.world, 256, 256);
    struct fake_client *client = scene_client(&scene, 0);
    struct fake_client *idle = scene_client(&scene, 1);
    loop_read_arm(scene.loop, 1);
    fake_world_faults(scene.world, 200);
    fake_world_fault(scene.world, FAKE_NETWORK_RESET, 10);
    for (int step = 0; step < 5000; step++) {
        MAYBE(fake_client_write(idle, bytes_text("y")) == 0);
        busy_step(&scene, &client, step);
    }
    for (int fault = 0; fault < FAKE_FAULTS; fault++) {
        if (fake_world_met(scene.world, (enum fake_fault)fault) == 0) {
            fail_msg("never met: %s", fake_fault_name((enum fake_fault)fault));
        }
    }
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runnable_tells_what_a_wait_would_report),
        cmocka_unit_test(test_hook_runs_before_a_wait_looks),
        cmocka_unit_test(test_refused_descriptor_ends_the_client),
        cmocka_unit_test(test_descriptors_cross_loops),
        cmocka_unit_test(test_same_seed_same_run),
        cmocka_unit_test(test_every_fault_is_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
