/*
 * loop_fake_world.c - see loop_fake_world.h.
 *
 * TCP's endings are those of Linux: bytes that arrived before a RST are still read; the first
 * operation after it gets ECONNRESET, later sends get EPIPE and reads the end.
 */
#include "tests/support/loop_fake_world.h"

#include <errno.h>
#include <string.h>

enum { CAPACITY_DEFAULT = 64 * 1024 };

static _Thread_local struct fake_world *current;

/* Chance. */

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t fake_draw(struct fake_world *world)
{
    uint64_t z = world->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 1 to max. */
size_t fake_draw_size(struct fake_world *world, size_t max)
{
    ASSERT(max > 0);
    return 1 + (size_t)(fake_draw(world) % max);
}

bool fake_meets(struct fake_world *world, enum fake_fault fault)
{
    uint32_t per_mille = world->per_mille[fault];
    if (per_mille == 0 || fake_draw(world) % 1000 >= per_mille) {
        return false;
    }
    world->met[fault]++;
    return true;
}

/* Pipes. */

static void pipe_open(struct fake_pipe *pipe, size_t capacity)
{
    memset(pipe, 0, sizeof(*pipe));
    pipe->capacity = capacity;
    pipe->memory = (uint8_t *)memory_alloc(capacity);
}

size_t fake_pipe_room(const struct fake_pipe *pipe)
{
    return pipe->capacity - pipe->size;
}

size_t fake_pipe_write(struct fake_pipe *pipe, struct bytes bytes)
{
    size_t count = MIN_OF(bytes.size, fake_pipe_room(pipe));
    size_t at = (pipe->first + pipe->size) % pipe->capacity;
    size_t straight = MIN_OF(count, pipe->capacity - at);
    if (count > 0) {
        memcpy(pipe->memory + at, bytes.ptr, straight);
        memcpy(pipe->memory, bytes.ptr + straight, count - straight);
        pipe->size += count;
    }
    return count;
}

size_t fake_pipe_read(struct fake_pipe *pipe, uint8_t *to, size_t max)
{
    size_t count = MIN_OF(max, pipe->size);
    size_t straight = MIN_OF(count, pipe->capacity - pipe->first);
    if (count > 0) {
        memcpy(to, pipe->memory + pipe->first, straight);
        memcpy(to + straight, pipe->memory, count - straight);
        pipe->first = (pipe->first + count) % pipe->capacity;
        pipe->size -= count;
    }
    return count;
}

/* The world. */

struct fake_world *fake_world_new(uint64_t seed)
{
    struct fake_world *world = (struct fake_world *)memory_alloc(sizeof(*world));
    world->random = seed;
    world->capacity_to_hub = CAPACITY_DEFAULT;
    world->capacity_to_client = CAPACITY_DEFAULT;
    list_init(&world->clients);
    current = world;
    return world;
}

static void client_free(struct fake_world *world, struct fake_client *client)
{
    world->by_fd[client->fd - FAKE_FD_FIRST] = NULL;
    list_remove(&client->node);
    list_remove(&client->wait);
    memory_free(client->to_hub.memory);
    memory_free(client->to_client.memory);
    memory_free(client);
}

void fake_world_free(struct fake_world *world)
{
    ASSERT(world->loops_count == 0);
    LIST_FOR_EACH_SAFE (node, next, &world->clients) {
        client_free(world, CONTAINER_OF(node, struct fake_client, node));
    }
    if (current == world) {
        current = NULL;
    }
    memory_free(world->by_fd);
    memory_free(world);
}

void fake_world_use(struct fake_world *world)
{
    current = world;
}

struct fake_world *fake_world_current(void)
{
    ASSERT(current != NULL);
    return current;
}

void fake_world_fault(struct fake_world *world, enum fake_fault fault, uint32_t per_mille)
{
    ASSERT(per_mille <= 1000);
    world->per_mille[fault] = per_mille;
}

void fake_world_faults(struct fake_world *world, uint32_t per_mille)
{
    for (int fault = 0; fault < FAKE_FAULTS; fault++) {
        if (fault != FAKE_NETWORK_RESET) {
            fake_world_fault(world, (enum fake_fault)fault, per_mille);
        }
    }
}

uint64_t fake_world_met(const struct fake_world *world, enum fake_fault fault)
{
    return world->met[fault];
}

const char *fake_fault_name(enum fake_fault fault)
{
    static const char *const names[FAKE_FAULTS] = {
        [FAKE_TORN_READ] = "torn read",
        [FAKE_SHORT_SEND] = "short send",
        [FAKE_FULL_SEND] = "full send",
        [FAKE_LATE_EVENT] = "late event",
        [FAKE_LATE_CLOSED] = "late closed",
        [FAKE_BYTES_AFTER_DISARM] = "bytes after disarm",
        [FAKE_NO_BUFFERS] = "no buffers",
        [FAKE_MULTISHOT_END] = "multishot end",
        [FAKE_CAP_20] = "cap of 20 completions",
        [FAKE_OVERFLOW] = "completion queue overflow",
        [FAKE_SHORT_SUBMIT] = "short submit",
        [FAKE_EMPTY_WAIT] = "empty wait",
        [FAKE_SPURIOUS_WAKE] = "spurious wake",
        [FAKE_SPURIOUS_WRITABLE] = "spurious writable",
        [FAKE_ACCEPT_FAILED] = "accept failed",
        [FAKE_NETWORK_RESET] = "network reset",
        [FAKE_END_WITH_BYTES] = "end with the last bytes",
        [FAKE_ORDER] = "shuffled order",
    };
    return names[fault];
}

void fake_world_capacity(struct fake_world *world, size_t to_hub, size_t to_client)
{
    ASSERT(to_hub > 0);
    ASSERT(to_client > 0);
    world->capacity_to_hub = to_hub;
    world->capacity_to_client = to_client;
}

void fake_world_on_wait(struct fake_world *world, fake_wait_hook hook, void *context)
{
    world->hook = hook;
    world->hook_context = context;
}

/* Clients. */

static int fd_claim(struct fake_world *world, struct fake_client *client)
{
    if (world->fds_count == world->fds_capacity) {
        world->fds_capacity = MAX_OF(world->fds_capacity * 2, 64u);
        world->by_fd = (struct fake_client **)memory_resize(
            world->by_fd, world->fds_capacity * sizeof(struct fake_client *));
    }
    /* Numbers are not used again, so that a stale one is found out. */
    world->by_fd[world->fds_count] = client;
    return FAKE_FD_FIRST + (int)world->fds_count++;
}

struct fake_client *fake_client_of(const struct fake_world *world, int fd)
{
    ASSERT(fd >= FAKE_FD_FIRST);
    ASSERT((uint32_t)(fd - FAKE_FD_FIRST) < world->fds_count);
    struct fake_client *client = world->by_fd[fd - FAKE_FD_FIRST];
    ASSERT(client != NULL);
    return client;
}

struct fake_client *fake_client_new(struct fake_world *world)
{
    struct fake_client *client = (struct fake_client *)memory_alloc(sizeof(*client));
    list_init(&client->node);
    list_init(&client->wait);
    pipe_open(&client->to_hub, world->capacity_to_hub);
    pipe_open(&client->to_client, world->capacity_to_client);
    client->fd = fd_claim(world, client);
    list_push(&world->clients, &client->node);
    return client;
}

size_t fake_client_write(struct fake_client *client, struct bytes bytes)
{
    if (client->client_closed || client->hub_closed || client->reset || client->to_hub.ended) {
        return 0;
    }
    return fake_pipe_write(&client->to_hub, bytes);
}

size_t fake_client_read(struct fake_client *client, void *to, size_t max)
{
    return client->client_closed ? 0 : fake_pipe_read(&client->to_client, (uint8_t *)to, max);
}

size_t fake_client_readable(const struct fake_client *client)
{
    return client->client_closed ? 0 : client->to_client.size;
}

size_t fake_client_unread_by_hub(const struct fake_client *client)
{
    return client->to_hub.size;
}

void fake_client_shutdown(struct fake_client *client)
{
    client->to_hub.ended = true;
}

/* A RST reaches the hub's socket: what was to be sent is gone, what arrived is not. */
void fake_socket_reset(struct fake_client *client, int error)
{
    client->reset = true;
    client->doomed = false;
    if (client->hub_error == 0) {
        client->hub_error = error;
    }
}

void fake_client_reset(struct fake_client *client)
{
    if (!client->client_closed) {
        client->client_closed = true;
        fake_socket_reset(client, -ECONNRESET);
    }
}

void fake_client_close(struct fake_client *client)
{
    if (client->client_closed) {
        return;
    }
    if (client->to_client.size > 0) {
        fake_client_reset(client);
        return;
    }
    client->client_closed = true;
    client->to_hub.ended = true;
    client->doomed = !client->reset;
}

bool fake_client_is_left_by_hub(const struct fake_client *client)
{
    return client->hub_closed;
}

void fake_client_forget(struct fake_client *client)
{
    fake_client_close(client);
    client->forgotten = true;
}

enum fake_client_state fake_client_state(const struct fake_client *client)
{
    if (client->client_closed) {
        return FAKE_CLIENT_CLOSED;
    }
    if (client->to_client.size == 0 && client->reset) {
        return FAKE_CLIENT_RESET;
    }
    if (client->to_client.size == 0 && client->to_client.ended) {
        return FAKE_CLIENT_EOF;
    }
    return client->accepted ? FAKE_CLIENT_OPEN : FAKE_CLIENT_WAITING;
}

/* The hub's socket. */

/* The hub lets go of its end. Unread bytes make a RST of an orderly close, as in the kernel. */
void fake_socket_close(struct fake_world *world, struct fake_client *client, enum loop_close how)
{
    client->hub_closed = true;
    client->doomed = false;
    if (how == LOOP_CLOSE_RESET) {
        /* What the peer has not acknowledged is dropped: any tail of it. */
        client->to_client.size -= (size_t)(fake_draw(world) % (client->to_client.size + 1));
    }
    if (how == LOOP_CLOSE_RESET || client->to_hub.size > 0) {
        client->reset = true;
    }
    client->to_client.ended = true;
    client->to_hub.size = 0;
    if (client->forgotten) {
        client_free(world, client);
    }
}

/* What the hub's next operation gets for an error, once. */
int fake_socket_error(struct fake_client *client)
{
    int error = client->hub_error;
    client->hub_error = 0;
    return error;
}

/* Room enough that the kernel would say so: a third of the buffer is free. */
bool fake_socket_has_room(const struct fake_client *client)
{
    return client->reset || client->doomed ||
           fake_pipe_room(&client->to_client) * 3 >= client->to_client.capacity;
}

bool fake_socket_is_readable(const struct fake_client *client)
{
    return client->to_hub.size > 0 || client->to_hub.ended || client->reset;
}
