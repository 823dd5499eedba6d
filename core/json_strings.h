/*
 * json_strings.h - which bytes of a well-formed JSON text are inside strings? 64 at a time, a bit each.
 *
 *     struct json_strings strings = {0};                 at the text's first byte
 *     marks = json_strings_next(&strings, text.ptr);     then at text.ptr + JSON_BLOCK, and so on
 *
 * Threads:     plain functions over borrowed bytes.
 * Beware:      JSON_BLOCK bytes are read, so they have to be there.
 */
#ifndef RINGHUB_CORE_JSON_STRINGS_H
#define RINGHUB_CORE_JSON_STRINGS_H

#include "core/scan.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_BLOCK = 4 * SCAN_BLOCK };

/* What the blocks before left behind. */
struct json_strings {
    uint64_t inside; /* all ones: the next byte is inside a string */
    bool is_escaped; /* the next byte follows a backslash */
};

/* The first byte is the lowest bit. */
struct json_marks {
    uint64_t inside; /* from each opening quote up to what precedes its closing one */
    uint64_t opens;  /* brackets outside of strings */
    uint64_t closes;
};

struct json_marks json_strings_next(struct json_strings *strings, const uint8_t *block);

#ifdef __cplusplus
}
#endif
#endif
