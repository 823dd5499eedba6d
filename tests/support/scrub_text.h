/*
 * scrub_text.h - rules from a text, and what they make of a payload, for tests.
 *
 * Threads:     one.
 */
#ifndef RINGHUB_TESTS_SUPPORT_SCRUB_TEXT_H
#define RINGHUB_TESTS_SUPPORT_SCRUB_TEXT_H

#include "core/scrub.h"
#include "core/scrub_conf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* text: a whole file, "scrub { rules [ … ] }". NULL fills error. */
struct scrub_rules *scrub_text_file(const char *text, struct conf_error *error);
/* text: what stands between the brackets of "rules"; it must be right. */
struct scrub_rules *scrub_text_rules(const char *text);

/* A payload without headers through a scrub made for it and freed again: the body that is left,
 * borrowed until the next call; *reason: why it is refused, or NONE. */
struct bytes scrub_text_apply(const char *rules, struct bytes payload, enum scrub_reason *reason);

#ifdef __cplusplus
}
#endif
#endif
