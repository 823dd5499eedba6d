/* json_strings.c - a bit for each quote and backslash, and from them what lies between quotes. */
#include "core/json_strings.h"

static_assert(JSON_BLOCK == 64, "a bit of a word for each byte");

/* Quotes that begin or end a string: those that no backslash stands before. */
static uint64_t plain_quotes(struct json_strings *strings, uint64_t quotes, uint64_t slashes)
{
    uint64_t escaped = strings->is_escaped ? 1 : 0;
    slashes &= ~escaped;
    strings->is_escaped = false;
    while (slashes != 0) {
        uint64_t slash = slashes & -slashes;
        uint64_t next = slash << 1;
        strings->is_escaped = next == 0;
        escaped |= next;
        slashes &= ~(slash | next);
    }
    return quotes & ~escaped;
}

struct json_marks json_strings_next(struct json_strings *strings, const uint8_t *block)
{
    struct json_marks marks = {0, 0, 0};
    uint64_t quotes = 0;
    uint64_t slashes = 0;
    for (uint32_t i = 0; i < JSON_BLOCK; i += SCAN_BLOCK) {
        scan_block bytes = scan_load(block + i);
        scan_block folded = bytes | 0x20; /* [ and ] become { and }; nothing else does */
        quotes |= (uint64_t)scan_bits((scan_block)(bytes == '"')) << i;
        slashes |= (uint64_t)scan_bits((scan_block)(bytes == '\\')) << i;
        marks.opens |= (uint64_t)scan_bits((scan_block)(folded == '{')) << i;
        marks.closes |= (uint64_t)scan_bits((scan_block)(folded == '}')) << i;
    }
    /* Each bit becomes the parity of the quotes up to it. */
    uint64_t parity = plain_quotes(strings, quotes, slashes);
    for (uint32_t shift = 1; shift < JSON_BLOCK; shift *= 2) {
        parity ^= parity << shift;
    }
    marks.inside = parity ^ strings->inside;
    strings->inside = marks.inside >> (JSON_BLOCK - 1) != 0 ? UINT64_MAX : 0;
    marks.opens &= ~marks.inside;
    marks.closes &= ~marks.inside;
    return marks;
}
