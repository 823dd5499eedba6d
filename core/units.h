/*
 * units.h - sizes and durations as people write them.
 *
 * Threads:     plain functions.
 */
#ifndef RINGHUB_CORE_UNITS_H
#define RINGHUB_CORE_UNITS_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes: digits, then k m g t p e (powers of 1000) or kb ki kib … (powers of 1024); any case.
 * Durations: Go's, "1h2m3.5s", "500ms", "10us"; a bare integer is refused. False: not understood
 * or out of range. */
MUST_USE bool units_parse_size(struct bytes text, uint64_t *bytes);
MUST_USE bool units_parse_duration(struct bytes text, uint64_t *ns);

/* 1536 -> "1.5 KiB". Returns text. */
const char *units_size_text(uint64_t bytes, char *text, size_t size);
/* 90000000000 -> "1m30s", as Go prints durations. Returns text. */
const char *units_duration_text(uint64_t ns, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
