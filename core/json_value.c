/*
 * json_value.c - a number is a sign and 0.d1d2d3… x 10^point, d1 not 0: comparing two is comparing
 * points and then digits.
 */
#include "core/json_value.h"

#include "core/json_cursor.h"

struct decimal {
    bool negative;
    const uint8_t *first; /* d1; NULL: zero */
    const uint8_t *end;   /* behind the last digit that is not 0 */
    int64_t point;
};

#define EXPONENT_MAX 1000000000000ll

static int64_t exponent_of(const uint8_t *at, const uint8_t *end)
{
    if (at >= end) {
        return 0;
    }
    at++;
    bool negative = *at == '-';
    at += *at == '-' || *at == '+';
    int64_t value = 0;
    for (; at < end; at++) {
        value = MIN_OF(value * 10 + (*at - '0'), EXPONENT_MAX);
    }
    return negative ? -value : value;
}

static struct decimal decimal_of(struct bytes number)
{
    struct decimal d = {0};
    const uint8_t *at = number.ptr;
    const uint8_t *end = number.ptr + number.size;
    const uint8_t *mantissa_end = at;
    while (mantissa_end < end && (*mantissa_end | 0x20) != 'e') {
        mantissa_end++;
    }
    if (*at == '-') {
        d.negative = true;
        at++;
    }
    bool behind_dot = false;
    for (; at < mantissa_end; at++) {
        if (*at == '.') {
            behind_dot = true;
            continue;
        }
        if (d.first == NULL && *at == '0') {
            d.point -= behind_dot;
            continue;
        }
        if (d.first == NULL) {
            d.first = at;
        }
        if (*at != '0') {
            d.end = at + 1;
        }
        d.point += !behind_dot;
    }
    if (d.first == NULL) {
        return (struct decimal){0};
    }
    d.point += exponent_of(mantissa_end, end);
    return d;
}

/* 0 behind the last. */
static uint8_t digit_next(const struct decimal *d, const uint8_t **at)
{
    if (*at < d->end && **at == '.') {
        (*at)++;
    }
    return *at < d->end ? *(*at)++ : '0';
}

static int magnitude_compare(const struct decimal *a, const struct decimal *b)
{
    if (a->first == NULL || b->first == NULL) {
        return (a->first != NULL) - (b->first != NULL);
    }
    if (a->point != b->point) {
        return a->point < b->point ? -1 : 1;
    }
    const uint8_t *at_a = a->first;
    const uint8_t *at_b = b->first;
    while (at_a < a->end || at_b < b->end) {
        uint8_t digit_a = digit_next(a, &at_a);
        uint8_t digit_b = digit_next(b, &at_b);
        if (digit_a != digit_b) {
            return digit_a < digit_b ? -1 : 1;
        }
    }
    return 0;
}

int json_number_compare(struct bytes a, struct bytes b)
{
    struct decimal da = decimal_of(a);
    struct decimal db = decimal_of(b);
    if (da.negative != db.negative) {
        return da.negative ? -1 : 1;
    }
    int order = magnitude_compare(&da, &db);
    return da.negative ? -order : order;
}

bool json_number_is_integer(struct bytes number)
{
    struct decimal d = decimal_of(number);
    if (d.first == NULL) {
        return true;
    }
    int64_t digits = d.end - d.first;
    digits -= memchr(d.first, '.', (size_t)digits) != NULL;
    return d.point >= digits;
}

/* ---- equality -------------------------------------------------------------------------------- */

static size_t items_count(struct bytes container)
{
    struct json_cursor c = json_cursor_of(container);
    bool is_object = *c.at == '{';
    size_t count = 0;
    json_enter(&c);
    for (bool first = true; json_next(&c, &first); count++) {
        if (is_object) {
            (void)json_key(&c);
        }
        (void)json_take(&c);
    }
    return count;
}

/* Two spellings of one string. */
static bool strings_equal(struct bytes a, struct bytes b)
{
    if (memchr(b.ptr, '\\', b.size) == NULL) {
        return json_means(a, b);
    }
    if (memchr(a.ptr, '\\', a.size) == NULL) {
        return json_means(b, a);
    }
    uint8_t *text = memory_alloc(b.size);
    bool equal = json_means(a, bytes_of(text, json_unescape(b, text)));
    memory_free(text);
    return equal;
}

static bool arrays_equal(struct bytes a, struct bytes b)
{
    struct json_cursor at_a = json_cursor_of(a);
    struct json_cursor at_b = json_cursor_of(b);
    json_enter(&at_a);
    json_enter(&at_b);
    bool first_a = true;
    bool first_b = true;
    for (;;) {
        bool more_a = json_next(&at_a, &first_a);
        bool more_b = json_next(&at_b, &first_b);
        if (!more_a || !more_b) {
            return more_a == more_b;
        }
        struct bytes item_a = json_take(&at_a);
        if (!json_value_equals(item_a, json_take(&at_b))) {
            return false;
        }
    }
}

static bool has_member(struct bytes object, struct bytes key, struct bytes value)
{
    struct json_cursor c = json_cursor_of(object);
    json_enter(&c);
    for (bool first = true; json_next(&c, &first);) {
        struct bytes other = json_key(&c);
        struct bytes its = json_take(&c);
        if (strings_equal(other, key) && json_value_equals(its, value)) {
            return true;
        }
    }
    return false;
}

/* Is there a key that means the same before this one? */
static bool is_repeated(struct bytes object, struct bytes key)
{
    struct json_cursor c = json_cursor_of(object);
    json_enter(&c);
    for (bool first = true; json_next(&c, &first);) {
        struct bytes other = json_key(&c);
        if (other.ptr == key.ptr) {
            return false;
        }
        if (strings_equal(other, key)) {
            return true;
        }
        (void)json_take(&c);
    }
    return false;
}

/* As many members, each of one in the other, and none of them twice: so none is missing. */
static bool objects_equal(struct bytes a, struct bytes b)
{
    if (items_count(a) != items_count(b)) {
        return false;
    }
    struct json_cursor c = json_cursor_of(a);
    json_enter(&c);
    for (bool first = true; json_next(&c, &first);) {
        struct bytes key = json_key(&c);
        if (!has_member(b, key, json_take(&c)) || is_repeated(a, key)) {
            return false;
        }
    }
    return true;
}

bool json_value_equals(struct bytes a, struct bytes b)
{
    enum json_type type = json_type_of(a);
    if (type != json_type_of(b)) {
        return false;
    }
    switch (type) {
    case JSON_NUMBER:
        return json_number_compare(a, b) == 0;
    case JSON_STRING:
        return strings_equal(json_inside(a), json_inside(b));
    case JSON_ARRAY:
        return arrays_equal(a, b);
    case JSON_OBJECT:
        return objects_equal(a, b);
    default:
        return bytes_equal(a, b);
    }
}

size_t json_characters(struct bytes raw)
{
    size_t length = 0;
    for (size_t i = 0; i < raw.size;) {
        uint8_t byte = raw.ptr[i];
        if (byte == '\\') {
            uint32_t unit = 0;
            bool is_unit = raw.ptr[i + 1] == 'u' && json_hex4(raw.ptr + i + 2, &unit);
            length += unit < 0xDC00 || unit > 0xDFFF;
            i += is_unit ? 6 : 2;
            continue;
        }
        length += (byte & 0xC0) != 0x80;
        i++;
    }
    return length;
}
