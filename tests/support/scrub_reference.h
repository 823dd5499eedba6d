/*
 * scrub_reference.h - what the scrub should say, by code that is slow, simple, and not the scrub's.
 *
 * Threads:     one.
 * Limits:      texts of up to 4 * REFERENCE_SIZE_MOST bytes; where something is looked for,
 *              REFERENCE_SIZE_MOST, without NUL, one NUL behind them, and without backslashes: of
 *              JSON's escapes the reference knows nothing.
 */
#ifndef RINGHUB_TESTS_SUPPORT_SCRUB_REFERENCE_H
#define RINGHUB_TESTS_SUPPORT_SCRUB_REFERENCE_H

#include "core/finder.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { REFERENCE_SIZE_MOST = 96 };

bool reference_is_utf8(const uint8_t *text, size_t size);
bool reference_is_json(const uint8_t *text, size_t size);

/* Leftmost, then longest, at or behind from. */
bool reference_find(enum finder_kind kind, const uint8_t *text, size_t size, size_t from,
                    struct found *found);

#ifdef __cplusplus
}
#endif
#endif
