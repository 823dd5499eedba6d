/*
 * listener.h - where do clients connect?
 *
 *   host, port ── listener_open ──▶ one socket per address of the host, all on one port
 *                 listener_stop      new connects are refused, descriptors stay valid
 *                 listener_close     descriptors are gone
 *
 * Threads:     the main thread; workers borrow the descriptors between open and close.
 * Memory:      owns the descriptors.
 * Limits:      LISTENER_FDS_MAX addresses of a name are used.
 * Invariants:  (1) Bound without SO_REUSEPORT: a second hub on the port fails instead of silently
 *                  taking half the clients.
 *              (2) What accepted sockets shall inherit (TCP_NODELAY, buffer sizes) is set before
 *                  listen(), so that accepting costs no system call per client for it.
 * Beware:      a descriptor is closed only after every worker ended: closed earlier, its number
 *              could already be another socket when a worker still takes it off its loop.
 */
#ifndef RINGHUB_IO_LISTENER_H
#define RINGHUB_IO_LISTENER_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LISTENER_FDS_MAX = 4,
    LISTENER_ADDRESSES_MAX = 64, /* a wildcard is every address of the machine */
    LISTENER_TEXT_MAX = 320,     /* host:port, brackets included */
};

struct listener {
    int fds[LISTENER_FDS_MAX];
    size_t count;
    uint16_t port;
};

struct listener_options {
    const char *host; /* borrowed; name or address, no brackets */
    int32_t port;     /* CONFIG_PORT_RANDOM: the kernel chooses */
    /* What accepted sockets inherit; 0 leaves the kernel's own choice. */
    uint32_t send_buffer_bytes;   /* SO_SNDBUF (the kernel doubles it) */
    uint32_t notsent_lowat_bytes; /* TCP_NOTSENT_LOWAT */
};

/* Binds and listens, non-blocking. Returns 0, or a negative errno and the reason as one sentence
 * with the mend. "0.0.0.0" is every IPv4 address, "::" every address of both families; of a name
 * all addresses are taken, IPv4 first, those this machine lacks left out. */
MUST_USE int listener_open(const struct listener_options *options, struct listener *listener,
                           char *why, size_t why_size);

/* Refuses new connects from now on; connects nobody accepted yet are reset. */
void listener_stop(struct listener *listener);
void listener_close(struct listener *listener);

/* Where clients can connect, as "127.0.0.1:4222" or "[::1]:4222", wildcards spelled out as the
 * machine's addresses. Returns how many, at most max. */
size_t listener_addresses(const struct listener *listener, char (*texts)[LISTENER_TEXT_MAX],
                          size_t max);

/* "host:port", with brackets around an IPv6 address. Returns text. */
const char *listener_host_port(const char *host, uint16_t port, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
