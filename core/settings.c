/* settings.c - who still looks at them. */
#include "core/settings.h"

#include "core/access.h"
#include "core/policy.h"
#include "core/scrub_rules.h"

struct settings *settings_new(void)
{
    return memory_alloc(sizeof(struct settings));
}

void settings_free(struct settings *settings)
{
    if (settings == NULL) {
        return;
    }
    ASSERT(!settings_is_held(settings));
    access_unref(settings->access);
    policies_free(settings->policies);
    memory_free(settings->nats);
    scrub_rules_unref(settings->scrub);
    memory_free(settings);
}

void settings_hold(struct settings *settings, uint32_t holders)
{
    /* Relaxed: the envelope that carries it to a worker orders the rest. */
    atomic_fetch_add_explicit(&settings->holders, holders, memory_order_relaxed);
}

void settings_release(struct settings *settings)
{
    /* H1: pairs with H2: what the worker read, it read before the main thread frees it. */
    uint32_t before = atomic_fetch_sub_explicit(&settings->holders, 1u, memory_order_release);
    ASSERT(before > 0);
}

bool settings_is_held(const struct settings *settings)
{
    /* H2: pairs with H1. */
    return atomic_load_explicit(&settings->holders, memory_order_acquire) > 0;
}
