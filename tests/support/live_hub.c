/* live_hub.c - see live_hub.h. */
#include "tests/support/live_hub.h"

#include <stdio.h>
#include <string.h>

enum { MEMORY_BYTES = 256 * 1024 * 1024, CONNECTIONS_MAX = 512, READ_BUFFERS = 16 };

bool live_hub_init(struct live_hub *hub, enum loop_backend backend)
{
    memset(hub, 0, sizeof(*hub));
    config_defaults(&hub->config);
    hub->config.port = CONFIG_PORT_RANDOM;
    hub->config.max_connections = CONNECTIONS_MAX;
    hub->config.read_buffers = READ_BUFFERS;
    hub->config.lame_duck_grace_period_ns = 20u * 1000 * 1000;
    hub->config.lame_duck_duration_ns = 200u * 1000 * 1000;
    return loop_probe_run(backend, &hub->probe) == 0;
}

int live_hub_start(struct live_hub *hub, uint32_t workers)
{
    char why[768];
    const struct listener_options where = {.host = hub->config.host, .port = hub->config.port};
    int error = listener_open(&where, &hub->listener, why, sizeof(why));
    if (error != 0) {
        fprintf(stderr, "%s\n", why);
        return error;
    }
    const struct workers_server server = {.id = "NTEST", .port = hub->listener.port};
    const struct workers_options options = {.config = &hub->config,
                                            .probe = &hub->probe,
                                            .listener_fds = hub->listener.fds,
                                            .listeners_count = hub->listener.count,
                                            .settings = workers_settings(&server, &hub->config),
                                            .hash_key = 0x5EED,
                                            .memory_bytes = MEMORY_BYTES,
                                            .workers = workers};
    error = workers_start(&options, &hub->workers);
    if (error != 0) {
        hub->workers = NULL;
        listener_close(&hub->listener);
    }
    return error;
}

bool live_hub_end(struct live_hub *hub, uint64_t timeout_ns)
{
    bool in_time = workers_stop(hub->workers, timeout_ns);
    listener_close(&hub->listener);
    workers_free(hub->workers);
    hub->workers = NULL;
    return in_time;
}
