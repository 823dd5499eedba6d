/* client.c - the handshake, and which loopback address a connection comes from. */
#include "loadgen/client.h"

#include "loadgen/names.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum {
    PREFIX_BYTES_MAX = 512,
    PING_BYTES_MAX = 64,
    SUBSCRIBE_BYTES_MAX = 1024,
    /* What a stalled subscriber's socket takes in: the smaller, the earlier the server notices. */
    STALLED_BUFFER_BYTES = 4096,
};

static bool subscribes(const struct client *client)
{
    return client->role != CLIENT_PUBLISHER && client->role != CLIENT_CHURNER &&
           client->role != CLIENT_IDLE;
}

static void prefixes_make(struct client *client, const struct course *course)
{
    const struct scenario *s = course->scenario;
    uint64_t all = (uint64_t)client->heard.count * s->sizes.count * s->copies;
    if (all > CLIENT_PREFIXES_MAX) {
        return;
    }
    uint32_t count = (uint32_t)all;
    uint8_t text[CLIENT_PREFIXES_MAX * PREFIX_BYTES_MAX];
    uint32_t end = 0;
    client->prefixes = memory_alloc(count * sizeof *client->prefixes);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t copy = i / s->sizes.count % s->copies;
        uint32_t place = i / s->sizes.count / s->copies;
        uint32_t subject = (client->heard.first + place) % course->topology.plan.subjects;
        uint32_t size = s->sizes.bytes[i % s->sizes.count];
        struct name name = name_subject(s, subject);
        size_t bytes =
            s->protocol->render_delivery(text + end, PREFIX_BYTES_MAX, name.text,
                                         client_sid_of(client, course, subject) + copy, size);
        ASSERT(bytes != 0);
        struct client_prefix prefix = {end, (uint32_t)bytes, size, subject, copy};
        client->prefixes[i] = prefix;
        end += (uint32_t)bytes;
    }
    client->prefix_text = memory_alloc(end);
    memcpy(client->prefix_text, text, end);
    client->prefixes_count = count;
}

void client_init(struct client *client, const struct course *course, enum client_role role,
                 uint32_t number, uint32_t index)
{
    const struct scenario *s = course->scenario;
    memset(client, 0, sizeof *client);
    client->fd = -1;
    client->role = role;
    client->number = number;
    client->index = index;
    client->row = CLIENT_NOBODY;
    client->group = CLIENT_NOBODY;
    client->direct = s->direct && role == CLIENT_SUBSCRIBER;
    if (s->protocol->has_sids) {
        client->sid = s->distinct_sids ? (uint64_t)number * s->subjects_each * s->copies + 1 : 1;
    }
    if (client_hears(client)) {
        client->heard = topology_heard(&course->topology, index);
        prefixes_make(client, course);
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
    skim_end(&client->skim.skim);
    memory_free(client->prefixes);
    memory_free(client->prefix_text);
    memory_free(client->outbox.bytes);
    client->prefixes = NULL;
    client->prefix_text = NULL;
    client->outbox.bytes = NULL;
}

void client_again(struct client *client)
{
    ASSERT(client->state == CLIENT_CLOSED);
    ASSERT(!client->sending);
    codec_free(&client->codec);
    skim_end(&client->skim.skim);
    memset(&client->skim, 0, sizeof client->skim);
    client->state = CLIENT_NEW;
    client->waiting = false;
    client->ended = false;
    client->pongs_owed = 0;
    client->outbox.at = 0;
    client->outbox.end = 0;
}

uint64_t client_sid_of(const struct client *client, const struct course *course, uint32_t subject)
{
    uint32_t subjects = course->topology.plan.subjects;
    if (client->sid == 0 || client->heard.wildcard) {
        return client->sid;
    }
    return client->sid + (subject + subjects - client->heard.first) % subjects *
                             (uint64_t)course->topology.plan.copies;
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
    int bytes = client->role == CLIENT_STALLED      ? STALLED_BUFFER_BYTES
                : client->role == CLIENT_SUBSCRIBER ? (int)scenario->receive_buffer
                                                    : 0;
    if (bytes != 0) {
        MAYBE(setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
    }
    client->state = CLIENT_CONNECTING;
    return source_bind(client, scenario);
}

/* ---- speaking ---- */

uint8_t *client_room(struct client *client, size_t size)
{
    struct client_outbox *box = &client->outbox;
    ASSERT(!client->sending);
    if (box->end + size > box->capacity) {
        if (box->at != 0) {
            memmove(box->bytes, box->bytes + box->at, box->end - box->at);
            box->end -= box->at;
            box->at = 0;
        }
        /* More than asked for once it is large: 100,000 subscriptions are said one by one. */
        box->capacity = MAX_OF(box->capacity, box->end + size + box->end / 2);
        box->bytes = memory_resize(box->bytes, box->capacity);
    }
    return box->bytes + box->end;
}

void client_said(struct client *client, size_t size)
{
    client->outbox.end += size;
    ASSERT(client->outbox.end <= client->outbox.capacity); /* invariant 1 */
}

bool client_flush(struct client *client)
{
    struct client_outbox *box = &client->outbox;
    while (!client->direct && box->at < box->end) {
        ssize_t took =
            send(client->fd, box->bytes + box->at, box->end - box->at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (took < 0 && errno != EINTR) {
            return errno == EAGAIN;
        }
        box->at += took > 0 ? (size_t)took : 0;
    }
    if (box->at == box->end) {
        box->at = 0;
        box->end = 0;
    }
    return true;
}

/* ---- the handshake ---- */

static void subscribe_one(struct client *client, const struct course *course, const char *subject,
                          uint64_t sid)
{
    const struct scenario *s = course->scenario;
    uint8_t *to = client_room(client, SUBSCRIBE_BYTES_MAX);
    size_t size;
    bool joins = client->role == CLIENT_RESPONDER && s->protocol->render_join != NULL;
    if (joins || (s->groups != 0 && client->role == CLIENT_SUBSCRIBER)) {
        struct name group = name_group(joins ? 0 : client->index % s->groups);
        size = s->protocol->render_join(to, SUBSCRIBE_BYTES_MAX, subject, group.text, sid);
    } else {
        size = s->protocol->render_subscribe(to, SUBSCRIBE_BYTES_MAX, subject, sid);
    }
    ASSERT(size != 0);
    client_said(client, size);
    client->awaits_subscriptions += s->protocol->confirms;
}

static void subscribe(struct client *client, const struct course *course)
{
    const struct scenario *s = course->scenario;
    struct topology_heard heard = client->heard;
    if (client->role == CLIENT_RESPONDER) {
        subscribe_one(client, course, s->subject, client->sid);
        return;
    }
    if (client->role == CLIENT_STALLED) {
        heard = topology_heard(&course->topology, course->topology.plan.wildcards + client->index);
    }
    if (heard.wildcard) {
        bool rest = s->patterns == SCENARIO_PATTERNS_REST ||
                    (s->patterns == SCENARIO_PATTERNS_BOTH && client->index % 2 == 1);
        struct name pattern = name_pattern(s, rest);
        for (uint32_t i = 0; i < s->copies; i++) {
            subscribe_one(client, course, pattern.text, client->sid + i);
        }
        return;
    }
    for (uint32_t i = 0; i < heard.count * s->copies; i++) {
        struct name name =
            name_subject(s, (heard.first + i / s->copies) % course->topology.plan.subjects);
        subscribe_one(client, course, name.text, client->sid == 0 ? 0 : client->sid + i);
    }
}

static void say(struct client *client, const uint8_t *text, size_t size)
{
    if (size == 0) {
        return; /* redis:// without a password */
    }
    memcpy(client_room(client, size), text, size);
    client_said(client, size);
}

static bool greet(struct client *client, const struct course *course)
{
    const struct scenario *s = course->scenario;
    const struct codec_protocol *protocol = s->protocol;
    static const char *const names[] = {
        [CLIENT_CHURNER] = "hubload-churner", [CLIENT_IDLE] = "hubload-idle"};
    struct codec_login login = {s->url.user, s->url.password, s->process, client->number,
                                names[client->role]};
    uint8_t hello[CODEC_CONNECT_BYTES_MAX];
    say(client, hello, protocol->render_connect(hello, sizeof hello, &login));
    client->awaits_pong = true;
    client->awaits_subscriptions = 0;
    if (subscribes(client)) {
        subscribe(client, course);
    }
    uint8_t ping[PING_BYTES_MAX];
    say(client, ping, protocol->render_ping(ping, sizeof ping));
    client->state = CLIENT_CONFIRMING;
    return client_flush(client);
}

bool client_connected(struct client *client, const struct course *course)
{
    ASSERT(client->state == CLIENT_CONNECTING);
    client->state = CLIENT_GREETING;
    return !course->scenario->protocol->client_first || greet(client, course);
}

void client_pong(struct client *client, const struct scenario *scenario)
{
    uint8_t text[64];
    if (client->pongs_owed == 0 || client->sending || scenario->protocol->render_pong == NULL) {
        return;
    }
    size_t size = scenario->protocol->render_pong(text, sizeof text);
    for (; client->pongs_owed != 0; client->pongs_owed--) {
        say(client, text, size);
    }
    MAYBE(client_flush(client) != 0); /* a broken connection is noticed by reading */
}

static enum client_news confirmed(struct client *client, bool pong)
{
    if (client->state != CLIENT_CONFIRMING) {
        return pong ? CLIENT_PONG : CLIENT_NOTHING;
    }
    if (client->awaits_pong || client->awaits_subscriptions != 0) {
        return CLIENT_NOTHING;
    }
    client->state = CLIENT_READY;
    return CLIENT_IS_READY;
}

enum client_news client_hear(struct client *client, const struct course *course,
                             const struct codec_event *event)
{
    switch (event->kind) {
    case CODEC_HELLO:
        if (client->state == CLIENT_GREETING && !greet(client, course)) {
            return CLIENT_REFUSED;
        }
        return CLIENT_NOTHING;
    case CODEC_MESSAGE:
        return CLIENT_MESSAGE;
    case CODEC_PING:
        client->pongs_owed++;
        if (!client_publishes(client)) {
            client_pong(client, course->scenario);
        }
        return CLIENT_NOTHING;
    case CODEC_PONG:
        client->awaits_pong = false;
        return confirmed(client, true);
    case CODEC_SUBSCRIBED:
        client->awaits_subscriptions -= client->awaits_subscriptions != 0;
        return confirmed(client, false);
    case CODEC_OK:
        return CLIENT_NOTHING;
    case CODEC_REFUSED:
    case CODEC_DENIED:
    case CODEC_BROKEN:
        return CLIENT_REFUSED;
    }
    return CLIENT_NOTHING;
}
