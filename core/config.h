/*
 * config.h - command line -> validated, immutable settings, and the memory bound they imply.
 *
 * Threads:     written before threads start, read by all afterwards.
 * Memory:      owns its strings (fixed arrays, so that copying a config copies it all).
 */
#ifndef RINGHUB_CORE_CONFIG_H
#define RINGHUB_CORE_CONFIG_H

#include "core/base.h"
#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum config_io { CONFIG_IO_AUTO, CONFIG_IO_URING, CONFIG_IO_EPOLL };

enum { CONFIG_TEXT_MAX = 256, CONFIG_PATH_MAX = 1024 };

struct config {
    /* Listening. */
    char host[CONFIG_TEXT_MAX]; /* numeric address or name; default 127.0.0.1 */
    int32_t port;               /* 0 or -1: random */
    char server_name[CONFIG_TEXT_MAX];    /* empty: the server id */
    char client_advertise[CONFIG_TEXT_MAX]; /* host:port for INFO; empty: host and port */

    /* Workers. */
    uint32_t workers; /* 0: one per CPU of the affinity mask */
    bool pin;
    enum config_io io;

    /* Limits: per client unless said otherwise. */
    uint32_t max_connections;        /* hub; 65536 */
    uint32_t max_subscriptions;      /* 0: no limit */
    uint32_t max_control_line;       /* 4096, argument bytes */
    int64_t max_payload;             /* 1 MiB; -1: no limit of its own (then max_pending bounds it) */
    uint64_t max_pending;            /* 64 MiB */
    uint32_t max_sub_tokens;         /* 0: off */
    uint64_t max_memory;             /* hub: what streams, runs, subscriptions and half-received
                                      * messages may take together; 0: half of the machine's memory */

    /* Times, in nanoseconds. */
    uint64_t ping_interval_ns;  /* 2 min */
    uint32_t ping_max;          /* 2 */
    uint64_t write_deadline_ns; /* 10 s */
    uint64_t lame_duck_duration_ns;     /* 2 min */
    uint64_t lame_duck_grace_period_ns; /* 10 s */

    /* Process. */
    char log_file[CONFIG_PATH_MAX];
    char pid_file[CONFIG_PATH_MAX];
    char ports_file_dir[CONFIG_PATH_MAX];
    bool debug;
    bool trace;
    bool logtime; /* true */

    /* Tests only: tiny rings. 0: defaults. */
    uint32_t sq_entries;
    uint32_t cq_entries;
    uint32_t read_buffers;
};

void config_defaults(struct config *config);

#ifdef __cplusplus
}
#endif
#endif
