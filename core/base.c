/* base.c - the assert hook and the allocation that cannot fail. */
#include "core/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static assert_hook hook_now;
static _Thread_local uint64_t allocations;

void assert_hook_set(assert_hook hook)
{
    hook_now = hook;
}

void assert_failed(const char *condition, const char *file, int line)
{
    if (hook_now != NULL) {
        hook_now(condition, file, line);
    }
    fprintf(stderr, "ringhub: broken invariant: %s (%s:%d)\n", condition, file, line);
    abort();
}

static void *checked(void *ptr, size_t size)
{
    if (UNLIKELY(ptr == NULL)) {
        fprintf(stderr, "ringhub: out of memory (asked for %zu bytes)\n", size);
        abort();
    }
    allocations++;
    return ptr;
}

void *memory_alloc(size_t size)
{
    return checked(calloc(1, size), size);
}

void *memory_alloc_aligned(size_t alignment, size_t size)
{
    size_t rounded = (size + alignment - 1) & ~(alignment - 1);
    void *ptr = checked(aligned_alloc(alignment, rounded), rounded);
    memset(ptr, 0, rounded);
    return ptr;
}

void *memory_resize(void *old, size_t size)
{
    return checked(realloc(old, size), size);
}

void memory_free(void *ptr)
{
    free(ptr);
}

static void *heap_take(size_t size)
{
    return malloc(size);
}

static void heap_give(void *ptr)
{
    free(ptr);
}

static const struct memory_source heap = {.take = heap_take, .give = heap_give};
static const struct memory_source *dense = &heap;

void memory_dense_from(const struct memory_source *source)
{
    dense = source;
}

void *memory_dense_alloc(size_t size)
{
    return checked(dense->take(size), size);
}

void memory_dense_free(void *ptr)
{
    dense->give(ptr);
}

uint64_t memory_allocations(void)
{
    return allocations;
}
