/*
 * loop_fake_world.h - the network of loop_fake.h: byte pipes, both ends of connections, chance.
 *
 * Inside the fake only; a test uses loop_fake.h.
 *
 * Threads:     one thread per world.
 * Memory:      the world owns clients; a client owns its two pipes.
 */
#ifndef RINGHUB_TESTS_SUPPORT_LOOP_FAKE_WORLD_H
#define RINGHUB_TESTS_SUPPORT_LOOP_FAKE_WORLD_H

#include "core/list.h"
#include "tests/support/loop_fake.h"

/* One direction of a connection. */
struct fake_pipe {
    uint8_t *memory; /* owned, capacity bytes */
    size_t capacity;
    size_t first;
    size_t size;
    bool ended; /* the writer's FIN is behind the bytes */
};

/* Both ends of one connection: the client's handle and the hub's socket. */
struct fake_client {
    struct list node; /* in the world's clients */
    struct list wait; /* in its loop's backlog until accepted */
    struct fake_pipe to_hub;
    struct fake_pipe to_client;
    int fd;
    bool accepted;
    bool client_closed; /* the test let go of its end */
    bool hub_closed;
    bool forgotten;
    bool reset;    /* a RST ended it, for both ends */
    int hub_error; /* what the hub's next operation gets, once: 0, -ECONNRESET or -EPIPE */
    bool doomed;   /* the client is gone and did not say: the hub's next bytes make a RST */
};

struct fake_world {
    uint64_t random;
    uint32_t per_mille[FAKE_FAULTS];
    uint64_t met[FAKE_FAULTS];
    size_t capacity_to_hub;
    size_t capacity_to_client;
    struct list clients;
    struct fake_client **by_fd; /* owned */
    uint32_t fds_count;
    uint32_t fds_capacity;
    uint32_t loops_count;
    fake_wait_hook hook;
    void *hook_context;
};

struct fake_world *fake_world_current(void);

/* Chance: any number; 1 to max; whether this fault is met now. */
uint64_t fake_draw(struct fake_world *world);
size_t fake_draw_size(struct fake_world *world, size_t max);
bool fake_meets(struct fake_world *world, enum fake_fault fault);

size_t fake_pipe_room(const struct fake_pipe *pipe);
/* Writes what fits; reads what is there, at most max. */
size_t fake_pipe_write(struct fake_pipe *pipe, struct bytes bytes);
size_t fake_pipe_read(struct fake_pipe *pipe, uint8_t *to, size_t max);

struct fake_client *fake_client_new(struct fake_world *world);
struct fake_client *fake_client_of(const struct fake_world *world, int fd);

/* The hub's end. close may free the client, if the test forgot it. */
void fake_socket_close(struct fake_world *world, struct fake_client *client, enum loop_close how);
/* A RST reaches it: what was to be sent is gone, what arrived is not. */
void fake_socket_reset(struct fake_client *client, int error);
/* What its next operation gets for an error, once. */
int fake_socket_error(struct fake_client *client);
/* Room enough that the kernel would say so: a third of the buffer is free. */
bool fake_socket_has_room(const struct fake_client *client);
bool fake_socket_is_readable(const struct fake_client *client);

#endif
