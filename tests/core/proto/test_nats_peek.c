/* Tests of core/proto/nats_peek: what it sees is what nats_parse will say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/proto/nats_parse.h"
#include "core/proto/nats_peek.h"

/* As nats_parse sees it; size 0: no publish. */
static struct nats_peek parsed(struct bytes in)
{
    struct nats_parser parser;
    struct nats_verb verb;
    size_t consumed;
    nats_parser_init(&parser, 4096, 1048576);
    enum nats_result result = nats_parse(&parser, in, &verb, &consumed);
    if (result != NATS_VERB || (verb.kind != NATS_PUB && verb.kind != NATS_HPUB)) {
        return (struct nats_peek){.size = 0};
    }
    return (struct nats_peek){.subject = verb.subject, .size = consumed};
}

static void test_usual_publishes_are_seen(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "PUB a.b 5\r\nhello\r\n",
        "PUB orders.new _INBOX.1.2 0\r\n\r\nPING\r\n",
        "PUB a\tb 11\r\nhello world\r\nPUB a 1\r\nx\r\n",
        "PUB a 0003\r\nabc\r\n",
        "PUB a  2\r\nab\r\n",
        "HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
        "HPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct bytes in = bytes_text(lines[i]);
        struct nats_peek peek;
        struct nats_peek expected = parsed(in);
        assert_true(expected.size > 0);
        assert_true(nats_peek(in, &peek));
        assert_int_equal(peek.size, expected.size);
        assert_true(bytes_equal(peek.subject, expected.subject));
    }
}

/* All of its line is there and nothing of its payload. */
static void test_the_payload_need_not_be_there(void **state)
{
    (void)state;
    struct nats_peek peek;
    assert_true(nats_peek(bytes_text("PUB a.b 5000\r\n"), &peek));
    assert_int_equal(peek.size, 14 + 5000 + 2);
    assert_true(bytes_equal(peek.subject, bytes_text("a.b")));
}

static void test_anything_else_is_not_guessed_at(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "P",
        "PUB ",
        "PUB a 5",
        "PUB a 5\n",
        "PUB 5\r\n",
        "PUB \r\n",
        "PUB \n",
        "PUB a\r\n",
        "PUB a x\r\n",
        "PUB a 5 \r\n",
        "PUB a 5x\r\n",
        "PUB a -5\r\n",
        "PUB a 1234567890\r\n",
        "PUB a 99999999999999999999999999\r\n",
        "HPUB 12\r\n",
        "pub a 1\r\nx\r\n",
        "PUB\ta 1\r\nx\r\n",
        "SUB a 1\r\n",
        "PING\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct nats_peek peek;
        if (nats_peek(bytes_text(lines[i]), &peek)) {
            fail_msg("seen: %s", lines[i]);
        }
    }
}

/* A line that does not end is given up early, whatever follows. */
static void test_long_lines_are_not_searched(void **state)
{
    (void)state;
    char text[1024];
    memset(text, 'a', sizeof text);
    memcpy(text, "PUB ", 4);
    memcpy(text + sizeof text - 4, " 1\r\n", 4);
    struct nats_peek peek;
    assert_false(nats_peek(bytes_of(text, sizeof text), &peek));
    memcpy(text + 200, " 1\r\n", 4);
    assert_true(nats_peek(bytes_of(text, sizeof text), &peek));
    assert_int_equal(peek.subject.size, 196);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_publishes_are_seen),
        cmocka_unit_test(test_the_payload_need_not_be_there),
        cmocka_unit_test(test_anything_else_is_not_guessed_at),
        cmocka_unit_test(test_long_lines_are_not_searched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
