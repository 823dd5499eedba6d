/* json_cursor.c - steps over strings and brackets, and the spellings of strings. */
#include "core/json_cursor.h"

#include "core/utf8.h"

bool json_next(struct json_cursor *c, bool *first)
{
    json_space(c);
    if (*c->at == ']' || *c->at == '}') {
        c->at++;
        return false;
    }
    if (!*first) {
        c->at++;
        json_space(c);
    }
    *first = false;
    return true;
}

/* At the opening quote; returns what follows the closing one. */
static const uint8_t *behind_string(const uint8_t *at)
{
    for (at++; *at != '"'; at++) {
        at += *at == '\\';
    }
    return at + 1;
}

struct bytes json_key(struct json_cursor *c)
{
    const uint8_t *start = c->at;
    c->at = behind_string(start);
    struct bytes key = bytes_of(start + 1, (size_t)(c->at - start) - 2);
    json_space(c);
    c->at++;
    json_space(c);
    return key;
}

struct bytes json_take(struct json_cursor *c)
{
    const uint8_t *start = c->at;
    const uint8_t *at = start;
    if (*at == '"') {
        at = behind_string(at);
    } else if (*at == '{' || *at == '[') {
        uint32_t depth = 0;
        do {
            if (*at == '"') {
                at = behind_string(at);
                continue;
            }
            depth += *at == '{' || *at == '[';
            depth -= *at == '}' || *at == ']';
            at++;
        } while (depth > 0);
    } else {
        while (at < c->end && *at != ',' && *at != ']' && *at != '}' && *at > ' ') {
            at++;
        }
    }
    c->at = at;
    return bytes_of(start, (size_t)(at - start));
}

/* ---- strings --------------------------------------------------------------------------------- */

bool json_hex4(const uint8_t *at, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t letter = at[i] | 0x20;
        uint32_t digit;
        if (at[i] >= '0' && at[i] <= '9') {
            digit = at[i] - '0';
        } else if (letter >= 'a' && letter <= 'f') {
            digit = letter - 'a' + 10u;
        } else {
            return false;
        }
        *value = *value << 4 | digit;
    }
    return true;
}

/* Behind a backslash: what the escape stands for. */
static uint32_t take_escaped(struct json_cursor *c)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    uint8_t byte = *c->at++;
    if (byte != 'u') {
        const char *letter = strchr(letters, byte);
        return letter != NULL ? (uint8_t)meanings[letter - letters] : byte;
    }
    uint32_t high = 0;
    uint32_t low = 0;
    (void)json_hex4(c->at, &high);
    c->at += 4;
    if (high >= 0xD800 && high < 0xDC00) {
        (void)json_hex4(c->at + 2, &low);
        c->at += 6;
        return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
    return high;
}

size_t json_unescape(struct bytes raw, uint8_t *to)
{
    uint8_t *start = to;
    struct json_cursor c = json_cursor_of(raw);
    while (c.at < c.end) {
        const uint8_t *slash = memchr(c.at, '\\', (size_t)(c.end - c.at));
        size_t plain = (size_t)((slash != NULL ? slash : c.end) - c.at);
        memcpy(to, c.at, plain);
        to += plain;
        c.at += plain;
        if (slash != NULL) {
            c.at++;
            to += utf8_encode(take_escaped(&c), to);
        }
    }
    return (size_t)(to - start);
}

bool json_means(struct bytes raw, struct bytes name)
{
    if (raw.size < name.size || memchr(raw.ptr, '\\', raw.size) == NULL) {
        return bytes_equal(raw, name);
    }
    struct json_cursor c = json_cursor_of(raw);
    size_t at = 0;
    while (c.at < c.end) {
        uint8_t one[4];
        size_t size = 1;
        one[0] = *c.at++;
        if (one[0] == '\\') {
            size = utf8_encode(take_escaped(&c), one);
        }
        if (name.size - at < size || memcmp(name.ptr + at, one, size) != 0) {
            return false;
        }
        at += size;
    }
    return at == name.size;
}

/* ---- minify ---------------------------------------------------------------------------------- */

/* Controls, also those of ISO 6429, and the two separators that end lines in JavaScript stay
 * escapes: nobody wants to meet them raw. */
static bool stays_escaped(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0) || code_point == '"' ||
           code_point == '\\' || code_point == 0x2028 || code_point == 0x2029;
}

static uint8_t *put_escaped(uint8_t *to, uint32_t code_point)
{
    static const char digits[] = "0123456789abcdef";
    static const char meanings[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    *to++ = '\\';
    const char *meaning =
        code_point > 0 && code_point < 0x80 ? strchr(meanings, (int)code_point) : NULL;
    if (meaning != NULL) {
        *to++ = (uint8_t)letters[meaning - meanings];
        return to;
    }
    *to++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4) {
        *to++ = (uint8_t)digits[code_point >> shift & 15];
    }
    return to;
}

/* At the opening quote. */
static uint8_t *put_string(struct json_cursor *c, uint8_t *to)
{
    *to++ = *c->at++;
    while (*c->at != '"') {
        if (*c->at != '\\') {
            *to++ = *c->at++;
            continue;
        }
        c->at++;
        uint32_t code_point = take_escaped(c);
        to = stays_escaped(code_point) ? put_escaped(to, code_point)
                                       : to + utf8_encode(code_point, to);
    }
    *to++ = *c->at++;
    return to;
}

size_t json_minify(struct bytes text, uint8_t *to)
{
    uint8_t *start = to;
    struct json_cursor c = json_cursor_of(text);
    while (c.at < c.end) {
        if (*c.at == '"') {
            to = put_string(&c, to);
        } else if (*c.at <= ' ') {
            c.at++;
        } else {
            *to++ = *c.at++;
        }
    }
    return (size_t)(to - start);
}
