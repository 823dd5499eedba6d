/* loop_script.c - the scripts; see loop_script.h. */
#include "tests/support/loop_script.h"

#include "core/limits.h"
#include "tests/support/loop_stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MIB = 1024 * 1024, QUIET_TURNS = 3 };

/* Closes what is open and waits for the last CLOSED. */
static void close_all(struct stage *stage)
{
    for (uint32_t i = 0; i < stage->peers_count; i++) {
        if (stage->peers[i].is_open && !stage->peers[i].is_closing) {
            stage_close(stage, i, LOOP_CLOSE_ORDERLY);
        }
        STAGE_UNTIL(stage, !stage->peers[i].is_open);
    }
}

/* Bytes there, bytes back, the end, the close. */
static void play_hello(struct stage *stage)
{
    uint32_t peer = stage_connect(stage, true);
    peer_write_all(stage, peer, 5);
    STAGE_UNTIL(stage, stage->peers[peer].received == 5);
    stage_note_peer(stage, peer);
    stage_send_all(stage, peer, 5, 1);
    stage_send_all(stage, peer, 50, 3);
    peer_read_all(stage, peer, (size_t)(55 - stage->peers[peer].read));
    stage_note(stage, "sent %llu\n", (unsigned long long)stage->peers[peer].sent);
    peer_shutdown(stage, peer);
    STAGE_UNTIL(stage, stage->peers[peer].is_eof);
    stage_note_peer(stage, peer);
    stage_close(stage, peer, LOOP_CLOSE_ORDERLY);
    STAGE_UNTIL(stage, !stage->peers[peer].is_open);
    stage_note(stage, "peer sees %d\n", peer_state(stage, peer));
}

/* Bytes that came before arming, while disarmed, and after arming again are all reported. */
static void play_arming(struct stage *stage)
{
    uint32_t peer = stage_connect(stage, false);
    peer_write_all(stage, peer, 1000);
    stage_idle(stage, QUIET_TURNS);
    stage_note_peer(stage, peer);
    loop_read_arm(stage->loop, peer);
    loop_read_arm(stage->loop, peer);
    STAGE_UNTIL(stage, stage->peers[peer].received == 1000);
    stage_note_peer(stage, peer);
    loop_read_disarm(stage->loop, peer);
    loop_read_disarm(stage->loop, peer);
    stage_idle(stage, QUIET_TURNS); /* what was on its way may still come in these */
    peer_write_all(stage, peer, 1000);
    stage_idle(stage, QUIET_TURNS);
    stage_note_peer(stage, peer);
    peer_shutdown(stage, peer);
    stage_idle(stage, QUIET_TURNS);
    stage_note_peer(stage, peer);
    loop_read_arm(stage->loop, peer);
    STAGE_UNTIL(stage, stage->peers[peer].is_eof);
    stage_note_peer(stage, peer);
    close_all(stage);
}

/* A long stream, disarmed and armed at random, arrives whole. */
static void play_flood_in(struct stage *stage)
{
    uint32_t peer = stage_connect(stage, true);
    bool is_armed = true;
    for (uint64_t left = 2 * MIB; left > 0;) {
        uint64_t piece = 1 + stage_draw(stage, 40000);
        left -= peer_write(stage, peer, (size_t)MIN_OF(left, piece));
        if (stage_draw(stage, 8) == 0) {
            is_armed = !is_armed;
            is_armed ? loop_read_arm(stage->loop, peer) : loop_read_disarm(stage->loop, peer);
        } else if (is_armed) {
            stage_turn(stage);
        }
    }
    peer_shutdown(stage, peer);
    loop_read_arm(stage->loop, peer);
    STAGE_UNTIL(stage, stage->peers[peer].is_eof);
    stage_note_peer(stage, peer);
    close_all(stage);
}

/* A long stream out: short, full, writable again, until all has arrived. */
static void play_flood_out(struct stage *stage)
{
    for (uint32_t vectors = 1; vectors <= SEND_VECTORS_MAX; vectors *= 8) {
        uint32_t peer = stage_connect(stage, true);
        stage_send_all(stage, peer, 2 * MIB, vectors);
        peer_read_all(stage, peer, (size_t)(2 * MIB - stage->peers[peer].read));
        stage_note(stage, "%u vectors: %llu sent, %llu arrived\n", vectors,
                   (unsigned long long)stage->peers[peer].sent,
                   (unsigned long long)stage->peers[peer].read);
    }
    close_all(stage);
}

/* A socket that is full says so, is not writable, and is again when the peer has read. */
static void play_full(struct stage *stage)
{
    uint32_t peer = stage_connect(stage, true);
    uint64_t until_ns = stage_deadline_ns();
    while (stage_send(stage, peer, SEND_BYTES_MAX, 1) != LOOP_SEND_FULL) {
        stage_check_deadline(stage, until_ns, "full");
    }
    loop_wait_writable(stage->loop, peer);
    loop_wait_writable(stage->loop, peer);
    peer_read_all(stage, peer, (size_t)(stage->peers[peer].sent - stage->peers[peer].read));
    STAGE_UNTIL(stage, stage->peers[peer].is_writable);
    stage->peers[peer].is_writable = false;
    stage_idle(stage, QUIET_TURNS);
    stage_note(stage, "writable once: %d\n", !stage->peers[peer].is_writable);
    stage_send_all(stage, peer, 100, 2);
    peer_read_all(stage, peer, (size_t)(stage->peers[peer].sent - stage->peers[peer].read));
    /* Asked of a socket with room, the answer comes at once. */
    loop_wait_writable(stage->loop, peer);
    STAGE_UNTIL(stage, stage->peers[peer].is_writable);
    close_all(stage);
}

/* A reset comes after the bytes before it; sends to the dead say so; a wait for room does not hang.
 */
static void play_reset(struct stage *stage)
{
    uint32_t peer = stage_connect(stage, false);
    peer_write_all(stage, peer, 300);
    peer_reset(stage, peer);
    loop_read_arm(stage->loop, peer);
    STAGE_UNTIL(stage, stage->peers[peer].is_error);
    stage_note_peer(stage, peer);
    stage_note(stage, "send is dead: %d\n", stage_send(stage, peer, 10, 1) < 0);
    loop_wait_writable(stage->loop, peer);
    STAGE_UNTIL(stage, stage->peers[peer].is_writable);
    stage_idle(stage, QUIET_TURNS);
    stage_note_peer(stage, peer);
    close_all(stage);
    stage_note_peer(stage, peer);
}

/* The peer is gone without a word: the first send may be taken, a later one is dead. */
static void play_gone(struct stage *stage)
{
    uint32_t peer = stage_connect(stage, true);
    peer_close(stage, peer);
    STAGE_UNTIL(stage, stage->peers[peer].is_eof);
    uint64_t until_ns = stage_deadline_ns();
    while (stage_send(stage, peer, 10, 1) >= 0) {
        stage_check_deadline(stage, until_ns, "dead");
    }
    stage_note_peer(stage, peer);
    close_all(stage);
}

/* Each half ends by itself. */
static void play_half_close(struct stage *stage)
{
    uint32_t ours = stage_connect(stage, true);
    uint32_t theirs = stage_connect(stage, true);
    loop_shutdown_write(stage->loop, ours);
    STAGE_UNTIL(stage, peer_state(stage, ours) == PEER_EOF);
    peer_write_all(stage, ours, 5000);
    STAGE_UNTIL(stage, stage->peers[ours].received == 5000);
    peer_shutdown(stage, theirs);
    STAGE_UNTIL(stage, stage->peers[theirs].is_eof);
    stage_send_all(stage, theirs, 5000, 1);
    peer_read_all(stage, theirs, 5000 - (size_t)stage->peers[theirs].read);
    stage_note_peer(stage, ours);
    stage_note_peer(stage, theirs);
    close_all(stage);
}

/* Closing, in both ways, in the middle of a flood: CLOSED and nothing else; the slots' next life is
 * not disturbed by the last one. */
static void play_close_in_flood(struct stage *stage)
{
    for (uint32_t i = 0; i < 24; i++) {
        uint32_t peer = stage_connect(stage, true);
        peer_write_all(stage, peer, 1 + (size_t)stage_draw(stage, 50000));
        stage_idle(stage, (int)stage_draw(stage, 3));
        if (stage_draw(stage, 2) == 0) {
            loop_wait_writable(stage->loop, peer);
        }
        (void)peer_write(stage, peer, 20000);
        stage_close(stage, peer, i % 2 == 0 ? LOOP_CLOSE_ORDERLY : LOOP_CLOSE_RESET);
        loop_close_slot(stage->loop, peer, LOOP_CLOSE_ORDERLY);
        loop_read_disarm(stage->loop, peer);
    }
    close_all(stage);
    stage_note(stage, "closed %u\n", stage->peers_count);
}

/* A RESET close is a RST for the peer. */
static void play_close_reset(struct stage *stage)
{
    uint32_t peer = stage_connect(stage, true);
    stage_close(stage, peer, LOOP_CLOSE_RESET);
    STAGE_UNTIL(stage, !stage->peers[peer].is_open);
    stage_note(stage, "peer sees %d\n", peer_state(stage, peer));
}

/* One slot, many lives. */
static void play_slot_reuse(struct stage *stage)
{
    for (int life = 0; life < 20; life++) {
        uint32_t peer = stage_connect(stage, true);
        ASSERT(peer == 0);
        peer_write_all(stage, peer, 100);
        STAGE_UNTIL(stage, stage->peers[peer].received == 100);
        (void)peer_write(stage, peer, 5000); /* left unread */
        stage_close(stage, peer, life % 2 == 0 ? LOOP_CLOSE_RESET : LOOP_CLOSE_ORDERLY);
        STAGE_UNTIL(stage, !stage->peers[peer].is_open);
        if (stage->peers[peer].fd >= 0) {
            peer_close(stage, peer);
        }
        stage->peers_count = 0;
        stage->accepted = 0;
    }
    stage_note(stage, "lived\n");
}

/* A crowd connects, everybody speaks and is answered in one call of loop_send. */
static void play_crowd(struct stage *stage)
{
    enum { CROWD = 200 };
    static const uint8_t answer[4];
    struct loop_send sends[CROWD];
    const struct iovec vector = {(void *)(uintptr_t)answer, sizeof(answer)};
    for (uint32_t i = 0; i < CROWD; i++) {
        (void)stage_connect(stage, true);
    }
    for (uint32_t i = 0; i < CROWD; i++) {
        peer_write_all(stage, i, 1 + i);
    }
    for (uint32_t i = 0; i < CROWD; i++) {
        STAGE_UNTIL(stage, stage->peers[i].received == 1 + i);
        sends[i] = (struct loop_send){i, 1, &vector, sizeof(answer), INT64_MIN};
    }
    peer_reset(stage, 7);
    STAGE_UNTIL(stage, stage->peers[7].is_error);
    loop_send(stage->loop, sends, CROWD);
    int whole = 0;
    for (uint32_t i = 0; i < CROWD; i++) {
        whole += sends[i].result == (int64_t)sizeof(answer);
        assert_true(i == 7 ? sends[i].result < 0 : sends[i].result >= 0);
    }
    /* Faults of the fake make some of them short; then the number says nothing. */
    stage_note(stage, "%s\n", whole >= CROWD / 2 ? "answered" : "hardly answered");
    close_all(stage);
}

/* Many rings are one event; a ring during no wait is not lost. */
static void play_wake(struct stage *stage)
{
    for (int i = 0; i < 50; i++) {
        uint32_t before = stage->wakes;
        loop_wake(stage->loop);
        loop_wake(stage->loop);
        loop_wake_from(stage->loop, stage->loop);
        STAGE_UNTIL(stage, stage->wakes > before);
    }
    stage_note(stage, "woken\n");
}

/* Anything, in any order, on some connections: streams stay whole, ends come. */
static void random_step(struct stage *stage, uint32_t number)
{
    struct stage_peer *peer = &stage->peers[number];
    uint64_t size = 1 + stage_draw(stage, stage_draw(stage, 2) == 0 ? 100 : 60000);
    switch (stage_draw(stage, 8)) {
    case 0:
    case 1:
        (void)peer_write(stage, number, (size_t)size);
        break;
    case 2:
        (void)peer_read(stage, number, (size_t)size);
        break;
    case 3:
    case 4:
        if (stage_send(stage, number, (size_t)size, size > 10 ? 3 : 1) < (int64_t)size) {
            loop_wait_writable(stage->loop, number);
        }
        break;
    case 5:
        loop_read_disarm(stage->loop, number);
        break;
    case 6:
        loop_read_arm(stage->loop, number);
        break;
    default:
        stage_turn(stage);
        break;
    }
    assert_false(peer->is_eof || peer->is_error || peer->is_dead);
}

static void play_random(struct stage *stage)
{
    enum { PEERS = 16, STEPS = 6000 };
    for (uint32_t i = 0; i < PEERS; i++) {
        (void)stage_connect(stage, true);
    }
    for (int step = 0; step < STEPS; step++) {
        random_step(stage, (uint32_t)stage_draw(stage, PEERS));
    }
    for (uint32_t i = 0; i < PEERS; i++) {
        struct stage_peer *peer = &stage->peers[i];
        loop_read_arm(stage->loop, i);
        peer_shutdown(stage, i);
        STAGE_UNTIL(stage, peer->is_eof);
        assert_int_equal(peer->received, peer->written);
        peer_read_all(stage, i, (size_t)(peer->sent - peer->read));
    }
    stage_note(stage, "whole\n");
    close_all(stage);
}

const struct script scripts[] = {
    {"hello", play_hello},
    {"arming", play_arming},
    {"flood in", play_flood_in},
    {"flood out", play_flood_out},
    {"full", play_full},
    {"reset", play_reset},
    {"gone", play_gone},
    {"half close", play_half_close},
    {"close in flood", play_close_in_flood},
    {"close reset", play_close_reset},
    {"slot reuse", play_slot_reuse},
    {"crowd", play_crowd},
    {"wake", play_wake},
    {"random", play_random},
};
const size_t scripts_count = COUNT_OF(scripts);

char *script_play(const struct script *script, const struct stage_options *options,
                  struct loop_stats *stats)
{
    struct stage *stage = (struct stage *)memory_alloc(sizeof(*stage));
    stage_open(stage, options);
    script->play(stage);
    if (stats != NULL) {
        loop_stats_read(stage->loop, stats);
    }
    stage_free(stage);
    char *notes = strdup(stage->notes);
    memory_free(stage);
    return notes;
}
