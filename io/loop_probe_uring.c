/* loop_probe_uring.c - see loop_probe_uring.h. */
#include "io/loop_probe_uring.h"

#include <errno.h>

int loop_probe_ring(const char **step)
{
    *step = "this build holds no ring";
    return ENOSYS;
}

bool loop_probe_sends(const char **step)
{
    *step = "this build holds no ring";
    return false;
}
