/*
 * monitor.h - what an operator sees: HTTP in a thread of its own, which no worker ever waits for.
 *
 *   socket ─accept─▶ libmicrohttpd ─▶ monitor_request_parse ─▶ workers asked ─▶ a page ─▶ socket
 *
 * The thread runs at a lower priority than the workers, and asks them for copies (core/snapshot.h).
 *
 * Threads:     monitor_start, monitor_learn and monitor_stop: the main thread. It has one thread.
 * Memory:      owns its listener and connections, copies of facts and their config; borrows the texts
 *              that facts name, and source, until monitor_stop.
 * Limits:      MONITOR_CONNECTIONS_MAX connections, of which one client address may have all;
 *              MONITOR_REQUEST_BYTES for a request's head; MONITOR_REQUEST_NS from one answer to the
 *              next on a connection, then it is cut; BODY_BYTES_MAX for an answer and
 *              MONITOR_BODIES_BYTES for all that are not sent yet.
 */
#ifndef RINGHUB_IO_MONITOR_H
#define RINGHUB_IO_MONITOR_H

#include "io/listener.h"
#include "io/monitor_view.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MONITOR_CONNECTIONS_MAX = 64,
    MONITOR_REQUEST_BYTES = 16 * 1024,
    MONITOR_BODIES_BYTES = 96 << 20,
    MONITOR_ROW_BYTES = 512, /* of a connection while it is listed, with what it calls itself */
    /* Answers, the one being written, and the connections remembered after they are gone. */
    MONITOR_BYTES_MAX = MONITOR_BODIES_BYTES + BODY_BYTES_MAX + 10000 * MONITOR_ROW_BYTES,
};

#define MONITOR_REQUEST_NS (15 * UINT64_C(1000000000))

struct monitor;

/* Opens the port of the configuration. facts->http_port is filled in. Returns 0 or a negative errno,
 * and why as one sentence. */
MUST_USE int monitor_start(struct monitor_facts *facts, const struct monitor_source *source,
                           struct monitor **monitor, char *why, size_t why_size);
/* Pages show these facts from now on; those of the port stay what they were. */
void monitor_learn(struct monitor *monitor, const struct monitor_facts *facts);
/* NULL is fine. */
void monitor_stop(struct monitor *monitor);

const struct listener *monitor_listener(const struct monitor *monitor);

#ifdef __cplusplus
}
#endif
#endif
