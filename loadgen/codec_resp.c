/*
 * codec_resp.c - replies are lines; a push is an array of two to four strings and numbers. A client
 * without subscriptions gets replies, one with subscriptions gets everything as pushes, and both
 * kinds are understood in either state.
 */
#include "loadgen/codec_resp.h"

#include <strings.h>

enum { ELEMENTS_MAX = 4, PATTERN_BYTES_MAX = 1024 };

/* A way through contiguous bytes, and why it ended early. */
struct cursor {
    struct bytes in;
    size_t at;
    size_t need;       /* as in codec_look */
    const char *wrong; /* NULL: the bytes are only too few */
};

struct element {
    struct bytes text;
    bool is_number;
};

/* Takes a line; without its CR LF. */
static bool line_take(struct cursor *c, struct bytes *line)
{
    struct bytes rest = bytes_skip(c->in, c->at);
    size_t within = MIN_OF(rest.size, (size_t)CODEC_RESP_LINE_MAX);
    const uint8_t *newline = within == 0 ? NULL : memchr(rest.ptr, '\n', within);
    c->need = 0;
    if (newline == NULL) {
        c->wrong = rest.size < CODEC_RESP_LINE_MAX ? NULL : "a line without an end";
        return false;
    }
    size_t size = (size_t)(newline - rest.ptr);
    if (size == 0 || newline[-1] != '\r') {
        c->wrong = "a line without CR LF";
        return false;
    }
    *line = bytes_of(rest.ptr, size - 1);
    c->at += size + 1;
    return true;
}

/* Returns false unless text is 1 to 18 decimal digits; -1 is read as well. */
static bool number_read(struct bytes text, int64_t *number)
{
    *number = -1;
    if (bytes_equal(text, bytes_text("-1"))) {
        return true;
    }
    if (text.size == 0 || text.size > 18) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        *number = *number * 10 + (text.ptr[i] - '0');
    }
    return true;
}

/* Takes the bytes of a string whose length was read. */
static bool string_take(struct cursor *c, size_t size, struct bytes *text)
{
    c->need = c->at + size + 2;
    if (c->in.size < c->need) {
        return false;
    }
    const uint8_t *body = c->in.ptr + c->at;
    if (body[size] != '\r' || body[size + 1] != '\n') {
        c->wrong = "a string without CR LF behind it";
        return false;
    }
    *text = bytes_of(body, size);
    c->at = c->need;
    return true;
}

static bool element_take(struct cursor *c, size_t size_max, struct element *element)
{
    struct bytes line;
    int64_t number;
    if (!line_take(c, &line)) {
        return false;
    }
    uint8_t type = line.size == 0 ? 0 : line.ptr[0];
    element->is_number = type == ':';
    element->text = bytes_of(NULL, 0);
    if ((type != ':' && type != '$') || !number_read(bytes_skip(line, 1), &number)) {
        c->wrong = "a push of something else than strings and numbers";
        return false;
    }
    if (type == ':' || number < 0) {
        return true; /* no string is sent as length -1 */
    }
    if ((size_t)number > size_max) {
        c->wrong = "a string that is too long";
        return false;
    }
    return string_take(c, (size_t)number, &element->text);
}

/* Returns false when this is no push of publish/subscribe. */
static bool push_understand(const struct element *e, size_t count, struct codec_event *event)
{
    static const struct {
        const char *name;
        size_t count;
        enum codec_event_kind kind;
        bool number_last;
    } pushes[] = {
        {"message", 3, CODEC_MESSAGE, false},     {"pmessage", 4, CODEC_MESSAGE, false},
        {"subscribe", 3, CODEC_SUBSCRIBED, true}, {"psubscribe", 3, CODEC_SUBSCRIBED, true},
        {"unsubscribe", 3, CODEC_OK, true},       {"punsubscribe", 3, CODEC_OK, true},
        {"pong", 2, CODEC_PONG, false},
    };
    for (size_t i = 0; i < COUNT_OF(pushes); i++) {
        if (bytes_equal(e[0].text, bytes_text(pushes[i].name)) && pushes[i].count == count &&
            pushes[i].number_last == e[count - 1].is_number) {
            event->kind = pushes[i].kind;
            if (event->kind == CODEC_MESSAGE) {
                event->subject = e[count - 2].text;
                event->payload = e[count - 1].text;
            }
            return true;
        }
    }
    return false;
}

static struct codec_look look_push(struct cursor *c, struct bytes count_text,
                                   struct codec_event *event)
{
    struct element elements[ELEMENTS_MAX];
    int64_t count;
    if (!number_read(count_text, &count) || count < 2 || count > ELEMENTS_MAX) {
        return codec_broken(event, c->in, "an array of a size that no push has");
    }
    for (int64_t i = 0; i < count; i++) {
        size_t size_max = i + 1 < count ? CODEC_RESP_LINE_MAX : CODEC_RESP_PAYLOAD_MAX;
        if (!element_take(c, size_max, &elements[i])) {
            struct codec_look unfinished = {0, c->need};
            return c->wrong != NULL ? codec_broken(event, c->in, c->wrong) : unfinished;
        }
    }
    if (!push_understand(elements, (size_t)count, event)) {
        return codec_broken(event, c->in, "a push that is not of publish/subscribe");
    }
    struct codec_look look = {c->at, 0};
    return look;
}

/* Redis 7 says NOAUTH and WRONGPASS; before 6 it began what was wrong with a password in other ways. */
static bool is_denial(struct bytes text)
{
    return codec_begins(text, "NOAUTH ") || codec_begins(text, "WRONGPASS ") ||
           codec_begins(text, "ERR AUTH ") || codec_begins(text, "ERR invalid password") ||
           codec_begins(text, "ERR Client sent AUTH");
}

static struct codec_look look_at(struct bytes in, struct codec_event *event)
{
    struct cursor c = {in, 0, 0, NULL};
    struct bytes line;
    int64_t number;
    if (memchr("+-:*", in.ptr[0], 4) == NULL) {
        return codec_broken(event, in, "a reply of a type that was not asked for");
    }
    if (!line_take(&c, &line)) {
        struct codec_look unfinished = {0, c.need};
        return c.wrong != NULL ? codec_broken(event, in, c.wrong) : unfinished;
    }
    uint8_t type = line.ptr[0];
    line = bytes_skip(line, 1);
    if (type == '*') {
        return look_push(&c, line, event);
    }
    event->text = line;
    if (type == '-') {
        event->kind = is_denial(line) ? CODEC_DENIED : CODEC_REFUSED;
    } else if (type == '+') {
        event->kind = bytes_equal(line, bytes_text("PONG")) ? CODEC_PONG : CODEC_OK;
    } else if (number_read(line, &number)) {
        event->kind = CODEC_OK;
    } else {
        return codec_broken(event, in, "a number that cannot be read");
    }
    struct codec_look look = {c.at, 0};
    return look;
}

static bool next(struct codec *codec, struct bytes *in, struct codec_event *event)
{
    return codec_next(codec, in, event, look_at);
}

static size_t render_connect(uint8_t *to, size_t capacity, const struct codec_login *login)
{
    if (login->password[0] == 0) {
        return 0;
    }
    if (login->user[0] == 0) {
        return codec_print(to, capacity, "*2\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n",
                           strlen(login->password), login->password);
    }
    return codec_print(to, capacity, "*3\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n",
                       strlen(login->user), login->user, strlen(login->password), login->password);
}

/* Writes the glob that matches at least what subject matches. Returns false when it is too long. */
static bool pattern_write(char pattern[PATTERN_BYTES_MAX], const char *subject)
{
    size_t size = 0;
    for (const char *c = subject; *c != 0; c++) {
        if (size + 3 > PATTERN_BYTES_MAX) {
            return false;
        }
        if (*c == '?' || *c == '[' || *c == ']' || *c == '\\') {
            pattern[size++] = '\\';
        }
        pattern[size++] = *c;
        if (*c == '>') {
            pattern[size - 1] = '*';
        }
    }
    pattern[size] = 0;
    return true;
}

/* SUBSCRIBE or UNSUBSCRIBE; of a pattern with a P in front. */
static size_t render_verb(uint8_t *to, size_t capacity, const char *verb, const char *subject)
{
    char pattern[PATTERN_BYTES_MAX];
    if (strpbrk(subject, "*>") == NULL) {
        return codec_print(to, capacity, "*2\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(verb), verb,
                           strlen(subject), subject);
    }
    if (!pattern_write(pattern, subject)) {
        return 0;
    }
    return codec_print(to, capacity, "*2\r\n$%zu\r\nP%s\r\n$%zu\r\n%s\r\n", strlen(verb) + 1, verb,
                       strlen(pattern), pattern);
}

static size_t render_subscribe(uint8_t *to, size_t capacity, const char *subject, uint64_t sid)
{
    (void)sid;
    return render_verb(to, capacity, "SUBSCRIBE", subject);
}

static size_t render_unsubscribe(uint8_t *to, size_t capacity, const char *subject, uint64_t sid)
{
    (void)sid;
    return render_verb(to, capacity, "UNSUBSCRIBE", subject);
}

static size_t render_ping(uint8_t *to, size_t capacity)
{
    return codec_print(to, capacity, "*1\r\n$4\r\nPING\r\n");
}

static size_t render_publish(uint8_t *to, size_t capacity, const char *subject, size_t size)
{
    return codec_print(to, capacity, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%zu\r\n",
                       strlen(subject), subject, size);
}

static size_t render_delivery(uint8_t *to, size_t capacity, const char *subject, uint64_t sid,
                              size_t size)
{
    (void)sid;
    return codec_print(to, capacity, "*3\r\n$7\r\nmessage\r\n$%zu\r\n%s\r\n$%zu\r\n",
                       strlen(subject), subject, size);
}

const struct codec_protocol codec_resp = {
    .scheme = "redis",
    .port = 6379,
    .client_first = true,
    .confirms = true,
    .password_alone = true,
    .keeps_order = true,
    .forbidden = "",
    .next = next,
    .render_connect = render_connect,
    .render_subscribe = render_subscribe,
    .render_ping = render_ping,
    .render_topic = codec_topic_plain,
    .render_publish = render_publish,
    .render_delivery = render_delivery,
    .trailer = "\r\n",
    .ping = "",
    .render_unsubscribe = render_unsubscribe,
    .without_groups = "--queue-groups: Redis and Valkey have none",
};
