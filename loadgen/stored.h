/*
 * stored.h - a result read back from its file, and whether two of them may be compared at all.
 *
 * Threads:     any; no state.
 * Memory:      owns its JSON; borrows the path.
 */
#ifndef RINGHUB_LOADGEN_STORED_H
#define RINGHUB_LOADGEN_STORED_H

#include "core/base.h"

#include <jansson.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stored {
    const char *path;
    json_t *root;
};

/* Reads and checks the form. Returns false with a sentence in error. */
MUST_USE bool stored_load(struct stored *stored, const char *path, char *error, size_t error_bytes);
void stored_free(struct stored *stored);

struct metric;

size_t stored_runs_count(const struct stored *stored);
const json_t *stored_run(const struct stored *stored, size_t index);

/* When measuring began, seconds of the Unix epoch; NAN when the run does not say. */
double stored_run_begin_s(const struct stored *stored, size_t index);

/* How many values of a metric there are at most, and each; NAN where it was not measured. */
size_t stored_values_count(const struct stored *stored, const struct metric *metric);
double stored_value(const struct stored *stored, const struct metric *metric, size_t index);

/* Why this result is not one: a sentence, or NULL when all of it was delivered. */
const char *stored_fault(const struct stored *stored);
/* Runs in which the generator was the bottleneck, or may have been. */
size_t stored_bound_count(const struct stored *stored);

/* Name and version of the server, such as "nats-server 2.9.10". */
void stored_server(const struct stored *stored, char *text, size_t bytes);
/* The scenario in a line, such as "fanout: 1 publisher, 100 subscribers, 128 bytes, closed loop". */
void stored_scenario(const struct stored *stored, char *text, size_t bytes);
/* What it shares with the same scenario for other numbers of subscribers. */
void stored_family(const struct stored *stored, char *text, size_t bytes);
bool stored_is_open_loop(const struct stored *stored);

/* Write a line "  key: one here, another there" for each difference that matters, and return their
 * number. Of the scenario all keys matter but protocol, host, port and seed: the same scenario may
 * run against different servers. Of the machine: kernel, CPU, memory, mitigations. out may be NULL. */
size_t stored_unlike_scenario(const struct stored *a, const struct stored *b, FILE *out);
/* True when they differ at most in the number of subscribers, and in the window that follows it. */
bool stored_is_family(const struct stored *a, const struct stored *b);
size_t stored_unlike_machine(const struct stored *a, const struct stored *b, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
