/* schedule.c - one seed from its first event to its last. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEAM_DEPTH_MAX = 3,
    SEAM_STEPS_MAX = 24,
    CHECK_EVERY = 400, /* events */
    BURY_EVERY = 8,
    ARENA_BYTES = 8 * 1024 * 1024,
    BABBLE_BYTES = 1024 + 16 * 1024,
    CALM_ROUNDS_MAX = 200000, /* more than any seed needs by far: then nothing will calm down */
};

/* ---- chance ---------------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t sim_draw(struct sim *sim)
{
    uint64_t z = sim->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t sim_below(struct sim *sim, uint32_t below)
{
    return below == 0 ? 0 : (uint32_t)(((sim_draw(sim) >> 32) * below) >> 32);
}

bool sim_chance(struct sim *sim, uint32_t per_mille)
{
    return sim_below(sim, 1000) < per_mille;
}

uint32_t sim_size(struct sim *sim, uint32_t max)
{
    uint32_t bits = 32 - (uint32_t)__builtin_clz(max);
    uint32_t most = 1u << (1 + sim_below(sim, bits));
    return 1 + sim_below(sim, MIN_OF(most, max));
}

/* ---- words ----------------------------------------------------------------------------------- */

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sim->failure, sizeof(sim->failure), format, arguments);
    va_end(arguments);
    longjmp(sim->failed, 1);
}

void sim_trace(const struct sim *sim, const char *format, ...)
{
    if (!sim->traces) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    printf("%8llu  %*s", (unsigned long long)sim->events, (int)(2 * sim->depth), "");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct sim *sim_new(struct coverage *coverage)
{
    struct sim *sim = memory_alloc_aligned(CACHE_LINE, sizeof(*sim));
    memset(sim, 0, sizeof(*sim));
    sim->coverage = coverage;
    sim->arena_size = ARENA_BYTES;
    sim->arena = memory_resize(NULL, ARENA_BYTES);
    sim->babble = memory_alloc(BABBLE_BYTES);
    static const char *const words[] = {"lorem ", "dirt", "ipsum\r\n", "dir", "MSG a 1 3\r\n", "x"};
    size_t at = 0;
    for (uint64_t i = 7; at + 16 < BABBLE_BYTES;
         i = i * 6364136223846793005u + 1442695040888963407u) {
        const char *word = words[(i >> 33) % COUNT_OF(words)];
        memcpy(sim->babble + at, word, strlen(word));
        at += strlen(word);
    }
    return sim;
}

void sim_free(struct sim *sim)
{
    memory_free(sim->arena);
    memory_free(sim->babble);
    memory_free(sim);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void step_client(struct sim *sim)
{
    if (!sim->is_calm && sim->clients_live < sim->settings.clients && sim_chance(sim, 30)) {
        (void)client_connect(sim);
        return;
    }
    if (sim->clients_count == 0) {
        return;
    }
    /* The young ones more often: the old ones are mostly gone. */
    uint32_t span = MIN_OF(sim->clients_count, sim->settings.clients * 2);
    uint32_t at = sim->clients_count - 1 - sim_below(sim, span);
    if (sim_chance(sim, 100)) {
        at = sim_below(sim, sim->clients_count);
    }
    client_step(sim, &sim->clients[at]);
}

/* The sooner the oracle knows that the hub let go of somebody, the more it can demand. */
static void bury_the_dead(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        if (sim->clients[i].state == CLIENT_DEAD) {
            (void)client_settle(sim, &sim->clients[i]);
        }
    }
}

static void step_worker(struct sim *sim)
{
    uint32_t workers = sim->settings.workers;
    uint32_t first = sim_below(sim, workers);
    for (uint32_t i = 0; i < workers; i++) {
        if (world_worker_step(sim, (first + i) % workers)) {
            return;
        }
    }
}

void schedule_step(struct sim *sim)
{
    sim->events++;
    coverage_add(sim->coverage, COVERAGE_events);
    if (sim_chance(sim, 30)) {
        sim->now_ns += sim_below(sim, (uint32_t)sim->settings.step_ns_max);
    }
    if (sim->depth == 0 && sim_chance(sim, sim->settings.save_per_mille)) {
        world_reload(sim);
    }
    if (sim->depth == 0 && sim->settings.swaps_policies && sim_chance(sim, 2)) {
        policies_swap(sim);
    }
    if (sim->proofs_count > 0 && sim_chance(sim, 150)) {
        (void)people_prove(sim);
    }
    if (sim->events % BURY_EVERY == 0) {
        bury_the_dead(sim);
    }
    if (sim_chance(sim, sim->settings.worker_per_mille)) {
        step_worker(sim);
    } else {
        step_client(sim);
    }
    /* A replay looks after every event, so that the first wrong state is the one shown. */
    if ((sim->depth == 0 && sim->events % CHECK_EVERY == 0) || sim->traces) {
        world_check(sim);
    }
}

void schedule_seam(struct sim *sim)
{
    if (sim->depth >= SEAM_DEPTH_MAX || !sim_chance(sim, sim->settings.seam_per_mille)) {
        return;
    }
    coverage_add(sim->coverage, sim->depth == 0 ? COVERAGE_seams : COVERAGE_seams_in_seams);
    sim->depth++;
    uint32_t steps = 1 + sim_below(sim, SEAM_STEPS_MAX);
    for (uint32_t i = 0; i < steps; i++) {
        schedule_step(sim);
    }
    sim->depth--;
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool waits_for_answers(const struct client *client)
{
    uint32_t last = client->commands_count;
    while (last > 0 && client->commands[last - 1].reply == REPLY_NONE) {
        last--;
    }
    return client->confirmed_count < last || client->out_size > 0;
}

/* Only who is over its rate may need time. Who sinned or died gets no answers, but what it said before is
 * heard like anybody's: not later than a reload of what it may say. */
static bool waits(const struct client *client)
{
    if (client->state != CLIENT_LIVE) {
        return client->state != CLIENT_GONE;
    }
    return client->has_sinned ? client->out_size > 0 : waits_for_answers(client);
}

static bool somebody_waits(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        if (waits(&sim->clients[i])) {
            return true;
        }
    }
    return false;
}

/* Runs until nothing can move without the clock. */
static void calm_down(struct sim *sim)
{
    for (uint32_t round = 0; round < CALM_ROUNDS_MAX; round++) {
        bool moved = false;
        for (uint32_t i = 0; i < sim->clients_count; i++) {
            moved |= client_settle(sim, &sim->clients[i]);
        }
        for (uint32_t i = 0; i < sim->settings.workers; i++) {
            moved |= world_worker_step(sim, i);
        }
        moved |= people_prove(sim);
        sim->events++;
        bool needs_time = !moved && sim->settings.has_quotas && somebody_waits(sim);
        if (!moved && !(needs_time && world_skip_time(sim))) {
            return;
        }
    }
    sim_fail(sim, "it does not calm down");
}

static void everybody_answers(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        const struct client *client = &sim->clients[i];
        if (client->state == CLIENT_LIVE && waits_for_answers(client) && !client->has_sinned) {
            sim_fail(sim, "client %u waits for answers and nothing moves (%u of %u, %zu unsent)",
                     client->id, client->confirmed_count, client->commands_count, client->out_size);
        }
        if (client->state == CLIENT_SHUT) {
            sim_fail(sim, "client %u shut down, and the hub did not", client->id);
        }
    }
}

static void nothing_waits(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        struct hub_gauges g = world_gauges(sim, i);
        if (g.blocked > 0 || g.envelopes_under_way > 0 || g.pending_entries_bytes > 0) {
            sim_fail(sim, "worker %u is quiet with %llu blocked, %llu envelopes under way", i,
                     (unsigned long long)g.blocked, (unsigned long long)g.envelopes_under_way);
        }
    }
}

static void judgement(struct sim *sim)
{
    sim->is_calm = true;
    world_faults(sim, sim->settings.keeps_faults);
    calm_down(sim);
    /* A second round: what clients said last took effect, the PONG proves that all of it came. */
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        struct client *client = &sim->clients[i];
        if (client->state == CLIENT_LIVE && !client->is_finishing) {
            client_ping(sim, client);
        }
    }
    calm_down(sim);
    everybody_answers(sim);
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        struct client *client = &sim->clients[i];
        if (client->state == CLIENT_LIVE && !client->is_finishing) {
            client_ping(sim, client);
        }
    }
    calm_down(sim);
    everybody_answers(sim);
    nothing_waits(sim);
    world_check(sim);
    oracle_judge(sim);
}

static bool is_deserted(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->settings.workers; i++) {
        bool is_done = sim->settings.stops ? sim->workers[i].state == WORKER_GONE
                                           : fake_loop_slots_used(sim->loops[i]) == 0 &&
                                                 world_gauges(sim, i).sessions == 0;
        if (!is_done) {
            return false;
        }
    }
    return true;
}

static void everybody_leaves(struct sim *sim)
{
    sim->is_over = true;
    if (sim->settings.stops) {
        coverage_add(sim->coverage, COVERAGE_stops_by_order);
        world_order(sim, sim_chance(sim, 500) ? ORDER_STOP : ORDER_STOP_NOW, NULL);
    } else {
        for (uint32_t i = 0; i < sim->clients_count; i++) {
            client_leave(sim, &sim->clients[i]);
        }
    }
    for (uint32_t round = 0; round < 10000; round++) {
        calm_down(sim);
        if (is_deserted(sim)) {
            return;
        }
        (void)world_skip_time(sim);
    }
    sim_fail(sim, "everybody left, and somebody is still there");
}

static void begin(struct sim *sim, uint64_t seed)
{
    sim->seed = seed;
    sim->random = seed * 0xD1342543DE82EF95u + 0x632BE59BD9B4E019u;
    sim->tick = 1;
    sim->events = 0;
    sim->depth = 0;
    sim->is_calm = sim->is_over = false;
    sim->clients_count = sim->clients_live = 0;
    sim->pubs_count = sim->subs_count = sim->done_count = 0;
    sim->missing = sim->late_picks = 0;
    sim->missing_pubs = sim->replies_said = 0;
    memset(sim->missing_of, 0, sizeof(sim->missing_of));
    sim->arena_used = 0;
    sim->failure[0] = 0;
}

bool sim_run(struct sim *sim, uint64_t seed)
{
    begin(sim, seed);
    if (setjmp(sim->failed) != 0) {
        world_abandon(sim);
        return false;
    }
    settings_draw(sim);
    world_open(sim);
    while (sim->events < sim->settings.events) {
        schedule_step(sim);
    }
    judgement(sim);
    if (sim->settings.reloads_users) {
        people_reload(sim);
        calm_down(sim);
        people_judge(sim);
        sim->is_calm = false;
        uint64_t until = sim->events + sim->settings.events / 2;
        while (sim->events < until) {
            schedule_step(sim);
        }
        judgement(sim);
    }
    everybody_leaves(sim);
    world_close(sim);
    return true;
}
