/* nats_words.c - -ERR, in the words clients look for. */
#include "core/proto/nats_words.h"

#include "core/proto/nats_text.h"

void nats_say_error(struct hub *hub, struct session *session, const char *text)
{
    char line[128];
    size_t size = strlen(text);
    ASSERT(size + 10 < sizeof(line));
    memcpy(line, "-ERR '", 6);
    memcpy(line + 6, text, size);
    memcpy(line + 6 + size, "'\r\n", 3);
    hub_control(hub, session, bytes_of(line, size + 9));
}

static uint8_t *put(uint8_t *to, const char *text)
{
    size_t size = strlen(text);
    memcpy(to, text, size);
    return to + size;
}

/* -ERR 'Permissions Violation for <what> "<name>"[ using queue "<queue>"][<rest>]' */
void nats_say_violation(struct hub *hub, struct session *session, const char *what,
                        struct bytes name, struct bytes queue, struct bytes rest)
{
    uint8_t *line =
        memory_alloc(128 + nats_quoted_max(name.size) + nats_quoted_max(queue.size) + rest.size);
    uint8_t *to = put(line, "-ERR 'Permissions Violation for ");
    to = put(to, what);
    *to++ = ' ';
    to += nats_quote(to, name);
    if (queue.size > 0) {
        to = put(to, " using queue ");
        to += nats_quote(to, queue);
    }
    if (rest.size > 0) {
        memcpy(to, rest.ptr, rest.size);
        to += rest.size;
    }
    to = put(to, "'\r\n");
    hub_control(hub, session, bytes_of(line, (size_t)(to - line)));
    memory_free(line);
}

void nats_close_saying(struct hub *hub, struct session *session, const char *text,
                       enum close_reason reason)
{
    if (text != NULL) {
        nats_say_error(hub, session, text);
    }
    hub_close(hub, session, reason, HUB_CLOSE_FLUSH);
}
