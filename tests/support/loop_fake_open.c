/* loop_fake_open.c - loop_open for programs that have no kernel: the simulation. */
#include "tests/support/loop_fake.h"

int loop_open(const struct loop_options *options, struct loop **loop)
{
    return loop_fake_open(options, loop);
}
