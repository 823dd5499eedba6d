/* test_group.c - what hangs on one pattern: audiences by layout, and queue groups. */
#include "core/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEY = 99, AUDIENCES = 60 };

static struct layout layout_of(int number, char sid[16])
{
    snprintf(sid, 16, "sid%d", number / 2);
    struct layout layout = {.sid = bytes_text(sid), .headers = number % 2 == 1};
    return layout;
}

/*
 * Goal:    an audience is found by its layout, listed once, while it is linked; one that must stay
 *          alone is never found.
 * Method:  random links and unlinks of few and of many, in every third one alone, check of all.
 */
static void test_audiences_are_found_by_layout(void **state)
{
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    for (unsigned seed = 1; seed <= 5; seed++) {
        unsigned random = seed;
        struct entry entry = {0};
        struct audience *audiences[AUDIENCES];
        char sid[16];
        for (int i = 0; i < AUDIENCES; i++) {
            struct layout layout = layout_of(i, sid);
            audiences[i] = audience_new(layout.sid, layout.headers, i % 3 == 0);
        }
        int most = seed == 1 ? 6 : AUDIENCES;
        for (int step = 0; step < 1500; step++) {
            struct audience *audience = audiences[rand_r(&random) % most];
            bool grows = step / 250 % 2 == 0;
            if (audience->link == NULL && (grows || rand_r(&random) % 3 == 0)) {
                entry_link(&entry, audience, KEY);
            } else if (audience->link != NULL && (!grows || rand_r(&random) % 3 == 0)) {
                entry_unlink(audience, KEY);
            }
            uint32_t count = 0;
            for (int i = 0; i < AUDIENCES; i++) {
                bool is_linked = audiences[i]->link != NULL;
                count += is_linked;
                struct audience *expected = is_linked && i % 3 != 0 ? audiences[i] : NULL;
                assert_ptr_equal(entry_find(&entry, layout_of(i, sid), KEY), expected);
            }
            for (struct audience *a = entry.audiences; a != NULL; a = a->next) {
                assert_ptr_equal(a->entry, &entry);
                count--;
            }
            assert_int_equal(count, 0);
            assert_int_equal(entry_is_empty(&entry), entry.audiences == NULL);
        }
        for (int i = 0; i < AUDIENCES; i++) {
            if (audiences[i]->link != NULL) {
                entry_unlink(audiences[i], KEY);
            }
            assert_true(audience_release(audiences[i], &pool, NULL) > 0);
        }
        assert_true(entry_is_empty(&entry));
        assert_null(entry.more);
    }
    chunk_pool_free(&pool);
}

/* How often a group lists a subscription. */
static uint32_t listed(const struct group *group, const struct sub *sub)
{
    uint32_t count = 0;
    for (uint32_t i = 0; group != NULL && i < group->members_count; i++) {
        count += group->members[i] == sub;
    }
    return count;
}

/*
 * Goal:    a group is made with its first member and gone with its last, and lists each member once.
 * Method:  three groups of one pattern, members join and leave at random.
 */
static void test_groups_live_as_long_as_members(void **state)
{
    (void)state;
    enum { SUBS = 30 };
    static const char *const names[] = {"a", "b", "ab"};
    struct chunk_pool pool;
    chunk_pool_init(&pool);
    struct entry entry = {0};
    struct sub subs[SUBS] = {0};
    bool is_in[SUBS] = {0};
    for (int i = 0; i < SUBS; i++) {
        audience_add(audience_new(bytes_text("sid"), false, true), &subs[i]);
    }
    unsigned random = 4;
    for (int step = 0; step < 3000; step++) {
        int i = rand_r(&random) % SUBS;
        bool grows = step / 300 % 2 == 0;
        if (!is_in[i] && (grows || rand_r(&random) % 4 == 0)) {
            group_add(entry_group_take(&entry, bytes_text(names[i % 3])), &subs[i]);
            is_in[i] = true;
        } else if (is_in[i] && (!grows || rand_r(&random) % 4 == 0)) {
            group_remove(&subs[i]);
            is_in[i] = false;
        }
        for (int n = 0; n < 3; n++) {
            const struct group *group = entry_group_find(&entry, bytes_text(names[n]));
            uint32_t count = 0;
            for (int k = 0; k < SUBS; k++) {
                bool is_member = is_in[k] && k % 3 == n;
                assert_int_equal(listed(group, &subs[k]), is_member);
                count += is_member;
            }
            assert_int_equal(group != NULL ? group->members_count : 0, count);
            assert_int_equal(group != NULL, count > 0);
        }
    }
    for (int i = 0; i < SUBS; i++) {
        if (is_in[i]) {
            group_remove(&subs[i]);
        }
        struct audience *audience = subs[i].audience;
        audience_remove(audience, &subs[i]);
        assert_true(audience_release(audience, &pool, NULL) > 0);
    }
    assert_true(entry_is_empty(&entry));
    chunk_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audiences_are_found_by_layout),
        cmocka_unit_test(test_groups_live_as_long_as_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
