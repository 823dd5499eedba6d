/*
 * coverage.h - was every path met that the simulation is there for?
 *
 * Threads:     one.
 */
#ifndef RINGHUB_TESTS_SIM_COVERAGE_H
#define RINGHUB_TESTS_SIM_COVERAGE_H

#include "core/base.h"
#include "core/metrics.h"
#include "tests/support/loop_fake.h"

/* What clients and the schedule did; the name is what is printed. */
#define COVERAGE_EVENTS(X)                                                                         \
    X(events)                                                                                      \
    X(worker_waits)                                                                                \
    X(worker_sleeps)                                                                               \
    X(worker_turns)                                                                                \
    X(turns_half_linked)                                                                           \
    X(seams) /* others ran in the middle of a push or a send */                                    \
    X(seams_in_seams)                                                                              \
    X(half_links) /* pushes cut in two with others running */                                      \
    X(connects)                                                                                    \
    X(refused_connects)                                                                            \
    X(publishes)                                                                                   \
    X(publishes_with_headers)                                                                      \
    X(publishes_refused)                                                                           \
    X(publishes_jailed)                                                                            \
    X(refusals_told)                                                                               \
    X(requesters_400)                                                                              \
    X(publishes_forbidden) /* the user may not */                                                  \
    X(subscribes_forbidden)                                                                        \
    X(logins_refused)                                                                              \
    X(reloads) /* of what users may do */                                                          \
    X(subscriptions_lost_to_reload)                                                                \
    X(clients_lost_to_reload)                                                                      \
    X(answers) /* by a user who may only answer */                                                 \
    X(answers_refused)                                                                             \
    X(answers_heard)                                                                               \
    X(proofs_made) /* by a helper, between other things */                                         \
    X(bodies_scrubbed)                                                                             \
    X(subscribes)                                                                                  \
    X(subscribes_in_groups)                                                                        \
    X(unsubscribes)                                                                                \
    X(unsubscribes_with_maximum)                                                                   \
    X(maximum_reached)                                                                             \
    X(second_connects) /* CONNECT again: all subscriptions end */                                  \
    X(pongs)                                                                                       \
    X(oks)                                                                                         \
    X(errors)                                                                                      \
    X(deliveries)                                                                                  \
    X(deliveries_from_other_clients)                                                               \
    X(deliveries_to_self)                                                                          \
    X(deliveries_with_headers)                                                                     \
    X(deliveries_stripped)                                                                         \
    X(deliveries_in_groups)                                                                        \
    X(deliveries_late_repick)                                                                      \
    X(must_checks)     /* deliveries that law 7 promised by the time of a PONG */                  \
    X(must_own_checks) /* the same for a client's own publishes */                                 \
    X(group_checks)    /* exactly one member, for certain */                                       \
    X(responders_503)                                                                              \
    X(surely_nobody)                                                                               \
    X(half_closes)                                                                                 \
    X(resets)                                                                                      \
    X(stalls)                                                                                      \
    X(garbage)                                                                                     \
    X(partial_commands_left) /* a client died in the middle of one */                              \
    X(closed_by_hub)                                                                               \
    X(sessions_reloaded)                                                                           \
    X(sessions_moved) /* of these: to another worker */                                            \
    X(sessions_reloaded_with_output)                                                               \
    X(sessions_reloaded_with_input)                                                                \
    X(lost_to_memory_limit)                                                                        \
    X(lost_to_policy)                                                                              \
    X(lost_to_rate)                                                                                \
    X(told_of_rate)                                                                                \
    X(latest_checks) /* a newer message of the subject had to be there */                          \
    X(policies_swapped)                                                                            \
    X(stops_by_order)

enum coverage_event {
#define X(name) COVERAGE_##name,
    COVERAGE_EVENTS(X)
#undef X
        COVERAGE_COUNT,
};

struct coverage {
    uint64_t counts[COVERAGE_COUNT];
    uint64_t faults[FAKE_FAULTS];
    struct metrics metrics; /* of all hubs */
};

static inline void coverage_add(struct coverage *coverage, enum coverage_event event)
{
    coverage->counts[event]++;
}

/* Prints everything. Returns how many of those that must be met were not. */
MUST_USE uint32_t coverage_report(const struct coverage *coverage);

#endif
