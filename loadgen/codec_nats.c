/*
 * codec_nats.c - one operation at a time out of contiguous bytes. Where the input ends within an
 * operation its bytes are held, and topped up by exactly what completes them: first to the end of
 * the line, which says how much follows, then to the end of the payload.
 */
#include "loadgen/codec_nats.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* What one look at contiguous bytes found. */
struct look {
    size_t used; /* not 0: the event is complete and has so many bytes */
    size_t need; /* used is 0: bytes the operation has in all; 0: its line is not complete yet */
};

static struct look broken(struct codec_event *event, struct bytes in, const char *what)
{
    event->kind = CODEC_BROKEN;
    event->text = bytes_text(what);
    struct look look = {in.size, 0};
    return look;
}

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
static struct look look_message(struct bytes in, size_t line_bytes, struct bytes arguments,
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
        return broken(event, in, "a MSG line that cannot be read");
    }
    struct look look = {0, line_bytes + size + 2};
    if (in.size < look.need) {
        return look;
    }
    const uint8_t *body = in.ptr + line_bytes;
    if (body[size] != '\r' || body[size + 1] != '\n') {
        return broken(event, in, "a payload without CR LF behind it");
    }
    event->kind = CODEC_MESSAGE;
    event->subject = words[0];
    event->payload = bytes_of(body + header_bytes, size - header_bytes);
    look.used = look.need;
    return look;
}

static struct look look_line(struct bytes in, size_t line_bytes, struct codec_event *event)
{
    size_t end = line_bytes - 1;
    if (end != 0 && in.ptr[end - 1] == '\r') {
        end--;
    }
    struct bytes rest = bytes_of(in.ptr, end);
    struct bytes verb = word_take(&rest);
    struct look look = {line_bytes, 0};
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
        event->kind = CODEC_REFUSED;
    } else {
        return broken(event, in, "a verb that NATS servers do not say");
    }
    return look;
}

static struct look look_at(struct bytes in, struct codec_event *event)
{
    struct look nothing = {0, 0};
    const uint8_t *newline = memchr(in.ptr, '\n', MIN_OF(in.size, (size_t)CODEC_NATS_LINE_MAX));
    if (newline != NULL) {
        return look_line(in, (size_t)(newline - in.ptr) + 1, event);
    }
    return in.size < CODEC_NATS_LINE_MAX ? nothing : broken(event, in, "a line without an end");
}

/* Moves count bytes from the front of *in behind those held. */
static void hold(struct codec *codec, struct bytes *in, size_t count)
{
    size_t size = codec->held_bytes + count;
    if (size > codec->held_capacity) {
        codec->held_capacity = MAX_OF(size, 2 * codec->held_capacity);
        codec->held = memory_resize(codec->held, codec->held_capacity);
    }
    memcpy(codec->held + codec->held_bytes, in->ptr, count);
    codec->held_bytes = size;
    *in = bytes_skip(*in, count);
}

/* An operation began in earlier input: completes it, or holds all of *in. */
static bool next_held(struct codec *codec, struct bytes *in, struct codec_event *event)
{
    while (in->size != 0) {
        struct look look = look_at(bytes_of(codec->held, codec->held_bytes), event);
        size_t wanted = look.need - codec->held_bytes;
        if (look.need == 0) {
            const uint8_t *newline = memchr(in->ptr, '\n', in->size);
            wanted = newline == NULL ? in->size : (size_t)(newline - in->ptr) + 1;
        }
        hold(codec, in, MIN_OF(wanted, in->size));
        look = look_at(bytes_of(codec->held, codec->held_bytes), event);
        if (look.used != 0) {
            ASSERT(event->kind == CODEC_BROKEN || look.used == codec->held_bytes);
            codec->lent = true;
            codec->broken = event->kind == CODEC_BROKEN;
            return true;
        }
    }
    return false;
}

static bool next(struct codec *codec, struct bytes *in, struct codec_event *event)
{
    memset(event, 0, sizeof *event);
    if (codec->lent) {
        codec->lent = false;
        codec->held_bytes = 0;
    }
    if (codec->broken) {
        *in = bytes_of(NULL, 0);
    }
    if (in->size == 0) {
        return false;
    }
    if (codec->held_bytes != 0) {
        return next_held(codec, in, event);
    }
    struct look look = look_at(*in, event);
    if (look.used == 0) {
        hold(codec, in, in->size);
        return false;
    }
    codec->broken = event->kind == CODEC_BROKEN;
    *in = bytes_skip(*in, look.used);
    return true;
}

/* snprintf's result as a size; 0 when it did not fit. */
static size_t rendered(int length, size_t capacity)
{
    return length < 0 || (size_t)length >= capacity ? 0 : (size_t)length;
}

static size_t render_connect(uint8_t *to, size_t capacity, const struct codec_login *login)
{
    char user[600] = "";
    if (login->user[0] != 0) {
        int length = snprintf(user, sizeof user, "\"user\":\"%s\",\"pass\":\"%s\",", login->user,
                              login->password);
        if (rendered(length, sizeof user) == 0) {
            return 0;
        }
    }
    return rendered(snprintf((char *)to, capacity,
                             "CONNECT {%s\"verbose\":false,\"pedantic\":false,\"tls_required\":"
                             "false,\"name\":\"hubload\",\"lang\":\"c\",\"version\":\"1\","
                             "\"protocol\":1,\"headers\":false}\r\n",
                             user),
                    capacity);
}

static size_t render_subscribe(uint8_t *to, size_t capacity, const char *subject, uint64_t sid)
{
    return rendered(
        snprintf((char *)to, capacity, "SUB %s %llu\r\n", subject, (unsigned long long)sid),
        capacity);
}

static size_t render_ping(uint8_t *to, size_t capacity)
{
    return rendered(snprintf((char *)to, capacity, "PING\r\n"), capacity);
}

static size_t render_pong(uint8_t *to, size_t capacity)
{
    return rendered(snprintf((char *)to, capacity, "PONG\r\n"), capacity);
}

static size_t render_publish(uint8_t *to, size_t capacity, const char *subject, size_t size)
{
    return rendered(snprintf((char *)to, capacity, "PUB %s %zu\r\n", subject, size), capacity);
}

static size_t render_delivery(uint8_t *to, size_t capacity, const char *subject, uint64_t sid,
                              size_t size)
{
    return rendered(snprintf((char *)to, capacity, "MSG %s %llu %zu\r\n", subject,
                             (unsigned long long)sid, size),
                    capacity);
}

const struct codec_protocol codec_nats = {
    .scheme = "nats",
    .port = 4222,
    .next = next,
    .render_connect = render_connect,
    .render_subscribe = render_subscribe,
    .render_ping = render_ping,
    .render_pong = render_pong,
    .render_publish = render_publish,
    .render_delivery = render_delivery,
    .trailer = "\r\n",
};
