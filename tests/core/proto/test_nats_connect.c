/* Tests of core/proto/nats_connect: the JSON of CONNECT and INFO as Go's decoder takes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/proto/nats_connect.h"

static bool parse_text(const char *json, struct nats_connect *options)
{
    nats_connect_init(options);
    return nats_connect_parse(options, bytes_text(json));
}

struct verdict {
    const char *json;
    bool accepted;
};

static const struct verdict connect_verdicts[] = {
    {"{}", true},
    {" \t{ } \r", true},
    {"null", true},
    {"null x", false},
    {"", false},
    {" ", false},
    {"[]", false},
    {"\"x\"", false},
    {"1", false},
    {"true", false},
    {"tru", false},
    {"{}x", false},
    {"{}{}", false},
    {"{", false},
    {"}", false},
    {"{]", false},
    {"{\"a\"", false},
    {"{\"a\":", false},
    {"{\"a\":1", false},
    {"{\"a\":1,}", false},
    {"{\"a\" 1}", false},
    {"{\"a\":1 \"b\":2}", false},
    {"{a:1}", false},
    {"{'a':1}", false},
    {"{1:1}", false},
    {"{,}", false},
    {"{\"x\":[1,]}", false},
    {"{\"x\":[,1]}", false},
    {"{\"x\":[1 2]}", false},
    {"{\"x\":[1}}", false},
    {"{\"x\":{\"y\":[{},[],null,true,false,-1.5e-3,\"z\"]}}", true},
    {"\xEF\xBB\xBF{}", false},
    {"\x0b{}", false},
    {"\x0c{}", false},
    /* Types. */
    {"{\"verbose\":null}", true},
    {"{\"verbose\":1}", false},
    {"{\"verbose\":\"true\"}", false},
    {"{\"verbose\":[]}", false},
    {"{\"verbose\":True}", false},
    {"{\"name\":1}", false},
    {"{\"name\":{}}", false},
    {"{\"name\":true}", false},
    {"{\"name\":null}", true},
    {"{\"new_account\":true}", true},
    {"{\"new_account\":\"x\"}", false},
    {"{\"account\":\"x\"}", true},
    {"{\"import\":1}", false},
    {"{\"import\":{\"allow\":[\"a\"]}}", true},
    {"{\"export\":null}", true},
    {"{\"nonce\":1,\"hub\":1,\"cluster\":1}", true},
    {"{\"NAME\":1}", false},
    /* Numbers. */
    {"{\"protocol\":1}", true},
    {"{\"protocol\":-1}", true},
    {"{\"protocol\":9223372036854775807}", true},
    {"{\"protocol\":9223372036854775808}", false},
    {"{\"protocol\":-9223372036854775808}", true},
    {"{\"protocol\":-9223372036854775809}", false},
    {"{\"protocol\":99999999999999999999}", false},
    {"{\"protocol\":1.0}", false},
    {"{\"protocol\":1e0}", false},
    {"{\"protocol\":\"1\"}", false},
    {"{\"x\":01}", false},
    {"{\"x\":+1}", false},
    {"{\"x\":.5}", false},
    {"{\"x\":1.}", false},
    {"{\"x\":1e}", false},
    {"{\"x\":1e+}", false},
    {"{\"x\":-}", false},
    {"{\"x\":0x1}", false},
    {"{\"x\":NaN}", false},
    {"{\"x\":-0.5e+10,\"y\":1E5,\"z\":0}", true},
    {"{\"x\":99999999999999999999999999999999999999999999999999999999999999999999999999}", true},
    /* Strings. */
    {"{\"name\":\"a\x01z\"}", false},
    {"{\"name\":\"a\tz\"}", false},
    {"{\"name\":\"\x7f\"}", true},
    {"{\"x\":\"\\x\"}", false},
    {"{\"x\":\"\\\"}", false},
    {"{\"x\":\"\\u12\"}", false},
    {"{\"x\":\"\\u12g4\"}", false},
    {"{\"x\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"}", true},
    {"{\"x\":\"a}", false},
};

/*
 * Goal:    accepts and refuses exactly what nats-server does.
 * Method:  a table whose verdicts were observed on nats-server 2.9.10.
 */
static void test_connect_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(connect_verdicts); i++) {
        struct nats_connect options;
        bool accepted = parse_text(connect_verdicts[i].json, &options);
        nats_connect_free(&options);
        print_message("%s\n", connect_verdicts[i].json);
        assert_int_equal(accepted, connect_verdicts[i].accepted);
    }
}

/*
 * Goal:    without CONNECT a client is verbose, pedantic and hears itself; so it is after an empty
 *          one.
 * Method:  the values after init, and after {}, null and unknown keys.
 */
static void test_connect_defaults_stay(void **state)
{
    (void)state;
    static const char *const rows[] = {"{}", "null", "{\"x\":[{\"verbose\":false}]}",
                                       "{\"verbose\":null,\"user\":null,\"protocol\":null}"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct nats_connect options;
        assert_true(parse_text(rows[i], &options));
        assert_true(options.verbose && options.pedantic && options.echo);
        assert_false(options.headers || options.no_responders || options.tls_required ||
                     options.new_account);
        assert_int_equal(options.protocol, 0);
        assert_int_equal(options.user.size, 0);
        nats_connect_free(&options);
    }
}

static void assert_text(struct bytes text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.size);
}

/*
 * Goal:    every field reaches its member.
 * Method:  one CONNECT with a different value in each.
 */
static void test_connect_stores_every_field(void **state)
{
    (void)state;
    struct nats_connect options;
    assert_true(parse_text("{\"verbose\":false,\"pedantic\":false,\"echo\":false,\"headers\":true,"
                           "\"no_responders\":true,\"tls_required\":true,\"new_account\":true,"
                           "\"protocol\":1,\"user\":\"u\",\"pass\":\"pp\",\"auth_token\":\"t\","
                           "\"nkey\":\"n\",\"sig\":\"s\",\"jwt\":\"j\",\"name\":\"na\","
                           "\"lang\":\"l\",\"version\":\"v\",\"account\":\"a\"}",
                           &options));
    assert_false(options.verbose || options.pedantic || options.echo);
    assert_true(options.headers && options.no_responders && options.tls_required &&
                options.new_account);
    assert_int_equal(options.protocol, 1);
    assert_text(options.user, "u");
    assert_text(options.pass, "pp");
    assert_text(options.auth_token, "t");
    assert_text(options.nkey, "n");
    assert_text(options.sig, "s");
    assert_text(options.jwt, "j");
    assert_text(options.name, "na");
    assert_text(options.lang, "l");
    assert_text(options.version, "v");
    assert_text(options.account, "a");
    nats_connect_free(&options);
}

/*
 * Goal:    a second CONNECT changes what it names and nothing else.
 * Method:  two in a row; the string that is replaced must not leak (address sanitizer).
 */
static void test_connect_overlays(void **state)
{
    (void)state;
    struct nats_connect options;
    assert_true(parse_text("{\"verbose\":false,\"user\":\"first\",\"name\":\"n\"}", &options));
    assert_true(nats_connect_parse(&options, bytes_text("{\"echo\":false,\"user\":\"second\"}")));
    assert_false(options.verbose);
    assert_false(options.echo);
    assert_true(options.pedantic);
    assert_text(options.user, "second");
    assert_text(options.name, "n");
    assert_true(nats_connect_parse(&options, bytes_text("{\"user\":\"\"}")));
    assert_int_equal(options.user.size, 0);
    nats_connect_free(&options);
}

/*
 * Goal:    a refused CONNECT changes nothing.
 * Method:  a good member in front of a bad one.
 */
static void test_connect_refused_changes_nothing(void **state)
{
    (void)state;
    struct nats_connect options;
    assert_false(parse_text("{\"verbose\":false,\"user\":\"u\",\"echo\":1}", &options));
    assert_true(options.verbose);
    assert_int_equal(options.user.size, 0);
    nats_connect_free(&options);
}

/*
 * Goal:    keys match in any case and the last one counts.
 * Method:  duplicates in different cases, escapes in keys, and the two letters that fold to ASCII.
 */
static void test_connect_keys(void **state)
{
    (void)state;
    static const char *const off[] = {
        "{\"VERBOSE\":false}",
        "{\"verbose\":true,\"Verbose\":false}",
        "{\"VERBOSE\":false,\"verbose\":true,\"Verbose\":false}",
        "{\"verbose\":false,\"VERBOSE\":null}",
        "{\"verbo\\u0073e\":false}",
        "{\"verbo\xc5\xbf\145\":false}", /* \145 is e, which would belong to \xbf */
    };
    for (size_t i = 0; i < COUNT_OF(off); i++) {
        struct nats_connect options;
        assert_true(parse_text(off[i], &options));
        assert_false(options.verbose);
        nats_connect_free(&options);
    }
    static const char *const on[] = {
        "{\"verbose\":false,\"VERBOSE\":true}", "{\"verbose \":false}", "{\"verbos\":false}",
        "{\"verbose\\u0000\":false}",           "{\"\":false}",
    };
    for (size_t i = 0; i < COUNT_OF(on); i++) {
        struct nats_connect options;
        assert_true(parse_text(on[i], &options));
        assert_true(options.verbose);
        nats_connect_free(&options);
    }
    struct nats_connect options;
    assert_true(parse_text("{\"n\xe2\x84\xaa"
                           "ey\":\"k\"}",
                           &options));
    assert_text(options.nkey, "k");
    nats_connect_free(&options);
}

struct decoded {
    const char *json, *name;
};

/*
 * Goal:    escapes are decoded; what is not UTF-8 becomes U+FFFD, as in Go.
 * Method:  a table of strings and their bytes.
 */
static void test_connect_decodes_strings(void **state)
{
    (void)state;
    static const struct decoded rows[] = {
        {"{\"name\":\"imp.\\u003e\"}", "imp.>"},
        {"{\"name\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\"\\/\b\f\n\r\t"},
        {"{\"name\":\"\\u00e9\\u20AC\\ud83d\\ude00\"}", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"{\"name\":\"\\ud800\"}", "\xef\xbf\xbd"},
        {"{\"name\":\"\\ud800x\"}", "\xef\xbf\xbdx"},
        {"{\"name\":\"\\udc00\\ud800\\u0041\"}", "\xef\xbf\xbd\xef\xbf\xbd"
                                                 "A"},
        {"{\"name\":\"\\ud800\\ud83d\\ude00\"}", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"{\"name\":\"a\\u0000b\"}", "a\xef\xbf\xbd"
                                     "b"},
        {"{\"name\":\"\xff\xfe\"}", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"{\"name\":\"\xc3\"}", "\xef\xbf\xbd"},
        {"{\"name\":\"\xed\xa0\x80\"}", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"{\"name\":\"\xc0\xaf\"}", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"{\"name\":\"\xf4\x90\x80\x80\"}", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"{\"name\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}",
         "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct nats_connect options;
        print_message("%s\n", rows[i].json);
        assert_true(parse_text(rows[i].json, &options));
        assert_text(options.name, rows[i].name);
        nats_connect_free(&options);
    }
}

/*
 * Goal:    a NUL byte in the argument does not end it early.
 * Method:  valid JSON, a NUL, and more.
 */
static void test_connect_nul_is_not_an_end(void **state)
{
    (void)state;
    struct nats_connect options;
    nats_connect_init(&options);
    assert_false(nats_connect_parse(&options, bytes_of("{}\0", 3)));
    assert_false(nats_connect_parse(&options, bytes_of("{\"name\":\"a\0b\"}", 14)));
    assert_false(nats_connect_parse(&options, bytes_of("{\"name\":\"\\\0\"}", 13)));
    nats_connect_free(&options);
}

enum { DEEP = 200000 };

static bool parse_nested(uint32_t levels, bool closed)
{
    char *json = memory_alloc(2 * (size_t)levels + 16);
    size_t size = 5;
    memcpy(json, "{\"x\":", size);
    memset(json + size, '[', levels);
    size += levels;
    if (closed) {
        memset(json + size, ']', levels);
        size += levels;
        json[size++] = '}';
    }
    struct nats_connect options;
    nats_connect_init(&options);
    bool accepted = nats_connect_parse(&options, bytes_of(json, size));
    nats_connect_free(&options);
    memory_free(json);
    return accepted;
}

/*
 * Goal:    nesting is accepted to Go's depth of 10,000 and never costs stack.
 * Method:  arrays in an unknown key: at the limit, above it, far above it, and never closed.
 */
static void test_connect_nesting(void **state)
{
    (void)state;
    assert_true(parse_nested(2000, true));
    assert_true(parse_nested(9999, true));
    assert_false(parse_nested(10000, true));
    assert_false(parse_nested(DEEP, true));
    assert_false(parse_nested(9999, false));
}

/*
 * Goal:    an INFO from a client is judged by form and types.
 * Method:  verdicts observed on nats-server 2.9.10.
 */
static void test_info_verdicts(void **state)
{
    (void)state;
    static const struct verdict rows[] = {
        {"{}", true},
        {"null", true},
        {"", false},
        {"[]", false},
        {"{bad", false},
        {"{\"port\":\"x\"}", false},
        {"{\"port\":1}", true},
        {"{\"server_id\":1}", false},
        {"{\"client_id\":-1}", false},
        {"{\"client_id\":1}", true},
        {"{\"max_payload\":1.5}", false},
        {"{\"connect_urls\":1}", false},
        {"{\"connect_urls\":[\"a:1\"]}", true},
        {"{\"headers\":1}", false},
        {"{\"nonce\":1}", false},
        {"{\"import\":1}", false},
        {"{\"verbose\":1}", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("%s\n", rows[i].json);
        assert_int_equal(nats_connect_check_info(bytes_text(rows[i].json)), rows[i].accepted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_verdicts),
        cmocka_unit_test(test_connect_defaults_stay),
        cmocka_unit_test(test_connect_stores_every_field),
        cmocka_unit_test(test_connect_overlays),
        cmocka_unit_test(test_connect_refused_changes_nothing),
        cmocka_unit_test(test_connect_keys),
        cmocka_unit_test(test_connect_decodes_strings),
        cmocka_unit_test(test_connect_nul_is_not_an_end),
        cmocka_unit_test(test_connect_nesting),
        cmocka_unit_test(test_info_verdicts),
    };
    return cmocka_run_group_tests_name("nats_connect", tests, NULL, NULL);
}
