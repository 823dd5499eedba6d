/*
 * oracle.c - what each subscriber must, may and must not have seen. Naive on purpose: lists, ticks
 * and comparisons, nothing the hub does.
 *
 * A publication takes effect somewhere between `written` (its last byte was sent) and `done` (its
 * publisher read an answer to something later); a subscription between `written` and `confirmed`,
 * and it ends between `end_written` and `end_confirmed`. Two things whose intervals overlap may come
 * in either order; law 7 orders all others, whoever said them.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------------------------- */

bool oracle_pattern_matches(const char *pattern, const char *subject)
{
    for (;;) {
        size_t p = strcspn(pattern, ".");
        size_t s = strcspn(subject, ".");
        if (p == 1 && pattern[0] == '>') {
            return s > 0;
        }
        bool is_star = p == 1 && pattern[0] == '*';
        if (!is_star && (p != s || memcmp(pattern, subject, p) != 0)) {
            return false;
        }
        if (pattern[p] == 0 || subject[s] == 0) {
            return pattern[p] == subject[s];
        }
        pattern += p + 1;
        subject += s + 1;
    }
}

bool oracle_matches(const struct sim *sim, const struct subscription *sub,
                    const struct publication *pub)
{
    return sim->matches[sub->pattern][pub->subject] &&
           people_may_hear(sim, pub->epoch, sim->clients[sub->client].user,
                           sim->subjects[pub->subject]);
}

static const char *pattern_of(const struct sim *sim, const struct subscription *sub)
{
    return sub->pattern < PATTERNS_MAX ? sim->patterns[sub->pattern] : "its inbox";
}

/* ---- must and may ---------------------------------------------------------------------------- */

/* Could it be delivered, going by order alone? A queue message may be picked again much later. */
static bool may_deliver(const struct sim *sim, const struct subscription *sub,
                        const struct publication *pub)
{
    if (!oracle_matches(sim, sub, pub) || pub->is_refused || pub->written == NEVER ||
        sub->written == NEVER) {
        return false;
    }
    if (sub->client == pub->client && sub->queue == 0) {
        return pub->echo && sub->command < pub->command && pub->command < sub->end_command;
    }
    if (sub->client == pub->client && !pub->echo && !sim->clients[sub->client].echo) {
        return false;
    }
    bool is_before = pub->done < sub->written && sub->queue == 0;
    return !is_before && (sub->end_confirmed == NEVER || pub->written < sub->end_confirmed);
}

/* Must a plain subscription get it, once everything on its way has arrived? */
static bool must_deliver(const struct sim *sim, const struct subscription *sub,
                         const struct publication *pub)
{
    if (sub->queue != 0 || sub->is_uncertain || pub->is_refused || !oracle_matches(sim, sub, pub) ||
        (sub->max != 0 && (sub->received >= sub->max || sub->may_lose))) {
        return false;
    }
    if (sub->client == pub->client) {
        return pub->echo && sub->command < pub->command && pub->command < sub->end_command;
    }
    const struct client *client = &sim->clients[sub->client];
    bool is_moving = client->has_moved && pub->done >= client->moved_at &&
                     (client->moved_until == NEVER || pub->written <= client->moved_until);
    return !is_moving && sub->confirmed != NEVER && sub->confirmed < pub->written &&
           pub->done < sub->end_written;
}

static bool has_got(const struct subscription *sub, uint32_t pub)
{
    return (sub->got[pub / 64] >> (pub % 64)) & 1;
}

/* Its rule may drop, and says how often it did. */
static void miss_by_policy(struct sim *sim, const struct subscription *sub,
                           const struct publication *pub)
{
    uint64_t missing = ++sim->missing_of[sub->row];
    uint64_t excused = policies_dropped(sim, sub->row);
    if (sim->settings.swaps_policies) {
        missing = 0;
        for (uint32_t i = 0; i < POLICY_RULES_MAX; i++) {
            missing += sim->missing_of[i];
        }
        excused = policies_dropped_in_all(sim);
    }
    if (missing > excused + world_dropped_for_memory(sim)) {
        sim_fail(
            sim,
            "client %u sid %u (%s) never got message %u of client %u to %s: its policy says it "
            "dropped %llu, and %llu are missing",
            sub->client, sub->sid, pattern_of(sim, sub), pub->seq, pub->client,
            sim->subjects[pub->subject], (unsigned long long)excused, (unsigned long long)missing);
    }
    coverage_add(sim->coverage, COVERAGE_lost_to_policy);
}

/* It went to nobody, because its publisher was over its rate: that often it was counted. */
static bool is_missing_for_rate(struct sim *sim, struct publication *pub)
{
    if (!sim->settings.drops_over_rate || pub->received > 0) {
        return false;
    }
    if (!pub->is_missing) {
        pub->is_missing = true;
        sim->missing_pubs++;
        coverage_add(sim->coverage, COVERAGE_lost_to_rate);
    }
    uint64_t dropped = world_dropped_for_rate(sim) + world_dropped_for_memory(sim);
    if (sim->missing_pubs > dropped) {
        sim_fail(
            sim,
            "nobody got message %u of client %u to %s: %u such messages, and %llu were counted "
            "as over their rate",
            pub->seq, pub->client, sim->subjects[pub->subject], sim->missing_pubs,
            (unsigned long long)dropped);
    }
    pub->missed++;
    return true;
}

/* Somebody got it after all, so it was not its rate: who should have had it before may have lost it to
 * the memory limit only. */
static void is_found(struct sim *sim, const struct client *client, struct publication *pub)
{
    if (sim->missing == 0) {
        snprintf(sim->missing_what, sizeof(sim->missing_what),
                 "client %u got message %u of client %u, which others should have had before",
                 client->id, pub->seq, pub->client);
    }
    sim->missing_pubs--;
    sim->missing += pub->missed;
    pub->is_missing = false;
    pub->missed = 0;
    if (sim->missing > world_dropped_for_memory(sim)) {
        sim_fail(sim, "%s", sim->missing_what);
    }
}

static void miss(struct sim *sim, const struct subscription *sub, uint32_t pub)
{
    const struct publication *p = &sim->pubs[pub];
    if (sub->may_lose && sim->settings.drops_over_rate && p->received == 0) {
        return; /* its policy or its publisher's rate: who loses nothing by a policy says which */
    }
    if (is_missing_for_rate(sim, &sim->pubs[pub])) {
        return;
    }
    if (sub->may_lose) {
        miss_by_policy(sim, sub, p);
        return;
    }
    if (sim->missing == 0) {
        snprintf(sim->missing_what, sizeof(sim->missing_what),
                 "client %u sid %u (%s) never got message %u of client %u to %s", sub->client,
                 sub->sid, pattern_of(sim, sub), p->seq, p->client, sim->subjects[p->subject]);
    }
    sim->missing++;
    /* Only a hub that counted it under a name may lose something (law 1). */
    if (sim->missing > world_dropped_for_memory(sim)) {
        sim_fail(sim, "%s", sim->missing_what);
    }
    coverage_add(sim->coverage, COVERAGE_lost_to_memory_limit);
}

/* ---- what took effect ------------------------------------------------------------------------ */

void oracle_written(struct sim *sim, struct client *client, struct command *command)
{
    command->written = sim->tick;
    if (command->kind == COMMAND_PUB) {
        sim->pubs[command->ref].written = sim->tick;
    } else if (command->kind == COMMAND_SUB) {
        sim->subs[command->ref].written = sim->tick;
    } else if (command->kind == COMMAND_UNSUB && !command->is_max) {
        struct subscription *sub = &sim->subs[command->ref];
        sub->end_written = MIN_OF(sub->end_written, sim->tick);
    } else if (command->kind == COMMAND_CONNECT) {
        uint32_t at = (uint32_t)(command - client->commands);
        for (uint32_t i = 0; i < client->subs_count; i++) {
            struct subscription *sub = &sim->subs[client->subs[i]];
            if (sub->end_command == at) {
                sub->end_written = MIN_OF(sub->end_written, sim->tick);
            }
        }
    }
}

static void confirm(struct sim *sim, struct client *client, uint32_t at)
{
    struct command *command = &client->commands[at];
    if (command->kind == COMMAND_PUB) {
        sim->pubs[command->ref].done = sim->tick;
        sim->done[sim->done_count++] = command->ref;
    } else if (command->kind == COMMAND_SUB) {
        sim->subs[command->ref].confirmed = sim->tick;
    } else if (command->kind == COMMAND_UNSUB && command->is_max) {
        sim->subs[command->ref].max_confirmed = sim->tick;
    } else if (command->kind == COMMAND_UNSUB) {
        sim->subs[command->ref].end_confirmed = sim->tick;
    } else if (command->kind == COMMAND_CONNECT) {
        for (uint32_t i = 0; i < client->subs_count; i++) {
            struct subscription *sub = &sim->subs[client->subs[i]];
            if (sub->end_command == at) {
                sub->end_confirmed = sim->tick;
            }
        }
    }
}

void oracle_confirmed(struct sim *sim, struct client *client, uint32_t command)
{
    if (command >= client->written_count) {
        sim_fail(sim, "client %u got an answer to a command it has not sent", client->id);
    }
    while (client->confirmed_count <= command) {
        confirm(sim, client, client->confirmed_count++);
    }
}

void oracle_ending(struct sim *sim, struct client *client)
{
    for (uint32_t i = 0; i < client->subs_count; i++) {
        struct subscription *sub = &sim->subs[client->subs[i]];
        sub->end_written = MIN_OF(sub->end_written, sim->tick);
    }
}

void oracle_ended(struct sim *sim, struct client *client)
{
    for (uint32_t i = 0; i < client->subs_count; i++) {
        struct subscription *sub = &sim->subs[client->subs[i]];
        sub->end_confirmed = MIN_OF(sub->end_confirmed, sim->tick);
    }
}

/* ---- a PONG ---------------------------------------------------------------------------------- */

/* Its own publishes before the PING, to its own subscriptions: in front of the PONG. */
static void check_own(struct sim *sim, struct client *client, uint32_t ping)
{
    for (; client->own_checked < ping; client->own_checked++) {
        const struct command *command = &client->commands[client->own_checked];
        if (command->kind != COMMAND_PUB) {
            continue;
        }
        for (uint32_t i = 0; i < client->subs_count; i++) {
            const struct subscription *sub = &sim->subs[client->subs[i]];
            if (must_deliver(sim, sub, &sim->pubs[command->ref])) {
                coverage_add(sim->coverage, COVERAGE_must_own_checks);
                if (!has_got(sub, command->ref)) {
                    miss(sim, sub, command->ref);
                }
            }
        }
    }
}

/* Over, and everything done before its end was checked. */
static bool is_retired(const struct subscription *sub, uint64_t tick)
{
    return sub->end_written < tick;
}

static void check_others(struct sim *sim, struct client *client, uint64_t ping_written)
{
    while (client->done_checked < sim->done_count) {
        uint32_t at = sim->done[client->done_checked];
        const struct publication *pub = &sim->pubs[at];
        if (pub->done >= ping_written) {
            return;
        }
        client->done_checked++;
        while (client->subs_retired < client->subs_count &&
               is_retired(&sim->subs[client->subs[client->subs_retired]], pub->done)) {
            client->subs_retired++;
        }
        for (uint32_t i = client->subs_retired; i < client->subs_count; i++) {
            const struct subscription *sub = &sim->subs[client->subs[i]];
            if (pub->client != client->id && must_deliver(sim, sub, pub)) {
                coverage_add(sim->coverage, COVERAGE_must_checks);
                if (!has_got(sub, at)) {
                    miss(sim, sub, at);
                }
            }
        }
    }
}

void oracle_moved(struct sim *sim, struct client *client, bool is_elsewhere)
{
    client->is_reloaded = true;
    if (is_elsewhere) {
        sim->tick++;
        client->has_moved = true;
        client->moved_at = MIN_OF(client->moved_at, sim->tick);
        client->moved_last = sim->tick;
        client->moved_until = NEVER;
    }
}

void oracle_pong(struct sim *sim, struct client *client, uint32_t command)
{
    if (client->has_moved && client->moved_until == NEVER &&
        client->commands[command].written > client->moved_last) {
        client->moved_until = sim->tick;
    }
    check_own(sim, client, command);
    check_others(sim, client, client->commands[command].written);
}

/* ---- a delivery ------------------------------------------------------------------------------ */

static struct subscription *find_sub(struct sim *sim, const struct client *client, uint32_t sid)
{
    for (uint32_t i = client->subs_count; i > 0; i--) {
        struct subscription *sub = &sim->subs[client->subs[i - 1]];
        if (sub->sid == sid) {
            return sub;
        }
    }
    return NULL;
}

/* "c12 345 ": who said it, and which of his it is. */
static uint32_t find_pub(struct sim *sim, struct bytes body)
{
    char text[24] = {0};
    memcpy(text, body.ptr, MIN_OF(body.size, sizeof(text) - 1));
    uint32_t client;
    uint32_t seq;
    if (sscanf(text, "c%u %u ", &client, &seq) != 2 || client >= sim->clients_count ||
        seq >= sim->clients[client].seq) {
        sim_fail(sim, "a message nobody published: %.20s", text);
    }
    return sim->clients[client].pubs[seq];
}

static bool is_text(struct bytes bytes, const char *text)
{
    return bytes_equal(bytes, bytes_text(text));
}

static void check_content(struct sim *sim, const struct client *client,
                          const struct publication *pub, const struct delivery *d)
{
    char reply[NAME_MAX_BYTES] = "";
    char headers[200] = "";
    if (pub->has_reply) {
        snprintf(reply, sizeof(reply), "_INBOX.%u.%u", pub->client, pub->seq);
    }
    char own[32] = "";
    if (pub->is_jailed ? pub->had_headers : pub->has_headers) {
        snprintf(own, sizeof(own), "Of: %u\r\n", pub->client);
    }
    if (pub->is_jailed) {
        snprintf(headers, sizeof(headers),
                 "NATS/1.0\r\nNats-Scrub-Rule: sim\r\nNats-Scrub-Reason: must_not\r\n"
                 "Nats-Scrub-Subject: %s\r\n%s\r\n",
                 sim->subjects[pub->jailed_from], own);
    } else if (pub->has_headers) {
        snprintf(headers, sizeof(headers), "NATS/1.0\r\n%s\r\n", own);
    }
    bool has_headers = d->headers.size > 0;
    bool wants_headers = pub->has_headers && client->headers;
    bool is_fine = has_headers == wants_headers || (client->headers_varied && pub->has_headers);
    if (!is_text(d->subject, sim->subjects[pub->subject]) || !is_text(d->reply, reply) ||
        !is_fine || (has_headers && !is_text(d->headers, headers)) ||
        !bytes_equal(d->body, bytes_of(pub->body, pub->body_size))) {
        sim_fail(
            sim,
            "client %u got message %u of client %u changed: subject %.*s (%s) reply %.*s (%s), "
            "%zu bytes of headers, body %.*s instead of %.*s",
            client->id, pub->seq, pub->client, (int)d->subject.size, d->subject.ptr,
            sim->subjects[pub->subject], (int)d->reply.size, d->reply.ptr, reply, d->headers.size,
            (int)MIN_OF(d->body.size, (size_t)40), d->body.ptr, (int)MIN_OF(pub->body_size, 40u),
            pub->body);
    }
    if (pub->has_headers) {
        coverage_add(sim->coverage,
                     has_headers ? COVERAGE_deliveries_with_headers : COVERAGE_deliveries_stripped);
    }
}

/* One publisher's messages come in order, whatever subscriptions of a client they come through. */
static void check_order(struct sim *sim, struct client *client, struct subscription *sub,
                        const struct publication *pub)
{
    uint32_t *next = &client->next_seq[pub->client];
    if (pub->seq >= sub->next_seq[pub->client] && pub->seq >= *next) {
        sub->next_seq[pub->client] = pub->seq + 1;
        *next = pub->seq;
        return;
    }
    if (sub->queue != 0 && world_repicks(sim) > sim->late_picks) {
        sim->late_picks++;
        coverage_add(sim->coverage, COVERAGE_deliveries_late_repick);
        return;
    }
    sim_fail(sim, "client %u sid %u got message %u of client %u out of order", client->id, sub->sid,
             pub->seq, pub->client);
}

static void check_maximum(struct sim *sim, struct subscription *sub, const struct publication *pub)
{
    if (sub->max == 0) {
        return;
    }
    if (sub->received == sub->max) {
        coverage_add(sim->coverage, COVERAGE_maximum_reached);
    }
    bool is_after = sub->client == pub->client ? pub->command > sub->max_command
                                               : pub->written > sub->max_confirmed;
    if (sub->received > sub->max && is_after && sub->max_confirmed != NEVER) {
        sim_fail(sim, "client %u sid %u got %u messages, its maximum was %u", sub->client, sub->sid,
                 sub->received, sub->max);
    }
}

static void check_group(struct sim *sim, const struct subscription *sub, struct publication *pub)
{
    if (sub->queue == 0) {
        return;
    }
    coverage_add(sim->coverage, COVERAGE_deliveries_in_groups);
    uint8_t bit = (uint8_t)(1u << sub->queue);
    if (pub->groups_got & bit) {
        sim_fail(sim, "queue group %u got message %u of client %u twice", sub->queue, pub->seq,
                 pub->client);
    }
    pub->groups_got |= bit;
}

/* The message of this client that a reply of the hub's own is about. */
static struct publication *asked(struct sim *sim, const struct client *client,
                                 const struct delivery *d)
{
    char reply[NAME_MAX_BYTES] = {0};
    memcpy(reply, d->subject.ptr, MIN_OF(d->subject.size, sizeof(reply) - 1));
    uint32_t id;
    uint32_t seq;
    if (sscanf(reply, "_INBOX.%u.%u", &id, &seq) != 2 || id != client->id || seq >= client->seq) {
        sim_fail(sim, "client %u got a status for %s", client->id, reply);
    }
    return &sim->pubs[client->pubs[seq]];
}

static void refused_request(struct sim *sim, struct client *client, const struct delivery *d)
{
    struct publication *pub = asked(sim, client, d);
    const struct subscription *sub = find_sub(sim, client, d->sid);
    if (!pub->is_refused || sim->settings.scrub_fate != SCRUB_TELL || !pub->has_reply ||
        ++pub->responses > 1 || sub == NULL || sub->queue != 0 || d->body.size > 0) {
        sim_fail(sim, "client %u got a 400 for its message %u", client->id, pub->seq);
    }
    coverage_add(sim->coverage, COVERAGE_requesters_400);
}

/* Nobody heard the message. */
static void no_responders(struct sim *sim, struct client *client, const struct delivery *d)
{
    struct publication *pub = asked(sim, client, d);
    const struct subscription *sub = find_sub(sim, client, d->sid);
    if (!pub->wants_responder || ++pub->responses > 1 || sub == NULL || sub->queue != 0 ||
        pub->received > 0 || d->body.size > 0) {
        sim_fail(sim, "client %u got a 503 for its message %u, which %s", client->id, pub->seq,
                 pub->received > 0 ? "somebody got" : "asked for none");
    }
    coverage_add(sim->coverage, COVERAGE_responders_503);
}

/* "answer 5 right": by client 5, which might say it. Whoever subscribes to more than subjects hears it. */
static void answer_heard(struct sim *sim, const struct client *client, const struct delivery *d)
{
    struct subscription *sub = find_sub(sim, client, d->sid);
    if (!bytes_equal(bytes_of(d->body.ptr + d->body.size - 5, 5), bytes_text("right")) ||
        sub == NULL || !bytes_start_with(d->subject, bytes_text("_INBOX."))) {
        sim_fail(sim, "client %u got \"%.*s\", which was not to be said", client->id,
                 (int)d->body.size, d->body.ptr);
    }
    sub->received++; /* towards its maximum, too */
    coverage_add(sim->coverage, COVERAGE_answers_heard);
}

void oracle_delivered(struct sim *sim, struct client *client, const struct delivery *d)
{
    if (bytes_start_with(d->body, bytes_text("answer "))) {
        answer_heard(sim, client, d);
        return;
    }
    coverage_add(sim->coverage, COVERAGE_deliveries);
    if (bytes_start_with(d->headers, bytes_text("NATS/1.0 503"))) {
        no_responders(sim, client, d);
        return;
    }
    if (bytes_start_with(d->headers, bytes_text("NATS/1.0 400"))) {
        refused_request(sim, client, d);
        return;
    }
    uint32_t at = find_pub(sim, d->body);
    struct publication *pub = &sim->pubs[at];
    if (pub->is_missing) {
        is_found(sim, client, pub);
    }
    struct subscription *sub = find_sub(sim, client, d->sid);
    if (sub == NULL) {
        sim_fail(sim, "client %u got a message for sid %u, which it has not", client->id, d->sid);
    }
    if (!may_deliver(sim, sub, pub)) {
        sim_fail(
            sim,
            "client %u sid %u (%s, sent %lld, confirmed %lld, ends %lld to %lld) got message %u "
            "of client %u to %s (sent %lld, done %lld), which it should not have",
            client->id, sub->sid, pattern_of(sim, sub), (long long)sub->written,
            (long long)sub->confirmed, (long long)sub->end_written, (long long)sub->end_confirmed,
            pub->seq, pub->client, sim->subjects[pub->subject], (long long)pub->written,
            (long long)pub->done);
    }
    if (has_got(sub, at)) {
        sim_fail(sim, "client %u sid %u got message %u of client %u twice", client->id, sub->sid,
                 pub->seq, pub->client);
    }
    sub->got[at / 64] |= (uint64_t)1 << (at % 64);
    sub->received++;
    pub->received++;
    coverage_add(sim->coverage, pub->client == client->id ? COVERAGE_deliveries_to_self
                                                          : COVERAGE_deliveries_from_other_clients);
    check_content(sim, client, pub, d);
    check_order(sim, client, sub, pub);
    check_maximum(sim, sub, pub);
    check_group(sim, sub, pub);
    if (pub->responses > 0) {
        sim_fail(sim, "client %u got message %u of client %u, for which a 503 was sent", client->id,
                 pub->seq, pub->client);
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool is_alive(const struct sim *sim, const struct subscription *sub)
{
    return sim->clients[sub->client].state == CLIENT_LIVE;
}

/* Surely a member, from before the message until now. */
static bool is_sure_member(const struct sim *sim, const struct subscription *sub,
                           const struct publication *pub)
{
    if (!is_alive(sim, sub) || sub->is_uncertain || sub->max != 0 || sub->is_ended ||
        sim->clients[sub->client].has_moved) {
        return false;
    }
    if (sub->client == pub->client) {
        return pub->echo && sub->command < pub->command;
    }
    return sub->confirmed < pub->written;
}

/* What is known of who could have heard a message. */
struct audience_view {
    uint8_t groups_sure;
    uint8_t groups_unsure; /* somebody may have taken it with him */
    bool has_plain_sure;
    bool has_lossy_maybe; /* somebody may have died, or moved, with it */
};

static struct audience_view view(const struct sim *sim, const struct publication *pub)
{
    struct audience_view v = {0};
    for (uint32_t i = 0; i < sim->subs_count; i++) {
        const struct subscription *sub = &sim->subs[i];
        if (!oracle_matches(sim, sub, pub) || !may_deliver(sim, sub, pub)) {
            continue;
        }
        bool is_lossy = !is_alive(sim, sub) || sim->clients[sub->client].has_moved || sub->may_lose;
        v.has_lossy_maybe |= is_lossy;
        uint8_t bit = (uint8_t)(1u << sub->queue);
        if (sub->queue == 0) {
            v.has_plain_sure |= is_sure_member(sim, sub, pub);
        } else if (is_sure_member(sim, sub, pub) && !sub->may_lose) {
            v.groups_sure |= bit;
        } else if (is_lossy) {
            v.groups_unsure |= bit;
        }
    }
    return v;
}

/* A subscription of its own to the reply, there from before the message until now. */
static bool hears_reply(const struct sim *sim, const struct client *client,
                        const struct publication *pub)
{
    for (uint32_t i = 0; i < client->subs_count; i++) {
        const struct subscription *sub = &sim->subs[client->subs[i]];
        if (sub->pattern == PATTERNS_MAX && sub->queue == 0 && !sub->is_ended && sub->max == 0 &&
            !sub->is_uncertain && sub->command < pub->command) {
            return true;
        }
    }
    return false;
}

static void judge_responders(struct sim *sim, const struct publication *pub,
                             const struct audience_view *v)
{
    const struct client *client = &sim->clients[pub->client];
    if (!pub->wants_responder || client->state != CLIENT_LIVE || pub->is_refused) {
        return;
    }
    if (pub->received == 0 && !v->has_lossy_maybe && !sim->settings.drops_over_rate &&
        !client->is_reloaded && hears_reply(sim, client, pub)) {
        coverage_add(sim->coverage, COVERAGE_surely_nobody);
        if (pub->responses != 1) {
            sim_fail(sim, "nobody got message %u of client %u, and no 503 came", pub->seq,
                     pub->client);
        }
    }
    if (v->has_plain_sure && pub->responses > 0 && world_dropped_for_memory(sim) == 0) {
        sim_fail(sim, "a 503 came for message %u of client %u, though it has a subscriber",
                 pub->seq, pub->client);
    }
}

static void judge_groups(struct sim *sim, uint32_t at, const struct audience_view *v)
{
    const struct publication *pub = &sim->pubs[at];
    for (uint32_t queue = 1; queue <= sim->settings.queues; queue++) {
        uint8_t bit = (uint8_t)(1u << queue);
        if ((v->groups_sure & bit) == 0 || (v->groups_unsure & bit) != 0) {
            continue;
        }
        coverage_add(sim->coverage, COVERAGE_group_checks);
        if ((pub->groups_got & bit) == 0) {
            if (is_missing_for_rate(sim, &sim->pubs[at])) {
                continue;
            }
            if (sim->missing == 0) {
                snprintf(sim->missing_what, sizeof(sim->missing_what),
                         "queue group %u never got message %u of client %u", queue, pub->seq,
                         pub->client);
            }
            if (++sim->missing > world_dropped_for_memory(sim)) {
                sim_fail(sim, "%s", sim->missing_what);
            }
        }
    }
}

/* A newer message of the subject came instead, or may have. */
static bool has_later(const struct sim *sim, const struct subscription *sub,
                      const struct publication *pub)
{
    for (uint32_t i = 0; i < sim->pubs_count; i++) {
        const struct publication *other = &sim->pubs[i];
        /* Two subjects may have one name. */
        bool is_same = strcmp(sim->subjects[other->subject], sim->subjects[pub->subject]) == 0;
        if (is_same && has_got(sub, i) && other->done >= pub->written &&
            (other->client != pub->client || other->seq > pub->seq)) {
            return true;
        }
    }
    return false;
}

/* LATEST, and its limit never took effect: of each subject the newest message came. */
static void judge_latest(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->subs_count; i++) {
        const struct subscription *sub = &sim->subs[i];
        if (!sub->keeps_latest || !is_alive(sim, sub) || sim->clients[sub->client].is_reloaded) {
            continue;
        }
        for (uint32_t k = 0; k < sim->pubs_count; k++) {
            const struct publication *pub = &sim->pubs[k];
            if (pub->done == NEVER || has_got(sub, k) || !must_deliver(sim, sub, pub)) {
                continue;
            }
            coverage_add(sim->coverage, COVERAGE_latest_checks);
            if (sim->settings.drops_over_rate && pub->received == 0) {
                continue;
            }
            if (!has_later(sim, sub, pub)) {
                sim_fail(sim,
                         "client %u sid %u (%s) got neither message %u of client %u to %s nor a "
                         "newer one",
                         sub->client, sub->sid, pattern_of(sim, sub), pub->seq, pub->client,
                         sim->subjects[pub->subject]);
            }
        }
    }
}

void oracle_judge(struct sim *sim)
{
    if (sim->settings.has_policies && !sim->settings.swaps_policies &&
        world_dropped_for_memory(sim) == 0) {
        judge_latest(sim);
    }

    for (uint32_t i = 0; i < sim->pubs_count; i++) {
        const struct publication *pub = &sim->pubs[i];
        if (pub->done == NEVER || pub->is_refused) {
            continue;
        }
        if (sim->settings.queues == 0 && !pub->wants_responder) {
            continue;
        }
        struct audience_view v = view(sim, pub);
        judge_groups(sim, i, &v);
        judge_responders(sim, pub, &v);
    }
}
