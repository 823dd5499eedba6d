/* responder.c - one answer per request. */
#include "loadgen/responder.h"

#include "loadgen/names.h"

enum { PREFIX_BYTES_MAX = 1024 };

/* Where the answer goes; false: this is no request of ours. */
static bool reply_find(const struct course *course, const struct codec_event *event,
                       struct name *name)
{
    struct message_header header;
    if (event->reply.size != 0 && event->reply.size < sizeof name->text) {
        memcpy(name->text, event->reply.ptr, event->reply.size);
        name->text[event->reply.size] = 0;
        return true;
    }
    if (event->payload.size < message_head_bytes(&course->form) ||
        !message_read(&course->form, event->payload.ptr, &header)) {
        return false;
    }
    *name = name_subject(course->scenario, header.stream);
    return true;
}

static void answer(struct client *client, const struct course *course,
                   const struct codec_event *event)
{
    const struct codec_protocol *protocol = course->scenario->protocol;
    struct name name;
    if (!reply_find(course, event, &name)) {
        return; /* its requester will miss it */
    }
    size_t trailer_bytes = strlen(protocol->trailer);
    size_t size = event->payload.size;
    uint8_t *to = client_room(client, PREFIX_BYTES_MAX + size + trailer_bytes);
    size_t prefix_bytes = protocol->render_publish(to, PREFIX_BYTES_MAX, name.text, size);
    ASSERT(prefix_bytes != 0);
    memcpy(to + prefix_bytes, event->payload.ptr, size);
    memcpy(to + prefix_bytes + size, protocol->trailer, trailer_bytes);
    client_said(client, prefix_bytes + size + trailer_bytes);
}

enum client_news responder_take(struct client *client, const struct course *course,
                                struct bytes bytes, struct codec_event *event)
{
    enum client_news news = CLIENT_NOTHING;
    while (bytes.size != 0 && news != CLIENT_REFUSED &&
           course->scenario->protocol->next(&client->codec, &bytes, event)) {
        news = client_hear(client, course, event);
        if (news == CLIENT_MESSAGE) {
            answer(client, course, event);
        }
    }
    if (news != CLIENT_REFUSED && !client_flush(client)) {
        return CLIENT_NOTHING; /* a broken connection is noticed by reading */
    }
    return news == CLIENT_REFUSED ? news : CLIENT_NOTHING;
}
