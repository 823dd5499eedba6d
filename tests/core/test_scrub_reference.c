/*
 * test_scrub_reference.c - the fast path against a slow one that is simple, on random payloads.
 *
 * The reference (tests/support/scrub_reference.h) shares no code with core; fields are edited by cJSON.
 */
#include "tests/support/scrub_reference.h"
#include "tests/support/scrub_text.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PAYLOADS = 1000 * 1000 };

static uint64_t seed = 20261129;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* ---- payloads -------------------------------------------------------------------------------- */

static const char *const words[] = {"a@b.cc",
                                    "@",
                                    "x.yy",
                                    "4111111111111111",
                                    "4111 1111",
                                    " 1111 1111",
                                    "378282246310005",
                                    "10.0.0.1",
                                    "255.",
                                    "256.1",
                                    "1.2.3.4",
                                    "::1",
                                    "2001:db8::",
                                    "fe80:",
                                    "Bearer ",
                                    "a1b2c3d4e5",
                                    "+1415",
                                    "5552671",
                                    "(415) ",
                                    "555-2671",
                                    "415-",
                                    "-",
                                    ".",
                                    " ",
                                    "\x1b[31m",
                                    "\x1b]0;t\x07",
                                    "\x07",
                                    "\xC3\xA4",
                                    "\xC3",
                                    "\xED\xA0\x80",
                                    "\xF0\x9F\x98\x80",
                                    "\xC2\x9B",
                                    "\t",
                                    "\n",
                                    "{",
                                    "}",
                                    "[",
                                    "]",
                                    ":",
                                    ",",
                                    "\"",
                                    "\"a\"",
                                    "\"b\":",
                                    "\"\\u0061\":",
                                    "1",
                                    "0",
                                    "-1.5e3",
                                    "true",
                                    "null",
                                    "\\",
                                    "\\n",
                                    "\\u001b",
                                    "\\ud83d\\ude00",
                                    "\\u00",
                                    "_",
                                    "x"};

static size_t random_text(uint8_t *to)
{
    size_t size = 0;
    uint32_t pieces = draw(14);
    for (uint32_t i = 0; i < pieces; i++) {
        const char *word = words[draw(COUNT_OF(words))];
        size_t length = strlen(word);
        if (size + length > REFERENCE_SIZE_MOST) {
            break;
        }
        memcpy(to + size, word, length);
        size += length;
    }
    if (size > 0 && draw(4) == 0) {
        to[draw((uint32_t)size)] = (uint8_t)draw(256);
    }
    return size;
}

static size_t random_json(uint8_t *to, size_t room, int depth)
{
    static const char *const scalars[] = {"1",
                                          "-2.50",
                                          "true",
                                          "null",
                                          "\"\"",
                                          "\"a@b.cc\"",
                                          "4111111111111111",
                                          "\"10.0.0.1 \\n\"",
                                          "-4111111111111111.5",
                                          "\"\\n4111111111111111\"",
                                          "\"\xC3\xA4 \\u0041\"",
                                          "1e400",
                                          "\"Bearer a1b2c3d4e5\\\"\"",
                                          "\"\\\\x@y.zz\"",
                                          "\"\\u0020+14155552671\""};
    static const char *const keys[] = {
        "\"a\":", "\"b\" : ", "\"\\u0061\":", "\"c\":", "\"x@y.zz\":"};
    uint32_t kind = depth > 3 || room < 24 ? 0 : draw(3);
    if (kind == 0) {
        const char *word = scalars[draw(COUNT_OF(scalars))];
        word = strlen(word) > room ? "1" : word;
        memcpy(to, word, strlen(word));
        return strlen(word);
    }
    size_t size = 0;
    to[size++] = kind == 1 ? '[' : '{';
    uint32_t items = draw(4);
    for (uint32_t i = 0; i < items && room - size > 40; i++) {
        if (i > 0) {
            to[size++] = ',';
        }
        if (kind == 2) {
            const char *key = keys[draw(COUNT_OF(keys))];
            memcpy(to + size, key, strlen(key));
            size += strlen(key);
        }
        size += random_json(to + size, (room - size) / 2, depth + 1);
        if (draw(3) == 0) {
            to[size++] = ' ';
        }
    }
    to[size++] = kind == 1 ? ']' : '}';
    return size;
}

/* ---- tests ----------------------------------------------------------------------------------- */

/*
 * Goal:    finders find what trying every start and every end finds.
 * Method:  random texts without backslashes (the reference knows no escapes).
 */
static void test_finders(void **state)
{
    (void)state;
    uint8_t text[REFERENCE_SIZE_MOST + 1];
    uint64_t found_count[FINDER_KINDS] = {0};
    for (int i = 0; i < PAYLOADS; i++) {
        size_t size = random_text(text);
        text[size] = 0;
        if (memchr(text, '\\', size) != NULL || memchr(text, 0, size) != NULL) {
            continue;
        }
        for (int k = 0; k < FINDER_KINDS; k++) {
            enum finder_kind kind = (enum finder_kind)k;
            struct found fast = {0, 0};
            struct found slow = {0, 0};
            for (bool more = true; more;) {
                more = finder_next(kind, bytes_of(text, size), fast.to, &fast);
                bool also = reference_find(kind, text, size, slow.to, &slow);
                if (more != also || (more && (fast.from != slow.from || fast.to != slow.to))) {
                    fail_msg("%s in %.*s: %zu..%zu, reference %zu..%zu", finder_name(kind),
                             (int)size, text, fast.from, fast.to, slow.from, slow.to);
                }
                found_count[k] += more;
            }
        }
    }
    for (int k = 0; k < FINDER_KINDS; k++) {
        assert_true(found_count[k] > PAYLOADS / 1000);
    }
}

static struct scrub *scrub_of(const char *text)
{
    struct scrub_rules *rules = scrub_text_rules(text);
    struct scrub *scrub = scrub_new(rules, NULL, 1);
    scrub_rules_unref(rules);
    return scrub;
}

static enum scrub_verdict apply(struct scrub *scrub, struct bytes body, struct scrub_out *out)
{
    struct scrub_in in = {
        .subject = bytes_text("s"), .body = body, .limit = 4 * REFERENCE_SIZE_MOST};
    enum scrub_verdict verdict = scrub_apply(scrub, &in, out);
    if (verdict == SCRUB_PASS) {
        out->body = body;
    }
    return verdict;
}

/*
 * Goal:    UTF-8 and JSON get the reference's verdict.
 * Method:  random texts and random JSON, some of it damaged.
 */
static void test_verdicts(void **state)
{
    (void)state;
    struct scrub *utf8 = scrub_of("{subject: s, utf8: refuse}");
    struct scrub *json = scrub_of("{subject: s, json: true}");
    uint8_t text[4 * REFERENCE_SIZE_MOST];
    uint64_t valid = 0;
    for (int i = 0; i < PAYLOADS; i++) {
        size_t size = i % 2 == 0 ? random_text(text) : random_json(text, REFERENCE_SIZE_MOST, 0);
        if (i % 6 == 1) {
            text[draw((uint32_t)size)] = (uint8_t)words[draw(COUNT_OF(words))][0];
        }
        struct scrub_out out;
        struct bytes body = bytes_of(text, size);
        bool is_text = apply(utf8, body, &out) == SCRUB_PASS;
        bool is_value = apply(json, body, &out) == SCRUB_PASS;
        if (is_text != reference_is_utf8(text, size) || is_value != reference_is_json(text, size)) {
            fail_msg("%.*s: UTF-8 %d, JSON %d", (int)size, text, is_text, is_value);
        }
        valid += is_value;
    }
    assert_true(valid > PAYLOADS / 4 && valid < PAYLOADS);
    scrub_free(utf8);
    scrub_free(json);
}

/* $..a and $.b.c go, by cJSON. */
static void drop_slowly(cJSON *node, int depth, bool below_b)
{
    for (cJSON *child = node->child, *next; child != NULL; child = next) {
        next = child->next;
        bool is_member = cJSON_IsObject(node);
        bool is_a = is_member && strcmp(child->string, "a") == 0;
        bool is_bc = is_member && depth == 1 && below_b && strcmp(child->string, "c") == 0;
        if (is_a || is_bc) {
            cJSON_Delete(cJSON_DetachItemViaPointer(node, child));
            continue;
        }
        drop_slowly(child, depth + 1, depth == 0 && is_member && strcmp(child->string, "b") == 0);
    }
}

/*
 * Goal:    dropped fields are those that cJSON drops, and the rest stays what it was.
 * Method:  random JSON; both results printed by cJSON.
 */
static void test_fields(void **state)
{
    (void)state;
    struct scrub *scrub = scrub_of("{subject: s, json { drop: ['$..a', '$.b.c'] }}");
    uint8_t text[4 * REFERENCE_SIZE_MOST + 1];
    uint64_t changed = 0;
    for (int i = 0; i < PAYLOADS; i++) {
        size_t size = random_json(text, REFERENCE_SIZE_MOST, 0);
        struct scrub_out out;
        changed += apply(scrub, bytes_of(text, size), &out) == SCRUB_REPLACE;
        cJSON *slow = cJSON_ParseWithLength((const char *)text, size);
        cJSON *fast = cJSON_ParseWithLength((const char *)out.body.ptr, out.body.size);
        assert_non_null(slow);
        assert_non_null(fast);
        drop_slowly(slow, 0, false);
        char *expected = cJSON_PrintUnformatted(slow);
        char *got = cJSON_PrintUnformatted(fast);
        if (strcmp(expected, got) != 0) {
            fail_msg("%.*s: %s, reference %s", (int)size, text, got, expected);
        }
        cJSON_free(expected);
        cJSON_free(got);
        cJSON_Delete(slow);
        cJSON_Delete(fast);
    }
    assert_true(changed > PAYLOADS / 10);
    scrub_free(scrub);
}

static void check_properties(struct scrub *scrub, const uint8_t *text, size_t size, bool masks)
{
    uint8_t once[4 * REFERENCE_SIZE_MOST];
    struct scrub_out out;
    if (apply(scrub, bytes_of(text, size), &out) == SCRUB_REFUSE) {
        assert_int_equal(out.outcome.reason, SCRUB_REASON_UNSETTLED);
        return;
    }
    size_t left = out.body.size;
    if (left > 0) {
        memcpy(once, out.body.ptr, left);
    }
    struct bytes cleaned = bytes_of(once, left);
    if (reference_is_utf8(text, size) && !reference_is_utf8(once, left)) {
        fail_msg("no UTF-8 any more: %.*s became %.*s", (int)size, text, (int)left, once);
    }
    if (reference_is_json(text, size) && !reference_is_json(once, left)) {
        fail_msg("no JSON any more: %.*s became %.*s", (int)size, text, (int)left, once);
    }
    for (int kind = 0; masks && kind < FINDER_KINDS; kind++) {
        struct found found;
        if (finder_next((enum finder_kind)kind, cleaned, 0, &found)) {
            fail_msg("%s left: %.*s became %.*s", finder_name((enum finder_kind)kind), (int)size,
                     text, (int)left, once);
        }
    }
    if (apply(scrub, cleaned, &out) != SCRUB_PASS) {
        fail_msg("twice is not once: %.*s, %.*s", (int)size, text, (int)left, once);
    }
}

/*
 * Goal:    what is masked holds no match; valid UTF-8 and valid JSON stay valid; cleaning twice is
 *          cleaning once.
 * Method:  random texts and JSON through each cleaning step and through all of them.
 */
static void test_properties(void **state)
{
    (void)state;
    struct scrub *scrubs[] = {
        scrub_of("{subject: s, mask: all}"),
        scrub_of("{subject: s, control: strip}"),
        scrub_of("{subject: s, utf8: replace, control: strip, trim: true, mask: all}"),
    };
    struct scrub *json =
        scrub_of("{subject: s, json { minify: true, mask: '$..b', drop: '$..a' }}");
    uint8_t text[4 * REFERENCE_SIZE_MOST];
    for (int i = 0; i < PAYLOADS; i++) {
        size_t size = i % 2 == 0 ? random_text(text) : random_json(text, REFERENCE_SIZE_MOST, 0);
        size_t which = (size_t)i / 2 % COUNT_OF(scrubs);
        check_properties(scrubs[which], text, size, which != 1);
        if (i % 2 == 1) {
            check_properties(json, text, size, false);
        }
    }
    for (size_t i = 0; i < COUNT_OF(scrubs); i++) {
        scrub_free(scrubs[i]);
    }
    scrub_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finders),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
