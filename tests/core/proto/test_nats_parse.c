/* Tests of core/proto/nats_parse: every row of the grammar and its errors, however it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/core/proto/parse_trace.h"

enum { LINE_MAX_DEFAULT = 4096, PAYLOAD_MAX_DEFAULT = 1048576 };

struct row {
    const char *input, *trace;
};

static void init_default(struct nats_parser *parser)
{
    nats_parser_init(parser, LINE_MAX_DEFAULT, PAYLOAD_MAX_DEFAULT);
}

/* Runs input cut at two places; the trace must be as expected. */
static void assert_cut(struct nats_parser parser, struct bytes input, size_t first, size_t second,
                       const char *expected)
{
    struct nats_trace trace = {0};
    nats_trace_text(&trace, "");
    nats_trace_feed(&trace, &parser, bytes_of(input.ptr, first));
    nats_trace_feed(&trace, &parser, bytes_of(input.ptr + first, second - first));
    nats_trace_feed(&trace, &parser, bytes_of(input.ptr + second, input.size - second));
    if (strcmp(trace.text, expected) != 0) {
        print_error("input [%.*s] cut at %zu and %zu\n", (int)input.size, (const char *)input.ptr,
                    first, second);
    }
    assert_string_equal(trace.text, expected);
    nats_trace_free(&trace);
}

static void assert_bytewise(struct nats_parser parser, struct bytes input, const char *expected)
{
    struct nats_trace trace = {0};
    nats_trace_text(&trace, "");
    for (size_t i = 0; i < input.size; i++) {
        nats_trace_feed(&trace, &parser, bytes_of(input.ptr + i, 1));
    }
    assert_string_equal(trace.text, expected);
    nats_trace_free(&trace);
}

/* Whole, at every pair of cuts, and byte by byte. */
static void assert_every_cut(const struct nats_parser *parser, struct bytes input,
                             const char *expected)
{
    for (size_t first = 0; first <= input.size; first++) {
        for (size_t second = first; second <= input.size; second++) {
            assert_cut(*parser, input, first, second, expected);
        }
    }
    assert_bytewise(*parser, input, expected);
}

static void assert_rows(const struct nats_parser *parser, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_every_cut(parser, bytes_text(rows[i].input), rows[i].trace);
    }
}

static const struct row verb_rows[] = {
    {"PING\r\n", "PING;"},
    {"ping\n", "PING;"},
    {"pInG\r\n", "PING;"},
    {"PING foo\r\n", "PING;"},
    {"PINGxyz\r\r \n", "PING;"},
    {"PONG\r\n", "PONG;"},
    {"poNGPING\nPING\n", "PONG;PING;"},
    {"+OK\r\n", "OK;"},
    {"+okx\n", "OK;"},
    {"CONNECT {}\r\n", "CONNECT json={};"},
    {"CONNECT{}\r\n", "CONNECT json={};"},
    {"connect \t {\"a\" : 1} \n", "CONNECT json={\"a\" : 1} ;"},
    {"CONNECT\r\n", "CONNECT json=;"},
    {"CONNECT \n", "CONNECT json=;"},
    {"INFO {}\r\n", "INFO json={};"},
    {"iNfO{bad\r\n", "INFO json={bad;"},
    {"SUB foo 1\r\n", "SUB subject=foo queue= sid=1;"},
    {"SUB foo 1\n", "SUB subject=foo queue= sid=1;"},
    {"sub\tfoo\t1\r\n", "SUB subject=foo queue= sid=1;"},
    {"sUb  \t foo  \t q \t 1 \t\r\n", "SUB subject=foo queue=q sid=1;"},
    {"SUB foo.*.> q.> a-b_c\r\n", "SUB subject=foo.*.> queue=q.> sid=a-b_c;"},
    {"SUB foo..x 1\r\n", "SUB subject=foo..x queue= sid=1;"},
    {"UNSUB 1\r\n", "UNSUB sid=1 max=0;"},
    {"unsub \t1\t \n", "UNSUB sid=1 max=0;"},
    {"UNSUB 1 5\r\n", "UNSUB sid=1 max=5;"},
    {"UNSUB 1 000000007\r\n", "UNSUB sid=1 max=7;"},
    {"UNSUB 1 999999999\r\n", "UNSUB sid=1 max=999999999;"},
    {"UNSUB 1 1000000000\r\n", "UNSUB sid=1 max=0;"},
    {"UNSUB 1 xyz\r\n", "UNSUB sid=1 max=0;"},
    {"UNSUB 1 -5\r\n", "UNSUB sid=1 max=0;"},
    {"UNSUB 1 5x\r\n", "UNSUB sid=1 max=0;"},
    {"PUB foo 2\r\nhi\r\n", "PUB subject=foo reply= size=2 payload=hi tail;"},
    {"pub foo 2\r\nhi\r\n", "PUB subject=foo reply= size=2 payload=hi tail;"},
    {"PUB foo 2\nhi\r\n", "PUB subject=foo reply= size=2 payload=hi;"},
    {"PUB foo 0\r\n\r\n", "PUB subject=foo reply= size=0 payload= tail;"},
    {"PUB foo 000000002\r\nhi\r\n", "PUB subject=foo reply= size=000000002 payload=hi tail;"},
    {"PUB  \t foo  2  \r\nhi\r\n", "PUB subject=foo reply= size=2 payload=hi;"},
    {"PUB foo\t2\r\nhi\r\n", "PUB subject=foo reply= size=2 payload=hi tail;"},
    {"PUB\tfoo 2\r\nhi\r\n", "PUB subject=foo reply= size=2 payload=hi tail;"},
    {"PUB foo rep 2\r\nhi\r\n", "PUB subject=foo reply=rep size=2 payload=hi tail;"},
    {"PUB foo rep\t2\r\nhi\r\n", "PUB subject=foo reply=rep size=2 payload=hi;"},
    {"PUB foo rep  2\r\nhi\r\n", "PUB subject=foo reply=rep size=2 payload=hi;"},
    {"PUB foo rep 2 \r\nhi\r\n", "PUB subject=foo reply=rep size=2 payload=hi;"},
    {"PUB foo  rep 2\r\nhi\r\n", "PUB subject=foo reply=rep size=2 payload=hi tail;"},
    {"PUB foo 12 2\r\nhi\r\n", "PUB subject=foo reply=12 size=2 payload=hi tail;"},
    {"PUB 12 3\r\n\r\n\r\r\n", "PUB subject=12 reply= size=3 payload=\r\n\r tail;"},
    {"PUB foo 4\r\n\r\n\r\n\r\nPING\r\n",
     "PUB subject=foo reply= size=4 payload=\r\n\r\n tail;PING;"},
    {"PUB a..b .* 1\r\nx\r\n", "PUB subject=a..b reply=.* size=1 payload=x tail;"},
    {"PUB a\x01\xff 1\r\nx\r\n", "PUB subject=a\x01\xff reply= size=1 payload=x tail;"},
    {"HPUB foo 3 5\r\nxyzhi\r\n",
     "HPUB subject=foo reply= hdr=3 hdr_size=3 size=5 payload=xyzhi tail;"},
    {"hpub foo rep 03 005\r\nxyzhi\r\n",
     "HPUB subject=foo reply=rep hdr=03 hdr_size=3 size=005 payload=xyzhi tail;"},
    {"HPUB foo 0 2\r\nhi\r\n", "HPUB subject=foo reply= hdr=0 hdr_size=0 size=2 payload=hi;"},
    {"HPUB foo 2 2\r\nhi\r\n", "HPUB subject=foo reply= hdr=2 hdr_size=2 size=2 payload=hi tail;"},
    {"HPUB foo 7 2 3\r\nabc\r\n",
     "HPUB subject=foo reply=7 hdr=2 hdr_size=2 size=3 payload=abc tail;"},
    {"HPUB foo 2  3\r\nabc\r\n", "HPUB subject=foo reply= hdr=2 hdr_size=2 size=3 payload=abc;"},
    {"PUB a 1\r\nx\r\nPUB b 1\r\ny\r\nSUB c 1\r\n",
     "PUB subject=a reply= size=1 payload=x tail;PUB subject=b reply= size=1 payload=y tail;"
     "SUB subject=c queue= sid=1;"},
    /* A CR inside a line separates in SUB and UNSUB, and is a byte in PUB. */
    {"SUB a\rb 1\r\n", "SUB subject=a queue=b sid=1;"},
    {"SUB > 1\r\r\n", "SUB subject=> queue= sid=1;"},
    {"PUB a\rb 1\r\nx\r\n", "PUB subject=a\rb reply= size=1 payload=x tail;"},
    {"", ""},
    {"PIN", ""},
    {"SUB foo 1\r", ""},
    {"PUB foo 2\r\nhi\r", ""},
};

/*
 * Goal:    every verb in every accepted spelling, cut anywhere, gives the same verb.
 * Method:  a table of lines and traces, each run with every pair of cuts and byte by byte.
 */
static void test_parse_verbs(void **state)
{
    (void)state;
    struct nats_parser parser;
    init_default(&parser);
    assert_rows(&parser, verb_rows, COUNT_OF(verb_rows));
}

static const struct row error_rows[] = {
    {"\r\n", "!UNKNOWN"},
    {"\n", "!UNKNOWN"},
    {" PING\r\n", "!UNKNOWN"},
    {"\tPING\r\n", "!UNKNOWN"},
    {"X", "!UNKNOWN"},
    {"PX", "!UNKNOWN"},
    {"PUX", "!UNKNOWN"},
    {"PUBS", "!UNKNOWN"},
    {"PUB\r", "!UNKNOWN"},
    {"PUB\n", "!UNKNOWN"},
    {"SUBx", "!UNKNOWN"},
    {"SUB\r\n", "!UNKNOWN"},
    {"UNSUB_", "!UNKNOWN"},
    {"UNSUX", "!UNKNOWN"},
    {"HPUBx", "!UNKNOWN"},
    {"HMSG", "!UNKNOWN"},
    {"MSG foo 1 2\r\n", "!UNKNOWN"},
    {"RS+ foo\r\n", "!UNKNOWN"},
    {"LS+ foo\r\n", "!UNKNOWN"},
    {"A+ foo\r\n", "!UNKNOWN"},
    {"CONNEXT", "!UNKNOWN"},
    {"CONNECX", "!UNKNOWN"},
    {"CONNECT", ""},
    {"+KO", "!UNKNOWN"},
    {"*OK", "!UNKNOWN"},
    {"\x0bOK", "!UNKNOWN"},
    {"-ERR\r\n", "!UNKNOWN"},
    {"-ERRx", "!UNKNOWN"},
    {"GET / HTTP/1.1\r\n", "!UNKNOWN"},
    {"\x16\x03\x01", "!UNKNOWN"},
    {"p\x90", "!UNKNOWN"},
    {"-ERR 'x'\r\n", "!PEER"},
    {"-err \r\n", "!PEER"},
    {"-ERR \n", "!PEER"},
    {"SUB \r\n", "!ARGUMENTS"},
    {"SUB \n", "!ARGUMENTS"},
    {"SUB foo\r\n", "!ARGUMENTS"},
    {"SUB a b c d\r\n", "!ARGUMENTS"},
    {"SUB a b c d e f g\r\n", "!ARGUMENTS"},
    {"UNSUB \r\n", "!ARGUMENTS"},
    {"UNSUB 1 2 3\r\n", "!ARGUMENTS"},
    {"PUB  \r\n", "!ARGUMENTS"},
    {"PUB foo\r\n", "!ARGUMENTS"},
    {"PUB foo \r\n", "!ARGUMENTS"},
    {"PUB 2\r\n", "!ARGUMENTS"},
    {"PUB foo bar 2 2\r\nhi\r\n", "!ARGUMENTS"},
    {"PUB foo -1\r\n", "!ARGUMENTS"},
    {"PUB foo +1\r\n", "!ARGUMENTS"},
    {"PUB foo 0x1\r\n", "!ARGUMENTS"},
    {"PUB foo 1.0\r\n", "!ARGUMENTS"},
    {"PUB foo x\r\n", "!ARGUMENTS"},
    {"PUB foo 2x\r\n", "!ARGUMENTS"},
    {"PUB foo 2\r\r\nhi\r\n", "!ARGUMENTS"},
    {"PUB foo 1234567890\r\n", "!ARGUMENTS"},
    {"PUB foo 0000000002\r\nhi\r\n", "!ARGUMENTS"},
    {"HPUB foo 2\r\nhi\r\n", "!ARGUMENTS"},
    {"HPUB a b c 2 2\r\nhi\r\n", "!ARGUMENTS"},
    {"HPUB foo x 2\r\nhi\r\n", "!ARGUMENTS"},
    {"HPUB foo 1 x\r\nhi\r\n", "!ARGUMENTS"},
    {"HPUB foo -1 2\r\nhi\r\n", "!ARGUMENTS"},
    {"HPUB foo 3 2\r\nhi\r\n", "!ARGUMENTS"},
    {"HPUB foo 999999999 2\r\nhi\r\n", "!ARGUMENTS"},
    {"HPUB foo 9999999999 2\r\nhi\r\n", "!ARGUMENTS"},
    /* The header size is judged before the limit. */
    {"HPUB foo 99999999 99999998\r\n", "!ARGUMENTS"},
    {"HPUB foo 1 1048577\r\n", "!PAYLOAD"},
    {"PUB foo 1048577\r\n", "!PAYLOAD"},
    {"PUB foo 999999999\r\n", "!PAYLOAD"},
    {"PUB foo bar 1048577\n", "!PAYLOAD"},
    {"PUB foo 3\r\nabcd", "!UNKNOWN"},
    {"PUB foo 3\r\nabc\n", "!UNKNOWN"},
    {"PUB foo 3\r\nabc\rx", "!UNKNOWN"},
    {"PUB foo 0\r\n\n", "!UNKNOWN"},
    {"HPUB foo 1 3\r\nabcd", "!UNKNOWN"},
    {"PUB a 1\r\nx\r\nBAD\r\nPING\r\n", "PUB subject=a reply= size=1 payload=x tail;!UNKNOWN"},
};

/*
 * Goal:    every malformed input ends in its error, with what came before it still parsed.
 * Method:  a table as above; where no line end follows, the error comes with the offending byte.
 */
static void test_parse_errors(void **state)
{
    (void)state;
    struct nats_parser parser;
    init_default(&parser);
    assert_rows(&parser, error_rows, COUNT_OF(error_rows));
}

/*
 * Goal:    HPUB is refused where headers are off; PUB is not.
 * Method:  the same lines with the switch off.
 */
static void test_parse_headers_off(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"HPUB foo 1 2\r\nhi\r\n", "!ARGUMENTS"},
        {"HPUB foo 1 99999999\r\n", "!ARGUMENTS"},
        {"PUB foo 2\r\nhi\r\n", "PUB subject=foo reply= size=2 payload=hi tail;"},
    };
    struct nats_parser parser;
    init_default(&parser);
    parser.headers = false;
    assert_rows(&parser, rows, COUNT_OF(rows));
}

/*
 * Goal:    while CONNECT is due, the first byte of anything else is an authorization error.
 * Method:  CONNECT in both cases, a misspelt CONNECT, and other verbs.
 */
static void test_parse_connect_required(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"CONNECT {}\r\n", "CONNECT json={};"},
        {"connect {}\r\n", "CONNECT json={};"},
        {"CX", "!UNKNOWN"},
        {"P", "!AUTHORIZATION"},
        {"PUB foo 2\r\nhi\r\n", "!AUTHORIZATION"},
        {"\r\n", "!AUTHORIZATION"},
        {"CONNECT {}\r\nPING\r\n", "CONNECT json={};!AUTHORIZATION"},
    };
    struct nats_parser parser;
    init_default(&parser);
    parser.connect_required = true;
    assert_rows(&parser, rows, COUNT_OF(rows));
}

/*
 * Goal:    exactly max_control_line argument bytes pass, one more does not; the operation, the
 * white space behind it and the line end do not count, trailing white space does. Method:  a limit
 * of 12, lines around it in every verb, cut everywhere.
 */
static void test_parse_control_line_limit(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"SUB aaaaaaaaaa 1\r\n", "SUB subject=aaaaaaaaaa queue= sid=1;"},
        {"SUB aaaaaaaaaa 1\n", "SUB subject=aaaaaaaaaa queue= sid=1;"},
        {"SUB     \t     aaaaaaaaaa 1\r\n", "SUB subject=aaaaaaaaaa queue= sid=1;"},
        {"SUB aaaaaaaaaaa 1\r\n", "!CONTROL_LINE"},
        {"SUB aaaaaaaaaaa 1\n", "!CONTROL_LINE"},
        {"SUB aaaaaaaaa 1 \r\n", "SUB subject=aaaaaaaaa queue= sid=1;"},
        {"SUB aaaaaaaaaa 1 \r\n", "!CONTROL_LINE"},
        {"SUB aaaaaaaaaaaaa", "!CONTROL_LINE"},
        {"SUB aaaaaaaaaaaa\r", ""},
        {"SUB aaaaaaaaaaaa\rx", "!CONTROL_LINE"},
        {"SUB aaaaaaaaaaaa\r\r", "!CONTROL_LINE"},
        {"PUB aaaaaaaaaa 1\r\nx\r\n", "PUB subject=aaaaaaaaaa reply= size=1 payload=x tail;"},
        {"PUB aaaaaaaaaaa 1\r\nx\r\n", "!CONTROL_LINE"},
        {"HPUB aaaaaaaa 1 1\r\nx\r\n",
         "HPUB subject=aaaaaaaa reply= hdr=1 hdr_size=1 size=1 payload=x tail;"},
        {"HPUB aaaaaaaaa 1 1\r\nx\r\n", "!CONTROL_LINE"},
        {"UNSUB aaaaaaaaaaaa\r\n", "UNSUB sid=aaaaaaaaaaaa max=0;"},
        {"UNSUB aaaaaaaaaaaaa\r\n", "!CONTROL_LINE"},
        {"CONNECT {\"aaaaa\":12}\r\n", "CONNECT json={\"aaaaa\":12};"},
        {"CONNECT {\"aaaaa\":123}\r\n", "!CONTROL_LINE"},
        {"INFO {\"aaaaa\":123}\r\n", "!CONTROL_LINE"},
        {"-ERR aaaaaaaaaaaaa", "!CONTROL_LINE"},
        {"PING aaaaaaaaaaaaaaaaaaaaaa\r\n", "PING;"},
        {"+OK aaaaaaaaaaaaaaaaaaaaaaa\r\n", "OK;"},
    };
    struct nats_parser parser;
    nats_parser_init(&parser, 12, PAYLOAD_MAX_DEFAULT);
    assert_rows(&parser, rows, COUNT_OF(rows));
}

/*
 * Goal:    a payload of exactly max_payload passes; -1 means no limit.
 * Method:  a limit of 3, then none.
 */
static void test_parse_payload_limit(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"PUB a 3\r\nxyz\r\n", "PUB subject=a reply= size=3 payload=xyz tail;"},
        {"PUB a 4\r\n", "!PAYLOAD"},
        {"PUB a 4\r\nwxyz\r\n", "!PAYLOAD"},
        {"HPUB a 1 3\r\nxyz\r\n",
         "HPUB subject=a reply= hdr=1 hdr_size=1 size=3 payload=xyz tail;"},
        {"HPUB a 1 4\r\n", "!PAYLOAD"},
    };
    struct nats_parser parser;
    nats_parser_init(&parser, LINE_MAX_DEFAULT, 3);
    assert_rows(&parser, rows, COUNT_OF(rows));

    nats_parser_init(&parser, LINE_MAX_DEFAULT, -1);
    struct nats_verb verb;
    size_t consumed;
    assert_int_equal(nats_parse(&parser, bytes_text("PUB a 999999999\r\nx"), &verb, &consumed),
                     NATS_NEED_MORE);
    assert_int_equal(consumed, 4);
    assert_int_equal(parser.needed, strlen("a 999999999\r\n") + 999999999u + 2);
}

/*
 * Goal:    junk behind PING and white space before arguments are never held, however long.
 * Method:  100 kB of each in pieces; the most the caller ever keeps stays 0.
 */
static void test_parse_junk_is_not_held(void **state)
{
    (void)state;
    static const char *const starts[] = {"PING", "+OK ", "SUB ", "CONNECT", "HPUB "};
    static const char *const ends[] = {"\r\n", "\r\n", "a 1\r\n", "{}\r\n", "a 1 1\r\nx\r\n"};
    static const char *const traces[] = {
        "PING;", "OK;", "SUB subject=a queue= sid=1;", "CONNECT json={};",
        "HPUB subject=a reply= hdr=1 hdr_size=1 size=1 payload=x tail;"};
    char spaces[1000];
    memset(spaces, ' ', sizeof spaces);
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct nats_parser parser;
        init_default(&parser);
        struct nats_trace trace = {0};
        nats_trace_feed(&trace, &parser, bytes_text(starts[i]));
        for (size_t piece = 0; piece < 100; piece++) {
            nats_trace_feed(&trace, &parser, bytes_of(spaces, sizeof spaces));
        }
        assert_int_equal(trace.held_max, 0);
        nats_trace_feed(&trace, &parser, bytes_text(ends[i]));
        assert_string_equal(trace.text, traces[i]);
        nats_trace_free(&trace);
    }
}

/*
 * Goal:    the parser tells how much a payload still needs, right after the control line, and is
 *          then satisfied with exactly that.
 * Method:  compare needed at each byte of a PUB.
 */
static void test_parse_needed(void **state)
{
    (void)state;
    static const char input[] = "PUB foo rep 5\r\nhello\r\n";
    enum { ARGS_AT = 4, PAYLOAD_AT = 15, SIZE = sizeof input - 1 };
    for (size_t size = 0; size < SIZE; size++) {
        struct nats_parser parser;
        struct nats_verb verb;
        size_t consumed;
        init_default(&parser);
        assert_int_equal(nats_parse(&parser, bytes_of(input, size), &verb, &consumed),
                         NATS_NEED_MORE);
        assert_int_equal(consumed, MIN_OF(size, (size_t)ARGS_AT));
        assert_int_equal(parser.needed, size >= PAYLOAD_AT ? SIZE - ARGS_AT : 0);
        assert_int_equal(
            nats_parse(&parser, bytes_of(input + consumed, SIZE - consumed), &verb, &consumed),
            NATS_VERB);
    }
}

/*
 * Goal:    the control line of an unfinished PUB is not parsed again with each piece of its
 * payload. Method:  once the line is complete, spoil its bytes in the view: the parser must not
 * look.
 */
static void test_parse_line_once(void **state)
{
    (void)state;
    char view[] = "PUB foo 5\r\nhello\r\n";
    struct nats_parser parser;
    struct nats_verb verb;
    size_t consumed;
    init_default(&parser);
    assert_int_equal(nats_parse(&parser, bytes_of(view, 13), &verb, &consumed), NATS_NEED_MORE);
    memset(view + consumed, 'x', 7);
    assert_int_equal(nats_parse(&parser, bytes_of(view + consumed, 12), &verb, &consumed),
                     NATS_NEED_MORE);
    assert_int_equal(consumed, 0);
    assert_int_equal(nats_parse(&parser, bytes_text(view + 4), &verb, &consumed), NATS_VERB);
    assert_int_equal(verb.payload.size, 5);
    assert_memory_equal(verb.payload.ptr, "hello", 5);
}

/*
 * Goal:    subjects of every length around the eight-byte steps, with any allowed byte, come
 * through. Method:  lengths 1 to 40, each with each byte value at its end; quick and careful way
 * agree.
 */
static void test_parse_subject_bytes(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 40; size++) {
        for (int byte = 0; byte < 256; byte++) {
            if (byte == ' ' || byte == '\t' || byte == '\n') {
                continue;
            }
            char input[64] = "PUB ";
            memset(input + 4, 's', size);
            input[4 + size - 1] = (char)byte;
            memcpy(input + 4 + size, " 1\r\nx\r\n", 8);
            struct nats_parser parser;
            struct nats_verb verb;
            size_t consumed;
            init_default(&parser);
            assert_int_equal(nats_parse(&parser, bytes_of(input, size + 11), &verb, &consumed),
                             NATS_VERB);
            assert_int_equal(consumed, size + 11);
            assert_int_equal(verb.subject.size, size);
            assert_ptr_equal(verb.subject.ptr, input + 4);
            assert_int_equal(verb.payload.size, 1);
        }
    }
}

/*
 * Goal:    each error has nats-server's words, or none where it closes silently.
 * Method:  all values of the enum.
 */
static void test_parse_error_texts(void **state)
{
    (void)state;
    assert_string_equal(nats_error_text(NATS_ERROR_UNKNOWN_OPERATION),
                        "Unknown Protocol Operation");
    assert_string_equal(nats_error_text(NATS_ERROR_CONTROL_LINE), "maximum control line exceeded");
    assert_string_equal(nats_error_text(NATS_ERROR_PAYLOAD), "Maximum Payload Violation");
    assert_string_equal(nats_error_text(NATS_ERROR_AUTHORIZATION), "Authorization Violation");
    assert_null(nats_error_text(NATS_ERROR_NONE));
    assert_null(nats_error_text(NATS_ERROR_ARGUMENTS));
    assert_null(nats_error_text(NATS_ERROR_PEER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_verbs),
        cmocka_unit_test(test_parse_errors),
        cmocka_unit_test(test_parse_headers_off),
        cmocka_unit_test(test_parse_connect_required),
        cmocka_unit_test(test_parse_control_line_limit),
        cmocka_unit_test(test_parse_payload_limit),
        cmocka_unit_test(test_parse_junk_is_not_held),
        cmocka_unit_test(test_parse_needed),
        cmocka_unit_test(test_parse_line_once),
        cmocka_unit_test(test_parse_subject_bytes),
        cmocka_unit_test(test_parse_error_texts),
    };
    return cmocka_run_group_tests_name("nats_parse", tests, NULL, NULL);
}
