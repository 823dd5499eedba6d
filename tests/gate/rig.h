/*
 * rig.h - hubs without a kernel, driven so that callgrind counts core's instructions alone.
 *
 *   rig_read ──▶ rig_turn: COUNT_ON ▶ hub … ▶ COUNT_OFF ──sends──▶ (taken whole, at once) ──┐
 *                              ▲──────────────────────────────results──────────────────────┘
 *
 * A turn is io/worker.c's turn without a loop. Every socket takes everything, so nobody blocks.
 * Outside valgrind all of this runs too, and counts nothing.
 *
 * Threads:     one.
 * Memory:      the rig owns its hubs; sessions are the hubs'. Read bytes are borrowed for a turn.
 */
#ifndef RINGHUB_TESTS_GATE_RIG_H
#define RINGHUB_TESTS_GATE_RIG_H

#include "core/proto/nats.h"

#include <valgrind/callgrind.h>

enum { RIG_WORKERS_MAX = 2, RIG_READS_MAX = 64, RIG_SENDS_MAX = 256, RIG_CLOSING_MAX = 64 };

/* Each flips the same switch: they come in pairs. */
#define COUNT_ON()  CALLGRIND_TOGGLE_COLLECT
#define COUNT_OFF() CALLGRIND_TOGGLE_COLLECT

struct rig_read {
    struct session *session;
    struct bytes bytes; /* ptr NULL: the peer's FIN */
};

struct rig {
    uint32_t workers;
    struct port *ports;
    struct hub *hubs[RIG_WORKERS_MAX];
    struct nats nats;
    uint64_t now_ns;
    uint64_t client_ids;
    struct rig_read reads[RIG_WORKERS_MAX][RIG_READS_MAX];
    uint32_t reads_count[RIG_WORKERS_MAX];
    struct session *closing[RIG_WORKERS_MAX][RIG_CLOSING_MAX];
    uint32_t closing_count[RIG_WORKERS_MAX];
    struct send_op sends[RIG_SENDS_MAX];
    /* Of the measurement. */
    uint64_t allocations; /* by core: nothing else here calls memory_alloc */
    uint64_t operations;
};

void rig_init(struct rig *rig, uint32_t workers, uint32_t sessions_max);
void rig_free(struct rig *rig);

/* From here on instructions count; the scenario's warm-up is over. */
void rig_measure(struct rig *rig);
/* Up to here, and this was so many operations. */
void rig_measured(struct rig *rig, uint64_t operations);

/* A new session that has been greeted. */
struct session *rig_accept(struct rig *rig, uint32_t worker);
/* The same, CONNECT said: not verbose, no echo of errors, headers understood. */
struct session *rig_open(struct rig *rig, uint32_t worker);

/* One read of the worker's next turn. */
void rig_read(struct rig *rig, uint32_t worker, struct session *session, struct bytes bytes);
/* The same at once, in a turn of its own. */
void rig_say(struct rig *rig, uint32_t worker, struct session *session, const char *format, ...)
    PRINTF(4, 5);
void rig_turn(struct rig *rig, uint32_t worker);

/* Messages handed to sessions by all workers. */
uint64_t rig_deliveries(const struct rig *rig);

#endif
