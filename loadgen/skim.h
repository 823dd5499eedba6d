/*
 * skim.h - counting equal frames by their bytes, without reading most of them.
 *
 *   stream:  │frame│frame│frame│frame│frame│fra…        all frames have the same length
 *             └head┘ ─── thrown away by the kernel ───▶  └ head of a later read
 *
 * A head is the bytes up to and including our message header. Its prefix says that the frames are
 * still where they are thought to be, its sequence says how many there must have been. When it is
 * no head, something else came in between: the skim then reads a whole frame's length, finds the
 * next head, and tells what was in between by its length.
 *
 * Threads:     one skim belongs to one connection, hence to one driver.
 * Memory:      owns head_bytes while it is on, and a frame more while it searches.
 * Invariants:  (1) bytes counts from the beginning of a frame; counted of its frames were reported.
 *              (2) searching: held bytes lie behind bytes, without a gap.
 */
#ifndef RINGHUB_LOADGEN_SKIM_H
#define RINGHUB_LOADGEN_SKIM_H

#include "core/bytes.h"
#include "loadgen/message.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SKIM_REST_MAX = 1 << 30,
    /* Bytes. A smaller portion than the least gains little, and one as large as half the window that
     * is left then makes server and generator wait for each other. The most is a sixth of what the
     * kernel lets a socket hold (tcp_rmem). */
    SKIM_PORTION_MIN = 128 * 1024,
    SKIM_PORTION_MAX = 1024 * 1024,
};

/* What all frames of a connection have in common; borrowed. */
struct skim_frame {
    struct bytes prefix;
    uint32_t frame_bytes; /* prefix, payload, trailer */
    struct bytes ping;    /* what a server may say between two frames; empty: nothing */
    const struct message_form *form;
};

struct skim {
    struct skim_frame frame;
    uint64_t bytes;      /* since the beginning of the frame that was looked at last */
    uint64_t counted;    /* frames of them that were reported */
    uint8_t *held;       /* owned; a head, or what is searched */
    uint32_t held_bytes; /* 0 unless searching */
    uint32_t held_capacity;
    bool searching;
};

/* What to ask of the kernel, in this order; 0: nothing. skip and rest are thrown away. */
struct skim_wish {
    uint32_t skip; /* up to the next frame */
    uint32_t keep; /* into skim_room */
    uint32_t rest;
};

/* What came of a wish. */
struct skim_got {
    uint32_t skip;
    uint32_t keep;
    uint32_t rest;
};

enum skim_trouble {
    SKIM_FINE,
    SKIM_DAMAGED, /* a frame where it should be, but not our header */
    SKIM_FOREIGN, /* something came in between that is no ping */
    SKIM_ASTRAY,  /* no frame was found any more */
};

struct skim_found {
    int64_t before; /* frames that ended before the head; below 0: so many were none */
    bool looked;    /* there is a head: header */
    struct message_header header;
    uint64_t after; /* frames that ended behind its beginning, its own included */
    uint32_t pings;
    enum skim_trouble trouble;
};

/* phase: bytes of the next frame that were read already. */
void skim_begin(struct skim *skim, const struct skim_frame *frame, uint32_t phase);
/* Gives back what it holds; all zero afterwards. */
void skim_end(struct skim *skim);

/* Where publishers are at most window messages ahead of the slowest: how many bytes it is worth to wait
 * for before they are read together; 1: read what comes. Most of what a read costs, the acknowledgement that
 * goes back to the server, is the same for many bytes as for few. */
MUST_USE uint32_t skim_portion(const struct skim *skim, uint64_t window);

/* look: a head is wanted, if one is due. */
struct skim_wish skim_wish(const struct skim *skim, bool look);
/* Where wish.keep bytes go. */
uint8_t *skim_room(struct skim *skim);
/* next: the sequence of the next frame, if all reported so far are all there were. */
struct skim_found skim_take(struct skim *skim, struct skim_got got, uint32_t next);

/* Nothing more will come, and of the frames reported surplus were never sent: how many pings are
 * they? Takes them back; 0: they are something else. */
uint32_t skim_close(struct skim *skim, uint64_t surplus);

/* The frame whose head was just found came before, late or twice: it is not to be reported. */
void skim_disown(struct skim *skim, struct skim_found *found);

#ifdef __cplusplus
}
#endif
#endif
