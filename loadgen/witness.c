/* witness.c - the path nobody should need: gaps, and what fills them. */
#include "loadgen/witness.h"

#include <string.h>

/* Sequences first up to but not including end are missing. */
struct gap {
    uint32_t publisher;
    uint32_t first;
    uint32_t end;
};

struct witness_gaps {
    uint32_t count;
    uint32_t capacity;
    struct gap *gaps;
};

void witness_init(struct witness *witness, uint32_t subscribers, uint32_t publishers)
{
    memset(witness, 0, sizeof *witness);
    witness->subscribers = subscribers;
    witness->publishers = publishers;
    size_t rows = MAX_OF(subscribers, 1u);
    witness->next = memory_alloc(rows * publishers * sizeof *witness->next);
    witness->passed = memory_alloc(rows * sizeof *witness->passed);
    witness->gaps = memory_alloc(rows * sizeof(struct witness_gaps *));
}

static void gaps_drop(struct witness *witness, uint32_t subscriber)
{
    struct witness_gaps *list = witness->gaps[subscriber];
    if (list != NULL) {
        memory_free(list->gaps);
        memory_free(list);
        witness->gaps[subscriber] = NULL;
    }
}

void witness_free(struct witness *witness)
{
    for (uint32_t i = 0; i < witness->subscribers; i++) {
        gaps_drop(witness, i);
    }
    memory_free(witness->next);
    memory_free(witness->passed);
    memory_free(witness->gaps);
    memset(witness, 0, sizeof *witness);
}

static void gap_add(struct witness *witness, uint32_t subscriber, struct gap gap)
{
    struct witness_gaps *list = witness->gaps[subscriber];
    if (list == NULL) {
        list = memory_alloc(sizeof *list);
        witness->gaps[subscriber] = list;
    }
    if (list->count == WITNESS_GAPS_MAX) {
        return; /* stays lost */
    }
    if (list->count == list->capacity) {
        list->capacity = MAX_OF(8u, 2 * list->capacity);
        list->gaps = memory_resize(list->gaps, list->capacity * sizeof *list->gaps);
    }
    list->gaps[list->count++] = gap;
}

/* Takes a missing sequence out of its gap. Returns false when it was not missing. */
static bool gap_fill(struct witness *witness, uint32_t subscriber, uint32_t publisher,
                     uint32_t sequence)
{
    struct witness_gaps *list = witness->gaps[subscriber];
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        struct gap *gap = &list->gaps[i];
        if (gap->publisher != publisher || sequence < gap->first || sequence >= gap->end) {
            continue;
        }
        struct gap behind = {publisher, sequence + 1, gap->end};
        gap->end = sequence;
        if (gap->first == gap->end) {
            *gap = list->gaps[--list->count];
        }
        if (behind.first != behind.end) {
            gap_add(witness, subscriber, behind);
        }
        return true;
    }
    return false;
}

static void skip_to(struct witness *witness, uint32_t subscriber, uint32_t publisher,
                    uint32_t sequence)
{
    uint32_t *next = &witness->next[(size_t)subscriber * witness->publishers + publisher];
    uint32_t skipped = sequence - *next;
    *next = sequence;
    witness->passed[subscriber] += skipped;
    witness->counts.lost += skipped;
}

void witness_unexpected(struct witness *witness, uint32_t subscriber, uint32_t publisher,
                        uint32_t sequence)
{
    ASSERT(subscriber < witness->subscribers);
    ASSERT(publisher < witness->publishers);
    uint32_t *next = &witness->next[(size_t)subscriber * witness->publishers + publisher];
    if (sequence > *next) {
        struct gap gap = {publisher, *next, sequence};
        gap_add(witness, subscriber, gap);
        skip_to(witness, subscriber, publisher, sequence);
        ++*next;
        witness->passed[subscriber]++;
        witness->counts.delivered++;
    } else if (gap_fill(witness, subscriber, publisher, sequence)) {
        witness->counts.reordered++;
        witness->counts.delivered++;
        witness->counts.lost--;
    } else {
        witness->counts.duplicated++;
    }
}

uint64_t witness_slowest(const struct witness *witness)
{
    uint64_t slowest = UINT64_MAX;
    for (uint32_t i = 0; i < witness->subscribers; i++) {
        slowest = MIN_OF(slowest, witness->passed[i]);
    }
    return slowest;
}

void witness_close(struct witness *witness, const uint32_t *sent)
{
    for (uint32_t s = 0; s < witness->subscribers; s++) {
        for (uint32_t p = 0; p < witness->publishers; p++) {
            if (witness->next[(size_t)s * witness->publishers + p] < sent[p]) {
                skip_to(witness, s, p, sent[p]);
            }
        }
        gaps_drop(witness, s);
    }
}

uint32_t witness_reached(const struct witness *witness)
{
    uint32_t reached = 0;
    for (uint32_t i = 0; i < witness->subscribers; i++) {
        reached += witness->passed[i] != 0;
    }
    return reached;
}

void witness_check(const struct witness *witness)
{
    uint64_t all = 0;
    for (uint32_t s = 0; s < witness->subscribers; s++) {
        uint64_t sum = 0;
        for (uint32_t p = 0; p < witness->publishers; p++) {
            sum += witness->next[(size_t)s * witness->publishers + p];
        }
        ASSERT(sum == witness->passed[s]); /* invariant 1 */
        all += sum;
    }
    ASSERT(witness->counts.delivered + witness->counts.lost == all); /* invariant 2 */
}
