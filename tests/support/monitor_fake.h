/*
 * monitor_fake.h - workers that answer monitoring from a table, for tests and the fuzzer.
 *
 * Threads:     one.
 * Memory:      every answer is made anew; the view owns it.
 */
#ifndef RINGHUB_TESTS_SUPPORT_MONITOR_FAKE_H
#define RINGHUB_TESTS_SUPPORT_MONITOR_FAKE_H

#include "io/monitor_view.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MONITOR_FAKE_WORKERS = 2, MONITOR_FAKE_ROWS = 5 /* of each worker */ };

struct monitor_fake {
    struct config config;
    struct monitor_facts facts;
    struct monitor_source source;
    uint64_t requests_count[PAGES_COUNT];
    uint32_t silent;  /* so many of the workers do not answer */
    const char *name; /* of every client; a literal with what a test wants in it */
    const char *subject;
};

void monitor_fake_init(struct monitor_fake *fake);
/* Writes what the request asks for; the HTTP status. */
uint32_t monitor_fake_write(struct monitor_fake *fake, const struct monitor_request *request,
                            struct body *body);

#ifdef __cplusplus
}
#endif
#endif
