/* topology.c - counting who hears what, once, before anything runs. */
#include "loadgen/topology.h"

#include <string.h>

const char *topology_contradiction(const struct topology_plan *p)
{
    if (p->publishers > TOPOLOGY_STREAMS_MAX || p->subjects > TOPOLOGY_STREAMS_MAX) {
        return "more than 65536 publishers or subjects";
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

void topology_init(struct topology *topology, const struct topology_plan *plan)
{
    ASSERT(topology_contradiction(plan) == NULL);
    ASSERT(plan->publishers != 0 && plan->subjects != 0);
    ASSERT(plan->each != 0 && plan->copies != 0);
    memset(topology, 0, sizeof *topology);
    topology->plan = *plan;
    topology->streams = MAX_OF(plan->publishers, plan->subjects);
    topology->per_subject = (topology->streams + plan->subjects - 1) / plan->subjects;
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

void topology_free(struct topology *topology)
{
    memory_free(topology->listeners);
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
