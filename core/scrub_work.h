/*
 * scrub_work.h - one rule at work on one message.
 *
 * Threads:     one worker's.
 * Memory:      owns what steps need: two drafts, a parser, scratch for patterns. All of it grows to
 *              the largest payload seen and stays.
 * Limits:      a cleaning step is repeated until it finds nothing more, SCRUB_ROUNDS_MAX times; a
 *              text that has not settled then was made to be like that, and is refused.
 */
#ifndef RINGHUB_CORE_SCRUB_WORK_H
#define RINGHUB_CORE_SCRUB_WORK_H

#include "core/scrub_rules.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SCRUB_ROUNDS_MAX = 8 };

/* Why a rule refuses a message. */
enum scrub_reason {
    SCRUB_REASON_NONE,
    SCRUB_REASON_SIZE,
    SCRUB_REASON_UTF8,
    SCRUB_REASON_CONTROL,
    SCRUB_REASON_JSON,
    SCRUB_REASON_DEPTH,
    SCRUB_REASON_SCHEMA,
    SCRUB_REASON_MUST,
    SCRUB_REASON_MUST_NOT,
    SCRUB_REASON_HEADERS,        /* no well-formed block */
    SCRUB_REASON_HEADER_MISSING, /* a required one */
    SCRUB_REASON_HEADER_VALUE,   /* not of the allowed set */
    SCRUB_REASON_HEADER_OTHER,   /* a header that is none of those allowed */
    SCRUB_REASON_GREW,           /* cleaned, it would be larger than max_payload */
    SCRUB_REASON_UNSETTLED,
    SCRUB_REASONS,
};

/* What a rule cleaned, as bits. */
enum scrub_cleaned {
    SCRUB_CLEANED_UTF8 = 1,
    SCRUB_CLEANED_CONTROL = 2,
    SCRUB_CLEANED_TRIM = 4,
    SCRUB_CLEANED_MINIFY = 8,
    SCRUB_CLEANED_FIELDS = 16,
    SCRUB_CLEANED_MASK = 32,
    SCRUB_CLEANED_HEADERS = 64,
};

struct scrub_outcome {
    enum scrub_reason reason; /* NONE: not refused */
    uint32_t cleaned;         /* SCRUB_CLEANED_… */
    const char *detail;       /* the schema's keyword, or NULL; static text */
};

struct scrub_work;

struct scrub_work *scrub_work_new(const struct scrub_rules *rules);
void scrub_work_free(struct scrub_work *work);

/* limit: bytes headers and body may have together. header: empty: none. */
void scrub_work_begin(struct scrub_work *work, struct bytes header, struct bytes body,
                      size_t limit);
/* What is left by the rules so far; borrowed until the next begin. */
struct bytes scrub_work_header(const struct scrub_work *work);
struct bytes scrub_work_body(const struct scrub_work *work);

/* An observer's work is undone. */
struct scrub_outcome scrub_work_rule(struct scrub_work *work, const struct scrub_rule *rule);

#ifdef __cplusplus
}
#endif
#endif
