/* body.c - what is published, and what the scrub makes of it. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

static const char scrub_find[] = "dirt";
static const char scrub_put[] = "s";

static uint8_t *arena_take(struct sim *sim, size_t size)
{
    if (sim->arena_used + size > sim->arena_size) {
        return NULL;
    }
    uint8_t *at = sim->arena + sim->arena_used;
    sim->arena_used += size;
    return at;
}

bool body_expect(struct sim *sim, struct publication *pub, struct bytes said)
{
    uint8_t *to = arena_take(sim, said.size);
    if (to == NULL) {
        return false;
    }
    pub->body = to;
    if (!sim->settings.scrubs) {
        memcpy(to, said.ptr, said.size);
        pub->body_size = (uint32_t)said.size;
        return true;
    }
    size_t size = 0;
    for (size_t i = 0; i < said.size;) {
        struct bytes rest = bytes_skip(said, i);
        if (bytes_start_with(rest, bytes_text("evil"))) {
            pub->is_refused = true;
        }
        if (bytes_start_with(rest, bytes_text(scrub_find))) {
            memcpy(to + size, scrub_put, sizeof(scrub_put) - 1);
            size += sizeof(scrub_put) - 1;
            i += sizeof(scrub_find) - 1;
        } else {
            to[size++] = said.ptr[i++];
        }
    }
    if (pub->is_refused && sim->settings.scrub_fate == SCRUB_QUARANTINE) {
        coverage_add(sim->coverage, COVERAGE_publishes_jailed);
        pub->is_refused = false;
        pub->is_jailed = true;
        memcpy(to, said.ptr, said.size);
        size = said.size;
    } else if (pub->is_refused) {
        coverage_add(sim->coverage, COVERAGE_publishes_refused);
    } else if (size < said.size) {
        coverage_add(sim->coverage, COVERAGE_bodies_scrubbed);
    }
    pub->body_size = (uint32_t)size;
    return true;
}

size_t body_compose(struct sim *sim, const struct client *client, uint8_t *body, size_t max)
{
    int head = snprintf((char *)body, 32, "c%u %u ", client->id, client->seq);
    size_t size = (size_t)head;
    uint32_t fill = sim_size(sim, sim->settings.payload_max) - 1;
    fill = (uint32_t)MIN_OF((size_t)fill, max - size);
    memcpy(body + size, sim->babble + sim_below(sim, 1024), fill);
    size += fill;
    if (sim->settings.scrubs && sim_chance(sim, 30) && size + 4 <= max) {
        memcpy(body + size, "evil", 4);
        size += 4;
    }
    return size;
}
