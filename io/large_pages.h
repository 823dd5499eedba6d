/*
 * large_pages.h - a source of memory whose pages are huge ones, for what every message touches.
 *
 *   memory_dense_alloc ──▶ arena of its own ──▶ regions of 2 MiB and more, advised MADV_HUGEPAGE
 *
 * An arena of jemalloc's, so that memory goes home as all other does. Apart from the rest of the
 * heap, because huge pages everywhere would make an idle hub twice as large.
 *
 * Threads:     large_pages_start before others; what it installs, any.
 * Memory:      the arena lives as long as the process.
 */
#ifndef RINGHUB_IO_LARGE_PAGES_H
#define RINGHUB_IO_LARGE_PAGES_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the arena the source of dense memory (core/base.h). Returns 0 or a negative errno: -ENOSYS
 * where the program is linked without jemalloc; then all stays as it is. Again: does nothing. */
MUST_USE int large_pages_start(void);

#ifdef __cplusplus
}
#endif
#endif
