/* config_memory.c - the terms of the memory bound. */
#include "core/config.h"

#include "core/limits.h"
#include "core/units.h"

#include <inttypes.h>
#include <stdio.h>

const char *memory_row_text(const struct memory_row *row, char *text, size_t size)
{
    char each[32];
    char all[32];
    uint64_t total = 0;
    if (__builtin_mul_overflow(row->count, row->bytes_each, &total)) {
        total = UINT64_MAX;
    }
    units_size_text(total, all, sizeof(all));
    if (row->count == 1) {
        snprintf(text, size, "%s: %s", row->name, all);
    } else {
        snprintf(text, size, "%s: %" PRIu64 " x %s = %s", row->name, row->count,
                 units_size_text(row->bytes_each, each, sizeof(each)), all);
    }
    return text;
}

void memory_bound_add(struct memory_bound *bound, const char *name, uint64_t count,
                      uint64_t bytes_each)
{
    if (count == 0 || bytes_each == 0) {
        return;
    }
    ASSERT(bound->rows_count < MEMORY_ROWS_MAX);
    struct memory_row *row = &bound->rows[bound->rows_count++];
    row->name = name;
    row->count = count;
    row->bytes_each = bytes_each;
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(count, bytes_each, &bytes) ||
        __builtin_add_overflow(bound->total_bytes, bytes, &bound->total_bytes)) {
        bound->total_bytes = UINT64_MAX;
    }
}

uint32_t config_workers(const struct config *config, const struct config_machine *machine)
{
    uint32_t workers = config->workers > 0 ? config->workers : machine->cpus;
    return MAX_OF(1, MIN_OF(workers, (uint32_t)WORKERS_MAX));
}

uint64_t config_memory_budget(const struct config *config, const struct config_machine *machine)
{
    return config->max_memory > 0 ? config->max_memory : machine->memory_bytes / 2;
}

/* The kernel has a limit for the TCP of all programs together, and it may be the lower one. */
static void add_unsent(struct memory_bound *bound, const struct config_machine *machine,
                       uint64_t connections, uint64_t bytes_each)
{
    if (machine->tcp_bytes > 0 && bytes_each > machine->tcp_bytes / MAX_OF(connections, 1u)) {
        memory_bound_add(bound, "unsent in the kernel (net.ipv4.tcp_mem)", 1, machine->tcp_bytes);
    } else {
        memory_bound_add(bound, "unsent in the kernel", connections, bytes_each);
    }
}

void config_memory_bound(const struct config *config, const struct config_machine *machine,
                         const struct config_sizes *sizes, struct memory_bound *bound)
{
    uint64_t workers = config_workers(config, machine);
    uint64_t connections = config->max_connections;
    uint64_t buffers = config->read_buffers > 0 ? config->read_buffers : sizes->read_buffers;

    memset(bound, 0, sizeof(*bound));
    memory_bound_add(bound, "streams, runs, subscriptions and half-received messages (max_memory)",
                     1, config_memory_budget(config, machine));
    memory_bound_add(bound, "connections (max_connections)", connections, sizes->session_bytes);
    memory_bound_add(bound, "connections in the kernel", connections,
                     sizes->connection_kernel_bytes);
    add_unsent(bound, machine, connections, sizes->socket_buffer_bytes);
    memory_bound_add(bound, "workers", workers, sizes->worker_bytes);
    memory_bound_add(bound, "kept for the next burst", workers, sizes->spare_bytes);
    memory_bound_add(bound, "rings", workers, sizes->ring_bytes);
    memory_bound_add(bound, "receive buffers", workers * buffers, sizes->read_buffer_bytes);
    memory_bound_add(bound, "log rings", workers, sizes->log_bytes);
    memory_bound_add(bound, "program", 1, sizes->process_bytes);
}
