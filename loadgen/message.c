/* message.c - the fill of a payload and its comparison. */
#include "loadgen/message.h"

/* The part of the header that message_prepare writes; only in payloads that have room for it. */
struct message_tail {
    uint64_t run;
    uint32_t offset;
    uint32_t offset_inverted; /* a damaged offset is noticed also where hardly any fill follows */
};
static_assert(MESSAGE_BYTES_MIN + sizeof(struct message_tail) == MESSAGE_HEADER_BYTES, "drawing");

/* SplitMix64: Steele, Lea, Flood 2014. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void message_form_init(struct message_form *form, uint64_t seed, uint64_t run, bool is_json)
{
    /* No character that JSON would escape, nor one that gives an address or a token away: the text is
     * to pass rules as it is. */
    static const char text[] = "abcdefghijklmnopqrstuvwxyz 0123 the quick brown, a lazy dog. ETA";
    static_assert(sizeof text - 1 == 64, "six bits choose");
    form->run = run;
    form->is_json = is_json;
    form->pool = (uint8_t *)memory_alloc(MESSAGE_POOL_BYTES);
    for (size_t i = 0; i < MESSAGE_POOL_BYTES; i += sizeof seed) {
        uint64_t word = random_next(&seed);
        memcpy(form->pool + i, &word, sizeof word);
    }
    for (size_t i = 0; is_json && i < MESSAGE_POOL_BYTES; i++) {
        form->pool[i] = (uint8_t)text[form->pool[i] % 64];
    }
}

void message_form_free(struct message_form *form)
{
    memory_free(form->pool);
    form->pool = NULL;
}

static const char json_open[] = "{\"m\":\"";
static const char json_between[] = "\",\"t\":\"";
static const char json_close[] = "\"}";

enum {
    JSON_TAIL_AT = MESSAGE_JSON_AT + 2 * MESSAGE_BYTES_MIN,
    JSON_BETWEEN_AT = MESSAGE_JSON_AT + 2 * MESSAGE_HEADER_BYTES,
    JSON_FILL_AT = JSON_BETWEEN_AT + sizeof json_between - 1,
    JSON_CLOSE_BYTES = sizeof json_close - 1,
};
static_assert(sizeof json_open - 1 == MESSAGE_JSON_AT, "drawing");
static_assert((int)JSON_FILL_AT + (int)JSON_CLOSE_BYTES <= (int)MESSAGE_JSON_BYTES_MIN, "drawing");

/* Where the fill of a payload lies. */
struct fill {
    size_t at;
    size_t end;
};

static struct fill fill_of(const struct message_form *form, uint32_t size)
{
    if (form->is_json) {
        return (struct fill){JSON_FILL_AT, size - JSON_CLOSE_BYTES};
    }
    return (struct fill){size >= MESSAGE_HEADER_BYTES ? MESSAGE_HEADER_BYTES : MESSAGE_BYTES_MIN,
                         size};
}

void message_prepare(const struct message_form *form, uint8_t *payload, uint32_t size,
                     uint32_t slot)
{
    ASSERT(size >= (uint32_t)(form->is_json ? MESSAGE_JSON_BYTES_MIN : MESSAGE_BYTES_MIN));
    uint32_t offset = slot * 2654435761u % MESSAGE_POOL_BYTES;
    struct message_tail tail = {form->run + size, offset, ~offset};
    struct fill fill = fill_of(form, size);
    memset(payload, 0, fill.at);
    if (form->is_json) {
        memcpy(payload, json_open, MESSAGE_JSON_AT);
        message_spell(payload + JSON_TAIL_AT, &tail);
        memcpy(payload + JSON_BETWEEN_AT, json_between, sizeof json_between - 1);
        memcpy(payload + fill.end, json_close, JSON_CLOSE_BYTES);
    } else if (fill.at == MESSAGE_HEADER_BYTES) {
        memcpy(payload + MESSAGE_BYTES_MIN, &tail, sizeof tail);
    } else {
        tail.offset = 0;
    }
    for (size_t from = tail.offset; fill.at < fill.end; from = 0) {
        size_t count = MIN_OF(fill.end - fill.at, MESSAGE_POOL_BYTES - from);
        memcpy(payload + fill.at, form->pool + from, count);
        fill.at += count;
    }
}

/* The tail of a payload, or of one that has none; false: it is damaged. */
static bool tail_read(const struct message_form *form, const uint8_t *payload, uint32_t size,
                      struct message_tail *tail)
{
    *tail = (struct message_tail){form->run + size, 0, ~0u};
    if (form->is_json) {
        if (!message_unspell(tail, payload + JSON_TAIL_AT) ||
            memcmp(payload, json_open, MESSAGE_JSON_AT) != 0 ||
            memcmp(payload + JSON_BETWEEN_AT, json_between, sizeof json_between - 1) != 0 ||
            memcmp(payload + size - JSON_CLOSE_BYTES, json_close, JSON_CLOSE_BYTES) != 0) {
            return false;
        }
    } else if (size >= MESSAGE_HEADER_BYTES) {
        memcpy(tail, payload + MESSAGE_BYTES_MIN, sizeof *tail);
    }
    return tail->run == form->run + size && tail->offset < MESSAGE_POOL_BYTES &&
           tail->offset_inverted == ~tail->offset;
}

bool message_is_intact(const struct message_form *form, const uint8_t *payload, uint32_t size)
{
    struct message_tail tail;
    struct fill fill = fill_of(form, size);
    if ((form->is_json && size < MESSAGE_JSON_BYTES_MIN) ||
        !tail_read(form, payload, size, &tail)) {
        return false;
    }
    for (size_t from = tail.offset; fill.at < fill.end; from = 0) {
        size_t count = MIN_OF(fill.end - fill.at, MESSAGE_POOL_BYTES - from);
        if (memcmp(payload + fill.at, form->pool + from, count) != 0) {
            return false;
        }
        fill.at += count;
    }
    return true;
}
