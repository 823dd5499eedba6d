/*
 * loop_shapes.h - a test on both real loops, and on io_uring with sockets in the ring's table.
 *
 *     static void come(enum shape shape) { struct stage *stage = shape_stage(shape, SLOTS); … }
 *     ON_EVERY_SHAPE(come)                         three tests
 *     … = {CASES_OF_SHAPES(come), …}; cmocka_run_group_tests(tests, shapes_find_out, NULL)
 *
 * Threads:     one.
 */
#ifndef RINGHUB_TESTS_SUPPORT_LOOP_SHAPES_H
#define RINGHUB_TESTS_SUPPORT_LOOP_SHAPES_H

#include "tests/support/loop_stage.h"

enum shape { EPOLL, URING, DIRECT };

/* What this machine can do; a group's set-up. */
int shapes_find_out(void **state);

/* Skips the test, saying why, where the machine lacks it. For shape_stage_free. */
struct stage *shape_stage(enum shape shape, uint32_t slots_max);
void shape_stage_free(struct stage *stage);

#define ON_SHAPE(name, run, shape)                                                                 \
    static void test_##name##_##run(void **state)                                                  \
    {                                                                                              \
        (void)state;                                                                               \
        run(shape);                                                                                \
    }
#define ON_EVERY_SHAPE(run)                                                                        \
    ON_SHAPE(epoll, run, EPOLL)                                                                    \
    ON_SHAPE(uring, run, URING)                                                                    \
    ON_SHAPE(uring_direct, run, DIRECT)

#define CASES_OF_SHAPES(run)                                                                       \
    cmocka_unit_test(test_epoll_##run), cmocka_unit_test(test_uring_##run),                        \
        cmocka_unit_test(test_uring_direct_##run)

#endif
