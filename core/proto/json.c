/* json.c - one pass over a copy, with one bit per open bracket. */
#include "core/proto/json.h"

enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_CLOSE, /* behind [ */
    EXPECT_KEY,
    EXPECT_KEY_OR_CLOSE, /* behind { */
    EXPECT_COLON,
    EXPECT_COMMA_OR_CLOSE,
    EXPECT_END,
};

struct scan {
    char *at;
    char *end;
    enum expect expect;
    uint32_t depth;
    char *member; /* where the outermost value inside the top value began */
    uint8_t is_object[JSON_DEPTH_MAX / 8];
};

static bool in_object(const struct scan *scan)
{
    uint32_t level = scan->depth - 1;
    return (scan->is_object[level / 8] >> level % 8) & 1;
}

static void value_done(struct scan *scan)
{
    scan->expect = scan->depth > 0 ? EXPECT_COMMA_OR_CLOSE : EXPECT_END;
}

static bool open_bracket(struct scan *scan, bool object)
{
    if (scan->depth == JSON_DEPTH_MAX) {
        return false;
    }
    if (scan->depth == 1) {
        scan->member = scan->at;
    }
    uint32_t level = scan->depth++;
    uint8_t bit = (uint8_t)(1u << level % 8);
    scan->is_object[level / 8] =
        (uint8_t)(object ? scan->is_object[level / 8] | bit : scan->is_object[level / 8] & ~bit);
    scan->expect = object ? EXPECT_KEY_OR_CLOSE : EXPECT_VALUE_OR_CLOSE;
    scan->at++;
    return true;
}

static bool close_bracket(struct scan *scan)
{
    if (scan->depth == 0 || *scan->at != (in_object(scan) ? '}' : ']')) {
        return false;
    }
    char bracket = *scan->at++;
    scan->depth--;
    if (scan->depth == 1) {
        memset(scan->member + 1, ' ', (size_t)(scan->at - scan->member) - 1);
        scan->member[1] = bracket;
    }
    value_done(scan);
    return true;
}

/* The value of four hex digits, or -1. */
static int32_t hex4(const char *at, const char *end)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++, at++) {
        if (at >= end) {
            return -1;
        }
        char c = (char)(*at | 0x20);
        if (*at >= '0' && *at <= '9') {
            value = value * 16 + (*at - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value * 16 + (c - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* At the u of an escape; leaves at behind it (or behind the pair). */
static bool scan_unicode(struct scan *scan)
{
    int32_t unit = hex4(scan->at + 1, scan->end);
    if (unit < 0) {
        return false;
    }
    char *digits = scan->at + 1;
    scan->at += 5;
    if (unit >= 0xD800 && unit <= 0xDBFF && scan->end - scan->at >= 6 && scan->at[0] == '\\' &&
        scan->at[1] == 'u') {
        int32_t low = hex4(scan->at + 2, scan->end);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            scan->at += 6;
            return true;
        }
    }
    if (unit == 0 || (unit >= 0xD800 && unit <= 0xDFFF)) {
        memcpy(digits, "fffd", 4);
    }
    return true;
}

static bool scan_string(struct scan *scan)
{
    scan->at++;
    while (scan->at < scan->end) {
        unsigned char c = (unsigned char)*scan->at++;
        if (c == '"') {
            return true;
        }
        if (c < 0x20) {
            return false;
        }
        if (c != '\\') {
            continue;
        }
        if (scan->at == scan->end) {
            return false;
        }
        if (*scan->at == 'u') {
            if (!scan_unicode(scan)) {
                return false;
            }
        } else if (*scan->at != '\0' && strchr("\"\\/bfnrt", *scan->at) != NULL) {
            scan->at++;
        } else {
            return false;
        }
    }
    return false;
}

static bool is_digit(const struct scan *scan)
{
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static bool skip_digits(struct scan *scan)
{
    const char *from = scan->at;
    while (is_digit(scan)) {
        scan->at++;
    }
    return scan->at > from;
}

static bool fits_int64(const char *digits, size_t count, bool negative)
{
    static const char largest[] = "9223372036854775807";
    static const char smallest[] = "9223372036854775808";
    enum { INT64_DIGITS = sizeof largest - 1 };
    return count < INT64_DIGITS ||
           (count == INT64_DIGITS && memcmp(digits, negative ? smallest : largest, count) <= 0);
}

static bool scan_number(struct scan *scan)
{
    char *from = scan->at;
    bool negative = *scan->at == '-';
    scan->at += negative;
    char *digits = scan->at;
    if (is_digit(scan) && *scan->at == '0') {
        scan->at++;
    } else if (!skip_digits(scan)) {
        return false;
    }
    bool whole = fits_int64(digits, (size_t)(scan->at - digits), negative);
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        whole = false;
        if (!skip_digits(scan)) {
            return false;
        }
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        whole = false;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-')) {
            scan->at++;
        }
        if (!skip_digits(scan)) {
            return false;
        }
    }
    if (!whole) {
        memset(from, ' ', (size_t)(scan->at - from));
        memcpy(from, "[]", 2);
    }
    return true;
}

static bool scan_word(struct scan *scan, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0) {
        return false;
    }
    scan->at += size;
    return true;
}

static bool scan_value(struct scan *scan)
{
    bool good;
    switch (*scan->at) {
    case '{':
        return open_bracket(scan, true);
    case '[':
        return open_bracket(scan, false);
    case '"':
        good = scan_string(scan);
        break;
    case 't':
        good = scan_word(scan, "true");
        break;
    case 'f':
        good = scan_word(scan, "false");
        break;
    case 'n':
        good = scan_word(scan, "null");
        break;
    default:
        good = scan_number(scan);
        break;
    }
    value_done(scan);
    return good;
}

static bool scan_key(struct scan *scan)
{
    scan->expect = EXPECT_COLON;
    return *scan->at == '"' && scan_string(scan);
}

static bool scan_comma_or_close(struct scan *scan)
{
    if (*scan->at != ',') {
        return close_bracket(scan);
    }
    scan->expect = in_object(scan) ? EXPECT_KEY : EXPECT_VALUE;
    scan->at++;
    return true;
}

static bool scan_next(struct scan *scan)
{
    switch (scan->expect) {
    case EXPECT_VALUE:
        return scan_value(scan);
    case EXPECT_VALUE_OR_CLOSE:
        return *scan->at == ']' ? close_bracket(scan) : scan_value(scan);
    case EXPECT_KEY:
        return scan_key(scan);
    case EXPECT_KEY_OR_CLOSE:
        return *scan->at == '}' ? close_bracket(scan) : scan_key(scan);
    case EXPECT_COLON:
        scan->expect = EXPECT_VALUE;
        return *scan->at++ == ':';
    case EXPECT_COMMA_OR_CLOSE:
        return scan_comma_or_close(scan);
    case EXPECT_END:
        return false;
    }
    return false;
}

bool json_prepare(struct bytes json, char *copy)
{
    if (json.size > 0) {
        memcpy(copy, json.ptr, json.size);
    }
    copy[json.size] = '\0';
    struct scan scan = {.at = copy, .end = copy + json.size, .expect = EXPECT_VALUE};
    for (;;) {
        while (scan.at < scan.end &&
               (*scan.at == ' ' || *scan.at == '\t' || *scan.at == '\r' || *scan.at == '\n')) {
            scan.at++;
        }
        if (scan.at == scan.end) {
            return scan.expect == EXPECT_END;
        }
        if (!scan_next(&scan)) {
            return false;
        }
    }
}

/* The bytes of the valid UTF-8 sequence at the start, or 0. Table 3-7 of the Unicode Standard. */
static size_t utf8_size(const uint8_t *at, size_t size)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max, size;
    } rows[] = {
        {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        if (at[0] < rows[row].first_min || at[0] > rows[row].first_max) {
            continue;
        }
        if (size < rows[row].size) {
            return 0;
        }
        if (rows[row].size > 1 && (at[1] < rows[row].second_min || at[1] > rows[row].second_max)) {
            return 0;
        }
        for (size_t i = 2; i < rows[row].size; i++) {
            if ((at[i] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return rows[row].size;
    }
    return 0;
}

size_t json_clean_utf8(struct bytes text, char *out)
{
    char *to = out;
    for (size_t at = 0; at < text.size;) {
        size_t size = utf8_size(text.ptr + at, text.size - at);
        if (size == 0) {
            memcpy(to, "\xEF\xBF\xBD", 3);
            to += 3;
            at++;
        } else {
            memcpy(to, text.ptr + at, size);
            to += size;
            at += size;
        }
    }
    return (size_t)(to - out);
}

/* The folded letter at the start of key and how many bytes it took. */
static uint8_t fold(struct bytes key, size_t *size)
{
    *size = 1;
    if (bytes_start_with(key, bytes_of("\xC5\xBF", 2))) {
        *size = 2;
        return 's';
    }
    if (bytes_start_with(key, bytes_of("\xE2\x84\xAA", 3))) {
        *size = 3;
        return 'k';
    }
    uint8_t c = key.ptr[0];
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

bool json_key_is(struct bytes key, const char *name)
{
    for (; *name != '\0'; name++) {
        size_t size = 0;
        if (key.size == 0 || fold(key, &size) != (uint8_t)*name) {
            return false;
        }
        key = bytes_skip(key, size);
    }
    return key.size == 0;
}
