/*
 * conf.h - a configuration file in nats-server's format -> a tree of values that know where they
 * stand.
 *
 *   "port: 4222"  ─conf_parse─▶  map ─▶ port: integer 4222 (hub.conf:1:7)
 *   "authorization { user: a }"      └▶ authorization: map ─▶ user: string a (hub.conf:2:25)
 *
 *   file      statements, or one { block } with all of them; JSON works
 *   statement key value | key: value | key = value | include PATH; ended by a line end, ";" or ","
 *   value     "text" with \n \t \r \" \\ \xHH, 'raw text', bare text, ( block of lines ), number,
 *             true false yes no on off, [ array ], { map }, $NAME
 *   number    12, -1, 1.5; 64k = 64000 (k m g t p e), 64kb = 65536 (kb kib ki …)
 *   $NAME     a key given earlier in this block or one around it, else the environment's value,
 *             which is read as a value; a file that is included does not see who includes it
 *   comment   # or // to the end of the line
 *
 * What a file means is not known here: config and the from_conf function of each part ask for what
 * they want, and every complaint begins with file:line:column.
 *
 *   bool x_from_conf(const struct conf_value *block, struct x **x, struct conf_error *error)
 *   {
 *       if (!conf_want(block, CONF_MAP, error) || !conf_check_keys(block, "timeout|user", error))
 *           return false;
 *       const struct conf_value *timeout = conf_get(block, "timeout");
 *       if (timeout != NULL && !conf_duration(timeout, 0, HOUR_NS, &ns, error))
 *           return false;
 *
 * Threads:     one at a time; whoever parses reads.
 * Memory:      a struct conf owns all values and texts until conf_free. The readers of typed values
 *              lend (struct bytes) or copy, as they say.
 * Limits:      below: file bytes, values (counted as often as variables repeat them), nesting.
 * Invariants:  (1) every value of the tree has a file and a line of at least 1. (2) in a map no two
 *              values have the same key, byte for byte; keys are compared in any case when asked
 *              for, and the last one counts.
 */
#ifndef RINGHUB_CORE_CONF_H
#define RINGHUB_CORE_CONF_H

#include "core/base.h"
#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CONF_FILE_BYTES_MAX = 16 << 20, /* of all files together */
    CONF_VALUES_MAX = 1 << 20,
    CONF_DEPTH_MAX = 64,   /* of blocks in blocks */
    CONF_INCLUDE_MAX = 16, /* of files in files */
    CONF_ERROR_MAX = 512,
};

/* One sentence without a line end; from a file, it begins with file:line:column. */
struct conf_error {
    char text[CONF_ERROR_MAX];
};

enum conf_kind {
    CONF_MAP,
    CONF_ARRAY,
    CONF_STRING,
    CONF_INTEGER,
    CONF_FLOAT,
    CONF_BOOL,
    CONF_DATE, /* string holds it as written */
};

struct conf;

struct conf_value {
    enum conf_kind kind;
    bool is_used;  /* a variable referred to it: then it need not be a known key */
    uint32_t line; /* of the value, or of the $NAME that stands for it; counted from 1 */
    uint32_t column;
    uint32_t key_line; /* of the key; those of the array in an array */
    uint32_t key_column;
    const char *file;    /* borrowed from the conf */
    struct conf *owner;  /* for conf_warn */
    struct bytes key;    /* as written, without quotes; the array's in an array; empty: the root */
    struct bytes string; /* no NUL at its end, and none inside unless \x00 was written */
    int64_t integer;
    double real;
    bool boolean;
    struct conf_value **values; /* of a map or an array, in the order of the file */
    uint32_t values_count;
    uint32_t values_capacity;
    uint32_t depth;  /* of blocks below it */
    uint32_t weight; /* values below it and itself, repeated ones repeatedly */
};

/* What a parser must ask the world for. */
struct conf_source {
    void *argument;
    /* All of a file, in memory of memory_alloc that becomes the conf's; NULL: why says why not. */
    char *(*file)(void *argument, const char *path, size_t *size, char *why, size_t why_size);
    /* Of the environment; NULL: not set. */
    const char *(*variable)(void *argument, const char *name);
};

/* NULL fills error. path is asked of source->file, and so is each include, put behind the folder of
 * the file that includes it unless it begins with a slash. */
MUST_USE struct conf *conf_parse(const char *path, const struct conf_source *source,
                                 struct conf_error *error);
/* NULL is fine. */
void conf_free(struct conf *conf);

/* A map. */
const struct conf_value *conf_root(const struct conf *conf);

/* Things that are allowed and deserve a line: index 0, 1, … until NULL. Borrowed from the conf. */
const char *conf_warning(const struct conf *conf, size_t index);
/* Adds one; file:line:column is put in front. */
void conf_warn(const struct conf_value *value, const char *format, ...) PRINTF(2, 3);

/* ---- errors ---------------------------------------------------------------------------------- */

/* A sentence without a place; false, so that callers can return it. */
bool conf_explain(struct conf_error *error, const char *format, ...) PRINTF(2, 3);
/* Puts file:line:column of the value in front, and the key where it has one; false, so that callers
 * can return it. */
bool conf_fail(const struct conf_value *value, struct conf_error *error, const char *format, ...)
    PRINTF(3, 4);
/* The same at the place of its key, without naming it. */
bool conf_fail_key(const struct conf_value *value, struct conf_error *error, const char *format,
                   ...) PRINTF(3, 4);

/* "a string", "a map" … as sentences want it. */
const char *conf_kind_text(enum conf_kind kind);

/* ---- maps ------------------------------------------------------------------------------------ */

/* The last of the map whose key is one of the names, in any case: "password|pass". NULL: none. */
const struct conf_value *conf_get(const struct conf_value *map, const char *names);
/* False: there is a key that is none of the names and that no variable refers to; the error names
 * the nearest. */
MUST_USE bool conf_check_keys(const struct conf_value *map, const char *names,
                              struct conf_error *error);
/* Do both say the same, wherever they stand? NULL: not given. */
bool conf_equal(const struct conf_value *a, const struct conf_value *b);
/* Whether its key is that name, in any case. */
bool conf_key_is(const struct conf_value *value, const char *name);

/* ---- typed values: false fills error with what was found, what is wanted and how to write it - */

MUST_USE bool conf_want(const struct conf_value *value, enum conf_kind kind,
                        struct conf_error *error);
/* Borrowed from the conf. */
MUST_USE bool conf_string(const struct conf_value *value, struct bytes *string,
                          struct conf_error *error);
/* Copied, with a NUL at its end; neither empty nor longer than fits nor with a NUL inside. */
MUST_USE bool conf_text(const struct conf_value *value, char *text, size_t text_size,
                        struct conf_error *error);
MUST_USE bool conf_bool(const struct conf_value *value, bool *boolean, struct conf_error *error);
MUST_USE bool conf_integer(const struct conf_value *value, int64_t min, int64_t max,
                           int64_t *number, struct conf_error *error);
MUST_USE bool conf_uint32(const struct conf_value *value, uint32_t min, uint32_t max,
                          uint32_t *number, struct conf_error *error);
/* Bytes: 65536, 64kb, 1MB. */
MUST_USE bool conf_size(const struct conf_value *value, uint64_t min, uint64_t max, uint64_t *bytes,
                        struct conf_error *error);
/* "2m", "10s", "500ms"; a bare number is seconds, and warned about. */
MUST_USE bool conf_duration(const struct conf_value *value, uint64_t min_ns, uint64_t max_ns,
                            uint64_t *ns, struct conf_error *error);
/* The same where seconds are usual: no warning. */
MUST_USE bool conf_seconds(const struct conf_value *value, uint64_t min_ns, uint64_t max_ns,
                           uint64_t *ns, struct conf_error *error);
/* One of the names, "auto|uring|epoll": its index, in any case. */
MUST_USE bool conf_choice(const struct conf_value *value, const char *names, size_t *chosen,
                          struct conf_error *error);

#ifdef __cplusplus
}
#endif
#endif
