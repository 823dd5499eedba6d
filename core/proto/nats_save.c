/* nats_save.c - the client's own fields, then those of its session (hub_save.c). */
#include "core/proto/nats_save.h"

enum { SAVE_VERSION = 1 };

struct save_client {
    uint32_t version;
    uint32_t size; /* of this struct: another build's is another size, or another version */
    uint32_t identity_size;
    struct nats_client client; /* its session and pointers mean nothing */
    bool is_unfinished;
    struct nats_parser parser; /* if is_unfinished */
};

static size_t identity_size(const char *identity)
{
    size_t size = 0;
    for (int part = 0; identity != NULL && part < 4; part++) {
        size += strlen(identity + size) + 1;
    }
    return size;
}

size_t nats_save(struct hub *hub, struct session *session, uint8_t *to, size_t size)
{
    const struct nats_client *client = CONTAINER_OF(session, struct nats_client, session);
    size_t name_size = identity_size(client->identity);
    size_t own = sizeof(struct save_client) + name_size;
    uint8_t *rest = size > own ? to + own : NULL;
    size_t session_size = session_save(hub, session, rest, rest != NULL ? size - own : 0);
    if (session_size == 0) {
        return 0;
    }
    if (own + session_size <= size) {
        ASSERT(to != NULL);
        struct save_client saved = {.version = SAVE_VERSION,
                                    .size = sizeof(saved),
                                    .identity_size = (uint32_t)name_size,
                                    .client = *client,
                                    .is_unfinished = client->unfinished != NULL};
        if (saved.is_unfinished) {
            saved.parser = *client->unfinished;
        }
        memcpy(to, &saved, sizeof(saved));
        if (name_size > 0) {
            memcpy(to + sizeof(saved), client->identity, name_size);
        }
    }
    return own + session_size;
}

bool nats_load(const struct nats *nats, struct hub *hub, struct session *session, struct bytes from)
{
    struct nats_client *client = CONTAINER_OF(session, struct nats_client, session);
    struct save_client saved;
    if (from.size < sizeof(saved)) {
        return false;
    }
    memcpy(&saved, from.ptr, sizeof(saved));
    from = bytes_skip(from, sizeof(saved));
    if (saved.version != SAVE_VERSION || saved.size != sizeof(saved) ||
        saved.identity_size > from.size) {
        return false;
    }
    struct session fresh = client->session;
    nats_closed(session);
    *client = saved.client;
    client->session = fresh;
    client->identity = NULL;
    client->unfinished = NULL;
    if (saved.identity_size > 0) {
        client->identity = memory_alloc(saved.identity_size);
        memcpy(client->identity, from.ptr, saved.identity_size);
    }
    if (saved.is_unfinished) {
        client->unfinished = hub_block_take(hub);
        *client->unfinished = saved.parser;
        client->unfinished->max_control_line = nats->options.max_control_line;
        client->unfinished->max_payload = nats->options.max_payload;
    }
    return session_load(hub, session, bytes_skip(from, saved.identity_size));
}
