/*
 * test_permit.c - allow and deny together, as nats-server answers them.
 */
#include "core/permit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool publishes(const struct permit *permit, const char *subject)
{
    return permit_may_publish(permit, bytes_text(subject));
}

static bool subscribes(const struct permit *permit, const char *subject, const char *queue)
{
    return permit_may_subscribe(permit, bytes_text(subject), bytes_text(queue));
}

/*
 * Goal:    without lists everything is allowed; deny wins over allow.
 * Method:  one permit, filled step by step.
 */
static void test_permit_publish(void **state)
{
    (void)state;
    struct permit *permit = permit_new();
    assert_true(publishes(permit, "a"));
    assert_true(permit_publish_deny(permit, bytes_text("a.secret")));
    assert_true(publishes(permit, "a.b"));
    assert_false(publishes(permit, "a.secret"));
    assert_true(permit_publish_allow(permit, bytes_text("a.*")));
    assert_true(publishes(permit, "a.b"));
    assert_false(publishes(permit, "a.secret"));
    assert_false(publishes(permit, "b"));
    assert_false(publishes(permit, "a..b"));
    assert_false(permit_publish_allow(permit, bytes_text("a q")));
    permit_free(permit);
}

/*
 * Goal:    answers are all that may be published where only they are allowed.
 * Method:  responses with and without an allow list.
 */
static void test_permit_respond(void **state)
{
    (void)state;
    struct permit *permit = permit_new();
    permit_respond(permit, 1, PERMIT_NEVER_NS);
    assert_false(publishes(permit, "a"));
    assert_true(permit_watches(permit, bytes_text("a")));
    assert_true(permit_publish_allow(permit, bytes_text("a")));
    assert_true(publishes(permit, "a"));
    assert_false(publishes(permit, "b"));
    permit_free(permit);
}

/*
 * Goal:    queue patterns: "foo" allows any queue and none, "foo v1" only that queue, both together
 *          plain and that queue.
 * Method:  the three lists of nats-server's comment, and deny.
 */
static void test_permit_queues(void **state)
{
    (void)state;
    struct permit *plain = permit_new();
    assert_true(permit_subscribe_allow(plain, bytes_text("foo")));
    assert_true(subscribes(plain, "foo", "") && subscribes(plain, "foo", "v1"));

    struct permit *queue = permit_new();
    assert_true(permit_subscribe_allow(queue, bytes_text("foo v1")));
    assert_true(subscribes(queue, "foo", "v1"));
    assert_false(subscribes(queue, "foo", "") || subscribes(queue, "foo", "v2"));

    assert_true(permit_subscribe_allow(queue, bytes_text("foo")));
    assert_true(subscribes(queue, "foo", "") && subscribes(queue, "foo", "v1"));
    assert_false(subscribes(queue, "foo", "v2"));

    struct permit *deny = permit_new();
    assert_true(permit_subscribe_deny(deny, bytes_text("foo *.dev")));
    assert_true(subscribes(deny, "foo", "") && subscribes(deny, "foo", "v1"));
    assert_false(subscribes(deny, "foo", "v1.dev"));
    assert_true(permit_may_hear(deny, bytes_text("foo")));
    permit_free(plain);
    permit_free(queue);
    permit_free(deny);
}

/*
 * Goal:    a pattern is looked up as a subject; what it may not hear is watched for.
 * Method:  allow "foo.*" and deny "foo.secret", asked for patterns wider than both.
 */
static void test_permit_of_patterns(void **state)
{
    (void)state;
    struct permit *permit = permit_new();
    assert_true(permit_subscribe_allow(permit, bytes_text("foo.*")));
    assert_true(subscribes(permit, "foo.>", "") && subscribes(permit, "foo.*", ""));
    assert_false(subscribes(permit, ">", "") || subscribes(permit, "foo.a.*", ""));
    assert_true(permit_watches(permit, bytes_text("foo.>")));
    assert_false(permit_watches(permit, bytes_text("foo.*")));
    assert_false(permit_may_hear(permit, bytes_text("foo.a.b")));

    assert_true(permit_subscribe_deny(permit, bytes_text("foo.secret")));
    assert_true(subscribes(permit, "foo.*", ""));
    assert_false(subscribes(permit, "foo.secret", ""));
    assert_true(permit_watches(permit, bytes_text("foo.*")));
    assert_false(permit_watches(permit, bytes_text("foo.a")));
    assert_false(permit_may_hear(permit, bytes_text("foo.secret")));
    assert_true(permit_may_hear(permit, bytes_text("foo.a")));
    permit_free(permit);
}

/*
 * Goal:    two permits are equal when they say the same.
 * Method:  change one thing at a time.
 */
static void test_permit_equal(void **state)
{
    (void)state;
    struct permit *one = permit_new();
    struct permit *other = permit_new();
    assert_true(permit_equal(one, other) && permit_equal(NULL, NULL));
    assert_false(permit_equal(one, NULL));
    assert_true(permit_subscribe_allow(one, bytes_text("a")));
    assert_false(permit_equal(one, other));
    assert_true(permit_subscribe_allow(other, bytes_text("b")));
    assert_false(permit_equal(one, other));
    assert_true(permit_subscribe_allow(one, bytes_text("b")));
    assert_false(permit_equal(one, other));
    permit_free(other);
    other = permit_new();
    assert_true(permit_subscribe_allow(other, bytes_text("a")));
    assert_true(permit_subscribe_allow(other, bytes_text("b")));
    assert_true(permit_equal(one, other));
    permit_respond(other, 1, PERMIT_NEVER_NS);
    assert_false(permit_equal(one, other));
    permit_free(one);
    permit_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permit_publish), cmocka_unit_test(test_permit_respond),
        cmocka_unit_test(test_permit_queues),  cmocka_unit_test(test_permit_of_patterns),
        cmocka_unit_test(test_permit_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
