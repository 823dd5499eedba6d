/*
 * nats_save.c - the client's own fields and who it is, then those of its session (hub_save.c).
 */
#include "core/proto/nats_save.h"

#include "core/proto/nats_words.h"

enum { SAVE_VERSION = 3 };

struct save_client {
    uint32_t version;
    uint32_t size; /* of this struct: another build's is another size, or another version */
    uint32_t identity_size;
    uint32_t user_size; /* of its name */
    uint32_t responses_count;
    struct nats_client client; /* its session and pointers mean nothing */
    bool is_unfinished;
    bool has_grant;
    bool has_user;
    bool is_implied;
    bool has_place;    /* of its user's */
    uint8_t user_kind; /* enum access_kind */
    char nonce[NKEY_NONCE_SIZE];
    struct nats_parser parser; /* if is_unfinished */
};

struct save_response {
    uint64_t heard_ns;
    uint32_t used;
    uint32_t size;
};

static size_t identity_size(const char *identity)
{
    size_t size = 0;
    for (int part = 0; identity != NULL && part < 4; part++) {
        size += strlen(identity + size) + 1;
    }
    return size;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Counts what it is given, and keeps what fits. */
struct writer {
    uint8_t *to;
    size_t size;
    size_t at;
};

static void writer_put(struct writer *writer, const void *from, size_t size)
{
    if (from != NULL && size > 0 && writer->at + size <= writer->size) {
        memcpy(writer->to + writer->at, from, size);
    }
    writer->at += size;
}

static void save_grant(const struct grant *grant, struct save_client *saved)
{
    if (grant == NULL) {
        return;
    }
    saved->has_grant = true;
    saved->has_user = grant->user != NULL;
    saved->is_implied = grant->is_implied;
    saved->has_place = grant->usage != NULL;
    saved->user_kind = grant->user != NULL ? grant->user->kind : 0;
    saved->user_size = grant->user != NULL ? (uint32_t)grant->user->name.size : 0;
    memcpy(saved->nonce, grant->nonce, sizeof(saved->nonce));
    const void *cursor = NULL;
    struct response_view response;
    while (grant_response_next(grant, &cursor, &response)) {
        saved->responses_count++;
    }
}

static void save_responses(const struct grant *grant, struct writer *writer)
{
    const void *cursor = NULL;
    struct response_view response;
    while (grant_response_next(grant, &cursor, &response)) {
        struct save_response saved = {.heard_ns = response.heard_ns,
                                      .used = response.used,
                                      .size = (uint32_t)response.subject.size};
        writer_put(writer, &saved, sizeof(saved));
        writer_put(writer, response.subject.ptr, response.subject.size);
    }
}

size_t nats_save(struct hub *hub, struct session *session, uint8_t *to, size_t size)
{
    const struct nats_client *client = CONTAINER_OF(session, struct nats_client, session);
    const struct grant *grant = session->grant;
    struct save_client saved = {.version = SAVE_VERSION,
                                .size = sizeof(saved),
                                .identity_size = (uint32_t)identity_size(client->identity),
                                .client = *client,
                                .is_unfinished = client->unfinished != NULL};
    if (saved.is_unfinished) {
        saved.parser = *client->unfinished;
    }
    save_grant(grant, &saved);
    struct writer writer = {.to = to, .size = size};
    writer_put(&writer, &saved, sizeof(saved));
    writer_put(&writer, client->identity, saved.identity_size);
    if (grant != NULL) {
        writer_put(&writer, grant->user != NULL ? grant->user->name.ptr : NULL, saved.user_size);
        save_responses(grant, &writer);
    }
    uint8_t *rest = size > writer.at ? to + writer.at : NULL;
    size_t session_size = session_save(hub, session, rest, rest != NULL ? size - writer.at : 0);
    return session_size == 0 ? 0 : writer.at + session_size;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool take(struct bytes *from, void *to, size_t size)
{
    if (from->size < size) {
        return false;
    }
    if (size > 0) {
        memcpy(to, from->ptr, size);
    }
    *from = bytes_skip(*from, size);
    return true;
}

static bool load_responses(struct hub *hub, struct session *session, uint32_t count,
                           struct bytes *from)
{
    for (uint32_t i = 0; i < count; i++) {
        struct save_response saved;
        if (!take(from, &saved, sizeof(saved)) || from->size < saved.size) {
            return false;
        }
        struct response_view response = {.subject = bytes_of(from->ptr, saved.size),
                                         .heard_ns = saved.heard_ns,
                                         .used = saved.used};
        *from = bytes_skip(*from, saved.size);
        if (session->grant != NULL) {
            hub_response_put(hub, session, &response);
        }
    }
    return true;
}

/* Who it was it is here too; a user that is not known here is nobody, and the caller closes it. */
static bool load_grant(struct hub *hub, struct session *session, const struct save_client *saved,
                       struct bytes *from)
{
    if (from->size < saved->user_size) {
        return false;
    }
    struct bytes name = bytes_of(from->ptr, saved->user_size);
    *from = bytes_skip(*from, saved->user_size);
    if (hub_access(hub) != NULL) {
        const struct access_user *user = NULL;
        if (saved->has_user) {
            user = access_find(hub_access(hub), (enum access_kind)saved->user_kind, name);
        }
        hub_grant(hub, session);
        memcpy(session->grant->nonce, saved->nonce, sizeof(saved->nonce));
        session->grant->is_implied = saved->is_implied;
        /* It was let in where it was. */
        bool has_joined = !saved->has_place || user == NULL || grant_join(session->grant, user, 0);
        ASSERT(has_joined);
        hub_bind(hub, session, user);
    }
    return load_responses(hub, session, saved->responses_count, from);
}

bool nats_load(const struct nats *nats, struct hub *hub, struct session *session, struct bytes from)
{
    struct nats_client *client = CONTAINER_OF(session, struct nats_client, session);
    struct save_client saved;
    if (!take(&from, &saved, sizeof(saved)) || saved.version != SAVE_VERSION ||
        saved.size != sizeof(saved) || saved.identity_size > from.size) {
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
        from = bytes_skip(from, saved.identity_size);
    }
    if (saved.is_unfinished) {
        client->unfinished = hub_block_take(hub);
        *client->unfinished = saved.parser;
        client->unfinished->max_control_line = nats->options.max_control_line;
        client->unfinished->max_payload = nats->options.max_payload;
    }
    if (!load_grant(hub, session, &saved, &from) || !session_load(hub, session, from)) {
        return false;
    }
    bool was_somebody = saved.has_user || (!saved.has_grant && client->connected);
    if (session->grant != NULL && session->grant->user == NULL && was_somebody) {
        nats_close_saying(hub, session, "Authorization Violation", CLOSE_AUTHENTICATION_FAILURE);
    }
    return true;
}
