/*
 * scenario.h - what was asked for: command line -> validated settings.
 *
 * Threads:     written before threads start, constant afterwards.
 * Memory:      borrows from argv; owns nothing.
 */
#ifndef RINGHUB_LOADGEN_SCENARIO_H
#define RINGHUB_LOADGEN_SCENARIO_H

#include "loadgen/codec.h"

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SCENARIO_THREADS_MAX = 64,
    SCENARIO_TEXT_MAX = 256,
    /* Local ports of one source address toward one server port: 28,232 by default. */
    SCENARIO_CONNECTIONS_PER_SOURCE = 20000,
};

struct scenario {
    const struct codec_protocol *protocol;
    const char *url; /* as given */
    char host[SCENARIO_TEXT_MAX];
    char user[SCENARIO_TEXT_MAX]; /* empty: none; as password */
    char password[SCENARIO_TEXT_MAX];
    char port[8];
    struct sockaddr_storage address;
    socklen_t address_bytes;

    const char *subject;
    uint32_t subscribers;
    uint32_t publishers;
    uint32_t size; /* payload bytes */
    double warmup_s;
    double duration_s;
    double drain_s; /* how long without any delivery until what is missing counts as lost */
    uint32_t runs;
    uint64_t seed;
    uint64_t process; /* tells this hubload from others at work */
    bool distinct_sids;

    double rate; /* messages a second of all publishers; 0: closed loop */
    bool poisson;
    uint64_t window_bytes;    /* 0: by the number of subscribers */
    uint64_t window_messages; /* 0: from window_bytes */

    uint32_t receive_buffer; /* SO_RCVBUF of subscribers, bytes; 0: the kernel sizes it */
    uint32_t threads;        /* 0: chosen */
    uint32_t cpus[SCENARIO_THREADS_MAX];
    uint32_t cpus_count;
    int server_pid; /* 0: not watched */
    bool verify_all;
    bool latency_all;
    const char *json_path;      /* NULL: none */
    const char *hlog_prefix;    /* NULL: none */
    const char *label;          /* of the server, NULL: its process' name */
    const char *server_version; /* NULL: from its greeting */
    int argc;                   /* the command line, for the report */
    char **argv;
};

enum scenario_verdict { SCENARIO_RUN, SCENARIO_HELP, SCENARIO_WRONG };

/* argv[0] is the subcommand. On SCENARIO_WRONG error (error_bytes of room) says why. Does not
 * resolve the host. */
MUST_USE enum scenario_verdict scenario_parse(struct scenario *scenario, int argc, char **argv,
                                              char *error, size_t error_bytes);

/* Finds the server's address. Returns false with a sentence in error. */
MUST_USE bool scenario_resolve(struct scenario *scenario, char *error, size_t error_bytes);

/* Messages that may be under way to the slowest subscriber. */
uint64_t scenario_window(const struct scenario *scenario);

extern const char scenario_fanout_help[];

#ifdef __cplusplus
}
#endif
#endif
