/*
 * message.h - what hubload writes into a payload, so that it can judge what comes back.
 *
 *    0   7        8      12     14      16      24       28      32
 *   ┌────┬────────┬──────┬──────┬───────┬───────┬────────┬───────┬─────────────── … size
 *   │sent│ stream │ seq  │stream│ check │run+siz│ offset │ ~offs │ fill: pool[offset …]
 *   └────┴────────┴──────┴──────┴───────┴───────┴────────┴───────┴───────────────
 *    intended    bits 16     bits 0      only when size >= 32; else fill starts at 16, offset is 0
 *    time, ns    to 23       to 15
 *
 * With --payload json the same within a JSON object, for servers that look at what they carry: its
 * first 32 bytes as letters, the fill as text.
 *
 *    {"m":"<32 letters: 0 to 16><32 letters: 16 to 32>","t":"<fill>"}
 *
 * The check covers the header of every message. The fill is a range of a pseudo-random pool that
 * both ends can make from the seed, so that comparing it costs a memcmp and no checksum.
 *
 * Threads:     a form is written before threads start, then constant.
 * Limits:      size from MESSAGE_BYTES_MIN, of JSON from MESSAGE_JSON_BYTES_MIN; 2^24 streams; 2^32
 *              messages each; a machine that has been up for less than 2^56 ns, which is two years.
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
    MESSAGE_JSON_BYTES_MIN = 96,
    MESSAGE_JSON_AT = 6, /* of the letters */
};

/* What all messages of a run have in common. */
struct message_form {
    uint64_t run;  /* no other run's messages pass for ours */
    uint8_t *pool; /* owned, MESSAGE_POOL_BYTES */
    bool is_json;
};

struct message_header {
    uint64_t sent_ns; /* when it was meant to be sent, CLOCK_MONOTONIC */
    uint32_t sequence;
    uint32_t stream;
};

/* As it lies in the payload. */
struct message_stamp {
    uint64_t sent_ns : 56;
    uint64_t stream_high : 8;
    uint32_t sequence;
    uint16_t stream_low;
    uint16_t check;
};

void message_form_init(struct message_form *form, uint64_t seed, uint64_t run, bool is_json);
void message_form_free(struct message_form *form);

/* Writes all of a payload of size bytes but what message_stamp writes. Different slots get
 * different fills. */
void message_prepare(const struct message_form *form, uint8_t *payload, uint32_t size,
                     uint32_t slot);

static inline uint16_t message_check(const struct message_form *form,
                                     const struct message_header *header)
{
    uint64_t who = (uint64_t)header->sequence << 24 | header->stream;
    uint64_t mixed = (header->sent_ns ^ form->run) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 29 ^ who) * 0xbf58476d1ce4e5b9u;
    return (uint16_t)(mixed >> 48);
}

/* Bytes at the start of a payload that message_read looks at. */
static inline uint32_t message_head_bytes(const struct message_form *form)
{
    return form->is_json ? MESSAGE_JSON_AT + 2 * MESSAGE_BYTES_MIN : MESSAGE_BYTES_MIN;
}

typedef uint8_t message_block __attribute__((vector_size(16)));

/* Sixteen bytes as letters from a to p: the high halves, then the low ones. */
static inline void message_spell(uint8_t *to, const void *from)
{
    message_block block;
    memcpy(&block, from, sizeof block);
    message_block high = (block >> 4) + 'a';
    message_block low = (block & 15) + 'a';
    memcpy(to, &high, sizeof high);
    memcpy(to + sizeof high, &low, sizeof low);
}

/* The reverse; false: there are other letters. */
static inline bool message_unspell(void *to, const uint8_t *from)
{
    message_block high;
    message_block low;
    memcpy(&high, from, sizeof high);
    memcpy(&low, from + sizeof high, sizeof low);
    high -= 'a';
    low -= 'a';
    message_block block = high << 4 | low;
    message_block others = (high | low) & 0xF0;
    uint64_t words[2];
    memcpy(words, &others, sizeof words);
    memcpy(to, &block, sizeof block);
    return (words[0] | words[1]) == 0;
}

/* Makes a prepared payload one message. */
static inline void message_stamp(const struct message_form *form, uint8_t *payload,
                                 struct message_header header)
{
    struct message_stamp stamp;
    stamp.sent_ns = header.sent_ns & (((uint64_t)1 << 56) - 1);
    stamp.stream_high = (header.stream >> 16) & 255;
    stamp.sequence = header.sequence;
    stamp.stream_low = (uint16_t)header.stream;
    stamp.check = message_check(form, &header);
    if (UNLIKELY(form->is_json)) {
        message_spell(payload + MESSAGE_JSON_AT, &stamp);
    } else {
        memcpy(payload, &stamp, sizeof stamp);
    }
}

/* Of a message whose header is right. */
static inline struct message_header message_header_of(const struct message_stamp *stamp)
{
    struct message_header header;
    header.sent_ns = stamp->sent_ns;
    header.sequence = stamp->sequence;
    header.stream = (uint32_t)stamp->stream_high << 16 | stamp->stream_low;
    return header;
}

/* Returns false when the header is damaged or not of this run. */
static inline bool message_read(const struct message_form *form, const uint8_t *payload,
                                struct message_header *header)
{
    struct message_stamp stamp;
    if (LIKELY(!form->is_json)) {
        memcpy(&stamp, payload, sizeof stamp);
    } else if (!message_unspell(&stamp, payload + MESSAGE_JSON_AT)) {
        return false;
    }
    *header = message_header_of(&stamp);
    return stamp.check == message_check(form, header);
}

/* True when everything behind the stamp is as message_prepare wrote it, for this size. */
MUST_USE bool message_is_intact(const struct message_form *form, const uint8_t *payload,
                                uint32_t size);

static_assert(sizeof(struct message_stamp) == MESSAGE_BYTES_MIN, "the drawing above");

#ifdef __cplusplus
}
#endif
#endif
