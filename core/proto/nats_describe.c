/* nats_describe.c - the client's own words about itself, and what the hub measured. */
#include "core/proto/nats_describe.h"

#include "core/grant.h"

void nats_describe(const struct session *session, struct snapshot_client *client)
{
    const struct nats_client *from =
        (const struct nats_client *)(const void *)((const char *)session -
                                                   offsetof(struct nats_client, session));
    /* It said nothing before it was opened. */
    uint64_t active = from->input_ns / NATS_TICK_NS;
    uint32_t since = (uint32_t)active - from->opened_ticks;
    client->opened_ns = (active - since) * NATS_TICK_NS;
    client->active_ns = from->input_ns;
    client->rtt_ns = from->rtt_ns;
    client->port = from->port;
    const char *at = from->identity;
    for (int i = TEXT_ADDRESS; at != NULL && i <= TEXT_VERSION; i++) {
        client->texts[i] = bytes_text(at);
        at += client->texts[i].size + 1;
    }
    if (session->grant != NULL && session->grant->user != NULL) {
        client->texts[TEXT_USER] = session->grant->user->name; /* a token has none */
    }
}
