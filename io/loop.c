/* loop.c - every call of loop.h, handed to the implementation behind it. */
#include "io/loop_ops.h"

#include "core/limits.h"

void loop_free(struct loop *loop)
{
    if (loop != NULL) {
        loop->ops->free(loop);
    }
}

const char *loop_name(const struct loop *loop)
{
    return loop->ops->name;
}

void loop_check(const struct loop *loop)
{
    loop->ops->check(loop);
}

int loop_accept(struct loop *loop, int listener_fd)
{
    ASSERT(listener_fd >= 0);
    return loop->ops->accept(loop, listener_fd);
}

void loop_accept_stop(struct loop *loop)
{
    loop->ops->accept_stop(loop);
}

int loop_add(struct loop *loop, uint32_t slot, uint32_t generation, int fd)
{
    ASSERT(fd >= 0);
    return loop->ops->add(loop, slot, generation, fd);
}

void loop_discard(struct loop *loop, int fd)
{
    loop->ops->discard(loop, fd);
}

void loop_read_arm(struct loop *loop, uint32_t slot)
{
    loop->ops->read_arm(loop, slot);
}

void loop_read_disarm(struct loop *loop, uint32_t slot)
{
    loop->ops->read_disarm(loop, slot);
}

void loop_send(struct loop *loop, struct loop_send *sends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ASSERT(sends[i].vectors_count >= 1);
        ASSERT(sends[i].vectors_count <= SEND_VECTORS_MAX);
        ASSERT(sends[i].size >= 1);
        ASSERT(sends[i].size <= SEND_BYTES_MAX);
    }
    if (count > 0) {
        loop->ops->send(loop, sends, count);
    }
}

void loop_wait_writable(struct loop *loop, uint32_t slot)
{
    loop->ops->wait_writable(loop, slot);
}

void loop_shutdown_write(struct loop *loop, uint32_t slot)
{
    loop->ops->shutdown_write(loop, slot);
}

void loop_close_slot(struct loop *loop, uint32_t slot, enum loop_close how)
{
    loop->ops->close_slot(loop, slot, how);
}

size_t loop_wait(struct loop *loop, uint64_t timeout_ns, struct loop_event *events, size_t max)
{
    ASSERT(max >= LOOP_EVENTS_MIN);
    size_t count = loop->ops->wait(loop, timeout_ns, events, MIN_OF(max, (size_t)EVENTS_MAX));
    ASSERT(count <= max);
    return count;
}

void loop_buffer_return(struct loop *loop, const struct loop_event *event)
{
    ASSERT(event->kind == LOOP_EVENT_BYTES);
    loop->ops->buffer_return(loop, event);
}

/* Any thread: ops and what wake reads are constant after loop_open. */
void loop_wake(struct loop *loop)
{
    loop->ops->wake(loop);
}

void loop_wake_from(struct loop *from, struct loop *to)
{
    if (from->ops != to->ops || !from->ops->wake_from(from, to)) {
        to->ops->wake(to);
    }
}

void loop_stats_read(const struct loop *loop, struct loop_stats *stats)
{
    loop->ops->stats_read(loop, stats);
}
