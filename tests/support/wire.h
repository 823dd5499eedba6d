/*
 * wire.h - a NATS client on a blocking socket, for tests that drive a hub that really runs.
 *
 *   wire_open ──▶ wire_say ──▶ hub ──▶ wire_next: message, PONG, INFO, -ERR, end
 *
 * Parses on its own, so that a mistake of the hub's parser cannot hide itself.
 *
 * Threads:     one thread per wire at a time; cmocka's assertions work in the main thread only, so
 *              what goes wrong here ends the program through ASSERT.
 * Memory:      a wire owns its socket and buffer; a message borrows from neither.
 * Limits:      a line and a payload fit WIRE_BUFFER_BYTES; WIRE_PATIENCE_S without a byte is a
 *              failure.
 */
#ifndef RINGHUB_TESTS_SUPPORT_WIRE_H
#define RINGHUB_TESTS_SUPPORT_WIRE_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WIRE_BUFFER_BYTES = 64 * 1024, WIRE_TEXT_MAX = 128, WIRE_PATIENCE_S = 60 };

struct wire {
    int fd;
    size_t first; /* unread bytes of the buffer */
    size_t size;
    uint8_t buffer[WIRE_BUFFER_BYTES];
};

enum wire_word {
    WIRE_MESSAGE,
    WIRE_PONG,
    WIRE_INFO,
    WIRE_ERROR, /* -ERR; text holds it */
    WIRE_END,   /* FIN or RST */
};

struct wire_message {
    char subject[WIRE_TEXT_MAX];
    char reply[WIRE_TEXT_MAX]; /* empty: none */
    unsigned sid;              /* tests use numbers */
    size_t header_size;        /* 0: none */
    size_t size;               /* headers and body */
    char text[1024];           /* the first bytes of it, terminated; of INFO and -ERR the line */
};

/* Connects to 127.0.0.1, blocking. Returns the descriptor, or -1 when nobody listens. */
MUST_USE int wire_dial(uint16_t port);

/* Connects, reads INFO, sends CONNECT with these members added: "\"headers\":true". NULL: the hub
 * took the connection and ended it, or nobody listens. */
MUST_USE struct wire *wire_open(uint16_t port, const char *options);
void wire_close(struct wire *wire);
/* By RST: what is queued for it is lost. */
void wire_reset(struct wire *wire);

/* Sends all of the text, waiting for room. False: the connection is dead. */
bool wire_say(struct wire *wire, const char *format, ...) PRINTF(2, 3);

/* Waits for the next word that means something: PING is answered, +OK skipped. */
MUST_USE enum wire_word wire_next(struct wire *wire, struct wire_message *message);

/* Says PING and reads up to its PONG; messages on the way are a failure. */
void wire_sync(struct wire *wire);

/* A payload that begins with "publisher number", as tests number what they publish. */
struct wire_mark {
    unsigned publisher;
    unsigned number;
};
MUST_USE struct wire_mark wire_mark_of(const struct wire_message *message);

#ifdef __cplusplus
}
#endif
#endif
