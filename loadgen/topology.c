/* topology.c - counting who hears what, once, before anything runs. */
#include "loadgen/topology.h"

#include <string.h>

const char *topology_contradiction(const struct topology_plan *p)
{
    if (p->publishers > TOPOLOGY_STREAMS_MAX || p->subjects > TOPOLOGY_STREAMS_MAX) {
        return "more than 1048576 publishers or subjects";
    }
    if (p->each > p->subjects) {
        return "a subscriber cannot hear more subjects than there are";
    }
    if (p->wildcards > p->subscribers) {
        return "more wildcard subscribers than subscribers";
    }
    if (p->copies > 1 && p->groups != 0) {
        return "queue groups count one subscription per member";
    }
    if (p->groups > p->subscribers) {
        return "more queue groups than subscribers";
    }
    if (p->groups != 0 && p->wildcards != p->subscribers && p->each != p->subjects) {
        return "the members of a queue group must all hear all subjects";
    }
    return NULL;
}

struct topology_heard topology_heard(const struct topology *topology, uint32_t subscriber)
{
    const struct topology_plan *p = &topology->plan;
    struct topology_heard all = {0, p->subjects, true};
    struct topology_heard some = {(uint32_t)((uint64_t)subscriber * p->each % p->subjects), p->each,
                                  false};
    return subscriber < p->wildcards ? all : some;
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void topology_init(struct topology *topology, const struct topology_plan *plan)
{
    ASSERT(topology_contradiction(plan) == NULL);
    ASSERT(plan->publishers != 0 && plan->subjects != 0);
    ASSERT(plan->each != 0 && plan->copies != 0);
    memset(topology, 0, sizeof *topology);
    topology->plan = *plan;
    topology->streams = MAX_OF(plan->publishers, plan->subjects);
    topology->per_subject = (topology->streams + plan->subjects - 1) / plan->subjects;
    topology->block = gcd(plan->each, plan->subjects);
    topology->listeners = memory_alloc(plan->subjects * sizeof *topology->listeners);
    for (uint32_t i = 0; plan->groups == 0 && i < plan->subscribers; i++) {
        struct topology_heard heard = topology_heard(topology, i);
        for (uint32_t j = 0; j < heard.count; j++) {
            topology->listeners[(heard.first + j) % plan->subjects] += plan->copies;
        }
    }
    for (uint32_t i = 0; plan->groups != 0 && i < plan->subjects; i++) {
        topology->listeners[i] = plan->groups;
    }
}

/* xorshift64*: Vigna 2016. */
static uint32_t random_below(uint64_t *state, uint32_t limit)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * 2685821657736338717u >> 32) % limit);
}

void topology_shuffle(struct topology *topology, uint64_t seed)
{
    uint32_t publishers = topology->plan.publishers;
    uint64_t random = (seed + 1) * 0x9e3779b97f4a7c15u;
    topology->order = memory_alloc(topology->streams * sizeof *topology->order);
    topology->turns = memory_alloc(topology->streams * sizeof *topology->turns);
    for (uint32_t p = 0; p < publishers; p++) {
        uint32_t *order = topology->order + p;
        for (uint32_t i = 0; i < topology_streams_of(topology, p); i++) { /* Fisher and Yates */
            uint32_t other = random_below(&random, i + 1);
            order[i * publishers] = order[other * publishers];
            order[other * publishers] = p + i * publishers;
        }
        for (uint32_t i = 0; i < topology_streams_of(topology, p); i++) {
            topology->turns[order[i * publishers]] = i;
        }
    }
}

void topology_free(struct topology *topology)
{
    memory_free(topology->listeners);
    memory_free(topology->order);
    memory_free(topology->turns);
    memset(topology, 0, sizeof *topology);
}

uint32_t topology_streams_of(const struct topology *topology, uint32_t publisher)
{
    ASSERT(publisher < topology->plan.publishers);
    return (topology->streams - publisher - 1) / topology->plan.publishers + 1;
}

uint64_t topology_expected(const struct topology *topology, const uint32_t *sent)
{
    uint64_t expected = 0;
    for (uint32_t i = 0; i < topology->streams; i++) {
        expected += (uint64_t)sent[i] * topology->listeners[topology_subject(topology, i)];
    }
    return expected;
}
