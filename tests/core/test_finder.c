/* test_finder.c - what is found in a text, what is not, and where it ends. */
#include "core/finder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Brackets stand around what must be found; a text without them holds nothing. */
struct corpus {
    enum finder_kind kind;
    const char *text;
};

static const struct corpus corpora[] = {
    {FINDER_EMAIL, "<a@b.cc>"},
    {FINDER_EMAIL, "write to <john.doe+tag@example.co.uk>, please"},
    {FINDER_EMAIL, "\"<user@example.com>\""},
    {FINDER_EMAIL, "mailto:<user_name%x@sub-domain.example.museum>?subject=x"},
    {FINDER_EMAIL, "<a@b.cc>;<d@e.ff> <g@h.ii>."},
    {FINDER_EMAIL, "<j\xC3\xBCrgen@b\xC3\xBC"
                   "cher.example>"},
    {FINDER_EMAIL, "end of sentence <me@example.org>. Next"},
    {FINDER_EMAIL, "<me@example.org>-"},
    {FINDER_EMAIL, "{\"x\":\"line\\n<me@example.org>\\n\"}"},
    {FINDER_EMAIL, "{\"x\":\"\\u0020<me@example.org>\"}"},
    {FINDER_EMAIL, "{\"x\":\"a\\\\<nme@example.org>\"}"},
    {FINDER_EMAIL, "<first@second.com>@third.com"},
    {FINDER_EMAIL, "<x@y.com>.1"},
    {FINDER_EMAIL, "nobody@localhost"},
    {FINDER_EMAIL, "a @ b.com, @handle, user@, @example.com"},
    {FINDER_EMAIL, "cost 5@3.50 each"},
    {FINDER_EMAIL, "a@b.c"},
    {FINDER_EMAIL, "a@.com"},
    {FINDER_EMAIL, "no at sign.example.com"},

    {FINDER_BEARER, "Authorization: Bearer <eyJhbGciOiJIUzI1NiJ9.e30.abc-_~+/x==>"},
    {FINDER_BEARER, "{\"authorization\":\"bearer <0123456789abcdef>\"}"},
    {FINDER_BEARER, "BEARER <abcdefghijklmnopqrstuvwxyz>"},
    {FINDER_BEARER, "bearer  \t<a1b2c3d4>;"},
    {FINDER_BEARER, "\\nBearer <a1b2c3d4>"},
    {FINDER_BEARER, "Bearer: <a1b2c3d4>"},
    {FINDER_BEARER, "the bearer of this letter"},
    {FINDER_BEARER, "bearer authentication is used"},
    {FINDER_BEARER, "forbearer a1b2c3d4e5"},
    {FINDER_BEARER, "Bearer"},
    {FINDER_BEARER, "Bearer a1b2"},
    {FINDER_BEARER, "Bearera1b2c3d4e5f6"},

    {FINDER_CARD, "<4111111111111111>"},
    {FINDER_CARD, "visa <4111 1111 1111 1111>, exp"},
    {FINDER_CARD, "<4111-1111-1111-1111>"},
    {FINDER_CARD, "amex <3782 822463 10005> or <378282246310005>"},
    {FINDER_CARD, "<5555555555554444>;<2223003122003222>"},
    {FINDER_CARD, "<6011111111111117>/<30569309025904>"},
    {FINDER_CARD, "<4222222222222>"},
    {FINDER_CARD, "\"<4111111111111111>\""},
    {FINDER_CARD, "{\"n\":<4111111111111111>}"},
    {FINDER_CARD, "{\"n\":\"x\\n<4111111111111111>\\n\"}"},
    {FINDER_CARD, "{\"n\":\"x\\u0020<4111111111111111>\"}"},
    {FINDER_CARD, "{\"n\":\"x\\u00e9<4111111111111111>\"}"},
    {FINDER_CARD, "1234 <4111 1111 1111 1111>"},
    {FINDER_CARD, "<4111 1111 1111 1111> 123"},
    {FINDER_CARD, "ends <4111111111111111>."},
    {FINDER_CARD, "4111111111111112"},
    {FINDER_CARD, "1111111111111117 is no prefix of a card"},
    {FINDER_CARD, "411111111111"},
    {FINDER_CARD, "41111111111111114111111111111111"},
    {FINDER_CARD, "0.4111111111111111"},
    {FINDER_CARD, "4111111111111111.5"},
    {FINDER_CARD, "x4111111111111111"},
    {FINDER_CARD, "4111111111111111x"},
    {FINDER_CARD, "4111,1111,1111,1111"},
    {FINDER_CARD, "4111  1111  1111  1111"},
    {FINDER_CARD, "1700000000000 1700000000001"},

    {FINDER_IPV4, "<10.0.0.1>"},
    {FINDER_IPV4, "from <192.168.1.254>:8080 to <255.255.255.255>"},
    {FINDER_IPV4, "[<8.8.8.8>]/<1.2.3.4>/24"},
    {FINDER_IPV4, "ends at <10.0.0.1>."},
    {FINDER_IPV4, "\"\\t<10.0.0.1>\\n\""},
    {FINDER_IPV4, "::ffff:<10.0.0.1>"},
    {FINDER_IPV4, "256.1.1.1"},
    {FINDER_IPV4, "1.2.3"},
    {FINDER_IPV4, "1.2.3.4.5"},
    {FINDER_IPV4, "v1.2.3.4"},
    {FINDER_IPV4, "1.2.3.4beta"},
    {FINDER_IPV4, "1234.1.1.1"},
    {FINDER_IPV4, "1..2.3.4"},
    {FINDER_IPV4, "3.14159"},

    {FINDER_IPV6, "<::1>"},
    {FINDER_IPV6, "<2001:db8::8a2e:370:7334>"},
    {FINDER_IPV6, "[<2001:0db8:85a3:0000:0000:8a2e:0370:7334>]:443"},
    {FINDER_IPV6, "<fe80::1>%eth0"},
    {FINDER_IPV6, "<::ffff:192.168.1.1>"},
    {FINDER_IPV6, "addr:<2001:db8::1>"},
    {FINDER_IPV6, "{\"ip\":\"<2001:db8::1>\"}"},
    {FINDER_IPV6, "{\"ip\":\"\\n<2001:db8::1>\"}"},
    {FINDER_IPV6, "<2001:db8::>, ends"},
    {FINDER_IPV6, "ends <2001:db8::1>."},
    {FINDER_IPV6, "<1:2:3:4:5:6:7:8>"},
    {FINDER_IPV6, "<64:ff9b::1.2.3.4>"},
    {FINDER_IPV6, "<1:2:3:4:5:6:1.2.3.4>"},
    {FINDER_IPV6, "<1:2:3:4:5::1.2.3.4>"},
    {FINDER_IPV6, "<1:2:3:4:5:6::1>.2.3.4"},
    {FINDER_IPV6, "12:30:45"},
    {FINDER_IPV6, "00:1a:2b:3c:4d:5e"},
    {FINDER_IPV6, "std::vector"},
    {FINDER_IPV6, "x :: Int"},
    {FINDER_IPV6, "{\"a\":1,\"b\":{\"c\":2}}"},
    {FINDER_IPV6, "12345::1x"},
    {FINDER_IPV6, "1:2:3:4:5:6:7"},
    {FINDER_IPV6, "http://example.com:80"},

    {FINDER_PHONE, "<+14155552671>"},
    {FINDER_PHONE, "call <+1 415 555 2671> now"},
    {FINDER_PHONE, "<+49 (30) 901820>, <+44 20 7946 0958>"},
    {FINDER_PHONE, "<(415) 555-2671>"},
    {FINDER_PHONE, "<(415)555-2671>"},
    {FINDER_PHONE, "<415-555-2671>; <415.555.2671>; <415 555 2671>"},
    {FINDER_PHONE, "<1-415-555-2671>"},
    {FINDER_PHONE, "<1 (415) 555-2671>"},
    {FINDER_PHONE, "\"tel:<+14155552671>\""},
    {FINDER_PHONE, "\"\\n<415-555-2671>\""},
    {FINDER_PHONE, "ends <+14155552671>."},
    {FINDER_PHONE, "<+14155552671 2026>-11-29 12:00"},
    {FINDER_PHONE, "+1 234 1234567890123456"},
    {FINDER_PHONE, "+1234567"},
    {FINDER_PHONE, "+1234567890123456"},
    {FINDER_PHONE, "1e+12345678"},
    {FINDER_PHONE, "115-555-2671"},
    {FINDER_PHONE, "415-155-2671"},
    {FINDER_PHONE, "415-555-26711"},
    {FINDER_PHONE, "9415-555-2671"},
    {FINDER_PHONE, "4155552671"},
    {FINDER_PHONE, "2026-11-29"},
    {FINDER_PHONE, "415-555-2671-1"},
};

/* The text with brackets around what is found. */
static void mark(enum finder_kind kind, struct bytes text, char *to)
{
    struct found found = {0, 0};
    size_t at = 0;
    while (finder_next(kind, text, found.to, &found)) {
        assert_true(found.from >= at && found.from < found.to && found.to <= text.size);
        to += sprintf(to, "%.*s<%.*s>", (int)(found.from - at), text.ptr + at,
                      (int)(found.to - found.from), text.ptr + found.from);
        at = found.to;
    }
    sprintf(to, "%.*s", (int)(text.size - at), text.ptr + at);
}

/*
 * Goal:    each kind finds what it should, from the first byte to the last, and passes over what
 *          only looks like it.
 * Method:  a corpus of positives and near misses; each alone, so that a read past its end is seen.
 */
static void test_corpus(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < COUNT_OF(corpora); i++) {
        size_t size = 0;
        uint8_t *text = malloc(strlen(corpora[i].text) + 1);
        for (const char *from = corpora[i].text; *from != 0; from++) {
            if (*from != '<' && *from != '>') {
                text[size++] = (uint8_t)*from;
            }
        }
        char marked[300];
        uint8_t *exact = malloc(MAX_OF(size, (size_t)1));
        memcpy(exact, text, size);
        mark(corpora[i].kind, bytes_of(exact, size), marked);
        if (strcmp(marked, corpora[i].text) != 0) {
            print_error("%s: expected %s\n     got %s\n", finder_name(corpora[i].kind),
                        corpora[i].text, marked);
            wrong++;
        }
        free(text);
        free(exact);
    }
    assert_int_equal(wrong, 0);
}

/*
 * Goal:    time grows with the text, whatever it is made of.
 * Method:  a mebibyte of each text that invites to look far or often; the test's own time limit is
 *          the judge, and what is found stays in bounds.
 */
static void test_hostile(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "@",        "a@",         "@a.",  "a.b@c.", ":",       "1:",   "::",  "1:1",
        "a:",       "1",          "1 ",   "4111 ",  "1.",      "1.1.", "+",   "+1 ",
        "(",        "(4",         "415-", "b",      "bearer ", "\\",   "\\u", "\\u00",
        "\\\\@a.b", "4111-1111-", "\xFF", "fe80::", "\\n1"};
    size_t size = 1024 * 1024;
    uint8_t *text = malloc(size);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        size_t piece = strlen(pieces[i]);
        for (size_t at = 0; at < size; at++) {
            text[at] = (uint8_t)pieces[i][at % piece];
        }
        for (int kind = 0; kind < FINDER_KINDS; kind++) {
            struct found found = {0, 0};
            size_t at = 0;
            while (finder_next((enum finder_kind)kind, bytes_of(text, size), found.to, &found)) {
                assert_true(found.from >= at && found.from < found.to && found.to <= size);
                at = found.to;
            }
        }
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
