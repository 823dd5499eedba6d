/*
 * bytes.h - a borrowed view of bytes. Never owns; valid as long as the lender says.
 *
 * Threads:     plain values.
 */
#ifndef RINGHUB_CORE_BYTES_H
#define RINGHUB_CORE_BYTES_H

#include "core/base.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bytes {
    const uint8_t *ptr; /* NULL only when size is 0 */
    size_t size;        /* in bytes */
};

static inline struct bytes bytes_of(const void *ptr, size_t size)
{
    struct bytes b;
    b.ptr = (const uint8_t *)ptr;
    b.size = size;
    return b;
}

static inline struct bytes bytes_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.ptr, b.ptr, a.size) == 0);
}

static inline bool bytes_start_with(struct bytes b, struct bytes prefix)
{
    return b.size >= prefix.size &&
           (prefix.size == 0 || memcmp(b.ptr, prefix.ptr, prefix.size) == 0);
}

static inline struct bytes bytes_skip(struct bytes b, size_t count)
{
    ASSERT_SLOW(count <= b.size);
    return bytes_of(b.ptr + count, b.size - count);
}

#ifdef __cplusplus
}
#endif
#endif
