/*
 * test_grant.c - what one session may do, and what it remembers.
 */
#include "core/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND_NS 1000000000ull

static struct grant *grant_of(struct access *access, struct permit *permit)
{
    struct access_user *user = access_add_user(access, bytes_text("a"), bytes_text("a"));
    if (permit != NULL) {
        access_set_permit(access, user, permit);
    }
    struct grant *grant = grant_new();
    grant_bind(grant, user);
    return grant;
}

static enum grant_answer publishes(struct grant *grant, const char *subject, uint64_t now_ns)
{
    return grant_may_publish(grant, bytes_text(subject), now_ns);
}

/*
 * Goal:    nobody may do anything, a user without a permit everything.
 * Method:  the same questions before and after.
 */
static void test_grant_without_permit(void **state)
{
    (void)state;
    struct access *access = access_new();
    struct grant *grant = grant_of(access, NULL);
    assert_int_equal(publishes(grant, "a", 1), GRANT_YES);
    assert_true(grant_may_subscribe(grant, bytes_text(">"), bytes_text("")));
    assert_true(grant_may_hear(grant, bytes_text("a")));
    assert_false(grant_watches(grant, bytes_text(">")));
    grant_bind(grant, NULL);
    assert_int_equal(publishes(grant, "a", 1), GRANT_NO);
    assert_false(grant_may_subscribe(grant, bytes_text(">"), bytes_text("")));
    assert_false(grant_may_hear(grant, bytes_text("a")));
    grant_free(grant);
    grant_free(NULL);
    access_unref(access);
}

/*
 * Goal:    the cache answers as the permit does, for subjects of any size, and is bounded.
 * Method:  thousands of subjects, each asked twice; the sizes around the cache's limit.
 */
static void test_grant_cache(void **state)
{
    (void)state;
    struct permit *permit = permit_new();
    assert_true(permit_publish_allow(permit, bytes_text("yes.>")));
    struct access *access = access_new();
    struct grant *grant = grant_of(access, permit);
    for (int i = 0; i < 5000; i++) {
        char subject[GRANT_CACHE_SUBJECT_MAX + 8];
        int size = 5 + i % (GRANT_CACHE_SUBJECT_MAX + 1);
        memset(subject, 'a' + i % 26, sizeof(subject));
        memcpy(subject, i % 3 == 0 ? "yes." : "not.", 4);
        struct bytes asked = bytes_of(subject, (size_t)size);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(grant_may_publish(grant, asked, 1), i % 3 == 0 ? GRANT_YES : GRANT_NO);
        }
    }
    assert_int_equal(grant_bytes(grant), sizeof(*grant) + GRANT_CACHE_BYTES);
    assert_int_equal(publishes(grant, "", 1), GRANT_NO);
    /* Another permit: nothing of the old answers is left. */
    grant_bind(grant, access_add_user(access, bytes_text("b"), bytes_text("b")));
    assert_int_equal(publishes(grant, "not.aaaaa", 1), GRANT_YES);
    grant_free(grant);
    access_unref(access);
}

static struct grant *responder(struct access *access, uint32_t max, uint64_t expires_ns)
{
    struct permit *permit = permit_new();
    permit_respond(permit, max, expires_ns);
    return grant_of(access, permit);
}

/*
 * Goal:    a reply that was heard may be answered so many times, so long, and no other.
 * Method:  maxima 1, 3 and none; asking alone uses nothing up.
 */
static void test_grant_responses(void **state)
{
    (void)state;
    struct access *access = access_new();
    struct grant *grant = responder(access, 3, SECOND_NS);
    grant_heard(grant, bytes_text("_INBOX.1"), 10, GRANT_RESPONSES_BYTES);
    assert_int_equal(publishes(grant, "_INBOX.2", 11), GRANT_NO);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(publishes(grant, "_INBOX.1", 11), GRANT_RESPONSE);
        assert_int_equal(publishes(grant, "_INBOX.1", 11), GRANT_RESPONSE);
        grant_responded(grant, bytes_text("_INBOX.1"));
    }
    assert_int_equal(publishes(grant, "_INBOX.1", 11), GRANT_NO);
    grant_heard(grant, bytes_text("_INBOX.3"), 20, GRANT_RESPONSES_BYTES);
    assert_int_equal(publishes(grant, "_INBOX.3", 20 + SECOND_NS), GRANT_RESPONSE);
    assert_int_equal(publishes(grant, "_INBOX.3", 21 + SECOND_NS), GRANT_NO);
    /* Heard again it counts anew. */
    grant_heard(grant, bytes_text("_INBOX.4"), 30, GRANT_RESPONSES_BYTES);
    grant_responded(grant, bytes_text("_INBOX.4"));
    grant_heard(grant, bytes_text("_INBOX.4"), 40 + SECOND_NS, GRANT_RESPONSES_BYTES);
    assert_int_equal(publishes(grant, "_INBOX.4", 40 + 2 * SECOND_NS), GRANT_RESPONSE);
    grant_free(grant);

    access_unref(access);
    access = access_new();
    grant = responder(access, 0, PERMIT_NEVER_NS);
    grant_heard(grant, bytes_text("r"), 1, GRANT_RESPONSES_BYTES);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(publishes(grant, "r", UINT64_MAX), GRANT_RESPONSE);
        grant_responded(grant, bytes_text("r"));
    }
    grant_free(grant);
    access_unref(access);
}

/*
 * Goal:    what is remembered is bounded: the oldest go, the newest stay.
 * Method:  far more replies than fit, none of which expires.
 */
static void test_grant_responses_are_bounded(void **state)
{
    (void)state;
    struct access *access = access_new();
    struct grant *grant = responder(access, 1, PERMIT_NEVER_NS);
    char reply[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(reply, sizeof(reply), "_INBOX.%d", i);
        grant_heard(grant, bytes_text(reply), (uint64_t)i + 1, GRANT_RESPONSES_BYTES);
        assert_true(grant_bytes(grant) <=
                    sizeof(*grant) + GRANT_RESPONSES_BYTES + GRANT_CACHE_BYTES + 128);
    }
    assert_int_equal(publishes(grant, reply, 20001), GRANT_RESPONSE);
    assert_int_equal(publishes(grant, "_INBOX.0", 20001), GRANT_NO);
    /* On the move: all of it, in order. */
    struct grant *other = grant_new();
    grant_bind(other, grant->user);
    int count = 0;
    const void *cursor = NULL;
    struct response_view view;
    while (grant_response_next(grant, &cursor, &view)) {
        assert_true(bytes_start_with(view.subject, bytes_text("_INBOX.1")));
        grant_response_put(other, &view);
        count++;
    }
    assert_int_equal(publishes(other, reply, 20001), GRANT_RESPONSE);
    grant_free(other);
    assert_in_range(count, 500, 2000);
    grant_free(grant);
    access_unref(access);
}

/* Where there is no room to grow, what is new takes the place of what is old; with none at all nothing
 * is remembered. */
static void test_responses_within_bounds(void **state)
{
    (void)state;
    struct access *access = access_new();
    struct access_user *user = access_add_user(access, bytes_text("u"), bytes_text("p"));
    struct permit *permit = permit_new();
    permit_respond(permit, 1, PERMIT_NEVER_NS);
    access_set_permit(access, user, permit);
    struct grant *grant = grant_new();
    grant_bind(grant, user);
    grant_heard(grant, bytes_text("r.0"), 1, 0);
    assert_int_equal(grant_may_publish(grant, bytes_text("r.0"), 1), GRANT_NO);
    assert_int_equal(grant_responses_bytes(grant), 0);
    grant_heard(grant, bytes_text("r.1"), 1, GRANT_RESPONSES_BYTES);
    grant_heard(grant, bytes_text("r.2"), 1, GRANT_RESPONSES_BYTES);
    size_t most = grant_responses_bytes(grant);
    grant_heard(grant, bytes_text("r.3"), 1, most);
    assert_int_equal(grant_responses_bytes(grant), most);
    assert_int_equal(grant_may_publish(grant, bytes_text("r.1"), 1), GRANT_NO);
    assert_int_equal(grant_may_publish(grant, bytes_text("r.2"), 1), GRANT_RESPONSE);
    assert_int_equal(grant_may_publish(grant, bytes_text("r.3"), 1), GRANT_RESPONSE);
    grant_heard(grant, bytes_text("r.2"), 1, 0); /* it is there */
    assert_int_equal(grant_may_publish(grant, bytes_text("r.2"), 1), GRANT_RESPONSE);
    grant_free(grant);
    access_unref(access);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grant_without_permit),
        cmocka_unit_test(test_grant_cache),
        cmocka_unit_test(test_grant_responses),
        cmocka_unit_test(test_grant_responses_are_bounded),
        cmocka_unit_test(test_responses_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
