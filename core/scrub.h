/*
 * scrub.h - what happens to one message before anybody sees it: pass, replace or refuse.
 *
 * Applied once a message on the publisher's worker, before it becomes part of a run.
 *
 * Threads:     a scrub belongs to one worker; its rules are immutable after scrub_init.
 * Memory:      a replacement is borrowed until the next call.
 * Limits:      a replacement never exceeds the limit the caller names.
 */
#ifndef RINGHUB_CORE_SCRUB_H
#define RINGHUB_CORE_SCRUB_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum scrub_verdict { SCRUB_PASS, SCRUB_REPLACE, SCRUB_REFUSE };

enum scrub_action { SCRUB_ACTION_REPLACE, SCRUB_ACTION_REFUSE };

/* Where a body holds `find`: every occurrence becomes `put`, or the message is refused. Borrowed as
 * long as the scrub lives. */
struct scrub_rule {
    struct bytes subject; /* pattern */
    struct bytes find;    /* not empty */
    struct bytes put;
    enum scrub_action action;
};

struct scrub {
    const struct scrub_rule *rules;
    size_t rules_count;
    uint8_t *text;
    size_t text_capacity;
};

void scrub_init(struct scrub *scrub, const struct scrub_rule *rules, size_t rules_count);
void scrub_free(struct scrub *scrub);

/* body: the payload without its headers; limit: bytes a replacement may have. REPLACE fills
 * *replacement. A replacement that would pass the limit is a refusal. */
MUST_USE enum scrub_verdict scrub_apply(struct scrub *scrub, struct bytes subject,
                                        struct bytes body, size_t limit, struct bytes *replacement);

#ifdef __cplusplus
}
#endif
#endif
