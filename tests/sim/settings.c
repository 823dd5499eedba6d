/* settings.c - what a seed decides before the first event: sizes, limits, moods. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#define HOUR_NS  (3600ull * 1000000000ull)
#define MILLI_NS 1000000ull
#define NO_LIMIT (1ull << 40)

static uint64_t one_of(struct sim *sim, const uint64_t *choices, uint32_t count)
{
    return choices[sim_below(sim, count)];
}

#define ONE_OF(sim, ...)                                                                           \
    one_of(sim, (const uint64_t[]){__VA_ARGS__},                                                   \
           (uint32_t)(sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)))

static void draw_people(struct sim *sim, struct sim_settings *s)
{
    s->workers = 1 + sim_below(sim, SIM_WORKERS_MAX);
    s->clients = 2 + sim_below(sim, sim_chance(sim, 300) ? 30 : 10);
    s->subjects = 1 + sim_below(sim, SUBJECTS_MAX);
    s->patterns = 1 + sim_below(sim, PATTERNS_MAX);
    s->queues = sim_chance(sim, 700) ? 1 + sim_below(sim, QUEUES_MAX) : 0;
    s->worker_per_mille = 200 + sim_below(sim, 600);
    s->seam_per_mille = sim_chance(sim, 800) ? 1 + sim_below(sim, 150) : 0;
    s->stall_per_mille = sim_chance(sim, 500) ? sim_below(sim, 40) : 0;
    s->death_per_mille = sim_chance(sim, 700) ? sim_below(sim, 6) : 0;
    s->churn_per_mille = (uint32_t)ONE_OF(sim, 30, 80, 150, 400);
    s->save_per_mille = sim_chance(sim, 500) ? 1 + sim_below(sim, 20) : 0;
    s->unsub_per_mille = (uint32_t)ONE_OF(sim, 350, 350, 500, 650);
    s->reply_per_mille = (uint32_t)ONE_OF(sim, 50, 200, 700);
    s->payload_max = (uint32_t)ONE_OF(sim, 16, 60, 200, 200, 1000, 9000);
    s->burst_max = (uint32_t)ONE_OF(sim, 1, 4, 12, 40);
    s->step_ns_max = ONE_OF(sim, 1000, 100000, 3000000);
    s->scrubs = sim_chance(sim, 300);
    s->scrub_fate = s->scrubs ? sim_below(sim, 3) : 0;
    s->has_users = sim_chance(sim, 300);
    s->has_no_auth_user = s->has_users && sim_chance(sim, 300);
    s->stops = sim_chance(sim, 250);
    s->has_resets = sim_chance(sim, 200);
    s->keeps_faults = sim_chance(sim, 300);
    s->max_connections = sim_chance(sim, 100) ? s->clients / 2 + 1 : 10000;
}

/* Who publishes for replies while the only subscribers come and go: verdicts from elsewhere. */
static void draw_flux(struct sim *sim, struct sim_settings *s)
{
    s->workers = 2 + sim_below(sim, 2);
    s->subjects = 1 + sim_below(sim, 3);
    s->patterns = 1 + sim_below(sim, 3);
    s->queues = sim_below(sim, 2);
    s->churn_per_mille = 400;
    s->unsub_per_mille = 650;
    s->reply_per_mille = 700;
    s->seam_per_mille = 150;
    s->stall_per_mille = s->death_per_mille = s->save_per_mille = 0;
    s->has_resets = false;
}

static void draw_limits(struct sim *sim, struct sim_settings *s)
{
    s->is_tight = sim_chance(sim, 350);
    s->max_pending = NO_LIMIT;
    s->log_bytes = NO_LIMIT;
    s->index_bytes = NO_LIMIT;
    s->input_bytes = NO_LIMIT;
    s->write_deadline_ns = HOUR_NS;
    s->login_timeout_ns = HOUR_NS;
    s->ping_interval_ns = HOUR_NS;
    s->ping_max = 1000000;
    s->max_subscriptions = 0;
    s->credit_bytes = ONE_OF(sim, 1, 500, 4000, 30000, NO_LIMIT);
    s->read_buffers = (uint32_t)ONE_OF(sim, 1, 3, 8, 64);
    s->pipe_to_hub = (size_t)ONE_OF(sim, 40, 700, 5000, 65536, 65536);
    s->pipe_to_client = (size_t)ONE_OF(sim, 100, 1500, 10000, 65536, 65536);
    if (s->pipe_to_client < 1000) {
        /* Else megabytes trickle out at the end. */
        s->payload_max = MIN_OF(s->payload_max, 60u);
        s->burst_max = MIN_OF(s->burst_max, 4u);
    }
    if (!s->is_tight) {
        return;
    }
    if (sim_chance(sim, 500)) {
        s->max_pending = ONE_OF(sim, 500, 3000, 20000, 100000);
    }
    if (sim_chance(sim, 400)) {
        s->log_bytes = ONE_OF(sim, 300000, 700000, 1500000);
    }
    if (sim_chance(sim, 200)) {
        s->index_bytes = ONE_OF(sim, 400000, 420000);
    }
    if (sim_chance(sim, 300)) {
        s->input_bytes = ONE_OF(sim, 200, 2000, 20000);
    }
    if (sim_chance(sim, 300)) {
        s->write_deadline_ns = ONE_OF(sim, 2 * MILLI_NS, 30 * MILLI_NS);
    }
    if (sim_chance(sim, 300)) {
        s->ping_interval_ns = ONE_OF(sim, 5 * MILLI_NS, 50 * MILLI_NS);
        s->ping_max = 1 + sim_below(sim, 3);
    }
    if (sim_chance(sim, 300)) {
        s->login_timeout_ns = ONE_OF(sim, 2 * MILLI_NS, 30 * MILLI_NS);
    }
    if (sim_chance(sim, 200)) {
        s->max_subscriptions = 1 + sim_below(sim, 6);
    }
}

/* Few tokens, so that much matches. */
static void draw_name(struct sim *sim, char *name, bool is_pattern)
{
    static const char *const tokens[] = {"a", "b", "cc", "orders", "x"};
    uint32_t depth = 1 + sim_below(sim, 3);
    size_t size = 0;
    for (uint32_t i = 0; i < depth; i++) {
        const char *token = tokens[sim_below(sim, COUNT_OF(tokens))];
        if (is_pattern && sim_chance(sim, 300)) {
            token = "*";
        }
        if (is_pattern && i + 1 == depth && sim_chance(sim, 250)) {
            token = ">";
        }
        size +=
            (size_t)snprintf(name + size, NAME_MAX_BYTES - size, "%s%s", i > 0 ? "." : "", token);
    }
}

static void draw_names(struct sim *sim)
{
    memset(sim->matches, 0, sizeof(sim->matches));
    for (uint32_t i = 0; i < SUBJECTS_MAX; i++) {
        draw_name(sim, sim->subjects[i], false);
    }
    for (uint32_t i = 0; i < PATTERNS_MAX; i++) {
        if (sim_chance(sim, 500)) {
            memcpy(sim->patterns[i], sim->subjects[sim_below(sim, sim->settings.subjects)],
                   NAME_MAX_BYTES);
        } else {
            draw_name(sim, sim->patterns[i], true);
        }
        for (uint32_t k = 0; k < SUBJECTS_MAX; k++) {
            sim->matches[i][k] = oracle_pattern_matches(sim->patterns[i], sim->subjects[k]);
        }
    }
}

void settings_draw(struct sim *sim)
{
    struct sim_settings *s = &sim->settings;
    memset(s, 0, sizeof(*s));
    s->events = 10000;
    draw_people(sim, s);
    if (sim_chance(sim, 80)) {
        draw_flux(sim, s);
    }
    draw_limits(sim, s);
    draw_names(sim);
    policies_draw(sim);
    people_draw(sim);
    /* Not drawn, so that the other seeds stay what they are. */
    s->reloads_users = s->has_users && sim->seed * 0x9E3779B97F4A7C15u >> 62 != 0;
    sim_trace(sim,
              "%u workers, %u clients, %u subjects, %u patterns, %u groups%s%s%s%s, credit %llu, "
              "pipes %zu %zu",
              s->workers, s->clients, s->subjects, s->patterns, s->queues,
              s->is_tight ? ", tight" : "", s->has_resets ? ", resets" : "",
              s->scrubs ? ", scrub" : "", s->has_users ? ", users" : "",
              (unsigned long long)s->credit_bytes, s->pipe_to_hub, s->pipe_to_client);
}
