/* test_queue.c - a queue that can be left, against an array that is looked through. */
#include "core/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PEOPLE = 300 };

struct person {
    uint64_t name;
    uint32_t place;
};

static void assert_order(struct queue *queue, struct person *const *expected, size_t count)
{
    uint32_t cursor = queue_cursor(queue);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(queue_next(queue, &cursor), expected[i]);
    }
    assert_null(queue_next(queue, &cursor));
    assert_ptr_equal(queue_first(queue), count > 0 ? expected[0] : NULL);
}

/*
 * Goal:    who came first is first, whoever left in between.
 * Method:  random coming, leaving and popping, in times of growth and of decline; all compared.
 */
static void test_order_with_leavers(void **state)
{
    (void)state;
    static struct person people[PEOPLE];
    struct person *model[PEOPLE];
    size_t count = 0;
    struct queue queue;
    queue_init(&queue, offsetof(struct person, place));
    unsigned random = 11;
    for (int step = 0; step < 30000; step++) {
        struct person *who = &people[rand_r(&random) % PEOPLE];
        bool grows = step / 3000 % 2 == 0;
        if (who->place == 0) {
            if (grows || rand_r(&random) % 3 == 0) {
                queue_push(&queue, who);
                model[count++] = who;
            }
        } else if (!grows || rand_r(&random) % 3 == 0) {
            bool pops = rand_r(&random) % 2 == 0;
            struct person *gone = pops ? queue_pop(&queue) : who;
            if (!pops) {
                queue_remove(&queue, who);
            }
            size_t at = 0;
            while (at < count && model[at] != gone) {
                at++;
            }
            assert_true(at < count);
            assert_true(at == 0 || !pops);
            memmove(&model[at], &model[at + 1], (count - at - 1) * sizeof(model[0]));
            count--;
            assert_int_equal(gone->place, 0);
        }
        assert_int_equal(queue.count, count);
        if (step % 100 == 0) {
            queue_check(&queue);
            assert_order(&queue, model, count);
        }
    }
    queue_free(&queue);
}

/*
 * Goal:    one who waits long behind whom others come and go does not make the queue grow.
 * Method:  a million others.
 */
static void test_gaps_are_closed(void **state)
{
    (void)state;
    struct person patient = {0};
    struct person other[3] = {0};
    struct queue queue;
    queue_init(&queue, offsetof(struct person, place));
    queue_push(&queue, &patient);
    for (int i = 0; i < 1000000; i++) {
        struct person *who = &other[i % 3];
        if (who->place != 0) {
            queue_remove(&queue, who);
        }
        queue_push(&queue, who);
    }
    assert_true(queue.mask < 32);
    assert_ptr_equal(queue_first(&queue), &patient);
    queue_check(&queue);
    queue_free(&queue);
}

/*
 * Goal:    numbers do not run out.
 * Method:  a queue whose next number is among the last.
 */
static void test_numbers_begin_again(void **state)
{
    (void)state;
    struct person people[4] = {0};
    struct queue queue;
    queue_init(&queue, offsetof(struct person, place));
    queue_push(&queue, &people[0]);
    (void)queue_pop(&queue);
    queue.first = queue.end = queue.limit = UINT32_MAX - 2;
    for (size_t i = 0; i < COUNT_OF(people); i++) {
        queue_push(&queue, &people[i]);
        assert_in_range(people[i].place, 1, 100);
        queue_check(&queue);
    }
    struct person *expected[] = {&people[0], &people[1], &people[2], &people[3]};
    assert_order(&queue, expected, 4);
    queue_free(&queue);
}

/*
 * Goal:    a walk may take out whom it stands on.
 * Method:  every second one leaves.
 */
static void test_leaving_during_a_walk(void **state)
{
    (void)state;
    struct person people[10] = {0};
    struct queue queue;
    queue_init(&queue, offsetof(struct person, place));
    for (uint64_t i = 0; i < COUNT_OF(people); i++) {
        people[i].name = i;
        queue_push(&queue, &people[i]);
    }
    uint32_t cursor = queue_cursor(&queue);
    struct person *who;
    uint64_t expected = 0;
    while ((who = queue_next(&queue, &cursor)) != NULL) {
        assert_int_equal(who->name, expected++);
        if (who->name % 2 == 0) {
            queue_remove(&queue, who);
        }
    }
    assert_int_equal(expected, 10);
    assert_int_equal(queue.count, 5);
    while ((who = queue_pop(&queue)) != NULL) {
        assert_int_equal(who->name % 2, 1);
    }
    assert_true(queue_is_empty(&queue));
    queue_check(&queue);
    queue_free(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_with_leavers),
        cmocka_unit_test(test_gaps_are_closed),
        cmocka_unit_test(test_numbers_begin_again),
        cmocka_unit_test(test_leaving_during_a_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
