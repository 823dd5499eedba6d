/*
 * loop_stage.h - what a script of loop_script.h may do.
 *
 * A connection is its peer's number, which is also its slot. Received bytes are checked against the
 * stream that peer_write writes: byte k of it is a function of the peer and k, so that a lost,
 * doubled or swapped byte is found at once; the same holds for what stage_send sends.
 */
#ifndef RINGHUB_TESTS_SUPPORT_LOOP_STAGE_H
#define RINGHUB_TESTS_SUPPORT_LOOP_STAGE_H

#include "tests/support/loop_script.h"

struct fake_world;
struct fake_client;

struct stage_peer {
    int fd;                     /* the other end, or -1 */
    struct fake_client *client; /* the same on the fake, or NULL */
    uint32_t generation;
    uint64_t written;  /* by the peer */
    uint64_t received; /* by the loop */
    uint64_t sent;     /* by the loop */
    uint64_t read;     /* by the peer */
    uint64_t noted;    /* of received */
    bool is_open;      /* the slot is in use */
    bool is_closing;
    bool is_eof;
    bool is_error;
    bool is_writable;
    bool is_dead; /* a send said so */
};

struct stage {
    const char *name;
    struct loop *loop;
    struct fake_world *world; /* the fake only */
    int listener;
    uint16_t port;
    uint32_t slots_max;
    uint64_t random;
    struct stage_peer peers[STAGE_PEERS_MAX];
    uint32_t peers_count;
    uint32_t accepted;
    uint32_t wakes;
    char notes[STAGE_NOTES_MAX];
    size_t notes_size;
};

void stage_open(struct stage *stage, const struct stage_options *options);
void stage_free(struct stage *stage);
void stage_note(struct stage *stage, const char *format, ...) PRINTF(2, 3);
uint64_t stage_draw(struct stage *stage, uint64_t max); /* 0 to max - 1 */

/* One wait of at most 2 ms; folds its events into the peers. */
void stage_turn(struct stage *stage);
/* Turns until condition; fails the test after some seconds. */
#define STAGE_UNTIL(stage, condition)                                                              \
    do {                                                                                           \
        uint64_t until_ns_ = stage_deadline_ns();                                                  \
        while (!(condition)) {                                                                     \
            stage_turn(stage);                                                                     \
            stage_check_deadline(stage, until_ns_, #condition);                                    \
        }                                                                                          \
    } while (0)
uint64_t stage_deadline_ns(void);
void stage_check_deadline(struct stage *stage, uint64_t until_ns, const char *what);
/* Some turns in which nothing is expected. */
void stage_idle(struct stage *stage, int turns);

/* A connection of nobody's, in the backlog. */
int stage_dial(struct stage *stage);
/* Connects a peer and takes it in under the slot of its number, armed if asked. */
uint32_t stage_connect(struct stage *stage, bool is_armed);
/* The peer's end. write: as much as the pipe takes of size; returns how much. */
size_t peer_write(struct stage *stage, uint32_t number, size_t size);
/* Writes all, turning in between. */
void peer_write_all(struct stage *stage, uint32_t number, size_t size);
/* Reads what is there, up to size, and checks it. Returns how much. */
size_t peer_read(struct stage *stage, uint32_t number, size_t size);
/* Reads until size bytes came, turning in between. */
void peer_read_all(struct stage *stage, uint32_t number, size_t size);
enum peer_state { PEER_OPEN, PEER_EOF, PEER_RESET };
enum peer_state peer_state(struct stage *stage, uint32_t number);
void peer_shutdown(struct stage *stage, uint32_t number);
void peer_close(struct stage *stage, uint32_t number);
void peer_reset(struct stage *stage, uint32_t number);

/* One send of size bytes in so many vectors; returns its result. */
int64_t stage_send(struct stage *stage, uint32_t number, size_t size, uint32_t vectors_count);
/* Sends all, waiting for room and letting the peer read meanwhile. */
void stage_send_all(struct stage *stage, uint32_t number, size_t size, uint32_t vectors);
void stage_close(struct stage *stage, uint32_t number, enum loop_close how);
/* Notes the bytes received since it was last asked, and the end if there was one. */
void stage_note_peer(struct stage *stage, uint32_t number);

#endif
