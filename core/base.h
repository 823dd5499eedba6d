/*
 * base.h - the words every file uses: assertions, atomics, attributes.
 *
 * Threads:     no state but the assert hook, which is set once before threads start.
 * Beware:      ASSERT is on in release builds; its argument must have no side effect.
 */
#ifndef RINGHUB_CORE_BASE_H
#define RINGHUB_CORE_BASE_H

#include <assert.h> /* static_assert only; ASSERT is ours */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#include <atomic>
#define ATOMIC(T) std::atomic<T>
/* So that inline functions say atomic_load_explicit(&word, memory_order_…) in both languages; the
 * functions themselves are found through their argument. */
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;
extern "C" {
#else
#include <stdalign.h>
#include <stdatomic.h>
#define ATOMIC(T) _Atomic(T)
#endif

/* What two writers must not share. */
#define CACHE_LINE 64

#define MUST_USE       __attribute__((warn_unused_result))
#define PRINTF(fmt, a) __attribute__((format(printf, fmt, a)))
#define LIKELY(x)      __builtin_expect(!!(x), 1)
#define UNLIKELY(x)    __builtin_expect(!!(x), 0)
#define COUNT_OF(a)    (sizeof(a) / sizeof((a)[0]))
#define MAX_OF(a, b)   ((a) > (b) ? (a) : (b))
#define MIN_OF(a, b)   ((a) < (b) ? (a) : (b))

#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Documents that both answers are fine: the dual of ASSERT. */
#define MAYBE(x) ((void)(x))

/* Called with the failed condition; must not return (a test may longjmp out of it). The default
 * prints the condition to stderr and aborts. */
typedef void (*assert_hook)(const char *condition, const char *file, int line);

/* Before threads start. NULL restores the default. */
void assert_hook_set(assert_hook hook);

void assert_failed(const char *condition, const char *file, int line)
    __attribute__((cold, noreturn));

#define ASSERT(x)                                                                                  \
    do {                                                                                           \
        if (UNLIKELY(!(x))) {                                                                      \
            assert_failed(#x, __FILE__, __LINE__);                                                 \
        }                                                                                          \
    } while (0)

#ifdef RINGHUB_SLOW_ASSERTS
#define ASSERT_SLOW(x) ASSERT(x)
#else
#define ASSERT_SLOW(x) ((void)0)
#endif

/* Allocation that cannot fail: out of memory ends the process with a sentence (memory is bounded
 * by configuration, so this is a misconfigured machine and not a busy one). Zeroed. */
void *memory_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *memory_alloc_aligned(size_t alignment, size_t size) __attribute__((malloc, returns_nonnull));
void *memory_resize(void *old, size_t size) __attribute__((returns_nonnull));
void memory_free(void *ptr);

/* Memory that every message touches, for its few large users: chunks, and lists of what is pending.
 * Not zeroed. From a source, where the program has one whose pages are large: a worker under load
 * walks megabytes of it in no order, and with small pages waits for translations at each step. */
void *memory_dense_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void memory_dense_free(void *ptr);

struct memory_source {
    void *(*take)(size_t size); /* NULL: no memory */
    void (*give)(void *ptr);
};

/* Before the first dense allocation of any thread. source is borrowed. */
void memory_dense_from(const struct memory_source *source);

/* Counts calls of memory_alloc, memory_dense_alloc, memory_alloc_aligned and memory_resize made by this thread, so that
 * a test can assert that the steady path makes none. */
uint64_t memory_allocations(void);

#ifdef __cplusplus
}
#endif
#endif
