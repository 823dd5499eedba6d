/* hdr.c - counts as zig-zag LEB128, a run of empty cells as one negative number. */
#include "loadgen/hdr.h"

#include <string.h>
#include <time.h>
#include <zlib.h>

enum {
    COOKIE = 0x1c849303 | 0x10,
    COOKIE_DEFLATED = 0x1c849304 | 0x10,
    HEAD_BYTES = 40,
    HEAD_DEFLATED_BYTES = 8,
    DIGITS = 2, /* 256 steps in the first bucket, 128 in each further one */
    NUMBER_BYTES_MAX = 9,
    PLAIN_BYTES_MAX = HEAD_BYTES + RECORD_CELLS * NUMBER_BYTES_MAX,
};
static_assert(RECORD_STEPS == 128, "two significant digits mean 128 steps a power of two");

/* ---- numbers ---- */

static void put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        to[i] = (uint8_t)value;
        value >>= 8;
    }
}

static uint64_t get(const uint8_t *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) {
        value = value << 8 | from[i];
    }
    return value;
}

/* Seven bits a byte, lowest first; a ninth byte holds eight. Returns the bytes used. */
static size_t number_put(uint8_t *to, int64_t number)
{
    uint64_t value = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
    size_t at = 0;
    while (at < NUMBER_BYTES_MAX - 1 && value >= 0x80) {
        to[at++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[at++] = (uint8_t)value;
    return at;
}

/* Returns the bytes used, 0 when size ends before the number. */
static size_t number_get(const uint8_t *from, size_t size, int64_t *number)
{
    uint64_t value = 0;
    for (size_t at = 0; at < size; at++) {
        bool last = at == NUMBER_BYTES_MAX - 1;
        value |= (uint64_t)(last ? from[at] : from[at] & 0x7f) << (7 * at);
        if (last || (from[at] & 0x80) == 0) {
            *number = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
            return at + 1;
        }
    }
    return 0;
}

/* ---- base64 ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64(const uint8_t *from, size_t size)
{
    char *text = (char *)memory_alloc((size + 2) / 3 * 4 + 1);
    char *to = text;
    for (size_t at = 0; at < size; at += 3) {
        size_t left = size - at;
        uint32_t three = (uint32_t)from[at] << 16 | (left > 1 ? (uint32_t)from[at + 1] << 8 : 0) |
                         (left > 2 ? from[at + 2] : 0);
        *to++ = alphabet[three >> 18];
        *to++ = alphabet[three >> 12 & 63];
        *to++ = left > 1 ? alphabet[three >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[three & 63] : '=';
    }
    return text;
}

/* Returns the bytes written to to, which has room for 3 of every 4 characters; 0 when it is not
 * base64. */
static size_t base64_read(const char *text, uint8_t *to)
{
    uint32_t bits = 0;
    size_t count = 0;
    size_t digits = 0;
    for (; *text != 0 && *text != '='; text++, digits++) {
        const char *found = strchr(alphabet, *text);
        if (found == NULL) {
            return 0;
        }
        bits = bits << 6 | (uint32_t)(found - alphabet);
        if (digits % 4 != 0) {
            to[count++] = (uint8_t)(bits >> (6 - digits % 4 * 2));
        }
    }
    return text[strspn(text, "=")] == 0 ? count : 0;
}

/* ---- a histogram ---- */

static size_t cells_put(uint8_t *to, const struct record *record)
{
    uint32_t used = RECORD_CELLS;
    while (used > 0 && record->cells[used - 1] == 0) {
        used--;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < used;) {
        uint32_t empty = 0;
        while (record->cells[i + empty] == 0) {
            empty++; /* ends at the last cell, which is in use */
        }
        at += number_put(to + at, empty > 1 ? -(int64_t)empty : (int64_t)record->cells[i]);
        i += MAX_OF(empty, 1u);
    }
    return at;
}

char *hdr_encode(const struct record *record)
{
    uint8_t *plain = (uint8_t *)memory_alloc(PLAIN_BYTES_MAX);
    size_t size = cells_put(plain + HEAD_BYTES, record);
    put(plain, COOKIE, 4);
    put(plain + 4, size, 4);
    put(plain + 12, DIGITS, 4);
    put(plain + 16, 1, 8);
    put(plain + 24, RECORD_NS_MAX, 8);
    put(plain + 32, 0x3ff0000000000000, 8); /* the ratio of units: 1.0 */
    uLongf room = compressBound(HEAD_BYTES + size);
    uint8_t *deflated = (uint8_t *)memory_alloc(HEAD_DEFLATED_BYTES + room);
    int result = compress2(deflated + HEAD_DEFLATED_BYTES, &room, plain, HEAD_BYTES + size,
                           Z_BEST_COMPRESSION);
    ASSERT(result == Z_OK);
    put(deflated, COOKIE_DEFLATED, 4);
    put(deflated + 4, room, 4);
    char *text = base64(deflated, HEAD_DEFLATED_BYTES + room);
    memory_free(deflated);
    memory_free(plain);
    return text;
}

static bool cells_get(const uint8_t *from, size_t size, struct record *record)
{
    uint64_t cell = 0;
    for (size_t at = 0; at < size;) {
        int64_t number = 0;
        size_t used = number_get(from + at, size - at, &number);
        if (used == 0) {
            return false;
        }
        at += used;
        if (number < 0) {
            cell += (uint64_t)0 - (uint64_t)number;
        }
        if (cell > RECORD_CELLS - (number < 0 ? 0u : 1u)) {
            return false;
        }
        if (number > 0) {
            uint64_t middle =
                (record_cell_begin((uint32_t)cell) + record_cell_end((uint32_t)cell)) / 2;
            record->cells[cell] = (uint64_t)number;
            record->count += (uint64_t)number;
            record->sum_ns += middle * (uint64_t)number;
            record->max_ns = record_cell_end((uint32_t)cell);
        }
        cell += number >= 0 ? 1 : 0;
    }
    return true;
}

static bool plain_get(const uint8_t *plain, size_t size, struct record *record)
{
    return size >= HEAD_BYTES && get(plain, 4) == COOKIE &&
           get(plain + 4, 4) <= size - HEAD_BYTES && get(plain + 8, 4) == 0 &&
           get(plain + 12, 4) == DIGITS && get(plain + 16, 8) == 1 &&
           cells_get(plain + HEAD_BYTES, get(plain + 4, 4), record);
}

bool hdr_decode(const char *text, struct record *record)
{
    memset(record, 0, sizeof *record);
    uint8_t *deflated = (uint8_t *)memory_alloc(strlen(text) + 1);
    uint8_t *plain = (uint8_t *)memory_alloc(PLAIN_BYTES_MAX);
    size_t size = base64_read(text, deflated);
    uLongf plain_bytes = PLAIN_BYTES_MAX;
    bool right = size > HEAD_DEFLATED_BYTES && get(deflated, 4) == COOKIE_DEFLATED &&
                 get(deflated + 4, 4) == size - HEAD_DEFLATED_BYTES &&
                 uncompress(plain, &plain_bytes, deflated + HEAD_DEFLATED_BYTES,
                            size - HEAD_DEFLATED_BYTES) == Z_OK &&
                 plain_get(plain, plain_bytes, record);
    memory_free(plain);
    memory_free(deflated);
    return right;
}

/* ---- logs ---- */

void hdr_log_begin(FILE *out, const char *name, double begin_s)
{
    char when[40];
    time_t seconds = (time_t)begin_s;
    struct tm utc;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    fprintf(out,
            "#[hubload: %s, in nanoseconds; Interval_Max in milliseconds]\n"
            "#[Histogram log format version 1.3]\n"
            "#[StartTime: %.3f (seconds since epoch), %s]\n"
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
            "\"Interval_Compressed_Histogram\"\n",
            name, begin_s, when);
}

void hdr_log_add(FILE *out, double begin_s, double length_s, const struct record *record)
{
    char *text = hdr_encode(record);
    fprintf(out, "%.3f,%.3f,%.3f,%s\n", begin_s, length_s, (double)record->max_ns / 1e6, text);
    memory_free(text);
}
