/*
 * result.h - the figures of one run, and what may be concluded from them.
 *
 * Threads:     main thread.
 * Memory:      plain values; large (three histograms, and one a second), so kept on the heap.
 */
#ifndef RINGHUB_LOADGEN_RESULT_H
#define RINGHUB_LOADGEN_RESULT_H

#include "loadgen/record.h"
#include "loadgen/series.h"
#include "loadgen/server_stat.h"
#include "loadgen/spread.h"
#include "loadgen/witness.h"

#ifdef __cplusplus
extern "C" {
#endif

enum result_verdict {
    RESULT_VALID,           /* the server was the limit, or nothing was */
    RESULT_GENERATOR_BOUND, /* hubload was: the figures say nothing about the server */
    RESULT_UNPROVEN,        /* hubload was busy, and nobody watched the server */
};

struct result {
    double begin_s; /* when measuring began, seconds of the Unix epoch */
    double measured_s;
    bool interrupted;

    /* All of the run, warm-up included. */
    uint64_t sent;
    uint64_t expected; /* deliveries that it should make */
    bool unordered;    /* several responders may overtake each other: no fault */
    struct witness_counts counts;
    uint64_t verified;                /* payloads compared */
    uint32_t reached;                 /* subscribers that received something */
    uint32_t hearing;                 /* of so many that must */
    uint32_t stalled_cut;             /* stalled subscribers whose connection the server ended */
    double connect_s;                 /* from the first connect() to the last confirmation */
    struct server_use connect_server; /* meanwhile */
    struct record connects;           /* each connection's own time until then */

    /* While measuring. */
    uint64_t sent_measured; /* due then */
    uint64_t delivered;     /* received then */
    uint64_t reads;
    uint64_t bytes;
    uint64_t blocked_ns;      /* publishers stood before a full socket, summed */
    double generator_s;       /* CPU of all drivers */
    double generator_busiest; /* 0 to 1 */
    double generator_queued;  /* share of time that a driver waited for a CPU, the worst of them */
    struct server_use server;
    struct record latency;
    struct record completion;
    struct record late;
    struct spread delivered_each;  /* by who hears */
    struct spread latency_each_ns; /* likewise, means */
    uint64_t churn_done;           /* subscriptions that came and went */
    uint64_t churn_heard;          /* what they received meanwhile */
    struct record churn_confirmed;
    struct series series; /* closed; owned, for series_free */
};

/* More than so much of a thread's time in use is busy; later than so much is late. */
#define RESULT_BUSY    0.9
#define RESULT_LATE_NS 1000000
/* Waiting for a CPU longer than this share of the time is worth a remark. */
#define RESULT_QUEUED  0.1

/* True when every message arrived everywhere, once, in order, undamaged. */
MUST_USE bool result_is_complete(const struct result *result);
MUST_USE enum result_verdict result_verdict_of(const struct result *result);
/* How much of what it could have had the server used, 0 to 1. */
double result_server_busy(const struct result *result);

#ifdef __cplusplus
}
#endif
#endif
