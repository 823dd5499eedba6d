/*
 * addresses.h - how many connections does each address have?
 *
 *   acceptor ── addresses_join ──▶ address: count + 1 ──with the connection──▶ its worker
 *                                          count - 1 ◀── address_leave ── at its end
 *
 * Threads:     addresses_*: the acceptor's only. address_leave: any worker.
 * Memory:      an address lives at least as long as it has a connection; those without are swept by
 *              the acceptor when it meets new ones.
 * Limits:      entries: at most twice the addresses with connections, and ADDRESSES_SPARE.
 */
#ifndef RINGHUB_CORE_ADDRESSES_H
#define RINGHUB_CORE_ADDRESSES_H

#include "core/base.h"
#include "core/bytes.h"
#include "core/table.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ADDRESSES_SPARE = 64, ADDRESS_TEXT_MAX = 64 };

struct address {
    ATOMIC(uint32_t) connections;
    char text[ADDRESS_TEXT_MAX];
};

struct addresses {
    struct table table;
    uint64_t hash_key;
    uint32_t sweep_at; /* entries */
};

void addresses_init(struct addresses *addresses, uint64_t hash_key);
/* No connection may be left. */
void addresses_free(struct addresses *addresses);

/* One more from there; NULL: it has `most` already. */
MUST_USE struct address *addresses_join(struct addresses *addresses, const char *text,
                                        uint32_t most);
void address_leave(struct address *address);

#ifdef __cplusplus
}
#endif
#endif
