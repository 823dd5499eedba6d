/*
 * test_scrub_reference.c - the fast path against a slow one that is simple, on random payloads.
 *
 * The reference shares no code with core: it looks at one byte after the other, tries every start
 * and every end, and lets cJSON edit fields. A million payloads in builds without sanitizers, 40,000
 * with them.
 */
#include "core/json_path.h"
#include "core/utf8.h"
#include "tests/support/scrub_text.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#ifdef RINGHUB_SLOW_ASSERTS
enum { PAYLOADS = 40 * 1000 };
#else
enum { PAYLOADS = 1000 * 1000 };
#endif

enum { SIZE_MOST = 96 };

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
        if (size + length > SIZE_MOST) {
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

/* ---- the reference: UTF-8, JSON -------------------------------------------------------------- */

static bool is_utf8(const uint8_t *t, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t more = t[i] < 0x80       ? 0
                      : t[i] >> 5 == 6  ? 1
                      : t[i] >> 4 == 14 ? 2
                      : t[i] >> 3 == 30 ? 3
                                        : 9;
        if (more > 3 || i + more >= size) {
            return false;
        }
        uint32_t code = more == 0 ? t[i] : t[i] & (0x3Fu >> more);
        for (size_t k = 1; k <= more; k++) {
            if (t[i + k] >> 6 != 2) {
                return false;
            }
            code = code << 6 | (t[i + k] & 0x3F);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
            return false;
        }
        i += more + 1;
    }
    return true;
}

struct reader {
    const char *at; /* ended by a NUL that is no part of the text */
    const char *end;
    int depth;
};

static void blanks(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r') {
        r->at++;
    }
}

static bool digits(struct reader *r)
{
    const char *start = r->at;
    while (isdigit((unsigned char)*r->at)) {
        r->at++;
    }
    return r->at > start;
}

static bool number(struct reader *r)
{
    r->at += *r->at == '-';
    if (*r->at == '0') {
        r->at++;
    } else if (!digits(r)) {
        return false;
    }
    if (*r->at == '.') {
        r->at++;
        if (!digits(r)) {
            return false;
        }
    }
    if (*r->at == 'e' || *r->at == 'E') {
        r->at++;
        r->at += *r->at == '+' || *r->at == '-';
        return digits(r);
    }
    return true;
}

static bool unit(struct reader *r, unsigned *value)
{
    char hex[5] = {0};
    if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u') {
        return false;
    }
    memcpy(hex, r->at + 2, 4);
    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)hex[i])) {
            return false;
        }
    }
    *value = (unsigned)strtoul(hex, NULL, 16);
    r->at += 6;
    return true;
}

static bool string(struct reader *r)
{
    if (*r->at++ != '"') {
        return false;
    }
    while (r->at < r->end && *r->at != '"') {
        unsigned high;
        unsigned low;
        if ((unsigned char)*r->at < 0x20) {
            return false;
        }
        if (*r->at != '\\') {
            r->at++;
        } else if (r->at[1] != 'u') {
            if (r->at[1] == 0 || strchr("\"\\/bfnrt", r->at[1]) == NULL) {
                return false;
            }
            r->at += 2;
        } else if (!unit(r, &high) || (high >= 0xDC00 && high < 0xE000) ||
                   (high >= 0xD800 && high < 0xDC00 &&
                    (!unit(r, &low) || low < 0xDC00 || low >= 0xE000))) {
            return false;
        }
    }
    return r->at < r->end && *r->at++ == '"';
}

static bool value(struct reader *r)
{
    blanks(r);
    char open = *r->at;
    if (open == '"') {
        return string(r);
    }
    if (strncmp(r->at, "true", 4) == 0 || strncmp(r->at, "null", 4) == 0) {
        r->at += 4;
        return true;
    }
    if (strncmp(r->at, "false", 5) == 0) {
        r->at += 5;
        return true;
    }
    if (open != '[' && open != '{') {
        return number(r);
    }
    char close = open == '[' ? ']' : '}';
    r->at++;
    blanks(r);
    if (*r->at == close) {
        r->at++;
        return true;
    }
    for (;;) {
        blanks(r);
        if (open == '{') {
            if (!string(r)) {
                return false;
            }
            blanks(r);
            if (*r->at++ != ':') {
                return false;
            }
        }
        if (!value(r)) {
            return false;
        }
        blanks(r);
        char next = *r->at++;
        if (next != ',') {
            return next == close;
        }
    }
}

static bool is_json(const uint8_t *text, size_t size)
{
    char copy[4 * SIZE_MOST + 1] = {0};
    memcpy(copy, text, size);
    struct reader r = {.at = copy, .end = copy + size};
    if (memchr(copy, 0, size) != NULL || !is_utf8(text, size) || !value(&r)) {
        return false;
    }
    blanks(&r);
    return r.at == r.end;
}

/* ---- the reference: what is found ------------------------------------------------------------ */

static bool glues(const uint8_t *t, size_t size, size_t at)
{
    return at < size && (isalnum(t[at]) || t[at] == '_');
}

static bool is_digit_at(const uint8_t *t, size_t size, size_t at)
{
    return at < size && isdigit(t[at]);
}

static bool stands_alone(const uint8_t *t, size_t size, size_t from, size_t to)
{
    bool before = from > 0 && (glues(t, size, from - 1) ||
                               (t[from - 1] == '.' && from > 1 && isdigit(t[from - 2])));
    bool behind = glues(t, size, to) || (to < size && t[to] == '.' && is_digit_at(t, size, to + 1));
    return !before && !behind;
}

static bool is_ipv4(const uint8_t *t, size_t from, size_t to)
{
    char copy[SIZE_MOST + 1] = {0};
    unsigned n[4];
    int end = 0;
    memcpy(copy, t + from, to - from);
    for (size_t i = 0; i < to - from; i++) {
        if (!isdigit((unsigned char)copy[i]) && copy[i] != '.') {
            return false;
        }
    }
    if (sscanf(copy, "%3u.%3u.%3u.%3u%n", &n[0], &n[1], &n[2], &n[3], &end) != 4) {
        return false;
    }
    return (size_t)end == to - from && n[0] < 256 && n[1] < 256 && n[2] < 256 && n[3] < 256;
}

static bool is_card(const uint8_t *t, size_t from, size_t to)
{
    int all[SIZE_MOST];
    int count = 0;
    int groups = 0;
    int group = 0;
    int first = 0;
    for (size_t i = from; i <= to; i++) {
        bool ends = i == to || t[i] == ' ' || t[i] == '-';
        if (!ends && !isdigit(t[i])) {
            return false;
        }
        if (!ends) {
            all[count++] = t[i] - '0';
            group++;
            continue;
        }
        if (groups > 0 && (group < 3 || group > 6)) {
            return false;
        }
        first = groups == 0 ? group : first;
        groups++;
        group = 0;
    }
    if (count < 13 || count > 19 || (groups > 1 && first != 4)) {
        return false;
    }
    int sum = 0;
    for (int i = 0; i < count; i++) {
        int digit = all[count - 1 - i] * (i % 2 == 1 ? 2 : 1);
        sum += digit / 10 + digit % 10;
    }
    int prefix = all[0] * 1000 + all[1] * 100 + all[2] * 10 + all[3];
    return sum % 10 == 0 &&
           ((prefix >= 3000 && prefix < 7000) || (prefix >= 2221 && prefix <= 2720));
}

/* Leftmost, then longest: every start with every end. */
static bool find_alone(bool (*is)(const uint8_t *, size_t, size_t), const uint8_t *t, size_t size,
                       size_t from, struct found *found)
{
    for (size_t start = from; start < size; start++) {
        for (size_t end = size; end > start; end--) {
            if (stands_alone(t, size, start, end) && is(t, start, end)) {
                *found = (struct found){start, end};
                return true;
            }
        }
    }
    return false;
}

static bool is_domain(const uint8_t *t, size_t from, size_t to)
{
    size_t label = to;
    while (label > from && t[label - 1] != '.') {
        label--;
    }
    for (size_t i = from; i < to; i++) {
        if (!isalnum(t[i]) && t[i] != '-' && t[i] != '.' && t[i] < 0x80) {
            return false;
        }
    }
    return label >= from + 2 && to - label >= 2 && (isalpha(t[label]) || t[label] >= 0x80) &&
           (isalnum(t[to - 1]) || t[to - 1] >= 0x80);
}

static bool find_email(const uint8_t *t, size_t size, size_t from, struct found *found)
{
    for (size_t at = from; at < size; at++) {
        size_t start = at;
        while (t[at] == '@' && start > from &&
               (isalnum(t[start - 1]) || t[start - 1] >= 0x80 ||
                (t[start - 1] != 0 && strchr("._%+-", t[start - 1]) != NULL))) {
            start--;
        }
        for (size_t end = size; start < at && end > at; end--) {
            if (is_domain(t, at + 1, end)) {
                *found = (struct found){start, end};
                return true;
            }
        }
    }
    return false;
}

static bool find_slowly(enum finder_kind kind, const uint8_t *t, size_t size, size_t from,
                        struct found *found)
{
    switch (kind) {
    case FINDER_EMAIL:
        return find_email(t, size, from, found);
    case FINDER_CARD:
        return find_alone(is_card, t, size, from, found);
    default:
        return find_alone(is_ipv4, t, size, from, found);
    }
}

/* ---- tests ----------------------------------------------------------------------------------- */

/*
 * Goal:    finders find what trying every start and every end finds.
 * Method:  random texts without backslashes (the reference knows no escapes).
 */
static void test_finders(void **state)
{
    (void)state;
    static const enum finder_kind kinds[] = {FINDER_EMAIL, FINDER_CARD, FINDER_IPV4};
    uint8_t text[SIZE_MOST + 1];
    uint64_t found_count = 0;
    for (int i = 0; i < PAYLOADS / 4; i++) {
        size_t size = random_text(text);
        if (memchr(text, '\\', size) != NULL || memchr(text, 0, size) != NULL) {
            continue;
        }
        for (size_t k = 0; k < COUNT_OF(kinds); k++) {
            struct found fast = {0, 0};
            struct found slow = {0, 0};
            for (bool more = true; more;) {
                more = finder_next(kinds[k], bytes_of(text, size), fast.to, &fast);
                bool also = find_slowly(kinds[k], text, size, slow.to, &slow);
                if (more != also || (more && (fast.from != slow.from || fast.to != slow.to))) {
                    fail_msg("%s in %.*s: %zu..%zu, reference %zu..%zu", finder_name(kinds[k]),
                             (int)size, text, fast.from, fast.to, slow.from, slow.to);
                }
                found_count += more;
            }
        }
    }
    assert_true(found_count > PAYLOADS / 100);
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
    struct scrub_in in = {.subject = bytes_text("s"), .body = body, .limit = 4 * SIZE_MOST};
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
    uint8_t text[4 * SIZE_MOST];
    uint64_t valid = 0;
    for (int i = 0; i < PAYLOADS; i++) {
        size_t size = i % 2 == 0 ? random_text(text) : random_json(text, SIZE_MOST, 0);
        if (i % 6 == 1) {
            text[draw((uint32_t)size)] = (uint8_t)words[draw(COUNT_OF(words))][0];
        }
        struct scrub_out out;
        struct bytes body = bytes_of(text, size);
        bool is_text = apply(utf8, body, &out) == SCRUB_PASS;
        bool is_value = apply(json, body, &out) == SCRUB_PASS;
        if (is_text != is_utf8(text, size) || is_value != is_json(text, size)) {
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
    uint8_t text[4 * SIZE_MOST + 1];
    uint64_t changed = 0;
    for (int i = 0; i < PAYLOADS / 4; i++) {
        size_t size = random_json(text, SIZE_MOST, 0);
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
    assert_true(changed > PAYLOADS / 40);
    scrub_free(scrub);
}

static void check_properties(struct scrub *scrub, const uint8_t *text, size_t size, bool masks)
{
    uint8_t once[4 * SIZE_MOST];
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
    if (is_utf8(text, size) && !is_utf8(once, left)) {
        fail_msg("no UTF-8 any more: %.*s became %.*s", (int)size, text, (int)left, once);
    }
    if (is_json(text, size) && !is_json(once, left)) {
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
    uint8_t text[4 * SIZE_MOST];
    for (int i = 0; i < PAYLOADS / 4; i++) {
        size_t size = i % 2 == 0 ? random_text(text) : random_json(text, SIZE_MOST, 0);
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
