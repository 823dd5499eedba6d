/*
 * plate.h - a run's frames, laid out once for all who hear it, each under a sid of its own.
 *
 *   plate:  MSG news.today 17 128␍␊ … ␍␊MSG news.today 17 128␍␊ … ␍␊
 *                          ▔▔ for the next session only these bytes are set
 *
 * Who shares no frame with anybody has its messages rendered when they are sent. Where a thousand such
 * sessions hear the same run, that is the same text a thousand times but for the sids. So the second of
 * them has a plate made, and the others have their sids set in it. A plate is in one send at a time:
 * several alike are made, for the sends of one batch.
 *
 * Threads:     owner worker only.
 * Memory:      PLATES_BYTES, in which plates are made side by side; where there is no room left, all are
 *              forgotten. It is to stay in the processor's cache, as the kernel reads it once a session.
 * Limits:      runs of less than PLATE_BYTES_MIN are rendered each time: that is as fast.
 * Invariants:  a plate is known by the address of its first message, and made of runs only that the
 *              worker holds until the turn is over; before the next, plates_forget.
 */
#ifndef RINGHUB_CORE_PLATE_H
#define RINGHUB_CORE_PLATE_H

#include "core/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
#ifdef RINGHUB_PLANTED
    PLATE_BYTES_MIN = 1, /* the simulation's runs are short */
#else
    PLATE_BYTES_MIN = 1024,
#endif
    PLATES_BYTES = 256 * 1024,
    PLATES_MAX = 64,
    PLATES_SEEN = 64,
};

struct plate {
    const struct message *first;
    uint8_t *text;
    const uint32_t *ends; /* in text: behind each sid and the space after it */
    uint32_t count;       /* messages */
    uint32_t round;       /* of the batch that took it last */
    uint32_t sid_size;
    bool headers;
};

struct plates {
    uint32_t count;
    uint32_t next;                           /* where to look first */
    uint32_t used;                           /* of bytes */
    uint32_t round;                          /* of this batch of sends; never 0 */
    uint32_t taken;                          /* by it */
    bool has_seen;                           /* seen is not empty */
    const struct message *seen[PLATES_SEEN]; /* that somebody was sent in this turn */
    struct plate plates[PLATES_MAX];
    uint8_t *bytes; /* PLATES_BYTES */
};

struct plates *plates_new(void);
void plates_free(struct plates *plates);

/* The runs they are of may go. */
static inline void plates_forget(struct plates *plates)
{
    if (plates->has_seen) {
        plates->has_seen = false;
        plates->count = 0;
        plates->next = 0;
        plates->used = 0;
        memset(plates->seen, 0, sizeof(plates->seen));
    }
}

/* What was taken has been sent: another batch begins. */
static inline void plates_return(struct plates *plates)
{
    plates->taken = 0;
    plates->round++;
    plates->round += plates->round == 0;
}

enum plates_answer {
    PLATES_NONE, /* to be rendered */
    PLATES_BUSY, /* there is one when this batch is sent */
    PLATES_TAKEN,
};

/* count messages from first on, size bytes in these frames. may_make: the worker holds their run until
 * the turn is over. *text: the frames, until plates_return. */
enum plates_answer plates_take(struct plates *plates, const struct frames *frames,
                               const struct message *first, uint32_t count, uint32_t size,
                               bool may_make, const uint8_t **text);

#ifdef __cplusplus
}
#endif
#endif
