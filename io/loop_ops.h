/*
 * loop_ops.h - what one implementation of loop.h offers; loop.c calls through it.
 *
 * Threads:     the tables are constant.
 * Memory:      struct loop is the first member of each implementation's own struct.
 */
#ifndef RINGHUB_IO_LOOP_OPS_H
#define RINGHUB_IO_LOOP_OPS_H

#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

struct loop_ops {
    const char *name;
    void (*free)(struct loop *loop);
    void (*check)(const struct loop *loop);
    int (*accept)(struct loop *loop, int listener_fd);
    void (*accept_stop)(struct loop *loop);
    int (*add)(struct loop *loop, uint32_t slot, uint32_t generation, int fd);
    void (*discard)(struct loop *loop, int fd);
    void (*read_arm)(struct loop *loop, uint32_t slot);
    void (*read_disarm)(struct loop *loop, uint32_t slot);
    void (*send)(struct loop *loop, struct loop_send *sends, size_t count);
    void (*wait_writable)(struct loop *loop, uint32_t slot);
    void (*shutdown_write)(struct loop *loop, uint32_t slot);
    void (*close_slot)(struct loop *loop, uint32_t slot, enum loop_close how);
    size_t (*wait)(struct loop *loop, uint64_t timeout_ns, struct loop_event *events, size_t max);
    void (*buffer_return)(struct loop *loop, const struct loop_event *event);
    void (*wake)(struct loop *loop);                       /* any thread */
    bool (*wake_from)(struct loop *from, struct loop *to); /* false: use wake */
    void (*stats_read)(const struct loop *loop, struct loop_stats *stats);
};

struct loop {
    const struct loop_ops *ops;
};

/* One per implementation; each returns 0 or a negative errno. */
MUST_USE int loop_uring_open(const struct loop_options *options, struct loop **loop);
MUST_USE int loop_epoll_open(const struct loop_options *options, struct loop **loop);

#ifdef __cplusplus
}
#endif
#endif
