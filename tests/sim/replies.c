/* replies.c - what the hub says to a command, and which of the client's it is about. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

void reply_came(struct sim *sim, struct client *client, enum reply_kind reply)
{
    static const char *const names[] = {"nothing", "+OK", "PONG", "-ERR"};
    uint32_t at = client->reply_at;
    while (at < client->commands_count && client->commands[at].reply == REPLY_NONE) {
        at++;
    }
    if (at == client->commands_count || client->commands[at].reply != reply) {
        sim_fail(sim, "client %u got %s, expected %s", client->id, names[reply],
                 at == client->commands_count ? "nothing" : names[client->commands[at].reply]);
    }
    client->reply_at = at + 1;
    oracle_confirmed(sim, client, at);
    if (reply == REPLY_PONG) {
        oracle_pong(sim, client, at);
    }
}

/* Refused for a limit. A verbose client's next answer says which; else it may be any of them. */
static void sub_refused(struct sim *sim, struct client *client)
{
    uint32_t head = client->reply_at;
    while (head < client->commands_count && client->commands[head].reply == REPLY_NONE) {
        struct command *command = &client->commands[head++];
        if (command->kind == COMMAND_SUB) {
            sim->subs[command->ref].is_uncertain = true;
        }
    }
    if (head < client->commands_count && client->commands[head].reply == REPLY_OK &&
        client->commands[head].kind == COMMAND_SUB) {
        sim->subs[client->commands[head].ref].is_uncertain = true;
        client->commands[head].reply = REPLY_ERR;
        reply_came(sim, client, REPLY_ERR);
    }
}

/* A verbose client is told in the place of an answer: it knows which message it was. */
static void over_rate(struct sim *sim, struct client *client)
{
    uint32_t head = client->reply_at;
    coverage_add(sim->coverage, COVERAGE_told_of_rate);
    while (head < client->commands_count && client->commands[head].reply == REPLY_NONE) {
        head++;
    }
    if (head < client->commands_count && client->commands[head].reply == REPLY_OK &&
        client->commands[head].kind == COMMAND_PUB) {
        struct publication *pub = &sim->pubs[client->commands[head].ref];
        if (pub->received > 0) {
            sim_fail(sim, "message %u of client %u was over its rate, and somebody got it",
                     pub->seq, pub->client);
        }
        pub->is_refused = true;
        client->commands[head].reply = REPLY_ERR;
        reply_came(sim, client, REPLY_ERR);
    }
}

/* By a reload. */
static void sub_ended(struct sim *sim, const struct client *client, struct bytes line, uint32_t sid)
{
    for (uint32_t i = 0; i < client->subs_count; i++) {
        struct subscription *sub = &sim->subs[client->subs[i]];
        if (sub->sid == sid && sub->may_be_told) {
            sub->must_be_told = sub->may_be_told = false;
            return;
        }
    }
    sim_fail(sim, "client %u got %.*s", client->id, (int)line.size, line.ptr);
}

void reply_error(struct sim *sim, struct client *client, struct bytes line)
{
    coverage_add(sim->coverage, COVERAGE_errors);
    if (bytes_equal(line, bytes_text("-ERR 'maximum subscriptions exceeded'")) &&
        sim->settings.is_tight) {
        sub_refused(sim, client);
        return;
    }
    static const char rule[] = ", scrub rule \"sim\": ";
    if (memmem(line.ptr, line.size, rule, sizeof(rule) - 1) != NULL && sim->settings.scrubs &&
        sim->settings.scrub_fate == SCRUB_TELL) {
        coverage_add(sim->coverage, COVERAGE_refusals_told);
        reply_came(sim, client, REPLY_ERR);
        return;
    }
    static const char rate[] = ", publish rate exceeded'";
    if (memmem(line.ptr, line.size, rate, sizeof(rate) - 1) != NULL &&
        sim->settings.drops_over_rate) {
        over_rate(sim, client);
        return;
    }
    static const char ended[] = " (sid \"";
    const uint8_t *sid = memmem(line.ptr, line.size, ended, sizeof(ended) - 1);
    if (sid != NULL) {
        sub_ended(sim, client, line,
                  (uint32_t)strtoul((const char *)sid + sizeof(ended) - 1, NULL, 10));
        return;
    }
    if (bytes_equal(line, bytes_text("-ERR 'Invalid Subject'")) ||
        bytes_start_with(line, bytes_text("-ERR 'Permissions Violation for "))) {
        reply_came(sim, client, REPLY_ERR);
        return;
    }
    bool is_refused = bytes_equal(line, bytes_text("-ERR 'maximum connections exceeded'"));
    sim->coverage->counts[COVERAGE_refused_connects] += is_refused;
    bool is_expected = client->has_sinned || sim->settings.is_tight || sim->is_over ||
                       (is_refused && sim->settings.max_connections < 10000);
    if (!is_expected) {
        sim_fail(sim, "client %u got %.*s", client->id, (int)line.size, line.ptr);
    }
    client->has_sinned = true;
}
