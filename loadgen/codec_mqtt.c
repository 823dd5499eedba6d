/* codec_mqtt.c - MQTT 3.1.1 (OASIS, 2014), sections 2 and 3, as far as QoS 0 goes. */
#include "loadgen/codec_mqtt.h"

#include <stdio.h>

/* The first byte of a packet: type << 4 | flags. */
enum {
    CONNECT = 0x10,
    CONNACK = 0x20,
    PUBLISH = 0x30, /* flags: 8 duplicate, 4 and 2 QoS, 1 retained */
    PUBLISH_QOS = 0x06,
    SUBSCRIBE = 0x82,
    SUBACK = 0x90,
    UNSUBSCRIBE = 0xa2,
    UNSUBACK = 0xb0,
    PINGREQ = 0xc0,
    PINGRESP = 0xd0,
};

enum {
    LENGTH_BYTES_MAX = 4,
    LENGTH_MAX = (1 << 28) - 1,
    STRING_BYTES_MAX = 65535,
    CLIENT_ID_BYTES = 23, /* every server must allow so many, of digits and letters */
    CONNECT_CLEAN = 0x02,
    CONNECT_PASSWORD = 0x40,
    CONNECT_USER = 0x80,
    SUBACK_FAILURE = 0x80,
    CONNACK_WRONG_PASSWORD = 4, /* and one more: not authorized */
};

/* ---- what servers say ---- */

static bool look_connack(struct bytes rest, struct codec_event *event)
{
    static const char *const reasons[] = {
        "",
        "CONNECT refused: unacceptable protocol version",
        "CONNECT refused: client id rejected",
        "CONNECT refused: server unavailable",
        "CONNECT refused: bad user name or password",
        "CONNECT refused: not authorized",
    };
    if (rest.size != 2 || rest.ptr[1] >= COUNT_OF(reasons)) {
        return false;
    }
    event->kind = rest.ptr[1] == 0                        ? CODEC_HELLO
                  : rest.ptr[1] >= CONNACK_WRONG_PASSWORD ? CODEC_DENIED
                                                          : CODEC_REFUSED;
    event->text = bytes_text(reasons[rest.ptr[1]]);
    return true;
}

/* Packet id, then one code for each topic filter asked for: we ask for one at a time. */
static bool look_suback(struct bytes rest, struct codec_event *event)
{
    if (rest.size != 3 || (rest.ptr[2] != 0 && rest.ptr[2] != SUBACK_FAILURE)) {
        return false;
    }
    event->kind = CODEC_SUBSCRIBED;
    if (rest.ptr[2] == SUBACK_FAILURE) {
        event->kind = CODEC_REFUSED;
        event->text = bytes_text("SUBSCRIBE refused");
    }
    return true;
}

static bool look_publish(struct bytes rest, struct codec_event *event)
{
    size_t topic_bytes = rest.size < 2 ? SIZE_MAX : (size_t)rest.ptr[0] << 8 | rest.ptr[1];
    if (topic_bytes == 0 || rest.size < 2 || topic_bytes > rest.size - 2) {
        return false;
    }
    event->kind = CODEC_MESSAGE;
    event->subject = bytes_of(rest.ptr + 2, topic_bytes);
    event->payload = bytes_skip(rest, 2 + topic_bytes);
    return true;
}

/* Returns false when a server may not say so to us. */
static bool look_rest(uint8_t first, struct bytes rest, struct codec_event *event)
{
    switch (first) {
    case CONNACK:
        return look_connack(rest, event);
    case SUBACK:
        return look_suback(rest, event);
    case UNSUBACK:
        event->kind = CODEC_OK;
        return rest.size == 2;
    case PINGRESP:
        event->kind = CODEC_PONG;
        return rest.size == 0;
    default: /* a delivery; first_check let nothing else through */
        return look_publish(rest, event);
    }
}

/* Returns NULL, or what is wrong with a packet's first byte. */
static const char *first_check(uint8_t first)
{
    if ((first & 0xf0) == PUBLISH) {
        return (first & PUBLISH_QOS) == 0 ? NULL : "a delivery with a QoS that was not asked for";
    }
    bool known = first == CONNACK || first == SUBACK || first == UNSUBACK || first == PINGRESP;
    return known ? NULL : "a packet that MQTT servers do not send";
}

static struct codec_look look_at(struct bytes in, struct codec_event *event)
{
    const char *wrong = first_check(in.ptr[0]);
    if (wrong != NULL) {
        return codec_broken(event, in, wrong);
    }
    size_t length = 0;
    size_t at = 1;
    for (bool more = true; more; at++) {
        if (at > LENGTH_BYTES_MAX) {
            return codec_broken(event, in, "a length of more than four bytes");
        }
        if (at == in.size) {
            struct codec_look unfinished = {0, at + 1};
            return unfinished;
        }
        length |= (size_t)(in.ptr[at] & 0x7f) << (7 * (at - 1));
        more = (in.ptr[at] & 0x80) != 0;
    }
    if (length > CODEC_MQTT_REST_MAX) {
        return codec_broken(event, in, "a packet that is too long");
    }
    struct codec_look look = {0, at + length};
    if (in.size < look.need) {
        return look;
    }
    if (!look_rest(in.ptr[0], bytes_of(in.ptr + at, length), event)) {
        return codec_broken(event, in, "a packet that cannot be read");
    }
    look.used = look.need;
    return look;
}

static bool next(struct codec *codec, struct bytes *in, struct codec_event *event)
{
    return codec_next(codec, in, event, look_at);
}

/* ---- what we say ---- */

/* Bytes written one after the other; nothing is written beyond capacity. */
struct writer {
    uint8_t *to;
    size_t capacity;
    size_t size;
    bool full;
};

static void write_bytes(struct writer *w, const void *bytes, size_t size)
{
    if (w->full || size > w->capacity - w->size) {
        w->full = true;
        return;
    }
    memcpy(w->to + w->size, bytes, size);
    w->size += size;
}

static void write_byte(struct writer *w, unsigned byte)
{
    uint8_t one = (uint8_t)byte;
    write_bytes(w, &one, 1);
}

/* First byte and length of a packet. */
static void write_begin(struct writer *w, unsigned first, size_t length)
{
    w->full |= length > LENGTH_MAX;
    write_byte(w, first);
    do {
        write_byte(w, (length & 0x7f) | (length > 0x7f ? 0x80 : 0));
        length >>= 7;
    } while (length != 0);
}

static void write_string(struct writer *w, const char *text)
{
    size_t size = strlen(text);
    w->full |= size > STRING_BYTES_MAX;
    write_byte(w, size >> 8);
    write_byte(w, size & 0xff);
    write_bytes(w, text, size);
}

static void write_topic(struct writer *w, const char *subject)
{
    static const char from[] = ".*>";
    static const char to[] = "/+#";
    for (const char *c = subject; *c != 0; c++) {
        const char *found = strchr(from, *c);
        write_byte(w, (uint8_t)(found == NULL ? *c : to[found - from]));
    }
}

static void write_topic_string(struct writer *w, const char *subject)
{
    size_t size = strlen(subject);
    w->full |= size > STRING_BYTES_MAX;
    write_byte(w, size >> 8);
    write_byte(w, size & 0xff);
    write_topic(w, subject);
}

static struct writer writer_of(uint8_t *to, size_t capacity)
{
    struct writer w;
    memset(&w, 0, sizeof w);
    w.to = to;
    w.capacity = capacity;
    return w;
}

static size_t written(const struct writer *w)
{
    return w->full ? 0 : w->size;
}

/* A second connection with the same id would end the first. */
static size_t render_connect(uint8_t *to, size_t capacity, const struct codec_login *login)
{
    char id[CLIENT_ID_BYTES + 1];
    snprintf(id, sizeof id, "h%014llx%08x", (unsigned long long)login->process & 0xffffffffffffffu,
             (unsigned)login->number);
    bool user = login->user[0] != 0;
    bool password = user && login->password[0] != 0;
    size_t length = 10 + 2 + strlen(id) + (user ? 2 + strlen(login->user) : 0) +
                    (password ? 2 + strlen(login->password) : 0);
    struct writer w = writer_of(to, capacity);
    write_begin(&w, CONNECT, length);
    write_string(&w, "MQTT");
    write_byte(&w, 4); /* 3.1.1 */
    write_byte(&w, CONNECT_CLEAN | (user ? CONNECT_USER : 0) | (password ? CONNECT_PASSWORD : 0));
    write_byte(&w, 0); /* no keep-alive: nobody need ping */
    write_byte(&w, 0);
    write_string(&w, id);
    if (user) {
        write_string(&w, login->user);
    }
    if (password) {
        write_string(&w, login->password);
    }
    return written(&w);
}

/* Packet ids answer to packets; 0 is forbidden. */
static void write_id(struct writer *w, uint64_t number)
{
    uint64_t id = number % 65535 + 1;
    write_byte(w, (unsigned)(id >> 8));
    write_byte(w, id & 0xff);
}

static size_t render_subscribe(uint8_t *to, size_t capacity, const char *subject, uint64_t sid)
{
    struct writer w = writer_of(to, capacity);
    write_begin(&w, SUBSCRIBE, 2 + 2 + strlen(subject) + 1);
    write_id(&w, sid);
    write_topic_string(&w, subject);
    write_byte(&w, 0); /* QoS */
    return written(&w);
}

static size_t render_unsubscribe(uint8_t *to, size_t capacity, const char *subject, uint64_t sid)
{
    struct writer w = writer_of(to, capacity);
    write_begin(&w, UNSUBSCRIBE, 2 + 2 + strlen(subject));
    write_id(&w, sid);
    write_topic_string(&w, subject);
    return written(&w);
}

static size_t render_ping(uint8_t *to, size_t capacity)
{
    struct writer w = writer_of(to, capacity);
    write_begin(&w, PINGREQ, 0);
    return written(&w);
}

static size_t render_topic(uint8_t *to, size_t capacity, const char *subject)
{
    struct writer w = writer_of(to, capacity);
    write_topic(&w, subject);
    return written(&w);
}

static size_t render_publish(uint8_t *to, size_t capacity, const char *subject, size_t size)
{
    struct writer w = writer_of(to, capacity);
    write_begin(&w, PUBLISH, 2 + strlen(subject) + size);
    write_topic_string(&w, subject);
    return written(&w);
}

static size_t render_delivery(uint8_t *to, size_t capacity, const char *subject, uint64_t sid,
                              size_t size)
{
    (void)sid;
    return render_publish(to, capacity, subject, size);
}

const struct codec_protocol codec_mqtt = {
    .scheme = "mqtt",
    .port = 1883,
    .client_first = true,
    .confirms = true,
    .keeps_order = false, /* section 4.6: of each topic alone */
    .forbidden = "/+#",
    .next = next,
    .render_connect = render_connect,
    .render_subscribe = render_subscribe,
    .render_ping = render_ping,
    .render_topic = render_topic,
    .render_publish = render_publish,
    .render_delivery = render_delivery,
    .trailer = "",
    .ping = "",
    .render_unsubscribe = render_unsubscribe,
    .without_groups = "--queue-groups: shared subscriptions are MQTT 5, and this is MQTT 3.1.1",
};
