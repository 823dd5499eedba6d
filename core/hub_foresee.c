/*
 * hub_foresee.c - what the next messages will touch is fetched while they wait.
 *
 * Where subjects are many, each message of another one waits for memory three or four times in a row:
 * for the slots of its hash, the entry, the audience. So each is asked for before its time, a step for
 * each message that is done:
 *
 *     messages ahead   0 ─ audience ─ 5 ─ entry ─ 10 ─ slots ─ 16
 *
 * A step reads what the one before it asked for, some messages ago. Nothing is decided here: what was
 * foreseen need not come.
 */
#include "core/hub_state.h"

enum {
#ifdef RINGHUB_PLANTED
    SUBJECTS_MIN = 4, /* the simulation has few */
#else
    SUBJECTS_MIN = 4096, /* what fewer take is in the processor's cache */
#endif
    STEP = HUB_FORESEEN_MAX / 3,
    RUN_BYTES_FETCHED = 512, /* its head, its subject and a message of usual size */
};

bool hub_foresees(const struct hub *hub)
{
    return index_count(hub->index) + hub->interest.literals >= (uint64_t)SUBJECTS_MIN;
}

static uint32_t place(uint32_t number)
{
    return number % HUB_FORESEEN_MAX;
}

static void begin(const struct hub *hub, struct hub_foresight *f, uint32_t known)
{
    f->departures = hub->departures;
    f->known = known;
    f->entries = known;
    f->audiences = known;
}

static void tell(const struct hub *hub, struct hub_foresight *f, uint64_t hash)
{
    f->hashes[place(f->known++)] = hash;
    index_fetch_slot(hub->index, hash);
}

bool hub_foresee(const struct hub *hub, struct hub_foresight *f, struct bytes subject)
{
    if (f->known == 0) {
        begin(hub, f, 0);
    }
    uint64_t hash = index_hash(hub->options.hash_key, 0, subject);
    bool is_other = f->known == 0 || hash != f->hashes[place(f->known - 1)];
    tell(hub, f, hash);
    interest_fetch(&hub->interest, hash);
    return is_other;
}

void hub_foresee_next(const struct hub *hub, struct hub_foresight *f, uint32_t done)
{
    ASSERT_SLOW(f->known - done <= HUB_FORESEEN_MAX);
    if (UNLIKELY(f->departures != hub->departures)) {
        begin(hub, f,
              f->known); /* of those that were told no more is known than where they hash to */
    }
    uint32_t to = MIN_OF(f->known, done + 2 * STEP);
    for (; f->entries < to; f->entries++) {
        f->found[place(f->entries)] = index_fetch(hub->index, f->hashes[place(f->entries)]);
    }
    to = MIN_OF(f->entries, done + STEP);
    for (; f->audiences < to; f->audiences++) {
        const struct entry *entry = f->found[place(f->audiences)];
        const struct audience *audience = entry != NULL ? entry->audiences : NULL;
        if (audience != NULL) {
            __builtin_prefetch(audience, 1);
        }
    }
}

void hub_foresee_runs(const struct hub *hub, struct hub_foresight *f,
                      const struct envelope_item *items, uint32_t count, uint32_t done)
{
    if (done == 0) {
        begin(hub, f, 0);
        for (uint32_t i = 0; i < count; i++) {
            __builtin_prefetch(items[i].run);
        }
    }
    uint32_t to = MIN_OF(count, done + HUB_FORESEEN_MAX);
    while (f->known < to) {
        const struct run *run = items[f->known].run;
        const uint8_t *bytes = (const uint8_t *)run;
        for (uint32_t at = CACHE_LINE; at < MIN_OF(run->size, (uint32_t)RUN_BYTES_FETCHED);
             at += CACHE_LINE) {
            __builtin_prefetch(bytes + at);
        }
        tell(hub, f, run->subject_hash);
    }
    hub_foresee_next(hub, f, done);
}
