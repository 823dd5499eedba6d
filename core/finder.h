/*
 * finder.h - where in a text are an e-mail address, a card number, an address, a token, a phone
 * number?
 *
 *   email   local@domain.tld         letters beyond ASCII count as letters
 *   card    13 to 19 digits, alone or 4 and then groups of 3 to 6 with a blank or "-" between, of a
 *           prefix that cards have, with a correct check digit
 *   ipv4    four numbers up to 255   ipv6   as RFC 4291 writes them, also with an IPv4 at the end
 *   bearer  the token behind the word Bearer: 8 or more letters with something else among them, or
 *           20 and more
 *   phone   "+" and 8 to 15 digits; or (415) 555-2671, 415-555-2671, 1 415 555 2671
 *
 * Each is looked for in the bytes as they are; of JSON's escapes it knows where they end, so that
 * "\n4111…" is a card number behind a line feed, and no edit cuts an escape.
 *
 * Threads:     pure functions.
 * Limits:      time grows with the text and nothing else.
 * Invariants:  (1) the leftmost is found first, and then the longest.
 */
#ifndef RINGHUB_CORE_FINDER_H
#define RINGHUB_CORE_FINDER_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the order in which masks are applied. */
enum finder_kind {
    FINDER_EMAIL,
    FINDER_BEARER,
    FINDER_CARD,
    FINDER_IPV6,
    FINDER_IPV4,
    FINDER_PHONE,
    FINDER_KINDS,
};

struct found {
    size_t from;
    size_t to;
};

/* The first at or behind `from`, which is 0 or the end of the one before. */
MUST_USE bool finder_next(enum finder_kind kind, struct bytes text, size_t from,
                          struct found *found);

/* "email", as configuration and metrics say it. */
const char *finder_name(enum finder_kind kind);

#ifdef __cplusplus
}
#endif
#endif
