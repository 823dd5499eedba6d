/*
 * Goal:    what only the io_uring loop does: promotion and demotion, slices against small queues,
 *          posts into another ring, sockets in its table; and that it stays within its means.
 * Method:  real connections on 127.0.0.1; the loop's own struct is looked into, and aged by hand.
 */
#include "io/loop_uring.h"
#include "io/sys.h"
#include "tests/support/loop_stage.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop_probe probe;

static const struct stage_options usual = {
    .name = "uring",
    .loop = {.backend = LOOP_URING, .slots_max = 256, .sends_inline = true},
    .seed = 1,
};

static const struct stage_options direct = {
    .name = "uring direct",
    .loop = {.backend = LOOP_URING, .slots_max = 256, .sends_inline = true, .direct = true},
    .seed = 1,
};

static struct stage *uring_stage(const struct stage_options *options)
{
    if (probe.backend != LOOP_URING || !probe.sends_inline) {
        print_message("SKIP: %s", probe.explanation);
        skip();
    }
    if (options->loop.direct && !probe.direct) {
        print_message("SKIP: no sockets in a ring's table: %s\n", probe.direct_step);
        skip();
    }
    struct stage *stage = (struct stage *)memory_alloc(sizeof(*stage));
    stage_open(stage, options);
    return stage;
}

static void stage_end(struct stage *stage)
{
    stage_free(stage);
    memory_free(stage);
}

static struct uring_loop *inside(struct stage *stage)
{
    return CONTAINER_OF(stage->loop, struct uring_loop, base.loop);
}

static void exchange(struct stage *stage, uint32_t peer, int times)
{
    for (int i = 0; i < times; i++) {
        peer_write_all(stage, peer, 1 + (size_t)i * 100);
        STAGE_UNTIL(stage, stage->peers[peer].received == stage->peers[peer].written);
    }
}

static void test_a_busy_connection_is_promoted_and_a_silent_one_demoted(void **state)
{
    (void)state;
    struct stage *stage = uring_stage(&usual);
    struct uring_loop *u = inside(stage);
    uint32_t silent = stage_connect(stage, true);
    uint32_t busy = stage_connect(stage, true);
    exchange(stage, silent, 2);
    exchange(stage, busy, 50);
    assert_int_equal(u->slots[silent].read_op, READ_POLL);
    assert_int_equal(u->slots[busy].read_op, READ_RECV);
    assert_int_equal(u->base.stats.promotions, 1);
    u->slots[busy].seen_ms -= 60 * 1000; /* a minute passes */
    u->swept_ns = 0;
    STAGE_UNTIL(stage, u->slots[busy].read_op == READ_POLL);
    assert_int_equal(u->base.stats.demotions, 1);
    exchange(stage, busy, 50);
    assert_int_equal(u->slots[busy].read_op, READ_RECV);
    stage_end(stage);
}

static void test_a_paused_busy_connection_holds_its_bytes_in_the_socket(void **state)
{
    (void)state;
    struct stage *stage = uring_stage(&usual);
    uint32_t busy = stage_connect(stage, true);
    exchange(stage, busy, 20);
    loop_read_disarm(stage->loop, busy);
    STAGE_UNTIL(stage, inside(stage)->slots[busy].read_op == READ_NONE);
    uint64_t before = stage->peers[busy].received;
    (void)peer_write(stage, busy, 5000);
    stage_idle(stage, 5);
    assert_int_equal(stage->peers[busy].received, before);
    loop_read_arm(stage->loop, busy);
    STAGE_UNTIL(stage, stage->peers[busy].received == stage->peers[busy].written);
    stage_end(stage);
}

/* How many bytes reach the peer, of at most that many. */
static uint64_t drain(const struct stage *stage, uint32_t peer, uint64_t bytes)
{
    static uint8_t room[64 * 1024];
    uint64_t got = 0;
    uint64_t until_ns = stage_deadline_ns();
    while (got < bytes && sys_now_ns() < until_ns) {
        ssize_t n = recv(stage->peers[peer].fd, room, sizeof(room), MSG_DONTWAIT);
        got += n > 0 ? (uint64_t)n : 0;
    }
    usleep(1000);
    return recv(stage->peers[peer].fd, room, sizeof(room), MSG_DONTWAIT) > 0 ? UINT64_MAX : got;
}

/* Fills some sockets, then sends to all in one call, more than the queues hold. A full socket may
 * have got room again meanwhile, so the judge is the number of bytes that arrive. */
static void send_to_mixed(const struct stage_options *options)
{
    enum { PEERS = 60, BYTES = 100000 };
    struct stage *stage = uring_stage(options);
    uint8_t *bytes = (uint8_t *)memory_alloc(BYTES);
    const struct iovec vectors[2] = {{bytes, BYTES / 2}, {bytes, BYTES / 2}};
    struct loop_send sends[PEERS];
    int answers[3] = {0, 0, 0}; /* full, short, whole */
    for (uint32_t i = 0; i < PEERS; i++) {
        (void)stage_connect(stage, true);
        for (int n = 0; i % 3 == 0 && n < 50; n++) {
            (void)stage_send(stage, i, SEND_BYTES_MAX, 1);
        }
    }
    peer_reset(stage, 10);
    STAGE_UNTIL(stage, stage->peers[10].is_error);
    for (uint32_t i = 0; i < PEERS; i++) {
        uint32_t count = 1 + i % 2;
        sends[i] = (struct loop_send){i, count, vectors, count * (size_t)(BYTES / 2), INT64_MIN};
    }
    loop_send(stage->loop, sends, PEERS);
    loop_check(stage->loop);
    for (uint32_t i = 0; i < PEERS; i++) {
        if (i == 10) {
            assert_true(sends[i].result < 0);
            continue;
        }
        assert_in_range(sends[i].result, 0, sends[i].size);
        answers[sends[i].result == 0 ? 0 : (size_t)sends[i].result < sends[i].size ? 1 : 2]++;
        uint64_t told = stage->peers[i].sent + (uint64_t)sends[i].result;
        assert_int_equal(drain(stage, i, told), told);
    }
    print_message("full %d, short %d, whole %d\n", answers[0], answers[1], answers[2]);
    assert_true(answers[0] + answers[1] > 0);
    assert_true(answers[2] > 0);
    memory_free(bytes);
    stage_end(stage);
}

static void test_each_send_of_a_call_gets_its_own_answer(void **state)
{
    (void)state;
    send_to_mixed(&usual);
}

static void test_each_send_to_the_table_gets_its_own_answer(void **state)
{
    (void)state;
    send_to_mixed(&direct);
}

static void test_answers_are_right_with_queues_smaller_than_the_call(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {2, 2}, {4, 4}, {64, 4}, {4, 64}};
    for (size_t i = 0; i < 2 * COUNT_OF(sizes); i++) {
        struct stage_options options = i % 2 == 0 ? usual : direct;
        options.loop.sq_entries = sizes[i / 2][0];
        options.loop.cq_entries = sizes[i / 2][1];
        send_to_mixed(&options);
    }
}

static void test_tiny_rings_do_overflow_and_run_out_of_buffers(void **state)
{
    (void)state;
    struct stage_options options = usual;
    options.loop.sq_entries = 2;
    options.loop.cq_entries = 4;
    options.loop.read_buffers = 4;
    struct stage *stage = uring_stage(&options);
    for (uint32_t i = 0; i < 40; i++) {
        (void)stage_connect(stage, true);
    }
    for (int round = 0; round < 40; round++) {
        for (uint32_t i = 0; i < 40; i++) {
            (void)peer_write(stage, i, 500);
        }
        stage_turn(stage);
    }
    for (uint32_t i = 0; i < 40; i++) {
        STAGE_UNTIL(stage, stage->peers[i].received == stage->peers[i].written);
    }
    const struct loop_stats *stats = &inside(stage)->base.stats;
    assert_true(stats->cq_overflows > 0);
    assert_true(stats->buffers_empty > 0);
    assert_true(stats->rearms > 0);
    assert_true(stats->promotions > 0);
    assert_int_equal(stats->cq_lost, 0);
    stage_end(stage);
}

static void allocate_nothing(const struct stage_options *options)
{
    struct stage *stage = uring_stage(options);
    struct loop_event events[64];
    uint8_t bytes[100];
    memset(bytes, 'x', sizeof(bytes));
    const struct iovec vector = {bytes, sizeof(bytes)};
    uint32_t peer = stage_connect(stage, true);
    exchange(stage, peer, 20);
    uint64_t before = memory_allocations();
    for (int i = 0; i < 100; i++) {
        struct loop_send send = {peer, 1, &vector, sizeof(bytes), 0};
        (void)peer_write(stage, peer, 100);
        loop_send(stage->loop, &send, 1);
        MAYBE(loop_wait(stage->loop, 1000000, events, 64) == 0);
    }
    assert_int_equal(memory_allocations(), before);
    stage_end(stage);
}

static void test_the_steady_path_allocates_nothing(void **state)
{
    (void)state;
    allocate_nothing(&usual);
}

static void test_the_steady_path_over_the_table_allocates_nothing(void **state)
{
    (void)state;
    allocate_nothing(&direct);
}

/* The kernel takes no SQE for a while: a descriptor is sent to by system call, a socket of the table
 * is as if it were full, and is writable as soon as the kernel does again. */
static void refuse_sends(const struct stage_options *options)
{
    struct stage *stage = uring_stage(options);
    struct ring *ring = &inside(stage)->ring;
    uint32_t peer = stage_connect(stage, true);
    stage_idle(stage, 2); /* arms what is to be armed */
    int ring_fd = ring->uring.enter_ring_fd;
    unsigned flags = ring->enter_flags;
    ring->uring.enter_ring_fd = -1;
    ring->enter_flags = 0;
    int64_t sent = stage_send(stage, peer, 1000, 2);
    assert_int_equal(sent, options->loop.direct ? LOOP_SEND_FULL : 1000);
    ring->uring.enter_ring_fd = ring_fd;
    ring->enter_flags = flags;
    loop_wait_writable(stage->loop, peer);
    STAGE_UNTIL(stage, stage->peers[peer].is_writable);
    stage_send_all(stage, peer, 1000, 2);
    peer_read_all(stage, peer, (size_t)(sent + 1000));
    stage_end(stage);
}

static void test_sends_the_ring_does_not_take(void **state)
{
    (void)state;
    refuse_sends(&usual);
    refuse_sends(&direct);
}

/* What was read to its end is not looked at again before something comes. */
static void rest(const struct stage_options *options)
{
    enum { NAP_NS = 30 * 1000 * 1000, ENTERS_MAX = 5 };
    struct stage *stage = uring_stage(options);
    struct loop_event events[LOOP_EVENTS_MIN];
    struct loop_stats before;
    struct loop_stats after;
    exchange(stage, stage_connect(stage, true), 3);
    stage_idle(stage, 3);
    loop_stats_read(stage->loop, &before);
    assert_int_equal(loop_wait(stage->loop, NAP_NS, events, LOOP_EVENTS_MIN), 0);
    loop_stats_read(stage->loop, &after);
    assert_in_range(after.enters - before.enters, 1, ENTERS_MAX);
    stage_end(stage);
}

static void test_a_wait_with_nothing_to_read_sleeps(void **state)
{
    (void)state;
    rest(&usual);
    rest(&direct);
}

/* Descriptors of this process. */
static int descriptors(void)
{
    int count = 0;
    DIR *fds = opendir("/proc/self/fd");
    assert_non_null(fds);
    while (readdir(fds) != NULL) {
        count++;
    }
    closedir(fds);
    return count;
}

static void test_a_socket_in_the_table_is_no_descriptor(void **state)
{
    (void)state;
    enum { PEERS = 40 };
    struct stage *stage = uring_stage(&direct);
    int before = descriptors();
    for (uint32_t i = 0; i < PEERS; i++) {
        (void)stage_connect(stage, true);
    }
    assert_int_equal(descriptors(), before + PEERS); /* the peers' ends */
    for (uint32_t i = 0; i < PEERS; i++) {
        loop_shutdown_write(stage->loop, i);
        assert_int_equal(peer_state(stage, i), PEER_EOF);
        stage_close(stage, i, i % 2 == 0 ? LOOP_CLOSE_RESET : LOOP_CLOSE_ORDERLY);
        STAGE_UNTIL(stage, !stage->peers[i].is_open);
    }
    stage_end(stage);
}

/* With nothing to give a socket a descriptor by, the close is what ends the connection. */
static void test_out_of_descriptors_a_socket_in_the_table_still_closes(void **state)
{
    (void)state;
    struct stage *stage = uring_stage(&direct);
    uint32_t shut = stage_connect(stage, true);
    uint32_t reset = stage_connect(stage, true);
    struct rlimit before;
    int next = dup(stage->listener); /* the lowest free number becomes the limit */
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    loop_shutdown_write(stage->loop, shut);
    stage_close(stage, shut, LOOP_CLOSE_ORDERLY);
    stage_close(stage, reset, LOOP_CLOSE_RESET);
    STAGE_UNTIL(stage, !stage->peers[shut].is_open && !stage->peers[reset].is_open);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(peer_state(stage, shut), PEER_EOF);
    assert_int_equal(peer_state(stage, reset), PEER_EOF);
    stage_end(stage);
}

static void test_direct_without_inline_sends_is_refused(void **state)
{
    (void)state;
    stage_end(uring_stage(&direct));
    struct loop_options options = direct.loop;
    struct loop *loop;
    options.sends_inline = false;
    assert_int_equal(loop_open(&options, &loop), -EINVAL);
}

static void test_a_table_above_the_limit_of_files_is_refused(void **state)
{
    (void)state;
    stage_end(uring_stage(&direct));
    struct loop_options options = direct.loop;
    struct loop *loop;
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    options.slots_max = (uint32_t)files.rlim_cur + 1;
    assert_int_equal(loop_open(&options, &loop), -EMFILE);
}

/* A ring that cannot be posted into is woken by its eventfd. */
static void test_a_failed_post_falls_back_to_the_eventfd(void **state)
{
    (void)state;
    struct stage *from = uring_stage(&usual);
    struct stage *to = uring_stage(&usual);
    struct uring_loop *target = inside(to);
    assert_true(target->can_ring);
    loop_wake_from(from->loop, to->loop);
    STAGE_UNTIL(to, to->wakes == 1);
    int ring_fd = target->ring.uring.ring_fd;
    target->ring.uring.ring_fd = target->base.wake_fd; /* not a ring: EBADFD */
    loop_wake_from(from->loop, to->loop);
    assert_true(inside(from)->ring_error < 0);
    target->ring.uring.ring_fd = ring_fd;
    STAGE_UNTIL(to, to->wakes == 2);
    stage_end(from);
    stage_end(to);
}

/* Threads of this process whose name starts like those that run what io_uring cannot do at once. */
static int kernel_workers(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    assert_non_null(tasks);
    while ((task = readdir(tasks)) != NULL) {
        char path[300];
        char name[32] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        if (file != NULL) {
            count += fgets(name, sizeof(name), file) != NULL && strncmp(name, "iou-wrk", 7) == 0;
            fclose(file);
        }
    }
    closedir(tasks);
    return count;
}

static void test_no_script_starts_a_kernel_worker_thread(void **state)
{
    (void)state;
    stage_end(uring_stage(&usual));
    for (size_t i = 0; i < scripts_count; i++) {
        free(script_play(&scripts[i], &usual, NULL));
        assert_int_equal(kernel_workers(), 0);
        if (probe.direct) {
            free(script_play(&scripts[i], &direct, NULL));
            assert_int_equal(kernel_workers(), 0);
        }
    }
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
        cmocka_unit_test(test_a_busy_connection_is_promoted_and_a_silent_one_demoted),
        cmocka_unit_test(test_a_paused_busy_connection_holds_its_bytes_in_the_socket),
        cmocka_unit_test(test_each_send_of_a_call_gets_its_own_answer),
        cmocka_unit_test(test_each_send_to_the_table_gets_its_own_answer),
        cmocka_unit_test(test_answers_are_right_with_queues_smaller_than_the_call),
        cmocka_unit_test(test_tiny_rings_do_overflow_and_run_out_of_buffers),
        cmocka_unit_test(test_the_steady_path_allocates_nothing),
        cmocka_unit_test(test_the_steady_path_over_the_table_allocates_nothing),
        cmocka_unit_test(test_sends_the_ring_does_not_take),
        cmocka_unit_test(test_a_wait_with_nothing_to_read_sleeps),
        cmocka_unit_test(test_a_socket_in_the_table_is_no_descriptor),
        cmocka_unit_test(test_out_of_descriptors_a_socket_in_the_table_still_closes),
        cmocka_unit_test(test_direct_without_inline_sends_is_refused),
        cmocka_unit_test(test_a_table_above_the_limit_of_files_is_refused),
        cmocka_unit_test(test_a_failed_post_falls_back_to_the_eventfd),
        cmocka_unit_test(test_no_script_starts_a_kernel_worker_thread),
    };
    return cmocka_run_group_tests(tests, find_out, NULL);
}
