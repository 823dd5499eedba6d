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

void people_draw(struct sim *sim)
{
    memset(sim->users, 0, sizeof(sim->users));
    sim->users_count = sim->settings.has_users ? 1 + sim_below(sim, USERS_MAX) : 0;
    for (uint32_t i = 0; i < sim->users_count; i++) {
        struct user *user = &sim->users[i];
        user->is_hashed = sim_chance(sim, 400);
        user->has_permit = sim_chance(sim, 700);
        if (user->has_permit) {
            draw_rules(sim, &user->publish_allow, RULES_MAX);
            draw_rules(sim, &user->publish_deny, 1);
            draw_rules(sim, &user->subscribe_allow, RULES_MAX);
            draw_rules(sim, &user->subscribe_deny, 2);
        }
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
    const struct user *u = &sim->users[user];
    return may(&u->publish_allow, &u->publish_deny, subject);
}

bool people_may_subscribe(const struct sim *sim, uint32_t user, const char *pattern)
{
    const struct user *u = &sim->users[user];
    return may(&u->subscribe_allow, &u->subscribe_deny, pattern);
}

bool people_may_hear(const struct sim *sim, uint32_t user, const char *subject)
{
    return people_may_subscribe(sim, user, subject);
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

static void add_user(struct sim *sim, uint32_t number)
{
    const struct user *user = &sim->users[number];
    char name[16];
    char secret[80];
    snprintf(name, sizeof(name), "u%u", number);
    snprintf(secret, sizeof(secret), user->is_hashed ? HASH_FORM : "right%u", number);
    struct access_user *made = access_add_user(sim->access, bytes_text(name), bytes_text(secret));
    ASSERT(made != NULL);
    if (!user->has_permit) {
        return;
    }
    struct permit *permit = permit_new();
    add_rules(&user->publish_allow, permit, permit_publish_allow, true);
    add_rules(&user->publish_deny, permit, permit_publish_deny, false);
    add_rules(&user->subscribe_allow, permit, permit_subscribe_allow, true);
    add_rules(&user->subscribe_deny, permit, permit_subscribe_deny, false);
    if (user->publish_allow.count > 0 && sim_chance(sim, 300)) {
        /* Nothing that is asked here depends on it; what is remembered must be right and bounded. */
        permit_respond(permit, 1, 1000000);
    }
    access_set_permit(sim->access, made, permit);
}

void people_open(struct sim *sim)
{
    running = sim;
    sim->access = NULL;
    sim->proofs_count = 0;
    if (sim->users_count == 0) {
        return;
    }
    sim->access = access_new();
    for (uint32_t i = 0; i < sim->users_count; i++) {
        add_user(sim, i);
    }
    bool is_known =
        !sim->settings.has_no_auth_user || access_set_no_auth_user(sim->access, bytes_text("u0"));
    ASSERT(is_known);
    access_set_timeout(sim->access, sim->settings.login_timeout_ns);
}

void people_close(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->proofs_count; i++) {
        proof_free(sim->proofs[i]);
    }
    sim->proofs_count = 0;
    access_unref(sim->access);
    sim->access = NULL;
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
