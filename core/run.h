/*
 * run.h - the one copy of what was published: consecutive messages of one origin to one subject.
 *
 *   chunk: [ run | subject | message | tail | message | tail | … ]
 *   tail:  what follows "MSG subject sid " on the wire: [reply SP][header_size SP]size CRLF payload CRLF
 *
 * The tail is kept as the publisher wrote it (a size text keeps its leading zeros), so a delivered
 * frame is one copy of a prefix and one copy of the tail.
 *
 * Threads:     written by the worker that made it; read by peers while an envelope holds the
 *              chunk for them. The verdict fields belong to the maker.
 * Memory:      lives in its chunk; run_ref and run_unref count the chunk.
 * Limits:      a run never crosses its chunk; a message larger than a chunk gets one of its size.
 * Invariants:  (1) immutable once closed, verdict fields excepted.
 *              (2) tails_size is the sum of the tails, headers_count the messages with headers.
 */
#ifndef RINGHUB_CORE_RUN_H
#define RINGHUB_CORE_RUN_H

#include "core/bytes.h"
#include "core/chunk.h"

#ifdef __cplusplus
extern "C" {
#endif

struct message {
    uint32_t tail_size;
    uint32_t payload_size; /* headers and body, without the last CRLF */
    uint32_t header_size;  /* 0: no headers */
    uint16_t reply_size;   /* 0: no reply */
    uint8_t header_text_size;
    uint8_t size_text_size;
    /* the tail, padded so that the next message is aligned */
};

struct run {
    struct chunk *chunk;
    uint64_t ingress_ns;
    uint64_t subject_hash; /* the same on all workers */
    uint64_t origin_id;    /* client id of the publisher; 0: the hub itself */
    uint32_t origin_slot;  /* on the worker that made the run */
    uint32_t origin_generation;
    uint32_t account_id;
    uint32_t messages_count;
    uint32_t headers_count;
    uint32_t replies_count;
    uint32_t size;       /* of the whole run in its chunk */
    uint32_t tails_size; /* sum of the tails */
    uint32_t payloads_size;
    uint32_t subject_size;
    uint16_t verdicts_waiting; /* envelopes that have not come home; maker only */
    uint8_t delivered;         /* somebody got it; maker only */
    uint8_t wants_responder;   /* nobody: the origin gets a 503 */
    uint32_t maker;            /* worker; elsewhere the run is gone when its envelope goes home */
    uint8_t sampled; /* its completion is measured when the last verdict is in; maker only */
    /* subject, padded, then messages */
};

/* What a front-end hands in: all views borrowed for the call. */
struct message_in {
    struct bytes subject;
    struct bytes reply;       /* empty: none */
    struct bytes header_text; /* the header size as written; empty: no headers */
    struct bytes size_text;   /* the total size as written */
    struct bytes payload;     /* headers and body */
    uint32_t header_size;
};

static inline size_t run_align(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static inline struct bytes run_subject(const struct run *run)
{
    return bytes_of(run + 1, run->subject_size);
}

static inline const struct message *run_first(const struct run *run)
{
    return (const struct message *)((const uint8_t *)(run + 1) + run_align(run->subject_size));
}

static inline const uint8_t *message_tail(const struct message *message)
{
    return (const uint8_t *)(message + 1);
}

static inline const struct message *message_next(const struct message *message)
{
    return (const struct message *)(message_tail(message) + run_align(message->tail_size));
}

static inline struct bytes message_reply(const struct message *message)
{
    return bytes_of(message_tail(message), message->reply_size);
}

/* Headers and body, without the last CRLF. */
static inline struct bytes message_payload(const struct message *message)
{
    return bytes_of(message_tail(message) + message->tail_size - 2 - message->payload_size,
                    message->payload_size);
}

/* Some of a run's messages, in order. */
struct run_span {
    struct run *run;
    const struct message *first;
    uint32_t count;
};

static inline struct run_span run_whole(struct run *run)
{
    struct run_span span;
    span.run = run;
    span.first = run_first(run);
    span.count = run->messages_count;
    return span;
}

/* Headers and bodies of a span. */
uint64_t run_span_payloads(struct run_span span);

/* Their tails: what a span takes on the wire, subjects and sids not counted. */
uint64_t run_span_tails(struct run_span span);

/* Bytes the messages of a span take where they lie. */
size_t run_span_size(struct run_span span);

/* Bytes a run of one such message takes. */
size_t run_size_first(const struct message_in *in);
/* Bytes one more message takes. */
size_t run_size_more(const struct message_in *in);

/* Starts a run without messages in chunk, which has room for run_size_first. */
struct run *run_start(struct chunk *chunk, struct bytes subject);
/* Appends to the newest run of its chunk; the chunk has room for run_size_more. */
void run_append(struct run *run, const struct message_in *in);
/* Appends copies of messages of another run, which take size bytes (run_span_size), to the newest run
 * of its chunk; the chunk has room for them. Returns the first. */
const struct message *run_extend(struct run *run, struct run_span span, size_t size);
/* Gives the newest run's bytes back to its chunk (nobody refers to it). */
void run_drop(struct run *run);
/* A copy in chunk, which has room for run->size + 8, of a run that may be another worker's; the
 * verdict fields, which its maker may be writing, are left out. */
struct run *run_copy(struct chunk *chunk, const struct run *run, uint32_t maker);

#ifdef __cplusplus
}
#endif
#endif
