/* addresses.c - a table that only the acceptor touches, of counts that everybody may lower. */
#include "core/addresses.h"

#include "core/hash.h"

#include <stdio.h>

static uint64_t hash_of(const struct address *address, uint64_t key)
{
    return hash_bytes(bytes_text(address->text), key);
}

static bool is_text(const void *item, const void *name)
{
    const struct address *address = item;
    return strcmp(address->text, name) == 0;
}

void addresses_init(struct addresses *addresses, uint64_t hash_key)
{
    *addresses = (struct addresses){.hash_key = hash_key, .sweep_at = ADDRESSES_SPARE};
}

void addresses_free(struct addresses *addresses)
{
    struct address *address;
    while ((address = table_any(&addresses->table)) != NULL) {
        table_remove(&addresses->table, address, hash_of(address, addresses->hash_key));
        memory_free(address);
    }
    table_free(&addresses->table);
}

/* Acquire pairs with the release of address_leave: whoever left is through with the address. */
static uint32_t connections_of(struct address *address)
{
    return atomic_load_explicit(&address->connections, memory_order_acquire);
}

static void sweep(struct addresses *addresses)
{
    struct address **empty = memory_alloc(addresses->table.count * sizeof(struct address *));
    uint32_t count = 0;
    uint32_t cursor = 0;
    struct address *address;
    while ((address = table_next(&addresses->table, &cursor)) != NULL) {
        if (connections_of(address) == 0) {
            empty[count++] = address;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        table_remove(&addresses->table, empty[i], hash_of(empty[i], addresses->hash_key));
        memory_free(empty[i]);
    }
    memory_free(empty);
    addresses->sweep_at = 2 * addresses->table.count + ADDRESSES_SPARE;
}

struct address *addresses_join(struct addresses *addresses, const char *text, uint32_t most)
{
    uint64_t hash = hash_bytes(bytes_text(text), addresses->hash_key);
    struct address *address = table_find(&addresses->table, hash, is_text, text);
    if (address == NULL) {
        if (addresses->table.count >= addresses->sweep_at) {
            sweep(addresses);
        }
        address = memory_alloc(sizeof(*address));
        snprintf(address->text, sizeof(address->text), "%s", text);
        table_add(&addresses->table, address, hash);
    }
    if (connections_of(address) >= most) {
        return NULL;
    }
    /* Only the acceptor adds, so what was read can only have become less. */
    atomic_fetch_add_explicit(&address->connections, 1u, memory_order_relaxed);
    return address;
}

void address_leave(struct address *address)
{
    uint32_t before = atomic_fetch_sub_explicit(&address->connections, 1u, memory_order_release);
    ASSERT(before > 0);
}
