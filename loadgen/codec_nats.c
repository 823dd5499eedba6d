/* codec_nats.c - a line says how much follows it. */
#include "loadgen/codec_nats.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Takes one word off the front of a line whose CR LF is cut off. Empty: there is none. */
static struct bytes word_take(struct bytes *line)
{
    size_t at = 0;
    while (at < line->size && (line->ptr[at] == ' ' || line->ptr[at] == '\t')) {
        at++;
    }
    size_t end = at;
    while (end < line->size && line->ptr[end] != ' ' && line->ptr[end] != '\t') {
        end++;
    }
    struct bytes word = bytes_of(line->ptr + at, end - at);
    *line = bytes_skip(*line, end);
    return word;
}

/* Returns false unless word is 1 to 18 decimal digits. */
static bool word_number(struct bytes word, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < word.size; i++) {
        if (word.ptr[i] < '0' || word.ptr[i] > '9') {
            return false;
        }
        *number = *number * 10 + (uint64_t)(word.ptr[i] - '0');
    }
    return word.size >= 1 && word.size <= 18;
}

static bool word_is(struct bytes word, const char *verb)
{
    return word.size == strlen(verb) && strncasecmp((const char *)word.ptr, verb, word.size) == 0;
}

/* MSG subject sid [reply] size, or HMSG subject sid [reply] header-size size. */
static struct codec_look look_message(struct bytes in, size_t line_bytes, struct bytes arguments,
                                      bool headers, struct codec_event *event)
{
    struct bytes words[6];
    size_t count = 0;
    for (struct bytes word; count < COUNT_OF(words) && (word = word_take(&arguments)).size != 0;) {
        words[count++] = word;
    }
    size_t least = headers ? 4 : 3;
    uint64_t size = 0;
    uint64_t header_bytes = 0;
    if ((count != least && count != least + 1) || !word_number(words[1], &event->sid) ||
        !word_number(words[count - 1], &size) ||
        (headers && !word_number(words[count - 2], &header_bytes)) || header_bytes > size ||
        size > CODEC_NATS_PAYLOAD_MAX) {
        return codec_broken(event, in, "a MSG line that cannot be read");
    }
    struct codec_look look = {0, line_bytes + size + 2};
    if (in.size < look.need) {
        return look;
    }
    const uint8_t *body = in.ptr + line_bytes;
    if (body[size] != '\r' || body[size + 1] != '\n') {
        return codec_broken(event, in, "a payload without CR LF behind it");
    }
    event->kind = CODEC_MESSAGE;
    event->subject = words[0];
    event->reply = count == least + 1 ? words[2] : bytes_of(NULL, 0);
    event->payload = bytes_of(body + header_bytes, size - header_bytes);
    look.used = look.need;
    return look;
}

/* -ERR 'Authorization Violation', 'Authentication Timeout' and their kind. */
static bool is_denial(struct bytes text)
{
    struct bytes words = text.size != 0 && text.ptr[0] == '\'' ? bytes_skip(text, 1) : text;
    return codec_begins(words, "auth") || codec_begins(words, "user auth");
}

static struct codec_look look_line(struct bytes in, size_t line_bytes, struct codec_event *event)
{
    size_t end = line_bytes - 1;
    if (end != 0 && in.ptr[end - 1] == '\r') {
        end--;
    }
    struct bytes rest = bytes_of(in.ptr, end);
    struct bytes verb = word_take(&rest);
    struct codec_look look = {line_bytes, 0};
    event->text = rest.size != 0 ? bytes_skip(rest, 1) : rest;
    if (word_is(verb, "MSG")) {
        return look_message(in, line_bytes, rest, false, event);
    }
    if (word_is(verb, "HMSG")) {
        return look_message(in, line_bytes, rest, true, event);
    }
    if (word_is(verb, "PING")) {
        event->kind = CODEC_PING;
    } else if (word_is(verb, "PONG")) {
        event->kind = CODEC_PONG;
    } else if (word_is(verb, "INFO")) {
        event->kind = CODEC_HELLO;
    } else if (word_is(verb, "+OK")) {
        event->kind = CODEC_OK;
    } else if (word_is(verb, "-ERR")) {
        event->kind = is_denial(event->text) ? CODEC_DENIED : CODEC_REFUSED;
    } else {
        return codec_broken(event, in, "a verb that NATS servers do not say");
    }
    return look;
}

static struct codec_look look_at(struct bytes in, struct codec_event *event)
{
    struct codec_look nothing = {0, 0};
    const uint8_t *newline = memchr(in.ptr, '\n', MIN_OF(in.size, (size_t)CODEC_NATS_LINE_MAX));
    if (newline != NULL) {
        return look_line(in, (size_t)(newline - in.ptr) + 1, event);
    }
    return in.size < CODEC_NATS_LINE_MAX ? nothing
                                         : codec_broken(event, in, "a line without an end");
}

/* MSG … size CR LF payload CR LF; HMSG is not guessed at. */
static bool glance(struct bytes in, struct bytes *payload, size_t *bytes)
{
    if (!bytes_start_with(in, bytes_text("MSG "))) {
        return false;
    }
    const uint8_t *newline = memchr(in.ptr, '\n', MIN_OF(in.size, (size_t)CODEC_NATS_LINE_MAX));
    if (newline == NULL || newline[-1] != '\r') {
        return false;
    }
    size_t size = 0;
    size_t place = 1;
    const uint8_t *digit = newline - 2;
    for (; *digit >= '0' && *digit <= '9' && place <= CODEC_NATS_PAYLOAD_MAX; digit--) {
        size += (size_t)(*digit - '0') * place;
        place *= 10;
    }
    *payload = bytes_of(newline + 1, size);
    *bytes = (size_t)(newline + 1 - in.ptr) + size + 2;
    return *digit == ' ' && digit < newline - 2;
}

static bool next(struct codec *codec, struct bytes *in, struct codec_event *event)
{
    return codec_next(codec, in, event, look_at);
}

enum { ESCAPED_BYTES_MAX = 6 * (CODEC_LOGIN_TEXT_MAX - 1) + 1 }; /* all \u0001 */

/* What a JSON string may not hold as it is: quotes, backslashes, control characters. */
static void escape(char to[ESCAPED_BYTES_MAX], const char *text)
{
    ASSERT(strlen(text) < CODEC_LOGIN_TEXT_MAX);
    size_t size = 0;
    for (const char *c = text; *c != 0; c++) {
        if ((unsigned char)*c < ' ') {
            size += (size_t)snprintf(to + size, 7, "\\u%04x", (unsigned)*c);
            continue;
        }
        if (*c == '"' || *c == '\\') {
            to[size++] = '\\';
        }
        to[size++] = *c;
    }
    to[size] = 0;
}

static size_t render_connect(uint8_t *to, size_t capacity, const struct codec_login *login)
{
    char user[2 * ESCAPED_BYTES_MAX + 32] = "";
    static_assert(sizeof user + 512 <= CODEC_CONNECT_BYTES_MAX, "the rest is short");
    if (login->user[0] != 0) {
        char name[ESCAPED_BYTES_MAX];
        char password[ESCAPED_BYTES_MAX];
        escape(name, login->user);
        escape(password, login->password);
        snprintf(user, sizeof user, "\"user\":\"%s\",\"pass\":\"%s\",", name, password);
    }
    return codec_print(to, capacity,
                       "CONNECT {%s\"verbose\":false,\"pedantic\":false,\"tls_required\":false,"
                       "\"name\":\"%s\",\"lang\":\"c\",\"version\":\"1\",\"protocol\":1,"
                       "\"headers\":false}\r\n",
                       user, login->name != NULL ? login->name : "hubload");
}

static size_t render_subscribe(uint8_t *to, size_t capacity, const char *subject, uint64_t sid)
{
    return codec_print(to, capacity, "SUB %s %llu\r\n", subject, (unsigned long long)sid);
}

static size_t render_ping(uint8_t *to, size_t capacity)
{
    return codec_print(to, capacity, "PING\r\n");
}

static size_t render_pong(uint8_t *to, size_t capacity)
{
    return codec_print(to, capacity, "PONG\r\n");
}

static size_t render_publish(uint8_t *to, size_t capacity, const char *subject, size_t size)
{
    return codec_print(to, capacity, "PUB %s %zu\r\n", subject, size);
}

static size_t render_delivery(uint8_t *to, size_t capacity, const char *subject, uint64_t sid,
                              size_t size)
{
    return codec_print(to, capacity, "MSG %s %llu %zu\r\n", subject, (unsigned long long)sid, size);
}

static size_t render_unsubscribe(uint8_t *to, size_t capacity, const char *subject, uint64_t sid)
{
    (void)subject;
    return codec_print(to, capacity, "UNSUB %llu\r\n", (unsigned long long)sid);
}

static size_t render_join(uint8_t *to, size_t capacity, const char *subject, const char *group,
                          uint64_t sid)
{
    return codec_print(to, capacity, "SUB %s %s %llu\r\n", subject, group, (unsigned long long)sid);
}

static size_t render_request(uint8_t *to, size_t capacity, const char *subject, const char *reply,
                             size_t size)
{
    return codec_print(to, capacity, "PUB %s %s %zu\r\n", subject, reply, size);
}

const struct codec_protocol codec_nats = {
    .scheme = "nats",
    .port = 4222,
    .has_sids = true,
    .keeps_order = true,
    .forbidden = "",
    .next = next,
    .glance = glance,
    .render_connect = render_connect,
    .render_subscribe = render_subscribe,
    .render_ping = render_ping,
    .render_pong = render_pong,
    .render_topic = codec_topic_plain,
    .render_publish = render_publish,
    .render_delivery = render_delivery,
    .trailer = "\r\n",
    .ping = "PING\r\n",
    .render_unsubscribe = render_unsubscribe,
    .render_join = render_join,
    .render_request = render_request,
};
