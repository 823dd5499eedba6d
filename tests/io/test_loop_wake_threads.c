/*
 * Goal:    a bell rung by any thread is never lost, however ring and sleep interleave.
 * Method:  a sleeper waits without timeout for tokens that ringers put on a counter before they
 *          ring; a lost bell leaves it asleep for ever, which a watchdog turns into a failure.
 *          Ringers are threads without a loop, and threads with one (loop_wake_from). Runs under
 *          TSan.
 */
#include "io/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { RINGERS = 3, RINGS = 2000, EVENTS = 16, WATCHDOG_S = 120 };

struct bell {
    struct loop_options options;
    bool from_loop; /* ringers own loops and use loop_wake_from */
    ATOMIC(struct loop *) sleeper;
    ATOMIC(uint32_t) tokens; /* rung, not seen */
    ATOMIC(uint32_t) ready;  /* ringers' loops opened and freed */
    ATOMIC(bool) over;
};

static void *sleeper_main(void *argument)
{
    struct bell *bell = (struct bell *)argument;
    struct loop *loop;
    struct loop_event events[EVENTS];
    if (loop_open(&bell->options, &loop) != 0) {
        return NULL;
    }
    atomic_store(&bell->sleeper, loop);
    uint32_t seen = 0;
    uintptr_t wakes = 0;
    while (seen < RINGERS * RINGS) {
        /* A token put after this look is followed by a ring, so the wait ends. */
        uint32_t taken = atomic_exchange(&bell->tokens, 0);
        seen += taken;
        if (taken > 0) {
            continue;
        }
        size_t count = loop_wait(loop, UINT64_MAX, events, EVENTS);
        for (size_t i = 0; i < count; i++) {
            wakes += events[i].kind == LOOP_EVENT_WAKE;
        }
    }
    /* The ringers' last rings name this loop: it is freed when they are done. */
    while (!atomic_load(&bell->over)) {
        usleep(1000);
    }
    loop_free(loop);
    return (void *)(wakes + 1);
}

static void *ringer_main(void *argument)
{
    struct bell *bell = (struct bell *)argument;
    struct loop *own = NULL;
    if (bell->from_loop && loop_open(&bell->options, &own) != 0) {
        return NULL;
    }
    struct loop *sleeper;
    while ((sleeper = atomic_load(&bell->sleeper)) == NULL) {
        usleep(100);
    }
    for (int i = 0; i < RINGS; i++) {
        atomic_fetch_add(&bell->tokens, 1);
        own != NULL ? loop_wake_from(own, sleeper) : loop_wake(sleeper);
        if (i % 16 == 0) {
            usleep((useconds_t)(i % 7)); /* so that the sleeper gets to sleep */
        }
    }
    loop_free(own);
    return (void *)1;
}

static void ring_all(enum loop_backend backend, bool from_loop)
{
    struct bell bell = {.options = {.backend = backend, .slots_max = 4}, .from_loop = from_loop};
    pthread_t sleeper;
    pthread_t ringers[RINGERS];
    void *result;
    alarm(WATCHDOG_S); /* the watchdog: a lost bell ends the test program */
    assert_int_equal(pthread_create(&sleeper, NULL, sleeper_main, &bell), 0);
    for (int i = 0; i < RINGERS; i++) {
        assert_int_equal(pthread_create(&ringers[i], NULL, ringer_main, &bell), 0);
    }
    for (int i = 0; i < RINGERS; i++) {
        assert_int_equal(pthread_join(ringers[i], &result), 0);
        assert_non_null(result);
    }
    atomic_store(&bell.over, true);
    assert_int_equal(pthread_join(sleeper, &result), 0);
    assert_non_null(result);
    alarm(0);
}

static bool has_uring(void)
{
    struct loop_probe probe;
    bool has = loop_probe_run(LOOP_URING, &probe) == 0;
    if (!has) {
        print_message("SKIP: %s", probe.explanation);
    }
    return has;
}

static void test_epoll_is_woken_by_any_thread(void **state)
{
    (void)state;
    ring_all(LOOP_EPOLL, false);
}

static void test_epoll_is_woken_by_a_loop(void **state)
{
    (void)state;
    ring_all(LOOP_EPOLL, true);
}

static void test_uring_is_woken_by_any_thread(void **state)
{
    (void)state;
    if (!has_uring()) {
        skip();
    }
    ring_all(LOOP_URING, false);
}

static void test_uring_is_woken_by_a_loop(void **state)
{
    (void)state;
    if (!has_uring()) {
        skip();
    }
    ring_all(LOOP_URING, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epoll_is_woken_by_any_thread),
        cmocka_unit_test(test_epoll_is_woken_by_a_loop),
        cmocka_unit_test(test_uring_is_woken_by_any_thread),
        cmocka_unit_test(test_uring_is_woken_by_a_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
