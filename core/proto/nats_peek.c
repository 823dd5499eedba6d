/* nats_peek.c - the line's end, its last number, its first word. */
#include "core/proto/nats_peek.h"

enum {
    LINE_BYTES_MAX = 512,
    DIGITS_MAX = 9, /* more bytes than any read has */
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* The number that ends in front of *end; *end moves to its first digit. False: there is none. */
static bool number_before(const uint8_t *begin, const uint8_t **end, size_t *number)
{
    const uint8_t *at = *end;
    size_t place = 1;
    size_t sum = 0;
    while (at > begin && at[-1] >= '0' && at[-1] <= '9') {
        if (*end - at == DIGITS_MAX) {
            return false;
        }
        at--;
        sum += (size_t)(*at - '0') * place;
        place *= 10;
    }
    bool found = at < *end;
    *end = at;
    *number = sum;
    return found;
}

bool nats_peek(struct bytes in, struct nats_peek *peek)
{
    struct bytes line = in;
    if (bytes_start_with(in, bytes_text("PUB "))) {
        line = bytes_skip(in, 4);
    } else if (bytes_start_with(in, bytes_text("HPUB "))) {
        line = bytes_skip(in, 5);
    } else {
        return false;
    }
    line.size = MIN_OF(line.size, (size_t)LINE_BYTES_MAX);
    const uint8_t *line_end = memchr(line.ptr, '\n', line.size);
    if (line_end == NULL || line_end == line.ptr || line_end[-1] != '\r') {
        return false;
    }
    const uint8_t *number = line_end - 1;
    size_t payload;
    if (!number_before(line.ptr, &number, &payload) || number == line.ptr ||
        !is_space(number[-1])) {
        return false;
    }
    const uint8_t *subject_end = line.ptr;
    while (!is_space(*subject_end)) {
        subject_end++;
    }
    peek->subject = bytes_of(line.ptr, (size_t)(subject_end - line.ptr));
    peek->size = (size_t)(line_end - in.ptr) + 1 + payload + 2;
    return true;
}
