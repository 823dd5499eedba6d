/* test_listener.c - real sockets on loopback, random ports. */
#include "io/listener.h"

#include "core/config.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_on(const char *host, int32_t port, struct listener *listener, char *why,
                   size_t size)
{
    struct listener_options options = {.host = host, .port = port};
    return listener_open(&options, listener, why, size);
}

/* Returns a connected descriptor or a negative errno. */
static int connect_to(const char *host, uint16_t port)
{
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *address = NULL;
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    assert_int_equal(getaddrinfo(host, service, &hints, &address), 0);
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    int result = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? fd : -errno;
    freeaddrinfo(address);
    if (result < 0) {
        close(fd);
    }
    return result;
}

static bool machine_has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool bound = bind(fd, (const struct sockaddr *)(const void *)&loopback, sizeof(loopback)) == 0;
    close(fd);
    return bound;
}

/* Waits for one client and accepts it. */
static int accept_one(const struct listener *listener)
{
    struct pollfd waiting[LISTENER_FDS_MAX];
    for (size_t i = 0; i < listener->count; i++) {
        waiting[i] = (struct pollfd){.fd = listener->fds[i], .events = POLLIN};
    }
    assert_int_equal(poll(waiting, listener->count, 5000), 1);
    for (size_t i = 0; i < listener->count; i++) {
        if (waiting[i].revents != 0) {
            return accept4(waiting[i].fd, NULL, NULL, SOCK_CLOEXEC);
        }
    }
    return -1;
}

/* Listens on host, connects to reached_at, accepts. */
static void check_reached(const char *host, const char *reached_at)
{
    char why[512] = "";
    struct listener listener;
    if (open_on(host, CONFIG_PORT_RANDOM, &listener, why, sizeof(why)) != 0) {
        fail_msg("%s", why);
    }
    assert_true(listener.port > 0);
    int client = connect_to(reached_at, listener.port);
    assert_true(client >= 0);
    int accepted = accept_one(&listener);
    assert_true(accepted >= 0);
    close(accepted);
    close(client);
    listener_close(&listener);
}

/*
 * Goal:    a host given as IPv4 address, as name or as wildcard can be connected to.
 * Method:  listen, connect, accept.
 */
static void test_ipv4_hosts(void **state)
{
    (void)state;
    check_reached("127.0.0.1", "127.0.0.1");
    check_reached("localhost", "127.0.0.1");
    check_reached("0.0.0.0", "127.0.0.1");
}

/*
 * Goal:    the same for IPv6, whose wildcard takes both families.
 * Method:  as above; skipped on a machine without IPv6.
 */
static void test_ipv6_hosts(void **state)
{
    (void)state;
    if (!machine_has_ipv6()) {
        print_message("SKIP IPv6 hosts: no IPv6 on this machine\n");
        skip();
    }
    check_reached("::1", "::1");
    check_reached("::", "::1");
    check_reached("::", "127.0.0.1");
}

/*
 * Goal:    a second hub on the port is told so in one sentence with the mend, and holds nothing.
 * Method:  open twice; then close the first and try again.
 */
static void test_second_hub_fails(void **state)
{
    (void)state;
    char why[512] = "";
    struct listener first;
    struct listener second;
    assert_int_equal(open_on("127.0.0.1", CONFIG_PORT_RANDOM, &first, why, sizeof(why)), 0);
    assert_int_equal(open_on("127.0.0.1", first.port, &second, why, sizeof(why)), -EADDRINUSE);
    assert_int_equal(second.count, 0);
    assert_non_null(strstr(why, "127.0.0.1:"));
    assert_non_null(strstr(why, "-p"));
    uint16_t port = first.port;
    listener_close(&first);
    assert_int_equal(open_on("127.0.0.1", port, &second, why, sizeof(why)), 0);
    assert_int_equal(second.port, port);
    listener_close(&second);
}

/*
 * Goal:    a host that is not this machine's, or no host at all, is refused with a sentence.
 * Method:  a documentation address (RFC 5737) and a name that never resolves (RFC 2606).
 */
static void test_wrong_hosts(void **state)
{
    (void)state;
    static const char *const hosts[] = {"203.0.113.77", "no-such-host.invalid"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        char why[512] = "";
        struct listener listener;
        assert_true(open_on(hosts[i], CONFIG_PORT_RANDOM, &listener, why, sizeof(why)) < 0);
        assert_non_null(strstr(why, hosts[i]));
        assert_non_null(strstr(why, "-a"));
    }
}

/*
 * Goal:    accepted sockets have TCP_NODELAY and the buffer sizes without a call per client.
 * Method:  listen with small sizes, accept, ask the accepted socket.
 */
static void test_accepted_sockets_inherit(void **state)
{
    (void)state;
    char why[512];
    struct listener listener;
    struct listener_options options = {.host = "127.0.0.1",
                                       .port = CONFIG_PORT_RANDOM,
                                       .send_buffer_bytes = 32768,
                                       .notsent_lowat_bytes = 16384};
    assert_int_equal(listener_open(&options, &listener, why, sizeof(why)), 0);
    int client = connect_to("127.0.0.1", listener.port);
    int accepted = accept_one(&listener);
    static const struct {
        int level;
        int name;
        int value;
    } expected[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_SNDBUF, 65536}, /* the kernel doubles it, socket(7) */
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16384},
    };
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        int value = 0;
        socklen_t size = sizeof(value);
        assert_int_equal(getsockopt(accepted, expected[i].level, expected[i].name, &value, &size),
                         0);
        assert_int_equal(value, expected[i].value);
    }
    close(accepted);
    close(client);
    listener_close(&listener);
}

/*
 * Goal:    the listening descriptor never blocks and does not leak into children.
 * Method:  its flags, and an accept with nobody there.
 */
static void test_descriptor_flags(void **state)
{
    (void)state;
    char why[512];
    struct listener listener;
    assert_int_equal(open_on("127.0.0.1", CONFIG_PORT_RANDOM, &listener, why, sizeof(why)), 0);
    assert_true((fcntl(listener.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(accept(listener.fds[0], NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    listener_close(&listener);
}

/*
 * Goal:    after listener_stop nobody can connect, and another hub can take the port although the
 *          descriptor is still open.
 * Method:  stop, connect, open anew, close both.
 */
static void test_stop_refuses_and_frees_the_port(void **state)
{
    (void)state;
    char why[512] = "";
    struct listener listener;
    struct listener successor;
    assert_int_equal(open_on("127.0.0.1", CONFIG_PORT_RANDOM, &listener, why, sizeof(why)), 0);
    uint16_t port = listener.port;
    listener_stop(&listener);
    assert_int_equal(connect_to("127.0.0.1", port), -ECONNREFUSED);
    assert_true(fcntl(listener.fds[0], F_GETFD) >= 0);
    if (open_on("127.0.0.1", port, &successor, why, sizeof(why)) != 0) {
        fail_msg("%s", why);
    }
    listener_close(&successor);
    listener_close(&listener);
}

/*
 * Goal:    the addresses named can be connected to and carry brackets for IPv6; a wildcard is
 *          spelled out.
 * Method:  the texts of a literal and of a wildcard.
 */
static void test_addresses(void **state)
{
    (void)state;
    char why[512];
    char expected[64];
    char texts[LISTENER_ADDRESSES_MAX][LISTENER_TEXT_MAX];
    struct listener listener;
    assert_int_equal(open_on("127.0.0.1", CONFIG_PORT_RANDOM, &listener, why, sizeof(why)), 0);
    assert_int_equal(listener_addresses(&listener, texts, LISTENER_ADDRESSES_MAX), 1);
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", (unsigned)listener.port);
    assert_string_equal(texts[0], expected);
    listener_close(&listener);

    assert_int_equal(open_on("0.0.0.0", CONFIG_PORT_RANDOM, &listener, why, sizeof(why)), 0);
    size_t count = listener_addresses(&listener, texts, LISTENER_ADDRESSES_MAX);
    assert_true(count >= 1);
    for (size_t i = 0; i < count; i++) {
        assert_null(strstr(texts[i], "0.0.0.0:"));
    }
    assert_int_equal(listener_addresses(&listener, texts, 0), 0);
    listener_close(&listener);

    assert_string_equal(listener_host_port("::1", 4222, expected, sizeof(expected)), "[::1]:4222");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4_hosts),
        cmocka_unit_test(test_ipv6_hosts),
        cmocka_unit_test(test_second_hub_fails),
        cmocka_unit_test(test_wrong_hosts),
        cmocka_unit_test(test_accepted_sockets_inherit),
        cmocka_unit_test(test_descriptor_flags),
        cmocka_unit_test(test_stop_refuses_and_frees_the_port),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
