/*
 * facts.h - on what was it measured, and what exactly ran? As JSON, for the result.
 *
 * Threads:     any; no state.
 * Memory:      what is returned is the caller's (json_decref).
 */
#ifndef RINGHUB_LOADGEN_FACTS_H
#define RINGHUB_LOADGEN_FACTS_H

#include "core/base.h"

#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kernel, CPU, memory, mitigations: what makes figures of two machines differ. */
json_t *facts_machine(void);

/* What the kernel lends to all TCP sockets together before it calls it pressure (tcp_mem, the second of
 * its three figures, in bytes); 0: not known. */
uint64_t facts_sockets_bytes(void);

/* A command line as an array. What looks like a password is replaced: the value of an option with
 * pass, auth, token or secret in its name, and user and password in a URL. */
json_t *facts_command(const char *const *words, size_t count);

struct facts_server {
    int pid;              /* 0: not known */
    const char *greeting; /* what it said when we connected; may be empty */
    const char *label;    /* what the user calls it, NULL: choose */
    const char *version;  /* likewise, NULL: from the greeting */
    const char *protocol;
};

/* Label, version, greeting, command line, CPUs it may use. */
json_t *facts_server(const struct facts_server *server);

#ifdef __cplusplus
}
#endif
#endif
