/*
 * scenario.h - what was asked for: command line -> validated settings.
 *
 * Threads:     written before threads start, constant afterwards.
 * Memory:      borrows from argv; owns nothing.
 */
#ifndef RINGHUB_LOADGEN_SCENARIO_H
#define RINGHUB_LOADGEN_SCENARIO_H

#include "loadgen/codec.h"
#include "loadgen/sizes.h"
#include "loadgen/topology.h"
#include "loadgen/url.h"

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SCENARIO_THREADS_MAX = 64,
    SCENARIO_TEXT_MAX = 256,
    /* Local ports of one source address toward one server port are 28,232 by default. The kernel
     * searches the longer for a free one the more are taken, so an address is left early. */
    SCENARIO_CONNECTIONS_PER_SOURCE = 2000,
};

enum scenario_kind {
    SCENARIO_FANOUT,  /* publishers to subscribers, by a topology */
    SCENARIO_REQUEST, /* requesters get their own messages back from responders */
};

/* What churning connections subscribe to. */
enum scenario_churn {
    SCENARIO_CHURN_SAME,     /* the subjects that are published to */
    SCENARIO_CHURN_OTHER,    /* literals that nobody publishes to */
    SCENARIO_CHURN_WILDCARD, /* patterns that match the subjects published to */
};

/* How wildcard subscribers write their pattern. */
enum scenario_patterns {
    SCENARIO_PATTERNS_STAR, /* BASE.* */
    SCENARIO_PATTERNS_REST, /* BASE.> */
    SCENARIO_PATTERNS_BOTH, /* one subscriber so, the next so */
};

struct scenario {
    enum scenario_kind kind;
    const struct codec_protocol *protocol;
    const char *url_text; /* as given, with the password */
    struct url url;
    struct sockaddr_storage address;
    socklen_t address_bytes;

    const char *subject;
    uint32_t subscribers; /* the stalled ones included; of requests: the responders */
    uint32_t publishers;  /* of requests: the requesters */
    uint32_t subjects;
    uint32_t subjects_each; /* of a subscriber without a wildcard */
    uint32_t copies;        /* equal subscriptions of one subscriber */
    uint32_t wildcards;     /* subscribers of a pattern that matches all subjects */
    enum scenario_patterns patterns;
    const char *subject_end; /* last token of each of several subjects; empty: none */
    uint32_t groups;         /* queue groups; 0: none */
    double wildcards_share;  /* as asked for */
    bool wildcards_percent;
    double stalled_share;
    bool stalled_percent;
    uint32_t stalled;   /* subscribers that stop reading once they have subscribed */
    struct sizes sizes; /* payload bytes */
    uint32_t size;      /* their mean */
    uint32_t in_flight; /* requests under way of one requester, closed loop */
    double churn;       /* subscriptions a second that come and go; 0: none */
    uint32_t churners;  /* connections that do it */
    enum scenario_churn churn_on;
    double hold_s;       /* between the last connection and the first message */
    uint32_t connecting; /* connections on their way at once */
    bool storm;          /* connect anew for every run */
    bool idle;           /* memory is what counts */
    bool direct;         /* subscribers' sockets live in the rings' own tables */
    double capacity; /* a fraction as 0.99: search the rate at which it keeps the bound; 0: no */
    uint64_t capacity_ns;
    double warmup_s;
    double duration_s;
    double drain_s; /* how long without any delivery until what is missing counts as lost */
    uint32_t runs;
    uint64_t seed;
    uint64_t process; /* tells this hubload from others at work */
    bool distinct_sids;
    bool json_payload;
    bool random_order; /* a publisher takes its subjects in an order drawn from the seed */
    bool apart;        /* an idle connection behind each, so that churners meet another worker */

    double rate; /* messages a second of all publishers; 0: closed loop */
    bool poisson;
    uint64_t window_bytes;    /* 0: by the number of subscribers */
    uint64_t window_messages; /* 0: from window_bytes */
    uint64_t
        sockets_bytes; /* what the kernel lends to all sockets without pressure; 0: not known */

    uint32_t receive_buffer; /* SO_RCVBUF of subscribers, bytes; 0: the kernel sizes it */
    uint32_t threads;        /* 0: chosen */
    uint32_t cpus[SCENARIO_THREADS_MAX];
    uint32_t cpus_count;
    int server_pid; /* 0: not watched */
    bool verify_all;
    bool verify_count; /* look at headers only as far as counting needs */
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

/* Who must hear what. */
struct topology_plan scenario_plan(const struct scenario *scenario);

/* All connections. */
uint32_t scenario_connections(const struct scenario *scenario);

/* Messages that may be under way to the slowest subscriber. */
uint64_t scenario_window(const struct scenario *scenario);

/* For a subcommand; NULL: there is none of this name. */
const char *scenario_help(const char *subcommand);

#ifdef __cplusplus
}
#endif
#endif
