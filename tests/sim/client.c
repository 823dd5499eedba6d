/* client.c - clients: what they say, in pieces; what they read, in pieces. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- saying ---------------------------------------------------------------------------------- */

static void reserve(uint8_t **data, size_t *capacity, size_t need)
{
    if (need > *capacity) {
        *capacity = MAX_OF(need, *capacity * 2);
        *data = memory_resize(*data, *capacity);
    }
}

static void put(struct client *client, const void *bytes, size_t size)
{
    if (size > 0) {
        reserve(&client->out, &client->out_capacity, client->out_size + size);
        memcpy(client->out + client->out_size, bytes, size);
        client->out_size += size;
    }
}

static void put_text(struct client *client, const char *text)
{
    put(client, text, strlen(text));
}

/* What was put since the command before is one command. */
static uint32_t command_end(struct sim *sim, struct client *client, enum command_kind kind,
                            enum reply_kind reply, uint32_t ref)
{
    ASSERT(client->commands_count < COMMANDS_MAX);
    if (sim->traces) {
        uint64_t start =
            client->commands_count == 0 ? 0 : client->commands[client->commands_count - 1].end;
        const uint8_t *text = client->out + (start - client->out_base);
        sim_trace(sim, "client %u will say %u: %.*s", client->id, client->commands_count,
                  (int)strcspn((const char *)text, "\r"), text);
    }
    client->commands[client->commands_count] =
        (struct command){.end = client->out_base + client->out_size,
                         .written = NEVER,
                         .ref = ref,
                         .kind = (uint8_t)kind,
                         .reply = (uint8_t)reply};
    return client->commands_count++;
}

static enum reply_kind ok_of(const struct client *client)
{
    return client->verbose ? REPLY_OK : REPLY_NONE;
}

static void say_connect(struct sim *sim, struct client *client);

/* Nothing it says is heard before it has said who it is. */
static bool must_connect(const struct sim *sim, const struct client *client)
{
    return !client->connected && sim->users_count > 0 && !client->shows_nothing;
}

void client_ping(struct sim *sim, struct client *client)
{
    if (must_connect(sim, client)) {
        say_connect(sim, client);
    }
    if (client->has_sinned) {
        return;
    }
    put_text(client, "PING\r\n");
    (void)command_end(sim, client, COMMAND_PING, REPLY_PONG, 0);
}

static struct subscription *live_sub(struct sim *sim, const struct client *client)
{
    for (uint32_t tries = 0; tries < 6 && client->subs_count > 0; tries++) {
        struct subscription *sub = &sim->subs[client->subs[sim_below(sim, client->subs_count)]];
        if (!sub->is_ended) {
            return sub;
        }
    }
    return NULL;
}

/* Many clients choose the same sid for a pattern: audiences are shared. A sid is not used twice by
 * one client, unless its end is certain. */
static uint32_t choose_sid(struct sim *sim, struct client *client, uint32_t pattern)
{
    uint32_t sid = 1 + pattern;
    if (sim_chance(sim, 800)) {
        bool is_free = true;
        for (uint32_t i = 0; i < client->subs_count; i++) {
            const struct subscription *sub = &sim->subs[client->subs[i]];
            is_free &= sub->sid != sid || (sub->end_confirmed != NEVER && sub->max == 0);
        }
        if (is_free) {
            return sid;
        }
    }
    return 1000 + client->next_sid++;
}

static void say_forbidden_sub(struct sim *sim, struct client *client, const char *pattern)
{
    char line[128];
    snprintf(line, sizeof(line), "SUB %s 998\r\n", pattern);
    put_text(client, line);
    (void)command_end(sim, client, COMMAND_OTHER, REPLY_ERR, 0);
    coverage_add(sim->coverage, COVERAGE_subscribes_forbidden);
}

static void say_sub(struct sim *sim, struct client *client)
{
    if (sim->subs_count == SUBSCRIPTIONS_MAX) {
        client_ping(sim, client);
        return;
    }
    uint32_t inbox_per_mille = client->no_responders && client->subs_count < 3 ? 500 : 100;
    uint32_t pattern =
        sim_chance(sim, inbox_per_mille) ? PATTERNS_MAX : sim_below(sim, sim->settings.patterns);
    bool is_inbox = pattern == PATTERNS_MAX;
    char inbox[NAME_MAX_BYTES];
    snprintf(inbox, sizeof(inbox), "_INBOX.%u.%s", client->id, sim_chance(sim, 500) ? "*" : ">");
    const char *name = is_inbox ? inbox : sim->patterns[pattern];
    if (!people_may_subscribe(sim, client->user, name)) {
        say_forbidden_sub(sim, client, name);
        return;
    }
    struct subscription *sub = &sim->subs[sim->subs_count];
    memset(sub, 0, sizeof(*sub));
    sub->client = client->id;
    sub->pattern = (uint8_t)pattern;
    sub->written = sub->confirmed = sub->end_written = sub->end_confirmed = NEVER;
    sub->max_confirmed = NEVER;
    sub->end_command = NO_COMMAND;
    if (!is_inbox && sim->settings.queues > 0 && sim_chance(sim, 350)) {
        sub->queue = (uint8_t)(1 + sim_below(sim, sim->settings.queues));
    }
    sub->sid = choose_sid(sim, client, pattern);
    policies_judge(sim, sub);
    char line[128];
    if (sub->queue != 0) {
        snprintf(line, sizeof(line), "SUB %s q%u %u\r\n", name, sub->queue, sub->sid);
        coverage_add(sim->coverage, COVERAGE_subscribes_in_groups);
    } else {
        snprintf(line, sizeof(line), "SUB %s %u\r\n", name, sub->sid);
    }
    coverage_add(sim->coverage, COVERAGE_subscribes);
    put_text(client, line);
    sub->command = command_end(sim, client, COMMAND_SUB, ok_of(client), sim->subs_count);
    client->subs[client->subs_count++] = sim->subs_count++;
}

static void say_unsub(struct sim *sim, struct client *client)
{
    struct subscription *sub = live_sub(sim, client);
    if (sub == NULL || (sub->pattern == PATTERNS_MAX && sim_chance(sim, 800))) {
        say_sub(sim, client);
        return;
    }
    char line[64];
    bool has_max = sub->max == 0 && sim_chance(sim, 400);
    uint32_t max = has_max ? 1 + sim_below(sim, sim_chance(sim, 300) ? 40 : 5) : 0;
    if (has_max) {
        snprintf(line, sizeof(line), "UNSUB %u %u\r\n", sub->sid, max);
        coverage_add(sim->coverage, COVERAGE_unsubscribes_with_maximum);
    } else {
        snprintf(line, sizeof(line), "UNSUB %u\r\n", sub->sid);
        coverage_add(sim->coverage, COVERAGE_unsubscribes);
    }
    put_text(client, line);
    uint32_t command =
        command_end(sim, client, COMMAND_UNSUB, ok_of(client), (uint32_t)(sub - sim->subs));
    client->commands[command].is_max = has_max;
    if (has_max) {
        sub->max = max;
        sub->max_command = command;
    } else {
        sub->is_ended = true;
        sub->end_command = command;
    }
}

/* The hub will not let it in; whatever it says behind that is not heard. */
static void is_turned_away(struct sim *sim, struct client *client)
{
    client->has_sinned = true;
    client->is_finishing = true;
    coverage_add(sim->coverage, COVERAGE_logins_refused);
}

static void say_wrong_connect(struct sim *sim, struct client *client)
{
    char credentials[64];
    people_credentials(sim, client, true, credentials, sizeof(credentials));
    char line[96];
    snprintf(line, sizeof(line), "CONNECT {\"verbose\":false%s}\r\n", credentials);
    put_text(client, line);
    is_turned_away(sim, client);
}

static void say_connect(struct sim *sim, struct client *client)
{
    if (sim->users_count > 0 && sim_chance(sim, 40)) {
        say_wrong_connect(sim, client);
        return;
    }
    bool headers = sim_chance(sim, 700);
    bool had = client->headers;
    client->verbose = sim_chance(sim, 250);
    client->echo = !sim_chance(sim, 200);
    client->no_responders = headers && sim_chance(sim, 600);
    client->headers = headers;
    char credentials[64];
    people_credentials(sim, client, false, credentials, sizeof(credentials));
    char line[320];
    snprintf(line, sizeof(line),
             "CONNECT {\"verbose\":%s,\"pedantic\":false,\"echo\":%s,\"headers\":%s,"
             "\"no_responders\":%s,\"protocol\":%u,\"name\":\"sim-%u\"%s}\r\n",
             client->verbose ? "true" : "false", client->echo ? "true" : "false",
             headers ? "true" : "false", client->no_responders ? "true" : "false",
             sim_below(sim, 2), client->id, credentials);
    put_text(client, line);
    uint32_t command = command_end(sim, client, COMMAND_CONNECT, ok_of(client), 0);
    client->headers_varied |= headers != had && client->subs_count > 0;
    if (client->connected) {
        coverage_add(sim->coverage, COVERAGE_second_connects);
        for (uint32_t i = 0; i < client->subs_count; i++) {
            struct subscription *sub = &sim->subs[client->subs[i]];
            if (!sub->is_ended) {
                sub->is_ended = true;
                sub->end_command = command;
            }
        }
    }
    client->connected = true;
}

/* ---- publishing ------------------------------------------------------------------------------ */

static bool say_pub(struct sim *sim, struct client *client, uint32_t subject)
{
    static uint8_t body[128 * 1024];
    if (sim->pubs_count == PUBLICATIONS_MAX) {
        return false;
    }
    struct publication *pub = &sim->pubs[sim->pubs_count];
    *pub = (struct publication){.client = client->id,
                                .seq = client->seq,
                                .subject = (uint16_t)subject,
                                .written = NEVER,
                                .done = NEVER,
                                .epoch = (uint8_t)sim->epoch,
                                .echo = client->echo};
    size_t size = body_compose(sim, client, body, sizeof(body));
    if (!body_expect(sim, pub, bytes_of(body, size))) {
        return false;
    }
    pub->has_headers = client->headers && sim_chance(sim, 300);
    pub->has_reply = sim_chance(sim, sim->settings.reply_per_mille);
    pub->wants_responder = pub->has_reply && client->no_responders;
    sim->replies_said += pub->has_reply;
    bool is_forbidden = !people_may_publish(sim, client->user, sim->subjects[subject]);
    pub->is_refused |= is_forbidden;
    sim->coverage->counts[COVERAGE_publishes_forbidden] += is_forbidden;
    char reply[NAME_MAX_BYTES] = "";
    if (pub->has_reply) {
        snprintf(reply, sizeof(reply), "_INBOX.%u.%u ", client->id, client->seq);
    }
    char headers[64] = "";
    char line[160];
    const char *zeros = sim_chance(sim, 30) ? "00" : "";
    if (pub->has_headers) {
        int header_size =
            snprintf(headers, sizeof(headers), "NATS/1.0\r\nOf: %u\r\n\r\n", client->id);
        snprintf(line, sizeof(line), "HPUB %s %s%s%d %zu\r\n", sim->subjects[subject], reply, zeros,
                 header_size, size + (size_t)header_size);
        coverage_add(sim->coverage, COVERAGE_publishes_with_headers);
    } else {
        snprintf(line, sizeof(line), "PUB %s %s%s%zu\r\n", sim->subjects[subject], reply, zeros,
                 size);
    }
    put_text(client, line);
    put_text(client, headers);
    put(client, body, size);
    put_text(client, "\r\n");
    if ((client->seq & (client->seq - 1)) == 0) {
        client->pubs = memory_resize(client->pubs, (client->seq * 2 + 1) * sizeof(uint32_t));
    }
    client->pubs[client->seq++] = sim->pubs_count;
    bool is_told = !is_forbidden && pub->is_refused && sim->settings.scrub_fate == SCRUB_TELL;
    pub->command =
        command_end(sim, client, COMMAND_PUB, is_told || is_forbidden ? REPLY_ERR : ok_of(client),
                    sim->pubs_count++);
    if (is_forbidden) {
        pub->is_jailed = false;
    }
    if (pub->is_jailed) {
        pub->jailed_from = pub->subject;
        pub->subject = 0;
        pub->had_headers = pub->has_headers;
        pub->has_headers = true;
        pub->has_reply = false;
        pub->wants_responder = false;
    }
    coverage_add(sim->coverage, COVERAGE_publishes);
    return true;
}

static void say_pubs(struct sim *sim, struct client *client)
{
    uint32_t subject = sim_below(sim, sim->settings.subjects);
    uint32_t count = sim_size(sim, sim->settings.burst_max);
    for (uint32_t i = 0; i < count && client->commands_count + 8 < COMMANDS_MAX; i++) {
        if (!say_pub(sim, client, subject)) {
            client_ping(sim, client);
            return;
        }
        if (sim_chance(sim, 100)) {
            subject = sim_below(sim, sim->settings.subjects);
        }
    }
}

static void say_bad_sub(struct sim *sim, struct client *client)
{
    put_text(client, "SUB a..b 999\r\n");
    (void)command_end(sim, client, COMMAND_OTHER, REPLY_ERR, 0);
}

static void say_garbage(struct sim *sim, struct client *client)
{
    static const char *const words[] = {"FOO bar\r\n", "PUB a.b zz\r\nx\r\n", "-ERR 'you'\r\n",
                                        "CONNECT {{{\r\n", "PUB a 99999999\r\n"};
    put_text(client, words[sim_below(sim, COUNT_OF(words))]);
    client->has_sinned = true;
    client->is_finishing = true;
    coverage_add(sim->coverage, COVERAGE_garbage);
}

/* One more command, or a burst of them. */
static void say_something(struct sim *sim, struct client *client)
{
    if (client->is_finishing || client->state != CLIENT_LIVE || sim->is_calm) {
        return;
    }
    if (client->commands_count + 64 >= COMMANDS_MAX) {
        client->is_finishing = true;
        client_ping(sim, client);
        return;
    }
    uint32_t dice = sim_below(sim, 1000);
    bool is_first = must_connect(sim, client);
    if (is_first && dice < 10 && !sim->settings.has_no_auth_user) {
        put_text(client, "PING\r\n");
        is_turned_away(sim, client);
    } else if (is_first || (client->commands_count == 0 && dice < 850)) {
        say_connect(sim, client);
    } else if (sim_chance(sim, sim->settings.churn_per_mille)) {
        if (sim_chance(sim, sim->settings.unsub_per_mille)) {
            say_unsub(sim, client);
        } else {
            say_sub(sim, client);
        }
    } else if (dice < 300) {
        client_ping(sim, client);
    } else if (dice < 308) {
        say_connect(sim, client);
    } else if (dice < 312 && !sim->settings.is_tight) {
        say_bad_sub(sim, client);
    } else if (dice < 313) {
        say_garbage(sim, client);
    } else {
        say_pubs(sim, client);
        if (sim_chance(sim, 15) && !client->has_sinned) {
            say_connect(sim, client); /* new words for messages that are still being put together */
        }
    }
}

/* ---- sending --------------------------------------------------------------------------------- */

static bool send_some(struct sim *sim, struct client *client, size_t max)
{
    size_t size = MIN_OF(client->out_size, max);
    if (size == 0 || client->state != CLIENT_LIVE) {
        return false;
    }
    size_t sent = fake_client_write(client->link, bytes_of(client->out, size));
    if (sent == 0) {
        return false;
    }
    sim->tick++;
    client->out_size -= sent;
    client->out_base += sent;
    memmove(client->out, client->out + sent, client->out_size);
    while (client->written_count < client->commands_count &&
           client->commands[client->written_count].end <= client->out_base) {
        oracle_written(sim, client, &client->commands[client->written_count++]);
    }
    sim_trace(sim, "client %u sends %zu, %u commands whole", client->id, sent,
              client->written_count);
    return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void got_ping(struct sim *sim, struct client *client)
{
    if (!client->is_finishing && client->state == CLIENT_LIVE && !client->is_stalled &&
        client->commands_count + 8 < COMMANDS_MAX) {
        put_text(client, "PONG\r\n");
        (void)command_end(sim, client, COMMAND_OTHER, REPLY_NONE, 0);
    }
}

struct words {
    struct bytes word[6];
    uint32_t count;
};

static struct words split(struct bytes line)
{
    struct words words = {.count = 0};
    size_t at = 0;
    while (at < line.size && words.count < COUNT_OF(words.word)) {
        const uint8_t *space = memchr(line.ptr + at, ' ', line.size - at);
        size_t end = space != NULL ? (size_t)(space - line.ptr) : line.size;
        words.word[words.count++] = bytes_of(line.ptr + at, end - at);
        at = end + 1;
    }
    return words;
}

static uint32_t number(struct sim *sim, struct bytes text)
{
    uint32_t value = 0;
    if (text.size == 0 || text.size > 9) {
        sim_fail(sim, "not a number: %.*s", (int)text.size, text.ptr);
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            sim_fail(sim, "not a number: %.*s", (int)text.size, text.ptr);
        }
        value = value * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    return value;
}

/* Twice: the user may answer each reply once. */
static void say_answers(struct sim *sim, struct client *client, struct bytes reply)
{
    char name[NAME_MAX_BYTES] = {0};
    if (reply.size > 0) {
        memcpy(name, reply.ptr, MIN_OF(reply.size, sizeof(name) - 1));
    }
    for (int i = 0; i < 2; i++) {
        char body[32];
        char line[128];
        bool is_right = i == 0 || people_may_say(sim, client->user, name);
        int size =
            snprintf(body, sizeof(body), "answer %u %s", client->id, is_right ? "right" : "wrong");
        snprintf(line, sizeof(line), "PUB %s %d\r\n%s\r\n", name, size, body);
        put_text(client, line);
        (void)command_end(sim, client, COMMAND_OTHER, is_right ? ok_of(client) : REPLY_ERR, 0);
        coverage_add(sim->coverage, is_right ? COVERAGE_answers : COVERAGE_answers_refused);
    }
}

static bool has_group(const struct sim *sim, const struct client *client)
{
    for (uint32_t i = 0; i < client->subs_count; i++) {
        if (sim->subs[client->subs[i]].queue != 0) {
            return true;
        }
    }
    return false;
}

/* The hub remembers so many replies of a client; and one that is heard again may be answered again, so
 * who hears by a group, which may be picked late, does not answer. */
static bool may_answer(struct sim *sim, struct client *client, const struct delivery *d)
{
    enum { REPLIES_MAX = 500 };
    uint32_t asker;
    uint32_t seq;
    char reply[NAME_MAX_BYTES] = {0};
    if (d->reply.size > 0 && d->reply.size < sizeof(reply)) {
        memcpy(reply, d->reply.ptr, d->reply.size);
    }
    if (sim->users_count == 0 || !people_answer(sim, client->user) || sim->is_calm ||
        client->is_finishing || client->state != CLIENT_LIVE || client->is_stalled ||
        client->commands_count + 80 >= COMMANDS_MAX || sim->replies_said > REPLIES_MAX ||
        sim->settings.drops_over_rate || has_group(sim, client) ||
        sscanf(reply, "_INBOX.%u.%u", &asker, &seq) != 2) {
        return false;
    }
    uint32_t pub = sim->clients[asker].pubs[seq];
    uint64_t bit = (uint64_t)1 << (pub % 64);
    bool is_new = (client->answered[pub / 64] & bit) == 0;
    client->answered[pub / 64] |= bit;
    return is_new;
}

/* MSG subject sid [reply] size / HMSG subject sid [reply] header_size size. Returns the bytes it
 * takes; 0: not all there. */
static size_t got_message(struct sim *sim, struct client *client, struct bytes line, size_t rest)
{
    struct words w = split(line);
    bool has_headers = w.word[0].size == 4;
    uint32_t least = has_headers ? 5 : 4;
    if (w.count < least || w.count > least + 1) {
        sim_fail(sim, "client %u: torn line %.*s", client->id, (int)line.size, line.ptr);
    }
    uint32_t size = number(sim, w.word[w.count - 1]);
    uint32_t header_size = has_headers ? number(sim, w.word[w.count - 2]) : 0;
    if (rest < (size_t)size + 2) {
        return 0;
    }
    const uint8_t *body = line.ptr + line.size + 2;
    if (header_size > size || memcmp(body + size, "\r\n", 2) != 0) {
        sim_fail(sim, "client %u: a message does not end where it should: %.*s", client->id,
                 (int)line.size, line.ptr);
    }
    struct delivery d = {.sid = number(sim, w.word[2]),
                         .subject = w.word[1],
                         .headers = bytes_of(body, header_size),
                         .body = bytes_of(body + header_size, size - header_size)};
    if (w.count > least) {
        d.reply = w.word[3];
    }
    oracle_delivered(sim, client, &d);
    if (may_answer(sim, client, &d)) {
        say_answers(sim, client, d.reply);
    }
    return (size_t)size + 2;
}

static void got_line(struct sim *sim, struct client *client, struct bytes line)
{
    if (bytes_equal(line, bytes_text("+OK"))) {
        coverage_add(sim->coverage, COVERAGE_oks);
        reply_came(sim, client, REPLY_OK);
    } else if (bytes_equal(line, bytes_text("PONG"))) {
        coverage_add(sim->coverage, COVERAGE_pongs);
        reply_came(sim, client, REPLY_PONG);
    } else if (bytes_equal(line, bytes_text("PING"))) {
        got_ping(sim, client);
    } else if (bytes_start_with(line, bytes_text("-ERR "))) {
        reply_error(sim, client, line);
    } else if (!bytes_start_with(line, bytes_text("INFO {"))) {
        sim_fail(sim, "client %u: torn line %.*s", client->id, (int)line.size, line.ptr);
    }
}

/* One thing the hub said; false: it is not all there. */
static bool take_one(struct sim *sim, struct client *client)
{
    const uint8_t *at = client->in + client->in_at;
    size_t left = client->in_size - client->in_at;
    const uint8_t *end = left > 0 ? memchr(at, '\n', left) : NULL;
    if (end == NULL) {
        return false;
    }
    size_t size = (size_t)(end - at) + 1;
    if (size < 2 || end[-1] != '\r') {
        sim_fail(sim, "client %u: a line without CR", client->id);
    }
    struct bytes line = bytes_of(at, size - 2);
    if (bytes_start_with(line, bytes_text("MSG ")) || bytes_start_with(line, bytes_text("HMSG "))) {
        size_t more = got_message(sim, client, line, left - size);
        if (more == 0) {
            return false;
        }
        size += more;
    } else {
        got_line(sim, client, line);
    }
    client->in_at += size;
    return true;
}

static bool read_some(struct sim *sim, struct client *client, size_t max)
{
    size_t size = MIN_OF(fake_client_readable(client->link), max);
    if (size == 0) {
        return false;
    }
    reserve(&client->in, &client->in_capacity, client->in_size + size);
    size_t got = fake_client_read(client->link, client->in + client->in_size, size);
    ASSERT(got == size);
    client->in_size += got;
    sim->tick++;
    sim_trace(sim, "client %u reads %zu", client->id, got);
    while (take_one(sim, client)) {
    }
    client->in_size -= client->in_at;
    memmove(client->in, client->in + client->in_at, client->in_size);
    client->in_at = 0;
    return true;
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void dies(struct sim *sim, struct client *client)
{
    sim->tick++;
    if (client->state == CLIENT_LIVE || client->state == CLIENT_SHUT) {
        sim->clients_live--;
    }
    bool is_torn =
        client->written_count < client->commands_count &&
        client->out_base >
            (client->written_count == 0 ? 0 : client->commands[client->written_count - 1].end);
    if (is_torn) {
        coverage_add(sim->coverage, COVERAGE_partial_commands_left);
    }
    client->state = CLIENT_DEAD;
    oracle_ending(sim, client);
    sim_trace(sim, "client %u is gone", client->id);
}

/* The hub ended it, as far as the client can see. */
static void ended_by_hub(struct sim *sim, struct client *client, bool is_reset)
{
    const struct sim_settings *s = &sim->settings;
    bool has_cause =
        client->has_sinned || s->is_tight || s->has_resets || s->has_policies || sim->is_over;
    if (client->state == CLIENT_SHUT && !is_reset && !has_cause &&
        client->confirmed_count < client->written_count &&
        client->commands[client->written_count - 1].reply != REPLY_NONE) {
        sim_fail(sim, "client %u shut down and did not get its last answers", client->id);
    }
    if (client->state == CLIENT_LIVE && !has_cause) {
        sim_fail(sim, "client %u was closed without a cause", client->id);
    }
    coverage_add(sim->coverage, COVERAGE_closed_by_hub);
    dies(sim, client);
    fake_client_close(client->link);
}

void client_leave(struct sim *sim, struct client *client)
{
    if (client->state != CLIENT_LIVE && client->state != CLIENT_SHUT) {
        return;
    }
    if (sim_chance(sim, 500)) {
        fake_client_reset(client->link);
        coverage_add(sim->coverage, COVERAGE_resets);
    } else {
        fake_client_close(client->link);
    }
    dies(sim, client);
}

static void shut_down(struct sim *sim, struct client *client)
{
    sim->tick++;
    fake_client_shutdown(client->link);
    client->state = CLIENT_SHUT;
    client->is_stalled = false;
    oracle_ending(sim, client);
    coverage_add(sim->coverage, COVERAGE_half_closes);
}

/* The hub's half is closed too: nothing more can come from there. */
static void bury(struct sim *sim, struct client *client)
{
    if (!fake_client_is_left_by_hub(client->link)) {
        return;
    }
    sim->tick++;
    oracle_ended(sim, client);
    fake_client_forget(client->link);
    client_release(client);
    client->state = CLIENT_GONE;
}

void client_release(struct client *client)
{
    memory_free(client->out);
    memory_free(client->in);
    client->out = client->in = NULL;
    client->out_size = client->out_capacity = client->in_size = client->in_capacity = 0;
    client->link = NULL;
}

bool client_is_open(const struct client *client)
{
    return client->state == CLIENT_LIVE || client->state == CLIENT_SHUT;
}

/* ---- steps ----------------------------------------------------------------------------------- */

struct client *client_connect(struct sim *sim)
{
    if (sim->clients_count == CLIENTS_MAX) {
        return NULL;
    }
    struct client *client = &sim->clients[sim->clients_count];
    memset(client, 0, offsetof(struct client, commands));
    memset((uint8_t *)client + offsetof(struct client, commands_count), 0,
           sizeof(*client) - offsetof(struct client, commands_count));
    client->id = sim->clients_count++;
    client->link = fake_connect(sim->loops[0]);
    client->verbose = true;
    client->echo = true;
    client->shows_nothing = sim->settings.has_no_auth_user && sim_chance(sim, 500);
    client->user =
        client->shows_nothing || sim->users_count == 0 ? 0 : sim_below(sim, sim->users_count);
    while (sim->users[sim->epoch][client->user].is_gone) {
        client->user--; /* the first stays */
    }
    client->moved_at = client->moved_until = NEVER;
    sim->clients_live++;
    sim->tick++;
    coverage_add(sim->coverage, COVERAGE_connects);
    sim_trace(sim, "client %u connects", client->id);
    return client;
}

static void look_for_the_end(struct sim *sim, struct client *client)
{
    enum fake_client_state state = fake_client_state(client->link);
    if (state == FAKE_CLIENT_EOF || state == FAKE_CLIENT_RESET) {
        ended_by_hub(sim, client, state == FAKE_CLIENT_RESET);
    }
}

void client_step(struct sim *sim, struct client *client)
{
    if (client->state == CLIENT_DEAD) {
        bury(sim, client);
        return;
    }
    if (client->state == CLIENT_GONE) {
        return;
    }
    const struct sim_settings *s = &sim->settings;
    uint32_t dice = sim_below(sim, 1000);
    if (dice < s->death_per_mille) {
        client_leave(sim, client);
    } else if (dice < 2 * s->death_per_mille) {
        client->is_finishing = true;
        client_ping(sim, client);
    } else if (dice < 2 * s->death_per_mille + s->stall_per_mille) {
        client->is_stalled = !client->is_stalled;
        coverage_add(sim->coverage, COVERAGE_stalls);
    } else if (dice < 600 && !client->is_stalled) {
        read_some(sim, client, sim_chance(sim, 600) ? SIZE_MAX : sim_size(sim, 4096));
        look_for_the_end(sim, client);
    } else {
        if (client->out_size < MIN_OF((size_t)256 * 1024, 64 * sim->settings.pipe_to_hub) &&
            sim_chance(sim, 800)) {
            say_something(sim, client);
        }
        send_some(sim, client, sim_chance(sim, 700) ? SIZE_MAX : sim_size(sim, 4096));
        if (client->is_finishing && client->out_size == 0 && client->state == CLIENT_LIVE) {
            shut_down(sim, client);
        }
    }
}

bool client_settle(struct sim *sim, struct client *client)
{
    if (client->state == CLIENT_DEAD) {
        bury(sim, client);
        return client->state == CLIENT_GONE;
    }
    if (!client_is_open(client)) {
        return false;
    }
    client->is_stalled = false;
    bool moved = send_some(sim, client, SIZE_MAX);
    if (client->is_finishing && client->out_size == 0 && client->state == CLIENT_LIVE) {
        shut_down(sim, client);
        moved = true;
    }
    moved |= read_some(sim, client, SIZE_MAX);
    look_for_the_end(sim, client);
    return moved || client->state == CLIENT_DEAD;
}
