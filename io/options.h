/*
 * options.h - what is printed about the options and then the program ends: help, version.
 *
 * Threads:     main thread, before others exist.
 */
#ifndef RINGHUB_IO_OPTIONS_H
#define RINGHUB_IO_OPTIONS_H

#include "core/base.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Started under nats-server's name: then what harnesses parse reads as that program prints it. */
bool options_is_nats_server(const char *name);

void options_print_help(FILE *out, const char *name);

/* "ringhub: v0.1.0 (speaks as nats-server 2.12.8)", or "nats-server: v2.12.8" under that name:
 * harnesses read the version off the second form to decide what to test. */
void options_print_version(FILE *out, const char *name);

#ifdef __cplusplus
}
#endif
#endif
