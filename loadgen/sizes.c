/* sizes.c - weights, spread by the golden ratio. */
#include "loadgen/sizes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHT_MAX = 1000000 };

/* Reads a number from least to most that ends at one of the stops or the end of the text. */
static bool number_take(const char **at, uint32_t least, uint32_t most, const char *stops,
                        uint32_t *number)
{
    char *end;
    if (**at < '0' || **at > '9') {
        return false;
    }
    errno = 0;
    unsigned long value = strtoul(*at, &end, 10);
    if (errno != 0 || value < least || value > most || (*end != 0 && !strchr(stops, *end))) {
        return false;
    }
    *number = (uint32_t)value;
    *at = end;
    return true;
}

bool sizes_parse(struct sizes *sizes, const char *text, uint32_t least)
{
    const char *at = text;
    memset(sizes, 0, sizeof *sizes);
    for (;;) {
        uint32_t bytes;
        uint32_t weight = 1;
        bool weighted = false;
        if (sizes->count == SIZES_MAX || !number_take(&at, least, SIZES_BYTES_MAX, ":,", &bytes) ||
            sizes_contain(sizes, bytes)) {
            return false;
        }
        if (*at == ':') {
            at++;
            weighted = true;
            if (!number_take(&at, 1, WEIGHT_MAX, ",", &weight)) {
                return false;
            }
        }
        sizes->bytes[sizes->count] = bytes;
        sizes->weights[sizes->count++] = weight;
        if (!weighted && (sizes->count > 1 || *at != 0)) {
            return false;
        }
        if (*at == 0) {
            return true;
        }
        at++;
    }
}

static uint64_t weights_all(const struct sizes *sizes)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < sizes->count; i++) {
        all += sizes->weights[i];
    }
    return all;
}

uint32_t sizes_of(const struct sizes *sizes, uint32_t number)
{
    if (sizes->count == 1) {
        return sizes->bytes[0];
    }
    /* Multiples of the golden ratio, modulo 1, fill the unit interval more evenly than random
     * numbers (Knuth, The Art of Computer Programming 3, 6.4). */
    uint32_t place = number * 2654435769u;
    uint64_t at = (uint64_t)place * weights_all(sizes) >> 32;
    uint32_t i = 0;
    for (; at >= sizes->weights[i]; i++) {
        at -= sizes->weights[i];
    }
    ASSERT(i < sizes->count);
    return sizes->bytes[i];
}

bool sizes_contain(const struct sizes *sizes, size_t bytes)
{
    for (uint32_t i = 0; i < sizes->count; i++) {
        if (sizes->bytes[i] == bytes) {
            return true;
        }
    }
    return false;
}

uint32_t sizes_mean(const struct sizes *sizes)
{
    uint64_t all = weights_all(sizes);
    ASSERT(all > 0);
    uint64_t sum = all - 1;
    for (uint32_t i = 0; i < sizes->count; i++) {
        sum += (uint64_t)sizes->weights[i] * sizes->bytes[i];
    }
    return (uint32_t)(sum / all);
}

uint32_t sizes_largest(const struct sizes *sizes)
{
    uint32_t largest = 0;
    for (uint32_t i = 0; i < sizes->count; i++) {
        largest = MAX_OF(largest, sizes->bytes[i]);
    }
    return largest;
}
