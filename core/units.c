/* units.c - sizes and durations: text to numbers and back. */
#include "core/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Takes leading digits off text. False: none, or above UINT64_MAX. */
static bool take_number(struct bytes *text, uint64_t *number)
{
    size_t used = 0;
    *number = 0;
    while (used < text->size && is_digit(text->ptr[used])) {
        if (__builtin_mul_overflow(*number, (uint64_t)10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(text->ptr[used] - '0'), number)) {
            return false;
        }
        used++;
    }
    *text = bytes_skip(*text, used);
    return used > 0;
}

bool units_parse_size(struct bytes text, uint64_t *bytes)
{
    uint64_t number = 0;
    if (!take_number(&text, &number)) {
        return false;
    }
    uint64_t factor = 1;
    if (text.size > 0) {
        static const char letters[] = "kmgtpe";
        const char *letter = strchr(letters, text.ptr[0] | 0x20);
        if (letter == NULL || *letter == '\0' || text.size > 3) {
            return false;
        }
        const char *rest = (const char *)text.ptr + 1;
        size_t rest_size = text.size - 1;
        bool binary = (rest_size == 1 &&
                       (strncasecmp(rest, "b", 1) == 0 || strncasecmp(rest, "i", 1) == 0)) ||
                      (rest_size == 2 && strncasecmp(rest, "ib", 2) == 0);
        if (rest_size > 0 && !binary) {
            return false;
        }
        for (const char *l = letters; l <= letter; l++) {
            factor *= binary ? 1024 : 1000;
        }
    }
    return !__builtin_mul_overflow(number, factor, bytes);
}

struct unit {
    const char *name;
    uint64_t ns;
};

/* The longer name first where one starts another. */
static const struct unit duration_units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000}, /* U+00B5, micro sign */
    {"\xce\xbcs", 1000}, /* U+03BC, Greek mu: Go takes both */
    {"ms", 1000 * 1000},
    {"s", 1000 * 1000 * 1000},
    {"m", UINT64_C(60) * 1000 * 1000 * 1000},
    {"h", UINT64_C(3600) * 1000 * 1000 * 1000},
};

static const struct unit *take_unit(struct bytes *text)
{
    for (size_t i = 0; i < COUNT_OF(duration_units); i++) {
        struct bytes name = bytes_text(duration_units[i].name);
        if (bytes_start_with(*text, name)) {
            *text = bytes_skip(*text, name.size);
            return &duration_units[i];
        }
    }
    return NULL;
}

/* Takes "." and digits, as billionths; further digits are dropped, as Go does. */
static bool take_fraction(struct bytes *text, uint64_t *billionths)
{
    *billionths = 0;
    if (text->size == 0 || text->ptr[0] != '.') {
        return true;
    }
    *text = bytes_skip(*text, 1);
    uint64_t weight = 100 * 1000 * 1000;
    bool any = false;
    while (text->size > 0 && is_digit(text->ptr[0])) {
        *billionths += (uint64_t)(text->ptr[0] - '0') * weight;
        weight /= 10;
        any = true;
        *text = bytes_skip(*text, 1);
    }
    return any;
}

bool units_parse_duration(struct bytes text, uint64_t *ns)
{
    *ns = 0;
    if (bytes_equal(text, bytes_text("0"))) {
        return true;
    }
    if (text.size == 0) {
        return false;
    }
    while (text.size > 0) {
        uint64_t whole = 0;
        uint64_t billionths = 0;
        if (!take_number(&text, &whole) || !take_fraction(&text, &billionths)) {
            return false;
        }
        const struct unit *unit = take_unit(&text);
        uint64_t part = 0;
        if (unit == NULL || __builtin_mul_overflow(whole, unit->ns, &part)) {
            return false;
        }
        /* From a second up the unit is a whole number of seconds: divided first, the product
         * stays below 2^64. */
        uint64_t fraction = unit->ns >= 1000000000 ? (unit->ns / 1000000000) * billionths
                                                   : unit->ns * billionths / 1000000000;
        if (__builtin_add_overflow(part, fraction, &part) ||
            __builtin_add_overflow(*ns, part, ns) || *ns > INT64_MAX) {
            return false;
        }
    }
    return true;
}

const char *units_size_text(uint64_t bytes, char *text, size_t size)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t name = 0;
    double value = (double)bytes;
    /* 1023.95 would be printed as 1024.0: let it be the next unit's 1.0. */
    while (value >= 1023.95 && name + 1 < COUNT_OF(names)) {
        value /= 1024;
        name++;
    }
    snprintf(text, size, name == 0 ? "%.0f %s" : "%.1f %s", value, names[name]);
    return text;
}

const char *units_duration_text(uint64_t ns, char *text, size_t size)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } large[] = {{"h", UINT64_C(3600000000000)}, {"m", UINT64_C(60000000000)}};
    size_t used = 0;
    if (ns < 1000000000) {
        const char *name = ns < 1000 ? "ns" : ns < 1000000 ? "us" : "ms";
        double unit = ns < 1000 ? 1 : ns < 1000000 ? 1e3 : 1e6;
        snprintf(text, size, "%.9g%s", (double)ns / unit, ns == 0 ? "s" : name);
        return text;
    }
    for (size_t i = 0; i < COUNT_OF(large) && used < size; i++) {
        if (ns >= large[i].ns) {
            used += (size_t)snprintf(text + used, size - used, "%" PRIu64 "%s", ns / large[i].ns,
                                     large[i].name);
            ns %= large[i].ns;
        }
    }
    if (ns > 0 && used < size) {
        snprintf(text + used, size - used, "%.11gs", (double)ns / 1e9);
    }
    return text;
}
