/*
 * json_grammar.c - JSON byte by byte: a stack of one bit a level says array or object.
 *
 * The second opinion on texts whose numbers simdjson cannot hold; strict in the same places.
 */
#include "core/json.h"
#include "core/json_cursor.h"
#include "core/utf8.h"

static bool is_digit(const struct json_cursor *c)
{
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

static bool take(struct json_cursor *c, uint8_t byte)
{
    if (c->at == c->end || *c->at != byte) {
        return false;
    }
    c->at++;
    return true;
}

static bool take_digits(struct json_cursor *c)
{
    if (!is_digit(c)) {
        return false;
    }
    while (is_digit(c)) {
        c->at++;
    }
    return true;
}

static bool take_number(struct json_cursor *c)
{
    (void)take(c, '-');
    if (!take(c, '0') && !take_digits(c)) {
        return false;
    }
    if (take(c, '.') && !take_digits(c)) {
        return false;
    }
    if (take(c, 'e') || take(c, 'E')) {
        if (!take(c, '+')) {
            (void)take(c, '-');
        }
        return take_digits(c);
    }
    return true;
}

static bool take_hex4(struct json_cursor *c, uint32_t *value)
{
    if (c->end - c->at < 4 || !json_hex4(c->at, value)) {
        return false;
    }
    c->at += 4;
    return true;
}

static bool take_escape(struct json_cursor *c)
{
    if (c->at == c->end) {
        return false;
    }
    uint8_t byte = *c->at++;
    if (byte != 'u') {
        return byte != 0 && strchr("\"\\/bfnrt", byte) != NULL;
    }
    uint32_t high;
    uint32_t low;
    if (!take_hex4(c, &high)) {
        return false;
    }
    if (high < 0xD800 || high > 0xDFFF) {
        return true;
    }
    return high < 0xDC00 && take(c, '\\') && take(c, 'u') && take_hex4(c, &low) && low >= 0xDC00 &&
           low <= 0xDFFF;
}

static bool take_string(struct json_cursor *c)
{
    if (!take(c, '"')) {
        return false;
    }
    while (c->at < c->end && *c->at != '"') {
        if (*c->at < 0x20) {
            return false;
        }
        if (*c->at == '\\') {
            c->at++;
            if (!take_escape(c)) {
                return false;
            }
            continue;
        }
        size_t broken;
        size_t size = utf8_character(bytes_of(c->at, (size_t)(c->end - c->at)), &broken);
        if (size == 0) {
            return false;
        }
        c->at += size;
    }
    return take(c, '"');
}

static bool take_word(struct json_cursor *c, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(c->end - c->at) < size || memcmp(c->at, word, size) != 0) {
        return false;
    }
    c->at += size;
    return true;
}

static bool take_scalar(struct json_cursor *c)
{
    if (c->at == c->end) {
        return false;
    }
    switch (*c->at) {
    case '"':
        return take_string(c);
    case 't':
        return take_word(c, "true");
    case 'f':
        return take_word(c, "false");
    case 'n':
        return take_word(c, "null");
    default:
        return take_number(c);
    }
}

static bool take_key(struct json_cursor *c)
{
    json_space(c);
    if (!take_string(c)) {
        return false;
    }
    json_space(c);
    return take(c, ':');
}

/* Behind a value: closes what ends here. 1: another value follows, 0: all is closed, -1: broken. */
static int after_value(struct json_cursor *c, const uint8_t *is_object, uint32_t *depth)
{
    while (*depth > 0) {
        json_space(c);
        if (take(c, ',')) {
            return is_object[*depth - 1] == 0 || take_key(c) ? 1 : -1;
        }
        if (!take(c, is_object[*depth - 1] != 0 ? '}' : ']')) {
            return -1;
        }
        (*depth)--;
    }
    return 0;
}

enum json_verdict json_grammar_check(struct bytes text)
{
    struct json_cursor c = json_cursor_of(text);
    uint8_t is_object[JSON_DEPTH_MAX];
    uint32_t depth = 0;
    int more = 1;
    while (more == 1) {
        json_space(&c);
        bool opens_object = take(&c, '{');
        if (opens_object || take(&c, '[')) {
            /* As simdjson counts: an empty one needs no place on the stack. */
            json_space(&c);
            if (!take(&c, opens_object ? '}' : ']')) {
                if (depth == JSON_DEPTH_MAX) {
                    return JSON_TOO_DEEP;
                }
                is_object[depth++] = opens_object;
                if (opens_object && !take_key(&c)) {
                    return JSON_BROKEN;
                }
                continue;
            }
        } else if (!take_scalar(&c)) {
            return JSON_BROKEN;
        }
        more = after_value(&c, is_object, &depth);
    }
    json_space(&c);
    return more == 0 && c.at == c.end ? JSON_VALID : JSON_BROKEN;
}
