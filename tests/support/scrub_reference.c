/* scrub_reference.c - one byte after the other, every start with every end. */
#include "tests/support/scrub_reference.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the reference: UTF-8, JSON -------------------------------------------------------------- */

bool reference_is_utf8(const uint8_t *t, size_t size)
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

bool reference_is_json(const uint8_t *text, size_t size)
{
    char copy[4 * REFERENCE_SIZE_MOST + 1] = {0};
    memcpy(copy, text, size);
    struct reader r = {.at = copy, .end = copy + size};
    if (memchr(copy, 0, size) != NULL || !reference_is_utf8(text, size) || !value(&r)) {
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
    char copy[REFERENCE_SIZE_MOST + 1] = {0};
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
    int all[REFERENCE_SIZE_MOST];
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

/* As the C library reads addresses; a dotted end becomes two groups, since it allows no zeros in front
 * there. */
static bool is_ipv6(const uint8_t *t, size_t from, size_t to)
{
    char copy[REFERENCE_SIZE_MOST + 8] = {0};
    size_t size = to - from;
    bool has_digit = false;
    for (size_t i = 0; i < size; i++) {
        has_digit = has_digit || isxdigit(t[from + i]);
        if (!isxdigit(t[from + i]) && t[from + i] != ':' && t[from + i] != '.') {
            return false;
        }
    }
    memcpy(copy, t + from, size);
    if (memchr(copy, '.', size) != NULL) {
        char *colon = strrchr(copy, ':');
        if (colon == NULL || !is_ipv4(t, from + (size_t)(colon + 1 - copy), to)) {
            return false;
        }
        memcpy(colon + 1, "1:1", 4);
    }
    struct in6_addr address;
    return has_digit && inet_pton(AF_INET6, copy, &address) == 1;
}

static bool find_ipv6(const uint8_t *t, size_t size, size_t from, struct found *found)
{
    for (size_t start = from; start < size; start++) {
        if ((start > 0 && glues(t, size, start - 1)) || (!isxdigit(t[start]) && t[start] != ':')) {
            continue;
        }
        for (size_t end = size; end > start + 2; end--) {
            bool is_dotted = memchr(t + start, '.', end - start) != NULL;
            bool ends_open = t[end - 1] == ':' && end < size && t[end] == ':';
            bool goes_on = is_dotted && end + 1 < size && t[end] == '.' && isdigit(t[end + 1]);
            if (!glues(t, size, end) && !ends_open && !goes_on && is_ipv6(t, start, end)) {
                *found = (struct found){start, end};
                return true;
            }
        }
    }
    return false;
}

static bool find_bearer(const uint8_t *t, size_t size, size_t from, struct found *found)
{
    for (size_t word = from; word + 7 <= size; word++) {
        if (strncasecmp((const char *)t + word, "bearer", 6) != 0 ||
            (word > 0 && glues(t, size, word - 1))) {
            continue;
        }
        size_t start = word + 6;
        start += strspn((const char *)t + start, " \t:");
        size_t token =
            strspn((const char *)t + start,
                   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");
        size_t others = 0;
        for (size_t i = start; i < start + token; i++) {
            others += !isalpha(t[i]);
        }
        if (start > word + 6 && (token >= 20 || (token >= 8 && others > 0))) {
            size_t end = start + token;
            *found = (struct found){start, end + strspn((const char *)t + end, "=")};
            return true;
        }
    }
    return false;
}

/* One character of a shape: D 2 to 9, d any digit, b what stands between. */
static bool fits(const char *shape, const uint8_t *t, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool is_fine = shape[i] == 'D'   ? t[i] >= '2' && t[i] <= '9'
                       : shape[i] == 'd' ? isdigit(t[i]) != 0
                       : shape[i] == 'b' ? t[i] == ' ' || t[i] == '-' || t[i] == '.'
                                         : t[i] == (uint8_t)shape[i];
        if (!is_fine) {
            return false;
        }
    }
    return true;
}

static bool is_national(const uint8_t *t, size_t from, size_t to)
{
    static const char *const shapes[] = {"DddbDddbdddd",   "(Ddd)bDddbdddd",   "(Ddd)Dddbdddd",
                                         "1bDddbDddbdddd", "1b(Ddd)bDddbdddd", "1b(Ddd)Dddbdddd"};
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        if (strlen(shapes[i]) == to - from && fits(shapes[i], t + from, to - from)) {
            return true;
        }
    }
    return false;
}

static bool is_international(const uint8_t *t, size_t from, size_t to)
{
    size_t count = 0;
    size_t between = 0;
    if (to - from < 9 || t[from] != '+' || t[from + 1] < '1' || t[from + 1] > '9' ||
        !isdigit(t[to - 1])) {
        return false;
    }
    for (size_t i = from + 1; i < to; i++) {
        between = isdigit(t[i]) ? 0 : between + 1;
        count += isdigit(t[i]) != 0;
        if (between > 3 || (between > 0 && strchr(" -.()/", t[i]) == NULL)) {
            return false;
        }
    }
    return count >= 8 && count <= 15;
}

static bool find_phone(const uint8_t *t, size_t size, size_t from, struct found *found)
{
    for (size_t start = from; start < size; start++) {
        if ((start > 0 && glues(t, size, start - 1)) ||
            (t[start] != '+' && t[start] != '(' && !isdigit(t[start]))) {
            continue;
        }
        bool dials =
            start < 2 || !(t[start - 1] == '.' || t[start - 1] == '-') || !isdigit(t[start - 2]);
        for (size_t end = size; end > start; end--) {
            bool breaks = !glues(t, size, end);
            bool goes_on =
                end < size && (t[end] == '.' || t[end] == '-') && is_digit_at(t, size, end + 1);
            if (breaks && (is_international(t, start, end) ||
                           (dials && !goes_on && is_national(t, start, end)))) {
                *found = (struct found){start, end};
                return true;
            }
        }
    }
    return false;
}

bool reference_find(enum finder_kind kind, const uint8_t *t, size_t size, size_t from,
                    struct found *found)
{
    switch (kind) {
    case FINDER_EMAIL:
        return find_email(t, size, from, found);
    case FINDER_BEARER:
        return find_bearer(t, size, from, found);
    case FINDER_CARD:
        return find_alone(is_card, t, size, from, found);
    case FINDER_IPV6:
        return find_ipv6(t, size, from, found);
    case FINDER_PHONE:
        return find_phone(t, size, from, found);
    default:
        return find_alone(is_ipv4, t, size, from, found);
    }
}
