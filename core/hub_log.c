/*
 * hub_log.c - lines of the log that say which client they are about; and, where the log is to trace
 * (-V, trace: true), what the hub says to clients. What they say is traced by their front-end.
 */
#include "core/hub_state.h"
#include "core/snapshot.h"

#include <inttypes.h>
#include <stdio.h>

enum { WORD_MAX = 48, ADDRESS_MAX = 48, WHO_MAX = 3 * WORD_MAX + ADDRESS_MAX + 48 };

static int size_of(struct bytes word, size_t most)
{
    return (int)MIN_OF(word.size, most);
}

/* 127.0.0.1:4711 - cid:3 - "v1.31.0:go:shop" - ; what is not known is left out. */
static void write_who(const struct hub *hub, const struct session *session, char who[WHO_MAX])
{
    struct snapshot_client client = {0};
    if (hub->options.describe != NULL) {
        hub->options.describe(session, &client);
    }
    const struct bytes *words = client.texts;
    char place[ADDRESS_MAX + 16] = "";
    char software[3 * WORD_MAX + 16] = "";
    if (words[TEXT_ADDRESS].size > 0) {
        snprintf(place, sizeof(place), "%.*s:%u - ", size_of(words[TEXT_ADDRESS], ADDRESS_MAX),
                 (const char *)words[TEXT_ADDRESS].ptr, client.port);
    }
    if (words[TEXT_LANG].size > 0) {
        snprintf(software, sizeof(software), "\"v%.*s:%.*s:%.*s\" - ",
                 size_of(words[TEXT_VERSION], WORD_MAX), (const char *)words[TEXT_VERSION].ptr,
                 size_of(words[TEXT_LANG], WORD_MAX), (const char *)words[TEXT_LANG].ptr,
                 size_of(words[TEXT_NAME], WORD_MAX), (const char *)words[TEXT_NAME].ptr);
    }
    snprintf(who, WHO_MAX, "%scid:%" PRIu64 " - %s", place, session->client_id, software);
}

void hub_log_session(const struct hub *hub, const struct session *session, enum log_level level,
                     const char *format, ...)
{
    if (!log_wants(hub->options.log, level)) {
        return;
    }
    char who[WHO_MAX];
    write_who(hub, session, who);
    va_list arguments;
    va_start(arguments, format);
    log_write_about(hub->options.log, level, who, format, arguments);
    va_end(arguments);
}

/* ---- tracing ----------------------------------------------------------------------------------- */

bool hub_is_traced(const struct hub *hub)
{
    return hub->is_traced;
}

void hub_trace_turn(struct hub *hub)
{
    hub->is_traced = log_wants(hub->options.log, LOG_TRACE);
    hub->watched_bytes = hub->is_traced ? 0 : hub->options.log_bytes_max;
}

/* Up to its line end, or all of it. */
static struct bytes first_line(struct bytes bytes)
{
    const uint8_t *end = memchr(bytes.ptr, '\r', bytes.size);
    return bytes_of(bytes.ptr, end != NULL ? (size_t)(end - bytes.ptr) : bytes.size);
}

void hub_trace_answer(const struct hub *hub, const struct session *session, struct bytes answer)
{
    struct bytes line = first_line(answer);
    size_t plus = line.size > 0 && line.ptr[0] == '+' ? 1 : 0;
    hub_log_session(hub, session, LOG_TRACE, "->> [%.*s]", (int)(line.size - plus),
                    (const char *)line.ptr + plus);
}

/* MSG or HMSG as the layout has it, without the payload. */
static void trace_message(const struct hub *hub, const struct session *session,
                          const struct frames *frames, const struct message *message)
{
    const struct run *run = frames->run;
    struct bytes subject = run_subject(run);
    struct bytes sid = frames->layout.sid;
    bool is_stripped = frame_is_stripped(frames, message);
    struct bytes rest = first_line(
        bytes_of(message_tail(message), is_stripped ? message->reply_size : message->tail_size));
    char size[16] = "";
    if (is_stripped) {
        snprintf(size, sizeof(size), "%s%" PRIu32, rest.size > 0 ? " " : "",
                 (uint32_t)(message->payload_size - message->header_size));
    }
    hub_log_session(hub, session, LOG_TRACE, "->> [%s %.*s %.*s %.*s%s]",
                    message->header_text_size > 0 && !is_stripped ? "HMSG" : "MSG",
                    (int)subject.size, (const char *)subject.ptr, (int)sid.size,
                    (const char *)sid.ptr, (int)rest.size, (const char *)rest.ptr, size);
}

void hub_trace_delivered(struct hub *hub, struct audience *audience, struct run_span span)
{
    struct frames frames = frames_of(span.run, audience_layout(audience));
    uint32_t members_count = audience_members_count(audience);
    const struct member *members = audience_is_shared(audience) ? audience_members(audience) : NULL;
    for (uint32_t i = 0; i < members_count; i++) {
        uint32_t slot = members != NULL ? members[i].slot : audience->only->slot;
        const struct session *session = pool_at(&hub->sessions, slot);
        const struct message *message = span.first;
        for (uint32_t j = 0; j < span.count; j++) {
            trace_message(hub, session, &frames, message);
            message = message_next(message);
        }
    }
}
