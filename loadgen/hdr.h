/*
 * hdr.h - a record as the bytes and log files that HdrHistogram's tools read.
 *
 *   struct record ─▶ HISTFAAAA… (base64 of a deflated V2 histogram) ─▶ a line of a .hlog file
 *
 * Cell for cell: a record's cells are those of a histogram with 2 significant digits, from 1 to
 * RECORD_NS_MAX. Format: HdrHistogram, V2CompressedHistogram and log version 1.3.
 *
 * Threads:     any; no state.
 * Memory:      what hdr_encode returns is the caller's, for memory_free.
 */
#ifndef RINGHUB_LOADGEN_HDR_H
#define RINGHUB_LOADGEN_HDR_H

#include "loadgen/record.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

char *hdr_encode(const struct record *record);

/* Replaces record. Its sum is then that of the cells' middles, its maximum the end of the last cell
 * in use. False when text is not such a histogram, or one of other cells. */
MUST_USE bool hdr_decode(const char *text, struct record *record);

/* A log: its head, then a line for each interval in the order of time. Seconds are those of the
 * Unix epoch; name says what was measured. */
void hdr_log_begin(FILE *out, const char *name, double begin_s);
void hdr_log_add(FILE *out, double begin_s, double length_s, const struct record *record);

#ifdef __cplusplus
}
#endif
#endif
