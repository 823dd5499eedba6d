/* test_timer.c - the wheel against a naive list, and its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/timer.h"

#define MS ((uint64_t)1000 * 1000)
#define S  (1000 * MS)

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1DULL;
}

/*
 * Goal:    a timer fires once, not before its deadline, at most a tick late.
 * Method:  deadlines around ticks and level borders; ask just before and a tick after.
 */
static void test_timer_fires_at_its_deadline(void **state)
{
    (void)state;
    static const uint64_t starts_ns[] = {0, 1, 12345678901234, TIMER_TICK_NS * 64 * 64 - 1};
    for (size_t s = 0; s < COUNT_OF(starts_ns); s++) {
        for (int bit = 0; bit < 58; bit++) {
            for (int off = -1; off <= 1; off++) {
                struct timers timers;
                struct timer timer;
                uint64_t deadline_ns = starts_ns[s] + ((uint64_t)1 << bit) + (uint64_t)off;

                timers_init(&timers, starts_ns[s]);
                timer_init(&timer, 3);
                timers_set(&timers, &timer, deadline_ns);
                if (deadline_ns > starts_ns[s]) {
                    assert_null(timers_expired(&timers, deadline_ns - 1));
                    timers_check(&timers);
                }
                assert_ptr_equal(timers_expired(&timers, deadline_ns + TIMER_TICK_NS), &timer);
                assert_int_equal(timer.kind, 3);
                assert_false(timer_is_set(&timer));
                assert_null(timers_expired(&timers, deadline_ns + TIMER_TICK_NS));
                assert_int_equal(timers_count(&timers), 0);
                timers_check(&timers);
            }
        }
    }
}

/*
 * Goal:    timers_next never lets a deadline pass by more than a tick, and sleeping by it ends.
 * Method:  advance only to what timers_next says until the timer fires; count the wakes.
 */
static void test_timer_next_leads_to_the_deadline(void **state)
{
    (void)state;
    for (int bit = 0; bit < 59; bit++) {
        struct timers timers;
        struct timer timer;
        uint64_t now_ns = 987654321;
        uint64_t deadline_ns = now_ns + ((uint64_t)1 << bit);
        int wakes = 0;

        timers_init(&timers, now_ns);
        timer_init(&timer, 0);
        assert_true(timers_next(&timers, now_ns) == UINT64_MAX);
        timers_set(&timers, &timer, deadline_ns);
        while (timers_expired(&timers, now_ns) == NULL) {
            uint64_t next_ns = timers_next(&timers, now_ns);
            assert_true(next_ns > now_ns);
            now_ns = next_ns;
            wakes++;
            assert_true(wakes <= TIMER_LEVELS);
        }
        assert_true(now_ns >= deadline_ns);
        assert_true(now_ns < deadline_ns + TIMER_TICK_NS);
    }
}

/*
 * Goal:    a deadline that has passed, set or reached, makes timers_next say now.
 * Method:  set one in the past and one ahead.
 */
static void test_timer_in_the_past_is_due(void **state)
{
    (void)state;
    struct timers timers;
    struct timer past;
    struct timer ahead;

    timers_init(&timers, 5 * S);
    timer_init(&past, 0);
    timer_init(&ahead, 1);
    timers_set(&timers, &ahead, 5 * S + 10 * MS);
    timers_set(&timers, &past, 1);
    timers_check(&timers);
    assert_true(timers_next(&timers, 5 * S) == 5 * S);
    assert_ptr_equal(timers_expired(&timers, 5 * S), &past);
    assert_null(timers_expired(&timers, 5 * S));
    assert_true(timers_next(&timers, 5 * S) >= 5 * S + 10 * MS);
}

/*
 * Goal:    a cancelled timer never fires, wherever it was; cancelling twice is safe.
 * Method:  cancel from the wheel, from the due list and when unset.
 */
static void test_timer_cancel(void **state)
{
    (void)state;
    struct timers timers;
    struct timer a;
    struct timer b;

    timers_init(&timers, 0);
    timer_init(&a, 0);
    timer_init(&b, 0);
    timers_cancel(&timers, &a);
    timers_set(&timers, &a, 10 * MS);
    timers_cancel(&timers, &a);
    timers_cancel(&timers, &a);
    timers_check(&timers);
    assert_true(timers_next(&timers, 0) == UINT64_MAX);

    timers_set(&timers, &a, 10 * MS);
    timers_set(&timers, &b, 10 * MS);
    assert_ptr_equal(timers_expired(&timers, 20 * MS), &a);
    timers_cancel(&timers, &b); /* due already */
    timers_check(&timers);
    assert_null(timers_expired(&timers, 20 * MS));
    assert_true(timers_next(&timers, 20 * MS) == UINT64_MAX);
}

/*
 * Goal:    setting a set timer moves it.
 * Method:  later, then earlier than before.
 */
static void test_timer_set_again_moves(void **state)
{
    (void)state;
    struct timers timers;
    struct timer a;

    timers_init(&timers, 0);
    timer_init(&a, 0);
    timers_set(&timers, &a, 10 * MS);
    timers_set(&timers, &a, 30 * S);
    assert_int_equal(timers_count(&timers), 1);
    assert_null(timers_expired(&timers, 29 * S));
    timers_set(&timers, &a, 29 * S + 5 * MS);
    assert_null(timers_expired(&timers, 29 * S + 4 * MS));
    assert_ptr_equal(timers_expired(&timers, 29 * S + 7 * MS), &a);
}

/*
 * Goal:    "never" is a deadline like any other, and time that goes back does no harm.
 * Method:  UINT64_MAX beside a near timer; ask with an earlier clock.
 */
static void test_timer_never_and_backwards(void **state)
{
    (void)state;
    struct timers timers;
    struct timer never;
    struct timer near_by;

    timers_init(&timers, 100 * S);
    timer_init(&never, 0);
    timer_init(&near_by, 0);
    timers_set(&timers, &never, UINT64_MAX);
    timers_set(&timers, &near_by, 101 * S);
    assert_null(timers_expired(&timers, 1 * S));
    timers_check(&timers);
    assert_ptr_equal(timers_expired(&timers, 102 * S), &near_by);
    assert_null(timers_expired(&timers, 102 * S));
    assert_null(timers_expired(&timers, 50 * S));
    assert_null(timers_expired(&timers, (uint64_t)20 * 365 * 86400 * S));
    timers_check(&timers);
    assert_int_equal(timers_count(&timers), 1);
}

enum { TIMERS = 300, STEPS = 3000 };

struct model {
    struct timers timers;
    struct timer all[TIMERS];
    bool is_set[TIMERS];
    uint64_t deadline_ns[TIMERS];
    uint64_t now_ns;
};

/* From a nanosecond to hours, evenly over the powers of two. */
static uint64_t random_delay_ns(void)
{
    return random_next() >> (20 + random_next() % 44);
}

static uint64_t earliest_ns(const struct model *m)
{
    uint64_t earliest = UINT64_MAX;
    for (int i = 0; i < TIMERS; i++) {
        if (m->is_set[i]) {
            earliest = MIN_OF(earliest, m->deadline_ns[i]);
        }
    }
    return earliest;
}

static void model_set_or_cancel(struct model *m)
{
    int i = (int)(random_next() % TIMERS);
    uint64_t delay_ns = random_delay_ns();

    if (random_next() % 4 == 0) {
        timers_cancel(&m->timers, &m->all[i]);
        m->is_set[i] = false;
        return;
    }
    /* One in eight lies in the past. */
    m->deadline_ns[i] =
        random_next() % 8 == 0 ? m->now_ns - MIN_OF(m->now_ns, delay_ns) : m->now_ns + delay_ns;
    timers_set(&m->timers, &m->all[i], m->deadline_ns[i]);
    m->is_set[i] = true;
}

/* Takes at most max; leaving some due for later must do no harm. */
static void model_run(struct model *m, int max)
{
    struct timer *timer = NULL;

    while (max-- > 0 && (timer = timers_expired(&m->timers, m->now_ns)) != NULL) {
        size_t i = (size_t)(timer - m->all);
        assert_true(m->is_set[i]);
        assert_true(m->deadline_ns[i] <= m->now_ns);
        m->is_set[i] = false;
    }
    if (timer == NULL && max >= 0) {
        for (int i = 0; i < TIMERS; i++) {
            assert_true(!m->is_set[i] || m->deadline_ns[i] + TIMER_TICK_NS > m->now_ns);
        }
    }
}

static void model_step(struct model *m)
{
    uint64_t next_ns = timers_next(&m->timers, m->now_ns);
    uint64_t earliest = earliest_ns(m);

    if (earliest == UINT64_MAX) {
        assert_true(next_ns == UINT64_MAX);
    } else {
        assert_true(next_ns >= m->now_ns);
        assert_true(next_ns < MAX_OF(earliest + TIMER_TICK_NS, m->now_ns + 1));
    }
    switch (random_next() % 4) {
    case 0: /* sleep as a worker does */
        m->now_ns = next_ns == UINT64_MAX ? m->now_ns : next_ns;
        model_run(m, INT32_MAX);
        break;
    case 1: /* woken early or late */
        m->now_ns += random_delay_ns();
        model_run(m, INT32_MAX);
        break;
    case 2:
        model_run(m, 2);
        break;
    default:
        for (int i = 0; i < 10; i++) {
            model_set_or_cancel(m);
        }
    }
}

/*
 * Goal:    any sequence of set, cancel and waiting fires what a list of deadlines would.
 * Method:  random steps beside a naive array; check after each; 20 seeds.
 */
static void test_timer_agrees_with_a_list(void **state)
{
    (void)state;
    static struct model m;
    const char *given = getenv("RINGHUB_TEST_SEED");
    uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 1;

    for (uint64_t seed = first; seed < first + 20; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        random_state = seed * 0x9E3779B97F4A7C15ULL;
        m.now_ns = random_delay_ns();
        timers_init(&m.timers, m.now_ns);
        size_t set = 0;
        for (int i = 0; i < TIMERS; i++) {
            timer_init(&m.all[i], (uint32_t)i % TIMER_KINDS_MAX);
            m.is_set[i] = false;
        }
        for (int step = 0; step < STEPS; step++) {
            model_step(&m);
            timers_check(&m.timers);
        }
        for (int i = 0; i < TIMERS; i++) {
            assert_int_equal(timer_is_set(&m.all[i]), m.is_set[i]);
            assert_int_equal(m.all[i].kind, i % TIMER_KINDS_MAX);
            set += m.is_set[i];
        }
        assert_int_equal(timers_count(&m.timers), set);
    }
}

/*
 * Goal:    expired timers come in order of their deadlines, to the tick.
 * Method:  random deadlines over five minutes, taken in one late run.
 */
static void test_timer_order(void **state)
{
    (void)state;
    struct timers timers;
    struct timer all[TIMERS];
    uint64_t last_ns = 0;
    int count = 0;

    random_state = 7;
    print_message("seed 7\n");
    timers_init(&timers, 0);
    for (int i = 0; i < TIMERS; i++) {
        timer_init(&all[i], 0);
        timers_set(&timers, &all[i], 1 + random_next() % (300 * S));
    }
    for (struct timer *t = timers_expired(&timers, 301 * S); t != NULL;
         t = timers_expired(&timers, 301 * S)) {
        assert_true(t->deadline_ns + TIMER_TICK_NS > last_ns);
        last_ns = MAX_OF((uint64_t)t->deadline_ns, last_ns);
        count++;
    }
    assert_int_equal(count, TIMERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer_fires_at_its_deadline),
        cmocka_unit_test(test_timer_next_leads_to_the_deadline),
        cmocka_unit_test(test_timer_in_the_past_is_due),
        cmocka_unit_test(test_timer_cancel),
        cmocka_unit_test(test_timer_set_again_moves),
        cmocka_unit_test(test_timer_never_and_backwards),
        cmocka_unit_test(test_timer_agrees_with_a_list),
        cmocka_unit_test(test_timer_order),
    };
    return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
