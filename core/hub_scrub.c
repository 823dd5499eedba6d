/*
 * hub_scrub.c - what rules make of a message before it is anybody's: it goes on as it is, goes on
 * changed, is refused, or is sent to where refused messages are looked at.
 *
 * A publisher that must wait (HUB_PUBLISH_PAUSE) brings the same message again; so a message is
 * counted when its way is decided and not before.
 */
#include "core/header.h"
#include "core/hub_state.h"

void hub_scrub_set(struct hub *hub, struct scrub_rules *rules)
{
    struct scrub *scrub = NULL;
    if (rules != NULL && rules->count > 0) {
        scrub = scrub_new(rules, hub->options.scrub_clock, hub->options.hash_key);
        if (hub->scrub != NULL) {
            scrub_inherit(scrub, hub->scrub);
        }
    }
    scrub_free(hub->scrub);
    hub->scrub = scrub;
    hub->scrub_rules = scrub != NULL ? scrub_rules(scrub) : NULL;
}

const struct scrub *hub_scrub(const struct hub *hub)
{
    return hub->scrub;
}

struct hub_refusal hub_refusal(const struct hub *hub)
{
    return hub->refusal;
}

/* ---- log ------------------------------------------------------------------------------------- */

/* Of what was done, never of what was found. */
static void log_note(struct hub *hub, const struct scrub_note *note, const struct session *session,
                     const struct message_in *in)
{
    const struct scrub_rules *rules = scrub_rules(hub->scrub);
    const struct scrub_counters *counters = scrub_counters(hub->scrub, note->rule);
    const struct scrub_rule *rule = &rules->rules[note->rule];
    uint64_t before = counters->cleaned;
    for (int i = 0; i < SCRUB_REASONS; i++) {
        before += counters->refused[i];
    }
    if (before % rules->log_every != 0) {
        return;
    }
    bool refused = note->outcome.reason != SCRUB_REASON_NONE;
    bool observes = rule->options.is_observer;
    log_write(
        hub->options.log, LOG_WARNING,
        "Scrub rule \"%s\" %s a message of %zu bytes to \"%.*s\" from client %llu%s%s; this "
        "is one line in %u",
        (const char *)rule->options.name.ptr,
        refused ? (observes ? "would refuse" : "refused") : (observes ? "would clean" : "cleaned"),
        in->payload.size, (int)MIN_OF(in->subject.size, (size_t)128), (const char *)in->subject.ptr,
        (unsigned long long)session->client_id, refused ? ": " : "",
        refused ? scrub_reason_text(note->outcome.reason) : "", rules->log_every);
}

/* The message's way is decided. */
static void count(struct hub *hub, const struct session *session, const struct message_in *in)
{
    size_t notes_count;
    const struct scrub_note *notes = scrub_notes(hub->scrub, &notes_count);
    bool wants_log = scrub_rules(hub->scrub)->log_every > 0;
    for (size_t i = 0; wants_log && i < notes_count; i++) {
        if (notes[i].outcome.reason != SCRUB_REASON_NONE || notes[i].outcome.cleaned != 0) {
            log_note(hub, &notes[i], session, in);
        }
    }
    scrub_count(hub->scrub);
}

/* ---- refused --------------------------------------------------------------------------------- */

static uint8_t *put_bytes(uint8_t *to, struct bytes from)
{
    if (from.size > 0) {
        memcpy(to, from.ptr, from.size);
    }
    return to + from.size;
}

static uint8_t *arena_take(struct hub *hub, size_t size)
{
    struct chunk *chunk = arena_reserve(hub, &hub->control, size);
    uint8_t *to = chunk->data + chunk->used;
    chunk->used += (uint32_t)size;
    return to;
}

/* A message whose headers and body are put together here; texts are digits' buffers. */
static void message_of(struct hub *hub, struct message_in *out, struct bytes header,
                       struct bytes body, uint8_t texts[2][20])
{
    if (header.size > 0) {
        uint8_t *to = arena_take(hub, header.size + body.size);
        out->payload = bytes_of(to, header.size + body.size);
        (void)put_bytes(put_bytes(to, header), body);
        if (out->header_text.size == 0 || out->header_size != header.size) {
            out->header_text = bytes_of(texts[0], frame_digits(texts[0], header.size));
        }
    } else {
        out->payload = body;
        out->header_text = (struct bytes){0};
    }
    out->header_size = (uint32_t)header.size;
    if (out->size_text.size == 0 || !PLANTED(PLANTED_SCRUB_SIZE)) {
        out->size_text = bytes_of(texts[1], frame_digits(texts[1], out->payload.size));
    }
}

/* The requester need not wait for a time-out. */
static void answer_400(struct hub *hub, struct session *session, const struct message_in *in)
{
    if (in->reply.size == 0 || !session->headers) {
        return;
    }
    const struct hub_refusal *refusal = &hub->refusal;
    struct bytes parts[] = {bytes_text("NATS/1.0 400 Refused by scrub rule "),
                            bytes_text(refusal->rule),
                            bytes_text(": "),
                            bytes_text(refusal->reason),
                            bytes_text("\r\nNats-Subject: "),
                            in->subject,
                            bytes_text("\r\n\r\n")};
    (void)hub_answer(hub, session, in->reply, parts, COUNT_OF(parts));
}

/* The message as it came, behind headers that say where it was going and what kept it. Headers of
 * its own follow if they can be read. */
static enum hub_publish_result quarantine(struct hub *hub, struct session *session,
                                          const struct message_in *in,
                                          const struct scrub_out *refused)
{
    if ((hub->guards & GUARD_GATES) != 0 &&
        hub_gate_is_closed(hub, 0, refused->rule->options.quarantine)) {
        return HUB_PUBLISH_HELD;
    }
    struct bytes original = bytes_of(in->payload.ptr, in->header_size);
    struct bytes body = bytes_skip(in->payload, in->header_size);
    struct bytes lines = {0};
    if (original.size > 0 && header_valid(original)) {
        lines = bytes_skip(original, header_first(original).size);
    }
    struct bytes reason = bytes_text(scrub_reason_name(refused->outcome.reason));
    struct bytes parts[] = {bytes_text("NATS/1.0\r\nNats-Scrub-Rule: "),
                            refused->rule->options.name,
                            bytes_text("\r\nNats-Scrub-Reason: "),
                            reason,
                            bytes_text("\r\nNats-Scrub-Subject: "),
                            in->subject,
                            bytes_text("\r\n"),
                            lines.size > 0 ? lines : bytes_text("\r\n")};
    size_t size = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        size += parts[i].size;
    }
    uint8_t *block = arena_take(hub, size);
    uint8_t *to = block;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        to = put_bytes(to, parts[i]);
    }
    uint8_t texts[2][20];
    struct message_in out = {.subject = refused->rule->options.quarantine};
    message_of(hub, &out, bytes_of(block, size), body, texts);
    enum hub_publish_result result = hub_publish_clean(hub, session, &out, false);
    if (result == HUB_PUBLISHED) {
        hub->metrics.publishes_quarantined++;
    }
    return result;
}

static enum hub_publish_result refuse(struct hub *hub, struct session *session,
                                      const struct message_in *in, const struct scrub_out *refused)
{
    enum scrub_fate fate = refused->rule->options.fate;
    hub->refusal = (struct hub_refusal){
        .tell = fate == SCRUB_TELL,
        .rule = (const char *)refused->rule->options.name.ptr,
        .reason = scrub_reason_text(refused->outcome.reason),
        .detail = refused->outcome.detail,
    };
    if (fate == SCRUB_QUARANTINE) {
        enum hub_publish_result result = quarantine(hub, session, in, refused);
        if (result == HUB_PUBLISHED) {
            count(hub, session, in);
        }
        return result;
    }
    count(hub, session, in);
    if ((hub->guards & GUARD_QUOTAS) != 0) {
        hub_spend_quotas(hub, session, in->payload.size);
    }
    hub->metrics.messages_in++;
    hub->metrics.deliveries_dropped[DROP_SCRUB_REFUSED]++;
    if (fate == SCRUB_TELL) {
        /* In order with what the session itself is to hear of messages before this one. */
        answer_400(hub, session, in);
    } else {
        hub_acknowledge(hub, session);
    }
    return HUB_PUBLISH_REFUSED;
}

/* ---- publish --------------------------------------------------------------------------------- */

enum hub_publish_result hub_publish_scrubbed(struct hub *hub, struct session *session,
                                             const struct message_in *in, size_t limit,
                                             bool wants_responder)
{
    struct scrub_in message = {.subject = in->subject,
                               .header = bytes_of(in->payload.ptr, in->header_size),
                               .body = bytes_skip(in->payload, in->header_size),
                               .limit = limit};
    struct scrub_out out;
    uint8_t texts[2][20];
    struct message_in replaced;
    enum scrub_verdict verdict = scrub_apply(hub->scrub, &message, &out);
    if (verdict == SCRUB_REFUSE) {
        return refuse(hub, session, in, &out);
    }
    const struct message_in *goes = in;
    if (verdict == SCRUB_REPLACE) {
        replaced = *in;
        message_of(hub, &replaced, out.header, out.body, texts);
        goes = &replaced;
    }
    enum hub_publish_result result = hub_publish_clean(hub, session, goes, wants_responder);
    if (result == HUB_PUBLISHED) {
        hub->metrics.publishes_replaced += verdict == SCRUB_REPLACE;
        count(hub, session, in);
    }
    return result;
}
