/*
 * message.h - what hubload writes into a payload, so that it can judge what comes back.
 *
 *    0        8      12     14      16      24       28      32
 *   ┌────────┬──────┬──────┬───────┬───────┬────────┬───────┬─────────────── … size
 *   │ sent   │ seq  │stream│ check │run+siz│ offset │ ~offs │ fill: pool[offset …]
 *   └────────┴──────┴──────┴───────┴───────┴────────┴───────┴───────────────
 *    intended time, ns              only when size >= 32; else fill starts at 16, offset is 0
 *
 * The check covers the header of every message. The fill is a range of a pseudo-random pool that
 * both ends can make from the seed, so that comparing it costs a memcmp and no checksum.
 *
 * Threads:     a form is written before threads start, then constant.
 * Limits:      size from MESSAGE_BYTES_MIN; 65,536 streams; 2^32 messages each.
 * Beware:      byte order is the machine's: a generator reads only what it wrote itself.
 */
#ifndef RINGHUB_LOADGEN_MESSAGE_H
#define RINGHUB_LOADGEN_MESSAGE_H

#include "core/base.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MESSAGE_BYTES_MIN = 16,
    MESSAGE_HEADER_BYTES = 32,
    MESSAGE_POOL_BYTES = 64 * 1024,
};

/* What all messages of a run have in common. */
struct message_form {
    uint64_t run;  /* no other run's messages pass for ours */
    uint8_t *pool; /* owned, MESSAGE_POOL_BYTES */
};

struct message_header {
    uint64_t sent_ns; /* when it was meant to be sent, CLOCK_MONOTONIC */
    uint32_t sequence;
    uint16_t stream;
    uint16_t check;
};

void message_form_init(struct message_form *form, uint64_t seed, uint64_t run);
void message_form_free(struct message_form *form);

/* Writes all of a payload of size bytes but what message_stamp writes. Different slots get
 * different fills. */
void message_prepare(const struct message_form *form, uint8_t *payload, uint32_t size,
                     uint32_t slot);

static inline uint16_t message_check(const struct message_form *form,
                                     const struct message_header *header)
{
    uint64_t who = (uint64_t)header->sequence << 16 | header->stream;
    uint64_t mixed = (header->sent_ns ^ form->run) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 29 ^ who) * 0xbf58476d1ce4e5b9u;
    return (uint16_t)(mixed >> 48);
}

/* Makes a prepared payload one message. */
static inline void message_stamp(const struct message_form *form, uint8_t *payload,
                                 struct message_header header)
{
    header.check = message_check(form, &header);
    memcpy(payload, &header, sizeof header);
}

/* Returns false when the header is damaged or not of this run. */
static inline bool message_read(const struct message_form *form, const uint8_t *payload,
                                struct message_header *header)
{
    memcpy(header, payload, sizeof *header);
    return header->check == message_check(form, header);
}

/* True when everything behind the stamp is as message_prepare wrote it, for this size. */
MUST_USE bool message_is_intact(const struct message_form *form, const uint8_t *payload,
                                uint32_t size);

static_assert(sizeof(struct message_header) == MESSAGE_BYTES_MIN, "the drawing above");

#ifdef __cplusplus
}
#endif
#endif
