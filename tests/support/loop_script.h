/*
 * loop_script.h - one script of calls and events, played on any implementation of io/loop.h.
 *
 *   script ── peer_* ──▶ the other end: a TCP socket on 127.0.0.1, or a fake client
 *   script ── stage_* ──▶ the loop; what it reports is noted for each connection
 *
 * What was noted is normalised: bytes are merged, because how they were cut says nothing. The notes
 * of a script are then the same text on every loop; a difference is a bug in one of them.
 *
 * Threads:     one.
 * Memory:      the stage owns loop, sockets and notes.
 */
#ifndef RINGHUB_TESTS_SUPPORT_LOOP_SCRIPT_H
#define RINGHUB_TESTS_SUPPORT_LOOP_SCRIPT_H

#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { STAGE_PEERS_MAX = 512, STAGE_NOTES_MAX = 64 * 1024 };

/* How to set a stage up. */
struct stage_options {
    const char *name; /* for messages */
    struct loop_options loop;
    uint64_t seed;             /* of the script's own choices and of the fake's faults */
    uint32_t faults_per_mille; /* the fake only */
};

struct stage;

struct script {
    const char *name;
    void (*play)(struct stage *stage);
};

extern const struct script scripts[];
extern const size_t scripts_count;

/* Plays a script from open to free and returns its notes (the caller frees), checking the loop's
 * invariants after every wait. stats may be NULL. Fails the running cmocka test when something that
 * must happen does not within some seconds. */
char *script_play(const struct script *script, const struct stage_options *options,
                  struct loop_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
