/* peername.c - what accept(2) or getpeername(2) says, as text. */
#include "io/peername.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static_assert(PEERNAME_TEXT_MAX >= INET6_ADDRSTRLEN, "every address fits");

uint16_t peername_of(int fd, struct bytes address, char text[PEERNAME_TEXT_MAX])
{
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof(storage);
    text[0] = '\0';
    if (address.size > 0) {
        memcpy(&storage, address.ptr, MIN_OF(address.size, sizeof(storage)));
    } else if (getpeername(fd, (struct sockaddr *)&storage, &size) != 0) {
        return 0;
    }
    if (storage.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &storage, sizeof(v4));
        (void)inet_ntop(AF_INET, &v4.sin_addr, text, PEERNAME_TEXT_MAX);
        return ntohs(v4.sin_port);
    }
    if (storage.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, &storage, sizeof(v6));
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
            (void)inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, PEERNAME_TEXT_MAX);
        } else {
            (void)inet_ntop(AF_INET6, &v6.sin6_addr, text, PEERNAME_TEXT_MAX);
        }
        return ntohs(v6.sin6_port);
    }
    return 0;
}
