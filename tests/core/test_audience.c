/* test_audience.c - members in two parts, and when an audience may go. */
#include "core/audience.h"
#include "core/group.h"

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
        assert_int_equal(audience_release(audience, &pool, NULL), bytes);
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
    assert_int_equal(audience_release(audience, &pool, NULL), 0);
    audience_remove(audience, &sub);
    audience->refs = 1;
    assert_int_equal(audience_release(audience, &pool, NULL), 0);
    audience->refs = 0;
    audience->dirty = true;
    assert_int_equal(audience_release(audience, &pool, NULL), 0);
    audience->dirty = false;
    audience->link = &audience;
    assert_int_equal(audience_release(audience, &pool, NULL), 0);
    audience->link = NULL;
    assert_int_equal(audience_release(audience, &pool, NULL), bytes);
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
    assert_true(audience_release(audience, &pool, NULL) > 0);
    chunk_pool_free(&pool);
}

/*
 * Goal:    an audience in its entry's room gives it back when it goes, if need be after the entry.
 * Method:  one that is linked and unlinked, whose entry is removed while something refers to it; the
 *          sanitizer sees memory that goes too early, or stays.
 */
static void test_an_audience_outlives_its_home(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    struct index_options options = {.entry_size = sizeof(struct entry)};
    struct index *index = index_new(&options);
    struct bytes sid = bytes_text("1234");
    size_t bytes = audience_bytes_alone(sid.size);
    for (int removed = 0; removed <= 1; removed++) {
        struct entry *entry =
            (struct entry *)index_take_roomy(index, 0, bytes_text("a.literal"), bytes);
        void *room = index_room_take(index, &entry->base, bytes);
        struct audience *audience = audience_new_in(&entry->base, room, sid, true, false);
        assert_ptr_equal(audience, room);
        assert_int_equal(audience_bytes(audience), bytes);
        entry_link(entry, audience, 0);
        audience->refs = 1;
        entry_unlink(audience, 0);
        assert_int_equal(audience_release(audience, &pool, index), 0);
        assert_null(index_room_take(index, &entry->base, bytes));
        if (removed) {
            index_remove(index, &entry->base);
        }
        assert_memory_equal(audience_layout(audience).sid.ptr, "1234", 4);
        audience->refs = 0;
        assert_int_equal(audience_release(audience, &pool, index), bytes);
        if (!removed) {
            assert_ptr_equal(index_room_take(index, &entry->base, bytes), room);
            index_room_give(index, &entry->base);
        }
    }
    assert_int_equal(index_count(index), 0);
    index_free(index);
    chunk_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_keep_their_places),
        cmocka_unit_test(test_an_audience_goes_when_nothing_needs_it),
        cmocka_unit_test(test_an_audience_outlives_its_home),
        cmocka_unit_test(test_deliveries_count_since_the_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
