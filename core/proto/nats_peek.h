/*
 * nats_peek.h - which subject is published next, and how far does that publish go?
 *
 *   PUB orders.new  rep  5 CR LF h e l l o CR LF PUB …
 *       └ subject ┘                              └ peek->size bytes further
 *
 * A guess for those who want to know early what nats_parse will say: it knows the common spelling
 * only, and no limit.
 *
 * Threads:     plain values.
 * Memory:      allocates nothing; the subject is borrowed.
 * Invariants:  (1) What nats_parse takes for a verb, and nats_peek for a publish, is a publish of so
 *                  many bytes.
 */
#ifndef RINGHUB_CORE_PROTO_NATS_PEEK_H
#define RINGHUB_CORE_PROTO_NATS_PEEK_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nats_peek {
    struct bytes subject;
    size_t size; /* of the whole publish, which may not be there yet */
};

/* Does in begin with a PUB or HPUB whose line is there? */
MUST_USE bool nats_peek(struct bytes in, struct nats_peek *peek);

#ifdef __cplusplus
}
#endif
#endif
