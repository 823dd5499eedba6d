/* listener.c - resolves the host, binds every address to one port, says what is wrong. */
#include "io/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 65535,          /* the kernel lowers it to net.core.somaxconn */
    RANDOM_PORT_ATTEMPTS = 32 /* a port free in one family can be taken in the other */
};

/* One address to bind; a union, so that no cast changes the alignment. */
union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
};

struct target {
    union address address;
    socklen_t size;
};

const char *listener_host_port(const char *host, uint16_t port, char *text, size_t size)
{
    snprintf(text, size, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
    return text;
}

static bool same_host(const union address *a, const union address *b)
{
    if (a->any.sa_family != b->any.sa_family) {
        return false;
    }
    if (a->any.sa_family == AF_INET) {
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    }
    return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0 &&
           a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}

/* Appends the answers of one family that are not there yet. */
static size_t collect(const struct addrinfo *answers, int family, struct target *targets,
                      size_t count)
{
    for (const struct addrinfo *a = answers; a != NULL && count < LISTENER_FDS_MAX;
         a = a->ai_next) {
        if (a->ai_family != family || a->ai_addrlen > sizeof(union address)) {
            continue;
        }
        struct target *target = &targets[count];
        memset(target, 0, sizeof(*target));
        memcpy(&target->address, a->ai_addr, a->ai_addrlen);
        target->size = a->ai_addrlen;
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            known = known || same_host(&targets[i].address, &target->address);
        }
        count += known ? 0 : 1;
    }
    return count;
}

/* Returns the number of addresses, 0 with a reason. IPv4 first: it is what "localhost" means to
 * most clients, and the first address names the port. */
static size_t resolve(const char *host, struct target *targets, char *why, size_t why_size)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *answers = NULL;
    int error = getaddrinfo(host, "0", &hints, &answers);
    if (error != 0) {
        snprintf(why, why_size,
                 "cannot listen on \"%s\": %s; give an address of this machine with -a", host,
                 gai_strerror(error));
        return 0;
    }
    size_t count = collect(answers, AF_INET, targets, 0);
    count = collect(answers, AF_INET6, targets, count);
    freeaddrinfo(answers);
    if (count == 0) {
        snprintf(why, why_size, "cannot listen on \"%s\": it has no IP address", host);
    }
    return count;
}

static void set_port(union address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET) {
        address->v4.sin_port = htons(port);
    } else {
        address->v6.sin6_port = htons(port);
    }
}

static uint16_t bound_port(int fd)
{
    union address address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, &address.any, &size) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

static int set_options(int fd, const struct target *target, const struct listener_options *options)
{
    /* A restarted hub would otherwise wait for its predecessor's connections to leave TIME_WAIT.
     * On Linux it does not let two sockets listen on one port. */
    int error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0 && target->address.any.sa_family == AF_INET6) {
        bool wildcard = IN6_IS_ADDR_UNSPECIFIED(&target->address.v6.sin6_addr);
        error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, wildcard ? 0 : 1);
    }
    if (error == 0) {
        error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    if (error == 0 && options->send_buffer_bytes > 0) {
        error = set_option(fd, SOL_SOCKET, SO_SNDBUF, (int)options->send_buffer_bytes);
    }
    if (error == 0 && options->notsent_lowat_bytes > 0) {
        error = set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)options->notsent_lowat_bytes);
    }
    return error;
}

/* Returns a listening descriptor or a negative errno. */
static int open_one(const struct target *target, const struct listener_options *options)
{
    int fd = socket(target->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int error = set_options(fd, target, options);
    if (error == 0 && bind(fd, &target->address.any, target->size) != 0) {
        error = -errno;
    }
    /* Two sockets can be bound to a port while neither listens; then it is listen() that fails. */
    if (error == 0 && listen(fd, BACKLOG) != 0) {
        error = -errno;
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    return fd;
}

/* Is this an address that the name has and the machine has not? "localhost" is ::1 in most hosts
 * files, also where IPv6 is switched off. */
static bool may_be_skipped(int error)
{
    return error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
}

/* Binds all targets to one port. Returns 0 or the negative errno of the first that fails. */
static int open_all(struct target *targets, size_t count, const struct listener_options *options,
                    struct listener *listener)
{
    int skipped = 0;
    listener->count = 0;
    listener->port = options->port > 0 ? (uint16_t)options->port : 0;
    for (size_t i = 0; i < count; i++) {
        set_port(&targets[i].address, listener->port);
        int fd = open_one(&targets[i], options);
        if (may_be_skipped(fd)) {
            skipped = fd;
            continue;
        }
        if (fd < 0) {
            listener_close(listener);
            return fd;
        }
        listener->fds[listener->count++] = fd;
        listener->port = bound_port(fd);
    }
    return listener->count > 0 ? 0 : skipped;
}

static void explain(int error, const char *host_port, char *why, size_t why_size)
{
    const char *mend = "";
    switch (-error) {
    case EADDRINUSE:
        mend = "; another process listens there: stop it, or choose another port with -p "
               "(-p -1: any free one)";
        break;
    case EACCES:
        mend = "; choose a port of 1024 or above with -p, or grant CAP_NET_BIND_SERVICE";
        break;
    case EADDRNOTAVAIL:
        mend = "; give an address of this machine with -a (0.0.0.0 is all of IPv4, :: is all)";
        break;
    case EMFILE:
    case ENFILE:
        mend = "; raise the limit of open files (ulimit -n)";
        break;
    default:
        break;
    }
    snprintf(why, why_size, "cannot listen on %s: %s%s", host_port, strerror(-error), mend);
}

int listener_open(const struct listener_options *options, struct listener *listener, char *why,
                  size_t why_size)
{
    struct target targets[LISTENER_FDS_MAX];
    memset(listener, 0, sizeof(*listener));
    size_t count = resolve(options->host, targets, why, why_size);
    if (count == 0) {
        return -EADDRNOTAVAIL;
    }
    int attempts = options->port > 0 ? 1 : RANDOM_PORT_ATTEMPTS;
    int error = 0;
    do {
        error = open_all(targets, count, options, listener);
    } while (error == -EADDRINUSE && --attempts > 0);
    if (error != 0) {
        char text[LISTENER_TEXT_MAX];
        uint16_t port = options->port > 0 ? (uint16_t)options->port : 0;
        explain(error, listener_host_port(options->host, port, text, sizeof(text)), why, why_size);
    }
    return error;
}

void listener_stop(struct listener *listener)
{
    /* On a listening TCP socket shutdown() ends listening at once and keeps the descriptor. */
    for (size_t i = 0; i < listener->count; i++) {
        (void)shutdown(listener->fds[i], SHUT_RDWR);
    }
}

void listener_close(struct listener *listener)
{
    for (size_t i = 0; i < listener->count; i++) {
        close(listener->fds[i]);
    }
    listener->count = 0;
}

/* Numeric host of an address, the zone of a link-local one included. */
static bool host_text(const union address *address, char *host, size_t size)
{
    socklen_t length =
        address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
    return getnameinfo(&address->any, length, host, (socklen_t)size, NULL, 0, NI_NUMERICHOST) == 0;
}

static bool is_wildcard(const union address *address)
{
    if (address->any.sa_family == AF_INET) {
        return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    }
    return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* The machine's addresses of one family. Link-local ones are left out: their zone means nothing to
 * another machine. */
static size_t machine_addresses(int family, uint16_t port, char (*texts)[LISTENER_TEXT_MAX],
                                size_t count, size_t max)
{
    struct ifaddrs *interfaces = NULL;
    if (getifaddrs(&interfaces) != 0) {
        return count;
    }
    for (const struct ifaddrs *i = interfaces; i != NULL && count < max; i = i->ifa_next) {
        if (i->ifa_addr == NULL || i->ifa_addr->sa_family != family) {
            continue;
        }
        union address address;
        memset(&address, 0, sizeof(address));
        memcpy(&address, i->ifa_addr, family == AF_INET ? sizeof(address.v4) : sizeof(address.v6));
        if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address.v6.sin6_addr)) {
            continue;
        }
        char host[NI_MAXHOST];
        if (host_text(&address, host, sizeof(host))) {
            listener_host_port(host, port, texts[count++], LISTENER_TEXT_MAX);
        }
    }
    freeifaddrs(interfaces);
    return count;
}

size_t listener_addresses(const struct listener *listener, char (*texts)[LISTENER_TEXT_MAX],
                          size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < listener->count && count < max; i++) {
        union address address;
        socklen_t size = sizeof(address);
        char host[NI_MAXHOST];
        memset(&address, 0, sizeof(address));
        if (getsockname(listener->fds[i], &address.any, &size) != 0) {
            continue;
        }
        if (is_wildcard(&address)) {
            count = machine_addresses(AF_INET, listener->port, texts, count, max);
            if (address.any.sa_family == AF_INET6) {
                count = machine_addresses(AF_INET6, listener->port, texts, count, max);
            }
        } else if (host_text(&address, host, sizeof(host))) {
            listener_host_port(host, listener->port, texts[count++], LISTENER_TEXT_MAX);
        }
    }
    return count;
}
