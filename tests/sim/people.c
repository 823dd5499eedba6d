/*
 * people.c - who the clients are, what they may do, naively; and the helper that looks at passwords,
 * when the schedule lets it.
 */
#include "io/helper.h"
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

/* What is shown in place of a hash that nobody computes here. */
#define HASH_FORM "$2a$04$%053u"

static struct sim *running;

/* ---- what they may do ------------------------------------------------------------------------ */

static void draw_rules(struct sim *sim, struct rules *rules, uint32_t most)
{
    rules->count = sim_below(sim, most + 1);
    for (uint32_t i = 0; i < rules->count; i++) {
        memcpy(rules->text[i], sim->patterns[sim_below(sim, sim->settings.patterns)],
               NAME_MAX_BYTES);
    }
}

static void draw_permit(struct sim *sim, struct user *user)
{
    user->has_permit = sim_chance(sim, 700);
    if (user->has_permit) {
        draw_rules(sim, &user->publish_allow, RULES_MAX);
        draw_rules(sim, &user->publish_deny, 1);
        draw_rules(sim, &user->subscribe_allow, RULES_MAX);
        draw_rules(sim, &user->subscribe_deny, 2);
    }
}

void people_draw(struct sim *sim)
{
    memset(sim->users, 0, sizeof(sim->users));
    sim->epoch = 0;
    sim->users_count = sim->settings.has_users ? 1 + sim_below(sim, USERS_MAX) : 0;
    for (uint32_t i = 0; i < sim->users_count; i++) {
        struct user *user = &sim->users[0][i];
        user->is_hashed = sim_chance(sim, 400);
        draw_permit(sim, user);
    }
}

static bool any_matches(const struct rules *rules, const char *subject)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        if (oracle_pattern_matches(rules->text[i], subject)) {
            return true;
        }
    }
    return false;
}

static bool may(const struct rules *allow, const struct rules *deny, const char *subject)
{
    bool is_inbox = strncmp(subject, "_INBOX.", 7) == 0;
    return (is_inbox || allow->count == 0 || any_matches(allow, subject)) &&
           !any_matches(deny, subject);
}

bool people_may_publish(const struct sim *sim, uint32_t user, const char *subject)
{
    const struct user *u = &sim->users[sim->epoch][user];
    return may(&u->publish_allow, &u->publish_deny, subject);
}

bool people_may_subscribe(const struct sim *sim, uint32_t user, const char *pattern)
{
    const struct user *u = &sim->users[sim->epoch][user];
    return may(&u->subscribe_allow, &u->subscribe_deny, pattern);
}

bool people_may_hear(const struct sim *sim, uint32_t epoch, uint32_t user, const char *subject)
{
    const struct user *u = &sim->users[epoch][user];
    return may(&u->subscribe_allow, &u->subscribe_deny, subject);
}

bool people_answer(const struct sim *sim, uint32_t user)
{
    return sim->users[sim->epoch][user].responds;
}

bool people_may_say(const struct sim *sim, uint32_t user, const char *reply)
{
    const struct user *u = &sim->users[sim->epoch][user];
    return any_matches(&u->publish_allow, reply) && !any_matches(&u->publish_deny, reply);
}

/* ---- the hub's view of them ------------------------------------------------------------------ */

typedef bool (*permit_add)(struct permit *permit, struct bytes text);

static void add_rules(const struct rules *rules, struct permit *permit, permit_add add,
                      bool is_allow)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        bool added = add(permit, bytes_text(rules->text[i]));
        ASSERT(added);
    }
    if (is_allow && rules->count > 0) {
        bool added = add(permit, bytes_text("_INBOX.>"));
        ASSERT(added);
    }
}

static void add_user(struct sim *sim, struct access *access, uint32_t number)
{
    struct user *user = &sim->users[sim->epoch][number];
    char name[16];
    char secret[80];
    snprintf(name, sizeof(name), "u%u", number);
    snprintf(secret, sizeof(secret), user->is_hashed ? HASH_FORM : "right%u", number);
    struct access_user *made = access_add_user(access, bytes_text(name), bytes_text(secret));
    ASSERT(made != NULL);
    if (!user->has_permit) {
        return;
    }
    struct permit *permit = permit_new();
    user->responds = user->publish_allow.count > 0 && sim_chance(sim, 300);
    add_rules(&user->publish_allow, permit, permit_publish_allow, !user->responds);
    add_rules(&user->publish_deny, permit, permit_publish_deny, false);
    add_rules(&user->subscribe_allow, permit, permit_subscribe_allow, true);
    add_rules(&user->subscribe_deny, permit, permit_subscribe_deny, false);
    if (user->responds) {
        permit_respond(permit, 1, PERMIT_NEVER_NS);
    }
    access_set_permit(access, made, permit);
}

static struct access *make_access(struct sim *sim)
{
    struct access *access = access_new();
    for (uint32_t i = 0; i < sim->users_count; i++) {
        if (!sim->users[sim->epoch][i].is_gone) {
            add_user(sim, access, i);
        }
    }
    bool is_known =
        !sim->settings.has_no_auth_user || access_set_no_auth_user(access, bytes_text("u0"));
    ASSERT(is_known);
    access_set_timeout(access, sim->settings.login_timeout_ns);
    return access;
}

void people_open(struct sim *sim)
{
    running = sim;
    sim->access = sim->reloaded_access = NULL;
    sim->proofs_count = 0;
    if (sim->users_count > 0) {
        sim->access = make_access(sim);
    }
}

void people_close(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->proofs_count; i++) {
        proof_free(sim->proofs[i]);
    }
    sim->proofs_count = 0;
    access_unref(sim->access);
    access_unref(sim->reloaded_access);
    sim->access = sim->reloaded_access = NULL;
}

void people_credentials(const struct sim *sim, const struct client *client, bool is_wrong,
                        char *text, size_t size)
{
    text[0] = '\0';
    if (sim->users_count > 0 && (!client->shows_nothing || is_wrong)) {
        snprintf(text, size, ",\"user\":\"u%u\",\"pass\":\"%s%u\"", client->user,
                 is_wrong ? "wrong" : "right", client->user);
    }
}

/* ---- a reload -------------------------------------------------------------------------------- */

static void sub_ends(struct sim *sim, const struct client *client, struct subscription *sub)
{
    bool was_there = !sub->is_uncertain && (sub->max == 0 || sub->received < sub->max);
    sub->must_be_told = was_there && sub->max == 0;
    sub->may_be_told = true;
    sub->is_ended = true;
    sub->end_command = client->commands_count;
    sub->end_written = MIN_OF(sub->end_written, sim->tick);
    sub->end_confirmed = MIN_OF(sub->end_confirmed, sim->tick);
    coverage_add(sim->coverage, COVERAGE_subscriptions_lost_to_reload);
}

static void client_goes(struct sim *sim, struct client *client)
{
    client->must_go = client->connected;
    client->has_sinned = client->is_finishing = true;
    coverage_add(sim->coverage, COVERAGE_clients_lost_to_reload);
}

static void note_losses(struct sim *sim, struct client *client)
{
    if (client->state != CLIENT_LIVE || client->has_sinned) {
        return;
    }
    if (sim->users[sim->epoch][client->user].is_gone) {
        client_goes(sim, client);
        return;
    }
    char inbox[NAME_MAX_BYTES];
    snprintf(inbox, sizeof(inbox), "_INBOX.%u.*", client->id);
    for (uint32_t i = 0; i < client->subs_count; i++) {
        struct subscription *sub = &sim->subs[client->subs[i]];
        const char *name = sub->pattern < PATTERNS_MAX ? sim->patterns[sub->pattern] : inbox;
        if (!sub->is_ended && !people_may_subscribe(sim, client->user, name)) {
            sub_ends(sim, client, sub);
        }
    }
}

void people_reload(struct sim *sim)
{
    sim->epoch++;
    for (uint32_t i = 0; i < sim->users_count; i++) {
        struct user *user = &sim->users[sim->epoch][i];
        *user = (struct user){.is_hashed = sim->users[0][i].is_hashed};
        user->is_gone = i > 0 && sim_chance(sim, 200);
        draw_permit(sim, user);
    }
    sim->reloaded_access = make_access(sim);
    access_keep_usage(sim->reloaded_access, sim->access);
    sim->reloaded_settings = sim->hub_settings;
    sim->reloaded_settings.access = sim->reloaded_access;
    sim->reloaded_settings.policies = sim->policies[0];
    atomic_store_explicit(&sim->reloaded_settings.holders, 0u, memory_order_relaxed);
    settings_hold(&sim->reloaded_settings, sim->settings.workers);
    sim->tick++;
    sim_trace(sim, "the rules change");
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        note_losses(sim, &sim->clients[i]);
    }
    world_order(sim, ORDER_SETTINGS, &sim->reloaded_settings);
    coverage_add(sim->coverage, COVERAGE_reloads);
}

void people_judge(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->subs_count; i++) {
        const struct subscription *sub = &sim->subs[i];
        if (sub->must_be_told && sim->clients[sub->client].state == CLIENT_LIVE) {
            sim_fail(sim, "client %u was not told that sid %u ended by a reload", sub->client,
                     sub->sid);
        }
    }
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        if (sim->clients[i].must_go && client_is_open(&sim->clients[i])) {
            sim_fail(sim, "client %u is there, and its user is gone", i);
        }
    }
}

/* ---- the helper ------------------------------------------------------------------------------ */

void helper_push(struct helper *helper, struct proof *proof)
{
    MAYBE(helper == NULL);
    ASSERT(running->proofs_count < PROOFS_HELD_MAX);
    running->proofs[running->proofs_count++] = proof;
}

bool people_prove(struct sim *sim)
{
    if (sim->proofs_count == 0) {
        return false;
    }
    uint32_t at = sim_below(sim, sim->proofs_count);
    struct proof *proof = sim->proofs[at];
    sim->proofs[at] = sim->proofs[--sim->proofs_count];
    char right[16];
    snprintf(right, sizeof(right), "right%.*s", (int)proof->user->name.size - 1,
             (const char *)proof->user->name.ptr + 1);
    proof->passed = bytes_equal(bytes_of(proof->text, proof->text_size), bytes_text(right));
    proof->envelope.returning = true;
    struct port *port = &sim->ports[proof->envelope.maker];
    uint32_t worker = proof->envelope.maker;
    coverage_add(sim->coverage, COVERAGE_proofs_made);
    mpsc_push(&port->inbox, &proof->envelope.node);
    if (doorbell_should_ring(&port->bell)) {
        loop_wake(sim->loops[worker]);
    }
    return true;
}
