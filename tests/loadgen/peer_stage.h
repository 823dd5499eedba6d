/*
 * peer_stage.h - one client of hubload with the test at the other end of its socket.
 *
 *   scenario, course ─▶ client ◀── a socket pair ──▶ stage.server, which the test reads and writes
 *
 * Include cmocka first.
 */
#ifndef RINGHUB_TESTS_LOADGEN_PEER_STAGE_H
#define RINGHUB_TESTS_LOADGEN_PEER_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/client.h"
#include "tests/loadgen/plain_scenario.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { STAGE_START_NS = 1000000000, STAGE_SECOND_NS = 1000000000, STAGE_SIZE = 64 };

struct stage {
    struct scenario scenario;
    struct course course;
    struct client client;
    int server;
    char said[1 << 20]; /* what the server read last, as text */
    size_t said_bytes;
};

/* What hubload fanout has by default, of one subscriber and one publisher. */
static inline void stage_scenario(struct stage *st, const struct codec_protocol *protocol)
{
    memset(st, 0, sizeof *st);
    st->server = -1;
    plain_scenario(&st->scenario, protocol, STAGE_SIZE);
    st->scenario.process = 0xabc;
}

/* The course of the scenario as it is now: one second from STAGE_START_NS on. */
static inline void stage_course(struct stage *st)
{
    course_init(&st->course, &st->scenario, 1);
    st->course.start_ns = STAGE_START_NS;
    st->course.measure_ns = STAGE_START_NS;
    st->course.end_ns = STAGE_START_NS + STAGE_SECOND_NS;
}

/* A client whose connection stands, but has not said anything. */
static inline void stage_client(struct stage *st, enum client_role role, uint32_t number,
                                uint32_t index)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    client_init(&st->client, &st->course, role, number, index);
    st->client.fd = ends[0];
    st->client.state = CLIENT_CONNECTING;
    st->server = ends[1];
}

static inline void stage_close(struct stage *st)
{
    client_free(&st->client);
    if (st->server >= 0) {
        close(st->server);
    }
    course_free(&st->course);
}

/* All that the client has sent since the last look. */
static inline const char *stage_said(struct stage *st)
{
    st->said_bytes = 0;
    for (;;) {
        ssize_t got = recv(st->server, st->said + st->said_bytes,
                           sizeof st->said - 1 - st->said_bytes, MSG_DONTWAIT);
        if (got <= 0) {
            break;
        }
        st->said_bytes += (size_t)got;
    }
    st->said[st->said_bytes] = 0;
    return st->said;
}

#ifdef __cplusplus
}
#endif
#endif
