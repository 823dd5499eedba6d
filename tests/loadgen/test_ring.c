/* test_ring.c - what is asked of the ring comes back as one event each, whole and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_NS = 1000000000, SLOTS = 4, TABLE = 2 };

/* A ring and a connected pair of TCP sockets: ends[0] is the ring's. */
struct setting {
    struct ring *ring;
    int ends[2];
    struct ring_event events[RING_EVENTS_MAX];
    size_t count;
    size_t at; /* of the next event to look at */
};

static int listener_open(struct sockaddr_in *at)
{
    socklen_t size = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(at, 0, sizeof *at);
    at->sin_family = AF_INET;
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)at, &size), 0);
    return fd;
}

static int setting_open(void **state)
{
    struct sockaddr_in at;
    struct setting *s = test_calloc(1, sizeof *s);
    int listener = listener_open(&at);
    s->ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(s->ends[0], (struct sockaddr *)&at, sizeof at), 0);
    s->ends[1] = accept(listener, NULL, NULL);
    close(listener);
    int result = ring_open(&s->ring, SLOTS, TABLE);
    if (result != 0) {
        print_message("SKIP: io_uring: %s\n", strerror(-result));
        exit(77);
    }
    *state = s;
    return 0;
}

static int setting_close(void **state)
{
    struct setting *s = *state;
    ring_free(s->ring);
    for (int i = 0; i < 2; i++) {
        if (s->ends[i] >= 0) {
            close(s->ends[i]);
        }
    }
    test_free(s);
    return 0;
}

/* The next event; the test fails when there is none for a while. */
static const struct ring_event *next(struct setting *s)
{
    for (int i = 0; s->at == s->count && i < 10; i++) {
        s->count = ring_wait(s->ring, PATIENCE_NS, s->events);
        s->at = 0;
    }
    assert_true(s->at < s->count);
    return &s->events[s->at++];
}

/* Nothing is there, and nothing is coming. */
static void expect_silence(struct setting *s)
{
    assert_int_equal(s->at, s->count);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ring_wait(s->ring, 0, s->events), 0);
    }
    s->count = 0;
    s->at = 0;
}

static void expect(struct setting *s, enum ring_event_kind kind, uint32_t slot, int result)
{
    const struct ring_event *e = next(s);
    if (e->kind != kind || e->slot != slot || e->result != result) {
        fail_msg("kind %d slot %u result %d instead of kind %d slot %u result %d", (int)e->kind,
                 e->slot, e->result, (int)kind, slot, result);
    }
}

static void peer_says(const struct setting *s, const char *text)
{
    assert_int_equal(send(s->ends[1], text, strlen(text), 0), strlen(text));
}

/* Goal:   a connection is told when it stands, and why when it does not.
 * Method: to a listener; then to a port where none is any more. */
static void test_ring_connects(void **state)
{
    struct setting *s = *state;
    struct sockaddr_in at;
    int listener = listener_open(&at);
    int fds[2];
    for (uint32_t i = 0; i < 2; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        ring_connect(s->ring, 3, fds[i], (struct sockaddr *)&at, sizeof at);
        expect(s, RING_CONNECTED, 3, i == 0 ? 0 : -ECONNREFUSED);
        if (i == 0) {
            close(listener);
        }
    }
    close(fds[0]);
    close(fds[1]);
    expect_silence(s);
}

/* Goal:   reading goes on without being asked again, until the end of the stream, which is told
 *         once.
 * Method: two words, one by one; then the peer leaves. */
static void test_ring_reads_until_the_end(void **state)
{
    struct setting *s = *state;
    ring_read(s->ring, 2, s->ends[0]);
    static const char *const words[] = {"one", "another"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        peer_says(s, words[i]);
        const struct ring_event *e = next(s);
        assert_int_equal(e->kind, RING_BYTES);
        assert_int_equal(e->slot, 2);
        assert_true(bytes_equal(e->bytes, bytes_text(words[i])));
    }
    close(s->ends[1]);
    s->ends[1] = -1;
    expect(s, RING_ENDED, 2, 0);
    expect_silence(s);
}

/* Goal:   a connection that breaks ends with the reason.
 * Method: the peer resets it. */
static void test_ring_tells_a_reset(void **state)
{
    struct setting *s = *state;
    struct linger now = {1, 0};
    ring_read(s->ring, 2, s->ends[0]);
    assert_int_equal(ring_wait(s->ring, 0, s->events), 0);
    assert_int_equal(setsockopt(s->ends[1], SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(s->ends[1]);
    s->ends[1] = -1;
    expect(s, RING_ENDED, 2, -ECONNRESET);
    expect_silence(s);
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at % 251);
}

/* Goal:   a stream of many times all buffers arrives whole and in order, although events borrow
 *         buffers until the next wait.
 * Method: 16 MiB of a pattern whose period is no power of two; the peer writes when it can. */
static void test_ring_reads_more_than_its_buffers(void **state)
{
    struct setting *s = *state;
    enum { ALL = 16 * 1024 * 1024, PIECE = 65536 };
    static_assert(ALL > 2 * (int)RING_BUFFERS * (int)RING_BUFFER_BYTES, "more than fits");
    uint8_t *piece = test_malloc(PIECE);
    size_t sent = 0;
    size_t heard = 0;
    ring_read(s->ring, 0, s->ends[0]);
    while (heard < ALL) {
        for (ssize_t took = 1; took > 0 && sent < ALL;) {
            for (size_t i = 0; i < PIECE; i++) {
                piece[i] = pattern(sent + i);
            }
            took = send(s->ends[1], piece, MIN_OF((size_t)PIECE, ALL - sent), MSG_DONTWAIT);
            sent += took > 0 ? (size_t)took : 0;
        }
        size_t count = ring_wait(s->ring, PATIENCE_NS, s->events);
        assert_true(count != 0);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(s->events[i].kind, RING_BYTES);
            for (size_t k = 0; k < s->events[i].bytes.size; k++, heard++) {
                if (s->events[i].bytes.ptr[k] != pattern(heard)) {
                    fail_msg("byte %zu is not what was sent", heard);
                }
            }
        }
    }
    assert_int_equal(heard, ALL);
    test_free(piece);
}

/* Goal:   more readable sockets than buffers: each gets its turn, none is forgotten.
 * Method: 300 pairs, all with something to read before the first wait; each is heard once. */
static void test_ring_reads_more_sockets_than_buffers(void **state)
{
    enum { PAIRS = 300 };
    static_assert(PAIRS > (int)RING_BUFFERS, "more than there are buffers");
    static_assert(PAIRS > (int)RING_EVENTS_MAX, "more than a wait has");
    struct setting *s = *state;
    struct ring *ring;
    static int ends[PAIRS][2];
    static uint8_t heard[PAIRS];
    memset(heard, 0, sizeof heard);
    assert_int_equal(ring_open(&ring, PAIRS, 0), 0);
    for (uint32_t i = 0; i < PAIRS; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]), 0);
        assert_int_equal(send(ends[i][1], &i, sizeof i, 0), sizeof i);
        ring_read(ring, i, ends[i][0]);
    }
    for (uint32_t all = 0; all < PAIRS;) {
        size_t count = ring_wait(ring, PATIENCE_NS, s->events);
        assert_true(count != 0);
        for (size_t i = 0; i < count; i++, all++) {
            uint32_t who;
            assert_int_equal(s->events[i].kind, RING_BYTES);
            assert_int_equal(s->events[i].bytes.size, sizeof who);
            memcpy(&who, s->events[i].bytes.ptr, sizeof who);
            assert_int_equal(who, s->events[i].slot);
            assert_int_equal(heard[who]++, 0);
        }
    }
    assert_int_equal(ring_wait(ring, 0, s->events), 0);
    ring_free(ring);
    for (uint32_t i = 0; i < PAIRS; i++) {
        close(ends[i][0]);
        close(ends[i][1]);
    }
}

/* Goal:   reading that was asked to end, ends; what comes later stays in the socket.
 * Method: stop, then a word of the peer; it is there for recv. */
static void test_ring_stops_reading(void **state)
{
    struct setting *s = *state;
    char word[8] = "";
    ring_read(s->ring, 1, s->ends[0]);
    assert_int_equal(ring_wait(s->ring, 0, s->events), 0);
    ring_read_stop(s->ring, 1);
    expect(s, RING_ENDED, 1, -ECANCELED);
    peer_says(s, "later");
    expect_silence(s);
    assert_int_equal(recv(s->ends[0], word, sizeof word, 0), 5);
    assert_string_equal(word, "later");
}

/* Goal:   watching tells of news without taking them; a skim takes what it says, keeps what it
 *         says, and answers part by part.
 * Method: 10 bytes: 4 skipped, 3 kept, the rest thrown away; then nothing is there. */
static void test_ring_watches_and_skims(void **state)
{
    struct setting *s = *state;
    uint8_t room[8] = "";
    ring_watch(s->ring, 0, s->ends[0]);
    assert_int_equal(ring_wait(s->ring, 0, s->events), 0);
    peer_says(s, "0123456789");
    assert_int_equal(next(s)->kind, RING_READABLE);
    struct ring_skim parts = {4, 3, 100, room};
    ring_skim(s->ring, 0, s->ends[0], parts);
    expect(s, RING_SKIMMED, 0, 4);
    expect(s, RING_SKIMMED, 0, 3);
    expect(s, RING_SKIMMED, 0, 3);
    assert_string_equal((char *)room, "456");
    struct ring_skim keep = {0, 3, 0, room};
    ring_skim(s->ring, 0, s->ends[0], keep);
    expect(s, RING_SKIMMED, 0, -EAGAIN);
    peer_says(s, "x");
    assert_int_equal(next(s)->kind, RING_READABLE); /* it still watches */
    ring_read_stop(s->ring, 0);
    expect(s, RING_ENDED, 0, -ECANCELED);
    expect_silence(s);
}

/* Goal:   a full socket is waited for, and told once when there is room.
 * Method: fill it; wait; the peer reads. */
static void test_ring_waits_for_room(void **state)
{
    struct setting *s = *state;
    static uint8_t block[65536];
    size_t filled = 0;
    for (ssize_t took; (took = send(s->ends[0], block, sizeof block, MSG_DONTWAIT)) > 0;) {
        filled += (size_t)took;
    }
    ring_wait_writable(s->ring, 1, s->ends[0]);
    expect_silence(s);
    while (filled > 0) {
        ssize_t got = recv(s->ends[1], block, sizeof block, 0);
        assert_true(got > 0);
        filled -= (size_t)got;
    }
    assert_int_equal(next(s)->kind, RING_WRITABLE);
    expect_silence(s);
}

/* Goal:   a socket in the ring's table works without its descriptor: it reads, it sends all of what
 *         it was given in one event, and it goes with the ring.
 * Method: moved to slot 1 and closed; a word each way, more than the socket holds; then ring_free. */
static void test_ring_table(void **state)
{
    enum { MANY = 4 * 1024 * 1024 };
    struct setting *s = *state;
    uint8_t *block = test_calloc(1, MANY);
    assert_int_equal(ring_install(s->ring, 1, s->ends[0]), 0);
    close(s->ends[0]);
    s->ends[0] = -1;
    ring_read(s->ring, 1, -1);
    peer_says(s, "there");
    const struct ring_event *e = next(s);
    assert_int_equal(e->kind, RING_BYTES);
    assert_true(bytes_equal(e->bytes, bytes_text("there")));
    ring_send(s->ring, 1, block, MANY);
    size_t heard = 0;
    size_t sent = 0;
    while (heard < MANY || sent == 0) {
        ssize_t got = recv(s->ends[1], block + heard, MANY - heard, MSG_DONTWAIT);
        heard += got > 0 ? (size_t)got : 0;
        size_t count = ring_wait(s->ring, got > 0 ? 0 : 1000000, s->events);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(s->events[i].kind, RING_SENT);
            assert_int_equal(sent, 0);
            sent = (size_t)s->events[i].result;
        }
    }
    assert_int_equal(sent, MANY);
    s->count = 0;
    s->at = 0;
    expect_silence(s);
    ring_free(s->ring);
    assert_int_equal(recv(s->ends[1], block, 1, 0), 0); /* closed with the ring */
    assert_int_equal(ring_open(&s->ring, SLOTS, TABLE), 0);
    test_free(block);
}

/* Goal:   a send on a broken connection says so, and is no signal.
 * Method: the peer resets, then we send through the table. */
static void test_ring_send_on_a_broken_connection(void **state)
{
    struct setting *s = *state;
    struct linger now = {1, 0};
    assert_int_equal(ring_install(s->ring, 0, s->ends[0]), 0);
    assert_int_equal(setsockopt(s->ends[1], SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(s->ends[1]);
    s->ends[1] = -1;
    ring_send(s->ring, 0, (const uint8_t *)"word", 4);
    const struct ring_event *e = next(s);
    assert_int_equal(e->kind, RING_SENT);
    assert_true(e->result == -EPIPE || e->result == -ECONNRESET);
    expect_silence(s);
}

/* What ring_open said of a table of so many where the limits of open files are these. */
static int table_of(uint32_t table, rlim_t soft, rlim_t hard)
{
    pid_t child = fork(); /* a hard limit is not raised again */
    if (child == 0) {
        struct rlimit limit = {soft, hard};
        struct ring *ring;
        int result = setrlimit(RLIMIT_NOFILE, &limit) != 0 ? -1 : ring_open(&ring, table, table);
        if (result == 0) {
            ring_free(ring);
        }
        _exit(-result);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

/* Goal:   a table larger than the hard limit of open files is refused; one above the soft limit is not.
 * Method: tables below, between and above both. */
static void test_ring_table_beyond_the_limit(void **state)
{
    (void)state;
    assert_int_equal(table_of(60, 64, 256), 0);
    assert_int_equal(table_of(150, 64, 256), 0);
    assert_int_equal(table_of(1000, 64, 256), -EMFILE);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setting_open, setting_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_ring_connects),
        CASE(test_ring_reads_until_the_end),
        CASE(test_ring_tells_a_reset),
        CASE(test_ring_reads_more_than_its_buffers),
        CASE(test_ring_reads_more_sockets_than_buffers),
        CASE(test_ring_stops_reading),
        CASE(test_ring_watches_and_skims),
        CASE(test_ring_waits_for_room),
        CASE(test_ring_table),
        CASE(test_ring_send_on_a_broken_connection),
        CASE(test_ring_table_beyond_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
