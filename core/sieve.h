/*
 * sieve.h - which kinds of finder.h can a text hold at all? One look at every byte instead of one a
 * kind.
 *
 * Most texts hold nothing, and many of them nothing that looks like it: no @, no three colons close
 * together, no long number of digits. A kind needs more than that to be found, so the finder goes
 * on from here.
 *
 * Threads:     a pure function.
 * Limits:      reads nothing outside the text; time grows with it and nothing else.
 * Invariants:  (1) a kind that finder_next finds in the text is among those it can hold.
 */
#ifndef RINGHUB_CORE_SIEVE_H
#define RINGHUB_CORE_SIEVE_H

#include "core/finder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bits of finder_kind, of those in kinds. */
uint32_t sieve_kinds(struct bytes text, uint32_t kinds);

#ifdef __cplusplus
}
#endif
#endif
