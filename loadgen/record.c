/* record.c - reading a histogram. */
#include "loadgen/record.h"

void record_merge(struct record *into, const struct record *from)
{
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    into->max_ns = MAX_OF(into->max_ns, from->max_ns);
    for (size_t i = 0; i < RECORD_CELLS; i++) {
        into->cells[i] += from->cells[i];
    }
}

void record_subtract(struct record *into, const struct record *from)
{
    uint64_t max_ns = 0;
    into->count -= from->count;
    into->sum_ns -= from->sum_ns;
    for (uint32_t i = 0; i < RECORD_CELLS; i++) {
        into->cells[i] -= from->cells[i];
        max_ns = into->cells[i] != 0 ? record_cell_end(i) : max_ns;
    }
    into->max_ns = MIN_OF(into->max_ns, max_ns);
}

uint64_t record_cell_begin(uint32_t cell)
{
    if (cell < RECORD_STEPS) {
        return cell;
    }
    uint32_t shift = cell / RECORD_STEPS - 1;
    return ((uint64_t)RECORD_STEPS + cell % RECORD_STEPS) << shift;
}

uint64_t record_cell_end(uint32_t cell)
{
    if (cell < RECORD_STEPS) {
        return cell;
    }
    uint32_t shift = cell / RECORD_STEPS - 1;
    return (((uint64_t)RECORD_STEPS + cell % RECORD_STEPS + 1) << shift) - 1;
}

uint64_t record_percentile(const struct record *record, double fraction)
{
    uint64_t wanted = (uint64_t)(fraction * (double)record->count + 0.9999999);
    uint64_t seen = 0;
    wanted = MIN_OF(MAX_OF(wanted, (uint64_t)1), record->count);
    for (uint32_t i = 0; i < RECORD_CELLS && record->count != 0; i++) {
        seen += record->cells[i];
        if (seen >= wanted) {
            return MIN_OF(record_cell_end(i), record->max_ns);
        }
    }
    return record->max_ns;
}

double record_mean(const struct record *record)
{
    return record->count == 0 ? 0 : (double)record->sum_ns / (double)record->count;
}
