/* loop_stage.c - see loop_stage.h. */
#include "tests/support/loop_stage.h"

#include "core/limits.h"
#include "io/loop_ops.h"
#include "io/sys.h"
#include "tests/support/loop_fake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define PATIENCE_NS 5000000000u

enum {
    TURN_NS = 2 * 1000 * 1000,
    TURN_EVENTS = 64,
    CHUNK = 64 * 1024,
    SOCKET_BYTES = 64 * 1024, /* small, so that sockets fill */
};

/* Byte k of a stream. The prime keeps its period away from powers of 2. */
static uint8_t stream_byte(uint32_t peer, uint64_t k, bool from_hub)
{
    return (uint8_t)((k % 251) + peer * 7 + (from_hub ? 101 : 0));
}

void stage_note(struct stage *stage, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(stage->notes + stage->notes_size, STAGE_NOTES_MAX - stage->notes_size,
                         format, args);
    va_end(args);
    stage->notes_size += (size_t)size;
    ASSERT(stage->notes_size < STAGE_NOTES_MAX);
}

uint64_t stage_draw(struct stage *stage, uint64_t max)
{
    stage->random = stage->random * 6364136223846793005u + 1442695040888963407u;
    return (stage->random >> 33) % max;
}

/* Opening. */

static void listener_open(struct stage *stage)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    stage->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int bytes = SOCKET_BYTES;
    assert_true(setsockopt(stage->listener, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
    assert_true(setsockopt(stage->listener, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) == 0);
    assert_true(bind(stage->listener, (struct sockaddr *)&address, size) == 0);
    assert_true(listen(stage->listener, STAGE_PEERS_MAX) == 0);
    assert_true(getsockname(stage->listener, (struct sockaddr *)&address, &size) == 0);
    stage->port = ntohs(address.sin_port);
}

void stage_open(struct stage *stage, const struct stage_options *options)
{
    memset(stage, 0, sizeof(*stage));
    stage->name = options->name;
    stage->random = options->seed;
    stage->slots_max = options->loop.slots_max;
    stage->listener = -1;
    ASSERT(stage->slots_max <= STAGE_PEERS_MAX);
    int failed;
    if (options->loop.backend == LOOP_FAKE) {
        stage->world = fake_world_new(options->seed);
        fake_world_faults(stage->world, options->faults_per_mille);
        failed = loop_fake_open(&options->loop, &stage->loop);
    } else {
        listener_open(stage);
        failed = loop_open(&options->loop, &stage->loop);
    }
    assert_int_equal(failed, 0);
    assert_int_equal(loop_accept(stage->loop, stage->listener >= 0 ? stage->listener : 0), 0);
}

void stage_free(struct stage *stage)
{
    loop_free(stage->loop);
    for (uint32_t i = 0; i < stage->peers_count; i++) {
        if (stage->peers[i].fd >= 0) {
            close(stage->peers[i].fd);
        }
    }
    if (stage->world != NULL) {
        fake_world_free(stage->world);
    }
    if (stage->listener >= 0) {
        close(stage->listener);
    }
}

/* Turning. */

uint64_t stage_deadline_ns(void)
{
    return sys_now_ns() + PATIENCE_NS;
}

void stage_check_deadline(struct stage *stage, uint64_t until_ns, const char *what)
{
    if (sys_now_ns() > until_ns) {
        fail_msg("%s: never came true: %s", stage->name, what);
    }
}

static struct stage_peer *peer_of_event(struct stage *stage, const struct loop_event *event)
{
    assert_true(event->slot < stage->peers_count);
    struct stage_peer *peer = &stage->peers[event->slot];
    assert_true(peer->is_open);
    assert_int_equal(event->generation, peer->generation);
    assert_true(!peer->is_closing || event->kind == LOOP_EVENT_CLOSED);
    return peer;
}

static void take_bytes(struct stage *stage, const struct loop_event *event)
{
    struct stage_peer *peer = peer_of_event(stage, event);
    assert_true(!peer->is_eof && !peer->is_error);
    assert_true(event->bytes.size > 0);
    for (size_t i = 0; i < event->bytes.size; i++) {
        uint8_t expected = stream_byte(event->slot, peer->received + i, false);
        if (event->bytes.ptr[i] != expected) {
            fail_msg("%s: slot %u: byte %llu is not the one written", stage->name, event->slot,
                     (unsigned long long)(peer->received + i));
        }
    }
    peer->received += event->bytes.size;
    assert_true(peer->received <= peer->written);
    if (stage_draw(stage, 2) == 0) {
        loop_buffer_return(stage->loop, event);
    }
}

static void take(struct stage *stage, const struct loop_event *event)
{
    struct stage_peer *peer;
    switch (event->kind) {
    case LOOP_EVENT_ACCEPT:
        peer = &stage->peers[stage->accepted];
        assert_int_equal(loop_add(stage->loop, stage->accepted, peer->generation, event->result),
                         0);
        peer->is_open = true;
        stage->accepted++;
        break;
    case LOOP_EVENT_ACCEPT_FAILED:
        assert_true(event->result < 0);
        break;
    case LOOP_EVENT_BYTES:
        take_bytes(stage, event);
        break;
    case LOOP_EVENT_EOF:
        peer = peer_of_event(stage, event);
        assert_true(!peer->is_eof && !peer->is_error);
        peer->is_eof = true;
        break;
    case LOOP_EVENT_ERROR:
        peer = peer_of_event(stage, event);
        assert_true(!peer->is_eof && !peer->is_error);
        assert_true(event->result < 0);
        peer->is_error = true;
        break;
    case LOOP_EVENT_WRITABLE:
        peer_of_event(stage, event)->is_writable = true;
        break;
    case LOOP_EVENT_CLOSED:
        peer = peer_of_event(stage, event);
        assert_true(peer->is_closing);
        peer->is_open = false;
        break;
    case LOOP_EVENT_WAKE:
        stage->wakes++;
        break;
    }
}

void stage_turn(struct stage *stage)
{
    struct loop_event events[TURN_EVENTS];
    size_t max = LOOP_EVENTS_MIN + (size_t)stage_draw(stage, TURN_EVENTS - LOOP_EVENTS_MIN + 1);
    size_t count = loop_wait(stage->loop, TURN_NS, events, max);
    assert_true(count <= max);
    for (size_t i = 0; i < count; i++) {
        take(stage, &events[i]);
    }
    loop_check(stage->loop);
}

void stage_idle(struct stage *stage, int turns)
{
    for (int i = 0; i < turns; i++) {
        stage_turn(stage);
    }
}

/* Peers. */

int stage_dial(struct stage *stage)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(stage->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int bytes = SOCKET_BYTES;
    assert_true(fd >= 0);
    assert_true(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
    assert_true(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) == 0);
    assert_true(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

uint32_t stage_connect(struct stage *stage, bool is_armed)
{
    uint32_t number = stage->peers_count++;
    ASSERT(number < stage->slots_max);
    struct stage_peer *peer = &stage->peers[number];
    memset(peer, 0, sizeof(*peer));
    peer->fd = -1;
    peer->generation = 1000000007u * (number + 1); /* more than 24 bits */
    if (stage->world != NULL) {
        peer->client = fake_connect(stage->loop);
    } else {
        peer->fd = stage_dial(stage);
    }
    STAGE_UNTIL(stage, peer->is_open);
    if (is_armed) {
        loop_read_arm(stage->loop, number);
    }
    return number;
}

size_t peer_write(struct stage *stage, uint32_t number, size_t size)
{
    struct stage_peer *peer = &stage->peers[number];
    uint8_t chunk[CHUNK];
    size = MIN_OF(size, sizeof(chunk));
    for (size_t i = 0; i < size; i++) {
        chunk[i] = stream_byte(number, peer->written + i, false);
    }
    size_t wrote = 0;
    if (peer->client != NULL) {
        wrote = fake_client_write(peer->client, bytes_of(chunk, size));
    } else {
        ssize_t n = send(peer->fd, chunk, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        wrote = n > 0 ? (size_t)n : 0;
    }
    peer->written += wrote;
    return wrote;
}

void peer_write_all(struct stage *stage, uint32_t number, size_t size)
{
    uint64_t until_ns = stage_deadline_ns();
    while (size > 0) {
        size -= peer_write(stage, number, size);
        if (size > 0) {
            stage_turn(stage);
        }
        stage_check_deadline(stage, until_ns, "the peer wrote all");
    }
}

/* Returns bytes, 0 at the end of the stream, -EAGAIN or another negative errno. */
static ssize_t peer_receive(struct stage_peer *peer, uint8_t *to, size_t max)
{
    if (peer->client == NULL) {
        ssize_t n = recv(peer->fd, to, max, MSG_DONTWAIT);
        return n < 0 ? -errno : n;
    }
    size_t n = fake_client_read(peer->client, to, max);
    if (n > 0) {
        return (ssize_t)n;
    }
    enum fake_client_state state = fake_client_state(peer->client);
    return state == FAKE_CLIENT_EOF ? 0 : state == FAKE_CLIENT_RESET ? -ECONNRESET : -EAGAIN;
}

size_t peer_read(struct stage *stage, uint32_t number, size_t size)
{
    struct stage_peer *peer = &stage->peers[number];
    uint8_t chunk[CHUNK];
    ssize_t n = peer_receive(peer, chunk, MIN_OF(size, sizeof(chunk)));
    for (ssize_t i = 0; i < n; i++) {
        if (chunk[i] != stream_byte(number, peer->read + (uint64_t)i, true)) {
            fail_msg("%s: peer %u: byte %llu is not the one sent", stage->name, number,
                     (unsigned long long)(peer->read + (uint64_t)i));
        }
    }
    peer->read += n > 0 ? (uint64_t)n : 0;
    return n > 0 ? (size_t)n : 0;
}

void peer_read_all(struct stage *stage, uint32_t number, size_t size)
{
    uint64_t until_ns = stage_deadline_ns();
    while (size > 0) {
        size_t n = peer_read(stage, number, size);
        size -= n;
        if (n == 0) {
            stage_turn(stage);
        }
        stage_check_deadline(stage, until_ns, "the peer read all");
    }
}

enum peer_state peer_state(struct stage *stage, uint32_t number)
{
    uint8_t byte;
    ssize_t n = peer_receive(&stage->peers[number], &byte, 1);
    assert_true(n <= 0);
    return n == 0 ? PEER_EOF : n == -EAGAIN ? PEER_OPEN : PEER_RESET;
}

void peer_shutdown(struct stage *stage, uint32_t number)
{
    struct stage_peer *peer = &stage->peers[number];
    if (peer->client != NULL) {
        fake_client_shutdown(peer->client);
    } else {
        assert_int_equal(shutdown(peer->fd, SHUT_WR), 0);
    }
}

void peer_close(struct stage *stage, uint32_t number)
{
    struct stage_peer *peer = &stage->peers[number];
    if (peer->client != NULL) {
        fake_client_close(peer->client);
    } else {
        close(peer->fd);
        peer->fd = -1;
    }
}

void peer_reset(struct stage *stage, uint32_t number)
{
    struct stage_peer *peer = &stage->peers[number];
    if (peer->client != NULL) {
        fake_client_reset(peer->client);
        return;
    }
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(peer->fd);
    peer->fd = -1;
}

/* The loop's end. */

int64_t stage_send(struct stage *stage, uint32_t number, size_t size, uint32_t vectors_count)
{
    struct stage_peer *peer = &stage->peers[number];
    uint8_t *chunk = (uint8_t *)memory_alloc(size);
    struct iovec vectors[SEND_VECTORS_MAX];
    ASSERT(vectors_count > 0);
    ASSERT(vectors_count <= SEND_VECTORS_MAX);
    ASSERT(size >= vectors_count);
    for (size_t i = 0; i < size; i++) {
        chunk[i] = stream_byte(number, peer->sent + i, true);
    }
    size_t part = size / vectors_count;
    for (uint32_t i = 0; i < vectors_count; i++) {
        vectors[i].iov_base = chunk + i * part;
        vectors[i].iov_len = i + 1 < vectors_count ? part : size - i * part;
    }
    struct loop_send send = {number, vectors_count, vectors, size, INT64_MIN};
    loop_send(stage->loop, &send, 1);
    memory_free(chunk); /* nothing of it may be lent any more */
    assert_true(send.result <= (int64_t)size);
    assert_true(send.result != INT64_MIN);
    if (send.result < 0) {
        peer->is_dead = true;
    } else {
        peer->sent += (uint64_t)send.result;
    }
    return send.result;
}

void stage_send_all(struct stage *stage, uint32_t number, size_t size, uint32_t vectors)
{
    struct stage_peer *peer = &stage->peers[number];
    uint64_t until_ns = stage_deadline_ns();
    while (size > 0) {
        size_t want = MIN_OF(size, (size_t)SEND_BYTES_MAX);
        int64_t sent = stage_send(stage, number, want, (uint32_t)MIN_OF((size_t)vectors, want));
        assert_true(sent >= 0);
        size -= (size_t)sent;
        if ((size_t)sent < want) {
            peer->is_writable = false;
            loop_wait_writable(stage->loop, number);
            while (!peer->is_writable) {
                (void)peer_read(stage, number, CHUNK);
                stage_turn(stage);
                stage_check_deadline(stage, until_ns, "writable");
            }
        }
    }
}

void stage_close(struct stage *stage, uint32_t number, enum loop_close how)
{
    stage->peers[number].is_closing = true;
    loop_close_slot(stage->loop, number, how);
}

void stage_note_peer(struct stage *stage, uint32_t number)
{
    struct stage_peer *peer = &stage->peers[number];
    stage_note(stage, "%u: %llu bytes%s%s%s%s\n", number,
               (unsigned long long)(peer->received - peer->noted), peer->is_eof ? " eof" : "",
               peer->is_error ? " error" : "", peer->is_dead ? " dead" : "",
               peer->is_open ? "" : " closed");
    peer->noted = peer->received;
}
