/*
 * scenario.h - what the gate counts: small, fixed, each in a process of its own.
 *
 * A scenario sets up, warms up until nothing new is allocated or learnt, then measures a number of
 * equal operations. It asserts that they did what their name says, so that a count never means less
 * work than it did.
 */
#ifndef RINGHUB_TESTS_GATE_SCENARIO_H
#define RINGHUB_TESTS_GATE_SCENARIO_H

#include "tests/gate/rig.h"

struct scenario {
    const char *name;
    const char *operation; /* what one is: "delivery" */
    void (*run)(struct rig *rig);
};

/* Each ends with an entry without a name. */
extern const struct scenario scenarios_delivery[];
extern const struct scenario scenarios_parse[];
extern const struct scenario scenarios_match[];
extern const struct scenario scenarios_session[];
extern const struct scenario scenarios_leave[];
extern const struct scenario scenarios_scrub[];

#endif
