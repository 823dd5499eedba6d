/*
 * Goal:    the other end of a socket is named as an operator would write it.
 * Method:  real sockets on the loopback interface, of each family, asked for and as accept(2) told
 *          it, and descriptors without a peer.
 */
#include "io/peername.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    int listener;
    int client;
    int server; /* accepted */
    uint16_t client_port;
    struct sockaddr_in6 address; /* that accept told */
    socklen_t address_size;
};

static uint16_t port_of(int fd)
{
    struct sockaddr_in6 address = {0}; /* both families have the port in the same place */
    socklen_t size = sizeof(address);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin6_port);
}

static socklen_t loopback(int family, uint16_t port, struct sockaddr_storage *address)
{
    memset(address, 0, sizeof(*address));
    if (family == AF_INET) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        memcpy(address, &v4, sizeof(v4));
        return sizeof(v4);
    }
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
    memcpy(address, &v6, sizeof(v6));
    return sizeof(v6);
}

/* A listener of one family, bound to loopback or, where the families differ, to every address. */
static void pair_open(struct pair *pair, int listener_family, int client_family)
{
    struct sockaddr_storage address;
    const int off = 0;
    pair->listener = socket(listener_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (pair->listener < 0) {
        print_message("SKIP: this machine has no IPv6\n");
        skip();
    }
    socklen_t size = loopback(listener_family, 0, &address);
    if (listener_family != client_family) {
        struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
        assert_int_equal(setsockopt(pair->listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)),
                         0);
        memcpy(&address, &any, sizeof(any));
    }
    if (bind(pair->listener, (struct sockaddr *)&address, size) != 0) {
        close(pair->listener);
        print_message("SKIP: this machine has no IPv6 address\n");
        skip();
    }
    assert_int_equal(listen(pair->listener, 1), 0);
    pair->client = socket(client_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size = loopback(client_family, port_of(pair->listener), &address);
    assert_int_equal(connect(pair->client, (struct sockaddr *)&address, size), 0);
    pair->client_port = port_of(pair->client);
    pair->address_size = sizeof(pair->address);
    pair->server = accept(pair->listener, (struct sockaddr *)&pair->address, &pair->address_size);
    assert_true(pair->server >= 0);
}

static void pair_close(struct pair *pair)
{
    close(pair->listener);
    close(pair->client);
    close(pair->server);
}

static void expect_peer(int listener_family, int client_family, const char *expected)
{
    struct pair pair;
    char text[PEERNAME_TEXT_MAX];
    pair_open(&pair, listener_family, client_family);
    uint16_t port = peername_of(pair.server, bytes_of(NULL, 0), text);
    assert_string_equal(text, expected);
    assert_int_equal(port, pair.client_port);
    struct bytes told = bytes_of((const uint8_t *)&pair.address, pair.address_size);
    memset(text, 'x', sizeof(text));
    assert_int_equal(peername_of(-1, told, text), pair.client_port);
    assert_string_equal(text, expected);
    pair_close(&pair);
}

static void test_ipv4(void **state)
{
    (void)state;
    expect_peer(AF_INET, AF_INET, "127.0.0.1");
}

static void test_ipv6(void **state)
{
    (void)state;
    expect_peer(AF_INET6, AF_INET6, "::1");
}

/* An IPv4 client of a listener on "::". */
static void test_mapped_ipv4_is_shown_as_ipv4(void **state)
{
    (void)state;
    expect_peer(AF_INET6, AF_INET, "127.0.0.1");
}

static void expect_nobody(int fd)
{
    char text[PEERNAME_TEXT_MAX];
    memset(text, 'x', sizeof(text));
    assert_int_equal(peername_of(fd, bytes_of(NULL, 0), text), 0);
    assert_string_equal(text, "");
}

static void test_who_is_gone_has_no_name(void **state)
{
    (void)state;
    struct pair pair;
    char byte;
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    pair_open(&pair, AF_INET, AF_INET);
    assert_int_equal(setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(pair.client);
    assert_int_equal(recv(pair.server, &byte, 1, 0), -1); /* its RST has arrived */
    expect_nobody(pair.server);
    close(pair.server);
    close(pair.listener);
}

static void test_who_never_was_has_no_name(void **state)
{
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_nobody(fd);
    close(fd);
    expect_nobody(-1);
}

static void test_other_families_have_no_address(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    expect_nobody(fds[0]);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_mapped_ipv4_is_shown_as_ipv4),
        cmocka_unit_test(test_who_is_gone_has_no_name),
        cmocka_unit_test(test_who_never_was_has_no_name),
        cmocka_unit_test(test_other_families_have_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
