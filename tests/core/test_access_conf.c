/*
 * test_access_conf.c - authorization blocks as operators write them, and as they should not.
 */
#include "core/access_conf.h"

#include "tests/support/conf_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HASH "$2a$04$m0nVqzZ0dVZb0zQwW5pF8.O3kgHdQ8ISF3JtTvX1.aJ7KMiidj1bm"
#define KEY  "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

/* The access of a file; NULL: refused, or none. */
static struct access *read(const char *text, struct conf_error *error)
{
    struct conf *conf = conf_text_parse(text, error);
    if (conf == NULL) {
        fail_msg("%s: %s", text, error->text);
    }
    struct access *access = NULL;
    error->text[0] = '\0';
    const struct conf_value *block = conf_get(conf_root(conf), "authorization");
    const struct conf_value *no_auth = conf_get(conf_root(conf), "no_auth_user");
    bool is_good = block == NULL || access_from_conf(block, &access, error);
    if (is_good && no_auth != NULL && !access_no_auth_from_conf(no_auth, access, error)) {
        access_unref(access);
        access = NULL;
    }
    conf_free(conf);
    return access;
}

static struct access *good(const char *text)
{
    struct conf_error error;
    struct access *access = read(text, &error);
    if (access == NULL) {
        fail_msg("%s: %s", text, error.text);
    }
    return access;
}

static const struct access_user *login(const struct access *access, const char *user,
                                       const char *pass)
{
    struct credentials shown = {.user = bytes_text(user), .pass = bytes_text(pass)};
    const struct access_user *found;
    return access_ask(access, &shown, &found) != ACCESS_REFUSED ? found : NULL;
}

/*
 * Goal:    each form of the block, its aliases and defaults.
 * Method:  one file a form, asked.
 */
static void test_forms(void **state)
{
    (void)state;
    struct access *access = good("authorization { user: derek, password: s3cr3t, timeout: 0.5 }");
    assert_non_null(login(access, "derek", "s3cr3t"));
    assert_null(login(access, "derek", "x"));
    assert_int_equal(access_timeout_ns(access), 500000000);
    access_unref(access);

    access = good("authorization { username: derek, pass: " HASH ", timeout: \"3s\" }");
    assert_true(login(access, "derek", "s3cr3t")->is_hashed);
    assert_false(access_has_plain_secrets(access));
    assert_int_equal(access_timeout_ns(access), 3000000000);
    access_unref(access);

    access = good("authorization { token: \"t\" }");
    struct credentials shown = {.token = bytes_text("t")};
    const struct access_user *user;
    assert_int_equal(access_ask(access, &shown, &user), ACCESS_GRANTED);
    assert_int_equal(access_timeout_ns(access), ACCESS_TIMEOUT_DEFAULT_NS);
    access_unref(access);

    access = good("authorization {\n users = [\n"
                  "  {user: a, password: a, allowed_connection_types: [\"WEBSOCKET\"]}\n"
                  "  {user: b, password: b, connection_types: [standard, MQTT]}\n"
                  "  {nkey: " KEY "}\n ] }\nno_auth_user: b");
    assert_int_equal(access_users_count(access), 3);
    assert_null(login(access, "a", "a"));
    assert_non_null(login(access, "b", "b"));
    assert_true(access_has_nkeys(access));
    assert_ptr_equal(access_no_auth_user(access), login(access, "b", "b"));
    access_unref(access);

    access = good("authorization { users: [ {user: guest}, {user: b, password: b} ] }\n"
                  "no_auth_user: guest");
    assert_non_null(login(access, "guest", ""));
    assert_null(login(access, "guest", "x"));
    assert_null(login(access, "b", ""));
    assert_ptr_equal(access_no_auth_user(access), login(access, "guest", ""));
    access_unref(access);

    struct conf_error error;
    assert_null(read("authorization { timeout: 1 }", &error));
    assert_string_equal(error.text, "");
}

/*
 * Goal:    permissions in all their forms; users without any get the default ones.
 * Method:  one file, asked about each user.
 */
static void test_permissions(void **state)
{
    (void)state;
    struct access *access = good(
        "authorization {\n"
        " default_permissions: { publish: \"d\", subscribe: [\"d\", \"e q\"] }\n"
        " users: [\n"
        "  {user: plain, password: x}\n"
        "  {user: own, password: x, permissions: {pub: {allow: [\"a.*\"], deny: \"a.b\"}, sub: "
        "{deny: [\"x\"]}}}\n"
        "  {user: answers, password: x, permissions: {allow_responses: true, subscribe: \"q\"}}\n"
        "  {user: many, password: x, permissions: {publish: [], allow_responses: {max: 5, expires: "
        "\"1m\"}}}\n"
        "  {user: always, password: x, permissions: {publish_allow_responses: {max: -1, expires: "
        "-1}}}\n"
        "  {user: none, password: x, permissions: {allow_responses: false, publish: {allow: []}}}\n"
        " ] }");
    const struct permit *plain = login(access, "plain", "x")->permit;
    assert_true(permit_may_publish(plain, bytes_text("d")));
    assert_false(permit_may_publish(plain, bytes_text("a.c")));
    assert_true(permit_may_subscribe(plain, bytes_text("e"), bytes_text("q")));
    assert_false(permit_may_subscribe(plain, bytes_text("e"), bytes_text("")));
    const struct permit *own = login(access, "own", "x")->permit;
    assert_true(permit_may_publish(own, bytes_text("a.c")));
    assert_false(permit_may_publish(own, bytes_text("a.b")));
    assert_false(permit_may_subscribe(own, bytes_text("x"), bytes_text("")));
    const struct permit *answers = login(access, "answers", "x")->permit;
    assert_true(answers->responds && answers->responses_max == 1);
    assert_true(answers->response_expires_ns == PERMIT_EXPIRES_DEFAULT_NS);
    assert_false(permit_may_publish(answers, bytes_text("d")));
    const struct permit *many = login(access, "many", "x")->permit;
    assert_true(many->responses_max == 5 && many->response_expires_ns == 60000000000);
    const struct permit *always = login(access, "always", "x")->permit;
    assert_true(always->responses_max == 0 && always->response_expires_ns == PERMIT_NEVER_NS);
    const struct permit *no = login(access, "none", "x")->permit;
    assert_true(!no->responds && permit_may_publish(no, bytes_text("d")));
    access_unref(access);
}

/*
 * Goal:    what cannot be meant is refused with a sentence that has its place and shows no secret.
 * Method:  a table of blocks and words their sentence must hold.
 */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *named;
    } rows[] = {
        {"authorization: x", "authorization"},
        {"authorization { usr: a }", "user"},
        {"authorization { user: a }", "belong together"},
        {"authorization { password: hidden }", "belong together"},
        {"authorization { user: a, password: hidden, token: hidden }", "token"},
        {"authorization { token: hidden, users: [] }", "token"},
        {"authorization { user: a, password: hidden, users: [] }", "users"},
        {"authorization { user: a, password: \"$2a$10$hidden\" }", "bcrypt"},
        {"authorization { token: \"$2y$10$hidden\" }", "bcrypt"},
        {"authorization { users: { user: a } }", "users"},
        {"authorization { users: [ a ] }", "block"},
        {"authorization { users: [ {} ] }", "a name and a password, or an nkey"},
        {"authorization { users: [ {password: hidden} ] }", "belong together"},
        {"authorization { users: [ {user: a, password: b}, {user: a, password: c} ] }", "already"},
        {"authorization { users: [ {nkey: UABC} ] }", "public key"},
        {"authorization { users: [ {nkey: " KEY ", user: a} ] }", "nkey"},
        {"authorization { users: [ {nkey: " KEY "}, {nkey: " KEY "} ] }", "already"},
        {"authorization { users: [ {user: a, password: b, permissions: {pub: \"a..b\"}} ] }",
         "not a subject"},
        {"authorization { users: [ {user: a, password: b, permissions: {pub: \"a q\"}} ] }",
         "not a subject"},
        {"authorization { users: [ {user: a, password: b, permissions: {sub: [1]}} ] }", "string"},
        {"authorization { users: [ {user: a, password: b, permissions: {sub: {alow: x}}} ] }",
         "allow"},
        {"authorization { users: [ {user: a, password: b, permissions: {allow_responses: 3}} ] }",
         "allow_responses"},
        {"authorization { users: [ {user: a, password: b, connection_types: [NONSENSE]} ] }",
         "STANDARD"},
        {"authorization { user: a, password: b, timeout: soon }", "timeout"},
        {"authorization { user: a, password: b }\nno_auth_user: c", "no_auth_user"},
        {"no_auth_user: c", "no_auth_user"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct conf_error error;
        assert_null(read(rows[i].text, &error));
        if (strstr(error.text, rows[i].named) == NULL || strchr(error.text, ':') == NULL) {
            fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].text, error.text, rows[i].named);
        }
        assert_null(strstr(error.text, "hidden"));
    }
}

/*
 * Goal:    two files that mean the same are equal, others are not.
 * Method:  one file against changes of it.
 */
static void test_equal(void **state)
{
    (void)state;
    static const char same[] = "authorization { users: [ {user: a, password: x, permissions: {pub: "
                               "\"p\"}}, {user: b, password: y} ] }\nno_auth_user: b";
    static const char *const others[] = {
        "authorization { users: [ {user: a, password: x, permissions: {pub: \"p\"}}, {user: b, "
        "password: y} ] }",
        "authorization { users: [ {user: a, password: x, permissions: {pub: \"q\"}}, {user: b, "
        "password: y} ] }\nno_auth_user: b",
        "authorization { users: [ {user: a, password: z, permissions: {pub: \"p\"}}, {user: b, "
        "password: y} ] }\nno_auth_user: b",
        "authorization { users: [ {user: b, password: y} ] }\nno_auth_user: b",
        "authorization { token: x }",
    };
    struct access *one = good(same);
    struct access *other = good(same);
    assert_true(access_equal(one, other));
    assert_true(access_equal(NULL, NULL) && !access_equal(one, NULL) && !access_equal(NULL, one));
    access_unref(other);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        other = good(others[i]);
        assert_false(access_equal(one, other));
        assert_false(access_equal(other, one));
        access_unref(other);
    }
    access_unref(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
