/* nats_text.c - Go's strconv.Quote, as far as a subject can reach into it. */
#include "core/proto/nats_text.h"

struct range {
    uint32_t first, last;
};

/* What unicode.IsPrint of Go refuses above ASCII: controls, spaces, format characters, private use
 * and noncharacters. Unassigned code points are not listed: they print as they are. */
static const struct range unprintable[] = {
    {0x80, 0xA0},     {0xAD, 0xAD},     {0x600, 0x605},      {0x61C, 0x61C},   {0x6DD, 0x6DD},
    {0x70F, 0x70F},   {0x1680, 0x1680}, {0x180E, 0x180E},    {0x2000, 0x200F}, {0x2028, 0x202F},
    {0x205F, 0x206F}, {0x3000, 0x3000}, {0xD800, 0xF8FF},    {0xFDD0, 0xFDEF}, {0xFEFF, 0xFEFF},
    {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0x10FFFF},
};

static bool is_printable(uint32_t rune)
{
    for (size_t i = 0; i < COUNT_OF(unprintable); i++) {
        if (rune >= unprintable[i].first && rune <= unprintable[i].last) {
            return false;
        }
    }
    return true;
}

/* Decodes one code point of UTF-8; returns its bytes, 0 if invalid (overlong, surrogate, cut). */
static size_t decode(struct bytes in, uint32_t *rune)
{
    uint8_t lead = in.ptr[0];
    size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (lead < 0xC2 || lead > 0xF4 || in.size < size) {
        return 0;
    }
    uint32_t value = lead & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((in.ptr[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (in.ptr[i] & 0x3Fu);
    }
    if (value < smallest[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *rune = value;
    return size;
}

static uint8_t *put_hex(uint8_t *to, char letter, uint32_t value, uint32_t digits)
{
    *to++ = '\\';
    *to++ = (uint8_t)letter;
    for (uint32_t i = digits; i > 0; i--) {
        *to++ = (uint8_t) "0123456789abcdef"[value >> 4 * (i - 1) & 15];
    }
    return to;
}

static uint8_t *put_ascii(uint8_t *to, uint8_t byte)
{
    static const char escapes[] = "\a\b\f\n\r\t\v\\\"";
    static const char letters[] = "abfnrtv\\\"";
    const char *escape = byte == 0 ? NULL : strchr(escapes, byte);
    if (escape != NULL) {
        *to++ = '\\';
        *to++ = (uint8_t)letters[escape - escapes];
    } else if (byte < 0x20 || byte == 0x7F) {
        to = put_hex(to, 'x', byte, 2);
    } else {
        *to++ = byte;
    }
    return to;
}

size_t nats_quote(uint8_t *to, struct bytes name)
{
    uint8_t *start = to;
    *to++ = '"';
    while (name.size > 0) {
        uint32_t rune;
        if (name.ptr[0] < 0x80) {
            to = put_ascii(to, name.ptr[0]);
            name = bytes_skip(name, 1);
            continue;
        }
        size_t size = decode(name, &rune);
        if (size == 0) {
            to = put_hex(to, 'x', name.ptr[0], 2);
            size = 1;
        } else if (is_printable(rune)) {
            memcpy(to, name.ptr, size);
            to += size;
        } else {
            to = rune > 0xFFFF ? put_hex(to, 'U', rune, 8) : put_hex(to, 'u', rune, 4);
        }
        name = bytes_skip(name, size);
    }
    *to++ = '"';
    return (size_t)(to - start);
}

const char *nats_quoted(struct nats_quoted *to, struct bytes name)
{
    bool is_cut = name.size > NATS_QUOTED_MAX;
    name.size = MIN_OF(name.size, (size_t)NATS_QUOTED_MAX);
    size_t size = nats_quote((uint8_t *)to->text, name);
    memcpy(to->text + size, "...", is_cut ? 3 : 0);
    to->text[size + (is_cut ? 3 : 0)] = 0;
    return to->text;
}
