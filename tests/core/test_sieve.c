/* test_sieve.c - the sieve lets through all that a finder finds, and little else. */
#include "core/sieve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ALL = (1 << FINDER_KINDS) - 1, TEXTS = 400 * 1000, SIZE_MOST = 200 };

static uint64_t seed = 20261130;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* What finders find, by asking them. */
static uint32_t held_by(struct bytes text)
{
    uint32_t kinds = 0;
    for (uint32_t kind = 0; kind < FINDER_KINDS; kind++) {
        struct found found;
        kinds |= (uint32_t)finder_next((enum finder_kind)kind, text, 0, &found) << kind;
    }
    return kinds;
}

/* In memory that ends where the text does, so that a read past it is seen. */
static uint32_t sieve(const void *text, size_t size, uint32_t kinds)
{
    uint8_t *exact = malloc(MAX_OF(size, (size_t)1));
    if (size > 0) {
        memcpy(exact, text, size);
    }
    uint32_t found = sieve_kinds(bytes_of(exact, size), kinds);
    free(exact);
    return found;
}

/* ---- all that is there ------------------------------------------------------------------------ */

static const char *const makings[] = {
    "0123456789 -", "4111 1111-", "12.",       "1.1.1.1 ",  "1:af",      "::1.f:",        "+14155",
    "(415) 55-.67", "a@b.c1-_",   "Bear er=1", "\\u0041n4", "\\n4111 1", "x\xC3\xA4@.1:+"};

/* Pieces that are found, cut and put together, and runs of the bytes they are made of. */
static size_t random_text(uint8_t *to)
{
    static const char *const pieces[] = {"a@b.cc",
                                         "4111111111111111",
                                         "4111 1111 1111 1111",
                                         "378282246310005",
                                         "10.0.0.1",
                                         "::1",
                                         "2001:db8::8a2e:370",
                                         "1:2:3:4:5:6:7:8",
                                         "bearer ",
                                         "BEARER a1b2c3d4e",
                                         "+14155552671",
                                         "(415) 555-2671",
                                         "\\u0041",
                                         "\\n",
                                         "1:2:3:4:5:6:1.2.3.4",
                                         "415.555.2671"};
    size_t size = 0;
    while (size < SIZE_MOST && draw(8) != 0) {
        bool is_piece = draw(3) == 0;
        const char *from =
            is_piece ? pieces[draw(COUNT_OF(pieces))] : makings[draw(COUNT_OF(makings))];
        uint32_t length = (uint32_t)strlen(from);
        uint32_t count = is_piece ? length - draw(2) * draw(length) : draw(40);
        for (uint32_t i = 0; i < count && size < SIZE_MOST; i++) {
            to[size++] = (uint8_t)from[is_piece ? i : draw(length)];
        }
    }
    return size;
}

/*
 * Goal:    no kind that a finder finds is kept back.
 * Method:  random texts made of what kinds are made of; finders are asked themselves. Each kind has
 *          to be found often, and as the only one, or this would show nothing.
 */
static void test_all_that_is_there(void **state)
{
    (void)state;
    uint64_t found[FINDER_KINDS] = {0};
    uint64_t alone[FINDER_KINDS] = {0};
    uint8_t text[SIZE_MOST];
    for (int i = 0; i < TEXTS; i++) {
        size_t size = random_text(text);
        uint32_t held = held_by(bytes_of(text, size));
        uint32_t passed = sieve(text, size, ALL);
        if ((held & ~passed) != 0) {
            fail_msg("%s is kept back: %.*s",
                     finder_name((enum finder_kind)__builtin_ctz(held & ~passed)), (int)size, text);
        }
        for (uint32_t kind = 0; kind < FINDER_KINDS; kind++) {
            found[kind] += held >> kind & 1;
            alone[kind] += held == 1u << kind;
        }
    }
    for (uint32_t kind = 0; kind < FINDER_KINDS; kind++) {
        assert_true(found[kind] > TEXTS / 200);
        assert_true(alone[kind] > TEXTS / 1000);
    }
}

struct example {
    enum finder_kind kind;
    const char *text;
};

static const struct example examples[] = {
    {FINDER_EMAIL, "a@b.cc"},
    {FINDER_BEARER, "bEaReR a1b2c3d4"},
    {FINDER_CARD, "4222222222222"},
    {FINDER_CARD, "2223003122003222"},
    {FINDER_CARD, "6011 111111 11117"},
    {FINDER_CARD, "\\u00204222222222222"},
    {FINDER_IPV6, "::1"},
    {FINDER_IPV6, "1111:2222:3333:4444:5555:6666:7777:8888"},
    {FINDER_IPV4, "255.255.255.255"},
    {FINDER_IPV4, "1.2.3.4"},
    {FINDER_PHONE, "+14155552671"},
    {FINDER_PHONE, "(415) 555-2671"},
    {FINDER_PHONE, "415.555.2671"},
};

/*
 * Goal:    where in a text something stands makes no difference, nor what it ends with.
 * Method:  each example at every place of a text without anything else, and at its very end.
 */
static void test_everywhere(void **state)
{
    (void)state;
    char text[2048];
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        size_t size = strlen(examples[i].text);
        uint32_t kind = 1u << examples[i].kind;
        for (size_t before = 0; before < 160; before++) {
            for (size_t behind = 0; behind < 80; behind += 1 + behind / 3) {
                memset(text, ' ', sizeof(text));
                memcpy(text + before, examples[i].text, size);
                if ((sieve(text, before + size + behind, ALL) & kind) == 0) {
                    fail_msg("%s behind %zu and before %zu", examples[i].text, before, behind);
                }
            }
        }
        memset(text, 'x', sizeof(text));
        text[sizeof(text) - size - 1] = ' ';
        memcpy(text + sizeof(text) - size, examples[i].text, size);
        assert_int_equal(sieve(text, sizeof(text), ALL) & kind, kind);
    }
}

/* ---- and little else -------------------------------------------------------------------------- */

/*
 * Goal:    what only begins like something is kept back, or nothing would be won.
 * Method:  texts as they are sent, and the kinds the sieve may think they hold.
 */
static void test_little_else(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t kinds;
    } texts[] = {
        {"", 0},
        {"1", 0},
        {"the best number: 42, and forty-two more. Remember me, bear with me", 0},
        {"2026-11-29 19:43:00.123 INFO request 8812345 took 12.7 ms, 200 OK", 0},
        {"{\"id\":1001,\"price\":12.50,\"at\":1732963200123,\"tags\":[\"a\",\"bb\"],\"ok\":true}",
         0},
        {"id=00000000000000000000 crc=99999999999999999999;4111-111", 1u << FINDER_CARD},
        {"0000000000000000000000000000000000000;1111111111111;9999-999", 0},
        {"x43333333333333333", 1u << FINDER_CARD},
        {"04333333333333333", 0},
        {"144444444444444444444444444444444444444444444444444444444444444444444444", 0},
        {"1+1 = 2, C++, +x, + 4", 1u << FINDER_PHONE},
        {"C++, +x, + 4", 0},
        {"4155552671 415 555 267", 0},
        {"555-2671", 1u << FINDER_PHONE},
        {"1.2.3; and 1.2 .3.4. 1.2222.3.4", 0},
        {"1.2.3.4444", 1u << FINDER_IPV4},
        {"12:34 a:12345:1:2 std:", 0},
        {"12:34:56:78", 1u << FINDER_IPV6},
        {"std::string", 1u << FINDER_IPV6},
        {"@", 1u << FINDER_EMAIL},
        {"bearer", 1u << FINDER_BEARER},
        {"bear witness, beaxex, baarer", 0},
    };
    int wrong = 0;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        uint32_t kinds = sieve(texts[i].text, strlen(texts[i].text), ALL);
        if (kinds != texts[i].kinds) {
            print_error("%s: %x, not %x\n", texts[i].text, kinds, texts[i].kinds);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/*
 * Goal:    only kinds that are asked for are named, also by a look that ends early.
 * Method:  a text that holds all, short and long, asked for every set of kinds.
 */
static void test_only_what_is_asked_for(void **state)
{
    (void)state;
    static const char piece[] = "a@b.cc Bearer a1b2c3d4 4222222222222 ::1 1.2.3.4 +14155552671 ";
    enum { LONG = 64 * 1024 };
    char *text = malloc(LONG);
    for (size_t i = 0; i < LONG; i++) {
        text[i] = piece[i % (sizeof(piece) - 1)];
    }
    for (uint32_t kinds = 0; kinds <= ALL; kinds++) {
        assert_int_equal(sieve(text, sizeof(piece) - 1, kinds), kinds);
        assert_int_equal(sieve(text, LONG, kinds), kinds);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_is_there),
        cmocka_unit_test(test_everywhere),
        cmocka_unit_test(test_little_else),
        cmocka_unit_test(test_only_what_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
