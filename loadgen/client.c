/* client.c - the handshake, and which loopback address a connection comes from. */
#include "loadgen/client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum { PREFIX_BYTES_MAX = 512, HELLO_BYTES_MAX = 2048 };

void client_init(struct client *client, const struct scenario *scenario, uint32_t number,
                 bool subscribes, uint32_t row)
{
    memset(client, 0, sizeof *client);
    client->fd = -1;
    client->number = number;
    client->subscribes = subscribes;
    client->row = row;
    if (scenario->protocol->has_sids) {
        client->sid = scenario->distinct_sids ? number + 1 : 1;
    }
    if (subscribes) {
        char prefix[PREFIX_BYTES_MAX];
        client->prefix_bytes = (uint32_t)scenario->protocol->render_delivery(
            (uint8_t *)prefix, sizeof prefix, scenario->subject, client->sid, scenario->size);
        ASSERT(client->prefix_bytes != 0);
        client->prefix = memory_alloc(client->prefix_bytes);
        memcpy(client->prefix, prefix, client->prefix_bytes);
    }
}

void client_close(struct client *client)
{
    if (client->fd >= 0) {
        close(client->fd);
    }
    client->fd = -1;
    client->state = CLIENT_CLOSED;
}

void client_free(struct client *client)
{
    client_close(client);
    codec_free(&client->codec);
    memory_free(client->prefix);
    client->prefix = NULL;
}

/* One address has about 28,000 local ports toward one server port, so on loopback further
 * connections come from 127.0.0.2 and on. The port is chosen at connect, per destination. */
static int source_bind(const struct client *client, const struct scenario *scenario)
{
    uint32_t source = client->number / SCENARIO_CONNECTIONS_PER_SOURCE;
    struct sockaddr_in to;
    memcpy(&to, &scenario->address, sizeof to);
    if (source == 0 || to.sin_family != AF_INET || ntohl(to.sin_addr.s_addr) >> 24 != 127) {
        return 0;
    }
    struct sockaddr_in from;
    int yes = 1;
    memset(&from, 0, sizeof from);
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source);
    if (setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes) != 0 ||
        bind(client->fd, (struct sockaddr *)&from, sizeof from) != 0) {
        return -errno;
    }
    return 0;
}

int client_open(struct client *client, const struct scenario *scenario)
{
    int yes = 1;
    client->fd = socket(scenario->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return -errno;
    }
    MAYBE(setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0);
    int bytes = (int)scenario->receive_buffer;
    if (bytes != 0 && client->subscribes) {
        MAYBE(setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
    }
    client->state = CLIENT_CONNECTING;
    return source_bind(client, scenario);
}

/* A few bytes on a connection whose send buffer is empty: the kernel takes all of them. */
static bool say(struct client *client, const uint8_t *text, size_t size)
{
    return size != 0 && send(client->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size;
}

static bool greet(struct client *client, const struct scenario *scenario)
{
    const struct codec_protocol *protocol = scenario->protocol;
    struct codec_login login = {scenario->user, scenario->password, scenario->process,
                                client->number};
    uint8_t text[HELLO_BYTES_MAX];
    size_t size = protocol->render_connect(text, sizeof text, &login);
    client->awaits_pong = true;
    if (client->subscribes) {
        size_t more = protocol->render_subscribe(text + size, sizeof text - size, scenario->subject,
                                                 client->sid);
        ASSERT(more != 0);
        size += more;
        client->awaits_subscription = protocol->confirms;
    }
    size += protocol->render_ping(text + size, sizeof text - size);
    client->state = CLIENT_CONFIRMING;
    return say(client, text, size);
}

bool client_connected(struct client *client, const struct scenario *scenario)
{
    ASSERT(client->state == CLIENT_CONNECTING);
    client->state = CLIENT_GREETING;
    return !scenario->protocol->client_first || greet(client, scenario);
}

void client_pong(struct client *client, const struct scenario *scenario)
{
    uint8_t text[64];
    if (client->pongs_owed == 0 || scenario->protocol->render_pong == NULL) {
        return;
    }
    size_t size = scenario->protocol->render_pong(text, sizeof text);
    for (; client->pongs_owed != 0; client->pongs_owed--) {
        if (!say(client, text, size)) {
            return; /* a broken connection is noticed by reading */
        }
    }
}

static enum client_news confirmed(struct client *client)
{
    if (client->state != CLIENT_CONFIRMING || client->awaits_pong || client->awaits_subscription) {
        return CLIENT_NOTHING;
    }
    client->state = CLIENT_READY;
    return CLIENT_IS_READY;
}

enum client_news client_hear(struct client *client, const struct scenario *scenario,
                             const struct codec_event *event)
{
    switch (event->kind) {
    case CODEC_HELLO:
        if (client->state == CLIENT_GREETING && !greet(client, scenario)) {
            return CLIENT_REFUSED;
        }
        return CLIENT_NOTHING;
    case CODEC_MESSAGE:
        return CLIENT_MESSAGE;
    case CODEC_PING:
        client->pongs_owed++;
        if (client->subscribes) {
            client_pong(client, scenario);
        }
        return CLIENT_NOTHING;
    case CODEC_PONG:
        client->awaits_pong = false;
        return confirmed(client);
    case CODEC_SUBSCRIBED:
        client->awaits_subscription = false;
        return confirmed(client);
    case CODEC_OK:
        return CLIENT_NOTHING;
    case CODEC_REFUSED:
    case CODEC_BROKEN:
        return CLIENT_REFUSED;
    }
    return CLIENT_NOTHING;
}
