/*
 * nats.c - verbs to hub calls.
 *
 * An answer that closes the connection is queued behind everything before it and sent before FIN;
 * a silent close is the same without words.
 */
#include "core/proto/nats.h"

#include "core/planted.h"
#include "core/proto/nats_access.h"
#include "core/proto/nats_connect.h"
#include "core/proto/nats_peek.h"
#include "core/proto/nats_trace.h"
#include "core/proto/nats_words.h"
#include "core/subject.h"

#include <stdio.h>

#define FIRST_PING_NS 2000000000ull
/* nats-server measures the round trip anew when it is older than this. */
#define RTT_FRESH_NS  (3600ull * 1000000000ull)

static struct nats_client *client_of(struct session *session)
{
    return CONTAINER_OF(session, struct nats_client, session);
}

/* ---- words ----------------------------------------------------------------------------------- */

static void say(struct hub *hub, struct session *session, const char *text)
{
    hub_control(hub, session, bytes_text(text));
}

static void ok(struct hub *hub, struct session *session)
{
    if (session->verbose) {
        say(hub, session, "+OK\r\n");
    }
}

static void say_info(const struct nats *nats, struct hub *hub, struct session *session, bool ldm,
                     bool connect_info)
{
    struct nats_client *client = client_of(session);
    struct nats_info_client info = {.client_id = session->client_id,
                                    .client_ip = bytes_text(client->identity),
                                    .auth_required = nats_requires_login(hub),
                                    .ldm = ldm,
                                    .connect_info = connect_info};
    if (!ldm && !connect_info) {
        info.nonce = nats_nonce(hub, session);
    }
    char line[NATS_INFO_BYTES_MAX];
    size_t size = nats_info_write(&nats->info, &info, line);
    hub_control(hub, session, bytes_of(line, size));
}

/* ---- identity -------------------------------------------------------------------------------- */

enum { IDENTITY_PARTS = 4 };

static struct bytes identity_part(const char *identity, size_t part)
{
    while (part-- > 0) {
        identity += strlen(identity) + 1;
    }
    return bytes_text(identity);
}

static void set_identity(struct nats_client *client, const struct bytes parts[IDENTITY_PARTS])
{
    size_t size = 0;
    for (size_t i = 0; i < IDENTITY_PARTS; i++) {
        size += parts[i].size + 1;
    }
    char *identity = memory_alloc(size);
    char *to = identity;
    for (size_t i = 0; i < IDENTITY_PARTS; i++) {
        if (parts[i].size > 0) {
            memcpy(to, parts[i].ptr, parts[i].size);
        }
        to += parts[i].size + 1;
    }
    memory_free(client->identity);
    client->identity = identity;
}

/* ---- opening and closing --------------------------------------------------------------------- */

void nats_open(const struct nats *nats, struct hub *hub, struct session *session,
               const char *address, uint16_t port)
{
    struct nats_client *client = client_of(session);
    set_identity(client, (struct bytes[]){bytes_text(address), {0}, {0}, {0}});
    client->port = port;
    client->pedantic = true;
    session->verbose = true;
    hub_log_session(hub, session, LOG_DEBUG, "Client connection created");
    client->opened_ticks = (uint32_t)(hub_now(hub) / NATS_TICK_NS);
    client->input_ns = hub_now(hub);
    nats_access_open(hub, session);
    say_info(nats, hub, session, false, false);
    if (!nats_awaits_login(session)) {
        hub_tick_at(hub, session, hub_now(hub) + nats->options.ping_interval_ns);
    }
}

void nats_refuse(const struct nats *nats, struct hub *hub, struct session *session,
                 const char *address, uint16_t port, enum close_reason reason)
{
    nats_open(nats, hub, session, address, port);
    nats_close_saying(hub, session, "maximum connections exceeded", reason);
}

void nats_closed(struct session *session)
{
    struct nats_client *client = client_of(session);
    memory_free(client->identity);
    memory_free(client->unfinished);
}

/* Does it take an INFO it has not asked for? Some libraries read exactly one line after their first
 * PING. */
static bool takes_info(struct session *session)
{
    const struct nats_client *client = client_of(session);
    return session->state == SESSION_OPEN && client->protocol >= 1 && client->first_pong_sent;
}

void nats_lame_duck(const struct nats *nats, struct hub *hub, struct session *session)
{
    if (takes_info(session)) {
        say_info(nats, hub, session, true, false);
    }
}

void nats_reload(const struct nats *old, const struct nats *nats, struct hub *hub,
                 struct session *session)
{
    if (takes_info(session) && !nats_info_equal(&old->info, &nats->info)) {
        say_info(nats, hub, session, false, false);
    }
}

/* ---- pings ----------------------------------------------------------------------------------- */

void nats_tick(const struct nats *nats, struct hub *hub, struct session *session)
{
    struct nats_client *client = client_of(session);
    if (nats_awaits_login(session)) {
        nats_close_saying(hub, session, "Authentication Timeout", CLOSE_AUTHENTICATION_TIMEOUT);
        return;
    }
    uint64_t now = hub_now(hub);
    uint64_t interval = nats->options.ping_interval_ns;
    /* One PING soon after CONNECT and one an hour measure the round trip, however busy the client;
     * all others are for those that say nothing. */
    bool is_measured = client->pinged_ns > 0 && now - client->pinged_ns < RTT_FRESH_NS;
    /* Whom we keep waiting cannot answer. */
    bool is_held = hub_holds(session);
    bool is_quiet = now - client->input_ns >= interval && !is_held;
    if (is_quiet || (client->connected && !is_measured && !is_held)) {
        if (client->pings_out >= nats->options.ping_max) {
            nats_close_saying(hub, session, "Stale Connection", CLOSE_STALE);
            return;
        }
        client->pings_out++;
        client->pinged_ns = now;
        client->rtt_under_way = true;
        say(hub, session, "PING\r\n");
    }
    hub_tick_at(hub, session, now + interval);
}

static void do_pong(struct hub *hub, struct session *session)
{
    struct nats_client *client = client_of(session);
    client->pings_out = 0;
    if (client->rtt_under_way) {
        client->rtt_ns = MAX_OF((uint64_t)1, hub_now(hub) - client->pinged_ns);
        client->rtt_under_way = false;
    }
}

static void do_ping(const struct nats *nats, struct hub *hub, struct session *session)
{
    struct nats_client *client = client_of(session);
    say(hub, session, "PONG\r\n");
    if (client->connected && !client->first_pong_sent) {
        client->first_pong_sent = true;
        if (client->protocol >= 1) {
            say_info(nats, hub, session, false, true);
        }
    }
}

/* ---- CONNECT --------------------------------------------------------------------------------- */

/* What a CONNECT leaves out stays as it was. */
static void keep_identity(struct nats_client *client, const struct nats_connect *options)
{
    struct bytes parts[IDENTITY_PARTS] = {{0}, options->name, options->lang, options->version};
    for (size_t i = 0; i < IDENTITY_PARTS; i++) {
        if (parts[i].size == 0) {
            parts[i] = identity_part(client->identity, i);
        }
    }
    set_identity(client, parts);
}

/* What CONNECT may not say; NULL: nothing wrong. */
static const char *connect_offence(const struct nats_connect *options, enum close_reason *reason)
{
    if (options->account.size > 0 || options->new_account) {
        *reason = CLOSE_AUTHENTICATION_FAILURE;
        return "Authorization Violation";
    }
    if (options->protocol != 0 && options->protocol != 1) {
        *reason = CLOSE_BAD_CLIENT_PROTOCOL;
        return "invalid client protocol";
    }
    if (options->no_responders && !options->headers) {
        *reason = CLOSE_NO_RESPONDERS_NEEDS_HEADERS;
        return "no responders requires headers support";
    }
    return NULL;
}

/* The first PING comes soon after CONNECT, to measure the round trip; up to a fifth later, so that
 * clients that came together do not answer together. */
static void arm_first_ping(const struct nats *nats, struct hub *hub, struct session *session)
{
    uint64_t wait = MIN_OF(FIRST_PING_NS, nats->options.ping_interval_ns);
    uint64_t spread = (session->client_id * 0x9E3779B97F4A7C15u) >> 32;
    wait += wait / 5 * spread >> 32;
    hub_tick_at(hub, session, hub_now(hub) + wait);
}

/* False: a helper looks at the credentials; the verb is to be parsed again. */
static bool do_connect(const struct nats *nats, struct hub *hub, struct session *session,
                       struct bytes json)
{
    struct nats_client *client = client_of(session);
    struct nats_connect options;
    nats_connect_init(&options);
    options.verbose = session->verbose;
    options.pedantic = client->pedantic;
    options.echo = session->echo;
    options.headers = session->headers;
    options.no_responders = session->no_responders;
    options.protocol = client->protocol;
    if (!nats_connect_parse(&options, json)) {
        nats_connect_free(&options);
        nats_close_saying(hub, session, NULL, CLOSE_PROTOCOL_VIOLATION);
        return true;
    }
    if (UNLIKELY(hub_is_traced(hub))) {
        nats_trace_connect(hub, client, &options);
    }
    enum nats_login login = nats_login(hub, session, &options);
    if (login != NATS_LOGIN_DONE) {
        nats_connect_free(&options);
        return login == NATS_LOGIN_REFUSED;
    }
    if (client->connected) {
        hub_unsubscribe_all(hub, session);
    }
    enum close_reason reason = CLOSE_PROTOCOL_VIOLATION;
    const char *offence = connect_offence(&options, &reason);
    session->verbose = options.verbose;
    client->pedantic = options.pedantic;
    session->no_responders = options.no_responders;
    client->protocol = options.protocol == 1;
    keep_identity(client, &options);
    hub_set_echo(hub, session, options.echo);
    hub_set_headers(hub, session, options.headers);
    nats_connect_free(&options);
    if (offence != NULL) {
        nats_close_saying(hub, session, offence, reason);
        return true;
    }
    if (!client->connected) {
        client->connected = true;
        arm_first_ping(nats, hub, session);
    }
    ok(hub, session);
    return true;
}

/* ---- SUB, UNSUB ------------------------------------------------------------------------------ */

static void do_sub(const struct nats *nats, struct hub *hub, struct session *session,
                   const struct nats_verb *verb)
{
    if (!nats_may_subscribe(hub, session, verb)) {
        return;
    }
    uint32_t tokens_max = nats->options.max_sub_tokens;
    if (tokens_max > 0 && subject_tokens_count(verb->subject) > tokens_max) {
        nats_say_violation(hub, session, "Subscription to", verb->subject, (struct bytes){0},
                           bytes_text(", too many tokens"));
        return;
    }
    enum hub_subscribe_result result = hub_may_subscribe(hub, session, verb->sid);
    if (result == HUB_SUBSCRIBED) {
        if (!subject_valid_subscription(verb->subject)) {
            nats_say_error(hub, session, "Invalid Subject");
            return;
        }
        result = hub_subscribe(hub, session, verb->subject, verb->queue, verb->sid);
    }
    if (result == HUB_SUBSCRIBE_LIMIT || result == HUB_SUBSCRIBE_MEMORY) {
        nats_say_error(hub, session, "maximum subscriptions exceeded");
        return;
    }
    ok(hub, session);
}

/* ---- PUB, HPUB ------------------------------------------------------------------------------- */

static bool starts(struct bytes name, const char *prefix)
{
    return bytes_start_with(name, bytes_text(prefix));
}

/* True: nobody may publish this; the client was told. */
static bool refuses_publish(struct hub *hub, struct session *session, const struct nats_verb *verb)
{
    if (verb->subject.ptr[0] != '_' && verb->subject.ptr[0] != '$' && verb->reply.size == 0) {
        return false;
    }
    if (starts(verb->subject, "_GR_.") || starts(verb->subject, "$NRG.")) {
        nats_say_violation(hub, session, "Publish to", verb->subject, (struct bytes){0},
                           (struct bytes){0});
        return true;
    }
    if (starts(verb->reply, "_R_.") || starts(verb->reply, "_GR_.") ||
        starts(verb->reply, "$JS.ACK.")) {
        nats_say_violation(hub, session, "Publish with Reply of", verb->reply, (struct bytes){0},
                           (struct bytes){0});
        return true;
    }
    return false;
}

/* Clients close on errors they do not know; this one begins as a permission's does. */
static void say_refused(struct hub *hub, struct session *session, struct bytes subject)
{
    struct hub_refusal refusal = hub_refusal(hub);
    char rest[256];
    if (!refusal.tell) {
        return;
    }
    snprintf(rest, sizeof(rest), ", scrub rule \"%s\": %s%s%s", refusal.rule, refusal.reason,
             refusal.detail != NULL ? ", " : "", refusal.detail != NULL ? refusal.detail : "");
    nats_say_violation(hub, session, "Publish to", subject, (struct bytes){0}, bytes_text(rest));
}

/* Pedantic clients are told once, as soon as the line is read, and the message goes on all the same. */
static void complain(struct hub *hub, struct session *session, struct bytes subject)
{
    struct nats_client *client = client_of(session);
    if (!client->complained && !subject_valid_publish(subject)) {
        nats_say_error(hub, session, "Invalid Publish Subject");
        client->complained = true;
    }
}

/* False: paused; the verb is to be parsed again. */
static bool do_publish(const struct nats *nats, struct hub *hub, struct session *session,
                       const struct nats_verb *verb)
{
    struct nats_client *client = client_of(session);
    if (client->pedantic) {
        complain(hub, session, verb->subject);
    }
    enum grant_answer grant = GRANT_YES;
    if (UNLIKELY(session->grant != NULL)) {
        grant = nats_may_publish(hub, session, verb->subject);
    }
    if (grant == GRANT_NO || refuses_publish(hub, session, verb)) {
        struct metrics *metrics = hub_metrics(hub);
        metrics->messages_in++;
        metrics
            ->deliveries_dropped[grant == GRANT_NO ? DROP_NOT_PERMITTED : DROP_RESERVED_SUBJECT]++;
        client->complained = false;
        return true;
    }
    int64_t most = nats->options.max_payload;
    size_t limit = most < 0 ? SIZE_MAX : (size_t)most;
    const struct message_in *in = &verb->message;
    struct message_in plain;
    if (UNLIKELY(verb->hdr_size == 0 && verb->hdr_size_text.size > 0)) {
        plain = *in; /* HPUB with an empty block */
        plain.header_text.size = 0;
        in = &plain;
    }
    switch (hub_publish(hub, session, in, limit, session->no_responders)) {
    case HUB_PUBLISH_PAUSE:
        hub_pause(hub, session, PAUSE_PEER);
        return false;
    case HUB_PUBLISH_HELD:
        hub_pause(hub, session, PAUSE_GATE);
        return false;
    case HUB_PUBLISH_SLOWED:
        hub_pause(hub, session, PAUSE_RATE);
        return false;
    case HUB_PUBLISH_BEHIND:
        hub_pause(hub, session, PAUSE_BEHIND);
        return false;
    case HUB_PUBLISH_OVER_RATE:
        /* Libraries take a violation for an error of this publish and stay connected. */
        nats_say_violation(hub, session, "Publish to", verb->subject, (struct bytes){0},
                           bytes_text(", publish rate exceeded"));
        break;
    case HUB_PUBLISH_REFUSED:
        say_refused(hub, session, verb->subject);
        break;
    default:
        break;
    }
    if (UNLIKELY(grant == GRANT_RESPONSE)) {
        hub_responded(hub, session, verb->subject);
    }
    client->complained = false;
    return true;
}

/* ---- verbs ----------------------------------------------------------------------------------- */

static enum close_reason reason_of(enum nats_error error)
{
    switch (error) {
    case NATS_ERROR_CONTROL_LINE:
        return CLOSE_MAX_CONTROL_LINE;
    case NATS_ERROR_PAYLOAD:
        return CLOSE_MAX_PAYLOAD;
    case NATS_ERROR_PEER:
        return CLOSE_PARSE_ERROR;
    case NATS_ERROR_AUTHORIZATION:
        return CLOSE_AUTHENTICATION_FAILURE;
    default:
        return CLOSE_PROTOCOL_VIOLATION;
    }
}

/* False: paused before the verb had any effect. */
static bool do_verb(const struct nats *nats, struct hub *hub, struct session *session,
                    const struct nats_verb *verb)
{
    switch (verb->kind) {
    case NATS_PUB:
    case NATS_HPUB:
        return do_publish(nats, hub, session, verb);
    case NATS_SUB:
    case NATS_UNSUB:
        if (hub_interest_is_full(hub)) {
            hub_pause(hub, session, PAUSE_PEER);
            return false;
        }
        if (verb->kind == NATS_SUB) {
            do_sub(nats, hub, session, verb);
            break;
        }
        (void)hub_unsubscribe(hub, session, verb->sid, verb->max);
        ok(hub, session);
        break;
    case NATS_PING:
        do_ping(nats, hub, session);
        break;
    case NATS_PONG:
        do_pong(hub, session);
        break;
    case NATS_CONNECT:
        return do_connect(nats, hub, session, verb->json);
    case NATS_INFO:
        if (!nats_connect_check_info(verb->json)) {
            nats_close_saying(hub, session, NULL, CLOSE_PROTOCOL_VIOLATION);
        }
        break;
    case NATS_OK:
        break;
    }
    return true;
}

static void parser_begin(const struct nats *nats, struct hub *hub, struct nats_client *client,
                         struct nats_parser *parser)
{
    if (client->unfinished == NULL) {
        nats_parser_init(parser, nats->options.max_control_line, nats->options.max_payload);
        return;
    }
    *parser = *client->unfinished;
    hub_block_give(hub, client->unfinished);
    client->unfinished = NULL;
}

static void parser_end(struct hub *hub, struct nats_client *client,
                       const struct nats_parser *parser)
{
    if (client->session.state == SESSION_OPEN && !nats_parser_is_idle(parser)) {
        client->unfinished = hub_block_take(hub);
        *client->unfinished = *parser;
    }
}

static_assert(sizeof(struct nats_parser) <= HUB_BLOCK_BYTES, "a block holds it");

/* Publishes that are looked at before it is their turn. */
struct ahead {
    size_t at;     /* bytes of the read that were looked at */
    uint32_t done; /* publishes of those that are done */
    struct hub_foresight foresight;
};

/* Looks at the publishes from at on, as many as may be told. Returns how many differ in their subject
 * from the one before. */
static uint32_t look_on(const struct hub *hub, struct ahead *ahead, struct bytes bytes)
{
    uint32_t others = 0;
    struct nats_peek next;
    while (ahead->foresight.known - ahead->done < HUB_FORESEEN_MAX &&
           nats_peek(bytes_skip(bytes, ahead->at), &next)) {
        others += hub_foresee(hub, &ahead->foresight, next.subject);
        ahead->at = MIN_OF(ahead->at + next.size, bytes.size);
    }
    return others;
}

/* Before each verb, which begins behind done bytes. False: this read's publishes are not worth it. */
static bool look_ahead(const struct hub *hub, struct ahead *ahead, struct bytes bytes, size_t done)
{
    if (done < ahead->at) {
        ahead->done++;
        (void)look_on(hub, ahead, bytes);
    } else {
        /* The first, or behind something that is no publish. */
        ahead->at = done;
        ahead->done = ahead->foresight.known;
        uint32_t others = look_on(hub, ahead, bytes);
        if (ahead->foresight.known == ahead->done) {
            return true;
        }
        if (others < 2) {
            return false;
        }
    }
    hub_foresee_next(hub, &ahead->foresight, ahead->done);
    return true;
}

/* Parses as far as bytes, state, credit and budget allow. Returns the bytes that are done with. */
static size_t feed(const struct nats *nats, struct hub *hub, struct session *session,
                   struct bytes bytes)
{
    struct nats_parser parser;
    parser_begin(nats, hub, client_of(session), &parser);
    size_t done = 0;
    bool is_traced = hub_is_traced(hub);
    bool foresees = hub_foresees(hub);
    struct ahead ahead;
    ahead.at = 0;
    ahead.foresight.known = 0;
    while (session->state == SESSION_OPEN && session->pauses == 0) {
        if (UNLIKELY(foresees)) {
            foresees = look_ahead(hub, &ahead, bytes, done);
        }
        struct nats_verb verb;
        size_t consumed;
        parser.headers = session->headers;
        parser.connect_required = nats_awaits_login(session);
        enum nats_result result = nats_parse(&parser, bytes_skip(bytes, done), &verb, &consumed);
        if (result != NATS_VERB && verb.subject.size > 0 && client_of(session)->pedantic) {
            complain(hub, session, verb.subject);
        }
        if (result == NATS_ERROR) {
            nats_close_saying(hub, session, nats_error_text(parser.error), reason_of(parser.error));
            break;
        }
        if (result == NATS_NEED_MORE) {
            done += consumed;
            break;
        }
        if (UNLIKELY(is_traced)) {
            nats_trace_verb(hub, client_of(session), &verb);
        }
        if (!do_verb(nats, hub, session, &verb)) {
            nats_parser_undo(&parser);
            break;
        }
        if (UNLIKELY(is_traced)) {
            client_of(session)->traced = false;
        }
        done += consumed;
        if (hub_budget_is_spent(hub)) {
            hub_pause(hub, session, PAUSE_BUDGET);
        }
        if (hub_output_is_stalled(hub, session)) {
            hub_pause(hub, session, PAUSE_OUTPUT);
        }
    }
    parser_end(hub, client_of(session), &parser);
    return done;
}

static bool keep(struct hub *hub, struct session *session, struct bytes bytes, size_t expected)
{
    if (bytes.size == 0 || hub_input_keep(hub, session, bytes, expected)) {
        return true;
    }
    hub_close(hub, session, CLOSE_INPUT_STALLED, HUB_CLOSE_AT_ONCE);
    return false;
}

/* Parses what the session holds. */
static void feed_held(const struct nats *nats, struct hub *hub, struct session *session)
{
    struct bytes held = session_input(session);
    size_t done = feed(nats, hub, session, held);
    if (session->state == SESSION_OPEN) {
        hub_input_skip(hub, session, done);
    }
}

/* The bytes that complete the unfinished verb, those held included; 0: not known. */
static uint64_t needed_bytes(const struct nats_client *client)
{
    return client->unfinished != NULL ? client->unfinished->needed : 0;
}

/* How much of bytes belongs to the verb that the session holds the beginning of. */
static size_t missing(const struct nats_client *client, struct bytes bytes)
{
    uint64_t needed = needed_bytes(client);
    uint64_t held = session_input(&client->session).size;
    if (needed > held) {
        return (size_t)MIN_OF(needed - held, (uint64_t)bytes.size);
    }
    const uint8_t *line_end = memchr(bytes.ptr, '\n', bytes.size);
    return line_end != NULL ? (size_t)(line_end - bytes.ptr) + 1 : bytes.size;
}

void nats_bytes(const struct nats *nats, struct hub *hub, struct session *session,
                struct bytes bytes)
{
    struct nats_client *client = client_of(session);
    client->input_ns = hub_now(hub);
    hub_metrics(hub)->received_bytes += bytes.size;
    while (session->input != NULL && session->pauses == 0 && bytes.size > 0 &&
           session->state == SESSION_OPEN) {
        size_t size = missing(client, bytes);
        size_t expected = (size_t)needed_bytes(client);
        if (!keep(hub, session, bytes_of(bytes.ptr, size), expected)) {
            return;
        }
        bytes = bytes_skip(bytes, size);
        feed_held(nats, hub, session);
    }
    if (session->state != SESSION_OPEN) {
        return;
    }
    if (session->input == NULL && session->pauses == 0) {
        bytes = bytes_skip(bytes, feed(nats, hub, session, bytes));
    }
    if (session->state == SESSION_OPEN) {
        (void)keep(hub, session, bytes, (size_t)needed_bytes(client));
    }
}

void nats_resume(const struct nats *nats, struct hub *hub, struct session *session)
{
    if (session->state != SESSION_OPEN || session->pauses != 0) {
        return;
    }
    if (session->input != NULL) {
        feed_held(nats, hub, session);
    }
    if (session->state == SESSION_OPEN && session->end_of_input && session->pauses == 0) {
        hub_close(hub, session, CLOSE_CLIENT, HUB_CLOSE_FLUSH);
    }
}

void nats_end(const struct nats *nats, struct hub *hub, struct session *session)
{
    (void)nats;
    hub_session_ended(hub, session);
    /* What a pause holds back is complete input: it takes effect before the end does. A session
     * whose last pause just ended still waits to be resumed. */
    bool is_through = session->pauses == 0 && session->in_rest == REST_NOT;
    if (session->state == SESSION_OPEN && (is_through || PLANTED(PLANTED_END_BEFORE_INPUT))) {
        hub_close(hub, session, CLOSE_CLIENT, HUB_CLOSE_FLUSH);
    }
}
