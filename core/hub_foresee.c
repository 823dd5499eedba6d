/*
 * hub_foresee.c - what the next messages will touch is fetched while they wait.
 *
 * Where subjects are many, each message of another one waits for memory four or five times in a row:
 * for the slots of its hash, the entry, the audience, the subscription. All that a batch of messages
 * will touch is asked for at once instead, step by step, so that the waits overlap. Nothing is
 * decided here: what was foreseen need not come.
 */
#include "core/hub_state.h"

enum {
#ifdef RINGHUB_PLANTED
    SUBJECTS_MIN = 4, /* the simulation has few */
#else
    SUBJECTS_MIN = 4096, /* what fewer take is in the processor's cache */
#endif
};

bool hub_foresees(const struct hub *hub)
{
    return index_count(hub->index) + hub->interest.literals >= (uint64_t)SUBJECTS_MIN;
}

static void fetch(const struct hub *hub, const uint64_t *hashes, uint32_t count)
{
    const struct entry *entries[HUB_FORESEEN_MAX];
    const struct audience *audiences[HUB_FORESEEN_MAX];
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (const struct entry *)index_fetch(hub->index, hashes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        audiences[i] = entries[i] != NULL ? entries[i]->audiences : NULL;
        if (audiences[i] != NULL) {
            __builtin_prefetch(audiences[i], 1);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (audiences[i] != NULL) {
            __builtin_prefetch(audiences[i]->only); /* or its crowd */
        }
    }
}

void hub_foresee(const struct hub *hub, const struct bytes *subjects, uint32_t count)
{
    uint64_t hashes[HUB_FORESEEN_MAX];
    ASSERT(count <= HUB_FORESEEN_MAX);
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = index_hash(hub->options.hash_key, 0, subjects[i]);
        index_fetch_slot(hub->index, hashes[i]);
        interest_fetch(&hub->interest, hashes[i]);
    }
    fetch(hub, hashes, count);
}

void hub_foresee_items(const struct hub *hub, const struct envelope_item *items, uint32_t count)
{
    uint64_t hashes[HUB_FORESEEN_MAX];
    ASSERT(count <= HUB_FORESEEN_MAX);
    for (uint32_t i = 0; i < count; i++) {
        __builtin_prefetch(items[i].run);
    }
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = items[i].run->subject_hash;
        index_fetch_slot(hub->index, hashes[i]);
    }
    fetch(hub, hashes, count);
}
