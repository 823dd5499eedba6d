/*
 * test_publisher.c - the schedule: due times depend on the rate alone, never on what held things
 * up.
 *
 * Time is an argument, and the server is the other end of a socket pair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec_nats.h"
#include "loadgen/publisher.h"

#include <sys/socket.h>
#include <unistd.h>

enum { START_NS = 1000000000, SECOND_NS = 1000000000, SIZE = 64, READ_BYTES = 1 << 20 };

/* One publisher and what its server reads. */
struct stage {
    struct scenario scenario;
    struct course course;
    struct client client;
    struct publisher publisher;
    struct publisher_figures *figures;
    int server;
    struct codec codec;
    uint64_t heard;
    uint32_t sequence;
    uint64_t due_ns[4096];
};

static void stage_open(struct stage *st, double rate, bool poisson, uint32_t publishers,
                       uint16_t number, uint64_t window)
{
    int ends[2];
    memset(st, 0, sizeof *st);
    st->scenario.protocol = &codec_nats;
    st->scenario.subject = "s";
    st->scenario.size = SIZE;
    st->scenario.sizes.count = 1;
    st->scenario.sizes.bytes[0] = SIZE;
    st->scenario.sizes.weights[0] = 1;
    st->scenario.subjects = 1;
    st->scenario.subjects_each = 1;
    st->scenario.copies = 1;
    st->scenario.subscribers = 1;
    st->scenario.publishers = publishers;
    st->scenario.rate = rate;
    st->scenario.poisson = poisson;
    st->scenario.seed = 5;
    st->scenario.window_messages = window;
    st->figures = test_calloc(1, sizeof *st->figures);
    course_init(&st->course, &st->scenario, 1);
    st->course.start_ns = START_NS;
    st->course.measure_ns = START_NS;
    st->course.end_ns = START_NS + SECOND_NS;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    client_init(&st->client, &st->course, CLIENT_PUBLISHER, 0, number);
    st->client.fd = ends[0];
    st->client.state = CLIENT_READY;
    st->server = ends[1];
    publisher_init(&st->publisher, &st->course, &st->client, number, st->figures);
    publisher_start(&st->publisher);
}

static void stage_close(struct stage *st)
{
    publisher_free(&st->publisher);
    client_free(&st->client);
    close(st->server);
    course_free(&st->course);
    test_free(st->figures);
}

/* Takes PUB frames apart and notes their due times. */
static void frames_hear(struct stage *st, const uint8_t *bytes, size_t size)
{
    static const char prefix[] = "PUB s 64\r\n";
    size_t frame = sizeof prefix - 1 + SIZE + 2;
    assert_int_equal(size % frame, 0);
    for (size_t at = 0; at < size; at += frame) {
        struct message_header header = {0};
        assert_memory_equal(bytes + at, prefix, sizeof prefix - 1);
        assert_true(message_read(&st->course.form, bytes + at + sizeof prefix - 1, &header));
        assert_true(message_is_intact(&st->course.form, bytes + at + sizeof prefix - 1, SIZE));
        assert_int_equal(header.sequence, st->sequence++);
        assert_true(st->heard < COUNT_OF(st->due_ns));
        st->due_ns[st->heard++] = header.sent_ns;
    }
}

/* The server reads all there is, letting the publisher go on when it was blocked. */
static void stage_drain(struct stage *st, uint64_t now_ns)
{
    uint8_t *all = test_malloc(READ_BYTES);
    size_t size = 0;
    for (;;) {
        ssize_t got = recv(st->server, all + size, READ_BYTES - size, 0);
        if (got > 0) {
            size += (size_t)got;
        } else if (st->publisher.blocked) {
            publisher_unblocked(&st->publisher, now_ns);
            MAYBE(publisher_turn(&st->publisher, now_ns) != 0);
        } else {
            break;
        }
    }
    frames_hear(st, all, size);
    test_free(all);
}

/* Goal:   evenly spaced messages are due at their places, publishers in turn, without drift.
 * Method: publisher 1 of 2 at 2,000 a second together, asked at every due time it names. */
static void test_publisher_even_spacing(void **state)
{
    (void)state;
    struct stage st;
    stage_open(&st, 2000, false, 2, 1, 0);
    uint64_t now_ns = START_NS;
    while (now_ns != UINT64_MAX) {
        now_ns = publisher_turn(&st.publisher, now_ns);
        stage_drain(&st, now_ns);
    }
    assert_int_equal(st.heard, 1000);
    for (uint64_t i = 0; i < st.heard; i++) {
        assert_int_equal(st.due_ns[i], START_NS + (2 * i + 1) * 500000);
    }
    assert_int_equal(st.figures->sent_measured, 1000);
    assert_int_equal(st.figures->late.max_ns, 0);
    stage_close(&st);
}

/* Goal:   a generator that wakes up late sends all that was due, with the times it was due at, and
 *         says how late it was.
 * Method: one call half a second in. */
static void test_publisher_late_keeps_due_times(void **state)
{
    (void)state;
    struct stage st;
    stage_open(&st, 1000, false, 1, 0, 0);
    uint64_t next_ns = publisher_turn(&st.publisher, START_NS + SECOND_NS / 2);
    stage_drain(&st, START_NS + SECOND_NS / 2);
    assert_int_equal(st.heard, 501);
    assert_int_equal(st.due_ns[0], START_NS);
    assert_int_equal(st.due_ns[500], START_NS + 500000000);
    assert_int_equal(next_ns, START_NS + 501000000);
    assert_int_equal(st.figures->late.max_ns, SECOND_NS / 2);
    stage_close(&st);
}

/* Goal:   a server that does not read delays messages without moving their due times, and the delay
 *         is the server's and not the generator's.
 * Method: the server reads nothing until the end of the second; all calls are punctual. */
static void test_publisher_full_socket_keeps_due_times(void **state)
{
    (void)state;
    struct stage st;
    stage_open(&st, 4000, false, 1, 0, 0);
    int small = 4096;
    assert_int_equal(setsockopt(st.client.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    for (uint64_t i = 0; i < 4000; i++) {
        MAYBE(publisher_turn(&st.publisher, START_NS + i * 250000) != 0);
    }
    assert_true(st.publisher.blocked);
    stage_drain(&st, START_NS + 999750000);
    assert_int_equal(st.heard, 4000);
    for (uint64_t i = 0; i < st.heard; i++) {
        assert_int_equal(st.due_ns[i], START_NS + i * 250000);
    }
    assert_int_equal(st.figures->late.max_ns, 0);
    assert_true(st.figures->blocked_ns > SECOND_NS / 2);
    stage_close(&st);
}

/* Goal:   Poisson gaps have the mean and the spread they should, and the same seed gives the same.
 * Method: 2,000 a second for a second with a fixed seed. The number of messages is within four
 *         standard deviations; the share of gaps above the mean is near 1/e. */
static void test_publisher_poisson(void **state)
{
    (void)state;
    struct stage st;
    struct stage again;
    stage_open(&st, 2000, true, 1, 0, 0);
    stage_open(&again, 2000, true, 1, 0, 0);
    MAYBE(publisher_turn(&st.publisher, START_NS + SECOND_NS) != 0);
    MAYBE(publisher_turn(&again.publisher, START_NS + SECOND_NS) != 0);
    stage_drain(&st, START_NS + SECOND_NS);
    stage_drain(&again, START_NS + SECOND_NS);
    assert_in_range(st.heard, 2000 - 180, 2000 + 180);
    uint64_t above = 0;
    for (uint64_t i = 1; i < st.heard; i++) {
        assert_true(st.due_ns[i] >= st.due_ns[i - 1]);
        above += st.due_ns[i] - st.due_ns[i - 1] > 500000;
    }
    assert_in_range(above * 1000 / st.heard, 320, 416);
    assert_int_equal(again.heard, st.heard);
    assert_memory_equal(again.due_ns, st.due_ns, st.heard * sizeof st.due_ns[0]);
    stage_close(&st);
    stage_close(&again);
}

/* Goal:   the closed loop is never more than a window ahead of the slowest subscriber.
 * Method: progress moved by hand. */
static void test_publisher_window(void **state)
{
    (void)state;
    static const uint64_t progress[] = {0, 0, 1, 7, 10, 10, 30};
    struct stage st;
    stage_open(&st, 0, false, 1, 0, 10);
    for (size_t i = 0; i < COUNT_OF(progress); i++) {
        st.course.cells[0].slowest = progress[i];
        assert_true(publisher_turn(&st.publisher, START_NS + i) == UINT64_MAX);
        stage_drain(&st, START_NS + i);
        assert_int_equal(st.heard, progress[i] + 10);
    }
    assert_true(publisher_turn(&st.publisher, START_NS + SECOND_NS) == UINT64_MAX);
    stage_close(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publisher_even_spacing),
        cmocka_unit_test(test_publisher_late_keeps_due_times),
        cmocka_unit_test(test_publisher_full_socket_keeps_due_times),
        cmocka_unit_test(test_publisher_poisson),
        cmocka_unit_test(test_publisher_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
