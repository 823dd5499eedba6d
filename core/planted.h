/*
 * planted.h - mistakes that the simulation must find. In every other build they cannot be made.
 *
 * Threads:     planted_bugs is set before a simulation starts; the simulation has one thread.
 */
#ifndef RINGHUB_CORE_PLANTED_H
#define RINGHUB_CORE_PLANTED_H

#include "core/base.h"

enum planted_bug {
    PLANTED_PARSE_BEFORE_DRAIN,  /* bytes are parsed before the inbox is drained */
    PLANTED_FLUSH_BEFORE_PUSH,   /* bytes leave before envelopes and interest are pushed */
    PLANTED_SKIP_HALF_LINKED,    /* a drain gives up where a push is half linked */
    PLANTED_SILENCE_ON_OVERFLOW, /* an overflowing completion queue is taken for success */
    PLANTED_LOST_REPICK,         /* a queue message whose member left is not picked again */
    PLANTED_EARLY_FREE,          /* a session that blocks takes no references */
    PLANTED_NO_SETTLE,           /* membership changes while extents wait in the journal */
    PLANTED_SHORT_IS_FULL,       /* a short send counts as a whole one */
    PLANTED_FORGET_DOORBELL,     /* a push does not ring */
    PLANTED_INTEREST_LOST,       /* the second subscription of a subject removes the interest */
    PLANTED_MAX_OFF_BY_ONE,      /* UNSUB with a maximum delivers one too many */
    PLANTED_ECHO,                /* a no-echo session hears itself */
    PLANTED_CREDIT_LEAK,         /* a returned envelope gives no credit back */
    PLANTED_CONTROL_FIRST,       /* a PONG overtakes the messages before it */
    PLANTED_ECHO_EARLY,          /* CONNECT's echo counts for messages published before it */
    PLANTED_REPICK_DANGLES,      /* a message picked again at home is not held */
    PLANTED_NO_RESUME,           /* credit comes back and nobody goes on */
    PLANTED_SAVE_FORGETS_SENT,   /* a saved session sends the start of a frame again */
    PLANTED_SAVE_FORGETS_COUNT,  /* a saved subscription counts towards its maximum anew */
    PLANTED_LAYOUTS_MIXED,       /* sessions with and without headers share an audience */
    PLANTED_LOST_503,            /* a verdict of nobody from elsewhere is not told */
    PLANTED_SCRUB_SIZE,          /* a scrubbed message keeps its old size text */
    PLANTED_DRAIN_ONE,           /* a drain ends after one envelope */
    PLANTED_CURSOR_BEHIND,       /* who falls behind starts at the piece, not at what it took */
    PLANTED_END_BEFORE_INPUT,    /* FIN ends a session whose input is paused */
    PLANTED_LOST_WRITABLE,       /* the socket has room and nobody is told */
    PLANTED_DROP_BEGUN,          /* a policy drops a message of which a part was sent */
    PLANTED_DROP_UNCOUNTED,      /* a policy drops, and does not count the last one */
    PLANTED_LATEST_OLDEST,       /* of a subject the oldest message is kept, not the newest */
    PLANTED_GATE_STAYS,          /* a subscriber that caught up keeps its publishers waiting */
    PLANTED_TWIN_SILENCED,       /* a subject takes the interest of its hash along */
    PLANTED_TWIN_WHOLE,          /* and is told from others by more of a hash than others know */
    PLANTED_HEARS_DENIED,        /* a subscription hears what its user may not */
    PLANTED_LOST_PROOF,          /* a verdict comes back and nobody goes on */
    PLANTED_STALE_ANSWERS,       /* what a user might publish before a reload he may after it */
    PLANTED_ANSWER_TWICE,        /* a reply may be answered once more than allowed */
    PLANTED_RATE_UNCOUNTED,      /* a message over its rate is dropped, and not counted */
    PLANTED_TRAIL_GAP,        /* a stalled session that missed a piece of its trail goes on in it */
    PLANTED_BACKLOG_GAP,      /* a stalled session that missed a piece of a backlog goes on in it */
    PLANTED_STAYS_BEHIND,     /* who publishes to itself and has read its share does not go on */
    PLANTED_KEPT_AGAIN,       /* members in step hear what a kept tail held before */
    PLANTED_PLATE_SID,        /* frames of one session carry the sid of another */
    PLANTED_ROOM_TWICE,       /* an audience is put where one lies that frames still wait for */
    PLANTED_GATHER_UNDRAINED, /* what came while a turn parsed is parsed as if the drain covered it */
    PLANTED_GATHER_READS_ON, /* sockets are read between a drain that met half a push and its end */
    PLANTED_BUGS_COUNT,
};

#ifdef RINGHUB_PLANTED
extern uint64_t planted_bugs; /* a bit each */
#define PLANTED(bug) ((planted_bugs >> (bug)) & 1u)

/* No mistake: what is left of every hash of a subject, so that different ones have the same. */
extern uint64_t planted_hash_mask;
#define PLANTED_HASH(hash) ((hash)&planted_hash_mask)
#else
#define PLANTED(bug)       0
#define PLANTED_HASH(hash) (hash)
#endif

#endif
