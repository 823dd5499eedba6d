/*
 * test_access.c - which credentials are whose.
 */
#include "core/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HASH "$2a$04$Hicl86i6vYvPyrzQwtMau.M7GI1GizSQyw3oM5I28QgpWB3uX3zge"
#define KEY  "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

struct question {
    const char *user, *pass, *token, *nkey, *sig;
    enum access_answer answer;
    const char *whose; /* NULL: not looked at */
};

static struct bytes text_of(const char *text)
{
    return text != NULL ? bytes_text(text) : (struct bytes){0};
}

static void ask_all(const struct access *access, const struct question *questions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct question *q = &questions[i];
        struct credentials shown = {.user = text_of(q->user),
                                    .pass = text_of(q->pass),
                                    .token = text_of(q->token),
                                    .nkey = text_of(q->nkey),
                                    .sig = text_of(q->sig)};
        const struct access_user *user;
        enum access_answer answer = access_ask(access, &shown, &user);
        if (answer != q->answer) {
            fail_msg("question %zu: %d instead of %d", i, answer, q->answer);
        }
        if (q->whose != NULL) {
            assert_non_null(user);
            assert_true(bytes_equal(user->name, bytes_text(q->whose)));
        }
    }
}

static struct access *users_of_all_kinds(void)
{
    struct access *access = access_new();
    assert_non_null(access_add_user(access, bytes_text("derek"), bytes_text("secret")));
    assert_non_null(access_add_user(access, bytes_text("ivan"), bytes_text(HASH)));
    assert_non_null(access_add_nkey(access, bytes_text(KEY)));
    return access;
}

/*
 * Goal:    users, hashes and nkeys; whoever shows nothing, or somebody else's, is refused.
 * Method:  a table.
 */
static void test_access_users(void **state)
{
    (void)state;
    static const struct question questions[] = {
        {.answer = ACCESS_REFUSED},
        {.user = "derek", .answer = ACCESS_REFUSED},
        {.user = "derek", .pass = "secret", .answer = ACCESS_GRANTED, .whose = "derek"},
        {.user = "derek", .pass = "secreT", .answer = ACCESS_REFUSED},
        {.user = "derek", .pass = "secret2", .answer = ACCESS_REFUSED},
        {.user = "Derek", .pass = "secret", .answer = ACCESS_REFUSED},
        {.pass = "secret", .answer = ACCESS_REFUSED},
        {.token = "secret", .answer = ACCESS_REFUSED},
        {.user = "ivan", .pass = "x", .answer = ACCESS_TO_PROVE, .whose = "ivan"},
        {.user = "ivan", .pass = HASH, .answer = ACCESS_TO_PROVE, .whose = "ivan"},
        {.nkey = KEY, .sig = "x", .answer = ACCESS_TO_PROVE, .whose = KEY},
        {.nkey = KEY, .answer = ACCESS_REFUSED},
        {.user = KEY, .pass = "", .answer = ACCESS_REFUSED},
        {.nkey = "derek", .sig = "x", .answer = ACCESS_REFUSED},
        /* An nkey is looked at first. */
        {.nkey = "U", .user = "derek", .pass = "secret", .answer = ACCESS_REFUSED},
    };
    struct access *access = users_of_all_kinds();
    ask_all(access, questions, COUNT_OF(questions));
    assert_int_equal(access_users_count(access), 3);
    assert_true(access_has_nkeys(access) && access_has_plain_secrets(access));
    access_unref(access);
}

/*
 * Goal:    no_auth_user is for who shows nothing; wrong credentials stay wrong.
 * Method:  the same users with one of them as no_auth_user.
 */
static void test_access_no_auth_user(void **state)
{
    (void)state;
    static const struct question questions[] = {
        {.answer = ACCESS_GRANTED, .whose = "ivan"},
        {.token = "t", .answer = ACCESS_REFUSED},
        {.pass = "p", .answer = ACCESS_REFUSED},
        {.user = "derek", .pass = "wrong", .answer = ACCESS_REFUSED},
        {.user = "derek", .pass = "secret", .answer = ACCESS_GRANTED, .whose = "derek"},
    };
    struct access *access = users_of_all_kinds();
    assert_false(access_set_no_auth_user(access, bytes_text("nobody")));
    assert_true(access_set_no_auth_user(access, bytes_text("ivan")));
    ask_all(access, questions, COUNT_OF(questions));
    access_unref(access);
}

/*
 * Goal:    a token, plain and hashed.
 * Method:  tables for both.
 */
static void test_access_token(void **state)
{
    (void)state;
    static const struct question plain[] = {
        {.token = "s3cr3t", .answer = ACCESS_GRANTED},
        {.token = "s3cr3", .answer = ACCESS_REFUSED},
        {.answer = ACCESS_REFUSED},
        {.user = "s3cr3t", .answer = ACCESS_REFUSED},
        /* Without nkeys of its own it does not look at one, as nats-server. */
        {.token = "s3cr3t", .nkey = KEY, .answer = ACCESS_GRANTED},
    };
    static const struct question hashed[] = {{.token = "any", .answer = ACCESS_TO_PROVE}};
    struct access *access = access_new();
    assert_non_null(access_add_token(access, bytes_text("s3cr3t")));
    ask_all(access, plain, COUNT_OF(plain));
    access_unref(access);
    access = access_new();
    assert_non_null(access_add_token(access, bytes_text(HASH)));
    ask_all(access, hashed, COUNT_OF(hashed));
    access_unref(access);
}

/*
 * Goal:    what cannot be is not added: names twice, hashes cut short, keys that are none.
 * Method:  one of each.
 */
static void test_access_refuses_to_add(void **state)
{
    (void)state;
    struct access *access = users_of_all_kinds();
    assert_null(access_add_user(access, bytes_text("derek"), bytes_text("other")));
    assert_null(access_add_user(access, bytes_text("new"), bytes_of(HASH, 59)));
    assert_null(access_add_user(access, bytes_text("new"), bytes_text("$2a$99$" HASH)));
    assert_null(access_add_nkey(access, bytes_text(KEY)));
    assert_null(access_add_nkey(access, bytes_text("SU")));
    /* These only look a little like a hash: they are passwords. */
    assert_non_null(access_add_user(access, bytes_text("new"), bytes_text("$2z$04$x")));
    assert_non_null(access_add_user(access, bytes_text("newer"), bytes_text("$2a$4$x")));
    assert_false(access_hash_is_valid(
        bytes_text("$2a$03$Hicl86i6vYvPyrzQwtMau.M7GI1GizSQyw3oM5I28QgpWB3uX3zge")));
    assert_true(access_hash_is_valid(bytes_text(HASH)));
    access_unref(access);
}

/*
 * Goal:    a user is the same in another access when name and secret are, whatever it may do.
 * Method:  one access against another with one change each.
 */
static void test_access_same(void **state)
{
    (void)state;
    struct access *one = users_of_all_kinds();
    struct access *other = access_new();
    struct access_user *derek = access_add_user(other, bytes_text("derek"), bytes_text("secret"));
    assert_non_null(access_add_user(other, bytes_text("ivan"), bytes_text("changed")));
    struct permit *permit = permit_new();
    access_set_default_permit(other, permit);
    assert_ptr_equal(derek->permit, permit);
    struct credentials shown = {.user = bytes_text("derek"), .pass = bytes_text("secret")};
    const struct access_user *user;
    assert_int_equal(access_ask(one, &shown, &user), ACCESS_GRANTED);
    assert_ptr_equal(access_same(other, user), derek);
    shown = (struct credentials){.user = bytes_text("ivan")};
    assert_int_equal(access_ask(one, &shown, &user), ACCESS_TO_PROVE);
    assert_null(access_same(other, user));
    assert_ptr_equal(access_same(one, user), user);
    shown = (struct credentials){.nkey = bytes_text(KEY), .sig = bytes_text("x")};
    assert_int_equal(access_ask(one, &shown, &user), ACCESS_TO_PROVE);
    assert_null(access_same(other, user));
    derek->is_elsewhere = true;
    shown = (struct credentials){.user = bytes_text("derek"), .pass = bytes_text("secret")};
    assert_int_equal(access_ask(other, &shown, &user), ACCESS_REFUSED);
    access_unref(access_ref(other));
    access_unref(other);
    access_unref(one);
    access_unref(NULL);
}

/* What a user takes is known under his name; nobody else's is. */
static void test_access_keep_usage(void **state)
{
    (void)state;
    struct access *one = users_of_all_kinds();
    struct access *other = access_new();
    struct access_user *derek = access_add_user(other, bytes_text("derek"), bytes_text("changed"));
    struct access_user *frank = access_add_user(other, bytes_text("frank"), bytes_text("x"));
    const struct access_user *was = access_find(one, ACCESS_USER, bytes_text("derek"));
    struct usage *franks = frank->usage;
    access_keep_usage(other, NULL);
    assert_ptr_not_equal(derek->usage, was->usage);
    access_keep_usage(other, one);
    assert_ptr_equal(derek->usage, was->usage);
    assert_ptr_equal(frank->usage, franks);
    access_unref(one);
    assert_true(usage_join(derek->usage, 1));
    usage_leave(derek->usage);
    access_unref(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_access_users), cmocka_unit_test(test_access_no_auth_user),
        cmocka_unit_test(test_access_token), cmocka_unit_test(test_access_refuses_to_add),
        cmocka_unit_test(test_access_same),  cmocka_unit_test(test_access_keep_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
