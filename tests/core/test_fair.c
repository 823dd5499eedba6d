/* test_fair.c - turns. */
#include "core/fair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct guest {
    uint32_t place;
    uint32_t number;
    struct fair_source *source;
};

enum { GUESTS = 6 };

static void enter(struct fair *fair, struct guest *guest, uint64_t hash)
{
    guest->source = fair_enter(fair, hash, guest);
    assert_non_null(guest->source);
    fair_check(fair);
}

static void leave(struct fair *fair, struct guest *guest)
{
    fair_leave(fair, guest->source, guest);
    fair_check(fair);
}

static struct guest *take(struct fair *fair)
{
    struct guest *guest = fair_next(fair);
    if (guest != NULL) {
        leave(fair, guest);
    }
    return guest;
}

/* A source that has many waiting has one turn in a round, like any other; its own keep their order. */
static void test_turns(void **state)
{
    (void)state;
    static const uint64_t hashes[GUESTS] = {7, 7, 7, 7, 1, 9};
    static const uint32_t order[GUESTS] = {0, 4, 5, 1, 2, 3};
    struct guest guests[GUESTS] = {{0}};
    struct fair fair;
    fair_init(&fair, offsetof(struct guest, place));
    assert_null(fair_next(&fair));
    for (uint32_t i = 0; i < GUESTS; i++) {
        guests[i].number = i;
        enter(&fair, &guests[i], hashes[i]);
    }
    for (uint32_t i = 0; i < GUESTS; i++) {
        assert_int_equal(take(&fair)->number, order[i]);
    }
    assert_null(take(&fair));
    assert_int_equal(fair.count, 0);
    fair_free(&fair);
}

/* Who leaves before its turn costs the others nothing; a source that comes again begins anew. */
static void test_leaving(void **state)
{
    (void)state;
    struct guest guests[GUESTS] = {{0}};
    struct fair fair;
    fair_init(&fair, offsetof(struct guest, place));
    for (uint32_t i = 0; i < GUESTS; i++) {
        enter(&fair, &guests[i], i / 2);
    }
    leave(&fair, &guests[0]);
    leave(&fair, &guests[2]);
    leave(&fair, &guests[3]);
    assert_ptr_equal(take(&fair), &guests[1]);
    enter(&fair, &guests[0], 0);
    assert_ptr_equal(take(&fair), &guests[4]);
    assert_ptr_equal(take(&fair), &guests[0]);
    assert_ptr_equal(take(&fair), &guests[5]);
    enter(&fair, &guests[1], 1);
    fair_free(&fair); /* with one inside */
}

/* One source may not have more than so many waiting; others may. */
static void test_limit(void **state)
{
    (void)state;
    static struct guest guests[FAIR_WAITING_MAX + 2];
    struct fair fair;
    fair_init(&fair, offsetof(struct guest, place));
    for (uint32_t i = 0; i < FAIR_WAITING_MAX; i++) {
        enter(&fair, &guests[i], 3);
    }
    assert_null(fair_enter(&fair, 3, &guests[FAIR_WAITING_MAX]));
    fair_check(&fair);
    enter(&fair, &guests[FAIR_WAITING_MAX], 4);
    leave(&fair, &guests[17]);
    enter(&fair, &guests[FAIR_WAITING_MAX + 1], 3);
    assert_ptr_equal(take(&fair), &guests[0]);
    assert_ptr_equal(take(&fair), &guests[FAIR_WAITING_MAX]);
    fair_free(&fair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
