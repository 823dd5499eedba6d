/* nats_trace.c - verbs as the client wrote them, less what is nobody's business. */
#include "core/proto/nats_trace.h"

#include "core/proto/nats_text.h"

#include <inttypes.h>
#include <stdio.h>

static void trace_publish(const struct hub *hub, const struct session *session,
                          const struct nats_verb *verb)
{
    bool headers = verb->kind == NATS_HPUB;
    struct nats_quoted payload;
    hub_log_session(
        hub, session, LOG_TRACE, "<<- [%s %.*s%s%.*s%s%.*s %.*s]", headers ? "HPUB" : "PUB",
        (int)verb->subject.size, (const char *)verb->subject.ptr, verb->reply.size > 0 ? " " : "",
        (int)verb->reply.size, (const char *)verb->reply.ptr, headers ? " " : "",
        headers ? (int)verb->hdr_size_text.size : 0, (const char *)verb->hdr_size_text.ptr,
        (int)verb->size_text.size, (const char *)verb->size_text.ptr);
    hub_log_session(hub, session, LOG_TRACE, "<<- MSG_PAYLOAD: [%s]",
                    nats_quoted(&payload, verb->payload));
}

static void trace_subscribe(const struct hub *hub, const struct session *session,
                            const struct nats_verb *verb)
{
    hub_log_session(hub, session, LOG_TRACE, "<<- [SUB %.*s%s%.*s %.*s]", (int)verb->subject.size,
                    (const char *)verb->subject.ptr, verb->queue.size > 0 ? " " : "",
                    (int)verb->queue.size, (const char *)verb->queue.ptr, (int)verb->sid.size,
                    (const char *)verb->sid.ptr);
}

static void trace_unsubscribe(const struct hub *hub, const struct session *session,
                              const struct nats_verb *verb)
{
    char max[16] = "";
    if (verb->max > 0) {
        snprintf(max, sizeof(max), " %" PRIu32, verb->max);
    }
    hub_log_session(hub, session, LOG_TRACE, "<<- [UNSUB %.*s%s]", (int)verb->sid.size,
                    (const char *)verb->sid.ptr, max);
}

void nats_trace_verb(const struct hub *hub, struct nats_client *client,
                     const struct nats_verb *verb)
{
    const struct session *session = &client->session;
    if (client->traced || verb->kind == NATS_CONNECT) {
        return;
    }
    client->traced = true;
    switch (verb->kind) {
    case NATS_PUB:
    case NATS_HPUB:
        trace_publish(hub, session, verb);
        break;
    case NATS_SUB:
        trace_subscribe(hub, session, verb);
        break;
    case NATS_UNSUB:
        trace_unsubscribe(hub, session, verb);
        break;
    default: {
        const char *name = verb->kind == NATS_PING   ? "PING"
                           : verb->kind == NATS_PONG ? "PONG"
                           : verb->kind == NATS_OK   ? "OK"
                                                     : "INFO";
        hub_log_session(hub, session, LOG_TRACE, "<<- [%s]", name);
    }
    }
}

void nats_trace_connect(const struct hub *hub, struct nats_client *client,
                        const struct nats_connect *options)
{
    if (client->traced) {
        return;
    }
    client->traced = true;
    bool is_secret = options->pass.size > 0 || options->auth_token.size > 0 ||
                     options->sig.size > 0 || options->jwt.size > 0 || options->nkey.size > 0;
    struct nats_quoted name;
    struct nats_quoted user;
    hub_log_session(hub, &client->session, LOG_TRACE,
                    "<<- [CONNECT {\"verbose\":%s,\"pedantic\":%s,\"echo\":%s,\"headers\":%s,"
                    "\"no_responders\":%s,\"protocol\":%" PRId64 ",\"name\":%s,\"user\":%s%s}]",
                    options->verbose ? "true" : "false", options->pedantic ? "true" : "false",
                    options->echo ? "true" : "false", options->headers ? "true" : "false",
                    options->no_responders ? "true" : "false", options->protocol,
                    nats_quoted(&name, options->name), nats_quoted(&user, options->user),
                    is_secret ? ",\"pass\":\"[REDACTED]\"" : "");
}
