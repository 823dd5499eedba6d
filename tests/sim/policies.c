/* policies.c - rules for subscribers that are behind, and a reading of them that is not the hub's. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#define HOUR_NS (3600ull * 1000000000ull)

/* More than a seed can have pending. */
enum { LATEST_ROOMY = 100000000 };

static enum policy_kind draw_kind(struct sim *sim)
{
    return (enum policy_kind)sim_below(sim, POLICY_KINDS_COUNT);
}

static struct policy_rule draw_rule(struct sim *sim)
{
    static const enum policy_kind then[] = {POLICY_DISCONNECT, POLICY_DROP_NEWEST,
                                            POLICY_DROP_OLDEST};
    static const uint64_t limits[] = {1, 150, 1500, 15000, LATEST_ROOMY};
    static const uint64_t waits_ns[] = {300000, 5000000, HOUR_NS, HOUR_NS};
    enum policy_kind kind = draw_kind(sim);
    uint64_t limit = limits[sim_below(sim, COUNT_OF(limits))];
    if (kind == POLICY_LATEST && sim_chance(sim, 600)) {
        limit = LATEST_ROOMY; /* then the oracle may demand the newest of each subject */
    }
    return (struct policy_rule){.kind = kind,
                                .then = then[sim_below(sim, COUNT_OF(then))],
                                .max_pending = limit,
                                .max_wait_ns = waits_ns[sim_below(sim, COUNT_OF(waits_ns))]};
}

/* Not drawn, so that the other seeds stay what they are. What the scrub refuses and what is over its rate
 * cannot be told apart by who hears nothing. */
static enum quota_action quota_action(const struct sim *sim)
{
    static const enum quota_action actions[] = {QUOTA_DELAY, QUOTA_DROP, QUOTA_ERROR, QUOTA_DROP};
    return sim->settings.scrubs ? QUOTA_DELAY : actions[sim->seed * 0x9E3779B97F4A7C15u >> 62];
}

static struct policies *draw_set(struct sim *sim)
{
    struct policies *policies = policies_new();
    if (sim_chance(sim, 600)) {
        struct policy_rule rule = draw_rule(sim);
        rule.pattern = policies->rules[0].pattern;
        policies->rules[0] = rule;
    }
    uint32_t rules = sim_below(sim, 5);
    for (uint32_t i = 0; i < rules; i++) {
        struct policy_rule rule = draw_rule(sim);
        struct bytes pattern = bytes_text(sim->patterns[sim_below(sim, sim->settings.patterns)]);
        enum policies_add_result result = policies_add(policies, pattern, &rule);
        MAYBE(result == POLICIES_TWICE);
    }
    if (sim->settings.has_quotas) {
        static const uint64_t rates[] = {2000, 50000, 1000000};
        policies->quotas.client = (struct quota){
            .messages = {.per_second = rates[sim_below(sim, COUNT_OF(rates))],
                         .burst = 1 + sim_below(sim, 20)},
            .bytes = {.per_second = sim_chance(sim, 500) ? 3000000 : 0, .burst = 1000}};
        policies->quotas.client.action = quota_action(sim);
    }
    return policies;
}

void policies_draw(struct sim *sim)
{
    struct sim_settings *s = &sim->settings;
    s->has_policies = sim_chance(sim, 350);
    s->has_quotas = sim_chance(sim, 100);
    s->swaps_policies = s->has_policies && sim_chance(sim, 250);
    s->drops_over_rate = s->has_quotas && quota_action(sim) != QUOTA_DELAY;
    if (!s->has_policies) {
        if (s->has_quotas) {
            sim->policies[0] = policies_new();
            sim->policies[0]->quotas.client.messages =
                (struct bucket_rate){.per_second = 20000, .burst = 4};
            sim->policies[0]->quotas.client.action = quota_action(sim);
            sim->policies[0]->quotas.accept = (struct bucket_rate){.per_second = 20000, .burst = 2};
        }
        return;
    }
    s->stall_per_mille = MAX_OF(s->stall_per_mille, 10 + sim_below(sim, 30));
    s->pipe_to_client = MIN_OF(s->pipe_to_client, (size_t)10000);
    sim->policies[0] = draw_set(sim);
    if (s->swaps_policies) {
        sim->policies[1] = draw_set(sim);
        policies_keep_rows(sim->policies[1], sim->policies[0]);
    }
}

/* ---- another reading ------------------------------------------------------------------------- */

/* Is every name that `narrow` stands for one that `wide` stands for? By letters, from the left. */
static bool is_within(const char *narrow, const char *wide)
{
    while (*wide != 0 && *narrow != 0) {
        if (*wide == '>') {
            return true;
        }
        if (*narrow == '>') {
            return false;
        }
        if (*wide == '*') {
            narrow += strcspn(narrow, ".");
            wide++;
        } else if (*wide == *narrow) {
            wide++;
            narrow++;
        } else {
            return false;
        }
    }
    return *wide == *narrow;
}

/* Text order with names first, then "*", then ">", of tokens that both stand for one name. */
static int rank(const char *pattern, uint32_t token)
{
    while (token-- > 0) {
        pattern += strcspn(pattern, ".");
        if (*pattern == 0) {
            return 0;
        }
        pattern++;
    }
    return *pattern == '>' ? 2 : *pattern == '*' ? 1 : 0;
}

static bool is_narrower(const char *a, const char *b)
{
    for (uint32_t token = 0; token < 8; token++) {
        if (rank(a, token) != rank(b, token)) {
            return rank(a, token) < rank(b, token);
        }
    }
    return false;
}

static const struct policy_rule *rule_of(const struct policies *policies, const char *pattern)
{
    const struct policy_rule *best = NULL;
    for (uint32_t i = policies->rules_count; i > 1; i--) {
        const struct policy_rule *rule = &policies->rules[i - 1];
        if (is_within(pattern, rule->pattern) &&
            (best == NULL || !is_narrower(best->pattern, rule->pattern))) {
            best = rule;
        }
    }
    return best != NULL ? best : &policies->rules[0];
}

static bool may_lose(const struct policy_rule *rule)
{
    enum policy_kind kind = rule->kind == POLICY_WAIT ? rule->then : rule->kind;
    return kind != POLICY_DISCONNECT;
}

void policies_judge(struct sim *sim, struct subscription *sub)
{
    if (!sim->settings.has_policies) {
        return;
    }
    const char *pattern = sub->pattern < PATTERNS_MAX ? sim->patterns[sub->pattern] : "_INBOX.1.*";
    const struct policy_rule *rule = rule_of(sim->policies[0], pattern);
    sub->row = (uint8_t)rule->row;
    sub->may_lose = may_lose(rule);
    sub->keeps_latest = rule->kind == POLICY_LATEST && rule->max_pending == LATEST_ROOMY;
    if (sim->settings.swaps_policies) {
        sub->may_lose |= may_lose(rule_of(sim->policies[1], pattern));
    }
}

void policies_swap(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        if (sim->workers[i].state == WORKER_IDLE && !sim->workers[i].is_busy) {
            hub_set_policies(world_hub_of(sim, i), sim->policies[sim_below(sim, 2)]);
            coverage_add(sim->coverage, COVERAGE_policies_swapped);
        }
    }
}

uint64_t policies_dropped(struct sim *sim, uint32_t row)
{
    uint64_t dropped = 0;
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        const struct policy_drops *d = &hub_metrics(world_hub_of(sim, i))->policy_drops[row];
        dropped += d->newest + d->oldest + d->replaced;
    }
    return dropped;
}

uint64_t policies_dropped_in_all(struct sim *sim)
{
    uint64_t dropped = 0;
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        const struct metrics *m = hub_metrics(world_hub_of(sim, i));
        dropped += m->deliveries_dropped[DROP_POLICY_NEWEST] +
                   m->deliveries_dropped[DROP_POLICY_OLDEST] +
                   m->deliveries_dropped[DROP_POLICY_REPLACED];
    }
    return dropped;
}

void policies_let_go(struct sim *sim)
{
    for (size_t i = 0; i < COUNT_OF(sim->policies); i++) {
        policies_free(sim->policies[i]);
        sim->policies[i] = NULL;
    }
}
