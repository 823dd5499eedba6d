/* loop_shapes.c - see loop_shapes.h. */
#include "tests/support/loop_shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct loop_probe probe;

int shapes_find_out(void **state)
{
    (void)state;
    int failed = loop_probe_run(LOOP_AUTO, &probe);
    loop_probe_direct(&probe);
    return failed;
}

struct stage *shape_stage(enum shape shape, uint32_t slots_max)
{
    static const char *const names[] = {"epoll", "uring", "uring direct"};
    if (shape != EPOLL && probe.backend != LOOP_URING) {
        print_message("SKIP: %s\n", probe.explanation);
        skip();
    }
    if (shape == DIRECT && !probe.direct) {
        print_message("SKIP: no sockets in a ring's table: %s\n", probe.direct_step);
        skip();
    }
    const struct stage_options options = {
        .name = names[shape],
        .loop = {.backend = shape == EPOLL ? LOOP_EPOLL : LOOP_URING,
                 .slots_max = slots_max,
                 .sends_inline = probe.sends_inline,
                 .direct = shape == DIRECT},
        .seed = 1,
    };
    struct stage *stage = (struct stage *)memory_alloc(sizeof(*stage));
    stage_open(stage, &options);
    return stage;
}

void shape_stage_free(struct stage *stage)
{
    stage_free(stage);
    memory_free(stage);
}
