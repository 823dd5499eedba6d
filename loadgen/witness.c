/* witness.c - the path nobody should need: gaps, and what fills them. */
#include "loadgen/witness.h"

#include <string.h>

/* Sequences first up to but not including end are missing. */
struct gap {
    uint32_t column;
    uint32_t first;
    uint32_t end;
};

struct witness_gaps {
    uint32_t count;
    uint32_t capacity;
    struct gap *gaps;
};

void witness_init(struct witness *witness, uint32_t rows, const uint32_t *columns)
{
    memset(witness, 0, sizeof *witness);
    witness->rows = rows;
    witness->first = memory_alloc(((size_t)rows + 1) * sizeof *witness->first);
    for (uint32_t i = 0; i < rows; i++) {
        witness->first[i + 1] = witness->first[i] + columns[i];
    }
    size_t cells = MAX_OF(witness->first[rows], (size_t)1);
    size_t some = MAX_OF(rows, 1u);
    witness->next = memory_alloc(cells * sizeof *witness->next);
    witness->passed = memory_alloc(some * sizeof *witness->passed);
    witness->gaps = memory_alloc(some * sizeof(struct witness_gaps *));
}

static void gaps_drop(struct witness *witness, uint32_t row)
{
    struct witness_gaps *list = witness->gaps[row];
    if (list != NULL) {
        memory_free(list->gaps);
        memory_free(list);
        witness->gaps[row] = NULL;
    }
}

void witness_free(struct witness *witness)
{
    for (uint32_t i = 0; i < witness->rows; i++) {
        gaps_drop(witness, i);
    }
    memory_free(witness->first);
    memory_free(witness->next);
    memory_free(witness->passed);
    memory_free(witness->gaps);
    memset(witness, 0, sizeof *witness);
}

static void gap_add(struct witness *witness, uint32_t row, struct gap gap)
{
    struct witness_gaps *list = witness->gaps[row];
    if (list == NULL) {
        list = memory_alloc(sizeof *list);
        witness->gaps[row] = list;
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
static bool gap_fill(struct witness *witness, uint32_t row, uint32_t column, uint32_t sequence)
{
    struct witness_gaps *list = witness->gaps[row];
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        struct gap *gap = &list->gaps[i];
        if (gap->column != column || sequence < gap->first || sequence >= gap->end) {
            continue;
        }
        struct gap behind = {column, sequence + 1, gap->end};
        gap->end = sequence;
        if (gap->first == gap->end) {
            *gap = list->gaps[--list->count];
        }
        if (behind.first != behind.end) {
            gap_add(witness, row, behind);
        }
        return true;
    }
    return false;
}

/* Takes whichever is missing out of its gap. Returns false when none is. */
static bool gap_fill_any(struct witness *witness, uint32_t row, uint32_t column)
{
    struct witness_gaps *list = witness->gaps[row];
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        if (list->gaps[i].column == column) {
            return gap_fill(witness, row, column, list->gaps[i].first);
        }
    }
    return false;
}

static void skip_to(struct witness *witness, uint32_t row, uint32_t column, uint32_t sequence)
{
    uint32_t *next = &witness->next[witness->first[row] + column];
    uint32_t skipped = sequence - *next;
    *next = sequence;
    witness->passed[row] += skipped;
    witness->counts.lost += skipped;
}

void witness_unpass(struct witness *witness, uint32_t row, uint32_t column, uint64_t count)
{
    uint32_t *next = &witness->next[witness->first[row] + column];
    ASSERT(count <= *next && count <= witness->passed[row] && count <= witness->counts.delivered);
    *next -= (uint32_t)count;
    witness->passed[row] -= count;
    witness->counts.delivered -= count;
}

void witness_retract(struct witness *witness, uint32_t row, uint32_t column, uint64_t count)
{
    witness_unpass(witness, row, column, count);
    for (; count != 0 && gap_fill_any(witness, row, column); count--) {
        witness->counts.reordered++;
        witness->counts.delivered++;
        witness->counts.lost--;
    }
    witness->counts.duplicated += count;
}

void witness_miss(struct witness *witness, uint32_t row, uint32_t column, uint32_t sequence)
{
    struct gap gap = {column, witness_next(witness, row, column), sequence};
    ASSERT(gap.first < gap.end);
    gap_add(witness, row, gap);
    skip_to(witness, row, column, sequence);
}

bool witness_unexpected(struct witness *witness, uint32_t row, uint32_t column, uint32_t sequence)
{
    ASSERT(row < witness->rows);
    ASSERT(witness->first[row] + column < witness->first[row + 1]);
    uint32_t *next = &witness->next[witness->first[row] + column];
    if (sequence > *next) {
        witness_miss(witness, row, column, sequence);
        ++*next;
        witness->passed[row]++;
        witness->counts.delivered++;
        return true;
    }
    if (gap_fill(witness, row, column, sequence)) {
        witness->counts.reordered++;
        witness->counts.delivered++;
        witness->counts.lost--;
        return true;
    }
    witness->counts.duplicated++;
    return false;
}

uint64_t witness_slowest(const struct witness *witness)
{
    uint64_t slowest = UINT64_MAX;
    for (uint32_t i = 0; i < witness->rows; i++) {
        slowest = MIN_OF(slowest, witness->passed[i]);
    }
    return slowest;
}

void witness_close(struct witness *witness, uint32_t row, const uint32_t *sent)
{
    ASSERT(row < witness->rows);
    size_t columns = witness->first[row + 1] - witness->first[row];
    for (uint32_t i = 0; i < columns; i++) {
        if (witness->next[witness->first[row] + i] < sent[i]) {
            skip_to(witness, row, i, sent[i]);
        }
    }
    gaps_drop(witness, row);
}

uint32_t witness_reached(const struct witness *witness)
{
    uint32_t reached = 0;
    for (uint32_t i = 0; i < witness->rows; i++) {
        reached += witness->passed[i] != 0;
    }
    return reached;
}

void witness_check(const struct witness *witness)
{
    uint64_t all = 0;
    for (uint32_t row = 0; row < witness->rows; row++) {
        uint64_t sum = 0;
        for (size_t i = witness->first[row]; i < witness->first[row + 1]; i++) {
            sum += witness->next[i];
        }
        ASSERT(sum == witness->passed[row]); /* invariant 1 */
        all += sum;
    }
    ASSERT(witness->counts.delivered + witness->counts.lost == all); /* invariant 2 */
}
