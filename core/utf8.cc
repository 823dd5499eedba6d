/* utf8.cc - simdjson judges whole texts, a table of ranges single characters. */
#include "core/utf8.h"

#include <simdjson.h>

bool utf8_valid(struct bytes text)
{
    return text.size == 0 ||
           simdjson::validate_utf8(reinterpret_cast<const char *>(text.ptr), text.size);
}

namespace
{

/* Table 3-7: what a lead byte wants to see in the second place; the rest is 80..BF. */
struct lead {
    uint8_t first, last;
    uint8_t size;
    uint8_t second_first, second_last;
};

constexpr struct lead leads[] = {
    {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF}, {0xE1, 0xEC, 3, 0x80, 0xBF},
    {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF}, {0xF0, 0xF0, 4, 0x90, 0xBF},
    {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

} // namespace

size_t utf8_character(struct bytes text, size_t *broken)
{
    uint8_t byte = text.ptr[0];
    *broken = 1;
    if (byte < 0x80) {
        return 1;
    }
    for (const struct lead &lead : leads) {
        if (byte < lead.first || byte > lead.last) {
            continue;
        }
        for (size_t i = 1; i < lead.size; i++) {
            uint8_t first = i == 1 ? lead.second_first : 0x80;
            uint8_t last = i == 1 ? lead.second_last : 0xBF;
            if (i == text.size || text.ptr[i] < first || text.ptr[i] > last) {
                *broken = i;
                return 0;
            }
        }
        return lead.size;
    }
    return 0;
}

size_t utf8_encode(uint32_t code_point, uint8_t *to)
{
    if (code_point < 0x80) {
        to[0] = static_cast<uint8_t>(code_point);
        return 1;
    }
    size_t size = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        to[i] = static_cast<uint8_t>(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    to[0] = static_cast<uint8_t>((0xF00u >> size & 0xFF) | code_point);
    return size;
}
