/* test_header.c - blocks of headers: which can be read, and what their lines say. */
#include "core/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *block;
    bool is_valid;
} blocks[] = {
    {"NATS/1.0\r\n\r\n", true},
    {"NATS/1.0\r\nA: b\r\n\r\n", true},
    {"NATS/1.0\r\nA:\r\nA:b\r\na : c\r\n\r\n", false},
    {"NATS/1.0\r\nA:\r\nA:b\r\n\r\n", true},
    {"NATS/1.0 503\r\n\r\n", true},
    {"NATS/1.0 100 Idle Heartbeat\r\nX:y\r\n\r\n", true},
    {"", false},
    {"NATS/1.0\r\n", false},
    {"NATS/1.0\n\n", false},
    {"NATS/1.0\r\nA: b\r\n", false},
    {"NATS/1.0\r\nA: b\r\n\r\nx", false},
    {"NATS/1.0\r\nA: b\r\n\r\n\r\n", false},
    {"NATS/1.0\r\nA: b\n\r\n", false},
    {"NATS/1.0\r\nno colon\r\n\r\n", false},
    {"NATS/1.0\r\n: no name\r\n\r\n", false},
    {"NATS/1.0\r\nA B: c\r\n\r\n", false},
    {"NATS/1.0\r\n folded: x\r\n\r\n", false},
    {"NATS/2.0\r\n\r\n", false},
    {"nats/1.0\r\n\r\n", false},
    {"\r\n\r\n", false},
    {"NATS/1.0\r\nA: b\r\r\n\r\n", true},
};

/*
 * Goal:    a block is read if each of its lines can be, and nothing is read beyond its end.
 * Method:  a table; then every valid block cut at every byte: none of the pieces is valid.
 */
static void test_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        size_t size = strlen(blocks[i].block);
        for (size_t cut = blocks[i].is_valid ? 0 : size; cut <= size; cut++) {
            uint8_t *exact = malloc(MAX_OF(cut, (size_t)1));
            memcpy(exact, blocks[i].block, cut);
            bool is_valid = header_valid(bytes_of(exact, cut));
            free(exact);
            if (is_valid != (blocks[i].is_valid && cut == size)) {
                fail_msg("%s, %zu bytes of it: %d", blocks[i].block, cut, is_valid);
            }
        }
    }
}

/*
 * Goal:    lines come in order, values without the blanks around them, names whatever their case.
 */
static void test_lines(void **state)
{
    (void)state;
    struct bytes block =
        bytes_text("NATS/1.0 503 x\r\nKind:  a b\t\r\nKIND:\r\nOther: x:y\r\n\r\n");
    static const char *const values[] = {"a b", "", "x:y"};
    assert_true(bytes_equal(header_first(block), bytes_text("NATS/1.0 503 x\r\n")));
    size_t at = 0;
    struct header_line line = {0};
    for (size_t count = 0; count < COUNT_OF(values); count++) {
        assert_true(header_next(block, &at, &line));
        assert_true(bytes_equal(line.value, bytes_text(values[count])));
        assert_int_equal(header_named(&line, bytes_text("kinD")), count < 2);
        assert_false(header_named(&line, bytes_text("Kin")));
        assert_false(header_named(&line, bytes_text("Kinds")));
        assert_true(line.whole.ptr[line.whole.size - 1] == '\n');
    }
    assert_false(header_next(block, &at, &line));
    /* A letter and what only looks like one with a bit more. */
    block = bytes_text("NATS/1.0\r\n@[: x\r\n\r\n");
    at = 0;
    assert_true(header_next(block, &at, &line));
    assert_false(header_named(&line, bytes_text("`{")));
}

/*
 * Goal:    any bytes end.
 * Method:  lines of a block that is no block, read as one.
 */
static void test_broken_blocks(void **state)
{
    (void)state;
    static const char *const broken[] = {"",  "\r",     "\n",           "\r\n",
                                         "x", "x\r\ny", "\r\n\r\n\r\n", "a\r\nb\r\nc\n\r\n"};
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        size_t at = 0;
        size_t count = 0;
        struct header_line line = {0};
        while (header_next(bytes_text(broken[i]), &at, &line)) {
            count++;
            assert_true(count < 10 && at <= strlen(broken[i]));
        }
    }
}

static void test_names_and_values(void **state)
{
    (void)state;
    static const char *const names[] = {"A", "Nats-Msg-Id", "x_y.z!", "~"};
    static const char *const no_names[] = {"", "a b", "a:b", "a\tb", "\x7F", "\xC3\xA4"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_true(header_name_valid(bytes_text(names[i])));
    }
    for (size_t i = 0; i < COUNT_OF(no_names); i++) {
        assert_false(header_name_valid(bytes_text(no_names[i])));
    }
    assert_true(header_value_valid(bytes_text("")));
    assert_true(header_value_valid(bytes_text("a: b \xC3\xA4\t")));
    assert_false(header_value_valid(bytes_text("a\rb")));
    assert_false(header_value_valid(bytes_text("a\nb")));
    assert_false(header_value_valid(bytes_of("a\0b", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_broken_blocks),
        cmocka_unit_test(test_names_and_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
