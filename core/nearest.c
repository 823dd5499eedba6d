/* nearest.c - Levenshtein's distance, with one row of its table. */
#include "core/nearest.h"

enum { NAME_MAX_BYTES = 48 };

static uint8_t folded(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static size_t distance(struct bytes a, struct bytes b)
{
    size_t row[NAME_MAX_BYTES];
    if (a.size >= NAME_MAX_BYTES || b.size >= NAME_MAX_BYTES) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b.size; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.size; j++) {
            size_t replaced = diagonal + (folded(a.ptr[i]) != folded(b.ptr[j]));
            diagonal = row[j + 1];
            row[j + 1] = MIN_OF(replaced, MIN_OF(row[j], row[j + 1]) + 1);
        }
    }
    return row[b.size];
}

void nearest_init(struct nearest *nearest, struct bytes wanted)
{
    *nearest = (struct nearest){.wanted = wanted, .distance = wanted.size >= 6 ? 3 : 2};
}

void nearest_offer(struct nearest *nearest, struct bytes name)
{
    size_t edits = distance(nearest->wanted, name);
    if (edits < nearest->distance) {
        nearest->distance = edits;
        nearest->found = name;
    }
}
