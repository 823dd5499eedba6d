/* loop_open.c - the implementations a real program holds. */
#include "io/loop_ops.h"

#include <errno.h>

int loop_open(const struct loop_options *options, struct loop **loop)
{
    ASSERT(options->slots_max > 0);
    switch (options->backend) {
    case LOOP_URING:
        return loop_uring_open(options, loop);
    case LOOP_EPOLL:
        return loop_epoll_open(options, loop);
    case LOOP_AUTO:
    case LOOP_FAKE:
        break;
    }
    return -ENOTSUP;
}
