/*
 * envelope.h - what travels through an inbox.
 *
 *   RUNS        maker ──runs for you──▶ peer ──same node, verdicts filled──▶ maker (free list)
 *   INTEREST    maker ──what I hear now──▶ every peer ──▶ maker (frees the batch with the last)
 *   CONNECTION  acceptor ──fd, address──▶ its worker (frees it)
 *   PROOF       worker ──credentials──▶ helper ──verdict──▶ worker (frees it)
 *   ORDER       the main thread ──stop, lame duck, new settings──▶ worker (frees it)
 *
 * Threads:     an envelope belongs to whoever pushed it last until it is pushed, then to who pops it.
 * Memory:      RUNS: the items' runs are counted references of the maker's, given back when the
 *              envelope is home; until then the peer may read them. The way back allocates nothing.
 * Limits:      ENVELOPE_ITEMS_MAX runs each; the maker's credit per peer bounds the bytes under way.
 */
#ifndef RINGHUB_CORE_ENVELOPE_H
#define RINGHUB_CORE_ENVELOPE_H

#include "core/bytes.h"
#include "core/doorbell.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/metrics.h"
#include "core/mpsc.h"
#include "core/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where other threads leave things for a worker: all that is shared of it. */
struct address;

struct port {
    struct mpsc inbox;
    struct doorbell bell;
    ATOMIC(uint32_t) connections; /* given to it, not refused and not closed yet */
    ATOMIC(uint32_t) stopped;     /* it makes no envelope any more */
};

enum envelope_kind {
    ENVELOPE_RUNS,
    ENVELOPE_INTEREST,
    ENVELOPE_CONNECTION,
    ENVELOPE_ORDER,
    ENVELOPE_PROOF,
};

struct envelope {
    struct mpsc_node node;
    uint16_t kind;
    uint16_t maker; /* worker that gets it back */
    bool returning;
};

enum { ENVELOPE_ITEMS_MAX = 32 };

struct envelope_item {
    struct run *run;
    struct bytes group; /* a member of this queue group is to be picked; empty: none */
    uint64_t tried;     /* workers that were asked for this group before */
    uint32_t delivered; /* by the peer: sessions reached, the group's member included */
    bool plain;         /* match plain subscriptions */
    bool group_empty;   /* by the peer: no member could take it */
};

struct run_envelope {
    struct envelope envelope; /* first */
    uint32_t items_count;
    size_t bytes;  /* of its runs: the credit it uses */
    uint16_t peer; /* who sends it home */
    /* In the maker's ready or free list, or by the peer until its flush is done. */
    struct list held;
    struct envelope_item items[ENVELOPE_ITEMS_MAX];
};

/* GATE: no interest, but publishers of what it matches are held back while it is there. */
enum interest_kind { INTEREST_LITERAL, INTEREST_WILDCARD, INTEREST_GROUP, INTEREST_GATE };

/* One change; pattern and queue name follow, padded to 8. */
struct interest_record {
    uint64_t hash; /* LITERAL: of account and subject; INTEREST_HASH_BITS of it count */
    uint32_t account_id;
    uint32_t pattern_size; /* 0 for LITERAL */
    uint16_t queue_size;   /* 0 unless GROUP */
    uint8_t kind;
    uint8_t
        adds; /* else removes. LITERAL: the first and the last subject of these bits; WILDCARD: the
               * first and the last subscription; GROUP: each member */
};

static inline size_t interest_record_size(const struct interest_record *record)
{
    return sizeof(*record) + run_align((size_t)record->pattern_size + record->queue_size);
}

struct interest_batch {
    uint32_t waiting; /* envelopes under way; the maker's */
    uint32_t records_size;
    const uint8_t *records;
};

struct interest_envelope {
    struct envelope envelope; /* first */
    struct interest_batch *batch;
};

struct connection_envelope {
    struct envelope envelope; /* first */
    int fd;
    enum close_reason refuse; /* not CLOSE_CLIENT: greet, say so, close */
    struct address *address;  /* a place of it; NULL: they are not counted */
    uint16_t peer_port;
    uint64_t client_id;
    char peer_host[64]; /* numeric */
};

enum order_kind { ORDER_STOP, ORDER_STOP_NOW, ORDER_LAME_DUCK, ORDER_ANSWER, ORDER_SETTINGS };

struct order_envelope {
    struct envelope envelope; /* first */
    enum order_kind order;
    void *argument; /* ANSWER: the struct answer, see io/answer.h; SETTINGS: the new ones */
};

#ifdef __cplusplus
}
#endif
#endif
