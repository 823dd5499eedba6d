/*
 * live_hub.h - a hub with real workers and a real listener inside a test program.
 *
 *   live_hub_init ▶ (change hub.config) ▶ live_hub_start ▶ wires to hub.listener.port ▶ live_hub_end
 *
 * The program includes io/workers.c, which is in no library.
 *
 * Threads:     the main thread; the workers are threads of their own.
 * Memory:      the caller's struct; it owns the listener and the workers between start and end.
 */
#ifndef RINGHUB_TESTS_SUPPORT_LIVE_HUB_H
#define RINGHUB_TESTS_SUPPORT_LIVE_HUB_H

#include "io/listener.h"
#include "io/workers.h"

#ifdef __cplusplus
extern "C" {
#endif

struct live_hub {
    struct config config;
    struct loop_probe probe; /* of the backend asked for */
    struct listener listener;
    struct workers *workers; /* NULL: not running */
};

/* Defaults for a test: few connections, a short lame duck. False: this machine has no such backend,
 * probe.explanation says why. */
MUST_USE bool live_hub_init(struct live_hub *hub, enum loop_backend backend);
/* Listens on a free port of 127.0.0.1. Returns 0 or what workers_start says; then nothing is open. */
MUST_USE int live_hub_start(struct live_hub *hub, uint32_t workers);
/* Stops and frees; true: everybody took what was queued in time. */
bool live_hub_end(struct live_hub *hub, uint64_t timeout_ns);

#ifdef __cplusplus
}
#endif
#endif
