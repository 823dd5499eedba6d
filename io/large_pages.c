/* large_pages.c - an arena with an allocator of regions of its own. */
#include "io/large_pages.h"

#include "io/regions.h"

#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <sys/mman.h>

/* Programs that are linked without jemalloc (under a sanitizer) have none of these. */
#pragma weak mallocx
#pragma weak dallocx
#pragma weak mallctl

enum {
    /* So many stay small pages: jemalloc's own notes of the arena, and what an idle hub touches. */
    SMALL_FIRST_BYTES = 4 << 20,
};

/* Addresses for all the memory that a hub is allowed; beyond them the usual ones serve. */
#define RESERVED_BYTES ((size_t)256 << 30)

static extent_hooks_t *usual; /* jemalloc's own */
static struct regions regions;
static int arena_flags;
static _Atomic size_t given_bytes;

/* jemalloc asks for regions that it splits: from 2 MiB on, more each time. */
static void *region_alloc(extent_hooks_t *hooks, void *address, size_t size, size_t alignment,
                          bool *zero, bool *commit, unsigned arena)
{
    (void)hooks;
    if (address != NULL) {
        return NULL; /* at this very address: a region stays as large as it is */
    }
    void *region = alignment <= REGION_SLOT_BYTES ? regions_take(&regions, size) : NULL;
    if (region == NULL) {
        return usual->alloc(usual, NULL, size, alignment, zero, commit, arena);
    }
    if (size >= REGION_SLOT_BYTES && atomic_fetch_add(&given_bytes, size) >= SMALL_FIRST_BYTES) {
        int failed = madvise(region, size, MADV_HUGEPAGE);
        MAYBE(failed != 0); /* small pages do as well */
    }
    *zero = true;
    *commit = true;
    return region;
}

/* What has not been used for a while is unmapped and not only purged: where a huge page's range lies
 * whole in a region, the kernel (khugepaged) fills what was purged of it up again, within minutes.
 * Only where nobody else's mapping can take its place: jemalloc (5.3, opt.retain) joins an extent to
 * the one below it unless it is marked as the first of its region, whichever arena that one is of; and
 * the mark goes with the piece. */
static bool region_dalloc(extent_hooks_t *hooks, void *address, size_t size, bool committed,
                          unsigned arena)
{
    (void)hooks;
    (void)committed;
    (void)arena;
    return !regions_hold(&regions, address) || regions_give(&regions, address, size) != 0;
}

static extent_hooks_t region_hooks;

static void *take(size_t size)
{
    return mallocx(size, arena_flags);
}

static void give(void *ptr)
{
    if (ptr != NULL) {
        dallocx(ptr, MALLOCX_TCACHE_NONE);
    }
}

static const struct memory_source source = {.take = take, .give = give};

int large_pages_start(void)
{
    unsigned arena;
    size_t size = sizeof(usual);
    if (usual != NULL) {
        return 0;
    }
    if (mallctl == NULL || mallocx == NULL || dallocx == NULL ||
        mallctl("arena.0.extent_hooks", &usual, &size, NULL, 0) != 0) {
        return -ENOSYS;
    }
    int reserved = regions_reserve(&regions, RESERVED_BYTES);
    if (reserved != 0) {
        usual = NULL;
        return reserved;
    }
    region_hooks = *usual;
    region_hooks.alloc = region_alloc;
    region_hooks.dalloc = region_dalloc;
    extent_hooks_t *hooks = &region_hooks;
    size = sizeof(arena);
    if (mallctl("arenas.create", &arena, &size, &hooks, sizeof(hooks)) != 0) {
        usual = NULL;
        return -ENOSYS;
    }
    arena_flags = MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE;
    memory_dense_from(&source);
    return 0;
}
