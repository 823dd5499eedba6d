/* test_audience.c - members in two parts, and when an audience may go. */
#include "core/audience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SUBS = 40 };

static void check(struct audience *audience, const struct sub *subs, const bool *is_in,
                  const bool *is_multi)
{
    audience_check(audience);
    uint32_t members = 0;
    uint32_t multi = 0;
    for (int i = 0; i < SUBS; i++) {
        if (is_in[i]) {
            members++;
            multi += is_multi[i];
            assert_int_equal(subs[i].member < audience_multi_count(audience), is_multi[i]);
            assert_ptr_equal(audience_members(audience)[subs[i].member].sub, &subs[i]);
            assert_int_equal(audience_members(audience)[subs[i].member].flags, (uint32_t)i);
        }
    }
    assert_int_equal(audience_members_count(audience), members);
    assert_int_equal(audience_multi_count(audience), multi);
}

/*
 * Goal:    every member knows its place, is in the right part, and keeps its flags, whoever comes,
 *          goes or changes sides.
 * Method:  random additions, removals and changes of side against three arrays.
 */
static void test_members_keep_their_places(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    for (unsigned seed = 1; seed <= 10; seed++) {
        unsigned random = seed;
        struct audience *audience = audience_new(bytes_text("sid"), true, false);
        audience_share(audience);
        struct sub subs[SUBS] = {0};
        bool is_in[SUBS] = {0};
        bool is_multi[SUBS] = {0};
        for (int step = 0; step < 3000; step++) {
            int i = rand_r(&random) % SUBS;
            bool grows = step / 300 % 2 == 0;
            if (!is_in[i] && (grows || rand_r(&random) % 4 == 0)) {
                subs[i].slot = (uint32_t)i;
                is_multi[i] = rand_r(&random) % 2;
                audience_add(audience, &subs[i]);
                audience_set_multi(audience, &subs[i], is_multi[i]);
                audience_member(&subs[i])->flags = (uint32_t)i;
                is_in[i] = true;
            } else if (is_in[i] && (!grows || rand_r(&random) % 4 == 0)) {
                audience_remove(audience, &subs[i]);
                is_in[i] = false;
            } else if (is_in[i]) {
                is_multi[i] = rand_r(&random) % 2;
                audience_set_multi(audience, &subs[i], is_multi[i]);
            }
            check(audience, subs, is_in, is_multi);
        }
        for (int i = 0; i < SUBS; i++) {
            if (is_in[i]) {
                audience_remove(audience, &subs[i]);
            }
        }
        assert_int_equal(audience->crowd->capacity, 4);
        size_t bytes = audience_bytes(audience);
        assert_int_equal(audience_release(audience, &pool), bytes);
    }
    chunk_pool_free(&pool);
}

/*
 * Goal:    an audience lives while it has a member, a reference, a place in an entry, or bytes of
 *          this turn; then it goes, stream and all, and says what it took.
 * Method:  each reason alone.
 */
static void test_an_audience_goes_when_nothing_needs_it(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    struct audience *audience = audience_new(bytes_text("sid"), false, false);
    assert_int_equal(audience_bytes(audience), offsetof(struct audience, sid) + 3);
    struct sub sub = {0};
    audience_add(audience, &sub);
    audience_check(audience);
    audience_share(audience);
    audience_check(audience);
    assert_ptr_equal(audience_member(&sub)->sub, &sub);
    size_t bytes = audience_bytes(audience);
    assert_int_equal(bytes, offsetof(struct audience, sid) + 3 + sizeof(struct crowd) +
                                4 * sizeof(struct member));
    assert_int_equal(audience_release(audience, &pool), 0);
    audience_remove(audience, &sub);
    audience->refs = 1;
    assert_int_equal(audience_release(audience, &pool), 0);
    audience->refs = 0;
    audience->dirty = true;
    assert_int_equal(audience_release(audience, &pool), 0);
    audience->dirty = false;
    audience->link = &audience;
    assert_int_equal(audience_release(audience, &pool), 0);
    audience->link = NULL;
    assert_int_equal(audience_release(audience, &pool), bytes);
    chunk_pool_free(&pool);
}

/*
 * Goal:    deliveries are counted from the moment of the subscription.
 * Method:  a base in the middle.
 */
static void test_deliveries_count_since_the_subscription(void **state)
{
    (void)state;
    struct audience *audience = audience_new(bytes_text("s"), false, true);
    audience->delivered = 10;
    struct sub sub = {0};
    audience_add(audience, &sub);
    sub.delivered_base = audience->delivered;
    audience->delivered += 3;
    assert_int_equal(sub_delivered(&sub), 3);
    audience_remove(audience, &sub);
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    assert_true(audience_release(audience, &pool) > 0);
    chunk_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_keep_their_places),
        cmocka_unit_test(test_an_audience_goes_when_nothing_needs_it),
        cmocka_unit_test(test_deliveries_count_since_the_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
