/*
 * nats_parse.h - which verb is next in a NATS client's bytes?
 *
 *   received bytes ──nats_parse──▶ NATS_VERB       a verb that borrows the bytes
 *                                  NATS_NEED_MORE  drop *consumed bytes, keep the rest, read on
 *                                  NATS_ERROR      parser->error says why; the connection ends
 *
 *   PUB orders.new  rep  5 CR LF h e l l o CR LF
 *       └ subject ┘ └ reply      └ payload ┘
 *                   └────────── tail ───────────┘
 *
 * Threads:     a parser belongs to one session.
 * Memory:      allocates nothing. A verb borrows from the view it was parsed from.
 * Limits:      max_control_line bounds the argument bytes of a line (what follows the operation and
 *              its white space, without the line end); max_payload bounds what PUB and HPUB
 * declare. So what a caller has to keep of an unfinished verb never exceeds max_control_line +
 *              max_payload + 4 bytes. White space in front of arguments and what follows PING is
 *              consumed as it comes, however long.
 * Invariants:  (1) However a byte stream is cut into calls, the verbs and the error are the same.
 *              (2) Between calls the caller keeps exactly the bytes not consumed, and puts them,
 *                  whole and unchanged, at the start of the next view.
 *              (3) Work per new piece of a payload is constant: the control line is parsed once.
 * Beware:      a CR that is not followed by LF is an ordinary byte of its token.
 */
#ifndef RINGHUB_CORE_PROTO_NATS_PARSE_H
#define RINGHUB_CORE_PROTO_NATS_PARSE_H

#include "core/run.h"

#ifdef __cplusplus
extern "C" {
#endif

enum nats_verb_kind {
    NATS_CONNECT, /* json */
    NATS_PUB,     /* subject, reply, size_text, payload, tail */
    NATS_HPUB,    /* as NATS_PUB, and hdr_size, hdr_size_text */
    NATS_SUB,     /* subject, queue, sid */
    NATS_UNSUB,   /* sid, max */
    NATS_PING,
    NATS_PONG,
    NATS_OK,   /* a client may say +OK; it means nothing */
    NATS_INFO, /* json; a client may say it: nats_connect_check_info, then ignore */
};

/* Fields not listed beside the kind are unspecified. Absent optional ones (reply, queue) are empty;
 * a present one never is. Without a verb, subject alone is specified: of a PUB or HPUB whose line is
 * good and whose payload is not there, or wrong; else empty. */
struct nats_verb {
    enum nats_verb_kind kind;
    uint32_t max; /* UNSUB: 0 is "now", which is also what a bad number means */
    union {
        struct message_in
            message; /* of PUB and HPUB: as the hub takes it, so that it is not copied */
        struct {
            struct bytes subject;
            struct bytes reply;
            struct bytes
                hdr_size_text; /* as the client wrote them; forwarded unchanged. PUB: empty */
            struct bytes size_text;
            struct bytes payload; /* headers and body; its size is the verb's total size */
            uint32_t hdr_size; /* HPUB: the header block's bytes, at the start of payload. PUB: 0 */
        };
    };
    struct bytes queue;
    struct bytes sid;
    struct bytes tail; /* what follows "MSG subject sid " (PUB) or "HMSG subject sid " (HPUB) in
                        * a delivery: [reply SP] [hdr_size SP] size CR LF payload CR LF, where
                        * the client wrote just that. Empty where it did not (runs of white
                        * space, bare LF, HPUB with hdr_size 0, which is delivered as MSG). */
    struct bytes json;
};

static_assert(offsetof(struct nats_verb, hdr_size_text) ==
                  offsetof(struct nats_verb, message.header_text),
              "a verb is a message");
static_assert(offsetof(struct nats_verb, hdr_size) ==
                  offsetof(struct nats_verb, message.header_size),
              "a verb is a message");

enum nats_error {
    NATS_ERROR_NONE,
    NATS_ERROR_UNKNOWN_OPERATION, /* -ERR 'Unknown Protocol Operation' */
    NATS_ERROR_ARGUMENTS,         /* bad argument count or size, HPUB without headers: no -ERR */
    NATS_ERROR_PEER,              /* the client sent -ERR: no -ERR in return */
    NATS_ERROR_CONTROL_LINE,      /* -ERR 'maximum control line exceeded' */
    NATS_ERROR_PAYLOAD,           /* -ERR 'Maximum Payload Violation' */
    NATS_ERROR_AUTHORIZATION,     /* -ERR 'Authorization Violation': connect_required was set */
};

enum nats_result { NATS_VERB, NATS_NEED_MORE, NATS_ERROR };

/* Where the parser stands inside a verb. */
struct nats_parse_place {
    uint8_t state;
    uint8_t operation;
    uint8_t operation_matched; /* bytes of its name seen */
    uint32_t scanned;          /* argument bytes known to hold no LF */
};

struct nats_parser {
    /* The caller's, may change between verbs. */
    uint32_t max_control_line;
    int64_t max_payload;   /* -1: no limit */
    bool headers;          /* may the client HPUB? else NATS_ERROR_ARGUMENTS. True after init */
    bool connect_required; /* only CONNECT may be next. False after init */

    /* Results, valid after the call that set them. */
    enum nats_error error; /* NATS_ERROR */
    uint64_t needed; /* NATS_NEED_MORE: unconsumed bytes plus new ones that complete the verb, where
                      * that is known (PUB and HPUB after their line), else 0 */

    /* The unfinished verb; the parser's own. Offsets count from the first unconsumed byte. */
    struct nats_parse_place now;
    struct nats_parse_place before; /* the last call */
    struct {
        uint32_t line_size; /* control line, LF included: where the payload begins */
        uint32_t subject_at, subject_size;
        uint32_t reply_at, reply_size;
        uint32_t hdr_at, hdr_text_size, hdr_size;
        uint32_t size_at, size_text_size, size;
        bool verbatim; /* tail can be taken as it stands */
    } publish;
};

/* At a verb boundary, with headers allowed and CONNECT not required. */
void nats_parser_init(struct nats_parser *parser, uint32_t max_control_line, int64_t max_payload);

/* Parses one verb from the start of in. *consumed is set for every result: NATS_VERB: the bytes of
 * the verb; NATS_NEED_MORE: bytes that are done with (often 0); NATS_ERROR: 0. After NATS_ERROR the
 * parser may not be used again. An empty view gives NATS_NEED_MORE. */
MUST_USE enum nats_result nats_parse(struct nats_parser *parser, struct bytes in,
                                     struct nats_verb *verb, size_t *consumed);

/* Takes back the verb that the last call gave, for a caller that cannot accept it yet and consumes
 * nothing of it: the next call gets the same bytes and gives the same verb. Starting afresh would
 * not do, for earlier calls may have consumed the verb's name. */
void nats_parser_undo(struct nats_parser *parser);

/* True between verbs: nothing is held of an unfinished one. */
bool nats_parser_is_idle(const struct nats_parser *parser);

/* The words of the -ERR, without quotes; NULL where the connection closes without one. */
const char *nats_error_text(enum nats_error error);

#ifdef __cplusplus
}
#endif
#endif
