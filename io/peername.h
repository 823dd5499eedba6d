/*
 * peername.h - who is at the other end of a socket?
 *
 * Apart from the loop, because the simulation has its own answer (tests/sim).
 */
#ifndef RINGHUB_IO_PEERNAME_H
#define RINGHUB_IO_PEERNAME_H

#include "core/base.h"
#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PEERNAME_TEXT_MAX = 46 }; /* INET6_ADDRSTRLEN */

/* Writes the peer's numeric address; an IPv4 address mapped into IPv6 is shown as IPv4. address: the
 * sockaddr that accept(2) told; empty: the kernel is asked. Returns the port; text is empty and the
 * port 0 when nobody knows: the peer is gone already. */
uint16_t peername_of(int fd, struct bytes address, char text[PEERNAME_TEXT_MAX]);

#ifdef __cplusplus
}
#endif
#endif
