/* scrub_tally.c - rows that grow, found by name. */
#include "core/scrub_tally.h"

static struct scrub_tally_row *row_of(struct scrub_tally *tally, struct bytes name)
{
    for (uint32_t i = 0; i < tally->count; i++) {
        if (bytes_equal(tally->rows[i].rule->options.name, name)) {
            return &tally->rows[i];
        }
    }
    return NULL;
}

static void reserve(struct scrub_tally *tally, uint32_t rows)
{
    if (rows > tally->capacity) {
        tally->capacity = rows;
        tally->rows = memory_resize(tally->rows, rows * sizeof(*tally->rows));
    }
}

static void counters_add(struct scrub_counters *sum, const struct scrub_counters *one)
{
    sum->passed += one->passed;
    sum->cleaned += one->cleaned;
    for (int i = 0; i < SCRUB_REASONS; i++) {
        sum->refused[i] += one->refused[i];
    }
    sum->timed += one->timed;
    sum->timed_ns += one->timed_ns;
}

void scrub_tally_of(struct scrub_tally *tally, const struct scrub *scrub)
{
    *tally = (struct scrub_tally){0};
    if (scrub == NULL) {
        return;
    }
    const struct scrub_rules *set = scrub_rules(scrub);
    reserve(tally, set->count);
    for (; tally->count < set->count; tally->count++) {
        tally->rows[tally->count] =
            (struct scrub_tally_row){.rule = &set->rules[tally->count],
                                     .set = scrub_rules_share(scrub),
                                     .counters = *scrub_counters(scrub, tally->count)};
    }
}

void scrub_tally_add(struct scrub_tally *sum, const struct scrub_tally *one)
{
    reserve(sum, MIN_OF((uint32_t)SCRUB_TALLY_ROWS, sum->count + one->count));
    for (uint32_t i = 0; i < one->count; i++) {
        const struct scrub_tally_row *from = &one->rows[i];
        struct scrub_tally_row *row = row_of(sum, from->rule->options.name);
        if (row != NULL) {
            counters_add(&row->counters, &from->counters);
        } else if (sum->count < sum->capacity) {
            sum->rows[sum->count] = *from;
            sum->rows[sum->count++].set = scrub_rules_ref(from->set);
        }
    }
}

void scrub_tally_free(struct scrub_tally *tally)
{
    for (uint32_t i = 0; i < tally->count; i++) {
        scrub_rules_unref(tally->rows[i].set);
    }
    memory_free(tally->rows);
    *tally = (struct scrub_tally){0};
}
