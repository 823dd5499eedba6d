/* control.c - a fast look for bytes that could begin one, then what they begin. */
#include "core/control.h"

#include "core/json_cursor.h"

/* A control character as the text writes it: its code, and how many bytes; size 0: none here. */
struct control {
    uint32_t code;
    size_t size;
};

static bool is_control(uint32_t code)
{
    return code < 0x20 ? code != '\t' && code != '\n' && code != '\r' : code >= 0x7F && code < 0xA0;
}

static bool is_odd_backslash(struct bytes text, size_t at)
{
    size_t count = 0;
    while (count < at && text.ptr[at - 1 - count] == '\\') {
        count++;
    }
    return count % 2 == 0;
}

static struct control control_at(struct bytes text, size_t at)
{
    struct control none = {0, 0};
    uint8_t byte = text.ptr[at];
    size_t left = text.size - at;
    if (byte == 0xC2 && left > 1 && text.ptr[at + 1] >= 0x80 && text.ptr[at + 1] < 0xA0) {
        return (struct control){text.ptr[at + 1], 2};
    }
    uint32_t code;
    if (byte == '\\' && left >= 6 && text.ptr[at + 1] == 'u' && text.ptr[at + 2] == '0' &&
        json_hex4(text.ptr + at + 2, &code) && is_control(code) && is_odd_backslash(text, at)) {
        return (struct control){code, 6};
    }
    if (byte < 0x80 && is_control(byte)) {
        return (struct control){byte, 1};
    }
    return none;
}

/* Eight bytes at a time: could one of them begin a control character? */
static bool is_suspicious(const uint8_t *at)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x80 * ones;
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    uint64_t below = (word - 0x20 * ones) & ~word;
    uint64_t del = word ^ 0x7F * ones;
    uint64_t c2 = word ^ 0xC2 * ones;
    uint64_t slash = word ^ '\\' * ones;
    uint64_t any = below | ((del - ones) & ~del) | ((c2 - ones) & ~c2) | ((slash - ones) & ~slash);
    return (any & highs) != 0;
}

size_t control_next(struct bytes text, size_t from)
{
    while (from < text.size) {
        while (from + 8 <= text.size && !is_suspicious(text.ptr + from)) {
            from += 8;
        }
        size_t stop = MIN_OF(from + 8, text.size);
        for (; from < stop; from++) {
            if (control_at(text, from).size > 0) {
                return from;
            }
        }
    }
    return text.size;
}

static bool between(struct bytes text, size_t at, uint8_t first, uint8_t last)
{
    return at < text.size && text.ptr[at] >= first && text.ptr[at] <= last;
}

/* Parameters, intermediates, and the final byte if it is there. A quote or a backslash is left. */
static size_t csi_end(struct bytes text, size_t at)
{
    while (between(text, at, 0x30, 0x3F)) {
        at++;
    }
    while (between(text, at, 0x20, 0x2F) && text.ptr[at] != '"') {
        at++;
    }
    return between(text, at, 0x40, 0x7E) && text.ptr[at] != '\\' ? at + 1 : at;
}

/* A string up to BEL or ST; without one, only what introduced it goes. */
static size_t string_end(struct bytes text, size_t at)
{
    size_t end = at;
    while (end < text.size && text.ptr[end] != '"' && control_at(text, end).size == 0) {
        end++;
    }
    if (end >= text.size || text.ptr[end] == '"') {
        return at;
    }
    struct control last = control_at(text, end);
    if (last.code == '\a' || last.code == 0x9C) {
        return end + last.size;
    }
    bool is_st = last.code == 0x1B && between(text, end + last.size, '\\', '\\');
    return is_st ? end : at;
}

/* Behind ESC. */
static size_t escape_end(struct bytes text, size_t at, bool is_spelled)
{
    if (between(text, at, '[', '[')) {
        return csi_end(text, at + 1);
    }
    if (at < text.size && text.ptr[at] != 0 && strchr("]PX^_", text.ptr[at]) != NULL) {
        return string_end(text, at + 1);
    }
    if (between(text, at, '\\', '\\')) {
        /* ST; in JSON its backslash is spelled as two. */
        if (!is_spelled) {
            return at + 1;
        }
        return between(text, at + 1, '\\', '\\') ? at + 2 : at;
    }
    while (between(text, at, 0x20, 0x2F) && text.ptr[at] != '"') {
        at++;
    }
    return between(text, at, 0x30, 0x7E) && text.ptr[at] != '\\' ? at + 1 : at;
}

static size_t sequence_end(struct bytes text, size_t at, struct control control)
{
    at += control.size;
    switch (control.code) {
    case 0x1B:
        return escape_end(text, at, control.size == 6);
    case 0x9B:
        return csi_end(text, at);
    case 0x90:
    case 0x98:
    case 0x9D:
    case 0x9E:
    case 0x9F:
        return string_end(text, at);
    default:
        return at;
    }
}

void control_edit(struct draft *draft)
{
    struct bytes text = draft->text;
    size_t at = control_next(text, 0);
    while (at < text.size) {
        size_t end = sequence_end(text, at, control_at(text, at));
        draft_edit(draft, at, end, (struct bytes){0});
        at = control_next(text, end);
    }
}
