/* wire.c - see wire.h. */
#include "tests/support/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int socket_new(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0);
    const int on = 1;
    const struct timeval patience = {.tv_sec = WIRE_PATIENCE_S};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    return fd;
}

int wire_dial(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int seconds = 0;; seconds++) {
        int fd = socket_new();
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
            return fd;
        }
        int error = errno;
        close(fd);
        if (error == ECONNREFUSED || error == ECONNRESET) {
            return -1;
        }
        /* The machine is short of ports or of memory, through whomever: some comes back. */
        fprintf(stderr, "connect: %s\n", strerror(error));
        ASSERT(seconds < WIRE_PATIENCE_S);
        sleep(1);
    }
}

void wire_close(struct wire *wire)
{
    if (wire != NULL) {
        close(wire->fd);
        memory_free(wire);
    }
}

void wire_reset(struct wire *wire)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    wire_close(wire);
}

bool wire_say(struct wire *wire, const char *format, ...)
{
    char text[16 * 1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ASSERT(size >= 0);
    ASSERT((size_t)size < sizeof(text));
    for (size_t at = 0; at < (size_t)size;) {
        ssize_t sent = send(wire->fd, text + at, (size_t)size - at, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        ASSERT(sent > 0 || errno == EPIPE || errno == ECONNRESET); /* else: no room for too long */
        if (sent <= 0) {
            return false;
        }
        at += (size_t)sent;
    }
    return true;
}

/* Receives once. False: the end. */
static bool fill(struct wire *wire)
{
    if (wire->first > 0) {
        memmove(wire->buffer, wire->buffer + wire->first, wire->size);
        wire->first = 0;
    }
    ASSERT(wire->size < sizeof(wire->buffer));
    for (;;) {
        ssize_t got =
            recv(wire->fd, wire->buffer + wire->size, sizeof(wire->buffer) - wire->size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        ASSERT(got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)); /* nothing for too long */
        wire->size += got > 0 ? (size_t)got : 0;
        return got > 0;
    }
}

/* The next line without its end, terminated in place; NULL: the end. */
static char *take_line(struct wire *wire)
{
    for (;;) {
        uint8_t *start = wire->buffer + wire->first;
        uint8_t *end = memchr(start, '\n', wire->size);
        if (end != NULL) {
            ASSERT(end > start);
            ASSERT(end[-1] == '\r');
            end[-1] = '\0';
            size_t size = (size_t)(end + 1 - start);
            wire->first += size;
            wire->size -= size;
            return (char *)start;
        }
        if (!fill(wire)) {
            return NULL;
        }
    }
}

static bool take_payload(struct wire *wire, struct wire_message *message)
{
    while (wire->size < message->size + 2) {
        if (!fill(wire)) {
            return false;
        }
    }
    const uint8_t *payload = wire->buffer + wire->first;
    ASSERT(memcmp(payload + message->size, "\r\n", 2) == 0);
    size_t kept = MIN_OF(message->size, sizeof(message->text) - 1);
    memcpy(message->text, payload, kept);
    message->text[kept] = '\0';
    wire->first += message->size + 2;
    wire->size -= message->size + 2;
    return true;
}

/* The words of "MSG subject sid [reply] size", or "HMSG subject sid [reply] headers size". */
static void parse_head(char *line, struct wire_message *message)
{
    char *words[6] = {NULL};
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        ASSERT(count < COUNT_OF(words));
        words[count++] = word;
    }
    size_t numbers = line[0] == 'H' ? 2 : 1;
    ASSERT(count == 3 + numbers || count == 4 + numbers);
    bool has_reply = count == 4 + numbers;
    snprintf(message->subject, sizeof(message->subject), "%s", words[1]);
    message->sid = (unsigned)strtoul(words[2], NULL, 10);
    snprintf(message->reply, sizeof(message->reply), "%s", has_reply ? words[3] : "");
    message->size = strtoul(words[count - 1], NULL, 10);
    message->header_size = numbers == 2 ? strtoul(words[count - 2], NULL, 10) : 0;
    ASSERT(message->size + 2 < WIRE_BUFFER_BYTES);
}

enum wire_word wire_next(struct wire *wire, struct wire_message *message)
{
    char *line;
    while ((line = take_line(wire)) != NULL) {
        if (strncmp(line, "MSG ", 4) == 0 || strncmp(line, "HMSG ", 5) == 0) {
            parse_head(line, message);
            return take_payload(wire, message) ? WIRE_MESSAGE : WIRE_END;
        }
        if (strcmp(line, "PONG") == 0) {
            return WIRE_PONG;
        }
        if (strcmp(line, "PING") == 0) {
            (void)wire_say(wire, "PONG\r\n"); /* if it is dead, the next read says so */
            continue;
        }
        if (strcmp(line, "+OK") == 0) {
            continue;
        }
        snprintf(message->text, sizeof(message->text), "%s", line);
        if (strncmp(line, "INFO ", 5) == 0) {
            return WIRE_INFO;
        }
        ASSERT(strncmp(line, "-ERR ", 5) == 0);
        return WIRE_ERROR;
    }
    return WIRE_END;
}

struct wire *wire_open(uint16_t port, const char *options)
{
    int fd = wire_dial(port);
    if (fd < 0) {
        return NULL;
    }
    struct wire *wire = memory_alloc(sizeof(*wire));
    struct wire_message message;
    wire->fd = fd;
    if (wire_next(wire, &message) != WIRE_INFO ||
        !wire_say(wire, "CONNECT {\"verbose\":false,\"pedantic\":false%s%s}\r\n",
                  options[0] != '\0' ? "," : "", options)) {
        wire_close(wire);
        return NULL;
    }
    return wire;
}

void wire_sync(struct wire *wire)
{
    struct wire_message message;
    bool said = wire_say(wire, "PING\r\n");
    ASSERT(said);
    for (;;) {
        enum wire_word word = wire_next(wire, &message);
        if (word == WIRE_PONG) {
            return;
        }
        ASSERT(word == WIRE_INFO); /* the one after the first PONG */
    }
}

struct wire_mark wire_mark_of(const struct wire_message *message)
{
    struct wire_mark mark;
    int found = sscanf(message->text, "%u %u", &mark.publisher, &mark.number);
    ASSERT(found == 2);
    return mark;
}
