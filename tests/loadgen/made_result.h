/*
 * made_result.h - results of hubload, made up by tests, as files in a folder of their own.
 *
 * Include cmocka first.
 */
#ifndef RINGHUB_TESTS_LOADGEN_MADE_RESULT_H
#define RINGHUB_TESTS_LOADGEN_MADE_RESULT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MADE_FILES_MAX = 16 };

struct made_folder {
    char path[64];
    char *names[MADE_FILES_MAX];
    size_t count;
};

static inline int made_folder_open(void **state)
{
    struct made_folder *folder = (struct made_folder *)test_calloc(1, sizeof *folder);
    snprintf(folder->path, sizeof folder->path, "/tmp/test_loadgen.XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) == NULL;
}

static inline int made_folder_close(void **state)
{
    struct made_folder *folder = (struct made_folder *)*state;
    for (size_t i = 0; i < folder->count; i++) {
        unlink(folder->names[i]);
        free(folder->names[i]);
    }
    int result = rmdir(folder->path);
    test_free(folder);
    return result;
}

/* A name for the next file, which goes with the folder. */
static inline char *made_name(struct made_folder *folder)
{
    assert_true(folder->count < MADE_FILES_MAX);
    char **name = &folder->names[folder->count];
    assert_true(asprintf(name, "%s/%zu.json", folder->path, folder->count) > 0);
    folder->count++;
    return *name;
}

/* Writes root, which it takes, and returns the file's name. */
static inline const char *made_write(struct made_folder *folder, json_t *root)
{
    assert_non_null(root);
    const char *name = made_name(folder);
    assert_int_equal(json_dump_file(root, name, 0), 0);
    json_decref(root);
    return name;
}

/* One complete run of a server that makes so many deliveries a second. */
static inline json_t *made_run(double deliveries_per_s)
{
    return json_pack("{s:b, s:b, s:s, s:f, s:{s:f}}", "complete", 1, "interrupted", 0, "verdict",
                     "valid", "deliveries_per_s", deliveries_per_s, "server", "cpu_ns_per_delivery",
                     1e9 / deliveries_per_s);
}

/* A result of fanout with these runs, which it takes. */
static inline json_t *made_result(const char *label, int subscribers, json_t *runs)
{
    json_t *root = json_pack(
        "{s:s, s:i, s:{}, s:{s:s, s:s, s:f}, s:{s:s, s:i, s:i, s:{s:s}}, s:n, s:o}", "format",
        "hubload-result", "version", 1, "tool", "server", "label", label, "version", "1.0",
        "rss_bytes_per_connection", 2048.0, "machine", "kernel", "6.1", "cpus", 2, "memory_bytes",
        1000000000, "mitigations", "meltdown", "Not affected", "failure", "runs", runs);
    json_object_set_new(root, "scenario",
                        json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:f, s:i}", "name",
                                  "fanout", "protocol", "nats", "host", "h", "port", "1", "seed", 1,
                                  "publishers", 1, "subscribers", subscribers, "size", 128, "rate",
                                  0.0, "window_messages", 100 * subscribers));
    return root;
}

#ifdef __cplusplus
}
#endif
#endif
