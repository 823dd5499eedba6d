/*
 * monitor_request.h - what does a path with its arguments ask for?
 *
 * Arguments, their defaults and the texts of what is wrong with them are nats-server's.
 *
 * Threads:     pure.
 * Memory:      values; arguments are borrowed for the call.
 * Limits:      of a name given twice the first counts; a text longer than SNAPSHOT_TEXT_MAX is an
 *              error.
 */
#ifndef RINGHUB_IO_MONITOR_REQUEST_H
#define RINGHUB_IO_MONITOR_REQUEST_H

#include "core/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

enum monitor_page {
    PAGE_DASHBOARD,
    PAGE_VARZ,
    PAGE_CONNZ,
    PAGE_SUBSZ,
    PAGE_HEALTHZ,
    PAGE_METRICS,
    PAGE_SLOWZ,
    PAGE_HUBZ,
    PAGE_ROUTEZ,
    PAGE_GATEWAYZ,
    PAGE_LEAFZ,
    PAGE_ACCOUNTZ,
    PAGE_ACCSTATZ,
    PAGE_JSZ,
    PAGES_COUNT,
};

enum {
    MONITOR_LIMIT_DEFAULT = 1024,
    MONITOR_SLOW_DEFAULT = 20,
    MONITOR_ERROR_MAX = 256,
    MONITOR_CALLBACK_MAX = 64,
};

enum monitor_state { STATE_OPEN, STATE_CLOSED, STATE_ANY };

struct monitor_argument {
    const char *name;
    const char *value; /* NULL: none */
};

struct monitor_request {
    enum monitor_page page;
    enum snapshot_sort sort;
    enum monitor_state state;
    uint32_t offset;
    uint32_t limit;
    uint64_t cid; /* 0: all */
    bool auth;
    bool subs;
    bool subs_detail;
    bool is_nobody;                      /* another account than the only one there is */
    bool has_account;                    /* one was asked for */
    char callback[MONITOR_CALLBACK_MAX]; /* JSONP: what the answer is handed to; empty: none */
    char user[SNAPSHOT_TEXT_MAX];
    char subject[SNAPSHOT_TEXT_MAX];
};

enum monitor_verdict { MONITOR_OK, MONITOR_BAD_ARGUMENT, MONITOR_NOT_FOUND };

/* base_path: empty, or what every path begins with. BAD_ARGUMENT fills why. */
MUST_USE enum monitor_verdict monitor_request_parse(const char *base_path, const char *path,
                                                    const struct monitor_argument *arguments,
                                                    size_t count, struct monitor_request *request,
                                                    char why[MONITOR_ERROR_MAX]);

/* Is the answer to be a call of a function, as JSONP has it? Only JSON can be. */
static inline bool monitor_request_has_callback(const struct monitor_request *request)
{
    return request->callback[0] != '\0' && request->page != PAGE_METRICS;
}

/* "/varz": for statistics and help. */
const char *monitor_page_path(enum monitor_page page);

#ifdef __cplusplus
}
#endif
#endif
