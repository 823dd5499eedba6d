/* header.c - lines end in CRLF; a name ends at the first colon. */
#include "core/header.h"

/* The first line at `at`, with its CRLF; empty: it has none. */
static struct bytes line_at(struct bytes block, size_t at)
{
    const uint8_t *lf = at < block.size ? memchr(block.ptr + at, '\n', block.size - at) : NULL;
    size_t size = lf != NULL ? (size_t)(lf - block.ptr) + 1 - at : 0;
    bool has_cr = size >= 2 && lf[-1] == '\r';
    return has_cr ? bytes_of(block.ptr + at, size) : (struct bytes){0};
}

struct bytes header_first(struct bytes block)
{
    return line_at(block, 0);
}

static struct bytes trimmed(struct bytes text)
{
    while (text.size > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text = bytes_skip(text, 1);
    }
    while (text.size > 0 && (text.ptr[text.size - 1] == ' ' || text.ptr[text.size - 1] == '\t')) {
        text.size--;
    }
    return text;
}

bool header_next(struct bytes block, size_t *at, struct header_line *line)
{
    *at = *at == 0 ? header_first(block).size : *at;
    struct bytes whole = line_at(block, *at);
    if (whole.size <= 2) {
        return false;
    }
    *at += whole.size;
    const uint8_t *colon = memchr(whole.ptr, ':', whole.size);
    size_t name_size = colon != NULL ? (size_t)(colon - whole.ptr) : whole.size - 2;
    size_t behind = MIN_OF(name_size + 1, whole.size - 2);
    *line = (struct header_line){
        .whole = whole,
        .name = bytes_of(whole.ptr, name_size),
        .value = trimmed(bytes_of(whole.ptr + behind, whole.size - 2 - behind)),
    };
    return true;
}

bool header_valid(struct bytes block)
{
    struct bytes first = header_first(block);
    if (first.size == 0 || !bytes_start_with(first, bytes_text(HEADER_VERSION))) {
        return false;
    }
    size_t at = 0;
    struct header_line line;
    while (header_next(block, &at, &line)) {
        if (!header_name_valid(line.name) || line.name.size == line.whole.size - 2) {
            return false;
        }
    }
    at = at == 0 ? first.size : at;
    return at + 2 == block.size && block.ptr[at] == '\r' && block.ptr[at + 1] == '\n';
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

bool header_named(const struct header_line *line, struct bytes name)
{
    if (line->name.size != name.size) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (lower(line->name.ptr[i]) != lower(name.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool header_name_valid(struct bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7F || name.ptr[i] == ':') {
            return false;
        }
    }
    return name.size > 0;
}

bool header_value_valid(struct bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.ptr[i] == '\r' || value.ptr[i] == '\n' || value.ptr[i] == 0) {
            return false;
        }
    }
    return true;
}
