/*
 * json_depth.c - how deep is a text? Brackets are only counted, a block at a time, unless so many open
 * in it that the limit could be passed there.
 */
#include "core/json_cursor.h"
#include "core/json_strings.h"

/* Bracket by bracket. */
static bool passes(uint32_t depth, const struct json_marks *marks, uint32_t most)
{
    for (uint64_t left = marks->opens | marks->closes; left != 0; left &= left - 1) {
        bool opens = (marks->opens & left & -left) != 0;
        depth += opens ? 1u : UINT32_MAX;
        if (opens && depth > most) {
            return true;
        }
    }
    return false;
}

bool json_is_deeper(struct bytes text, uint32_t most)
{
    struct json_strings strings = {0, false};
    uint32_t depth = 0;
    for (size_t at = 0; at < text.size; at += JSON_BLOCK) {
        uint8_t rest[JSON_BLOCK] = {0};
        const uint8_t *block = text.ptr + at;
        if (text.size - at < JSON_BLOCK) {
            memcpy(rest, block, text.size - at);
            block = rest;
        }
        struct json_marks marks = json_strings_next(&strings, block);
        uint32_t opens = (uint32_t)__builtin_popcountll(marks.opens);
        if (depth + opens > most && passes(depth, &marks, most)) {
            return true;
        }
        depth += opens - (uint32_t)__builtin_popcountll(marks.closes);
    }
    return false;
}
