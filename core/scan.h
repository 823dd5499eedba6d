/*
 * scan.h - where is the next byte of a kind? Sixteen bytes at a time, by the compiler's vectors.
 *
 * Threads:     pure functions.
 * Limits:      reads nothing outside the text.
 */
#ifndef RINGHUB_CORE_SCAN_H
#define RINGHUB_CORE_SCAN_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SCAN_BLOCK = 16 };

typedef uint8_t scan_block __attribute__((vector_size(16)));

static inline scan_block scan_load(const uint8_t *at)
{
    scan_block block;
    memcpy(&block, at, sizeof(block));
    return block;
}

/* The first of them that is not zero; SCAN_BLOCK: none. */
static inline size_t scan_first(scan_block hits)
{
    uint64_t words[2];
    memcpy(words, &hits, sizeof(words));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (words[0] != 0) {
        return (size_t)__builtin_ctzll(words[0]) / 8;
    }
    return words[1] != 0 ? 8 + (size_t)__builtin_ctzll(words[1]) / 8 : (size_t)SCAN_BLOCK;
#else
    if (words[0] != 0) {
        return (size_t)__builtin_clzll(words[0]) / 8;
    }
    return words[1] != 0 ? 8 + (size_t)__builtin_clzll(words[1]) / 8 : (size_t)SCAN_BLOCK;
#endif
}

/* A bit for each byte of hits, which are all ones or zero; the first byte is the lowest bit. */
static inline uint32_t scan_bits(scan_block hits)
{
#ifdef __SSE2__
    typedef char scan_chars __attribute__((vector_size(16)));
    return (uint32_t)__builtin_ia32_pmovmskb128((scan_chars)hits);
#else
    uint32_t bits = 0;
    for (uint32_t i = 0; i < SCAN_BLOCK; i++) {
        bits |= (uint32_t)(hits[i] & 1) << i;
    }
    return bits;
#endif
}

/* A digit at or behind from; text.size: none. */
static inline size_t scan_digit(struct bytes text, size_t from)
{
    for (; from + SCAN_BLOCK <= text.size; from += SCAN_BLOCK) {
        scan_block from_0 = scan_load(text.ptr + from) - '0';
        size_t first = scan_first((scan_block)(from_0 < 10));
        if (first < SCAN_BLOCK) {
            return from + first;
        }
    }
    while (from < text.size && (uint8_t)(text.ptr[from] - '0') >= 10) {
        from++;
    }
    return MIN_OF(from, text.size);
}

/* Two letters one after the other, in any case, given in lower case; text.size: none. */
static inline size_t scan_letters(struct bytes text, size_t from, uint8_t one, uint8_t two)
{
    for (; from + SCAN_BLOCK + 1 <= text.size; from += SCAN_BLOCK) {
        scan_block ones = (scan_block)((scan_load(text.ptr + from) | 0x20) == one);
        scan_block twos = (scan_block)((scan_load(text.ptr + from + 1) | 0x20) == two);
        size_t first = scan_first(ones & twos);
        if (first < SCAN_BLOCK) {
            return from + first;
        }
    }
    for (; from + 2 <= text.size; from++) {
        if ((text.ptr[from] | 0x20) == one && (text.ptr[from + 1] | 0x20) == two) {
            return from;
        }
    }
    return text.size;
}

#ifdef __cplusplus
}
#endif
#endif
