/*
 * churner.h - a connection whose subscriptions come and go, beside the measured traffic.
 *
 *   due ─▶ SUB next, UNSUB last, … PING ─▶ PONG: all before it are done, and it took so long
 *
 * Open loop: due times come from the rate alone. A server that falls behind by CHURNER_BEHIND_MAX is
 * waited for; what was not done then is missing in done.
 *
 * Threads:     owner driver only.
 * Memory:      borrows client and course.
 */
#ifndef RINGHUB_LOADGEN_CHURNER_H
#define RINGHUB_LOADGEN_CHURNER_H

#include "loadgen/client.h"
#include "loadgen/record.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CHURNER_BEHIND_MAX = 4096 };

/* What a driver's churners did in a run, while measuring. */
struct churner_figures {
    uint64_t done;           /* subscriptions that came and went, confirmed */
    uint64_t heard;          /* deliveries in between */
    struct record confirmed; /* from the oldest due time of a batch until its PONG */
};

struct churner {
    struct client *client;
    struct course *course;
    struct churner_figures *figures;
    uint64_t number;  /* of the next subscription; goes on from run to run */
    uint64_t count;   /* due so far in this run */
    uint64_t due_ns;  /* of the next one */
    bool lives;       /* the subscription before number */
    bool asked;       /* a PING is under way */
    uint64_t covered; /* subscriptions before that PING */
    uint64_t asked_ns;
    uint64_t unasked; /* subscriptions behind it */
    uint64_t unasked_ns;
};

void churner_init(struct churner *churner, struct course *course, struct client *client,
                  struct churner_figures *figures);
/* The connection is a new one: forgets what the old one did not take. */
void churner_again(struct churner *churner);

void churner_start(struct churner *churner);

/* Does what is due. Returns the time to be called again, UINT64_MAX: something else must happen. */
MUST_USE uint64_t churner_turn(struct churner *churner, uint64_t now_ns);

/* Takes one read. Returns CLIENT_REFUSED when the server complained, then event holds the text;
 * CLIENT_NOTHING else. */
MUST_USE enum client_news churner_take(struct churner *churner, struct bytes bytes, uint64_t now_ns,
                                       struct codec_event *event);

#ifdef __cplusplus
}
#endif
#endif
