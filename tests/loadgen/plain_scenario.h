/* plain_scenario.h - what hubload fanout has by default, as far as tests need it. */
#ifndef RINGHUB_TESTS_PLAIN_SCENARIO_H
#define RINGHUB_TESTS_PLAIN_SCENARIO_H

#include "loadgen/scenario.h"

/* One subject, one subscriber, one publisher. */
static inline void plain_scenario(struct scenario *scenario, const struct codec_protocol *protocol,
                                  uint32_t size)
{
    scenario->protocol = protocol;
    scenario->subject = "s.t";
    scenario->subject_end = "";
    scenario->size = size;
    scenario->sizes.count = 1;
    scenario->sizes.bytes[0] = size;
    scenario->sizes.weights[0] = 1;
    scenario->subjects = 1;
    scenario->subjects_each = 1;
    scenario->copies = 1;
    scenario->subscribers = 1;
    scenario->publishers = 1;
    scenario->seed = 5;
}

#endif
