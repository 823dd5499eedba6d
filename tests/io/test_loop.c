/*
 * Goal:    the three loops behave alike: one script of calls gives the same notes on all.
 * Method:  each script is played on the fake and on each backend in several shapes (usual, tiny
 *          rings and few buffers, sends by system call, sockets in the ring's table, the fake with
 *          faults); notes are compared with those of the fake without faults.
 */
#include "core/limits.h"
#include "io/loop.h"
#include "tests/support/loop_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 256, SEED = 20240611 };

static struct loop_probe probe;

static const struct stage_options fake_plain = {
    .name = "fake", .loop = {.backend = LOOP_FAKE, .slots_max = SLOTS}, .seed = SEED};

static void play_all(const struct stage_options *options)
{
    for (size_t i = 0; i < scripts_count; i++) {
        char *expected = script_play(&scripts[i], &fake_plain, NULL);
        char *notes = script_play(&scripts[i], options, NULL);
        if (strcmp(notes, expected) != 0) {
            fail_msg("script %s: the fake says\n%s%s (seed %llu) says\n%s", scripts[i].name,
                     expected, options->name, (unsigned long long)options->seed, notes);
        }
        free(expected);
        free(notes);
    }
}

static void test_fake_with_faults(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct stage_options options = fake_plain;
        options.name = "fake with faults";
        options.seed = seed;
        options.faults_per_mille = 100;
        play_all(&options);
    }
}

static void test_epoll(void **state)
{
    (void)state;
    struct stage_options options = fake_plain;
    options.name = "epoll";
    options.loop.backend = LOOP_EPOLL;
    play_all(&options);
}

static void test_epoll_with_one_buffer(void **state)
{
    (void)state;
    struct stage_options options = fake_plain;
    options.name = "epoll with one buffer";
    options.loop.backend = LOOP_EPOLL;
    options.loop.read_buffers = 1;
    play_all(&options);
}

static struct stage_options uring_options(const char *name)
{
    if (probe.backend != LOOP_URING) {
        print_message("SKIP: %s", probe.explanation);
        skip();
    }
    struct stage_options options = fake_plain;
    options.name = name;
    options.loop.backend = LOOP_URING;
    options.loop.sends_inline = probe.sends_inline;
    return options;
}

static void test_uring(void **state)
{
    (void)state;
    struct stage_options options = uring_options("uring");
    play_all(&options);
}

static void test_uring_with_tiny_rings(void **state)
{
    (void)state;
    struct stage_options options = uring_options("uring with tiny rings");
    options.loop.sq_entries = 2;
    options.loop.cq_entries = 4;
    options.loop.read_buffers = 4;
    play_all(&options);
}

static void test_uring_with_the_smallest_rings(void **state)
{
    (void)state;
    struct stage_options options = uring_options("uring with the smallest rings");
    options.loop.sq_entries = 1;
    options.loop.cq_entries = 1;
    options.loop.read_buffers = 1;
    play_all(&options);
}

static void test_uring_with_plain_sends(void **state)
{
    (void)state;
    struct stage_options options = uring_options("uring with plain sends");
    options.loop.sends_inline = false;
    play_all(&options);
}

static struct stage_options direct_options(const char *name)
{
    struct stage_options options = uring_options(name);
    if (!probe.direct) {
        print_message("SKIP: no sockets in a ring's table: %s\n", probe.direct_step);
        skip();
    }
    options.loop.direct = true;
    return options;
}

static void test_uring_direct(void **state)
{
    (void)state;
    struct stage_options options = direct_options("uring direct");
    play_all(&options);
}

static void test_uring_direct_with_tiny_rings(void **state)
{
    (void)state;
    struct stage_options options = direct_options("uring direct with tiny rings");
    options.loop.sq_entries = 2;
    options.loop.cq_entries = 4;
    options.loop.read_buffers = 4;
    play_all(&options);
}

static void test_uring_direct_with_the_smallest_rings(void **state)
{
    (void)state;
    struct stage_options options = direct_options("uring direct with the smallest rings");
    options.loop.sq_entries = 1;
    options.loop.cq_entries = 1;
    options.loop.read_buffers = 1;
    play_all(&options);
}

static int find_out(void **state)
{
    (void)state;
    if (loop_probe_run(LOOP_AUTO, &probe) != 0) {
        return -1;
    }
    loop_probe_direct(&probe);
    print_message("%s", probe.explanation);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fake_with_faults),
        cmocka_unit_test(test_epoll),
        cmocka_unit_test(test_epoll_with_one_buffer),
        cmocka_unit_test(test_uring),
        cmocka_unit_test(test_uring_with_tiny_rings),
        cmocka_unit_test(test_uring_with_the_smallest_rings),
        cmocka_unit_test(test_uring_with_plain_sends),
        cmocka_unit_test(test_uring_direct),
        cmocka_unit_test(test_uring_direct_with_tiny_rings),
        cmocka_unit_test(test_uring_direct_with_the_smallest_rings),
    };
    return cmocka_run_group_tests(tests, find_out, NULL);
}
